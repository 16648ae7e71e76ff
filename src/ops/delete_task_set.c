// DeleteTaskSet: the set drains, and is gone with its last task. Source: ecs-behaviour-api 7.7.

#include "base/arena.h"
#include "core/task_set.h"
#include "model/cluster.h"
#include "model/deployment.h"
#include "model/service.h"
#include "ops/task_sets.h"

#define BAD(ctx, ...) op_fail((ctx), ECS_ERROR_INVALID_PARAMETER_EXCEPTION, __VA_ARGS__)

static int check_unused(struct op_ctx *ctx, const struct deployment *set)
{
    if (set->rec->status == REC_DEPLOYMENT_STATUS_PRIMARY)
        return BAD(ctx, "The primary task set cannot be deleted without force.");
    if (set->rec->scale > 0)
        return BAD(ctx, "The task set cannot be deleted while it is scaled above 0.");
    return OP_OK;
}

int op_delete_task_set(struct op_ctx *ctx, const struct ecs_delete_task_set_request *in,
                       struct ecs_delete_task_set_response *out)
{
    struct cluster *cluster;
    struct service *service;
    struct deployment *set;
    bool is_draining;

    if (op_find_task_set_service(ctx, in->cluster, in->service, &cluster, &service) != OP_OK ||
        op_find_task_set(ctx, service, in->task_set, "TaskSet", &set) != OP_OK ||
        op_validate(ctx) != OP_OK)
        return OP_FAILED;
    is_draining = set->rec->status == REC_DEPLOYMENT_STATUS_DRAINING;
    if (!is_draining && !in->force && check_unused(ctx, set) != OP_OK)
        return OP_FAILED;
    if (!is_draining)
        task_set_drain(ctx->step, set);
    SET(out, task_set, arena_new(ctx->arena, struct ecs_task_set));
    task_set_view(ctx->state, set, true, ctx->arena, out->task_set);
    return OP_OK;
}
