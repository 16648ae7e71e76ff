// Ordering between the containers of a task (ecs-behaviour-agent 2.3).
//
// An edge says "this one waits for that one": from dependsOn, and implied by links (START),
// volumesFrom (CREATE) and logging through the task's router (START, unless the router itself waits
// for others). Going up, an edge holds its owner back from being pulled, created and
// started. Going down it works in reverse: nothing is stopped before everything that waits for it
// has stopped.

#include "engine/state.h"

// ---- building

static enum condition condition_of(enum acs_container_condition condition)
{
    switch (condition) {
    case ACS_CONTAINER_CONDITION_COMPLETE: return CONDITION_COMPLETE;
    case ACS_CONTAINER_CONDITION_SUCCESS: return CONDITION_SUCCESS;
    case ACS_CONTAINER_CONDITION_HEALTHY: return CONDITION_HEALTHY;
    case ACS_CONTAINER_CONDITION_START:
    case ACS_CONTAINER_CONDITION_UNSET: return CONDITION_START;
    }
    UNREACHABLE();
}

static bool add_edge(struct container *c, struct str on, enum condition condition)
{
    struct container *dependency = task_container(c->task, on);

    if (dependency == NULL)
        return false;
    c->edges[c->edges_n++] = (struct edge){.on = dependency->index, .condition = condition};
    return true;
}

static bool build_edges(struct container *c)
{
    const struct acs_container *spec = c->spec;
    const struct container *router = router_of(c->task);
    size_t most = spec->depends_on.n + spec->links.n + spec->volumes_from.n + 1;
    bool known = true;

    c->edges = arena_array(&c->task->arena, struct edge, most);
    c->edges_n = 0;
    for (size_t i = 0; i < spec->depends_on.n; i++) {
        const struct acs_container_dependency *on = &spec->depends_on.at[i];

        known &= add_edge(c, on->container_name, condition_of(on->condition));
    }
    for (size_t i = 0; i < spec->links.n; i++) {
        struct str name;
        struct str alias;

        (void)str_cut(spec->links.at[i], ':', &name, &alias);
        known &= add_edge(c, name, CONDITION_START);
    }
    for (size_t i = 0; i < spec->volumes_from.n; i++)
        known &= add_edge(c, spec->volumes_from.at[i].source_container, CONDITION_CREATE);
    if (router_sends_to_it(c) && router != NULL && router != c && router->spec->depends_on.n == 0)
        known &= add_edge(c, router->spec->name, CONDITION_START);
    return known;
}

static bool edges_are_placed(const struct container *c, const bool *placed)
{
    for (size_t i = 0; i < c->edges_n; i++) {
        if (!placed[c->edges[i].on])
            return false;
    }
    return true;
}

// Takes away, again and again, what waits for nothing that is left. What cannot be taken is a
// cycle.
static bool has_cycle(const struct task *task)
{
    struct arena scratch = ARENA_INIT;
    bool *placed = arena_array(&scratch, bool, task->containers_n);
    size_t left = task->containers_n;
    bool moved = true;

    while (left > 0 && moved) {
        moved = false;
        for (size_t i = 0; i < task->containers_n; i++) {
            if (placed[i] || !edges_are_placed(&task->containers[i], placed))
                continue;
            placed[i] = true;
            moved = true;
            left--;
        }
    }
    arena_deinit(&scratch);
    return left > 0;
}

static bool spread(const struct task *task, bool *reached)
{
    bool moved = false;

    for (size_t i = 0; i < task->containers_n; i++) {
        const struct container *c = &task->containers[i];

        for (size_t k = 0; reached[i] && k < c->edges_n; k++) {
            moved |= !reached[c->edges[k].on];
            reached[c->edges[k].on] = true;
        }
    }
    return moved;
}

bool depend_reaches(const struct container *from, const struct container *to)
{
    struct arena scratch = ARENA_INIT;
    bool *reached = arena_array(&scratch, bool, from->task->containers_n);
    bool reaches;

    reached[from->index] = true;
    while (spread(from->task, reached))
        continue;
    reaches = reached[to->index];
    arena_deinit(&scratch);
    return reaches;
}

bool depend_build(struct task *task)
{
    bool known = true;

    for (size_t i = 0; i < task->containers_n; i++)
        known &= build_edges(&task->containers[i]);
    if (known && !has_cycle(task))
        return true;
    for (size_t i = 0; i < task->containers_n; i++)
        task->containers[i].edges_n = 0; // a cycle would hold the task's end up as well
    return false;
}

// ---- going up

static bool is_stopped(const struct container *c)
{
    return c->known == HOST_CONTAINER_STATUS_STOPPED;
}

static enum depend met_or(const struct container *on, bool met)
{
    if (met)
        return DEPEND_READY;
    return is_stopped(on) ? DEPEND_NEVER : DEPEND_WAIT;
}

static enum depend check_condition(const struct container *on, enum condition condition)
{
    switch (condition) {
    case CONDITION_CREATE: return met_or(on, on->runtime_id.len > 0);
    case CONDITION_START:
        return met_or(on, container_is_steady(on) || (is_stopped(on) && on->started_at > 0));
    case CONDITION_HEALTHY:
        MARK("a container waits for another to be healthy");
        return met_or(on, !is_stopped(on) && on->health == ENGINE_HEALTH_HEALTHY);
    case CONDITION_COMPLETE:
        MARK("a container waits for another to end");
        return met_or(on, is_stopped(on) && on->has_exit_code && on->started_at > 0);
    case CONDITION_SUCCESS:
        MARK("a container waits for another to succeed");
        return met_or(on, is_stopped(on) && on->has_exit_code && on->exit_code == 0);
    }
    UNREACHABLE();
}

static const char *condition_name(enum condition condition)
{
    static const char *const names[] = {
        [CONDITION_CREATE] = "CREATE",   [CONDITION_START] = "START",
        [CONDITION_HEALTHY] = "HEALTHY", [CONDITION_COMPLETE] = "COMPLETE",
        [CONDITION_SUCCESS] = "SUCCESS",
    };

    return names[condition];
}

static struct str why_never(const struct container *c, const struct container *on,
                            enum condition condition)
{
    struct arena *arena = &c->task->arena;

    if (on->has_exit_code && on->started_at > 0)
        return str_fmt(arena, "container %.*s exited with code %d, %.*s waits for it with %s",
                       STR_ARGS(on->spec->name), (int)on->exit_code, STR_ARGS(c->spec->name),
                       condition_name(condition));
    return str_fmt(arena, "container %.*s stopped before %s, which %.*s waits for",
                   STR_ARGS(on->spec->name), condition_name(condition), STR_ARGS(c->spec->name));
}

// startTimeout belongs to the dependency and counts from its start; START and CREATE are met by
// then.
static enum depend check_timeout(const struct engine *engine, const struct container *c,
                                 const struct container *on, enum condition condition,
                                 struct str *out_why, time_ms *out_wake)
{
    time_ms end;

    if (!on->spec->has.start_timeout || on->spec->start_timeout <= 0 || on->running_since == 0)
        return DEPEND_WAIT;
    if (condition == CONDITION_START || condition == CONDITION_CREATE)
        return DEPEND_WAIT;
    end = on->running_since + on->spec->start_timeout * (time_ms)TIME_SECOND_MS;
    if (engine->now > end) {
        MARK("a dependency that does not get ready within its startTimeout fails");
        *out_why = str_fmt(&c->task->arena, "container %.*s did not reach %s within %d seconds",
                           STR_ARGS(on->spec->name), condition_name(condition),
                           (int)on->spec->start_timeout);
        return DEPEND_NEVER;
    }
    if (end + 1 < *out_wake)
        *out_wake = end + 1;
    return DEPEND_WAIT;
}

static enum depend check_edge(const struct engine *engine, const struct container *c,
                              const struct edge *edge, struct str *out_why, time_ms *out_wake)
{
    const struct container *on = &c->task->containers[edge->on];
    enum depend verdict = check_condition(on, edge->condition);

    if (verdict == DEPEND_WAIT && c->known < HOST_CONTAINER_STATUS_CREATED)
        return check_timeout(engine, c, on, edge->condition, out_why, out_wake);
    if (verdict == DEPEND_NEVER)
        *out_why = why_never(c, on, edge->condition);
    return verdict;
}

static bool edge_counts(const struct engine *engine, const struct edge *edge,
                        enum host_container_status target)
{
    if (target <= HOST_CONTAINER_STATUS_MANIFEST_PULLED)
        return false;
    if (target == HOST_CONTAINER_STATUS_PULLED && engine->settings.pull_dependents_upfront)
        return false;
    // Once created, a container is started even if its dependency has become unhealthy meanwhile.
    return target < HOST_CONTAINER_STATUS_RUNNING || edge->condition != CONDITION_HEALTHY;
}

enum depend depend_check(const struct engine *engine, const struct container *c,
                         enum host_container_status target, struct str *out_why, time_ms *out_wake)
{
    enum depend worst = DEPEND_READY;

    for (size_t i = 0; i < c->edges_n && worst != DEPEND_NEVER; i++) {
        enum depend one = DEPEND_READY;

        if (edge_counts(engine, &c->edges[i], target))
            one = check_edge(engine, c, &c->edges[i], out_why, out_wake);
        if (one > worst)
            worst = one;
    }
    return worst;
}

// ---- going down

// One that has not begun and is not told to end waits for this one itself: it finds out what became
// of it only when it has stopped.
static bool ends_before(const struct container *other)
{
    if (is_stopped(other))
        return false;
    return container_has_started(other) || other->step != STEP_IDLE ||
           other->desired == HOST_CONTAINER_STATUS_STOPPED;
}

bool depend_may_stop(const struct container *c)
{
    const struct task *task = c->task;

    for (size_t i = 0; i < task->containers_n; i++) {
        const struct container *other = &task->containers[i];

        if (pause_outlives(c, other) && !is_stopped(other))
            return false;
        if (!ends_before(other))
            continue;
        for (size_t j = 0; j < other->edges_n; j++) {
            if (other->edges[j].on == c->index)
                return false;
        }
    }
    return true;
}
