// The two machines of breaker.h, kept in the deployment's record. The service deployment that is
// under way shows the breaker's count.

#include "core/outcome.h"

#include "base/arena.h"
#include "base/proof.h"
#include "core/deploy.h"
#include "model/deployment.h"
#include "model/service.h"
#include "model/task.h"

struct breaker_rule outcome_rule(const struct service *service)
{
    const struct ecs_deployment_configuration *config = service->rec->deployment_configuration;

    return breaker_rule_of(config != NULL ? config->deployment_circuit_breaker : NULL);
}

static bool is_under_way(const struct deployment *deployment)
{
    return deployment->rec->rollout_state == ECS_DEPLOYMENT_ROLLOUT_STATE_IN_PROGRESS;
}

static struct breaker breaker_of(const struct deployment *deployment)
{
    return (struct breaker){
        .failures = deployment->rec->breaker_failures,
        .has_run = deployment->rec->has_run,
    };
}

struct backoff outcome_backoff(const struct deployment *deployment)
{
    return (struct backoff){
        .failed_tasks = deployment->rec->failed_tasks,
        .attempts = deployment->rec->failed_attempts,
        .failed_at = deployment->rec->failed_at,
    };
}

bool outcome_is_tripped(const struct state *state, const struct deployment *deployment)
{
    const struct service *service = service_get(state, deployment->part.service_id);
    struct breaker_rule rule = outcome_rule(service);
    struct breaker breaker = breaker_of(deployment);

    if (!is_under_way(deployment))
        return false;
    return breaker_after(breaker, &rule, service->rec->desired_count, BREAKER_COUNT_CHANGED)
        .tripped;
}

static void show_count(struct step *step, const struct service *service,
                       const struct breaker_rule *rule, const struct breaker *breaker)
{
    struct service_deployment *newest = service_newest_deployment(service);
    struct rec_service_deployment *next;

    if (newest == NULL || newest->rec->status != ECS_SERVICE_DEPLOYMENT_STATUS_IN_PROGRESS)
        return;
    next = service_deployment_edit(step, newest);
    SET(next, breaker_failures, (int32_t)breaker->failures);
    SET(next, breaker_threshold, (int32_t)breaker_threshold(rule, service->rec->desired_count));
    SET(next, breaker_status, breaker_status(breaker, rule, false));
    service_deployment_change(step, newest, next);
}

static void feed_breaker(struct step *step, const struct deployment *deployment,
                         enum breaker_event event, struct rec_deployment *next)
{
    const struct service *service = service_get(step->state, deployment->part.service_id);
    struct breaker_rule rule = outcome_rule(service);
    struct breaker before = breaker_of(deployment);
    struct breaker after;

    if (!is_under_way(deployment) || !rule.enabled)
        return;
    after = breaker_after(before, &rule, service->rec->desired_count, event);
    MARK_IF(after.failures > before.failures && !before.has_run,
            "the breaker counts a failed start");
    MARK_IF(after.failures > before.failures && before.has_run,
            "the breaker counts a replaced task");
    MARK_IF(after.failures < before.failures, "a healthy task resets the breaker");
    SET(next, breaker_failures, (int32_t)after.failures);
    if (after.failures != before.failures)
        show_count(step, service, &rule, &after);
}

static void keep_backoff(struct rec_deployment *next, const struct backoff *backoff)
{
    SET(next, failed_tasks, (int32_t)backoff->failed_tasks);
    SET(next, failed_attempts, (int32_t)backoff->attempts);
    SET(next, failed_at, backoff->failed_at);
}

static void task_runs(struct step *step, struct deployment *deployment)
{
    struct rec_deployment *next = deployment_edit(step, deployment);
    struct backoff backoff = backoff_none();

    if (deployment->rec->has_run && deployment->rec->failed_tasks == 0)
        return;
    MARK_IF(deployment->rec->failed_tasks > 0, "a task that runs ends the back-off");
    feed_breaker(step, deployment, BREAKER_TASK_RUNNING, next);
    SET(next, has_run, true);
    keep_backoff(next, &backoff);
    deployment_change(step, deployment, next);
}

static void task_failed(struct step *step, struct deployment *deployment,
                        const struct rec_task *rec)
{
    struct rec_deployment *next = deployment_edit(step, deployment);
    struct backoff backoff =
        backoff_failed(outcome_backoff(deployment), rec->created_at, rec->stopped_at);

    feed_breaker(step, deployment, BREAKER_TASK_NOT_STARTED, next);
    keep_backoff(next, &backoff);
    deployment_change(step, deployment, next);
}

void outcome_moved(struct step *step, const struct task *task, const struct rec_task *before)
{
    struct deployment *deployment = deployment_get(step->state, (uint64_t)task->rec->deployment_id);

    if (deployment == NULL)
        return;
    if (!before->has.started_at && task->rec->has.started_at)
        task_runs(step, deployment);
    if (before->last_status < REC_TASK_STATUS_STOPPED && task_is_stopped(task) &&
        task->rec->stop_code == ECS_TASK_STOP_CODE_TASKFAILEDTOSTART)
        task_failed(step, deployment, task->rec);
}

static void feed(struct step *step, struct deployment *deployment, enum breaker_event event)
{
    struct rec_deployment *next = deployment_edit(step, deployment);

    feed_breaker(step, deployment, event, next);
    if (next->breaker_failures != deployment->rec->breaker_failures)
        deployment_change(step, deployment, next);
}

void outcome_healthy(struct step *step, struct deployment *deployment)
{
    feed(step, deployment, BREAKER_TASK_HEALTHY);
}

void outcome_replaced(struct step *step, struct deployment *deployment)
{
    feed(step, deployment, BREAKER_TASK_REPLACED);
}
