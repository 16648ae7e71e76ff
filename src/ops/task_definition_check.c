// The order in which a task definition is judged, the checks of the task itself, and the few words
// that the files of checks share. Names of single rules are in those files.

#include "ops/task_definition_check.h"

#include "base/arena.h"
#include "core/query.h"
#include "model/arn.h"
#include "ops/task_size.h"

enum {
    DEFINITION_BYTES_MAX = 64 * 1024,
    CONSTRAINTS_MAX = 10,
    EXPRESSION_LENGTH_MAX = 2000,
    EPHEMERAL_GIB_MIN = 21,
    EPHEMERAL_GIB_MAX = 200,
};

bool check_refuse(struct definition_check *check, const char *fmt, ...)
{
    va_list ap;
    size_t len;
    const char *text;

    va_start(ap, fmt);
    text = arena_vprintf(check->ctx->arena, &len, fmt, ap);
    va_end(ap);
    check->objection = str_span(text, len);
    return false;
}

bool check_refuse_setting(struct definition_check *check, const struct ecs_container_definition *c,
                          const char *rest)
{
    return check_refuse(check, "Invalid setting for container '%.*s'. %s", STR_ARGS(c->name), rest);
}

bool check_each_container(struct definition_check *check, container_check *one)
{
    for (size_t i = 0; i < check->in->container_definitions.n; i++) {
        if (!one(check, &check->in->container_definitions.at[i]))
            return false;
    }
    return true;
}

const struct ecs_container_definition *check_container_named(const struct definition_check *check,
                                                             struct str name)
{
    for (size_t i = 0; i < check->in->container_definitions.n; i++) {
        if (str_eq(check->in->container_definitions.at[i].name, name))
            return &check->in->container_definitions.at[i];
    }
    return NULL;
}

bool check_is_essential(const struct ecs_container_definition *c)
{
    return !c->has.essential || c->essential;
}

bool check_is_name(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && c != '_' && c != '-')
            return false;
    }
    return text.len > 0;
}

bool check_is_in(struct str text, const char *const *names)
{
    for (; *names != NULL; names++) {
        if (str_eq(text, str_of(*names)))
            return true;
    }
    return false;
}

static bool check_family(struct definition_check *check)
{
    struct str family = check->in->family;

    if (family.len == 0)
        return check_refuse(check, "Family should not be null or empty.");
    if (!check_is_name(family))
        return check_refuse(check, "Family contains invalid characters.");
    if (family.len > NAME_LENGTH_MAX)
        return check_refuse(check, "Family can not be longer than %d characters.", NAME_LENGTH_MAX);
    return true;
}

// The service's own sentence for a document that is too long, whatever makes it so.
static bool check_length(struct definition_check *check)
{
    if (check->ctx->request_bytes <= DEFINITION_BYTES_MAX)
        return true;
    return check_refuse(check, "Actual length: '%zu'. Max allowed length is '%d' bytes.",
                        check->ctx->request_bytes, DEFINITION_BYTES_MAX);
}

static bool read_sizes(struct definition_check *check)
{
    if (check->in->has.cpu && !task_cpu_read(check->in->cpu, &check->cpu_units))
        return check_refuse(check, TASK_CPU_INVALID);
    if (check->in->has.memory && !task_memory_read(check->in->memory, &check->memory_mib))
        return check_refuse(check, TASK_MEMORY_INVALID);
    return true;
}

// A role's name or its ARN; whether it exists is not asked.
static bool is_role(struct str text)
{
    struct arn arn;
    struct str name = text;

    if (arn_looks_like_one(text)) {
        if (!arn_parse(text, &arn) || !str_eq(arn.service, STR("iam")) ||
            !str_eq(arn.kind, STR("role")))
            return false;
        name = arn.tail;
    }
    for (size_t i = 0; i < name.len; i++) {
        if (!check_is_name(str_span(name.ptr + i, 1)) && !str_has_char(STR("+=,.@/"), name.ptr[i]))
            return false;
    }
    return true;
}

// An empty one is none: that is what Ansible's module sends for a definition without a role.
static bool check_roles(struct definition_check *check)
{
    if (check->in->task_role_arn.len > 0 && !is_role(check->in->task_role_arn))
        return check_refuse(check, "Role is not valid");
    if (check->in->execution_role_arn.len > 0 && !is_role(check->in->execution_role_arn))
        return check_refuse(check, "Role is not valid");
    return true;
}

static bool check_expression(struct definition_check *check, struct str expression)
{
    struct query *query;
    size_t at;

    if (expression.len == 0)
        return check_refuse(check,
                            "Expression of a placement constraint should not be null or empty.");
    if (str_utf8_count(expression) > EXPRESSION_LENGTH_MAX)
        return check_refuse(check,
                            "Expression of a placement constraint can not be longer than %d "
                            "characters.",
                            EXPRESSION_LENGTH_MAX);
    query = query_parse(check->ctx->arena, expression, &at);
    if (query == NULL)
        return check_refuse(check, "Invalid expression in placement constraint: '%.*s'.",
                            STR_ARGS(expression));
    query_free(query);
    return true;
}

static bool check_constraints(struct definition_check *check)
{
    const struct ecs_task_definition_placement_constraint_list *list =
        &check->in->placement_constraints;

    if (list->n > CONSTRAINTS_MAX)
        return check_refuse(check, "Too many placement constraints. The maximum is %d.",
                            CONSTRAINTS_MAX);
    for (size_t i = 0; i < list->n; i++) {
        if (list->at[i].type != ECS_TASK_DEFINITION_PLACEMENT_CONSTRAINT_TYPE_MEMBEROF)
            return check_refuse(check, "Placement constraint type should be one of [memberOf]");
        if (!check_expression(check, list->at[i].expression))
            return false;
    }
    return true;
}

static bool check_ephemeral_storage(struct definition_check *check)
{
    if (!check->in->has.ephemeral_storage)
        return true;
    if (check->in->ephemeral_storage->size_in_gib < EPHEMERAL_GIB_MIN)
        return check_refuse(check, "EphemeralStorage size should be at least %d",
                            EPHEMERAL_GIB_MIN);
    if (check->in->ephemeral_storage->size_in_gib > EPHEMERAL_GIB_MAX)
        return check_refuse(check, "EphemeralStorage size should be at most %d", EPHEMERAL_GIB_MAX);
    return true;
}

static bool check_accelerators(struct definition_check *check)
{
    if (check->in->inference_accelerators.n > 0)
        return check_refuse(check, "Unsupported field 'inferenceAccelerators'");
    return true;
}

static bool check_requirement(struct definition_check *check, enum ecs_compatibility wanted)
{
    switch (wanted) {
    case ECS_COMPATIBILITY_EC2: return check_ec2(check);
    case ECS_COMPATIBILITY_FARGATE: return check_fargate(check);
    case ECS_COMPATIBILITY_EXTERNAL: return check_external(check);
    case ECS_COMPATIBILITY_MANAGED_INSTANCES: return check_managed_instances(check);
    case ECS_COMPATIBILITY_UNSET: break;
    }
    return check_refuse(check, "requiresCompatibilities should be one of "
                               "[EC2,FARGATE,EXTERNAL,MANAGED_INSTANCES]");
}

static bool check_requirements(struct definition_check *check)
{
    for (size_t i = 0; i < check->in->requires_compatibilities.n; i++) {
        if (!check_requirement(check, check->in->requires_compatibilities.at[i]))
            return false;
    }
    return true;
}

static bool requires(const struct definition_check *check, enum ecs_compatibility what)
{
    for (size_t i = 0; i < check->in->requires_compatibilities.n; i++) {
        if (check->in->requires_compatibilities.at[i] == what)
            return true;
    }
    return false;
}

// Managed instances take other network modes too, but are only shown unasked for task networking.
static bool suits_managed_instances(struct definition_check *check)
{
    return (check->mode == ECS_NETWORK_MODE_AWSVPC ||
            requires(check, ECS_COMPATIBILITY_MANAGED_INSTANCES)) &&
           check_managed_instances(check);
}

struct ecs_compatibility_list definition_compatibilities(struct definition_check *check)
{
    struct ecs_compatibility_list list = {0};
    bool fargate = check_fargate(check);
    bool managed = suits_managed_instances(check);

    list.at = arena_array(check->ctx->arena, enum ecs_compatibility, ECS_COMPATIBILITY_N + 1);
    if (check_external(check))
        list.at[list.n++] = ECS_COMPATIBILITY_EXTERNAL;
    if (check_ec2(check))
        list.at[list.n++] = ECS_COMPATIBILITY_EC2;
    if (fargate && check->in->has.runtime_platform)
        list.at[list.n++] = ECS_COMPATIBILITY_FARGATE;
    if (managed)
        list.at[list.n++] = ECS_COMPATIBILITY_MANAGED_INSTANCES;
    if (fargate && !check->in->has.runtime_platform)
        list.at[list.n++] = ECS_COMPATIBILITY_FARGATE;
    return list;
}

// What no launch type can run is refused in the words of the one that is asked for by default.
static bool check_runs_somewhere(struct definition_check *check)
{
    return definition_compatibilities(check).n > 0 || check_ec2(check);
}

static bool is_windows(const struct ecs_runtime_platform *platform)
{
    return platform != NULL && platform->operating_system_family != ECS_OS_FAMILY_UNSET &&
           platform->operating_system_family != ECS_OS_FAMILY_LINUX;
}

bool definition_check(struct op_ctx *ctx, const struct ecs_register_task_definition_request *in,
                      struct definition_check *check)
{
    *check = (struct definition_check){
        .ctx = ctx,
        .in = in,
        .mode =
            in->network_mode != ECS_NETWORK_MODE_UNSET ? in->network_mode : ECS_NETWORK_MODE_BRIDGE,
        .windows = is_windows(in->runtime_platform),
    };
    return check_family(check) && check_length(check) && check_containers(check) &&
           check_references(check) && check_accelerators(check) && read_sizes(check) &&
           check_resources(check) && check_network(check) && check_ports(check) &&
           check_lifetime(check) && check_environment(check) && check_logging(check) &&
           check_linux(check) && check_volumes(check) && check_windows(check) &&
           check_roles(check) && check_constraints(check) && check_ephemeral_storage(check) &&
           check_requirements(check) && check_runs_somewhere(check) &&
           check_volumes_are_available(check);
}
