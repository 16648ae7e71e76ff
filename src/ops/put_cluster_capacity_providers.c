// PutClusterCapacityProviders: which capacity providers a cluster has, and its default strategy;
// both replaced as a whole. One that is in use stays. Source: ecs-behaviour-api 7.2.

#include "base/arena.h"
#include "base/proof.h"
#include "core/cluster_providers.h"
#include "model/cluster.h"
#include "model/deployment.h"
#include "model/service.h"
#include "model/task.h"
#include "ops/capacity_strategy.h"
#include "ops/find.h"
#include "ops/op.h"

static bool names(const struct ecs_capacity_provider_strategy_item_list *strategy, struct str name)
{
    for (size_t i = 0; i < strategy->n; i++) {
        if (str_eq(strategy->at[i].capacity_provider, name))
            return true;
    }
    return false;
}

static bool tasks_use(const struct list *tasks, struct str name)
{
    LIST_EACH (tasks, it) {
        const struct task *task = LIST_ENTRY(it, struct task, listed[TASK_LIST_CLUSTER]);

        if (!task_is_stopped(task) && str_eq(task->rec->capacity_provider_name, name))
            return true;
    }
    return false;
}

// A deployment, or a task set, may start tasks as long as it is there.
static bool deployments_use(const struct state *state, const struct service *service,
                            struct str name)
{
    LIST_EACH (&service->deployments, it) {
        const struct rec_deployment *rec = PART(it, struct deployment)->rec;

        if (rec->status != REC_DEPLOYMENT_STATUS_INACTIVE &&
            names(&revision_get(state, (uint64_t)rec->revision_id)->rec->capacity_provider_strategy,
                  name))
            return true;
    }
    return false;
}

static bool services_use(const struct state *state, const struct cluster *cluster, struct str name)
{
    LIST_EACH (&cluster->services, it) {
        const struct service *service = LIST_ENTRY(it, struct service, in_cluster);

        if (service->rec->status != REC_SERVICE_STATUS_INACTIVE &&
            (names(&service->rec->capacity_provider_strategy, name) ||
             deployments_use(state, service, name)))
            return true;
    }
    return false;
}

static bool is_kept(const struct str_list *providers, struct str name)
{
    for (size_t i = 0; i < providers->n; i++) {
        if (str_eq(providers->at[i], name))
            return true;
    }
    return false;
}

static int check_removed(struct op_ctx *ctx, const struct cluster *cluster,
                         const struct str_list *providers)
{
    for (size_t i = 0; i < cluster->rec->capacity_providers.n; i++) {
        struct str name = cluster->rec->capacity_providers.at[i];

        if (is_kept(providers, name))
            continue;
        if (services_use(ctx->state, cluster, name) || tasks_use(&cluster->tasks.wanted, name) ||
            tasks_use(&cluster->tasks.unwanted, name)) {
            return op_fail(ctx, ECS_ERROR_RESOURCE_IN_USE_EXCEPTION,
                           "The specified capacity provider is in use and cannot be removed.");
        }
    }
    return OP_OK;
}

static int check_settled(struct op_ctx *ctx, const struct cluster *cluster)
{
    if (cluster->rec->attachments_status != REC_ATTACHMENTS_STATUS_UPDATE_IN_PROGRESS)
        return OP_OK;
    return op_fail(ctx, ECS_ERROR_UPDATE_IN_PROGRESS_EXCEPTION,
                   "The specified cluster is in a busy state. Cluster attachments must be in "
                   "UPDATE_COMPLETE or UPDATE_FAILED state before they can be updated.");
}

int op_put_cluster_capacity_providers(struct op_ctx *ctx,
                                      const struct ecs_put_cluster_capacity_providers_request *in,
                                      struct ecs_put_cluster_capacity_providers_response *out)
{
    struct str_list providers;
    struct rec_cluster next;
    struct cluster *cluster;

    if (op_need_text(ctx, in->cluster, "Cluster") != OP_OK ||
        op_find_cluster_to_change(ctx, in->cluster, &cluster) != OP_OK ||
        op_check_providers(ctx, cluster->rec->name, &in->capacity_providers, &providers) != OP_OK ||
        op_check_strategy(ctx, &providers, &in->default_capacity_provider_strategy) != OP_OK ||
        op_validate(ctx) != OP_OK || check_settled(ctx, cluster) != OP_OK ||
        check_removed(ctx, cluster, &providers) != OP_OK)
        return OP_FAILED;
    MARK("a cluster is associated with capacity providers");
    next = *cluster->rec;
    SET(&next, capacity_providers, providers);
    SET(&next, default_capacity_provider_strategy,
        op_name_strategy(ctx, &in->default_capacity_provider_strategy));
    cluster_attach(ctx->step, &next);
    state_put(ctx->state, REC_KIND_CLUSTER, cluster->entity.id, &next);
    SET(out, cluster, arena_new(ctx->arena, struct ecs_cluster));
    cluster_view(ctx->state, cluster,
                 CLUSTER_INCLUDE_ATTACHMENTS | CLUSTER_INCLUDE_CONFIGURATIONS |
                     CLUSTER_INCLUDE_SETTINGS | CLUSTER_INCLUDE_TAGS,
                 ctx->arena, out->cluster);
    return OP_OK;
}
