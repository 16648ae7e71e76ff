#include "tests/sim/plan.h"
#include "tests/sim/sim.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(int argc, char **argv)
{
    uint64_t from = strtoull(argv[1], NULL, 10), to = strtoull(argv[2], NULL, 10);
    setenv("HOME", "/nonexistent", 1);
    for (uint64_t s = from; s <= to; s++) {
        struct plan plan;
        struct sim_report r;
        plan_init(&plan, s);
        fprintf(stderr, "seed %llu\n", (unsigned long long)s);
        sim_run(&plan, argc > 3 ? stdout : NULL, &r);
        printf("seed %llu: %llu events %llu commits %llu calls %llu tasks %llu starts %.1f s "
               "digest %llx\n",
               (unsigned long long)s, (unsigned long long)r.events, (unsigned long long)r.commits,
               (unsigned long long)r.calls, (unsigned long long)r.tasks,
               (unsigned long long)r.starts, (double)r.virtual_ms / 1000,
               (unsigned long long)r.digest);
        plan_deinit(&plan);
    }
    return 0;
}
