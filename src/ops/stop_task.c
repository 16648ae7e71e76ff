// StopTask: the task is to stop; the reply does not wait for it. Source: ecs-behaviour-api 7.4.

#include "base/arena.h"
#include "base/proof.h"
#include "core/lifecycle.h"
#include "model/cluster.h"
#include "model/task.h"
#include "ops/find.h"
#include "ops/op.h"

int op_stop_task(struct op_ctx *ctx, const struct ecs_stop_task_request *in,
                 struct ecs_stop_task_response *out)
{
    struct str reason = in->reason.len > 0 ? in->reason : STR("Task stopped by user");
    struct cluster *cluster;
    struct task *task;

    if (op_find_cluster(ctx, in->cluster, &cluster) != OP_OK)
        return OP_FAILED;
    if (op_need_text(ctx, in->task, "Task") != OP_OK)
        return OP_FAILED;
    task = op_find_task(ctx, cluster, in->task);
    if (task == NULL) {
        MARK("a task that does not exist cannot be stopped");
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "The referenced task was not found.");
    }
    if (op_validate(ctx) != OP_OK)
        return OP_FAILED;
    task_stop(ctx->step, task, ECS_TASK_STOP_CODE_USERINITIATED, reason);
    SET(out, task, arena_new(ctx->arena, struct ecs_task));
    task_view(ctx->state, task, true, ctx->arena, out->task);
    return OP_OK;
}
