// Capacity providers as clusters and launches name them. Source: ecs-behaviour-api 7.1, 7.2 and 14.

#ifndef OPS_CAPACITY_STRATEGY_H
#define OPS_CAPACITY_STRATEGY_H

#include "ops/op.h"

struct cluster;

bool capacity_is_fargate(struct str provider); // FARGATE or FARGATE_SPOT

// The short name in a reference to a capacity provider; the whole text when it is no ARN of this
// scope.
struct str op_provider_name(const struct op_ctx *ctx, struct str reference);

// Whether these may be associated with the cluster of that name: FARGATE and FARGATE_SPOT always;
// of others those that are ACTIVE and are no other cluster's. `out` has their short names.
int op_check_providers(struct op_ctx *ctx, struct str cluster, const struct str_list *providers,
                       struct str_list *out) MUST_CHECK;

// A strategy with the short names of its providers, and every weight and base said.
struct ecs_capacity_provider_strategy_item_list
op_name_strategy(const struct op_ctx *ctx,
                 const struct ecs_capacity_provider_strategy_item_list *strategy);

// A strategy over the providers associated with a cluster: known, of one kind, at most one base, a
// weight above zero. An empty one is fine.
int op_check_strategy(struct op_ctx *ctx, const struct str_list *associated,
                      const struct ecs_capacity_provider_strategy_item_list *strategy) MUST_CHECK;

#endif
