// DeregisterContainerInstance: the instance becomes INACTIVE and its agent is sent away. What runs
// there is forgotten, by force: containers stay, but their tasks are STOPPED to the world.
// Repeating it succeeds while the instance is remembered. Source: ecs-behaviour-scheduler 5.3.

#include "base/arena.h"
#include "base/proof.h"
#include "core/lifecycle.h"
#include "model/cluster.h"
#include "model/instance.h"
#include "ops/find.h"

int op_deregister_container_instance(struct op_ctx *ctx,
                                     const struct ecs_deregister_container_instance_request *in,
                                     struct ecs_deregister_container_instance_response *out)
{
    struct instance *instance;
    struct cluster *cluster;

    if (op_find_cluster(ctx, in->cluster, &cluster) != OP_OK ||
        op_find_named_instance(ctx, cluster, in->container_instance, &instance) != OP_OK ||
        op_validate(ctx) != OP_OK)
        return OP_FAILED;
    if (instance_is_registered(instance)) {
        if (!list_is_empty(&instance->tasks) && !in->force) {
            MARK("an instance with tasks is deregistered by force only");
            return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                           "Found running tasks on the instance.");
        }
        instance_deregister(ctx->step, instance, ECS_TASK_STOP_CODE_USERINITIATED,
                            STR("Container instance deregistration forced by user"));
    } else {
        MARK("an instance is deregistered once");
    }
    SET(out, container_instance, arena_new(ctx->arena, struct ecs_container_instance));
    instance_view(ctx->state, instance, 0, ctx->arena, out->container_instance);
    return OP_OK;
}
