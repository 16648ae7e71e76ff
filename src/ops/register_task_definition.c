// RegisterTaskDefinition: judges the definition, completes it, and adds it to its family as the
// next revision. Every call makes one, even when nothing differs. Source: ecs-behaviour-api 7.3, 8.

#include "base/arena.h"
#include "model/task_definition.h"
#include "ops/op.h"
#include "ops/tag_rules.h"
#include "ops/task_definition_build.h"

enum { REVISIONS_MAX = 1000000 };

// "512" for "0.5 GB".
static struct str number_text(struct arena *arena, int32_t number)
{
    return str_fmt(arena, "%d", number);
}

// The members a caller may leave out are shown only when given.
static void copy_optional(struct ecs_task_definition *d, const struct definition_check *check)
{
    const struct ecs_register_task_definition_request *in = check->in;

    if (in->task_role_arn.len > 0)
        SET(d, task_role_arn, in->task_role_arn);
    if (in->execution_role_arn.len > 0)
        SET(d, execution_role_arn, in->execution_role_arn);
    if (in->has.network_mode)
        SET(d, network_mode, in->network_mode);
    if (in->has.requires_compatibilities)
        SET(d, requires_compatibilities, in->requires_compatibilities);
    if (in->has.cpu)
        SET(d, cpu, number_text(check->ctx->arena, check->cpu_units));
    if (in->has.memory)
        SET(d, memory, number_text(check->ctx->arena, check->memory_mib));
    if (in->has.pid_mode)
        SET(d, pid_mode, in->pid_mode);
    if (in->has.ipc_mode)
        SET(d, ipc_mode, in->ipc_mode);
    if (in->has.proxy_configuration)
        SET(d, proxy_configuration, in->proxy_configuration);
    if (in->has.ephemeral_storage)
        SET(d, ephemeral_storage, in->ephemeral_storage);
    if (in->has.runtime_platform)
        SET(d, runtime_platform, in->runtime_platform);
    if (in->has.enable_fault_injection)
        SET(d, enable_fault_injection, in->enable_fault_injection);
}

static struct ecs_task_definition *build(struct definition_check *check)
{
    struct ecs_task_definition *d = arena_new(check->ctx->arena, struct ecs_task_definition);
    struct ecs_attribute_list needed = definition_requirements(check);

    SET(d, family, check->in->family);
    SET(d, container_definitions, definition_containers(check));
    SET(d, volumes, check->in->volumes);
    SET(d, placement_constraints, check->in->placement_constraints);
    SET(d, compatibilities, definition_compatibilities(check));
    if (needed.n > 0)
        SET(d, requires_attributes, needed);
    copy_optional(d, check);
    return d;
}

// Takes the next revision number of the family, which is made when it is new.
static int next_revision(struct op_ctx *ctx, struct str name, uint64_t *out_family,
                         int32_t *out_revision)
{
    const struct family *family = family_find(ctx->state, ctx->caller.region, name);
    struct rec_family rec = {0};
    uint64_t id;

    if (family != NULL && family->rec->last_revision >= REVISIONS_MAX)
        return op_fail(ctx, ECS_ERROR_LIMIT_EXCEEDED_EXCEPTION,
                       "The family %.*s has reached the maximum of %d revisions.", STR_ARGS(name),
                       REVISIONS_MAX);
    id = family != NULL ? family->entity.id : state_new_id(ctx->state, REC_KIND_FAMILY);
    SET(&rec, region, ctx->caller.region);
    SET(&rec, name, name);
    SET(&rec, last_revision, family != NULL ? family->rec->last_revision + 1 : 1);
    state_put(ctx->state, REC_KIND_FAMILY, id, &rec);
    *out_family = id;
    *out_revision = rec.last_revision;
    return OP_OK;
}

static int add(struct op_ctx *ctx, struct definition_check *check, const struct ecs_tag_list *tags,
               struct task_definition **out)
{
    struct rec_task_definition rec = {0};
    uint64_t family;
    int32_t revision;
    uint64_t id;

    if (next_revision(ctx, check->in->family, &family, &revision) != OP_OK)
        return OP_FAILED;
    SET(&rec, family_id, (int64_t)family);
    SET(&rec, revision, revision);
    SET(&rec, status, ECS_TASK_DEFINITION_STATUS_ACTIVE);
    SET(&rec, registered_at, ctx->step->now);
    SET(&rec, registered_by, ctx->caller.principal_arn);
    SET(&rec, definition, build(check));
    SET(&rec, tags, *tags);
    id = state_new_id(ctx->state, REC_KIND_TASK_DEFINITION);
    state_put(ctx->state, REC_KIND_TASK_DEFINITION, id, &rec);
    *out = task_definition_get(ctx->state, id);
    return OP_OK;
}

int op_register_task_definition(struct op_ctx *ctx,
                                const struct ecs_register_task_definition_request *in,
                                struct ecs_register_task_definition_response *out)
{
    struct definition_check check;
    struct task_definition *definition;
    struct ecs_tag_list tags;

    if (!definition_check(ctx, in, &check))
        return op_fail(ctx, ECS_ERROR_CLIENT_EXCEPTION, "%.*s", STR_ARGS(check.objection));
    if (op_validate(ctx) != OP_OK)
        return OP_FAILED;
    if (op_take_tags(ctx, &in->tags, ECS_ERROR_CLIENT_EXCEPTION, &tags) != OP_OK)
        return OP_FAILED;
    if (add(ctx, &check, &tags, &definition) != OP_OK)
        return OP_FAILED;
    SET(out, task_definition, arena_new(ctx->arena, struct ecs_task_definition));
    task_definition_view(ctx->state, definition, ctx->arena, out->task_definition);
    if (in->has.tags)
        SET(out, tags, definition->rec->tags);
    return OP_OK;
}
