// UpdateService: what changes the tasks themselves is a new revision and its deployment; the rest
// applies to the service and to tasks that are started from now on. Source: ecs-behaviour-api 7.5,
// ecs-behaviour-scheduler 3.2.

#include "base/arena.h"
#include "core/deploy.h"
#include "model/cluster.h"
#include "model/deployment.h"
#include "model/service.h"
#include "model/task_definition.h"
#include "ops/capacity.h"
#include "ops/external_service.h"
#include "ops/find.h"
#include "ops/find_definition.h"
#include "ops/launch.h"
#include "ops/service_rules.h"
#include "shape/walk.h"

#define BAD(ctx, ...) op_fail((ctx), ECS_ERROR_INVALID_PARAMETER_EXCEPTION, __VA_ARGS__)

// What the service will be.
struct plan {
    struct service *service;
    const struct cluster *cluster;
    struct task_definition *definition;
    struct rec_service *rec;
    struct rec_service_revision *revision;
};

static int check_kinds(struct op_ctx *ctx, const struct ecs_update_service_request *in)
{
    const struct ecs_deployment_controller *controller = in->deployment_controller;

    if (service_check_propagation(ctx, &in->propagate_tags) != OP_OK)
        return OP_FAILED;
    if (controller != NULL && controller->type != ECS_DEPLOYMENT_CONTROLLER_TYPE_ECS)
        return op_fail(ctx, ECS_ERROR_UNSUPPORTED_FEATURE_EXCEPTION,
                       "The deployment controller of a service cannot be changed in Gantry.");
    if (in->volume_configurations.n > 0)
        return op_fail(ctx, ECS_ERROR_UNSUPPORTED_FEATURE_EXCEPTION,
                       "Amazon EBS volumes are not available in Gantry.");
    if (in->vpc_lattice_configurations.n > 0)
        return op_fail(ctx, ECS_ERROR_UNSUPPORTED_FEATURE_EXCEPTION,
                       "Amazon VPC Lattice is not available in Gantry.");
    return OP_OK;
}

// ---- the service

static int plan_counts(struct op_ctx *ctx, const struct ecs_update_service_request *in,
                       struct plan *plan)
{
    struct rec_service *rec = plan->rec;
    struct ecs_deployment_configuration *configuration;

    if (service_check_desired(ctx, in->has.desired_count, in->desired_count,
                              rec->scheduling_strategy) != OP_OK)
        return OP_FAILED;
    if (in->has.desired_count)
        SET(rec, desired_count, in->desired_count);
    if (service_read_configuration(ctx, in->deployment_configuration, rec->deployment_configuration,
                                   rec->scheduling_strategy, &configuration) != OP_OK)
        return OP_FAILED;
    SET(rec, deployment_configuration, configuration);
    return OP_OK;
}

static int plan_placement(struct op_ctx *ctx, const struct ecs_update_service_request *in,
                          struct plan *plan)
{
    struct rec_service *rec = plan->rec;
    enum ecs_availability_zone_rebalancing rebalancing;
    struct rebalancing_facts facts;

    if (in->has.placement_constraints)
        SET(rec, placement_constraints, in->placement_constraints);
    if (in->has.placement_strategy)
        SET(rec, placement_strategy, in->placement_strategy);
    if (service_check_placement(ctx, plan->definition, &rec->placement_constraints,
                                &rec->placement_strategy, rec->scheduling_strategy) != OP_OK)
        return OP_FAILED;
    facts = (struct rebalancing_facts){
        .strategy = rec->scheduling_strategy,
        .launch_type = rec->launch_type,
        .configuration = rec->deployment_configuration,
        .constraints = &rec->placement_constraints,
        .strategies = &rec->placement_strategy,
        .balancers = in->has.load_balancers ? &in->load_balancers : &plan->revision->load_balancers,
        .verb = "updated",
    };
    if (service_read_rebalancing(ctx, &in->availability_zone_rebalancing,
                                 rec->availability_zone_rebalancing, &facts, &rebalancing) != OP_OK)
        return OP_FAILED;
    SET(rec, availability_zone_rebalancing, rebalancing);
    return OP_OK;
}

static int plan_settings(struct op_ctx *ctx, const struct ecs_update_service_request *in,
                         struct plan *plan)
{
    struct rec_service *rec = plan->rec;

    if (service_check_grace(ctx, in->health_check_grace_period_seconds) != OP_OK)
        return OP_FAILED;
    if (in->has.health_check_grace_period_seconds)
        SET(rec, health_check_grace_period_seconds, in->health_check_grace_period_seconds);
    if (in->has.propagate_tags)
        SET(rec, propagate_tags, in->propagate_tags);
    if (in->has.enable_ecs_managed_tags)
        SET(rec, enable_ecs_managed_tags, in->enable_ecs_managed_tags);
    if (in->has.enable_execute_command)
        SET(rec, enable_execute_command, in->enable_execute_command);
    return service_check_execute_command(ctx, rec->enable_execute_command, plan->definition,
                                         "updated");
}

// ---- the revision

static bool is_same_capacity(const struct rec_service_revision *revision,
                             const struct capacity *capacity)
{
    const struct ecs_capacity_provider_strategy_item_list *present =
        &revision->capacity_provider_strategy;

    if (revision->launch_type != capacity->launch_type || present->n != capacity->strategy.n)
        return false;
    for (size_t i = 0; i < present->n; i++) {
        if (!shape_equal(&ecs_capacity_provider_strategy_item_shape, &present->at[i],
                         &capacity->strategy.at[i]))
            return false;
    }
    return true;
}

// An empty strategy is the cluster's default one; where there is none, the launch type that the
// service had before it had a strategy.
static int fall_back(struct op_ctx *ctx, const struct plan *plan, struct capacity_request *asked)
{
    const struct list *revisions = &plan->service->revisions;

    if (plan->cluster->rec->default_capacity_provider_strategy.n > 0)
        return OP_OK;
    for (struct list *it = revisions->prev; it != revisions; it = it->prev) {
        const struct rec_service_revision *rec = PART(it, struct revision)->rec;

        if (rec->capacity_provider_strategy.n > 0)
            continue;
        asked->has_launch_type = true;
        asked->launch_type = rec->launch_type;
        return OP_OK;
    }
    return BAD(ctx, "No launch type to fall back to for empty capacity provider strategy. Your "
                    "service was not created with a launch type.");
}

static int plan_capacity(struct op_ctx *ctx, const struct ecs_update_service_request *in,
                         struct plan *plan)
{
    struct rec_service_revision *revision = plan->revision;
    struct capacity_request asked = {
        .has_launch_type =
            !in->has.capacity_provider_strategy && revision->capacity_provider_strategy.n == 0,
        .launch_type = revision->launch_type,
        .strategy = in->has.capacity_provider_strategy ? &in->capacity_provider_strategy
                                                       : &revision->capacity_provider_strategy,
        .both_given = "",
        .platform_version = in->platform_version,
        .enable_execute_command = plan->rec->enable_execute_command,
        .has_constraints = plan->rec->placement_constraints.n > 0,
        .has_strategies = plan->rec->placement_strategy.n > 0,
    };
    struct capacity capacity;

    if (in->has.capacity_provider_strategy && in->capacity_provider_strategy.n == 0 &&
        fall_back(ctx, plan, &asked) != OP_OK)
        return OP_FAILED;
    if (op_choose_capacity(ctx, &asked, plan->cluster, plan->definition, &capacity) != OP_OK)
        return OP_FAILED;
    if (service_check_capacity(ctx, plan->rec->scheduling_strategy, capacity.launch_type) != OP_OK)
        return OP_FAILED;
    if (!in->has.capacity_provider_strategy || is_same_capacity(revision, &capacity))
        return OP_OK;
    if (!in->force_new_deployment)
        return BAD(ctx, "When switching from launch type to capacity provider strategy on an "
                        "existing service, or making a change to a capacity provider strategy on a "
                        "service that is already using one, you must force a new deployment.");
    SET(revision, launch_type, capacity.launch_type);
    SET(revision, capacity_provider_strategy, capacity.strategy);
    SET(plan->rec, launch_type, capacity.launch_type);
    SET(plan->rec, capacity_provider_strategy, capacity.strategy);
    return OP_OK;
}

static int plan_revision(struct op_ctx *ctx, const struct ecs_update_service_request *in,
                         struct plan *plan)
{
    struct rec_service_revision *revision = plan->revision;
    struct ecs_network_configuration *network = op_complete_network(ctx, in->network_configuration);

    if (plan_capacity(ctx, in, plan) != OP_OK)
        return OP_FAILED;
    SET(revision, definition_id, (int64_t)plan->definition->entity.id);
    if (in->platform_version.len > 0)
        SET(revision, platform_version, in->platform_version);
    if (network != NULL)
        SET(revision, network_configuration, network);
    if (in->has.load_balancers)
        SET(revision, load_balancers, in->load_balancers);
    if (in->has.service_registries)
        SET(revision, service_registries, in->service_registries);
    if (in->has.monitoring)
        SET(revision, monitoring, in->monitoring);
    if (in->has.service_connect_configuration)
        SET(revision, service_connect_configuration, in->service_connect_configuration);
    if (service_read_connect(ctx, revision->service_connect_configuration, plan->cluster,
                             plan->definition, &revision->service_connect_configuration) != OP_OK)
        return OP_FAILED;
    if (op_check_network(ctx, revision->network_configuration, plan->definition->rec->definition,
                         revision->launch_type) != OP_OK)
        return OP_FAILED;
    if (service_check_balancers(ctx, plan->definition, revision->launch_type,
                                &revision->load_balancers) != OP_OK ||
        service_check_shift(ctx, plan->rec->deployment_configuration, &revision->load_balancers) !=
            OP_OK)
        return OP_FAILED;
    return service_check_registries(ctx, &revision->service_registries);
}

// What the present deployment is made of; without one, nothing.
static struct rec_service_revision *present_revision(struct op_ctx *ctx,
                                                     const struct service *service)
{
    const struct deployment *primary = service_primary(service);
    const struct revision *revision = revision_get(ctx->state, (uint64_t)primary->rec->revision_id);

    return arena_copy(ctx->arena, revision->rec, sizeof *revision->rec);
}

static int read(struct op_ctx *ctx, const struct ecs_update_service_request *in, struct plan *plan)
{
    plan->rec = arena_copy(ctx->arena, plan->service->rec, sizeof *plan->rec);
    plan->revision = present_revision(ctx, plan->service);
    plan->definition = task_definition_get(ctx->state, (uint64_t)plan->revision->definition_id);
    if (in->task_definition.len > 0 &&
        op_find_definition(ctx, in->task_definition, &plan->definition) != OP_OK)
        return OP_FAILED;
    if (plan_counts(ctx, in, plan) != OP_OK || plan_placement(ctx, in, plan) != OP_OK ||
        plan_settings(ctx, in, plan) != OP_OK || plan_revision(ctx, in, plan) != OP_OK)
        return OP_FAILED;
    return op_validate(ctx);
}

// ---- the change

static bool is_new_revision(struct op_ctx *ctx, const struct plan *plan)
{
    struct rec_service_revision *present = present_revision(ctx, plan->service);

    return !shape_equal(&rec_service_revision_shape, present, plan->revision);
}

static void apply(struct op_ctx *ctx, const struct ecs_update_service_request *in,
                  struct plan *plan)
{
    bool deploys = in->force_new_deployment || is_new_revision(ctx, plan);

    if (!shape_equal(&rec_service_shape, plan->rec, plan->service->rec))
        state_put(ctx->state, REC_KIND_SERVICE, plan->service->entity.id, plan->rec);
    if (!deploys)
        return;
    // The images are resolved anew.
    plan->revision->has.container_images = false;
    plan->revision->container_images = (struct ecs_container_image_list){0};
    deploy_begin(ctx->step, plan->service, plan->revision);
}

int op_update_service(struct op_ctx *ctx, const struct ecs_update_service_request *in,
                      struct ecs_update_service_response *out)
{
    struct plan plan = {0};
    struct cluster *cluster;

    if (op_find_cluster(ctx, in->cluster, &cluster) != OP_OK)
        return OP_FAILED;
    plan.cluster = cluster;
    if (op_find_active_service(ctx, cluster, in->service, &plan.service) != OP_OK)
        return OP_FAILED;
    if (plan.service->rec->controller == ECS_DEPLOYMENT_CONTROLLER_TYPE_EXTERNAL) {
        if (external_update(ctx, in, plan.service) != OP_OK)
            return OP_FAILED;
    } else {
        if (check_kinds(ctx, in) != OP_OK || read(ctx, in, &plan) != OP_OK)
            return OP_FAILED;
        apply(ctx, in, &plan);
    }
    SET(out, service, arena_new(ctx->arena, struct ecs_service));
    service_view(ctx->state, plan.service, SERVICE_INCLUDE_TAGS, ctx->arena, out->service);
    return OP_OK;
}
