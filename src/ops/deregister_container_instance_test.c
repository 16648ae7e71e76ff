#include "model/instance.h"
#include "tests/support/launch.h"

static struct str deregister(struct world *w, const char *more)
{
    return world_callf(w, "DeregisterContainerInstance",
                       "{\"cluster\":\"demo\",\"containerInstance\":\"i1\"%s}", more);
}

static struct str run_one(struct world *w)
{
    launch_add_instance(w, "i1", 1024, 1024, "[]");
    launch_add_simple(w, "web", 128, 128);
    return launch_task_arn(
        w, world_ok(w, "RunTask", "{\"cluster\":\"demo\",\"taskDefinition\":\"web\"}"), 0);
}

static struct str described(struct world *w, struct str task)
{
    return world_get(w,
                     world_callf(w, "DescribeTasks", "{\"cluster\":\"demo\",\"tasks\":[\"%.*s\"]}",
                                 STR_ARGS(task)),
                     "tasks.0");
}

static void an_idle_instance_becomes_inactive_and_its_agent_is_sent_away(void **state)
{
    struct world *w = *state;
    struct str reply;
    session_id session = launch_add_instance(w, "i1", 1024, 1024, "[]")->session;

    w->sent_n = 0;
    reply = deregister(w, "");
    EXPECT_STR(world_get(w, reply, "containerInstance.status"), "INACTIVE");
    EXPECT_STR(world_get(w, reply, "containerInstance.agentConnected"), "false");
    assert_int_equal(w->sent_n, 1);
    assert_int_equal(w->sent[0].kind, EFFECT_CLOSE);
    assert_int_equal(w->sent[0].session, session);
}

static void its_agent_is_refused_from_then_on(void **state)
{
    struct world *w = *state;

    launch_add_instance(w, "i1", 1024, 1024, "[]");
    deregister(w, "");
    w->sent_n = 0;
    world_connect(w, "demo", STR("arn:aws:ecs:us-east-1:123456789012:container-instance/demo/i1"));
    assert_int_equal(w->sent[0].kind, EFFECT_ACS_REFUSE);
    EXPECT_STR(w->sent[0].name, "InactiveInstanceException");
}

static void repeating_it_succeeds_until_the_instance_is_forgotten(void **state)
{
    struct world *w = *state;

    launch_add_instance(w, "i1", 1024, 1024, "[]");
    deregister(w, "");
    EXPECT_STR(world_get(w, deregister(w, ""), "containerInstance.status"), "INACTIVE");
    world_advance(w, w->state.config.inactive_keep_ms);
    world_expect_error(w, deregister(w, ""), "InvalidParameterException",
                       "Referenced container instance i1 not found.", __FILE__, __LINE__);
}

static void an_instance_with_tasks_is_kept(void **state)
{
    struct world *w = *state;
    struct str task = run_one(w);

    world_expect_error(w, deregister(w, ""), "InvalidParameterException",
                       "Found running tasks on the instance.", __FILE__, __LINE__);
    world_expect_error(w, deregister(w, ",\"force\":false"), "InvalidParameterException",
                       "Found running tasks on the instance.", __FILE__, __LINE__);
    EXPECT_STR(world_get(w, described(w, task), "lastStatus"), "PENDING");
}

static void force_orphans_the_tasks(void **state)
{
    struct world *w = *state;
    struct str task = run_one(w);
    struct str reply = deregister(w, ",\"force\":true");

    EXPECT_STR(world_get(w, reply, "containerInstance.status"), "INACTIVE");
    EXPECT_STR(world_get(w, reply, "containerInstance.remainingResources.0.integerValue"), "1024");
    EXPECT_STR(world_get(w, reply, "containerInstance.pendingTasksCount"), "0");
    EXPECT_STR(world_get(w, described(w, task), "lastStatus"), "STOPPED");
    EXPECT_STR(world_get(w, described(w, task), "stoppedReason"),
               "Container instance deregistration forced by user");
}

static void a_task_that_was_stopped_before_keeps_its_reason(void **state)
{
    struct world *w = *state;
    struct str task = run_one(w);

    world_callf(w, "StopTask", "{\"cluster\":\"demo\",\"task\":\"%.*s\",\"reason\":\"enough\"}",
                STR_ARGS(task));
    deregister(w, ",\"force\":true");
    EXPECT_STR(world_get(w, described(w, task), "stoppedReason"), "enough");
}

static void what_is_not_there_is_refused(void **state)
{
    struct world *w = *state;

    EXPECT_ERROR(w, "DeregisterContainerInstance", "{\"cluster\":\"demo\"}",
                 "InvalidParameterException", "Container instance can not be blank.");
    EXPECT_ERROR(w, "DeregisterContainerInstance", "{\"containerInstance\":\"i1\"}",
                 "ClusterNotFoundException", "Cluster not found.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAUNCH_TEST(an_idle_instance_becomes_inactive_and_its_agent_is_sent_away),
        LAUNCH_TEST(its_agent_is_refused_from_then_on),
        LAUNCH_TEST(repeating_it_succeeds_until_the_instance_is_forgotten),
        LAUNCH_TEST(an_instance_with_tasks_is_kept),
        LAUNCH_TEST(force_orphans_the_tasks),
        LAUNCH_TEST(a_task_that_was_stopped_before_keeps_its_reason),
        LAUNCH_TEST(what_is_not_there_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
