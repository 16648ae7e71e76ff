// PutAttributes and DeleteAttributes: the user's own attributes of container instances. A call is
// carried out as a whole or not at all. Source: ecs-behaviour-api 7.9.

#include "base/arena.h"
#include "base/proof.h"
#include "core/lifecycle.h"
#include "model/arn.h"
#include "model/cluster.h"
#include "model/instance.h"
#include "ops/attribute_rules.h"
#include "ops/find.h"

enum { ATTRIBUTES_MAX = 10 }; // a call

// An ARN says what it names; an id alone needs the target type beside it.
static int find_target(struct op_ctx *ctx, const struct cluster *cluster,
                       const struct ecs_attribute *attribute, struct instance **out)
{
    bool is_typed = attribute->target_type == ECS_TARGET_TYPE_CONTAINER_INSTANCE;

    if (op_need_text(ctx, attribute->target_id, "targetId") != OP_OK)
        return OP_FAILED;
    if (attribute->has.target_type ? !is_typed : !arn_looks_like_one(attribute->target_id))
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "targetType must be container-instance");
    *out = op_find_instance(ctx, cluster, attribute->target_id);
    if (*out == NULL || !instance_is_registered(*out)) {
        MARK("attributes are put on instances that are registered");
        return op_fail(ctx, ECS_ERROR_TARGET_NOT_FOUND_EXCEPTION, "Could not find %.*s",
                       STR_ARGS(attribute->target_id));
    }
    return OP_OK;
}

static int check(struct op_ctx *ctx, struct str reference, const struct ecs_attribute_list *list,
                 struct instance *targets[ATTRIBUTES_MAX])
{
    struct cluster *cluster;

    if (op_find_cluster(ctx, reference, &cluster) != OP_OK)
        return OP_FAILED;
    if (list->n == 0)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "attributes can not be empty");
    if (op_check_count(ctx, list->n, ATTRIBUTES_MAX, "attributes") != OP_OK)
        return OP_FAILED;
    for (size_t i = 0; i < list->n; i++) {
        if (find_target(ctx, cluster, &list->at[i], &targets[i]) != OP_OK ||
            op_check_custom_attribute(ctx, &list->at[i]) != OP_OK)
            return OP_FAILED;
    }
    return op_validate(ctx);
}

static void put_list(struct op_ctx *ctx, struct instance *instance,
                     struct ecs_attribute_list attributes)
{
    struct rec_instance next = *instance->rec;

    SET(&next, attributes, attributes);
    state_put(ctx->state, REC_KIND_INSTANCE, instance->entity.id, &next);
}

// A call that changed an instance is one change of it, however many attributes it named.
static void touch_each(struct op_ctx *ctx, struct instance *const *targets, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bool seen = false;

        for (size_t k = 0; k < i; k++)
            seen = seen || targets[k] == targets[i];
        if (!seen)
            instance_touch(ctx->step, targets[i]);
    }
}

int op_put_attributes(struct op_ctx *ctx, const struct ecs_put_attributes_request *in,
                      struct ecs_put_attributes_response *out)
{
    struct instance *targets[ATTRIBUTES_MAX];

    if (check(ctx, in->cluster, &in->attributes, targets) != OP_OK)
        return OP_FAILED;
    for (size_t i = 0; i < in->attributes.n; i++) {
        struct ecs_attribute_list list =
            attributes_copy(ctx->arena, &targets[i]->rec->attributes, 1);

        attributes_put(&list, &in->attributes.at[i]);
        if (attributes_custom_n(&list) > CUSTOM_ATTRIBUTES_MAX)
            return op_fail(ctx, ECS_ERROR_ATTRIBUTE_LIMIT_EXCEEDED_EXCEPTION,
                           "A container instance can not have more than %d custom attributes.",
                           CUSTOM_ATTRIBUTES_MAX);
        put_list(ctx, targets[i], list);
    }
    touch_each(ctx, targets, in->attributes.n);
    SET(out, attributes, in->attributes);
    return OP_OK;
}

// The attribute as it was, with the target as the caller wrote it.
static struct ecs_attribute deleted(const struct ecs_attribute *asked,
                                    const struct ecs_attribute *present)
{
    struct ecs_attribute attribute = *asked;

    attribute.value = present->value;
    attribute.has.value = present->has.value;
    return attribute;
}

int op_delete_attributes(struct op_ctx *ctx, const struct ecs_delete_attributes_request *in,
                         struct ecs_delete_attributes_response *out)
{
    struct instance *targets[ATTRIBUTES_MAX];
    struct instance *changed[ATTRIBUTES_MAX];

    if (check(ctx, in->cluster, &in->attributes, targets) != OP_OK)
        return OP_FAILED;
    out->has.attributes = true;
    out->attributes.at = arena_array(ctx->arena, struct ecs_attribute, in->attributes.n);
    for (size_t i = 0; i < in->attributes.n; i++) {
        const struct ecs_attribute *asked = &in->attributes.at[i];
        const struct ecs_attribute *present = instance_attribute(targets[i], asked->name);
        struct ecs_attribute_list list;

        if (present == NULL || (asked->has.value && !str_eq(asked->value, present->value)))
            continue;
        changed[out->attributes.n] = targets[i];
        out->attributes.at[out->attributes.n++] = deleted(asked, present);
        list = attributes_copy(ctx->arena, &targets[i]->rec->attributes, 0);
        attributes_remove(&list, asked->name);
        put_list(ctx, targets[i], list);
    }
    touch_each(ctx, changed, out->attributes.n);
    return OP_OK;
}
