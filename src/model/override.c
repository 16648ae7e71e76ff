// See override.h. Everyone who applies overrides asks here, so that what is checked, reserved, sent
// to the agent and shown is the same override.

#include "model/override.h"

const struct ecs_container_override *override_of(const struct ecs_task_override *overrides,
                                                 struct str container)
{
    if (overrides == NULL)
        return NULL;
    for (size_t i = 0; i < overrides->container_overrides.n; i++) {
        if (str_eq(overrides->container_overrides.at[i].name, container))
            return &overrides->container_overrides.at[i];
    }
    return NULL;
}

// A number that was registered is a positive one; "ALL" takes no particular device.
int32_t override_gpus(const struct ecs_container_definition *container,
                      const struct ecs_container_override *over)
{
    const struct ecs_resource_requirement_list *list =
        over != NULL && over->has.resource_requirements ? &over->resource_requirements
                                                        : &container->resource_requirements;
    int64_t sum = 0;

    for (size_t i = 0; i < list->n; i++) {
        int64_t n;

        if (list->at[i].type == ECS_RESOURCE_TYPE_GPU && str_to_i64(list->at[i].value, &n) && n > 0)
            sum = n > INT32_MAX - sum ? INT32_MAX : sum + n;
    }
    return (int32_t)sum;
}
