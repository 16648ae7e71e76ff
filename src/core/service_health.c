// Essential containers with a health check speak for the task; a task without any counts as healthy
// once it has been RUNNING for a while.

#include "core/service_health.h"

#include "model/service.h"
#include "model/task.h"
#include "model/task_definition.h"

static const time_ms running_ms = 40 * TIME_SECOND_MS;

enum verdict { NO_CHECKS, NOT_YET, HEALTHY, UNHEALTHY };

static enum verdict checks_say(const struct rec_task *rec,
                               const struct ecs_task_definition *definition)
{
    enum verdict verdict = NO_CHECKS;

    for (size_t i = 0; i < rec->containers.n; i++) {
        const struct ecs_container_definition *c = &definition->container_definitions.at[i];
        enum ecs_health_status status = rec->containers.at[i].health_status;

        if (!c->essential || !c->has.health_check)
            continue;
        if (status == ECS_HEALTH_STATUS_UNHEALTHY)
            return UNHEALTHY;
        if (status != ECS_HEALTH_STATUS_HEALTHY)
            verdict = NOT_YET;
        else if (verdict == NO_CHECKS)
            verdict = HEALTHY;
    }
    return verdict;
}

struct service_health service_health(const struct state *state, const struct service *service,
                                     const struct task *task, time_ms now)
{
    const struct task_definition *definition = task_definition_get(state, task->definition_id);
    time_ms started = task->rec->started_at;
    time_ms grace_over = started + service->rec->health_check_grace_period_seconds * TIME_SECOND_MS;

    if (task->rec->last_status != REC_TASK_STATUS_RUNNING || !task_is_wanted(task))
        return (struct service_health){0};
    switch (checks_say(task->rec, definition->rec->definition)) {
    case HEALTHY: return (struct service_health){.healthy = true};
    case NOT_YET: return (struct service_health){0};
    case UNHEALTHY:
        if (now >= grace_over)
            return (struct service_health){.unhealthy = true};
        return (struct service_health){.changes_at = grace_over};
    case NO_CHECKS:
        if (now >= started + running_ms)
            return (struct service_health){.healthy = true};
        return (struct service_health){.changes_at = started + running_ms};
    }
    return (struct service_health){0};
}
