// bench-fill: a data folder with a cluster of the asked size, made through the real operations and
// the real store, for measuring how a server starts and what it needs in memory.
//
//     bench-fill DATA/server.db --instances 1000 --tasks 100000
//
// Printed is one line of JSON with what it took, and what the state takes in this process's memory.

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/buf.h"
#include "bench/flags.h"
#include "bench/scene.h"
#include "io/clock.h"
#include "io/file.h"

// Resident memory of this process.
static int64_t resident_kib(void)
{
    BUF_AUTO struct buf text = BUF_INIT;
    struct str rest;
    struct str line;
    int64_t kib = 0;
    int rc = file_read("/proc/self/status", 1 << 16, &text);

    ASSERT(rc == 0);
    rest = buf_str(&text);
    while (str_cut(rest, '\n', &line, &rest)) {
        if (str_starts(line, STR("VmRSS:")) && str_ends(line, STR(" kB")))
            str_to_i64(str_trim(str_span(line.ptr + 6, line.len - 9)), &kib);
    }
    return kib;
}

int main(int argc, char **argv)
{
    int64_t instances = 100;
    int64_t tasks = 1000;
    const struct flag flags[] = {
        {.name = "--instances", .number = &instances, .help = "(100)"},
        {.name = "--tasks", .number = &tasks, .help = "RUNNING ones (1000)"},
        {0},
    };
    struct scene_size size;
    struct scene scene;
    int64_t before_kib;
    int64_t started_us;

    if (flags_parse(argc, argv, flags, "STORE_FILE|- [FLAGS]") != 2)
        flags_fail(flags, "STORE_FILE|- [FLAGS]", argv[0]);
    size = (struct scene_size){.instances_n = (size_t)instances, .tasks_n = (size_t)tasks};
    scene_init(&scene, strcmp(argv[1], "-") == 0 ? NULL : argv[1], 0);
    before_kib = resident_kib();
    started_us = clock_monotonic_us();
    scene_grow(&scene, &size);
    printf("{\"instances\":%" PRId64 ",\"tasks\":%" PRId64
           ",\"seconds\":%.2f,\"memory_mib\":%.1f}\n",
           instances, tasks, (double)(clock_monotonic_us() - started_us) / 1e6,
           (double)(resident_kib() - before_kib) / 1024);
    scene_deinit(&scene);
    return 0;
}
