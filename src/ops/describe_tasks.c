// DescribeTasks: the tasks asked for, in that order, and a failure for each that is not there.
// Tasks of a deleted cluster are described while they are remembered. Source:
// ecs-behaviour-api 7.1, 7.4.

#include "base/arena.h"
#include "model/cluster.h"
#include "model/task.h"
#include "ops/find.h"
#include "ops/op.h"

enum { TASKS_MAX = 100 };

static int check(struct op_ctx *ctx, const struct str_list *references)
{
    if (references->n == 0)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "Tasks cannot be empty.");
    return op_check_count(ctx, references->n, TASKS_MAX, "Tasks");
}

static bool wants_tags(const struct ecs_task_field_list *include)
{
    for (size_t i = 0; i < include->n; i++) {
        if (include->at[i] == ECS_TASK_FIELD_TAGS)
            return true;
    }
    return false;
}

static void describe(struct op_ctx *ctx, const struct ecs_describe_tasks_request *in,
                     const struct cluster *cluster, struct ecs_describe_tasks_response *out)
{
    bool with_tags = wants_tags(&in->include);

    for (size_t i = 0; i < in->tasks.n; i++) {
        struct str reference = in->tasks.at[i];
        const struct task *task = op_find_task(ctx, cluster, reference);

        if (task != NULL)
            task_view(ctx->state, task, with_tags, ctx->arena, &out->tasks.at[out->tasks.n++]);
        else
            out->failures.at[out->failures.n++] =
                op_failure(op_missing_arn(ctx, "task", cluster, reference), STR("MISSING"));
    }
}

int op_describe_tasks(struct op_ctx *ctx, const struct ecs_describe_tasks_request *in,
                      struct ecs_describe_tasks_response *out)
{
    struct cluster *cluster;

    if (check(ctx, &in->tasks) != OP_OK)
        return OP_FAILED;
    if (op_find_cluster_any(ctx, in->cluster, &cluster) != OP_OK)
        return OP_FAILED;
    if (op_validate(ctx) != OP_OK)
        return OP_FAILED;
    out->has.tasks = out->has.failures = true;
    out->tasks.at = arena_array(ctx->arena, struct ecs_task, in->tasks.n);
    out->failures.at = arena_array(ctx->arena, struct ecs_failure, in->tasks.n);
    describe(ctx, in, cluster, out);
    return OP_OK;
}
