// What the three Submit operations share.

#ifndef OPS_SUBMIT_H
#define OPS_SUBMIT_H

#include "ops/op.h"

struct task;

// Finds the task an agent reports on; NULL when it is unknown, forgotten or of another cluster,
// which is no error: an agent repeats a failed call for ever. ClusterNotFoundException is possible.
int op_find_reported_task(struct op_ctx *ctx, struct str cluster_reference, struct str reference,
                          struct task **out) MUST_CHECK;

extern const struct str op_acknowledgment;

#endif
