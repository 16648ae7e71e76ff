// What a caller that is a role may do. Users and the root of the account may do everything; the
// keys of a role, which a task's containers hold, only what the operator grants that role, and read
// and change the protection of the task itself.
//
// Source of the refusals: ecs-behaviour-api 2 (texts), 2.2.

#ifndef OPS_AUTHORIZE_H
#define OPS_AUTHORIZE_H

#include "ops/op.h"

// Patterns hold '*' for any text and '?' for any character.
struct role_grant {
    struct str_list actions; // "ecs:Describe*"
    struct str cluster;      // name; "*": any, and calls that are about no cluster
};

struct role_caller {
    struct str task;   // id of the task the keys were made for; empty: keys of an operator's own
    bool is_execution; // of the execution role, which the agent uses
    const struct role_grant *grants;
    size_t grants_n;
};

// OP_FAILED with the error noted: AccessDeniedException, or ExpiredTokenException for keys of a
// task that has stopped. ctx->operation is set.
int op_authorize(struct op_ctx *ctx, const void *in) MUST_CHECK;

// Whether the pattern matches the whole text; letters' case counts.
bool op_pattern_matches(struct str pattern, struct str text);

#endif
