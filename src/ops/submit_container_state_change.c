// SubmitContainerStateChange: an agent reports on one container. Source: ecs-behaviour-api 7.10.

#include "core/submit.h"
#include "ops/submit.h"

static struct ecs_container_state_change
change_of(const struct ecs_submit_container_state_change_request *in)
{
    struct ecs_container_state_change change = {0};

    SET(&change, container_name, in->container_name);
    SET(&change, status, in->status);
    SET(&change, runtime_id, in->runtime_id);
    SET(&change, reason, in->reason);
    SET(&change, network_bindings, in->network_bindings);
    if (in->has.exit_code)
        SET(&change, exit_code, in->exit_code);
    return change;
}

int op_submit_container_state_change(struct op_ctx *ctx,
                                     const struct ecs_submit_container_state_change_request *in,
                                     struct ecs_submit_container_state_change_response *out)
{
    struct ecs_container_state_change change = change_of(in);
    struct task_report report = {.containers = &change, .containers_n = 1};
    struct task *task;

    if (op_validate(ctx) != OP_OK ||
        op_find_reported_task(ctx, in->cluster, in->task, &task) != OP_OK)
        return OP_FAILED;
    if (task != NULL)
        submit_report(ctx->step, task, &report);
    SET(out, acknowledgment, op_acknowledgment);
    return OP_OK;
}
