// One task a host, replaced by stopping first, within the limit, over all small fleets.

#include "core/daemon_plan.h"

#include "base/assert.h"
#include "base/rng.h"
#include "base/test.h"

enum { HOSTS_MAX = 8, TASKS_MAX = 32, ROUNDS_MAX = 100 };

// A service with its tasks in a kind world: what starts runs, what runs is healthy one round later,
// what is stopped goes.
struct small {
    struct daemon_service service;
    struct daemon_task tasks[TASKS_MAX];
    struct arena arena;
    int most_missing; // hosts without a healthy task at the worst moment
};

static void open_small(struct small *w, size_t hosts, int min_percent)
{
    *w = (struct small){.service = {.hosts_n = hosts,
                                    .lower = ((int64_t)hosts * min_percent + 99) / 100,
                                    .start_max = INT64_MAX}};
    w->service.tasks = w->tasks;
}

static void add(struct small *w, struct daemon_task task)
{
    ASSERT(w->service.tasks_n < TASKS_MAX);
    w->tasks[w->service.tasks_n++] = task;
}

static void add_healthy_everywhere(struct small *w, bool is_new)
{
    for (uint32_t host = 0; host < w->service.hosts_n; host++)
        add(w, (struct daemon_task){
                   .phase = REPLICA_RUNNING, .healthy = true, .is_new = is_new, .host = host});
}

static int64_t healthy_of(const struct small *w)
{
    int64_t n = 0;

    for (size_t i = 0; i < w->service.tasks_n; i++)
        n += w->tasks[i].healthy && !w->tasks[i].misplaced;
    return n;
}

static void check_one_a_host(const struct small *w)
{
    bool taken[HOSTS_MAX] = {false};

    for (size_t i = 0; i < w->service.tasks_n; i++) {
        if (w->tasks[i].misplaced)
            continue;
        assert_false(taken[w->tasks[i].host]);
        taken[w->tasks[i].host] = true;
    }
}

static bool obey(struct small *w)
{
    struct daemon_plan plan = daemon_plan(&w->service, &w->arena);
    int64_t before = healthy_of(w);

    for (size_t i = 0; i < plan.stops_n; i++) {
        struct daemon_task *task = &w->tasks[plan.stops[i].task];

        assert_int_not_equal(task->phase, REPLICA_STOPPING);
        task->phase = REPLICA_STOPPING;
        task->healthy = false;
        task->unhealthy = false;
    }
    assert_true(healthy_of(w) >= (before < w->service.lower ? before : w->service.lower));
    for (size_t i = 0; i < plan.starts_n; i++)
        add(w, (struct daemon_task){
                   .phase = REPLICA_STARTING, .is_new = true, .host = plan.starts[i]});
    assert_true((int64_t)plan.starts_n <= w->service.start_max);
    check_one_a_host(w);
    arena_reset(&w->arena);
    return plan.starts_n > 0 || plan.stops_n > 0;
}

static bool pass_time(struct small *w)
{
    bool moved = false;

    for (size_t i = w->service.tasks_n; i-- > 0;) {
        struct daemon_task *task = &w->tasks[i];

        if (task->phase == REPLICA_STOPPING)
            *task = w->tasks[--w->service.tasks_n];
        else if (task->phase == REPLICA_STARTING)
            task->phase = REPLICA_RUNNING;
        else if (!task->healthy && !task->unhealthy)
            task->healthy = true;
        else
            continue;
        moved = true;
    }
    return moved;
}

static struct daemon_plan settle(struct small *w)
{
    int rounds = 0;

    while (obey(w) | pass_time(w)) {
        int missing = (int)((int64_t)w->service.hosts_n - healthy_of(w));

        w->most_missing = missing > w->most_missing ? missing : w->most_missing;
        assert_true(++rounds < ROUNDS_MAX);
    }
    return daemon_plan(&w->service, &w->arena);
}

static void close_small(struct small *w)
{
    arena_deinit(&w->arena);
}

static void test_every_host_gets_one(void **state)
{
    struct small w;

    (void)state;
    open_small(&w, 3, 0);
    assert_true(settle(&w).is_steady);
    assert_int_equal(w.service.tasks_n, 3);
    w.service.hosts_n = 4; // one more machine
    assert_true(settle(&w).is_steady);
    assert_int_equal(w.service.tasks_n, 4);
    close_small(&w);
}

static void test_a_rollout_stops_first_and_keeps_the_limit(void **state)
{
    struct small w;

    (void)state;
    open_small(&w, 4, 50);
    add_healthy_everywhere(&w, false);
    assert_true(settle(&w).is_steady);
    assert_int_equal(w.most_missing, 2);
    close_small(&w);
    open_small(&w, 4, 0);
    add_healthy_everywhere(&w, false);
    assert_true(settle(&w).is_steady);
    assert_int_equal(w.most_missing, 4);
    close_small(&w);
}

static void test_a_limit_of_all_hosts_is_stuck(void **state)
{
    struct small w;

    (void)state;
    open_small(&w, 3, 100);
    add_healthy_everywhere(&w, false);
    assert_true(settle(&w).is_stuck);
    close_small(&w);
}

static void test_a_drained_host_loses_its_task_for_good(void **state)
{
    struct small w;
    struct daemon_plan plan;

    (void)state;
    open_small(&w, 1, 100); // DR6
    add_healthy_everywhere(&w, true);
    add(&w, (struct daemon_task){.phase = REPLICA_RUNNING,
                                 .healthy = true,
                                 .is_new = true,
                                 .misplaced = true,
                                 .draining = true,
                                 .waits = true});
    assert_int_equal(daemon_plan(&w.service, &w.arena).stops_n, 0);
    w.tasks[1].waits = false; // what stood on it is gone
    plan = daemon_plan(&w.service, &w.arena);
    assert_int_equal(plan.stops_n, 1);
    assert_int_equal(plan.stops[0].why, DAEMON_STOP_DRAINED);
    assert_true(settle(&w).is_steady);
    assert_int_equal(w.service.tasks_n, 1);
    close_small(&w);
}

static void test_a_host_that_violates_the_constraints_loses_its_task(void **state)
{
    struct small w;
    struct daemon_plan plan;

    (void)state;
    open_small(&w, 0, 100);
    add(&w, (struct daemon_task){
                .phase = REPLICA_RUNNING, .healthy = true, .is_new = true, .misplaced = true});
    plan = daemon_plan(&w.service, &w.arena);
    assert_int_equal(plan.stops_n, 1);
    assert_int_equal(plan.stops[0].why, DAEMON_STOP_VIOLATES);
    close_small(&w);
}

static void test_a_failed_deployment_starts_and_replaces_nothing(void **state)
{
    struct small w;

    (void)state;
    open_small(&w, 3, 0);
    add_healthy_everywhere(&w, false);
    w.service.hosts_n = 4;
    w.service.is_failed = true;
    assert_false(obey(&w));
    close_small(&w);
}

// What a host may have, in every combination on three hosts.
static const struct daemon_task kinds[] = {
    {.phase = REPLICA_STARTING},
    {.phase = REPLICA_STARTING, .is_new = true},
    {.phase = REPLICA_RUNNING},
    {.phase = REPLICA_RUNNING, .is_new = true},
    {.phase = REPLICA_RUNNING, .healthy = true},
    {.phase = REPLICA_RUNNING, .healthy = true, .is_new = true},
    {.phase = REPLICA_RUNNING, .unhealthy = true},
    {.phase = REPLICA_RUNNING, .unhealthy = true, .is_new = true},
    {.phase = REPLICA_STOPPING},
    {.phase = REPLICA_RUNNING, .healthy = true, .misplaced = true},
};
enum { KINDS_N = sizeof kinds / sizeof *kinds, NOTHING = KINDS_N };

static void settle_fleet(int code, int min_percent)
{
    struct small w;
    struct daemon_plan plan;

    open_small(&w, 3, min_percent);
    for (uint32_t host = 0; host < 3; host++, code /= KINDS_N + 1) {
        struct daemon_task task;

        if (code % (KINDS_N + 1) == NOTHING)
            continue;
        task = kinds[code % (KINDS_N + 1)];
        task.host = host;
        add(&w, task);
    }
    plan = settle(&w);
    assert_int_equal(plan.is_steady + plan.is_stuck, 1);
    if (plan.is_stuck)
        assert_true(w.service.lower == 3);
    close_small(&w);
}

static void test_every_small_fleet_comes_to_rest(void **state)
{
    (void)state;
    for (int code = 0; code < (KINDS_N + 1) * (KINDS_N + 1) * (KINDS_N + 1); code++) {
        settle_fleet(code, 0);
        settle_fleet(code, 34);
        settle_fleet(code, 67);
        settle_fleet(code, 100);
    }
}

static void disturb(struct small *w, struct rng *rng)
{
    struct daemon_task *task;

    if (w->service.tasks_n == 0)
        return;
    task = &w->tasks[rng_below(rng, w->service.tasks_n)];
    switch (rng_below(rng, 5)) {
    case 0: *task = w->tasks[--w->service.tasks_n]; return;
    case 1:
        if (task->phase == REPLICA_RUNNING) {
            task->healthy = false;
            task->unhealthy = true;
        }
        return;
    case 2: // a new deployment
        for (size_t i = 0; i < w->service.tasks_n; i++)
            w->tasks[i].is_new = false;
        return;
    case 3: w->service.start_max = (int64_t)rng_below(rng, 3); return;
    default: pass_time(w); return;
    }
}

static void test_the_limits_hold_whatever_happens(void **state)
{
    static const int percents[] = {0, 25, 50, 67, 75, 100};

    (void)state;
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        struct small w;
        struct rng rng;

        rng_init(&rng, seed);
        open_small(&w, rng_below(&rng, HOSTS_MAX), percents[rng_below(&rng, 6)]);
        for (int round = 0; round < 60; round++) {
            obey(&w);
            disturb(&w, &rng);
        }
        close_small(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_host_gets_one),
        cmocka_unit_test(test_a_rollout_stops_first_and_keeps_the_limit),
        cmocka_unit_test(test_a_limit_of_all_hosts_is_stuck),
        cmocka_unit_test(test_a_drained_host_loses_its_task_for_good),
        cmocka_unit_test(test_a_host_that_violates_the_constraints_loses_its_task),
        cmocka_unit_test(test_a_failed_deployment_starts_and_replaces_nothing),
        cmocka_unit_test(test_every_small_fleet_comes_to_rest),
        cmocka_unit_test(test_the_limits_hold_whatever_happens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
