#include "core/exec.h"
#include "model/instance.h"
#include "model/task.h"
#include "tests/support/stage.h"

#define TEXT_NOT_ENABLED                                                                           \
    "The execute command failed because execute command was not enabled when the task was run or " \
    "the execute command agent isn\u2019t running. Wait and try again or run a new task with "     \
    "execute command enabled and try again."

static const char *const running =
    "\"status\":\"RUNNING\",\"containers\":[{\"containerName\":\"main\",\"status\":\"RUNNING\"},"
    "{\"containerName\":\"side\",\"status\":\"RUNNING\"}],\"managedAgents\":[{\"containerName\":"
    "\"main\",\"managedAgentName\":\"ExecuteCommandAgent\",\"status\":\"RUNNING\",\"reason\":"
    "\"ExecuteCommandAgent started\"}]";

struct host {
    struct str instance;
    session_id session;
    struct str task;
};

// A task whose container "main" takes commands, on a host whose agent can run them.
static struct host ready(struct world *w)
{
    struct host host = {.instance = stage_instance(w)};

    host.session = world_connect(w, "demo", host.instance);
    host.task = stage_task(w, host.instance, &(struct stage_plan){.exec = true});
    stage_submit(w, host.task, running);
    w->sent_n = 0;
    return host;
}

static struct str execute(struct world *w, const struct host *host, const char *more)
{
    return world_callf(w, "ExecuteCommand",
                       "{\"cluster\":\"demo\",\"interactive\":true,\"task\":\"%.*s\"%s}",
                       STR_ARGS(host->task), more);
}

#define EXPECT_REFUSED(w, host, more, type, text)                                                  \
    world_expect_error((w), execute((w), (host), (more)), (type), (text), __FILE__, __LINE__)
#define INVALID "InvalidParameterException"

static void a_command_is_let_in(void **state)
{
    struct world *w = *state;
    struct host host = ready(w);
    struct str reply = execute(w, &host, ",\"container\":\"main\",\"command\":\"sh -c 'ls /'\"");
    const struct exec_order *order;

    EXPECT_STR(world_get(w, reply, "containerName"), "main");
    EXPECT_STR(world_get(w, reply, "interactive"), "true");
    assert_true(str_eq(world_get(w, reply, "taskArn"), host.task));
    assert_true(world_get(w, reply, "clusterArn").len > 0);
    assert_true(str_eq(world_get(w, reply, "containerArn"),
                       world_get(w, stage_view(w, host.task), "containers.0.containerArn")));
    assert_true(str_ends(world_get(w, reply, "session.streamUrl"),
                         STR("/v1/data-channel/?role=publish_subscribe")));
    assert_int_equal(w->sent_n, 1);
    assert_int_equal(w->sent[0].kind, EFFECT_EXEC);
    order = w->sent[0].value;
    assert_true(order->is_logged);
    assert_int_equal(order->instance_id, stage_find_instance(w, host.instance)->entity.id);
}

static void what_is_asked_is_checked(void **state)
{
    struct world *w = *state;
    struct host host = ready(w);

    EXPECT_REFUSED(w, &host, "", INVALID, "Command can not be blank.");
    EXPECT_REFUSED(w, &host, ",\"container\":\"main\",\"command\":\"  \"", INVALID,
                   "Command can not be blank.");
    EXPECT_REFUSED(w, &host, ",\"container\":\"main\",\"command\":\"sh -c 'ls\"", INVALID,
                   "Command can not be split into words: a quote is not closed.");
    EXPECT_REFUSED(w, &host, ",\"command\":\"sh\"", INVALID,
                   "Container name is required when the task has more than one container.");
    EXPECT_REFUSED(w, &host, ",\"command\":\"sh\",\"container\":\"x\"", INVALID,
                   "The container name 'x' does not exist in the task.");
    EXPECT_ERROR(w, "ExecuteCommand",
                 "{\"cluster\":\"demo\",\"task\":\"x\",\"command\":\"sh\",\"interactive\":false}",
                 INVALID, "Interactive is the only mode supported currently.");
    EXPECT_ERROR(w, "ExecuteCommand",
                 "{\"cluster\":\"demo\",\"task\":\"x\",\"command\":\"sh\",\"interactive\":true}",
                 INVALID, "The referenced task was not found.");
    EXPECT_ERROR(w, "ExecuteCommand",
                 "{\"cluster\":\"none\",\"task\":\"x\",\"command\":\"sh\",\"interactive\":true}",
                 "ClusterNotFoundException", "Cluster not found.");
    assert_int_equal(w->sent_n, 0);
}

static void a_container_without_an_agent_takes_none(void **state)
{
    struct world *w = *state;
    struct host host = ready(w);

    EXPECT_REFUSED(w, &host, ",\"command\":\"sh\",\"container\":\"side\"", INVALID,
                   TEXT_NOT_ENABLED);
    stage_submit(w, host.task,
                 "\"managedAgents\":[{\"containerName\":\"main\",\"managedAgentName\":"
                 "\"ExecuteCommandAgent\",\"status\":\"STOPPED\"}]");
    EXPECT_REFUSED(w, &host, ",\"command\":\"sh\",\"container\":\"main\"", INVALID,
                   TEXT_NOT_ENABLED);
}

static void a_task_that_was_not_enabled_takes_none(void **state)
{
    struct world *w = *state;
    struct host host = ready(w);

    host.task = stage_task(w, host.instance, &(struct stage_plan){0});
    stage_submit(w, host.task, running);
    EXPECT_REFUSED(w, &host, ",\"command\":\"sh\",\"container\":\"main\"", INVALID,
                   TEXT_NOT_ENABLED);
}

static void a_task_that_does_not_run_takes_none(void **state)
{
    struct world *w = *state;
    struct host host = ready(w);

    host.task = stage_task(w, host.instance, &(struct stage_plan){.exec = true});
    EXPECT_REFUSED(w, &host, ",\"command\":\"sh\",\"container\":\"main\"", INVALID,
                   "The execute command failed because the task isn\u2019t RUNNING.");
}

static void a_host_must_be_reached(void **state)
{
    struct world *w = *state;
    struct host host = ready(w);
    const char *text = "The execute command failed due to an internal error. Try again later.";

    stage_find_instance(w, host.instance)->relays_exec = false; // an agent of another kind
    EXPECT_REFUSED(w, &host, ",\"command\":\"sh\",\"container\":\"main\"",
                   "TargetNotConnectedException", text);
    host.session = world_connect(w, "demo", host.instance);
    world_disconnect(w, host.session, host.instance);
    EXPECT_REFUSED(w, &host, ",\"command\":\"sh\",\"container\":\"main\"",
                   "TargetNotConnectedException", text);
}

static void the_cluster_says_whether_it_is_logged(void **state)
{
    struct world *w = *state;
    struct host host = ready(w);
    const struct exec_order *order;

    world_ok(w, "UpdateCluster",
             "{\"cluster\":\"demo\",\"configuration\":{\"executeCommandConfiguration\":"
             "{\"logging\":\"NONE\"}}}");
    w->sent_n = 0;
    execute(w, &host, ",\"command\":\"sh\",\"container\":\"main\"");
    order = w->sent[0].value;
    assert_false(order->is_logged);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_TEST(a_command_is_let_in),
        STAGE_TEST(what_is_asked_is_checked),
        STAGE_TEST(a_container_without_an_agent_takes_none),
        STAGE_TEST(a_task_that_was_not_enabled_takes_none),
        STAGE_TEST(a_task_that_does_not_run_takes_none),
        STAGE_TEST(a_host_must_be_reached),
        STAGE_TEST(the_cluster_says_whether_it_is_logged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
