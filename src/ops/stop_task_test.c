#include "tests/support/launch.h"

static struct str one_task(struct world *w)
{
    launch_add_instance(w, "a1", 1000, 1000, "[]");
    launch_add_simple(w, "web", 10, 10);
    return launch_task_arn(w,
                           world_ok(w, "RunTask",
                                    "{\"cluster\":\"demo\",\"taskDefinition\":\"web\","
                                    "\"tags\":[{\"key\":\"a\",\"value\":\"b\"}]}"),
                           0);
}

static struct str stop(struct world *w, struct str task, const char *more)
{
    return world_callf(w, "StopTask", "{\"cluster\":\"demo\",\"task\":\"%.*s\"%s}", STR_ARGS(task),
                       more);
}

static void a_task_is_told_to_stop(void **state)
{
    struct world *w = *state;
    struct str arn = one_task(w);
    struct str reply;

    launch_report(w, arn, "RUNNING");
    w->now += 5000;
    reply = stop(w, arn, ",\"reason\":\"enough\"");
    EXPECT_STR(world_get(w, reply, "task.desiredStatus"), "STOPPED");
    EXPECT_STR(world_get(w, reply, "task.lastStatus"), "RUNNING");
    EXPECT_STR(world_get(w, reply, "task.stopCode"), "UserInitiated");
    EXPECT_STR(world_get(w, reply, "task.stoppedReason"), "enough");
    EXPECT_STR(world_get(w, reply, "task.version"), "3");
    EXPECT_STR(world_get(w, reply, "task.tags"), "[]");
    assert_true(world_get(w, reply, "task.stoppingAt").len > 0);
    assert_true(world_get(w, reply, "task.stoppedAt").len == 0);
}

static void stopping_again_changes_nothing(void **state)
{
    struct world *w = *state;
    struct str arn = one_task(w);
    struct str head;
    struct str uid;
    struct str first = stop(w, arn, "");
    struct str again;

    EXPECT_STR(world_get(w, first, "task.stoppedReason"), "Task stopped by user");
    str_cut_last(arn, '/', &head, &uid);
    w->now += 1000;
    again = stop(w, uid, ",\"reason\":\"other\"");
    assert_true(str_eq(first, again));
    launch_report(w, arn, "STOPPED");
    again = stop(w, arn, "");
    EXPECT_STR(world_get(w, again, "task.lastStatus"), "STOPPED");
    EXPECT_STR(world_get(w, again, "task.stoppedReason"), "Task stopped by user");
}

static void an_unknown_task_is_told(void **state)
{
    struct world *w = *state;
    struct str arn = one_task(w);

    EXPECT_ERROR(w, "StopTask", "{\"cluster\":\"demo\",\"task\":\"nope\"}",
                 "InvalidParameterException", "The referenced task was not found.");
    EXPECT_ERROR(w, "StopTask", "{\"cluster\":\"nope\",\"task\":\"nope\"}",
                 "ClusterNotFoundException", "Cluster not found.");
    world_ok(w, "CreateCluster", "{\"clusterName\":\"other\"}");
    EXPECT_STR(world_get(w,
                         world_callf(w, "StopTask", "{\"cluster\":\"other\",\"task\":\"%.*s\"}",
                                     STR_ARGS(arn)),
                         "message"),
               "The referenced task was not found.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAUNCH_TEST(a_task_is_told_to_stop),
        LAUNCH_TEST(stopping_again_changes_nothing),
        LAUNCH_TEST(an_unknown_task_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
