// Requests that ask for the same have the same key: the bytes of everything that placement looks
// at. A group that decides nothing is not part of it, so that tasks of many groups share a plan.
// Groups of few tasks share one too, as its guests in turn; one that stands on many instances has a
// plan of its own, as long as there is room.
//
// How many plans are kept depends on how large they are: room for some slots in all, and a few
// plans whatever their size. The one that was not used for longest goes first.

#include "core/placement_plans.h"

#include "base/assert.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "core/placement_plan.h"
#include "core/strategy.h"
#include "model/cluster.h"
#include "model/task_definition.h"

enum { SLOTS_MAX = 1000000, PLANS_MAX = 256, PLANS_MIN = 8 };

// Instances with tasks of a group. One with few is always a guest; one with more only where every
// plan is taken, and never when ranking all instances anew would cost as much as two such turns.
enum { GUEST_FEW = 16, GUEST_PART = 32 };

struct kept_plan {
    struct str key; // memory of this
    UT_hash_handle by_key;
    struct list by_use;
    struct plan *plan;
};

struct placement_plans {
    struct kept_plan *by_key;
    struct list by_use; // the latest first
    uint32_t n;
    struct buf key; // of the request at hand
};

static void add_number(struct buf *key, int64_t number)
{
    buf_add(key, &number, sizeof number);
}

static void add_text(struct buf *key, struct str text)
{
    add_number(key, (int64_t)text.len);
    buf_add_str(key, text);
}

static void add_need(struct buf *key, const struct need *need)
{
    add_number(key, need->cpu_units);
    add_number(key, need->memory_mib);
    add_number(key, need->gpus);
    add_number(key, (int64_t)need->ports_n);
    for (size_t i = 0; i < need->ports_n; i++)
        add_number(key, need->ports[i].port * 2 + need->ports[i].udp);
}

// Definitions that require the same share a plan.
static void add_required(struct buf *key, const struct task_definition *definition)
{
    const struct ecs_attribute_list *required = &definition->rec->definition->requires_attributes;

    add_number(key, (int64_t)required->n);
    for (size_t i = 0; i < required->n; i++) {
        add_text(key, required->at[i].name);
        add_number(key, required->at[i].has.value);
        add_text(key, required->at[i].value);
    }
}

static void write_key(struct buf *key, const struct placement_request *request)
{
    const struct ecs_placement_strategy_list *strategies = request->strategies;
    size_t strategies_n = strategies != NULL ? strategies->n : 0;

    buf_clear(key);
    add_required(key, request->definition);
    add_number(key, request->launch_type * 4 + request->needs_execute_command * 2 +
                        request->distinct_instance);
    add_need(key, request->need);
    add_text(key, request->provider);
    add_text(key, request->zone);
    add_number(key, (int64_t)request->member_of_n);
    for (size_t i = 0; i < request->member_of_n; i++)
        add_text(key, query_text(request->member_of[i]));
    add_number(key, (int64_t)strategies_n);
    for (size_t i = 0; i < strategies_n; i++) {
        add_number(key, strategies->at[i].type);
        add_text(key, strategies->at[i].field);
    }
}

static void forget(struct placement_plans *plans, struct kept_plan *kept)
{
    list_remove(&kept->by_use);
    MAP_DEL(by_key, plans->by_key, kept);
    plans->n--;
    plan_free(kept->plan);
    mem_free((void *)(uintptr_t)kept->key.ptr);
    mem_free(kept);
}

static void plans_free(struct placement_plans *plans)
{
    LIST_EACH_SAFE (&plans->by_use, it)
        forget(plans, LIST_ENTRY(it, struct kept_plan, by_use));
    ASSERT(plans->n == 0);
    buf_deinit(&plans->key);
    mem_free(plans);
}

static struct placement_plans *plans_of(struct roster *roster)
{
    if (roster->plans == NULL) {
        roster->plans = mem_zalloc(sizeof *roster->plans);
        list_init(&roster->plans->by_use);
        roster->plans_free = plans_free;
    }
    return roster->plans;
}

static bool is_room(const struct placement_plans *plans, const struct roster *roster)
{
    uint64_t slots_n = (uint64_t)roster->slots_n * (plans->n + 1);

    return plans->n < PLANS_MIN || (plans->n < PLANS_MAX && slots_n <= SLOTS_MAX);
}

static struct kept_plan *keep(struct placement_plans *plans, const struct roster *roster,
                              const struct placement_request *request)
{
    struct kept_plan *kept = mem_zalloc(sizeof *kept);
    struct str key = buf_str(&plans->key);
    char *own = mem_alloc(key.len);

    while (!is_room(plans, roster))
        forget(plans, LIST_ENTRY(plans->by_use.prev, struct kept_plan, by_use));
    memcpy(own, key.ptr, key.len);
    kept->key = str_span(own, key.len);
    kept->plan = plan_new(request);
    MAP_ADD_STR(by_key, plans->by_key, key, kept);
    plans->n++;
    return kept;
}

static bool group_counts(const struct placement_request *request)
{
    struct chain chain;

    if (request->distinct_instance)
        return true;
    chain_read(request, &chain);
    return chain_counts_tasks(&chain);
}

// The plan of the key; NULL: none is kept.
static struct kept_plan *find(struct placement_plans *plans)
{
    struct kept_plan *kept;

    MAP_FIND_STR(by_key, plans->by_key, buf_str(&plans->key), kept);
    return kept;
}

// The plan that the group has for itself; NULL when it is to be a guest.
static struct kept_plan *find_own(struct placement_plans *plans, const struct cluster *cluster,
                                  const struct placement_request *request)
{
    const struct task_group *group = task_group_find(&cluster->groups, request->group);
    size_t shared_len = buf_len(&plans->key);
    struct kept_plan *kept;

    if (group == NULL || group->members_n <= GUEST_FEW)
        return NULL;
    add_text(&plans->key, request->group);
    kept = find(plans);
    if (kept == NULL && (is_room(plans, &cluster->roster) ||
                         group->members_n > cluster->roster.slots_n / GUEST_PART))
        kept = keep(plans, &cluster->roster, request);
    if (kept == NULL)
        buf_truncate(&plans->key, shared_len);
    return kept;
}

struct plan *plans_find(struct cluster *cluster, const struct placement_request *request)
{
    struct placement_plans *plans = plans_of(&cluster->roster);
    struct kept_plan *kept = NULL;

    write_key(&plans->key, request);
    if (group_counts(request))
        kept = find_own(plans, cluster, request);
    if (kept == NULL)
        kept = find(plans);
    if (kept == NULL)
        kept = keep(plans, &cluster->roster, request);
    list_remove(&kept->by_use);
    list_push_front(&plans->by_use, &kept->by_use);
    return kept->plan;
}
