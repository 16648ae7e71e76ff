// Placement constraints and strategies as callers write them. Source: ecs-behaviour-scheduler 1.6
// to 1.8; texts of ecs-behaviour-api 7.5, and after their pattern where none is known.

#include "ops/placement_rules.h"

#include "base/arena.h"

static int read_expression(struct op_ctx *ctx, struct str expression, struct placement_rules *out)
{
    struct query *query;
    size_t at;

    if (str_utf8_count(expression) > PLACEMENT_EXPRESSION_MAX)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "memberOf expression length must be at most %d", PLACEMENT_EXPRESSION_MAX);
    query = query_parse(ctx->arena, expression, &at);
    if (query == NULL)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "memberOf expression '%.*s' is invalid", STR_ARGS(expression));
    out->member_of[out->member_of_n++] = query;
    return OP_OK;
}

static int read_constraint(struct op_ctx *ctx, const struct ecs_placement_constraint *constraint,
                           struct placement_rules *out)
{
    switch (constraint->type) {
    case ECS_PLACEMENT_CONSTRAINT_TYPE_DISTINCTINSTANCE:
        if (constraint->expression.len > 0)
            return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                           "distinctInstance expression should not be specified");
        out->distinct_instance = true;
        return OP_OK;
    case ECS_PLACEMENT_CONSTRAINT_TYPE_MEMBEROF:
        return read_expression(ctx, constraint->expression, out);
    case ECS_PLACEMENT_CONSTRAINT_TYPE_UNSET: break;
    }
    return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                   "placement constraint type should be one of [distinctInstance,memberOf]");
}

static bool is_spread_field(struct str field)
{
    return str_eq_nocase(field, STR("instanceId")) || str_eq_nocase(field, STR("host")) ||
           (str_starts(field, STR("attribute:")) && field.len > strlen("attribute:"));
}

static int check_strategy(struct op_ctx *ctx, const struct ecs_placement_strategy *strategy)
{
    struct str field = strategy->field;

    switch (strategy->type) {
    case ECS_PLACEMENT_STRATEGY_TYPE_RANDOM:
        if (field.len > 0)
            return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                           "random field should not be specified");
        return OP_OK;
    case ECS_PLACEMENT_STRATEGY_TYPE_SPREAD:
        if (!is_spread_field(field))
            return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                           "spread field '%.*s' is invalid", STR_ARGS(field));
        return OP_OK;
    case ECS_PLACEMENT_STRATEGY_TYPE_BINPACK:
        if (!str_eq_nocase(field, STR("cpu")) && !str_eq_nocase(field, STR("memory")))
            return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                           "binpack field '%.*s' is invalid", STR_ARGS(field));
        return OP_OK;
    case ECS_PLACEMENT_STRATEGY_TYPE_UNSET: break;
    }
    return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                   "placement strategy type should be one of [random,spread,binpack]");
}

static int check_strategies(struct op_ctx *ctx,
                            const struct ecs_placement_strategy_list *strategies)
{
    if (strategies->n > PLACEMENT_STRATEGIES_MAX)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "Maximum number of strategies is %d", PLACEMENT_STRATEGIES_MAX);
    for (size_t i = 0; i < strategies->n; i++) {
        if (check_strategy(ctx, &strategies->at[i]) != OP_OK)
            return OP_FAILED;
    }
    return OP_OK;
}

int placement_rules_read(struct op_ctx *ctx, const struct ecs_task_definition *definition,
                         const struct ecs_placement_constraint_list *constraints,
                         const struct ecs_placement_strategy_list *strategies,
                         struct placement_rules *out)
{
    const struct ecs_task_definition_placement_constraint_list *own =
        &definition->placement_constraints;

    *out = (struct placement_rules){.strategies = strategies};
    if (own->n + constraints->n > PLACEMENT_CONSTRAINTS_MAX)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "Maximum number of constraints is %d", PLACEMENT_CONSTRAINTS_MAX);
    for (size_t i = 0; i < own->n; i++) {
        if (read_expression(ctx, own->at[i].expression, out) != OP_OK)
            return OP_FAILED;
    }
    for (size_t i = 0; i < constraints->n; i++) {
        if (read_constraint(ctx, &constraints->at[i], out) != OP_OK)
            return OP_FAILED;
    }
    return check_strategies(ctx, strategies);
}

void placement_rules_deinit(struct placement_rules *rules)
{
    for (size_t i = 0; i < rules->member_of_n; i++)
        query_free(rules->member_of[i]);
    *rules = (struct placement_rules){0};
}
