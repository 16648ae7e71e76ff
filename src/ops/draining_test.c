// Instances that are drained, deregistered, or lose their agent, and the tasks of services on them:
// the vectors of ecs-behaviour-scheduler 9.7.

#include "core/lifecycle.h"
#include "model/cluster.h"
#include "model/instance.h"
#include "model/service.h"
#include "model/task.h"
#include "tests/support/launch.h"

static struct cluster *demo(struct world *w)
{
    return cluster_find(&w->state, w->region, STR("demo"));
}

static void create(struct world *w, const char *name, const char *more)
{
    struct str reply = world_callf(
        w, "CreateService",
        "{\"cluster\":\"demo\",\"serviceName\":\"%s\",\"taskDefinition\":\"app\"%s}", name, more);

    EXPECT_STR(world_get(w, reply, "__type"), "");
}

static int on(struct world *w, const char *uid, bool wanted)
{
    int n = 0;

    LIST_EACH (&instance_find_uid(&w->state, str_of(uid))->tasks, it)
        n += task_is_wanted(LIST_ENTRY(it, struct task, on_instance)) == wanted;
    return n;
}

// What is PENDING runs; what was told to stop has. Then enough time passes to count.
static void settle(struct world *w)
{
    struct task *tasks[64];
    int n = 0;

    LIST_EACH (&demo(w)->tasks.wanted, it)
        tasks[n++] = LIST_ENTRY(it, struct task, listed[TASK_LIST_CLUSTER]);
    LIST_EACH (&demo(w)->tasks.unwanted, it)
        tasks[n++] = LIST_ENTRY(it, struct task, listed[TASK_LIST_CLUSTER]);
    for (int i = 0; i < n; i++) {
        if (task_is_stopped(tasks[i]))
            continue;
        if (!task_is_wanted(tasks[i]) || tasks[i]->rec->last_status == REC_TASK_STATUS_PENDING)
            world_callf(w, "SubmitTaskStateChange",
                        "{\"cluster\":\"demo\",\"task\":\"%.*s\",\"status\":\"%s\"}",
                        STR_ARGS(task_arn(&w->state, tasks[i], &w->arena)),
                        task_is_wanted(tasks[i]) ? "RUNNING" : "STOPPED");
    }
    world_advance(w, 40 * TIME_SECOND_MS);
}

static void set_status(struct world *w, const char *uid, const char *status)
{
    world_callf(w, "UpdateContainerInstancesState",
                "{\"cluster\":\"demo\",\"containerInstances\":[\"%s\"],\"status\":\"%s\"}", uid,
                status);
}

static struct str shown(struct world *w, const char *name, const char *path)
{
    return world_get(
        w, world_callf(w, "DescribeServices", "{\"cluster\":\"demo\",\"services\":[\"%s\"]}", name),
        path);
}

// Two tasks that run on i1, and i2 empty.
static void two_on_first(struct world *w, const char *configuration)
{
    launch_add_simple(w, "app", 256, 512);
    launch_add_instance(w, "i1", 1024, 2048, "[]");
    create(w, "web",
           arena_printf(&w->arena, ",\"desiredCount\":2,\"deploymentConfiguration\":{%s}",
                        configuration));
    settle(w);
    launch_add_instance(w, "i2", 1024, 2048, "[]");
    assert_int_equal(on(w, "i1", true), 2);
}

static void test_replacements_start_first_where_all_must_stay_healthy(void **state)
{
    struct world *w = *state;

    two_on_first(w, "\"minimumHealthyPercent\":100,\"maximumPercent\":200"); // DR1
    set_status(w, "i1", "DRAINING");
    assert_int_equal(on(w, "i1", true), 2);
    assert_int_equal(on(w, "i2", true), 2);
    settle(w);
    assert_int_equal(on(w, "i1", true), 0);
    assert_int_equal(on(w, "i1", false), 2);
    settle(w);
    EXPECT_STR(shown(w, "web", "services.0.runningCount"), "2");
    EXPECT_STR(shown(w, "web", "services.0.events.0.message"),
               "(service web) has reached a steady state.");
}

static void test_tasks_stop_first_where_none_must_stay(void **state)
{
    struct world *w = *state;

    two_on_first(w, "\"minimumHealthyPercent\":0,\"maximumPercent\":100"); // DR2
    set_status(w, "i1", "DRAINING");
    assert_int_equal(on(w, "i1", true), 0);
    assert_int_equal(on(w, "i2", true), 0);
    settle(w);
    assert_int_equal(on(w, "i2", true), 2);
}

static void test_limits_that_leave_no_way_never_drain(void **state)
{
    struct world *w = *state;

    two_on_first(w, "\"minimumHealthyPercent\":100,\"maximumPercent\":101"); // DR3: upper is 2
    set_status(w, "i1", "DRAINING");
    settle(w);
    settle(w);
    assert_int_equal(on(w, "i1", true), 2);
    assert_int_equal(on(w, "i2", true), 0);
}

static void test_a_standalone_task_stays(void **state)
{
    struct world *w = *state;

    launch_add_simple(w, "app", 256, 512);
    launch_add_instance(w, "i1", 1024, 2048, "[]");
    world_ok(w, "RunTask", "{\"cluster\":\"demo\",\"taskDefinition\":\"app\"}"); // DR4
    settle(w);
    set_status(w, "i1", "DRAINING");
    settle(w);
    assert_int_equal(on(w, "i1", true), 1);
}

static void test_a_pending_task_stops_at_once(void **state)
{
    struct world *w = *state;

    launch_add_simple(w, "app", 256, 512);
    launch_add_instance(w, "i1", 1024, 2048, "[]");
    create(w, "web", ",\"desiredCount\":1"); // DR5
    launch_add_instance(w, "i2", 1024, 2048, "[]");
    assert_int_equal(on(w, "i1", true), 1);
    set_status(w, "i1", "DRAINING");
    assert_int_equal(on(w, "i1", true), 0);
    assert_int_equal(on(w, "i2", true), 1);
    EXPECT_STR(shown(w, "web", "services.0.events.1.message"),
               "(service web) stopped 1 pending tasks.");
}

static void test_a_daemon_goes_last_and_is_not_replaced(void **state)
{
    struct world *w = *state;

    two_on_first(w, "\"minimumHealthyPercent\":100,\"maximumPercent\":200"); // DR6
    create(w, "watch", ",\"schedulingStrategy\":\"DAEMON\"");
    settle(w);
    assert_int_equal(on(w, "i1", true), 3);
    EXPECT_STR(shown(w, "watch", "services.0.desiredCount"), "2");
    set_status(w, "i1", "DRAINING");
    EXPECT_STR(shown(w, "watch", "services.0.desiredCount"), "1");
    settle(w);
    assert_int_equal(on(w, "i1", true), 1); // the daemon, until the others are gone
    settle(w);
    assert_int_equal(on(w, "i1", true), 0);
    settle(w);
    assert_int_equal(on(w, "i1", false), 0);
    assert_int_equal(on(w, "i2", true), 3);
}

static void test_an_activated_instance_takes_tasks_again(void **state)
{
    struct world *w = *state;

    launch_add_simple(w, "app", 256, 512);
    launch_add_instance(w, "i1", 1024, 2048, "[]");
    set_status(w, "i1", "DRAINING"); // DR7
    create(w, "web", ",\"desiredCount\":1");
    assert_int_equal(on(w, "i1", true), 0);
    set_status(w, "i1", "ACTIVE");
    assert_int_equal(on(w, "i1", true), 1);
}

static void test_a_drain_taken_back_leaves_the_tasks(void **state)
{
    struct world *w = *state;

    two_on_first(w, "\"minimumHealthyPercent\":100,\"maximumPercent\":200");
    set_status(w, "i1", "DRAINING");
    set_status(w, "i1", "ACTIVE");
    settle(w);
    settle(w);
    assert_int_equal(on(w, "i1", true) + on(w, "i2", true), 2);
    EXPECT_STR(shown(w, "web", "services.0.events.0.message"),
               "(service web) has reached a steady state.");
}

static void test_deregistering_needs_force_while_tasks_run(void **state)
{
    struct world *w = *state;

    two_on_first(w, ""); // DR8
    EXPECT_ERROR(w, "DeregisterContainerInstance",
                 "{\"cluster\":\"demo\",\"containerInstance\":\"i1\"}", "InvalidParameterException",
                 "Found running tasks on the instance.");
    assert_int_equal(on(w, "i1", true), 2);
}

static void test_a_forced_deregistration_replaces_the_tasks(void **state)
{
    struct world *w = *state;

    two_on_first(w, ""); // DR9
    world_ok(w, "DeregisterContainerInstance",
             "{\"cluster\":\"demo\",\"containerInstance\":\"i1\",\"force\":true}");
    assert_int_equal(on(w, "i2", true), 2);
    settle(w);
    EXPECT_STR(shown(w, "web", "services.0.runningCount"), "2");
    EXPECT_STR(shown(w, "web", "services.0.deployments.0.failedTasks"), "0");
}

static void test_an_agent_away_changes_nothing(void **state)
{
    struct world *w = *state;
    struct instance *instance;

    two_on_first(w, ""); // DR10
    instance = instance_find_uid(&w->state, STR("i1"));
    instance_set_session(&w->state, instance, 0);
    world_advance(w, 10 * TIME_MINUTE_MS);
    assert_int_equal(on(w, "i1", true), 2);
    assert_int_equal(on(w, "i2", true), 0);
    EXPECT_STR(shown(w, "web", "services.0.runningCount"), "2");
    world_advance(w, 30 * TIME_DAY_MS);
    assert_int_equal(on(w, "i1", true), 2);
    instance_set_session(&w->state, instance, w->next_session++);
    world_advance(w, TIME_MINUTE_MS);
    assert_int_equal(on(w, "i1", true), 2);
    assert_int_equal(on(w, "i2", true), 0);
}

static void test_a_drained_instance_whose_agent_is_away_is_emptied_all_the_same(void **state)
{
    struct world *w = *state;

    two_on_first(w, "");
    instance_set_session(&w->state, instance_find_uid(&w->state, STR("i1")), 0);
    set_status(w, "i1", "DRAINING");
    assert_int_equal(on(w, "i2", true), 2);
    settle(w);
    assert_int_equal(on(w, "i1", true), 0);
}

static void test_a_protected_task_stays_until_its_protection_ends(void **state)
{
    struct world *w = *state;

    two_on_first(w, "");
    LIST_EACH (&instance_find_uid(&w->state, STR("i1"))->tasks, it)
        world_callf(w, "UpdateTaskProtection",
                    "{\"cluster\":\"demo\",\"tasks\":[\"%.*s\"],\"protectionEnabled\":true,"
                    "\"expiresInMinutes\":10}",
                    STR_ARGS(LIST_ENTRY(it, struct task, on_instance)->uid));
    set_status(w, "i1", "DRAINING");
    settle(w);
    assert_int_equal(on(w, "i1", true), 2);
    assert_int_equal(on(w, "i2", true), 2);
    world_advance(w, 11 * TIME_MINUTE_MS);
    assert_int_equal(on(w, "i1", true), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAUNCH_TEST(test_replacements_start_first_where_all_must_stay_healthy),
        LAUNCH_TEST(test_tasks_stop_first_where_none_must_stay),
        LAUNCH_TEST(test_limits_that_leave_no_way_never_drain),
        LAUNCH_TEST(test_a_standalone_task_stays),
        LAUNCH_TEST(test_a_pending_task_stops_at_once),
        LAUNCH_TEST(test_a_daemon_goes_last_and_is_not_replaced),
        LAUNCH_TEST(test_an_activated_instance_takes_tasks_again),
        LAUNCH_TEST(test_a_drain_taken_back_leaves_the_tasks),
        LAUNCH_TEST(test_deregistering_needs_force_while_tasks_run),
        LAUNCH_TEST(test_a_forced_deregistration_replaces_the_tasks),
        LAUNCH_TEST(test_an_agent_away_changes_nothing),
        LAUNCH_TEST(test_a_drained_instance_whose_agent_is_away_is_emptied_all_the_same),
        LAUNCH_TEST(test_a_protected_task_stays_until_its_protection_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
