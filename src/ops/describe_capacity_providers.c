// DescribeCapacityProviders: those that are named, or all of the region, or all of a cluster.
// FARGATE and FARGATE_SPOT come first, then the others in the order in which they were made.
// Source: ecs-behaviour-api 7.2.

#include "base/arena.h"
#include "core/provider_split.h"
#include "model/cluster.h"
#include "model/provider.h"
#include "ops/capacity_strategy.h"
#include "ops/find.h"
#include "ops/page.h"

enum { NAMES_MAX = 100, RESULTS_MAX = 10 };

// What the call is about.
struct query {
    const struct str_list *associated; // NULL: not only a cluster's
    bool with_tags;
};

static const struct str fargate[] = {STR_INIT("FARGATE"), STR_INIT("FARGATE_SPOT")};
enum { FARGATE_N = sizeof fargate / sizeof *fargate };

static void view_fargate(struct op_ctx *ctx, size_t i, struct ecs_capacity_provider *out)
{
    struct scope here = op_scope(ctx);

    SET(out, capacity_provider_arn, arn_make(ctx->arena, &here, "capacity-provider", fargate[i]));
    SET(out, name, fargate[i]);
    SET(out, status, ECS_CAPACITY_PROVIDER_STATUS_ACTIVE);
    SET(out, type,
        i == 0 ? ECS_CAPACITY_PROVIDER_TYPE_FARGATE : ECS_CAPACITY_PROVIDER_TYPE_FARGATE_SPOT);
    out->has.tags = true;
}

static bool is_asked(const struct query *query, struct str name)
{
    if (query->associated == NULL)
        return true;
    for (size_t i = 0; i < query->associated->n; i++) {
        if (str_eq(query->associated->at[i], name))
            return true;
    }
    return false;
}

// ---- by name

static bool is_listed(const struct ecs_capacity_provider_list *list, struct str name)
{
    for (size_t i = 0; i < list->n; i++) {
        if (str_eq(list->at[i].name, name))
            return true;
    }
    return false;
}

static void describe(struct op_ctx *ctx, const struct query *query, struct str reference,
                     struct ecs_describe_capacity_providers_response *out)
{
    struct str name = op_provider_name(ctx, reference);
    const struct provider *provider = provider_find(ctx->state, ctx->caller.region, name);
    struct ecs_capacity_provider *view = &out->capacity_providers.at[out->capacity_providers.n];
    struct scope here = op_scope(ctx);

    if (is_listed(&out->capacity_providers, name))
        return;
    if (is_asked(query, name) && (provider != NULL || capacity_is_fargate(name))) {
        if (provider != NULL)
            provider_view(ctx->state, provider, query->with_tags, ctx->arena, view);
        else
            view_fargate(ctx, str_eq(name, fargate[0]) ? 0 : 1, view);
        out->capacity_providers.n++;
        return;
    }
    out->failures.at[out->failures.n++] = op_failure(
        arn_looks_like_one(name) ? name : arn_make(ctx->arena, &here, "capacity-provider", name),
        STR("MISSING"));
}

// ---- all of them

// The numbers of this list: FARGATE is 1, FARGATE_SPOT 2, the others their ids and 2.
static uint64_t next_after(const struct op_ctx *ctx, const struct query *query, uint64_t after)
{
    const struct idtable *table = &ctx->state->entities[REC_KIND_CAPACITY_PROVIDER];

    for (; after < FARGATE_N; after++) {
        if (is_asked(query, fargate[after]))
            return after + 1;
    }
    for (uint64_t id = after - FARGATE_N; (id = idtable_next(table, id)) != 0;) {
        const struct provider *provider = provider_get(ctx->state, id);

        if (provider_is_active(provider) && str_eq(provider->rec->region, ctx->caller.region) &&
            is_asked(query, provider->rec->name))
            return id + FARGATE_N;
    }
    return 0;
}

static void view(struct op_ctx *ctx, const struct query *query, uint64_t number,
                 struct ecs_capacity_provider *out)
{
    if (number <= FARGATE_N)
        view_fargate(ctx, number - 1, out);
    else
        provider_view(ctx->state, provider_get(ctx->state, number - FARGATE_N), query->with_tags,
                      ctx->arena, out);
}

static int list_all(struct op_ctx *ctx, const struct query *query,
                    struct ecs_describe_capacity_providers_response *out)
{
    struct page page;
    uint64_t last;
    uint64_t next;

    if (op_page_begin_id(ctx, RESULTS_MAX, RESULTS_MAX, &page, &last) != OP_OK)
        return OP_FAILED;
    out->capacity_providers.at = arena_array(ctx->arena, struct ecs_capacity_provider, page.max);
    while ((next = next_after(ctx, query, last)) != 0 && page_wants(&page)) {
        view(ctx, query, next, &out->capacity_providers.at[page.taken++]);
        last = next;
    }
    out->capacity_providers.n = page.taken;
    if (next != 0)
        SET(out, next_token, op_page_token_id(ctx, &page, last));
    return OP_OK;
}

int op_describe_capacity_providers(struct op_ctx *ctx,
                                   const struct ecs_describe_capacity_providers_request *in,
                                   struct ecs_describe_capacity_providers_response *out)
{
    struct query query = {.with_tags = in->include.n > 0};
    const struct str_list *names = &in->capacity_providers;
    struct cluster *cluster;

    if (op_validate(ctx) != OP_OK ||
        op_check_count(ctx, names->n, NAMES_MAX, "capacityProviders") != OP_OK)
        return OP_FAILED;
    if (in->cluster.len > 0) {
        if (op_find_cluster(ctx, in->cluster, &cluster) != OP_OK)
            return OP_FAILED;
        query.associated = &cluster->rec->capacity_providers;
    }
    out->has.capacity_providers = out->has.failures = true;
    if (names->n == 0)
        return list_all(ctx, &query, out);
    out->capacity_providers.at = arena_array(ctx->arena, struct ecs_capacity_provider, names->n);
    out->failures.at = arena_array(ctx->arena, struct ecs_failure, names->n);
    for (size_t i = 0; i < names->n; i++)
        describe(ctx, &query, names->at[i], out);
    return OP_OK;
}
