// The placement constraints and strategies of one request, checked and parsed.

#ifndef OPS_PLACEMENT_RULES_H
#define OPS_PLACEMENT_RULES_H

#include "core/query.h"
#include "ops/op.h"

enum {
    PLACEMENT_CONSTRAINTS_MAX = 10, // those of the definition included
    PLACEMENT_STRATEGIES_MAX = 5,
    PLACEMENT_EXPRESSION_MAX = 2000,
};

struct placement_rules {
    bool distinct_instance;
    struct query *member_of[PLACEMENT_CONSTRAINTS_MAX]; // the definition's first; owned
    size_t member_of_n;
    const struct ecs_placement_strategy_list *strategies;
};

// Reads the rules of a request and of the definition it names. InvalidParameterException when they
// break a limit or do not parse. placement_rules_deinit in either case.
int placement_rules_read(struct op_ctx *ctx, const struct ecs_task_definition *definition,
                         const struct ecs_placement_constraint_list *constraints,
                         const struct ecs_placement_strategy_list *strategies,
                         struct placement_rules *out) MUST_CHECK;
void placement_rules_deinit(struct placement_rules *rules); // also fine on a zeroed one

#define PLACEMENT_RULES_AUTO __attribute__((cleanup(placement_rules_deinit)))

#endif
