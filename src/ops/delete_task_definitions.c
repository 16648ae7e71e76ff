// DeleteTaskDefinitions: INACTIVE revisions start to go. They stay DELETE_IN_PROGRESS until no task
// record names them and the least time has passed; model/task_definition.c sets that deadline and
// core/timers.c carries it out. Source: ecs-behaviour-api 7.3.

#include "base/arena.h"
#include "base/proof.h"
#include "model/task_definition.h"
#include "ops/find_definition.h"

enum { REFERENCES_MAX = 10 };

static int check(struct op_ctx *ctx, const struct ecs_delete_task_definitions_request *in)
{
    if (in->task_definitions.n == 0)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "size of TaskDefinition references list must be greater than 0");
    if (in->task_definitions.n > REFERENCES_MAX)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "Size of TaskDefinition references list cannot exceed %d", REFERENCES_MAX);
    return op_validate(ctx);
}

// Why this one cannot be deleted; NULL: it can.
static const char *refusal(const struct definition_reference *reference,
                           const struct task_definition *definition)
{
    if (reference->form == DEFINITION_FORM_NONE || reference->form == DEFINITION_FORM_FAMILY ||
        reference->form == DEFINITION_FORM_BAD_REVISION || reference->family.len == 0)
        return "The specified task definition identifier is invalid. Specify a valid name or ARN "
               "and try again.";
    if (definition == NULL)
        return "The specified task definition does not exist. Specify a valid account, family, "
               "revision and try again.";
    MARK_IF(definition->rec->status == ECS_TASK_DEFINITION_STATUS_ACTIVE,
            "an ACTIVE definition is not deleted");
    if (definition->rec->status == ECS_TASK_DEFINITION_STATUS_ACTIVE)
        return "The specified task definition is still in ACTIVE status. Please deregister the "
               "target and try again.";
    return NULL;
}

static void start_delete(struct op_ctx *ctx, const struct task_definition *definition)
{
    struct rec_task_definition rec = *definition->rec;

    if (rec.status == ECS_TASK_DEFINITION_STATUS_DELETE_IN_PROGRESS)
        return;
    MARK("a definition starts to be deleted");
    SET(&rec, status, ECS_TASK_DEFINITION_STATUS_DELETE_IN_PROGRESS);
    SET(&rec, delete_requested_at, ctx->step->now);
    state_put(ctx->state, REC_KIND_TASK_DEFINITION, definition->entity.id, &rec);
}

int op_delete_task_definitions(struct op_ctx *ctx,
                               const struct ecs_delete_task_definitions_request *in,
                               struct ecs_delete_task_definitions_response *out)
{
    if (check(ctx, in) != OP_OK)
        return OP_FAILED;
    out->has.task_definitions = true;
    out->has.failures = true;
    out->task_definitions.at =
        arena_array(ctx->arena, struct ecs_task_definition, in->task_definitions.n);
    out->failures.at = arena_array(ctx->arena, struct ecs_failure, in->task_definitions.n);
    for (size_t i = 0; i < in->task_definitions.n; i++) {
        struct str given = in->task_definitions.at[i];
        struct definition_reference reference = op_parse_definition(ctx, given);
        const struct task_definition *definition = op_definition_revision(ctx, &reference);
        const char *reason = refusal(&reference, definition);

        if (reason != NULL) {
            struct ecs_failure *failure = &out->failures.at[out->failures.n++];
            SET(failure, arn, given);
            SET(failure, reason, str_of(reason));
            continue;
        }
        start_delete(ctx, definition);
        task_definition_view(ctx->state, definition, ctx->arena,
                             &out->task_definitions.at[out->task_definitions.n++]);
    }
    return OP_OK;
}
