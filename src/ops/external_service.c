// See external_service.h. Source: ecs-behaviour-api 7.5, ecs-behaviour-scheduler 4.10. Texts after
// the pattern of the known ones where none is quoted.

#include "ops/external_service.h"

#include "base/arena.h"
#include "core/task_set.h"
#include "model/service.h"
#include "model/task_definition.h"
#include "ops/service_rules.h"
#include "shape/walk.h"

#define BAD(ctx, ...) op_fail((ctx), ECS_ERROR_INVALID_PARAMETER_EXCEPTION, __VA_ARGS__)

bool external_is_asked(const struct ecs_create_service_request *in)
{
    return in->deployment_controller != NULL &&
           in->deployment_controller->type == ECS_DEPLOYMENT_CONTROLLER_TYPE_EXTERNAL;
}

// Constraints and strategies by themselves: there is no definition yet whose own they join.
static int check_placement(struct op_ctx *ctx,
                           const struct ecs_placement_constraint_list *constraints,
                           const struct ecs_placement_strategy_list *strategies)
{
    struct ecs_task_definition blank = {0};
    struct rec_task_definition rec = {.definition = &blank};
    struct task_definition definition = {.rec = &rec};

    return service_check_placement(ctx, &definition, constraints, strategies,
                                   ECS_SCHEDULING_STRATEGY_REPLICA);
}

// ---- CreateService

// What goes on the task sets.
static int check_blank(struct op_ctx *ctx, const struct ecs_create_service_request *in)
{
    if (in->task_definition.len > 0)
        return BAD(ctx, "TaskDefinition must be blank");
    if (in->load_balancers.n > 0)
        return BAD(ctx, "LoadBalancers must be empty or null");
    if (in->service_registries.n > 0)
        return BAD(ctx, "ServiceRegistries must be empty or null");
    if (in->has.launch_type)
        return BAD(ctx, "LaunchType must be blank");
    if (in->capacity_provider_strategy.n > 0)
        return BAD(ctx, "CapacityProviderStrategy must be empty or null");
    if (in->platform_version.len > 0)
        return BAD(ctx, "PlatformVersion must be blank");
    if (in->has.network_configuration)
        return BAD(ctx, "NetworkConfiguration must be blank");
    if (in->volume_configurations.n > 0)
        return BAD(ctx, "VolumeConfigurations must be empty or null");
    if (in->vpc_lattice_configurations.n > 0)
        return BAD(ctx, "VpcLatticeConfigurations must be empty or null");
    return OP_OK;
}

static int check_kind(struct op_ctx *ctx, const struct ecs_create_service_request *in)
{
    if (in->scheduling_strategy == ECS_SCHEDULING_STRATEGY_DAEMON)
        return BAD(ctx, "The daemon scheduling strategy does not support the EXTERNAL deployment "
                        "controller type.");
    if (in->availability_zone_rebalancing == ECS_AVAILABILITY_ZONE_REBALANCING_ENABLED)
        return BAD(ctx, "Availability Zone Rebalancing does not support the EXTERNAL deployment "
                        "controller type.");
    if (in->role.len > 0)
        return BAD(ctx, "IAM roles are only valid for services configured to use load balancers.");
    if (in->service_connect_configuration != NULL && in->service_connect_configuration->enabled)
        return BAD(ctx, "Service Connect does not support the EXTERNAL deployment controller "
                        "type.");
    return OP_OK;
}

static int check_configuration(struct op_ctx *ctx,
                               const struct ecs_deployment_configuration *configuration)
{
    if (configuration == NULL)
        return OP_OK;
    if (configuration->deployment_circuit_breaker != NULL &&
        configuration->deployment_circuit_breaker->enable)
        return BAD(ctx, "The deployment circuit breaker does not support the EXTERNAL deployment "
                        "controller type.");
    if (configuration->alarms != NULL && configuration->alarms->enable)
        return BAD(ctx, "Deployment alarms do not support the EXTERNAL deployment controller "
                        "type.");
    if (configuration->has.strategy && configuration->strategy != ECS_DEPLOYMENT_STRATEGY_ROLLING)
        return BAD(ctx, "Deployment strategies do not support the EXTERNAL deployment controller "
                        "type.");
    return OP_OK;
}

int external_check_create(struct op_ctx *ctx, const struct ecs_create_service_request *in,
                          struct ecs_deployment_configuration **out)
{
    if (check_blank(ctx, in) != OP_OK || check_kind(ctx, in) != OP_OK ||
        check_configuration(ctx, in->deployment_configuration) != OP_OK)
        return OP_FAILED;
    if (service_check_desired(ctx, in->has.desired_count, in->desired_count,
                              ECS_SCHEDULING_STRATEGY_REPLICA) != OP_OK ||
        service_check_grace(ctx, in->health_check_grace_period_seconds) != OP_OK ||
        check_placement(ctx, &in->placement_constraints, &in->placement_strategy) != OP_OK)
        return OP_FAILED;
    return service_read_configuration(ctx, in->deployment_configuration, NULL,
                                      ECS_SCHEDULING_STRATEGY_REPLICA, out);
}

// ---- UpdateService

static int check_update(struct op_ctx *ctx, const struct ecs_update_service_request *in)
{
    const struct {
        bool given;
        const char *what;
    } parts[] = {
        {in->task_definition.len > 0, "task definition"},
        {in->has.network_configuration, "network configuration"},
        {in->platform_version.len > 0, "platform version"},
        {in->has.load_balancers, "load balancers"},
        {in->has.service_registries, "service registries"},
        {in->has.capacity_provider_strategy, "capacity provider strategy"},
        {in->has.deployment_configuration, "deployment configuration"},
        {in->has.service_connect_configuration, "Service Connect configuration"},
        {in->has.volume_configurations, "volume configurations"},
        {in->has.vpc_lattice_configurations, "VPC Lattice configurations"},
        {in->has.monitoring, "monitoring configuration"},
        {in->has.availability_zone_rebalancing, "Availability Zone rebalancing"},
        {in->has.enable_execute_command, "execute command setting"},
    };

    if (in->force_new_deployment)
        return BAD(ctx, "Cannot force a new deployment on services with an EXTERNAL deployment "
                        "controller.");
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (parts[i].given)
            return BAD(ctx,
                       "Unable to update %s on services with an EXTERNAL deployment controller.",
                       parts[i].what);
    }
    if (in->deployment_controller != NULL &&
        in->deployment_controller->type != ECS_DEPLOYMENT_CONTROLLER_TYPE_EXTERNAL)
        return op_fail(ctx, ECS_ERROR_UNSUPPORTED_FEATURE_EXCEPTION,
                       "The deployment controller of a service cannot be changed in Gantry.");
    return service_check_propagation(ctx, &in->propagate_tags);
}

static int plan_update(struct op_ctx *ctx, const struct ecs_update_service_request *in,
                       struct rec_service *rec)
{
    if (service_check_desired(ctx, in->has.desired_count, in->desired_count,
                              rec->scheduling_strategy) != OP_OK ||
        service_check_grace(ctx, in->health_check_grace_period_seconds) != OP_OK)
        return OP_FAILED;
    if (in->has.desired_count)
        SET(rec, desired_count, in->desired_count);
    if (in->has.placement_constraints)
        SET(rec, placement_constraints, in->placement_constraints);
    if (in->has.placement_strategy)
        SET(rec, placement_strategy, in->placement_strategy);
    if (in->has.health_check_grace_period_seconds)
        SET(rec, health_check_grace_period_seconds, in->health_check_grace_period_seconds);
    if (in->has.propagate_tags)
        SET(rec, propagate_tags, in->propagate_tags);
    if (in->has.enable_ecs_managed_tags)
        SET(rec, enable_ecs_managed_tags, in->enable_ecs_managed_tags);
    if (check_placement(ctx, &rec->placement_constraints, &rec->placement_strategy) != OP_OK)
        return OP_FAILED;
    return op_validate(ctx);
}

int external_update(struct op_ctx *ctx, const struct ecs_update_service_request *in,
                    struct service *service)
{
    struct rec_service *rec = arena_copy(ctx->arena, service->rec, sizeof *rec);

    if (check_update(ctx, in) != OP_OK || plan_update(ctx, in, rec) != OP_OK)
        return OP_FAILED;
    if (!shape_equal(&rec_service_shape, rec, service->rec))
        state_put(ctx->state, REC_KIND_SERVICE, service->entity.id, rec);
    task_sets_recount(ctx->step, service);
    return OP_OK;
}
