// UpdateCluster and UpdateClusterSettings: what is given replaces what was there, as a whole.
// Source: ecs-behaviour-api 3.5 and 7.1.

#include "base/arena.h"
#include "model/cluster.h"
#include "ops/cluster_settings.h"
#include "ops/find.h"

// The cluster is looked up before any value is judged.
static int find(struct op_ctx *ctx, struct str reference, struct cluster **out)
{
    if (op_need_text(ctx, reference, "Cluster") != OP_OK)
        return OP_FAILED;
    return op_find_cluster_to_change(ctx, reference, out);
}

static struct ecs_cluster *changed(struct op_ctx *ctx, struct cluster *cluster,
                                   const struct rec_cluster *next)
{
    struct ecs_cluster *view = arena_new(ctx->arena, struct ecs_cluster);

    state_put(ctx->state, REC_KIND_CLUSTER, cluster->entity.id, next);
    cluster_view(ctx->state, cluster,
                 CLUSTER_INCLUDE_ATTACHMENTS | CLUSTER_INCLUDE_CONFIGURATIONS |
                     CLUSTER_INCLUDE_SETTINGS,
                 ctx->arena, view);
    view->has.attachments = true; // empty where there are none
    return view;
}

int op_update_cluster(struct op_ctx *ctx, const struct ecs_update_cluster_request *in,
                      struct ecs_update_cluster_response *out)
{
    struct ecs_cluster_service_connect_defaults *defaults;
    struct rec_cluster next;
    struct cluster *cluster;

    if (find(ctx, in->cluster, &cluster) != OP_OK ||
        op_check_cluster_settings(ctx, &in->settings) != OP_OK ||
        op_check_cluster_configuration(ctx, in->configuration) != OP_OK ||
        op_check_service_connect_defaults(ctx, in->service_connect_defaults) != OP_OK ||
        op_validate(ctx) != OP_OK)
        return OP_FAILED;
    next = *cluster->rec;
    if (in->settings.n > 0)
        SET(&next, settings, in->settings);
    if (in->has.configuration)
        SET(&next, configuration, in->configuration);
    if (in->has.service_connect_defaults) {
        defaults = op_service_connect_defaults(ctx, in->service_connect_defaults);
        next.service_connect_defaults = defaults;
        next.has.service_connect_defaults = defaults != NULL;
    }
    SET(out, cluster, changed(ctx, cluster, &next));
    return OP_OK;
}

int op_update_cluster_settings(struct op_ctx *ctx,
                               const struct ecs_update_cluster_settings_request *in,
                               struct ecs_update_cluster_settings_response *out)
{
    struct rec_cluster next;
    struct cluster *cluster;

    if (find(ctx, in->cluster, &cluster) != OP_OK ||
        op_check_cluster_settings(ctx, &in->settings) != OP_OK || op_validate(ctx) != OP_OK)
        return OP_FAILED;
    next = *cluster->rec;
    if (in->settings.n > 0)
        SET(&next, settings, in->settings);
    SET(out, cluster, changed(ctx, cluster, &next));
    return OP_OK;
}
