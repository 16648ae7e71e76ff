// What EC2, EXTERNAL and MANAGED_INSTANCES cannot run; FARGATE has a file of its own.
// Source: ecs-behaviour-api 8.1, 8.4, 8.9, 8.10.

#include "ops/task_definition_check.h"

// Accelerators that only managed instances hand out as a whole: "ALL".
static bool wants_all_accelerators(const struct definition_check *check)
{
    for (size_t i = 0; i < check->in->container_definitions.n; i++) {
        const struct ecs_resource_requirement_list *list =
            &check->in->container_definitions.at[i].resource_requirements;
        for (size_t k = 0; k < list->n; k++) {
            if (str_eq(list->at[k].value, STR("ALL")))
                return true;
        }
    }
    return false;
}

static bool uses_launch_volume(const struct definition_check *check)
{
    for (size_t i = 0; i < check->in->volumes.n; i++) {
        if (check->in->volumes.at[i].configured_at_launch)
            return true;
    }
    return false;
}

static bool refuse_on(struct definition_check *check, const char *launch_type, const char *what)
{
    return check_refuse(check, "Tasks using the %s launch type do not support %s", launch_type,
                        what);
}

bool check_ec2(struct definition_check *check)
{
    if (check->in->has.ephemeral_storage)
        return refuse_on(check, "EC2", "EphemeralStorage");
    if (wants_all_accelerators(check))
        return refuse_on(check, "EC2", "resource requirements with the value ALL");
    return true;
}

bool check_external(struct definition_check *check)
{
    if (check->mode == ECS_NETWORK_MODE_AWSVPC)
        return refuse_on(check, "External", "networkMode 'awsvpc'");
    if (check->in->has.ephemeral_storage)
        return refuse_on(check, "External", "EphemeralStorage");
    if (uses_launch_volume(check))
        return refuse_on(check, "External", "volumes configured at launch");
    if (wants_all_accelerators(check))
        return refuse_on(check, "External", "resource requirements with the value ALL");
    return true;
}

bool check_managed_instances(struct definition_check *check)
{
    if (check->mode == ECS_NETWORK_MODE_BRIDGE)
        return refuse_on(check, "Managed Instances", "networkMode 'bridge'");
    if (check->windows)
        return refuse_on(check, "Managed Instances", "Windows");
    if (check->cpu_units == 0)
        return check_refuse(check,
                            "Managed Instances requires that 'cpu' be defined at the task level.");
    if (check->memory_mib == 0)
        return check_refuse(
            check, "Managed Instances requires that 'memory' be defined at the task level.");
    return true;
}
