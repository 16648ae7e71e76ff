// See shift_rules.h. Few of these texts are published; the others follow their pattern.

#include "ops/shift_rules.h"

#include "core/deployment_status.h"
#include "core/traffic_steps.h"
#include "model/arn.h"
#include "ops/service_rules.h"

enum {
    BAKE_MINUTES_MAX = 1440,
    HOOKS_MAX = 10, // of each kind
    LAMBDA_MINUTES_MAX = 1440,
    PAUSE_MINUTES_MAX = 20160,
};

#define BAD(ctx, ...) op_fail((ctx), ECS_ERROR_INVALID_PARAMETER_EXCEPTION, __VA_ARGS__)

static bool shifts(const struct ecs_deployment_configuration *config)
{
    return config->strategy != ECS_DEPLOYMENT_STRATEGY_UNSET &&
           config->strategy != ECS_DEPLOYMENT_STRATEGY_ROLLING;
}

// ---- steps

static int check_minutes(struct op_ctx *ctx, int32_t minutes, const char *name)
{
    if (minutes < 0 || minutes > BAKE_MINUTES_MAX)
        return BAD(ctx, "%s must be between 0 and %d", name, BAKE_MINUTES_MAX);
    return OP_OK;
}

static int check_linear(struct op_ctx *ctx, const struct ecs_linear_configuration *linear)
{
    if (linear == NULL)
        return OP_OK;
    if (linear->has.step_percent && !traffic_percent_is_valid(linear->step_percent, 3))
        return BAD(ctx, "stepPercent must be between 3.0 and 100.0, in multiples of 0.1");
    return check_minutes(ctx, linear->step_bake_time_in_minutes, "stepBakeTimeInMinutes");
}

static int check_canary(struct op_ctx *ctx, const struct ecs_canary_configuration *canary)
{
    if (canary == NULL)
        return OP_OK;
    if (canary->has.canary_percent && !traffic_percent_is_valid(canary->canary_percent, 0.1))
        return BAD(ctx, "canaryPercent must be between 0.1 and 100.0, in multiples of 0.1");
    return check_minutes(ctx, canary->canary_bake_time_in_minutes, "canaryBakeTimeInMinutes");
}

// Only what comes with the call is held against the strategy: a service that changes its strategy
// keeps the settings of the other one.
static int check_steps(struct op_ctx *ctx, const struct ecs_deployment_configuration *given,
                       const struct ecs_deployment_configuration *config)
{
    if (given != NULL && given->has.linear_configuration &&
        config->strategy != ECS_DEPLOYMENT_STRATEGY_LINEAR)
        return BAD(ctx, "linearConfiguration is only valid with the LINEAR deployment strategy");
    if (given != NULL && given->has.canary_configuration &&
        config->strategy != ECS_DEPLOYMENT_STRATEGY_CANARY)
        return BAD(ctx, "canaryConfiguration is only valid with the CANARY deployment strategy");
    if (check_linear(ctx, config->linear_configuration) != OP_OK)
        return OP_FAILED;
    return check_canary(ctx, config->canary_configuration);
}

// ---- hooks

static enum deploy_stage stage_of(enum ecs_deployment_lifecycle_hook_stage hooks)
{
    for (int stage = DEPLOY_STAGE_NONE + 1; stage < DEPLOY_STAGE_N; stage++) {
        if (deploy_stage_of_hooks((enum deploy_stage)stage) == hooks)
            return (enum deploy_stage)stage;
    }
    return DEPLOY_STAGE_NONE;
}

static int check_stages(struct op_ctx *ctx, const struct ecs_deployment_lifecycle_hook *hook,
                        enum ecs_deployment_lifecycle_hook_target_type kind)
{
    if (hook->lifecycle_stages.n == 0)
        return BAD(ctx, "lifecycleStages can not be empty.");
    for (size_t i = 0; i < hook->lifecycle_stages.n; i++) {
        enum deploy_stage stage = stage_of(hook->lifecycle_stages.at[i]);
        struct str name = shape_enum_name(&ecs_deployment_lifecycle_hook_stage_enum,
                                          (int)hook->lifecycle_stages.at[i]);

        if (stage == DEPLOY_STAGE_NONE)
            return BAD(ctx, "lifecycleStages has a stage that takes no lifecycle hook.");
        if (!deploy_stage_takes_hook(stage, kind))
            return BAD(ctx, "A lifecycle hook of type PAUSE is not supported in the %.*s stage.",
                       STR_ARGS(name));
    }
    return OP_OK;
}

static int check_hook(struct op_ctx *ctx, const struct ecs_deployment_lifecycle_hook *hook)
{
    bool pause = hook->target_type == ECS_DEPLOYMENT_LIFECYCLE_HOOK_TARGET_TYPE_PAUSE;
    int most = pause ? PAUSE_MINUTES_MAX : LAMBDA_MINUTES_MAX;
    const struct ecs_deployment_lifecycle_hook_timeout_configuration *timeout =
        hook->timeout_configuration;

    if (!pause && hook->hook_target_arn.len == 0)
        return BAD(ctx, "hookTargetArn can not be blank.");
    if (!pause && hook->role_arn.len == 0)
        return BAD(ctx, "roleArn can not be blank.");
    if (timeout != NULL && timeout->has.timeout_in_minutes &&
        (timeout->timeout_in_minutes < 1 || timeout->timeout_in_minutes > most))
        return BAD(ctx, "timeoutInMinutes must be between 1 and %d", most);
    return check_stages(ctx, hook,
                        pause ? ECS_DEPLOYMENT_LIFECYCLE_HOOK_TARGET_TYPE_PAUSE
                              : ECS_DEPLOYMENT_LIFECYCLE_HOOK_TARGET_TYPE_AWS_LAMBDA);
}

static int check_hooks(struct op_ctx *ctx, const struct ecs_deployment_lifecycle_hook_list *hooks)
{
    int pauses = 0;

    for (size_t i = 0; i < hooks->n; i++) {
        pauses += hooks->at[i].target_type == ECS_DEPLOYMENT_LIFECYCLE_HOOK_TARGET_TYPE_PAUSE;
        if (check_hook(ctx, &hooks->at[i]) != OP_OK)
            return OP_FAILED;
    }
    if (pauses > HOOKS_MAX || (int)hooks->n - pauses > HOOKS_MAX)
        return BAD(ctx, "lifecycleHooks can have at most %d items of each type", HOOKS_MAX);
    return OP_OK;
}

// ---- all of it

int service_check_strategy(struct op_ctx *ctx, const struct ecs_deployment_configuration *given,
                           const struct ecs_deployment_configuration *present,
                           const struct ecs_deployment_configuration *config,
                           enum ecs_scheduling_strategy scheduling)
{
    bool has_bake =
        (given != NULL && given->has.bake_time_in_minutes) || (present != NULL && shifts(present));

    if (shifts(config) && scheduling == ECS_SCHEDULING_STRATEGY_DAEMON)
        return BAD(ctx, "The daemon scheduling strategy does not support the deployment "
                        "strategies BLUE_GREEN, LINEAR and CANARY.");
    if (config->strategy == ECS_DEPLOYMENT_STRATEGY_BLUE_GREEN && !has_bake)
        return BAD(ctx, "bakeTimeInMinutes is required with the BLUE_GREEN deployment strategy");
    if (!shifts(config) && given != NULL && given->lifecycle_hooks.n > 0)
        return BAD(ctx, "lifecycleHooks are not supported with the ROLLING deployment strategy");
    if (check_steps(ctx, given, config) != OP_OK)
        return OP_FAILED;
    return check_hooks(ctx, &config->lifecycle_hooks);
}

// ---- load balancers

static bool is_listener(struct str text)
{
    struct arn arn;

    return arn_parse(text, &arn) && str_eq(arn.service, STR("elasticloadbalancing")) &&
           (str_eq(arn.kind, STR("listener-rule")) || str_eq(arn.kind, STR("listener")));
}

static int check_rules(struct op_ctx *ctx, const struct ecs_advanced_configuration *advanced)
{
    struct str rule = advanced->production_listener_rule;

    if (advanced->alternate_target_group_arn.len == 0)
        return BAD(ctx, "alternateTargetGroupArn can not be blank.");
    if (advanced->role_arn.len == 0)
        return BAD(ctx, "roleArn can not be blank.");
    if (!is_listener(rule))
        return BAD(ctx,
                   "productionListenerRule has an invalid ARN format. Must be RuleArn for ALB or "
                   "ListenerArn for NLB. Got: %.*s",
                   STR_ARGS(rule));
    if (advanced->has.test_listener_rule && !is_listener(advanced->test_listener_rule))
        return BAD(ctx,
                   "testListenerRule has an invalid ARN format. Must be RuleArn for ALB or "
                   "ListenerArn for NLB. Got: %.*s",
                   STR_ARGS(advanced->test_listener_rule));
    if (advanced->has.test_listener_rule && str_eq(rule, advanced->test_listener_rule))
        return BAD(ctx,
                   "The following rules cannot be used as both production and test listener "
                   "rules: [%.*s]",
                   STR_ARGS(rule));
    return OP_OK;
}

static bool has_group(const struct ecs_load_balancer *balancer, struct str group)
{
    const struct ecs_advanced_configuration *advanced = balancer->advanced_configuration;

    return str_eq(balancer->target_group_arn, group) ||
           (advanced != NULL && str_eq(advanced->alternate_target_group_arn, group));
}

static int check_groups(struct op_ctx *ctx, const struct ecs_load_balancer_list *list, size_t i)
{
    const struct ecs_load_balancer *balancer = &list->at[i];
    const struct ecs_advanced_configuration *advanced = balancer->advanced_configuration;

    if (advanced != NULL &&
        str_eq(advanced->alternate_target_group_arn, balancer->target_group_arn))
        return BAD(ctx, "Duplicate targetGroupArn found: %.*s",
                   STR_ARGS(balancer->target_group_arn));
    for (size_t k = 0; k < i; k++) {
        if (balancer->target_group_arn.len > 0 &&
            has_group(&list->at[k], balancer->target_group_arn))
            return BAD(ctx, "Duplicate targetGroupArn found: %.*s",
                       STR_ARGS(balancer->target_group_arn));
    }
    return OP_OK;
}

int service_check_shift(struct op_ctx *ctx, const struct ecs_deployment_configuration *config,
                        const struct ecs_load_balancer_list *balancers)
{
    size_t classic = 0;
    size_t advanced = 0;

    for (size_t i = 0; i < balancers->n; i++) {
        classic += balancers->at[i].load_balancer_name.len > 0;
        advanced += balancers->at[i].has.advanced_configuration;
    }
    if (classic > 0 && classic < balancers->n)
        return BAD(ctx, "All loadBalancers must be strictly either ELBv1 (defining "
                        "loadBalancerName) or ELBv2 (defining targetGroupArn)");
    if (classic > 0 && advanced > 0)
        return BAD(ctx, "advancedConfiguration field is not allowed with ELBv1 loadBalancers");
    if (advanced > 0 && advanced < balancers->n)
        return BAD(ctx, "Either all or none of the provided loadBalancers must have "
                        "advancedConfiguration defined");
    if (shifts(config) && advanced < balancers->n)
        return BAD(ctx, "advancedConfiguration field is required for all loadBalancers when using "
                        "a non-ROLLING deployment strategy");
    for (size_t i = 0; i < balancers->n; i++) {
        if (advanced > 0 && check_rules(ctx, balancers->at[i].advanced_configuration) != OP_OK)
            return OP_FAILED;
        if (advanced > 0 && check_groups(ctx, balancers, i) != OP_OK)
            return OP_FAILED;
    }
    return OP_OK;
}
