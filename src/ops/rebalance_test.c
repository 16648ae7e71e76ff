// Services that lie unevenly over Availability Zones, and what brings them back.

#include "core/lifecycle.h"
#include "model/cluster.h"
#include "model/instance.h"
#include "model/service.h"
#include "model/task.h"
#include "tests/support/launch.h"

static struct service *web(struct world *w)
{
    return service_find(&w->state, cluster_find(&w->state, w->region, STR("demo")), STR("web"));
}

static void add(struct world *w, const char *uid, const char *zone)
{
    launch_add_instance(
        w, uid, 4096, 8192,
        arena_printf(&w->arena, "[{\"name\":\"ecs.availability-zone\",\"value\":\"%s\"}]", zone));
    world_advance(w, 1);
}

static void create(struct world *w, int desired, const char *more)
{
    struct str reply = world_callf(w, "CreateService",
                                   "{\"cluster\":\"demo\",\"serviceName\":\"web\","
                                   "\"taskDefinition\":\"app\",\"desiredCount\":%d%s}",
                                   desired, more);

    EXPECT_STR(world_get(w, reply, "__type"), "");
}

// How many tasks of the service are wanted in a zone.
static int tasks_in(struct world *w, const char *zone)
{
    int n = 0;

    LIST_EACH (&web(w)->tasks, it) {
        const struct task *task = LIST_ENTRY(it, struct task, in_service);
        const struct instance *instance = instance_get(&w->state, (uint64_t)task->rec->instance_id);

        n += task_is_wanted(task) && str_eq(instance->zone, str_of(zone));
    }
    return n;
}

static void report(struct world *w, const struct task *task, const char *status)
{
    world_callf(w, "SubmitTaskStateChange",
                "{\"cluster\":\"demo\",\"task\":\"%.*s\",\"status\":\"%s\"}",
                STR_ARGS(task_arn(&w->state, task, &w->arena)), status);
}

// What was told to start runs, what was told to stop has; then enough time passes.
static void settle(struct world *w)
{
    LIST_EACH_SAFE (&web(w)->tasks, it) {
        const struct task *task = LIST_ENTRY(it, struct task, in_service);

        if (!task_is_wanted(task))
            report(w, task, "STOPPED");
        else if (task->rec->last_status == REC_TASK_STATUS_PENDING)
            report(w, task, "RUNNING");
    }
    world_advance(w, 40 * TIME_SECOND_MS);
}

static bool has_said(struct world *w, const char *start)
{
    struct str reply =
        world_ok(w, "DescribeServices", "{\"cluster\":\"demo\",\"services\":[\"web\"]}");

    for (int i = 0; i < 100; i++) {
        struct str message =
            world_get(w, reply, arena_printf(&w->arena, "services.0.events.%d.message", i));

        if (str_starts(message, str_of(start)))
            return true;
    }
    return false;
}

#define EXPECT_EVENT(w, i, want)                                                                   \
    EXPECT_STR(world_get((w),                                                                      \
                         world_ok((w), "DescribeServices",                                         \
                                  "{\"cluster\":\"demo\",\"services\":[\"web\"]}"),                \
                         "services.0.events." #i ".message"),                                      \
               (want))

// Five tasks in one zone, then two more zones come.
static void unbalance(struct world *w, const char *more)
{
    launch_add_simple(w, "app", 256, 512);
    add(w, "i1", "a");
    create(w, 5, more);
    settle(w);
    EXPECT_EVENT(w, 0, "(service web) has reached a steady state.");
}

static void test_tasks_move_to_new_zones(void **state)
{
    struct world *w = *state;

    unbalance(w, "");
    add(w, "i2", "b");
    EXPECT_EVENT(w, 1,
                 "(service web) is not AZ balanced with 5 tasks in a, 0 tasks in b. AZ Rebalancing "
                 "in progress.");
    assert_true(has_said(w, "(service web) has started 2 tasks in b to AZ Rebalance: (task "));
    assert_int_equal(tasks_in(w, "a"), 5);
    assert_int_equal(tasks_in(w, "b"), 2);
    world_restart(w);
    world_advance(w, 1);
    settle(w); // the new ones are healthy
    assert_int_equal(tasks_in(w, "a"), 3);
    assert_int_equal(tasks_in(w, "b"), 2);
    assert_true(has_said(
        w, "(service web) has stopped 2 running tasks in a due to AZ rebalancing: (task "));
    settle(w); // the old ones are gone
    assert_true(has_said(w, "(service web) is AZ balanced with 3 tasks in a, 2 tasks in b."));
    EXPECT_EVENT(w, 0, "(service web) has reached a steady state.");
    assert_false(web(w)->rec->is_rebalancing);
}

static void test_a_stopped_task_says_why(void **state)
{
    struct world *w = *state;
    struct str name;

    unbalance(w, "");
    add(w, "i2", "b");
    settle(w);
    LIST_EACH (&web(w)->tasks, it) {
        const struct task *task = LIST_ENTRY(it, struct task, in_service);

        if (task_is_wanted(task))
            continue;
        name = task->rec->stopped_reason;
        assert_true(str_starts(
            name, STR("Availability-zone rebalancing initiated by (deployment ecs-svc/")));
        assert_int_equal(task->rec->stop_code, ECS_TASK_STOP_CODE_SERVICESCHEDULERINITIATED);
    }
}

static void test_disabled_means_no_move(void **state)
{
    struct world *w = *state;

    unbalance(w, ",\"availabilityZoneRebalancing\":\"DISABLED\"");
    add(w, "i2", "b");
    settle(w);
    assert_int_equal(tasks_in(w, "b"), 0);
}

static void test_the_upper_limit_holds(void **state)
{
    struct world *w = *state;

    unbalance(w, ",\"deploymentConfiguration\":{\"maximumPercent\":120}");
    add(w, "i2", "b");
    assert_int_equal(tasks_in(w, "b"), 1); // six in all
    settle(w);
    assert_int_equal(tasks_in(w, "a"), 4);
    settle(w);
    assert_int_equal(tasks_in(w, "b"), 2);
    settle(w);
    settle(w);
    assert_int_equal(tasks_in(w, "a"), 3);
    assert_true(has_said(w, "(service web) is AZ balanced with 3 tasks in a, 2 tasks in b."));
}

static void test_a_zone_that_takes_no_task_counts_not(void **state)
{
    struct world *w = *state;

    launch_add_simple(w, "app", 256, 512);
    launch_add_instance(w, "i1", 4096, 8192,
                        "[{\"name\":\"ecs.availability-zone\",\"value\":\"a\"},"
                        "{\"name\":\"disk\",\"value\":\"fast\"}]");
    create(w, 3,
           ",\"placementConstraints\":[{\"type\":\"memberOf\","
           "\"expression\":\"attribute:disk == fast\"}]");
    settle(w);
    add(w, "i2", "b");
    settle(w);
    assert_int_equal(tasks_in(w, "b"), 0);
    EXPECT_EVENT(w, 0, "(service web) has reached a steady state.");
    launch_add_instance(w, "i3", 4096, 8192,
                        "[{\"name\":\"ecs.availability-zone\",\"value\":\"b\"},"
                        "{\"name\":\"disk\",\"value\":\"fast\"}]");
    world_advance(w, 1);
    assert_int_equal(tasks_in(w, "b"), 1);
}

static void test_a_full_zone_is_told_and_waited_for(void **state)
{
    struct world *w = *state;

    unbalance(w, "");
    launch_add_instance(w, "i2", 128, 128,
                        "[{\"name\":\"ecs.availability-zone\",\"value\":\"b\"}]");
    world_advance(w, 1);
    EXPECT_EVENT(w, 0,
                 "(service web) is unable to place a task in b because no container instance met "
                 "all of its requirements.");
    settle(w);
    assert_true(web(w)->rec->is_rebalancing);
    add(w, "i3", "b");
    assert_int_equal(tasks_in(w, "b"), 2);
}

static void test_a_new_deployment_ends_it(void **state)
{
    struct world *w = *state;

    unbalance(w, "");
    add(w, "i2", "b");
    assert_int_equal(tasks_in(w, "b"), 2);
    world_ok(w, "UpdateService",
             "{\"cluster\":\"demo\",\"service\":\"web\",\"forceNewDeployment\":true}");
    assert_true(has_said(w, "(service web) stopped AZ Rebalancing."));
    assert_false(web(w)->rec->is_rebalancing);
    for (int i = 0; i < 12; i++)
        settle(w);
    EXPECT_EVENT(w, 0, "(service web) has reached a steady state.");
    assert_int_equal(tasks_in(w, "a") + tasks_in(w, "b"), 5);
}

static void test_a_task_that_ends_meanwhile_is_replaced_by_an_extra_one(void **state)
{
    struct world *w = *state;

    unbalance(w, "");
    add(w, "i2", "b");
    report(w, LIST_ENTRY(web(w)->tasks.next, struct task, in_service), "STOPPED");
    for (int i = 0; i < 8; i++)
        settle(w);
    assert_int_equal(tasks_in(w, "a"), 3);
    assert_int_equal(tasks_in(w, "b"), 2);
    assert_true(has_said(w, "(service web) is AZ balanced with 3 tasks in a, 2 tasks in b."));
}

static void test_protected_tasks_stay_where_they_are(void **state)
{
    struct world *w = *state;

    unbalance(w, "");
    LIST_EACH (&web(w)->tasks, it)
        world_callf(w, "UpdateTaskProtection",
                    "{\"cluster\":\"demo\",\"tasks\":[\"%.*s\"],\"protectionEnabled\":true}",
                    STR_ARGS(LIST_ENTRY(it, struct task, in_service)->uid));
    add(w, "i2", "b");
    settle(w);
    assert_int_equal(tasks_in(w, "a"), 5);
    assert_true(has_said(w, "(service web) was unable to AZ Rebalance because "));
    world_advance(w, 3 * TIME_HOUR_MS); // the protection expires
    assert_int_equal(tasks_in(w, "b"), 2);
}

static void test_tasks_spread_over_zones_by_default(void **state)
{
    struct world *w = *state;

    launch_add_simple(w, "app", 256, 512);
    add(w, "i1", "a");
    add(w, "i2", "b");
    add(w, "i3", "c");
    create(w, 5, "");
    assert_true(tasks_in(w, "a") >= 1 && tasks_in(w, "a") <= 2);
    assert_true(tasks_in(w, "b") >= 1 && tasks_in(w, "b") <= 2);
    assert_true(tasks_in(w, "c") >= 1 && tasks_in(w, "c") <= 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAUNCH_TEST(test_tasks_move_to_new_zones),
        LAUNCH_TEST(test_a_stopped_task_says_why),
        LAUNCH_TEST(test_disabled_means_no_move),
        LAUNCH_TEST(test_the_upper_limit_holds),
        LAUNCH_TEST(test_a_zone_that_takes_no_task_counts_not),
        LAUNCH_TEST(test_a_full_zone_is_told_and_waited_for),
        LAUNCH_TEST(test_a_new_deployment_ends_it),
        LAUNCH_TEST(test_a_task_that_ends_meanwhile_is_replaced_by_an_extra_one),
        LAUNCH_TEST(test_protected_tasks_stay_where_they_are),
        LAUNCH_TEST(test_tasks_spread_over_zones_by_default),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
