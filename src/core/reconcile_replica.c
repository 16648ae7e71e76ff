// REPLICA services: the tasks as replica_plan.h wants to see them, and what it says, done. A
// service as a whole, or one of its deployments by itself.

#include "core/reconcile_kinds.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/hash.h"
#include "base/proof.h"
#include "core/deploy.h"
#include "core/outcome.h"
#include "core/provider_split.h"
#include "core/rebalance.h"
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
    struct rebalance_task *extras; // not in the plan
    size_t extras_n;
    time_ms again_at;
};

static bool is_protected(const struct look *look, struct task *task, time_ms *again_at)
{
    time_ms until = task->rec->protected_until;

    if (until <= look->step->now || PLANTED(PLANT_PROTECTION_IGNORED))
        return false;
    MARK("a task is protected");
    *again_at = earlier(*again_at, until);
    return true;
}

static void add_task(struct look *look, struct task *task)
{
    struct task_health health;
    struct replica_task state;

    traffic_look(look->step, task, &look->again_at);
    health = reconcile_health(look->step, look->service, task, &look->again_at);
    state = (struct replica_task){
        .phase = reconcile_phase(task),
        .deployment = rollouts_index(&look->rollouts, task),
        .healthy = health.is_healthy,
        .unhealthy = health.is_unhealthy,
        .draining = reconcile_is_draining(look->step->state, task),
        .is_protected = is_protected(look, task, &look->again_at),
    };

    if (rebalance_is_extra(look->service, task)) {
        look->extras[look->extras_n++] = (struct rebalance_task){task, state};
        return;
    }
    look->states[look->input.tasks_n] = state;
    look->tasks[look->input.tasks_n++] = task;
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
    int64_t most = reconcile_start_max(look->step, look->service, deployment,
                                       deployment->rec->held_count, &look->again_at);

    if (lost <= 0)
        return 0;
    return lost < most ? lost : most;
}

// A failure keeps what there is as it is, but not for whoever wants nothing any more.
static bool is_failed(const struct look *look)
{
    const struct deployment *primary = look->rollouts.at[0];

    return look->desired > 0 && (look->is_given_up || primary->rec->rollout_state ==
                                                          ECS_DEPLOYMENT_ROLLOUT_STATE_FAILED);
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
    look->extras = arena_array(look->step->arena, struct rebalance_task, max);
    look->input = (struct replica_service){
        .desired = look->desired,
        .lower = bounds.lower,
        .upper = bounds.upper,
        .is_failed = is_failed(look),
        .deployments_n = look->rollouts.n,
        .repaired = repaired_of(&look->rollouts),
        .tasks = look->states,
    };
    LIST_EACH (&look->service->tasks, it) {
        struct task *task = LIST_ENTRY(it, struct task, in_service);

        if (!look->is_set || (uint64_t)task->rec->deployment_id == primary->part.entity.id)
            add_task(look, task);
    }
    ASSERT(look->input.tasks_n + look->extras_n == max);
    look->input.start_max =
        reconcile_start_max(look->step, look->service, primary, look->desired, &look->again_at);
    if (look->input.repaired != 0)
        look->input.repair_max = repair_max(look, look->rollouts.at[look->input.repaired]);
    look->input.upper -= (int64_t)look->extras_n;
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
    if (started.why != START_ALL)
        reconcile_not_started(look->step, look->service, &started);
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
    const struct ecs_attribute *found =
        instance != NULL ? instance_attribute(instance, attribute) : NULL;

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
        .instance_id = instance != NULL ? instance->entity.id : 0,
        .zone = key_of(instance, STR("ecs.availability-zone")),
        .keys = keys,
        .cpu = need->cpu_units,
        .memory = need->memory_mib,
        .cpu_left = instance != NULL ? instance->books.cpu_left : 0,
        .memory_left = instance != NULL ? instance->books.memory_left : 0,
        .created_at = task->rec->created_at,
    };
}

static bool is_in_order(const struct replica_task *state)
{
    return state->deployment == 0 && state->phase != REPLICA_STOPPING && !state->draining &&
           !state->unhealthy;
}

// Tasks that may go, and their places among those that were looked at.
struct choice {
    struct victim_task *victims;
    size_t *index;
    size_t n;
};

enum { ANY_ITEM = SIZE_MAX };

// Of one item of the capacity provider strategy, or of all.
static struct choice choice_of(struct look *look, const struct service_mould *mould, size_t item)
{
    struct choice choice = {
        .victims = arena_array(look->step->arena, struct victim_task, look->input.tasks_n),
        .index = arena_array(look->step->arena, size_t, look->input.tasks_n),
    };

    for (size_t i = 0; i < look->input.tasks_n; i++) {
        if (!is_in_order(&look->states[i]) ||
            (item != ANY_ITEM && service_item_of(mould, look->tasks[i]) != item))
            continue;
        choice.victims[choice.n] = victim_of(look, i);
        choice.index[choice.n++] = i;
    }
    return choice;
}

// Chooses among them and takes off `wanted` the healthy ones that were chosen.
static void choose_victims(struct look *look, const struct choice *choice,
                           struct victims_wanted *wanted, struct task_batch *stopped)
{
    enum victim_rule rules[VICTIM_RULES_MAX];
    struct victims chosen =
        victims_choose(choice->victims, choice->n, rules, rules_of(look->service, rules), *wanted,
                       look->step->rng, look->step->arena);

    for (size_t i = 0; i < chosen.n; i++) {
        task_batch_add(stopped, look->tasks[choice->index[chosen.at[i]]]);
        wanted->healthy_max -= choice->victims[chosen.at[i]].state == VICTIM_HEALTHY;
    }
}

static void scale_in(struct look *look, const struct replica_plan *plan)
{
    SERVICE_MOULD_AUTO struct service_mould *mould =
        service_mould_open(look->step, look->service, look->rollouts.at[0]);
    struct task_batch stopped = task_batch_new(look->step, look->input.tasks_n);
    struct victims_wanted wanted = {.n = (size_t)plan->excess_n,
                                    .healthy_max = (size_t)plan->excess_healthy_max};
    int64_t current[PROVIDERS_MAX] = {0};
    int64_t parts[PROVIDERS_MAX];
    struct choice choice;

    for (size_t i = 0; i < look->input.tasks_n; i++)
        current[service_item_of(mould, look->tasks[i])] += is_in_order(&look->states[i]);
    if (!service_split_excess(mould, current, plan->excess_n, parts)) {
        choice = choice_of(look, mould, ANY_ITEM);
        choose_victims(look, &choice, &wanted, &stopped);
    } else {
        for (size_t item = 0; item < PROVIDERS_MAX; item++) {
            wanted.n = current[item] > 0 ? (size_t)parts[item] : 0;
            if (wanted.n == 0)
                continue;
            choice = choice_of(look, mould, item);
            choose_victims(look, &choice, &wanted, &stopped);
        }
    }
    MARK_IF(stopped.n > 0, "a service with too many tasks stops some");
    reconcile_stop(look->step, look->service, &stopped);
}

// ---- balance over zones

static bool may_rebalance(const struct look *look)
{
    return !look->is_set &&
           look->service->rec->availability_zone_rebalancing ==
               ECS_AVAILABILITY_ZONE_REBALANCING_ENABLED &&
           look->rollouts.at[0]->rec->rollout_state == ECS_DEPLOYMENT_ROLLOUT_STATE_COMPLETED;
}

static bool is_unhealthy(const struct look *look)
{
    for (size_t i = 0; i < look->extras_n; i++) {
        if (look->extras[i].state.unhealthy || look->extras[i].state.draining ||
            look->extras[i].state.phase == REPLICA_STOPPING)
            return true;
    }
    return false;
}

// Extra tasks stay aside only as long as nothing else is to be done.
static bool rebalance(struct look *look, const struct replica_plan *plan)
{
    size_t n = look->input.tasks_n;
    struct rebalance_task *tasks = arena_array(look->step->arena, struct rebalance_task, n);
    struct rebalance_view view = {
        .step = look->step,
        .service = look->service,
        .tasks = tasks,
        .n = n,
        .extras = look->extras,
        .extras_n = look->extras_n,
        .room = look->input.upper - (int64_t)n,
        .start_max = look->input.start_max,
    };

    if (!plan->is_steady || is_unhealthy(look)) {
        rebalance_adopt(look->step, look->service);
        return false;
    }
    if (!may_rebalance(look))
        return true;
    for (size_t i = 0; i < n; i++)
        tasks[i] = (struct rebalance_task){look->tasks[i], look->states[i]};
    return rebalance_run(&view);
}

static struct reconciled act(struct look *look)
{
    static const struct service_action is_kept = {
        .name = REC_SERVICE_ACTION_TASKSET_SCALE_IN_FAILURE_BY_TASK_PROTECTION};
    struct speaker speaker = service_speaker(look->step, look->service);
    struct replica_plan plan;
    bool is_steady;

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
    is_steady = rebalance(look, &plan);
    return (struct reconciled){.is_steady = is_steady, .again_at = look->again_at};
}

struct reconciled reconcile_replica(struct step *step, struct service *service)
{
    struct look look = {
        .step = step,
        .service = service,
        .rollouts = rollouts_of(step, service),
        .desired = service->rec->desired_count,
    };

    rebalance_check(step, service);
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
