// ListServicesByNamespace: the services of all clusters of the region whose Service Connect uses a
// namespace. Gantry keeps no namespaces of its own: one is known when a service or a cluster's
// default names it. Source: ecs-behaviour-api 7.5.

#include "base/arena.h"
#include "model/cluster.h"
#include "model/deployment.h"
#include "model/service.h"
#include "ops/find.h"
#include "ops/page.h"

enum { PAGE_DEFAULT = 10, PAGE_MAX = 100 };

static struct str last_part(struct str reference)
{
    struct str head;
    struct str tail;

    return str_cut_last(reference, '/', &head, &tail) ? tail : reference;
}

// A name, or the ARN that ends with it.
static bool is_same(struct str a, struct str b)
{
    return a.len > 0 && str_eq(last_part(a), last_part(b));
}

static bool uses(const struct op_ctx *ctx, const struct service *service, struct str name)
{
    const struct cluster *cluster = cluster_get(ctx->state, service->cluster_id);
    const struct deployment *primary = service_primary(service);
    const struct ecs_service_connect_configuration *connect;

    if (service->rec->status != REC_SERVICE_STATUS_ACTIVE || primary == NULL ||
        !str_eq(cluster->rec->region, ctx->caller.region))
        return false;
    connect = revision_get(ctx->state, (uint64_t)primary->rec->revision_id)
                  ->rec->service_connect_configuration;
    return connect != NULL && connect->enabled && is_same(connect->namespace, name);
}

static const struct service *next_match(const struct op_ctx *ctx, struct str name, uint64_t after)
{
    const struct idtable *table = &ctx->state->entities[REC_KIND_SERVICE];
    uint64_t id = after;

    while ((id = idtable_next(table, id)) != 0) {
        const struct service *service = service_get(ctx->state, id);

        if (uses(ctx, service, name))
            return service;
    }
    return NULL;
}

static bool is_known(const struct op_ctx *ctx, struct str name)
{
    LIST_EACH (&ctx->state->clusters, it) {
        const struct rec_cluster *rec = LIST_ENTRY(it, struct cluster, in_state)->rec;

        if (rec->service_connect_defaults != NULL && str_eq(rec->region, ctx->caller.region) &&
            is_same(rec->service_connect_defaults->namespace, name))
            return true;
    }
    return next_match(ctx, name, 0) != NULL;
}

int op_list_services_by_namespace(struct op_ctx *ctx,
                                  const struct ecs_list_services_by_namespace_request *in,
                                  struct ecs_list_services_by_namespace_response *out)
{
    const struct service *service;
    struct page page;
    uint64_t last;

    if (op_need_text(ctx, in->namespace, "Namespace") != OP_OK || op_validate(ctx) != OP_OK)
        return OP_FAILED;
    if (!is_known(ctx, in->namespace))
        return op_fail(ctx, ECS_ERROR_NAMESPACE_NOT_FOUND_EXCEPTION, "Namespace not found.");
    if (op_page_begin_id(ctx, PAGE_DEFAULT, PAGE_MAX, &page, &last) != OP_OK)
        return OP_FAILED;
    out->has.service_arns = true;
    out->service_arns.at = arena_array(ctx->arena, struct str, page.max);
    while ((service = next_match(ctx, in->namespace, last)) != NULL && page_wants(&page)) {
        out->service_arns.at[page.taken++] = service_arn(ctx->state, service, ctx->arena);
        last = service->entity.id;
    }
    out->service_arns.n = page.taken;
    if (service != NULL)
        SET(out, next_token, op_page_token_id(ctx, &page, last));
    return OP_OK;
}
