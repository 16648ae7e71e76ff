// What an agent has no field for, as Docker's own Config and HostConfig: user, labels, health
// check, log driver, limits, kernel parameters. An agent lays these over what it made of the typed
// fields. Source: agent-protocol 7.2, ecs-behaviour-agent 1.3, 1.4, 1.17 and 1.18.

#include "base/arena.h"
#include "base/buf.h"
#include "core/payload_parts.h"
#include "model/account_setting.h"
#include "model/task.h"

#define SECOND_NS INT64_C(1000000000)
#define MIB       INT64_C(1048576)

enum { HEALTH_INTERVAL_S = 30, HEALTH_TIMEOUT_S = 5, HEALTH_RETRIES = 3 };

// --- Config

static struct docker_health_config *health_check(const struct container_part *part)
{
    const struct ecs_health_check *from = part->container->health_check;
    struct docker_health_config *health = arena_new(part->step->arena, struct docker_health_config);

    SET(health, test, from->command);
    SET(health, interval, SECOND_NS * (from->has.interval ? from->interval : HEALTH_INTERVAL_S));
    SET(health, timeout, SECOND_NS * (from->has.timeout ? from->timeout : HEALTH_TIMEOUT_S));
    SET(health, retries, from->has.retries ? from->retries : HEALTH_RETRIES);
    if (from->start_period > 0)
        SET(health, start_period, SECOND_NS * from->start_period);
    return health;
}

static struct docker_config *config(const struct container_part *part)
{
    const struct ecs_container_definition *c = part->container;
    struct docker_config *out = arena_new(part->step->arena, struct docker_config);

    if (c->hostname.len > 0)
        SET(out, hostname, c->hostname);
    if (c->user.len > 0)
        SET(out, user, c->user);
    if (c->working_directory.len > 0)
        SET(out, working_dir, c->working_directory);
    if (c->docker_labels.n > 0)
        SET(out, labels, c->docker_labels);
    if (c->has.interactive)
        SET(out, open_stdin, c->interactive);
    if (c->has.pseudo_terminal)
        SET(out, tty, c->pseudo_terminal);
    if (c->has.disable_networking)
        SET(out, network_disabled, c->disable_networking);
    if (c->has.health_check)
        SET(out, healthcheck, health_check(part));
    return out;
}

// --- HostConfig: logging

static struct str option(const struct str_map *options, struct str key)
{
    for (size_t i = 0; i < options->n; i++) {
        if (str_eq(options->at[i].key, key))
            return options->at[i].value;
    }
    return STR_NONE;
}

// What the account has chosen for those that say nothing: whether a driver that is behind may hold
// the container up.
static struct str usual_mode(const struct container_part *part)
{
    const struct state *state = part->step->state;

    return account_setting_value(state, part->region, ECS_SETTING_NAME_DEFAULTLOGDRIVERMODE,
                                 account_setting_root(state, part->step->arena));
}

// The stream's prefix is ours to expand; Docker does not know it.
static struct str_map awslogs_options(const struct container_part *part,
                                      const struct str_map *options)
{
    struct str prefix_key = STR("awslogs-stream-prefix");
    struct str prefix = option(options, prefix_key);
    struct arena *arena = part->step->arena;
    struct str_map out = {.at = arena_array(arena, struct str_pair, options->n + 2)};

    for (size_t i = 0; i < options->n; i++) {
        if (!str_eq(options->at[i].key, prefix_key))
            out.at[out.n++] = options->at[i];
    }
    if (prefix.len > 0)
        out.at[out.n++] = (struct str_pair){
            .key = STR("awslogs-stream"),
            .value = str_fmt(arena, "%.*s/%.*s/%.*s", STR_ARGS(prefix),
                             STR_ARGS(part->container->name), STR_ARGS(part->task->uid)),
        };
    if (option(options, STR("mode")).len == 0)
        out.at[out.n++] = (struct str_pair){.key = STR("mode"), .value = usual_mode(part)};
    return out;
}

static struct docker_log_config *log_config(const struct container_part *part)
{
    const struct ecs_log_configuration *from = part->container->log_configuration;
    struct docker_log_config *log = arena_new(part->step->arena, struct docker_log_config);
    struct str_map options = from->options;

    if (from->log_driver == ECS_LOG_DRIVER_AWSLOGS)
        options = awslogs_options(part, &from->options);
    SET(log, type, shape_enum_name(&ecs_log_driver_enum, (int)from->log_driver));
    if (options.n > 0)
        SET(log, config, options);
    return log;
}

// --- HostConfig: linuxParameters

static struct str permissions(struct arena *arena,
                              const struct ecs_device_cgroup_permission_list *list)
{
    static const char letters[] = {
        [ECS_DEVICE_CGROUP_PERMISSION_READ] = 'r',
        [ECS_DEVICE_CGROUP_PERMISSION_WRITE] = 'w',
        [ECS_DEVICE_CGROUP_PERMISSION_MKNOD] = 'm',
    };
    char *text = arena_array(arena, char, list->n + 1);
    size_t n = 0;

    if (list->n == 0)
        return STR("rwm");
    for (size_t i = 0; i < list->n; i++) {
        if (letters[list->at[i]] != 0)
            text[n++] = letters[list->at[i]];
    }
    return str_span(text, n);
}

static void put_devices(struct arena *arena, const struct ecs_device_list *list,
                        struct docker_host_config *out)
{
    if (list->n == 0)
        return;
    out->has.devices = true;
    out->devices.n = list->n;
    out->devices.at = arena_array(arena, struct docker_device_mapping, list->n);
    for (size_t i = 0; i < list->n; i++) {
        const struct ecs_device *from = &list->at[i];
        struct docker_device_mapping *to = &out->devices.at[i];

        SET(to, path_on_host, from->host_path);
        SET(to, path_in_container,
            from->container_path.len > 0 ? from->container_path : from->host_path);
        SET(to, cgroup_permissions, permissions(arena, &from->permissions));
    }
}

static void put_tmpfs(struct arena *arena, const struct ecs_tmpfs_list *list,
                      struct docker_host_config *out)
{
    if (list->n == 0)
        return;
    out->has.tmpfs = true;
    out->tmpfs.n = list->n;
    out->tmpfs.at = arena_array(arena, struct str_pair, list->n);
    for (size_t i = 0; i < list->n; i++) {
        BUF_AUTO struct buf options = BUF_INIT;

        for (size_t k = 0; k < list->at[i].mount_options.n; k++)
            buf_printf(&options, "%.*s,", STR_ARGS(list->at[i].mount_options.at[k]));
        buf_printf(&options, "size=%dm", list->at[i].size);
        out->tmpfs.at[i] = (struct str_pair){
            .key = list->at[i].container_path,
            .value = str_copy(arena, buf_str(&options)),
        };
    }
}

// maxSwap is what may be swapped out, Docker's number is memory and swap together.
static void put_swap(const struct container_part *part, const struct ecs_linux_parameters *linux_,
                     struct docker_host_config *out)
{
    int32_t memory;

    if (!linux_->has.max_swap || !part_memory(part, &memory))
        return;
    SET(out, memory_swap, MIB * ((int64_t)memory + linux_->max_swap));
    if (linux_->has.swappiness)
        SET(out, memory_swappiness, linux_->swappiness);
}

static void put_linux_parameters(const struct container_part *part, struct docker_host_config *out)
{
    const struct ecs_linux_parameters *linux_ = part->container->linux_parameters;
    struct arena *arena = part->step->arena;

    if (linux_ == NULL)
        return;
    if (linux_->capabilities != NULL && linux_->capabilities->add.n > 0)
        SET(out, cap_add, linux_->capabilities->add);
    if (linux_->capabilities != NULL && linux_->capabilities->drop.n > 0)
        SET(out, cap_drop, linux_->capabilities->drop);
    if (linux_->has.init_process_enabled)
        SET(out, init, linux_->init_process_enabled);
    if (linux_->shared_memory_size > 0)
        SET(out, shm_size, MIB * linux_->shared_memory_size);
    put_devices(arena, &linux_->devices, out);
    put_tmpfs(arena, &linux_->tmpfs, out);
    put_swap(part, linux_, out);
}

// --- HostConfig: the rest

// In awsvpc mode the agent puts the container into the task's own network.
static void put_network(const struct container_part *part, struct docker_host_config *out)
{
    const struct ecs_container_definition *c = part->container;
    enum ecs_network_mode mode = part->definition->network_mode;

    if (mode == ECS_NETWORK_MODE_UNSET)
        mode = ECS_NETWORK_MODE_BRIDGE;
    if (mode != ECS_NETWORK_MODE_AWSVPC)
        SET(out, network_mode, shape_enum_name(&ecs_network_mode_enum, (int)mode));
    if (c->dns_servers.n > 0)
        SET(out, dns, c->dns_servers);
    if (c->dns_search_domains.n > 0)
        SET(out, dns_search, c->dns_search_domains);
    if (c->extra_hosts.n == 0)
        return;
    out->has.extra_hosts = true;
    out->extra_hosts.n = c->extra_hosts.n;
    out->extra_hosts.at = arena_array(part->step->arena, struct str, c->extra_hosts.n);
    for (size_t i = 0; i < c->extra_hosts.n; i++)
        out->extra_hosts.at[i] =
            str_fmt(part->step->arena, "%.*s:%.*s", STR_ARGS(c->extra_hosts.at[i].hostname),
                    STR_ARGS(c->extra_hosts.at[i].ip_address));
}

static void put_ulimits(const struct container_part *part, struct docker_host_config *out)
{
    const struct ecs_ulimit_list *list = &part->container->ulimits;

    if (list->n == 0)
        return;
    out->has.ulimits = true;
    out->ulimits.n = list->n;
    out->ulimits.at = arena_array(part->step->arena, struct docker_ulimit, list->n);
    for (size_t i = 0; i < list->n; i++) {
        SET(&out->ulimits.at[i], name,
            shape_enum_name(&ecs_ulimit_name_enum, (int)list->at[i].name));
        SET(&out->ulimits.at[i], soft, list->at[i].soft_limit);
        SET(&out->ulimits.at[i], hard, list->at[i].hard_limit);
    }
}

static void put_sysctls(const struct container_part *part, struct docker_host_config *out)
{
    const struct ecs_system_control_list *list = &part->container->system_controls;

    if (list->n == 0)
        return;
    out->has.sysctls = true;
    out->sysctls.n = list->n;
    out->sysctls.at = arena_array(part->step->arena, struct str_pair, list->n);
    for (size_t i = 0; i < list->n; i++)
        out->sysctls.at[i] =
            (struct str_pair){.key = list->at[i].namespace, .value = list->at[i].value};
}

static void put_soft_memory(const struct container_part *part, struct docker_host_config *out)
{
    if (part->over != NULL && part->over->has.memory_reservation)
        SET(out, memory_reservation, MIB * part->over->memory_reservation);
    else if (part->container->has.memory_reservation)
        SET(out, memory_reservation, MIB * part->container->memory_reservation);
}

// Of FARGATE: what each container may write. An agent whose engine cannot limit it leaves it out.
static void put_storage(const struct container_part *part, struct docker_host_config *out)
{
    const struct rec_task *rec = part->task->rec;
    struct str_pair *size;

    if (rec->launch_type != ECS_LAUNCH_TYPE_FARGATE)
        return;
    size = arena_new(part->step->arena, struct str_pair);
    size->key = STR("size");
    size->value = str_fmt(part->step->arena, "%dG", task_ephemeral_gib(rec, part->definition));
    SET(out, storage_opt, (struct str_map){.n = 1, .at = size});
}

static struct docker_host_config *host_config(const struct container_part *part)
{
    const struct ecs_container_definition *c = part->container;
    struct docker_host_config *out = arena_new(part->step->arena, struct docker_host_config);

    if (c->has.privileged)
        SET(out, privileged, c->privileged);
    if (c->has.readonly_root_filesystem)
        SET(out, readonly_rootfs, c->readonly_root_filesystem);
    if (c->docker_security_options.n > 0)
        SET(out, security_opt, c->docker_security_options);
    if (c->has.log_configuration)
        SET(out, log_config, log_config(part));
    put_network(part, out);
    put_soft_memory(part, out);
    put_ulimits(part, out);
    put_sysctls(part, out);
    put_storage(part, out);
    put_linux_parameters(part, out);
    return out;
}

// The least version of Docker's API that knows what is asked for.
static struct str version(const struct docker_config *config, const struct docker_host_config *host)
{
    if (config->healthcheck != NULL && config->healthcheck->has.start_period)
        return STR("1.29");
    if (host->has.init)
        return STR("1.25");
    if (config->healthcheck != NULL)
        return STR("1.24");
    return STR("1.18");
}

struct acs_docker_config *payload_docker(const struct container_part *part)
{
    struct acs_docker_config *out = arena_new(part->step->arena, struct acs_docker_config);

    SET(out, config, config(part));
    SET(out, host_config, host_config(part));
    SET(out, version, version(out->config, out->host_config));
    return out;
}
