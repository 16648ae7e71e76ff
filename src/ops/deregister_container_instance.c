// DeregisterContainerInstance: the instance becomes INACTIVE and its agent is sent away. What runs
// there is forgotten, by force: containers stay, but their tasks are STOPPED to the world.
// Repeating it succeeds while the instance is remembered. Source: ecs-behaviour-scheduler 5.3.

#include "base/arena.h"
#include "base/proof.h"
#include "core/lifecycle.h"
#include "core/sessions.h"
#include "model/cluster.h"
#include "model/instance.h"
#include "model/task.h"
#include "ops/find.h"

static void orphan_tasks(struct op_ctx *ctx, struct instance *instance)
{
    MARK_IF(!list_is_empty(&instance->tasks), "a deregistered instance orphans its tasks");
    LIST_EACH_SAFE (&instance->tasks, it)
        task_finish(ctx->step, LIST_ENTRY(it, struct task, on_instance),
                    ECS_TASK_STOP_CODE_USERINITIATED,
                    STR("Container instance deregistration forced by user"));
}

static void deregister(struct op_ctx *ctx, struct instance *instance)
{
    struct rec_instance_state next;

    orphan_tasks(ctx, instance);
    sessions_end(ctx->step, instance, STR("The container instance was deregistered."));
    next = *instance->st;
    SET(&next, status, REC_INSTANCE_STATUS_INACTIVE);
    SET(&next, deregistered_at, ctx->step->now);
    instance_change(ctx->step, instance, &next);
}

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
        deregister(ctx, instance);
    } else {
        MARK("an instance is deregistered once");
    }
    SET(out, container_instance, arena_new(ctx->arena, struct ecs_container_instance));
    instance_view(ctx->state, instance, 0, ctx->arena, out->container_instance);
    return OP_OK;
}
