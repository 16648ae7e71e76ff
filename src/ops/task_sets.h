// What the operations on task sets have in common.

#ifndef OPS_TASK_SETS_H
#define OPS_TASK_SETS_H

#include "ops/op.h"

struct cluster;
struct deployment;
struct service;

// The ACTIVE service that a call names, which must be in the hands of its caller (EXTERNAL):
// InvalidParameterException otherwise, and the failures of finding it.
int op_find_task_set_service(struct op_ctx *ctx, struct str cluster_name, struct str service_name,
                             struct cluster **out_cluster, struct service **out) MUST_CHECK;

// The task set of this service, by id or ARN, a DRAINING one too; NULL: there is none.
struct deployment *op_task_set(const struct op_ctx *ctx, const struct service *service,
                               struct str reference);
// The same for a required parameter: TaskSetNotFoundException. `what` as in op_need_text.
int op_find_task_set(struct op_ctx *ctx, const struct service *service, struct str reference,
                     const char *what, struct deployment **out) MUST_CHECK;

// A scale of 0 to 100 PERCENT.
int op_check_scale(struct op_ctx *ctx, const struct ecs_scale *scale) MUST_CHECK;

#endif
