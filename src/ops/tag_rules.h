// Tags as callers give them: what every operation with tags has in common. Lengths, patterns and
// the size of one list are limits of the IDL (op_validate). Source: ecs-behaviour-api 11.

#ifndef OPS_TAG_RULES_H
#define OPS_TAG_RULES_H

#include "ops/op.h"

enum { TAGS_MAX = 50 }; // a resource; those with the prefix "aws:" do not count

// Checks tags of a request: keys there and unique, no "aws:" in front of a key or value, in any
// case. `kind` is the error to fail with: InvalidParameterException, for task definitions
// ClientException. *out are the tags to store, an absent value being the empty one; they live as
// long as the request.
int op_take_tags(struct op_ctx *ctx, const struct ecs_tag_list *asked, enum ecs_error kind,
                 struct ecs_tag_list *out) MUST_CHECK;

// Refuses to name tags that are not the caller's: those that begin with "aws:".
int op_check_tag_keys(struct op_ctx *ctx, const struct str_list *keys,
                      enum ecs_error kind) MUST_CHECK;

// `over` laid over `under`: the same key is overwritten in its place, new ones come behind. In the
// arena; shares the texts of both.
struct ecs_tag_list tags_merge(struct arena *arena, const struct ecs_tag_list *under,
                               const struct ecs_tag_list *over);

// Without those keys; unknown ones do not matter.
struct ecs_tag_list tags_without(struct arena *arena, const struct ecs_tag_list *tags,
                                 const struct str_list *keys);

// Tags that count towards TAGS_MAX.
size_t tags_counted(const struct ecs_tag_list *tags);

#endif
