// What DescribeTasks shows of a task: its record, the definition behind it, its place.
// Source: ecs-behaviour-api 7.4.

#include "base/arena.h"
#include "model/cluster.h"
#include "model/instance.h"
#include "model/override.h"
#include "model/task.h"
#include "model/task_definition.h"

// Every container is listed, whether or not something was overridden.
static void view_overrides(const struct rec_task *rec, const struct ecs_task_definition *definition,
                           struct arena *arena, struct ecs_task *out)
{
    struct ecs_task_override *view = arena_new(arena, struct ecs_task_override);
    size_t n = definition->container_definitions.n;

    if (rec->overrides != NULL)
        *view = *rec->overrides;
    view->has.container_overrides = view->has.inference_accelerator_overrides = true;
    view->container_overrides.n = n;
    view->container_overrides.at = arena_array(arena, struct ecs_container_override, n);
    for (size_t i = 0; i < n; i++) {
        struct str name = definition->container_definitions.at[i].name;
        const struct ecs_container_override *given = override_of(rec->overrides, name);

        if (given != NULL)
            view->container_overrides.at[i] = *given;
        SET(&view->container_overrides.at[i], name, name);
    }
    SET(out, overrides, view);
}

static void view_sizes(const struct ecs_container_definition *c,
                       const struct ecs_container_override *over, struct arena *arena,
                       struct ecs_container *out)
{
    bool has_memory = c->has.memory || (over != NULL && over->has.memory);
    bool has_soft = c->has.memory_reservation || (over != NULL && over->has.memory_reservation);

    SET(out, cpu, str_i64(arena, over != NULL && over->has.cpu ? over->cpu : c->cpu));
    if (has_memory)
        SET(out, memory,
            str_i64(arena, over != NULL && over->has.memory ? over->memory : c->memory));
    if (has_soft)
        SET(out, memory_reservation,
            str_i64(arena, over != NULL && over->has.memory_reservation ? over->memory_reservation
                                                                        : c->memory_reservation));
}

// The address of the task's interface; empty: it has none (yet).
static struct str rec_interface_address(const struct rec_task *rec)
{
    const struct ecs_attachment *one = rec->attachments.n > 0 ? &rec->attachments.at[0] : NULL;

    for (size_t i = 0; one != NULL && i < one->details.n; i++) {
        if (str_eq(one->details.at[i].name, STR("privateIPv4Address")))
            return one->details.at[i].value;
    }
    return STR_NONE;
}

static struct ecs_network_interface_list view_interface(const struct rec_task *rec,
                                                        struct arena *arena)
{
    struct ecs_network_interface *one = arena_new(arena, struct ecs_network_interface);

    SET(one, attachment_id, rec->attachments.at[0].id);
    SET(one, private_ipv4_address, rec_interface_address(rec));
    return (struct ecs_network_interface_list){.n = 1, .at = one};
}

static void view_container(const struct task_picture *picture, size_t index, struct str arn,
                           struct arena *arena, struct ecs_container *out)
{
    const struct rec_task_container *rec = &picture->rec->containers.at[index];
    const struct ecs_container_definition *c =
        &picture->definition->definition->container_definitions.at[index];

    SET(out, container_arn,
        arn_make3(arena, &picture->scope, "container", picture->cluster, picture->rec->uid,
                  rec->uid));
    SET(out, task_arn, arn);
    SET(out, name, c->name);
    SET(out, image, c->image);
    SET(out, last_status, shape_enum_name(&rec_task_status_enum, (int)rec->last_status));
    out->has.network_interfaces = true;
    if (rec_interface_address(picture->rec).len > 0)
        out->network_interfaces = view_interface(picture->rec, arena);
    view_sizes(c, override_of(picture->rec->overrides, c->name), arena, out);
    if (rec->has.image_digest)
        SET(out, image_digest, rec->image_digest);
    if (rec->has.runtime_id)
        SET(out, runtime_id, rec->runtime_id);
    if (rec->has.exit_code)
        SET(out, exit_code, rec->exit_code);
    if (rec->has.reason)
        SET(out, reason, rec->reason);
    if (rec->has.network_bindings)
        SET(out, network_bindings, rec->network_bindings);
    if (rec->has.gpu_ids)
        SET(out, gpu_ids, rec->gpu_ids);
    if (rec->has.managed_agents)
        SET(out, managed_agents, rec->managed_agents);
    SET(out, health_status,
        rec->has.health_status ? rec->health_status : ECS_HEALTH_STATUS_UNKNOWN);
}

// Over essential containers: any UNHEALTHY, else any UNKNOWN, else HEALTHY.
static enum ecs_health_status health_of(const struct rec_task *rec,
                                        const struct ecs_task_definition *definition)
{
    enum ecs_health_status worst = ECS_HEALTH_STATUS_HEALTHY;

    for (size_t i = 0; i < rec->containers.n; i++) {
        const struct rec_task_container *c = &rec->containers.at[i];
        enum ecs_health_status status =
            c->has.health_status ? c->health_status : ECS_HEALTH_STATUS_UNKNOWN;

        if (!definition->container_definitions.at[i].essential)
            continue;
        if (status == ECS_HEALTH_STATUS_UNHEALTHY)
            return status;
        if (status != ECS_HEALTH_STATUS_HEALTHY)
            worst = ECS_HEALTH_STATUS_UNKNOWN;
    }
    return worst;
}

enum ecs_health_status task_health_status(const struct state *state, const struct task *task)
{
    return health_of(task->rec, task_definition_get(state, task->definition_id)->rec->definition);
}

static void view_times(const struct rec_task *rec, struct ecs_task *out)
{
    SET(out, created_at, rec->created_at);
    if (rec->has.pull_started_at)
        SET(out, pull_started_at, rec->pull_started_at);
    if (rec->has.pull_stopped_at)
        SET(out, pull_stopped_at, rec->pull_stopped_at);
    if (rec->has.started_at)
        SET(out, started_at, rec->started_at);
    if (rec->has.stopping_at)
        SET(out, stopping_at, rec->stopping_at);
    if (rec->has.execution_stopped_at)
        SET(out, execution_stopped_at, rec->execution_stopped_at);
    if (rec->has.stopped_at)
        SET(out, stopped_at, rec->stopped_at);
}

// A task's connectivity is its agent's: written into its record only when it stops, so that an
// agent that comes back is one changed record and not one a task.
static void view_place(const struct task_picture *picture, struct arena *arena,
                       struct ecs_task *out)
{
    bool is_stopped = picture->rec->last_status >= REC_TASK_STATUS_STOPPED;

    if (picture->instance.len > 0 && picture->rec->launch_type != ECS_LAUNCH_TYPE_FARGATE)
        SET(out, container_instance_arn,
            arn_make2(arena, &picture->scope, "container-instance", picture->cluster,
                      picture->instance));
    if (picture->zone != NULL && picture->zone->has.value)
        SET(out, availability_zone, picture->zone->value);
    out->has.attributes = true;
    if (picture->architecture != NULL) {
        out->attributes.n = 1;
        out->attributes.at =
            arena_copy(arena, picture->architecture, sizeof *picture->architecture);
    }
    if (picture->connectivity_at == 0)
        return;
    SET(out, connectivity_at, picture->connectivity_at);
    SET(out, connectivity,
        is_stopped || picture->is_connected ? ECS_CONNECTIVITY_CONNECTED
                                            : ECS_CONNECTIVITY_DISCONNECTED);
}

static void view_task_sizes(const struct rec_task *rec,
                            const struct ecs_task_definition *definition, struct ecs_task *out)
{
    const struct ecs_task_override *over = rec->overrides;

    if (over != NULL && over->has.cpu)
        SET(out, cpu, over->cpu);
    else if (definition->has.cpu)
        SET(out, cpu, definition->cpu);
    if (over != NULL && over->has.memory)
        SET(out, memory, over->memory);
    else if (definition->has.memory)
        SET(out, memory, definition->memory);
}

static void view_containers(const struct task_picture *picture, struct str arn, struct arena *arena,
                            struct ecs_task *out)
{
    size_t n = picture->rec->containers.n;

    ASSERT(n == picture->definition->definition->container_definitions.n);
    out->has.containers = true;
    out->containers.n = n;
    out->containers.at = arena_array(arena, struct ecs_container, n);
    for (size_t i = 0; i < n; i++)
        view_container(picture, i, arn, arena, &out->containers.at[i]);
}

static void view_definition(const struct task_picture *picture, struct arena *arena,
                            struct ecs_task *out)
{
    struct str tail =
        str_fmt(arena, "%.*s:%d", STR_ARGS(picture->family), picture->definition->revision);

    SET(out, task_definition_arn, arn_make(arena, &picture->scope, "task-definition", tail));
}

static void view_state(const struct rec_task *rec, struct ecs_task *out)
{
    SET(out, last_status, shape_enum_name(&rec_task_status_enum, (int)rec->last_status));
    SET(out, desired_status, shape_enum_name(&rec_task_status_enum, (int)rec->desired_status));
    SET(out, version, rec->version);
    SET(out, group, rec->group);
    SET(out, launch_type, rec->launch_type);
    if (rec->has.capacity_provider_name)
        SET(out, capacity_provider_name, rec->capacity_provider_name);
    if (rec->has.started_by)
        SET(out, started_by, rec->started_by);
    SET(out, enable_execute_command, rec->enable_execute_command);
    if (rec->has.stop_code)
        SET(out, stop_code, rec->stop_code);
    if (rec->has.stopped_reason)
        SET(out, stopped_reason, rec->stopped_reason);
}

int32_t task_ephemeral_gib(const struct rec_task *rec, const struct ecs_task_definition *definition)
{
    enum { USUAL_GIB = 20 };
    const struct ecs_ephemeral_storage *asked = definition->ephemeral_storage;

    if (rec->overrides != NULL && rec->overrides->ephemeral_storage != NULL)
        asked = rec->overrides->ephemeral_storage;
    return asked != NULL ? asked->size_in_gib : USUAL_GIB;
}

static void view_fargate(const struct rec_task *rec, const struct ecs_task_definition *definition,
                         struct arena *arena, struct ecs_task *out)
{
    struct ecs_ephemeral_storage *storage = arena_new(arena, struct ecs_ephemeral_storage);
    struct ecs_task_ephemeral_storage *whole = arena_new(arena, struct ecs_task_ephemeral_storage);

    SET(storage, size_in_gib, task_ephemeral_gib(rec, definition));
    SET(whole, size_in_gib, storage->size_in_gib);
    SET(out, platform_version, STR(TASK_PLATFORM_VERSION));
    SET(out, platform_family, STR(TASK_PLATFORM_FAMILY));
    SET(out, ephemeral_storage, storage);
    SET(out, fargate_ephemeral_storage, whole);
}

void task_picture_view(const struct task_picture *picture, bool with_tags, struct arena *arena,
                       struct ecs_task *out)
{
    const struct rec_task *rec = picture->rec;
    const struct ecs_task_definition *spec = picture->definition->definition;
    struct str arn = arn_make2(arena, &picture->scope, "task", picture->cluster, rec->uid);

    SET(out, task_arn, arn);
    SET(out, cluster_arn, arn_make(arena, &picture->scope, "cluster", picture->cluster));
    view_definition(picture, arena, out);
    view_state(rec, out);
    SET(out, health_status, health_of(rec, spec));
    out->has.attachments = out->has.inference_accelerators = out->has.tags = true;
    out->attachments = rec->attachments;
    if (with_tags)
        out->tags = rec->tags;
    if (rec->launch_type == ECS_LAUNCH_TYPE_FARGATE)
        view_fargate(rec, spec, arena, out);
    view_place(picture, arena, out);
    view_task_sizes(rec, spec, out);
    view_times(rec, out);
    view_overrides(rec, spec, arena, out);
    view_containers(picture, arn, arena, out);
}

struct task_picture task_picture_of(const struct state *state, const struct rec_task *rec)
{
    const struct cluster *cluster = cluster_get(state, (uint64_t)rec->cluster_id);
    const struct task_definition *definition =
        task_definition_get(state, (uint64_t)rec->definition_id);
    const struct instance *instance =
        rec->instance_id != 0 ? instance_get(state, (uint64_t)rec->instance_id) : NULL;
    struct task_picture picture = {
        .scope = cluster_scope(state, cluster),
        .cluster = cluster->rec->name,
        .rec = rec,
        .definition = definition->rec,
        .family = family_get(state, definition->family_id)->rec->name,
    };

    if (instance == NULL) // not placed, or forgotten before its last task was
        return picture;
    picture.instance = instance->rec->uid;
    picture.zone = instance_attribute(instance, STR("ecs.availability-zone"));
    picture.architecture = instance_attribute(instance, STR("ecs.cpu-architecture"));
    picture.connectivity_at = task_connectivity_at(rec, instance);
    picture.is_connected = instance_is_connected(instance);
    return picture;
}

void task_view(const struct state *state, const struct task *task, bool with_tags,
               struct arena *arena, struct ecs_task *out)
{
    struct task_picture picture = task_picture_of(state, task->rec);

    task_picture_view(&picture, with_tags, arena, out);
}
