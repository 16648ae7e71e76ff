// The signs of a task, read from its record and its definition, and from what load balancers say.

#include "core/service_health.h"

#include "base/proof.h"
#include "core/traffic.h"
#include "model/deployment.h"
#include "model/service.h"
#include "model/task.h"
#include "model/task_definition.h"

static enum check_result result_of(const struct rec_task_container *container)
{
    switch (container->health_status) {
    case ECS_HEALTH_STATUS_HEALTHY: return CHECK_PASSED;
    case ECS_HEALTH_STATUS_UNHEALTHY: return CHECK_FAILED;
    case ECS_HEALTH_STATUS_UNKNOWN:
    case ECS_HEALTH_STATUS_UNSET: break;
    }
    return CHECK_WAITING;
}

static enum check_result containers_say(const struct rec_task *rec,
                                        const struct ecs_task_definition *definition)
{
    enum check_result worst = CHECK_NONE;

    for (size_t i = 0; i < rec->containers.n; i++) {
        const struct ecs_container_definition *c = &definition->container_definitions.at[i];

        if (c->essential && c->has.health_check)
            worst = check_worse(worst, result_of(&rec->containers.at[i]));
    }
    return worst;
}

static enum check_result traffic_says(const struct state *state, const struct task *task)
{
    const struct deployment *deployment;
    const struct revision *revision;

    if (!state->config.has_traffic)
        return CHECK_NONE;
    deployment = deployment_get(state, (uint64_t)task->rec->deployment_id);
    if (deployment == NULL)
        return CHECK_NONE;
    revision = revision_get(state, (uint64_t)deployment->rec->revision_id);
    if (!traffic_is_moved(state, revision))
        return CHECK_NONE;
    if (task->target_is_ill)
        return CHECK_FAILED;
    return task->rec->traffic == REC_TASK_TRAFFIC_IN ? CHECK_PASSED : CHECK_WAITING;
}

struct task_health service_health(const struct state *state, const struct service *service,
                                  const struct task *task, time_ms now)
{
    const struct task_definition *definition = task_definition_get(state, task->definition_id);
    struct task_signs signs = {
        .is_running = task->rec->last_status == REC_TASK_STATUS_RUNNING && task_is_wanted(task),
        .started_at = task->rec->started_at,
        .containers = containers_say(task->rec, definition->rec->definition),
        .traffic = traffic_says(state, task),
        .grace = (time_ms)service->rec->health_check_grace_period_seconds * TIME_SECOND_MS,
    };

    MARK_IF(signs.containers == CHECK_FAILED && now < signs.started_at + signs.grace,
            "a check fails in the grace period");
    MARK_IF(signs.containers == CHECK_PASSED, "a task is healthy by its checks");
    return task_health(&signs, now);
}
