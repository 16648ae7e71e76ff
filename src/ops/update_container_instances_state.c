// UpdateContainerInstancesState: instances are drained or taken back. Draining only ends placement;
// standalone tasks stay. Source: ecs-behaviour-scheduler 5.2, ecs-behaviour-api 7.8.

#include "base/arena.h"
#include "base/proof.h"
#include "core/lifecycle.h"
#include "model/cluster.h"
#include "model/instance.h"
#include "model/provider.h"
#include "model/task.h"
#include "ops/find.h"

enum { INSTANCES_MAX = 10 };

static int read_status(struct op_ctx *ctx, enum ecs_container_instance_status asked,
                       enum rec_instance_status *out)
{
    *out = asked == ECS_CONTAINER_INSTANCE_STATUS_ACTIVE ? REC_INSTANCE_STATUS_ACTIVE
                                                         : REC_INSTANCE_STATUS_DRAINING;
    if (asked != ECS_CONTAINER_INSTANCE_STATUS_ACTIVE &&
        asked != ECS_CONTAINER_INSTANCE_STATUS_DRAINING)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "Container instance status should be one of [ACTIVE, DRAINING]");
    return OP_OK;
}

static void set_status(struct op_ctx *ctx, struct instance *instance,
                       enum rec_instance_status status)
{
    struct rec_instance_state next = *instance->st;

    if (next.status == status)
        return;
    MARK_IF(status == REC_INSTANCE_STATUS_DRAINING, "an instance is drained");
    MARK_IF(status == REC_INSTANCE_STATUS_ACTIVE, "a drained instance is activated again");
    SET(&next, status, status);
    instance_change(ctx->step, instance, &next);
}

// Draining a host of FARGATE_SPOT is what the interruption of its tasks is here.
static void interrupt(struct op_ctx *ctx, struct instance *instance)
{
    if (!str_eq(instance->provider, STR(PROVIDER_FARGATE_SPOT)) || !instance_is_fargate(instance))
        return;
    LIST_EACH_SAFE (&instance->tasks, it)
        task_stop(ctx->step, LIST_ENTRY(it, struct task, on_instance),
                  ECS_TASK_STOP_CODE_SPOTINTERRUPTION, STR("Your Spot Task was interrupted."));
}

static bool is_listed(const struct ecs_update_container_instances_state_response *out,
                      struct str arn)
{
    for (size_t i = 0; i < out->container_instances.n; i++) {
        if (str_eq(out->container_instances.at[i].container_instance_arn, arn))
            return true;
    }
    return false;
}

static void update(struct op_ctx *ctx, const struct cluster *cluster, struct str reference,
                   enum rec_instance_status status,
                   struct ecs_update_container_instances_state_response *out)
{
    struct instance *instance = op_find_instance(ctx, cluster, reference);
    struct ecs_failure *failure = &out->failures.at[out->failures.n];
    struct str arn;

    if (instance == NULL) {
        arn = op_missing_arn(ctx, "container-instance", cluster, reference);
        *failure = op_failure(arn, STR("MISSING"));
        out->failures.n++;
        return;
    }
    arn = instance_arn(ctx->state, instance, ctx->arena);
    if (!instance_is_registered(instance)) {
        MARK("a deregistered instance is neither drained nor activated");
        *failure = op_failure(arn, STR("INACTIVE"));
        out->failures.n++;
    } else if (!is_listed(out, arn)) {
        set_status(ctx, instance, status);
        if (status == REC_INSTANCE_STATUS_DRAINING)
            interrupt(ctx, instance);
        instance_view(ctx->state, instance, 0, ctx->arena,
                      &out->container_instances.at[out->container_instances.n++]);
    }
}

int op_update_container_instances_state(
    struct op_ctx *ctx, const struct ecs_update_container_instances_state_request *in,
    struct ecs_update_container_instances_state_response *out)
{
    size_t n = in->container_instances.n;
    enum rec_instance_status status;
    struct cluster *cluster;

    if (op_find_cluster(ctx, in->cluster, &cluster) != OP_OK ||
        op_check_instances(ctx, &in->container_instances, INSTANCES_MAX) != OP_OK ||
        read_status(ctx, in->status, &status) != OP_OK || op_validate(ctx) != OP_OK)
        return OP_FAILED;
    out->has.container_instances = out->has.failures = true;
    out->container_instances.at = arena_array(ctx->arena, struct ecs_container_instance, n);
    out->failures.at = arena_array(ctx->arena, struct ecs_failure, n);
    for (size_t i = 0; i < n; i++)
        update(ctx, cluster, in->container_instances.at[i], status, out);
    return OP_OK;
}
