// Which capacity tasks are to have. Source: ecs-behaviour-api 7.4, 8.8, 10.4 and 14; texts of
// 7.2, 7.4 and 7.5, and after their pattern where none is known.
//
// The choice comes before anything else, because what is allowed depends on it.

#include "ops/capacity.h"

#include "base/arena.h"
#include "base/proof.h"
#include "model/cluster.h"
#include "model/task_definition.h"
#include "ops/capacity_strategy.h"
#include "ops/task_size.h"

static int read_launch_type(struct op_ctx *ctx, const struct capacity_request *in,
                            struct capacity *out)
{
    switch (in->launch_type) {
    case ECS_LAUNCH_TYPE_EC2:
    case ECS_LAUNCH_TYPE_EXTERNAL:
        *out = (struct capacity){.kind = CAPACITY_INSTANCES, .launch_type = in->launch_type};
        return OP_OK;
    case ECS_LAUNCH_TYPE_FARGATE:
        *out = (struct capacity){.kind = CAPACITY_FARGATE, .launch_type = in->launch_type};
        return OP_OK;
    case ECS_LAUNCH_TYPE_MANAGED_INSTANCES: // by capacity provider only
    case ECS_LAUNCH_TYPE_UNSET: break;
    }
    return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                   "launch type should be one of [EC2,FARGATE,EXTERNAL]");
}

static int choose(struct op_ctx *ctx, const struct capacity_request *in,
                  const struct cluster *cluster, struct capacity *out)
{
    const struct ecs_capacity_provider_strategy_item_list *strategy = in->strategy;

    if (in->has_launch_type && strategy->n > 0) {
        MARK("a launch type and a capacity provider strategy exclude each other");
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "%s", in->both_given);
    }
    if (in->has_launch_type)
        return read_launch_type(ctx, in, out);
    if (strategy->n == 0)
        strategy = &cluster->rec->default_capacity_provider_strategy;
    *out = (struct capacity){
        .kind = CAPACITY_INSTANCES,
        .launch_type = ECS_LAUNCH_TYPE_EC2,
        .strategy = op_name_strategy(ctx, strategy),
    };
    if (strategy->n == 0)
        return OP_OK;
    if (op_check_strategy(ctx, &cluster->rec->capacity_providers, strategy) != OP_OK)
        return OP_FAILED;
    if (capacity_is_fargate(out->strategy.at[0].capacity_provider)) {
        out->kind = CAPACITY_FARGATE;
        out->launch_type = ECS_LAUNCH_TYPE_FARGATE;
    } else {
        out->kind = CAPACITY_PROVIDER;
    }
    return OP_OK;
}

static int check_compatibility(struct op_ctx *ctx, const struct ecs_task_definition *definition,
                               enum ecs_launch_type launch_type)
{
    static const enum ecs_compatibility wanted[ECS_LAUNCH_TYPE_N] = {
        [ECS_LAUNCH_TYPE_EC2] = ECS_COMPATIBILITY_EC2,
        [ECS_LAUNCH_TYPE_FARGATE] = ECS_COMPATIBILITY_FARGATE,
        [ECS_LAUNCH_TYPE_EXTERNAL] = ECS_COMPATIBILITY_EXTERNAL,
        [ECS_LAUNCH_TYPE_MANAGED_INSTANCES] = ECS_COMPATIBILITY_MANAGED_INSTANCES,
    };

    for (size_t i = 0; i < definition->compatibilities.n; i++) {
        if (definition->compatibilities.at[i] == wanted[launch_type])
            return OP_OK;
    }
    MARK("a task is not launched where its definition cannot run");
    return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                   "Task definition does not support launch_type %.*s.",
                   STR_ARGS(shape_enum_name(&ecs_launch_type_enum, (int)launch_type)));
}

// --- Fargate

static bool is_windows(const struct ecs_task_definition *definition)
{
    const struct ecs_runtime_platform *platform = definition->runtime_platform;

    return platform != NULL && platform->operating_system_family != ECS_OS_FAMILY_UNSET &&
           platform->operating_system_family != ECS_OS_FAMILY_LINUX;
}

// Features that came with platform 1.4.0.
static bool needs_newest_platform(const struct capacity_request *in,
                                  const struct ecs_task_definition *definition)
{
    return in->enable_execute_command || definition->has.ephemeral_storage ||
           definition->pid_mode == ECS_PID_MODE_TASK || str_eq(definition->cpu, STR("8192")) ||
           str_eq(definition->cpu, STR("16384")) ||
           (in->overrides != NULL && in->overrides->has.ephemeral_storage);
}

static int check_platform(struct op_ctx *ctx, const struct capacity_request *in,
                          const struct ecs_task_definition *definition)
{
    struct str version = in->platform_version;
    bool windows = is_windows(definition);

    if (version.len == 0 || str_eq(version, STR("LATEST")))
        return OP_OK;
    if (windows ? str_eq(version, STR("1.0.0")) : str_eq(version, STR("1.4.0")))
        return OP_OK;
    if (windows || !str_eq(version, STR("1.3.0"))) {
        MARK("a platform version that does not exist is refused");
        return op_fail(ctx, ECS_ERROR_PLATFORM_UNKNOWN_EXCEPTION,
                       "The specified platform does not exist.");
    }
    if (needs_newest_platform(in, definition))
        return op_fail(ctx, ECS_ERROR_PLATFORM_TASK_DEFINITION_INCOMPATIBILITY_EXCEPTION,
                       "The specified platform does not satisfy the task definition's required "
                       "capabilities.");
    return OP_OK;
}

static int check_fargate_size(struct op_ctx *ctx, const struct capacity_request *in,
                              const struct ecs_task_definition *definition)
{
    const struct ecs_task_override *over = in->overrides;
    struct str cpu = over != NULL && over->has.cpu ? over->cpu : definition->cpu;
    struct str memory = over != NULL && over->has.memory ? over->memory : definition->memory;
    int32_t units;
    int32_t mib;

    if (!task_cpu_read(cpu, &units) || !task_memory_read(memory, &mib))
        return OP_OK; // a size that is none is refused with the overrides
    if (!task_size_is_fargate(units, mib))
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "No Fargate configuration exists for given values: %d CPU, %d memory. See "
                       "the Amazon ECS documentation for the valid values.",
                       (int)units, (int)mib);
    return OP_OK;
}

static int check_fargate(struct op_ctx *ctx, const struct capacity_request *in,
                         const struct ecs_task_definition *definition)
{
    if (in->has_constraints)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "Placement constraints are not supported with FARGATE launch type.");
    if (in->has_strategies)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "Placement strategies are not supported with FARGATE launch type.");
    if (check_platform(ctx, in, definition) != OP_OK)
        return OP_FAILED;
    return check_fargate_size(ctx, in, definition);
}

int op_choose_capacity(struct op_ctx *ctx, const struct capacity_request *in,
                       const struct cluster *cluster, const struct task_definition *definition,
                       struct capacity *out)
{
    const struct ecs_task_definition *spec = definition->rec->definition;
    struct capacity chosen;

    if (choose(ctx, in, cluster, &chosen) != OP_OK)
        return OP_FAILED;
    if (check_compatibility(ctx, spec, chosen.launch_type) != OP_OK)
        return OP_FAILED;
    *out = chosen;
    if (chosen.kind == CAPACITY_FARGATE)
        return check_fargate(ctx, in, spec);
    if (in->platform_version.len > 0)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "The platform version must be null when specifying an EC2 launch type");
    return OP_OK;
}
