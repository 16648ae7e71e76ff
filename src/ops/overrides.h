// What one launch changes about its task definition. Source: ecs-behaviour-api 10.1.

#ifndef OPS_OVERRIDES_H
#define OPS_OVERRIDES_H

#include "ops/op.h"

// Checks the overrides of a request against the definition. *out is what the task keeps, with task
// sizes as whole numbers; NULL when nothing is overridden. It points into the request.
int op_read_overrides(struct op_ctx *ctx, const struct ecs_task_override *given,
                      const struct ecs_task_definition *definition,
                      enum ecs_launch_type launch_type,
                      const struct ecs_task_override **out) MUST_CHECK;

#endif
