// DeleteCapacityProvider: of one that no cluster has associated and no service uses. Source:
// ecs-behaviour-api 7.2, ecs-behaviour-scheduler 5.6.

#include "base/arena.h"
#include "base/proof.h"
#include "core/deployment_status.h"
#include "model/cluster.h"
#include "model/provider.h"
#include "ops/capacity_strategy.h"
#include "ops/find.h"
#include "ops/op.h"

#define REFUSE(ctx, ...) op_fail((ctx), ECS_ERROR_CLIENT_EXCEPTION, __VA_ARGS__)

static int check_free(struct op_ctx *ctx, const struct provider *provider)
{
    const struct cluster *cluster = provider_cluster(ctx->state, provider);

    if (cluster == NULL)
        return OP_OK;
    MARK("a capacity provider in use is not deleted");
    return REFUSE(ctx,
                  "The specified capacity provider is in use and cannot be removed. The capacity "
                  "provider cannot be deleted because it is associated with cluster: %.*s. Remove "
                  "the capacity provider from the cluster and try again.",
                  STR_ARGS(cluster->rec->name));
}

static int begin_deletion(struct op_ctx *ctx, struct provider *provider)
{
    static const enum ecs_capacity_provider_update_status deleting =
        ECS_CAPACITY_PROVIDER_UPDATE_STATUS_DELETE_IN_PROGRESS;
    struct rec_capacity_provider next;

    if (provider->rec->update_status == deleting || !provider_is_active(provider))
        return OP_OK;
    if (!capacity_provider_update_may_follow(provider->rec->update_status, deleting))
        return op_fail(ctx, ECS_ERROR_UPDATE_IN_PROGRESS_EXCEPTION,
                       "The specified capacity provider is being updated. Try again when that is "
                       "complete.");
    if (check_free(ctx, provider) != OP_OK)
        return OP_FAILED;
    next = *provider->rec;
    SET(&next, update_status, deleting);
    next.update_status_reason = STR_NONE;
    next.has.update_status_reason = false;
    state_put(ctx->state, REC_KIND_CAPACITY_PROVIDER, provider->entity.id, &next);
    return OP_OK;
}

int op_delete_capacity_provider(struct op_ctx *ctx,
                                const struct ecs_delete_capacity_provider_request *in,
                                struct ecs_delete_capacity_provider_response *out)
{
    struct str name = op_provider_name(ctx, in->capacity_provider);
    struct provider *provider = provider_find(ctx->state, ctx->caller.region, name);

    if (op_need_text(ctx, in->capacity_provider, "CapacityProvider") != OP_OK ||
        op_validate(ctx) != OP_OK)
        return OP_FAILED;
    if (capacity_is_fargate(name))
        return REFUSE(ctx, "The specified capacity provider is reserved and cannot be deleted.");
    if (provider == NULL)
        return REFUSE(ctx, "The specified capacity provider does not exist. Specify a valid name "
                           "or ARN and try again.");
    if (begin_deletion(ctx, provider) != OP_OK)
        return OP_FAILED;
    SET(out, capacity_provider, arena_new(ctx->arena, struct ecs_capacity_provider));
    provider_view(ctx->state, provider, true, ctx->arena, out->capacity_provider);
    return OP_OK;
}
