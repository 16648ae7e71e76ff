// What Fargate takes: task networking, sizes from a table, nothing of the host.
// Source: ecs-behaviour-api 8.6, 8.7 and 8.8.

#include "ops/image_name.h"
#include "ops/task_definition_check.h"
#include "ops/task_size.h"

enum {
    STOP_TIMEOUT_MAX_S = 120,
    WINDOWS_CPU_UNITS_MIN = 1024,
    NOFILE_MAX = 1048576,
    WINDOWS_RESERVED_PORT = 3150,
};

static bool check_size(struct definition_check *check)
{
    if (check->cpu_units == 0)
        return check_refuse(check, "Fargate requires that 'cpu' be defined at the task level.");
    if (check->memory_mib == 0)
        return check_refuse(check, "Fargate requires that 'memory' be defined at the task level.");
    if (!task_size_is_fargate(check->cpu_units, check->memory_mib) ||
        (check->windows && check->cpu_units < WINDOWS_CPU_UNITS_MIN))
        return check_refuse(check,
                            "No Fargate configuration exists for given values: %d CPU, %d memory. "
                            "See the Amazon ECS documentation for the valid values.",
                            check->cpu_units, check->memory_mib);
    return true;
}

static bool refuse_member(struct definition_check *check, const char *member)
{
    return check_refuse(check, "Fargate compatible task definitions do not support %s", member);
}

static bool check_parameters(struct definition_check *check,
                             const struct ecs_container_definition *c)
{
    const struct ecs_linux_parameters *p = c->linux_parameters;
    const struct ecs_kernel_capabilities *capabilities;

    if (p == NULL)
        return true;
    if (p->devices.n > 0)
        return refuse_member(check, "devices");
    if (p->has.shared_memory_size)
        return refuse_member(check, "sharedMemorySize");
    if (p->has.max_swap)
        return refuse_member(check, "maxSwap");
    if (p->has.swappiness)
        return refuse_member(check, "swappiness");
    if (p->tmpfs.n > 0)
        return refuse_member(check, "tmpfs");
    capabilities = p->capabilities;
    for (size_t i = 0; capabilities != NULL && i < capabilities->add.n; i++) {
        if (!str_eq(capabilities->add.at[i], STR("SYS_PTRACE")))
            return check_refuse(check, "%.*s is not allowed on Fargate.",
                                STR_ARGS(capabilities->add.at[i]));
    }
    return true;
}

static bool check_log(struct definition_check *check, const struct ecs_container_definition *c)
{
    const struct ecs_log_configuration *log = c->log_configuration;
    struct str driver;

    if (log == NULL)
        return true;
    driver = shape_enum_name(&ecs_log_driver_enum, (int)log->log_driver);
    if (log->log_driver != ECS_LOG_DRIVER_AWSLOGS && log->log_driver != ECS_LOG_DRIVER_SPLUNK &&
        log->log_driver != ECS_LOG_DRIVER_AWSFIRELENS)
        return check_refuse(check,
                            "%.*s is not a valid log driver. Must be one of [awslogs, splunk, "
                            "awsfirelens]",
                            STR_ARGS(driver));
    if (log->log_driver != ECS_LOG_DRIVER_AWSLOGS)
        return true;
    if (check_option(&log->options, STR("awslogs-stream-prefix")).len == 0)
        return check_refuse(check, "Fargate requires log configuration options to include "
                                   "awslogs-stream-prefix to support log driver awslogs.");
    if (check->in->execution_role_arn.len == 0)
        return check_refuse(check, "Fargate requires task definition to have execution role ARN to "
                                   "support log driver awslogs.");
    return true;
}

static bool check_limits(struct definition_check *check, const struct ecs_container_definition *c)
{
    for (size_t i = 0; i < c->ulimits.n; i++) {
        const struct ecs_ulimit *u = &c->ulimits.at[i];

        if (u->name != ECS_ULIMIT_NAME_NOFILE)
            return refuse_member(check, "ulimits other than nofile");
        if (u->hard_limit > NOFILE_MAX || u->hard_limit < 0)
            return refuse_member(check, "a nofile limit above 1048576");
    }
    return true;
}

// A router on Fargate can only read its configuration from a file of its image.
static bool check_router(struct definition_check *check, const struct ecs_container_definition *c)
{
    struct str source;

    if (!c->has.firelens_configuration)
        return true;
    source = check_option(&c->firelens_configuration->options, STR("config-file-type"));
    if (source.len > 0 && !str_eq(source, STR("file")))
        return refuse_member(check, "config-file-type s3");
    return true;
}

static bool check_windows_container(struct definition_check *check,
                                    const struct ecs_container_definition *c)
{
    for (size_t i = 0; i < c->port_mappings.n; i++) {
        if (c->port_mappings.at[i].container_port == WINDOWS_RESERVED_PORT)
            return check_refuse(check, "Container port %d is reserved on Fargate for Windows.",
                                WINDOWS_RESERVED_PORT);
    }
    if (c->credential_specs.n > 0)
        return refuse_member(check, "credentialSpecs on Windows");
    if (c->has.firelens_configuration)
        return refuse_member(check, "firelensConfiguration on Windows");
    return true;
}

static bool check_requirements(struct definition_check *check,
                               const struct ecs_container_definition *c)
{
    for (size_t i = 0; i < c->resource_requirements.n; i++) {
        if (c->resource_requirements.at[i].type == ECS_RESOURCE_TYPE_GPU)
            return check_refuse(check,
                                "Tasks using the Fargate launch type do not support GPU resource "
                                "requirements");
        return check_refuse(check,
                            "Tasks using the Fargate launch type do not support NeuronDevice "
                            "resource requirements");
    }
    return true;
}

static bool check_container(struct definition_check *check,
                            const struct ecs_container_definition *c)
{
    if (c->docker_security_options.n > 0)
        return refuse_member(check, "dockerSecurityOptions");
    if (c->privileged)
        return check_refuse(check, "Fargate requires that the 'privileged' setting be 'false'");
    if (c->stop_timeout > STOP_TIMEOUT_MAX_S)
        return check_refuse(check, "Tasks using the Fargate launch type must have a container stop "
                                   "timeout of less than 120 seconds.");
    if (image_is_ecr(c->image) && check->in->execution_role_arn.len == 0)
        return check_refuse(check, "Fargate requires task definition to have execution role ARN to "
                                   "support ECR images.");
    if (check->windows && !check_windows_container(check, c))
        return false;
    return check_parameters(check, c) && check_requirements(check, c) && check_log(check, c) &&
           check_limits(check, c) && check_router(check, c);
}

static bool check_task_volumes(struct definition_check *check)
{
    for (size_t i = 0; i < check->in->volumes.n; i++) {
        const struct ecs_volume *v = &check->in->volumes.at[i];

        if (v->has.docker_volume_configuration)
            return refuse_member(check, "dockerVolumeConfiguration");
        if (v->has.host && v->host->source_path.len > 0)
            return refuse_member(check, "sourcePath");
        if (v->has.fsx_windows_file_server_volume_configuration)
            return refuse_member(check, "fsxWindowsFileServerVolumeConfiguration");
        if (check->windows && v->has.efs_volume_configuration)
            return refuse_member(check, "efsVolumeConfiguration on Windows");
    }
    return true;
}

static bool check_task(struct definition_check *check)
{
    if (check->in->placement_constraints.n > 0)
        return refuse_member(check, "constraints");
    if (check->in->has.ipc_mode)
        return refuse_member(check, "ipcMode");
    if (check->in->pid_mode == ECS_PID_MODE_HOST)
        return check_refuse(check,
                            "Tasks using the Fargate launch type do not support pidMode 'host'. "
                            "The supported value for pidMode is 'task'.");
    if (check->windows && check->in->has.proxy_configuration)
        return refuse_member(check, "proxyConfiguration on Windows");
    if (check->windows && check->in->has.ephemeral_storage)
        return refuse_member(check, "ephemeralStorage on Windows");
    return true;
}

bool check_fargate(struct definition_check *check)
{
    if (check->mode != ECS_NETWORK_MODE_AWSVPC)
        return check_refuse(check, "Fargate only supports network mode ‘awsvpc’.");
    return check_size(check) && check_each_container(check, check_container) &&
           check_task_volumes(check) && check_task(check);
}
