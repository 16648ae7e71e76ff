// The walker: copy, compare, freeze, validate and redact any shape, driven by its descriptor. Pure.

#ifndef SHAPE_WALK_H
#define SHAPE_WALK_H

#include "shape/shape.h"

struct arena;
struct buf;

// Deep copy into the arena. The copy shares nothing with the source.
void *shape_copy(struct arena *arena, const struct shape *shape, const void *value);

// Deep copy into one heap block of exactly the size needed: how entities keep their records. Never
// changed afterwards, freed with mem_free.
void *shape_freeze(const struct shape *shape, const void *value);

// Same members present with equal values. Lists are ordered; maps compare as sets of pairs.
bool shape_equal(const struct shape *shape, const void *a, const void *b);

// A number that equal values share in every process and release: the fingerprint kept for
// idempotency. Presence and list order count.
uint64_t shape_fingerprint(const struct shape *shape, const void *value);

// Copies every member present in `over` onto `under` (deep, into the arena). Lists and scalars
// replace, maps merge by key, nested structures merge member by member.
void shape_merge(struct arena *arena, const struct shape *shape, void *under, const void *over);

// Sets every absent member that has a default in the IDL, here and in nested structures and lists
// that are present.
void shape_fill_defaults(struct arena *arena, const struct shape *shape, void *value);

// Names in a request that its enum does not have. The decoder stores 0 in the field and notes the
// text here, so that the validation message can quote it.
struct shape_unknown {
    const void *field; // address inside the decoded value
    struct str text;
    struct shape_unknown *next;
};

// Appends one clause a violation: "Value '<v>' at '<path>' failed to satisfy constraint: <c>",
// joined by "; ". Paths are camelCase with ".member" entries counted from 1. Returns how many there
// were; the caller puts "<n> validation error(s) detected: " in front. Secret values are shown as
// "***", long ones are cut, and only the first 50 violations are written. Source:
// ecs-behaviour-api 3.3.
size_t shape_validate(const struct shape *shape, const void *value,
                      const struct shape_unknown *unknowns, struct buf *out);

// A readable single line of the value for logs and assertion reports; secrets shown as "***".
void shape_print(const struct shape *shape, const void *value, struct buf *out);

#endif
