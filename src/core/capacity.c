// Managed scaling. Source: ecs-behaviour-scheduler 5.8.
//
// The reservation is what is needed over what there is, in percent. Above the target machines are
// added at once; below it some go after fifteen data points in a row, at most half of them a
// minute. A step up begins the counting anew, and that is also why nothing is taken away in the
// fifteen minutes after it. While tasks wait nothing is taken away either.
//
// What waiting tasks need on top is found by packing them into empty machines, first fit, greatest
// first. Tasks of one group are equal, so a machine takes as many of them as it can before the next
// one is looked at: the same packing as task by task, in fewer steps. All machines are taken to be
// as small as the smallest in each part, so the answer errs towards too many.
//
// A step counts machines; which one goes is not decided here. It always
// can be an empty one, as no step goes below the machines that are in use.

#include "core/capacity.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/assert.h"
#include "model/reservation.h"

struct capacity_rule capacity_rule_of(const struct ecs_managed_scaling *config)
{
    struct capacity_rule rule = {
        .target = 100,
        .step_min = 1,
        .step_max = 10000,
        .warmup = 300 * TIME_SECOND_MS,
        .size_max = INT32_MAX,
    };

    if (config->has.target_capacity)
        rule.target = config->target_capacity;
    if (config->has.minimum_scaling_step_size)
        rule.step_min = config->minimum_scaling_step_size;
    if (config->has.maximum_scaling_step_size)
        rule.step_max = config->maximum_scaling_step_size;
    if (config->has.instance_warmup_period)
        rule.warmup = config->instance_warmup_period * (time_ms)TIME_SECOND_MS;
    return rule;
}

bool capacity_is_warming(const struct capacity_rule *rule, time_ms registered_at, bool has_tasks,
                         time_ms now)
{
    return !has_tasks && now - registered_at < rule->warmup;
}

// --- packing

enum { PARTS_N = 4 };

struct parts {
    int64_t of[PARTS_N];
};

// Needs with static ports that a machine holds.
struct held {
    const struct need *need;
    const struct held *next;
};

struct machine {
    struct parts left;
    const struct held *held;
};

// A group, ready to be sorted.
struct load {
    const struct capacity_group *group;
    struct parts need;
    int64_t share; // of a machine, its greatest part: in millionths
    size_t place;  // where the group stood
};

static struct parts parts_of_size(const struct capacity_size *size)
{
    return (struct parts){.of = {size->cpu_units, size->memory_mib, size->gpus, size->enis}};
}

static struct parts parts_of_group(const struct capacity_group *group)
{
    const struct need *need = group->need;

    return (struct parts){.of = {need->cpu_units, need->memory_mib, need->gpus, group->enis}};
}

static bool overlaps(const struct need *a, const struct need *b)
{
    for (size_t i = 0; i < a->ports_n; i++) {
        for (size_t k = 0; k < b->ports_n; k++) {
            if (a->ports[i].port == b->ports[k].port && a->ports[i].udp == b->ports[k].udp)
                return true;
        }
    }
    return false;
}

// How many such tasks fit what is left, were it not for ports.
static int64_t room_for(const struct parts *left, const struct parts *need)
{
    int64_t room = INT64_MAX;

    for (size_t i = 0; i < PARTS_N; i++) {
        if (need->of[i] > 0 && left->of[i] / need->of[i] < room)
            room = left->of[i] / need->of[i];
    }
    return room;
}

// Tasks with a static port exclude each other.
static int64_t tasks_that_fit(const struct machine *machine, const struct load *load)
{
    const struct need *need = load->group->need;
    int64_t room = room_for(&machine->left, &load->need);

    for (const struct held *held = machine->held; held != NULL; held = held->next) {
        if (overlaps(held->need, need))
            return 0;
    }
    return need->ports_n > 0 && room > 1 ? 1 : room;
}

static void put(struct machine *machine, const struct load *load, int64_t tasks,
                struct arena *arena)
{
    for (size_t i = 0; i < PARTS_N; i++)
        machine->left.of[i] -= tasks * load->need.of[i];
    if (load->group->need->ports_n > 0) {
        struct held *held = arena_new(arena, struct held);
        *held = (struct held){.need = load->group->need, .next = machine->held};
        machine->held = held;
    }
}

static int by_share(const void *a, const void *b)
{
    const struct load *x = a;
    const struct load *y = b;

    if (x->share != y->share)
        return x->share > y->share ? -1 : 1;
    return x->place < y->place ? -1 : x->place > y->place;
}

static int64_t share_of(const struct parts *need, const struct parts *machine)
{
    int64_t share = 0;

    for (size_t i = 0; i < PARTS_N; i++) {
        int64_t part = need->of[i] > 0 ? need->of[i] * 1000000 / machine->of[i] : 0;
        share = part > share ? part : share;
    }
    return share;
}

static size_t sort_loads(const struct capacity_group *groups, size_t n, const struct parts *machine,
                         struct load *loads)
{
    size_t loads_n = 0;

    for (size_t i = 0; i < n; i++) {
        struct load load = {.group = &groups[i], .need = parts_of_group(&groups[i]), .place = i};

        ASSERT(groups[i].tasks >= 0);
        if (room_for(machine, &load.need) == 0)
            continue;
        load.share = share_of(&load.need, machine);
        loads[loads_n++] = load;
    }
    if (loads_n > 1)
        qsort(loads, loads_n, sizeof *loads, by_share);
    return loads_n;
}

int64_t capacity_machines(const struct capacity_group *groups, size_t n,
                          const struct capacity_size *size, struct arena *arena)
{
    struct parts empty = parts_of_size(size);
    struct load *loads = arena_array(arena, struct load, n);
    size_t loads_n = sort_loads(groups, n, &empty, loads);
    struct machine *machines;
    size_t machines_n = 0;
    size_t machines_max = 0;

    for (size_t i = 0; i < loads_n; i++)
        machines_max += (size_t)loads[i].group->tasks;
    machines = arena_array(arena, struct machine, machines_max);
    for (size_t i = 0; i < loads_n; i++) {
        int64_t tasks = loads[i].group->tasks;

        for (size_t at = 0; tasks > 0; at++) {
            int64_t fit;

            if (at == machines_n)
                machines[machines_n++] = (struct machine){.left = empty};
            fit = tasks_that_fit(&machines[at], &loads[i]);
            fit = fit < tasks ? fit : tasks;
            if (fit > 0)
                put(&machines[at], &loads[i], fit, arena);
            tasks -= fit;
        }
    }
    return (int64_t)machines_n;
}

// --- the minute

enum { LOW_POINTS = 15 };

static int64_t within(int64_t n, int64_t least, int64_t most)
{
    if (n > most)
        n = most;
    return n < least ? least : n;
}

// What waits is served by machines that are on their way, and beyond those by a step.
static int64_t needed(const struct capacity_rule *rule, const struct capacity_view *view)
{
    if (view->wanted == 0)
        return view->busy;
    if (view->wanted <= view->warming)
        return view->instances + view->wanted;
    return view->instances + view->warming +
           within(view->wanted - view->warming, rule->step_min, rule->step_max);
}

// In percent; from nothing to something counts as twice of one machine.
static double reservation(int64_t machines, int64_t needed_n)
{
    if (machines == 0)
        return needed_n > 0 ? 200 : 100;
    return 100.0 * (double)needed_n / (double)machines;
}

// The number of machines of which `needed_n` are the target share.
static int64_t at_target(const struct capacity_rule *rule, int64_t machines, int64_t needed_n)
{
    int64_t in_use = machines == 0 && needed_n > 0 ? 2 : needed_n;

    return (100 * in_use + rule->target - 1) / rule->target;
}

static int64_t after_half(int64_t machines)
{
    return machines - (machines > 1 ? machines / 2 : machines);
}

static void check(const struct capacity_rule *rule, const struct capacity_view *view)
{
    ASSERT(rule->target >= 1 && rule->target <= 100);
    ASSERT(rule->step_min >= 1);
    ASSERT(view->busy >= 0 && view->busy <= view->instances);
    ASSERT(view->warming >= 0 && view->wanted >= 0);
}

struct capacity_answer capacity_minute(const struct capacity_rule *rule,
                                       struct capacity_memory memory,
                                       const struct capacity_view *view)
{
    int64_t machines = view->instances + view->warming;
    struct capacity_answer answer = {.desired = machines};
    int64_t goal;
    bool is_low;

    check(rule, view);
    answer.needed = needed(rule, view);
    goal = at_target(rule, machines, answer.needed);
    is_low = view->wanted == 0 && 100 * answer.needed < rule->target * machines;
    answer.reservation = reservation(machines, answer.needed);
    if (is_low)
        answer.memory.low_n = memory.low_n < LOW_POINTS ? memory.low_n + 1 : LOW_POINTS;
    if (goal > machines)
        answer.desired = goal;
    else if (answer.memory.low_n == LOW_POINTS && goal < machines)
        answer.desired = goal > after_half(machines) ? goal : after_half(machines);
    answer.desired = within(answer.desired, rule->size_min, rule->size_max);
    return answer;
}
