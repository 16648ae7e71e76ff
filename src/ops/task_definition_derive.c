// What a definition asks of an instance, as capability attributes. Each cause adds its names; a
// name that is there already is not added twice. Source: ecs-behaviour-api 9.2.

#include "base/arena.h"
#include "base/mem.h"
#include "ops/image_name.h"
#include "ops/secret_source.h"
#include "ops/task_definition_build.h"

#define OLD(name) STR("com.amazonaws.ecs.capability." name)
#define NEW(name) STR("ecs.capability." name)

struct needs {
    struct arena *arena;
    struct str *names;
    size_t n;
    size_t cap;
};

static void need(struct needs *needs, struct str name)
{
    for (size_t i = 0; i < needs->n; i++) {
        if (str_eq(needs->names[i], name))
            return;
    }
    if (needs->n == needs->cap) {
        needs->cap = needs->cap ? needs->cap * 2 : 16;
        needs->names = mem_realloc(needs->names, needs->cap * sizeof *needs->names);
    }
    needs->names[needs->n++] = name;
}

// Docker's API in the version 1.<minor>.
static void need_api(struct needs *needs, int minor)
{
    need(needs,
         str_fmt(needs->arena, "com.amazonaws.ecs.capability.docker-remote-api.1.%d", minor));
}

static void from_image(struct needs *needs, const struct ecs_container_definition *c,
                       bool has_execution_role)
{
    if (image_is_pinned(c->image))
        need_api(needs, 21);
    if (image_is_ecr(c->image)) {
        need(needs, OLD("ecr-auth"));
        need_api(needs, 19);
        if (has_execution_role)
            need(needs, NEW("execution-role-ecr-pull"));
    }
    if (c->has.repository_credentials)
        need(needs, NEW("private-registry-authentication.secretsmanager"));
}

static void from_secrets(struct needs *needs, const struct ecs_secret_list *secrets,
                         struct str of_parameters, struct str of_secrets)
{
    struct str account;

    for (size_t i = 0; i < secrets->n; i++) {
        if (secret_source(secrets->at[i].value_from, &account) == SECRET_SOURCE_SECRET)
            need(needs, of_secrets);
        else
            need(needs, of_parameters);
    }
}

static void from_log(struct needs *needs, const struct ecs_log_configuration *log,
                     bool has_execution_role)
{
    struct str driver;

    if (log == NULL)
        return;
    driver = shape_enum_name(&ecs_log_driver_enum, (int)log->log_driver);
    need(needs, str_fmt(needs->arena, "com.amazonaws.ecs.capability.logging-driver.%.*s",
                        STR_ARGS(driver)));
    need_api(needs, 18);
    if (log->options.n > 0)
        need_api(needs, 19);
    if (log->log_driver == ECS_LOG_DRIVER_AWSLOGS && has_execution_role)
        need(needs, NEW("execution-role-awslogs"));
    if (log->log_driver == ECS_LOG_DRIVER_AWSFIRELENS &&
        check_option(&log->options, STR("log-driver-buffer-limit")).len > 0)
        need(needs, NEW("logging-driver.awsfirelens.log-driver-buffer-limit"));
    from_secrets(needs, &log->secret_options, NEW("secrets.ssm.bootstrap.log-driver"),
                 NEW("secrets.asm.bootstrap.log-driver"));
}

static void from_router(struct needs *needs, const struct ecs_container_definition *c)
{
    const struct ecs_firelens_configuration *router = c->firelens_configuration;
    struct str source;

    if (router == NULL)
        return;
    need(needs, router->type == ECS_FIRELENS_CONFIGURATION_TYPE_FLUENTD
                    ? NEW("firelens.fluentd")
                    : NEW("firelens.fluentbit"));
    source = check_option(&router->options, STR("config-file-type"));
    if (str_eq(source, STR("file")))
        need(needs, NEW("firelens.options.config.file"));
    if (str_eq(source, STR("s3")))
        need(needs, NEW("firelens.options.config.s3"));
    if (c->user.len > 0 && !str_eq(c->user, STR("0")) && !str_eq(c->user, STR("root")))
        need(needs, NEW("firelens.non-root-user"));
}

static void from_linux(struct needs *needs, const struct ecs_container_definition *c)
{
    const struct ecs_linux_parameters *p = c->linux_parameters;

    if (c->privileged)
        need(needs, OLD("privileged-container"));
    if (c->ulimits.n > 0 || c->docker_labels.n > 0)
        need_api(needs, 18);
    if (p != NULL && p->init_process_enabled)
        need_api(needs, 25);
    if (p != NULL && (p->has.shared_memory_size || p->tmpfs.n > 0))
        need_api(needs, 22);
    for (size_t i = 0; i < c->docker_security_options.n; i++) {
        if (str_starts(c->docker_security_options.at[i], STR("label:")))
            need(needs, OLD("selinux"));
        if (str_starts(c->docker_security_options.at[i], STR("apparmor:")))
            need(needs, OLD("apparmor"));
    }
}

static void from_credentials(struct needs *needs, const struct ecs_container_definition *c)
{
    for (size_t i = 0; i < c->credential_specs.n; i++)
        need(needs, str_starts(c->credential_specs.at[i], STR("credentialspecdomainless:"))
                        ? NEW("gmsa-domainless")
                        : NEW("gmsa"));
}

static void from_lifetime(struct needs *needs, const struct ecs_container_definition *c)
{
    if (c->has.health_check) {
        need(needs, NEW("container-health-check"));
        need_api(needs, 24);
        if (c->health_check->has.start_period)
            need_api(needs, 29);
    }
    if (c->depends_on.n > 0 || c->has.start_timeout || c->has.stop_timeout)
        need(needs, NEW("container-ordering"));
    if (c->has.restart_policy && c->restart_policy->enabled)
        need(needs, NEW("container-restart-policy"));
}

static void from_container(struct needs *needs, const struct ecs_container_definition *c,
                           bool has_execution_role)
{
    from_image(needs, c, has_execution_role);
    if (c->memory_reservation > 0)
        need_api(needs, 21);
    from_log(needs, c->log_configuration, has_execution_role);
    from_router(needs, c);
    from_linux(needs, c);
    from_lifetime(needs, c);
    from_secrets(needs, &c->secrets, NEW("secrets.ssm.environment-variables"),
                 NEW("secrets.asm.environment-variables"));
    if (c->environment_files.n > 0)
        need(needs, NEW("env-files.s3"));
    from_credentials(needs, c);
    for (size_t i = 0; i < c->port_mappings.n; i++) {
        if (c->port_mappings.at[i].has.container_port_range)
            need(needs, NEW("network.container-port-range"));
    }
}

// A plugin "name:tag" is advertised as "name.tag".
static void need_plugin(struct needs *needs, const struct ecs_docker_volume_configuration *docker)
{
    struct str driver = docker->driver.len > 0 ? docker->driver : STR("local");
    struct str name;
    struct str tag;

    if (str_cut_last(driver, ':', &name, &tag))
        need(needs, str_fmt(needs->arena, "ecs.capability.docker-plugin.%.*s.%.*s", STR_ARGS(name),
                            STR_ARGS(tag)));
    else
        need(needs, str_fmt(needs->arena, "ecs.capability.docker-plugin.%.*s", STR_ARGS(driver)));
}

static void from_volume(struct needs *needs, const struct ecs_volume *v)
{
    if (v->has.docker_volume_configuration)
        need_plugin(needs, v->docker_volume_configuration);
    if (v->has.efs_volume_configuration) {
        need(needs, NEW("efs"));
        if (v->efs_volume_configuration->has.authorization_config)
            need(needs, NEW("efsAuth"));
    }
}

static void from_task(struct needs *needs, const struct definition_check *check)
{
    if (check->mode == ECS_NETWORK_MODE_AWSVPC) {
        need_api(needs, 18);
        need(needs, NEW("task-eni"));
    }
    if (check->in->task_role_arn.len > 0) {
        need(needs, check->mode == ECS_NETWORK_MODE_HOST ? OLD("task-iam-role-network-host")
                                                         : OLD("task-iam-role"));
        need_api(needs, 17);
    }
    if (check->in->has.pid_mode || check->in->has.ipc_mode)
        need(needs, NEW("pid-ipc-namespace-sharing"));
    if (check->in->has.proxy_configuration)
        need(needs, NEW("aws-appmesh"));
    if (check->in->enable_fault_injection)
        need(needs, NEW("fault-injection"));
}

struct ecs_attribute_list definition_requirements(const struct definition_check *check)
{
    struct needs needs = {.arena = check->ctx->arena};
    struct ecs_attribute_list list;

    from_task(&needs, check);
    for (size_t i = 0; i < check->in->container_definitions.n; i++)
        from_container(&needs, &check->in->container_definitions.at[i],
                       check->in->execution_role_arn.len > 0);
    for (size_t i = 0; i < check->in->volumes.n; i++)
        from_volume(&needs, &check->in->volumes.at[i]);
    list = (struct ecs_attribute_list){
        .n = needs.n, .at = arena_array(check->ctx->arena, struct ecs_attribute, needs.n)};
    for (size_t i = 0; i < needs.n; i++)
        SET(&list.at[i], name, needs.names[i]);
    mem_free(needs.names);
    return list;
}
