// The attributes that say what this engine can do (ecs-behaviour-agent 5.2, agent-protocol 3). A
// scheduler places a task only where everything that it needs is advertised, so what is not here is
// never asked for: the rest of accept.c's list.

#include "engine/state.h"

static const struct {
    struct str name;
    int minor; // of the oldest API version that has the log driver
} log_drivers[] = {
    {STR("json-file"), 18},  {STR("syslog"), 18},    {STR("journald"), 19}, {STR("none"), 19},
    {STR("gelf"), 20},       {STR("fluentd"), 20},   {STR("awslogs"), 21},  {STR("splunk"), 22},
    {STR("logentries"), 25}, {STR("sumologic"), 29},
};

// The versions that ECS has attributes for; 1.26, 1.27 and 1.31 it never named.
static const int api_minors[] = {17, 18, 19, 20, 21, 22, 23, 24, 25, 28, 29, 30, 32};

struct names {
    struct arena *arena;
    struct str_list out;
    size_t cap;
};

static void add(struct names *list, struct str name)
{
    ASSERT(list->out.n < list->cap);
    list->out.at[list->out.n++] = name;
}

static void add_log_drivers(struct names *list, const struct engine_abilities *a, int64_t minor)
{
    for (size_t i = 0; i < a->log_drivers.n; i++) {
        for (size_t k = 0; k < sizeof(log_drivers) / sizeof(*log_drivers); k++) {
            if (str_eq(a->log_drivers.at[i], log_drivers[k].name) && minor >= log_drivers[k].minor)
                add(list, str_fmt(list->arena, "com.amazonaws.ecs.capability.logging-driver.%.*s",
                                  STR_ARGS(log_drivers[k].name)));
        }
    }
}

static void add_volume_plugins(struct names *list, const struct engine_abilities *a)
{
    add(list, STR("ecs.capability.docker-plugin.local"));
    for (size_t i = 0; i < a->volume_plugins.n; i++) {
        struct str name;
        struct str tag;

        if (str_eq(a->volume_plugins.at[i], STR("local")))
            continue;
        if (!str_cut_last(a->volume_plugins.at[i], ':', &name, &tag)) {
            add(list, str_fmt(list->arena, "ecs.capability.docker-plugin.%.*s", STR_ARGS(name)));
            continue;
        }
        add(list, str_fmt(list->arena, "ecs.capability.docker-plugin.%.*s.%.*s", STR_ARGS(name),
                          STR_ARGS(tag)));
        if (str_eq(tag, STR("latest")))
            add(list, str_fmt(list->arena, "ecs.capability.docker-plugin.%.*s", STR_ARGS(name)));
    }
}

static void add_sources(struct names *list, const struct engine_abilities *a)
{
    if (a->parameters) {
        add(list, STR("ecs.capability.secrets.ssm.environment-variables"));
        add(list, STR("ecs.capability.secrets.ssm.bootstrap.log-driver"));
    }
    if (a->secrets) {
        add(list, STR("ecs.capability.secrets.asm.environment-variables"));
        add(list, STR("ecs.capability.secrets.asm.bootstrap.log-driver"));
        add(list, STR("ecs.capability.private-registry-authentication.secretsmanager"));
    }
    if (a->env_files)
        add(list, STR("ecs.capability.env-files.s3"));
    if (a->log_roles)
        add(list, STR("ecs.capability.execution-role-awslogs"));
}

// A log router is any container; its senders use Docker's fluentd driver.
static void add_routers(struct names *list, const struct engine_abilities *a, int64_t minor)
{
    if (minor < 20)
        return;
    add(list, STR("com.amazonaws.ecs.capability.logging-driver.awsfirelens"));
    add(list, STR("ecs.capability.logging-driver.awsfirelens.log-driver-buffer-limit"));
    add(list, STR("ecs.capability.firelens.fluentd"));
    add(list, STR("ecs.capability.firelens.fluentbit"));
    add(list, STR("ecs.capability.firelens.options.config.file"));
    add(list, STR("ecs.capability.firelens.non-root-user"));
    if (a->env_files) // comes from the same place
        add(list, STR("ecs.capability.firelens.options.config.s3"));
}

struct str_list engine_capabilities(struct arena *arena, const struct engine_abilities *a)
{
    enum { FIXED_MAX = 44 };
    struct names list = {
        .arena = arena,
        .cap = FIXED_MAX + sizeof(api_minors) / sizeof(*api_minors) + a->log_drivers.n +
               2 * a->volume_plugins.n,
    };
    struct str major;
    struct str minor_text;
    int64_t minor = 0;

    list.out.at = arena_array(arena, struct str, list.cap);
    if (str_cut(a->api_version, '.', &major, &minor_text) && !str_to_i64(minor_text, &minor))
        minor = 0;
    for (size_t i = 0; i < sizeof(api_minors) / sizeof(*api_minors); i++) {
        if (api_minors[i] <= minor)
            add(&list, str_fmt(arena, "com.amazonaws.ecs.capability.docker-remote-api.1.%d",
                               api_minors[i]));
    }
    add_log_drivers(&list, a, minor);
    add_volume_plugins(&list, a);
    add(&list, STR("ecs.capability.container-ordering"));
    add(&list, STR("ecs.capability.container-restart-policy"));
    add(&list, STR("ecs.capability.full-sync"));
    add(&list, STR("ecs.capability.network.container-port-range"));
    add_sources(&list, a);
    add_routers(&list, a, minor);
    if (a->task_cgroups) {
        add(&list, STR("ecs.capability.task-cpu-mem-limit"));
        add(&list, STR("ecs.capability.increased-task-cpu-limit"));
    }
    if (a->efs)
        add(&list, STR("ecs.capability.efs"));
    if (a->efs_auth)
        add(&list, STR("ecs.capability.efsAuth"));
    if (a->gpu_driver.len > 0)
        add(&list,
            str_fmt(arena, "ecs.capability.nvidia-driver-version.%.*s", STR_ARGS(a->gpu_driver)));
    if (minor >= 24)
        add(&list, STR("ecs.capability.container-health-check"));
    if (a->privileged)
        add(&list, STR("com.amazonaws.ecs.capability.privileged-container"));
    if (a->selinux)
        add(&list, STR("com.amazonaws.ecs.capability.selinux"));
    if (a->apparmor)
        add(&list, STR("com.amazonaws.ecs.capability.apparmor"));
    add(&list, STR("ecs.capability.pid-ipc-namespace-sharing"));
    if (a->task_networks) {
        add(&list, STR("ecs.capability.task-eni"));
        add(&list, STR("ecs.capability.task-network")); // our own: it makes the interface itself
    }
    if (a->task_roles)
        add(&list, STR("com.amazonaws.ecs.capability.task-iam-role"));
    if (a->task_roles_of_host)
        add(&list, STR("com.amazonaws.ecs.capability.task-iam-role-network-host"));
    if (a->task_roles)
        add(&list, STR("ecs.capability.execution-role-ecr-pull"));
    if (a->faults)
        add(&list, STR("ecs.capability.fault-injection"));
    if (a->exec)
        add(&list, STR("ecs.capability.execute-command"));
    return list.out;
}
