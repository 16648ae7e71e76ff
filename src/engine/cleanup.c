// What is left of a task after its end is removed later (ecs-behaviour-agent 3.5): after the
// cleanup wait, and not before the server has accepted STOPPED. Containers first, then the volumes
// that were made for the task, then its other resources, then the rows. What cannot be removed is
// tried again a few times, then logged and left; a runtime that is away is waited for.

#include "engine/state.h"

enum { REMOVE_ATTEMPTS = 5 };

static void give_up(struct engine *engine, struct task *task)
{
    engine_log(engine, LOG_LEVEL_ERROR, "task.never_reported", task, NULL, STR_NONE);
    task->cleanup_at = TIME_NEVER;
    task->dirty = true;
}

// The runtime's return is an input of its own, so no timer is set for it meanwhile.
static bool waits_for_runtime(const struct engine *engine, const struct task *task)
{
    return task->sent == HOST_TASK_STATUS_STOPPED && !engine->runtime_up;
}

static bool is_due(struct engine *engine, struct task *task)
{
    if (task->known != HOST_TASK_STATUS_STOPPED || engine->now < task->cleanup_at)
        return false;
    if (task->sent == HOST_TASK_STATUS_STOPPED)
        return !waits_for_runtime(engine, task);
    if (engine->now >= task->stopped_at + ENGINE_REPORT_GIVE_UP_MS) {
        give_up(engine, task);
    } else {
        MARK("nothing is removed before the server accepted the end");
        task->cleanup_at = engine->now + ENGINE_REPORT_WAIT_MS;
    }
    return false;
}

// True when the container is gone.
static bool remove_container(struct engine *engine, struct container *c)
{
    if (c->removed || c->runtime_name.len == 0)
        return true;
    if (c->step == STEP_IDLE) {
        container_begin(engine, c, STEP_REMOVE);
    } else if (c->retry_at <= engine->now) {
        c->retry_at = TIME_NEVER;
        step_send(engine, c);
    }
    return false;
}

static bool is_gone(const struct host_result *result)
{
    return result->has.error && result->error->class == HOST_ERROR_CLASS_NOT_FOUND;
}

bool cleanup_is_left(const struct host_result *result)
{
    return result->has.error && !is_gone(result);
}

// Whether a removal that failed is to be tried again; counts it.
bool cleanup_is_tried_again(const struct host_result *result, int32_t *attempt)
{
    if (!cleanup_is_left(result))
        return false;
    if (result->error->class == HOST_ERROR_CLASS_UNREACHABLE) {
        MARK("a removal waits for a runtime that is away");
        return true;
    }
    ++*attempt;
    MARK_IF(*attempt < REMOVE_ATTEMPTS, "a removal that failed is tried again");
    return *attempt < REMOVE_ATTEMPTS;
}

// A create call that was given up, or made in a former life, may be carried out late.
static void look_once_more(struct engine *engine, struct container *c)
{
    if (c->runtime_id.len > 0) {
        MARK("what is gone by its id is looked for by its name");
        step_send(engine, c);
    } else {
        MARK("a container that may yet be made is looked for once more");
        c->retry_at = engine->now + ENGINE_REPORT_WAIT_MS;
    }
}

void cleanup_removed(struct engine *engine, struct container *c, const struct host_result *result)
{
    if (c->to_kill) {
        c->to_kill = false; // however that went
        step_send(engine, c);
        return;
    }
    if (is_gone(result) && !c->by_name) {
        c->by_name = true;
        look_once_more(engine, c);
        return;
    }
    if (cleanup_is_tried_again(result, &c->attempt)) {
        c->to_kill = result->error->class == HOST_ERROR_CLASS_CONFLICT;
        MARK_IF(c->to_kill, "a container that runs when it is to be removed is killed");
        c->retry_at = engine->now + ENGINE_REPORT_WAIT_MS;
        return;
    }
    if (cleanup_is_left(result)) {
        MARK("a container that cannot be removed is left");
        engine_log(engine, LOG_LEVEL_WARN, "container.not_removed", NULL, c, result->error->text);
    }
    c->removed = true;
    container_idle(c);
}

void cleanup_volume_removed(struct engine *engine, struct task *task, struct volume *volume,
                            const struct host_result *result)
{
    if (cleanup_is_tried_again(result, &volume->attempt)) {
        volume->retry_at = engine->now + ENGINE_REPORT_WAIT_MS;
        return;
    }
    if (cleanup_is_left(result))
        engine_log(engine, LOG_LEVEL_WARN, "volume.not_removed", task, NULL, result->error->text);
    volume->status = VOLUME_REMOVED;
}

static bool remove_volumes(struct engine *engine, struct task *task)
{
    bool gone = true;

    for (size_t i = 0; i < task->volumes_n; i++) {
        struct volume *volume = &task->volumes[i];

        if (volume->kind != VOLUME_TASK || volume->status == VOLUME_REMOVED)
            continue;
        gone = false;
        if (volume->token == 0 && volume->retry_at <= engine->now)
            volume_remove(engine, task, volume);
    }
    return gone;
}

bool cleanup_progress(struct engine *engine, struct task *task)
{
    bool gone = true;

    if (!is_due(engine, task) || !network_is_gone(task))
        return false;
    task->cleaning = true;
    for (size_t i = 0; i < task->containers_n; i++)
        gone &= remove_container(engine, &task->containers[i]);
    if (!gone || !remove_volumes(engine, task) || !resource_remove_all(engine, task) ||
        task->submitting > 0)
        return false;
    if (task->execution_credentials.len > 0)
        engine_effect(engine, ENGINE_EFFECT_CREDENTIALS_DROP)->credentials_id =
            str_copy(engine->out->arena, task->execution_credentials);
    MARK("a task is removed from its host, and its rows with it");
    engine_log(engine, LOG_LEVEL_INFO, "task.removed", task, NULL, STR_NONE);
    gone_note(engine, task->arn);
    record_remove_task(engine, task);
    upkeep_task_gone(engine, task);
    task_free(engine, task);
    return true;
}

static time_ms earlier(time_ms a, time_ms b)
{
    return a < b ? a : b;
}

time_ms cleanup_next_timer(const struct engine *engine, const struct task *task)
{
    time_ms next = TIME_NEVER;

    if (task->known != HOST_TASK_STATUS_STOPPED || waits_for_runtime(engine, task))
        return TIME_NEVER;
    if (!task->cleaning) // a network that is still there has timers and answers of its own
        return network_is_gone(task) ? task->cleanup_at : TIME_NEVER;
    for (size_t i = 0; i < task->containers_n; i++) { // from here on answers and retries move it
        if (task->containers[i].retry_at < next)
            next = task->containers[i].retry_at;
    }
    for (size_t i = 0; i < task->volumes_n; i++) {
        const struct volume *volume = &task->volumes[i];
        if (volume->token == 0 && volume->status != VOLUME_REMOVED && volume->retry_at != 0 &&
            volume->retry_at < next)
            next = volume->retry_at;
    }
    return earlier(next, resource_next_timer(engine, task));
}
