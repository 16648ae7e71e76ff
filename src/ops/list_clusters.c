// ListClusters: the ARNs of the region's clusters, oldest first; INACTIVE ones are not listed.
// Source: ecs-behaviour-api 5 and 7.1.

#include "base/arena.h"
#include "model/cluster.h"
#include "ops/page.h"

static const struct cluster *next_after(const struct op_ctx *ctx, uint64_t after)
{
    const struct idtable *table = &ctx->state->entities[REC_KIND_CLUSTER];

    for (uint64_t id = after; (id = idtable_next(table, id)) != 0;) {
        const struct cluster *cluster = cluster_get(ctx->state, id);

        if (cluster->rec->status != REC_CLUSTER_STATUS_INACTIVE &&
            str_eq(cluster->rec->region, ctx->caller.region))
            return cluster;
    }
    return NULL;
}

int op_list_clusters(struct op_ctx *ctx, const struct ecs_list_clusters_request *in,
                     struct ecs_list_clusters_response *out)
{
    const struct cluster *cluster;
    struct page page;
    uint64_t last;

    (void)in; // all its members are the page's
    if (op_validate(ctx) != OP_OK || op_page_begin_id(ctx, 100, 100, &page, &last) != OP_OK)
        return OP_FAILED;
    out->has.cluster_arns = true;
    out->cluster_arns.at = arena_array(ctx->arena, struct str, page.max);
    while ((cluster = next_after(ctx, last)) != NULL && page_wants(&page)) {
        out->cluster_arns.at[page.taken++] = cluster_arn(ctx->state, cluster, ctx->arena);
        last = cluster->entity.id;
    }
    out->cluster_arns.n = page.taken;
    if (cluster != NULL)
        SET(out, next_token, op_page_token_id(ctx, &page, last));
    return OP_OK;
}
