// RunTask's clientToken: the same call twice starts its tasks once. Source: ecs-behaviour-api 6.

#ifndef OPS_RUN_TASK_TOKEN_H
#define OPS_RUN_TASK_TOKEN_H

#include "ops/op.h"

struct launched;

// InvalidParameterException when the token is none.
int run_task_token_check(struct op_ctx *ctx, const struct ecs_run_task_request *in) MUST_CHECK;

// When the call has a token that is known: with the same request, *out_replayed and the reply with
// the tasks as they are now; with another, ConflictException.
int run_task_token_replay(struct op_ctx *ctx, const struct ecs_run_task_request *in,
                          const struct cluster *cluster, struct ecs_run_task_response *out,
                          bool *out_replayed) MUST_CHECK;

// Keeps what the call came to under its token, if it has one.
void run_task_token_keep(struct op_ctx *ctx, const struct ecs_run_task_request *in,
                         const struct cluster *cluster, const struct launched *launched);

#endif
