// The circuit breaker and the back-off. Source: ecs-behaviour-scheduler 3.8 and 3.9.
//
// The breaker has two stages. Before any task of the deployment has been RUNNING, a task that fails
// to get there counts; afterwards only a task that is replaced because a health check failed. So a
// task that runs and exits by itself is replaced for ever and counts nowhere. The threshold is
// worked out again at each event, from the desired count of that moment.
//
// The back-off counts attempts, not tasks, since it is the attempts that it spaces out. How it
// grows is not published: the third failed attempt in a row waits 5 seconds, each further one twice
// as long. What could not be placed is no failed start; the caller does not report it here.

#include "core/breaker.h"

#include "base/assert.h"

// --- the circuit breaker

enum { THRESHOLD_MIN = 3, THRESHOLD_MAX = 200, DEFAULT_PERCENT = 50 };

struct breaker_rule breaker_rule_of(const struct ecs_deployment_circuit_breaker *config)
{
    struct breaker_rule rule = {
        .reset_on_healthy_task = true,
        .type = ECS_THRESHOLD_TYPE_BOUNDED_PERCENT,
        .value = DEFAULT_PERCENT,
    };

    if (config == NULL)
        return rule;
    rule.enabled = config->enable;
    if (config->has.reset_on_healthy_task)
        rule.reset_on_healthy_task = config->reset_on_healthy_task;
    if (config->has.threshold_configuration) {
        rule.type = config->threshold_configuration->type;
        rule.value = config->threshold_configuration->value;
    }
    return rule;
}

static int64_t within(int64_t n, int64_t least, int64_t most)
{
    if (n < least)
        return least;
    return n > most ? most : n;
}

int64_t breaker_threshold(const struct breaker_rule *rule, int64_t desired)
{
    int64_t share = (desired * rule->value + 99) / 100;

    ASSERT(desired >= 0 && desired <= INT32_MAX);
    ASSERT(rule->value > 0 && rule->value <= INT32_MAX);
    switch (rule->type) {
    case ECS_THRESHOLD_TYPE_COUNT: return rule->value;
    case ECS_THRESHOLD_TYPE_UNBOUNDED_PERCENT: return share > 0 ? share : 1;
    case ECS_THRESHOLD_TYPE_BOUNDED_PERCENT: return within(share, THRESHOLD_MIN, THRESHOLD_MAX);
    case ECS_THRESHOLD_TYPE_UNSET: break;
    }
    UNREACHABLE();
}

struct breaker breaker_after(struct breaker now, const struct breaker_rule *rule, int64_t desired,
                             enum breaker_event event)
{
    ASSERT(now.failures >= 0);
    if (!rule->enabled || now.tripped)
        return now;
    switch (event) {
    case BREAKER_TASK_NOT_STARTED: now.failures += !now.has_run; break;
    case BREAKER_TASK_REPLACED: now.failures += now.has_run; break;
    case BREAKER_TASK_RUNNING: now.has_run = true; break;
    case BREAKER_TASK_HEALTHY:
        if (rule->reset_on_healthy_task)
            now.failures = 0;
        break;
    case BREAKER_COUNT_CHANGED: break;
    }
    now.tripped = now.failures >= breaker_threshold(rule, desired);
    return now;
}

enum ecs_service_deployment_rollback_monitors_status
breaker_status(const struct breaker *breaker, const struct breaker_rule *rule, bool over)
{
    if (breaker->tripped)
        return ECS_SERVICE_DEPLOYMENT_ROLLBACK_MONITORS_STATUS_TRIGGERED;
    if (!rule->enabled)
        return ECS_SERVICE_DEPLOYMENT_ROLLBACK_MONITORS_STATUS_DISABLED;
    return over ? ECS_SERVICE_DEPLOYMENT_ROLLBACK_MONITORS_STATUS_MONITORING_COMPLETE
                : ECS_SERVICE_DEPLOYMENT_ROLLBACK_MONITORS_STATUS_MONITORING;
}

// --- the back-off of starts

enum {
    FREE_ATTEMPTS = 2, // failed attempts that are followed by the next one at once
    DELAY_FIRST_MS = 5 * TIME_SECOND_MS,
    DELAY_MAX_MS = 27 * TIME_MINUTE_MS,
};

time_ms backoff_delay(int64_t attempts)
{
    time_ms delay = DELAY_FIRST_MS;

    ASSERT(attempts >= 0);
    if (attempts <= FREE_ATTEMPTS)
        return 0;
    for (int64_t k = attempts - FREE_ATTEMPTS; k > 1 && delay < DELAY_MAX_MS; k--)
        delay *= 2;
    return delay < DELAY_MAX_MS ? delay : DELAY_MAX_MS;
}

struct backoff backoff_failed(struct backoff now, time_ms created_at, time_ms stopped_at)
{
    bool is_another = now.attempts == 0 || created_at >= now.failed_at;

    now.failed_tasks++;
    if (is_another) {
        now.attempts++;
        now.failed_at = stopped_at;
    }
    return now;
}

struct backoff backoff_none(void)
{
    return (struct backoff){0};
}

time_ms backoff_until(const struct backoff *backoff)
{
    return backoff->failed_at + backoff_delay(backoff->attempts);
}

bool backoff_is_impaired(const struct backoff *backoff)
{
    return backoff_delay(backoff->attempts) > 0;
}
