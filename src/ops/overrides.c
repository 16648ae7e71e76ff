// Overrides of RunTask and StartTask.
//
// They are measured as the JSON a client would send, checked for names the definition does not
// have, and then held against the same rules of size that a definition obeys when it is registered.
// Nothing is merged here: the record keeps what was sent, need_init and the payload apply it.

#include "ops/overrides.h"

#include "base/arena.h"
#include "base/proof.h"
#include "model/override.h"
#include "ops/task_size.h"

enum {
    OVERRIDES_LENGTH_MAX = 8192,
    ENVIRONMENT_FILES_MAX = 10,
    CONTAINER_MEMORY_MIN = 4,
    EPHEMERAL_STORAGE_MIN = 21,
    EPHEMERAL_STORAGE_MAX = 200,
};

// --- length of the JSON, in characters

static size_t text_length(struct str text)
{
    size_t length = 2 + str_utf8_count(text);

    for (size_t i = 0; i < text.len; i++)
        length += text.ptr[i] == '"' || text.ptr[i] == '\\' || (unsigned char)text.ptr[i] < ' ';
    return length;
}

static size_t number_length(int64_t value)
{
    size_t length = value < 0 ? 2 : 1;

    for (; value > 9 || value < -9; value /= 10)
        length++;
    return length;
}

// "name":value and a comma.
static size_t member_length(const char *name, size_t value)
{
    return value > 0 ? strlen(name) + 4 + value : 0;
}

static size_t optional_text_length(bool present, struct str text)
{
    return present ? text_length(text) : 0;
}

static size_t optional_number_length(bool present, int64_t value)
{
    return present ? number_length(value) : 0;
}

static size_t command_length(const struct ecs_container_override *over)
{
    size_t length = over->has.command ? 2 : 0;

    for (size_t i = 0; i < over->command.n; i++)
        length += text_length(over->command.at[i]) + 1;
    return length;
}

static size_t environment_length(const struct ecs_container_override *over)
{
    size_t length = over->has.environment ? 2 : 0;

    for (size_t i = 0; i < over->environment.n; i++)
        length += strlen("{\"name\":,\"value\":},") + text_length(over->environment.at[i].name) +
                  text_length(over->environment.at[i].value);
    return length;
}

static size_t files_length(const struct ecs_container_override *over)
{
    size_t length = over->has.environment_files ? 2 : 0;

    for (size_t i = 0; i < over->environment_files.n; i++)
        length += strlen("{\"value\":,\"type\":\"s3\"},") +
                  text_length(over->environment_files.at[i].value);
    return length;
}

static size_t requirements_length(const struct ecs_container_override *over)
{
    const struct ecs_resource_requirement_list *list = &over->resource_requirements;
    size_t length = over->has.resource_requirements ? 2 : 0;

    for (size_t i = 0; i < list->n; i++)
        length += strlen("{\"value\":,\"type\":\"\"},") + text_length(list->at[i].value) +
                  shape_enum_name(&ecs_resource_type_enum, (int)list->at[i].type).len;
    return length;
}

static size_t container_length(const struct ecs_container_override *over)
{
    return strlen("{},") + member_length("name", optional_text_length(over->has.name, over->name)) +
           member_length("command", command_length(over)) +
           member_length("environment", environment_length(over)) +
           member_length("environmentFiles", files_length(over)) +
           member_length("cpu", optional_number_length(over->has.cpu, over->cpu)) +
           member_length("memory", optional_number_length(over->has.memory, over->memory)) +
           member_length("memoryReservation", optional_number_length(over->has.memory_reservation,
                                                                     over->memory_reservation)) +
           member_length("resourceRequirements", requirements_length(over));
}

static size_t overrides_length(const struct ecs_task_override *over)
{
    size_t containers = over->has.container_overrides ? 2 : 0;

    for (size_t i = 0; i < over->container_overrides.n; i++)
        containers += container_length(&over->container_overrides.at[i]);
    return strlen("{}") + member_length("containerOverrides", containers) +
           member_length("cpu", optional_text_length(over->has.cpu, over->cpu)) +
           member_length("memory", optional_text_length(over->has.memory, over->memory)) +
           member_length("taskRoleArn",
                         optional_text_length(over->has.task_role_arn, over->task_role_arn)) +
           member_length("executionRoleArn", optional_text_length(over->has.execution_role_arn,
                                                                  over->execution_role_arn));
}

// --- containers

static const struct ecs_container_definition *
container_named(const struct ecs_task_definition *definition, struct str name)
{
    for (size_t i = 0; i < definition->container_definitions.n; i++) {
        if (str_eq(definition->container_definitions.at[i].name, name))
            return &definition->container_definitions.at[i];
    }
    return NULL;
}

static int check_requirements(struct op_ctx *ctx, const struct ecs_container_override *over)
{
    for (size_t i = 0; i < over->resource_requirements.n; i++) {
        const struct ecs_resource_requirement *r = &over->resource_requirements.at[i];
        int64_t n;

        if (r->type == ECS_RESOURCE_TYPE_INFERENCEACCELERATOR)
            return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                           "Unsupported field 'inferenceAccelerators'");
        if (r->type == ECS_RESOURCE_TYPE_GPU &&
            (!str_to_i64(r->value, &n) || n < 1 || n > INT32_MAX))
            return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                           "Invalid setting for container '%.*s'. The value of a GPU resource "
                           "requirement must be a positive integer.",
                           STR_ARGS(over->name));
    }
    return OP_OK;
}

// Sizes with the override applied; 0: not set.
struct sizes {
    int32_t cpu;
    int32_t memory;
    int32_t reservation;
};

static struct sizes sizes_of(const struct ecs_container_definition *c,
                             const struct ecs_container_override *over)
{
    struct sizes sizes = {c->cpu, c->memory, c->memory_reservation};

    if (over == NULL)
        return sizes;
    if (over->has.cpu)
        sizes.cpu = over->cpu;
    if (over->has.memory)
        sizes.memory = over->memory;
    if (over->has.memory_reservation)
        sizes.reservation = over->memory_reservation;
    return sizes;
}

static int check_container_sizes(struct op_ctx *ctx, const struct ecs_container_definition *c,
                                 const struct ecs_container_override *over, int32_t task_memory)
{
    struct sizes sizes = sizes_of(c, over);

    if (sizes.cpu < 0)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "Invalid setting for container '%.*s'. 'cpu' must be at least 0.",
                       STR_ARGS(c->name));
    if (over->has.memory && sizes.memory < CONTAINER_MEMORY_MIN)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "Invalid setting for container '%.*s'. 'memory' must be at least %d.",
                       STR_ARGS(c->name), CONTAINER_MEMORY_MIN);
    if (over->has.memory_reservation && sizes.reservation < CONTAINER_MEMORY_MIN)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "Invalid setting for container '%.*s'. 'memoryReservation' must be at least "
                       "%d.",
                       STR_ARGS(c->name), CONTAINER_MEMORY_MIN);
    if (sizes.memory > 0 && sizes.memory < sizes.reservation)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "Invalid setting for container '%.*s'. 'memory' must be greater than or "
                       "equal to 'memoryReservation'.",
                       STR_ARGS(c->name));
    if (task_memory > 0 && (sizes.memory > task_memory || sizes.reservation > task_memory))
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "The 'memory' setting for container '%.*s' is greater than for the task",
                       STR_ARGS(c->name));
    return OP_OK;
}

static int check_container(struct op_ctx *ctx, const struct ecs_container_override *over,
                           const struct ecs_task_definition *definition, int32_t task_memory)
{
    const struct ecs_container_definition *c = container_named(definition, over->name);

    if (over->name.len == 0)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "Container.name should not be null or empty.");
    if (c == NULL) {
        MARK("an override of a container that the definition does not have is refused");
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "Override for container named %.*s is not a container in the "
                       "TaskDefinition.",
                       STR_ARGS(over->name));
    }
    for (size_t i = 0; i < over->environment.n; i++) {
        if (over->environment.at[i].name.len == 0)
            return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                           "Container.environment.name should not be null or empty.");
    }
    if (over->environment_files.n > ENVIRONMENT_FILES_MAX)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "The maximum number of environment files was exceeded. Specify ten or less "
                       "and try again");
    if (check_requirements(ctx, over) != OP_OK)
        return OP_FAILED;
    return check_container_sizes(ctx, c, over, task_memory);
}

// --- the task

// 0: the task has no size of its own.
struct task_sizes {
    int32_t cpu_units;
    int32_t memory_mib;
};

static int read_task_sizes(struct op_ctx *ctx, const struct ecs_task_override *over,
                           const struct ecs_task_definition *definition, struct task_sizes *out)
{
    struct task_sizes sizes = {0};

    if (!task_cpu_read(over->has.cpu ? over->cpu : definition->cpu, &sizes.cpu_units) &&
        over->has.cpu)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, TASK_CPU_INVALID);
    if (!task_memory_read(over->has.memory ? over->memory : definition->memory,
                          &sizes.memory_mib) &&
        over->has.memory)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, TASK_MEMORY_INVALID);
    *out = sizes;
    return OP_OK;
}

// As it is kept: task sizes are whole numbers there, as they are in a definition.
static const struct ecs_task_override *
kept(struct op_ctx *ctx, const struct ecs_task_override *given, const struct task_sizes *sizes)
{
    struct ecs_task_override *copy = arena_copy(ctx->arena, given, sizeof *given);

    if (given->has.cpu)
        SET(copy, cpu, str_fmt(ctx->arena, "%d", (int)sizes->cpu_units));
    if (given->has.memory)
        SET(copy, memory, str_fmt(ctx->arena, "%d", (int)sizes->memory_mib));
    return copy;
}

static int check_sum_of_cpu(struct op_ctx *ctx, const struct ecs_task_override *over,
                            const struct ecs_task_definition *definition, int32_t task_cpu)
{
    int64_t sum = 0;

    for (size_t i = 0; i < definition->container_definitions.n; i++) {
        const struct ecs_container_definition *c = &definition->container_definitions.at[i];
        sum += sizes_of(c, override_of(over, c->name)).cpu;
    }
    if (task_cpu > 0 && sum > task_cpu)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "The sum of all container 'cpu' values cannot be greater than the "
                       "task-level 'cpu' value");
    return OP_OK;
}

static int check_storage(struct op_ctx *ctx, const struct ecs_task_override *over,
                         enum ecs_launch_type launch_type)
{
    if (over->inference_accelerator_overrides.n > 0)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "Unsupported field 'inferenceAccelerators'");
    if (!over->has.ephemeral_storage)
        return OP_OK;
    if (launch_type != ECS_LAUNCH_TYPE_FARGATE)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "Tasks using the %s launch type do not support EphemeralStorage",
                       launch_type == ECS_LAUNCH_TYPE_EXTERNAL ? "External" : "EC2");
    if (over->ephemeral_storage->size_in_gib < EPHEMERAL_STORAGE_MIN)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "EphemeralStorage size should be at least %d", EPHEMERAL_STORAGE_MIN);
    if (over->ephemeral_storage->size_in_gib > EPHEMERAL_STORAGE_MAX)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "EphemeralStorage size should be at most %d", EPHEMERAL_STORAGE_MAX);
    return OP_OK;
}

int op_read_overrides(struct op_ctx *ctx, const struct ecs_task_override *given,
                      const struct ecs_task_definition *definition,
                      enum ecs_launch_type launch_type, const struct ecs_task_override **out)
{
    struct task_sizes sizes;

    *out = NULL;
    if (given == NULL || given->mask == 0)
        return OP_OK;
    if (overrides_length(given) > OVERRIDES_LENGTH_MAX) {
        MARK("overrides have a length in all");
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "Container Overrides length must be at most %d", OVERRIDES_LENGTH_MAX);
    }
    if (read_task_sizes(ctx, given, definition, &sizes) != OP_OK)
        return OP_FAILED;
    for (size_t i = 0; i < given->container_overrides.n; i++) {
        if (check_container(ctx, &given->container_overrides.at[i], definition, sizes.memory_mib) !=
            OP_OK)
            return OP_FAILED;
    }
    if (check_sum_of_cpu(ctx, given, definition, sizes.cpu_units) != OP_OK)
        return OP_FAILED;
    if (check_storage(ctx, given, launch_type) != OP_OK)
        return OP_FAILED;
    *out = kept(ctx, given, &sizes);
    return OP_OK;
}
