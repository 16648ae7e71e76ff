// CreateCluster: makes a cluster, or returns the one of that name when nothing asked for differs.
// Source: ecs-behaviour-api 7.1.

#include "base/arena.h"
#include "base/proof.h"
#include "base/regex.h"
#include "core/cluster_providers.h"
#include "model/account_setting.h"
#include "model/cluster.h"
#include "ops/capacity_strategy.h"
#include "ops/cluster_settings.h"
#include "ops/op.h"
#include "ops/tag_rules.h"
#include "shape/walk.h"

static struct str name_of(const struct ecs_create_cluster_request *in)
{
    return in->cluster_name.len > 0 ? in->cluster_name : STR("default");
}

static int check(struct op_ctx *ctx, const struct ecs_create_cluster_request *in,
                 struct str_list *out_providers, struct ecs_tag_list *out_tags)
{
    if (in->has.cluster_name && in->cluster_name.len > 0 &&
        !regex_literal_matches("[a-zA-Z0-9\\-_]{1,255}", in->cluster_name))
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "ClusterName must match ^[a-zA-Z0-9\\-_]{1,255}$");
    if (op_check_cluster_settings(ctx, &in->settings) != OP_OK)
        return OP_FAILED;
    if (op_check_cluster_configuration(ctx, in->configuration) != OP_OK)
        return OP_FAILED;
    if (op_check_providers(ctx, name_of(in), &in->capacity_providers, out_providers) != OP_OK ||
        op_check_strategy(ctx, out_providers, &in->default_capacity_provider_strategy) != OP_OK)
        return OP_FAILED;
    if (op_check_service_connect_defaults(ctx, in->service_connect_defaults) != OP_OK)
        return OP_FAILED;
    if (op_validate(ctx) != OP_OK)
        return OP_FAILED;
    return op_take_tags(ctx, &in->tags, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, out_tags);
}

static struct ecs_cluster_setting_list default_settings(struct op_ctx *ctx)
{
    struct arena *arena = ctx->arena;
    struct ecs_cluster_setting_list settings = {.n = 1};

    settings.at = arena_new(arena, struct ecs_cluster_setting);
    SET(settings.at, name, ECS_CLUSTER_SETTING_NAME_CONTAINERINSIGHTS);
    SET(settings.at, value,
        account_setting_value(ctx->state, ctx->caller.region, ECS_SETTING_NAME_CONTAINERINSIGHTS,
                              ctx->caller.principal_arn));
    return settings;
}

static struct rec_cluster *plan(struct op_ctx *ctx, const struct ecs_create_cluster_request *in,
                                const struct str_list *providers, struct ecs_tag_list tags)
{
    struct rec_cluster *rec = arena_new(ctx->arena, struct rec_cluster);
    struct ecs_cluster_service_connect_defaults *defaults =
        op_service_connect_defaults(ctx, in->service_connect_defaults);

    SET(rec, region, ctx->caller.region);
    SET(rec, name, name_of(in));
    SET(rec, status, REC_CLUSTER_STATUS_ACTIVE);
    SET(rec, created_at, ctx->step->now);
    SET(rec, settings, in->settings.n > 0 ? in->settings : default_settings(ctx));
    SET(rec, capacity_providers, *providers);
    SET(rec, default_capacity_provider_strategy,
        op_name_strategy(ctx, &in->default_capacity_provider_strategy));
    SET(rec, tags, tags);
    if (in->has.configuration)
        SET(rec, configuration, in->configuration);
    if (defaults != NULL)
        SET(rec, service_connect_defaults, defaults);
    return rec;
}

// Whether everything that the request says explicitly is what the existing cluster has. Compared as
// whole records, with what was not said taken over from the old one.
static bool is_same_request(const struct ecs_create_cluster_request *in,
                            const struct rec_cluster *wanted, const struct rec_cluster *present)
{
    struct rec_cluster merged = *present;

    if (in->has.settings)
        merged.settings = wanted->settings;
    if (in->has.tags)
        merged.tags = wanted->tags;
    if (in->has.configuration)
        SET(&merged, configuration, wanted->configuration);
    if (in->has.capacity_providers)
        merged.capacity_providers = wanted->capacity_providers;
    if (in->has.default_capacity_provider_strategy)
        merged.default_capacity_provider_strategy = wanted->default_capacity_provider_strategy;
    return shape_equal(&rec_cluster_shape, &merged, present);
}

int op_create_cluster(struct op_ctx *ctx, const struct ecs_create_cluster_request *in,
                      struct ecs_create_cluster_response *out)
{
    struct str_list providers;
    struct ecs_tag_list tags;
    struct rec_cluster *rec;
    struct cluster *cluster;
    uint64_t id;

    if (check(ctx, in, &providers, &tags) != OP_OK)
        return OP_FAILED;
    rec = plan(ctx, in, &providers, tags);
    cluster = cluster_find(ctx->state, rec->region, rec->name);
    if (cluster != NULL && cluster_is_active(cluster)) {
        if (!is_same_request(in, rec, cluster->rec)) {
            MARK("a cluster is not created again with other arguments");
            return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                           "Arguments on this idempotent request are inconsistent with arguments "
                           "used in previous request(s).");
        }
    } else {
        MARK_IF(cluster != NULL, "a deleted cluster's name is free again");
        cluster_attach(ctx->step, rec);
        if (rec->has.attachments_status)
            SET(rec, status, REC_CLUSTER_STATUS_PROVISIONING);
        id = state_new_id(ctx->state, REC_KIND_CLUSTER);
        state_put(ctx->state, REC_KIND_CLUSTER, id, rec);
        cluster = cluster_get(ctx->state, id);
    }
    SET(out, cluster, arena_new(ctx->arena, struct ecs_cluster));
    cluster_view(ctx->state, cluster,
                 CLUSTER_INCLUDE_ATTACHMENTS | CLUSTER_INCLUDE_CONFIGURATIONS |
                     CLUSTER_INCLUDE_SETTINGS | CLUSTER_INCLUDE_TAGS,
                 ctx->arena, out->cluster);
    return OP_OK;
}
