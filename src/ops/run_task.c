// RunTask: places `count` copies of a task definition, one after the other. Source:
// ecs-behaviour-api 6, 7.4 and 16, ecs-behaviour-scheduler 1.
//
// What cannot be placed is no error: the reply names it in `failures`, one entry a task, with the
// instance that came closest. Only a cluster that has nothing to place on refuses the call.

#include "base/arena.h"
#include "base/assert.h"
#include "base/proof.h"
#include "core/provider_split.h"
#include "core/waiting.h"
#include "model/cluster.h"
#include "model/instance.h"
#include "model/provider.h"
#include "model/task_definition.h"
#include "ops/capacity.h"
#include "ops/find.h"
#include "ops/find_definition.h"
#include "ops/launch.h"
#include "ops/op.h"
#include "ops/placement_rules.h"
#include "ops/run_task_token.h"

enum { STARTED_BY_MAX = 128 };

static struct launch_input input_of(const struct ecs_run_task_request *in)
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

static struct placement_request request_of(const struct launch *launch,
                                           const struct placement_rules *rules)
{
    struct placement_request request = launch_placement(launch);

    request.distinct_instance = rules->distinct_instance;
    request.member_of = rules->member_of;
    request.member_of_n = rules->member_of_n;
    request.strategies = rules->strategies;
    return request;
}

static int place_all(struct op_ctx *ctx, struct launch *launch, const struct placement_rules *rules,
                     size_t count, struct launched *launched)
{
    struct placement_request request = request_of(launch, rules);

    for (size_t i = 0; i < count; i++) {
        struct placement placement = place(ctx->step, &request);

        if (placement.instance != NULL)
            launch_on(ctx, launch, placement.instance, launched);
        else if (placement.reason == PLACE_NO_INSTANCES) {
            MARK("a cluster without instances refuses to run tasks");
            return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                           "No Container Instances were found in your cluster.");
        } else
            launch_failed(launched, instance_arn(ctx->state, placement.closest, ctx->arena),
                          place_reason_text(placement.reason), STR_NONE);
    }
    return OP_OK;
}

// Room on an instance of the provider, or a task that waits for some where the provider scales.
static int place_provided(struct op_ctx *ctx, struct launch *launch,
                          const struct placement_request *request, struct launched *launched)
{
    const struct cluster *cluster = launch->plan.cluster;
    const struct provider *provider =
        provider_find(ctx->state, cluster->rec->region, request->provider);
    struct placement placement = place(ctx->step, request);
    struct str closest;

    if (placement.instance != NULL || (provider != NULL && provider_scales(provider))) {
        if (placement.instance == NULL && waiting_is_full(cluster))
            return op_fail(ctx, ECS_ERROR_CLIENT_EXCEPTION,
                           "You've reached the limit on the number of tasks that can be in the "
                           "PROVISIONING state in a cluster.");
        launch_on(ctx, launch, placement.instance, launched);
        return OP_OK;
    }
    MARK("without managed scaling a task needs room at once");
    closest = placement.closest != NULL ? instance_arn(ctx->state, placement.closest, ctx->arena)
                                        : STR_NONE;
    launch_failed(launched, closest, waiting_reason(cluster, request->provider, &placement),
                  STR_NONE);
    return OP_OK;
}

// Nobody is told which hosts there are and what they lack.
static void place_on_fargate(struct op_ctx *ctx, struct launch *launch,
                             const struct placement_request *request, struct launched *launched)
{
    struct placement placement = place(ctx->step, request);

    MARK_IF(placement.instance == NULL, "there is no Fargate capacity");
    MARK_IF(placement.instance != NULL, "a Fargate task goes to a host that serves nothing else");
    if (placement.instance != NULL)
        launch_on(ctx, launch, placement.instance, launched);
    else
        launch_failed(launched, STR_NONE, STR("RESOURCE:FARGATE"),
                      STR("Capacity is unavailable at this time. Please try again later or in a "
                          "different availability zone"));
}

// The tasks are divided among the providers first; a base counts for each call anew.
static int place_by_strategy(struct op_ctx *ctx, struct launch *launch,
                             const struct ecs_capacity_provider_strategy_item_list *strategy,
                             const struct placement_rules *rules, size_t count,
                             struct launched *launched)
{
    struct placement_request request = request_of(launch, rules);
    bool is_fargate = launch->plan.launch_type == ECS_LAUNCH_TYPE_FARGATE;
    struct provider_share shares[PROVIDERS_MAX];
    int64_t targets[PROVIDERS_MAX];
    int64_t given[PROVIDERS_MAX] = {0};

    if (strategy->n == 0) { // by launch type alone
        request.provider = STR(PROVIDER_FARGATE);
        for (size_t i = 0; i < count; i++)
            place_on_fargate(ctx, launch, &request, launched);
        return OP_OK;
    }
    for (size_t i = 0; i < strategy->n; i++)
        shares[i] =
            (struct provider_share){.base = strategy->at[i].base, .weight = strategy->at[i].weight};
    provider_targets(shares, strategy->n, (int64_t)count, targets);
    for (size_t i = 0; i < count; i++) {
        size_t item = provider_to_add(targets, given, strategy->n);

        given[item]++;
        launch->plan.provider = strategy->at[item].capacity_provider;
        request.provider = launch->plan.provider;
        if (is_fargate)
            place_on_fargate(ctx, launch, &request, launched);
        else if (place_provided(ctx, launch, &request, launched) != OP_OK)
            return OP_FAILED;
    }
    return OP_OK;
}

static int start(struct op_ctx *ctx, const struct capacity *capacity, struct launch *launch,
                 const struct placement_rules *rules, size_t count, struct launched *launched)
{
    switch (capacity->kind) {
    case CAPACITY_INSTANCES: return place_all(ctx, launch, rules, count, launched);
    case CAPACITY_FARGATE:
    case CAPACITY_PROVIDER:
        return place_by_strategy(ctx, launch, &capacity->strategy, rules, count, launched);
    }
    UNREACHABLE();
}

static int count_of(struct op_ctx *ctx, const struct ecs_run_task_request *in, size_t *out)
{
    int32_t count = in->has.count ? in->count : 1;

    if (count < 1 || count > LAUNCH_TASKS_MAX)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "count must be between 1 and %d",
                       LAUNCH_TASKS_MAX);
    *out = (size_t)count;
    return OP_OK;
}

static struct capacity_request capacity_request_of(const struct ecs_run_task_request *in)
{
    return (struct capacity_request){
        .has_launch_type = in->has.launch_type,
        .launch_type = in->launch_type,
        .strategy = &in->capacity_provider_strategy,
        .both_given = "Specify either Launch Type or Capacity Provider Strategy, but not both.",
        .platform_version = in->platform_version,
        .overrides = in->overrides,
        .enable_execute_command = in->enable_execute_command,
        .has_constraints = in->placement_constraints.n > 0,
        .has_strategies = in->placement_strategy.n > 0,
    };
}

// Everything that is asked for, checked; then the tasks.
static int run(struct op_ctx *ctx, const struct ecs_run_task_request *in,
               const struct cluster *cluster, const struct task_definition *definition,
               struct launched *launched)
{
    LAUNCH_AUTO struct launch launch = {0};
    PLACEMENT_RULES_AUTO struct placement_rules rules = {0};
    struct launch_input input = input_of(in);
    struct capacity_request asked = capacity_request_of(in);
    struct capacity capacity;
    size_t count;

    if (count_of(ctx, in, &count) != OP_OK)
        return OP_FAILED;
    if (op_choose_capacity(ctx, &asked, cluster, definition, &capacity) != OP_OK)
        return OP_FAILED;
    if (launch_read(ctx, cluster, definition, capacity.launch_type, &input, &launch) != OP_OK)
        return OP_FAILED;
    if (placement_rules_read(ctx, definition->rec->definition, &in->placement_constraints,
                             &in->placement_strategy, &rules) != OP_OK)
        return OP_FAILED;
    if (op_validate(ctx) != OP_OK)
        return OP_FAILED;
    launch.plan.constraints = &in->placement_constraints;
    launch.plan.strategies = &in->placement_strategy;
    return start(ctx, &capacity, &launch, &rules, count, launched);
}

int op_run_task(struct op_ctx *ctx, const struct ecs_run_task_request *in,
                struct ecs_run_task_response *out)
{
    struct launched launched = {0};
    struct task_definition *definition;
    struct cluster *cluster;
    bool replayed;

    if (run_task_token_check(ctx, in) != OP_OK)
        return OP_FAILED;
    if (op_find_cluster(ctx, in->cluster, &cluster) != OP_OK)
        return OP_FAILED;
    if (op_need_text(ctx, in->task_definition, "TaskDefinition") != OP_OK)
        return OP_FAILED;
    if (op_find_definition(ctx, in->task_definition, &definition) != OP_OK)
        return OP_FAILED;
    if (run_task_token_replay(ctx, in, cluster, out, &replayed) != OP_OK)
        return OP_FAILED;
    if (replayed)
        return OP_OK;
    if (run(ctx, in, cluster, definition, &launched) != OP_OK)
        return OP_FAILED;
    run_task_token_keep(ctx, in, cluster, &launched);
    SET(out, tasks, launched_tasks(ctx, &launched));
    SET(out, failures, launched_failures(ctx, &launched));
    return OP_OK;
}
