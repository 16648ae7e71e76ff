// Managed scaling: minute by minute, what the operator's action is told and what becomes of the
// instances.

#include "core/lifecycle.h"
#include "core/scaling.h"
#include "model/cluster.h"
#include "model/instance.h"
#include "model/provider.h"
#include "model/task.h"
#include "tests/support/launch.h"

#define SCALING "\"managedScaling\":{\"status\":\"ENABLED\"}"

static void setup(struct world *w, const char *group)
{
    struct str reply = world_callf(w, "CreateCapacityProvider",
                                   "{\"name\":\"cp\",\"autoScalingGroupProvider\":"
                                   "{\"autoScalingGroupArn\":\"rack\",%s}}",
                                   group);

    EXPECT_STR(world_get(w, reply, "__type"), "");
    world_ok(w, "PutClusterCapacityProviders",
             "{\"cluster\":\"demo\",\"capacityProviders\":[\"cp\"],"
             "\"defaultCapacityProviderStrategy\":[{\"capacityProvider\":\"cp\"}]}");
    launch_add_simple(w, "app", 512, 512);
}

// One that takes two tasks.
static struct instance *add(struct world *w, const char *uid)
{
    struct instance *instance = launch_add_instance(
        w, uid, 1024, 8192, "[{\"name\":\"gantry.capacity-provider\",\"value\":\"cp\"}]");
    struct rec_instance rec = *instance->rec;

    SET(&rec, registered_at, w->now);
    state_put(&w->state, REC_KIND_INSTANCE, instance->entity.id, &rec);
    return instance;
}

static struct str run(struct world *w, int n)
{
    return world_callf(w, "RunTask",
                       "{\"cluster\":\"demo\",\"taskDefinition\":\"app\",\"count\":%d}", n);
}

static struct provider *cp(struct world *w)
{
    return provider_find(&w->state, w->region, STR("cp"));
}

// What the action was last told in the next `minutes` minutes; empty: nothing.
static struct str told(struct world *w, int minutes)
{
    struct str last = STR_NONE;

    for (int i = 0; i < minutes; i++) {
        size_t from = w->sent_n;

        world_advance(w, TIME_MINUTE_MS);
        for (size_t k = from; k < w->sent_n; k++) {
            const struct world_sent *sent = &w->sent[k % WORLD_SENT_MAX];

            if (sent->kind == EFFECT_SCALE && !str_starts(sent->json, STR("reservation")))
                last = sent->json;
        }
    }
    return last;
}

// The action ended; `ids` are those it was given, parted by spaces.
static void answer(struct world *w, bool succeeded, const char *ids)
{
    struct scaling_result result = {
        .provider_id = cp(w)->entity.id,
        .succeeded = succeeded,
        .why = STR("It failed."),
        .target = cp(w)->rec->desired_size,
        .ids = {.at = arena_array(&w->arena, struct str, 16)},
    };
    struct str rest = str_of(ids);
    struct str id;
    struct step step;

    while (rest.len > 0) {
        str_cut(rest, ' ', &id, &rest);
        result.ids.at[result.ids.n++] = id;
    }
    world_begin(w, &step);
    scaling_done(&step, &result);
    world_finish(w, &step);
}

static struct str status_of(struct world *w, const char *uid)
{
    return world_get(w,
                     world_callf(w, "DescribeContainerInstances",
                                 "{\"cluster\":\"demo\",\"containerInstances\":[\"%s\"]}", uid),
                     "containerInstances.0.status");
}

static struct str shown(struct world *w, const char *path)
{
    return world_get(
        w, world_ok(w, "DescribeCapacityProviders", "{\"capacityProviders\":[\"cp\"]}"), path);
}

// ---- scale-out

static void test_from_nothing_the_first_step_is_two_machines(void **state)
{
    struct world *w = *state;

    setup(w, SCALING);
    run(w, 1);
    EXPECT_STR(told(w, 1), "cp of demo: 2 of 0");
    assert_true(cp(w)->reservation == 200);
    answer(w, true, "");
    EXPECT_STR(told(w, 3), ""); // they are on their way
    add(w, "i1");
    add(w, "i2");
    EXPECT_STR(told(w, 3), "");
}

static void test_nothing_is_computed_where_nothing_is(void **state)
{
    struct world *w = *state;

    setup(w, SCALING);
    world_advance(w, TIME_MINUTE_MS);
    assert_int_equal(scaling_next(&w->state), 0);
    run(w, 1);
    assert_true(scaling_next(&w->state) > 0);
}

static void test_waiting_tasks_are_packed_into_machines(void **state)
{
    struct world *w = *state;

    setup(w, SCALING);
    for (int i = 0; i < 4; i++)
        add(w, arena_printf(&w->arena, "i%d", i));
    run(w, 8);
    world_advance(w, 10 * TIME_MINUTE_MS);
    run(w, 5);
    EXPECT_STR(told(w, 1), "cp of demo: 7 of 4");
    assert_true(cp(w)->reservation == 175);
}

static void test_a_step_is_no_larger_than_allowed(void **state)
{
    struct world *w = *state;

    setup(w, "\"managedScaling\":{\"status\":\"ENABLED\",\"maximumScalingStepSize\":2}");
    add(w, "i0");
    run(w, 10);
    EXPECT_STR(told(w, 1), "cp of demo: 3 of 1");
}

static void test_a_failed_action_is_shown_and_tried_again(void **state)
{
    struct world *w = *state;

    setup(w, SCALING);
    run(w, 1);
    EXPECT_STR(told(w, 1), "cp of demo: 2 of 0");
    EXPECT_STR(told(w, 2), ""); // it is still under way
    answer(w, false, "");
    EXPECT_STR(shown(w, "capacityProviders.0.updateStatus"), "UPDATE_FAILED");
    EXPECT_STR(shown(w, "capacityProviders.0.updateStatusReason"), "It failed.");
    EXPECT_STR(told(w, 1), "cp of demo: 2 of 0");
    answer(w, true, "");
    EXPECT_STR(shown(w, "capacityProviders.0.updateStatus"), "UPDATE_COMPLETE");
    EXPECT_STR(shown(w, "capacityProviders.0.updateStatusReason"), "");
}

static void test_a_restart_tells_the_action_again_until_it_succeeded(void **state)
{
    struct world *w = *state;

    setup(w, SCALING);
    run(w, 1);
    EXPECT_STR(told(w, 1), "cp of demo: 2 of 0");
    world_restart(w);
    EXPECT_STR(told(w, 1), "cp of demo: 2 of 0");
    answer(w, true, "");
    world_restart(w);
    EXPECT_STR(told(w, 1), "");
}

static void test_machines_that_do_not_come_are_asked_for_again(void **state)
{
    struct world *w = *state;

    setup(w, SCALING);
    run(w, 1);
    told(w, 1);
    answer(w, true, "");
    EXPECT_STR(told(w, 4), "");
    EXPECT_STR(told(w, 2), "cp of demo: 2 of 0");
}

static void test_an_operators_bounds_hold(void **state)
{
    static const struct provider_limits limits = {.provider = STR_INIT("cp"),
                                                  .size_min = 1,
                                                  .size_max = 3,
                                                  .cpu_units = 1024,
                                                  .memory_mib = 8192};
    struct world *w = *state;

    w->state.config.limits = &limits;
    w->state.config.limits_n = 1;
    setup(w, SCALING);
    add(w, "i1");
    run(w, 10); // four more would do
    EXPECT_STR(told(w, 1), "cp of demo: 3 of 1");
}

// ---- scale-in

static void test_an_empty_machine_goes_after_fifteen_minutes(void **state)
{
    struct world *w = *state;

    setup(w, SCALING);
    add(w, "i1");
    add(w, "i2");
    run(w, 2);
    run(w, 1);
    world_ok(w, "UpdateContainerInstancesState",
             "{\"cluster\":\"demo\",\"containerInstances\":[\"i1\"],\"status\":\"ACTIVE\"}");
    world_advance(w, 5 * TIME_MINUTE_MS);
    EXPECT_STR(told(w, 14), "");
    add(w, "i3");
    world_advance(w, 5 * TIME_MINUTE_MS); // it is warm
    EXPECT_STR(told(w, 13), "");
    EXPECT_STR(status_of(w, "i3"), "ACTIVE");
    EXPECT_STR(told(w, 3), "cp of demo: 2 of 3, without i3");
    EXPECT_STR(status_of(w, "i3"), "DRAINING");
    answer(w, true, "i3");
    EXPECT_STR(status_of(w, "i3"), "INACTIVE");
    EXPECT_STR(told(w, 30), "");
}

static void test_a_machine_is_drained_before_the_action_hears_of_it(void **state)
{
    static const struct provider_limits limits = {
        .provider = STR_INIT("cp"), .size_max = 1, .cpu_units = 1024, .memory_mib = 8192};
    struct world *w = *state;

    setup(w, SCALING);
    add(w, "i1");
    run(w, 2);
    add(w, "i2");
    run(w, 1);
    w->state.config.limits = &limits;
    w->state.config.limits_n = 1;
    EXPECT_STR(told(w, 2), "");
    EXPECT_STR(status_of(w, "i2"), "DRAINING"); // it has fewer tasks
    EXPECT_STR(status_of(w, "i1"), "ACTIVE");
    world_restart(w);
    EXPECT_STR(told(w, 2), ""); // it is still being emptied
    LIST_EACH_SAFE (&instance_find_uid(&w->state, STR("i2"))->tasks, it)
        launch_report(w, task_arn(&w->state, LIST_ENTRY(it, struct task, on_instance), &w->arena),
                      "STOPPED");
    EXPECT_STR(told(w, 1), "cp of demo: 1 of 2, without i2");
}

static void test_termination_protection_keeps_machines_with_tasks(void **state)
{
    static const struct provider_limits limits = {
        .provider = STR_INIT("cp"), .size_max = 1, .cpu_units = 1024, .memory_mib = 8192};
    struct world *w = *state;

    setup(w, SCALING ",\"managedTerminationProtection\":\"ENABLED\"");
    add(w, "i1");
    run(w, 2);
    add(w, "i2");
    run(w, 1);
    w->state.config.limits = &limits;
    w->state.config.limits_n = 1;
    EXPECT_STR(told(w, 20), "");
    EXPECT_STR(status_of(w, "i1"), "ACTIVE");
    EXPECT_STR(status_of(w, "i2"), "ACTIVE");
}

static void test_a_daemon_does_not_keep_a_machine(void **state)
{
    struct world *w = *state;

    setup(w, SCALING ",\"managedTerminationProtection\":\"ENABLED\"");
    add(w, "i1");
    add(w, "i2");
    launch_add_simple(w, "watch", 100, 100);
    world_ok(w, "CreateService",
             "{\"cluster\":\"demo\",\"serviceName\":\"watch\",\"taskDefinition\":\"watch\","
             "\"schedulingStrategy\":\"DAEMON\",\"launchType\":\"EC2\"}");
    run(w, 1);
    told(w, 25);
    assert_true(str_eq(status_of(w, "i1"), STR("DRAINING")) !=
                str_eq(status_of(w, "i2"), STR("DRAINING")));
}

static void test_a_machine_that_is_needed_again_is_taken_back(void **state)
{
    struct world *w = *state;

    setup(w, SCALING);
    add(w, "i1");
    add(w, "i2");
    run(w, 1);
    told(w, 25);
    assert_true(str_eq(status_of(w, "i1"), STR("DRAINING")) !=
                str_eq(status_of(w, "i2"), STR("DRAINING")));
    answer(w, false, "");
    run(w, 3);
    told(w, 1);
    EXPECT_STR(status_of(w, "i1"), "ACTIVE");
    EXPECT_STR(status_of(w, "i2"), "ACTIVE");
    assert_int_equal(cluster_find(&w->state, w->region, STR("demo"))->tasks_waiting_n, 0);
}

static void test_without_managed_draining_a_machine_goes_at_once(void **state)
{
    static const struct provider_limits limits = {
        .provider = STR_INIT("cp"), .size_max = 1, .cpu_units = 1024, .memory_mib = 8192};
    struct world *w = *state;
    struct str arn;

    setup(w, SCALING ",\"managedDraining\":\"DISABLED\"");
    add(w, "i1");
    run(w, 2);
    add(w, "i2");
    arn = launch_task_arn(w, run(w, 1), 0);
    w->state.config.limits = &limits;
    w->state.config.limits_n = 1;
    EXPECT_STR(told(w, 2), "cp of demo: 1 of 2, without i2");
    EXPECT_STR(status_of(w, "i2"), "ACTIVE");
    answer(w, true, "i2");
    EXPECT_STR(status_of(w, "i2"), "INACTIVE");
    EXPECT_STR(world_get(w,
                         world_callf(w, "DescribeTasks",
                                     "{\"cluster\":\"demo\",\"tasks\":[\"%.*s\"]}", STR_ARGS(arn)),
                         "tasks.0.stoppedReason"),
               "Host EC2 (instance i2) terminated.");
}

static void test_target_capacity_keeps_headroom(void **state)
{
    struct world *w = *state;

    setup(w, "\"managedScaling\":{\"status\":\"ENABLED\",\"targetCapacity\":80}");
    for (int i = 0; i < 8; i++)
        add(w, arena_printf(&w->arena, "i%d", i));
    run(w, 8);
    run(w, 8);
    EXPECT_STR(told(w, 1), "cp of demo: 10 of 8");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAUNCH_TEST(test_from_nothing_the_first_step_is_two_machines),
        LAUNCH_TEST(test_nothing_is_computed_where_nothing_is),
        LAUNCH_TEST(test_waiting_tasks_are_packed_into_machines),
        LAUNCH_TEST(test_a_step_is_no_larger_than_allowed),
        LAUNCH_TEST(test_a_failed_action_is_shown_and_tried_again),
        LAUNCH_TEST(test_a_restart_tells_the_action_again_until_it_succeeded),
        LAUNCH_TEST(test_machines_that_do_not_come_are_asked_for_again),
        LAUNCH_TEST(test_an_operators_bounds_hold),
        LAUNCH_TEST(test_an_empty_machine_goes_after_fifteen_minutes),
        LAUNCH_TEST(test_a_machine_is_drained_before_the_action_hears_of_it),
        LAUNCH_TEST(test_termination_protection_keeps_machines_with_tasks),
        LAUNCH_TEST(test_a_daemon_does_not_keep_a_machine),
        LAUNCH_TEST(test_a_machine_that_is_needed_again_is_taken_back),
        LAUNCH_TEST(test_without_managed_draining_a_machine_goes_at_once),
        LAUNCH_TEST(test_target_capacity_keeps_headroom),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
