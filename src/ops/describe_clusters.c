// DescribeClusters: the clusters asked for, each once, INACTIVE ones while they are remembered.
// Source: ecs-behaviour-api 7.1 and 16.

#include "base/arena.h"
#include "model/arn.h"
#include "model/cluster.h"
#include "ops/find.h"

enum { CLUSTERS_MAX = 100 };

static unsigned include_of(const struct ecs_describe_clusters_request *in)
{
    static const unsigned flags[ECS_CLUSTER_FIELD_N] = {
        [ECS_CLUSTER_FIELD_ATTACHMENTS] = CLUSTER_INCLUDE_ATTACHMENTS,
        [ECS_CLUSTER_FIELD_CONFIGURATIONS] = CLUSTER_INCLUDE_CONFIGURATIONS,
        [ECS_CLUSTER_FIELD_SETTINGS] = CLUSTER_INCLUDE_SETTINGS,
        [ECS_CLUSTER_FIELD_STATISTICS] = CLUSTER_INCLUDE_STATISTICS,
        [ECS_CLUSTER_FIELD_TAGS] = CLUSTER_INCLUDE_TAGS,
    };
    unsigned include = 0;

    for (size_t i = 0; i < in->include.n; i++)
        include |= flags[in->include.at[i]];
    return include;
}

static bool is_listed(const struct ecs_describe_clusters_response *out, struct str arn)
{
    for (size_t i = 0; i < out->clusters.n; i++) {
        if (str_eq(out->clusters.at[i].cluster_arn, arn))
            return true;
    }
    for (size_t i = 0; i < out->failures.n; i++) {
        if (str_eq(out->failures.at[i].arn, arn))
            return true;
    }
    return false;
}

static void describe(struct op_ctx *ctx, struct str reference, unsigned include,
                     struct ecs_describe_clusters_response *out)
{
    struct scope here = op_scope(ctx);
    struct str name = op_cluster_name(ctx, reference);
    const struct cluster *cluster = cluster_find(ctx->state, ctx->caller.region, name);
    struct str arn = arn_looks_like_one(name) ? name : arn_make(ctx->arena, &here, "cluster", name);

    if (is_listed(out, arn))
        return;
    if (cluster == NULL)
        out->failures.at[out->failures.n++] = op_failure(arn, STR("MISSING"));
    else
        cluster_view(ctx->state, cluster, include, ctx->arena,
                     &out->clusters.at[out->clusters.n++]);
}

int op_describe_clusters(struct op_ctx *ctx, const struct ecs_describe_clusters_request *in,
                         struct ecs_describe_clusters_response *out)
{
    size_t n = in->clusters.n > 0 ? in->clusters.n : 1;

    if (op_validate(ctx) != OP_OK ||
        op_check_count(ctx, in->clusters.n, CLUSTERS_MAX, "Clusters") != OP_OK)
        return OP_FAILED;
    out->has.clusters = out->has.failures = true;
    out->clusters.at = arena_array(ctx->arena, struct ecs_cluster, n);
    out->failures.at = arena_array(ctx->arena, struct ecs_failure, n);
    if (in->clusters.n == 0)
        describe(ctx, STR("default"), include_of(in), out);
    for (size_t i = 0; i < in->clusters.n; i++)
        describe(ctx, in->clusters.at[i], include_of(in), out);
    return OP_OK;
}
