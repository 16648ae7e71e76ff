// Taking a task on: is it one at all, can this engine run it, and its first state.
//
// A task that this engine cannot run as asked is not refused and not run differently: it is taken
// on with a terminal reason and desired STOPPED, so that the server and the user see why
// (ecs-behaviour-agent 2.10, "resource cannot be initialized").

#include "engine/state.h"

#include "base/id.h"

// ---- building

static const struct acs_container *spec_of(struct task *task, size_t index,
                                           enum container_role *out_role)
{
    struct acs_container *spec;

    *out_role = CONTAINER_OF_TASK;
    if (index >= task->spec->containers.n)
        return pause_spec(task, index - task->spec->containers.n, out_role);
    spec = &((struct acs_task *)task->spec)->containers.at[index];
    if (!spec->has.essential)
        SET(spec, essential, true);
    return spec;
}

static void init_container(struct task *task, size_t index)
{
    enum container_role role;
    const struct acs_container *spec = spec_of(task, index, &role);

    task->containers[index] = (struct container){
        .task = task,
        .role = role,
        .spec = spec,
        .index = index,
        .known = HOST_CONTAINER_STATUS_NONE,
        .desired = HOST_CONTAINER_STATUS_RUNNING,
        .sent = HOST_CONTAINER_STATUS_NONE,
        .retry_at = TIME_NEVER,
        .wake_at = TIME_NEVER,
    };
}

bool accept_build(struct task *task)
{
    task->containers_n = task->spec->containers.n + pause_count(task->spec);
    task->containers = arena_array(&task->arena, struct container, task->containers_n);
    for (size_t i = 0; i < task->containers_n; i++)
        init_container(task, i);
    network_build(task);
    task->volumes_n = task->spec->volumes.n;
    task->volumes = arena_array(&task->arena, struct volume, task->volumes_n);
    for (size_t i = 0; i < task->volumes_n; i++)
        volume_init(task, &task->volumes[i], &task->spec->volumes.at[i], NULL);
    return depend_build(task);
}

// ---- is it a task?

static bool is_status(struct str status)
{
    return str_eq(status, STR("RUNNING")) || str_eq(status, STR("STOPPED")) ||
           str_eq(status, STR("NONE")) || str_eq(status, STR("CREATED")) ||
           str_eq(status, STR("MANIFEST_PULLED"));
}

static const char *why_no_container(const struct acs_task *spec, size_t index)
{
    const struct acs_container *c = &spec->containers.at[index];

    if (c->name.len == 0)
        return "a container has no name";
    if (c->has.overrides && c->overrides == NULL)
        return "a container's overrides cannot be read";
    for (size_t i = 0; i < index; i++) {
        if (str_eq(spec->containers.at[i].name, c->name))
            return "two containers have one name";
    }
    return NULL;
}

static const char *why_no_task(const struct acs_task *spec)
{
    if (spec->arn.len == 0)
        return "the task has no ARN";
    if (!is_status(spec->desired_status))
        return "the desired status is not one";
    for (size_t i = 0; i < spec->containers.n; i++) {
        const char *why = why_no_container(spec, i);

        if (why != NULL)
            return why;
    }
    if (spec->containers.n == 0 && !str_eq(spec->desired_status, STR("STOPPED")))
        return "the task has no containers";
    return NULL;
}

// ---- can it run here?

static bool has_text_equal(struct str text, const char *word)
{
    return str_eq(text, str_of(word));
}

static const char *why_not_this_task(const struct engine *engine, const struct acs_task *spec)
{
    if (has_text_equal(spec->network_mode, "awsvpc") && !engine->settings.task_networks)
        return "network mode awsvpc is not available on this container instance";
    if (spec->proxy_configuration != NULL)
        return "a proxy configuration is not available on this container instance";
    for (size_t i = 0; i < spec->attachments.n; i++) {
        if (has_text_equal(spec->attachments.at[i].attachment_type, "serviceconnectdetail"))
            return "Service Connect is not available on this container instance";
        if (has_text_equal(spec->attachments.at[i].attachment_type, "amazonebs"))
            return "EBS volumes are not available on this container instance";
    }
    return NULL;
}

static const char *why_not_this_volume(const struct acs_volume *volume)
{
    if (volume->type == ACS_VOLUME_TYPE_EFS && volume->efs_volume_configuration == NULL)
        return "an EFS volume names no file system";
    if (volume->fsx_windows_file_server_volume_configuration != NULL ||
        volume->type == ACS_VOLUME_TYPE_FSXWINDOWSFILESERVER)
        return "FSx volumes are not available on this container instance";
    if (volume->ebs_volume_configuration != NULL || volume->type == ACS_VOLUME_TYPE_EBS)
        return "EBS volumes are not available on this container instance";
    if (volume->log_driver_volume_configuration != NULL ||
        volume->type == ACS_VOLUME_TYPE_LOGDRIVEROUTPUT)
        return "log driver volumes are not available on this container instance";
    return NULL;
}

static const char *why_not_these_ports(const struct acs_container *c)
{
    for (size_t i = 0; i < c->port_mappings.n; i++) {
        const struct acs_port_mapping *mapping = &c->port_mappings.at[i];
        int32_t first;
        int32_t count;

        if (mapping->container_port_range.len > 0 &&
            !ports_range(mapping->container_port_range, &first, &count))
            return "a container port range cannot be read";
        if (mapping->container_port < 0 || mapping->container_port > 65535 ||
            mapping->host_port < 0 || mapping->host_port > 65535)
            return "a port is out of range";
    }
    return NULL;
}

static const char *why_not_this_container(const struct acs_container *c)
{
    if (c->credential_specs.n > 0)
        return "credential specs are not available on this container instance";
    if (c->registry_authentication != NULL &&
        c->registry_authentication->type != ACS_AUTHENTICATION_TYPE_ASM)
        return "registry credentials from ECR are not available on this container instance";
    if (c->image.len == 0)
        return "a container has no image";
    return why_not_these_ports(c);
}

static const char *why_not(const struct engine *engine, const struct acs_task *spec)
{
    const char *why = why_not_this_task(engine, spec);

    for (size_t i = 0; why == NULL && i < spec->volumes.n; i++)
        why = why_not_this_volume(&spec->volumes.at[i]);
    for (size_t i = 0; why == NULL && i < spec->containers.n; i++)
        why = why_not_this_container(&spec->containers.at[i]);
    for (size_t i = 0; why == NULL && i < spec->associations.n; i++) {
        if (spec->associations.at[i].type == ACS_ASSOCIATION_TYPE_GPU &&
            spec->associations.at[i].containers.n > 1)
            why = "a GPU is assigned to more than one container";
    }
    return why;
}

static void refuse(struct task *task, struct str detail)
{
    task_fail(task, str_fmt(&task->arena, "resource cannot be initialized for task %.*s: %.*s",
                            STR_ARGS(task->arn), STR_ARGS(detail)));
}

static bool check_limits(struct engine *engine, struct task *task)
{
    struct needs needs = admission_needs(task);

    for (size_t i = 0; i < task->containers_n; i++) {
        int32_t memory = task->containers[i].spec->memory;

        if (task->spec->memory > 0 && memory > task->spec->memory) {
            refuse(task, str_fmt(&task->arena,
                                 "task memory spec builder: container memory limit(%d) greater "
                                 "than task memory limit(%d)",
                                 (int)memory, (int)task->spec->memory));
            return false;
        }
    }
    // The queue is first in, first out: a task that never fits would hold every later one.
    if (needs.cpu_units > engine->settings.cpu_units ||
        needs.memory_mib > engine->settings.memory_mib) {
        refuse(task, STR("the task needs more CPU or memory than the container instance has"));
        return false;
    }
    return true;
}

static void check_runnable(struct engine *engine, struct task *task)
{
    const char *why = why_not(engine, task->spec);
    struct str error;

    if (why != NULL)
        refuse(task, str_of(why));
    else if (!volume_check(engine, task, &error) || !resource_check(engine, task, &error))
        refuse(task, error);
    else if (!task->ordered)
        task_fail(task, str_fmt(&task->arena, "Task dependencies cannot be resolved, taskArn: %.*s",
                                STR_ARGS(task->arn)));
    else if (check_limits(engine, task) && !engine->settings.task_cgroups &&
             (task->spec->cpu > 0 || task->spec->memory > 0))
        engine_log(engine, LOG_LEVEL_WARN, "task.limits_ignored", task, NULL, STR_NONE);
}

struct task *accept_task(struct engine *engine, const struct acs_task *spec, struct str *out_error)
{
    const char *why = why_no_task(spec);
    struct task *task;

    if (why != NULL) {
        *out_error = str_of(why);
        return NULL;
    }
    task = task_new(engine, spec, ++engine->last_id);
    engine->dirty = true;
    task->dirty = true;
    for (size_t i = 0; i < task->containers_n; i++) {
        task->containers[i].id = ++engine->last_id;
        task->containers[i].endpoint_id = id_uuid(&task->arena, &engine->rng);
        task->containers[i].dirty = true;
    }
    for (size_t i = 0; i < task->volumes_n; i++)
        volume_init(task, &task->volumes[i], task->volumes[i].spec, &engine->rng);
    engine_log(engine, LOG_LEVEL_INFO, "task.accepted", task, NULL, STR_NONE);
    if (str_eq(spec->desired_status, STR("STOPPED"))) {
        MARK("a stop that overtakes its task is taken on as a stopped task");
        task_want_stopped(task);
    } else {
        check_runnable(engine, task);
    }
    return task;
}
