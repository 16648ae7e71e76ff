#include "model/instance.h"
#include "tests/support/launch.h"

#define I1 "arn:aws:ecs:us-east-1:123456789012:container-instance/demo/i1"

static session_id connect_as(struct world *w, const char *version)
{
    struct agent_hello hello = {
        .region = w->region,
        .cluster = STR("demo"),
        .container_instance = STR(I1),
        .agent_version = str_of(version),
    };
    session_id session = w->next_session++;
    struct step step;

    world_begin(w, &step);
    session_acs_open(&step, session, &hello);
    world_finish(w, &step);
    return session;
}

static struct str update(struct world *w)
{
    return world_call(w, "UpdateContainerAgent",
                      "{\"cluster\":\"demo\",\"containerInstance\":\"i1\"}");
}

static struct str update_status(struct world *w)
{
    return world_get(w,
                     world_ok(w, "DescribeContainerInstances",
                              "{\"cluster\":\"demo\",\"containerInstances\":[\"i1\"]}"),
                     "containerInstances.0.agentUpdateStatus");
}

#define EXPECT_REFUSED(w, type, message)                                                           \
    world_expect_error((w), update(w), (type), (message), __FILE__, __LINE__)

static void an_older_agent_is_told_to_update(void **state)
{
    struct world *w = *state;
    struct str reply;
    session_id session;

    launch_add_instance(w, "i1", 1024, 1024, "[]");
    session = connect_as(w, "0.0.9");
    w->sent_n = 0;
    reply = update(w);
    EXPECT_STR(world_get(w, reply, "containerInstance.agentUpdateStatus"), "PENDING");
    assert_int_equal(w->sent_n, 1);
    assert_int_equal(w->sent[0].session, session);
    EXPECT_STR(w->sent[0].name, "PerformUpdateMessage");
    EXPECT_JSON(w, w->sent[0].json,
                "{\"clusterArn\":\"arn:aws:ecs:us-east-1:123456789012:cluster/demo\","
                "\"containerInstanceArn\":\"" I1 "\",\"messageId\":\"*\"}");
    EXPECT_REFUSED(w, "UpdateInProgressException",
                   "There is already an update of the container agent in progress.");
}

static void the_next_connection_tells_how_it_went(void **state)
{
    struct world *w = *state;

    launch_add_instance(w, "i1", 1024, 1024, "[]");
    connect_as(w, "0.0.8");
    update(w);
    connect_as(w, "0.0.8");
    EXPECT_STR(update_status(w), "FAILED");
    update(w);
    EXPECT_STR(update_status(w), "PENDING");
    connect_as(w, "0.0.9");
    EXPECT_STR(update_status(w), "UPDATED");
}

static void an_agent_that_refuses_has_failed(void **state)
{
    struct world *w = *state;
    session_id session;

    launch_add_instance(w, "i1", 1024, 1024, "[]");
    session = connect_as(w, "0.0.9");
    update(w);
    world_agent_says(w, session, STR(I1), "NackRequest",
                     "{\"messageId\":\"x\",\"reason\":\"Updates are disabled\"}");
    EXPECT_STR(update_status(w), "FAILED");
}

static void there_is_nothing_newer_than_the_server(void **state)
{
    struct world *w = *state;
    const char *versions[] = {GANTRY_VERSION, "1.103.0", GANTRY_VERSION ".1"};

    launch_add_instance(w, "i1", 1024, 1024, "[]");
    for (int i = 0; i < 3; i++) {
        connect_as(w, versions[i]);
        EXPECT_REFUSED(w, "NoUpdateAvailableException",
                       "There is no update available for the container agent.");
    }
}

static void an_agent_that_is_not_there_is_not_asked(void **state)
{
    struct world *w = *state;
    session_id session;

    launch_add_instance(w, "i1", 1024, 1024, "[]");
    EXPECT_REFUSED(w, "MissingVersionException",
                   "The version of the container agent is not known.");
    session = connect_as(w, "0.0.9");
    world_disconnect(w, session, STR(I1));
    EXPECT_REFUSED(w, "ClientException", "The container agent is not connected.");
    world_ok(w, "DeregisterContainerInstance",
             "{\"cluster\":\"demo\",\"containerInstance\":\"i1\"}");
    EXPECT_REFUSED(w, "ClientException", "The referenced container instance was inactive.");
    EXPECT_ERROR(w, "UpdateContainerAgent", "{\"cluster\":\"demo\",\"containerInstance\":\"i2\"}",
                 "InvalidParameterException", "Referenced container instance i2 not found.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAUNCH_TEST(an_older_agent_is_told_to_update),
        LAUNCH_TEST(the_next_connection_tells_how_it_went),
        LAUNCH_TEST(an_agent_that_refuses_has_failed),
        LAUNCH_TEST(there_is_nothing_newer_than_the_server),
        LAUNCH_TEST(an_agent_that_is_not_there_is_not_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
