// CreateCapacityProvider and UpdateCapacityProvider. There is no Auto Scaling here: what
// autoScalingGroupArn says is a name for the operator, taken and given back as it is, and instances
// say themselves which provider they are of. Source: ecs-behaviour-api 7.2, ecs-behaviour-scheduler
// 5.6 to 5.8.

#include "base/arena.h"
#include "base/proof.h"
#include "base/regex.h"
#include "core/deployment_status.h"
#include "model/provider.h"
#include "ops/capacity_strategy.h"
#include "ops/find.h"
#include "ops/op.h"
#include "ops/tag_rules.h"

#define REFUSE(ctx, ...) op_fail((ctx), ECS_ERROR_CLIENT_EXCEPTION, __VA_ARGS__)

enum {
    TARGET_CAPACITY = 100,
    STEP_MIN = 1,
    STEP_MAX = 10000,
    WARMUP_SECONDS = 300,
};

// ---- what is asked

static int check_name(struct op_ctx *ctx, struct str name)
{
    static const struct str prefixes[] = {STR_INIT("aws"), STR_INIT("ecs"), STR_INIT("fargate")};
    bool good = regex_literal_matches("[a-zA-Z0-9\\-_]{1,255}", name);

    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        good = good && !str_eq_nocase(str_take(name, prefixes[i].len), prefixes[i]);
    if (!good) {
        MARK("a capacity provider is not named as those of the system");
        return REFUSE(ctx, "The specified capacity provider name is invalid. Up to 255 characters "
                           "are allowed, including letters (upper and lowercase), numbers, "
                           "underscores, and hyphens. The name cannot be prefixed with \"aws\", "
                           "\"ecs\", or \"fargate\". Specify a valid name and try again.");
    }
    return OP_OK;
}

static bool is_step(int32_t size)
{
    return size >= 1 && size <= STEP_MAX;
}

static int check_scaling(struct op_ctx *ctx, const struct ecs_managed_scaling *scaling)
{
    if (!is_step(scaling->minimum_scaling_step_size) ||
        !is_step(scaling->maximum_scaling_step_size) ||
        scaling->minimum_scaling_step_size > scaling->maximum_scaling_step_size) {
        MARK("scaling steps have bounds");
        return REFUSE(ctx, "The minimum or maximum scaling step size value is invalid. The value "
                           "must be between 1 and 10000, and the minimum cannot be above the "
                           "maximum. Specify a valid value and try again.");
    }
    if (scaling->target_capacity < 1 || scaling->target_capacity > 100)
        return REFUSE(ctx, "The target capacity value is invalid. The value must be between 1 and "
                           "100. Specify a valid value and try again.");
    if (scaling->instance_warmup_period < 0 || scaling->instance_warmup_period > 10000)
        return REFUSE(ctx, "The instance warmup period value is invalid. The value must be between "
                           "0 and 10000. Specify a valid value and try again.");
    return OP_OK;
}

static struct ecs_managed_scaling *default_scaling(struct op_ctx *ctx, bool enabled)
{
    struct ecs_managed_scaling *out = arena_new(ctx->arena, struct ecs_managed_scaling);

    SET(out, status,
        enabled ? ECS_MANAGED_SCALING_STATUS_ENABLED : ECS_MANAGED_SCALING_STATUS_DISABLED);
    SET(out, target_capacity, TARGET_CAPACITY);
    SET(out, minimum_scaling_step_size, STEP_MIN);
    SET(out, maximum_scaling_step_size, STEP_MAX);
    SET(out, instance_warmup_period, WARMUP_SECONDS);
    return out;
}

// Of what is given, laid over `base`.
static struct ecs_managed_scaling *scaling_of(const struct ecs_managed_scaling *given,
                                              struct ecs_managed_scaling *base)
{
    if (given->status != ECS_MANAGED_SCALING_STATUS_UNSET)
        SET(base, status, given->status);
    if (given->has.target_capacity)
        SET(base, target_capacity, given->target_capacity);
    if (given->has.minimum_scaling_step_size)
        SET(base, minimum_scaling_step_size, given->minimum_scaling_step_size);
    if (given->has.maximum_scaling_step_size)
        SET(base, maximum_scaling_step_size, given->maximum_scaling_step_size);
    if (given->has.instance_warmup_period)
        SET(base, instance_warmup_period, given->instance_warmup_period);
    return base;
}

// An instance that holds tasks is only protected from what takes instances away.
static int check_group(struct op_ctx *ctx, const struct ecs_auto_scaling_group_provider *group)
{
    if (check_scaling(ctx, group->managed_scaling) != OP_OK)
        return OP_FAILED;
    if (group->managed_termination_protection == ECS_MANAGED_TERMINATION_PROTECTION_ENABLED &&
        group->managed_scaling->status != ECS_MANAGED_SCALING_STATUS_ENABLED) {
        MARK("managed termination protection needs managed scaling");
        return REFUSE(ctx, "To enable managed termination protection for a capacity provider, "
                           "managed scaling must be enabled. Enable managed scaling and try "
                           "again.");
    }
    return OP_OK;
}

// ---- CreateCapacityProvider

static int check_kind(struct op_ctx *ctx, const struct ecs_create_capacity_provider_request *in)
{
    if (in->has.managed_instances_provider)
        return op_fail(ctx, ECS_ERROR_UNSUPPORTED_FEATURE_EXCEPTION,
                       "Managed Instances capacity providers are not available in Gantry.");
    if (in->auto_scaling_group_provider == NULL)
        return REFUSE(ctx, "A capacity provider must be created with an Auto Scaling group "
                           "provider.");
    return op_need_text(ctx, in->auto_scaling_group_provider->auto_scaling_group_arn,
                        "autoScalingGroupArn");
}

static int check_group_is_free(struct op_ctx *ctx, struct str group)
{
    const struct idtable *table = &ctx->state->entities[REC_KIND_CAPACITY_PROVIDER];

    for (uint64_t id = 0; (id = idtable_next(table, id)) != 0;) {
        const struct provider *provider = provider_get(ctx->state, id);

        if (provider_is_active(provider) && str_eq(provider->rec->region, ctx->caller.region) &&
            str_eq(provider->rec->auto_scaling_group_provider->auto_scaling_group_arn, group)) {
            return REFUSE(ctx, "The specified Auto Scaling group is already used by another "
                               "capacity provider. Specify an Auto Scaling group that is not in "
                               "use and try again.");
        }
    }
    return OP_OK;
}

// An INACTIVE one of that name is forgotten.
static int free_name(struct op_ctx *ctx, struct str name)
{
    const struct provider *namesake = provider_find(ctx->state, ctx->caller.region, name);

    if (namesake == NULL)
        return OP_OK;
    if (provider_is_active(namesake)) {
        MARK("a capacity provider is created once");
        return REFUSE(ctx, "The specified capacity provider already exists. To change the "
                           "configuration of an existing capacity provider, update the capacity "
                           "provider.");
    }
    state_remove(ctx->state, REC_KIND_CAPACITY_PROVIDER, namesake->entity.id);
    return OP_OK;
}

static struct ecs_auto_scaling_group_provider *
new_group(struct op_ctx *ctx, const struct ecs_auto_scaling_group_provider *in)
{
    struct ecs_auto_scaling_group_provider *out =
        arena_new(ctx->arena, struct ecs_auto_scaling_group_provider);
    struct ecs_managed_scaling *scaling = default_scaling(ctx, in->managed_scaling != NULL);

    if (in->managed_scaling != NULL)
        scaling = scaling_of(in->managed_scaling, scaling);
    SET(out, auto_scaling_group_arn, in->auto_scaling_group_arn);
    SET(out, managed_scaling, scaling);
    SET(out, managed_termination_protection,
        in->managed_termination_protection == ECS_MANAGED_TERMINATION_PROTECTION_ENABLED
            ? ECS_MANAGED_TERMINATION_PROTECTION_ENABLED
            : ECS_MANAGED_TERMINATION_PROTECTION_DISABLED);
    SET(out, managed_draining,
        in->managed_draining == ECS_MANAGED_DRAINING_DISABLED ? ECS_MANAGED_DRAINING_DISABLED
                                                              : ECS_MANAGED_DRAINING_ENABLED);
    return out;
}

int op_create_capacity_provider(struct op_ctx *ctx,
                                const struct ecs_create_capacity_provider_request *in,
                                struct ecs_create_capacity_provider_response *out)
{
    struct rec_capacity_provider rec = {0};
    struct ecs_auto_scaling_group_provider *group;
    struct ecs_tag_list tags;
    uint64_t id;

    if (op_need_text(ctx, in->name, "Name") != OP_OK || check_name(ctx, in->name) != OP_OK ||
        check_kind(ctx, in) != OP_OK)
        return OP_FAILED;
    group = new_group(ctx, in->auto_scaling_group_provider);
    if (check_group(ctx, group) != OP_OK || op_validate(ctx) != OP_OK ||
        op_take_tags(ctx, &in->tags, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, &tags) != OP_OK ||
        free_name(ctx, in->name) != OP_OK ||
        check_group_is_free(ctx, group->auto_scaling_group_arn) != OP_OK)
        return OP_FAILED;
    SET(&rec, region, ctx->caller.region);
    SET(&rec, name, in->name);
    SET(&rec, status, ECS_CAPACITY_PROVIDER_STATUS_ACTIVE);
    SET(&rec, created_at, ctx->step->now);
    SET(&rec, auto_scaling_group_provider, group);
    SET(&rec, tags, tags);
    id = state_new_id(ctx->state, REC_KIND_CAPACITY_PROVIDER);
    state_put(ctx->state, REC_KIND_CAPACITY_PROVIDER, id, &rec);
    SET(out, capacity_provider, arena_new(ctx->arena, struct ecs_capacity_provider));
    provider_view(ctx->state, provider_get(ctx->state, id), true, ctx->arena,
                  out->capacity_provider);
    return OP_OK;
}

// ---- UpdateCapacityProvider

static int find_to_update(struct op_ctx *ctx, struct str reference, struct provider **out)
{
    struct str name = op_provider_name(ctx, reference);
    struct provider *provider = provider_find(ctx->state, ctx->caller.region, name);

    if (capacity_is_fargate(name))
        return REFUSE(ctx, "The specified capacity provider is reserved and cannot be updated.");
    if (provider == NULL || !provider_is_active(provider))
        return REFUSE(ctx, "The specified capacity provider does not exist. Specify a valid name "
                           "or ARN and try again.");
    if (!capacity_provider_update_may_follow(
            provider->rec->update_status, ECS_CAPACITY_PROVIDER_UPDATE_STATUS_UPDATE_IN_PROGRESS))
        return REFUSE(ctx, "The specified capacity provider is being updated or deleted. Try "
                           "again when that is complete.");
    *out = provider;
    return OP_OK;
}

static struct ecs_auto_scaling_group_provider *
changed_group(struct op_ctx *ctx, const struct ecs_auto_scaling_group_provider *present,
              const struct ecs_auto_scaling_group_provider_update *in)
{
    struct ecs_auto_scaling_group_provider *out = arena_copy(ctx->arena, present, sizeof *present);
    struct ecs_managed_scaling *scaling =
        arena_copy(ctx->arena, present->managed_scaling, sizeof *present->managed_scaling);

    if (in->managed_scaling != NULL)
        scaling = scaling_of(in->managed_scaling, scaling);
    SET(out, managed_scaling, scaling);
    if (in->managed_termination_protection != ECS_MANAGED_TERMINATION_PROTECTION_UNSET)
        SET(out, managed_termination_protection, in->managed_termination_protection);
    if (in->managed_draining != ECS_MANAGED_DRAINING_UNSET)
        SET(out, managed_draining, in->managed_draining);
    return out;
}

int op_update_capacity_provider(struct op_ctx *ctx,
                                const struct ecs_update_capacity_provider_request *in,
                                struct ecs_update_capacity_provider_response *out)
{
    struct ecs_auto_scaling_group_provider *group;
    struct rec_capacity_provider next;
    struct provider *provider;

    if (op_need_text(ctx, in->name, "Name") != OP_OK ||
        find_to_update(ctx, in->name, &provider) != OP_OK)
        return OP_FAILED;
    if (in->auto_scaling_group_provider == NULL)
        return REFUSE(ctx, "An Auto Scaling group provider must be specified to update the "
                           "capacity provider.");
    next = *provider->rec;
    group = changed_group(ctx, next.auto_scaling_group_provider, in->auto_scaling_group_provider);
    if (check_group(ctx, group) != OP_OK || op_validate(ctx) != OP_OK)
        return OP_FAILED;
    MARK("a capacity provider is updated");
    SET(&next, auto_scaling_group_provider, group);
    SET(&next, update_status, ECS_CAPACITY_PROVIDER_UPDATE_STATUS_UPDATE_IN_PROGRESS);
    next.update_status_reason = STR_NONE;
    next.has.update_status_reason = false;
    state_put(ctx->state, REC_KIND_CAPACITY_PROVIDER, provider->entity.id, &next);
    SET(out, capacity_provider, arena_new(ctx->arena, struct ecs_capacity_provider));
    provider_view(ctx->state, provider, true, ctx->arena, out->capacity_provider);
    return OP_OK;
}
