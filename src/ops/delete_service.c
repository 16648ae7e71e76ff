// DeleteService: the service drains; it is INACTIVE once its last task has stopped. Source:
// ecs-behaviour-api 7.5, ecs-behaviour-scheduler 3.1.

#include "base/arena.h"
#include "core/deploy.h"
#include "model/cluster.h"
#include "model/service.h"
#include "ops/find.h"

// What is left of the configuration in the records of a deleted service.
static struct ecs_deployment_configuration *
reduced(struct op_ctx *ctx, const struct ecs_deployment_configuration *config)
{
    struct ecs_deployment_configuration *less =
        arena_new(ctx->arena, struct ecs_deployment_configuration);
    struct ecs_deployment_circuit_breaker *breaker =
        arena_new(ctx->arena, struct ecs_deployment_circuit_breaker);

    SET(breaker, enable, config->deployment_circuit_breaker->enable);
    SET(breaker, rollback, config->deployment_circuit_breaker->rollback);
    SET(less, deployment_circuit_breaker, breaker);
    SET(less, maximum_percent, config->maximum_percent);
    SET(less, minimum_healthy_percent, config->minimum_healthy_percent);
    SET(less, strategy, config->strategy);
    return less;
}

static void drain(struct op_ctx *ctx, const struct service *service)
{
    struct rec_service *next = arena_copy(ctx->arena, service->rec, sizeof *next);

    SET(next, status, REC_SERVICE_STATUS_DRAINING);
    SET(next, desired_count, 0);
    SET(next, deployment_configuration, reduced(ctx, service->rec->deployment_configuration));
    next->has.tags = false;
    next->tags = (struct ecs_tag_list){0};
    state_put(ctx->state, REC_KIND_SERVICE, service->entity.id, next);
}

int op_delete_service(struct op_ctx *ctx, const struct ecs_delete_service_request *in,
                      struct ecs_delete_service_response *out)
{
    struct cluster *cluster;
    struct service *service;

    if (op_find_cluster(ctx, in->cluster, &cluster) != OP_OK)
        return OP_FAILED;
    if (op_find_named_service(ctx, cluster, in->service, &service) != OP_OK ||
        op_validate(ctx) != OP_OK)
        return OP_FAILED;
    if (service->rec->status == REC_SERVICE_STATUS_INACTIVE)
        return op_fail(ctx, ECS_ERROR_SERVICE_NOT_FOUND_EXCEPTION, "Service not found.");
    if (service->rec->status == REC_SERVICE_STATUS_ACTIVE) {
        bool scaled = service->rec->scheduling_strategy == ECS_SCHEDULING_STRATEGY_REPLICA &&
                      service->rec->desired_count > 0;

        if (scaled && !in->force)
            return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                           "The service cannot be stopped while it is scaled above 0.");
        drain(ctx, service);
    }
    SET(out, service, arena_new(ctx->arena, struct ecs_service));
    service_view(ctx->state, service, 0, ctx->arena, out->service);
    return OP_OK;
}
