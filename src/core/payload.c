// The task document: identity, sizes, namespaces, devices and the list of containers. Overrides are
// merged here, because an agent applies none but a command. Role credentials are left out; see
// sessions.c. Source: agent-protocol 7.1.

#include "core/payload.h"

#include "base/arena.h"
#include "core/payload_parts.h"
#include "model/cluster.h"
#include "model/instance.h"
#include "model/override.h"
#include "model/task.h"
#include "model/task_definition.h"

int payload_enum(const struct shape_enum *to, const struct shape_enum *from, int value)
{
    return value == 0 ? 0 : shape_enum_value(to, shape_enum_name(from, value));
}

static void put_identity(struct step *step, const struct task *task, struct acs_task *out)
{
    const struct cluster *cluster = cluster_get(step->state, task->cluster_id);

    SET(out, arn, task_arn(step->state, task, step->arena));
    SET(out, task_cluster_arn, cluster_arn(step->state, cluster, step->arena));
    SET(out, desired_status, task_should_run(task) ? STR("RUNNING") : STR("STOPPED"));
}

static void put_origin(struct step *step, const struct task *task, struct acs_task *out)
{
    const struct task_definition *definition =
        task_definition_get(step->state, task->definition_id);
    const struct family *family = family_get(step->state, definition->family_id);
    const struct instance *instance = instance_get(step->state, (uint64_t)task->rec->instance_id);
    const struct ecs_attribute *zone = instance_attribute(instance, STR("ecs.availability-zone"));
    struct str prefix = STR("service:");

    SET(out, family, family->rec->name);
    SET(out, version, str_i64(step->arena, definition->rec->revision));
    SET(out, task_definition_account_id, step->state->config.account);
    SET(out, overrides, STR("{}"));
    SET(out, group, task->rec->group);
    SET(out, launch_type, shape_enum_name(&ecs_launch_type_enum, (int)task->rec->launch_type));
    if (zone != NULL && zone->value.len > 0)
        SET(out, zone, zone->value);
    if (str_starts(task->rec->group, prefix))
        SET(out, service_name, str_from(task->rec->group, prefix.len));
}

static bool whole_number(bool has, struct str text, int64_t *out)
{
    return has && str_to_i64(text, out) && *out > 0 && *out <= INT32_MAX;
}

// The task's own limits; cpu goes out in vCPU.
static void put_sizes(const struct ecs_task_definition *definition,
                      const struct ecs_task_override *over, struct acs_task *out)
{
    int64_t n;

    if (whole_number(over != NULL && over->has.cpu, over != NULL ? over->cpu : STR_NONE, &n) ||
        whole_number(definition->has.cpu, definition->cpu, &n))
        SET(out, cpu, (double)n / 1024.0);
    if (whole_number(over != NULL && over->has.memory, over != NULL ? over->memory : STR_NONE,
                     &n) ||
        whole_number(definition->has.memory, definition->memory, &n))
        SET(out, memory, (int32_t)n);
}

static void put_modes(const struct ecs_task_definition *definition, struct acs_task *out)
{
    if (definition->has.network_mode)
        SET(out, network_mode,
            shape_enum_name(&ecs_network_mode_enum, (int)definition->network_mode));
    if (definition->has.pid_mode)
        SET(out, pid_mode, shape_enum_name(&ecs_pid_mode_enum, (int)definition->pid_mode));
    if (definition->has.ipc_mode)
        SET(out, ipc_mode, shape_enum_name(&ecs_ipc_mode_enum, (int)definition->ipc_mode));
    if (definition->has.enable_fault_injection)
        SET(out, enable_fault_injection, definition->enable_fault_injection);
}

static void put_property(struct acs_attachment *attachment, const char *name, struct str value)
{
    struct acs_attachment_property *one =
        &attachment->attachment_properties.at[attachment->attachment_properties.n++];

    SET(one, name, str_of(name));
    SET(one, value, value);
}

static struct str joined(struct arena *arena, const struct str_list *list)
{
    struct str all = list->n > 0 ? list->at[0] : STR_NONE;

    for (size_t i = 1; i < list->n; i++)
        all = str_fmt(arena, "%.*s,%.*s", STR_ARGS(all), STR_ARGS(list->at[i]));
    return all;
}

// The interface that the agent is to make. What the protocol has no member for stands in an
// attachment of our own; only agents that make interfaces themselves get such tasks
// (place_has_attributes).
static void put_interface(struct step *step, const struct task *task, struct acs_task *out)
{
    enum { PROPERTIES_MAX = 2 };
    const struct ecs_aws_vpc_configuration *vpc = task->rec->awsvpc;
    struct acs_elastic_network_interface *eni =
        arena_new(step->arena, struct acs_elastic_network_interface);
    struct acs_attachment *extra = arena_new(step->arena, struct acs_attachment);
    struct scope scope = cluster_scope(step->state, cluster_get(step->state, task->cluster_id));

    SET(eni, attachment_arn,
        arn_make(step->arena, &scope, "attachment", task->rec->attachments.at[0].id));
    SET(eni, index, 0);
    SET(eni, name, STR("eth0"));
    SET(eni, interface_association_protocol, ACS_NETWORK_INTERFACE_ASSOCIATION_PROTOCOL_VETH);
    SET(out, elastic_network_interfaces,
        (struct acs_elastic_network_interface_list){.n = 1, .at = eni});
    SET(extra, attachment_type, STR("gantry-task-network"));
    extra->has.attachment_properties = true;
    extra->attachment_properties.at =
        arena_array(step->arena, struct acs_attachment_property, PROPERTIES_MAX);
    if (vpc->security_groups.n > 0)
        put_property(extra, "securityGroups", joined(step->arena, &vpc->security_groups));
    put_property(extra, "subnets", joined(step->arena, &vpc->subnets));
    SET(out, attachments, (struct acs_attachment_list){.n = 1, .at = extra});
}

static void put_proxy(struct step *step, const struct ecs_proxy_configuration *proxy,
                      struct acs_task *out)
{
    struct acs_proxy_configuration *view = arena_new(step->arena, struct acs_proxy_configuration);

    SET(view, type, ACS_PROXY_CONFIGURATION_TYPE_APPMESH);
    SET(view, container_name, proxy->container_name);
    view->has.properties = true;
    view->properties.n = proxy->properties.n;
    view->properties.at = arena_array(step->arena, struct str_pair, proxy->properties.n);
    for (size_t i = 0; i < proxy->properties.n; i++)
        view->properties.at[i] = (struct str_pair){.key = proxy->properties.at[i].name,
                                                   .value = proxy->properties.at[i].value};
    SET(out, proxy_configuration, view);
}

static size_t count_gpus(const struct rec_task *rec)
{
    size_t n = 0;

    for (size_t i = 0; i < rec->containers.n; i++)
        n += rec->containers.at[i].gpu_ids.n;
    return n;
}

// Every device is bound to exactly one container.
static void put_gpus(struct step *step, const struct rec_task *rec,
                     const struct ecs_task_definition *definition, struct acs_task *out)
{
    size_t n = count_gpus(rec);

    if (n == 0)
        return;
    out->has.associations = true;
    out->associations.at = arena_array(step->arena, struct acs_association, n);
    for (size_t i = 0; i < rec->containers.n; i++) {
        for (size_t k = 0; k < rec->containers.at[i].gpu_ids.n; k++) {
            struct acs_association *gpu = &out->associations.at[out->associations.n++];
            struct str_list one = {.n = 1, .at = arena_new(step->arena, struct str)};

            one.at[0] = definition->container_definitions.at[i].name;
            SET(gpu, name, rec->containers.at[i].gpu_ids.at[k]);
            SET(gpu, type, ACS_ASSOCIATION_TYPE_GPU);
            SET(gpu, containers, one);
        }
    }
}

static void put_containers(struct step *step, const struct task *task,
                           const struct ecs_task_definition *definition, struct acs_task *out)
{
    const struct cluster *cluster = cluster_get(step->state, task->cluster_id);
    const struct ecs_container_definition_list *list = &definition->container_definitions;

    out->has.containers = true;
    out->containers.n = list->n;
    out->containers.at = arena_array(step->arena, struct acs_container, list->n);
    for (size_t i = 0; i < list->n; i++) {
        struct container_part part = {
            .step = step,
            .task = task,
            .definition = definition,
            .container = &list->at[i],
            .over = override_of(task->rec->overrides, list->at[i].name),
            .index = i,
            .region = cluster->rec->region,
        };

        payload_container(&part, &out->containers.at[i]);
    }
}

void payload_task(struct step *step, const struct task *task, struct acs_task *out)
{
    const struct ecs_task_definition *definition =
        task_definition_get(step->state, task->definition_id)->rec->definition;

    put_identity(step, task, out);
    if (!task_should_run(task))
        return;
    put_origin(step, task, out);
    put_sizes(definition, task->rec->overrides, out);
    put_modes(definition, out);
    put_gpus(step, task->rec, definition, out);
    if (task->rec->has.awsvpc && task->rec->attachments.n > 0)
        put_interface(step, task, out);
    put_containers(step, task, definition, out);
    if (definition->volumes.n > 0)
        SET(out, volumes, payload_volumes(step, definition));
    if (definition->has.proxy_configuration)
        put_proxy(step, definition->proxy_configuration, out);
}
