// DescribeTaskDefinition: one revision, whatever its status; a family alone means its newest ACTIVE
// one. Source: ecs-behaviour-api 7.3.

#include "base/arena.h"
#include "model/task_definition.h"
#include "ops/find_definition.h"

static bool wants_tags(const struct ecs_describe_task_definition_request *in)
{
    for (size_t i = 0; i < in->include.n; i++) {
        if (in->include.at[i] == ECS_TASK_DEFINITION_FIELD_TAGS)
            return true;
    }
    return false;
}

int op_describe_task_definition(struct op_ctx *ctx,
                                const struct ecs_describe_task_definition_request *in,
                                struct ecs_describe_task_definition_response *out)
{
    struct task_definition *definition;

    if (op_validate(ctx) != OP_OK)
        return OP_FAILED;
    if (op_find_definition_any(ctx, in->task_definition, &definition) != OP_OK)
        return OP_FAILED;
    SET(out, task_definition, arena_new(ctx->arena, struct ecs_task_definition));
    task_definition_view(ctx->state, definition, ctx->arena, out->task_definition);
    if (wants_tags(in))
        SET(out, tags, definition->rec->tags);
    return OP_OK;
}
