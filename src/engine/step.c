// The calls of a container's steps, and what their results mean (ecs-behaviour-agent 2.6).
//
// step_send makes the call of the step under way (again, after a retry time); step_result takes its
// answer. Every path through a result either begins the next step, or ends idle with a new status
// or a wish to stop, or sets a retry time: a container is never left without a next event.

#include "engine/state.h"

enum {
    STOP_ATTEMPTS = 5,
    NAME_ATTEMPTS = 60, // some five minutes: longer than a create call may take
};

static void retry(struct engine *engine, struct container *c, time_ms wait)
{
    c->token = 0;
    c->attempt++;
    c->retry_at = engine->now + wait;
}

static void send(struct engine *engine, struct container *c, struct host_call *call,
                 time_ms timeout)
{
    c->token = engine_call(engine, (struct call_target){.container = c}, call, timeout);
}

static struct host_call *call_on(struct engine *engine, struct container *c,
                                 enum host_call_kind kind)
{
    struct host_call *call = engine_new_call(engine, kind);
    struct str which = c->runtime_id.len > 0 ? c->runtime_id : c->runtime_name;

    ASSERT(which.len > 0);
    SET(call, container, str_copy(engine->out->arena, which));
    return call;
}

static int32_t stop_seconds(const struct engine *engine, const struct container *c)
{
    if (c->spec->has.stop_timeout && c->spec->stop_timeout > 0)
        return c->spec->stop_timeout;
    return (int32_t)(engine->settings.stop_timeout_ms / TIME_SECOND_MS);
}

static time_ms stop_deadline(const struct engine *engine, const struct container *c)
{
    return stop_seconds(engine, c) * (time_ms)TIME_SECOND_MS + ENGINE_STOP_EXTRA_MS;
}

// ---- sending

static void want_stopped(struct container *c)
{
    container_idle(c);
    c->desired = HOST_CONTAINER_STATUS_STOPPED;
    c->dirty = true;
}

static void send_create(struct engine *engine, struct container *c)
{
    struct host_call *call = engine_new_call(engine, HOST_CALL_KIND_CREATE);

    if (!create_build(engine, c, call)) {
        want_stopped(c);
        return;
    }
    if (c->runtime_name.len == 0) {
        c->runtime_name = create_runtime_name(engine, c); // committed before the call leaves
        c->dirty = true;
    }
    SET(call, name, str_copy(engine->out->arena, c->runtime_name));
    send(engine, c, call, engine->settings.create_timeout_ms);
}

static void send_stop(struct engine *engine, struct container *c)
{
    struct host_call *call = call_on(engine, c, HOST_CALL_KIND_STOP);

    SET(call, stop_timeout, stop_seconds(engine, c));
    send(engine, c, call, stop_deadline(engine, c));
}

static void send_remove(struct engine *engine, struct container *c)
{
    struct host_call *call =
        call_on(engine, c, c->to_kill ? HOST_CALL_KIND_KILL : HOST_CALL_KIND_REMOVE);

    if (c->to_kill)
        SET(call, signal, STR("SIGKILL"));
    if (c->by_name)
        SET(call, container, str_copy(engine->out->arena, c->runtime_name));
    send(engine, c, call, ENGINE_REMOVE_MS);
}

void step_send(struct engine *engine, struct container *c)
{
    switch (c->step) {
    case STEP_MANIFEST_LOCAL:
    case STEP_MANIFEST:
    case STEP_PULL_CHECK:
    case STEP_PULL:
    case STEP_TAG:
    case STEP_PULL_INSPECT: image_send(engine, c); return;
    case STEP_PAUSE_LOOK:
    case STEP_PAUSE_LOAD: pause_send(engine, c); return;
    case STEP_PORTS: ports_begin(engine, c); return;
    case STEP_CREATE: send_create(engine, c); return;
    case STEP_START:
        send(engine, c, call_on(engine, c, HOST_CALL_KIND_START),
             engine->settings.start_timeout_ms);
        return;
    case STEP_ADOPT:
    case STEP_START_INSPECT:
    case STEP_STOP_INSPECT:
    case STEP_RECOVER:
        send(engine, c, call_on(engine, c, HOST_CALL_KIND_INSPECT), ENGINE_INSPECT_MS);
        return;
    case STEP_STOP: send_stop(engine, c); return;
    case STEP_STOP_PING:
        send(engine, c, engine_new_call(engine, HOST_CALL_KIND_PING), ENGINE_PING_MS);
        return;
    case STEP_REMOVE: send_remove(engine, c); return;
    case STEP_IDLE:
    case STEP_N: break;
    }
    UNREACHABLE();
}

// ---- results

static bool is_class(const struct host_result *result, enum host_error_class class)
{
    return result->has.error && result->error->class == class;
}

static bool may_have_happened(const struct host_result *result)
{
    return is_class(result, HOST_ERROR_CLASS_TIMEOUT) ||
           is_class(result, HOST_ERROR_CLASS_UNREACHABLE);
}

static void note_failure(struct engine *engine, struct container *c, const char *name,
                         const char *transition, time_ms timeout, const struct host_result *result)
{
    struct str reason = reason_of_call(&c->task->arena, name, transition, timeout, result);

    engine_log(engine, LOG_LEVEL_WARN, "container.call_failed", NULL, c, reason);
    container_set_reason(c, reason);
}

static void created(struct engine *engine, struct container *c, const struct host_result *result)
{
    if (is_class(result, HOST_ERROR_CLASS_CONFLICT)) {
        int32_t attempt = c->attempt; // goes on counting: see nobodys

        MARK("a container whose name is in use is looked at before it is made");
        container_begin(engine, c, STEP_ADOPT);
        c->attempt = attempt;
        return;
    }
    if (!result->has.error) {
        container_idle(c);
        c->runtime_id = str_copy(&c->task->arena, result->id);
        c->created_at = engine->now;
        container_set_known(engine, c, HOST_CONTAINER_STATUS_CREATED);
        return;
    }
    MARK("a container that cannot be created ends with that reason");
    container_set_reason(c, c->pull_error); // what went wrong first says more than "no such image"
    note_failure(engine, c, "CannotCreateContainerError", "created",
                 engine->settings.create_timeout_ms, result);
    want_stopped(c);
}

static bool is_ours(const struct container *c, const struct docker_container *found)
{
    bool task = false;
    bool name = false;

    if (found == NULL || found->config == NULL)
        return false;
    for (size_t i = 0; i < found->config->labels.n; i++) {
        const struct str_pair *label = &found->config->labels.at[i];

        task |= str_eq(label->key, STR("com.amazonaws.ecs.task-arn")) &&
                str_eq(label->value, c->task->arn);
        name |= str_eq(label->key, STR("com.amazonaws.ecs.container-name")) &&
                str_eq(label->value, c->spec->name);
    }
    return task && name;
}

// Whose it is cannot be seen. Few but we make names like ours, so it stays ours to remove.
static void not_adopted(struct engine *engine, struct container *c,
                        const struct host_result *result)
{
    if (c->attempt + 1 < STOP_ATTEMPTS) { // too rare for a mark; task_test has it
        retry(engine, c,
              engine_backoff(engine, TIME_SECOND_MS, 1.3, 5 * TIME_SECOND_MS, c->attempt));
        return;
    }
    note_failure(engine, c, "CannotInspectContainerError", "inspecting", ENGINE_INSPECT_MS, result);
    want_stopped(c);
}

// The name is in use and yet nobody has it: a create call that we, or who we were before a restart,
// made is still under way. It will be there to be adopted, or the name will be free.
static bool nobodys(struct engine *engine, struct container *c, const struct host_result *result)
{
    if (!is_class(result, HOST_ERROR_CLASS_NOT_FOUND) || c->attempt + 1 >= NAME_ATTEMPTS)
        return false;
    c->step = STEP_CREATE;
    retry(engine, c, engine_backoff(engine, TIME_SECOND_MS, 1.3, 5 * TIME_SECOND_MS, c->attempt));
    return true;
}

// The name that was reserved is in use: by our own create call, whose answer got lost, or by a
// stranger.
static void adopted(struct engine *engine, struct container *c, const struct host_result *result)
{
    if (!result->has.error && is_ours(c, result->container)) {
        MARK("a container made by a create call whose answer was lost is adopted");
        container_idle(c);
        container_observe(engine, c, result->container);
        return;
    }
    if (nobodys(engine, c, result))
        return;
    if (result->has.error && !is_class(result, HOST_ERROR_CLASS_NOT_FOUND)) {
        not_adopted(engine, c, result);
        return;
    }
    container_note(c, "CannotCreateContainerError",
                   str_fmt(&c->task->arena, "the name %.*s is in use by another container",
                           STR_ARGS(c->runtime_name)));
    c->runtime_name = STR_NONE; // not ours to remove
    want_stopped(c);
}

static void started(struct engine *engine, struct container *c, const struct host_result *result)
{
    if (!result->has.error) {
        if (c->known == HOST_CONTAINER_STATUS_RUNNING) {
            MARK("a container that was restarted forgets why it had ended");
            c->reason = STR_NONE;
            c->dirty = true;
        }
        container_begin(engine, c, STEP_START_INSPECT);
        return;
    }
    note_failure(engine, c, "CannotStartContainerError", "started",
                 engine->settings.start_timeout_ms, result);
    if (may_have_happened(result)) {
        MARK("a start whose answer was lost may have happened, so it is stopped");
        c->maybe_started = true;
    } else if (c->known == HOST_CONTAINER_STATUS_RUNNING) {
        container_set_known(engine, c, HOST_CONTAINER_STATUS_STOPPED); // a restart that failed
        return;
    }
    want_stopped(c);
}

// Started: RUNNING, even when it has ended again by now. Both changes are told, in that order.
static void start_inspected(struct engine *engine, struct container *c,
                            const struct host_result *result)
{
    if (result->has.error || result->container == NULL) {
        MARK("a started container that cannot be inspected is stopped");
        note_failure(engine, c, "CannotInspectContainerError", "inspecting", ENGINE_INSPECT_MS,
                     result);
        c->maybe_started = true;
        want_stopped(c);
        return;
    }
    if (container_never_started(result->container)) {
        MARK("a container that was not started after all ends with that reason");
        container_note(c, "CannotStartContainerError", STR("the container did not start"));
        want_stopped(c);
        return;
    }
    container_idle(c);
    if (c->known < HOST_CONTAINER_STATUS_RUNNING) {
        const struct docker_container_state *state = result->container->state;

        c->started_at = state && state->started_at > 0 ? state->started_at : engine->now;
        if (state == NULL || !state->running) {
            container_set_known(engine, c, HOST_CONTAINER_STATUS_RUNNING);
            task_update_known(engine, c->task);
        }
    }
    container_observe(engine, c, result->container);
}

static void stopped(struct engine *engine, struct container *c, const struct host_result *result)
{
    if (c->known == HOST_CONTAINER_STATUS_STOPPED) {
        container_idle(c); // stopped once more, because it was found running
        return;
    }
    if (!result->has.error) {
        container_begin(engine, c, STEP_STOP_INSPECT);
        return;
    }
    if (is_class(result, HOST_ERROR_CLASS_NOT_FOUND)) {
        container_missing(engine, c);
        return;
    }
    if (c->attempt + 1 < STOP_ATTEMPTS) {
        retry(engine, c,
              engine_backoff(engine, TIME_SECOND_MS, 1.3, 5 * TIME_SECOND_MS, c->attempt));
        return;
    }
    note_failure(engine, c, "CannotStopContainerError", "stopped", stop_deadline(engine, c),
                 result);
    c->token = 0;
    container_begin(engine, c, STEP_STOP_PING);
}

// The engine would not stop the container. If it answers at all, the task goes on without it; if
// not, it may be restarting, and the stop is tried again.
static void pinged(struct engine *engine, struct container *c, const struct host_result *result)
{
    if (!result->has.error) {
        MARK("a container that cannot be stopped by an engine that answers is given up");
        container_set_known(engine, c, HOST_CONTAINER_STATUS_STOPPED);
        return;
    }
    MARK("a stop waits for an engine that does not answer");
    container_idle(c);
    c->step = STEP_STOP;
    c->retry_at = engine->now + ENGINE_DOWN_RETRY_MS;
}

static void end_with_event_code(struct engine *engine, struct container *c)
{
    if (c->died) {
        c->has_exit_code = true;
        c->exit_code = c->died_code;
    }
    container_set_known(engine, c, HOST_CONTAINER_STATUS_STOPPED);
}

static void stop_inspected(struct engine *engine, struct container *c,
                           const struct host_result *result)
{
    if (is_class(result, HOST_ERROR_CLASS_NOT_FOUND)) {
        container_missing(engine, c);
        return;
    }
    if (result->has.error || result->container == NULL) {
        if (c->attempt + 1 < STOP_ATTEMPTS) {
            retry(engine, c, engine_backoff(engine, TIME_SECOND_MS, 1.3, 5 * TIME_SECOND_MS, 0));
        } else {
            MARK("an end that cannot be inspected takes the code of its event");
            end_with_event_code(engine, c);
        }
        return;
    }
    container_idle(c);
    container_observe(engine, c, result->container);
    if (c->known == HOST_CONTAINER_STATUS_STOPPED)
        return;
    if (c->known < HOST_CONTAINER_STATUS_RUNNING || container_never_started(result->container)) {
        MARK("a container that had not started after all is stopped as it is");
        container_set_known(engine, c, HOST_CONTAINER_STATUS_STOPPED);
        return;
    }
    MARK("a container that runs after its stop is stopped again");
    c->step = STEP_STOP;
    c->retry_at = engine->now + TIME_SECOND_MS;
}

static void recovered(struct engine *engine, struct container *c, const struct host_result *result)
{
    bool by_id = c->runtime_id.len > 0;

    if (!result->has.error && result->container != NULL) {
        MARK("a container is found again after a restart of the agent");
        container_idle(c);
        c->recovering = true; // an exit that nobody watched is not restarted
        container_observe(engine, c, result->container);
        return;
    }
    if (!is_class(result, HOST_ERROR_CLASS_NOT_FOUND)) {
        MARK("no step is taken on a container before it was looked up after a restart");
        c->token = 0;
        c->retry_at = engine->now + ENGINE_DOWN_RETRY_MS;
        return;
    }
    container_idle(c);
    if (by_id)
        container_missing(engine, c);
    // By name: the create call never got through; it is made again with the same name.
    MARK_IF(!by_id, "a create call that never got through is made again with the same name");
}

void step_result(struct engine *engine, struct container *c, const struct host_result *result)
{
    enum step step = c->step;

    c->token = 0;
    switch (step) {
    case STEP_MANIFEST_LOCAL:
    case STEP_MANIFEST:
    case STEP_PULL_CHECK:
    case STEP_PULL:
    case STEP_TAG:
    case STEP_PULL_INSPECT: image_result(engine, c, result); return;
    case STEP_PAUSE_LOOK:
    case STEP_PAUSE_LOAD: pause_result(engine, c, result); return;
    case STEP_PORTS: ports_result(engine, c, result); return;
    case STEP_CREATE: created(engine, c, result); return;
    case STEP_ADOPT: adopted(engine, c, result); return;
    case STEP_START: started(engine, c, result); return;
    case STEP_START_INSPECT: start_inspected(engine, c, result); return;
    case STEP_STOP: stopped(engine, c, result); return;
    case STEP_STOP_INSPECT: stop_inspected(engine, c, result); return;
    case STEP_STOP_PING: pinged(engine, c, result); return;
    case STEP_RECOVER: recovered(engine, c, result); return;
    case STEP_REMOVE: cleanup_removed(engine, c, result); return;
    case STEP_IDLE:
    case STEP_N: break;
    }
    UNREACHABLE();
}
