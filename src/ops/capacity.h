// Where tasks are to run: what launches and services say of it, chosen and checked.

#ifndef OPS_CAPACITY_H
#define OPS_CAPACITY_H

#include "ops/op.h"

struct task_definition;

enum capacity_kind {
    CAPACITY_INSTANCES, // container instances of the cluster
    CAPACITY_FARGATE,
    CAPACITY_PROVIDER, // of instances
};

struct capacity {
    enum capacity_kind kind;
    enum ecs_launch_type launch_type;
    struct ecs_capacity_provider_strategy_item_list strategy; // empty: by launch type
};

// What bears on it in a request.
struct capacity_request {
    bool has_launch_type;
    enum ecs_launch_type launch_type;
    const struct ecs_capacity_provider_strategy_item_list *strategy;
    const char *both_given; // the sentence of the operation for launch type and strategy together
    struct str platform_version;
    const struct ecs_task_override *overrides; // may be NULL
    bool enable_execute_command;
    bool has_constraints; // of placement
    bool has_strategies;
};

// Launch type or capacity provider strategy, or what the cluster has as its default, and what else
// depends on it: the definition's compatibilities, the platform version, rules of placement.
int op_choose_capacity(struct op_ctx *ctx, const struct capacity_request *in,
                       const struct cluster *cluster, const struct task_definition *definition,
                       struct capacity *out) MUST_CHECK;

#endif
