// UpdateServicePrimaryTaskSet: the task set that stands for the service. Source: ecs-behaviour-api
// 7.7.

#include "base/arena.h"
#include "core/task_set.h"
#include "model/cluster.h"
#include "model/deployment.h"
#include "model/service.h"
#include "ops/task_sets.h"

int op_update_service_primary_task_set(struct op_ctx *ctx,
                                       const struct ecs_update_service_primary_task_set_request *in,
                                       struct ecs_update_service_primary_task_set_response *out)
{
    struct cluster *cluster;
    struct service *service;
    struct deployment *set;

    if (op_find_task_set_service(ctx, in->cluster, in->service, &cluster, &service) != OP_OK ||
        op_find_task_set(ctx, service, in->primary_task_set, "PrimaryTaskSet", &set) != OP_OK ||
        op_validate(ctx) != OP_OK)
        return OP_FAILED;
    if (set->rec->status == REC_DEPLOYMENT_STATUS_DRAINING)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "The specified task set is DRAINING.");
    task_set_promote(ctx->step, service, set);
    SET(out, task_set, arena_new(ctx->arena, struct ecs_task_set));
    task_set_view(ctx->state, set, true, ctx->arena, out->task_set);
    return OP_OK;
}
