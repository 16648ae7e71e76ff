// The frame around handlers: failing, validating, finding the cluster, undoing.

#include "ops/op.h"

#include <stdarg.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "base/proof.h"
#include "model/cluster.h"
#include "ops/authorize.h"
#include "shape/walk.h"

void op_note_failure(struct op_ctx *ctx, enum ecs_error kind, const char *fmt, ...)
{
    va_list ap;
    size_t len;
    char *text;

    va_start(ap, fmt);
    text = arena_vprintf(ctx->arena, &len, fmt, ap);
    va_end(ap);
    ctx->error.kind = kind;
    ctx->error.message = str_span(text, len);
}

int op_validate(struct op_ctx *ctx)
{
    BUF_AUTO struct buf clauses = BUF_INIT;
    size_t n = shape_validate(ctx->operation->request, ctx->request, ctx->unknowns, &clauses);

    if (n == 0)
        return OP_OK;
    MARK("a request outside the limits of the API is refused");
    return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                   "%zu validation error%s detected: %.*s", n, n == 1 ? "" : "s",
                   STR_ARGS(buf_str(&clauses)));
}

struct str op_unknown_enum(const struct op_ctx *ctx, const void *field)
{
    for (const struct shape_unknown *u = ctx->unknowns; u != NULL; u = u->next) {
        if (u->field == field)
            return u->text;
    }
    return STR_NONE;
}

struct scope op_scope(const struct op_ctx *ctx)
{
    return (struct scope){
        .partition = ctx->state->config.partition,
        .region = ctx->caller.region,
        .account = ctx->state->config.account,
    };
}

struct str op_cluster_name(const struct op_ctx *ctx, struct str reference)
{
    struct scope here = op_scope(ctx);
    struct arn arn;

    if (reference.len == 0)
        return STR("default");
    if (!arn_parse(reference, &arn))
        return reference;
    if (!scope_eq(&arn.scope, &here) || !str_eq(arn.service, STR("ecs")) ||
        !str_eq(arn.kind, STR("cluster")))
        return reference;
    return arn.tail;
}

int op_find_cluster_any(struct op_ctx *ctx, struct str reference, struct cluster **out)
{
    struct cluster *cluster =
        cluster_find(ctx->state, ctx->caller.region, op_cluster_name(ctx, reference));

    if (cluster == NULL) {
        MARK("a call about a cluster that does not exist is refused");
        return op_fail(ctx, ECS_ERROR_CLUSTER_NOT_FOUND_EXCEPTION, "Cluster not found.");
    }
    *out = cluster;
    return OP_OK;
}

int op_find_cluster(struct op_ctx *ctx, struct str reference, struct cluster **out)
{
    struct cluster *cluster;

    if (op_find_cluster_any(ctx, reference, &cluster) != OP_OK)
        return OP_FAILED;
    if (cluster->rec->status == REC_CLUSTER_STATUS_INACTIVE ||
        cluster->rec->status == REC_CLUSTER_STATUS_DEPROVISIONING) {
        MARK("a call about a deleted cluster is refused");
        return op_fail(ctx, ECS_ERROR_CLUSTER_NOT_FOUND_EXCEPTION,
                       "The referenced cluster was inactive.");
    }
    *out = cluster;
    return OP_OK;
}

int op_find_cluster_to_change(struct op_ctx *ctx, struct str reference, struct cluster **out)
{
    if (op_find_cluster_any(ctx, reference, out) != OP_OK)
        return OP_FAILED;
    if ((*out)->rec->status != REC_CLUSTER_STATUS_ACTIVE)
        return op_fail(ctx, ECS_ERROR_CLIENT_EXCEPTION, "Cluster was not ACTIVE.");
    return OP_OK;
}

int op_not_yet_available(struct op_ctx *ctx)
{
    MARK("an operation that is not yet available says so");
    return op_fail(ctx, ECS_ERROR_SERVER_EXCEPTION, "%.*s is not yet available in Gantry.",
                   STR_ARGS(ctx->operation->name));
}

static bool is_declared(const struct operation *operation, enum ecs_error kind)
{
    for (const uint8_t *error = operation->errors; *error != ECS_ERROR_NONE; error++) {
        if (*error == kind)
            return true;
    }
    return false;
}

int op_run(struct op_ctx *ctx, enum ecs_operation operation, const void *in, void *out)
{
    size_t mark = state_mark(ctx->state);
    struct effect **last = ctx->step->last;
    int outcome;

    ctx->operation = &ecs_operations[operation];
    ctx->request = in;
    if (op_authorize(ctx, in) != OP_OK)
        return OP_FAILED;
    outcome = ecs_dispatch(operation, ctx, in, out);
    if (outcome == OP_OK) {
        ASSERT_SAY((ctx->operation->flags & OPERATION_WRITES) || state_mark(ctx->state) == mark,
                   "%.*s is not marked as writing", STR_ARGS(ctx->operation->name));
        return OP_OK;
    }
    ASSERT_SAY(is_declared(ctx->operation, ctx->error.kind), "%.*s does not declare %.*s",
               STR_ARGS(ctx->operation->name), STR_ARGS(ecs_errors[ctx->error.kind].name));
    MARK_IF(state_mark(ctx->state) != mark, "a call that fails leaves nothing behind");
    state_undo_to(ctx->state, mark);
    *last = NULL; // effects of a failed call never happen
    ctx->step->last = last;
    return OP_FAILED;
}
