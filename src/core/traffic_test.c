// Traffic of load balancers through its one interface: targets join and leave, weights move, and
// whoever does it is slow, fails or lies.

#include "core/traffic.h"

#include "model/cluster.h"
#include "model/deployment.h"
#include "model/instance.h"
#include "model/service.h"
#include "model/task.h"
#include "tests/support/launch.h"

enum { SETTLED_MS = 40 * 1000, TASKS_MAX = 16 };

#define RULE "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener-rule/app/a/b/c/d"
#define BALANCERS                                                                                  \
    ",\"loadBalancers\":[{\"targetGroupArn\":\"blue\",\"containerName\":\"main\","                 \
    "\"containerPort\":80,\"advancedConfiguration\":{\"alternateTargetGroupArn\":\"green\","       \
    "\"productionListenerRule\":\"" RULE "\",\"roleArn\":\"role\"}}]"

static struct str service(struct world *w, const char *path)
{
    struct str json =
        world_ok(w, "DescribeServices", "{\"cluster\":\"demo\",\"services\":[\"web\"]}");

    return world_get(w, json, str_cstr(&w->arena, str_fmt(&w->arena, "services.0.%s", path)));
}

static struct str rollout(struct world *w, const char *path)
{
    struct str arn = service(w, "currentServiceDeployment");
    struct str reply = world_callf(w, "DescribeServiceDeployments",
                                   "{\"serviceDeploymentArns\":[\"%.*s\"]}", STR_ARGS(arn));

    return world_get(w, reply,
                     str_cstr(&w->arena, str_fmt(&w->arena, "serviceDeployments.0.%s", path)));
}

#define EXPECT_SERVICE(w, path, want) EXPECT_STR(service((w), (path)), (want))
#define EXPECT_ROLLOUT(w, path, want) EXPECT_STR(rollout((w), (path)), (want))

// The last order of that kind; NULL: none.
static const struct traffic_order *ordered(struct world *w, enum traffic_kind kind)
{
    const struct traffic_order *found = NULL;

    for (size_t i = 0; i < w->sent_n; i++) {
        const struct traffic_order *order = w->sent[i].value;

        if (w->sent[i].kind == EFFECT_TRAFFIC && order->kind == kind)
            found = order;
    }
    return found;
}

static void answer(struct world *w, const struct traffic_order *order, bool failed)
{
    struct traffic_answer said = {.kind = order->kind,
                                  .id = order->id,
                                  .serial = order->serial,
                                  .failed = failed,
                                  .why = STR("no")};
    struct step step;

    world_begin(w, &step);
    traffic_answered(&step, &said);
    world_finish(w, &step);
}

// Every order that has not been answered, those that follow included, goes well.
static void obey(struct world *w)
{
    for (size_t i = 0; i < w->sent_n; i++) {
        if (w->sent[i].kind == EFFECT_TRAFFIC)
            answer(w, w->sent[i].value, false);
    }
    w->sent_n = 0;
}

static struct str task_arn_of(struct world *w, const char *desired, int i)
{
    struct str list = world_callf(
        w, "ListTasks", "{\"cluster\":\"demo\",\"serviceName\":\"web\",\"desiredStatus\":\"%s\"}",
        desired);

    return world_get(w, list, str_cstr(&w->arena, str_fmt(&w->arena, "taskArns.%d", i)));
}

static struct str status_of(struct world *w, struct str task)
{
    struct str reply = world_callf(w, "DescribeTasks",
                                   "{\"cluster\":\"demo\",\"tasks\":[\"%.*s\"]}", STR_ARGS(task));

    return world_get(w, reply, "tasks.0.lastStatus");
}

static void report(struct world *w, const char *desired, const char *status)
{
    struct str arns[TASKS_MAX];
    int n = 0;

    while (n < TASKS_MAX && (arns[n] = task_arn_of(w, desired, n)).len > 0)
        n++;
    for (int i = 0; i < n; i++) {
        if (!str_eq(status_of(w, arns[i]), STR("DEACTIVATING")))
            launch_report(w, arns[i], status);
    }
}

static void settle(struct world *w)
{
    report(w, "RUNNING", "RUNNING");
    world_advance(w, 1);
    obey(w);
    report(w, "STOPPED", "STOPPED");
    world_advance(w, SETTLED_MS);
    obey(w);
    report(w, "STOPPED", "STOPPED");
}

// One task, whose agent hears that it is to run.
static void open(struct world *w, const char *more)
{
    struct str reply;

    w->state.config.has_traffic = true;
    launch_add_instance(w, "i1", 8192, 16384, "[]");
    launch_add_definition(w, "app",
                          "{\"containerDefinitions\":[{\"name\":\"main\",\"image\":\"busybox\","
                          "\"essential\":true,\"cpu\":64,\"memory\":64,"
                          "\"portMappings\":[{\"containerPort\":80,\"hostPort\":0}]}],"
                          "\"compatibilities\":[\"EXTERNAL\",\"EC2\"]}");
    reply = world_callf(w, "CreateService",
                        "{\"cluster\":\"demo\",\"serviceName\":\"web\",\"taskDefinition\":\"app\","
                        "\"desiredCount\":1" BALANCERS "%s}",
                        more);
    EXPECT_STR(world_get(w, reply, "__type"), "");
    report(w, "RUNNING", "RUNNING");
    world_advance(w, 1);
}

static void test_a_task_that_runs_joins_and_then_counts_as_healthy(void **state)
{
    struct world *w = *state;
    const struct traffic_order *order;

    open(w, "");
    order = ordered(w, TRAFFIC_JOIN);
    assert_non_null(order);
    EXPECT_STR(order->targets[0].group, "blue");
    EXPECT_STR(order->targets[0].container, "main");
    assert_int_equal(order->targets[0].container_port, 80);
    world_advance(w, TIME_HOUR_MS);
    EXPECT_SERVICE(w, "deployments.0.rolloutState", "IN_PROGRESS");
    answer(w, order, false);
    EXPECT_SERVICE(w, "deployments.0.rolloutState", "COMPLETED");
    EXPECT_SERVICE(w, "events.2.message",
                   "(service web) registered 1 targets in (target-group blue)");
}

static void test_a_target_that_is_not_taken_is_offered_again(void **state)
{
    struct world *w = *state;

    open(w, "");
    answer(w, ordered(w, TRAFFIC_JOIN), true);
    EXPECT_SERVICE(w, "events.0.message",
                   "(service web) failed to register targets in target-group blue with (error no)");
    w->sent_n = 0;
    world_advance(w, TRAFFIC_AGAIN_MS - 1);
    assert_null(ordered(w, TRAFFIC_JOIN));
    world_advance(w, 1);
    assert_non_null(ordered(w, TRAFFIC_JOIN));
}

// How many payloads its agent got.
static int payloads(const struct world *w)
{
    int n = 0;

    for (size_t i = 0; i < w->sent_n; i++)
        n += w->sent[i].kind == EFFECT_ACS_SEND && str_eq(w->sent[i].name, STR("PayloadMessage"));
    return n;
}

static struct str open_in_traffic(struct world *w)
{
    open(w, "");
    obey(w);
    return task_arn_of(w, "RUNNING", 0);
}

static void test_a_task_leaves_traffic_before_it_is_told_to_stop(void **state)
{
    struct world *w = *state;
    struct str task = open_in_traffic(w);

    world_callf(w, "UpdateService",
                "{\"cluster\":\"demo\",\"service\":\"web\",\"desiredCount\":0}");
    EXPECT_STR(status_of(w, task), "DEACTIVATING");
    assert_non_null(ordered(w, TRAFFIC_LEAVE));
    assert_int_equal(payloads(w), 0);
    answer(w, ordered(w, TRAFFIC_LEAVE), false);
    EXPECT_STR(status_of(w, task), "STOPPING");
    assert_int_equal(payloads(w), 1);
    launch_report(w, task, "STOPPED");
    EXPECT_STR(status_of(w, task), "STOPPED");
}

// What the last manifest says of the one task there is.
static struct str manifest(struct world *w)
{
    struct str json = STR("{}");

    for (size_t i = 0; i < w->sent_n; i++) {
        if (w->sent[i].kind == EFFECT_ACS_SEND &&
            str_eq(w->sent[i].name, STR("TaskManifestMessage")))
            json = w->sent[i].json;
    }
    return world_get(w, json, "tasks.0.desiredStatus");
}

static void come_back(struct world *w)
{
    world_connect(w, "demo", STR("arn:aws:ecs:us-east-1:123456789012:container-instance/demo/i1"));
}

static void test_an_agent_that_comes_back_meanwhile_keeps_it_running(void **state)
{
    struct world *w = *state;
    const struct traffic_order *order;

    open_in_traffic(w);
    world_callf(w, "UpdateService",
                "{\"cluster\":\"demo\",\"service\":\"web\",\"desiredCount\":0}");
    order = ordered(w, TRAFFIC_LEAVE);
    come_back(w);
    EXPECT_STR(manifest(w), "RUNNING");
    assert_int_equal(payloads(w), 0);
    answer(w, order, false);
    assert_int_equal(payloads(w), 1);
    come_back(w);
    EXPECT_STR(manifest(w), "STOPPED");
}

static void test_a_task_of_its_user_leaves_first_too(void **state)
{
    struct world *w = *state;
    struct str task = open_in_traffic(w);

    world_callf(w, "StopTask", "{\"cluster\":\"demo\",\"task\":\"%.*s\"}", STR_ARGS(task));
    EXPECT_STR(status_of(w, task), "DEACTIVATING");
    answer(w, ordered(w, TRAFFIC_LEAVE), false);
    EXPECT_STR(status_of(w, task), "STOPPING");
}

static void test_the_wait_for_traffic_has_an_end(void **state)
{
    struct world *w = *state;
    struct str task = open_in_traffic(w);

    world_callf(w, "UpdateService",
                "{\"cluster\":\"demo\",\"service\":\"web\",\"desiredCount\":0}");
    answer(w, ordered(w, TRAFFIC_LEAVE), true);
    EXPECT_STR(status_of(w, task), "DEACTIVATING");
    world_advance(w, 5 * TIME_MINUTE_MS - 1);
    EXPECT_STR(status_of(w, task), "DEACTIVATING");
    world_advance(w, 1);
    EXPECT_STR(status_of(w, task), "STOPPING");
}

static void test_a_restart_asks_again(void **state)
{
    struct world *w = *state;
    struct str task = open_in_traffic(w);

    world_callf(w, "UpdateService",
                "{\"cluster\":\"demo\",\"service\":\"web\",\"desiredCount\":0}");
    w->sent_n = 0;
    world_restart(w);
    world_advance(w, 1);
    assert_non_null(ordered(w, TRAFFIC_LEAVE));
    answer(w, ordered(w, TRAFFIC_LEAVE), false);
    EXPECT_STR(status_of(w, task), "STOPPING");
}

// Nobody heard what a tick wanted to ask that was undone.
static void test_another_life_of_the_state_asks_again(void **state)
{
    struct world *w = *state;

    open(w, "");
    w->sent_n = 0;
    world_advance(w, TIME_MINUTE_MS);
    assert_null(ordered(w, TRAFFIC_JOIN));
    state_begin_life(&w->state);
    world_advance(w, 1);
    assert_non_null(ordered(w, TRAFFIC_JOIN));
    answer(w, ordered(w, TRAFFIC_JOIN), false);
    EXPECT_SERVICE(w, "deployments.0.rolloutState", "COMPLETED");
}

static void test_a_task_that_ends_by_itself_is_taken_out(void **state)
{
    struct world *w = *state;
    struct str task = open_in_traffic(w);

    world_callf(w, "SubmitTaskStateChange",
                "{\"cluster\":\"demo\",\"task\":\"%.*s\",\"status\":\"STOPPED\"}", STR_ARGS(task));
    assert_non_null(ordered(w, TRAFFIC_LEAVE));
    answer(w, ordered(w, TRAFFIC_LEAVE), false);
    EXPECT_STR(status_of(w, task), "STOPPED");
}

static void test_a_target_that_falls_ill_is_replaced(void **state)
{
    struct world *w = *state;
    struct str task = open_in_traffic(w);
    struct str head;
    struct str uid;
    struct step step;

    str_cut_last(task, '/', &head, &uid);
    world_begin(w, &step);
    traffic_health(&step, task_find_uid(&w->state, uid)->entity.id, false,
                   STR("Health checks failed"));
    world_finish(w, &step);
    EXPECT_SERVICE(w, "pendingCount", "1"); // its replacement
    EXPECT_SERVICE(w, "runningCount", "1");
}

// ---- weights

#define LINEAR                                                                                     \
    ",\"deploymentConfiguration\":{\"strategy\":\"LINEAR\",\"linearConfiguration\":{"              \
    "\"stepPercent\":50,\"stepBakeTimeInMinutes\":0}}"

// The second deployment of a LINEAR service waits for its first weights.
static void open_shifting(struct world *w)
{
    open(w, LINEAR);
    for (int i = 0; i < 4; i++)
        settle(w);
    EXPECT_ROLLOUT(w, "status", "SUCCESSFUL");
    world_callf(w, "UpdateService",
                "{\"cluster\":\"demo\",\"service\":\"web\",\"forceNewDeployment\":true}");
    report(w, "RUNNING", "RUNNING");
    world_advance(w, 1);
    answer(w, ordered(w, TRAFFIC_WEIGHTS), false);
    answer(w, ordered(w, TRAFFIC_JOIN), false);
}

static void test_a_shift_waits_for_each_of_its_weights(void **state)
{
    struct world *w = *state;

    open_shifting(w);
    EXPECT_ROLLOUT(w, "lifecycleStage", "PRODUCTION_TRAFFIC_SHIFT");
    world_advance(w, TIME_HOUR_MS);
    EXPECT_ROLLOUT(w, "targetServiceRevision.requestedProductionTrafficWeight", "50.0");
    answer(w, ordered(w, TRAFFIC_WEIGHTS), false);
    EXPECT_ROLLOUT(w, "targetServiceRevision.requestedProductionTrafficWeight", "100.0");
    EXPECT_ROLLOUT(w, "lifecycleStage", "PRODUCTION_TRAFFIC_SHIFT");
    answer(w, ordered(w, TRAFFIC_WEIGHTS), false);
    EXPECT_ROLLOUT(w, "lifecycleStage", "CLEAN_UP");
}

static void test_the_way_back_waits_for_the_traffic_before_the_target_goes(void **state)
{
    struct world *w = *state;

    open_shifting(w);
    answer(w, ordered(w, TRAFFIC_WEIGHTS), false);
    world_callf(w, "StopServiceDeployment", "{\"serviceDeploymentArn\":\"%.*s\"}",
                STR_ARGS(service(w, "currentServiceDeployment")));
    EXPECT_ROLLOUT(w, "status", "ROLLBACK_IN_PROGRESS");
    assert_int_equal(ordered(w, TRAFFIC_WEIGHTS)->production, 0);
    EXPECT_SERVICE(w, "runningCount", "2");
    EXPECT_STR(task_arn_of(w, "STOPPED", 0), "");
    answer(w, ordered(w, TRAFFIC_WEIGHTS), false);
    assert_true(task_arn_of(w, "STOPPED", 0).len > 0);
}

static void test_a_way_back_that_is_closed_leaves_both(void **state)
{
    struct world *w = *state;

    open_shifting(w);
    answer(w, ordered(w, TRAFFIC_WEIGHTS), false);
    world_callf(w, "StopServiceDeployment", "{\"serviceDeploymentArn\":\"%.*s\"}",
                STR_ARGS(service(w, "currentServiceDeployment")));
    world_advance(w, TIME_DAY_MS);
    EXPECT_ROLLOUT(w, "status", "ROLLBACK_FAILED");
    world_advance(w, TIME_DAY_MS);
    EXPECT_SERVICE(w, "runningCount", "2");
    EXPECT_STR(task_arn_of(w, "STOPPED", 0), "");
}

static void test_weights_go_to_the_other_group(void **state)
{
    struct world *w = *state;
    const struct traffic_order *order;

    open_shifting(w);
    order = ordered(w, TRAFFIC_WEIGHTS);
    assert_int_equal(order->production, 500);
    EXPECT_STR(order->shifts[0].target_group, "green");
    EXPECT_STR(order->shifts[0].source_group, "blue");
    EXPECT_STR(order->shifts[0].production_rule, RULE);
    EXPECT_ROLLOUT(w, "lifecycleStage", "PRODUCTION_TRAFFIC_SHIFT");
}

static void test_an_answer_to_an_older_order_moves_nothing(void **state)
{
    struct world *w = *state;
    struct traffic_order lie;

    open_shifting(w);
    lie = *ordered(w, TRAFFIC_WEIGHTS);
    lie.serial--;
    answer(w, &lie, false);
    EXPECT_ROLLOUT(w, "targetServiceRevision.requestedProductionTrafficWeight", "50.0");
    answer(w, ordered(w, TRAFFIC_WEIGHTS), false);
    EXPECT_ROLLOUT(w, "targetServiceRevision.requestedProductionTrafficWeight", "100.0");
}

static void test_weights_that_cannot_be_set_are_asked_for_until_the_stage_times_out(void **state)
{
    struct world *w = *state;

    open_shifting(w);
    answer(w, ordered(w, TRAFFIC_WEIGHTS), true);
    w->sent_n = 0;
    world_advance(w, TRAFFIC_AGAIN_MS);
    assert_non_null(ordered(w, TRAFFIC_WEIGHTS));
    world_advance(w, TIME_DAY_MS);
    EXPECT_ROLLOUT(w, "status", "ROLLBACK_IN_PROGRESS");
    EXPECT_ROLLOUT(w, "statusReason",
                   "Service deployment rolled back because the PRODUCTION_TRAFFIC_SHIFT lifecycle "
                   "stage timed out.");
}

static bool has_said(struct world *w, const char *message)
{
    for (int i = 0; i < 10; i++) {
        struct str path = str_fmt(&w->arena, "events.%d.message", i);

        if (str_eq(service(w, str_cstr(&w->arena, path)), str_of(message)))
            return true;
    }
    return false;
}

static void test_without_anybody_that_is_said_and_nothing_waits(void **state)
{
    struct world *w = *state;

    open(w, "");
    w->state.config.has_traffic = false;
    world_ok(w, "UpdateService", "{\"cluster\":\"demo\",\"service\":\"web\",\"loadBalancers\":[]}");
    world_ok(w, "UpdateService", "{\"cluster\":\"demo\",\"service\":\"web\"" BALANCERS "}");
    assert_true(has_said(w, "(service web) has load balancers, but this server moves no traffic: "
                            "targets are not registered and weights are not set."));
    settle(w);
    settle(w);
    EXPECT_SERVICE(w, "deployments.0.rolloutState", "COMPLETED");
    EXPECT_SERVICE(w, "runningCount", "1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAUNCH_TEST(test_a_task_that_runs_joins_and_then_counts_as_healthy),
        LAUNCH_TEST(test_a_target_that_is_not_taken_is_offered_again),
        LAUNCH_TEST(test_a_task_leaves_traffic_before_it_is_told_to_stop),
        LAUNCH_TEST(test_an_agent_that_comes_back_meanwhile_keeps_it_running),
        LAUNCH_TEST(test_a_task_of_its_user_leaves_first_too),
        LAUNCH_TEST(test_the_wait_for_traffic_has_an_end),
        LAUNCH_TEST(test_a_restart_asks_again),
        LAUNCH_TEST(test_another_life_of_the_state_asks_again),
        LAUNCH_TEST(test_a_task_that_ends_by_itself_is_taken_out),
        LAUNCH_TEST(test_a_target_that_falls_ill_is_replaced),
        LAUNCH_TEST(test_a_shift_waits_for_each_of_its_weights),
        LAUNCH_TEST(test_the_way_back_waits_for_the_traffic_before_the_target_goes),
        LAUNCH_TEST(test_a_way_back_that_is_closed_leaves_both),
        LAUNCH_TEST(test_weights_go_to_the_other_group),
        LAUNCH_TEST(test_an_answer_to_an_older_order_moves_nothing),
        LAUNCH_TEST(test_weights_that_cannot_be_set_are_asked_for_until_the_stage_times_out),
        LAUNCH_TEST(test_without_anybody_that_is_said_and_nothing_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
