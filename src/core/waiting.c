// See waiting.h. Room is an event: whatever gives some marks the cluster (model/cluster.h), and
// then every task that waits there is tried once. Tasks that ask for the same fail alike, so of
// those that stand together only the first is asked.

#include "core/waiting.h"

#include "base/arena.h"
#include "core/lifecycle.h"
#include "core/service_start.h"
#include "model/cluster.h"
#include "model/instance.h"
#include "model/task.h"

enum { CLUSTERS_MAX = 16, ENDS_MAX = 100 }; // of one call

bool waiting_is_full(const struct cluster *cluster)
{
    return cluster->tasks_waiting_n >= WAITING_MAX;
}

struct str waiting_reason(const struct cluster *cluster, struct str provider,
                          const struct placement *failed)
{
    if (failed->reason != PLACE_NO_INSTANCES)
        return place_reason_text(failed->reason);
    LIST_EACH (&cluster->instances, it) {
        const struct instance *instance = LIST_ENTRY(it, struct instance, in_cluster);

        if (instance_is_registered(instance) && str_eq(instance->provider, provider))
            return place_reason_text(PLACE_NO_INSTANCES);
    }
    return STR("EMPTY CAPACITY PROVIDER");
}

// Whatever decides about a place is the same.
static bool asks_the_same(const struct task *a, const struct task *b)
{
    const struct rec_task *x = a->rec;
    const struct rec_task *y = b->rec;

    if (!str_eq(x->capacity_provider_name, y->capacity_provider_name))
        return false;
    if (x->service_id != 0 || y->service_id != 0)
        return x->deployment_id == y->deployment_id;
    return x->definition_id == y->definition_id && str_eq(x->group, y->group) &&
           a->own_need == NULL && b->own_need == NULL &&
           x->enable_execute_command == y->enable_execute_command &&
           x->launch_type == y->launch_type && !x->has.placement_constraints &&
           !y->has.placement_constraints;
}

static struct placement try(struct step *step, const struct task *task)
{
    SERVICE_MOULD_AUTO struct service_mould *mould = waiting_mould_open(step, task);

    return waiting_place(step, mould, task);
}

static void place_waiting(struct step *step, struct cluster *cluster)
{
    const struct task *failed = NULL;

    LIST_EACH_SAFE (&cluster->tasks_waiting, it) {
        struct task *task = LIST_ENTRY(it, struct task_wait, in_cluster)->task;
        struct placement placement;

        if (failed != NULL && asks_the_same(failed, task))
            continue;
        placement = try(step, task);
        if (placement.instance != NULL)
            task_place(step, task, placement.instance);
        else
            failed = task;
    }
}

static void give_up(struct step *step, struct task *task)
{
    const struct cluster *cluster = cluster_get(step->state, task->cluster_id);
    struct placement placement = try(step, task);
    struct str reason;

    if (placement.instance != NULL) {
        task_place(step, task, placement.instance);
        return;
    }
    reason = waiting_reason(cluster, task->rec->capacity_provider_name, &placement);
    task_stop(step, task, ECS_TASK_STOP_CODE_TASKFAILEDTOSTART,
              str_fmt(step->arena, "TaskFailedToStart: %.*s", STR_ARGS(reason)));
}

// Each is tried for a last time, should the word of room not have come yet.
static void end_waits(struct step *step)
{
    for (int n = 0; n < ENDS_MAX; n++) {
        const struct expiry *next = expiry_first(&step->state->waits);
        struct task *task;

        if (next == NULL || next->at > step->now)
            return;
        task = task_get(step->state, next->id);
        give_up(step, task);
    }
}

void waiting_run(struct step *step)
{
    struct list *roomy = &step->state->clusters_roomy;

    for (int n = 0; n < CLUSTERS_MAX && !list_is_empty(roomy); n++) {
        struct cluster *cluster = LIST_ENTRY(roomy->next, struct cluster, roomy);

        list_remove(&cluster->roomy);
        place_waiting(step, cluster);
    }
    if (list_is_empty(roomy))
        end_waits(step);
}

time_ms waiting_next(const struct state *state)
{
    const struct expiry *next = expiry_first(&state->waits);

    if (!list_is_empty(&state->clusters_roomy))
        return 1;
    return next != NULL ? next->at : 0;
}
