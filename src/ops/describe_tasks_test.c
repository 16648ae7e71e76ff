#include "tests/support/launch.h"

#include "base/buf.h"

static void tasks_are_described_as_they_were_made(void **state)
{
    struct world *w = *state;
    struct str run;
    struct str reply;

    launch_add_instance(w, "a1", 1000, 1000, "[]");
    launch_add_simple(w, "web", 10, 10);
    run = world_ok(w, "RunTask",
                   "{\"cluster\":\"demo\",\"taskDefinition\":\"web\",\"count\":2,"
                   "\"tags\":[{\"key\":\"a\",\"value\":\"b\"}]}");
    reply = world_callf(w, "DescribeTasks",
                        "{\"cluster\":\"demo\",\"include\":[\"TAGS\"],\"tasks\":[\"%.*s\","
                        "\"%.*s\"]}",
                        STR_ARGS(launch_task_arn(w, run, 0)), STR_ARGS(launch_task_arn(w, run, 1)));
    assert_true(str_eq(reply, run));
    reply = world_callf(w, "DescribeTasks", "{\"cluster\":\"demo\",\"tasks\":[\"%.*s\"]}",
                        STR_ARGS(launch_task_arn(w, run, 0)));
    EXPECT_STR(world_get(w, reply, "tasks.0.tags"), "[]");
}

static void missing_tasks_are_failures(void **state)
{
    struct world *w = *state;

    EXPECT_REPLY(w, "DescribeTasks",
                 "{\"cluster\":\"demo\",\"tasks\":[\"nope\","
                 "\"arn:aws:ecs:us-east-1:123456789012:task/other/1\"]}",
                 "{\"tasks\":[],\"failures\":["
                 "{\"arn\":\"arn:aws:ecs:us-east-1:123456789012:task/demo/nope\","
                 "\"reason\":\"MISSING\"},"
                 "{\"arn\":\"arn:aws:ecs:us-east-1:123456789012:task/other/1\","
                 "\"reason\":\"MISSING\"}]}");
}

static void stopped_tasks_stay_for_their_time(void **state)
{
    struct world *w = *state;
    struct str arn;
    const char *ask;

    launch_add_instance(w, "a1", 1000, 1000, "[]");
    launch_add_simple(w, "web", 10, 10);
    arn = launch_task_arn(
        w, world_ok(w, "RunTask", "{\"cluster\":\"demo\",\"taskDefinition\":\"web\"}"), 0);
    launch_report(w, arn, "STOPPED");
    ask = arena_printf(&w->arena, "{\"cluster\":\"demo\",\"tasks\":[\"%.*s\"]}", STR_ARGS(arn));
    world_advance(w, w->state.config.stopped_task_keep_ms - 1);
    EXPECT_STR(world_get(w, world_ok(w, "DescribeTasks", ask), "tasks.0.lastStatus"), "STOPPED");
    EXPECT_STR(world_get(w, world_ok(w, "DescribeTasks", ask), "tasks.0.stopCode"),
               "EssentialContainerExited");
    world_advance(w, 1);
    EXPECT_STR(world_get(w, world_ok(w, "DescribeTasks", ask), "failures.0.reason"), "MISSING");
}

// In bounded memory: those that stopped first are the first to be forgotten, before their time.
static void no_more_stopped_tasks_stay_than_may(void **state)
{
    struct world *w = *state;
    struct str arns[3];
    struct str reply;

    w->state.config.stopped_tasks_max = 2;
    launch_add_instance(w, "a1", 1000, 1000, "[]");
    launch_add_simple(w, "web", 10, 10);
    for (int i = 0; i < 3; i++) {
        struct str run =
            world_ok(w, "RunTask", "{\"cluster\":\"demo\",\"taskDefinition\":\"web\"}");

        arns[i] = launch_task_arn(w, run, 0);
    }
    for (int i = 2; i >= 0; i--) {
        launch_report(w, arns[i], "STOPPED");
        world_advance(w, 1);
    }
    reply = world_callf(w, "DescribeTasks",
                        "{\"cluster\":\"demo\",\"tasks\":[\"%.*s\",\"%.*s\",\"%.*s\"]}",
                        STR_ARGS(arns[0]), STR_ARGS(arns[1]), STR_ARGS(arns[2]));
    assert_true(str_eq(world_get(w, reply, "tasks.0.taskArn"), arns[0]));
    assert_true(str_eq(world_get(w, reply, "tasks.1.taskArn"), arns[1]));
    assert_true(str_eq(world_get(w, reply, "failures.0.arn"), arns[2]));
    EXPECT_STR(world_get(w, reply, "failures.0.reason"), "MISSING");
}

static void tasks_outlive_their_cluster(void **state)
{
    struct world *w = *state;
    struct str arn;
    const char *ask;

    launch_add_instance(w, "a1", 1000, 1000, "[]");
    launch_add_simple(w, "web", 10, 10);
    arn = launch_task_arn(
        w, world_ok(w, "RunTask", "{\"cluster\":\"demo\",\"taskDefinition\":\"web\"}"), 0);
    ask = arena_printf(&w->arena, "{\"cluster\":\"demo\",\"tasks\":[\"%.*s\"]}", STR_ARGS(arn));
    world_ok(w, "DeregisterContainerInstance",
             "{\"cluster\":\"demo\",\"containerInstance\":\"a1\",\"force\":true}");
    world_ok(w, "DeleteCluster", "{\"cluster\":\"demo\"}");
    EXPECT_STR(world_get(w, world_ok(w, "DescribeTasks", ask), "tasks.0.lastStatus"), "STOPPED");
    world_ok(w, "CreateCluster", "{\"clusterName\":\"demo\"}");
    EXPECT_STR(world_get(w, world_ok(w, "DescribeTasks", ask), "failures.0.reason"), "MISSING");
}

static void between_one_and_a_hundred_can_be_asked_for(void **state)
{
    struct world *w = *state;
    BUF_AUTO struct buf list = BUF_INIT;

    EXPECT_ERROR(w, "DescribeTasks", "{\"cluster\":\"demo\",\"tasks\":[]}",
                 "InvalidParameterException", "Tasks cannot be empty.");
    for (int i = 0; i < 101; i++)
        buf_printf(&list, "%s\"t%d\"", i > 0 ? "," : "", i);
    EXPECT_ERROR(w, "DescribeTasks",
                 arena_printf(&w->arena, "{\"cluster\":\"demo\",\"tasks\":[%.*s]}",
                              STR_ARGS(buf_str(&list))),
                 "InvalidParameterException", "Tasks can not have more than 100 elements.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAUNCH_TEST(tasks_are_described_as_they_were_made),
        LAUNCH_TEST(missing_tasks_are_failures),
        LAUNCH_TEST(stopped_tasks_stay_for_their_time),
        LAUNCH_TEST(no_more_stopped_tasks_stay_than_may),
        LAUNCH_TEST(tasks_outlive_their_cluster),
        LAUNCH_TEST(between_one_and_a_hundred_can_be_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
