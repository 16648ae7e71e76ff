// ListServices: the ARNs of a cluster's ACTIVE services, oldest first. Source: ecs-behaviour-api 5
// and 7.5.

#include "base/arena.h"
#include "model/cluster.h"
#include "model/service.h"
#include "ops/page.h"

enum { PAGE_DEFAULT = 10, PAGE_MAX = 100 };

static bool matches(const struct ecs_list_services_request *in, const struct service *service)
{
    const struct rec_service *rec = service->rec;

    if (rec->status != REC_SERVICE_STATUS_ACTIVE)
        return false;
    if (in->has.launch_type && rec->launch_type != in->launch_type)
        return false;
    if (in->has.scheduling_strategy && rec->scheduling_strategy != in->scheduling_strategy)
        return false;
    return in->resource_management_type != ECS_RESOURCE_MANAGEMENT_TYPE_ECS; // all are CUSTOMER's
}

static int check(struct op_ctx *ctx, const struct ecs_list_services_request *in)
{
    if (op_unknown_enum(ctx, &in->launch_type).len > 0)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "launch type should be one of [EC2,FARGATE,EXTERNAL,FMI,MANAGED_INSTANCES]");
    if (op_unknown_enum(ctx, &in->scheduling_strategy).len > 0)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "Scheduling strategy should be one of [REPLICA,DAEMON]");
    return op_validate(ctx);
}

static struct service *next_match(const struct op_ctx *ctx, const struct cluster *cluster,
                                  const struct ecs_list_services_request *in, uint64_t after)
{
    struct service *service = service_next(ctx->state, cluster, after);

    while (service != NULL && !matches(in, service))
        service = service_next(ctx->state, cluster, service->entity.id);
    return service;
}

int op_list_services(struct op_ctx *ctx, const struct ecs_list_services_request *in,
                     struct ecs_list_services_response *out)
{
    struct cluster *cluster;
    struct service *service;
    struct page page;
    uint64_t last;

    if (op_find_cluster(ctx, in->cluster, &cluster) != OP_OK || check(ctx, in) != OP_OK)
        return OP_FAILED;
    if (op_page_begin_id(ctx, PAGE_DEFAULT, PAGE_MAX, &page, &last) != OP_OK)
        return OP_FAILED;
    out->has.service_arns = true;
    out->service_arns.at = arena_array(ctx->arena, struct str, page.max);
    while ((service = next_match(ctx, cluster, in, last)) != NULL && page_wants(&page)) {
        out->service_arns.at[page.taken++] = service_arn(ctx->state, service, ctx->arena);
        last = service->entity.id;
    }
    out->service_arns.n = page.taken;
    if (service != NULL)
        SET(out, next_token, op_page_token_id(ctx, &page, last));
    return OP_OK;
}
