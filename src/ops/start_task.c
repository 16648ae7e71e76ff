// StartTask: one task on each of the instances that the caller names. No scheduler, but what an
// instance cannot hold it does not get. Source: ecs-behaviour-api 7.4 and 16.

#include "base/arena.h"
#include "base/proof.h"
#include "model/cluster.h"
#include "model/instance.h"
#include "model/task_definition.h"
#include "ops/find.h"
#include "ops/find_definition.h"
#include "ops/launch.h"
#include "ops/op.h"

enum { STARTED_BY_MAX = 36 };

static struct launch_input input_of(const struct ecs_start_task_request *in)
{
    return (struct launch_input){
        .group = in->group,
        .started_by = in->started_by,
        .started_by_max = STARTED_BY_MAX,
        .network = in->network_configuration,
        .overrides = in->overrides,
        .tags = &in->tags,
        .propagate_tags = &in->propagate_tags,
        .volumes = &in->volume_configurations,
        .enable_managed_tags = in->enable_ecs_managed_tags,
        .enable_execute_command = in->enable_execute_command,
    };
}

// Why nothing may be started there, whatever the task needs; empty: it may. A DRAINING instance
// takes no new tasks, no matter who chose it.
static struct str refusal(const struct instance *instance)
{
    if (instance == NULL || instance_is_fargate(instance)) {
        MARK("no task is started on an instance that does not exist");
        return STR("MISSING");
    }
    MARK_IF(instance->st->status != REC_INSTANCE_STATUS_ACTIVE,
            "a DRAINING or deregistered instance takes no new tasks");
    return instance->st->status == REC_INSTANCE_STATUS_ACTIVE ? STR_NONE : STR("INACTIVE");
}

static void start_on(struct op_ctx *ctx, struct launch *launch, struct str reference,
                     struct launched *launched)
{
    struct placement_request request = launch_placement(launch);
    struct instance *instance = op_find_instance(ctx, launch->plan.cluster, reference);
    struct str reason = refusal(instance);
    enum place_reason missing;

    if (reason.len > 0) {
        launch_failed(launched,
                      op_missing_arn(ctx, "container-instance", launch->plan.cluster, reference),
                      reason, STR_NONE);
        return;
    }
    missing = place_check(&request, instance);
    if (missing != PLACE_FITS) {
        MARK("StartTask gives an instance nothing that it cannot hold");
        launch_failed(launched, instance_arn(ctx->state, instance, ctx->arena),
                      place_reason_text(missing), STR_NONE);
        return;
    }
    launch->plan.launch_type = place_serves(instance, ECS_LAUNCH_TYPE_EXTERNAL)
                                   ? ECS_LAUNCH_TYPE_EXTERNAL
                                   : ECS_LAUNCH_TYPE_EC2;
    launch_on(ctx, launch, instance, launched);
}

static int run(struct op_ctx *ctx, const struct ecs_start_task_request *in,
               const struct cluster *cluster, const struct task_definition *definition,
               struct launched *launched)
{
    LAUNCH_AUTO struct launch launch = {0};
    struct launch_input input = input_of(in);

    if (launch_read(ctx, cluster, definition, ECS_LAUNCH_TYPE_EC2, &input, &launch) != OP_OK)
        return OP_FAILED;
    if (op_validate(ctx) != OP_OK)
        return OP_FAILED;
    for (size_t i = 0; i < in->container_instances.n; i++)
        start_on(ctx, &launch, in->container_instances.at[i], launched);
    return OP_OK;
}

int op_start_task(struct op_ctx *ctx, const struct ecs_start_task_request *in,
                  struct ecs_start_task_response *out)
{
    struct launched launched = {0};
    struct task_definition *definition;
    struct cluster *cluster;

    if (op_check_instances(ctx, &in->container_instances, LAUNCH_TASKS_MAX) != OP_OK)
        return OP_FAILED;
    if (op_find_cluster(ctx, in->cluster, &cluster) != OP_OK)
        return OP_FAILED;
    if (op_need_text(ctx, in->task_definition, "TaskDefinition") != OP_OK)
        return OP_FAILED;
    if (op_find_definition(ctx, in->task_definition, &definition) != OP_OK)
        return OP_FAILED;
    if (run(ctx, in, cluster, definition, &launched) != OP_OK)
        return OP_FAILED;
    SET(out, tasks, launched_tasks(ctx, &launched));
    SET(out, failures, launched_failures(ctx, &launched));
    return OP_OK;
}
