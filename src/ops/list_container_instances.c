// ListContainerInstances: the ARNs of a cluster's instances, oldest first, by status and by a
// query. Source: ecs-behaviour-api 5, 7.8 and 13.

#include "base/arena.h"
#include "core/query.h"
#include "model/cluster.h"
#include "model/instance.h"
#include "ops/find.h"
#include "ops/page.h"

struct filter {
    const struct cluster *cluster;
    enum rec_instance_status status; // UNSET: all but INACTIVE
    struct query *query;             // NULL: none
};

// Both enums have the API's names for the same states.
static enum rec_instance_status recorded(enum ecs_container_instance_status status)
{
    static const enum rec_instance_status rows[ECS_CONTAINER_INSTANCE_STATUS_N] = {
        [ECS_CONTAINER_INSTANCE_STATUS_ACTIVE] = REC_INSTANCE_STATUS_ACTIVE,
        [ECS_CONTAINER_INSTANCE_STATUS_DRAINING] = REC_INSTANCE_STATUS_DRAINING,
        [ECS_CONTAINER_INSTANCE_STATUS_REGISTERING] = REC_INSTANCE_STATUS_REGISTERING,
        [ECS_CONTAINER_INSTANCE_STATUS_DEREGISTERING] = REC_INSTANCE_STATUS_DEREGISTERING,
        [ECS_CONTAINER_INSTANCE_STATUS_REGISTRATION_FAILED] =
            REC_INSTANCE_STATUS_REGISTRATION_FAILED,
    };

    return rows[status];
}

static bool is_wanted(const struct filter *filter, const struct instance *instance)
{
    enum rec_instance_status status = instance->st->status;

    if (instance_is_fargate(instance))
        return false;
    if (filter->status == REC_INSTANCE_STATUS_UNSET ? status == REC_INSTANCE_STATUS_INACTIVE
                                                    : status != filter->status)
        return false;
    return filter->query == NULL || query_matches(filter->query, instance);
}

static const struct instance *next_after(const struct op_ctx *ctx, const struct filter *filter,
                                         uint64_t after)
{
    const struct instance *instance = instance_next(ctx->state, filter->cluster, after);

    while (instance != NULL && !is_wanted(filter, instance))
        instance = instance_next(ctx->state, filter->cluster, instance->entity.id);
    return instance;
}

static void fill(struct op_ctx *ctx, const struct filter *filter, struct page *page, uint64_t last,
                 struct ecs_list_container_instances_response *out)
{
    const struct instance *instance;

    out->has.container_instance_arns = true;
    out->container_instance_arns.at = arena_array(ctx->arena, struct str, page->max);
    while ((instance = next_after(ctx, filter, last)) != NULL && page_wants(page)) {
        out->container_instance_arns.at[page->taken++] =
            instance_arn(ctx->state, instance, ctx->arena);
        last = instance->entity.id;
    }
    out->container_instance_arns.n = page->taken;
    if (instance != NULL)
        SET(out, next_token, op_page_token_id(ctx, page, last));
}

static int check(struct op_ctx *ctx, const struct ecs_list_container_instances_request *in)
{
    if (in->has.status && in->status == ECS_CONTAINER_INSTANCE_STATUS_UNSET)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "Container instance status should be one of [ACTIVE, DRAINING, REGISTERING, "
                       "DEREGISTERING, REGISTRATION_FAILED]");
    return op_validate(ctx);
}

static int read_query(struct op_ctx *ctx, struct str text, struct query **out)
{
    size_t at;

    *out = NULL;
    if (text.len == 0)
        return OP_OK;
    *out = query_parse(ctx->arena, text, &at);
    if (*out == NULL)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "filter expression '%.*s' is invalid", STR_ARGS(text));
    return OP_OK;
}

int op_list_container_instances(struct op_ctx *ctx,
                                const struct ecs_list_container_instances_request *in,
                                struct ecs_list_container_instances_response *out)
{
    struct cluster *cluster;
    struct filter filter;
    struct page page;
    uint64_t last;

    if (op_find_cluster(ctx, in->cluster, &cluster) != OP_OK || check(ctx, in) != OP_OK ||
        op_page_begin_id(ctx, 100, 100, &page, &last) != OP_OK ||
        read_query(ctx, in->filter, &filter.query) != OP_OK)
        return OP_FAILED;
    filter.cluster = cluster;
    filter.status = recorded(in->status);
    fill(ctx, &filter, &page, last, out);
    query_free(filter.query);
    return OP_OK;
}
