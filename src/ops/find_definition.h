// What a `taskDefinition` parameter names: "family", "family:revision", or an ARN with or without
// the revision. A family alone means its newest ACTIVE revision.
// Source: ecs-behaviour-api 4.2, 7.3 and 7.4.

#ifndef OPS_FIND_DEFINITION_H
#define OPS_FIND_DEFINITION_H

#include "ops/op.h"

struct task_definition;

enum definition_form {
    DEFINITION_FORM_FAMILY,       // no revision given
    DEFINITION_FORM_REVISION,     // both parts are good
    DEFINITION_FORM_BAD_REVISION, // `revision_text` is no revision number
    DEFINITION_FORM_FOREIGN,      // an ARN in another region or account
    DEFINITION_FORM_NONE,         // no task definition's ARN
};

struct definition_reference {
    enum definition_form form;
    struct str family;        // slice of the text
    struct str revision_text; // what stands after the colon, slice of the text
    int32_t revision;         // of DEFINITION_FORM_REVISION, from 1
};

// The form alone; nothing is looked up.
struct definition_reference op_parse_definition(const struct op_ctx *ctx, struct str reference);

// The definition that new tasks are to be made from: ACTIVE, or the call fails with ClientException
// "TaskDefinition not found." or "TaskDefinition is inactive", or, for a revision that is no
// number, with InvalidParameterException "Invalid revision number. Number: <text>".
int op_find_definition(struct op_ctx *ctx, struct str reference,
                       struct task_definition **out) MUST_CHECK;

// The same for looking at: an explicit revision may have any status. ClientException "Unable to
// describe task definition." when there is none.
int op_find_definition_any(struct op_ctx *ctx, struct str reference,
                           struct task_definition **out) MUST_CHECK;

// The revision that a parsed reference names exactly, whatever its status; NULL when there is none
// (any more) or when the reference names no revision.
struct task_definition *op_definition_revision(const struct op_ctx *ctx,
                                               const struct definition_reference *reference);

#endif
