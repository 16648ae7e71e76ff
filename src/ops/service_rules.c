// See service_rules.h. Texts as the behaviour documents quote them; after their pattern where none
// is known.

#include "ops/service_rules.h"

#include "base/arena.h"
#include "model/task_definition.h"
#include "ops/find.h"
#include "ops/placement_rules.h"
#include "ops/shift_rules.h"

enum { BALANCERS_MAX = 5, BAKE_MINUTES_MAX = 1440, BREAKER_PERCENT = 50 };

#define BAD(ctx, ...) op_fail((ctx), ECS_ERROR_INVALID_PARAMETER_EXCEPTION, __VA_ARGS__)

// ---- deploymentConfiguration

static void fill_breaker(struct op_ctx *ctx, struct ecs_deployment_configuration *config)
{
    struct ecs_deployment_circuit_breaker *breaker =
        arena_new(ctx->arena, struct ecs_deployment_circuit_breaker);

    if (config->has.deployment_circuit_breaker)
        *breaker = *config->deployment_circuit_breaker;
    if (!breaker->has.enable)
        SET(breaker, enable, false);
    if (!breaker->has.rollback)
        SET(breaker, rollback, false);
    if (!breaker->has.reset_on_healthy_task)
        SET(breaker, reset_on_healthy_task, true);
    if (!breaker->has.threshold_configuration) {
        SET(breaker, threshold_configuration,
            arena_new(ctx->arena, struct ecs_threshold_configuration));
        SET(breaker->threshold_configuration, type, ECS_THRESHOLD_TYPE_BOUNDED_PERCENT);
        SET(breaker->threshold_configuration, value, BREAKER_PERCENT);
    }
    SET(config, deployment_circuit_breaker, breaker);
}

static void fill_defaults(struct op_ctx *ctx, enum ecs_scheduling_strategy strategy,
                          struct ecs_deployment_configuration *config)
{
    bool is_daemon = strategy == ECS_SCHEDULING_STRATEGY_DAEMON;

    fill_breaker(ctx, config);
    if (!config->has.maximum_percent)
        SET(config, maximum_percent, is_daemon ? 100 : 200);
    if (!config->has.minimum_healthy_percent)
        SET(config, minimum_healthy_percent, is_daemon ? 0 : 100);
    if (!config->has.strategy)
        SET(config, strategy, ECS_DEPLOYMENT_STRATEGY_ROLLING);
    if (!config->has.bake_time_in_minutes)
        SET(config, bake_time_in_minutes, 0);
}

static void lay_over(const struct ecs_deployment_configuration *given,
                     struct ecs_deployment_configuration *config)
{
    if (given->has.deployment_circuit_breaker)
        SET(config, deployment_circuit_breaker, given->deployment_circuit_breaker);
    if (given->has.maximum_percent)
        SET(config, maximum_percent, given->maximum_percent);
    if (given->has.minimum_healthy_percent)
        SET(config, minimum_healthy_percent, given->minimum_healthy_percent);
    if (given->has.alarms)
        SET(config, alarms, given->alarms);
    if (given->has.strategy)
        SET(config, strategy, given->strategy);
    if (given->has.bake_time_in_minutes)
        SET(config, bake_time_in_minutes, given->bake_time_in_minutes);
    if (given->has.lifecycle_hooks)
        SET(config, lifecycle_hooks, given->lifecycle_hooks);
    if (given->has.linear_configuration)
        SET(config, linear_configuration, given->linear_configuration);
    if (given->has.canary_configuration)
        SET(config, canary_configuration, given->canary_configuration);
}

static int check_threshold(struct op_ctx *ctx, const struct ecs_threshold_configuration *threshold)
{
    bool is_percent = threshold->type != ECS_THRESHOLD_TYPE_COUNT;

    if (threshold->value < 1)
        return BAD(ctx, "thresholdConfiguration value must be at least 1");
    if (is_percent && threshold->value > 100)
        return BAD(ctx, "thresholdConfiguration value must be at most 100");
    return OP_OK;
}

static int check_percents(struct op_ctx *ctx, const struct ecs_deployment_configuration *config,
                          enum ecs_scheduling_strategy strategy)
{
    if (config->minimum_healthy_percent < 0)
        return BAD(ctx, "minimumHealthyPercent must be at least 0");
    if (config->minimum_healthy_percent > 100)
        return BAD(ctx, "minimumHealthyPercent must be at most 100");
    if (config->maximum_percent < 0)
        return BAD(ctx, "maximumPercent must be at least 0");
    if (config->maximum_percent > 200)
        return BAD(ctx, "maximumPercent must be at most 200");
    if (strategy == ECS_SCHEDULING_STRATEGY_DAEMON && config->maximum_percent > 100)
        return BAD(ctx, "The daemon scheduling strategy does not support values above 100 for "
                        "maximumPercent. Change the value and try again");
    if (config->maximum_percent == 100 && config->minimum_healthy_percent == 100)
        return BAD(ctx, "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will "
                        "block deployments.");
    return OP_OK;
}

// What a service has already stays, whatever the server is started with.
static int check_alarms(struct op_ctx *ctx, const struct ecs_deployment_configuration *given)
{
    if (given == NULL || !given->has.alarms || !given->alarms->enable)
        return OP_OK;
    if (given->alarms->alarm_names.n == 0)
        return BAD(ctx, "alarmNames can not be empty.");
    if (!ctx->state->config.has_alarms)
        return op_fail(ctx, ECS_ERROR_UNSUPPORTED_FEATURE_EXCEPTION,
                       "This server has no source of alarms. Start it with --alarms, or disable "
                       "the deployment alarms.");
    return OP_OK;
}

int service_read_configuration(struct op_ctx *ctx, const struct ecs_deployment_configuration *given,
                               const struct ecs_deployment_configuration *present,
                               enum ecs_scheduling_strategy strategy,
                               struct ecs_deployment_configuration **out)
{
    struct ecs_deployment_configuration *config =
        arena_new(ctx->arena, struct ecs_deployment_configuration);

    if (present != NULL)
        *config = *present;
    if (given != NULL)
        lay_over(given, config);
    fill_defaults(ctx, strategy, config);
    *out = config;
    if (check_percents(ctx, config, strategy) != OP_OK)
        return OP_FAILED;
    if (config->bake_time_in_minutes < 0 || config->bake_time_in_minutes > BAKE_MINUTES_MAX)
        return BAD(ctx, "bakeTimeInMinutes must be between 0 and %d", BAKE_MINUTES_MAX);
    if (service_check_strategy(ctx, given, present, config, strategy) != OP_OK ||
        check_alarms(ctx, given) != OP_OK)
        return OP_FAILED;
    return check_threshold(ctx, config->deployment_circuit_breaker->threshold_configuration);
}

// ---- counts and placement

int service_check_desired(struct op_ctx *ctx, bool has, int32_t desired,
                          enum ecs_scheduling_strategy strategy)
{
    if (strategy == ECS_SCHEDULING_STRATEGY_DAEMON && has)
        return BAD(ctx, "The daemon scheduling strategy does not support a desired count for "
                        "services. Remove the desired count value and try again");
    if (has && desired < 0)
        return BAD(ctx, "DesiredCount can not be lesser than 0");
    return OP_OK;
}

int service_check_capacity(struct op_ctx *ctx, enum ecs_scheduling_strategy strategy,
                           enum ecs_launch_type launch_type)
{
    if (strategy == ECS_SCHEDULING_STRATEGY_DAEMON && launch_type == ECS_LAUNCH_TYPE_FARGATE)
        return BAD(ctx, "The daemon scheduling strategy does not support the FARGATE launch type. "
                        "Change the launch type and try again");
    return OP_OK;
}

int service_check_placement(struct op_ctx *ctx, const struct task_definition *definition,
                            const struct ecs_placement_constraint_list *constraints,
                            const struct ecs_placement_strategy_list *strategies,
                            enum ecs_scheduling_strategy strategy)
{
    PLACEMENT_RULES_AUTO struct placement_rules rules = {0};

    if (strategy == ECS_SCHEDULING_STRATEGY_DAEMON && strategies->n > 0)
        return BAD(ctx, "The daemon scheduling strategy does not support placement strategies. "
                        "Remove the placement strategy and try again");
    return placement_rules_read(ctx, definition->rec->definition, constraints, strategies, &rules);
}

// ---- Availability Zone rebalancing

static bool mentions(struct str text, struct str word)
{
    for (size_t i = 0; i + word.len <= text.len; i++) {
        if (str_starts(str_from(text, i), word))
            return true;
    }
    return false;
}

static bool names_zone(const struct ecs_placement_constraint_list *constraints)
{
    for (size_t i = 0; i < constraints->n; i++) {
        if (mentions(constraints->at[i].expression, STR("attribute:ecs.availability-zone")))
            return true;
    }
    return false;
}

static bool spreads_zones_first(const struct ecs_placement_strategy_list *strategies)
{
    return strategies->n == 0 ||
           (strategies->at[0].type == ECS_PLACEMENT_STRATEGY_TYPE_SPREAD &&
            str_eq(strategies->at[0].field, STR("attribute:ecs.availability-zone")));
}

static bool has_classic(const struct ecs_load_balancer_list *balancers)
{
    for (size_t i = 0; i < balancers->n; i++) {
        if (balancers->at[i].load_balancer_name.len > 0)
            return true;
    }
    return false;
}

static int refuse_rebalancing(struct op_ctx *ctx, const struct rebalancing_facts *facts)
{
    if (facts->strategy == ECS_SCHEDULING_STRATEGY_DAEMON)
        return BAD(ctx,
                   "The service couldn't be %s because Availability Zone Rebalancing does not "
                   "support DAEMON as scheduling strategy. Update scheduling strategy and try "
                   "again.",
                   facts->verb);
    if (facts->configuration->maximum_percent <= 100)
        return BAD(ctx, "Availability Zone Rebalancing does not support maximumPercent <= 100 %% "
                        "as deployment configuration.");
    if (facts->launch_type == ECS_LAUNCH_TYPE_EXTERNAL)
        return BAD(ctx, "Availability Zone Rebalancing does not support the EXTERNAL launch type.");
    if (has_classic(facts->balancers))
        return BAD(ctx, "Availability Zone Rebalancing does not support Classic Load Balancers.");
    if (names_zone(facts->constraints))
        return BAD(ctx, "Availability Zone Rebalancing does not support placement constraints on "
                        "attribute:ecs.availability-zone.");
    if (!spreads_zones_first(facts->strategies))
        return BAD(ctx, "Availability Zone Rebalancing requires that the first placement strategy "
                        "spreads over attribute:ecs.availability-zone.");
    return OP_OK;
}

int service_read_rebalancing(struct op_ctx *ctx,
                             const enum ecs_availability_zone_rebalancing *given,
                             enum ecs_availability_zone_rebalancing present,
                             const struct rebalancing_facts *facts,
                             enum ecs_availability_zone_rebalancing *out)
{
    if (op_unknown_enum(ctx, given).len > 0)
        return BAD(ctx, "availabilityZoneRebalancing should be one of [ENABLED,DISABLED]");
    *out = *given != ECS_AVAILABILITY_ZONE_REBALANCING_UNSET ? *given : present;
    if (*given == ECS_AVAILABILITY_ZONE_REBALANCING_ENABLED)
        return refuse_rebalancing(ctx, facts);
    if (*out == ECS_AVAILABILITY_ZONE_REBALANCING_UNSET) {
        bool may = refuse_rebalancing(ctx, facts) == OP_OK;

        ctx->error = (struct op_error){0}; // asked for the answer, not for the failure
        *out = may ? ECS_AVAILABILITY_ZONE_REBALANCING_ENABLED
                   : ECS_AVAILABILITY_ZONE_REBALANCING_DISABLED;
    }
    return OP_OK;
}

// ---- load balancers and registries

static const struct ecs_container_definition *
container_of(const struct ecs_task_definition *definition, struct str name)
{
    for (size_t i = 0; i < definition->container_definitions.n; i++) {
        if (str_eq(definition->container_definitions.at[i].name, name))
            return &definition->container_definitions.at[i];
    }
    return NULL;
}

static bool has_port(const struct ecs_container_definition *container, int32_t port)
{
    for (size_t i = 0; i < container->port_mappings.n; i++) {
        if (container->port_mappings.at[i].container_port == port)
            return true;
    }
    return false;
}

static int check_balancer(struct op_ctx *ctx, const struct ecs_task_definition *definition,
                          const struct ecs_load_balancer *balancer)
{
    const struct ecs_container_definition *container =
        container_of(definition, balancer->container_name);

    if (balancer->load_balancer_name.len > 0 && balancer->target_group_arn.len > 0)
        return BAD(ctx, "loadBalancerName and targetGroupArn cannot both be specified");
    if (balancer->load_balancer_name.len == 0 && balancer->target_group_arn.len == 0)
        return BAD(ctx, "targetGroupArn can not be blank.");
    if (container == NULL)
        return BAD(ctx, "The container %.*s does not exist in the task definition.",
                   STR_ARGS(balancer->container_name));
    if (!has_port(container, balancer->container_port))
        return BAD(ctx, "The container %.*s did not have a container port %d defined.",
                   STR_ARGS(balancer->container_name), (int)balancer->container_port);
    return OP_OK;
}

int service_check_balancers(struct op_ctx *ctx, const struct task_definition *definition,
                            enum ecs_launch_type launch_type,
                            const struct ecs_load_balancer_list *balancers)
{
    if (launch_type == ECS_LAUNCH_TYPE_FARGATE && has_classic(balancers))
        return BAD(ctx, "Classic Load Balancers are not supported with Fargate.");
    if (op_check_count(ctx, balancers->n, BALANCERS_MAX, "loadBalancers") != OP_OK)
        return OP_FAILED;
    for (size_t i = 0; i < balancers->n; i++) {
        if (check_balancer(ctx, definition->rec->definition, &balancers->at[i]) != OP_OK)
            return OP_FAILED;
    }
    return OP_OK;
}

int service_check_registries(struct op_ctx *ctx, const struct ecs_service_registry_list *registries)
{
    if (registries->n > 1)
        return BAD(ctx, "service registries can have at most 1 items");
    return OP_OK;
}

// ---- the rest

int service_check_grace(struct op_ctx *ctx, int32_t seconds)
{
    if (seconds < 0)
        return BAD(ctx, "healthCheckGracePeriodSeconds must be between 0 and 2147483647");
    return OP_OK;
}

int service_check_propagation(struct op_ctx *ctx, const enum ecs_propagate_tags *from)
{
    if (op_unknown_enum(ctx, from).len > 0)
        return BAD(ctx, "propagateTags should be one of [TASK_DEFINITION,SERVICE,NONE]");
    return OP_OK;
}

int service_check_execute_command(struct op_ctx *ctx, bool enabled,
                                  const struct task_definition *definition, const char *verb)
{
    if (enabled && definition->rec->definition->task_role_arn.len == 0)
        return BAD(ctx,
                   "The service couldn't be %s because a valid taskRoleArn is not being used. "
                   "Specify a valid task role in your task definition and try again.",
                   verb);
    return OP_OK;
}
