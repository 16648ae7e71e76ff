// ListTaskDefinitionFamilies: names in lexicographic order. A family counts as ACTIVE while one of
// its revisions is; when the last revision is gone it is not listed any more, though its numbers
// stay used. Source: ecs-behaviour-api 5 and 7.3.

#include "base/arena.h"
#include "model/task_definition.h"
#include "ops/page.h"

enum { LOOKED_AT_MAX = 10000 };

static bool matches(const struct family *family, enum ecs_task_definition_family_status status)
{
    if (family->revisions_n == 0)
        return false;
    switch (status) {
    case ECS_TASK_DEFINITION_FAMILY_STATUS_ACTIVE: return family->active_n > 0;
    case ECS_TASK_DEFINITION_FAMILY_STATUS_INACTIVE: return family->active_n == 0;
    case ECS_TASK_DEFINITION_FAMILY_STATUS_ALL:
    case ECS_TASK_DEFINITION_FAMILY_STATUS_UNSET: break;
    }
    return true;
}

// The family behind `after` (or the first) with this prefix; NULL at the end.
static const struct family *next_family(const struct op_ctx *ctx, struct str prefix,
                                        struct str after)
{
    bool first = str_cmp(after, prefix) < 0;
    const struct family *family =
        family_at_or_after(ctx->state, ctx->caller.region, first ? prefix : after, !first);

    return family != NULL && str_starts(family->rec->name, prefix) ? family : NULL;
}

int op_list_task_definition_families(struct op_ctx *ctx,
                                     const struct ecs_list_task_definition_families_request *in,
                                     struct ecs_list_task_definition_families_response *out)
{
    const struct family *family;
    struct page page;
    struct str at;
    size_t looked_at = 0;

    if (op_validate(ctx) != OP_OK || op_page_begin(ctx, 100, 100, &page) != OP_OK)
        return OP_FAILED;
    at = page.cursor;
    out->has.families = true;
    out->families.at = arena_array(ctx->arena, struct str, page.max);
    while ((family = next_family(ctx, in->family_prefix, at)) != NULL) {
        bool match = matches(family, in->status);

        if ((match && !page_wants(&page)) || looked_at++ == LOOKED_AT_MAX) {
            SET(out, next_token, op_page_token(ctx, &page, at));
            return OP_OK;
        }
        at = family->rec->name;
        if (match) {
            out->families.at[out->families.n++] = at;
            page.taken++;
        }
    }
    return OP_OK;
}
