// Plans.
//
// The idea. What a task could meet on an instance is one rank: those it fits on come first, in the
// order of the measures of the strategies; then those that rejected it, who came furthest first and
// the oldest of equals; then those that are not asked at all. Ranks stand in a tournament
// (rank_tree.h), which knows the first and how many share that rank.
//
// A strategy that spreads by an attribute measures a whole set of instances, so its number moves
// for all of them at once. Therefore instances are divided by the values of those attributes
// (division.h), every part has a tournament of its own, and an answer compares the winners of the
// parts: the number of a value is the same for all of a part, so it does not matter inside.
//
// Spread counts over the whole cluster, over instances that do not fit and DRAINING ones too: a
// zone is as full as it is. Only a value with a candidate can win, since only candidates are
// compared.
//
// Where tasks of the request's group count, the plan has that group as its guest: it knows the
// slots in which it has counted tasks of it. Another group comes by taking those back and counting
// its own, so that a cluster of many small groups needs one plan for all that ask for the same.

#include "core/placement_plan.h"

#include "base/assert.h"
#include "base/buf.h"
#include "base/map.h"
#include "base/proof.h"
#include "base/rng.h"
#include "core/division.h"
#include "core/rank_tree.h"
#include "model/cluster.h"
#include "model/instance.h"
#include "model/task_definition.h"

static const uint64_t RANK_REJECTED = UINT64_C(1) << 63;

// A plan that is further behind than a part of the slots does better to rank all of them.
enum { BEHIND_PART = 4, BEHIND_MIN = 8 };

struct plan_slot {
    uint32_t part;
    uint32_t contender;      // in its part
    uint32_t tasks_n : 31;   // of the guest, as counted in `tasks_of_value`
    uint32_t is_counted : 1; // it is in `counted`
};

struct plan_part {
    uint32_t first; // of its tree, in `ranks`
    uint32_t n;     // instances
};

struct plan {
    struct chain chain;
    bool counts_tasks;  // the group matters
    bool weighs_books;  // what is left orders the candidates
    struct buf guest;   // name of the group whose tasks are counted
    uint32_t guest_tag; // task_group_tag of it
    uint64_t layout;    // of the roster when it was built; 0: never
    uint64_t seen;      // changes of the roster

    struct plan_slot *slots; // by slot of the roster
    uint32_t *counted;       // the slots that have, or had, tasks of the guest
    uint32_t counted_n;
    uint32_t *slot_of;    // by part, then contender
    struct rank *ranks;   // a tree a part
    uint64_t *candidates; // a bit a slot
    struct plan_part *parts;
    struct division division;
    int64_t *tasks_of_value;
    uint8_t *class_reasons; // enum place_reason, as far as attributes decide it
};

// What a plan looks at while it is brought up to date.
struct view {
    const struct placement_request *request;
    const struct roster *roster;
    const struct task_group *group; // NULL: it has no task anywhere
};

struct plan *plan_new(const struct placement_request *request)
{
    struct plan *plan = mem_zalloc(sizeof *plan);

    ASSERT(request->need->cpu_units >= 0 && request->need->memory_mib >= 0);
    chain_read(request, &plan->chain);
    plan->counts_tasks = request->distinct_instance || chain_counts_tasks(&plan->chain);
    plan->weighs_books = chain_weighs_books(&plan->chain);
    return plan;
}

static void drop(struct plan *plan)
{
    mem_free(plan->slots);
    mem_free(plan->counted);
    mem_free(plan->slot_of);
    mem_free(plan->ranks);
    mem_free(plan->candidates);
    mem_free(plan->parts);
    mem_free(plan->tasks_of_value);
    mem_free(plan->class_reasons);
    division_deinit(&plan->division);
}

void plan_free(struct plan *plan)
{
    if (plan == NULL)
        return;
    drop(plan);
    buf_deinit(&plan->guest);
    mem_free(plan);
}

// --- one instance

static bool is_member(const struct view *view, const struct instance *instance, bool by_attributes)
{
    for (size_t i = 0; i < view->request->member_of_n; i++) {
        const struct query *query = view->request->member_of[i];

        if (query_asks_attributes_only(query) == by_attributes && !query_matches(query, instance))
            return false;
    }
    return true;
}

// What its attributes alone have to say.
static enum place_reason class_reason(const struct view *view, const struct instance *instance)
{
    if (!place_asks(view->request, instance))
        return PLACE_NO_INSTANCES;
    if (!place_has_attributes(view->request, instance))
        return PLACE_ATTRIBUTE;
    return is_member(view, instance, true) ? PLACE_FITS : PLACE_MEMBER_OF;
}

// The books are opened only when the slot cannot rule out that one of the ports is taken.
static bool may_lack_more(const struct need *need, const struct roster_slot *slot)
{
    if ((uint32_t)need->gpus > slot->gpus_left)
        return true;
    if (need->ports_n > 0 && slot->ports_n + need->ports_n > BOOKS_PORTS_MAX)
        return true;
    for (size_t i = 0; i < need->ports_n; i++) {
        if (slot->ports & roster_port_bit(need->ports[i].port))
            return true;
    }
    return false;
}

static enum place_reason resource_reason(const struct view *view, const struct roster_slot *slot)
{
    const struct need *need = view->request->need;

    if (need->cpu_units > slot->cpu_left)
        return PLACE_CPU;
    if (need->memory_mib > slot->memory_left)
        return PLACE_MEMORY;
    return may_lack_more(need, slot) ? place_missing(slot->instance, need) : PLACE_FITS;
}

// The first thing that speaks against it, in the documented order. PLACE_NO_INSTANCES: it is not
// asked.
static enum place_reason judge(const struct plan *plan, const struct view *view, uint32_t i)
{
    const struct roster_slot *slot = &view->roster->slots[i];
    enum place_reason by_class = plan->class_reasons[slot->class_id];
    enum place_reason reason;

    if (!slot->is_active || by_class == PLACE_NO_INSTANCES)
        return PLACE_NO_INSTANCES;
    if (!slot->is_connected)
        return PLACE_AGENT;
    reason = resource_reason(view, slot);
    if (reason != PLACE_FITS)
        return reason;
    if (by_class != PLACE_FITS)
        return by_class;
    if (!is_member(view, slot->instance, false))
        return PLACE_MEMBER_OF;
    if (view->request->distinct_instance && plan->slots[i].tasks_n > 0)
        return PLACE_DISTINCT;
    return PLACE_FITS;
}

static uint32_t measure(const struct plan *plan, const struct view *view, uint32_t i, uint32_t step)
{
    if (step >= plan->chain.measures_n)
        return 0;
    switch (plan->chain.measures[step]) {
    case MEASURE_CPU: return (uint32_t)view->roster->slots[i].cpu_left;
    case MEASURE_MEMORY: return (uint32_t)view->roster->slots[i].memory_left;
    case MEASURE_TASKS: return plan->slots[i].tasks_n;
    case MEASURE_N: break;
    }
    UNREACHABLE();
}

// Of a candidate nothing is negative, so the first measure never reaches RANK_REJECTED.
static struct rank rank_of(const struct plan *plan, const struct view *view, uint32_t i,
                           enum place_reason reason)
{
    uint64_t first;

    if (reason == PLACE_NO_INSTANCES)
        return (struct rank){.high = UINT64_MAX, .low = UINT32_MAX, .n = 1};
    if (reason != PLACE_FITS)
        return (struct rank){.high = RANK_REJECTED | (PLACE_REASON_N - reason), .low = i, .n = 1};
    first = measure(plan, view, i, 0);
    ASSERT(first <= INT32_MAX);
    return (struct rank){
        .high = first << 32 | measure(plan, view, i, 1), .low = measure(plan, view, i, 2), .n = 1};
}

static enum place_reason rejection(const struct rank *rank)
{
    return PLACE_REASON_N - (enum place_reason)(rank->high & ~RANK_REJECTED);
}

// --- all of them

// How many tasks of the guest the slot has, from now on.
static void set_tasks(struct plan *plan, uint32_t i, uint32_t tasks_n)
{
    struct plan_slot *slot = &plan->slots[i];
    const struct division_part *part = &plan->division.parts[slot->part];

    for (uint32_t value = 0; value < plan->chain.values_n; value++)
        plan->tasks_of_value[part->values[value]] += (int64_t)tasks_n - slot->tasks_n;
    slot->tasks_n = tasks_n & INT32_MAX;
    if (tasks_n > 0 && !slot->is_counted) {
        slot->is_counted = true;
        plan->counted[plan->counted_n++] = i;
    }
}

static void set_up(struct plan *plan, const struct view *view)
{
    const struct roster *roster = view->roster;

    drop(plan);
    division_init(&plan->division, roster, view->request, &plan->chain);
    plan->slots = mem_zalloc(roster->slots_n * sizeof *plan->slots);
    plan->counted = mem_alloc(roster->slots_n * sizeof *plan->counted);
    plan->counted_n = 0;
    plan->slot_of = mem_alloc(roster->slots_n * sizeof *plan->slot_of);
    plan->ranks = mem_alloc(2 * roster->slots_n * sizeof *plan->ranks);
    plan->candidates = mem_zalloc((roster->slots_n / 64 + 1) * sizeof *plan->candidates);
    plan->parts = mem_zalloc(plan->division.parts_n * sizeof *plan->parts);
    plan->tasks_of_value = mem_zalloc(plan->division.values_n * sizeof *plan->tasks_of_value);
    plan->class_reasons = mem_alloc(roster->classes_n);
    memset(plan->class_reasons, PLACE_REASON_N, roster->classes_n);
}

// Who stands in which part, and what attributes decide, which is asked of the first of a class.
static void assign(struct plan *plan, const struct view *view)
{
    const struct roster *roster = view->roster;
    uint32_t first = 0;

    for (uint32_t i = 0; i < roster->slots_n; i++) {
        const struct roster_slot *slot = &roster->slots[i];
        uint8_t *reason;

        if (slot->instance == NULL)
            continue;
        reason = &plan->class_reasons[slot->class_id];
        if (*reason == PLACE_REASON_N)
            *reason = (uint8_t)class_reason(view, slot->instance);
        plan->slots[i].part = plan->division.part_of_class[slot->class_id];
        plan->slots[i].contender = plan->parts[plan->slots[i].part].n++;
    }
    for (uint32_t i = 0; i < plan->division.parts_n; i++) {
        plan->parts[i].first = first;
        first += plan->parts[i].n;
    }
    for (uint32_t i = 0; i < roster->slots_n; i++) {
        const struct plan_slot *slot = &plan->slots[i];

        if (roster->slots[i].instance != NULL)
            plan->slot_of[plan->parts[slot->part].first + slot->contender] = i;
    }
}

// Once a layout of the roster.
static void lay_out(struct plan *plan, const struct view *view)
{
    set_up(plan, view);
    assign(plan, view);
    plan->layout = view->roster->layout;
}

static uint32_t slot_of_member(const struct group_member *member)
{
    const struct instance *instance =
        (const struct instance *)((const char *)member->counts - offsetof(struct instance, groups));

    return instance->slot;
}

static uint32_t tasks_of_member(const struct group_member *member)
{
    return member->counts->at[member->entry].tasks_n;
}

static struct rank *tree_of(const struct plan *plan, uint32_t part)
{
    return plan->ranks + 2 * plan->parts[part].first;
}

static bool is_candidate(const struct plan *plan, uint32_t i)
{
    return plan->candidates[i / 64] >> (i % 64) & 1;
}

static void note_candidate(struct plan *plan, uint32_t i, bool is_one)
{
    uint64_t bit = UINT64_C(1) << (i % 64);

    plan->candidates[i / 64] = (plan->candidates[i / 64] & ~bit) | (is_one ? bit : 0);
}

static void forget_tasks(struct plan *plan)
{
    for (uint32_t i = 0; i < plan->counted_n; i++) {
        set_tasks(plan, plan->counted[i], 0);
        plan->slots[plan->counted[i]].is_counted = false;
    }
    plan->counted_n = 0;
}

static void count_tasks(struct plan *plan, const struct view *view)
{
    forget_tasks(plan);
    for (uint32_t i = 0; view->group != NULL && i < view->group->members_n; i++) {
        const struct group_member *member = &view->group->members[i];

        set_tasks(plan, slot_of_member(member), tasks_of_member(member));
    }
}

static void rank_all(struct plan *plan, const struct view *view)
{
    if (plan->counts_tasks)
        count_tasks(plan, view);
    for (uint32_t i = 0; i < view->roster->slots_n; i++) {
        const struct plan_slot *slot = &plan->slots[i];
        const struct plan_part *part = &plan->parts[slot->part];
        enum place_reason reason;

        if (view->roster->slots[i].instance == NULL)
            continue;
        reason = judge(plan, view, i);
        note_candidate(plan, i, reason == PLACE_FITS);
        *rank_tree_leaf(tree_of(plan, slot->part), part->n, slot->contender) =
            rank_of(plan, view, i, reason);
    }
    for (uint32_t i = 0; i < plan->division.parts_n; i++)
        rank_tree_build(tree_of(plan, i), plan->parts[i].n);
}

static void rank_as(struct plan *plan, const struct view *view, uint32_t i,
                    enum place_reason reason)
{
    const struct plan_slot *slot = &plan->slots[i];

    note_candidate(plan, i, reason == PLACE_FITS);
    rank_tree_set(tree_of(plan, slot->part), plan->parts[slot->part].n, slot->contender,
                  rank_of(plan, view, i, reason));
}

static void rank_one(struct plan *plan, const struct view *view, uint32_t i)
{
    rank_as(plan, view, i, judge(plan, view, i));
}

// Most changes are tasks of other groups that come and go where there is room for them: what was a
// candidate is one still, and without a measure of what is left its rank is what it was.
static void update(struct plan *plan, const struct view *view, struct roster_change change)
{
    bool counts = plan->counts_tasks && change.group == plan->guest_tag;
    enum place_reason reason;

    if (counts)
        set_tasks(plan, change.slot,
                  group_counts_in(&view->roster->slots[change.slot].instance->groups, view->group));
    reason = judge(plan, view, change.slot);
    if (!counts && !plan->weighs_books && is_candidate(plan, change.slot) && reason == PLACE_FITS)
        return;
    rank_as(plan, view, change.slot, reason);
}

// --- guests

static bool is_guest(const struct plan *plan, const struct placement_request *request)
{
    return !plan->counts_tasks || str_eq(buf_str(&plan->guest), request->group);
}

static void name_guest(struct plan *plan, const struct placement_request *request)
{
    buf_clear(&plan->guest);
    buf_add_str(&plan->guest, request->group);
    plan->guest_tag = task_group_tag(request->group);
}

// Slots that lose or get tasks by it are ranked again, as they stand now.
static void change_guest(struct plan *plan, const struct view *view)
{
    uint32_t before_n = plan->counted_n;

    MARK("a plan changes from one group's tasks to another's");
    forget_tasks(plan);
    for (uint32_t i = 0; i < before_n; i++)
        rank_one(plan, view, plan->counted[i]);
    count_tasks(plan, view);
    for (uint32_t i = 0; i < plan->counted_n; i++)
        rank_one(plan, view, plan->counted[i]);
}

static bool can_follow(const struct plan *plan, const struct roster *roster)
{
    return roster_reaches(roster, plan->seen) &&
           roster->changes_n - plan->seen <= roster->slots_n / BEHIND_PART + BEHIND_MIN;
}

void plan_refresh(struct plan *plan, struct cluster *cluster,
                  const struct placement_request *request)
{
    struct roster *roster = &cluster->roster;
    struct view view = {.request = request, .roster = roster};
    bool is_same = is_guest(plan, request);

    if (plan->counts_tasks)
        view.group = task_group_find(&cluster->groups, request->group);
    if (!is_same)
        name_guest(plan, request);
    MARK_IF(plan->layout == roster->layout && can_follow(plan, roster),
            "a kept plan follows what changed");
    if (plan->layout != roster->layout) {
        lay_out(plan, &view);
        rank_all(plan, &view);
    } else if (!can_follow(plan, roster)) {
        rank_all(plan, &view);
    } else {
        if (!is_same)
            change_guest(plan, &view);
        for (; plan->seen < roster->changes_n; plan->seen++)
            update(plan, &view, roster_changed(roster, plan->seen));
    }
    plan->seen = roster->changes_n;
    roster_was_read(roster);
}

// --- the answer

static uint32_t measured(const struct rank *rank, uint32_t i)
{
    switch (i) {
    case 0: return (uint32_t)(rank->high >> 32);
    case 1: return (uint32_t)rank->high;
    default: return rank->low;
    }
}

// Below, at or above zero: which part has the better winner. Both are candidates.
static int compare(const struct plan *plan, uint32_t a, uint32_t b)
{
    const struct rank *first_a = rank_tree_first(tree_of(plan, a));
    const struct rank *first_b = rank_tree_first(tree_of(plan, b));

    for (uint32_t i = 0; i < plan->chain.steps_n; i++) {
        const struct chain_step *step = &plan->chain.steps[i];
        int64_t x;
        int64_t y;

        if (step->by_value) {
            x = plan->tasks_of_value[plan->division.parts[a].values[step->index]];
            y = plan->tasks_of_value[plan->division.parts[b].values[step->index]];
        } else {
            x = measured(first_a, step->index);
            y = measured(first_b, step->index);
        }
        if (x != y)
            return x < y ? -1 : 1;
    }
    return 0;
}

// The part with the best winner, and the number of winners in all parts that are as good. With no
// candidate anywhere it is the part with who came closest, and the number is 0.
static uint32_t best_part(const struct plan *plan, uint32_t *out_n)
{
    uint32_t best = 0;

    *out_n = 0;
    for (uint32_t i = 0; i < plan->division.parts_n; i++) {
        const struct rank *first = rank_tree_first(tree_of(plan, i));
        int order;

        if (first->high >= RANK_REJECTED) {
            if (*out_n == 0 && rank_is_before(first, rank_tree_first(tree_of(plan, best))))
                best = i;
            continue;
        }
        order = *out_n > 0 ? compare(plan, i, best) : -1;
        if (order < 0) {
            best = i;
            *out_n = 0;
        }
        if (order <= 0)
            *out_n += first->n;
    }
    return best;
}

static struct instance *contender(const struct plan *plan, const struct cluster *cluster,
                                  uint32_t part, uint32_t k)
{
    uint32_t at = rank_tree_pick(tree_of(plan, part), plan->parts[part].n, k);

    return cluster->roster.slots[plan->slot_of[plan->parts[part].first + at]].instance;
}

// One of n winners, each as likely as another.
static struct instance *draw(const struct plan *plan, const struct cluster *cluster, uint32_t best,
                             uint32_t n, struct rng *rng)
{
    uint32_t k = (uint32_t)rng_below(rng, n);

    MARK_IF(n > 1, "chance decides between instances that are equal");
    for (uint32_t i = best; i < plan->division.parts_n; i++) {
        const struct rank *first = rank_tree_first(tree_of(plan, i));

        if (first->high >= RANK_REJECTED || (i != best && compare(plan, i, best) != 0))
            continue;
        if (k < first->n)
            return contender(plan, cluster, i, k);
        k -= first->n;
    }
    UNREACHABLE();
}

struct placement plan_answer(const struct plan *plan, const struct cluster *cluster,
                             struct rng *rng)
{
    const struct rank *first;
    uint32_t best;
    uint32_t n;

    if (plan->division.parts_n == 0)
        return (struct placement){.reason = PLACE_NO_INSTANCES};
    best = best_part(plan, &n);
    if (n > 0)
        return (struct placement){.instance = draw(plan, cluster, best, n, rng)};
    first = rank_tree_first(tree_of(plan, best));
    if (first->high == UINT64_MAX)
        return (struct placement){.reason = PLACE_NO_INSTANCES};
    return (struct placement){
        .closest = cluster->roster.slots[first->low].instance,
        .reason = rejection(first),
    };
}
