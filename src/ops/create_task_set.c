// CreateTaskSet: tasks of a service whose deployments are its caller's business. Source:
// ecs-behaviour-api 6 and 7.7, ecs-behaviour-scheduler 4.10.

#include "base/arena.h"
#include "core/task_set.h"
#include "model/cluster.h"
#include "model/deployment.h"
#include "model/service.h"
#include "model/task_definition.h"
#include "ops/capacity.h"
#include "ops/find.h"
#include "ops/find_definition.h"
#include "ops/launch.h"
#include "ops/service_rules.h"
#include "ops/tag_rules.h"
#include "ops/task_sets.h"
#include "shape/walk.h"

// The number of sets is a choice: none is published.
enum { TOKEN_MAX = 36, SETS_MAX = 5 };

#define BAD(ctx, ...) op_fail((ctx), ECS_ERROR_INVALID_PARAMETER_EXCEPTION, __VA_ARGS__)

// A request as it is understood.
struct plan {
    struct cluster *cluster;
    struct service *service;
    struct task_definition *definition;
    struct capacity capacity;
    struct ecs_tag_list tags;
};

static int64_t fingerprint(const struct ecs_create_task_set_request *in)
{
    return (int64_t)shape_fingerprint(&ecs_create_task_set_request_shape, in);
}

// The set that the same call made before; NULL: none.
static int look_for_repetition(struct op_ctx *ctx, const struct ecs_create_task_set_request *in,
                               const struct service *service, struct deployment **out)
{
    *out = NULL;
    if (op_check_token(ctx, in->client_token, TOKEN_MAX) != OP_OK)
        return OP_FAILED;
    if (in->client_token.len == 0)
        return OP_OK;
    LIST_EACH (&service->deployments, it) {
        struct deployment *set = PART(it, struct deployment);

        if (!str_eq(set->rec->client_token, in->client_token))
            continue;
        if (set->rec->fingerprint != fingerprint(in))
            return BAD(ctx, "Creation of task set was not idempotent.");
        *out = set;
    }
    return OP_OK;
}

static int check_room(struct op_ctx *ctx, const struct service *service)
{
    int n = 0;

    LIST_EACH (&service->deployments, it)
        n += PART(it, struct deployment)->rec->status != REC_DEPLOYMENT_STATUS_DRAINING;
    if (n >= SETS_MAX)
        return op_fail(ctx, ECS_ERROR_LIMIT_EXCEEDED_EXCEPTION,
                       "A service can have at most %d task sets.", SETS_MAX);
    return OP_OK;
}

static int read_capacity(struct op_ctx *ctx, const struct ecs_create_task_set_request *in,
                         struct plan *plan)
{
    const struct rec_service *service = plan->service->rec;
    struct capacity_request asked = {
        .has_launch_type = in->has.launch_type,
        .launch_type = in->launch_type,
        .strategy = &in->capacity_provider_strategy,
        .both_given = "Specifying both a launch type and capacity provider strategy is not "
                      "supported. Remove one and try again.",
        .platform_version = in->platform_version,
        .enable_execute_command = service->enable_execute_command,
        .has_constraints = service->placement_constraints.n > 0,
        .has_strategies = service->placement_strategy.n > 0,
    };

    if (op_unknown_enum(ctx, &in->launch_type).len > 0)
        return BAD(ctx,
                   "launch type should be one of [EC2,FARGATE,EXTERNAL,FMI,MANAGED_INSTANCES]");
    return op_choose_capacity(ctx, &asked, plan->cluster, plan->definition, &plan->capacity);
}

static int check_balancers(struct op_ctx *ctx, const struct ecs_create_task_set_request *in,
                           const struct plan *plan)
{
    for (size_t i = 0; i < in->load_balancers.n; i++) {
        if (in->load_balancers.at[i].load_balancer_name.len > 0)
            return BAD(ctx, "Classic Load Balancers are not supported with task sets.");
    }
    return service_check_balancers(ctx, plan->definition, plan->capacity.launch_type,
                                   &in->load_balancers);
}

static int read_rest(struct op_ctx *ctx, const struct ecs_create_task_set_request *in,
                     struct plan *plan)
{
    const struct rec_service *service = plan->service->rec;

    if (op_check_network(ctx, in->network_configuration, plan->definition->rec->definition,
                         plan->capacity.launch_type) != OP_OK ||
        check_balancers(ctx, in, plan) != OP_OK ||
        service_check_registries(ctx, &in->service_registries) != OP_OK ||
        service_check_placement(ctx, plan->definition, &service->placement_constraints,
                                &service->placement_strategy,
                                service->scheduling_strategy) != OP_OK)
        return OP_FAILED;
    if (in->scale != NULL && op_check_scale(ctx, in->scale) != OP_OK)
        return OP_FAILED;
    if (op_validate(ctx) != OP_OK)
        return OP_FAILED;
    return op_take_tags(ctx, &in->tags, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, &plan->tags);
}

static int read(struct op_ctx *ctx, const struct ecs_create_task_set_request *in, struct plan *plan)
{
    if (check_room(ctx, plan->service) != OP_OK ||
        op_need_text(ctx, in->task_definition, "TaskDefinition") != OP_OK ||
        op_find_definition(ctx, in->task_definition, &plan->definition) != OP_OK)
        return OP_FAILED;
    if (read_capacity(ctx, in, plan) != OP_OK)
        return OP_FAILED;
    return read_rest(ctx, in, plan);
}

static struct rec_service_revision *revision_record(struct op_ctx *ctx,
                                                    const struct ecs_create_task_set_request *in,
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
    return rec;
}

static struct rec_deployment *set_record(struct op_ctx *ctx,
                                         const struct ecs_create_task_set_request *in,
                                         const struct plan *plan)
{
    struct rec_deployment *rec = arena_new(ctx->arena, struct rec_deployment);

    SET(rec, scale, in->scale != NULL ? in->scale->value : 0);
    if (in->external_id.len > 0)
        SET(rec, external_id, in->external_id);
    if (in->client_token.len > 0) {
        SET(rec, client_token, in->client_token);
        SET(rec, fingerprint, fingerprint(in));
    }
    if (plan->tags.n > 0)
        SET(rec, tags, plan->tags);
    return rec;
}

int op_create_task_set(struct op_ctx *ctx, const struct ecs_create_task_set_request *in,
                       struct ecs_create_task_set_response *out)
{
    struct plan plan = {0};
    struct deployment *set;

    if (op_find_task_set_service(ctx, in->cluster, in->service, &plan.cluster, &plan.service) !=
            OP_OK ||
        look_for_repetition(ctx, in, plan.service, &set) != OP_OK)
        return OP_FAILED;
    if (set == NULL) {
        if (read(ctx, in, &plan) != OP_OK)
            return OP_FAILED;
        set = task_set_begin(ctx->step, plan.service, revision_record(ctx, in, &plan),
                             set_record(ctx, in, &plan));
    }
    SET(out, task_set, arena_new(ctx->arena, struct ecs_task_set));
    task_set_view(ctx->state, set, true, ctx->arena, out->task_set);
    return OP_OK;
}
