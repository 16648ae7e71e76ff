// See config.h. One table says which variable sets what; the JSON ones go through the codec.

#include "agent/config.h"

#include "agent/config_unused.h"
#include "agent/duration.h"
#include "base/arena.h"
#include "base/buf.h"
#include "host/groups.h"
#include "io/file.h"
#include "wire/codec.h"
#include "wire/crypto.h"

enum {
    CONFIG_MAX = 1 << 20,
    DURATION_LEAST_MS = 1000,
    CGROUP_PERIOD_MIN_MS = 8,
    CGROUP_PERIOD_MAX_MS = 100,
    PIDS_MAX = 4194304,
};

struct loader {
    struct arena *arena;
    config_getenv_fn *environment;
    struct str file; // text of ecs.config
    struct agent_config *out;
    struct str why;
};

static int bad(struct loader *l, const char *name, const char *what, struct str value)
{
    l->why = str_fmt(l->arena, "%s %s, not '%.*s'", name, what, STR_ARGS(value));
    return CONFIG_E_BAD;
}

// The last line that sets the name counts, as in a file that a shell would read.
static struct str from_file(struct loader *l, struct str name)
{
    struct str rest = l->file;
    struct str found = STR_NONE;
    struct str line;
    struct str key;
    struct str value;

    while (rest.len > 0) {
        str_cut(rest, '\n', &line, &rest);
        line = str_trim(line);
        if (line.len == 0 || line.ptr[0] == '#' || !str_cut(line, '=', &key, &value))
            continue;
        if (str_eq(str_trim(key), name))
            found = str_trim(value);
    }
    if (found.len >= 2 && found.ptr[0] == found.ptr[found.len - 1] &&
        (found.ptr[0] == '"' || found.ptr[0] == '\''))
        found = str_span(found.ptr + 1, found.len - 2);
    return found;
}

static struct str setting(struct loader *l, const char *name)
{
    const char *value = l->environment(name);

    if (value != NULL && value[0] != '\0')
        return str_of(value);
    return from_file(l, str_of(name));
}

static int read_bool(struct loader *l, const char *name, bool *out)
{
    struct str value = setting(l, name);

    if (value.len == 0)
        return 0;
    *out = str_eq_nocase(value, STR("true")) || str_eq(value, STR("1"));
    if (!*out && !str_eq_nocase(value, STR("false")) && !str_eq(value, STR("0")))
        return bad(l, name, "is true or false", value);
    return 0;
}

static int read_duration(struct loader *l, const char *name, int64_t least_ms, time_ms *out)
{
    struct str value = setting(l, name);
    int64_t ms;

    if (value.len == 0)
        return 0;
    if (!duration_parse(value, &ms))
        return bad(l, name, "is a duration like 30s or 1h30m", value);
    *out = ms < least_ms ? least_ms : ms;
    return 0;
}

// Those that clean up: what is too short to be meant leaves the default (ecs-behaviour-agent 3.5).
static int read_long_duration(struct loader *l, const char *name, int64_t least_ms, time_ms *out)
{
    time_ms usual = *out;

    if (read_duration(l, name, 0, out) != 0)
        return CONFIG_E_BAD;
    if (*out < least_ms)
        *out = usual;
    return 0;
}

static int read_number(struct loader *l, const char *name, int64_t *out)
{
    struct str value = setting(l, name);

    if (value.len > 0 && (!str_to_i64(value, out) || *out < 0))
        return bad(l, name, "is a whole number", value);
    return 0;
}

// A JSON object of texts.
static int read_map(struct loader *l, const char *name, struct str_map *out)
{
    struct str value = setting(l, name);
    struct host_text_map map = {0};
    struct codec_report report = {0};
    struct str wrapped = str_fmt(l->arena, "{\"map\":%.*s}", STR_ARGS(value));

    if (value.len == 0)
        return 0;
    if (codec_decode(l->arena, &host_text_map_shape, wrapped, &codec_peer, &map, &report) != 0)
        return bad(l, name, "is a JSON object of texts", value);
    *out = map.map;
    return 0;
}

static int read_list(struct loader *l, const char *name, struct str_list *out)
{
    struct str value = setting(l, name);
    struct host_text_list list = {0};
    struct codec_report report = {0};
    struct str wrapped = str_fmt(l->arena, "{\"list\":%.*s}", STR_ARGS(value));

    if (value.len == 0)
        return 0;
    if (codec_decode(l->arena, &host_text_list_shape, wrapped, &codec_peer, &list, &report) != 0)
        return bad(l, name, "is a JSON list of texts", value);
    *out = list.list;
    return 0;
}

// [22, 2375]: numbers, kept as texts and as numbers.
static int read_ports(struct loader *l, const char *name, struct int_list fallback,
                      struct str_list *out_texts, struct int_list *out)
{
    struct str value = setting(l, name);
    struct host_number_list list = {.list = fallback};
    struct codec_report report = {0};
    struct str wrapped = str_fmt(l->arena, "{\"list\":%.*s}", STR_ARGS(value));

    if (value.len > 0 &&
        codec_decode(l->arena, &host_number_list_shape, wrapped, &codec_peer, &list, &report) != 0)
        return bad(l, name, "is a JSON list of port numbers", value);
    out_texts->at = arena_array(l->arena, struct str, list.list.n);
    out_texts->n = list.list.n;
    for (size_t i = 0; i < list.list.n; i++) {
        if (list.list.at[i] < 1 || list.list.at[i] > UINT16_MAX)
            return bad(l, name, "is a JSON list of port numbers", value);
        out_texts->at[i] = str_fmt(l->arena, "%d", list.list.at[i]);
    }
    *out = list.list;
    return 0;
}

static int read_attributes(struct loader *l)
{
    struct ecs_attribute_list *out = &l->out->attributes;
    struct str_map map = {0};

    if (read_map(l, "ECS_INSTANCE_ATTRIBUTES", &map) != 0)
        return CONFIG_E_BAD;
    out->at = arena_array(l->arena, struct ecs_attribute, map.n);
    out->n = map.n;
    for (size_t i = 0; i < map.n; i++) {
        SET(&out->at[i], name, map.at[i].key);
        if (map.at[i].value.len > 0)
            SET(&out->at[i], value, map.at[i].value);
    }
    return 0;
}

static int read_tags(struct loader *l)
{
    struct ecs_tag_list *out = &l->out->tags;
    struct str_map map = {0};

    if (read_map(l, "ECS_CONTAINER_INSTANCE_TAGS", &map) != 0)
        return CONFIG_E_BAD;
    out->at = arena_array(l->arena, struct ecs_tag, map.n);
    out->n = map.n;
    for (size_t i = 0; i < map.n; i++) {
        SET(&out->at[i], key, map.at[i].key);
        SET(&out->at[i], value, map.at[i].value);
    }
    return 0;
}

static int read_pull_behaviour(struct loader *l)
{
    static const struct {
        struct str name;
        enum engine_pull pull;
    } known[] = {
        {STR_INIT("default"), ENGINE_PULL_DEFAULT},
        {STR_INIT("always"), ENGINE_PULL_ALWAYS},
        {STR_INIT("once"), ENGINE_PULL_ONCE},
        {STR_INIT("prefer-cached"), ENGINE_PULL_PREFER_CACHED},
    };
    struct str value = setting(l, "ECS_IMAGE_PULL_BEHAVIOR");

    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (str_eq(value, known[i].name)) {
            l->out->engine.pull = known[i].pull;
            return 0;
        }
    }
    if (value.len == 0)
        return 0;
    return bad(l, "ECS_IMAGE_PULL_BEHAVIOR", "is default, always, once or prefer-cached", value);
}

static bool parse_range(struct str text, int32_t *out_first, int32_t *out_last)
{
    struct str low;
    struct str high;
    int64_t first;
    int64_t last;

    text = str_trim(text);
    if (!str_cut(text, '-', &low, &high) && !str_cut(text, '\t', &low, &high))
        return false;
    if (!str_to_i64(str_trim(low), &first) || !str_to_i64(str_trim(high), &last))
        return false;
    if (first < 1 || last > UINT16_MAX || first > last)
        return false;
    *out_first = (int32_t)first;
    *out_last = (int32_t)last;
    return true;
}

// The setting, else the kernel's own range, else the one that Docker documents.
static int read_port_range(struct loader *l)
{
    struct str value = setting(l, "ECS_DYNAMIC_HOST_PORT_RANGE");
    BUF_AUTO struct buf kernel = BUF_INIT;
    struct engine_settings *engine = &l->out->engine;

    if (value.len > 0) {
        if (!parse_range(value, &engine->port_first, &engine->port_last))
            return bad(l, "ECS_DYNAMIC_HOST_PORT_RANGE", "is a range like 32768-60999", value);
        return 0;
    }
    if (file_read("/proc/sys/net/ipv4/ip_local_port_range", 64, &kernel) == 0 &&
        !parse_range(buf_str(&kernel), &engine->port_first, &engine->port_last))
        return 0; // the default stands
    return 0;
}

static int read_engine(struct loader *l)
{
    struct engine_settings *e = &l->out->engine;
    bool exclude_ipv6 = true;
    const struct {
        const char *name;
        int64_t least_ms;
        time_ms *out;
    } durations[] = {
        {"ECS_CONTAINER_STOP_TIMEOUT", DURATION_LEAST_MS, &e->stop_timeout_ms},
        {"ECS_CONTAINER_START_TIMEOUT", 45 * TIME_SECOND_MS, &e->start_timeout_ms},
        {"ECS_CONTAINER_CREATE_TIMEOUT", TIME_MINUTE_MS, &e->create_timeout_ms},
        {"ECS_MANIFEST_PULL_TIMEOUT", 30 * TIME_SECOND_MS, &e->manifest_timeout_ms},
        {"ECS_IMAGE_PULL_TIMEOUT", DURATION_LEAST_MS, &e->pull_timeout_ms},
        {"ECS_IMAGE_PULL_INACTIVITY_TIMEOUT", DURATION_LEAST_MS, &e->pull_idle_ms},
        {"ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION_JITTER", 0, &e->cleanup_jitter_ms},
    };

    for (size_t i = 0; i < sizeof durations / sizeof *durations; i++) {
        if (read_duration(l, durations[i].name, durations[i].least_ms, durations[i].out) != 0)
            return CONFIG_E_BAD;
    }
    if (read_long_duration(l, "ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION", DURATION_LEAST_MS,
                           &e->cleanup_wait_ms) != 0)
        return CONFIG_E_BAD;
    if (read_pull_behaviour(l) != 0 || read_port_range(l) != 0 ||
        read_bool(l, "ECS_PULL_DEPENDENT_CONTAINERS_UPFRONT", &e->pull_dependents_upfront) != 0 ||
        read_bool(l, "ECS_SHARED_VOLUME_MATCH_FULL_CONFIG", &e->shared_volume_match) != 0 ||
        read_bool(l, "ECS_EXCLUDE_IPV6_PORTBINDING", &exclude_ipv6) != 0)
        return CONFIG_E_BAD;
    e->report_ipv6_bindings = !exclude_ipv6;
    return 0;
}

// The task as a whole (ecs-behaviour-agent 1.6). What the host cannot do is switched off later.
static int read_task_limits(struct loader *l)
{
    struct engine_settings *e = &l->out->engine;
    time_ms period_ms = CGROUP_PERIOD_MAX_MS;
    int64_t pids = 0;
    struct str root = setting(l, "ECS_CGROUP_PATH");

    e->task_cgroups = true;
    if (read_bool(l, "ECS_ENABLE_TASK_CPU_MEM_LIMIT", &e->task_cgroups) != 0 ||
        read_bool(l, "ECS_PROPAGATE_TASK_MEMORY_LIMIT_CGROUPV2", &e->propagate_task_memory) != 0 ||
        read_duration(l, "ECS_CGROUP_CPU_PERIOD", 0, &period_ms) != 0 ||
        read_number(l, "ECS_TASK_PIDS_LIMIT", &pids) != 0)
        return CONFIG_E_BAD;
    if (period_ms < CGROUP_PERIOD_MIN_MS || period_ms > CGROUP_PERIOD_MAX_MS)
        period_ms = CGROUP_PERIOD_MAX_MS;
    if (pids > PIDS_MAX)
        return bad(l, "ECS_TASK_PIDS_LIMIT", "is a number up to 4194304",
                   setting(l, "ECS_TASK_PIDS_LIMIT"));
    e->cgroup_period_us = (int32_t)period_ms * 1000;
    e->task_pids_limit = (int32_t)pids;
    l->out->cgroup_root = str_cstr(l->arena, root.len > 0 ? root : STR("/sys/fs/cgroup"));
    return 0;
}

// ["efsAuth"]: the volume plugin is there.
static int read_plugin(struct loader *l)
{
    struct str_list list = {0};

    if (read_list(l, "ECS_VOLUME_PLUGIN_CAPABILITIES", &list) != 0)
        return CONFIG_E_BAD;
    for (size_t i = 0; i < list.n; i++)
        l->out->engine.efs_plugin |= str_eq(list.at[i], STR("efsAuth"));
    return 0;
}

static int read_count(struct loader *l, const char *name, int32_t *out)
{
    int64_t value = *out;

    if (read_number(l, name, &value) != 0)
        return CONFIG_E_BAD;
    *out = value > INT32_MAX ? INT32_MAX : (int32_t)value;
    return 0;
}

// Names stand in a list with commas.
static int read_kept_images(struct loader *l)
{
    struct str rest = setting(l, "ECS_EXCLUDE_UNTRACKED_IMAGE");
    struct str_list *out = &l->out->engine.images_kept;
    struct str name;

    out->at = arena_array(l->arena, struct str, rest.len + 1);
    while (rest.len > 0) {
        str_cut(rest, ',', &name, &rest);
        name = str_trim(name);
        if (name.len > 0)
            out->at[out->n++] = name;
    }
    return 0;
}

// Automated image cleanup (ecs-behaviour-agent 1.7.5).
static int read_cleaning(struct loader *l)
{
    struct engine_settings *e = &l->out->engine;

    if (read_bool(l, "ECS_DISABLE_IMAGE_CLEANUP", &e->keeps_images) != 0 ||
        read_long_duration(l, "ECS_IMAGE_CLEANUP_INTERVAL", 10 * TIME_MINUTE_MS,
                           &e->image_interval_ms) != 0 ||
        read_duration(l, "ECS_IMAGE_MINIMUM_CLEANUP_AGE", 0, &e->image_min_age_ms) != 0 ||
        read_duration(l, "NON_ECS_IMAGE_MINIMUM_CLEANUP_AGE", 0, &e->strange_image_min_age_ms) !=
            0 ||
        read_count(l, "ECS_NUM_IMAGES_DELETE_PER_CYCLE", &e->images_per_cycle) != 0 ||
        read_count(l, "NONECS_NUM_CONTAINERS_DELETE_PER_CYCLE", &e->strangers_per_cycle) != 0 ||
        read_bool(l, "ECS_ENABLE_UNTRACKED_IMAGE_CLEANUP", &e->cleans_strangers) != 0)
        return CONFIG_E_BAD;
    return read_kept_images(l);
}

static int read_host(struct loader *l)
{
    static int32_t tcp[] = {22, 2375, 2376, 51678, 51679};
    struct agent_config *out = l->out;
    struct int_list default_tcp = {.n = sizeof tcp / sizeof *tcp, .at = tcp};
    struct int_list none = {0};
    static struct str default_drivers[] = {STR_INIT("json-file"), STR_INIT("syslog"),
                                           STR_INIT("awslogs"), STR_INIT("fluentd"),
                                           STR_INIT("none")}; // as the packaged ECS agent
    const struct {
        const char *name;
        bool *out;
    } switches[] = {
        {"ECS_EXTERNAL", &out->external},
        {"ECS_DISABLE_PRIVILEGED", &out->privileged_disabled},
        {"ECS_SELINUX_CAPABLE", &out->selinux},
        {"ECS_APPARMOR_CAPABLE", &out->apparmor},
        {"ECS_ENABLE_FIRELENS_ASYNC", &out->engine.firelens_async},
        {"ECS_ENABLE_GPU_SUPPORT", &out->gpus},
        {"ECS_DISABLE_METRICS", &out->metrics_disabled},
        {"ECS_DISABLE_DOCKER_HEALTH_CHECK", &out->health_disabled},
        {"ECS_ENABLE_TASK_IAM_ROLE", &out->task_roles},
        {"ECS_ENABLE_TASK_IAM_ROLE_NETWORK_HOST", &out->task_roles_of_host},
        {"ECS_ENABLE_AWSLOGS_EXECUTIONROLE_OVERRIDE", &out->log_roles},
        {"ECS_SKIP_LOCALHOST_TRAFFIC_FILTER", &out->loopback_open},
        {"ECS_ENABLE_CONTAINER_METADATA", &out->metadata_files},
        {"ECS_DISABLE_TASK_METADATA_AZ", &out->zone_hidden},
        {"ECS_ALLOW_OFFHOST_INTROSPECTION_ACCESS", &out->introspection_off_host},
        {"ECS_AUDIT_LOGFILE_DISABLED", &out->audit_disabled},
    };

    for (size_t i = 0; i < sizeof switches / sizeof *switches; i++) {
        if (read_bool(l, switches[i].name, switches[i].out) != 0)
            return CONFIG_E_BAD;
    }
    out->log_drivers = (struct str_list){.n = sizeof default_drivers / sizeof *default_drivers,
                                         .at = default_drivers};
    if (read_list(l, "ECS_AVAILABLE_LOGGING_DRIVERS", &out->log_drivers) != 0 ||
        read_number(l, "ECS_RESERVED_MEMORY", &out->reserved_memory_mib) != 0 ||
        read_ports(l, "ECS_RESERVED_PORTS", default_tcp, &out->reserved_tcp,
                   &out->engine.reserved_tcp) != 0 ||
        read_ports(l, "ECS_RESERVED_PORTS_UDP", none, &out->reserved_udp,
                   &out->engine.reserved_udp) != 0)
        return CONFIG_E_BAD;
    out->engine.gpu_runtime = setting(l, "ECS_NVIDIA_RUNTIME");
    if (out->engine.gpu_runtime.len == 0)
        out->engine.gpu_runtime = STR("nvidia");
    out->os_family_detail = setting(l, "ECS_DETAILED_OS_FAMILY");
    if (out->os_family_detail.len == 0)
        out->os_family_detail = STR("LINUX");
    return 0;
}

// `auth` is base64 of "user:password".
bool config_registry_auth(struct arena *arena, const struct host_registry_login *login,
                          struct docker_registry_auth *out)
{
    BUF_AUTO struct buf decoded = BUF_INIT;
    struct str user = login->username;
    struct str password = login->password;

    *out = (struct docker_registry_auth){0};
    if (login->has.auth) {
        if (!base64_decode(login->auth, &decoded) ||
            !str_cut(buf_str(&decoded), ':', &user, &password))
            return false;
    } else if (!login->has.username || !login->has.password) {
        return false;
    }
    SET(out, username, str_copy(arena, user));
    SET(out, password, str_copy(arena, password));
    return true;
}

// Registry logins: {"<registry>": {"username": ..., "password": ...}} or Docker's own "auths" form.
static int read_registries(struct loader *l)
{
    struct str type = setting(l, "ECS_ENGINE_AUTH_TYPE");
    struct str data = setting(l, "ECS_ENGINE_AUTH_DATA");
    struct str wrapped = str_fmt(l->arena, "{\"map\":%.*s}", STR_ARGS(data));
    struct host_registry_logins logins = {0};
    struct codec_report report = {0};
    struct engine_settings *engine = &l->out->engine;

    if (type.len == 0 || data.len == 0)
        return 0;
    if (!str_eq(type, STR("docker")) && !str_eq(type, STR("dockercfg")))
        return bad(l, "ECS_ENGINE_AUTH_TYPE", "is docker or dockercfg", type);
    if (codec_decode(l->arena, &host_registry_logins_shape, wrapped, &codec_peer, &logins,
                     &report) != 0)
        return bad(l, "ECS_ENGINE_AUTH_DATA", "is a JSON object of registries", STR("(hidden)"));
    engine->registries = arena_array(l->arena, struct engine_registry, logins.map.n);
    engine->registries_n = logins.map.n;
    for (size_t i = 0; i < logins.map.n; i++) {
        engine->registries[i].prefix = logins.map.at[i].key;
        if (!config_registry_auth(l->arena, &logins.map.at[i].value, &engine->registries[i].auth))
            return bad(l, "ECS_ENGINE_AUTH_DATA", "has logins with username and password or auth",
                       STR("(hidden)"));
    }
    return 0;
}

static int read_port(struct loader *l, const char *flag, const char *name, uint16_t *out)
{
    int64_t port;

    if (flag == NULL)
        return 0;
    if (!str_to_i64(str_of(flag), &port) || port < 0 || port > UINT16_MAX)
        return bad(l, name, "is a port, or 0 for none", str_of(flag));
    *out = (uint16_t)port;
    return 0;
}

static int read_rate(struct loader *l)
{
    struct str value = setting(l, "ECS_TASK_METADATA_RPS_LIMIT");
    struct str steady;
    struct str burst;
    int64_t a;
    int64_t b;

    if (value.len == 0)
        return 0;
    if (!str_cut(value, ',', &steady, &burst) || !str_to_i64(str_trim(steady), &a) ||
        !str_to_i64(str_trim(burst), &b) || a < 1 || b < a)
        return bad(l, "ECS_TASK_METADATA_RPS_LIMIT", "is two numbers like 40,60", value);
    l->out->metadata_rate = (double)a;
    l->out->metadata_burst = (double)b;
    return 0;
}

static int read_metadata(struct loader *l, const struct agent_options *options)
{
    struct agent_config *out = l->out;
    struct str audit = setting(l, "ECS_AUDIT_LOGFILE");

    out->metadata_port = 51679;
    out->introspection_port = 51678;
    if (audit.len > 0)
        out->audit_path = str_cstr(l->arena, audit);
    if (read_port(l, options->metadata_port, "--metadata-port", &out->metadata_port) != 0)
        return CONFIG_E_BAD;
    if (read_port(l, options->introspection_port, "--introspection-port",
                  &out->introspection_port) != 0)
        return CONFIG_E_BAD;
    return read_rate(l);
}

static struct str text_option(struct loader *l, const char *flag, const char *name)
{
    return flag != NULL ? str_of(flag) : setting(l, name);
}

static int read_places(struct loader *l, const struct agent_options *options)
{
    struct agent_config *out = l->out;
    struct str docker = text_option(l, options->docker_socket, "DOCKER_HOST");
    struct str data = text_option(l, options->data_dir, "ECS_DATADIR");

    out->endpoint = text_option(l, options->endpoint, "ECS_BACKEND_HOST");
    if (out->endpoint.len == 0)
        out->endpoint = STR("http://127.0.0.1:7420");
    if (!str_starts(out->endpoint, STR("http://")) && !str_starts(out->endpoint, STR("https://")))
        out->endpoint = str_fmt(l->arena, "https://%.*s", STR_ARGS(out->endpoint));
    out->cluster = text_option(l, options->cluster, "ECS_CLUSTER");
    out->region = text_option(l, options->region, "AWS_DEFAULT_REGION");
    if (out->region.len == 0)
        out->region = STR("us-east-1");
    out->data_dir = str_cstr(l->arena, data.len > 0 ? data : STR("/data"));
    if (str_starts(docker, STR("unix://")))
        docker = str_from(docker, strlen("unix://"));
    else if (docker.len > 0 && docker.ptr[0] != '/')
        return bad(l, "DOCKER_HOST", "is a unix socket", docker);
    out->docker_socket = str_cstr(l->arena, docker.len > 0 ? docker : STR("/var/run/docker.sock"));
    out->credentials_file = options->credentials_file;
    out->ca_file = options->ca_file;
    out->insecure = options->insecure;
    out->secrets_dir = options->secrets_dir;
    out->env_files_dir = options->env_files_dir;
    out->engine.efs_server = str_of(options->efs_server);
    out->parameters_endpoint = setting(l, "AWS_ENDPOINT_URL_SSM");
    out->secrets_endpoint = setting(l, "AWS_ENDPOINT_URL_SECRETS_MANAGER");
    out->files_endpoint = setting(l, "AWS_ENDPOINT_URL_S3");
    out->engine.awslogs_endpoint = setting(l, "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS");
    out->disk_reserve = options->disk_reserve;
    out->engine.owner = str_of(out->data_dir); // two agents of one machine have two data folders
    return 0;
}

static struct str_list split(struct arena *arena, const char *text)
{
    struct str rest = str_of(text);
    struct str_list list = {.at = arena_array(arena, struct str, rest.len / 2 + 1)};
    struct str one;

    while (rest.len > 0) {
        (void)str_cut(rest, ',', &one, &rest);
        if (str_trim(one).len > 0)
            list.at[list.n++] = str_copy(arena, str_trim(one));
    }
    return list;
}

static int check_cidrs(struct loader *l, const char *flag, const struct str_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        if (!cidr_is_one(list->at[i]))
            return bad(l, flag, "is a CIDR like 10.1.0.0/24", list->at[i]);
    }
    return 0;
}

// Names and addresses that become parts of texts for other programs.
static bool is_link_name(struct str text)
{
    enum { LINK_NAME_MAX = 15 };

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '-' || c == '_' || c == '.';

        if (!good)
            return false;
    }
    return text.len > 0 && text.len <= LINK_NAME_MAX;
}

static bool is_address(struct arena *arena, struct str text)
{
    return cidr_is_one(str_fmt(arena, "%.*s/32", STR_ARGS(text)));
}

static int check_network(struct loader *l, const struct agent_config *out)
{
    enum { POOL_BITS_MAX = 30 };
    struct str network;
    struct str bits;
    int64_t n = 0;

    if (out->network_pool.len > 0 &&
        (!cidr_is_one(out->network_pool) || !str_cut(out->network_pool, '/', &network, &bits) ||
         !str_to_i64(bits, &n) || n > POOL_BITS_MAX))
        return bad(l, "--awsvpc-pool", "is a CIDR like 10.1.0.0/24, of /30 at most",
                   out->network_pool);
    if (out->network_bridge.len > 0 && !is_link_name(out->network_bridge))
        return bad(l, "--awsvpc-bridge", "is the name of an interface", out->network_bridge);
    if (out->network_gateway.len > 0 && !is_address(l->arena, out->network_gateway))
        return bad(l, "--awsvpc-gateway", "is an IPv4 address", out->network_gateway);
    for (size_t i = 0; i < out->engine.network_dns.n; i++) {
        if (!is_address(l->arena, out->engine.network_dns.at[i]))
            return bad(l, "--awsvpc-dns", "is a list of IPv4 addresses",
                       out->engine.network_dns.at[i]);
    }
    return check_cidrs(l, "--awsvpc-direct", &out->network_direct);
}

static int read_network(struct loader *l, const struct agent_options *options)
{
    struct agent_config *out = l->out;
    struct str plugins = text_option(l, options->cni_plugins, "ECS_CNI_PLUGINS_PATH");

    out->network_pool = str_of(options->awsvpc_pool);
    out->network_bridge = str_of(options->awsvpc_bridge);
    if (out->network_bridge.len == 0 && options->cni_config == NULL)
        out->network_bridge = STR("gantry0");
    out->network_gateway = str_of(options->awsvpc_gateway);
    out->network_direct = split(l->arena, options->awsvpc_direct);
    out->engine.network_dns = split(l->arena, options->awsvpc_dns);
    out->network_plain = options->awsvpc_no_masquerade;
    out->cni_file = options->cni_config;
    out->cni_plugins =
        str_cstr(l->arena, plugins.len > 0 ? plugins : STR("/usr/lib/cni:/opt/cni/bin"));
    out->groups_file = options->security_groups;
    if (check_network(l, out) != 0 ||
        read_bool(l, "ECS_AWSVPC_BLOCK_IMDS", &out->network_blocks_imds) != 0 ||
        read_map(l, "ECS_PAUSE_LABELS", &out->engine.pause_labels) != 0)
        return CONFIG_E_BAD;
    if (options->fargate == NULL)
        return 0;
    if (str_eq(str_of(options->fargate), STR("spot")))
        out->fargate = STR("FARGATE_SPOT");
    else if (str_eq(str_of(options->fargate), STR("on-demand")))
        out->fargate = STR("FARGATE");
    else
        return bad(l, "--fargate", "is on-demand or spot", str_of(options->fargate));
    return 0;
}

static void find_unused(struct loader *l)
{
    struct agent_config *out = l->out;

    out->unused = arena_array(l->arena, const struct config_unused *, config_unused_n);
    for (size_t i = 0; i < config_unused_n; i++) {
        if (setting(l, config_unused[i].name).len > 0)
            out->unused[out->unused_n++] = &config_unused[i];
    }
}

static int load_file(struct loader *l, const struct agent_options *options)
{
    const char *path = options->config_file;
    BUF_AUTO struct buf text = BUF_INIT;
    bool asked_for = path != NULL;
    int rc;

    if (path == NULL)
        path = "/etc/ecs/ecs.config";
    rc = file_read(path, CONFIG_MAX, &text);
    if (rc != 0 && asked_for) {
        l->why = str_fmt(l->arena, "cannot read %s: %s", path, strerrordesc_np(-rc));
        return CONFIG_E_BAD;
    }
    l->file = str_copy(l->arena, buf_str(&text));
    return 0;
}

int config_load(struct arena *arena, const struct agent_options *options,
                config_getenv_fn *environment, struct agent_config *out, struct str *out_why)
{
    struct loader l = {.arena = arena, .environment = environment, .out = out};
    int rc;

    *out = (struct agent_config){
        .engine = engine_settings_default(),
        .metadata_rate = 40,
        .metadata_burst = 60,
        .task_roles = true,
        .task_roles_of_host = true,
        .log_roles = true,
    };
    out->engine.metadata_endpoints = false; // until they are served
    rc = load_file(&l, options);
    if (rc == 0)
        rc = read_places(&l, options);
    if (rc == 0)
        rc = read_host(&l);
    if (rc == 0)
        rc = read_metadata(&l, options);
    if (rc == 0)
        rc = read_task_limits(&l);
    if (rc == 0)
        rc = read_plugin(&l);
    if (rc == 0)
        rc = read_engine(&l);
    if (rc == 0)
        rc = read_cleaning(&l);
    if (rc == 0)
        rc = read_network(&l, options);
    if (rc == 0)
        rc = read_attributes(&l);
    if (rc == 0)
        rc = read_tags(&l);
    if (rc == 0)
        rc = read_registries(&l);
    find_unused(&l);
    out->engine.cluster = out->cluster.len > 0 ? out->cluster : STR("default");
    out->engine.region = out->region;
    out->engine.data_dir = str_of(out->data_dir);
    out->engine.external = out->external;
    out->engine.selinux = out->selinux;
    *out_why = l.why;
    return rc;
}
