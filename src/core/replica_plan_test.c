// The limits at every instant, over all small services; the documented sequences; and that every
// service comes to rest where the limits let it.

#include "core/replica_plan.h"

#include "base/assert.h"
#include "base/buf.h"
#include "base/rng.h"
#include "base/test.h"

enum { TASKS_MAX = 64, ROUNDS_MAX = 200 };

// A service with its tasks, and a world that is kind: what starts runs, what runs is healthy one
// round later, what is stopped goes.
struct small {
    struct replica_service service;
    struct replica_task tasks[TASKS_MAX];
    struct arena arena;
    struct buf trace; // "+2 -1 " a round: started, stopped
};

static void open_small(struct small *w, int64_t desired, int64_t min_percent, int64_t max_percent)
{
    *w = (struct small){
        .service = {.desired = desired,
                    .lower = (desired * min_percent + 99) / 100,
                    .upper = desired * max_percent / 100,
                    .start_max = INT64_MAX,
                    .repair_max = INT64_MAX,
                    .deployments_n = 1},
        .trace = BUF_INIT,
    };
    w->service.tasks = w->tasks;
}

static void close_small(struct small *w)
{
    buf_deinit(&w->trace);
    arena_deinit(&w->arena);
}

static void add(struct small *w, int64_t n, struct replica_task task)
{
    ASSERT(w->service.tasks_n + (size_t)n <= TASKS_MAX);
    for (int64_t i = 0; i < n; i++)
        w->tasks[w->service.tasks_n++] = task;
}

#define HEALTHY(...) ((struct replica_task){.phase = REPLICA_RUNNING, .healthy = true, __VA_ARGS__})

static void remove_task(struct small *w, size_t i)
{
    w->tasks[i] = w->tasks[--w->service.tasks_n];
}

// The next deployment: what there was becomes older, and is what is repaired.
static void deploy(struct small *w)
{
    for (size_t i = 0; i < w->service.tasks_n; i++)
        w->tasks[i].deployment++;
    w->service.deployments_n++;
    w->service.repaired = 1;
}

static int64_t healthy_of(const struct small *w)
{
    int64_t n = 0;

    for (size_t i = 0; i < w->service.tasks_n; i++)
        n += w->tasks[i].healthy;
    return n;
}

// Scale-in takes tasks in order that are not protected, the unstarted first.
static int64_t take_excess(struct small *w, bool healthy, int64_t n)
{
    int64_t taken = 0;

    for (size_t i = 0; i < w->service.tasks_n && taken < n; i++) {
        struct replica_task *task = &w->tasks[i];

        if (task->deployment != 0 || task->draining || task->unhealthy || task->is_protected ||
            task->phase == REPLICA_STOPPING || task->healthy != healthy)
            continue;
        *task = (struct replica_task){.phase = REPLICA_STOPPING};
        taken++;
    }
    return taken;
}

// Asks, checks the limits, and does as told. False: nothing was to be done.
static bool obey(struct small *w)
{
    struct replica_plan plan = replica_plan(&w->service, &w->arena);
    int64_t before = healthy_of(w);
    int64_t all = (int64_t)w->service.tasks_n;
    int64_t starts = plan.start_n + plan.repair_n;
    int64_t stops = (int64_t)plan.stops_n;

    assert_true(starts == 0 || all + starts <= w->service.upper);
    assert_true(plan.start_n <= w->service.start_max);
    assert_true(plan.repair_n <= w->service.repair_max);
    for (size_t i = 0; i < plan.stops_n; i++) {
        struct replica_task *task = &w->tasks[plan.stops[i].task];

        assert_int_not_equal(task->phase, REPLICA_STOPPING);
        assert_true(!task->is_protected || task->unhealthy);
        *task = (struct replica_task){.phase = REPLICA_STOPPING, .deployment = task->deployment};
    }
    if (plan.excess_n > 0) {
        int64_t taken = take_excess(w, false, plan.excess_n);
        int64_t more = plan.excess_n - taken;
        stops += taken;
        more = more < plan.excess_healthy_max ? more : plan.excess_healthy_max;
        stops += take_excess(w, true, more);
    }
    assert_true(healthy_of(w) >= (before < w->service.lower ? before : w->service.lower));
    add(w, plan.start_n, (struct replica_task){.phase = REPLICA_STARTING});
    add(w, plan.repair_n,
        (struct replica_task){.phase = REPLICA_STARTING, .deployment = w->service.repaired});
    if (starts > 0)
        buf_printf(&w->trace, "+%d ", (int)starts);
    if (stops > 0)
        buf_printf(&w->trace, "-%d ", (int)stops);
    arena_reset(&w->arena);
    return starts > 0 || stops > 0;
}

// Everything under way gets one stage further. False: nothing was.
static bool pass_time(struct small *w)
{
    bool moved = false;

    for (size_t i = w->service.tasks_n; i-- > 0;) {
        struct replica_task *task = &w->tasks[i];

        if (task->phase == REPLICA_STOPPING) {
            remove_task(w, i);
        } else if (task->phase == REPLICA_STARTING) {
            task->phase = REPLICA_RUNNING;
        } else if (!task->healthy && !task->unhealthy) {
            task->healthy = true;
        } else {
            continue;
        }
        moved = true;
    }
    return moved;
}

static struct replica_plan settle(struct small *w)
{
    int rounds = 0;

    while (obey(w) | pass_time(w))
        assert_true(++rounds < ROUNDS_MAX);
    return replica_plan(&w->service, &w->arena);
}

static void expect_trace(struct small *w, const char *want)
{
    EXPECT_STR(str_trim(buf_str(&w->trace)), want);
}

// ---- the documented sequences

static void rollout_case(int64_t desired, int64_t min, int64_t max, const char *want)
{
    struct small w;
    struct replica_plan plan;

    open_small(&w, desired, min, max);
    add(&w, desired, HEALTHY());
    deploy(&w);
    plan = settle(&w);
    expect_trace(&w, want);
    assert_int_equal(plan.is_stuck, want[0] == '\0');
    assert_int_equal(plan.is_steady, want[0] != '\0');
    close_small(&w);
}

static void test_rollouts_take_the_documented_steps(void **state)
{
    (void)state;
    rollout_case(1, 100, 200, "+1 -1");
    rollout_case(1, 0, 100, "-1 +1");
    rollout_case(4, 50, 100, "-2 +2 -2 +2");
    rollout_case(4, 100, 200, "+4 -4");
    rollout_case(2, 50, 100, "-1 +1 -1 +1");
    rollout_case(4, 75, 150, "+2 -1 +1 -2 +1 -1");
}

static void test_limits_without_room_are_found_out(void **state)
{
    (void)state;
    rollout_case(1, 50, 100, "");
    rollout_case(1, 50, 150, "");
    rollout_case(3, 100, 125, "");
    rollout_case(5, 100, 110, "");
    rollout_case(10, 95, 105, "");
}

static void test_a_drained_host_is_left_within_the_limits(void **state)
{
    struct small w;

    (void)state;
    open_small(&w, 2, 100, 200); // DR1
    add(&w, 2, HEALTHY(.draining = true));
    assert_true(settle(&w).is_steady);
    expect_trace(&w, "+2 -2");
    close_small(&w);
    open_small(&w, 2, 0, 100); // DR2
    add(&w, 2, HEALTHY(.draining = true));
    assert_true(settle(&w).is_steady);
    expect_trace(&w, "-2 +2");
    close_small(&w);
    open_small(&w, 2, 100, 100); // DR3
    add(&w, 2, HEALTHY(.draining = true));
    assert_true(settle(&w).is_stuck);
    expect_trace(&w, "");
    close_small(&w);
}

static void test_what_has_not_started_on_a_draining_host_is_cancelled(void **state)
{
    struct small w;

    (void)state;
    open_small(&w, 1, 100, 200); // DR5
    add(&w, 1, (struct replica_task){.phase = REPLICA_STARTING, .draining = true});
    assert_true(settle(&w).is_steady);
    expect_trace(&w, "+1 -1");
    close_small(&w);
}

static void test_an_unhealthy_task_waits_for_its_replacement(void **state)
{
    struct small w;
    struct replica_plan plan;

    (void)state;
    open_small(&w, 2, 100, 200);
    add(&w, 1, HEALTHY());
    add(&w, 1, (struct replica_task){.phase = REPLICA_RUNNING, .unhealthy = true});
    plan = replica_plan(&w.service, &w.arena);
    assert_int_equal(plan.start_n, 1);
    assert_int_equal(plan.replacement_n, 1);
    assert_int_equal(plan.stops_n, 0);
    assert_true(settle(&w).is_steady);
    expect_trace(&w, "+1 -1");
    close_small(&w);
}

static void test_without_room_one_unhealthy_task_goes_first(void **state)
{
    struct small w;

    (void)state;
    open_small(&w, 3, 0, 100);
    add(&w, 3, (struct replica_task){.phase = REPLICA_RUNNING, .unhealthy = true});
    assert_true(settle(&w).is_steady);
    expect_trace(&w, "-1 +1 -1 +1 -1 +1");
    close_small(&w);
}

static void test_scale_in_leaves_protected_tasks(void **state)
{
    struct small w;
    struct replica_plan plan;

    (void)state;
    open_small(&w, 1, 100, 200); // S5
    add(&w, 1, HEALTHY());
    add(&w, 2, HEALTHY(.is_protected = true));
    plan = settle(&w);
    expect_trace(&w, "-1");
    assert_int_equal(w.service.tasks_n, 2);
    assert_int_equal(plan.protected_n, 1);
    assert_false(plan.is_steady);
    close_small(&w);
}

static void test_protected_tasks_outlive_a_rollout(void **state)
{
    struct small w;
    struct replica_plan plan;

    (void)state;
    open_small(&w, 3, 100, 200);
    add(&w, 2, HEALTHY());
    add(&w, 1, HEALTHY(.is_protected = true));
    deploy(&w);
    plan = settle(&w);
    assert_int_equal(plan.protected_n, 1);
    assert_int_equal(w.service.tasks_n, 4);
    close_small(&w);
}

static void test_a_failed_deployment_starts_and_replaces_nothing(void **state)
{
    struct small w;
    struct replica_plan plan;

    (void)state;
    open_small(&w, 3, 0, 200);
    add(&w, 3, HEALTHY());
    deploy(&w);
    w.service.is_failed = true;
    plan = settle(&w);
    expect_trace(&w, "");
    assert_false(plan.is_stuck);
    close_small(&w);
}

static void test_the_older_revision_is_repaired_while_the_newest_cannot_start(void **state)
{
    struct small w;
    struct replica_plan plan;

    (void)state;
    open_small(&w, 3, 100, 200);
    add(&w, 2, HEALTHY()); // the third has just died
    deploy(&w);
    w.service.start_max = 0;
    plan = replica_plan(&w.service, &w.arena);
    assert_int_equal(plan.repair_n, 1);
    assert_int_equal(plan.start_n, 0);
    w.service.start_max = INT64_MAX;
    w.service.repair_max = 0; // it does not start any more either
    plan = replica_plan(&w.service, &w.arena);
    assert_int_equal(plan.repair_n, 0);
    assert_int_equal(plan.start_n, 3);
    w.service.repair_max = INT64_MAX;
    w.service.repaired = 0; // it was never completed
    plan = replica_plan(&w.service, &w.arena);
    assert_int_equal(plan.repair_n, 0);
    assert_int_equal(plan.start_n, 3);
    close_small(&w);
}

static void test_tasks_of_a_superseded_rollout_are_cancelled(void **state)
{
    struct small w;
    struct replica_plan plan;

    (void)state;
    open_small(&w, 2, 100, 200); // R11
    add(&w, 2, (struct replica_task){.phase = REPLICA_STARTING});
    deploy(&w);
    w.service.repaired = 0;
    plan = replica_plan(&w.service, &w.arena);
    assert_int_equal(plan.stops_n, 2);
    assert_int_equal(plan.stops[0].why, REPLICA_STOP_CANCELLED);
    close_small(&w);
}

// ---- every small service

static const int min_percents[] = {0, 25, 34, 50, 67, 75, 100};
static const int max_percents[] = {100, 125, 150, 200, 300};

struct mix {
    int fresh, old, drained, sick;
};

static void settle_mix(int desired, int min, int max, struct mix mix)
{
    struct small w;
    struct replica_plan plan;

    open_small(&w, desired, min, max);
    add(&w, mix.old, HEALTHY());
    add(&w, mix.drained, HEALTHY(.draining = true));
    deploy(&w);
    add(&w, mix.fresh, HEALTHY());
    add(&w, mix.sick, (struct replica_task){.phase = REPLICA_RUNNING, .unhealthy = true});
    plan = settle(&w);
    assert_int_equal(plan.is_steady + plan.is_stuck, 1);
    // Only limits that leave no room either way may be stuck.
    if (plan.is_stuck)
        assert_true(w.service.upper <= desired && w.service.lower >= desired);
    close_small(&w);
}

static void test_every_small_service_comes_to_rest(void **state)
{
    (void)state;
    for (int desired = 0; desired <= 4; desired++)
        for (size_t min = 0; min < sizeof min_percents / sizeof *min_percents; min++)
            for (size_t max = 0; max < sizeof max_percents / sizeof *max_percents; max++)
                for (int n = 0; n < 5 * 5 * 3 * 3; n++)
                    settle_mix(desired, min_percents[min], max_percents[max],
                               (struct mix){.fresh = n % 5,
                                            .old = n / 5 % 5,
                                            .drained = n / 25 % 3,
                                            .sick = n / 75});
}

// A world that is not kind: anything may happen to a task, or to the service, at any time.
static void disturb(struct small *w, struct rng *rng)
{
    size_t i = w->service.tasks_n > 0 ? rng_below(rng, (uint32_t)w->service.tasks_n) : 0;
    struct replica_task *task = &w->tasks[i];
    bool is_running = w->service.tasks_n > 0 && task->phase == REPLICA_RUNNING;

    switch (rng_below(rng, 7)) {
    case 0:
        if (w->service.tasks_n > 0)
            remove_task(w, i);
        break;
    case 1:
        if (is_running) {
            task->healthy = false;
            task->unhealthy = true;
        }
        break;
    case 2:
        if (w->service.tasks_n > 0)
            task->draining = true;
        break;
    case 3:
        if (is_running)
            task->is_protected = !task->is_protected;
        break;
    case 4:
        if (w->service.deployments_n < 4)
            deploy(w);
        break;
    case 5: w->service.start_max = rng_below(rng, 4); break;
    default: pass_time(w); break;
    }
}

static void test_the_limits_hold_whatever_happens(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        struct small w;
        struct rng rng;

        rng_init(&rng, seed);
        open_small(&w, rng_below(&rng, 7), min_percents[rng_below(&rng, 7)],
                   max_percents[rng_below(&rng, 5)]);
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
        cmocka_unit_test(test_rollouts_take_the_documented_steps),
        cmocka_unit_test(test_limits_without_room_are_found_out),
        cmocka_unit_test(test_a_drained_host_is_left_within_the_limits),
        cmocka_unit_test(test_what_has_not_started_on_a_draining_host_is_cancelled),
        cmocka_unit_test(test_an_unhealthy_task_waits_for_its_replacement),
        cmocka_unit_test(test_without_room_one_unhealthy_task_goes_first),
        cmocka_unit_test(test_scale_in_leaves_protected_tasks),
        cmocka_unit_test(test_protected_tasks_outlive_a_rollout),
        cmocka_unit_test(test_a_failed_deployment_starts_and_replaces_nothing),
        cmocka_unit_test(test_the_older_revision_is_repaired_while_the_newest_cannot_start),
        cmocka_unit_test(test_tasks_of_a_superseded_rollout_are_cancelled),
        cmocka_unit_test(test_every_small_service_comes_to_rest),
        cmocka_unit_test(test_the_limits_hold_whatever_happens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
