// The sentences are not known from the live service; they stand here once.

#include "ops/attribute_rules.h"

#include "base/arena.h"
#include "base/regex.h"

bool attribute_is_custom(const struct ecs_attribute *attribute)
{
    return !str_starts(attribute->name, STR("ecs.")) &&
           !str_starts(attribute->name, STR("com.amazonaws.ecs."));
}

int op_check_custom_attribute(struct op_ctx *ctx, const struct ecs_attribute *attribute)
{
    if (!attribute_is_custom(attribute))
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "Attribute names can not start with 'ecs.' or 'com.amazonaws.ecs.'.");
    if (!regex_literal_matches("[A-Za-z0-9_\\-./\\\\]{1,128}", attribute->name))
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "Attribute name must match ^[A-Za-z0-9_\\-./\\\\]{1,128}$");
    if (attribute->has.value &&
        (!regex_literal_matches("[A-Za-z0-9_\\-.@/\\\\: ]{1,128}", attribute->value) ||
         str_trim(attribute->value).len != attribute->value.len))
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "Attribute value must match ^[A-Za-z0-9_\\-.@/\\\\: ]{1,128}$ without "
                       "spaces at its ends");
    return OP_OK;
}

size_t attributes_custom_n(const struct ecs_attribute_list *list)
{
    size_t n = 0;

    for (size_t i = 0; i < list->n; i++)
        n += attribute_is_custom(&list->at[i]);
    return n;
}

const struct ecs_attribute *attributes_find(const struct ecs_attribute_list *list, struct str name)
{
    for (size_t i = 0; i < list->n; i++) {
        if (str_eq(list->at[i].name, name))
            return &list->at[i];
    }
    return NULL;
}

struct ecs_attribute_list attributes_copy(struct arena *arena,
                                          const struct ecs_attribute_list *list, size_t more)
{
    struct ecs_attribute_list copy = {
        .n = list->n,
        .at = arena_array(arena, struct ecs_attribute, list->n + more),
    };

    for (size_t i = 0; i < list->n; i++)
        copy.at[i] = list->at[i];
    return copy;
}

void attributes_put(struct ecs_attribute_list *list, const struct ecs_attribute *attribute)
{
    const struct ecs_attribute *present = attributes_find(list, attribute->name);
    struct ecs_attribute *slot =
        present != NULL ? &list->at[present - list->at] : &list->at[list->n++];

    *slot = (struct ecs_attribute){0};
    SET(slot, name, attribute->name);
    if (attribute->has.value)
        SET(slot, value, attribute->value);
}

void attributes_remove(struct ecs_attribute_list *list, struct str name)
{
    size_t kept = 0;

    for (size_t i = 0; i < list->n; i++) {
        if (!str_eq(list->at[i].name, name))
            list->at[kept++] = list->at[i];
    }
    list->n = kept;
}
