// Ids are unique in the whole server, so a lookup is one step; what remains is to refuse what lies
// elsewhere: another region, account or cluster, or the namesake that was deleted before this
// cluster was made.

#include "ops/find.h"

#include "base/arena.h"
#include "model/arn.h"
#include "model/cluster.h"
#include "model/instance.h"
#include "model/service.h"
#include "model/task.h"

int op_need_text(struct op_ctx *ctx, struct str text, const char *what)
{
    if (text.len > 0)
        return OP_OK;
    return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "%s can not be blank.", what);
}

int op_check_count(struct op_ctx *ctx, size_t n, size_t max, const char *what)
{
    if (n <= max)
        return OP_OK;
    return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                   "%s can not have more than %zu elements.", what, max);
}

int op_check_token(struct op_ctx *ctx, struct str token, size_t max)
{
    if (token.len > max)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "idempotency token longer than %zu.", max);
    for (size_t i = 0; i < token.len; i++) {
        if (token.ptr[i] < '!' || token.ptr[i] > '~')
            return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                           "idempotency token must consist of ASCII characters 33 to 126.");
    }
    return OP_OK;
}

// The id in a reference; false for an ARN that cannot mean anything in this cluster.
static bool id_in(const struct op_ctx *ctx, const char *kind, const struct cluster *cluster,
                  struct str reference, struct str *out)
{
    struct scope here = op_scope(ctx);
    struct str name;
    struct arn arn;

    if (!arn_looks_like_one(reference)) {
        *out = reference;
        return true;
    }
    if (!arn_parse(reference, &arn) || !scope_eq(&arn.scope, &here) ||
        !str_eq(arn.service, STR("ecs")) || !str_eq(arn.kind, str_of(kind)))
        return false;
    if (!str_cut_last(arn.tail, '/', &name, out)) {
        *out = arn.tail;
        return true;
    }
    return str_eq(name, cluster->rec->name);
}

struct instance *op_find_instance(const struct op_ctx *ctx, const struct cluster *cluster,
                                  struct str reference)
{
    struct instance *instance;
    struct str uid;

    if (!id_in(ctx, "container-instance", cluster, reference, &uid))
        return NULL;
    instance = instance_find_uid(ctx->state, uid);
    return instance != NULL && instance->cluster_id == cluster->entity.id ? instance : NULL;
}

int op_find_named_instance(struct op_ctx *ctx, const struct cluster *cluster, struct str reference,
                           struct instance **out)
{
    if (op_need_text(ctx, reference, "Container instance") != OP_OK)
        return OP_FAILED;
    *out = op_find_instance(ctx, cluster, reference);
    if (*out == NULL)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "Referenced container instance %.*s not found.", STR_ARGS(reference));
    return OP_OK;
}

int op_check_instances(struct op_ctx *ctx, const struct str_list *references, size_t max)
{
    if (references->n == 0)
        return op_fail(ctx, ECS_ERROR_CLIENT_EXCEPTION, "Container Instances cannot be empty.");
    return op_check_count(ctx, references->n, max, "Container Instances");
}

struct task *op_find_task(const struct op_ctx *ctx, const struct cluster *cluster,
                          struct str reference)
{
    struct task *task;
    struct str uid;

    if (!id_in(ctx, "task", cluster, reference, &uid))
        return NULL;
    task = task_find_uid(ctx->state, uid);
    return task != NULL && task->cluster_id == cluster->entity.id ? task : NULL;
}

struct service *op_find_service(const struct op_ctx *ctx, const struct cluster *cluster,
                                struct str reference)
{
    struct str name;

    if (!id_in(ctx, "service", cluster, reference, &name))
        return NULL;
    return service_find(ctx->state, cluster, name);
}

int op_find_named_service(struct op_ctx *ctx, const struct cluster *cluster, struct str reference,
                          struct service **out)
{
    if (op_need_text(ctx, reference, "Service") != OP_OK)
        return OP_FAILED;
    *out = op_find_service(ctx, cluster, reference);
    if (*out == NULL)
        return op_fail(ctx, ECS_ERROR_SERVICE_NOT_FOUND_EXCEPTION, "Service not found.");
    return OP_OK;
}

int op_find_active_service(struct op_ctx *ctx, const struct cluster *cluster, struct str reference,
                           struct service **out)
{
    if (op_find_named_service(ctx, cluster, reference, out) != OP_OK)
        return OP_FAILED;
    if ((*out)->rec->status != REC_SERVICE_STATUS_ACTIVE)
        return op_fail(ctx, ECS_ERROR_SERVICE_NOT_ACTIVE_EXCEPTION, "Service was not ACTIVE.");
    return OP_OK;
}

struct str op_missing_arn(const struct op_ctx *ctx, const char *kind, const struct cluster *cluster,
                          struct str reference)
{
    struct scope here = op_scope(ctx);

    if (arn_looks_like_one(reference))
        return reference;
    return arn_make2(ctx->arena, &here, kind, cluster->rec->name, reference);
}

struct ecs_failure op_failure(struct str arn, struct str reason)
{
    struct ecs_failure failure = {0};

    SET(&failure, arn, arn);
    SET(&failure, reason, reason);
    return failure;
}
