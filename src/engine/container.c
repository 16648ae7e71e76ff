// A container: from what is wanted and what is known to the next step, and from what is seen to
// what is known.
//
// One step is under way at a time (step.c has the calls). Beside it a look may be: an inspection
// after an event or at a poll. An event never changes the known status by itself; the look that it
// starts does, because only the inspection tells exit code, time and cause together. When the look
// fails, the event's own exit code has to do.
//
// Refuses to lower a status, to start a second step beside a first, and to restart a container
// whose exit it did not watch (ecs-behaviour-agent 3.4).

#include "engine/state.h"

#include "shape/walk.h"

bool container_is_steady(const struct container *c)
{
    if (c->role == CONTAINER_NETWORK_PAUSE)
        return c->known == HOST_CONTAINER_STATUS_RESOURCES_PROVISIONED;
    return c->known == HOST_CONTAINER_STATUS_RUNNING;
}

bool container_has_started(const struct container *c)
{
    return c->known >= HOST_CONTAINER_STATUS_RUNNING || c->maybe_started;
}

void container_set_reason(struct container *c, struct str reason)
{
    if (c->reason.len > 0 || reason.len == 0)
        return;
    c->reason = str_copy(&c->task->arena, reason);
    c->dirty = true;
    pause_failed(c);
}

void container_note(struct container *c, const char *name, struct str text)
{
    if (c->reason.len == 0)
        container_set_reason(c, str_fmt(&c->task->arena, "%s: %.*s", name, STR_ARGS(text)));
}

void container_idle(struct container *c)
{
    c->step = STEP_IDLE;
    c->token = 0;
    c->attempt = 0;
    c->retry_at = TIME_NEVER;
    c->recovering = false;
}

void container_begin(struct engine *engine, struct container *c, enum step step)
{
    ASSERT_SAY(c->token == 0, "container %.*s, step %d", STR_ARGS(c->spec->name), c->step);
    container_idle(c);
    c->step = step;
    step_send(engine, c);
}

// ---- known

static void note_pulled(struct engine *engine, struct task *task)
{
    if (task->pull_stopped_at != 0 || task->pull_started_at == 0)
        return;
    for (size_t i = 0; i < task->containers_n; i++) {
        if (task->containers[i].known < HOST_CONTAINER_STATUS_PULLED)
            return;
    }
    task->pull_stopped_at = engine->now;
    task->dirty = true;
}

static void note_stopped(struct engine *engine, struct container *c)
{
    struct task *task = c->task;

    engine_cancel(engine, c->token);
    engine_cancel(engine, c->look_token);
    container_idle(c);
    c->look_token = 0;
    c->look_again = false;
    c->desired = HOST_CONTAINER_STATUS_STOPPED;
    if (c->finished_at == 0)
        c->finished_at = engine->now;
    if (c->spec->essential && task->execution_stopped_at == 0) {
        task->execution_stopped_at = engine->now;
        task->dirty = true;
    }
    engine_log(engine, LOG_LEVEL_INFO, "container.stopped", task, c, c->reason);
}

void container_set_known(struct engine *engine, struct container *c,
                         enum host_container_status known)
{
    ASSERT_SAY(known > c->known, "container %.*s", STR_ARGS(c->spec->name));
    c->known = known;
    c->dirty = true;
    if (known >= HOST_CONTAINER_STATUS_PULLED)
        note_pulled(engine, c->task);
    if (known == HOST_CONTAINER_STATUS_RUNNING)
        c->running_since = engine->now;
    if (known == HOST_CONTAINER_STATUS_STOPPED)
        note_stopped(engine, c);
    submit_container(engine, c);
}

// ---- restart policy (ecs-behaviour-agent 1.22)

static bool code_is_ignored(const struct acs_restart_policy *policy, int32_t code)
{
    for (size_t i = 0; i < policy->ignored_exit_codes.n; i++) {
        if (policy->ignored_exit_codes.at[i] == code)
            return true;
    }
    return false;
}

static const char *why_not_restart(const struct engine *engine, const struct container *c)
{
    const struct acs_restart_policy *policy = c->spec->restart_policy;
    time_ms since = c->last_restart_at ? c->last_restart_at : c->running_since;
    time_ms period;

    if (policy == NULL || !policy->enabled) {
        MARK("a container with its restart policy off is not restarted");
        return "restart policy is not enabled";
    }
    if (c->desired == HOST_CONTAINER_STATUS_STOPPED) {
        MARK("a container that is to stop is not restarted");
        return "container's desired status is stopped";
    }
    if (!c->has_exit_code)
        return "exit code is nil";
    if (code_is_ignored(policy, c->exit_code)) {
        MARK("a container is not restarted after an ignored exit code");
        return "exit code is one to be ignored";
    }
    period = policy->has.restart_attempt_period ? policy->restart_attempt_period : 300;
    if (engine->now - since < period * (time_ms)TIME_SECOND_MS) {
        MARK("a container that ended too soon is not restarted");
        return "attempt reset period has not elapsed";
    }
    return NULL;
}

static void note_health(const struct engine *engine, struct container *c, enum engine_health health)
{
    if (health == c->health)
        return;
    c->health = health;
    c->health_since = engine->now;
}

static void restart(struct engine *engine, struct container *c)
{
    MARK_IF(c->health != ENGINE_HEALTH_UNKNOWN, "nothing is known of a restarted one's health");
    note_health(engine, c, ENGINE_HEALTH_UNKNOWN);
    c->restart_count++;
    c->last_restart_at = engine->now;
    c->dirty = true;
    engine_log(engine, LOG_LEVEL_INFO, "container.restart", NULL, c, STR_NONE);
    container_begin(engine, c, STEP_START);
}

// The container has ended, and `c` knows how. STEP_START_INSPECT has ended by now, so no step but a
// stop can be under way; a stop means desired STOPPED.
static void ended(struct engine *engine, struct container *c, bool watched)
{
    const char *why = watched ? why_not_restart(engine, c) : "";

    MARK_IF(!watched, "a container whose exit nobody watched is not restarted");
    if (why == NULL && c->known == HOST_CONTAINER_STATUS_RUNNING && c->step == STEP_IDLE) {
        MARK("a container is restarted by its policy");
        restart(engine, c);
        return;
    }
    if (watched && c->spec->restart_policy != NULL)
        engine_log(engine, LOG_LEVEL_INFO, "container.not_restarted", NULL, c, str_of(why));
    container_set_known(engine, c, HOST_CONTAINER_STATUS_STOPPED);
}

// ---- what an inspection found

static void observe_bindings(struct engine *engine, struct container *c,
                             const struct docker_container *found)
{
    struct ecs_container_state_change now = {0};
    struct ecs_container_state_change before = {0};

    SET(&before, network_bindings, c->bindings);
    SET(&now, network_bindings, ports_bindings(engine, engine->out->arena, c, found));
    if (shape_equal(&ecs_container_state_change_shape, &before, &now))
        return;
    now = *(struct ecs_container_state_change *)shape_copy(&c->task->arena,
                                                           &ecs_container_state_change_shape, &now);
    c->bindings = now.network_bindings;
    c->dirty = true;
}

static struct str bridge_address(const struct docker_network_settings *settings)
{
    for (size_t i = 0; i < settings->networks.n; i++) {
        if (str_eq(settings->networks.at[i].key, STR("bridge")))
            return settings->networks.at[i].value.ip_address;
    }
    return STR_NONE;
}

static void observe_address(struct container *c, const struct docker_container *found)
{
    struct str address;

    if (!router_is(c) || found->network_settings == NULL)
        return;
    address = bridge_address(found->network_settings);
    if (!str_eq(c->address, address))
        c->address = str_copy(&c->task->arena, address);
}

static void observe_running(struct engine *engine, struct container *c,
                            const struct docker_container *found)
{
    if (c->known == HOST_CONTAINER_STATUS_STOPPED) {
        if (!c->restopped && c->step == STEP_IDLE) {
            MARK("a container started by another hand after its end is stopped once");
            c->restopped = true; // once: whoever starts it by hand must not fight us for ever
            container_begin(engine, c, STEP_STOP);
        }
        return;
    }
    if (c->started_at == 0)
        c->started_at = found->state->started_at > 0 ? found->state->started_at : engine->now;
    if (c->has_exit_code) {
        c->has_exit_code = false; // of the run before a restart
        c->finished_at = 0;
        c->dirty = true;
    }
    observe_bindings(engine, c, found);
    observe_address(c, found);
    if (found->state->health != NULL)
        container_set_health(engine, c, found->state->health->status);
    if (c->known < HOST_CONTAINER_STATUS_RUNNING)
        container_set_known(engine, c, HOST_CONTAINER_STATUS_RUNNING);
}

static void observe_ended(struct engine *engine, struct container *c,
                          const struct docker_container_state *state, bool watched)
{
    if (c->known == HOST_CONTAINER_STATUS_STOPPED)
        return;
    if (state->finished_at > 0) {
        c->has_exit_code = true;
        c->exit_code = state->exit_code;
        c->finished_at = state->finished_at;
    }
    if (c->started_at == 0 && state->started_at > 0)
        c->started_at = state->started_at;
    if (state->oom_killed) {
        MARK("a container killed for its memory says so");
        container_set_reason(c, STR("OutOfMemoryError: Container killed due to memory usage"));
    } else if (state->error.len > 0)
        container_note(c, "DockerStateError", state->error);
    c->dirty = true;
    ended(engine, c, watched);
}

bool container_never_started(const struct docker_container *found)
{
    const struct docker_container_state *state = found->state;

    return state == NULL ||
           (!state->running && state->started_at <= 0 && state->error.len == 0 && !state->dead);
}

// Labels, addresses, mounts and the last health check, for whoever looks at the views. What Docker
// was told in secret is not kept.
static void keep_seen(struct container *c, const struct docker_container *found)
{
    struct docker_container kept = {0};
    struct docker_config config = {0};
    struct docker_container_state state = {0};

    if (found->config != NULL) {
        SET(&config, labels, found->config->labels);
        SET(&kept, config, &config);
    }
    if (found->state != NULL) {
        SET(&state, pid, found->state->pid);
        if (found->state->health != NULL)
            SET(&state, health, found->state->health);
        SET(&kept, state, &state);
    }
    if (found->network_settings != NULL)
        SET(&kept, network_settings, found->network_settings);
    SET(&kept, mounts, found->mounts);
    mem_free(c->seen);
    c->seen = shape_freeze(&docker_container_shape, &kept);
}

// Maps the engine's state as ecs-behaviour-agent 2.6 says: running; dead; never started; anything
// else has ended.
void container_observe(struct engine *engine, struct container *c,
                       const struct docker_container *found)
{
    static const struct docker_container_state nothing = {0};
    const struct docker_container_state *state = found->state ? found->state : &nothing;
    bool watched = !c->recovering;

    keep_seen(c, found);
    if (c->runtime_id.len == 0 && found->id.len > 0) {
        c->runtime_id = str_copy(&c->task->arena, found->id);
        c->created_at = found->created > 0 ? found->created : engine->now;
        c->dirty = true;
    }
    c->recovering = false;
    c->pid = state->running ? state->pid : 0;
    if (state->running && !str_eq(c->hosts_path, found->hosts_path))
        c->hosts_path = str_copy(&c->task->arena, found->hosts_path);
    if (state->running) {
        observe_running(engine, c, found);
    } else if (!container_never_started(found)) {
        observe_ended(engine, c, state, watched);
    } else if (c->known < HOST_CONTAINER_STATUS_CREATED) {
        MARK("a container that never started is known as created");
        container_set_known(engine, c, HOST_CONTAINER_STATUS_CREATED);
    }
}

void container_missing(struct engine *engine, struct container *c)
{
    if (c->known == HOST_CONTAINER_STATUS_STOPPED)
        return;
    MARK("a container that is gone counts as stopped");
    container_note(c, "ContainerVanishedError", STR("No container matching saved ID found"));
    container_set_known(engine, c, HOST_CONTAINER_STATUS_STOPPED);
}

// ---- looks and events

static bool step_hides_the_state(enum step step)
{
    return step == STEP_CREATE || step == STEP_ADOPT || step == STEP_START ||
           step == STEP_START_INSPECT || step == STEP_STOP_INSPECT || step == STEP_RECOVER ||
           step == STEP_REMOVE;
}

void container_look(struct engine *engine, struct container *c)
{
    struct host_call *call;

    if (c->runtime_id.len == 0 || c->step == STEP_REMOVE)
        return;
    if (c->look_token != 0 || step_hides_the_state(c->step)) {
        MARK("a look waits for the step that hides the state");
        c->look_again = true;
        return;
    }
    c->look_again = false;
    call = engine_new_call(engine, HOST_CALL_KIND_INSPECT);
    SET(call, container, str_copy(engine->out->arena, c->runtime_id));
    c->look_token = engine_call(engine, (struct call_target){.container = c, .look = true}, call,
                                ENGINE_INSPECT_MS);
}

void step_look_result(struct engine *engine, struct container *c, const struct host_result *result)
{
    c->look_token = 0;
    if (step_hides_the_state(c->step)) {
        MARK("a look that is older than the step under way is taken again");
        c->look_again = true;
        return;
    }
    if (!result->has.error && result->container != NULL) {
        c->died = false;
        container_observe(engine, c, result->container);
    } else if (result->has.error && result->error->class == HOST_ERROR_CLASS_NOT_FOUND) {
        container_missing(engine, c);
    } else if (c->died && c->known < HOST_CONTAINER_STATUS_STOPPED) {
        MARK("an exit that cannot be inspected is believed from its event");
        c->died = false;
        c->has_exit_code = true;
        c->exit_code = c->died_code;
        ended(engine, c, true);
    }
}

static struct container *find_by_runtime_id(const struct engine *engine, struct str runtime_id)
{
    if (runtime_id.len == 0)
        return NULL;
    for (struct task *t = NULL; (t = task_next(engine, t)) != NULL;) {
        for (size_t i = 0; i < t->containers_n; i++) {
            if (str_eq(t->containers[i].runtime_id, runtime_id))
                return &t->containers[i];
        }
    }
    return NULL;
}

void container_event(struct engine *engine, const struct host_event *event)
{
    struct container *c = find_by_runtime_id(engine, event->container);
    enum engine_health before;

    if (c == NULL)
        return;
    before = c->health;
    switch (event->kind) {
    case HOST_EVENT_KIND_DIE:
        if (c->known == HOST_CONTAINER_STATUS_STOPPED)
            return;
        c->died = event->has.exit_code;
        c->died_code = event->exit_code;
        container_look(engine, c);
        return;
    case HOST_EVENT_KIND_DESTROY:
        if (c->known < HOST_CONTAINER_STATUS_STOPPED)
            container_look(engine, c);
        return;
    case HOST_EVENT_KIND_START:
        if (c->known == HOST_CONTAINER_STATUS_STOPPED)
            container_look(engine, c);
        return;
    case HOST_EVENT_KIND_HEALTH:
        container_set_health(engine, c, event->health);
        if (c->health != before)
            container_look(engine, c); // the inspection has what the check wrote
        return;
    case HOST_EVENT_KIND_OOM: // the exit that follows tells
    case HOST_EVENT_KIND_CREATE:
    case HOST_EVENT_KIND_UNSET: return;
    }
    UNREACHABLE();
}

// ---- health (ecs-behaviour-agent 2.9)

bool container_is_tracked(const struct container *c)
{
    return c->spec->health_check_type == ACS_HEALTH_CHECK_TYPE_DOCKER &&
           c->known == HOST_CONTAINER_STATUS_RUNNING;
}

void container_set_health(struct engine *engine, struct container *c, struct str status)
{
    enum engine_health health = c->health;

    if (c->spec->health_check_type != ACS_HEALTH_CHECK_TYPE_DOCKER)
        return; // an image's own health check is nobody's business
    if (str_eq(status, STR("healthy"))) {
        MARK("a container becomes healthy");
        health = ENGINE_HEALTH_HEALTHY;
    } else if (str_eq(status, STR("unhealthy"))) {
        MARK("a container becomes unhealthy");
        health = ENGINE_HEALTH_UNHEALTHY;
    }
    note_health(engine, c, health);
}

// ---- progress

// A pull is given up at once when the task is to stop. A create or a start is not: nobody could
// tell whether the engine has done it.
static bool give_up_pull(struct engine *engine, struct container *c)
{
    if (c->desired != HOST_CONTAINER_STATUS_STOPPED || c->step < STEP_MANIFEST_LOCAL ||
        c->step > STEP_PORTS)
        return false;
    if (c->token != 0 && c->token == engine->ports_token)
        engine->ports_token = 0;
    if (c->token != 0 && c->token == engine->load_token)
        engine->load_token = 0;
    MARK("a pull is given up when its task is to stop");
    engine_cancel(engine, c->token);
    container_idle(c);
    return true;
}

static bool stop(struct engine *engine, struct container *c)
{
    if (!depend_may_stop(c) || (c->role == CONTAINER_NETWORK_PAUSE && !network_is_gone(c->task))) {
        MARK("a container is stopped after those that depend on it");
        c->blocked = true;
        return false;
    }
    if (container_has_started(c)) {
        container_begin(engine, c, STEP_STOP);
        return true;
    }
    if (c->known == HOST_CONTAINER_STATUS_MANIFEST_PULLED && !c->pull_begun && !pause_is(c))
        container_note(c, "TaskStoppedBeforePullBeginError",
                       str_fmt(&c->task->arena,
                               "Task stopped before image pull could begin for task: %.*s",
                               STR_ARGS(c->task->arn)));
    MARK("a container that never started is stopped without a call");
    container_set_known(engine, c, HOST_CONTAINER_STATUS_STOPPED);
    return true;
}

// A dependency that can never be met ends the container as if it had been stopped: code 143.
static void give_up(struct engine *engine, struct container *c, struct str why)
{
    struct str text = str_fmt(&c->task->arena, "dependency graph: %.*s", STR_ARGS(why));

    MARK("a container whose dependency can never be met ends");
    container_note(c, "CannotStartContainerError", text);
    c->has_exit_code = true;
    c->exit_code = 143;
    container_set_known(engine, c, HOST_CONTAINER_STATUS_STOPPED);
}

static bool may_move_to(struct engine *engine, struct container *c,
                        enum host_container_status target, bool *out_gone)
{
    struct str why = STR_NONE;

    *out_gone = false;
    switch (depend_check(engine, c, target, &why, &c->wake_at)) {
    case DEPEND_READY: return true;
    case DEPEND_WAIT: c->blocked = true; return false;
    case DEPEND_NEVER:
        give_up(engine, c, why);
        *out_gone = true;
        return false;
    }
    UNREACHABLE();
}

// The way of one that has an image of our own and no ports.
static bool advance_pause(struct engine *engine, struct container *c,
                          enum host_container_status next)
{
    switch (next) {
    case HOST_CONTAINER_STATUS_MANIFEST_PULLED: container_set_known(engine, c, next); return true;
    case HOST_CONTAINER_STATUS_PULLED: pause_begin_image(engine, c); return true;
    case HOST_CONTAINER_STATUS_CREATED: container_begin(engine, c, STEP_CREATE); return true;
    case HOST_CONTAINER_STATUS_RUNNING: container_begin(engine, c, STEP_START); return true;
    case HOST_CONTAINER_STATUS_RESOURCES_PROVISIONED: return false; // when the network is up
    case HOST_CONTAINER_STATUS_UNSET:
    case HOST_CONTAINER_STATUS_NONE:
    case HOST_CONTAINER_STATUS_STOPPED: break;
    }
    UNREACHABLE();
}

static bool waits_for_router(struct engine *engine, struct container *c)
{
    if (!router_is_awaited(c))
        return false;
    if (c->router_wait_end == 0)
        c->router_wait_end = engine->now + ENGINE_ROUTER_MS;
    if (engine->now >= c->router_wait_end)
        return false; // the socket serves it all the same
    MARK("a sender waits for the address of a router that waits for others");
    c->wake_at = c->router_wait_end;
    c->blocked = true;
    return true;
}

static bool advance(struct engine *engine, struct container *c)
{
    enum host_container_status next = c->known + 1;
    bool gone;

    if (!pause_allows(c, next) || !resource_allows(c, next))
        return false;
    if (pause_is(c))
        return advance_pause(engine, c, next);
    if (next == HOST_CONTAINER_STATUS_PULLED && !volume_all_ready(c->task))
        return false;
    if (next <= HOST_CONTAINER_STATUS_PULLED && upkeep_holds_image(engine, c)) {
        MARK("a pull waits for the removal of its image");
        c->blocked = true;
        return false;
    }
    if (!may_move_to(engine, c, next, &gone))
        return gone;
    if (next == HOST_CONTAINER_STATUS_CREATED && waits_for_router(engine, c))
        return false;
    switch (next) {
    case HOST_CONTAINER_STATUS_MANIFEST_PULLED: image_begin_manifest(engine, c); return true;
    case HOST_CONTAINER_STATUS_PULLED: image_begin_pull(engine, c); return true;
    case HOST_CONTAINER_STATUS_CREATED:
        if (ports_needed(c) && engine->ports_token != 0) {
            MARK("one search for host ports at a time");
            c->blocked = true;
            return false;
        }
        container_begin(engine, c, ports_needed(c) ? STEP_PORTS : STEP_CREATE);
        return true;
    case HOST_CONTAINER_STATUS_RUNNING: container_begin(engine, c, STEP_START); return true;
    case HOST_CONTAINER_STATUS_UNSET:
    case HOST_CONTAINER_STATUS_NONE:
    case HOST_CONTAINER_STATUS_RESOURCES_PROVISIONED:
    case HOST_CONTAINER_STATUS_STOPPED: break;
    }
    UNREACHABLE();
}

bool container_progress(struct engine *engine, struct container *c)
{
    c->wake_at = TIME_NEVER;
    c->blocked = false;
    if (c->look_again && c->look_token == 0 && !step_hides_the_state(c->step))
        container_look(engine, c);
    if (c->step != STEP_IDLE) {
        if (give_up_pull(engine, c))
            return true;
        if (c->retry_at > engine->now)
            return false;
        c->retry_at = TIME_NEVER;
        step_send(engine, c);
        return true;
    }
    if (c->known == HOST_CONTAINER_STATUS_STOPPED)
        return false;
    if (c->desired == HOST_CONTAINER_STATUS_STOPPED)
        return stop(engine, c);
    return container_is_steady(c) ? false : advance(engine, c);
}
