// A task: its desired status from what is asked of it, its known status from its containers.
//
// Statuses only rise. `desired` is changed here alone, by a wish of the server (task_want_stopped),
// by a failure of the task as a whole (task_fail) or because an essential container has stopped or
// is to. The known status is what the least advanced container stands for
// (ecs-behaviour-agent 2.1).
//
// A task makes progress in task_progress: it pushes its volumes and containers until nothing moves;
// what moves later is brought by a result, an event or a timer.

#include "engine/state.h"

#include "shape/walk.h"

struct task *task_new(struct engine *engine, const struct acs_task *spec, int64_t id)
{
    struct task *task = mem_zalloc(sizeof(*task));
    struct acs_task *own;

    task->id = id;
    own = shape_copy(&task->arena, &acs_task_shape, spec);
    own->role_credentials = NULL; // never stored, never logged: the shell keeps them
    own->has.role_credentials = false;
    own->execution_role_credentials = NULL;
    own->has.execution_role_credentials = false;
    task->spec = own;
    task->arn = own->arn;
    task->known = HOST_TASK_STATUS_NONE;
    task->desired = HOST_TASK_STATUS_RUNNING;
    task->sent = HOST_TASK_STATUS_NONE;
    task->cleanup_at = TIME_NEVER;
    task->flush_at = TIME_NEVER;
    task->poll_at = TIME_NEVER;
    task->ordered = accept_build(task);
    resource_build(engine, task);
    idtable_put(&engine->tasks, (uint64_t)id, task);
    MAP_ADD_STR(by_arn, engine->by_arn, arn, task);
    return task;
}

void task_free(struct engine *engine, struct task *task)
{
    ASSERT(!task->booked || engine->out == NULL);
    idtable_remove(&engine->tasks, (uint64_t)task->id);
    MAP_DEL(by_arn, engine->by_arn, task);
    mem_free(task->changes);
    resource_forget(task);
    arena_deinit(&task->arena);
    mem_free(task);
}

struct task *task_find(const struct engine *engine, struct str arn)
{
    struct task *task;

    MAP_FIND_STR(by_arn, engine->by_arn, arn, task);
    return task;
}

struct task *task_next(const struct engine *engine, const struct task *after)
{
    uint64_t id = idtable_next(&engine->tasks, after ? (uint64_t)after->id : 0);

    return id ? idtable_get(&engine->tasks, id) : NULL;
}

struct str task_short_id(const struct task *task)
{
    struct str head;
    struct str id;

    return str_cut_last(task->arn, '/', &head, &id) ? id : task->arn;
}

struct container *task_container(const struct task *task, struct str name)
{
    for (size_t i = 0; i < task->containers_n; i++) {
        if (str_eq(task->containers[i].spec->name, name))
            return &task->containers[i];
    }
    return NULL;
}

// ---- desired

void task_want_stopped(struct task *task)
{
    if (task->desired == HOST_TASK_STATUS_STOPPED)
        return;
    task->desired = HOST_TASK_STATUS_STOPPED;
    task->dirty = true;
    for (size_t i = 0; i < task->containers_n; i++) {
        task->containers[i].desired = HOST_CONTAINER_STATUS_STOPPED;
        task->containers[i].dirty = true;
    }
}

void task_fail(struct task *task, struct str reason)
{
    if (task->reason.len == 0) {
        task->reason = str_copy(&task->arena, reason);
        task->dirty = true;
    }
    task_want_stopped(task);
}

static void update_desired(struct task *task)
{
    for (size_t i = 0; i < task->containers_n; i++) {
        const struct container *c = &task->containers[i];

        if (c->spec->essential && (c->known == HOST_CONTAINER_STATUS_STOPPED ||
                                   c->desired == HOST_CONTAINER_STATUS_STOPPED)) {
            MARK_IF(task->desired != HOST_TASK_STATUS_STOPPED,
                    "an essential container that ends takes its task with it");
            task_want_stopped(task);
        }
    }
}

// ---- known

static enum host_task_status contribution(const struct container *c)
{
    static const enum host_task_status of[HOST_CONTAINER_STATUS_N] = {
        [HOST_CONTAINER_STATUS_UNSET] = HOST_TASK_STATUS_NONE,
        [HOST_CONTAINER_STATUS_NONE] = HOST_TASK_STATUS_NONE,
        [HOST_CONTAINER_STATUS_MANIFEST_PULLED] = HOST_TASK_STATUS_MANIFEST_PULLED,
        [HOST_CONTAINER_STATUS_PULLED] = HOST_TASK_STATUS_MANIFEST_PULLED,
        [HOST_CONTAINER_STATUS_CREATED] = HOST_TASK_STATUS_CREATED,
        [HOST_CONTAINER_STATUS_RUNNING] = HOST_TASK_STATUS_RUNNING,
        [HOST_CONTAINER_STATUS_RESOURCES_PROVISIONED] = HOST_TASK_STATUS_RUNNING,
        [HOST_CONTAINER_STATUS_STOPPED] = HOST_TASK_STATUS_STOPPED,
    };

    if (c->role == CONTAINER_NETWORK_PAUSE && c->known == HOST_CONTAINER_STATUS_RUNNING)
        return HOST_TASK_STATUS_CREATED; // its network is still missing
    return of[c->known];
}

static enum host_task_status least_advanced(const struct task *task)
{
    enum host_task_status least = HOST_TASK_STATUS_STOPPED;

    for (size_t i = 0; i < task->containers_n; i++) {
        enum host_task_status one = contribution(&task->containers[i]);

        if (one < least)
            least = one;
    }
    return least;
}

static bool essential_has_stopped(const struct task *task)
{
    for (size_t i = 0; i < task->containers_n; i++) {
        if (task->containers[i].spec->essential &&
            task->containers[i].known == HOST_CONTAINER_STATUS_STOPPED)
            return true;
    }
    return false;
}

static void settle_stopped(struct engine *engine, struct task *task)
{
    const struct engine_settings *settings = &engine->settings;

    task->stopped_at = engine->now;
    task->cleanup_at = engine->now + settings->cleanup_wait_ms +
                       engine_between(engine, 0, settings->cleanup_jitter_ms);
    task->poll_at = TIME_NEVER;
    admission_release(engine, task);
    resource_forget(task);
    if (task->role_credentials.len > 0)
        engine_effect(engine, ENGINE_EFFECT_CREDENTIALS_DROP)->credentials_id =
            str_copy(engine->out->arena, task->role_credentials);
}

static void set_known(struct engine *engine, struct task *task, enum host_task_status known)
{
    ASSERT(known > task->known);
    task->known = known;
    task->dirty = true;
    if (known == HOST_TASK_STATUS_STOPPED)
        settle_stopped(engine, task);
    submit_task(task);
}

void task_update_known(struct engine *engine, struct task *task)
{
    enum host_task_status least = least_advanced(task);

    if (task->containers_n == 0)
        return; // nothing to derive it from; see give_up_when_stuck
    if (least == HOST_TASK_STATUS_RUNNING && essential_has_stopped(task)) {
        MARK("a task on its way down does not become RUNNING");
        return;
    }
    if (least > task->known)
        set_known(engine, task, least);
}

// ---- progress

static bool is_busy(const struct task *task)
{
    for (size_t i = 0; i < task->containers_n; i++) {
        const struct container *c = &task->containers[i];

        if (c->step != STEP_IDLE || c->look_token != 0 || c->blocked)
            return true;
    }
    for (size_t i = 0; i < task->volumes_n; i++) {
        if (task->volumes[i].token != 0)
            return true;
    }
    return network_is_busy(task) || resource_is_busy(task);
}

static bool essentials_are_steady(const struct task *task)
{
    for (size_t i = 0; i < task->containers_n; i++) {
        if (task->containers[i].spec->essential && !container_is_steady(&task->containers[i]))
            return false;
    }
    return true;
}

// Nothing moves, nothing is under way, nothing is waited for: the task can only end
// (ecs-behaviour-agent 2.3, deadlock handling).
static bool give_up_when_stuck(struct engine *engine, struct task *task)
{
    if (is_busy(task))
        return false;
    if (task->desired == HOST_TASK_STATUS_STOPPED) {
        MARK("a task that cannot move ends");
        task_fail(task, STR("TaskStateError: Agent could not progress task's state to stopped"));
        set_known(engine, task, HOST_TASK_STATUS_STOPPED);
        return true;
    }
    if (!essentials_are_steady(task)) {
        task_want_stopped(task);
        return true;
    }
    return false;
}

static void poll_when_due(struct engine *engine, struct task *task)
{
    if (engine->now < task->poll_at)
        return;
    for (size_t i = 0; i < task->containers_n; i++)
        container_look(engine, &task->containers[i]);
    task->poll_at = engine->now + ENGINE_POLL_MS + engine_between(engine, 0, ENGINE_POLL_SPREAD_MS);
}

static bool push(struct engine *engine, struct task *task)
{
    bool changed = volume_progress(engine, task);

    changed |= network_progress(engine, task);
    changed |= resource_progress(engine, task);
    update_desired(task);
    for (size_t i = 0; i < task->containers_n; i++) {
        changed |= container_progress(engine, &task->containers[i]);
        task_update_known(engine, task);
    }
    return changed;
}

bool task_progress(struct engine *engine, struct task *task)
{
    bool changed = false;

    if (task->known == HOST_TASK_STATUS_STOPPED)
        return network_progress(engine, task); // of a pause container that ended by itself
    if (!task->admitted && task->desired != HOST_TASK_STATUS_STOPPED)
        return false; // in the queue
    if (task->poll_at == TIME_NEVER)
        task->poll_at = engine->now + ENGINE_POLL_MS;
    while (task->known != HOST_TASK_STATUS_STOPPED && push(engine, task))
        changed = true;
    if (task->known != HOST_TASK_STATUS_STOPPED)
        changed |= give_up_when_stuck(engine, task);
    if (task->known != HOST_TASK_STATUS_STOPPED)
        poll_when_due(engine, task);
    return changed;
}

time_ms task_next_timer(const struct engine *engine, const struct task *task)
{
    time_ms next = network_next_timer(task);
    time_ms resources;

    if (task->known == HOST_TASK_STATUS_STOPPED)
        return next; // what is left to do is cleanup's
    if (task->poll_at < next)
        next = task->poll_at;
    for (size_t i = 0; i < task->containers_n; i++) {
        const struct container *c = &task->containers[i];

        if (c->retry_at < next)
            next = c->retry_at;
        if (c->wake_at < next)
            next = c->wake_at;
    }
    resources = resource_next_timer(engine, task);
    return resources < next ? resources : next;
}
