// The typed fields of a container, which an agent reads itself. Source: agent-protocol 7.2.

#include "base/arena.h"
#include "core/images.h"
#include "core/payload_parts.h"
#include "core/roles.h"
#include "model/task.h"

bool part_memory(const struct container_part *part, int32_t *out_mib)
{
    if (part->over != NULL && part->over->has.memory)
        *out_mib = part->over->memory;
    else if (part->container->has.memory)
        *out_mib = part->container->memory;
    else
        return false;
    return true;
}

static void put_process(const struct container_part *part, struct acs_container *out)
{
    const struct ecs_container_definition *c = part->container;
    bool is_over = part->over != NULL && part->over->command.n > 0;

    if (is_over || c->command.n > 0)
        SET(out, command, is_over ? part->over->command : c->command);
    if (c->entry_point.n > 0)
        SET(out, entry_point, c->entry_point);
    SET(out, environment, payload_environment(part));
}

static void put_environment_files(const struct container_part *part, struct acs_container *out)
{
    const struct ecs_environment_file_list *files =
        part->over != NULL && part->over->has.environment_files
            ? &part->over->environment_files
            : &part->container->environment_files;

    if (files->n == 0)
        return;
    out->has.environment_files = true;
    out->environment_files.n = files->n;
    out->environment_files.at =
        arena_array(part->step->arena, struct acs_environment_file, files->n);
    for (size_t i = 0; i < files->n; i++) {
        SET(&out->environment_files.at[i], value, files->at[i].value);
        SET(&out->environment_files.at[i], type, ACS_ENVIRONMENT_FILE_TYPE_S3);
    }
}

// The container engine then sends the log as the execution role, whose keys the agent serves it.
static bool logs_as_role(const struct container_part *part)
{
    const struct ecs_log_configuration *log = part->container->log_configuration;

    return log != NULL && log->log_driver == ECS_LOG_DRIVER_AWSLOGS &&
           role_of_task(part->step->state, part->task, ACS_ROLE_TYPE_TASKEXECUTION,
                        part->step->arena)
                   .len > 0;
}

static void put_sizes(const struct container_part *part, struct acs_container *out)
{
    int32_t memory;

    SET(out, cpu,
        part->over != NULL && part->over->has.cpu ? part->over->cpu : part->container->cpu);
    SET(out, memory, part_memory(part, &memory) ? memory : 0);
}

// Where a container has an address of its own or the host's, its ports are the host's.
static int32_t host_port(const struct container_part *part, const struct ecs_port_mapping *mapping)
{
    enum ecs_network_mode mode = part->definition->network_mode;

    if (mode == ECS_NETWORK_MODE_HOST || mode == ECS_NETWORK_MODE_AWSVPC)
        return mapping->container_port;
    return mapping->host_port;
}

static void put_ports(const struct container_part *part, struct acs_container *out)
{
    const struct ecs_port_mapping_list *list = &part->container->port_mappings;

    if (list->n == 0)
        return;
    out->has.port_mappings = true;
    out->port_mappings.n = list->n;
    out->port_mappings.at = arena_array(part->step->arena, struct acs_port_mapping, list->n);
    for (size_t i = 0; i < list->n; i++) {
        const struct ecs_port_mapping *from = &list->at[i];
        struct acs_port_mapping *to = &out->port_mappings.at[i];

        SET(to, protocol,
            from->protocol == ECS_TRANSPORT_PROTOCOL_UDP ? ACS_TRANSPORT_PROTOCOL_UDP
                                                         : ACS_TRANSPORT_PROTOCOL_TCP);
        if (from->has.container_port_range) {
            SET(to, container_port_range, from->container_port_range);
            continue;
        }
        SET(to, container_port, from->container_port);
        SET(to, host_port, host_port(part, from));
    }
}

static void put_mounts(const struct container_part *part, struct acs_container *out)
{
    const struct ecs_mount_point_list *list = &part->container->mount_points;

    if (list->n == 0)
        return;
    out->has.mount_points = true;
    out->mount_points.n = list->n;
    out->mount_points.at = arena_array(part->step->arena, struct acs_mount_point, list->n);
    for (size_t i = 0; i < list->n; i++) {
        SET(&out->mount_points.at[i], source_volume, list->at[i].source_volume);
        SET(&out->mount_points.at[i], container_path, list->at[i].container_path);
        SET(&out->mount_points.at[i], read_only, list->at[i].read_only);
    }
}

static void put_volumes_from(const struct container_part *part, struct acs_container *out)
{
    const struct ecs_volume_from_list *list = &part->container->volumes_from;

    if (list->n == 0)
        return;
    out->has.volumes_from = true;
    out->volumes_from.n = list->n;
    out->volumes_from.at = arena_array(part->step->arena, struct acs_volume_from, list->n);
    for (size_t i = 0; i < list->n; i++) {
        SET(&out->volumes_from.at[i], source_container, list->at[i].source_container);
        SET(&out->volumes_from.at[i], read_only, list->at[i].read_only);
    }
}

static void put_order(const struct container_part *part, struct acs_container *out)
{
    const struct ecs_container_definition *c = part->container;
    const struct ecs_container_dependency_list *list = &c->depends_on;

    if (c->has.start_timeout)
        SET(out, start_timeout, c->start_timeout);
    if (c->has.stop_timeout)
        SET(out, stop_timeout, c->stop_timeout);
    if (list->n == 0)
        return;
    out->has.depends_on = true;
    out->depends_on.n = list->n;
    out->depends_on.at = arena_array(part->step->arena, struct acs_container_dependency, list->n);
    for (size_t i = 0; i < list->n; i++) {
        SET(&out->depends_on.at[i], container_name, list->at[i].container_name);
        SET(&out->depends_on.at[i], condition,
            (enum acs_container_condition)payload_enum(&acs_container_condition_enum,
                                                       &ecs_container_condition_enum,
                                                       (int)list->at[i].condition));
    }
}

static void put_restart_policy(const struct container_part *part, struct acs_container *out)
{
    const struct ecs_container_restart_policy *from = part->container->restart_policy;
    struct acs_restart_policy *policy;

    if (from == NULL)
        return;
    policy = arena_new(part->step->arena, struct acs_restart_policy);
    SET(policy, enabled, from->enabled);
    if (from->ignored_exit_codes.n > 0)
        SET(policy, ignored_exit_codes, from->ignored_exit_codes);
    if (from->has.restart_attempt_period)
        SET(policy, restart_attempt_period, from->restart_attempt_period);
    SET(out, restart_policy, policy);
}

static void put_firelens(const struct container_part *part, struct acs_container *out)
{
    const struct ecs_firelens_configuration *from = part->container->firelens_configuration;
    struct acs_firelens_configuration *firelens;

    if (from == NULL)
        return;
    firelens = arena_new(part->step->arena, struct acs_firelens_configuration);
    SET(firelens, type,
        (enum acs_firelens_configuration_type)payload_enum(&acs_firelens_configuration_type_enum,
                                                           &ecs_firelens_configuration_type_enum,
                                                           (int)from->type));
    if (from->options.n > 0)
        SET(firelens, options, from->options);
    SET(out, firelens_configuration, firelens);
}

static void put_exec_agent(const struct container_part *part, struct acs_container *out)
{
    static const struct str_pair limit[] = {
        {.key = STR_INIT("sessionLimit"), .value = STR_INIT("2")}};
    struct acs_managed_agent *agent;

    if (!part->task->rec->enable_execute_command)
        return;
    agent = arena_new(part->step->arena, struct acs_managed_agent);
    SET(agent, name, ACS_MANAGED_AGENT_NAME_EXECUTECOMMANDAGENT);
    SET(agent, properties,
        (struct str_map){.n = 1, .at = arena_copy(part->step->arena, limit, sizeof limit)});
    SET(out, managed_agents, (struct acs_managed_agent_list){.n = 1, .at = agent});
}

void payload_container(const struct container_part *part, struct acs_container *out)
{
    const struct ecs_container_definition *c = part->container;

    SET(out, name, c->name);
    SET(out, image, images_of_task(part->step, part->task, part->index));
    SET(out, container_arn,
        container_arn(part->step->state, part->task, part->index, part->step->arena));
    SET(out, essential, c->essential);
    put_process(part, out);
    put_environment_files(part, out);
    put_sizes(part, out);
    put_ports(part, out);
    put_mounts(part, out);
    put_volumes_from(part, out);
    put_order(part, out);
    put_restart_policy(part, out);
    put_firelens(part, out);
    put_exec_agent(part, out);
    if (logs_as_role(part))
        SET(out, logs_auth_strategy, ACS_AUTH_STRATEGY_EXECUTIONROLE);
    SET(out, docker_config, payload_docker(part));
    SET(out, secrets, payload_secrets(part));
    out->has.secrets = out->secrets.n > 0;
    out->registry_authentication = payload_registry(part);
    out->has.registry_authentication = out->registry_authentication != NULL;
    if (c->links.n > 0)
        SET(out, links, c->links);
    if (c->credential_specs.n > 0)
        SET(out, credential_specs, c->credential_specs);
    if (c->has.health_check)
        SET(out, health_check_type, ACS_HEALTH_CHECK_TYPE_DOCKER);
}
