// Capacity providers as clusters and launches name them. Source: ecs-behaviour-api 7.1, 7.2 and 14.

#ifndef OPS_CAPACITY_STRATEGY_H
#define OPS_CAPACITY_STRATEGY_H

#include "ops/op.h"

bool capacity_is_fargate(struct str provider); // FARGATE or FARGATE_SPOT

// Whether these may be associated with a cluster: FARGATE and FARGATE_SPOT always exist, others
// only once they can be created.
int op_check_providers(struct op_ctx *ctx, const struct str_list *providers) MUST_CHECK;

// A strategy over the providers associated with a cluster: known, of one kind, at most one base, a
// weight above zero. An empty one is fine.
int op_check_strategy(struct op_ctx *ctx, const struct str_list *associated,
                      const struct ecs_capacity_provider_strategy_item_list *strategy) MUST_CHECK;

#endif
