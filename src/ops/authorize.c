// See authorize.h. What a call is about is its member `cluster`, as far as grants go: operations
// that name no cluster (task definitions, account settings, tags) need a grant for any cluster.

#include "ops/authorize.h"

#include "base/arena.h"
#include "model/cluster.h"
#include "model/task.h"

bool op_pattern_matches(struct str pattern, struct str text)
{
    size_t p = 0;
    size_t t = 0;
    size_t star = SIZE_MAX; // behind the last '*' tried
    size_t retry = 0;       // where its text would go on

    while (t < text.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = ++p;
            retry = t;
        } else if (p < pattern.len && (pattern.ptr[p] == '?' || pattern.ptr[p] == text.ptr[t])) {
            p++;
            t++;
        } else if (star != SIZE_MAX) {
            p = star;
            t = ++retry;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*')
        p++;
    return p == pattern.len;
}

// The cluster's name; false: the operation has none.
static bool cluster_of(const struct op_ctx *ctx, const void *in, struct str *out)
{
    const struct shape *shape = ctx->operation->request;
    const struct shape_field *field = shape_find(shape, STR("cluster"));

    if (field == NULL || field->type != SHAPE_STRING)
        return false;
    *out = op_cluster_name(ctx, *(const struct str *)shape_at(in, field));
    return true;
}

static bool is_granted(const struct op_ctx *ctx, const void *in)
{
    const struct role_caller *role = ctx->caller.role;
    struct str action = str_fmt(ctx->arena, "ecs:%.*s", STR_ARGS(ctx->operation->name));
    struct str cluster = STR_NONE;
    bool has_cluster = cluster_of(ctx, in, &cluster);

    for (size_t i = 0; i < role->grants_n; i++) {
        const struct role_grant *grant = &role->grants[i];
        bool fits = str_eq(grant->cluster, STR("*")) ||
                    (has_cluster && op_pattern_matches(grant->cluster, cluster));

        for (size_t k = 0; fits && k < grant->actions.n; k++) {
            if (op_pattern_matches(grant->actions.at[k], action))
                return true;
        }
    }
    return false;
}

// ---- a task's own protection

static bool names_only(const struct op_ctx *ctx, const struct str_list *names,
                       const struct task *task)
{
    struct str arn = task_arn(ctx->state, task, ctx->arena);

    for (size_t i = 0; i < names->n; i++) {
        if (!str_eq(names->at[i], task->uid) && !str_eq(names->at[i], arn))
            return false;
    }
    return names->n > 0;
}

static bool is_own_protection(const struct op_ctx *ctx, const void *in, const struct task *task)
{
    const struct cluster *cluster = cluster_get(ctx->state, task->cluster_id);
    const struct ecs_get_task_protection_request *get = in;
    const struct ecs_update_task_protection_request *update = in;
    bool is_get = str_eq(ctx->operation->name, STR("GetTaskProtection"));
    struct str named;

    if (ctx->caller.role->is_execution ||
        (!is_get && !str_eq(ctx->operation->name, STR("UpdateTaskProtection"))))
        return false;
    named = is_get ? get->cluster : update->cluster;
    return str_eq(op_cluster_name(ctx, named), cluster->rec->name) &&
           str_eq(cluster->rec->region, ctx->caller.region) &&
           names_only(ctx, is_get ? &get->tasks : &update->tasks, task);
}

// ---- refusals

static struct str resource_of(const struct op_ctx *ctx, const void *in)
{
    struct scope scope = op_scope(ctx);
    struct str cluster;

    if (!cluster_of(ctx, in, &cluster))
        return STR("*");
    return arn_make(ctx->arena, &scope, "cluster", cluster);
}

static int deny(struct op_ctx *ctx, const void *in)
{
    return op_fail(ctx, ECS_ERROR_ACCESS_DENIED_EXCEPTION,
                   "User: %.*s is not authorized to perform: ecs:%.*s on resource: %.*s because no "
                   "identity-based policy allows the ecs:%.*s action",
                   STR_ARGS(ctx->caller.principal_arn), STR_ARGS(ctx->operation->name),
                   STR_ARGS(resource_of(ctx, in)), STR_ARGS(ctx->operation->name));
}

int op_authorize(struct op_ctx *ctx, const void *in)
{
    const struct role_caller *role = ctx->caller.role;
    const struct task *task = NULL;

    if (role == NULL)
        return OP_OK;
    if (role->task.len > 0) {
        task = task_find_uid(ctx->state, role->task);
        if (task == NULL || task_is_stopped(task))
            return op_fail(ctx, ECS_ERROR_EXPIRED_TOKEN_EXCEPTION,
                           "The security token included in the request is expired");
    }
    if (is_granted(ctx, in) || (task != NULL && is_own_protection(ctx, in, task)))
        return OP_OK;
    return deny(ctx, in);
}
