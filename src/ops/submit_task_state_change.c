// SubmitTaskStateChange: an agent reports on one task, its containers and its interface.
// Source: ecs-behaviour-api 7.10, agent-protocol 8.

#include "base/proof.h"
#include "core/submit.h"
#include "model/cluster.h"
#include "model/task.h"
#include "ops/submit.h"

const struct str op_acknowledgment = STR_INIT("ACCEPT");

int op_find_reported_task(struct op_ctx *ctx, struct str cluster_reference, struct str reference,
                          struct task **out)
{
    struct cluster *cluster;
    struct str head;
    struct str uid;
    struct task *task;

    if (op_find_cluster_any(ctx, cluster_reference, &cluster) != OP_OK)
        return OP_FAILED;
    if (!str_cut_last(reference, '/', &head, &uid))
        uid = reference;
    task = task_find_uid(ctx->state, uid);
    if (task != NULL && !str_eq(cluster_get(ctx->state, task->cluster_id)->key, cluster->key))
        task = NULL;
    MARK_IF(task == NULL, "a report on a task that is not known is acknowledged");
    *out = task;
    return OP_OK;
}

int op_submit_task_state_change(struct op_ctx *ctx,
                                const struct ecs_submit_task_state_change_request *in,
                                struct ecs_submit_task_state_change_response *out)
{
    struct task_report report = {
        .status = in->status,
        .reason = in->reason,
        .containers = in->containers.at,
        .containers_n = in->containers.n,
        .managed_agents = in->managed_agents.at,
        .managed_agents_n = in->managed_agents.n,
        .attachments = in->attachments.at,
        .attachments_n = in->attachments.n,
        .pull_started_at = in->pull_started_at,
        .pull_stopped_at = in->pull_stopped_at,
        .execution_stopped_at = in->execution_stopped_at,
    };
    struct task *task;

    if (op_validate(ctx) != OP_OK ||
        op_find_reported_task(ctx, in->cluster, in->task, &task) != OP_OK)
        return OP_FAILED;
    if (task != NULL)
        submit_report(ctx->step, task, &report);
    SET(out, acknowledgment, op_acknowledgment);
    return OP_OK;
}
