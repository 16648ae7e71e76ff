// See capacity_strategy.h. A strategy is checked in full though no provider can have capacity yet,
// so that a mistake is told as what it is.

#include "ops/capacity_strategy.h"

#include "base/proof.h"
#include "ops/find.h"

enum { STRATEGY_ITEMS_MAX = 20, PROVIDERS_MAX = 20 };

bool capacity_is_fargate(struct str provider)
{
    return str_eq(provider, STR("FARGATE")) || str_eq(provider, STR("FARGATE_SPOT"));
}

int op_check_providers(struct op_ctx *ctx, const struct str_list *providers)
{
    if (op_check_count(ctx, providers->n, PROVIDERS_MAX, "capacityProviders") != OP_OK)
        return OP_FAILED;
    for (size_t i = 0; i < providers->n; i++) {
        if (!capacity_is_fargate(providers->at[i]))
            return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                           "The specified capacity provider does not exist. Specify a valid name "
                           "or ARN and try again.");
    }
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
    fargate = capacity_is_fargate(strategy->at[0].capacity_provider);
    if (op_check_count(ctx, strategy->n, STRATEGY_ITEMS_MAX, "capacityProviderStrategy") != OP_OK)
        return OP_FAILED;
    for (size_t i = 0; i < strategy->n; i++) {
        struct str provider = strategy->at[i].capacity_provider;

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
