// One list of tags has at most fifty entries, so keys are compared one by one.
//
// The sentences for duplicates and for the reserved prefix are not known from the live service;
// they stand here once.

#include "ops/tag_rules.h"

#include "base/arena.h"

static bool is_reserved(struct str text)
{
    return str_starts_nocase(text, STR("aws:"));
}

static const struct ecs_tag *find(const struct ecs_tag_list *tags, struct str key)
{
    for (size_t i = 0; i < tags->n; i++) {
        if (str_eq(tags->at[i].key, key))
            return &tags->at[i];
    }
    return NULL;
}

static int check_key(struct op_ctx *ctx, struct str key, enum ecs_error kind)
{
    if (is_reserved(key))
        return op_fail(ctx, kind, "aws: prefixed tag key names are not allowed for external use.");
    return OP_OK;
}

int op_check_tag_keys(struct op_ctx *ctx, const struct str_list *keys, enum ecs_error kind)
{
    for (size_t i = 0; i < keys->n; i++) {
        if (check_key(ctx, keys->at[i], kind) != OP_OK)
            return OP_FAILED;
    }
    return OP_OK;
}

static int check(struct op_ctx *ctx, const struct ecs_tag *tag, enum ecs_error kind)
{
    if (!tag->has.key)
        return op_fail(ctx, kind, "Tag key can not be null.");
    if (check_key(ctx, tag->key, kind) != OP_OK)
        return OP_FAILED;
    if (is_reserved(tag->value))
        return op_fail(ctx, kind, "aws: prefixed tag values are not allowed for external use.");
    return OP_OK;
}

int op_take_tags(struct op_ctx *ctx, const struct ecs_tag_list *asked, enum ecs_error kind,
                 struct ecs_tag_list *out)
{
    struct ecs_tag_list taken = {.at = arena_array(ctx->arena, struct ecs_tag, asked->n)};

    for (size_t i = 0; i < asked->n; i++) {
        struct ecs_tag *tag = &taken.at[taken.n];

        if (check(ctx, &asked->at[i], kind) != OP_OK)
            return OP_FAILED;
        if (find(&taken, asked->at[i].key) != NULL)
            return op_fail(ctx, kind, "Duplicate tag keys found.");
        SET(tag, key, asked->at[i].key);
        SET(tag, value, asked->at[i].value);
        taken.n++;
    }
    *out = taken;
    return OP_OK;
}

struct ecs_tag_list tags_merge(struct arena *arena, const struct ecs_tag_list *under,
                               const struct ecs_tag_list *over)
{
    struct ecs_tag_list merged = {.at = arena_array(arena, struct ecs_tag, under->n + over->n)};

    for (size_t i = 0; i < under->n; i++) {
        const struct ecs_tag *newer = find(over, under->at[i].key);
        merged.at[merged.n++] = newer != NULL ? *newer : under->at[i];
    }
    for (size_t i = 0; i < over->n; i++) {
        if (find(under, over->at[i].key) == NULL)
            merged.at[merged.n++] = over->at[i];
    }
    return merged;
}

static bool names(const struct str_list *keys, struct str key)
{
    for (size_t i = 0; i < keys->n; i++) {
        if (str_eq(keys->at[i], key))
            return true;
    }
    return false;
}

struct ecs_tag_list tags_without(struct arena *arena, const struct ecs_tag_list *tags,
                                 const struct str_list *keys)
{
    struct ecs_tag_list kept = {.at = arena_array(arena, struct ecs_tag, tags->n)};

    for (size_t i = 0; i < tags->n; i++) {
        if (!names(keys, tags->at[i].key))
            kept.at[kept.n++] = tags->at[i];
    }
    return kept;
}

size_t tags_counted(const struct ecs_tag_list *tags)
{
    size_t n = 0;

    for (size_t i = 0; i < tags->n; i++)
        n += !is_reserved(tags->at[i].key);
    return n;
}
