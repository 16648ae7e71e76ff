// What containers ask for: CPU, memory, accelerators. Sums are taken in 64 bits, for the numbers
// are the caller's. Source: ecs-behaviour-api 8.4.

#include "ops/task_definition_check.h"

enum { CONTAINER_MEMORY_MIN = 4 }; // MiB

static bool check_cpu(struct definition_check *check, const struct ecs_container_definition *c)
{
    if (c->cpu < 0)
        return check_refuse_setting(check, c, "'cpu' must be at least 0.");
    return true;
}

// Zero counts as not given: that is how some clients write "no limit".
static bool check_memory(struct definition_check *check, const struct ecs_container_definition *c)
{
    if (c->memory == 0 && c->memory_reservation == 0 && check->memory_mib == 0)
        return check_refuse_setting(check, c,
                                    "At least one of 'memory' or 'memoryReservation' must be "
                                    "specified.");
    if (c->memory != 0 && c->memory < CONTAINER_MEMORY_MIN)
        return check_refuse_setting(check, c, "'memory' must be at least 4.");
    if (c->memory_reservation != 0 && c->memory_reservation < CONTAINER_MEMORY_MIN)
        return check_refuse_setting(check, c, "'memoryReservation' must be at least 4.");
    if (c->memory != 0 && c->memory < c->memory_reservation)
        return check_refuse_setting(
            check, c, "'memory' must be greater than or equal to 'memoryReservation'.");
    if (check->memory_mib != 0 && c->memory > check->memory_mib)
        return check_refuse(
            check, "The 'memory' setting for container '%.*s' is greater than for the task",
            STR_ARGS(c->name));
    return true;
}

static bool is_positive_number(struct str text)
{
    int64_t value;

    return str_to_i64(text, &value) && value > 0 && value <= INT32_MAX;
}

static bool check_requirement(struct definition_check *check,
                              const struct ecs_container_definition *c,
                              const struct ecs_resource_requirement *r)
{
    bool all = str_eq(r->value, STR("ALL"));

    switch (r->type) {
    case ECS_RESOURCE_TYPE_GPU:
        return all || is_positive_number(r->value) ||
               check_refuse_setting(
                   check, c,
                   "The value of a GPU resource requirement must be a positive integer "
                   "or ALL.");
    case ECS_RESOURCE_TYPE_NEURONDEVICE:
        return all ||
               check_refuse_setting(check, c,
                                    "The value of a NeuronDevice resource requirement must be "
                                    "ALL.");
    case ECS_RESOURCE_TYPE_INFERENCEACCELERATOR:
        return check_refuse(check, "Unsupported field 'inferenceAccelerators'");
    case ECS_RESOURCE_TYPE_UNSET: break;
    }
    return check_refuse(check, "Resource requirement type should be one of [GPU,NeuronDevice]");
}

static bool check_requirements(struct definition_check *check,
                               const struct ecs_container_definition *c)
{
    for (size_t i = 0; i < c->resource_requirements.n; i++) {
        if (!check_requirement(check, c, &c->resource_requirements.at[i]))
            return false;
        for (size_t k = 0; k < i; k++) {
            if (c->resource_requirements.at[k].type == c->resource_requirements.at[i].type)
                return check_refuse_setting(
                    check, c, "A resource requirement type can be specified only once.");
        }
    }
    return true;
}

static bool wants_neuron(const struct ecs_container_definition *c)
{
    for (size_t i = 0; i < c->resource_requirements.n; i++) {
        if (c->resource_requirements.at[i].type == ECS_RESOURCE_TYPE_NEURONDEVICE)
            return true;
    }
    return false;
}

static bool check_container(struct definition_check *check,
                            const struct ecs_container_definition *c)
{
    return check_cpu(check, c) && check_memory(check, c) && check_requirements(check, c);
}

static bool check_sums(struct definition_check *check)
{
    int64_t cpu = 0;
    int64_t reserved = 0;
    int neurons = 0;

    for (size_t i = 0; i < check->in->container_definitions.n; i++) {
        const struct ecs_container_definition *c = &check->in->container_definitions.at[i];
        cpu += c->cpu;
        reserved += c->memory_reservation;
        neurons += wants_neuron(c);
    }
    if (check->cpu_units != 0 && cpu > check->cpu_units)
        return check_refuse(check,
                            "The sum of all container 'cpu' values cannot be greater than the "
                            "task-level 'cpu' value");
    if (check->memory_mib != 0 && reserved > check->memory_mib)
        return check_refuse(check, "The sum of all container 'memoryReservation' values cannot be "
                                   "greater than the task-level 'memory' value");
    if (neurons > 1)
        return check_refuse(check,
                            "Only one container of a task can require NeuronDevice resources");
    return true;
}

bool check_resources(struct definition_check *check)
{
    return check_each_container(check, check_container) && check_sums(check);
}
