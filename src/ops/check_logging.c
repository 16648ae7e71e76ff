// Log drivers and their options, and the FireLens router. What Fargate asks on top is in
// check_fargate.c. Source: ecs-behaviour-api 8.6.

#include "base/arena.h"
#include "base/buf.h"
#include "ops/task_definition_check.h"

struct str check_option(const struct str_map *options, struct str name)
{
    for (size_t i = 0; i < options->n; i++) {
        if (str_eq(options->at[i].key, name))
            return options->at[i].value;
    }
    return STR_NONE;
}

static bool has_option(const struct ecs_log_configuration *log, struct str name)
{
    for (size_t i = 0; i < log->secret_options.n; i++) {
        if (str_eq(log->secret_options.at[i].name, name))
            return true;
    }
    return check_option(&log->options, name).len > 0;
}

static bool needs_options(struct definition_check *check, const struct ecs_log_configuration *log,
                          const char *const *names)
{
    struct str driver = shape_enum_name(&ecs_log_driver_enum, (int)log->log_driver);
    BUF_AUTO struct buf missing = BUF_INIT;

    for (; *names != NULL; names++) {
        if (has_option(log, str_of(*names)))
            continue;
        buf_printf(&missing, "%s%s", buf_len(&missing) > 0 ? ", " : "", *names);
    }
    if (buf_len(&missing) == 0)
        return true;
    return check_refuse(check, "Log driver %.*s requires options: %.*s", STR_ARGS(driver),
                        STR_ARGS(buf_str(&missing)));
}

static bool check_awslogs(struct definition_check *check, const struct ecs_log_configuration *log)
{
    static const char *const needed[] = {"awslogs-region", "awslogs-group", NULL};

    if (!needs_options(check, log, needed))
        return false;
    if (has_option(log, STR("awslogs-datetime-format")) &&
        has_option(log, STR("awslogs-multiline-pattern")))
        return check_refuse(check, "Log driver awslogs can not have both options: "
                                   "awslogs-datetime-format, awslogs-multiline-pattern");
    return true;
}

static bool has_router(const struct definition_check *check)
{
    for (size_t i = 0; i < check->in->container_definitions.n; i++) {
        if (check->in->container_definitions.at[i].has.firelens_configuration)
            return true;
    }
    return false;
}

static bool check_mode(struct definition_check *check, const struct ecs_log_configuration *log)
{
    static const char *const modes[] = {"blocking", "non-blocking", NULL};
    struct str mode = check_option(&log->options, STR("mode"));

    if (mode.len > 0 && !check_is_in(mode, modes))
        return check_refuse(check, "mode should be one of [blocking,non-blocking]");
    return true;
}

static bool check_driver(struct definition_check *check, const struct ecs_log_configuration *log)
{
    static const char *const splunk[] = {"splunk-url", "splunk-token", NULL};

    switch (log->log_driver) {
    case ECS_LOG_DRIVER_AWSLOGS: return check_awslogs(check, log);
    case ECS_LOG_DRIVER_SPLUNK: return needs_options(check, log, splunk);
    case ECS_LOG_DRIVER_AWSFIRELENS:
        return has_router(check) ||
               check_refuse(check,
                            "When awsfirelens log driver is specified in log configuration, a "
                            "firelens configuration object must be specified");
    case ECS_LOG_DRIVER_JSON_FILE:
    case ECS_LOG_DRIVER_SYSLOG:
    case ECS_LOG_DRIVER_JOURNALD:
    case ECS_LOG_DRIVER_GELF:
    case ECS_LOG_DRIVER_FLUENTD: return true;
    case ECS_LOG_DRIVER_UNSET: break;
    }
    return check_refuse(
        check,
        "%.*s is not a valid log driver. Must be one of [json-file, syslog, journald, "
        "gelf, fluentd, awslogs, splunk, awsfirelens]",
        STR_ARGS(op_unknown_enum(check->ctx, &log->log_driver)));
}

static bool check_log(struct definition_check *check, const struct ecs_container_definition *c)
{
    const struct ecs_log_configuration *log = c->log_configuration;

    if (!c->has.log_configuration)
        return true;
    if (!check_driver(check, log) || !check_mode(check, log))
        return false;
    for (size_t i = 0; i < log->secret_options.n; i++) {
        if (!check_secret(check, &log->secret_options.at[i]))
            return false;
    }
    return true;
}

static bool check_router_options(struct definition_check *check, const struct str_map *options)
{
    static const char *const switches[] = {"true", "false", NULL};
    static const char *const sources[] = {"s3", "file", NULL};

    for (size_t i = 0; i < options->n; i++) {
        struct str key = options->at[i].key;
        struct str value = options->at[i].value;

        if (str_eq(key, STR("enable-ecs-log-metadata"))) {
            if (!check_is_in(value, switches))
                return check_refuse(check, "enable-ecs-log-metadata should be one of [true,false]");
        } else if (str_eq(key, STR("config-file-type"))) {
            if (!check_is_in(value, sources))
                return check_refuse(check, "config-file-type should be one of [s3,file]");
        } else if (!str_eq(key, STR("config-file-value"))) {
            return check_refuse(check, "Unknown firelens configuration option '%.*s'",
                                STR_ARGS(key));
        }
    }
    return true;
}

static bool check_router(struct definition_check *check, const struct ecs_container_definition *c)
{
    const struct str_map *options;

    if (!c->has.firelens_configuration)
        return true;
    for (const struct ecs_container_definition *o = check->in->container_definitions.at; o < c;
         o++) {
        if (o->has.firelens_configuration)
            return check_refuse(check,
                                "Only one container of a task can have a firelens configuration");
    }
    if (c->firelens_configuration->type == ECS_FIRELENS_CONFIGURATION_TYPE_UNSET)
        return check_refuse(check,
                            "Firelens configuration type should be one of [fluentd,fluentbit]");
    options = &c->firelens_configuration->options;
    if ((check_option(options, STR("config-file-type")).len > 0) !=
        (check_option(options, STR("config-file-value")).len > 0))
        return check_refuse(check,
                            "config-file-type and config-file-value must be specified together");
    return check_router_options(check, options);
}

static bool check_container(struct definition_check *check,
                            const struct ecs_container_definition *c)
{
    return check_log(check, c) && check_router(check, c);
}

bool check_logging(struct definition_check *check)
{
    return check_each_container(check, check_container);
}
