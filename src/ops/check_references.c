// Containers name each other (links, volumesFrom, dependsOn) and the task's volumes (mountPoints).
// Everything named must be there, and the order in which containers start must exist.
// Source: ecs-behaviour-api 8.3.

#include "base/assert.h"
#include "ops/task_definition_check.h"

// Room for CONTAINERS_MAX of check_containers.c in the bits of a mask.
enum { NODES_MAX = 16 };

static bool check_links(struct definition_check *check, const struct ecs_container_definition *c)
{
    for (size_t i = 0; i < c->links.n; i++) {
        struct str name;
        struct str alias;
        bool aliased = str_cut(c->links.at[i], ':', &name, &alias);

        if (check_container_named(check, name) == NULL)
            return check_refuse(check, "Container %.*s referenced in links does not exist",
                                STR_ARGS(name));
        if (str_eq(name, c->name))
            return check_refuse(check, "Container %.*s can not be linked to itself",
                                STR_ARGS(name));
        if (aliased && !check_is_name(alias))
            return check_refuse(check, "Invalid 'links' setting for container '%.*s'.",
                                STR_ARGS(c->name));
    }
    return true;
}

static bool check_volumes_from(struct definition_check *check,
                               const struct ecs_container_definition *c)
{
    for (size_t i = 0; i < c->volumes_from.n; i++) {
        struct str source = c->volumes_from.at[i].source_container;
        if (check_container_named(check, source) == NULL)
            return check_refuse(check, "Invalid 'volumesFrom' setting. Unknown container: '%.*s'",
                                STR_ARGS(source));
    }
    return true;
}

static bool has_volume(const struct definition_check *check, struct str name)
{
    for (size_t i = 0; i < check->in->volumes.n; i++) {
        if (str_eq(check->in->volumes.at[i].name, name))
            return true;
    }
    return false;
}

static bool check_mount_points(struct definition_check *check,
                               const struct ecs_container_definition *c)
{
    for (size_t i = 0; i < c->mount_points.n; i++) {
        const struct ecs_mount_point *mount = &c->mount_points.at[i];

        if (!has_volume(check, mount->source_volume))
            return check_refuse(check, "Unknown volume '%.*s'.", STR_ARGS(mount->source_volume));
        if (mount->container_path.len == 0)
            return check_refuse_setting(check, c,
                                        "'containerPath' of a mount point must be specified.");
        for (size_t k = 0; k < i; k++) {
            if (str_eq(c->mount_points.at[k].container_path, mount->container_path))
                return check_refuse(
                    check, "Duplicate mount point '%.*s' in the settings of container '%.*s'.",
                    STR_ARGS(mount->container_path), STR_ARGS(c->name));
        }
    }
    return true;
}

static bool check_dependency(struct definition_check *check,
                             const struct ecs_container_dependency *dependency)
{
    const struct ecs_container_definition *other =
        check_container_named(check, dependency->container_name);

    if (other == NULL)
        return check_refuse(check, "Cannot depend on container + '%.*s' because it does not exist",
                            STR_ARGS(dependency->container_name));
    switch (dependency->condition) {
    case ECS_CONTAINER_CONDITION_SUCCESS:
    case ECS_CONTAINER_CONDITION_COMPLETE:
        return !check_is_essential(other) ||
               check_refuse(check,
                            "A dependency container with SUCCESS or COMPLETE condition cannot be "
                            "an essential container");
    case ECS_CONTAINER_CONDITION_HEALTHY:
        return other->has.health_check ||
               check_refuse(check,
                            "A dependency container with HEALTHY condition must have health check "
                            "configured");
    case ECS_CONTAINER_CONDITION_START: return true;
    case ECS_CONTAINER_CONDITION_UNSET: break;
    }
    return check_refuse(check, "Container dependency condition should be one of "
                               "[START,COMPLETE,SUCCESS,HEALTHY]");
}

static bool check_depends_on(struct definition_check *check,
                             const struct ecs_container_definition *c)
{
    for (size_t i = 0; i < c->depends_on.n; i++) {
        if (!check_dependency(check, &c->depends_on.at[i]))
            return false;
    }
    return true;
}

static uint32_t node_of(const struct definition_check *check, struct str name)
{
    const struct ecs_container_definition *c = check_container_named(check, name);

    ASSERT(c != NULL);
    return UINT32_C(1) << (c - check->in->container_definitions.at);
}

// The containers that must have started before this one.
static uint32_t needed_by(const struct definition_check *check,
                          const struct ecs_container_definition *c)
{
    uint32_t needed = 0;
    struct str name;
    struct str alias;

    for (size_t i = 0; i < c->depends_on.n; i++)
        needed |= node_of(check, c->depends_on.at[i].container_name);
    for (size_t i = 0; i < c->volumes_from.n; i++)
        needed |= node_of(check, c->volumes_from.at[i].source_container);
    for (size_t i = 0; i < c->links.n; i++) {
        str_cut(c->links.at[i], ':', &name, &alias);
        needed |= node_of(check, name);
    }
    return needed;
}

// Starts what can start, as long as something can; who is left then waits for itself.
static bool check_order(struct definition_check *check)
{
    size_t n = check->in->container_definitions.n;
    uint32_t needed[NODES_MAX];
    uint32_t started = 0;
    uint32_t before;

    ASSERT(n <= NODES_MAX);
    for (size_t i = 0; i < n; i++)
        needed[i] = needed_by(check, &check->in->container_definitions.at[i]);
    do {
        before = started;
        for (size_t i = 0; i < n; i++) {
            if ((needed[i] & ~started) == 0)
                started |= UINT32_C(1) << i;
        }
    } while (started != before);
    if (started != (UINT32_C(1) << n) - 1)
        return check_refuse(check, "Container dependsOn contains a cycle");
    return true;
}

static bool check_container(struct definition_check *check,
                            const struct ecs_container_definition *c)
{
    return check_links(check, c) && check_volumes_from(check, c) && check_mount_points(check, c) &&
           check_depends_on(check, c);
}

bool check_references(struct definition_check *check)
{
    return check_each_container(check, check_container) && check_order(check);
}
