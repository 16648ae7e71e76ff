// See meta_docs.h. Members that the ECS agent leaves out when they are empty are left out here;
// those that it always writes are there, empty if need be. Times have the milliseconds that the
// engine keeps.

#include "agent/meta_docs.h"

#include "base/arena.h"
#include "base/utf8.h"

enum { CPU_LEAST = 2, HEALTH_OUTPUT_MAX = 1024 };

// ---- finding

const struct engine_view *meta_find_task(const struct engine_view_list *views, struct str id)
{
    for (size_t i = 0; id.len > 0 && i < views->n; i++) {
        if (str_eq(views->at[i].endpoint_id, id))
            return &views->at[i];
    }
    return NULL;
}

const struct engine_view *meta_find_endpoint(const struct engine_view_list *views, struct str id)
{
    const struct engine_view *view = meta_find_task(views, id);

    return view != NULL && view->runtime_id.len > 0 ? view : NULL;
}

const struct engine_view *meta_find_runtime_id(const struct engine_view_list *views, struct str id)
{
    for (size_t i = 0; id.len > 0 && i < views->n; i++) {
        if (str_eq(views->at[i].runtime_id, id))
            return &views->at[i];
    }
    return NULL;
}

static bool runs(const struct engine_view *view)
{
    return view->status == HOST_CONTAINER_STATUS_RUNNING ||
           view->status == HOST_CONTAINER_STATUS_RESOURCES_PROVISIONED;
}

static bool has_address(const struct engine_view *view, struct str address)
{
    const struct docker_container *seen = view->seen;

    if (runs(view) && view->network != NULL && str_eq(view->network->address, address))
        return true;
    if (!runs(view) || seen == NULL || seen->network_settings == NULL)
        return false;
    for (size_t i = 0; i < seen->network_settings->networks.n; i++) {
        const struct docker_endpoint_settings *one = &seen->network_settings->networks.at[i].value;

        if (str_eq(one->ip_address, address) || str_eq(one->global_ipv6_address, address))
            return true;
    }
    return false;
}

const struct engine_view *meta_find_address(const struct engine_view_list *views,
                                            struct str address)
{
    for (size_t i = 0; address.len > 0 && i < views->n; i++) {
        if (has_address(&views->at[i], address))
            return &views->at[i];
    }
    return NULL;
}

bool meta_task_has_address(const struct engine_view_list *views, struct str task_arn,
                           struct str address)
{
    for (size_t i = 0; address.len > 0 && i < views->n; i++) {
        if (str_eq(views->at[i].task_arn, task_arn) && has_address(&views->at[i], address))
            return true;
    }
    return false;
}

// ---- parts of a container

// "8080/tcp" -> 8080 and "tcp".
static bool read_exposed(struct str text, int32_t *out_port, struct str *out_protocol)
{
    struct str port;
    int64_t number;

    if (!str_cut(text, '/', &port, out_protocol))
        *out_protocol = STR("tcp");
    if (!str_to_i64(port, &number) || number < 1 || number > UINT16_MAX)
        return false;
    *out_port = (int32_t)number;
    return true;
}

static struct meta_port *add_port(struct meta_port_list *list, struct arena *arena)
{
    struct meta_port *grown = arena_array(arena, struct meta_port, list->n + 1);

    if (list->n > 0)
        memcpy(grown, list->at, list->n * sizeof *grown);
    list->at = grown;
    return &list->at[list->n++];
}

static void add_bindings(struct meta_port_list *list, const struct docker_port_binding_list *bound,
                         struct str exposed, bool with_address, struct arena *arena)
{
    struct str protocol;
    int32_t container_port;

    if (!read_exposed(exposed, &container_port, &protocol))
        return;
    for (size_t i = 0; i < bound->n; i++) {
        struct meta_port *port;
        int64_t host_port;

        if (!str_to_i64(bound->at[i].host_port, &host_port))
            continue;
        port = add_port(list, arena);
        SET(port, container_port, container_port);
        SET(port, protocol, str_copy(arena, protocol));
        SET(port, host_port, (int32_t)host_port);
        if (with_address)
            SET(port, host_ip, bound->at[i].host_ip);
    }
}

// In the task's own network a container's ports are the task's.
static struct meta_port_list own_ports(const struct engine_view *view, struct arena *arena)
{
    struct meta_port_list list = {0};

    for (size_t i = 0; i < view->spec->port_mappings.n; i++) {
        const struct acs_port_mapping *mapping = &view->spec->port_mappings.at[i];
        struct meta_port *port;

        if (mapping->container_port == 0)
            continue;
        port = add_port(&list, arena);
        SET(port, container_port, mapping->container_port);
        SET(port, protocol,
            mapping->protocol == ACS_TRANSPORT_PROTOCOL_UDP ? STR("udp") : STR("tcp"));
        SET(port, host_port, mapping->container_port);
    }
    return list;
}

static struct meta_port_list ports_of(const struct engine_view *view, bool with_address,
                                      struct arena *arena)
{
    struct meta_port_list list = {0};

    if (str_eq(view->network_mode, STR("awsvpc")))
        return own_ports(view, arena);
    if (view->seen == NULL || view->seen->network_settings == NULL)
        return list;
    for (size_t i = 0; i < view->seen->network_settings->ports.n; i++)
        add_bindings(&list, &view->seen->network_settings->ports.at[i].value,
                     view->seen->network_settings->ports.at[i].key, with_address, arena);
    return list;
}

static struct str_list one_text(struct str text, struct arena *arena)
{
    struct str_list list = {.n = 1, .at = arena_new(arena, struct str)};

    list.at[0] = text;
    return list;
}

static void fill_network(struct str name, const struct docker_endpoint_settings *from,
                         struct arena *arena, struct meta_network *out)
{
    SET(out, network_mode, name);
    if (from->ip_address.len > 0 || str_eq(name, STR("host")))
        SET(out, ipv4_addresses, one_text(from->ip_address, arena));
    if (from->global_ipv6_address.len > 0)
        SET(out, ipv6_addresses, one_text(from->global_ipv6_address, arena));
}

// The task's own, which its containers share. Only v4 shows more than its address.
static struct meta_network_list
task_network(enum meta_version version, const struct host_network *network, struct arena *arena)
{
    struct meta_network *out = arena_new(arena, struct meta_network);

    SET(out, network_mode, STR("awsvpc"));
    SET(out, ipv4_addresses, one_text(network->address, arena));
    if (version == META_V4) {
        SET(out, attachment_index, 0);
        SET(out, mac_address, network->mac);
        SET(out, ipv4_subnet_cidr_block, network->subnet);
        SET(out, subnet_gateway_ipv4_address, network->gateway);
        if (network->dns_servers.n > 0)
            SET(out, domain_name_servers, network->dns_servers);
        if (network->dns_search.n > 0)
            SET(out, domain_name_search_list, network->dns_search);
    }
    return (struct meta_network_list){.n = 1, .at = out};
}

static struct meta_network_list networks_of(enum meta_version version,
                                            const struct engine_view *view, struct arena *arena)
{
    const struct docker_network_settings *settings =
        view->seen != NULL ? view->seen->network_settings : NULL;
    struct meta_network_list list = {0};

    if (view->network != NULL)
        return task_network(version, view->network, arena);
    if (settings == NULL)
        return list;
    list.at = arena_array(arena, struct meta_network, settings->networks.n);
    for (size_t i = 0; i < settings->networks.n; i++)
        fill_network(settings->networks.at[i].key, &settings->networks.at[i].value, arena,
                     &list.at[list.n++]);
    return list;
}

static struct meta_volume_list volumes_of(const struct engine_view *view, struct arena *arena)
{
    struct meta_volume_list list = {0};

    if (view->seen == NULL)
        return list;
    list.at = arena_array(arena, struct meta_volume, view->seen->mounts.n);
    for (size_t i = 0; i < view->seen->mounts.n; i++) {
        const struct docker_mount *mount = &view->seen->mounts.at[i];
        struct meta_volume *volume = &list.at[list.n++];

        if (mount->name.len > 0)
            SET(volume, docker_name, mount->name);
        if (mount->source.len > 0)
            SET(volume, source, mount->source);
        if (mount->destination.len > 0)
            SET(volume, destination, mount->destination);
    }
    return list;
}

static struct meta_health *health_of(const struct engine_view *view, struct arena *arena)
{
    static const struct str names[] = {
        [ENGINE_HEALTH_UNKNOWN] = STR_INIT("UNKNOWN"),
        [ENGINE_HEALTH_HEALTHY] = STR_INIT("HEALTHY"),
        [ENGINE_HEALTH_UNHEALTHY] = STR_INIT("UNHEALTHY"),
    };
    const struct docker_health *seen =
        view->seen != NULL && view->seen->state != NULL ? view->seen->state->health : NULL;
    struct meta_health *health = arena_new(arena, struct meta_health);
    const struct docker_health_log *last;

    SET(health, status, names[view->health]);
    if (view->health_since != 0)
        SET(health, status_since, view->health_since);
    if (view->health == ENGINE_HEALTH_UNKNOWN || seen == NULL || seen->log.n == 0)
        return health;
    last = &seen->log.at[seen->log.n - 1];
    if (view->health == ENGINE_HEALTH_UNHEALTHY && last->exit_code != 0)
        SET(health, exit_code, last->exit_code);
    if (last->output.len > 0)
        SET(health, output, utf8_take(last->output, HEALTH_OUTPUT_MAX));
    return health;
}

static bool has_restart_policy(const struct engine_view *view)
{
    return view->spec->restart_policy != NULL && view->spec->restart_policy->enabled;
}

// ---- a container

static struct str container_status(enum host_container_status status)
{
    return shape_enum_name(&host_container_status_enum, (int)status);
}

static struct str type_of(const struct engine_view *view)
{
    switch (view->type) {
    case ENGINE_CONTAINER_CNI_PAUSE: return STR("CNI_PAUSE");
    case ENGINE_CONTAINER_NAMESPACE_PAUSE: return STR("NAMESPACE_PAUSE");
    case ENGINE_CONTAINER_NORMAL: break;
    }
    return STR("NORMAL");
}

static void fill_always(const struct engine_view *view, struct arena *arena,
                        struct meta_container *out)
{
    struct meta_container_limits *limits = arena_new(arena, struct meta_container_limits);

    SET(limits, cpu, view->spec->cpu > CPU_LEAST ? view->spec->cpu : CPU_LEAST);
    SET(limits, memory, view->spec->memory);
    SET(out, docker_id, view->runtime_id);
    SET(out, name, view->container);
    SET(out, docker_name, view->runtime_name);
    SET(out, image, view->spec->image);
    SET(out, image_id, view->image_id);
    SET(out, desired_status, container_status(view->desired));
    SET(out, known_status, container_status(view->status));
    SET(out, limits, limits);
    SET(out, type, type_of(view));
}

static void fill_times(const struct engine_view *view, struct meta_container *out)
{
    if (view->created_at != 0)
        SET(out, created_at, view->created_at);
    if (view->started_at != 0)
        SET(out, started_at, view->started_at);
    if (view->finished_at != 0)
        SET(out, finished_at, view->finished_at);
    if (view->has_exit_code)
        SET(out, exit_code, view->exit_code);
}

// What the task definition says, without the secrets and endpoints that this host adds.
static void fill_log(const struct engine_view *view, struct meta_container *out)
{
    const struct acs_docker_config *rendered = view->spec->docker_config;
    const struct docker_log_config *log = rendered != NULL && rendered->host_config != NULL
                                              ? rendered->host_config->log_config
                                              : NULL;

    if (log == NULL)
        return;
    if (log->type.len > 0)
        SET(out, log_driver, log->type);
    if (log->config.n > 0)
        SET(out, log_options, log->config);
}

void meta_fill_container(enum meta_version version, const struct engine_view *view,
                         struct arena *arena, struct meta_container *out)
{
    struct meta_port_list ports = ports_of(view, version == META_V4, arena);
    struct meta_network_list networks = networks_of(version, view, arena);
    struct meta_volume_list volumes = volumes_of(view, arena);

    fill_always(view, arena, out);
    fill_times(view, out);
    if (ports.n > 0 && view->started_at != 0)
        SET(out, ports, ports);
    if (view->seen != NULL && view->seen->config != NULL && view->seen->config->labels.n > 0)
        SET(out, labels, view->seen->config->labels);
    if (networks.n > 0)
        SET(out, networks, networks);
    if (view->spec->health_check_type == ACS_HEALTH_CHECK_TYPE_DOCKER)
        SET(out, health, health_of(view, arena));
    if (version >= META_V3 && volumes.n > 0)
        SET(out, volumes, volumes);
    if (version < META_V4)
        return;
    fill_log(view, out);
    if (view->container_arn.len > 0)
        SET(out, container_arn, view->container_arn);
    if (has_restart_policy(view))
        SET(out, restart_count, view->restart_count);
}

// ---- a task

static struct str task_status(enum host_task_status status)
{
    return shape_enum_name(&host_task_status_enum, (int)status);
}

// v4 shows a container as soon as its image is here, the others once it has been made.
static bool is_shown(enum meta_version version, const struct engine_view *view)
{
    return view->runtime_id.len > 0 ||
           (version == META_V4 && view->status >= HOST_CONTAINER_STATUS_PULLED);
}

static struct meta_container_list containers_of(enum meta_version version,
                                                const struct engine_view_list *views,
                                                struct str task_arn, struct arena *arena)
{
    struct meta_container_list list = {.at = arena_array(arena, struct meta_container, views->n)};

    for (size_t i = 0; i < views->n; i++) {
        if (str_eq(views->at[i].task_arn, task_arn) && is_shown(version, &views->at[i]))
            meta_fill_container(version, &views->at[i], arena, &list.at[list.n++]);
    }
    return list;
}

static const struct engine_view *first_of(const struct engine_view_list *views, struct str task_arn)
{
    for (size_t i = 0; i < views->n; i++) {
        if (str_eq(views->at[i].task_arn, task_arn))
            return &views->at[i];
    }
    return NULL;
}

static void fill_limits(const struct acs_task *task, struct arena *arena, struct meta_task *out)
{
    struct meta_task_limits *limits;

    if (task->cpu <= 0 && task->memory <= 0)
        return;
    limits = arena_new(arena, struct meta_task_limits);
    if (task->cpu > 0)
        SET(limits, cpu, task->cpu);
    if (task->memory > 0)
        SET(limits, memory, task->memory);
    SET(out, limits, limits);
}

static void fill_origin(const struct acs_task *task, struct meta_task *out)
{
    if (task->launch_type.len > 0)
        SET(out, launch_type, task->launch_type);
    if (task->service_name.len > 0)
        SET(out, service_name, task->service_name);
    if (task->group.len > 0)
        SET(out, group, task->group);
    SET(out, fault_injection_enabled, task->enable_fault_injection);
}

void meta_fill_task(enum meta_version version, const struct meta_host *host,
                    const struct engine_view_list *views, struct str task_arn, struct arena *arena,
                    struct meta_task *out)
{
    const struct engine_view *first = first_of(views, task_arn);
    struct meta_container_list containers = containers_of(version, views, task_arn, arena);

    SET(out, cluster, host->cluster);
    SET(out, task_arn, task_arn);
    SET(out, family, first->family);
    SET(out, revision, first->version);
    SET(out, desired_status, task_status(first->task_desired));
    SET(out, known_status, task_status(first->task_status));
    if (containers.n > 0)
        SET(out, containers, containers);
    fill_limits(first->task, arena, out);
    if (first->pull_started_at != 0)
        SET(out, pull_started_at, first->pull_started_at);
    if (first->pull_stopped_at != 0)
        SET(out, pull_stopped_at, first->pull_stopped_at);
    if (first->execution_stopped_at != 0)
        SET(out, execution_stopped_at, first->execution_stopped_at);
    if (host->zone.len > 0)
        SET(out, availability_zone, host->zone);
    if (version == META_V4)
        fill_origin(first->task, out);
}

// ---- introspection

static struct str plain_status(enum host_task_status status)
{
    if (status == HOST_TASK_STATUS_RUNNING)
        return STR("RUNNING");
    return status == HOST_TASK_STATUS_STOPPED ? STR("STOPPED") : STR("PENDING");
}

// What the engine wants of a task says nothing where it contradicts what the task is.
static bool desired_is_told(struct str known, struct str desired)
{
    if (str_eq(known, STR("STOPPED")) && !str_eq(desired, STR("STOPPED")))
        return false;
    return !(str_eq(known, STR("RUNNING")) && str_eq(desired, STR("PENDING")));
}

static void fill_introspected_container(const struct engine_view *view, struct arena *arena,
                                        struct meta_introspected_container *out)
{
    struct meta_port_list ports = ports_of(view, false, arena);
    struct meta_network_list networks = networks_of(META_V3, view, arena);
    struct meta_volume_list volumes = volumes_of(view, arena);

    SET(out, docker_id, view->runtime_id);
    SET(out, docker_name, view->runtime_name);
    SET(out, name, view->container);
    SET(out, image, view->spec->image);
    SET(out, image_id, view->image_id);
    if (view->created_at != 0)
        SET(out, created_at, view->created_at);
    if (view->started_at != 0)
        SET(out, started_at, view->started_at);
    if (ports.n > 0 && view->started_at != 0)
        SET(out, ports, ports);
    if (networks.n > 0)
        SET(out, networks, networks);
    if (volumes.n > 0)
        SET(out, volumes, volumes);
    if (has_restart_policy(view))
        SET(out, restart_count, view->restart_count);
}

void meta_fill_introspected(const struct engine_view_list *views, struct str task_arn,
                            struct arena *arena, struct meta_introspected_task *out)
{
    const struct engine_view *first = first_of(views, task_arn);
    struct str known = plain_status(first->task_status);
    struct str desired = plain_status(first->task_desired);
    struct meta_introspected_container_list list = {
        .at = arena_array(arena, struct meta_introspected_container, views->n)};

    SET(out, arn, task_arn);
    if (desired_is_told(known, desired))
        SET(out, desired_status, desired);
    SET(out, known_status, known);
    SET(out, family, first->family);
    SET(out, version, first->version);
    for (size_t i = 0; i < views->n; i++) {
        const struct engine_view *view = &views->at[i];

        if (str_eq(view->task_arn, task_arn) && view->runtime_id.len > 0 &&
            str_eq(type_of(view), STR("NORMAL")))
            fill_introspected_container(view, arena, &list.at[list.n++]);
    }
    SET(out, containers, list);
}

void meta_fill_introspected_all(const struct engine_view_list *views, struct arena *arena,
                                struct meta_introspected_tasks *out)
{
    struct meta_introspected_task_list list = {
        .at = arena_array(arena, struct meta_introspected_task, views->n)};

    for (size_t i = 0; i < views->n; i++) {
        if (i == 0 || !str_eq(views->at[i].task_arn, views->at[i - 1].task_arn))
            meta_fill_introspected(views, views->at[i].task_arn, arena, &list.at[list.n++]);
    }
    SET(out, tasks, list);
}

// ---- the metadata file

static struct meta_file_port_list file_ports(const struct engine_view *view, struct arena *arena)
{
    struct meta_port_list ports = ports_of(view, true, arena);
    struct meta_file_port_list list = {.n = ports.n,
                                       .at = arena_array(arena, struct meta_file_port, ports.n)};

    for (size_t i = 0; i < ports.n; i++) {
        SET(&list.at[i], container_port, ports.at[i].container_port);
        SET(&list.at[i], host_port, ports.at[i].host_port);
        if (ports.at[i].has.host_ip)
            SET(&list.at[i], bind_ip, ports.at[i].host_ip);
        SET(&list.at[i], protocol, ports.at[i].protocol);
    }
    return list;
}

static void fill_started(const struct engine_view *view, struct arena *arena, struct meta_file *out)
{
    struct meta_file_port_list ports = file_ports(view, arena);
    struct meta_network_list networks = networks_of(META_V3, view, arena);

    SET(out, container_id, view->runtime_id);
    SET(out, docker_container_name, str_fmt(arena, "/%.*s", STR_ARGS(view->runtime_name)));
    SET(out, image_id, view->image_id);
    SET(out, image_name, view->spec->image);
    if (ports.n > 0)
        SET(out, port_mappings, ports);
    if (networks.n > 0)
        SET(out, networks, networks);
    SET(out, metadata_file_status, STR("READY"));
}

void meta_fill_file(const struct meta_host *host, const struct engine_view *view,
                    struct arena *arena, struct meta_file *out)
{
    SET(out, cluster, host->cluster);
    SET(out, container_instance_arn, host->container_instance);
    SET(out, task_arn, view->task_arn);
    SET(out, task_definition_family, view->family);
    SET(out, task_definition_revision, view->version);
    SET(out, container_name, view->container);
    if (host->zone.len > 0)
        SET(out, availability_zone, host->zone);
    if (host->private_address.len > 0)
        SET(out, host_private_ipv4_address, host->private_address);
    if (runs(view))
        fill_started(view, arena, out);
}
