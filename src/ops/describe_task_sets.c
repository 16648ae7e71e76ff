// DescribeTaskSets: those asked for, or all of the service. Source: ecs-behaviour-api 7.7.

#include "base/arena.h"
#include "model/cluster.h"
#include "model/deployment.h"
#include "model/service.h"
#include "ops/find.h"
#include "ops/task_sets.h"

static void describe_all(struct op_ctx *ctx, const struct service *service, bool with_tags,
                         struct ecs_task_set_list *out)
{
    size_t n = 0;

    LIST_EACH (&service->deployments, it)
        n++;
    out->at = arena_array(ctx->arena, struct ecs_task_set, n);
    LIST_EACH (&service->deployments, it)
        task_set_view(ctx->state, PART(it, struct deployment), with_tags, ctx->arena,
                      &out->at[out->n++]);
}

// An id becomes the ARN that it would have.
static struct str missing_arn(struct op_ctx *ctx, const struct cluster *cluster,
                              const struct service *service, struct str reference)
{
    return op_missing_arn(
        ctx, "task-set", cluster,
        str_starts(reference, STR("arn:"))
            ? reference
            : str_fmt(ctx->arena, "%.*s/%.*s", STR_ARGS(service->rec->name), STR_ARGS(reference)));
}

int op_describe_task_sets(struct op_ctx *ctx, const struct ecs_describe_task_sets_request *in,
                          struct ecs_describe_task_sets_response *out)
{
    bool with_tags = in->include.n > 0;
    struct cluster *cluster;
    struct service *service;

    if (op_find_task_set_service(ctx, in->cluster, in->service, &cluster, &service) != OP_OK ||
        op_validate(ctx) != OP_OK)
        return OP_FAILED;
    out->has.task_sets = out->has.failures = true;
    if (in->task_sets.n == 0) {
        describe_all(ctx, service, with_tags, &out->task_sets);
        return OP_OK;
    }
    out->task_sets.at = arena_array(ctx->arena, struct ecs_task_set, in->task_sets.n);
    out->failures.at = arena_array(ctx->arena, struct ecs_failure, in->task_sets.n);
    for (size_t i = 0; i < in->task_sets.n; i++) {
        struct str reference = in->task_sets.at[i];
        const struct deployment *set = op_task_set(ctx, service, reference);

        if (set == NULL)
            out->failures.at[out->failures.n++] =
                op_failure(missing_arn(ctx, cluster, service, reference), STR("MISSING"));
        else
            task_set_view(ctx->state, set, with_tags, ctx->arena,
                          &out->task_sets.at[out->task_sets.n++]);
    }
    return OP_OK;
}
