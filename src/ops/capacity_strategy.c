// See capacity_strategy.h.

#include "ops/capacity_strategy.h"

#include "base/arena.h"
#include "base/proof.h"
#include "core/provider_split.h"
#include "model/cluster.h"
#include "model/provider.h"
#include "ops/find.h"

bool capacity_is_fargate(struct str provider)
{
    return str_eq(provider, STR("FARGATE")) || str_eq(provider, STR("FARGATE_SPOT"));
}

struct str op_provider_name(const struct op_ctx *ctx, struct str reference)
{
    struct scope here = op_scope(ctx);
    struct arn arn;

    if (arn_parse(reference, &arn) && scope_eq(&arn.scope, &here) &&
        str_eq(arn.service, STR("ecs")) && str_eq(arn.kind, STR("capacity-provider")))
        return arn.tail;
    return reference;
}

struct ecs_capacity_provider_strategy_item_list
op_name_strategy(const struct op_ctx *ctx,
                 const struct ecs_capacity_provider_strategy_item_list *strategy)
{
    struct ecs_capacity_provider_strategy_item_list out = {
        .n = strategy->n,
        .at = arena_copy(ctx->arena, strategy->at, strategy->n * sizeof *strategy->at),
    };

    for (size_t i = 0; i < out.n; i++) {
        struct ecs_capacity_provider_strategy_item *item = &out.at[i];

        SET(item, capacity_provider, op_provider_name(ctx, item->capacity_provider));
        SET(item, weight, item->weight);
        SET(item, base, item->base);
    }
    return out;
}

static bool is_in_deletion(const struct provider *provider)
{
    return provider->rec->update_status == ECS_CAPACITY_PROVIDER_UPDATE_STATUS_DELETE_IN_PROGRESS;
}

static int check_provider(struct op_ctx *ctx, struct str cluster, struct str name)
{
    const struct provider *provider = provider_find(ctx->state, ctx->caller.region, name);
    const struct cluster *holder;

    if (provider == NULL || !provider_is_active(provider) || is_in_deletion(provider)) {
        MARK("a cluster is associated with capacity providers that exist");
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "The specified capacity provider does not exist. Specify a valid name or "
                       "ARN and try again.");
    }
    holder = provider_cluster(ctx->state, provider);
    if (holder != NULL && !str_eq(holder->rec->name, cluster)) {
        MARK("a capacity provider is one cluster's");
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "The specified capacity provider is already associated with another "
                       "cluster. Disassociate it there and try again.");
    }
    return OP_OK;
}

static bool is_among(const struct str_list *associated, struct str provider);

int op_check_providers(struct op_ctx *ctx, struct str cluster, const struct str_list *providers,
                       struct str_list *out)
{
    struct str_list names = {.at = arena_array(ctx->arena, struct str, providers->n)};

    if (op_check_count(ctx, providers->n, PROVIDERS_MAX, "capacityProviders") != OP_OK)
        return OP_FAILED;
    for (size_t i = 0; i < providers->n; i++) {
        struct str name = op_provider_name(ctx, providers->at[i]);

        if (!capacity_is_fargate(name) && check_provider(ctx, cluster, name) != OP_OK)
            return OP_FAILED;
        if (!is_among(&names, name))
            names.at[names.n++] = name;
    }
    *out = names;
    return OP_OK;
}

static bool is_among(const struct str_list *associated, struct str provider)
{
    for (size_t i = 0; i < associated->n; i++) {
        if (str_eq(associated->at[i], provider))
            return true;
    }
    return false;
}

static int check_weights(struct op_ctx *ctx,
                         const struct ecs_capacity_provider_strategy_item_list *strategy)
{
    size_t bases_n = 0;
    bool weighted = strategy->n == 1;

    for (size_t i = 0; i < strategy->n; i++) {
        bases_n += strategy->at[i].base > 0;
        weighted = weighted || strategy->at[i].weight > 0;
    }
    if (bases_n > 1)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "The specified capacity provider strategy contains multiple capacity "
                       "providers with a base value defined");
    if (!weighted)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "There are no capacity providers in the capacity provider strategy with a "
                       "weight value greater than zero");
    return OP_OK;
}

int op_check_strategy(struct op_ctx *ctx, const struct str_list *associated,
                      const struct ecs_capacity_provider_strategy_item_list *strategy)
{
    bool fargate;

    if (strategy->n == 0)
        return OP_OK;
    fargate = capacity_is_fargate(op_provider_name(ctx, strategy->at[0].capacity_provider));
    if (op_check_count(ctx, strategy->n, PROVIDERS_MAX, "capacityProviderStrategy") != OP_OK)
        return OP_FAILED;
    for (size_t i = 0; i < strategy->n; i++) {
        struct str provider = op_provider_name(ctx, strategy->at[i].capacity_provider);

        if (!is_among(associated, provider)) {
            MARK("a strategy names capacity providers of its cluster");
            return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                           "The specified capacity provider strategy cannot contain a capacity "
                           "provider that is not associated with the cluster");
        }
        if (capacity_is_fargate(provider) != fargate)
            return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                           "The specified capacity provider strategy cannot contain capacity "
                           "providers of different types");
    }
    return check_weights(ctx, strategy);
}
