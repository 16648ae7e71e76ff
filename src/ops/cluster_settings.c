// Rules and sentences: ecs-behaviour-api 7.1, CreateCluster.

#include "ops/cluster_settings.h"

#include "base/arena.h"
#include "model/arn.h"

enum { NAMESPACE_MAX = 1024 };

int op_check_cluster_settings(struct op_ctx *ctx, const struct ecs_cluster_setting_list *settings)
{
    static const struct str values[] = {STR_INIT("enhanced"), STR_INIT("enabled"),
                                        STR_INIT("disabled")};

    for (size_t i = 0; i < settings->n; i++) {
        const struct ecs_cluster_setting *setting = &settings->at[i];
        bool known = false;

        if (setting->name != ECS_CLUSTER_SETTING_NAME_CONTAINERINSIGHTS)
            return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "Invalid setting 'name'");
        for (size_t k = 0; k < sizeof values / sizeof *values; k++)
            known = known || str_eq(setting->value, values[k]);
        if (!known)
            return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "Invalid setting 'value'");
    }
    return OP_OK;
}

static bool names_a_log(const struct ecs_execute_command_log_configuration *log)
{
    return log != NULL && (log->cloud_watch_log_group_name.len > 0 || log->s3_bucket_name.len > 0);
}

int op_check_cluster_configuration(struct op_ctx *ctx,
                                   const struct ecs_cluster_configuration *configuration)
{
    const struct ecs_execute_command_configuration *exec;
    bool override;

    if (configuration == NULL || !configuration->has.execute_command_configuration)
        return OP_OK;
    exec = configuration->execute_command_configuration;
    override = exec->logging == ECS_EXECUTE_COMMAND_LOGGING_OVERRIDE;
    if (exec->has.log_configuration && !override)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "You must set logging to 'OVERRIDE' when you supply a log configuration");
    if (override && !names_a_log(exec->log_configuration))
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "A CloudWatch log group name or S3 bucket name must be specified when "
                       "overriding the default log configuration");
    return OP_OK;
}

// The sentence is not known from the live service.
int op_check_service_connect_defaults(
    struct op_ctx *ctx, const struct ecs_cluster_service_connect_defaults_request *wanted)
{
    struct str name = wanted != NULL ? wanted->namespace : STR_NONE;
    bool good = str_utf8_count(name) <= NAMESPACE_MAX;

    if (arn_looks_like_one(name))
        return OP_OK;
    for (size_t i = 0; i < name.len && good; i++)
        good = !str_has_char(STR("<>\"/"), name.ptr[i]);
    if (!good)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "namespace must match ^[^<>\"/]{1,%d}$", NAMESPACE_MAX);
    return OP_OK;
}

struct ecs_cluster_service_connect_defaults *
op_service_connect_defaults(struct op_ctx *ctx,
                            const struct ecs_cluster_service_connect_defaults_request *wanted)
{
    struct ecs_cluster_service_connect_defaults *defaults;
    struct str name;

    if (wanted == NULL || wanted->namespace.len == 0)
        return NULL;
    name = wanted->namespace;
    defaults = arena_new(ctx->arena, struct ecs_cluster_service_connect_defaults);
    if (!arn_looks_like_one(name))
        name = str_fmt(ctx->arena, "arn:%.*s:servicediscovery:%.*s:%.*s:namespace/%.*s",
                       STR_ARGS(ctx->state->config.partition), STR_ARGS(ctx->caller.region),
                       STR_ARGS(ctx->state->config.account), STR_ARGS(name));
    SET(defaults, namespace, name);
    return defaults;
}
