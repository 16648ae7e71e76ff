#include "core/service_texts.h"

#include "base/test.h"

#define DEP   STR("ecs-svc/1637086347952626779")
#define GROUP STR("arn:tg")

static struct arena arena;
static struct speaker web;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena);
    web = (struct speaker){.arena = &arena, .service = STR("web")};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_deinit(&arena);
    return 0;
}

static struct str_list tasks(size_t n)
{
    static struct str ids[] = {STR_INIT("0f"), STR_INIT("1e"), STR_INIT("2d")};

    return (struct str_list){.n = n, .at = ids};
}

static void normal_operation_is_told(void **state)
{
    struct str_list one = tasks(1);
    struct str_list two = tasks(2);
    (void)state;

    EXPECT_STR(event_steady(&web), "(service web) has reached a steady state.");
    EXPECT_STR(event_started(&web, &one, 0), "(service web) has started 1 tasks: (task 0f).");
    EXPECT_STR(event_started(&web, &two, 0),
               "(service web) has started 2 tasks: (task 0f) (task 1e).");
    EXPECT_STR(event_started(&web, &two, 1),
               "(service web) has started 2 tasks: (task 0f) (task 1e). Amazon ECS replaced 1 "
               "tasks due to an unhealthy status.");
    EXPECT_STR(event_stopped(&web, &one), "(service web) has stopped 1 running tasks: (task 0f).");
    EXPECT_STR(event_stopped(&web, &two),
               "(service web) has stopped 2 running tasks: (task 0f) (task 1e).");
    EXPECT_STR(event_stopped_pending(&web, 3), "(service web) stopped 3 pending tasks.");
}

static void great_batches_are_listed_whole(void **state)
{
    enum { N = 500, EACH = sizeof "(task 0123456789abcdef0123456789abcdef) " - 1 };
    struct str_list all = {.n = N, .at = arena_array(&arena, struct str, N)};
    struct str text;
    (void)state;

    for (size_t i = 0; i < N; i++)
        all.at[i] = STR("0123456789abcdef0123456789abcdef");
    text = event_started(&web, &all, 0);
    assert_int_equal(text.len, sizeof "(service web) has started 500 tasks: " - 1 + N * EACH);
    assert_true(str_ends(text, STR(" (task 0123456789abcdef0123456789abcdef).")));
}

static void traffic_is_told(void **state)
{
    (void)state;
    EXPECT_STR(event_registered(&web, 1, GROUP),
               "(service web) registered 1 targets in (target-group arn:tg)");
    EXPECT_STR(event_deregistered(&web, 2, GROUP),
               "(service web) deregistered 2 targets in (target-group arn:tg)");
    EXPECT_STR(event_draining(&web, STR_NONE, 2),
               "(service web) has begun draining connections on 2 tasks.");
    EXPECT_STR(event_draining(&web, DEP, 1),
               "(service web, taskSet ecs-svc/1637086347952626779) has begun draining connections "
               "on 1 tasks.");
}

static void deployments_are_told(void **state)
{
    (void)state;
    EXPECT_STR(event_completed(&web, DEP),
               "(service web) (deployment ecs-svc/1637086347952626779) deployment completed.");
    EXPECT_STR(event_failed(&web, DEP, STR("tasks failed to start")),
               "(service web) (deployment ecs-svc/1637086347952626779) deployment failed: tasks "
               "failed to start.");
    EXPECT_STR(event_no_traffic(&web),
               "(service web) has load balancers, but this server moves no traffic: targets are "
               "not registered and weights are not set.");
    EXPECT_STR(event_rolling_back(&web, DEP),
               "(service web) rolling back to deployment ecs-svc/1637086347952626779.");
}

static void unhealthy_tasks_are_told(void **state)
{
    struct event_target target = {
        .task = STR("0f"), .port = 80, .group = GROUP, .reason = STR("Request timed out")};
    (void)state;

    EXPECT_STR(event_failed_health_checks(&web, STR("0f")),
               "(service web) (task 0f) failed container health checks.");
    EXPECT_STR(event_unhealthy_target(&web, &target),
               "(service web) (task 0f) (port 80) is unhealthy in (target-group arn:tg) due to "
               "(reason Request timed out).");
    target.task_set = STR("ecs-svc/1");
    target.reason = STR("Health checks failed with these codes: [503]");
    EXPECT_STR(event_unhealthy_target(&web, &target),
               "(service web, taskSet ecs-svc/1) (task 0f) (port 80) is unhealthy in (target-group "
               "arn:tg) due to (reason Health checks failed with these codes: [503]).");
    target = (struct event_target){.instance = STR("i-1"),
                                   .port = 32768,
                                   .group = GROUP,
                                   .reason = STR("Health checks failed")};
    EXPECT_STR(event_unhealthy_target(&web, &target),
               "(service web) (instance i-1) (port 32768) is unhealthy in (target-group arn:tg) "
               "due to (reason Health checks failed)");
    EXPECT_STR(event_unhealthy_classic(&web, STR("0f"), STR("i-1"), STR("old"), STR("R")),
               "(service web) (task 0f) (instance i-1) is unhealthy in (elb old) due to (reason "
               "R)");
}

static void protection_is_told(void **state)
{
    (void)state;
    EXPECT_STR(event_protected(&web, STR("ecs-svc/1"), 2),
               "(service web) was unable to reach steady state because (taskSet ecs-svc/1) was "
               "unable to scale in due to (reason 2 tasks under protection)");
}

static void an_unplaced_task_names_who_came_closest(void **state)
{
    static const struct {
        enum place_reason reason;
        const char *words;
    } rows[] = {
        {PLACE_AGENT, "doesn't have the agent connected"},
        {PLACE_CPU, "has insufficient CPU units available"},
        {PLACE_MEMORY, "has insufficient memory available"},
        {PLACE_PORTS, "is already using a port required by your task"},
        {PLACE_PORTS_UDP, "is already using a port required by your task"},
        {PLACE_GPU, "has insufficient GPU available"},
        {PLACE_ATTRIBUTE, "is missing an attribute required by your task"},
        {PLACE_MEMBER_OF, "encountered error \"MemberOf placement constraint unsatisfied.\""},
        {PLACE_DISTINCT, "encountered error \"DistinctInstance placement constraint "
                         "unsatisfied.\""},
    };

    (void)state;
    assert_int_equal(sizeof rows / sizeof *rows, PLACE_REASON_N - 2);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        EXPECT_STR(event_unplaced(&web, rows[i].reason, STR("77aa")),
                   arena_printf(&arena,
                                "(service web) was unable to place a task because no container "
                                "instance met all of its requirements. The closest matching "
                                "(container-instance 77aa) %s. For more information, see the "
                                "Troubleshooting section of the Amazon ECS Developer Guide.",
                                rows[i].words));
    EXPECT_STR(event_unplaced(&web, PLACE_NO_INSTANCES, STR_NONE),
               "(service web) was unable to place a task because no container instance met all of "
               "its requirements. Reason: No Container Instances were found in your cluster. For "
               "more information, see the Troubleshooting section of the Amazon ECS Developer "
               "Guide.");
}

static void troubles_are_told(void **state)
{
    static const char *const words[TROUBLE_N] = {
        [TROUBLE_PROVIDER_EMPTY] = "was unable to reach steady state. Reason: No Container "
                                   "Instances were found in your capacity provider.",
        [TROUBLE_TASK_LIMIT] = "was unable to place a task. Reason: You've reached the limit on "
                               "the number of tasks you can run concurrently",
        [TROUBLE_VCPU_LIMIT] = "was unable to place a task. Reason: You've reached the limit on "
                               "the number of vCPUs you can run concurrently",
        [TROUBLE_INTERNAL] = "was unable to place a task. Reason: Internal error.",
        [TROUBLE_CPU_TOO_GREAT] = "was unable to place a task. Reason: The requested CPU "
                                  "configuration is above your limit.",
        [TROUBLE_MEMORY_TOO_GREAT] = "was unable to place a task. Reason: The requested MEMORY "
                                     "configuration is above your limit.",
        [TROUBLE_NO_CAPACITY] = "was unable to place a task. Reason: Capacity is unavailable at "
                                "this time. Please try again later or in a different availability "
                                "zone.",
        [TROUBLE_TOO_MANY_WAIT] = "was unable to place tasks in your cluster because the tasks "
                                  "provisioning capacity limit was exceeded.",
        [TROUBLE_START_IMPAIRED] = "is unable to consistently start tasks successfully. For more "
                                   "information, see the Troubleshooting section.",
        [TROUBLE_THROTTLED] = "operations are being throttled. Will try again later.",
        [TROUBLE_STUCK] = "was unable to stop or start tasks during a deployment because of the "
                          "service deployment configuration. Update the minimumHealthyPercent or "
                          "maximumPercent value and try again.",
        [TROUBLE_AGENT_TIMEOUT] = "Timed out waiting for Amazon ECS Agent to start. Please check "
                                  "logs at /var/log/ecs/ecs-agent.log\".",
    };

    (void)state;
    for (int i = 0; i < TROUBLE_N; i++)
        EXPECT_STR(event_trouble(&web, (enum trouble)i),
                   arena_printf(&arena, "(service web) %s", words[i]));
}

static void failed_launches_are_told(void **state)
{
    (void)state;
    EXPECT_STR(event_not_launched(&web, 4, STR("ecs-svc/1")),
               "(service web) could not launch 4 tasks for deployment ecs-svc/1.");
    EXPECT_STR(event_role_refused(&web, STR("arn:aws:iam::1:role/r")),
               "(service web) failed to launch a task with (error ECS was unable to assume the "
               "role 'arn:aws:iam::1:role/r' that was provided for this task. Please verify that "
               "the role being passed has the proper trust relationship and permissions and that "
               "your IAM user has permissions to pass this role.).");
}

static void load_balancer_trouble_is_told(void **state)
{
    (void)state;
    EXPECT_STR(event_describe_failed(&web, GROUP, STR("no answer")),
               "(service web) failed to describe target health on target-group arn:tg with (error "
               "no answer)");
    EXPECT_STR(event_register_failed(&web, GROUP, STR("no answer")),
               "(service web) failed to register targets in target-group arn:tg with (error no "
               "answer)");
    EXPECT_STR(event_deregister_failed(&web, GROUP, STR("no answer")),
               "(service web) failed to deregister targets in target-group arn:tg with (error no "
               "answer)");
    EXPECT_STR(event_target_lost(&web, STR("ecs-svc/1"), STR("0f"), GROUP, true),
               "(task set ecs-svc/1) (task 0f) is not healthy in target-group (arn:tg) due to "
               "TARGET GROUP IS NOT FOUND.");
    EXPECT_STR(event_target_lost(&web, STR("ecs-svc/1"), STR("0f"), GROUP, false),
               "(task set ecs-svc/1) (task 0f) is not healthy in target-group (arn:tg) due to "
               "TARGET IS NOT FOUND");
}

static void zones_are_listed_from_the_fullest(void **state)
{
    struct zone_count uneven[] = {{STR("z1c"), 1}, {STR("z1a"), 3}, {STR("z1b"), 1}};
    struct zone_count even[] = {{STR("z1c"), 1}, {STR("z1b"), 2}, {STR("z1a"), 2}};
    (void)state;

    EXPECT_STR(event_unbalanced(&web, uneven, 3),
               "(service web) is not AZ balanced with 3 tasks in z1a, 1 tasks in z1b, 1 tasks in "
               "z1c. AZ Rebalancing in progress.");
    EXPECT_STR(event_balanced(&web, even, 3),
               "(service web) is AZ balanced with 2 tasks in z1a, 2 tasks in z1b, 1 tasks in z1c.");
    EXPECT_STR(uneven[0].zone, "z1c"); // the caller's order stays
}

static void rebalancing_is_told(void **state)
{
    struct str_list two = tasks(2);
    (void)state;

    EXPECT_STR(event_zone_started(&web, STR("z1b"), &two),
               "(service web) has started 2 tasks in z1b to AZ Rebalance: (task 0f) (task 1e).");
    EXPECT_STR(event_zone_stopped(&web, STR("z1a"), &two),
               "(service web) has stopped 2 running tasks in z1a due to AZ rebalancing: (task 0f) "
               "(task 1e).");
    EXPECT_STR(event_zone_full(&web, STR("z1b")),
               "(service web) is unable to place a task in z1b because no container instance met "
               "all of its requirements.");
    EXPECT_STR(event_zone_unplaced(&web, STR("z1b")),
               "(service web) is unable to place a task in z1b.");
    EXPECT_STR(event_rebalance_blocked(&web, STR("ecs-svc/1"), STR("protection")),
               "(service web) was unable to AZ Rebalance because ecs-svc/1 was unable to scale in "
               "due to protection.");
    EXPECT_STR(event_rebalance_stopped(&web), "(service web) stopped AZ Rebalancing.");
}

static void rollout_states_have_their_reasons(void **state)
{
    (void)state;
    EXPECT_STR(rollout_reason_in_progress(&arena, STR("ecs-svc/1")),
               "ECS deployment ecs-svc/1 in progress.");
    EXPECT_STR(rollout_reason_completed(&arena, STR("ecs-svc/1")),
               "ECS deployment ecs-svc/1 completed.");
    EXPECT_STR(rollout_reason_rolling_back(&arena, STR("ecs-svc/1")),
               "ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/1.");
    EXPECT_STR(rollout_reason_breaker(), "ECS deployment circuit breaker: tasks failed to start.");
    EXPECT_STR(rollout_reason_alarm(), "ECS deployment failed: alarm detected.");
    EXPECT_STR(rollout_reason_failed(&arena, STR("it timed out")),
               "ECS deployment failed: it timed out.");
}

static void rollbacks_have_their_reasons(void **state)
{
    (void)state;
    EXPECT_STR(rollback_by_breaker(), "Service deployment rolled back because the circuit breaker "
                                      "threshold was exceeded.");
    EXPECT_STR(rollback_by_alarm(),
               "Service deployment rolled back because a deployment alarm was detected.");
    EXPECT_STR(rollback_by_unknown_group(),
               "Service deployment rolled back because of invalid networking configuration: Target "
               "group ARN is not associated with either productionListenerRule or "
               "testListenerRule.");
    EXPECT_STR(rollback_by_many_groups(&arena, STR("arn:rule"), 2),
               "Service deployment rolled back because of invalid networking configuration. "
               "productionListenerRule arn:rule should have exactly one target group serving "
               "traffic but found 2 target groups which are serving traffic");
    EXPECT_STR(rollback_by_other_group(&arena, GROUP),
               "Service deployment rolled back because of invalid networking configuration. "
               "Production listener rule is forwarding traffic to unexpected target group arn:tg");
    EXPECT_STR(rollback_by_permissions(&arena, STR("arn:role")),
               "Service deployment rolled back because ECS was unable to manage the ELB resources "
               "due to missing permissions on ECS Infrastructure Role 'arn:role'.");
    EXPECT_STR(rollback_by_stage_timeout(&arena, DEPLOY_STAGE_SCALE_UP),
               "Service deployment rolled back because the SCALE_UP lifecycle stage timed out.");
    EXPECT_STR(rollback_by_timeout(),
               "Service deployment rolled back because the service deployment timed out.");
    EXPECT_STR(rollback_by_request(),
               "Service deployment rolled back because it was asked to stop.");
}

static void failed_hooks_have_their_reasons(void **state)
{
    enum deploy_stage stage = DEPLOY_STAGE_PRE_PRODUCTION_TRAFFIC_SHIFT;
    struct str arn = STR("arn:f");
    (void)state;

    EXPECT_STR(rollback_by_hook(&arena, stage, HOOK_RETURNED_FAILED, arn, STR_NONE),
               "Service deployment rolled back because PRE_PRODUCTION_TRAFFIC_SHIFT lifecycle "
               "hook(s) failed. Lifecycle hook target arn:f returned FAILED status.");
    EXPECT_STR(rollback_by_hook(&arena, stage, HOOK_ROLE_REFUSED, STR("arn:role"), STR_NONE),
               "Service deployment rolled back because PRE_PRODUCTION_TRAFFIC_SHIFT lifecycle "
               "hook(s) failed. ECS was unable to assume role arn:role");
    EXPECT_STR(rollback_by_hook(&arena, stage, HOOK_NOT_INVOKED, arn, STR("a timeout")),
               "Service deployment rolled back because PRE_PRODUCTION_TRAFFIC_SHIFT lifecycle "
               "hook(s) failed. ECS was unable to invoke hook target arn:f due to a timeout");
    EXPECT_STR(rollback_by_hook(&arena, DEPLOY_STAGE_POST_SCALE_UP, HOOK_NOT_PARSED, arn,
                                STR("HookStatus must not be null")),
               "Service deployment rolled back because POST_SCALE_UP lifecycle hook(s) failed. ECS "
               "was unable to parse the response from arn:f due to HookStatus must not be null");
    EXPECT_STR(rollback_by_hook(&arena, DEPLOY_STAGE_POST_SCALE_UP, HOOK_TIMED_OUT, arn, STR_NONE),
               "Service deployment rolled back because POST_SCALE_UP lifecycle hook(s) failed. "
               "Lifecycle hook target arn:f timed out.");
    EXPECT_STR(rollback_by_hook(&arena, DEPLOY_STAGE_POST_SCALE_UP, HOOK_ANSWERED_BACK,
                                STR("ecs-pause-1"), STR_NONE),
               "Service deployment rolled back because POST_SCALE_UP lifecycle hook(s) failed. "
               "Lifecycle hook ecs-pause-1 was ended with the action ROLLBACK.");
}

static void stopped_tasks_have_their_reasons(void **state)
{
    (void)state;
    EXPECT_STR(stop_reason_scaling(&arena, STR("ecs-svc/1")),
               "Scaling activity initiated by (deployment ecs-svc/1)");
    EXPECT_STR(stop_reason_rebalancing(&arena, STR("ecs-svc/1")),
               "Availability-zone rebalancing initiated by (deployment ecs-svc/1)");
    EXPECT_STR(stop_reason_target_group(&arena, GROUP),
               "Task failed ELB health checks in (target-group arn:tg)");
    EXPECT_STR(stop_reason_classic(&arena, STR("old")),
               "Task failed ELB health checks in (elb old)");
    EXPECT_STR(stop_reason_health_checks(), "Task failed container health checks");
}

static void the_same_words_are_said_again_after_six_hours(void **state)
{
    const time_ms now = 1000 * TIME_DAY_MS;
    (void)state;

    assert_true(event_is_due(0, now));
    assert_false(event_is_due(now, now));
    assert_false(event_is_due(now - 6 * (time_ms)TIME_HOUR_MS + 1, now));
    assert_true(event_is_due(now - 6 * (time_ms)TIME_HOUR_MS, now));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(normal_operation_is_told),
        CASE(great_batches_are_listed_whole),
        CASE(traffic_is_told),
        CASE(deployments_are_told),
        CASE(unhealthy_tasks_are_told),
        CASE(protection_is_told),
        CASE(an_unplaced_task_names_who_came_closest),
        CASE(troubles_are_told),
        CASE(failed_launches_are_told),
        CASE(load_balancer_trouble_is_told),
        CASE(zones_are_listed_from_the_fullest),
        CASE(rebalancing_is_told),
        CASE(rollout_states_have_their_reasons),
        CASE(rollbacks_have_their_reasons),
        CASE(failed_hooks_have_their_reasons),
        CASE(stopped_tasks_have_their_reasons),
        CASE(the_same_words_are_said_again_after_six_hours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
