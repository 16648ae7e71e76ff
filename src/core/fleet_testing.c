// See fleet_testing.h.

#include "core/fleet_testing.h"

#include "base/assert.h"
#include "model/instance.h"
#include "model/task.h"
#include "model/task_definition.h"

static struct ecs_attribute_list attributes_of(struct arena *arena, const char *text)
{
    struct ecs_attribute_list list = {.at = arena_array(arena, struct ecs_attribute, 8)};
    struct str rest = str_of(text);

    while (rest.len > 0) {
        struct str pair;
        struct str name;
        struct str value;
        str_cut(rest, ' ', &pair, &rest);
        if (str_cut(pair, '=', &name, &value))
            SET(&list.at[list.n], value, value);
        SET(&list.at[list.n], name, name);
        list.n++;
    }
    return list;
}

static void add_family(struct fleet *fleet)
{
    struct rec_family family = {0};

    SET(&family, region, STR("us-east-1"));
    SET(&family, name, STR("web"));
    SET(&family, last_revision, INT32_MAX);
    state_put(&fleet->state, REC_KIND_FAMILY, state_new_id(&fleet->state, REC_KIND_FAMILY),
              &family);
}

void fleet_init(struct fleet *fleet)
{
    struct rec_cluster cluster = {0};

    *fleet = (struct fleet){0};
    state_init(&fleet->state, &state_config_default);
    rng_init(&fleet->rng, 1);
    step_init(&fleet->step, &fleet->state, INT64_C(1767225600000), &fleet->rng, &fleet->arena);
    SET(&cluster, region, STR("us-east-1"));
    SET(&cluster, name, STR("demo"));
    SET(&cluster, status, REC_CLUSTER_STATUS_ACTIVE);
    state_put(&fleet->state, REC_KIND_CLUSTER, state_new_id(&fleet->state, REC_KIND_CLUSTER),
              &cluster);
    add_family(fleet);
    fleet_add_definition(fleet, 0, 0, "");
}

void fleet_deinit(struct fleet *fleet)
{
    state_check(&fleet->state);
    state_deinit(&fleet->state);
    arena_deinit(&fleet->arena);
}

static struct ecs_resource number(const char *name, int value)
{
    struct ecs_resource resource = {0};

    SET(&resource, name, str_of(name));
    SET(&resource, type, STR("INTEGER"));
    SET(&resource, integer_value, value);
    return resource;
}

struct instance *fleet_add_instance(struct fleet *fleet, const char *uid, int cpu, int memory,
                                    const char *attributes)
{
    uint64_t id = state_new_id(&fleet->state, REC_KIND_INSTANCE);
    struct rec_instance rec = {0};
    struct rec_instance_state st = {0};
    struct ecs_resource resources[] = {number("CPU", cpu), number("MEMORY", memory)};

    SET(&rec, cluster_id, 1);
    SET(&rec, uid, str_of(uid));
    SET(&rec, attributes, attributes_of(&fleet->arena, attributes));
    SET(&rec, resources, (struct ecs_resource_list){.n = 2, .at = resources});
    SET(&st, status, REC_INSTANCE_STATUS_ACTIVE);
    state_put(&fleet->state, REC_KIND_INSTANCE, id, &rec);
    state_put(&fleet->state, REC_KIND_INSTANCE_STATE, id, &st);
    instance_set_session(&fleet->state, instance_get(&fleet->state, id), id);
    return instance_get(&fleet->state, id);
}

struct instance *fleet_instance(const struct fleet *fleet, const char *uid)
{
    struct instance *instance = instance_find_uid(&fleet->state, str_of(uid));

    ASSERT(instance != NULL);
    return instance;
}

struct task *fleet_add_task_of(struct fleet *fleet, const struct task_definition *definition,
                               const char *uid, const char *group)
{
    uint64_t id = state_new_id(&fleet->state, REC_KIND_TASK);
    struct rec_task rec = {0};

    SET(&rec, cluster_id, 1);
    SET(&rec, uid, str_fmt(&fleet->arena, "task%d", (int)id));
    SET(&rec, definition_id, (int64_t)definition->entity.id);
    SET(&rec, instance_id, (int64_t)fleet_instance(fleet, uid)->entity.id);
    SET(&rec, last_status, REC_TASK_STATUS_RUNNING);
    SET(&rec, desired_status, REC_TASK_STATUS_RUNNING);
    SET(&rec, group, str_of(group));
    SET(&rec, launch_type, ECS_LAUNCH_TYPE_EC2);
    state_put(&fleet->state, REC_KIND_TASK, id, &rec);
    return task_get(&fleet->state, id);
}

struct task *fleet_add_task(struct fleet *fleet, const char *uid, const char *group)
{
    return fleet_add_task_of(fleet, task_definition_get(&fleet->state, 1), uid, group);
}

struct task_definition *fleet_add_definition(struct fleet *fleet, int cpu, int memory,
                                             const char *attributes)
{
    uint64_t id = state_new_id(&fleet->state, REC_KIND_TASK_DEFINITION);
    struct rec_task_definition rec = {0};
    struct ecs_task_definition spec = {0};
    struct ecs_container_definition container = {0};

    SET(&container, name, STR("main"));
    SET(&container, cpu, cpu);
    SET(&container, memory, memory);
    SET(&spec, container_definitions,
        (struct ecs_container_definition_list){.n = 1, .at = &container});
    SET(&spec, requires_attributes, attributes_of(&fleet->arena, attributes));
    SET(&rec, family_id, 1);
    SET(&rec, revision, (int32_t)id);
    SET(&rec, status, ECS_TASK_DEFINITION_STATUS_ACTIVE);
    SET(&rec, definition, &spec);
    state_put(&fleet->state, REC_KIND_TASK_DEFINITION, id, &rec);
    return task_definition_get(&fleet->state, id);
}
