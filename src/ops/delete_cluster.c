// DeleteCluster: an empty cluster becomes INACTIVE; its record and its tasks are forgotten later,
// by their own deadlines. Repeating it succeeds. Source: ecs-behaviour-api 7.1.

#include "base/arena.h"
#include "base/proof.h"
#include "model/cluster.h"
#include "ops/find.h"

static bool has_services(const struct cluster *cluster)
{
    uint32_t n = 0;

    for (int type = 0; type < ECS_LAUNCH_TYPE_N; type++)
        n += cluster->services_active_n[type] + cluster->services_draining_n[type];
    return n > 0;
}

static int check_empty(struct op_ctx *ctx, const struct cluster *cluster)
{
    if (cluster->instances_n > 0) {
        MARK("a cluster with instances is not deleted");
        return op_fail(
            ctx, ECS_ERROR_CLUSTER_CONTAINS_CONTAINER_INSTANCES_EXCEPTION,
            "The Cluster cannot be deleted while Container Instances are active or draining.");
    }
    if (has_services(cluster)) {
        MARK("a cluster with services is not deleted");
        return op_fail(ctx, ECS_ERROR_CLUSTER_CONTAINS_SERVICES_EXCEPTION,
                       "The Cluster cannot be deleted while Services are active.");
    }
    if (cluster->tasks_n > 0) {
        return op_fail(ctx, ECS_ERROR_CLUSTER_CONTAINS_TASKS_EXCEPTION,
                       "The Cluster cannot be deleted while Tasks are active.");
    }
    return OP_OK;
}

static void make_inactive(struct op_ctx *ctx, struct cluster *cluster)
{
    struct rec_cluster next = *cluster->rec;

    MARK("a deleted cluster becomes INACTIVE");
    if (next.has.attachments_status) {
        SET(&next, status, REC_CLUSTER_STATUS_DEPROVISIONING);
    } else {
        SET(&next, status, REC_CLUSTER_STATUS_INACTIVE);
        SET(&next, inactive_at, ctx->step->now);
    }
    next.has.attachments = next.has.attachments_status = false;
    next.attachments = (struct ecs_attachment_list){0};
    next.attachments_status = REC_ATTACHMENTS_STATUS_UNSET;
    state_put(ctx->state, REC_KIND_CLUSTER, cluster->entity.id, &next);
}

int op_delete_cluster(struct op_ctx *ctx, const struct ecs_delete_cluster_request *in,
                      struct ecs_delete_cluster_response *out)
{
    struct cluster *cluster;

    if (op_need_text(ctx, in->cluster, "Cluster") != OP_OK || op_validate(ctx) != OP_OK ||
        op_find_cluster_any(ctx, in->cluster, &cluster) != OP_OK)
        return OP_FAILED;
    if (cluster->rec->status != REC_CLUSTER_STATUS_INACTIVE &&
        cluster->rec->status != REC_CLUSTER_STATUS_DEPROVISIONING) {
        if (cluster->rec->attachments_status == REC_ATTACHMENTS_STATUS_UPDATE_IN_PROGRESS)
            return op_fail(ctx, ECS_ERROR_UPDATE_IN_PROGRESS_EXCEPTION,
                           "The specified cluster is in a busy state. Cluster attachments must "
                           "be in UPDATE_COMPLETE or UPDATE_FAILED state before they can be "
                           "updated.");
        if (check_empty(ctx, cluster) != OP_OK)
            return OP_FAILED;
        make_inactive(ctx, cluster);
    }
    SET(out, cluster, arena_new(ctx->arena, struct ecs_cluster));
    cluster_view(ctx->state, cluster, CLUSTER_INCLUDE_CONFIGURATIONS | CLUSTER_INCLUDE_SETTINGS,
                 ctx->arena, out->cluster);
    return OP_OK;
}
