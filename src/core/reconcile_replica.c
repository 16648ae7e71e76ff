// REPLICA services: the tasks as replica_plan.h wants to see them, and what it says, done. A
// service as a whole, or one of its deployments by itself.

#include "core/reconcile_kinds.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/hash.h"
#include "base/proof.h"
#include "core/deploy.h"
#include "core/outcome.h"
#include "core/rollout.h"
#include "core/service_health.h"
#include "core/service_texts.h"
#include "core/traffic.h"
#include "core/victims.h"
#include "model/deployment.h"
#include "model/instance.h"
#include "model/service.h"
#include "model/task.h"

// One look at a service.
struct look {
    struct step *step;
    struct service *service;
    struct rollouts rollouts;
    bool is_set;     // only the tasks of the one deployment in `rollouts`
    int64_t desired; // and how many there are to be
    bool is_given_up;
    struct task **tasks; // as in `plan`'s input
    struct replica_task *states;
    struct replica_service input;
    time_ms again_at;
};

static bool is_protected(const struct look *look, struct task *task, time_ms *again_at)
{
    time_ms until = task->rec->protected_until;

    if (until <= look->step->now)
        return false;
    MARK("a task is protected");
    *again_at = earlier(*again_at, until);
    return true;
}

static void add_task(struct look *look, struct task *task)
{
    struct replica_task *out = &look->states[look->input.tasks_n];
    struct task_health health;

    traffic_look(look->step, task, &look->again_at);
    health = reconcile_health(look->step, look->service, task, &look->again_at);
    look->tasks[look->input.tasks_n++] = task;
    *out = (struct replica_task){
        .phase = reconcile_phase(task),
        .deployment = rollouts_index(&look->rollouts, task),
        .healthy = health.is_healthy,
        .unhealthy = health.is_unhealthy,
        .draining = reconcile_is_draining(look->step->state, task),
        .is_protected = is_protected(look, task, &look->again_at),
    };
}

// The newest of the older deployments that was COMPLETED and has not failed since, until the
// PRIMARY one is.
static uint32_t repaired_of(const struct rollouts *rollouts)
{
    if (rollouts->at[0]->rec->rollout_state == ECS_DEPLOYMENT_ROLLOUT_STATE_COMPLETED)
        return 0;
    for (uint32_t i = 1; i < rollouts->n; i++) {
        const struct rec_deployment *rec = rollouts->at[i]->rec;

        if (rec->completed && rec->rollout_state != ECS_DEPLOYMENT_ROLLOUT_STATE_FAILED)
            return i;
    }
    return 0;
}

// As many as it has lost.
static int64_t repair_max(struct look *look, const struct deployment *deployment)
{
    int64_t lost = deployment->rec->held_count - deployment_wanted(look->step->state, deployment);
    int64_t most = reconcile_start_max(look->step, look->service, deployment, &look->again_at);

    if (lost <= 0)
        return 0;
    return lost < most ? lost : most;
}

static void look_at(struct look *look)
{
    const struct rec_service *rec = look->service->rec;
    struct deployment *primary = look->rollouts.at[0];
    struct rollout_bounds bounds =
        rollout_bounds(look->desired, rec->deployment_configuration->minimum_healthy_percent,
                       rec->deployment_configuration->maximum_percent);
    size_t max = look->is_set ? primary->running_n + primary->pending_n
                              : look->service->running_n + look->service->pending_n;

    look->tasks = arena_array(look->step->arena, struct task *, max);
    look->states = arena_array(look->step->arena, struct replica_task, max);
    look->input = (struct replica_service){
        .desired = look->desired,
        .lower = bounds.lower,
        .upper = bounds.upper,
        .start_max = reconcile_start_max(look->step, look->service, primary, &look->again_at),
        .is_failed =
            look->is_given_up || primary->rec->rollout_state == ECS_DEPLOYMENT_ROLLOUT_STATE_FAILED,
        .deployments_n = look->rollouts.n,
        .repaired = repaired_of(&look->rollouts),
        .tasks = look->states,
    };
    if (look->input.repaired != 0)
        look->input.repair_max = repair_max(look, look->rollouts.at[look->input.repaired]);
    LIST_EACH (&look->service->tasks, it) {
        struct task *task = LIST_ENTRY(it, struct task, in_service);

        if (!look->is_set || (uint64_t)task->rec->deployment_id == primary->part.entity.id)
            add_task(look, task);
    }
    ASSERT(look->input.tasks_n == max);
}

// ---- doing

static void do_stops(struct look *look, const struct replica_plan *plan)
{
    struct task_batch others = task_batch_new(look->step, plan->stops_n);
    struct task_batch unhealthy = task_batch_new(look->step, plan->stops_n);

    for (size_t i = 0; i < plan->stops_n; i++)
        task_batch_add(plan->stops[i].why == REPLICA_STOP_UNHEALTHY ? &unhealthy : &others,
                       look->tasks[plan->stops[i].task]);
    reconcile_stop_unhealthy(look->step, look->service, &unhealthy);
    reconcile_stop(look->step, look->service, &others);
}

// How many found a place.
static int64_t start(struct look *look, const struct deployment *deployment, int64_t n,
                     int64_t replaced_n)
{
    SERVICE_MOULD_AUTO struct service_mould *mould =
        service_mould_open(look->step, look->service, deployment);
    struct service_started started = service_start(look->step, mould, n);
    struct str_list ids = {.at = arena_array(look->step->arena, struct str, started.tasks_n)};

    for (; ids.n < started.tasks_n; ids.n++)
        ids.at[ids.n] = started.tasks[ids.n]->uid;
    if (started.failed.reason != PLACE_FITS)
        reconcile_no_place(look->step, look->service, &started.failed);
    reconcile_say_started(look->step, look->service, &ids,
                          replaced_n < (int64_t)ids.n ? replaced_n : (int64_t)ids.n);
    return (int64_t)ids.n;
}

static void do_starts(struct look *look, const struct replica_plan *plan)
{
    int64_t n = plan->start_n;

    if (plan->repair_n > 0) {
        int64_t unplaced = plan->repair_n -
                           start(look, look->rollouts.at[look->input.repaired], plan->repair_n, 0);

        MARK_IF(unplaced > 0, "a task of an older deployment that is missed finds no place");
        n += unplaced < plan->instead_n ? unplaced : plan->instead_n;
    }
    if (n > 0)
        start(look, look->rollouts.at[0], n, plan->replacement_n);
}

// ---- scale-in

static enum victim_state victim_state_of(const struct replica_task *state)
{
    if (state->phase == REPLICA_STARTING)
        return VICTIM_NOT_RUNNING;
    if (state->unhealthy)
        return VICTIM_UNHEALTHY;
    return state->healthy ? VICTIM_HEALTHY : VICTIM_RUNNING;
}

static uint64_t key_of(const struct instance *instance, struct str attribute)
{
    const struct ecs_attribute *found = instance_attribute(instance, attribute);

    return found != NULL && found->has.value ? hash_bytes(found->value.ptr, found->value.len) : 0;
}

static struct str spread_attribute(const struct ecs_placement_strategy *strategy)
{
    static const struct str prefix = STR_INIT("attribute:");

    return str_starts(strategy->field, prefix) ? str_from(strategy->field, prefix.len) : STR_NONE;
}

static size_t rules_of(const struct service *service, enum victim_rule *rules)
{
    const struct ecs_placement_strategy_list *list = &service->rec->placement_strategy;

    for (size_t i = 0; i < list->n; i++) {
        const struct ecs_placement_strategy *strategy = &list->at[i];

        if (strategy->type == ECS_PLACEMENT_STRATEGY_TYPE_RANDOM)
            rules[i] = VICTIM_RANDOM;
        else if (strategy->type == ECS_PLACEMENT_STRATEGY_TYPE_SPREAD)
            rules[i] = spread_attribute(strategy).len > 0 ? VICTIM_SPREAD : VICTIM_SPREAD_INSTANCE;
        else
            rules[i] = str_eq_nocase(strategy->field, STR("cpu")) ? VICTIM_BINPACK_CPU
                                                                  : VICTIM_BINPACK_MEMORY;
    }
    return list->n;
}

static struct victim_task victim_of(struct look *look, size_t i)
{
    const struct ecs_placement_strategy_list *list = &look->service->rec->placement_strategy;
    const struct task *task = look->tasks[i];
    const struct instance *instance =
        instance_get(look->step->state, (uint64_t)task->rec->instance_id);
    const struct need *need = task_need(look->step->state, task);
    uint64_t *keys = arena_array(look->step->arena, uint64_t, list->n);

    for (size_t k = 0; k < list->n; k++)
        keys[k] = key_of(instance, spread_attribute(&list->at[k]));
    return (struct victim_task){
        .state = victim_state_of(&look->states[i]),
        .is_protected = look->states[i].is_protected,
        .instance_id = instance->entity.id,
        .zone = key_of(instance, STR("ecs.availability-zone")),
        .keys = keys,
        .cpu = need->cpu_units,
        .memory = need->memory_mib,
        .cpu_left = instance->books.cpu_left,
        .memory_left = instance->books.memory_left,
        .created_at = task->rec->created_at,
    };
}

static bool is_in_order(const struct replica_task *state)
{
    return state->deployment == 0 && state->phase != REPLICA_STOPPING && !state->draining &&
           !state->unhealthy;
}

static void scale_in(struct look *look, const struct replica_plan *plan)
{
    enum victim_rule rules[VICTIM_RULES_MAX];
    struct arena *arena = look->step->arena;
    struct victim_task *victims = arena_array(arena, struct victim_task, look->input.tasks_n);
    size_t *index = arena_array(arena, size_t, look->input.tasks_n);
    struct task_batch stopped = task_batch_new(look->step, look->input.tasks_n);
    struct victims chosen;
    size_t n = 0;

    for (size_t i = 0; i < look->input.tasks_n; i++) {
        if (!is_in_order(&look->states[i]))
            continue;
        victims[n] = victim_of(look, i);
        index[n++] = i;
    }
    chosen =
        victims_choose(victims, n, rules, rules_of(look->service, rules),
                       (struct victims_wanted){.n = (size_t)plan->excess_n,
                                               .healthy_max = (size_t)plan->excess_healthy_max},
                       look->step->rng, arena);
    MARK_IF(chosen.n > 0, "a service with too many tasks stops some");
    for (size_t i = 0; i < chosen.n; i++)
        task_batch_add(&stopped, look->tasks[index[chosen.at[i]]]);
    reconcile_stop(look->step, look->service, &stopped);
}

static struct reconciled act(struct look *look)
{
    static const struct service_action is_kept = {
        .name = REC_SERVICE_ACTION_TASKSET_SCALE_IN_FAILURE_BY_TASK_PROTECTION};
    struct speaker speaker = service_speaker(look->step, look->service);
    struct replica_plan plan;

    look_at(look);
    plan = replica_plan(&look->input, look->step->arena);
    do_stops(look, &plan);
    if (plan.excess_n > 0)
        scale_in(look, &plan);
    do_starts(look, &plan);
    if (plan.is_stuck)
        service_say(look->step, look->service, event_trouble(&speaker, TROUBLE_STUCK));
    if (plan.protected_n > 0)
        service_act(look->step, look->service,
                    event_protected(&speaker,
                                    deployment_name(look->rollouts.at[0], look->step->arena),
                                    plan.protected_n),
                    &is_kept);
    return (struct reconciled){.is_steady = plan.is_steady, .again_at = look->again_at};
}

struct reconciled reconcile_replica(struct step *step, struct service *service)
{
    struct look look = {
        .step = step,
        .service = service,
        .rollouts = rollouts_of(step, service),
        .desired = service->rec->desired_count,
    };

    return act(&look);
}

struct reconciled reconcile_set(struct step *step, struct service *service,
                                struct deployment *deployment, int64_t desired, bool is_given_up)
{
    struct look look = {
        .step = step,
        .service = service,
        .rollouts = {.at = &deployment, .n = 1},
        .is_set = true,
        .desired = desired,
        .is_given_up = is_given_up,
    };

    return act(&look);
}
