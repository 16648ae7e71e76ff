// Containers that nobody asked for: one that holds the network namespace of an awsvpc task, one
// that holds the process or IPC namespace which a task's containers share (ecs-behaviour-agent
// 1.13, 1.14). They do nothing but exist.
//
// They stand behind the task's own containers, always in the same order, so their rows need not say
// what they are. Both are essential, neither is ever told to the server. A namespace must be there
// before the first container enters it and until the last one has left: pause_allows and
// pause_outlives say so to those who start and stop containers.
//
// Their image comes from no registry. When the runtime does not have it, it is given the one that
// is part of this program; one such call at a time, for a second one would replace the first's
// image.

#include "engine/state.h"

enum {
    PAUSE_STOP_S = 5,
    PAUSE_LOAD_ATTEMPTS = 3,
    PAUSE_AGAIN_MS = 300,
    PAUSE_LOOK_MS = 30 * 1000,
    PAUSE_LOAD_MS = 60 * 1000,
};

static bool is_word(struct str text, const char *word)
{
    return str_eq(text, str_of(word));
}

static bool has_network(const struct acs_task *spec)
{
    return is_word(spec->network_mode, "awsvpc");
}

static bool shares_namespaces(const struct acs_task *spec)
{
    return is_word(spec->pid_mode, "task") || is_word(spec->ipc_mode, "task");
}

size_t pause_count(const struct acs_task *spec)
{
    if (spec->containers.n == 0)
        return 0; // a stop that overtook its task
    return (size_t)has_network(spec) + (size_t)shares_namespaces(spec);
}

const struct acs_container *pause_spec(struct task *task, size_t nth, enum container_role *out_role)
{
    struct acs_container *spec = arena_new(&task->arena, struct acs_container);

    *out_role =
        nth == 0 && has_network(task->spec) ? CONTAINER_NETWORK_PAUSE : CONTAINER_NAMESPACE_PAUSE;
    SET(spec, name,
        *out_role == CONTAINER_NETWORK_PAUSE ? STR("~internal~ecs~pause")
                                             : STR("~internal~ecs~pause~namespace"));
    SET(spec, image, STR(ENGINE_PAUSE_IMAGE));
    SET(spec, essential, true);
    SET(spec, stop_timeout, PAUSE_STOP_S);
    return spec;
}

struct container *pause_of(const struct task *task, enum container_role role)
{
    for (size_t i = task->spec->containers.n; i < task->containers_n; i++) {
        if (task->containers[i].role == role)
            return &task->containers[i];
    }
    return NULL;
}

bool pause_is(const struct container *c)
{
    return c->role != CONTAINER_OF_TASK;
}

bool pause_allows(const struct container *c, enum host_container_status next)
{
    const struct container *network = pause_of(c->task, CONTAINER_NETWORK_PAUSE);
    const struct container *shared = pause_of(c->task, CONTAINER_NAMESPACE_PAUSE);

    if (network != NULL && c != network &&
        network->known != HOST_CONTAINER_STATUS_RESOURCES_PROVISIONED)
        return false;
    return shared == NULL || pause_is(c) || next < HOST_CONTAINER_STATUS_PULLED ||
           shared->known == HOST_CONTAINER_STATUS_RUNNING;
}

bool pause_outlives(const struct container *c, const struct container *other)
{
    if (c->role == CONTAINER_NETWORK_PAUSE)
        return other != c;
    return c->role == CONTAINER_NAMESPACE_PAUSE && !pause_is(other);
}

// Why a task did not start is to be known to the server, which never hears of this container.
void pause_failed(struct container *c)
{
    struct task *task = c->task;

    if (!pause_is(c) || task->reason.len > 0 || task->desired == HOST_TASK_STATUS_STOPPED)
        return;
    MARK("a task whose pause container fails ends with that reason");
    task->reason = c->reason;
    task->dirty = true;
}

// ---- the image

void pause_begin_image(struct engine *engine, struct container *c)
{
    container_begin(engine, c, STEP_PAUSE_LOOK);
}

void pause_send(struct engine *engine, struct container *c)
{
    bool load = c->step == STEP_PAUSE_LOAD;
    struct host_call *call =
        engine_new_call(engine, load ? HOST_CALL_KIND_LOAD_IMAGE : HOST_CALL_KIND_INSPECT_IMAGE);

    SET(call, image, c->spec->image);
    c->token = engine_call(engine, (struct call_target){.container = c}, call,
                           load ? PAUSE_LOAD_MS : PAUSE_LOOK_MS);
    if (load)
        engine->load_token = c->token;
}

static void again(struct engine *engine, struct container *c, time_ms wait)
{
    c->step = STEP_PAUSE_LOOK;
    c->token = 0;
    c->retry_at = engine->now + wait;
}

static void give_up(struct engine *engine, struct container *c, const struct host_result *result)
{
    struct str reason = reason_of_call(&c->task->arena, "CannotPullContainerError",
                                       "loading the pause image", PAUSE_LOAD_MS, result);

    engine_log(engine, LOG_LEVEL_WARN, "container.call_failed", NULL, c, reason);
    container_set_reason(c, reason);
    container_idle(c);
    c->desired = HOST_CONTAINER_STATUS_STOPPED;
    c->dirty = true;
}

// The image is looked for again after it was loaded: what counts is that it is there.
void pause_result(struct engine *engine, struct container *c, const struct host_result *result)
{
    bool is_missing = result->has.error && result->error->class == HOST_ERROR_CLASS_NOT_FOUND;

    if (c->step == STEP_PAUSE_LOAD)
        engine->load_token = 0;
    if (!result->has.error && c->step == STEP_PAUSE_LOOK) {
        container_idle(c);
        container_set_known(engine, c, HOST_CONTAINER_STATUS_PULLED);
    } else if (!result->has.error) {
        c->attempt++;
        again(engine, c, 0);
    } else if (is_missing && c->step == STEP_PAUSE_LOOK && engine->load_token == 0 &&
               c->attempt < PAUSE_LOAD_ATTEMPTS) {
        MARK("a runtime that does not have the pause image is given it");
        c->step = STEP_PAUSE_LOAD;
        pause_send(engine, c);
    } else if (is_missing && c->step == STEP_PAUSE_LOOK && engine->load_token != 0) {
        again(engine, c, PAUSE_AGAIN_MS);
    } else if (++c->attempt < PAUSE_LOAD_ATTEMPTS) {
        again(engine, c, engine_backoff(engine, TIME_SECOND_MS, 2, 5 * TIME_SECOND_MS, c->attempt));
    } else {
        give_up(engine, c, result);
    }
}
