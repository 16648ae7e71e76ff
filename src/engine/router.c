// FireLens in a task (ecs-behaviour-agent 7.4): one container is the log router; others say
// awsfirelens for their log driver and are given Docker's fluentd driver, on a socket that the
// router has mounted. What the router is configured with is made here of the task's spec and
// written by firelens.c; secrets of the senders' options travel in the router's environment.

#include "engine/state.h"

#include "base/buf.h"
#include "engine/firelens.h"

enum { MIB = 1024 * 1024, SENDER_OPTIONS_MAX = 6 };

bool router_is(const struct container *c)
{
    return c->spec->firelens_configuration != NULL;
}

const struct container *router_of(const struct task *task)
{
    for (size_t i = 0; i < task->containers_n; i++) {
        if (router_is(&task->containers[i]))
            return &task->containers[i];
    }
    return NULL;
}

static const struct docker_host_config *rendered_host(const struct container *c)
{
    return c->spec->docker_config != NULL ? c->spec->docker_config->host_config : NULL;
}

static const struct docker_log_config *log_of(const struct container *c)
{
    const struct docker_host_config *host = rendered_host(c);

    return host != NULL ? host->log_config : NULL;
}

bool router_sends_to_it(const struct container *c)
{
    const struct docker_log_config *log = log_of(c);

    return log != NULL && str_eq(log->type, STR("awsfirelens"));
}

// ---- what the router is

static struct str option_of(const struct container *router, const char *name)
{
    const struct str_map *options = &router->spec->firelens_configuration->options;

    for (size_t i = 0; i < options->n; i++) {
        if (str_eq(options->at[i].key, str_of(name)))
            return options->at[i].value;
    }
    return STR_NONE;
}

static enum firelens_kind kind_of(const struct container *router)
{
    return router->spec->firelens_configuration->type == ACS_FIRELENS_CONFIGURATION_TYPE_FLUENTD
               ? FIRELENS_FLUENTD
               : FIRELENS_FLUENT_BIT;
}

static enum firelens_network network_of(const struct container *c)
{
    struct str mode = create_network_mode(c);

    if (str_eq(c->task->spec->network_mode, STR("awsvpc")))
        return FIRELENS_AWSVPC;
    return str_eq(mode, STR("bridge")) ? FIRELENS_BRIDGE : FIRELENS_HOST;
}

bool router_is_awaited(const struct container *c)
{
    const struct container *router = router_of(c->task);

    return router != NULL && router != c && router_sends_to_it(c) &&
           router->known < HOST_CONTAINER_STATUS_RUNNING && network_of(c) == FIRELENS_BRIDGE &&
           !depend_reaches(router, c);
}

static int64_t memory_of(const struct container *router)
{
    const struct docker_host_config *host = rendered_host(router);

    if (host != NULL && host->memory_reservation > 0)
        return host->memory_reservation / MIB;
    return router->spec->memory;
}

struct str router_external(const struct container *router)
{
    return str_eq(option_of(router, "config-file-type"), STR("s3"))
               ? option_of(router, "config-file-value")
               : STR_NONE;
}

// The file that the router's own one includes: one of its image, or the one that was fetched.
static struct str included(const struct container *router)
{
    struct str type = option_of(router, "config-file-type");

    if (str_eq(type, STR("file")))
        return option_of(router, "config-file-value");
    return str_eq(type, STR("s3")) ? firelens_external_path(kind_of(router)) : STR_NONE;
}

// Who may write to the socket's folder. A name can only be looked up in the image, so it is root's.
int32_t router_socket_uid(const struct container *router)
{
    const struct acs_docker_config *rendered = router->spec->docker_config;
    struct str user = STR_NONE;
    struct str group;
    int64_t uid = 0;

    if (rendered != NULL && rendered->config != NULL)
        (void)str_cut(rendered->config->user, ':', &user, &group);
    if (!str_to_i64(user, &uid) || uid < 0 || uid > INT32_MAX)
        return 0;
    return (int32_t)uid;
}

// ---- its configuration

static struct firelens_sender sender_of(const struct container *c, struct arena *arena)
{
    const struct docker_log_config *log = log_of(c);
    const struct acs_secret_list *secrets = &c->spec->secrets;
    struct str *names = arena_array(arena, struct str, secrets->n);
    size_t n = 0;

    for (size_t i = 0; i < secrets->n; i++) {
        if (secrets->at[i].target == ACS_SECRET_TARGET_LOG_DRIVER)
            names[n++] = secrets->at[i].name;
    }
    return (struct firelens_sender){
        .container = c->spec->name,
        .options = log->config.at,
        .options_n = log->config.n,
        .secrets = names,
        .secrets_n = n,
        .index = c->index,
    };
}

bool router_config(const struct engine *engine, const struct task *task, struct arena *arena,
                   struct str *out_text, struct str *out_error)
{
    const struct container *router = router_of(task);
    struct firelens_sender *senders =
        arena_array(arena, struct firelens_sender, task->containers_n);
    struct firelens_router what = {
        .kind = kind_of(router),
        .network = network_of(router),
        .memory_mib = memory_of(router),
        .adds_metadata = !str_eq_nocase(option_of(router, "enable-ecs-log-metadata"), STR("false")),
        .cluster = engine->settings.cluster,
        .task_arn = task->arn,
        .definition = str_fmt(arena, "%.*s:%.*s", STR_ARGS(task->spec->family),
                              STR_ARGS(task->spec->version)),
        .external = included(router),
    };
    BUF_AUTO struct buf text = BUF_INIT;
    size_t n = 0;

    for (size_t i = 0; i < task->containers_n; i++) {
        if (router_sends_to_it(&task->containers[i]))
            senders[n++] = sender_of(&task->containers[i], arena);
    }
    if (firelens_config(&what, senders, n, arena, &text, out_error) != 0)
        return false;
    *out_text = str_copy(arena, buf_str(&text));
    return true;
}

// ---- the two ends' create calls

static struct str folder(const struct engine *engine, const struct task *task, struct arena *arena)
{
    struct str id = task_short_id(task);

    return str_fmt(arena, "%.*s/firelens/%.*s", STR_ARGS(engine->settings.data_dir), STR_ARGS(id));
}

void router_fill_binds(const struct engine *engine, const struct container *c, struct arena *arena,
                       struct docker_host_config *host)
{
    struct str at = folder(engine, c->task, arena);
    enum firelens_kind kind = kind_of(c);
    struct str config = firelens_config_path(kind);
    struct str external = firelens_external_path(kind);
    struct str_list binds = {.at = arena_array(arena, struct str, host->binds.n + 3)};

    if (host->binds.n > 0)
        memcpy(binds.at, host->binds.at, host->binds.n * sizeof *binds.at);
    binds.n = host->binds.n;
    binds.at[binds.n++] =
        str_fmt(arena, "%.*s/config/fluent.conf:%.*s", STR_ARGS(at), STR_ARGS(config));
    binds.at[binds.n++] = str_fmt(arena, "%.*s/socket/:/var/run/", STR_ARGS(at));
    if (router_external(c).len > 0)
        binds.at[binds.n++] =
            str_fmt(arena, "%.*s/config/external.conf:%.*s", STR_ARGS(at), STR_ARGS(external));
    SET(host, binds, binds);
}

void router_fill_log(const struct engine *engine, const struct container *c, struct arena *arena,
                     struct docker_log_config *log)
{
    struct str at = folder(engine, c->task, arena);
    struct str id = task_short_id(c->task);
    struct str_map options = {.at = arena_array(arena, struct str_pair, SENDER_OPTIONS_MAX)};

    options.at[options.n++] = (struct str_pair){
        STR("fluentd-address"), str_fmt(arena, "unix://%.*s/socket/fluent.sock", STR_ARGS(at))};
    options.at[options.n++] = (struct str_pair){
        STR("tag"), str_fmt(arena, "%.*s-firelens-%.*s", STR_ARGS(c->spec->name), STR_ARGS(id))};
    options.at[options.n++] = (struct str_pair){
        STR("fluentd-async"), engine->settings.firelens_async ? STR("true") : STR("false")};
    options.at[options.n++] = (struct str_pair){STR("fluentd-sub-second-precision"), STR("true")};
    for (size_t i = 0; i < log->config.n; i++) {
        if (str_eq(log->config.at[i].key, STR("log-driver-buffer-limit")))
            options.at[options.n++] =
                (struct str_pair){STR("fluentd-buffer-limit"), log->config.at[i].value};
    }
    SET(log, type, STR("fluentd"));
    SET(log, config, options);
}

struct str_map router_environment(const struct container *c, struct arena *arena)
{
    const struct task *task = c->task;
    enum firelens_network network = network_of(c);
    const struct container *router = router_of(task);
    struct str_map out = {.at = arena_array(arena, struct str_pair, 3)};

    if (router_is(c) && kind_of(c) == FIRELENS_FLUENTD)
        out.at[out.n++] = (struct str_pair){STR("FLUENT_UID"), STR("0")};
    if (router == NULL || !router_sends_to_it(c) || network == FIRELENS_HOST)
        return out;
    if (network == FIRELENS_AWSVPC)
        out.at[out.n++] = (struct str_pair){STR("FLUENT_HOST"), STR("127.0.0.1")};
    else if (router->address.len > 0)
        out.at[out.n++] = (struct str_pair){STR("FLUENT_HOST"), router->address};
    else
        return out;
    out.at[out.n++] = (struct str_pair){STR("FLUENT_PORT"), STR("24224")};
    return out;
}

struct str_map router_secrets(const struct container *router, struct arena *arena)
{
    const struct task *task = router->task;
    struct str_map out = {0};
    size_t most = 0;

    for (size_t i = 0; i < task->containers_n; i++)
        most += task->containers[i].spec->secrets.n;
    out.at = arena_array(arena, struct str_pair, most);
    for (size_t i = 0; i < task->containers_n; i++) {
        const struct container *c = &task->containers[i];
        const struct acs_secret_list *secrets = &c->spec->secrets;
        struct firelens_sender sender = {.index = c->index};

        for (size_t k = 0; router_sends_to_it(c) && k < secrets->n; k++) {
            struct str value;

            if (secrets->at[k].target == ACS_SECRET_TARGET_LOG_DRIVER &&
                resource_value(task, HOST_RESOURCE_KIND_SECRETS, secrets->at[k].value_from,
                               secrets->at[k].region, &value))
                out.at[out.n++] = (struct str_pair){
                    firelens_secret_name(arena, &sender, secrets->at[k].name), value};
        }
    }
    return out;
}
