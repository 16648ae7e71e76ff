// One reading of definition references for every operation that takes one; the operations differ in
// what they say when nothing is found.

#include "ops/find_definition.h"

#include "base/proof.h"
#include "model/task_definition.h"

// Digits only: str_to_i64 would let a sign pass.
static bool read_revision(struct str text, int32_t *out)
{
    int64_t value;

    if (text.len == 0 || text.ptr[0] == '-' || !str_to_i64(text, &value))
        return false;
    if (value < 1 || value > INT32_MAX)
        return false;
    *out = (int32_t)value;
    return true;
}

struct definition_reference op_parse_definition(const struct op_ctx *ctx, struct str reference)
{
    struct definition_reference out = {.form = DEFINITION_FORM_FAMILY};
    struct scope here = op_scope(ctx);
    struct str name = reference;
    struct arn arn;
    bool foreign = false;

    if (arn_looks_like_one(reference)) {
        if (!arn_parse(reference, &arn) || !str_eq(arn.service, STR("ecs")) ||
            !str_eq(arn.kind, STR("task-definition")))
            return (struct definition_reference){.form = DEFINITION_FORM_NONE};
        foreign = !scope_eq(&arn.scope, &here);
        name = arn.tail;
    }
    if (str_cut(name, ':', &out.family, &out.revision_text))
        out.form = read_revision(out.revision_text, &out.revision) ? DEFINITION_FORM_REVISION
                                                                   : DEFINITION_FORM_BAD_REVISION;
    if (foreign)
        out.form = DEFINITION_FORM_FOREIGN;
    return out;
}

static struct family *find_family(const struct op_ctx *ctx,
                                  const struct definition_reference *reference)
{
    if (reference->form == DEFINITION_FORM_NONE || reference->form == DEFINITION_FORM_FOREIGN)
        return NULL;
    return family_find(ctx->state, ctx->caller.region, reference->family);
}

struct task_definition *op_definition_revision(const struct op_ctx *ctx,
                                               const struct definition_reference *reference)
{
    const struct family *family = find_family(ctx, reference);

    if (family == NULL || reference->form != DEFINITION_FORM_REVISION)
        return NULL;
    return family_revision(family, reference->revision);
}

static int find(struct op_ctx *ctx, struct str text, const char *when_missing,
                struct task_definition **out)
{
    struct definition_reference reference = op_parse_definition(ctx, text);
    const struct family *family = find_family(ctx, &reference);
    struct task_definition *found = NULL;

    if (reference.form == DEFINITION_FORM_BAD_REVISION)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "Invalid revision number. Number: %.*s", STR_ARGS(reference.revision_text));
    if (family != NULL)
        found = reference.form == DEFINITION_FORM_REVISION
                    ? family_revision(family, reference.revision)
                    : family_newest_active(family);
    MARK_IF(found != NULL && reference.form == DEFINITION_FORM_FAMILY,
            "a family stands for its newest active revision");
    if (found == NULL) {
        MARK("a definition that does not exist is not found");
        return op_fail(ctx, ECS_ERROR_CLIENT_EXCEPTION, "%s", when_missing);
    }
    *out = found;
    return OP_OK;
}

int op_find_definition(struct op_ctx *ctx, struct str reference, struct task_definition **out)
{
    struct task_definition *found;

    if (find(ctx, reference, "TaskDefinition not found.", &found) != OP_OK)
        return OP_FAILED;
    if (found->rec->status != ECS_TASK_DEFINITION_STATUS_ACTIVE) {
        MARK("tasks are not started from a deregistered definition");
        return op_fail(ctx, ECS_ERROR_CLIENT_EXCEPTION, "TaskDefinition is inactive");
    }
    *out = found;
    return OP_OK;
}

int op_find_definition_any(struct op_ctx *ctx, struct str reference, struct task_definition **out)
{
    return find(ctx, reference, "Unable to describe task definition.", out);
}
