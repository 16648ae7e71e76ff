// See task_sets.h. Texts are ours where the documents quote none.

#include "ops/task_sets.h"

#include "model/arn.h"
#include "model/cluster.h"
#include "model/deployment.h"
#include "model/service.h"
#include "ops/find.h"

#define BAD(ctx, ...) op_fail((ctx), ECS_ERROR_INVALID_PARAMETER_EXCEPTION, __VA_ARGS__)

int op_find_task_set_service(struct op_ctx *ctx, struct str cluster_name, struct str service_name,
                             struct cluster **out_cluster, struct service **out)
{
    if (op_need_text(ctx, cluster_name, "Cluster") != OP_OK ||
        op_find_cluster(ctx, cluster_name, out_cluster) != OP_OK ||
        op_find_active_service(ctx, *out_cluster, service_name, out) != OP_OK)
        return OP_FAILED;
    if ((*out)->rec->controller != ECS_DEPLOYMENT_CONTROLLER_TYPE_EXTERNAL)
        return BAD(ctx, "Task sets can only be used by services with an EXTERNAL deployment "
                        "controller.");
    return OP_OK;
}

// "ecs-svc/<number>", alone or at the end of an ARN.
static bool read_number(const struct op_ctx *ctx, const struct service *service,
                        struct str reference, int64_t *out)
{
    struct str head;
    struct str digits;
    struct arn arn;

    if (!str_cut_last(reference, '/', &head, &digits) || !str_to_i64(digits, out))
        return false;
    if (!arn_parse(reference, &arn))
        return str_eq(head, STR("ecs-svc"));
    return str_eq(arn.kind, STR("task-set")) &&
           str_eq(reference, task_set_arn_of(ctx->state, service, *out, ctx->arena));
}

struct deployment *op_task_set(const struct op_ctx *ctx, const struct service *service,
                               struct str reference)
{
    int64_t number;

    if (!read_number(ctx, service, reference, &number))
        return NULL;
    LIST_EACH (&service->deployments, it) {
        struct deployment *set = PART(it, struct deployment);

        if (set->rec->number == number)
            return set;
    }
    return NULL;
}

int op_find_task_set(struct op_ctx *ctx, const struct service *service, struct str reference,
                     const char *what, struct deployment **out)
{
    if (op_need_text(ctx, reference, what) != OP_OK)
        return OP_FAILED;
    *out = op_task_set(ctx, service, reference);
    if (*out == NULL)
        return op_fail(ctx, ECS_ERROR_TASK_SET_NOT_FOUND_EXCEPTION,
                       "The specified task set does not exist.");
    return OP_OK;
}

int op_check_scale(struct op_ctx *ctx, const struct ecs_scale *scale)
{
    if (op_unknown_enum(ctx, &scale->unit).len > 0)
        return BAD(ctx, "scale unit should be one of [PERCENT]");
    if (!(scale->value >= 0 && scale->value <= 100))
        return BAD(ctx, "scale value must be between 0 and 100");
    return OP_OK;
}
