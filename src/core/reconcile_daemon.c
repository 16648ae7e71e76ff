// DAEMON services: the cluster's instances that may have a task, and what daemon_plan.h says about
// them, done.

#include "core/daemon_plan.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/proof.h"
#include "core/deploy.h"
#include "core/outcome.h"
#include "core/reconcile_kinds.h"
#include "core/rollout.h"
#include "core/service_health.h"
#include "core/service_texts.h"
#include "core/traffic.h"
#include "model/cluster.h"
#include "model/deployment.h"
#include "model/instance.h"
#include "model/service.h"
#include "model/task.h"

// One look at a service.
struct look {
    struct step *step;
    struct service *service;
    struct rollouts rollouts;
    struct service_mould *mould;
    struct instance **hosts; // by id
    struct task **tasks;     // as in `input`
    struct daemon_task *states;
    struct daemon_service input;
    time_ms again_at;
};

static bool has_task(const struct look *look, const struct instance *instance)
{
    LIST_EACH (&instance->tasks, it) {
        const struct task *task = LIST_ENTRY(it, struct task, on_instance);

        if ((uint64_t)task->rec->service_id == look->service->entity.id)
            return true;
    }
    return false;
}

static bool is_host(const struct look *look, const struct instance *instance)
{
    if (instance->st->status != REC_INSTANCE_STATUS_ACTIVE)
        return false;
    if (service_may_use(look->mould, instance))
        return true;
    MARK("an instance may have no new task of a DAEMON service");
    return service_may_stay(look->mould, instance) && has_task(look, instance);
}

static void find_hosts(struct look *look)
{
    const struct cluster *cluster = cluster_get(look->step->state, look->service->cluster_id);

    look->hosts = arena_array(look->step->arena, struct instance *, cluster->instances_n);
    LIST_EACH (&cluster->instances, it) {
        struct instance *instance = LIST_ENTRY(it, struct instance, in_cluster);

        if (is_host(look, instance))
            look->hosts[look->input.hosts_n++] = instance;
    }
}

// Its place among the hosts; hosts_n when it is none.
static uint32_t host_of(const struct look *look, uint64_t instance_id)
{
    size_t low = 0;
    size_t high = look->input.hosts_n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (look->hosts[mid]->entity.id < instance_id)
            low = mid + 1;
        else
            high = mid;
    }
    if (low < look->input.hosts_n && look->hosts[low]->entity.id == instance_id)
        return (uint32_t)low;
    return (uint32_t)look->input.hosts_n;
}

// A daemon leaves an instance last, after the tasks of REPLICA services.
static bool has_replicas(const struct state *state, uint64_t instance_id)
{
    const struct instance *instance = instance_get(state, instance_id);

    LIST_EACH (&instance->tasks, it) {
        const struct task *task = LIST_ENTRY(it, struct task, on_instance);
        const struct service *service = service_get(state, (uint64_t)task->rec->service_id);

        if (task->rec->service_id != 0 &&
            service->rec->scheduling_strategy == ECS_SCHEDULING_STRATEGY_REPLICA)
            return true;
    }
    return false;
}

static void add_task(struct look *look, struct task *task)
{
    const struct state *state = look->step->state;
    uint64_t instance_id = (uint64_t)task->rec->instance_id;
    struct task_health health;
    uint32_t host = host_of(look, instance_id);
    bool misplaced = host == look->input.hosts_n;
    bool draining = misplaced && reconcile_is_draining(state, task);

    traffic_look(look->step, task, &look->again_at);
    health = reconcile_health(look->step, look->service, task, &look->again_at);
    look->states[look->input.tasks_n] = (struct daemon_task){
        .phase = reconcile_phase(task),
        .is_new = rollouts_index(&look->rollouts, task) == 0,
        .healthy = health.is_healthy,
        .unhealthy = health.is_unhealthy,
        .misplaced = misplaced,
        .draining = draining,
        .waits = draining && has_replicas(state, instance_id),
        .host = host,
    };
    look->tasks[look->input.tasks_n++] = task;
}

// The desired count of a DAEMON service is how many hosts there are.
static void keep_desired(struct look *look)
{
    struct rec_service *next;

    if (look->service->rec->desired_count == (int32_t)look->input.hosts_n)
        return;
    next = arena_copy(look->step->arena, look->service->rec, sizeof *next);
    MARK("a DAEMON service wants as many tasks as it has hosts");
    SET(next, desired_count, (int32_t)look->input.hosts_n);
    state_put(look->step->state, REC_KIND_SERVICE, look->service->entity.id, next);
}

static void look_at(struct look *look)
{
    const struct ecs_deployment_configuration *config =
        look->service->rec->deployment_configuration;
    const struct deployment *primary = look->rollouts.at[0];
    size_t max = look->service->running_n + look->service->pending_n;

    find_hosts(look);
    keep_desired(look);
    look->tasks = arena_array(look->step->arena, struct task *, max);
    look->states = arena_array(look->step->arena, struct daemon_task, max);
    look->input.lower = rollout_bounds((int64_t)look->input.hosts_n,
                                       config->minimum_healthy_percent, config->maximum_percent)
                            .lower;
    look->input.is_failed = primary->rec->rollout_state == ECS_DEPLOYMENT_ROLLOUT_STATE_FAILED;
    look->input.tasks = look->states;
    LIST_EACH (&look->service->tasks, it)
        add_task(look, LIST_ENTRY(it, struct task, in_service));
    look->input.start_max = reconcile_start_max(look->step, look->service, primary,
                                                look->input.hosts_n, &look->again_at);
}

static void do_stops(struct look *look, const struct daemon_plan *plan)
{
    struct task_batch others = task_batch_new(look->step, plan->stops_n);
    struct task_batch unhealthy = task_batch_new(look->step, plan->stops_n);

    for (size_t i = 0; i < plan->stops_n; i++)
        task_batch_add(plan->stops[i].why == DAEMON_STOP_UNHEALTHY ? &unhealthy : &others,
                       look->tasks[plan->stops[i].task]);
    reconcile_stop_unhealthy(look->step, look->service, &unhealthy);
    reconcile_stop(look->step, look->service, &others);
}

static void do_starts(struct look *look, const struct daemon_plan *plan)
{
    struct str_list ids = {.at = arena_array(look->step->arena, struct str, plan->starts_n)};
    struct placement failed = {0};

    for (size_t i = 0; i < plan->starts_n; i++) {
        struct instance *instance = look->hosts[plan->starts[i]];
        struct task *task;
        enum place_reason reason = service_start_on(look->step, look->mould, instance, &task);

        if (reason == PLACE_FITS)
            ids.at[ids.n++] = task->uid;
        else if (failed.closest == NULL)
            failed = (struct placement){.closest = instance, .reason = reason};
    }
    reconcile_say_started(look->step, look->service, &ids, 0);
    if (failed.closest != NULL)
        reconcile_no_place(look->step, look->service, &failed);
}

struct reconciled reconcile_daemon(struct step *step, struct service *service)
{
    struct look look = {.step = step, .service = service, .rollouts = rollouts_of(step, service)};
    SERVICE_MOULD_AUTO struct service_mould *mould =
        service_mould_open(step, service, look.rollouts.at[0]);
    struct speaker speaker = service_speaker(step, service);
    struct daemon_plan plan;

    look.mould = mould;
    look_at(&look);
    plan = daemon_plan(&look.input, step->arena);
    do_stops(&look, &plan);
    do_starts(&look, &plan);
    if (plan.is_stuck)
        service_say(step, service, event_trouble(&speaker, TROUBLE_STUCK));
    return (struct reconciled){.is_steady = plan.is_steady, .again_at = look.again_at};
}
