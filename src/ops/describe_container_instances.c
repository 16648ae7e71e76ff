// DescribeContainerInstances: the instances asked for, each once, INACTIVE ones while they are
// remembered. Source: ecs-behaviour-api 7.8 and 16.

#include "base/arena.h"
#include "model/cluster.h"
#include "model/instance.h"
#include "ops/find.h"

enum { INSTANCES_MAX = 100 };

static unsigned include_of(const struct ecs_describe_container_instances_request *in)
{
    static const unsigned flags[ECS_CONTAINER_INSTANCE_FIELD_N] = {
        [ECS_CONTAINER_INSTANCE_FIELD_TAGS] = INSTANCE_INCLUDE_TAGS,
        [ECS_CONTAINER_INSTANCE_FIELD_CONTAINER_INSTANCE_HEALTH] = INSTANCE_INCLUDE_HEALTH,
    };
    unsigned include = 0;

    for (size_t i = 0; i < in->include.n; i++)
        include |= flags[in->include.at[i]];
    return include;
}

static bool is_listed(const struct ecs_describe_container_instances_response *out, struct str arn)
{
    for (size_t i = 0; i < out->container_instances.n; i++) {
        if (str_eq(out->container_instances.at[i].container_instance_arn, arn))
            return true;
    }
    for (size_t i = 0; i < out->failures.n; i++) {
        if (str_eq(out->failures.at[i].arn, arn))
            return true;
    }
    return false;
}

static void describe(struct op_ctx *ctx, const struct cluster *cluster, struct str reference,
                     unsigned include, struct ecs_describe_container_instances_response *out)
{
    const struct instance *instance = op_find_instance(ctx, cluster, reference);
    struct str arn = instance != NULL
                         ? instance_arn(ctx->state, instance, ctx->arena)
                         : op_missing_arn(ctx, "container-instance", cluster, reference);

    if (is_listed(out, arn))
        return;
    if (instance == NULL || instance_is_fargate(instance))
        out->failures.at[out->failures.n++] = op_failure(arn, STR("MISSING"));
    else
        instance_view(ctx->state, instance, include, ctx->arena,
                      &out->container_instances.at[out->container_instances.n++]);
}

int op_describe_container_instances(struct op_ctx *ctx,
                                    const struct ecs_describe_container_instances_request *in,
                                    struct ecs_describe_container_instances_response *out)
{
    size_t n = in->container_instances.n;
    struct cluster *cluster;

    if (op_find_cluster_any(ctx, in->cluster, &cluster) != OP_OK ||
        op_check_instances(ctx, &in->container_instances, INSTANCES_MAX) != OP_OK ||
        op_validate(ctx) != OP_OK)
        return OP_FAILED;
    out->has.container_instances = out->has.failures = true;
    out->container_instances.at = arena_array(ctx->arena, struct ecs_container_instance, n);
    out->failures.at = arena_array(ctx->arena, struct ecs_failure, n);
    for (size_t i = 0; i < n; i++)
        describe(ctx, cluster, in->container_instances.at[i], include_of(in), out);
    return OP_OK;
}
