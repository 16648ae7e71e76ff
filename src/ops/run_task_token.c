// A token stands for the request as it was sent: presence of members, order of lists and spelling
// of identifiers all count, which is what the fingerprint of the request is. How long it stands is
// the registry's business (model/run_token.h).

#include "ops/run_task_token.h"

#include "base/arena.h"
#include "base/proof.h"
#include "model/cluster.h"
#include "model/run_token.h"
#include "model/task.h"
#include "ops/find.h"
#include "ops/launch.h"
#include "shape/walk.h"

enum { TOKEN_MAX = 64 };

int run_task_token_check(struct op_ctx *ctx, const struct ecs_run_task_request *in)
{
    if (in->has.client_token && in->client_token.len == 0)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "idempotency token should not be empty.");
    return op_check_token(ctx, in->client_token, TOKEN_MAX);
}

static int64_t fingerprint(const struct ecs_run_task_request *in)
{
    return (int64_t)shape_fingerprint(&ecs_run_task_request_shape, in);
}

// Those of its tasks that are not forgotten yet.
static void tasks_of(const struct op_ctx *ctx, const struct run_token *token, struct launched *out)
{
    for (size_t i = 0; i < token->rec->task_ids.n && out->tasks_n < LAUNCH_TASKS_MAX; i++) {
        struct task *task = task_get(ctx->state, (uint64_t)token->rec->task_ids.at[i]);
        MARK_IF(task == NULL, "a repeated RunTask leaves out tasks that are forgotten");
        if (task != NULL)
            out->tasks[out->tasks_n++] = task;
    }
}

static int conflict(struct op_ctx *ctx, const struct launched *launched)
{
    struct str_list *ids = &ctx->error.resource_ids;

    ids->at = arena_array(ctx->arena, struct str, launched->tasks_n);
    for (size_t i = 0; i < launched->tasks_n; i++)
        ids->at[ids->n++] = task_arn(ctx->state, launched->tasks[i], ctx->arena);
    return op_fail(ctx, ECS_ERROR_CONFLICT_EXCEPTION,
                   "The RunTask request could not be processed due to conflicts. The provided "
                   "clientToken is already in use with a different request.");
}

int run_task_token_replay(struct op_ctx *ctx, const struct ecs_run_task_request *in,
                          const struct cluster *cluster, struct ecs_run_task_response *out,
                          bool *out_replayed)
{
    struct launched launched = {0};
    const struct run_token *token;

    *out_replayed = false;
    if (!in->has.client_token)
        return OP_OK;
    token = run_token_find(ctx->state, cluster->entity.id, in->client_token);
    if (token == NULL)
        return OP_OK;
    tasks_of(ctx, token, &launched);
    if (token->rec->fingerprint != fingerprint(in)) {
        MARK("a clientToken that stands for another request conflicts");
        return conflict(ctx, &launched);
    }
    MARK("a repeated RunTask returns the tasks that the first one started");
    SET(out, tasks, launched_tasks(ctx, &launched));
    SET(out, failures, token->rec->failures);
    *out_replayed = true;
    return OP_OK;
}

void run_task_token_keep(struct op_ctx *ctx, const struct ecs_run_task_request *in,
                         const struct cluster *cluster, const struct launched *launched)
{
    struct rec_run_token rec = {0};
    struct long_list ids = {.at = arena_array(ctx->arena, int64_t, launched->tasks_n)};

    if (!in->has.client_token)
        return;
    for (size_t i = 0; i < launched->tasks_n; i++)
        ids.at[ids.n++] = (int64_t)launched->tasks[i]->entity.id;
    SET(&rec, cluster_id, (int64_t)cluster->entity.id);
    SET(&rec, token, in->client_token);
    SET(&rec, fingerprint, fingerprint(in));
    SET(&rec, created_at, ctx->step->now);
    SET(&rec, task_ids, ids);
    SET(&rec, failures, launched_failures(ctx, launched));
    state_put(ctx->state, REC_KIND_RUN_TOKEN, state_new_id(ctx->state, REC_KIND_RUN_TOKEN), &rec);
}
