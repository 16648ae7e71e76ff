// See arn.h. Only the form is judged here; whether the thing exists is the registries' business.

#include "model/arn.h"

#include "base/arena.h"

bool arn_looks_like_one(struct str text)
{
    return str_starts(text, STR("arn:"));
}

bool arn_parse(struct str text, struct arn *out)
{
    struct str rest;
    struct str head;

    if (!str_cut(text, ':', &head, &rest) || !str_eq(head, STR("arn")))
        return false;
    if (!str_cut(rest, ':', &out->scope.partition, &rest) ||
        !str_cut(rest, ':', &out->service, &rest) ||
        !str_cut(rest, ':', &out->scope.region, &rest) ||
        !str_cut(rest, ':', &out->scope.account, &rest))
        return false;
    if (!str_cut(rest, '/', &out->kind, &out->tail))
        return false;
    return out->kind.len > 0 && out->tail.len > 0;
}

bool scope_eq(const struct scope *a, const struct scope *b)
{
    return str_eq(a->partition, b->partition) && str_eq(a->region, b->region) &&
           str_eq(a->account, b->account);
}

// Put together without printf: a reply and a payload are made of little else than ARNs.
#define ARN_HEAD(scope, kind)                                                                      \
    STR("arn:"), (scope)->partition, STR(":ecs:"), (scope)->region, STR(":"), (scope)->account,    \
        STR(":"), str_of(kind), STR("/")

#define CONCAT(arena, ...)                                                                         \
    str_concat(arena, (const struct str[]){__VA_ARGS__},                                           \
               sizeof((const struct str[]){__VA_ARGS__}) / sizeof(struct str))

struct str arn_make(struct arena *arena, const struct scope *scope, const char *kind,
                    struct str tail)
{
    return CONCAT(arena, ARN_HEAD(scope, kind), tail);
}

struct str arn_make2(struct arena *arena, const struct scope *scope, const char *kind,
                     struct str head, struct str tail)
{
    return CONCAT(arena, ARN_HEAD(scope, kind), head, STR("/"), tail);
}

struct str arn_make3(struct arena *arena, const struct scope *scope, const char *kind,
                     struct str head, struct str middle, struct str tail)
{
    return CONCAT(arena, ARN_HEAD(scope, kind), head, STR("/"), middle, STR("/"), tail);
}
