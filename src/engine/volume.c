// A task's volumes (ecs-behaviour-agent 1.12): a path of the host, a volume made for the task and
// removed with it (a file system of the network among them), or one that is shared and outlives it.
// All must be ready before the first image is pulled.
//
// A task's own volume gets its name at acceptance and keeps it in the task's record, so making it
// twice after a crash is making the same one.

#include "engine/state.h"

#include "shape/walk.h"

static bool is_shared(const struct acs_volume *spec)
{
    return spec->docker_volume_configuration != NULL &&
           spec->docker_volume_configuration->scope == ACS_SCOPE_SHARED;
}

void volume_init(struct task *task, struct volume *volume, const struct acs_volume *spec,
                 struct rng *rng)
{
    struct str suffix;

    *volume = (struct volume){.spec = spec, .status = VOLUME_WANTED};
    if (is_shared(spec)) {
        MARK("a shared volume outlives its task");
        volume->kind = VOLUME_SHARED;
        volume->source = spec->name;
        return;
    }
    if (spec->docker_volume_configuration == NULL && spec->host != NULL &&
        spec->host->source_path.len > 0) {
        volume->kind = VOLUME_BIND;
        volume->status = VOLUME_READY;
        volume->source = spec->host->source_path;
        return;
    }
    volume->kind = VOLUME_TASK;
    if (rng == NULL)
        return; // the record has the name
    suffix = create_suffix(&task->arena, rng);
    volume->source = str_fmt(&task->arena, "ecs-%.*s-%.*s-%.*s-%.*s", STR_ARGS(task->spec->family),
                             STR_ARGS(task->spec->version), STR_ARGS(spec->name), STR_ARGS(suffix));
}

bool volume_check(const struct engine *engine, const struct task *task, struct str *out_error)
{
    struct arena *arena = (struct arena *)&task->arena;
    const char *why;

    for (size_t i = 0; i < task->volumes_n; i++) {
        const struct acs_docker_volume_configuration *config =
            task->volumes[i].spec->docker_volume_configuration;
        const struct acs_efs_volume_configuration *efs =
            task->volumes[i].spec->efs_volume_configuration;

        if (efs != NULL && !efs_can(engine, efs, &why)) {
            *out_error = str_of(why);
            return false;
        }
        if (config != NULL && config->autoprovision && config->scope != ACS_SCOPE_SHARED) {
            *out_error =
                str_fmt(arena, "volume [%.*s] : task scoped volume could not be autoprovisioned",
                        STR_ARGS(task->volumes[i].spec->name));
            return false;
        }
    }
    return true;
}

bool volume_all_ready(const struct task *task)
{
    for (size_t i = 0; i < task->volumes_n; i++) {
        if (task->volumes[i].status != VOLUME_READY)
            return false;
    }
    return true;
}

// ---- calls

static void add_owner(const struct engine *engine, struct docker_volume_create *body)
{
    struct str_pair owner = {STR(ENGINE_OWNER_LABEL), engine->settings.owner};
    struct docker_volume_create over = {0};

    if (owner.value.len == 0)
        return;
    SET(&over, labels, (struct str_map){.n = 1, .at = &owner});
    shape_merge(engine->out->arena, &docker_volume_create_shape, body, &over);
}

static void send_create(struct engine *engine, struct task *task, struct volume *volume)
{
    const struct acs_docker_volume_configuration *config =
        volume->spec->docker_volume_configuration;
    struct host_call *call = engine_new_call(engine, HOST_CALL_KIND_CREATE_VOLUME);
    struct docker_volume_create *body = arena_new(engine->out->arena, struct docker_volume_create);

    SET(body, name, volume->source);
    SET(body, driver, config && config->driver.len > 0 ? config->driver : STR("local"));
    if (config != NULL && config->driver_opts.n > 0)
        SET(body, driver_opts, config->driver_opts);
    if (config != NULL && config->labels.n > 0)
        SET(body, labels, config->labels);
    if (volume->spec->efs_volume_configuration != NULL)
        efs_fill(engine, task, volume->spec->efs_volume_configuration, engine->out->arena, body);
    if (volume->kind == VOLUME_TASK)
        add_owner(engine, body);
    SET(call, volume, shape_copy(engine->out->arena, &docker_volume_create_shape, body));
    volume->token = engine_call(engine, (struct call_target){.task = task, .volume = volume}, call,
                                ENGINE_VOLUME_MS);
}

static void send_named(struct engine *engine, struct task *task, struct volume *volume,
                       enum host_call_kind kind)
{
    struct host_call *call = engine_new_call(engine, kind);

    SET(call, volume_name, str_copy(engine->out->arena, volume->source));
    volume->token = engine_call(engine, (struct call_target){.task = task, .volume = volume}, call,
                                ENGINE_VOLUME_MS);
}

bool volume_progress(struct engine *engine, struct task *task)
{
    bool changed = false;

    if (task->desired == HOST_TASK_STATUS_STOPPED)
        return false;
    for (size_t i = 0; i < task->volumes_n; i++) {
        struct volume *volume = &task->volumes[i];

        if (volume->status != VOLUME_WANTED || volume->token != 0)
            continue;
        if (volume->spec->efs_volume_configuration != NULL && efs_waits(engine, task))
            continue;
        if (volume->kind == VOLUME_SHARED && !volume->looked)
            send_named(engine, task, volume, HOST_CALL_KIND_INSPECT_VOLUME);
        else
            send_create(engine, task, volume);
        changed = true;
    }
    return changed;
}

void volume_remove(struct engine *engine, struct task *task, struct volume *volume)
{
    ASSERT(volume->kind == VOLUME_TASK);
    MARK("a task's own volume is removed with it");
    send_named(engine, task, volume, HOST_CALL_KIND_REMOVE_VOLUME);
}

// ---- results

static void fail(struct engine *engine, struct task *task, struct volume *volume, struct str reason)
{
    MARK("a task whose volume cannot be made ends");
    volume->status = VOLUME_FAILED;
    engine_log(engine, LOG_LEVEL_WARN, "volume.failed", task, NULL, reason);
    task_fail(task, reason);
}

static void ready(struct task *task, struct volume *volume)
{
    volume->status = VOLUME_READY;
    task->dirty = true;
}

static bool matches(const struct volume *volume, const struct docker_volume *found)
{
    const struct acs_docker_volume_configuration *config =
        volume->spec->docker_volume_configuration;
    struct docker_volume_create want = {0};
    struct docker_volume_create have = {0};

    SET(&want, driver_opts, config->driver_opts);
    SET(&want, labels, config->labels);
    SET(&have, driver_opts, found->options);
    SET(&have, labels, found->labels);
    return shape_equal(&docker_volume_create_shape, &want, &have);
}

static struct str volume_error(struct task *task, const char *name, const char *transition,
                               const struct host_result *result)
{
    struct str why = reason_of_call(&task->arena, name, transition, ENGINE_VOLUME_MS, result);

    return str_fmt(&task->arena,
                   "VolumeError: Agent could not create task's volume resources: %.*s",
                   STR_ARGS(why));
}

static void looked(struct engine *engine, struct task *task, struct volume *volume,
                   const struct host_result *result)
{
    bool provision = volume->spec->docker_volume_configuration->autoprovision;
    struct arena *arena = &task->arena;

    volume->looked = true;
    if (!result->has.error) {
        if (provision && engine->settings.shared_volume_match && result->volume != NULL &&
            !matches(volume, result->volume))
            fail(engine, task, volume,
                 str_fmt(arena,
                         "Initialize volume: volume '%.*s' exists with other labels or options",
                         STR_ARGS(volume->source)));
        else
            ready(task, volume);
        return;
    }
    if (provision && result->error->class == HOST_ERROR_CLASS_NOT_FOUND)
        return; // made in the next round
    if (result->error->class == HOST_ERROR_CLASS_NOT_FOUND)
        fail(engine, task, volume,
             str_fmt(arena,
                     "Initialize volume: volume detection failed, volume '%.*s' does not exist and "
                     "autoprovision is set to false",
                     STR_ARGS(volume->source)));
    else
        fail(engine, task, volume,
             volume_error(task, "CannotInspectVolumeError", "inspecting volume", result));
}

static void made(struct engine *engine, struct task *task, struct volume *volume,
                 const struct host_result *result)
{
    if (!result->has.error)
        ready(task, volume);
    else
        fail(engine, task, volume,
             volume_error(task, "CannotCreateVolumeError", "creating volume", result));
}

void volume_result(struct engine *engine, struct task *task, struct volume *volume,
                   const struct host_result *result)
{
    volume->token = 0;
    if (result->kind == HOST_CALL_KIND_REMOVE_VOLUME)
        cleanup_volume_removed(engine, task, volume, result);
    else if (result->kind == HOST_CALL_KIND_INSPECT_VOLUME)
        looked(engine, task, volume, result);
    else
        made(engine, task, volume, result);
}
