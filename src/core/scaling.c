// See scaling.h.
//
// Machines are counted as they register. One that has been asked for and has not come counts as on
// its way until the warm-up is over; then it is asked for again. An instance that is given up
// stands in the provider's record (`removing`) from the moment it is chosen: with managed draining
// it is DRAINING until nothing runs there, and only then the action hears of it. Should tasks wait
// again meanwhile, it is taken back.

#include "core/scaling.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/assert.h"
#include "core/capacity.h"
#include "core/lifecycle.h"
#include "model/cluster.h"
#include "model/instance.h"
#include "model/provider.h"
#include "model/service.h"
#include "model/task.h"
#include "shape/walk.h"

enum {
    LOOKS_MAX = 16,                     // providers in one call
    CALL_LOST_MS = 10 * TIME_MINUTE_MS, // an action of which nothing was heard for so long
};

// One look at a provider.
struct look {
    struct step *step;
    struct provider *provider;
    const struct cluster *cluster;
    const struct ecs_auto_scaling_group_provider *group;
    struct capacity_rule rule;
    struct capacity_size size; // of the smallest machine in each part
    struct instance **staying;
    size_t staying_n;
    struct instance **leaving;
    size_t leaving_n;
    size_t waiting_n; // tasks
    struct rec_capacity_provider next;
};

// ---- what there is

static bool is_daemons(const struct state *state, const struct task *task)
{
    const struct service *service = service_get(state, (uint64_t)task->rec->service_id);

    return task->rec->service_id != 0 &&
           service->rec->scheduling_strategy == ECS_SCHEDULING_STRATEGY_DAEMON;
}

static bool has_tasks(const struct state *state, const struct instance *instance)
{
    LIST_EACH (&instance->tasks, it) {
        if (!is_daemons(state, LIST_ENTRY(it, struct task, on_instance)))
            return true;
    }
    return false;
}

static bool drains(const struct look *look)
{
    return look->group->managed_draining != ECS_MANAGED_DRAINING_DISABLED;
}

// One that somebody has activated again is given up no more.
static bool is_leaving(const struct look *look, const struct instance *instance)
{
    const struct long_list *removing = &look->provider->rec->removing;

    if (drains(look) && instance->st->status == REC_INSTANCE_STATUS_ACTIVE)
        return false;
    for (size_t i = 0; i < removing->n; i++) {
        if ((uint64_t)removing->at[i] == instance->entity.id)
            return true;
    }
    return false;
}

static int64_t least(int64_t a, int64_t b)
{
    return b < a ? b : a;
}

static void take_size(struct look *look, const struct instance *instance)
{
    const struct books *books = &instance->books;

    if (look->staying_n + look->leaving_n == 0)
        look->size = (struct capacity_size){
            .cpu_units = INT64_MAX, .memory_mib = INT64_MAX, .gpus = INT64_MAX};
    look->size.cpu_units = least(look->size.cpu_units, books->cpu_units);
    look->size.memory_mib = least(look->size.memory_mib, books->memory_mib);
    look->size.gpus = least(look->size.gpus, (int64_t)books->gpus.n);
}

static void find_machines(struct look *look)
{
    struct arena *arena = look->step->arena;

    look->staying = arena_array(arena, struct instance *, look->cluster->instances_n);
    look->leaving = arena_array(arena, struct instance *, look->cluster->instances_n);
    LIST_EACH (&look->cluster->instances, it) {
        struct instance *instance = LIST_ENTRY(it, struct instance, in_cluster);

        if (!instance_is_registered(instance) ||
            !str_eq(instance->provider, look->provider->rec->name))
            continue;
        take_size(look, instance);
        if (is_leaving(look, instance))
            look->leaving[look->leaving_n++] = instance;
        else
            look->staying[look->staying_n++] = instance;
    }
}

static const struct provider_limits *limits_of(const struct look *look)
{
    const struct state_config *config = &look->step->state->config;

    for (size_t i = 0; i < config->limits_n; i++) {
        if (str_eq(config->limits[i].provider, look->provider->rec->name))
            return &config->limits[i];
    }
    return NULL;
}

static void read_rule(struct look *look)
{
    const struct provider_limits *limits = limits_of(look);

    look->rule = capacity_rule_of(look->group->managed_scaling);
    if (limits == NULL)
        return;
    look->rule.size_min = limits->size_min;
    look->rule.size_max = limits->size_max;
    if (look->staying_n + look->leaving_n > 0)
        return;
    look->size = (struct capacity_size){
        .cpu_units = limits->cpu_units, .memory_mib = limits->memory_mib, .gpus = limits->gpus};
}

static struct capacity_group *group_of(struct capacity_group *groups, size_t *n,
                                       const struct need *need)
{
    for (size_t i = 0; i < *n; i++) {
        if (groups[i].need == need)
            return &groups[i];
    }
    groups[*n] = (struct capacity_group){.need = need};
    return &groups[(*n)++];
}

// How many machines the waiting tasks need. What a machine offers is not known before the first has
// registered, unless the operator says so; then one is needed, whatever waits.
static int64_t wanted(struct look *look)
{
    struct capacity_group *groups =
        arena_array(look->step->arena, struct capacity_group, look->cluster->tasks_waiting_n);
    size_t n = 0;

    LIST_EACH (&look->cluster->tasks_waiting, it) {
        const struct task *task = LIST_ENTRY(it, struct task_wait, in_cluster)->task;

        if (!str_eq(task->rec->capacity_provider_name, look->provider->rec->name))
            continue;
        group_of(groups, &n, task_need(look->step->state, task))->tasks++;
        look->waiting_n++;
    }
    if (look->size.cpu_units == 0 || look->size.memory_mib == 0)
        return n > 0;
    return capacity_machines(groups, n, &look->size, look->step->arena);
}

// Machines that were asked for and may still come.
static int64_t on_their_way(const struct look *look)
{
    const struct rec_capacity_provider *rec = look->provider->rec;
    int64_t missing = rec->desired_size - (int64_t)look->staying_n;

    return missing > 0 && look->step->now - rec->desired_at < look->rule.warmup ? missing : 0;
}

static struct capacity_view view_of(struct look *look)
{
    struct capacity_view view = {.warming = on_their_way(look), .wanted = wanted(look)};

    for (size_t i = 0; i < look->staying_n; i++) {
        const struct instance *instance = look->staying[i];
        bool busy = has_tasks(look->step->state, instance);

        if (capacity_is_warming(&look->rule, instance->rec->registered_at, busy, look->step->now)) {
            view.warming++;
        } else {
            view.instances++;
            view.busy += busy;
        }
    }
    return view;
}

// ---- what is done

static void set_status(struct look *look, struct instance *instance,
                       enum rec_instance_status status)
{
    struct rec_instance_state next = *instance->st;

    if (!drains(look) || next.status == status)
        return;
    SET(&next, status, status);
    instance_change(look->step, instance, &next);
}

// Only while the action has not been told of them.
static void take_back(struct look *look, int64_t target)
{
    if (look->provider->called_at != 0)
        return;
    while (look->leaving_n > 0 && (int64_t)look->staying_n < target) {
        struct instance *instance = look->leaving[--look->leaving_n];

        set_status(look, instance, REC_INSTANCE_STATUS_ACTIVE);
        look->staying[look->staying_n++] = instance;
    }
}

// The ones that are missed least come first.
struct candidate {
    struct instance *instance;
    bool busy;
};

static int by_loss(const void *a, const void *b)
{
    const struct candidate *x = a;
    const struct candidate *y = b;
    bool x_draining = x->instance->st->status == REC_INSTANCE_STATUS_DRAINING;
    bool y_draining = y->instance->st->status == REC_INSTANCE_STATUS_DRAINING;

    if (x->busy != y->busy)
        return x->busy ? 1 : -1;
    if (x_draining != y_draining)
        return x_draining ? -1 : 1;
    if (x->instance->wanted_n != y->instance->wanted_n)
        return x->instance->wanted_n < y->instance->wanted_n ? -1 : 1;
    return x->instance->entity.id < y->instance->entity.id ? -1 : 1;
}

static void give_up(struct look *look, int64_t target)
{
    bool protects =
        look->group->managed_termination_protection == ECS_MANAGED_TERMINATION_PROTECTION_ENABLED;
    struct candidate *list = arena_array(look->step->arena, struct candidate, look->staying_n);
    size_t n = look->staying_n;
    size_t kept = 0;

    for (size_t i = 0; i < n; i++)
        list[i] = (struct candidate){.instance = look->staying[i],
                                     .busy = has_tasks(look->step->state, look->staying[i])};
    if (n > 1)
        qsort(list, n, sizeof *list, by_loss);
    for (size_t i = 0; i < n; i++) {
        bool goes = (int64_t)(n - i + kept) > target && !(protects && list[i].busy);

        if (!goes) {
            look->staying[kept++] = list[i].instance;
            continue;
        }
        set_status(look, list[i].instance, REC_INSTANCE_STATUS_DRAINING);
        look->leaving[look->leaving_n++] = list[i].instance;
    }
    look->staying_n = kept;
}

static struct long_list leaving_ids(const struct look *look)
{
    struct long_list ids = {.n = look->leaving_n,
                            .at = arena_array(look->step->arena, int64_t, look->leaving_n)};

    for (size_t i = 0; i < ids.n; i++)
        ids.at[i] = (int64_t)look->leaving[i]->entity.id;
    return ids;
}

// The action is told when the number changes, and again when machines do not come. Where it never
// was told another number and there are as many machines as there shall be, there is nothing to
// say.
static void keep(struct look *look, int64_t target)
{
    struct rec_capacity_provider *next = &look->next;
    const struct rec_capacity_provider *rec = look->provider->rec;
    int64_t staying = (int64_t)look->staying_n;
    bool is_late =
        target > staying && rec->is_told && look->step->now - rec->desired_at >= look->rule.warmup;
    struct long_list removing = leaving_ids(look);
    bool same_ids = removing.n == rec->removing.n &&
                    (removing.n == 0 ||
                     memcmp(removing.at, rec->removing.at, removing.n * sizeof *removing.at) == 0);

    if (!rec->has.desired_size || rec->desired_size != target || is_late) {
        SET(next, is_told,
            target == staying && (!rec->has.desired_size || rec->desired_size <= staying));
        SET(next, desired_size, target);
        SET(next, desired_at, look->step->now);
    } else if (same_ids) {
        return;
    }
    SET(next, removing, removing);
    state_put(look->step->state, REC_KIND_CAPACITY_PROVIDER, look->provider->entity.id, next);
}

// ---- telling

static void add_ids(const struct look *look, struct scaling_call *call)
{
    call->ids.at = arena_array(look->step->arena, struct str, look->leaving_n);
    call->machines.at = arena_array(look->step->arena, struct str, look->leaving_n);
    for (size_t i = 0; i < look->leaving_n; i++) {
        const struct instance *instance = look->leaving[i];

        if (drains(look) && !list_is_empty(&instance->tasks))
            continue;
        call->ids.at[call->ids.n++] = str_copy(look->step->arena, instance->uid);
        call->machines.at[call->machines.n++] =
            str_copy(look->step->arena, instance->rec->ec2_instance_id);
    }
}

static void tell(struct look *look, double reservation)
{
    struct provider *provider = look->provider;
    const struct rec_capacity_provider *rec = provider->rec;
    struct scaling_call *call = arena_new(look->step->arena, struct scaling_call);
    bool is_called =
        provider->called_at != 0 && look->step->now - provider->called_at < CALL_LOST_MS;
    struct effect *effect;

    *call = (struct scaling_call){
        .provider_id = provider->entity.id,
        .region = rec->region,
        .cluster = look->cluster->rec->name,
        .provider = rec->name,
        .group = rec->auto_scaling_group_provider->auto_scaling_group_arn,
        .reservation = reservation,
        .target = rec->desired_size,
        .present = (int64_t)(look->staying_n + look->leaving_n),
    };
    add_ids(look, call);
    call->desired = rec->desired_size + (int64_t)(look->leaving_n - call->ids.n);
    call->is_wanted = !is_called && (!rec->is_told || call->ids.n > 0);
    if (call->is_wanted)
        provider->called_at = look->step->now;
    effect = step_effect(look->step, EFFECT_SCALE, 0);
    effect->provider_id = provider->entity.id;
    effect->value = call;
}

// ---- a minute

static void look_at(struct step *step, struct provider *provider)
{
    struct look look = {
        .step = step,
        .provider = provider,
        .cluster = provider_cluster(step->state, provider),
        .group = provider->rec->auto_scaling_group_provider,
        .next = *provider->rec,
    };
    struct capacity_answer answer;
    struct capacity_view view;
    int64_t target;

    if (look.cluster == NULL)
        return;
    find_machines(&look);
    read_rule(&look);
    view = view_of(&look);
    answer = capacity_minute(&look.rule, (struct capacity_memory){.low_n = provider->low_n}, &view);
    provider->low_n = answer.memory.low_n;
    provider->measured_at = step->now;
    provider->reservation = answer.reservation;
    target = answer.desired;
    take_back(&look, target);
    if (target < (int64_t)look.staying_n)
        give_up(&look, target);
    if (target < (int64_t)look.staying_n)
        target = (int64_t)look.staying_n;
    keep(&look, target);
    tell(&look, answer.reservation);
    if (look.staying_n + look.leaving_n + look.waiting_n == 0 && provider->rec->is_told) {
        provider->measured_at = 0; // what comes next is looked at when it comes
        expiry_clear(&step->state->minutes, &provider->minute);
        return;
    }
    expiry_set(&step->state->minutes, &provider->minute, REC_KIND_CAPACITY_PROVIDER,
               provider->entity.id, step->now + TIME_MINUTE_MS);
}

void scaling_run(struct step *step)
{
    for (int n = 0; n < LOOKS_MAX; n++) {
        const struct expiry *next = expiry_first(&step->state->minutes);
        struct provider *provider;

        if (next == NULL || next->at > step->now)
            return;
        provider = provider_get(step->state, next->id);
        expiry_clear(&step->state->minutes, &provider->minute);
        look_at(step, provider);
    }
}

time_ms scaling_next(const struct state *state)
{
    const struct expiry *next = expiry_first(&state->minutes);

    return next != NULL ? next->at : 0;
}

// ---- what came of it

static bool is_among(const struct str_list *ids, struct str uid)
{
    for (size_t i = 0; i < ids->n; i++) {
        if (str_eq(ids->at[i], uid))
            return true;
    }
    return false;
}

// The machine is gone, whatever its agent says.
static void end_machines(struct step *step, const struct str_list *ids)
{
    for (size_t i = 0; i < ids->n; i++) {
        struct instance *instance = instance_find_uid(step->state, ids->at[i]);

        if (instance == NULL || !instance_is_registered(instance))
            continue;
        instance_deregister(
            step, instance, ECS_TASK_STOP_CODE_TERMINATIONNOTICE,
            str_fmt(step->arena, "Host EC2 (instance %.*s) terminated.",
                    STR_ARGS(instance->rec->ec2_instance_id.len > 0 ? instance->rec->ec2_instance_id
                                                                    : instance->uid)));
    }
}

static struct long_list without(struct step *step, const struct long_list *removing,
                                const struct str_list *ids)
{
    struct long_list left = {.at = arena_array(step->arena, int64_t, removing->n)};

    for (size_t i = 0; i < removing->n; i++) {
        const struct instance *instance = instance_get(step->state, (uint64_t)removing->at[i]);

        if (instance != NULL && !is_among(ids, instance->uid))
            left.at[left.n++] = removing->at[i];
    }
    return left;
}

static void note_success(struct step *step, const struct provider *provider,
                         const struct scaling_result *result, struct rec_capacity_provider *next)
{
    if (next->desired_size == result->target)
        SET(next, is_told, true);
    SET(next, removing, without(step, &provider->rec->removing, &result->ids));
    if (next->update_status == ECS_CAPACITY_PROVIDER_UPDATE_STATUS_UPDATE_FAILED) {
        SET(next, update_status, ECS_CAPACITY_PROVIDER_UPDATE_STATUS_UPDATE_COMPLETE);
        next->has.update_status_reason = false;
        next->update_status_reason = STR_NONE;
    }
}

static void note_failure(const struct scaling_result *result, struct rec_capacity_provider *next)
{
    if (next->update_status == ECS_CAPACITY_PROVIDER_UPDATE_STATUS_DELETE_IN_PROGRESS ||
        next->update_status == ECS_CAPACITY_PROVIDER_UPDATE_STATUS_UPDATE_IN_PROGRESS)
        return;
    SET(next, update_status, ECS_CAPACITY_PROVIDER_UPDATE_STATUS_UPDATE_FAILED);
    SET(next, update_status_reason, result->why);
}

void scaling_lost(struct state *state, uint64_t provider_id)
{
    struct provider *provider = provider_get(state, provider_id);

    if (provider != NULL)
        provider->called_at = 0;
}

void scaling_done(struct step *step, const struct scaling_result *result)
{
    struct provider *provider = provider_get(step->state, result->provider_id);
    struct rec_capacity_provider next;

    if (provider == NULL)
        return;
    scaling_lost(step->state, result->provider_id);
    if (!provider_is_active(provider))
        return;
    next = *provider->rec;
    if (result->succeeded) {
        end_machines(step, &result->ids);
        note_success(step, provider, result, &next);
    } else {
        note_failure(result, &next);
    }
    if (!shape_equal(&rec_capacity_provider_shape, &next, provider->rec))
        state_put(step->state, REC_KIND_CAPACITY_PROVIDER, provider->entity.id, &next);
}
