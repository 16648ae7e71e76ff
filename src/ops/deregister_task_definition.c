// DeregisterTaskDefinition: a revision becomes INACTIVE. What runs of it goes on; nothing new is
// made from it. Doing it again changes nothing. Source: ecs-behaviour-api 7.3.

#include "base/arena.h"
#include "base/proof.h"
#include "model/task_definition.h"
#include "ops/find_definition.h"

static int find(struct op_ctx *ctx, struct str text, struct task_definition **out)
{
    struct definition_reference reference = op_parse_definition(ctx, text);

    if (reference.form == DEFINITION_FORM_FAMILY)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "Revision is missing");
    if (op_find_definition_any(ctx, text, out) != OP_OK)
        return OP_FAILED;
    if ((*out)->rec->status == ECS_TASK_DEFINITION_STATUS_DELETE_IN_PROGRESS) {
        MARK("a definition that is being deleted is not deregistered");
        return op_fail(ctx, ECS_ERROR_CLIENT_EXCEPTION,
                       "The task definition could not be deregistered because it is in the process "
                       "of being deleted.");
    }
    return OP_OK;
}

static void deregister(struct op_ctx *ctx, const struct task_definition *definition)
{
    struct rec_task_definition rec = *definition->rec;

    MARK("a deregistered definition becomes INACTIVE");
    SET(&rec, status, ECS_TASK_DEFINITION_STATUS_INACTIVE);
    SET(&rec, deregistered_at, ctx->step->now);
    state_put(ctx->state, REC_KIND_TASK_DEFINITION, definition->entity.id, &rec);
}

int op_deregister_task_definition(struct op_ctx *ctx,
                                  const struct ecs_deregister_task_definition_request *in,
                                  struct ecs_deregister_task_definition_response *out)
{
    struct task_definition *definition;

    if (op_validate(ctx) != OP_OK)
        return OP_FAILED;
    if (find(ctx, in->task_definition, &definition) != OP_OK)
        return OP_FAILED;
    if (definition->rec->status == ECS_TASK_DEFINITION_STATUS_ACTIVE)
        deregister(ctx, definition);
    SET(out, task_definition, arena_new(ctx->arena, struct ecs_task_definition));
    task_definition_view(ctx->state, definition, ctx->arena, out->task_definition);
    out->task_definition->has.deregistered_at = false; // shown from the next look on
    out->task_definition->deregistered_at = 0;
    return OP_OK;
}
