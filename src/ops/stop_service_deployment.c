// StopServiceDeployment: back to where the service was before. Source: ecs-behaviour-api 7.6,
// ecs-behaviour-scheduler 4.3.

#include "core/deploy.h"
#include "core/deployment_status.h"
#include "model/deployment.h"
#include "model/service.h"
#include "ops/service_parts.h"

static bool can_be_stopped(enum ecs_service_deployment_status status)
{
    return status == ECS_SERVICE_DEPLOYMENT_STATUS_PENDING ||
           status == ECS_SERVICE_DEPLOYMENT_STATUS_IN_PROGRESS;
}

int op_stop_service_deployment(struct op_ctx *ctx,
                               const struct ecs_stop_service_deployment_request *in,
                               struct ecs_stop_service_deployment_response *out)
{
    bool abort = in->stop_type == ECS_STOP_SERVICE_DEPLOYMENT_STOP_TYPE_ABORT;
    struct service_deployment *deployment;
    struct rec_service_deployment *next;

    if (op_validate(ctx) != OP_OK ||
        op_find_service_deployment(ctx, in->service_deployment_arn, &deployment) != OP_OK)
        return OP_FAILED;
    if (service_deployment_is_final(deployment->rec->status))
        return op_fail(ctx, ECS_ERROR_CONFLICT_EXCEPTION,
                       "The service deployment is not in progress.");
    if (can_be_stopped(deployment->rec->status)) {
        next = service_deployment_edit(ctx->step, deployment);
        SET(next, status,
            abort ? ECS_SERVICE_DEPLOYMENT_STATUS_STOP_REQUESTED
                  : ECS_SERVICE_DEPLOYMENT_STATUS_ROLLBACK_REQUESTED);
        service_deployment_change(ctx->step, deployment, next);
        service_mark(ctx->state, service_get(ctx->state, deployment->part.service_id));
    }
    SET(out, service_deployment_arn, in->service_deployment_arn);
    return OP_OK;
}
