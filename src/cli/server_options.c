// See server_options.h.

#include "cli/server_options.h"

#include "base/arena.h"
#include "cli/command.h"

static bool read_auth(const struct cli_values *values, struct server_options *out)
{
    struct str auth = cli_text(values, "auth");

    if (str_eq(auth, STR("sigv4")))
        out->auth = SERVER_AUTH_SIGV4;
    else if (str_eq(auth, STR("none")))
        out->auth = SERVER_AUTH_NONE;
    else
        return cli_refuse(values, "--auth is sigv4 or none, not '%.*s'", STR_ARGS(auth));
    return true;
}

static bool read_store(const struct cli_values *values)
{
    struct str store = cli_text(values, "store");

    if (str_eq(store, STR("sqlite")))
        return true;
    if (str_eq(store, STR("etcd")))
        return cli_refuse(values, "the etcd store is not yet available; use --store sqlite");
    return cli_refuse(values, "--store is sqlite, not '%.*s'", STR_ARGS(store));
}

static bool read_events(const struct cli_values *values, struct server_options *out)
{
    int64_t kept;

    if (!cli_number(values, "events-kept", 0, 100000000, &kept) ||
        !cli_duration(values, "events-retention", &out->events_age_ms))
        return false;
    if (out->events_age_ms < TIME_MINUTE_MS || out->events_age_ms > 365 * TIME_DAY_MS)
        return cli_refuse(values, "--events-retention is from 1m to 365d");
    out->events_kept = (uint64_t)kept;
    out->events_webhook = cli_text(values, "events-webhook");
    if (kept == 0 && out->events_webhook.len > 0)
        return cli_refuse(values, "--events-webhook needs the event log, so --events-kept over 0");
    return true;
}

static bool read_exec(const struct cli_values *values, struct server_options *out)
{
    if (!cli_duration(values, "exec-idle", &out->exec_idle_ms))
        return false;
    if (out->exec_idle_ms < TIME_SECOND_MS || out->exec_idle_ms > TIME_DAY_MS)
        return cli_refuse(values, "--exec-idle is from 1s to 1d");
    return true;
}

bool cli_server_options(const struct cli_values *values, struct server_options *out)
{
    int64_t keep_ms;
    int64_t connections;
    int64_t stopped;
    int64_t histories;
    struct str detail;

    *out = server_options_default;
    out->listen = cli_text(values, "listen");
    out->data_dir = cli_data_dir(values);
    out->region = cli_text(values, "region");
    out->account = cli_text(values, "account");
    out->tls_cert = cli_value(values, "tls-cert");
    out->tls_key = cli_value(values, "tls-key");
    out->scaling_path = cli_value(values, "scaling");
    out->lifecycle_hooks = cli_value(values, "lifecycle-hooks");
    out->alarms = cli_value(values, "alarms");
    if (!read_auth(values, out) || !read_store(values) || !read_events(values, out) ||
        !read_exec(values, out))
        return false;
    if (!cli_duration(values, "stopped-task-retention", &keep_ms) ||
        !cli_number(values, "stopped-tasks-kept", 1000, 100000000, &stopped) ||
        !cli_number(values, "usage-tasks", 0, 10000000, &histories) ||
        !cli_number(values, "max-connections", 1, 1000000, &connections))
        return false;
    if (keep_ms < TIME_HOUR_MS || keep_ms > 30 * TIME_DAY_MS)
        return cli_refuse(values, "--stopped-task-retention is from 1h to 30d");
    out->stopped_task_keep_ms = keep_ms;
    out->stopped_tasks_max = (size_t)stopped;
    out->connections_max = (unsigned)connections;
    out->metrics_tasks = cli_switch(values, "metrics-tasks");
    out->usage_histories_max = (size_t)histories;
    if (server_options_check(out, values->arena, &detail) != 0)
        return cli_refuse(values, "%.*s", STR_ARGS(detail));
    return true;
}
