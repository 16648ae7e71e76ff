// The rules that CreateService and UpdateService have in common. Each function checks one part of a
// request and fails the call with InvalidParameterException. Source: ecs-behaviour-api 7.5,
// ecs-behaviour-scheduler 3.2, 3.12, 3.13.

#ifndef OPS_SERVICE_RULES_H
#define OPS_SERVICE_RULES_H

#include "ops/op.h"

struct capacity;
struct task_definition;

// deploymentConfiguration: what was given laid over `present` (NULL: over the defaults).
int service_read_configuration(struct op_ctx *ctx, const struct ecs_deployment_configuration *given,
                               const struct ecs_deployment_configuration *present,
                               enum ecs_scheduling_strategy strategy,
                               struct ecs_deployment_configuration **out) MUST_CHECK;

// What BLUE_GREEN, LINEAR and CANARY ask of a service's load balancers.
int service_check_shift(struct op_ctx *ctx, const struct ecs_deployment_configuration *config,
                        const struct ecs_load_balancer_list *balancers) MUST_CHECK;

// desiredCount: a DAEMON service must not have one, whatever it is.
int service_check_desired(struct op_ctx *ctx, bool has, int32_t desired,
                          enum ecs_scheduling_strategy strategy) MUST_CHECK;

// What a launch type or a strategy came to: a DAEMON service has instances.
int service_check_capacity(struct op_ctx *ctx, enum ecs_scheduling_strategy strategy,
                           enum ecs_launch_type launch_type) MUST_CHECK;

// Placement constraints and strategies beside those of the definition.
int service_check_placement(struct op_ctx *ctx, const struct task_definition *definition,
                            const struct ecs_placement_constraint_list *constraints,
                            const struct ecs_placement_strategy_list *strategies,
                            enum ecs_scheduling_strategy strategy) MUST_CHECK;

// availabilityZoneRebalancing. `given` is where it stands in the request; when it is not there the
// service keeps `present`, or, with UNSET, has it wherever it may.
struct rebalancing_facts {
    enum ecs_scheduling_strategy strategy;
    enum ecs_launch_type launch_type;
    const struct ecs_deployment_configuration *configuration;
    const struct ecs_placement_constraint_list *constraints;
    const struct ecs_placement_strategy_list *strategies;
    const struct ecs_load_balancer_list *balancers;
    const char *verb; // "created" or "updated"
};
int service_read_rebalancing(struct op_ctx *ctx,
                             const enum ecs_availability_zone_rebalancing *given,
                             enum ecs_availability_zone_rebalancing present,
                             const struct rebalancing_facts *facts,
                             enum ecs_availability_zone_rebalancing *out) MUST_CHECK;

// Load balancers and registries: names and ports must be there in the definition.
int service_check_balancers(struct op_ctx *ctx, const struct task_definition *definition,
                            enum ecs_launch_type launch_type,
                            const struct ecs_load_balancer_list *balancers) MUST_CHECK;
int service_check_registries(struct op_ctx *ctx,
                             const struct ecs_service_registry_list *registries) MUST_CHECK;

int service_check_grace(struct op_ctx *ctx, int32_t seconds) MUST_CHECK;
int service_check_propagation(struct op_ctx *ctx, const enum ecs_propagate_tags *from) MUST_CHECK;
// A shell in the container acts with the task's role. `verb`: "created" or "updated".
int service_check_execute_command(struct op_ctx *ctx, bool enabled,
                                  const struct task_definition *definition,
                                  const char *verb) MUST_CHECK;

// serviceConnectConfiguration, whose namespace is the cluster's unless it has one of its own. *out
// is NULL when there is none.
struct cluster;
int service_read_connect(struct op_ctx *ctx, const struct ecs_service_connect_configuration *given,
                         const struct cluster *cluster, const struct task_definition *definition,
                         struct ecs_service_connect_configuration **out) MUST_CHECK;

#endif
