// Deployments that shift traffic, as callers see them: stages, hooks, pauses, rollbacks, alarms.

#include "core/alarms.h"
#include "core/hooks.h"
#include "core/traffic.h"
#include "model/cluster.h"
#include "model/deployment.h"
#include "model/instance.h"
#include "model/service.h"
#include "model/task.h"
#include "tests/support/launch.h"

enum { SETTLED_MS = 40 * 1000, TASKS_MAX = 16 };

static struct str get(struct world *w, struct str json, const char *path)
{
    return world_get(w, json, path);
}

static struct str described(struct world *w)
{
    return world_ok(w, "DescribeServices", "{\"cluster\":\"demo\",\"services\":[\"web\"]}");
}

static struct str service(struct world *w, const char *path)
{
    return get(w, described(w), str_cstr(&w->arena, str_fmt(&w->arena, "services.0.%s", path)));
}

static struct str deployment_arn(struct world *w)
{
    return service(w, "currentServiceDeployment");
}

static struct str rollout(struct world *w, const char *path)
{
    struct str arn = deployment_arn(w);
    struct str reply = world_callf(w, "DescribeServiceDeployments",
                                   "{\"serviceDeploymentArns\":[\"%.*s\"]}", STR_ARGS(arn));

    return get(w, reply, str_cstr(&w->arena, str_fmt(&w->arena, "serviceDeployments.0.%s", path)));
}

#define EXPECT_SERVICE(w, path, want) EXPECT_STR(service((w), (path)), (want))
#define EXPECT_ROLLOUT(w, path, want) EXPECT_STR(rollout((w), (path)), (want))

static int tasks_of(struct world *w, const char *desired, struct str *arns)
{
    struct str list = world_callf(
        w, "ListTasks", "{\"cluster\":\"demo\",\"serviceName\":\"web\",\"desiredStatus\":\"%s\"}",
        desired);
    int n = 0;

    for (; n < TASKS_MAX; n++) {
        arns[n] = get(w, list, str_cstr(&w->arena, str_fmt(&w->arena, "taskArns.%d", n)));
        if (arns[n].len == 0)
            break;
    }
    return n;
}

static void report_all(struct world *w, const char *desired, const char *status)
{
    struct str arns[TASKS_MAX];
    int n = tasks_of(w, desired, arns);

    for (int i = 0; i < n; i++)
        world_callf(w, "SubmitTaskStateChange",
                    "{\"cluster\":\"demo\",\"task\":\"%.*s\",\"status\":\"%s\"}", STR_ARGS(arns[i]),
                    status);
}

// What is wanted runs, long enough to count; what is not has stopped.
static void settle(struct world *w)
{
    report_all(w, "RUNNING", "RUNNING");
    report_all(w, "STOPPED", "STOPPED");
    world_advance(w, SETTLED_MS);
    report_all(w, "STOPPED", "STOPPED");
}

static void create(struct world *w, const char *more)
{
    struct str reply =
        world_callf(w, "CreateService",
                    "{\"cluster\":\"demo\",\"serviceName\":\"web\",\"desiredCount\":2,"
                    "\"taskDefinition\":\"app\"%s}",
                    more);

    EXPECT_STR(get(w, reply, "__type"), "");
}

static void update(struct world *w, const char *members)
{
    struct str reply =
        world_callf(w, "UpdateService", "{\"cluster\":\"demo\",\"service\":\"web\"%s}", members);

    EXPECT_STR(get(w, reply, "__type"), "");
}

// A service that runs one revision; `more` are further members of CreateService.
static void open_steady(struct world *w, const char *more)
{
    launch_add_instance(w, "i1", 8192, 16384, "[]");
    launch_add_simple(w, "app", 256, 512);
    create(w, more);
    settle(w);
    EXPECT_ROLLOUT(w, "status", "SUCCESSFUL");
}

static void open_configured(struct world *w, const char *configuration)
{
    struct str more = str_fmt(&w->arena, ",\"deploymentConfiguration\":{%s}", configuration);

    open_steady(w, str_cstr(&w->arena, more));
}

static void deploy(struct world *w)
{
    update(w, ",\"forceNewDeployment\":true");
}

#define PLAIN "\"strategy\":\"BLUE_GREEN\",\"bakeTimeInMinutes\":5"

// ---- there

static void test_blue_green_has_both_until_the_bake_time_is_over(void **state)
{
    struct world *w = *state;

    open_configured(w, PLAIN);
    deploy(w);
    EXPECT_ROLLOUT(w, "status", "IN_PROGRESS");
    EXPECT_ROLLOUT(w, "lifecycleStage", "SCALE_UP");
    EXPECT_SERVICE(w, "deployments.0.status", "PRIMARY");
    EXPECT_SERVICE(w, "deployments.0.pendingCount", "2");
    EXPECT_SERVICE(w, "deployments.1.desiredCount", "2");
    EXPECT_SERVICE(w, "deployments.1.runningCount", "2");
    settle(w);
    EXPECT_ROLLOUT(w, "lifecycleStage", "BAKE_TIME");
    EXPECT_ROLLOUT(w, "targetServiceRevision.requestedProductionTrafficWeight", "100.0");
    EXPECT_ROLLOUT(w, "sourceServiceRevisions.0.requestedProductionTrafficWeight", "0.0");
    EXPECT_ROLLOUT(w, "sourceServiceRevisions.0.runningTaskCount", "2");
    EXPECT_SERVICE(w, "runningCount", "4");
    world_advance(w, 5 * TIME_MINUTE_MS);
    EXPECT_ROLLOUT(w, "lifecycleStage", "CLEAN_UP");
    settle(w);
    EXPECT_ROLLOUT(w, "status", "SUCCESSFUL");
    EXPECT_SERVICE(w, "runningCount", "2");
    EXPECT_SERVICE(w, "deployments.0.rolloutState", "COMPLETED");
    EXPECT_SERVICE(w, "deployments.1.id", "");
    EXPECT_SERVICE(w, "events.0.message", "(service web) has reached a steady state.");
}

static void test_a_linear_shift_goes_on_step_by_step(void **state)
{
    struct world *w = *state;

    open_configured(w, "\"strategy\":\"LINEAR\",\"linearConfiguration\":{\"stepPercent\":40,"
                       "\"stepBakeTimeInMinutes\":1}");
    deploy(w);
    settle(w);
    EXPECT_ROLLOUT(w, "lifecycleStage", "PRODUCTION_TRAFFIC_SHIFT");
    EXPECT_ROLLOUT(w, "targetServiceRevision.requestedProductionTrafficWeight", "40.0");
    world_advance(w, TIME_MINUTE_MS);
    EXPECT_ROLLOUT(w, "targetServiceRevision.requestedProductionTrafficWeight", "80.0");
    world_advance(w, TIME_MINUTE_MS);
    EXPECT_ROLLOUT(w, "lifecycleStage", "CLEAN_UP");
    settle(w);
    EXPECT_ROLLOUT(w, "status", "SUCCESSFUL");
}

static void test_the_desired_count_is_that_of_both(void **state)
{
    struct world *w = *state;

    open_configured(w, PLAIN);
    deploy(w);
    settle(w);
    update(w, ",\"desiredCount\":3");
    EXPECT_SERVICE(w, "pendingCount", "2");
    settle(w);
    EXPECT_SERVICE(w, "runningCount", "6");
}

static void test_a_restart_goes_on_where_it_was(void **state)
{
    struct world *w = *state;

    open_configured(w, PLAIN);
    deploy(w);
    world_restart(w);
    settle(w);
    world_restart(w);
    EXPECT_ROLLOUT(w, "lifecycleStage", "BAKE_TIME");
    world_advance(w, 5 * TIME_MINUTE_MS);
    world_restart(w);
    settle(w);
    EXPECT_ROLLOUT(w, "status", "SUCCESSFUL");
    EXPECT_SERVICE(w, "runningCount", "2");
}

// ---- and back

static void test_what_is_asked_to_stop_goes_back(void **state)
{
    struct world *w = *state;
    struct str before;

    open_configured(w, PLAIN);
    before = service(w, "deployments.0.id");
    deploy(w);
    settle(w);
    world_callf(w, "StopServiceDeployment", "{\"serviceDeploymentArn\":\"%.*s\"}",
                STR_ARGS(deployment_arn(w)));
    EXPECT_ROLLOUT(w, "status", "ROLLBACK_IN_PROGRESS");
    EXPECT_ROLLOUT(w, "targetServiceRevision.requestedProductionTrafficWeight", "0.0");
    EXPECT_SERVICE(w, "deployments.0.id", str_cstr(&w->arena, before));
    settle(w);
    EXPECT_ROLLOUT(w, "status", "ROLLBACK_SUCCESSFUL");
    EXPECT_SERVICE(w, "deployments.0.rolloutState", "COMPLETED");
    EXPECT_SERVICE(w, "runningCount", "2");
}

static void test_from_the_clean_up_the_source_is_built_up_again(void **state)
{
    struct world *w = *state;

    open_configured(w, PLAIN);
    deploy(w);
    settle(w);
    world_advance(w, 5 * TIME_MINUTE_MS);
    world_callf(w, "StopServiceDeployment", "{\"serviceDeploymentArn\":\"%.*s\"}",
                STR_ARGS(deployment_arn(w)));
    EXPECT_ROLLOUT(w, "status", "ROLLBACK_IN_PROGRESS");
    EXPECT_ROLLOUT(w, "targetServiceRevision.requestedProductionTrafficWeight", "100.0");
    settle(w);
    EXPECT_ROLLOUT(w, "targetServiceRevision.requestedProductionTrafficWeight", "0.0");
    settle(w);
    EXPECT_ROLLOUT(w, "status", "ROLLBACK_SUCCESSFUL");
    EXPECT_SERVICE(w, "runningCount", "2");
}

static void test_an_abort_leaves_things_as_they_are(void **state)
{
    struct world *w = *state;

    open_configured(w, PLAIN);
    deploy(w);
    settle(w);
    world_callf(w, "StopServiceDeployment",
                "{\"serviceDeploymentArn\":\"%.*s\",\"stopType\":\"ABORT\"}",
                STR_ARGS(deployment_arn(w)));
    EXPECT_ROLLOUT(w, "status", "STOPPED");
    world_advance(w, TIME_HOUR_MS);
    EXPECT_SERVICE(w, "runningCount", "4");
    deploy(w);
    EXPECT_ROLLOUT(w, "lifecycleStage", "RECONCILE_SERVICE");
    settle(w);
    settle(w);
    world_advance(w, 5 * TIME_MINUTE_MS);
    settle(w);
    EXPECT_ROLLOUT(w, "status", "SUCCESSFUL");
    EXPECT_SERVICE(w, "runningCount", "2");
}

static void fail_pending(struct world *w)
{
    struct str arns[TASKS_MAX];
    int n = tasks_of(w, "RUNNING", arns);

    for (int i = 0; i < n; i++) {
        struct str task = world_callf(
            w, "DescribeTasks", "{\"cluster\":\"demo\",\"tasks\":[\"%.*s\"]}", STR_ARGS(arns[i]));
        if (str_eq(get(w, task, "tasks.0.lastStatus"), STR("PENDING")))
            world_callf(w, "SubmitTaskStateChange",
                        "{\"cluster\":\"demo\",\"task\":\"%.*s\",\"status\":\"STOPPED\"}",
                        STR_ARGS(arns[i]));
    }
    world_advance(w, 30 * TIME_MINUTE_MS);
}

static void test_the_circuit_breaker_sends_it_back(void **state)
{
    struct world *w = *state;

    open_configured(w, PLAIN ",\"deploymentCircuitBreaker\":{\"enable\":true,\"rollback\":true}");
    deploy(w);
    for (int i = 0; i < 3; i++)
        fail_pending(w);
    settle(w);
    EXPECT_ROLLOUT(w, "status", "ROLLBACK_SUCCESSFUL");
    EXPECT_ROLLOUT(
        w, "statusReason",
        "Service deployment rolled back because the circuit breaker threshold was exceeded.");
    EXPECT_SERVICE(w, "runningCount", "2");
}

static void test_a_new_deployment_cuts_the_way_back_off(void **state)
{
    struct world *w = *state;

    open_configured(w, PLAIN);
    deploy(w);
    settle(w);
    world_callf(w, "StopServiceDeployment", "{\"serviceDeploymentArn\":\"%.*s\"}",
                STR_ARGS(deployment_arn(w)));
    deploy(w);
    for (int i = 0; i < 3; i++)
        settle(w);
    world_advance(w, 5 * TIME_MINUTE_MS);
    settle(w);
    EXPECT_ROLLOUT(w, "status", "SUCCESSFUL");
    EXPECT_SERVICE(w, "runningCount", "2");
}

// The source is on its way back to being COMPLETED when it is the source again.
static void test_a_rollback_goes_to_the_source_whatever_was_before(void **state)
{
    struct world *w = *state;
    struct str source;

    open_configured(w, PLAIN);
    deploy(w);
    settle(w);
    world_advance(w, 5 * TIME_MINUTE_MS);
    settle(w);
    EXPECT_ROLLOUT(w, "status", "SUCCESSFUL");
    source = service(w, "deployments.0.id");
    for (int i = 0; i < 2; i++) { // the first is overtaken on its way back by the second
        deploy(w);
        settle(w);
        world_callf(w, "StopServiceDeployment", "{\"serviceDeploymentArn\":\"%.*s\"}",
                    STR_ARGS(deployment_arn(w)));
        EXPECT_ROLLOUT(w, "status", "ROLLBACK_IN_PROGRESS");
        EXPECT_SERVICE(w, "deployments.0.id", str_cstr(&w->arena, source));
    }
    settle(w);
    EXPECT_ROLLOUT(w, "status", "ROLLBACK_SUCCESSFUL");
    EXPECT_SERVICE(w, "deployments.0.id", str_cstr(&w->arena, source));
}

// ---- pauses

#define PAUSE_AT(stage)                                                                            \
    PLAIN ",\"lifecycleHooks\":[{\"targetType\":\"PAUSE\",\"lifecycleStages\":[\"" stage "\"]}]"

static struct str hook_id(struct world *w)
{
    return rollout(w, "lifecycleHookDetails.0.hookId");
}

static struct str proceed(struct world *w, struct str hook, const char *action)
{
    return world_callf(w, "ContinueServiceDeployment",
                       "{\"serviceDeploymentArn\":\"%.*s\",\"hookId\":\"%.*s\",\"action\":\"%s\"}",
                       STR_ARGS(deployment_arn(w)), STR_ARGS(hook), action);
}

// The first deployment of a service pauses as well.
static void open_paused(struct world *w, const char *configuration)
{
    struct str more = str_fmt(&w->arena, ",\"deploymentConfiguration\":{%s}", configuration);

    launch_add_instance(w, "i1", 8192, 16384, "[]");
    launch_add_simple(w, "app", 256, 512);
    create(w, str_cstr(&w->arena, more));
    settle(w);
    proceed(w, hook_id(w), "CONTINUE");
    EXPECT_ROLLOUT(w, "status", "SUCCESSFUL");
    deploy(w);
    settle(w);
    EXPECT_ROLLOUT(w, "lifecycleHookDetails.0.status", "AWAITING_ACTION");
}

static void test_a_pause_waits_for_its_continue(void **state)
{
    struct world *w = *state;

    open_paused(w, PAUSE_AT("POST_TEST_TRAFFIC_SHIFT"));
    assert_true(str_starts(hook_id(w), STR("ecs-pause-")));
    assert_int_equal(hook_id(w).len, strlen("ecs-pause-") + 43);
    EXPECT_ROLLOUT(w, "lifecycleHookDetails.0.timeoutAction", "ROLLBACK");
    EXPECT_STR(get(w, proceed(w, hook_id(w), "CONTINUE"), "__type"), "");
    EXPECT_ROLLOUT(w, "lifecycleStage", "BAKE_TIME");
}

static void test_a_pause_may_end_with_a_rollback(void **state)
{
    struct world *w = *state;
    struct str hook;

    open_paused(w, PAUSE_AT("POST_TEST_TRAFFIC_SHIFT"));
    hook = hook_id(w);
    proceed(w, hook, "ROLLBACK");
    EXPECT_ROLLOUT(w, "status", "ROLLBACK_IN_PROGRESS");
    settle(w);
    EXPECT_ROLLOUT(w, "status", "ROLLBACK_SUCCESSFUL");
    EXPECT_ROLLOUT(w, "targetServiceRevision.requestedProductionTrafficWeight", "0.0");
    EXPECT_STR(rollout(w, "statusReason"),
               str_cstr(&w->arena,
                        str_fmt(&w->arena,
                                "Service deployment rolled back because POST_TEST_TRAFFIC_SHIFT "
                                "lifecycle hook(s) failed. Lifecycle hook %.*s was ended with the "
                                "action ROLLBACK.",
                                STR_ARGS(hook))));
}

static void test_a_wrong_hook_changes_nothing(void **state)
{
    struct world *w = *state;

    open_paused(w, PAUSE_AT("POST_TEST_TRAFFIC_SHIFT"));
    EXPECT_STR(get(w, proceed(w, STR("ecs-pause-none"), "CONTINUE"), "__type"),
               "InvalidParameterException");
    EXPECT_ROLLOUT(w, "lifecycleHookDetails.0.status", "AWAITING_ACTION");
}

static void test_a_pause_that_times_out_goes_on_or_back(void **state)
{
    struct world *w = *state;

    open_paused(w, PLAIN ",\"lifecycleHooks\":[{\"targetType\":\"PAUSE\",\"lifecycleStages\":["
                         "\"POST_SCALE_UP\"],\"timeoutConfiguration\":{\"timeoutInMinutes\":30,"
                         "\"action\":\"CONTINUE\"}}]");
    world_advance(w, 30 * TIME_MINUTE_MS);
    EXPECT_ROLLOUT(w, "lifecycleStage", "BAKE_TIME");
    update(w, ",\"forceNewDeployment\":true,\"deploymentConfiguration\":{\"lifecycleHooks\":[{"
              "\"targetType\":\"PAUSE\",\"lifecycleStages\":[\"PRE_SCALE_UP\"],"
              "\"timeoutConfiguration\":{\"timeoutInMinutes\":30}}]}");
    settle(w);
    settle(w);
    EXPECT_ROLLOUT(w, "lifecycleHookDetails.0.status", "AWAITING_ACTION");
    world_advance(w, 30 * TIME_MINUTE_MS);
    settle(w);
    EXPECT_ROLLOUT(w, "status", "ROLLBACK_SUCCESSFUL");
}

// The server is killed, and its one agent comes back.
static void restart(struct world *w)
{
    world_restart(w);
    world_connect(w, "demo", STR("arn:aws:ecs:us-east-1:123456789012:container-instance/demo/i1"));
}

static void test_a_restart_in_every_stage_changes_nothing(void **state)
{
    static const char *const pauses[] = {"PRE_SCALE_UP",
                                         "SCALE_UP",
                                         "POST_SCALE_UP",
                                         "POST_TEST_TRAFFIC_SHIFT",
                                         "PRODUCTION_TRAFFIC_SHIFT",
                                         "POST_PRODUCTION_TRAFFIC_SHIFT",
                                         "BAKE_TIME",
                                         "CLEAN_UP"};
    struct world *w = *state;

    open_configured(w, PLAIN);
    update(w, ",\"forceNewDeployment\":true,\"deploymentConfiguration\":{\"lifecycleHooks\":[{"
              "\"targetType\":\"PAUSE\",\"lifecycleStages\":[\"PRE_SCALE_UP\",\"POST_SCALE_UP\","
              "\"POST_TEST_TRAFFIC_SHIFT\",\"PRE_PRODUCTION_TRAFFIC_SHIFT\","
              "\"POST_PRODUCTION_TRAFFIC_SHIFT\"]}]}");
    for (size_t i = 0; i < sizeof pauses / sizeof *pauses; i++) {
        restart(w);
        EXPECT_ROLLOUT(w, "lifecycleStage", pauses[i]);
        if (hook_id(w).len > 0)
            EXPECT_STR(get(w, proceed(w, hook_id(w), "CONTINUE"), "__type"), "");
        else if (i == 6)
            world_advance(w, 5 * TIME_MINUTE_MS);
        else
            settle(w);
    }
    EXPECT_ROLLOUT(w, "status", "SUCCESSFUL");
    EXPECT_SERVICE(w, "runningCount", "2");
}

// ---- hooks that are called

#define HOOK_AT(stage)                                                                             \
    PLAIN ",\"lifecycleHooks\":[{\"hookTargetArn\":\"arn:hook\",\"roleArn\":\"arn:role\","         \
          "\"hookDetails\":{\"team\":\"blue\"},\"lifecycleStages\":[\"" stage "\"]}]"

// The calls there were so far, and the last of them.
static int calls(struct world *w, const struct hook_call **out)
{
    int n = 0;

    for (size_t i = 0; i < w->sent_n; i++) {
        if (w->sent[i].kind != EFFECT_HOOK_CALL)
            continue;
        *out = w->sent[i].value;
        n++;
    }
    return n;
}

static void answer(struct world *w, const struct hook_call *call, const struct hook_answer *said)
{
    struct hook_answer answer = *said;
    struct step step;

    answer.deployment_id = call->deployment_id;
    answer.hook_id = call->hook_id;
    world_begin(w, &step);
    hook_answered(&step, &answer);
    world_finish(w, &step);
}

static const struct hook_answer succeeded = {.result = HOOK_RESULT_SUCCEEDED};

static void open_hooked(struct world *w, const char *configuration)
{
    struct str members = str_fmt(
        &w->arena, ",\"forceNewDeployment\":true,\"deploymentConfiguration\":{%s}", configuration);

    open_configured(w, PLAIN);
    update(w, str_cstr(&w->arena, members));
    settle(w);
    EXPECT_ROLLOUT(w, "lifecycleHookDetails.0.status", "IN_PROGRESS");
}

static void test_a_hook_is_called_and_its_answer_awaited(void **state)
{
    struct world *w = *state;
    const struct hook_call *call;

    open_hooked(w, HOOK_AT("PRODUCTION_TRAFFIC_SHIFT"));
    assert_int_equal(calls(w, &call), 1);
    EXPECT_STR(call->target, "arn:hook");
    EXPECT_STR(call->request->lifecycle_stage, "PRODUCTION_TRAFFIC_SHIFT");
    EXPECT_STR(call->request->hook_details, "{\"team\":\"blue\"}");
    EXPECT_STR(call->request->resource_arn, str_cstr(&w->arena, deployment_arn(w)));
    EXPECT_STR(call->request->execution_details->production_traffic_weights,
               str_cstr(&w->arena, str_fmt(&w->arena, "{\"%.*s\":100.0}",
                                           STR_ARGS(rollout(w, "targetServiceRevision.arn")))));
    answer(w, call, &succeeded);
    EXPECT_ROLLOUT(w, "lifecycleStage", "BAKE_TIME");
}

static void test_a_hook_in_progress_is_called_again(void **state)
{
    struct world *w = *state;
    const struct hook_call *call;
    struct hook_answer later = {.result = HOOK_RESULT_IN_PROGRESS,
                                .delay = 5 * TIME_SECOND_MS,
                                .details = STR_INIT("{\"n\":1}")};

    open_hooked(w, HOOK_AT("POST_SCALE_UP"));
    for (int n = 1; n <= 3; n++) {
        assert_int_equal(calls(w, &call), n);
        answer(w, call, &later);
        world_advance(w, 4 * TIME_SECOND_MS);
        assert_int_equal(calls(w, &call), n);
        world_advance(w, TIME_SECOND_MS);
    }
    assert_int_equal(calls(w, &call), 4);
    EXPECT_STR(call->request->hook_details, "{\"n\":1}");
    answer(w, call, &succeeded);
    EXPECT_ROLLOUT(w, "lifecycleStage", "BAKE_TIME");
}

static void test_a_hook_that_fails_sends_it_back_and_hears_of_it(void **state)
{
    struct world *w = *state;
    const struct hook_call *call;
    struct hook_answer no = {.result = HOOK_RESULT_FAILED, .failure = HOOK_RETURNED_FAILED};

    open_hooked(w, HOOK_AT("POST_PRODUCTION_TRAFFIC_SHIFT\",\"PRODUCTION_TRAFFIC_SHIFT"));
    calls(w, &call);
    answer(w, call, &succeeded);
    assert_int_equal(calls(w, &call), 2);
    answer(w, call, &no);
    EXPECT_ROLLOUT(w, "status", "ROLLBACK_IN_PROGRESS");
    EXPECT_ROLLOUT(w, "statusReason",
                   "Service deployment rolled back because POST_PRODUCTION_TRAFFIC_SHIFT lifecycle "
                   "hook(s) failed. Lifecycle hook target arn:hook returned FAILED status.");
    EXPECT_ROLLOUT(w, "targetServiceRevision.requestedProductionTrafficWeight", "0.0");
    assert_int_equal(calls(w, &call), 3);
    EXPECT_STR(call->request->lifecycle_stage, "PRODUCTION_TRAFFIC_SHIFT");
    answer(w, call, &succeeded);
    settle(w);
    EXPECT_ROLLOUT(w, "status", "ROLLBACK_SUCCESSFUL");
    EXPECT_SERVICE(w, "runningCount", "2");
}

static void test_after_a_restart_an_unanswered_hook_is_called_again(void **state)
{
    struct world *w = *state;
    const struct hook_call *call;
    const struct hook_call *again;

    open_hooked(w, HOOK_AT("POST_SCALE_UP"));
    assert_int_equal(calls(w, &call), 1);
    world_advance(w, TIME_MINUTE_MS);
    assert_int_equal(calls(w, &call), 1);
    world_restart(w);
    world_advance(w, 1);
    assert_int_equal(calls(w, &again), 2);
    EXPECT_STR(again->hook_id, str_cstr(&w->arena, call->hook_id));
    answer(w, again, &succeeded);
    settle(w);
    EXPECT_ROLLOUT(w, "lifecycleStage", "BAKE_TIME");
}

// ---- alarms

#define ALARMS ",\"alarms\":{\"alarmNames\":[\"old\",\"new\"],\"enable\":true,\"rollback\":true}"

static int asked(struct world *w, const struct alarms_ask **out)
{
    int n = 0;

    for (size_t i = 0; i < w->sent_n; i++) {
        if (w->sent[i].kind != EFFECT_ALARMS_ASK)
            continue;
        *out = w->sent[i].value;
        n++;
    }
    return n;
}

static void ring(struct world *w, const char *name)
{
    const struct alarms_ask *ask;
    struct str names[] = {name != NULL ? str_of(name) : STR_NONE};
    struct alarms_answer answer = {.ringing = {.at = names, .n = name != NULL}};
    struct step step;

    assert_true(asked(w, &ask) > 0);
    answer.deployment_id = ask->deployment_id;
    world_begin(w, &step);
    alarms_answered(&step, &answer);
    world_finish(w, &step);
}

static void test_alarms_need_a_source(void **state)
{
    struct world *w = *state;

    launch_add_simple(w, "app", 256, 512);
    EXPECT_ERROR(w, "CreateService",
                 "{\"cluster\":\"demo\",\"serviceName\":\"web\",\"desiredCount\":2,"
                 "\"taskDefinition\":\"app\",\"deploymentConfiguration\":{\"alarms\":{"
                 "\"alarmNames\":[\"a\"],\"enable\":true,\"rollback\":true}}}",
                 "UnsupportedFeatureException",
                 "This server has no source of alarms. Start it with --alarms, or disable the "
                 "deployment alarms.");
}

static void test_an_alarm_rolls_a_rolling_deployment_back(void **state)
{
    struct world *w = *state;
    const struct alarms_ask *ask;

    w->state.config.has_alarms = true;
    open_steady(w, "");
    update(
        w,
        ",\"forceNewDeployment\":true,\"deploymentConfiguration\":{\"strategy\":\"ROLLING\"" ALARMS
        "}");
    ring(w, "old");
    EXPECT_ROLLOUT(w, "alarms.status", "MONITORING");
    world_advance(w, ALARMS_EVERY_MS);
    assert_int_equal(asked(w, &ask), 2);
    ring(w, "old"); // rang before: left out
    EXPECT_ROLLOUT(w, "status", "IN_PROGRESS");
    ring(w, "new");
    EXPECT_ROLLOUT(w, "status", "ROLLBACK_IN_PROGRESS");
    EXPECT_ROLLOUT(w, "alarms.status", "TRIGGERED");
    EXPECT_ROLLOUT(w, "alarms.triggeredAlarmNames.0", "new");
    EXPECT_ROLLOUT(w, "statusReason",
                   "Service deployment rolled back because a deployment alarm was detected.");
    settle(w);
    EXPECT_ROLLOUT(w, "status", "ROLLBACK_SUCCESSFUL");
}

static void test_with_alarms_a_rolling_deployment_bakes(void **state)
{
    struct world *w = *state;

    w->state.config.has_alarms = true;
    open_steady(w, "");
    update(
        w,
        ",\"forceNewDeployment\":true,\"deploymentConfiguration\":{\"bakeTimeInMinutes\":7" ALARMS
        "}");
    settle(w);
    settle(w);
    EXPECT_SERVICE(w, "runningCount", "2");
    EXPECT_ROLLOUT(w, "status", "IN_PROGRESS");
    world_advance(w, 7 * TIME_MINUTE_MS);
    EXPECT_ROLLOUT(w, "status", "SUCCESSFUL");
    EXPECT_ROLLOUT(w, "alarms.status", "MONITORING_COMPLETE");
}

static void test_an_alarm_in_the_bake_time_sends_a_shift_back(void **state)
{
    struct world *w = *state;

    w->state.config.has_alarms = true;
    open_configured(w, PLAIN);
    update(w, ",\"forceNewDeployment\":true,\"deploymentConfiguration\":{\"alarms\":{"
              "\"alarmNames\":[\"new\"],\"enable\":true,\"rollback\":true}}");
    ring(w, NULL);
    settle(w);
    EXPECT_ROLLOUT(w, "lifecycleStage", "BAKE_TIME");
    ring(w, "new");
    EXPECT_ROLLOUT(w, "status", "ROLLBACK_IN_PROGRESS");
    settle(w);
    EXPECT_ROLLOUT(w, "status", "ROLLBACK_SUCCESSFUL");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAUNCH_TEST(test_blue_green_has_both_until_the_bake_time_is_over),
        LAUNCH_TEST(test_a_linear_shift_goes_on_step_by_step),
        LAUNCH_TEST(test_the_desired_count_is_that_of_both),
        LAUNCH_TEST(test_a_restart_goes_on_where_it_was),
        LAUNCH_TEST(test_what_is_asked_to_stop_goes_back),
        LAUNCH_TEST(test_from_the_clean_up_the_source_is_built_up_again),
        LAUNCH_TEST(test_an_abort_leaves_things_as_they_are),
        LAUNCH_TEST(test_the_circuit_breaker_sends_it_back),
        LAUNCH_TEST(test_a_new_deployment_cuts_the_way_back_off),
        LAUNCH_TEST(test_a_rollback_goes_to_the_source_whatever_was_before),
        LAUNCH_TEST(test_a_pause_waits_for_its_continue),
        LAUNCH_TEST(test_a_pause_may_end_with_a_rollback),
        LAUNCH_TEST(test_a_wrong_hook_changes_nothing),
        LAUNCH_TEST(test_a_pause_that_times_out_goes_on_or_back),
        LAUNCH_TEST(test_a_restart_in_every_stage_changes_nothing),
        LAUNCH_TEST(test_a_hook_is_called_and_its_answer_awaited),
        LAUNCH_TEST(test_a_hook_in_progress_is_called_again),
        LAUNCH_TEST(test_a_hook_that_fails_sends_it_back_and_hears_of_it),
        LAUNCH_TEST(test_after_a_restart_an_unanswered_hook_is_called_again),
        LAUNCH_TEST(test_alarms_need_a_source),
        LAUNCH_TEST(test_an_alarm_rolls_a_rolling_deployment_back),
        LAUNCH_TEST(test_with_alarms_a_rolling_deployment_bakes),
        LAUNCH_TEST(test_an_alarm_in_the_bake_time_sends_a_shift_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
