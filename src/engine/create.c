// The body of the create call (ecs-behaviour-agent 1.1 to 1.6, 1.15, 1.17, 1.18, 1.21).
//
// Four layers, a later one wins: what the payload's typed fields say; the Docker objects that the
// server rendered (dockerConfig), merged over it; what only this host knows (cgroup, ports,
// devices, log credentials); the agent's labels.
//
// Not here: limits of the task as a whole. They belong to the task's cgroup, which the shell makes
// when settings.task_cgroups is on; a container limit in their place would be a different limit.

#include "engine/state.h"

#include "shape/walk.h"

enum {
    CPU_SHARES_MIN = 2,
    CPU_SHARES_MAX = 262144,
    MIB = 1024 * 1024,
    MEMORY_MIN = 4 * MIB,
    API_MINOR_MIN = 21,
};

// ---- names

// A random 63-bit number as a varint in ten bytes, in hex: twenty digits, often with zeros at the
// end.
struct str create_suffix(struct arena *arena, struct rng *rng)
{
    static const char digits[] = "0123456789abcdef";
    uint64_t value = rng_next(rng) >> 1;
    char hex[20];

    for (int i = 0; i < 10; i++) {
        unsigned byte = (unsigned)(value & 0x7f) | (value > 0x7f ? 0x80u : 0);

        hex[2 * i] = digits[byte >> 4];
        hex[2 * i + 1] = digits[byte & 15];
        value >>= 7;
    }
    return str_copy(arena, str_span(hex, sizeof(hex)));
}

static bool is_name_char(char ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') ||
           ch == '-';
}

struct str create_runtime_name(struct engine *engine, const struct container *c)
{
    const struct acs_task *spec = c->task->spec;
    struct arena *arena = &c->task->arena;
    char *clean = arena_alloc(arena, c->spec->name.len + 1);
    struct str suffix = create_suffix(arena, &engine->rng);
    size_t n = 0;

    for (size_t i = 0; i < c->spec->name.len; i++) {
        if (is_name_char(c->spec->name.ptr[i]))
            clean[n++] = c->spec->name.ptr[i];
    }
    return str_fmt(arena, "ecs-%.*s-%.*s-%s-%.*s", STR_ARGS(spec->family), STR_ARGS(spec->version),
                   clean, STR_ARGS(suffix));
}

// ---- typed fields

static int64_t clamp(int64_t value, int64_t min, int64_t max)
{
    if (value < min)
        return min;
    return value > max ? max : value;
}

static int64_t memory_bytes(const struct engine *engine, const struct container *c)
{
    const struct engine_settings *settings = &engine->settings;
    int64_t mib = c->spec->memory;

    if (mib <= 0 && settings->cgroup_v2 && settings->propagate_task_memory)
        mib = c->task->spec->memory;
    if (mib <= 0)
        return 0;
    return mib * MIB < MEMORY_MIN ? MEMORY_MIN : mib * MIB;
}

static bool fill_links(struct container *c, struct docker_host_config *host, struct arena *arena)
{
    struct str_list links = {.at = arena_array(arena, struct str, c->spec->links.n)};

    for (size_t i = 0; i < c->spec->links.n; i++) {
        struct str name;
        struct str alias;
        const struct container *other;

        if (!str_cut(c->spec->links.at[i], ':', &name, &alias))
            alias = name;
        other = task_container(c->task, name);
        if (str_has_char(alias, ':') || other == NULL) {
            container_note(c, "HostConfigError", STR("Invalid link format"));
            return false;
        }
        links.at[links.n++] =
            str_fmt(arena, "%.*s:%.*s", STR_ARGS(other->runtime_name), STR_ARGS(alias));
    }
    if (links.n > 0)
        SET(host, links, links);
    return true;
}

static void fill_volumes_from(const struct container *c, struct docker_host_config *host,
                              struct arena *arena)
{
    const struct acs_volume_from_list *from = &c->spec->volumes_from;
    struct str_list list = {.at = arena_array(arena, struct str, from->n)};

    for (size_t i = 0; i < from->n; i++) {
        const struct container *other = task_container(c->task, from->at[i].source_container);

        ASSERT(other != NULL); // depend_build has looked every name up
        list.at[list.n++] = str_fmt(arena, "%.*s%s", STR_ARGS(other->runtime_name),
                                    from->at[i].read_only ? ":ro" : "");
    }
    if (list.n > 0)
        SET(host, volumes_from, list);
}

static void fill_config(struct engine *engine, const struct container *c,
                        struct docker_config *config)
{
    const struct acs_container *spec = c->spec;

    SET(config, image, spec->image);
    if (spec->has.overrides && spec->overrides->has.command)
        SET(config, cmd, spec->overrides->command);
    else if (spec->command.n > 0)
        SET(config, cmd, spec->command);
    if (spec->entry_point.n > 0)
        SET(config, entrypoint, spec->entry_point);
    if (c->role == CONTAINER_NETWORK_PAUSE)
        SET(config, hostname, network_hostname(c->task));
    if (!pause_is(c))
        SET(config, env, environment_build(engine, c));
}

static bool fill_host(struct engine *engine, struct container *c, struct docker_config *config,
                      struct docker_host_config *host)
{
    struct arena *arena = engine->out->arena;

    SET(host, cpu_shares, clamp(c->spec->cpu, CPU_SHARES_MIN, CPU_SHARES_MAX));
    if (memory_bytes(engine, c) > 0)
        SET(host, memory, memory_bytes(engine, c));
    ports_fill(engine, c, config, host);
    fill_volumes_from(c, host, arena);
    return fill_links(c, host, arena) && bind_fill(engine, c, host);
}

// ---- what the server rendered, and what only the host knows

struct str create_network_mode(const struct container *c)
{
    const struct acs_docker_config *rendered = c->spec->docker_config;

    if (pause_is(c))
        return STR("none");
    if (pause_of(c->task, CONTAINER_NETWORK_PAUSE) != NULL)
        return STR("awsvpc");
    if (rendered != NULL && rendered->host_config != NULL &&
        rendered->host_config->network_mode.len > 0)
        return rendered->host_config->network_mode;
    if (c->task->spec->network_mode.len > 0)
        return c->task->spec->network_mode;
    return STR("bridge");
}

static void merge_rendered(const struct container *c, struct arena *arena,
                           struct docker_config *config, struct docker_host_config *host)
{
    const struct acs_docker_config *rendered = c->spec->docker_config;

    if (rendered == NULL)
        return;
    if (rendered->config != NULL)
        shape_merge(arena, &docker_config_shape, config, rendered->config);
    if (rendered->host_config != NULL)
        shape_merge(arena, &docker_host_config_shape, host, rendered->host_config);
}

// Of the pause container, which is there before anybody else of the task (pause_allows).
static struct str inside(const struct container *pause, struct arena *arena)
{
    ASSERT(pause->runtime_id.len > 0);
    return str_fmt(arena, "container:%.*s", STR_ARGS(pause->runtime_id));
}

static struct str network_mode_of(const struct container *c, struct arena *arena)
{
    const struct container *holder = pause_of(c->task, CONTAINER_NETWORK_PAUSE);

    return holder == NULL || pause_is(c) ? create_network_mode(c) : inside(holder, arena);
}

static void fill_pause(const struct engine *engine, const struct container *c,
                       struct docker_host_config *host)
{
    if (c->role == CONTAINER_NAMESPACE_PAUSE && str_eq(c->task->spec->ipc_mode, STR("task")))
        SET(host, ipc_mode, STR("shareable"));
    if (c->role != CONTAINER_NETWORK_PAUSE)
        return;
    if (engine->settings.network_dns.n > 0)
        SET(host, dns, engine->settings.network_dns);
    if (engine->settings.network_search.n > 0)
        SET(host, dns_search, engine->settings.network_search);
}

static void fill_modes(const struct container *c, struct arena *arena,
                       struct docker_host_config *host)
{
    const struct acs_task *task = c->task->spec;
    const struct container *shared = pause_of(c->task, CONTAINER_NAMESPACE_PAUSE);
    struct str word = STR("task");

    if (task->pid_mode.len > 0)
        SET(host, pid_mode, str_eq(task->pid_mode, word) ? inside(shared, arena) : task->pid_mode);
    if (task->ipc_mode.len > 0)
        SET(host, ipc_mode, str_eq(task->ipc_mode, word) ? inside(shared, arena) : task->ipc_mode);
}

struct str create_cgroup_parent(const struct engine *engine, const struct task *task,
                                struct arena *arena)
{
    struct str id = task_short_id(task);

    if (engine->settings.cgroup_slices)
        return str_fmt(arena, "ecstasks-%.*s.slice", STR_ARGS(id));
    return str_fmt(arena, "/ecs/%.*s", STR_ARGS(id));
}

static void fill_namespaces(struct engine *engine, const struct container *c,
                            struct docker_host_config *host)
{
    struct arena *arena = engine->out->arena;

    SET(host, network_mode, network_mode_of(c, arena));
    if (pause_is(c))
        fill_pause(engine, c, host);
    else
        fill_modes(c, arena, host);
    if (engine->settings.task_cgroups)
        SET(host, cgroup_parent, create_cgroup_parent(engine, c->task, arena));
}

static struct str_pair *map_find(struct str_map map, struct str key)
{
    for (size_t i = 0; i < map.n; i++) {
        if (str_eq(map.at[i].key, key))
            return &map.at[i];
    }
    return NULL;
}

static bool map_has(struct str_map map, struct str key, struct str *out_value)
{
    const struct str_pair *pair = map_find(map, key);

    if (pair != NULL)
        *out_value = pair->value;
    return pair != NULL;
}

static void map_put(struct arena *arena, struct str_map *map, struct str key, struct str value)
{
    struct str_pair *known = map_find(*map, key);
    struct str_pair *grown;

    if (known != NULL) {
        known->value = value;
        return;
    }
    grown = arena_array(arena, struct str_pair, map->n + 1);
    if (map->n > 0)
        memcpy(grown, map->at, map->n * sizeof(*grown));
    grown[map->n] = (struct str_pair){.key = key, .value = value};
    map->at = grown;
    map->n++;
}

// Of a sender to the task's router the router has them instead.
static void fill_log_secrets(const struct container *c, struct arena *arena,
                             struct docker_log_config *log)
{
    const struct acs_secret_list *secrets = &c->spec->secrets;

    for (size_t i = 0; i < secrets->n; i++) {
        const struct acs_secret *secret = &secrets->at[i];
        struct str value;

        if (secret->target == ACS_SECRET_TARGET_LOG_DRIVER &&
            resource_value(c->task, HOST_RESOURCE_KIND_SECRETS, secret->value_from, secret->region,
                           &value)) {
            map_put(arena, &log->config, secret->name, value);
            log->has.config = true;
        }
    }
}

// What an awslogs driver is told by this host: where the service is, when it is not Amazon's.
static void fill_awslogs(const struct engine *engine, struct arena *arena,
                         struct docker_log_config *log)
{
    struct str value;

    if (!str_eq(log->type, STR("awslogs")) || engine->settings.awslogs_endpoint.len == 0 ||
        map_has(log->config, STR("awslogs-endpoint"), &value))
        return;
    map_put(arena, &log->config, STR("awslogs-endpoint"), engine->settings.awslogs_endpoint);
    log->has.config = true;
}

static bool fill_log(struct engine *engine, struct container *c, struct docker_host_config *host)
{
    struct docker_log_config *log = host->log_config;
    struct arena *arena = engine->out->arena;
    struct str execution = c->task->execution_credentials;
    struct str value;

    if (log == NULL)
        return true;
    if (router_sends_to_it(c)) {
        router_fill_log(engine, c, arena, log);
        return true;
    }
    fill_log_secrets(c, arena, log);
    fill_awslogs(engine, arena, log);
    if (map_has(log->config, STR("mode"), &value) && str_eq(value, STR("non-blocking")) &&
        !map_has(log->config, STR("max-buffer-size"), &value)) {
        map_put(arena, &log->config, STR("max-buffer-size"), STR("10m"));
        log->has.config = true;
    }
    if (c->spec->logs_auth_strategy != ACS_AUTH_STRATEGY_EXECUTIONROLE ||
        !engine->settings.metadata_endpoints)
        return true; // where nobody serves keys, the container engine's own have to do
    if (execution.len == 0) {
        container_note(c, "HostConfigError", STR("No execution credentials set for the task"));
        return false;
    }
    map_put(arena, &log->config, STR("awslogs-credentials-endpoint"),
            str_fmt(arena, "/v2/credentials/%.*s", STR_ARGS(execution)));
    log->has.config = true;
    return true;
}

static struct str_list gpus_of(const struct container *c, struct arena *arena)
{
    const struct acs_association_list *all = &c->task->spec->associations;
    struct str_list ids = {.at = arena_array(arena, struct str, all->n)};

    for (size_t i = 0; i < all->n; i++) {
        if (all->at[i].type == ACS_ASSOCIATION_TYPE_GPU && all->at[i].containers.n == 1 &&
            str_eq(all->at[i].containers.at[0], c->spec->name))
            ids.at[ids.n++] = all->at[i].name;
    }
    return ids;
}

static bool fill_gpus(struct engine *engine, struct container *c, struct docker_host_config *host)
{
    struct arena *arena = engine->out->arena;
    struct str_list ids = gpus_of(c, arena);
    struct docker_device_request *request;

    if (ids.n == 0)
        return true;
    if (engine->settings.external) {
        request = arena_new(arena, struct docker_device_request);
        SET(request, capabilities, STR("[[\"gpu\"]]"));
        SET(request, device_i_ds, ids);
        SET(host, device_requests, (struct docker_device_request_list){.n = 1, .at = request});
        return true;
    }
    if (engine->settings.gpu_runtime.len == 0) {
        container_note(c, "HostConfigError", STR("Runtime is not set for GPU containers"));
        return false;
    }
    SET(host, runtime, engine->settings.gpu_runtime);
    return true;
}

// ---- labels and version

static void fill_labels(const struct engine *engine, const struct container *c,
                        struct docker_config *config)
{
    struct arena *arena = engine->out->arena;
    struct str_pair own[] = {
        {STR("com.amazonaws.ecs.cluster"), engine->settings.cluster},
        {STR("com.amazonaws.ecs.container-name"), c->spec->name},
        {STR("com.amazonaws.ecs.task-arn"), c->task->arn},
        {STR("com.amazonaws.ecs.task-definition-family"), c->task->spec->family},
        {STR("com.amazonaws.ecs.task-definition-version"), c->task->spec->version},
        {STR(ENGINE_OWNER_LABEL), engine->settings.owner},
    };
    size_t n = sizeof(own) / sizeof(*own) - (engine->settings.owner.len == 0);
    struct docker_config over = {0};

    if (pause_is(c) && engine->settings.pause_labels.n > 0) {
        SET(&over, labels, engine->settings.pause_labels);
        shape_merge(arena, &docker_config_shape, config, &over);
    }
    SET(&over, labels, (struct str_map){.n = n, .at = own}); // merged by key: ours win
    shape_merge(arena, &docker_config_shape, config, &over);
}

// The newer of what the server asks for and the oldest that this engine works with.
static struct str api_version(const struct container *c, struct arena *arena)
{
    struct str major = STR_NONE;
    struct str minor = STR_NONE;
    int64_t number = 0;

    if (c->spec->docker_config == NULL ||
        !str_cut(c->spec->docker_config->version, '.', &major, &minor) ||
        !str_eq(major, STR("1")) || !str_to_i64(minor, &number) || number < API_MINOR_MIN)
        return str_fmt(arena, "1.%d", API_MINOR_MIN);
    return str_fmt(arena, "1.%lld", (long long)number);
}

bool create_build(struct engine *engine, struct container *c, struct host_call *call)
{
    struct arena *arena = engine->out->arena;
    struct docker_config *config = arena_new(arena, struct docker_config);
    struct docker_host_config *host = arena_new(arena, struct docker_host_config);

    fill_config(engine, c, config);
    if (!fill_host(engine, c, config, host))
        return false;
    merge_rendered(c, arena, config, host);
    if (!engine->settings.storage_limits)
        host->has.storage_opt = false; // the runtime would refuse the whole container
    fill_namespaces(engine, c, host);
    if (router_is(c))
        router_fill_binds(engine, c, arena, host);
    if (!fill_log(engine, c, host) || !fill_gpus(engine, c, host))
        return false;
    if (c->spec->health_check_type == ACS_HEALTH_CHECK_TYPE_DOCKER && config->healthcheck == NULL) {
        container_note(
            c, "DockerClientConfigError",
            STR("docker health check is nil while container health check type is DOCKER"));
        return false;
    }
    fill_labels(engine, c, config);
    SET(call, config, shape_copy(arena, &docker_config_shape, config)); // a step's output only
    SET(call, host_config, shape_copy(arena, &docker_host_config_shape, host));
    SET(call, api_version, api_version(c, arena));
    return true;
}
