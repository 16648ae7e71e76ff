// Inside the room: what a deployment configuration may say of traffic shifts. Fails the call with
// InvalidParameterException. Source: ecs-behaviour-api 7.5, ecs-behaviour-scheduler 4.1, 4.2, 4.5.

#ifndef OPS_SHIFT_RULES_H
#define OPS_SHIFT_RULES_H

#include "ops/op.h"

// `config` is what `given` (NULL: nothing) laid over `present` (NULL: the defaults) comes to.
int service_check_strategy(struct op_ctx *ctx, const struct ecs_deployment_configuration *given,
                           const struct ecs_deployment_configuration *present,
                           const struct ecs_deployment_configuration *config,
                           enum ecs_scheduling_strategy scheduling) MUST_CHECK;

#endif
