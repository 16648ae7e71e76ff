// Amazon Resource Names: arn:<partition>:ecs:<region>:<account>:<kind>/<tail>.
// Source: ecs-behaviour-api 4.1 and 4.2.

#ifndef MODEL_ARN_H
#define MODEL_ARN_H

#include <stdbool.h>

#include "base/str.h"

struct arena;

// Where a resource lives. All of them go into every ARN.
struct scope {
    struct str partition;
    struct str region;
    struct str account;
};

struct arn {
    struct scope scope;
    struct str service; // "ecs"
    struct str kind;    // "task"
    struct str tail;    // what follows the first '/': "demo/0123..."
};

// True for the form above; the parts are slices of `text`. Roles and users (service "iam") parse
// too.
bool arn_parse(struct str text, struct arn *out);
bool arn_looks_like_one(struct str text); // starts with "arn:"
bool scope_eq(const struct scope *a, const struct scope *b);

// arn_make(arena, scope, "task", "demo/0123...")
struct str arn_make(struct arena *arena, const struct scope *scope, const char *kind,
                    struct str tail);
// The same with a tail of two parts joined by '/'.
struct str arn_make2(struct arena *arena, const struct scope *scope, const char *kind,
                     struct str head, struct str tail);
// And of three.
struct str arn_make3(struct arena *arena, const struct scope *scope, const char *kind,
                     struct str head, struct str middle, struct str tail);

#endif
