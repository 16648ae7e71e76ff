// The parameters that only RunTask has.

#ifndef OPS_RUN_TASK_CHECK_H
#define OPS_RUN_TASK_CHECK_H

#include "ops/op.h"

struct task_definition;

enum capacity_kind {
    CAPACITY_INSTANCES, // container instances of the cluster
    CAPACITY_FARGATE,
    CAPACITY_PROVIDER, // of instances; none can have any yet
};

// Where the tasks are to run.
struct capacity {
    enum capacity_kind kind;
    enum ecs_launch_type launch_type;
};

// launchType or capacityProviderStrategy, or what the cluster has as its default, and what else
// depends on it: the definition's compatibilities, the platform version, rules of placement.
int run_task_capacity(struct op_ctx *ctx, const struct ecs_run_task_request *in,
                      const struct cluster *cluster, const struct task_definition *definition,
                      struct capacity *out) MUST_CHECK;

// How many: `count`, 1 by default.
int run_task_count(struct op_ctx *ctx, const struct ecs_run_task_request *in,
                   size_t *out) MUST_CHECK;

#endif
