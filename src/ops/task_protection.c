// UpdateTaskProtection and GetTaskProtection: tasks of services that scale-in and deployments leave
// alone for a while. Source: ecs-behaviour-api 7.11 and 19, ecs-behaviour-scheduler 3.14.

#include "base/arena.h"
#include "core/lifecycle.h"
#include "model/cluster.h"
#include "model/service.h"
#include "model/task.h"
#include "ops/find.h"

enum { UPDATE_MAX = 10, GET_MAX = 100, MINUTES_DEFAULT = 120, MINUTES_MAX = 2880 };

// Only a task of a REPLICA service that is to go on can be protected.
static bool is_valid(const struct op_ctx *ctx, const struct task *task)
{
    const struct service *service = service_get(ctx->state, (uint64_t)task->rec->service_id);

    return service != NULL && task_is_wanted(task) &&
           service->rec->scheduling_strategy == ECS_SCHEDULING_STRATEGY_REPLICA;
}

static bool is_protected(const struct op_ctx *ctx, const struct task *task)
{
    return task->rec->protected_until > ctx->step->now;
}

// More tasks are protected already than the service is to have.
static bool is_blocked(const struct op_ctx *ctx, const struct task *task)
{
    const struct service *service = service_get(ctx->state, (uint64_t)task->rec->service_id);
    int32_t n = 0;

    LIST_EACH (&service->tasks, it)
        n += is_protected(ctx, LIST_ENTRY(it, struct task, in_service));
    return n > service->rec->desired_count;
}

static void view(const struct op_ctx *ctx, const struct task *task, struct ecs_protected_task *out)
{
    SET(out, task_arn, task_arn(ctx->state, task, ctx->arena));
    SET(out, protection_enabled, is_protected(ctx, task));
    if (is_protected(ctx, task))
        SET(out, expiration_date, task->rec->protected_until);
}

static void protect(struct op_ctx *ctx, struct task *task, time_ms until)
{
    struct rec_task *next = task_edit(ctx->step, task);

    if (next->protected_until == until)
        return;
    SET(next, protected_until, until);
    task_change(ctx->step, task, next);
}

static int check_update(struct op_ctx *ctx, const struct ecs_update_task_protection_request *in)
{
    if (in->tasks.n == 0)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "Tasks cannot be empty.");
    if (op_check_count(ctx, in->tasks.n, UPDATE_MAX, "Tasks") != OP_OK)
        return OP_FAILED;
    if (in->has.expires_in_minutes && !in->protection_enabled)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "expiresInMinutes can only be specified when protectionEnabled is true.");
    if (in->has.expires_in_minutes &&
        (in->expires_in_minutes < 1 || in->expires_in_minutes > MINUTES_MAX))
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "expiresInMinutes must be between 1 and %d.", MINUTES_MAX);
    return op_validate(ctx);
}

static struct str refusal(const struct op_ctx *ctx, const struct task *task, bool enable)
{
    if (task == NULL)
        return STR("MISSING");
    if (!is_valid(ctx, task))
        return STR("TASK_NOT_VALID");
    if (enable && !is_protected(ctx, task) && is_blocked(ctx, task))
        return STR("DEPLOYMENT_BLOCKED");
    return STR_NONE;
}

int op_update_task_protection(struct op_ctx *ctx,
                              const struct ecs_update_task_protection_request *in,
                              struct ecs_update_task_protection_response *out)
{
    int32_t minutes = in->has.expires_in_minutes ? in->expires_in_minutes : MINUTES_DEFAULT;
    time_ms now = ctx->step->now;
    time_ms until = in->protection_enabled ? now + (time_ms)minutes * TIME_MINUTE_MS : now;
    struct cluster *cluster;

    if (op_find_cluster(ctx, in->cluster, &cluster) != OP_OK || check_update(ctx, in) != OP_OK)
        return OP_FAILED;
    out->has.protected_tasks = out->has.failures = true;
    out->protected_tasks.at = arena_array(ctx->arena, struct ecs_protected_task, in->tasks.n);
    out->failures.at = arena_array(ctx->arena, struct ecs_failure, in->tasks.n);
    for (size_t i = 0; i < in->tasks.n; i++) {
        struct task *task = op_find_task(ctx, cluster, in->tasks.at[i]);
        struct str reason = refusal(ctx, task, in->protection_enabled);

        if (reason.len > 0) {
            out->failures.at[out->failures.n++] =
                op_failure(op_missing_arn(ctx, "task", cluster, in->tasks.at[i]), reason);
            continue;
        }
        if (in->protection_enabled || is_protected(ctx, task))
            protect(ctx, task, until);
        view(ctx, task, &out->protected_tasks.at[out->protected_tasks.n++]);
    }
    return OP_OK;
}

int op_get_task_protection(struct op_ctx *ctx, const struct ecs_get_task_protection_request *in,
                           struct ecs_get_task_protection_response *out)
{
    struct cluster *cluster;

    if (op_find_cluster(ctx, in->cluster, &cluster) != OP_OK)
        return OP_FAILED;
    if (in->tasks.n == 0)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "Tasks cannot be empty.");
    if (op_check_count(ctx, in->tasks.n, GET_MAX, "Tasks") != OP_OK || op_validate(ctx) != OP_OK)
        return OP_FAILED;
    out->has.protected_tasks = out->has.failures = true;
    out->protected_tasks.at = arena_array(ctx->arena, struct ecs_protected_task, in->tasks.n);
    out->failures.at = arena_array(ctx->arena, struct ecs_failure, in->tasks.n);
    for (size_t i = 0; i < in->tasks.n; i++) {
        struct task *task = op_find_task(ctx, cluster, in->tasks.at[i]);
        struct str reason = refusal(ctx, task, false);

        if (reason.len > 0)
            out->failures.at[out->failures.n++] =
                op_failure(op_missing_arn(ctx, "task", cluster, in->tasks.at[i]), reason);
        else
            view(ctx, task, &out->protected_tasks.at[out->protected_tasks.n++]);
    }
    return OP_OK;
}
