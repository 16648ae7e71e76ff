// CreateService: a service, its first revision and the deployment of it. The scheduler takes it
// from there. Source: ecs-behaviour-api 6 and 7.5.

#include "base/arena.h"
#include "base/regex.h"
#include "core/deploy.h"
#include "model/cluster.h"
#include "model/service.h"
#include "model/task_definition.h"
#include "ops/capacity.h"
#include "ops/external_service.h"
#include "ops/find.h"
#include "ops/find_definition.h"
#include "ops/launch.h"
#include "ops/service_rules.h"
#include "ops/tag_rules.h"
#include "shape/walk.h"

enum { TOKEN_MAX = 36 };

#define BAD(ctx, ...) op_fail((ctx), ECS_ERROR_INVALID_PARAMETER_EXCEPTION, __VA_ARGS__)

// A request as it is understood.
struct plan {
    struct cluster *cluster;
    enum ecs_deployment_controller_type controller;
    struct task_definition *definition; // NULL when the controller is EXTERNAL
    enum ecs_scheduling_strategy strategy;
    struct ecs_deployment_configuration *configuration;
    enum ecs_availability_zone_rebalancing rebalancing;
    struct capacity capacity;
    struct ecs_service_connect_configuration *connect; // NULL: none
    struct ecs_tag_list tags;
};

static int check_names(struct op_ctx *ctx, const struct ecs_create_service_request *in)
{
    if (op_need_text(ctx, in->service_name, "ServiceName") != OP_OK)
        return OP_FAILED;
    if (!regex_literal_matches("[a-zA-Z0-9\\-_]{1,255}", in->service_name))
        return BAD(ctx, "ServiceName must match ^[a-zA-Z0-9\\-_]{1,255}$, but was %.*s",
                   STR_ARGS(in->service_name));
    return op_check_token(ctx, in->client_token, TOKEN_MAX);
}

static int check_kinds(struct op_ctx *ctx, const struct ecs_create_service_request *in)
{
    const struct ecs_deployment_controller *controller = in->deployment_controller;

    if (op_unknown_enum(ctx, &in->scheduling_strategy).len > 0)
        return BAD(ctx, "Scheduling strategy should be one of [REPLICA,DAEMON]");
    if (op_unknown_enum(ctx, &in->launch_type).len > 0)
        return BAD(ctx,
                   "launch type should be one of [EC2,FARGATE,EXTERNAL,FMI,MANAGED_INSTANCES]");
    if (service_check_propagation(ctx, &in->propagate_tags) != OP_OK)
        return OP_FAILED;
    if (controller == NULL || controller->type != ECS_DEPLOYMENT_CONTROLLER_TYPE_CODE_DEPLOY)
        return OP_OK;
    if (in->load_balancers.n == 0)
        return BAD(ctx, "When specifying the CODE_DEPLOY deployment controller type, the service "
                        "requires an Application Load Balancer or Network Load Balancer.");
    return op_fail(ctx, ECS_ERROR_UNSUPPORTED_FEATURE_EXCEPTION,
                   "The CODE_DEPLOY deployment controller is not available in Gantry.");
}

static int check_volumes(struct op_ctx *ctx, const struct ecs_create_service_request *in)
{
    if (in->volume_configurations.n > 0)
        return op_fail(ctx, ECS_ERROR_UNSUPPORTED_FEATURE_EXCEPTION,
                       "Amazon EBS volumes are not available in Gantry.");
    if (in->vpc_lattice_configurations.n > 0)
        return op_fail(ctx, ECS_ERROR_UNSUPPORTED_FEATURE_EXCEPTION,
                       "Amazon VPC Lattice is not available in Gantry.");
    return OP_OK;
}

static int read_definition(struct op_ctx *ctx, const struct ecs_create_service_request *in,
                           struct plan *plan)
{
    if (op_need_text(ctx, in->task_definition, "TaskDefinition") != OP_OK)
        return OP_FAILED;
    return op_find_definition(ctx, in->task_definition, &plan->definition);
}

static int read_counts(struct op_ctx *ctx, const struct ecs_create_service_request *in,
                       struct plan *plan)
{
    plan->strategy = in->scheduling_strategy == ECS_SCHEDULING_STRATEGY_DAEMON
                         ? ECS_SCHEDULING_STRATEGY_DAEMON
                         : ECS_SCHEDULING_STRATEGY_REPLICA;
    if (service_check_desired(ctx, in->has.desired_count, in->desired_count, plan->strategy) !=
        OP_OK)
        return OP_FAILED;
    if (plan->strategy == ECS_SCHEDULING_STRATEGY_REPLICA && !in->has.desired_count)
        return BAD(ctx, "DesiredCount is missing");
    return service_read_configuration(ctx, in->deployment_configuration, NULL, plan->strategy,
                                      &plan->configuration);
}

static int read_capacity(struct op_ctx *ctx, const struct ecs_create_service_request *in,
                         struct plan *plan)
{
    struct capacity_request asked = {
        .has_launch_type = in->has.launch_type,
        .launch_type = in->launch_type,
        .strategy = &in->capacity_provider_strategy,
        .both_given = "Specifying both a launch type and capacity provider strategy is not "
                      "supported. Remove one and try again.",
        .platform_version = in->platform_version,
        .enable_execute_command = in->enable_execute_command,
        .has_constraints = in->placement_constraints.n > 0,
        .has_strategies = in->placement_strategy.n > 0,
    };

    if (service_check_capacity(ctx, plan->strategy, in->launch_type) != OP_OK ||
        op_choose_capacity(ctx, &asked, plan->cluster, plan->definition, &plan->capacity) != OP_OK)
        return OP_FAILED;
    return service_check_capacity(ctx, plan->strategy, plan->capacity.launch_type);
}

static int read_placement(struct op_ctx *ctx, const struct ecs_create_service_request *in,
                          struct plan *plan)
{
    struct rebalancing_facts facts = {
        .strategy = plan->strategy,
        .launch_type = plan->capacity.launch_type,
        .configuration = plan->configuration,
        .constraints = &in->placement_constraints,
        .strategies = &in->placement_strategy,
        .balancers = &in->load_balancers,
        .verb = "created",
    };

    if (service_check_placement(ctx, plan->definition, &in->placement_constraints,
                                &in->placement_strategy, plan->strategy) != OP_OK)
        return OP_FAILED;
    return service_read_rebalancing(ctx, &in->availability_zone_rebalancing,
                                    ECS_AVAILABILITY_ZONE_REBALANCING_UNSET, &facts,
                                    &plan->rebalancing);
}

static int check_role(struct op_ctx *ctx, const struct ecs_create_service_request *in,
                      const struct plan *plan)
{
    if (in->role.len == 0)
        return OP_OK;
    if (plan->definition->rec->definition->network_mode == ECS_NETWORK_MODE_AWSVPC ||
        in->load_balancers.n > 1 || in->service_registries.n > 0)
        return BAD(ctx, "You cannot specify an IAM role for services that require a service linked "
                        "role.");
    if (in->load_balancers.n == 0)
        return BAD(ctx, "IAM roles are only valid for services configured to use load balancers.");
    return OP_OK;
}

static int read_tags(struct op_ctx *ctx, const struct ecs_create_service_request *in,
                     struct plan *plan)
{
    if (op_validate(ctx) != OP_OK)
        return OP_FAILED;
    return op_take_tags(ctx, &in->tags, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, &plan->tags);
}

static int read_rest(struct op_ctx *ctx, const struct ecs_create_service_request *in,
                     struct plan *plan)
{
    if (op_check_network(ctx, in->network_configuration, plan->definition->rec->definition,
                         plan->capacity.launch_type) != OP_OK)
        return OP_FAILED;
    if (service_check_balancers(ctx, plan->definition, plan->capacity.launch_type,
                                &in->load_balancers) != OP_OK ||
        service_check_shift(ctx, plan->configuration, &in->load_balancers) != OP_OK ||
        service_check_registries(ctx, &in->service_registries) != OP_OK ||
        service_check_grace(ctx, in->health_check_grace_period_seconds) != OP_OK ||
        service_check_execute_command(ctx, in->enable_execute_command, plan->definition,
                                      "created") != OP_OK ||
        check_role(ctx, in, plan) != OP_OK || check_volumes(ctx, in) != OP_OK)
        return OP_FAILED;
    if (service_read_connect(ctx, in->service_connect_configuration, plan->cluster,
                             plan->definition, &plan->connect) != OP_OK)
        return OP_FAILED;
    return read_tags(ctx, in, plan);
}

static int read_external(struct op_ctx *ctx, const struct ecs_create_service_request *in,
                         struct plan *plan)
{
    plan->controller = ECS_DEPLOYMENT_CONTROLLER_TYPE_EXTERNAL;
    plan->strategy = ECS_SCHEDULING_STRATEGY_REPLICA;
    plan->rebalancing = ECS_AVAILABILITY_ZONE_REBALANCING_DISABLED;
    if (external_check_create(ctx, in, &plan->configuration) != OP_OK)
        return OP_FAILED;
    return read_tags(ctx, in, plan);
}

static int read(struct op_ctx *ctx, const struct ecs_create_service_request *in, struct plan *plan)
{
    if (external_is_asked(in))
        return read_external(ctx, in, plan);
    plan->controller = ECS_DEPLOYMENT_CONTROLLER_TYPE_ECS;
    if (read_definition(ctx, in, plan) != OP_OK || read_counts(ctx, in, plan) != OP_OK ||
        read_capacity(ctx, in, plan) != OP_OK || read_placement(ctx, in, plan) != OP_OK)
        return OP_FAILED;
    return read_rest(ctx, in, plan);
}

// ---- what is there of that name

static int64_t fingerprint(const struct ecs_create_service_request *in)
{
    return (int64_t)shape_fingerprint(&ecs_create_service_request_shape, in);
}

// Returns the service when the call repeats the one that made it; NULL when there is none that
// stands in the way.
static int look_for_namesake(struct op_ctx *ctx, const struct ecs_create_service_request *in,
                             const struct cluster *cluster, struct service **out)
{
    struct service *service = service_find(ctx->state, cluster, in->service_name);

    *out = NULL;
    if (service == NULL)
        return OP_OK;
    switch (service->rec->status) {
    case REC_SERVICE_STATUS_DRAINING:
        return BAD(ctx, "Unable to Start a service that is still Draining.");
    case REC_SERVICE_STATUS_INACTIVE: service_forget(ctx->state, service); return OP_OK;
    case REC_SERVICE_STATUS_ACTIVE:
    case REC_SERVICE_STATUS_UNSET: break;
    }
    if (in->client_token.len == 0 || !str_eq(in->client_token, service->rec->client_token) ||
        fingerprint(in) != service->rec->fingerprint)
        return BAD(ctx, "Creation of service was not idempotent.");
    *out = service;
    return OP_OK;
}

// ---- what is made

static struct rec_service *service_record(struct op_ctx *ctx,
                                          const struct ecs_create_service_request *in,
                                          const struct plan *plan)
{
    struct rec_service *rec = arena_new(ctx->arena, struct rec_service);

    SET(rec, cluster_id, (int64_t)plan->cluster->entity.id);
    SET(rec, name, in->service_name);
    SET(rec, status, REC_SERVICE_STATUS_ACTIVE);
    SET(rec, created_at, ctx->step->now);
    SET(rec, created_by, ctx->caller.principal_arn);
    if (in->client_token.len > 0) {
        SET(rec, client_token, in->client_token);
        SET(rec, fingerprint, fingerprint(in));
    }
    SET(rec, scheduling_strategy, plan->strategy);
    SET(rec, controller, plan->controller);
    SET(rec, desired_count, in->desired_count);
    if (plan->definition != NULL)
        SET(rec, launch_type, plan->capacity.launch_type);
    if (plan->capacity.strategy.n > 0)
        SET(rec, capacity_provider_strategy, plan->capacity.strategy);
    SET(rec, deployment_configuration, plan->configuration);
    SET(rec, placement_constraints, in->placement_constraints);
    SET(rec, placement_strategy, in->placement_strategy);
    SET(rec, health_check_grace_period_seconds, in->health_check_grace_period_seconds);
    SET(rec, availability_zone_rebalancing, plan->rebalancing);
    SET(rec, propagate_tags,
        in->propagate_tags != ECS_PROPAGATE_TAGS_UNSET ? in->propagate_tags
                                                       : ECS_PROPAGATE_TAGS_NONE);
    SET(rec, enable_ecs_managed_tags, in->enable_ecs_managed_tags);
    SET(rec, enable_execute_command, in->enable_execute_command);
    if (in->role.len > 0)
        SET(rec, role, in->role);
    SET(rec, tags, plan->tags);
    return rec;
}

static struct rec_service_revision *revision_record(struct op_ctx *ctx,
                                                    const struct ecs_create_service_request *in,
                                                    const struct plan *plan)
{
    struct rec_service_revision *rec = arena_new(ctx->arena, struct rec_service_revision);
    struct ecs_network_configuration *network = op_complete_network(ctx, in->network_configuration);

    SET(rec, definition_id, (int64_t)plan->definition->entity.id);
    SET(rec, launch_type, plan->capacity.launch_type);
    if (plan->capacity.strategy.n > 0)
        SET(rec, capacity_provider_strategy, plan->capacity.strategy);
    if (in->platform_version.len > 0)
        SET(rec, platform_version, in->platform_version);
    if (network != NULL)
        SET(rec, network_configuration, network);
    SET(rec, load_balancers, in->load_balancers);
    SET(rec, service_registries, in->service_registries);
    if (in->has.monitoring)
        SET(rec, monitoring, in->monitoring);
    if (plan->connect != NULL)
        SET(rec, service_connect_configuration, plan->connect);
    return rec;
}

static struct service *create(struct op_ctx *ctx, const struct ecs_create_service_request *in,
                              const struct plan *plan)
{
    uint64_t id = state_new_id(ctx->state, REC_KIND_SERVICE);
    struct service *service;

    state_put(ctx->state, REC_KIND_SERVICE, id, service_record(ctx, in, plan));
    service = service_get(ctx->state, id);
    if (plan->definition != NULL)
        deploy_begin(ctx->step, service, revision_record(ctx, in, plan));
    return service;
}

int op_create_service(struct op_ctx *ctx, const struct ecs_create_service_request *in,
                      struct ecs_create_service_response *out)
{
    struct plan plan = {0};
    struct service *service;

    if (check_names(ctx, in) != OP_OK || check_kinds(ctx, in) != OP_OK)
        return OP_FAILED;
    if (op_find_cluster(ctx, in->cluster, &plan.cluster) != OP_OK)
        return OP_FAILED;
    if (look_for_namesake(ctx, in, plan.cluster, &service) != OP_OK)
        return OP_FAILED;
    if (service == NULL) {
        if (read(ctx, in, &plan) != OP_OK)
            return OP_FAILED;
        service = create(ctx, in, &plan);
    }
    SET(out, service, arena_new(ctx->arena, struct ecs_service));
    service_view(ctx->state, service, SERVICE_INCLUDE_TAGS, ctx->arena, out->service);
    return OP_OK;
}
