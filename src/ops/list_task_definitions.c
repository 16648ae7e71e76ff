// ListTaskDefinitions: ARNs by family and then by revision, forwards or backwards. The key of a
// page is the last revision looked at, "family::0000000002". One call looks at a bounded number of
// revisions, so a page can be short, or empty, and still be followed by another.
// Source: ecs-behaviour-api 5 and 7.3.

#include "base/arena.h"
#include "model/task_definition.h"
#include "ops/find_definition.h"
#include "ops/page.h"

enum { LOOKED_AT_MAX = 10000 };

struct walk {
    const struct op_ctx *ctx;
    struct str only; // family; empty: all
    enum ecs_task_definition_status status;
    bool backwards;
    const struct family *family; // NULL: at the end
    size_t at;                   // of its revisions; going backwards one past the next
};

static bool walk_is_over(const struct walk *w)
{
    return w->backwards ? w->at == 0 : w->at >= w->family->revisions_n;
}

static void walk_enter(struct walk *w, const struct family *family)
{
    w->family = family;
    w->at = family != NULL && w->backwards ? family->revisions_n : 0;
}

// The family next to this name in the direction of the walk.
static const struct family *family_beside(const struct walk *w, struct str name)
{
    return w->backwards ? family_at_or_before(w->ctx->state, w->ctx->caller.region, name, true)
                        : family_at_or_after(w->ctx->state, w->ctx->caller.region, name, true);
}

// NULL at the end.
static const struct task_definition *walk_next(struct walk *w)
{
    while (w->family != NULL && walk_is_over(w))
        walk_enter(w, w->only.len > 0 ? NULL : family_beside(w, w->family->rec->name));
    if (w->family == NULL)
        return NULL;
    return w->backwards ? w->family->revisions[--w->at] : w->family->revisions[w->at++];
}

static void walk_begin(struct walk *w)
{
    const struct state *state = w->ctx->state;
    struct str region = w->ctx->caller.region;

    if (w->only.len > 0)
        walk_enter(w, family_find(state, region, w->only));
    else
        walk_enter(w, w->backwards ? family_last(state, region)
                                   : family_at_or_after(state, region, STR_NONE, false));
}

// Goes on behind a revision that may be gone by now, as may its family.
static void walk_resume(struct walk *w, struct str name, int32_t revision)
{
    const struct family *family = family_find(w->ctx->state, w->ctx->caller.region, name);

    if (family == NULL) {
        walk_enter(w, w->only.len > 0 ? NULL : family_beside(w, name));
        return;
    }
    w->family = family;
    w->at = family_position(family, w->backwards ? revision : revision + 1);
}

static bool read_cursor(struct str cursor, struct str *out_family, int32_t *out_revision)
{
    struct str rest;
    int64_t revision;

    if (!str_cut(cursor, ':', out_family, &rest) || !str_starts(rest, STR(":")) ||
        !str_to_i64(str_from(rest, 1), &revision) || revision < 1 || revision >= INT32_MAX)
        return false;
    *out_revision = (int32_t)revision;
    return true;
}

static int begin(struct op_ctx *ctx, const struct ecs_list_task_definitions_request *in,
                 struct page *page, struct walk *w)
{
    struct str family;
    int32_t revision;

    if (op_validate(ctx) != OP_OK || op_page_begin(ctx, 100, 100, page) != OP_OK)
        return OP_FAILED;
    *w = (struct walk){
        .ctx = ctx,
        .only = in->family_prefix,
        .status = in->has.status ? in->status : ECS_TASK_DEFINITION_STATUS_ACTIVE,
        .backwards = in->sort == ECS_SORT_ORDER_DESC,
    };
    if (page->cursor.len == 0) {
        walk_begin(w);
        return OP_OK;
    }
    if (!read_cursor(page->cursor, &family, &revision))
        return op_page_bad_token(ctx);
    walk_resume(w, family, revision);
    return OP_OK;
}

// The next revision of the wanted status; NULL at the end, or when enough was looked at and
// *out_last says where that was.
static const struct task_definition *next_match(struct walk *w, size_t *looked_at,
                                                const struct task_definition **out_last)
{
    const struct task_definition *definition;

    while (*looked_at < LOOKED_AT_MAX && (definition = walk_next(w)) != NULL) {
        ++*looked_at;
        if (definition->rec->status == w->status)
            return definition;
        *out_last = definition;
    }
    return NULL;
}

static struct str cursor_of(struct op_ctx *ctx, const struct task_definition *definition)
{
    const struct family *family = family_get(ctx->state, definition->family_id);

    return str_fmt(ctx->arena, "%.*s::%010d", STR_ARGS(family->rec->name),
                   definition->rec->revision);
}

int op_list_task_definitions(struct op_ctx *ctx, const struct ecs_list_task_definitions_request *in,
                             struct ecs_list_task_definitions_response *out)
{
    const struct task_definition *found;
    const struct task_definition *last = NULL; // looked at and done with
    size_t looked_at = 0;
    struct page page;
    struct walk w;

    if (begin(ctx, in, &page, &w) != OP_OK)
        return OP_FAILED;
    out->has.task_definition_arns = true;
    out->task_definition_arns.at = arena_array(ctx->arena, struct str, page.max);
    while ((found = next_match(&w, &looked_at, &last)) != NULL && page_wants(&page)) {
        out->task_definition_arns.at[out->task_definition_arns.n++] =
            task_definition_arn(ctx->state, found, ctx->arena);
        page.taken++;
        last = found;
    }
    if (found != NULL || (looked_at == LOOKED_AT_MAX && walk_next(&w) != NULL))
        SET(out, next_token, op_page_token(ctx, &page, cursor_of(ctx, last)));
    return OP_OK;
}
