// ListAttributes: every attribute of every registered instance of a cluster, or those of one name
// (and value). Goes by instance, oldest first, and by name; a page ends behind "<instance
// id>/<name>". Source: ecs-behaviour-api 5 and 7.9.

#include "base/arena.h"
#include "model/cluster.h"
#include "model/instance.h"
#include "ops/find.h"
#include "ops/page.h"

struct position {
    uint64_t instance_id;
    struct str name;
};

struct walk {
    const struct cluster *cluster;
    const struct ecs_list_attributes_request *filter;
    const struct instance *instance; // the one being looked at; NULL at the end
    size_t index;                    // into its attributes by name
};

static int read_position(struct op_ctx *ctx, struct str key, struct position *out)
{
    struct str number;
    int64_t id;

    *out = (struct position){0};
    if (key.len == 0)
        return OP_OK;
    if (!str_cut(key, '/', &number, &out->name) || !str_to_i64(number, &id) || id <= 0)
        return op_page_bad_token(ctx);
    out->instance_id = (uint64_t)id;
    return OP_OK;
}

static struct str write_position(struct op_ctx *ctx, const struct position *position)
{
    return str_fmt(ctx->arena, "%llu/%.*s", (unsigned long long)position->instance_id,
                   STR_ARGS(position->name));
}

// The next attribute to list of the instance at hand. Of one name there is one at most.
static const struct ecs_attribute *candidate(const struct walk *walk)
{
    const struct ecs_list_attributes_request *filter = walk->filter;
    const struct instance *instance = walk->instance;
    const struct ecs_attribute *named;

    if (!filter->has.attribute_name)
        return walk->index < instance->rec->attributes.n ? instance->attributes[walk->index] : NULL;
    named = walk->index == 0 ? instance_attribute(instance, filter->attribute_name) : NULL;
    if (named != NULL && filter->has.attribute_value &&
        (!named->has.value || !str_eq(named->value, filter->attribute_value)))
        return NULL;
    return named;
}

// Hosts of FARGATE are nobody's to see.
static bool is_shown(const struct instance *instance)
{
    return instance_is_registered(instance) && !instance_is_fargate(instance);
}

// Moves on to the first attribute to list from here; NULL when there is none left.
static const struct ecs_attribute *settle(const struct op_ctx *ctx, struct walk *walk)
{
    while (walk->instance != NULL) {
        const struct ecs_attribute *attribute = candidate(walk);

        if (attribute != NULL && is_shown(walk->instance))
            return attribute;
        walk->instance = instance_next(ctx->state, walk->cluster, walk->instance->entity.id);
        walk->index = 0;
    }
    return NULL;
}

static void start(const struct op_ctx *ctx, struct walk *walk, const struct position *after)
{
    const struct instance *here = instance_get(ctx->state, after->instance_id);

    walk->index = 0;
    if (here == NULL || here->cluster_id != walk->cluster->entity.id) {
        walk->instance = instance_next(ctx->state, walk->cluster, after->instance_id);
        return;
    }
    walk->instance = here;
    while (walk->index < here->rec->attributes.n &&
           str_cmp(here->attributes[walk->index]->name, after->name) <= 0)
        walk->index++;
}

static void show(const struct op_ctx *ctx, const struct walk *walk,
                 const struct ecs_attribute *attribute, struct ecs_attribute *out)
{
    *out = *attribute;
    SET(out, target_id, instance_arn(ctx->state, walk->instance, ctx->arena));
}

static int check(struct op_ctx *ctx, const struct ecs_list_attributes_request *in)
{
    if (in->target_type != ECS_TARGET_TYPE_CONTAINER_INSTANCE)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "targetType must be container-instance");
    if (in->has.attribute_value && !in->has.attribute_name)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "attributeName must be given when attributeValue is");
    return op_validate(ctx);
}

int op_list_attributes(struct op_ctx *ctx, const struct ecs_list_attributes_request *in,
                       struct ecs_list_attributes_response *out)
{
    struct walk walk = {.filter = in};
    const struct ecs_attribute *attribute;
    struct position last;
    struct cluster *cluster;
    struct page page;

    if (op_find_cluster(ctx, in->cluster, &cluster) != OP_OK || check(ctx, in) != OP_OK ||
        op_page_begin(ctx, 100, 100, &page) != OP_OK ||
        read_position(ctx, page.cursor, &last) != OP_OK)
        return OP_FAILED;
    walk.cluster = cluster;
    start(ctx, &walk, &last);
    out->has.attributes = true;
    out->attributes.at = arena_array(ctx->arena, struct ecs_attribute, page.max);
    while ((attribute = settle(ctx, &walk)) != NULL && page_wants(&page)) {
        show(ctx, &walk, attribute, &out->attributes.at[page.taken++]);
        last = (struct position){walk.instance->entity.id, attribute->name};
        walk.index++;
    }
    out->attributes.n = page.taken;
    if (attribute != NULL)
        SET(out, next_token, op_page_token(ctx, &page, write_position(ctx, &last)));
    return OP_OK;
}
