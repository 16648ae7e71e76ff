// The network namespace of an awsvpc task (ecs-behaviour-agent 1.13, 2.6, 2.7): set up in the
// namespace of its pause container once that runs, and taken down before that stops.
//
// That something of it may be on the host is in the task's row before the call that makes it
// leaves. So whatever a crash interrupts is either made again (the shell first removes what an
// earlier try has left) or removed. A network that cannot be removed holds nobody up for long: what
// is left of it is the shell's to find at its next start.

#include "engine/state.h"

#include "shape/walk.h"

enum { DOWN_ATTEMPTS = 3, NO_PROCESS_MS = 1000 };

#define ATTACHMENT_TYPE "gantry-task-network"

static struct container *holder_of(const struct task *task)
{
    return pause_of(task, CONTAINER_NETWORK_PAUSE);
}

void network_build(struct task *task)
{
    if (holder_of(task) != NULL)
        task->network.state = HOST_NETWORK_STATE_WANTED;
}

bool network_is_gone(const struct task *task)
{
    return task->network.state <= HOST_NETWORK_STATE_WANTED ||
           task->network.state == HOST_NETWORK_STATE_GONE;
}

bool network_is_busy(const struct task *task)
{
    return task->network.token != 0 || task->network.retry_at != 0;
}

time_ms network_next_timer(const struct task *task)
{
    return task->network.retry_at != 0 ? task->network.retry_at : TIME_NEVER;
}

static void set_state(struct task *task, enum host_network_state state)
{
    task->network.state = state;
    task->network.attempt = 0;
    task->network.retry_at = 0;
    task->dirty = true;
}

// ---- what it is to be

// What the server adds to the payload's interface for agents that make interfaces themselves.
static struct str property(const struct acs_task *spec, struct str name)
{
    for (size_t i = 0; i < spec->attachments.n; i++) {
        const struct acs_attachment *one = &spec->attachments.at[i];

        if (!str_eq(one->attachment_type, STR(ATTACHMENT_TYPE)))
            continue;
        for (size_t k = 0; k < one->attachment_properties.n; k++) {
            if (str_eq(one->attachment_properties.at[k].name, name))
                return one->attachment_properties.at[k].value;
        }
    }
    return STR_NONE;
}

struct str_list network_groups(const struct task *task, struct arena *arena)
{
    struct str rest = property(task->spec, STR("securityGroups"));
    struct str_list groups = {.at = arena_array(arena, struct str, rest.len / 2 + 1)};
    struct str one;

    while (rest.len > 0) {
        (void)str_cut(rest, ',', &one, &rest);
        if (one.len > 0)
            groups.at[groups.n++] = one;
    }
    return groups;
}

struct str network_hostname(const struct task *task)
{
    return task_short_id(task);
}

int32_t network_process(const struct task *task)
{
    return task->network.state == HOST_NETWORK_STATE_UP ? holder_of(task)->pid : 0;
}

// ---- calls

static void send(struct engine *engine, struct task *task, enum host_call_kind kind,
                 struct host_network_wish *wish, time_ms timeout)
{
    struct host_call *call = engine_new_call(engine, kind);

    SET(wish, task, task_short_id(task));
    SET(wish, container, holder_of(task)->runtime_id);
    if (holder_of(task)->pid > 0)
        SET(wish, pid, holder_of(task)->pid);
    SET(call, network, shape_copy(engine->out->arena, &host_network_wish_shape, wish));
    task->network.retry_at = 0;
    task->network.token =
        engine_call(engine, (struct call_target){.task = task, .network = true}, call, timeout);
}

static void send_up(struct engine *engine, struct task *task)
{
    struct host_network_wish wish = {0};
    struct str_list groups = network_groups(task, engine->out->arena);

    if (groups.n > 0)
        SET(&wish, security_groups, groups);
    SET(&wish, hostname, network_hostname(task));
    if (holder_of(task)->hosts_path.len > 0)
        SET(&wish, hosts_path, holder_of(task)->hosts_path);
    set_state(task, HOST_NETWORK_STATE_MAKING); // committed before the call leaves
    send(engine, task, HOST_CALL_KIND_NETWORK_UP, &wish, ENGINE_NETWORK_UP_MS);
}

static void send_down(struct engine *engine, struct task *task)
{
    struct host_network_wish wish = {0};

    send(engine, task, HOST_CALL_KIND_NETWORK_DOWN, &wish, ENGINE_NETWORK_DOWN_MS);
}

// ---- progress

static bool is_last(const struct container *c)
{
    for (size_t i = 0; i < c->task->containers_n; i++) {
        const struct container *other = &c->task->containers[i];

        if (pause_outlives(c, other) && other->known != HOST_CONTAINER_STATUS_STOPPED)
            return false;
    }
    return true;
}

static bool must_go(const struct container *holder)
{
    if (holder->known == HOST_CONTAINER_STATUS_STOPPED)
        return true;
    return holder->desired == HOST_CONTAINER_STATUS_STOPPED && holder->step == STEP_IDLE &&
           is_last(holder);
}

static bool may_come(const struct container *holder)
{
    return holder->known == HOST_CONTAINER_STATUS_RUNNING && holder->step == STEP_IDLE &&
           holder->desired != HOST_CONTAINER_STATUS_STOPPED;
}

// Its process is known from the last look at the container, and that may have been another agent's.
static bool find_process(struct engine *engine, struct task *task)
{
    if (holder_of(task)->look_token != 0)
        return false;
    task->network.retry_at = engine->now + NO_PROCESS_MS;
    container_look(engine, holder_of(task));
    return true;
}

bool network_progress(struct engine *engine, struct task *task)
{
    struct network *network = &task->network;
    struct container *holder = holder_of(task);

    if (holder == NULL || network->state == HOST_NETWORK_STATE_GONE || network->token != 0 ||
        network->retry_at > engine->now)
        return false;
    network->retry_at = 0;
    if (must_go(holder)) {
        if (network->state == HOST_NETWORK_STATE_WANTED)
            set_state(task, HOST_NETWORK_STATE_GONE);
        else
            send_down(engine, task);
        return true;
    }
    if (network->state == HOST_NETWORK_STATE_UP || !may_come(holder))
        return false;
    if (holder->pid == 0)
        return find_process(engine, task);
    MARK_IF(network->state == HOST_NETWORK_STATE_MAKING,
            "a network that was being made when the agent ended is made again");
    send_up(engine, task);
    return true;
}

// ---- results

static void came_up(struct engine *engine, struct task *task, const struct host_network *found)
{
    struct container *holder = holder_of(task);

    MARK("a task has a network of its own");
    set_state(task, HOST_NETWORK_STATE_UP);
    task->network.found = shape_copy(&task->arena, &host_network_shape, found);
    if (holder->known == HOST_CONTAINER_STATUS_RUNNING)
        container_set_known(engine, holder, HOST_CONTAINER_STATUS_RESOURCES_PROVISIONED);
    submit_attachment(engine, task);
}

static void failed_up(struct engine *engine, struct task *task, const struct host_result *result)
{
    struct str why = STR("the runtime sent an empty answer");
    struct str reason;

    if (result->has.error)
        why = result->error->text;
    if (result->has.error && result->error->class == HOST_ERROR_CLASS_TIMEOUT)
        why = str_fmt(&task->arena, "the network was not set up within %.*s",
                      STR_ARGS(reason_duration(&task->arena, ENGINE_NETWORK_UP_MS)));
    reason = str_fmt(&task->arena, "ContainerNetworkingError: %.*s", STR_ARGS(why));

    engine_log(engine, LOG_LEVEL_WARN, "network.failed", task, NULL, reason);
    task_fail(task, reason);
}

static void went_down(struct engine *engine, struct task *task, const struct host_result *result)
{
    struct network *network = &task->network;

    if (result->has.error && ++network->attempt < DOWN_ATTEMPTS) {
        network->retry_at = engine->now + engine_backoff(engine, TIME_SECOND_MS, 2,
                                                         5 * TIME_SECOND_MS, network->attempt);
        return;
    }
    if (result->has.error) {
        engine_log(engine, LOG_LEVEL_WARN, "network.left", task, NULL, result->error->text);
    }
    set_state(task, HOST_NETWORK_STATE_GONE);
}

void network_result(struct engine *engine, struct task *task, const struct host_result *result)
{
    task->network.token = 0;
    if (result->kind == HOST_CALL_KIND_NETWORK_DOWN)
        went_down(engine, task, result);
    else if (result->has.error || result->network == NULL)
        failed_up(engine, task, result);
    else
        came_up(engine, task, result->network);
}
