// What the server is told, and when (ecs-behaviour-agent 2.8, agent-protocol 8).
//
// Each task has one list of changes, in the order in which they happened: of its containers and of
// itself. A call carries everything up to and including the first change of the task; container
// changes that no task change follows wait 10 to 30 seconds for one and then go alone, with the
// status the task has. One call a task is in flight, ten in all. What was accepted raises the sent
// statuses, which are stored; the list itself is not: after a restart it is what is known but not
// sent.

#include "engine/state.h"

#include "base/utf8.h"
#include "shape/walk.h"

enum { REASON_MAX = 1024, RUNTIME_ID_MAX = 255 };

// ---- the list

static void append(struct task *task, struct change change)
{
    if (task->changes_n == task->changes_cap) {
        task->changes_cap = task->changes_cap ? task->changes_cap * 2 : 8;
        task->changes = mem_realloc(task->changes, task->changes_cap * sizeof(*task->changes));
    }
    task->changes[task->changes_n++] = change;
}

static bool container_is_told(const struct container *c)
{
    if (pause_is(c))
        return false;
    return c->known == HOST_CONTAINER_STATUS_RUNNING || c->known == HOST_CONTAINER_STATUS_STOPPED ||
           (c->known == HOST_CONTAINER_STATUS_MANIFEST_PULLED && c->image_digest.len > 0);
}

// Those that the server knows of.
static bool all_have_stopped(const struct task *task)
{
    for (size_t i = 0; i < task->spec->containers.n; i++) {
        if (task->containers[i].known != HOST_CONTAINER_STATUS_STOPPED)
            return false;
    }
    return true;
}

void submit_container(struct engine *engine, struct container *c)
{
    struct task *task = c->task;

    if (!container_is_told(c))
        return;
    append(task, (struct change){.container = (int32_t)c->index, .status = (int32_t)c->known});
    if (task->flush_at == TIME_NEVER)
        task->flush_at =
            engine->now + engine_between(engine, ENGINE_FLUSH_MIN_MS, ENGINE_FLUSH_MAX_MS);
    if (!network_is_gone(task) && all_have_stopped(task)) {
        MARK("that only its network is left of a task is told at once");
        task->flush_at = engine->now;
    }
}

void submit_attachment(struct engine *engine, struct task *task)
{
    (void)engine;
    if (task->network.told || task->spec->elastic_network_interfaces.n == 0)
        return;
    append(task, (struct change){.container = CHANGE_ATTACHED});
}

static bool any_digest(const struct task *task)
{
    for (size_t i = 0; i < task->containers_n; i++) {
        if (task->containers[i].image_digest.len > 0)
            return true;
    }
    return false;
}

void submit_task(struct task *task)
{
    if (task->known == HOST_TASK_STATUS_CREATED ||
        (task->known == HOST_TASK_STATUS_MANIFEST_PULLED && !any_digest(task)))
        return;
    append(task, (struct change){.container = CHANGE_TASK, .status = (int32_t)task->known});
}

void submit_all_unsent(struct engine *engine, struct task *task)
{
    for (size_t i = 0; i < task->containers_n; i++) {
        if (task->containers[i].known > task->containers[i].sent)
            submit_container(engine, &task->containers[i]);
    }
    if (task->network.state == HOST_NETWORK_STATE_UP)
        submit_attachment(engine, task);
    if (task->known > task->sent && task->known != HOST_TASK_STATUS_NONE)
        submit_task(task);
}

static bool is_sent(const struct task *task, const struct change *change)
{
    if (change->container == CHANGE_ATTACHED)
        return task->network.told;
    if (change->container == CHANGE_TASK)
        return (int32_t)task->sent >= change->status;
    return (int32_t)task->containers[change->container].sent >= change->status;
}

// How many changes the next call carries; 0: there is nothing to send yet.
static size_t batch_size(const struct engine *engine, const struct task *task)
{
    for (size_t i = 0; i < task->changes_n; i++) {
        if (task->changes[i].container < 0)
            return i + 1;
    }
    MARK_IF(task->changes_n > 0 && engine->now >= task->flush_at,
            "container changes that no task change follows are reported alone");
    return engine->now >= task->flush_at ? task->changes_n : 0;
}

// ---- the call

static struct str container_wire(int32_t status)
{
    if (status == HOST_CONTAINER_STATUS_RUNNING)
        return STR("RUNNING");
    return status == HOST_CONTAINER_STATUS_STOPPED ? STR("STOPPED") : STR("PENDING");
}

static struct str task_wire(enum host_task_status status)
{
    if (status == HOST_TASK_STATUS_RUNNING)
        return STR("RUNNING");
    return status == HOST_TASK_STATUS_STOPPED ? STR("STOPPED") : STR("PENDING");
}

static void fill_container(const struct container *c, int32_t status,
                           struct ecs_container_state_change *out)
{
    bool stopped = status == HOST_CONTAINER_STATUS_STOPPED;

    SET(out, container_name, c->spec->name);
    SET(out, status, container_wire(status));
    if (c->image_digest.len > 0)
        SET(out, image_digest, utf8_take(c->image_digest, RUNTIME_ID_MAX));
    if (c->runtime_id.len > 0)
        SET(out, runtime_id, utf8_take(c->runtime_id, RUNTIME_ID_MAX));
    if (c->has_exit_code && status >= HOST_CONTAINER_STATUS_RUNNING)
        SET(out, exit_code, c->exit_code);
    if (c->reason.len > 0 && stopped)
        SET(out, reason, utf8_take(c->reason, REASON_MAX));
    if (c->bindings.n > 0 && status == HOST_CONTAINER_STATUS_RUNNING)
        SET(out, network_bindings, c->bindings);
}

// The shell itself is the exec agent, so it runs as long as the container does. Where the shell
// cannot be one, it is reported as failed and the container runs on, as ECS does when the agent
// cannot be prepared (ecs-behaviour-agent 1.2, 12, and 2.12).
static size_t fill_managed(const struct engine *engine, const struct container *c, bool is_running,
                           struct ecs_managed_agent_state_change *out)
{
    struct str reason = STR("ExecuteCommandAgent started");

    if (!is_running)
        reason = STR("Received Container Stopped event");
    else if (!engine->settings.exec)
        reason = STR("ExecuteCommandAgent Initialization failed - not available on this instance");
    for (size_t i = 0; i < c->spec->managed_agents.n; i++) {
        SET(&out[i], container_name, c->spec->name);
        SET(&out[i], managed_agent_name, ECS_MANAGED_AGENT_NAME_EXECUTECOMMANDAGENT);
        SET(&out[i], status, is_running && engine->settings.exec ? STR("RUNNING") : STR("STOPPED"));
        SET(&out[i], reason, reason);
    }
    return c->spec->managed_agents.n;
}

static size_t managed_count(const struct task *task)
{
    size_t n = 0;

    for (size_t i = 0; i < task->containers_n; i++)
        n += task->containers[i].spec->managed_agents.n;
    return n;
}

static void fill_containers(const struct engine *engine, const struct task *task, size_t batch,
                            struct ecs_submit_task_state_change_request *out)
{
    struct arena *arena = engine->out->arena;
    struct ecs_container_state_change_list list = {
        .at = arena_array(arena, struct ecs_container_state_change, batch)};
    struct ecs_managed_agent_state_change_list managed = {
        .at = arena_array(arena, struct ecs_managed_agent_state_change, 2 * managed_count(task))};

    for (size_t i = 0; i < batch; i++) {
        const struct change *change = &task->changes[i];
        const struct container *c;

        if (change->container < 0 || is_sent(task, change))
            continue;
        c = &task->containers[change->container];
        fill_container(c, change->status, &list.at[list.n++]);
        if (change->status == HOST_CONTAINER_STATUS_RUNNING)
            managed.n += fill_managed(engine, c, true, &managed.at[managed.n]);
        else if (change->status == HOST_CONTAINER_STATUS_STOPPED && container_has_started(c))
            managed.n += fill_managed(engine, c, false, &managed.at[managed.n]);
    }
    if (list.n > 0)
        SET(out, containers, list);
    if (managed.n > 0)
        SET(out, managed_agents, managed);
}

static void add_detail(struct ecs_key_value_pair_list *list, const char *name, struct str value)
{
    if (value.len == 0)
        return;
    SET(&list->at[list->n], name, str_of(name));
    SET(&list->at[list->n], value, value);
    list->n++;
}

// The published call has no place for what an agent knows of an interface that it made itself;
// `details` is ours.
static void fill_attachment(struct arena *arena, const struct task *task,
                            struct ecs_submit_task_state_change_request *out)
{
    enum { DETAILS_MAX = 3 };
    const struct acs_elastic_network_interface *eni = &task->spec->elastic_network_interfaces.at[0];
    const struct host_network *found = task->network.found;
    struct ecs_attachment_state_change *one = arena_new(arena, struct ecs_attachment_state_change);
    struct ecs_key_value_pair_list details = {
        .at = arena_array(arena, struct ecs_key_value_pair, DETAILS_MAX)};

    if (found != NULL) {
        add_detail(&details, "privateIPv4Address", found->address);
        add_detail(&details, "macAddress", found->mac);
    }
    SET(one, attachment_arn, eni->attachment_arn);
    SET(one, status, STR("ATTACHED"));
    SET(one, details, details);
    SET(out, attachments, (struct ecs_attachment_state_change_list){.n = 1, .at = one});
}

static void fill_times(const struct task *task, struct ecs_submit_task_state_change_request *out)
{
    if (task->pull_started_at != 0)
        SET(out, pull_started_at, task->pull_started_at);
    if (task->pull_stopped_at != 0)
        SET(out, pull_stopped_at, task->pull_stopped_at);
    if (task->execution_stopped_at != 0)
        SET(out, execution_stopped_at, task->execution_stopped_at);
}

static void send(struct engine *engine, struct task *task, size_t batch)
{
    const struct change *last = &task->changes[batch - 1];
    struct ecs_submit_task_state_change_request request = {0};
    struct arena *arena = engine->out->arena;
    struct engine_effect *effect;
    enum host_task_status status =
        last->container == CHANGE_TASK ? (enum host_task_status)last->status : task->known;
    bool is_attached = last->container == CHANGE_ATTACHED;

    SET(&request, cluster, engine->settings.cluster);
    SET(&request, task, task->arn);
    fill_containers(engine, task, batch, &request);
    if (!is_attached || request.has.containers) {
        SET(&request, status, task_wire(status));
        SET(&request, reason,
            status == HOST_TASK_STATUS_STOPPED ? utf8_take(task->reason, REASON_MAX) : STR_NONE);
        fill_times(task, &request);
    }
    if (is_attached)
        fill_attachment(arena, task, &request);
    effect = engine_effect(engine, ENGINE_EFFECT_SUBMIT);
    effect->submit.task = task->id;
    effect->submit.request =
        shape_copy(arena, &ecs_submit_task_state_change_request_shape, &request);
    task->submitting = batch;
    engine->submits_in_flight++;
}

static void drop(struct engine *engine, struct task *task, size_t n)
{
    ASSERT(n <= task->changes_n);
    task->changes_n -= n;
    memmove(task->changes, task->changes + n, task->changes_n * sizeof(*task->changes));
    task->flush_at = TIME_NEVER;
    if (task->changes_n > 0)
        task->flush_at =
            engine->now + engine_between(engine, ENGINE_FLUSH_MIN_MS, ENGINE_FLUSH_MAX_MS);
}

static bool all_sent(const struct task *task, size_t batch)
{
    for (size_t i = 0; i < batch; i++) {
        if (!is_sent(task, &task->changes[i]))
            return false;
    }
    return true;
}

static void try_task(struct engine *engine, struct task *task)
{
    size_t batch = batch_size(engine, task);

    if (batch == 0 || task->submitting > 0 || engine->now < task->submit_at)
        return;
    if (task->sent == HOST_TASK_STATUS_STOPPED || all_sent(task, batch)) {
        drop(engine, task, batch);
        return;
    }
    send(engine, task, batch);
}

void submit_run(struct engine *engine)
{
    for (struct task *t = NULL; (t = task_next(engine, t)) != NULL;) {
        if (engine->submits_in_flight == ENGINE_SUBMITS_MAX) {
            MARK("reports wait when ten are under way");
            return;
        }
        try_task(engine, t);
    }
}

// ---- the answer

static void mark_sent(struct task *task, const struct change *change)
{
    if (is_sent(task, change))
        return;
    if (change->container == CHANGE_ATTACHED) {
        task->network.told = true;
        task->dirty = true;
    } else if (change->container == CHANGE_TASK) {
        task->sent = (enum host_task_status)change->status;
        task->dirty = true;
    } else {
        task->containers[change->container].sent = (enum host_container_status)change->status;
        task->containers[change->container].dirty = true;
    }
}

void submit_done(struct engine *engine, int64_t id, enum engine_submitted outcome)
{
    struct task *task = id > 0 ? idtable_get(&engine->tasks, (uint64_t)id) : NULL;
    size_t batch;

    if (task == NULL || task->submitting == 0)
        return;
    batch = task->submitting;
    task->submitting = 0;
    engine->submits_in_flight--;
    ASSERT(engine->submits_in_flight >= 0);
    if (outcome == ENGINE_SUBMITTED_RETRY) {
        MARK("a report that did not get through is sent again later");
        task->submit_at = engine->now + engine_backoff(engine, TIME_SECOND_MS, 1.3,
                                                       30 * TIME_SECOND_MS, task->submit_attempt);
        task->submit_attempt++;
        return;
    }
    if (outcome == ENGINE_SUBMITTED_DROPPED)
        engine_log(engine, LOG_LEVEL_WARN, "submit.refused", task, NULL, STR_NONE);
    task->submit_attempt = 0;
    task->submit_at = 0;
    for (size_t i = 0; i < batch; i++)
        mark_sent(task, &task->changes[i]);
    drop(engine, task, batch);
}

time_ms submit_next_timer(const struct engine *engine, const struct task *task)
{
    time_ms next;

    if (task->changes_n == 0 || task->submitting > 0)
        return TIME_NEVER;
    next = batch_size(engine, task) > 0 ? task->submit_at : task->flush_at;
    if (next < task->submit_at)
        next = task->submit_at;
    return next > engine->now ? next : TIME_NEVER; // due: held by the limit, an answer frees it
}

void submit_refused(struct engine *engine, struct str arn, struct str reason)
{
    struct ecs_submit_task_state_change_request request = {0};
    struct arena *arena = engine->out->arena;
    struct engine_effect *effect = engine_effect(engine, ENGINE_EFFECT_SUBMIT);

    SET(&request, cluster, engine->settings.cluster);
    SET(&request, task, arn);
    SET(&request, status, STR("STOPPED"));
    SET(&request, reason, utf8_take(reason, REASON_MAX));
    effect->submit.task = 0;
    effect->submit.request =
        shape_copy(arena, &ecs_submit_task_state_change_request_shape, &request);
}
