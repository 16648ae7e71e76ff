// See rest.h. An agent belongs to the fleet while its instance is registered; what a deregistered
// one still runs is nobody's concern, as the protocol has it.

#include "tests/sim/rest.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/arena.h"
#include "model/instance.h"
#include "model/task.h"
#include "runtime/fake_host.h"
#include "tests/sim/net.h"
#include "tests/sim/world.h"

static const char *say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static const char *say(const char *fmt, ...)
{
    static char text[400];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return text;
}

// ---- who is who

static struct str uid_of(struct str arn)
{
    struct str head;
    struct str uid;

    return str_cut_last(arn, '/', &head, &uid) ? uid : arn;
}

static const struct instance *instance_of(const struct world *w, const struct sim_host *host)
{
    struct str arn = sim_host_instance(host);

    return arn.len > 0 ? instance_find_uid(sim_server_state(w->server), uid_of(arn)) : NULL;
}

static bool is_of_fleet(const struct world *w, const struct sim_host *host)
{
    const struct instance *instance = instance_of(w, host);

    return instance != NULL && instance_is_registered(instance);
}

static struct sim_host *host_of(const struct world *w, const struct instance *instance)
{
    for (size_t i = 0; i < w->hosts_n; i++) {
        if (instance_of(w, w->hosts[i]) == instance)
            return w->hosts[i];
    }
    return NULL;
}

// ---- is anything under way?

static const char *callers_are_busy(const struct world *w)
{
    for (size_t i = 0; i < w->clients_n; i++) {
        if (!client_is_idle(w->clients[i]))
            return "a client waits";
    }
    if (!book_is_idle(w->book))
        return "the bookkeeper waits";
    if (net_strays() > 0)
        return "a late request is on its way";
    if (!sim_server_is_idle(w->server))
        return "the server is busy";
    return NULL;
}

static const char *host_is_apart(const struct world *w, struct sim_host *host)
{
    const char *name = sim_host_node(host)->name;
    const struct instance *instance = instance_of(w, host);

    if (sim_host_is_refused(host))
        return NULL;
    if (!sim_host_is_up(host))
        return say("%s is down", name);
    if (sim_host_engine(host) == NULL)
        return say("%s is not registered", name);
    if (instance == NULL || !instance_is_registered(instance))
        return NULL;
    if (instance->session == 0)
        return say("%s is not connected", name);
    if (instance->telemetry_session == 0)
        return say("%s has no telemetry", name);
    return NULL;
}

// ---- do server and agents agree?

static enum rec_task_status status_of(enum host_task_status known)
{
    static const enum rec_task_status rows[HOST_TASK_STATUS_N] = {
        [HOST_TASK_STATUS_NONE] = REC_TASK_STATUS_PENDING,
        [HOST_TASK_STATUS_MANIFEST_PULLED] = REC_TASK_STATUS_PENDING,
        [HOST_TASK_STATUS_CREATED] = REC_TASK_STATUS_PENDING,
        [HOST_TASK_STATUS_RUNNING] = REC_TASK_STATUS_RUNNING,
        [HOST_TASK_STATUS_STOPPED] = REC_TASK_STATUS_STOPPED,
    };

    return rows[known];
}

static const struct engine_view *view_of(const struct engine_view_list *views, const char *uid,
                                         size_t len)
{
    for (size_t i = 0; i < views->n; i++) {
        if (str_eq(uid_of(views->at[i].task_arn), str_span(uid, len)))
            return &views->at[i];
    }
    return NULL;
}

static const char *task_is_apart(const struct task *task, const struct engine_view_list *views,
                                 const char *host)
{
    const struct engine_view *view = view_of(views, task->uid.ptr, task->uid.len);
    bool wants_stop = view != NULL && view->task_desired == HOST_TASK_STATUS_STOPPED;

    if (task_is_stopped(task)) {
        if (view != NULL && view->task_status != HOST_TASK_STATUS_STOPPED)
            return say("task %.*s has stopped, but not on %s", STR_ARGS(task->uid), host);
        return NULL;
    }
    if (!task_is_wanted(task))
        return say("task %.*s has not stopped on %s", STR_ARGS(task->uid), host);
    if (view == NULL)
        return say("task %.*s is not known on %s", STR_ARGS(task->uid), host);
    if (wants_stop || status_of(view->task_status) != task->rec->last_status)
        return say("task %.*s is %d, on %s %d%s", STR_ARGS(task->uid), (int)task->rec->last_status,
                   host, (int)view->task_status, wants_stop ? " and stopping" : "");
    return NULL;
}

static const char *tasks_are_apart(const struct world *w)
{
    const struct state *state = sim_server_state(w->server);
    const struct idtable *tasks = &state->entities[REC_KIND_TASK];
    struct arena arena = ARENA_INIT;
    struct engine_view_list views[PLAN_HOSTS_MAX] = {0};
    const char *missing = NULL;

    for (size_t i = 0; i < w->hosts_n; i++) {
        if (is_of_fleet(w, w->hosts[i]))
            views[i] = engine_view_all(sim_host_engine(w->hosts[i]), &arena);
    }
    for (uint64_t id = 0; missing == NULL && (id = idtable_next(tasks, id)) != 0;) {
        const struct task *task = task_get(state, id);
        const struct instance *instance = instance_get(state, (uint64_t)task->rec->instance_id);

        if (w->has_liars && !task_is_stopped(task))
            continue; // an agent knows no better than to believe itself
        for (size_t i = 0; instance != NULL && missing == NULL && i < w->hosts_n; i++) {
            if (is_of_fleet(w, w->hosts[i]) && host_of(w, instance) == w->hosts[i])
                missing = task_is_apart(task, &views[i], sim_host_node(w->hosts[i])->name);
        }
    }
    arena_deinit(&arena);
    return missing;
}

const char *rest_is_busy(struct world *w)
{
    return sim_server_is_up(w->server) ? callers_are_busy(w) : "the server is down";
}

const char *rest_is_missing(struct world *w)
{
    const char *missing = rest_is_busy(w);

    for (size_t i = 0; missing == NULL && i < w->hosts_n; i++)
        missing = host_is_apart(w, w->hosts[i]);
    if (missing == NULL)
        missing = tasks_are_apart(w);
    return missing;
}

// ---- is anything left?

static const char *host_keeps(struct sim_host *host)
{
    const char *name = sim_host_node(host)->name;
    const struct fake *fake = sim_host_fake(host);
    struct arena arena = ARENA_INIT;
    unsigned may_be_left = sim_host_node(host)->not_removed;
    size_t views_n = engine_view_all(sim_host_engine(host), &arena).n;

    arena_deinit(&arena);
    if (views_n > 0)
        return say("%s keeps %zu containers", name, views_n);
    for (size_t i = 0; i < fake_containers(fake); i++) { // those of wiped lives, too
        // What the runtime would not remove at any of its attempts, the agent may leave.
        if (!fake_container_at(fake, i)->removed && may_be_left-- == 0)
            return say("%s has left container %.*s behind", name,
                       STR_ARGS(fake_container_at(fake, i)->name));
    }
    if (fake_volumes_named(fake, SIM_HOST_VOLUME_HEAD) > sim_host_node(host)->not_removed)
        return say("%s has left volumes behind", name);
    if (fake_host_left(fake_host(sim_host_fake(host))) >
        sim_host_old_resources(host) + sim_host_node(host)->not_removed)
        return say("%s has left resources behind", name);
    if (memory_disk_records(sim_host_disk(host), HOST_KIND_TASK) > 0 ||
        memory_disk_records(sim_host_disk(host), HOST_KIND_CONTAINER) > 0)
        return say("%s has left rows behind", name);
    return NULL;
}

static const char *tasks_are_kept(const struct world *w)
{
    const struct state *state = sim_server_state(w->server);
    const struct idtable *tasks = &state->entities[REC_KIND_TASK];

    for (uint64_t id = 0; (id = idtable_next(tasks, id)) != 0;) {
        const struct task *task = task_get(state, id);
        const struct instance *instance = instance_get(state, (uint64_t)task->rec->instance_id);
        if (task_is_wanted(task))
            return say("task %.*s was not stopped", STR_ARGS(task->uid));
        if (!task_is_stopped(task) && host_of(w, instance) != NULL)
            return say("task %.*s does not stop", STR_ARGS(task->uid));
    }
    return NULL;
}

static size_t fleet_size(const struct world *w)
{
    size_t n = 0;

    for (size_t i = 0; i < w->hosts_n; i++)
        n += is_of_fleet(w, w->hosts[i]);
    return n;
}

const char *rest_is_kept(struct world *w)
{
    const char *kept = rest_is_missing(w);

    if (kept == NULL)
        kept = w->has_liars ? NULL : rest_services_are_kept(w);
    if (kept == NULL)
        kept = w->has_liars ? NULL : tasks_are_kept(w);
    for (size_t i = 0; kept == NULL && i < w->hosts_n; i++) {
        if (is_of_fleet(w, w->hosts[i]) && !w->has_liars)
            kept = host_keeps(w->hosts[i]);
    }
    if (kept == NULL && net_sockets() != 4 * fleet_size(w))
        kept = say("there are %zu ends of websockets", net_sockets());
    if (kept == NULL && net_calls() > 0)
        kept = "an agent waits for an answer";
    if (kept == NULL && (net_exchanges() > 0 || sim_server_calls(w->server) > 0))
        kept = "the server has unanswered calls";
    return kept;
}
