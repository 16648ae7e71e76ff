// The words of services. Source: ecs-behaviour-scheduler 2.6, 3.1, 3.3, 3.19, 4.3, 4.7.
//
// People and programs match on these texts, so each stands here once, whole, as ECS writes it:
// missing periods, a stray quote and "1 tasks" included. What is put together is put together from
// parts that a reader can find by searching for the words. Nothing here decides that something is
// said.

#include "core/service_texts.h"

#include <inttypes.h>
#include <stdarg.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "base/proof.h"

bool event_is_due(time_ms last, time_ms now)
{
    return last == 0 || now - last >= EVENT_REPEAT_MS;
}

// --- parts

static struct str say(const struct speaker *s, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static struct str say(const struct speaker *s, const char *fmt, ...)
{
    struct str words;
    va_list ap;

    va_start(ap, fmt);
    words.ptr = arena_vprintf(s->arena, &words.len, fmt, ap);
    va_end(ap);
    return str_fmt(s->arena, "(service %.*s) %.*s", STR_ARGS(s->service), STR_ARGS(words));
}

// "(task 0) (task 1)".
static struct str task_list(const struct speaker *s, const struct str_list *tasks)
{
    BUF_AUTO struct buf text = BUF_INIT;

    for (size_t i = 0; i < tasks->n; i++)
        buf_printf(&text, "%s(task %.*s)", i > 0 ? " " : "", STR_ARGS(tasks->at[i]));
    return str_copy(s->arena, buf_str(&text));
}

// "3 tasks in a, 1 tasks in b".
static struct str zone_list(const struct speaker *s, const struct zone_count *zones, size_t n)
{
    struct zone_count *sorted = arena_copy(s->arena, zones, n * sizeof *zones);
    BUF_AUTO struct buf text = BUF_INIT;

    zones_sort(sorted, n);
    for (size_t i = 0; i < n; i++)
        buf_printf(&text, "%s%" PRId64 " tasks in %.*s", i > 0 ? ", " : "", sorted[i].tasks,
                   STR_ARGS(sorted[i].zone));
    return str_copy(s->arena, buf_str(&text));
}

// --- A

struct str event_steady(const struct speaker *s)
{
    return say(s, "has reached a steady state.");
}

struct str event_started(const struct speaker *s, const struct str_list *tasks, int64_t replaced_n)
{
    struct str list = task_list(s, tasks);

    MARK_IF(replaced_n == 0, "event A2: tasks were started");
    MARK_IF(replaced_n > 0, "event A3: unhealthy tasks were replaced");
    if (replaced_n == 0)
        return say(s, "has started %zu tasks: %.*s.", tasks->n, STR_ARGS(list));
    return say(s,
               "has started %zu tasks: %.*s. Amazon ECS replaced %" PRId64
               " tasks due to an unhealthy status.",
               tasks->n, STR_ARGS(list), replaced_n);
}

struct str event_stopped(const struct speaker *s, const struct str_list *tasks)
{
    struct str list = task_list(s, tasks);

    MARK("event A4: tasks were stopped");
    return say(s, "has stopped %zu running tasks: %.*s.", tasks->n, STR_ARGS(list));
}

struct str event_stopped_pending(const struct speaker *s, int64_t n)
{
    MARK("event A5: tasks were given up before they ran");
    return say(s, "stopped %" PRId64 " pending tasks.", n);
}

struct str event_registered(const struct speaker *s, int64_t n, struct str group)
{
    return say(s, "registered %" PRId64 " targets in (target-group %.*s)", n, STR_ARGS(group));
}

struct str event_deregistered(const struct speaker *s, int64_t n, struct str group)
{
    return say(s, "deregistered %" PRId64 " targets in (target-group %.*s)", n, STR_ARGS(group));
}

// "(service web)", or "(service web, taskSet ecs-svc/1)".
static struct str title(const struct speaker *s, struct str task_set)
{
    if (task_set.len == 0)
        return str_fmt(s->arena, "(service %.*s)", STR_ARGS(s->service));
    return str_fmt(s->arena, "(service %.*s, taskSet %.*s)", STR_ARGS(s->service),
                   STR_ARGS(task_set));
}

struct str event_draining(const struct speaker *s, struct str task_set, int64_t n)
{
    return str_fmt(s->arena, "%.*s has begun draining connections on %" PRId64 " tasks.",
                   STR_ARGS(title(s, task_set)), n);
}

struct str event_completed(const struct speaker *s, struct str deployment)
{
    MARK("event A10: a deployment is completed");
    return say(s, "(deployment %.*s) deployment completed.", STR_ARGS(deployment));
}

struct str event_failed(const struct speaker *s, struct str deployment, struct str cause)
{
    MARK("event A11: a deployment failed");
    return say(s, "(deployment %.*s) deployment failed: %.*s.", STR_ARGS(deployment),
               STR_ARGS(cause));
}

struct str event_rolling_back(const struct speaker *s, struct str deployment)
{
    MARK("event A12: a service is rolled back");
    return say(s, "rolling back to deployment %.*s.", STR_ARGS(deployment));
}

struct str event_failed_health_checks(const struct speaker *s, struct str task)
{
    MARK("event A13: a task failed its health checks");
    return say(s, "(task %.*s) failed container health checks.", STR_ARGS(task));
}

// Only targets by instance end without a period.
struct str event_unhealthy_target(const struct speaker *s, const struct event_target *target)
{
    bool is_instance = target->task.len == 0;
    struct str who = is_instance ? target->instance : target->task;

    return str_fmt(s->arena,
                   "%.*s (%s %.*s) (port %d) is unhealthy in (target-group %.*s) due to "
                   "(reason %.*s)%s",
                   STR_ARGS(title(s, target->task_set)), is_instance ? "instance" : "task",
                   STR_ARGS(who), (int)target->port, STR_ARGS(target->group),
                   STR_ARGS(target->reason), is_instance ? "" : ".");
}

struct str event_unhealthy_classic(const struct speaker *s, struct str task, struct str instance,
                                   struct str balancer, struct str reason)
{
    return say(s, "(task %.*s) (instance %.*s) is unhealthy in (elb %.*s) due to (reason %.*s)",
               STR_ARGS(task), STR_ARGS(instance), STR_ARGS(balancer), STR_ARGS(reason));
}

struct str event_protected(const struct speaker *s, struct str task_set, int64_t n)
{
    MARK("event A18: protected tasks are in the way");
    return say(s,
               "was unable to reach steady state because (taskSet %.*s) was unable to scale in due "
               "to (reason %" PRId64 " tasks under protection)",
               STR_ARGS(task_set), n);
}

// --- B

#define UNPLACED                                                                                   \
    "was unable to place a task because no container instance met all of its requirements."
#define SEE_GUIDE                                                                                  \
    "For more information, see the Troubleshooting section of the Amazon ECS Developer Guide."

// What the closest instance lacks. Resources that have no words of their own are named.
static struct str lacks(struct arena *arena, enum place_reason reason)
{
    switch (reason) {
    case PLACE_AGENT: return STR("doesn't have the agent connected");
    case PLACE_CPU: return STR("has insufficient CPU units available");
    case PLACE_MEMORY: return STR("has insufficient memory available");
    case PLACE_PORTS:
    case PLACE_PORTS_UDP: return STR("is already using a port required by your task");
    case PLACE_GPU: return STR("has insufficient GPU available");
    case PLACE_ATTRIBUTE: return STR("is missing an attribute required by your task");
    case PLACE_MEMBER_OF:
    case PLACE_DISTINCT:
        return str_fmt(arena, "encountered error \"%.*s\"", STR_ARGS(place_reason_text(reason)));
    case PLACE_FITS:
    case PLACE_NO_INSTANCES:
    case PLACE_REASON_N: break;
    }
    UNREACHABLE();
}

struct str event_unplaced(const struct speaker *s, enum place_reason reason, struct str instance)
{
    struct str lack;

    MARK_IF(reason == PLACE_NO_INSTANCES, "event B2: there is no instance");
    MARK_IF(reason == PLACE_AGENT, "event B1: the closest instance has no agent");
    MARK_IF(reason == PLACE_CPU, "event B1: the closest instance lacks CPU");
    MARK_IF(reason == PLACE_MEMORY, "event B1: the closest instance lacks memory");
    MARK_IF(reason == PLACE_PORTS, "event B1: the closest instance lacks a port");
    MARK_IF(reason == PLACE_ATTRIBUTE, "event B1: the closest instance lacks an attribute");
    MARK_IF(reason == PLACE_MEMBER_OF, "event B1: the closest instance is not a member");
    MARK_IF(reason == PLACE_DISTINCT, "event B1: the closest instance has a task already");
    if (reason == PLACE_NO_INSTANCES)
        return say(s, UNPLACED
                   " Reason: No Container Instances were found in your cluster. " SEE_GUIDE);
    lack = lacks(s->arena, reason);
    return say(s, UNPLACED " The closest matching (container-instance %.*s) %.*s. " SEE_GUIDE,
               STR_ARGS(instance), STR_ARGS(lack));
}

static const char *const troubles[TROUBLE_N] = {
    [TROUBLE_PROVIDER_EMPTY] = "was unable to reach steady state. Reason: No Container Instances "
                               "were found in your capacity provider.",
    [TROUBLE_TASK_LIMIT] = "was unable to place a task. Reason: You've reached the limit on the "
                           "number of tasks you can run concurrently",
    [TROUBLE_VCPU_LIMIT] = "was unable to place a task. Reason: You've reached the limit on the "
                           "number of vCPUs you can run concurrently",
    [TROUBLE_INTERNAL] = "was unable to place a task. Reason: Internal error.",
    [TROUBLE_CPU_TOO_GREAT] = "was unable to place a task. Reason: The requested CPU configuration "
                              "is above your limit.",
    [TROUBLE_MEMORY_TOO_GREAT] = "was unable to place a task. Reason: The requested MEMORY "
                                 "configuration is above your limit.",
    [TROUBLE_NO_CAPACITY] = "was unable to place a task. Reason: Capacity is unavailable at this "
                            "time. Please try again later or in a different availability zone.",
    [TROUBLE_TOO_MANY_WAIT] = "was unable to place tasks in your cluster because the tasks "
                              "provisioning capacity limit was exceeded.",
    [TROUBLE_START_IMPAIRED] = "is unable to consistently start tasks successfully. For more "
                               "information, see the Troubleshooting section.",
    [TROUBLE_THROTTLED] = "operations are being throttled. Will try again later.",
    [TROUBLE_STUCK] = "was unable to stop or start tasks during a deployment because of the "
                      "service deployment configuration. Update the minimumHealthyPercent or "
                      "maximumPercent value and try again.",
    [TROUBLE_AGENT_TIMEOUT] = "Timed out waiting for Amazon ECS Agent to start. Please check logs "
                              "at /var/log/ecs/ecs-agent.log\".",
};

struct str event_trouble(const struct speaker *s, enum trouble trouble)
{
    ASSERT((unsigned)trouble < TROUBLE_N);
    MARK_IF(trouble == TROUBLE_START_IMPAIRED, "event B13: tasks do not start");
    MARK_IF(trouble == TROUBLE_STUCK, "event B15: the limits allow nothing");
    return say(s, "%s", troubles[trouble]);
}

struct str event_not_launched(const struct speaker *s, int64_t n, struct str deployment)
{
    return say(s, "could not launch %" PRId64 " tasks for deployment %.*s.", n,
               STR_ARGS(deployment));
}

struct str event_role_refused(const struct speaker *s, struct str role_arn)
{
    return say(s,
               "failed to launch a task with (error ECS was unable to assume the role '%.*s' that "
               "was provided for this task. Please verify that the role being passed has the "
               "proper trust relationship and permissions and that your IAM user has permissions "
               "to pass this role.).",
               STR_ARGS(role_arn));
}

// --- C

static struct str target_call_failed(const struct speaker *s, const char *call, struct str group,
                                     struct str error)
{
    return say(s, "failed to %s target-group %.*s with (error %.*s)", call, STR_ARGS(group),
               STR_ARGS(error));
}

struct str event_no_traffic(const struct speaker *s)
{
    return say(s, "has load balancers, but this server moves no traffic: targets are not "
                  "registered and weights are not set.");
}

struct str event_describe_failed(const struct speaker *s, struct str group, struct str error)
{
    return target_call_failed(s, "describe target health on", group, error);
}

struct str event_register_failed(const struct speaker *s, struct str group, struct str error)
{
    return target_call_failed(s, "register targets in", group, error);
}

struct str event_deregister_failed(const struct speaker *s, struct str group, struct str error)
{
    return target_call_failed(s, "deregister targets in", group, error);
}

struct str event_target_lost(const struct speaker *s, struct str task_set, struct str task,
                             struct str group, bool whole_group)
{
    return str_fmt(s->arena,
                   "(task set %.*s) (task %.*s) is not healthy in target-group (%.*s) due to %s",
                   STR_ARGS(task_set), STR_ARGS(task), STR_ARGS(group),
                   whole_group ? "TARGET GROUP IS NOT FOUND." : "TARGET IS NOT FOUND");
}

// --- D

struct str event_unbalanced(const struct speaker *s, const struct zone_count *zones, size_t n)
{
    struct str list = zone_list(s, zones, n);

    return say(s, "is not AZ balanced with %.*s. AZ Rebalancing in progress.", STR_ARGS(list));
}

struct str event_balanced(const struct speaker *s, const struct zone_count *zones, size_t n)
{
    struct str list = zone_list(s, zones, n);

    return say(s, "is AZ balanced with %.*s.", STR_ARGS(list));
}

struct str event_zone_started(const struct speaker *s, struct str zone,
                              const struct str_list *tasks)
{
    struct str list = task_list(s, tasks);

    return say(s, "has started %zu tasks in %.*s to AZ Rebalance: %.*s.", tasks->n, STR_ARGS(zone),
               STR_ARGS(list));
}

struct str event_zone_stopped(const struct speaker *s, struct str zone,
                              const struct str_list *tasks)
{
    struct str list = task_list(s, tasks);

    return say(s, "has stopped %zu running tasks in %.*s due to AZ rebalancing: %.*s.", tasks->n,
               STR_ARGS(zone), STR_ARGS(list));
}

struct str event_zone_full(const struct speaker *s, struct str zone)
{
    return say(s,
               "is unable to place a task in %.*s because no container instance met all of its "
               "requirements.",
               STR_ARGS(zone));
}

struct str event_zone_unplaced(const struct speaker *s, struct str zone)
{
    return say(s, "is unable to place a task in %.*s.", STR_ARGS(zone));
}

struct str event_rebalance_blocked(const struct speaker *s, struct str task_set, struct str reason)
{
    return say(s, "was unable to AZ Rebalance because %.*s was unable to scale in due to %.*s.",
               STR_ARGS(task_set), STR_ARGS(reason));
}

struct str event_rebalance_stopped(const struct speaker *s)
{
    return say(s, "stopped AZ Rebalancing.");
}

// --- rolloutStateReason

struct str rollout_reason_in_progress(struct arena *arena, struct str deployment)
{
    return str_fmt(arena, "ECS deployment %.*s in progress.", STR_ARGS(deployment));
}

struct str rollout_reason_completed(struct arena *arena, struct str deployment)
{
    return str_fmt(arena, "ECS deployment %.*s completed.", STR_ARGS(deployment));
}

struct str rollout_reason_rolling_back(struct arena *arena, struct str deployment)
{
    return str_fmt(arena, "ECS deployment circuit breaker: rolling back to deploymentId %.*s.",
                   STR_ARGS(deployment));
}

struct str rollout_reason_breaker(void)
{
    return STR("ECS deployment circuit breaker: tasks failed to start.");
}

struct str rollout_reason_alarm(void)
{
    return STR("ECS deployment failed: alarm detected.");
}

struct str rollout_reason_failed(struct arena *arena, struct str cause)
{
    return str_fmt(arena, "ECS deployment failed: %.*s.", STR_ARGS(cause));
}

// --- statusReason

#define ROLLED_BACK     "Service deployment rolled back because "
#define INVALID_NETWORK ROLLED_BACK "of invalid networking configuration"

struct str rollback_by_breaker(void)
{
    return STR(ROLLED_BACK "the circuit breaker threshold was exceeded.");
}

struct str rollback_by_alarm(void)
{
    return STR(ROLLED_BACK "a deployment alarm was detected.");
}

struct str rollback_by_unknown_group(void)
{
    return STR(INVALID_NETWORK ": Target group ARN is not associated with either "
                               "productionListenerRule or testListenerRule.");
}

struct str rollback_by_many_groups(struct arena *arena, struct str rule_arn, int64_t groups_n)
{
    return str_fmt(arena,
                   INVALID_NETWORK ". productionListenerRule %.*s should have exactly one target "
                                   "group serving traffic but found %" PRId64
                                   " target groups which are serving traffic",
                   STR_ARGS(rule_arn), groups_n);
}

struct str rollback_by_other_group(struct arena *arena, struct str group)
{
    return str_fmt(arena,
                   INVALID_NETWORK ". Production listener rule is forwarding traffic to unexpected "
                                   "target group %.*s",
                   STR_ARGS(group));
}

struct str rollback_by_permissions(struct arena *arena, struct str role_arn)
{
    return str_fmt(arena,
                   ROLLED_BACK "ECS was unable to manage the ELB resources due to missing "
                               "permissions on ECS Infrastructure Role '%.*s'.",
                   STR_ARGS(role_arn));
}

static struct str name_of_stage(enum deploy_stage stage)
{
    enum ecs_deployment_lifecycle_hook_stage hooks = deploy_stage_of_hooks(stage);

    if (hooks != ECS_DEPLOYMENT_LIFECYCLE_HOOK_STAGE_UNSET)
        return shape_enum_name(&ecs_deployment_lifecycle_hook_stage_enum, (int)hooks);
    return shape_enum_name(&ecs_service_deployment_lifecycle_stage_enum,
                           (int)deploy_stage_shown(stage));
}

struct str rollback_by_stage_timeout(struct arena *arena, enum deploy_stage stage)
{
    return str_fmt(arena, ROLLED_BACK "the %.*s lifecycle stage timed out.",
                   STR_ARGS(name_of_stage(stage)));
}

struct str rollback_by_timeout(void)
{
    return STR(ROLLED_BACK "the service deployment timed out.");
}

struct str rollback_by_request(void)
{
    return STR(ROLLED_BACK "it was asked to stop.");
}

static struct str hook_story(struct arena *arena, enum hook_failure failure, struct str subject,
                             struct str cause)
{
    switch (failure) {
    case HOOK_RETURNED_FAILED:
        return str_fmt(arena, "Lifecycle hook target %.*s returned FAILED status.",
                       STR_ARGS(subject));
    case HOOK_ROLE_REFUSED:
        return str_fmt(arena, "ECS was unable to assume role %.*s", STR_ARGS(subject));
    case HOOK_NOT_INVOKED:
        return str_fmt(arena, "ECS was unable to invoke hook target %.*s due to %.*s",
                       STR_ARGS(subject), STR_ARGS(cause));
    case HOOK_NOT_PARSED:
        return str_fmt(arena, "ECS was unable to parse the response from %.*s due to %.*s",
                       STR_ARGS(subject), STR_ARGS(cause));
    case HOOK_TIMED_OUT:
        return str_fmt(arena, "Lifecycle hook target %.*s timed out.", STR_ARGS(subject));
    case HOOK_ANSWERED_BACK:
        return str_fmt(arena, "Lifecycle hook %.*s was ended with the action ROLLBACK.",
                       STR_ARGS(subject));
    }
    UNREACHABLE();
}

struct str rollback_by_hook(struct arena *arena, enum deploy_stage stage, enum hook_failure failure,
                            struct str subject, struct str cause)
{
    struct str story = hook_story(arena, failure, subject, cause);

    return str_fmt(arena, ROLLED_BACK "%.*s lifecycle hook(s) failed. %.*s",
                   STR_ARGS(name_of_stage(stage)), STR_ARGS(story));
}

// --- stoppedReason

struct str stop_reason_scaling(struct arena *arena, struct str deployment)
{
    return str_fmt(arena, "Scaling activity initiated by (deployment %.*s)", STR_ARGS(deployment));
}

struct str stop_reason_rebalancing(struct arena *arena, struct str deployment)
{
    return str_fmt(arena, "Availability-zone rebalancing initiated by (deployment %.*s)",
                   STR_ARGS(deployment));
}

struct str stop_reason_target_group(struct arena *arena, struct str group)
{
    return str_fmt(arena, "Task failed ELB health checks in (target-group %.*s)", STR_ARGS(group));
}

struct str stop_reason_classic(struct arena *arena, struct str balancer)
{
    return str_fmt(arena, "Task failed ELB health checks in (elb %.*s)", STR_ARGS(balancer));
}

struct str stop_reason_health_checks(void)
{
    return STR("Task failed container health checks");
}
