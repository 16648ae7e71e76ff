// ListServiceDeployments: a service's deployments, newest first. Source: ecs-behaviour-api 7.6.

#include "base/arena.h"
#include "model/cluster.h"
#include "model/deployment.h"
#include "model/service.h"
#include "ops/find.h"
#include "ops/page.h"

enum { PAGE_DEFAULT = 20, PAGE_MAX = 100 };

static bool has_status(const struct ecs_list_service_deployments_request *in,
                       const struct rec_service_deployment *rec)
{
    for (size_t i = 0; i < in->status.n; i++) {
        if (in->status.at[i] == rec->status)
            return true;
    }
    return in->status.n == 0;
}

static bool matches(const struct ecs_list_service_deployments_request *in,
                    const struct rec_service_deployment *rec)
{
    const struct ecs_created_at *range = in->created_at;

    if (!has_status(in, rec))
        return false;
    if (range == NULL)
        return true;
    return (!range->has.before || rec->created_at < range->before) &&
           (!range->has.after || rec->created_at > range->after);
}

// The next older one than `before`; 0: the newest.
static const struct service_deployment *
next_match(const struct ecs_list_service_deployments_request *in, const struct service *service,
           uint64_t before)
{
    for (struct list *it = service->service_deployments.prev; it != &service->service_deployments;
         it = it->prev) {
        const struct service_deployment *deployment = PART(it, struct service_deployment);

        if ((before == 0 || deployment->part.entity.id < before) && matches(in, deployment->rec))
            return deployment;
    }
    return NULL;
}

static void view(const struct op_ctx *ctx, const struct service *service,
                 const struct service_deployment *deployment,
                 struct ecs_service_deployment_brief *out)
{
    const struct rec_service_deployment *rec = deployment->rec;

    SET(out, service_deployment_arn, service_deployment_arn(ctx->state, deployment, ctx->arena));
    SET(out, service_arn, service_arn(ctx->state, service, ctx->arena));
    SET(out, cluster_arn,
        cluster_arn(ctx->state, cluster_get(ctx->state, service->cluster_id), ctx->arena));
    SET(out, created_at, rec->created_at);
    if (rec->has.started_at)
        SET(out, started_at, rec->started_at);
    if (rec->has.finished_at)
        SET(out, finished_at, rec->finished_at);
    SET(out, target_service_revision_arn,
        revision_arn(ctx->state, revision_get(ctx->state, (uint64_t)rec->target_revision_id),
                     ctx->arena));
    SET(out, status, rec->status);
    if (rec->has.status_reason)
        SET(out, status_reason, rec->status_reason);
}

int op_list_service_deployments(struct op_ctx *ctx,
                                const struct ecs_list_service_deployments_request *in,
                                struct ecs_list_service_deployments_response *out)
{
    const struct service_deployment *deployment;
    struct cluster *cluster;
    struct service *service;
    struct page page;
    uint64_t last;

    if (op_find_cluster(ctx, in->cluster, &cluster) != OP_OK)
        return OP_FAILED;
    if (op_find_named_service(ctx, cluster, in->service, &service) != OP_OK ||
        op_validate(ctx) != OP_OK)
        return OP_FAILED;
    if (op_page_begin_id(ctx, PAGE_DEFAULT, PAGE_MAX, &page, &last) != OP_OK)
        return OP_FAILED;
    out->has.service_deployments = true;
    out->service_deployments.at =
        arena_array(ctx->arena, struct ecs_service_deployment_brief, page.max);
    while ((deployment = next_match(in, service, last)) != NULL && page_wants(&page)) {
        view(ctx, service, deployment, &out->service_deployments.at[page.taken++]);
        last = deployment->part.entity.id;
    }
    out->service_deployments.n = page.taken;
    if (deployment != NULL)
        SET(out, next_token, op_page_token_id(ctx, &page, last));
    return OP_OK;
}
