// ContinueServiceDeployment: ends a pause of a deployment that shifts traffic. Source:
// ecs-behaviour-api 7.6, ecs-behaviour-scheduler 4.5.

#include "core/hooks.h"
#include "model/deployment.h"
#include "ops/service_parts.h"

int op_continue_service_deployment(struct op_ctx *ctx,
                                   const struct ecs_continue_service_deployment_request *in,
                                   struct ecs_continue_service_deployment_response *out)
{
    struct service_deployment *deployment;
    enum ecs_deployment_lifecycle_hook_action action =
        in->has.action ? in->action : ECS_DEPLOYMENT_LIFECYCLE_HOOK_ACTION_CONTINUE;

    if (op_validate(ctx) != OP_OK ||
        op_find_service_deployment(ctx, in->service_deployment_arn, &deployment) != OP_OK)
        return OP_FAILED;
    if (deployment->rec->status != ECS_SERVICE_DEPLOYMENT_STATUS_IN_PROGRESS)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "The service deployment is not in progress.");
    if (hook_awaiting(deployment->rec, in->hook_id) == NULL)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "The lifecycle hook %.*s is not awaiting an action.", STR_ARGS(in->hook_id));
    hook_end_pause(ctx->step, deployment, in->hook_id, action);
    SET(out, service_deployment_arn, in->service_deployment_arn);
    return OP_OK;
}
