// DescribeServices: the services asked for, DRAINING and INACTIVE ones while they are remembered.
// Source: ecs-behaviour-api 7.5.

#include "base/arena.h"
#include "model/cluster.h"
#include "model/service.h"
#include "ops/find.h"

enum { SERVICES_MAX = 10 };

int op_describe_services(struct op_ctx *ctx, const struct ecs_describe_services_request *in,
                         struct ecs_describe_services_response *out)
{
    unsigned include = in->include.n > 0 ? SERVICE_INCLUDE_TAGS : 0;
    struct cluster *cluster;

    if (in->services.n == 0)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "Services cannot be empty.");
    if (op_check_count(ctx, in->services.n, SERVICES_MAX, "Services") != OP_OK)
        return OP_FAILED;
    if (op_find_cluster_any(ctx, in->cluster, &cluster) != OP_OK || op_validate(ctx) != OP_OK)
        return OP_FAILED;
    out->has.services = out->has.failures = true;
    out->services.at = arena_array(ctx->arena, struct ecs_service, in->services.n);
    out->failures.at = arena_array(ctx->arena, struct ecs_failure, in->services.n);
    for (size_t i = 0; i < in->services.n; i++) {
        struct str reference = in->services.at[i];
        const struct service *service = op_find_service(ctx, cluster, reference);

        if (service == NULL)
            out->failures.at[out->failures.n++] =
                op_failure(op_missing_arn(ctx, "service", cluster, reference), STR("MISSING"));
        else
            service_view(ctx->state, service, include, ctx->arena,
                         &out->services.at[out->services.n++]);
    }
    return OP_OK;
}
