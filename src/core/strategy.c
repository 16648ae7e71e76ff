// Placement strategies.
//
// The idea. Each strategy of the chain keeps the candidates that are best by its measure and drops
// the others, in place; what remains after the last one is as good as it gets. A measure is a
// number an instance, the smaller the better:
//   spread by attribute   tasks of the group on all instances with the same value
//   spread by instance    tasks of the group on this one
//   binpack               what is left of the resource
//
// Spread counts over the whole cluster, over instances that do not fit and DRAINING ones too: a
// zone is as full as it is. Only a value with a candidate can be chosen, since only candidates are
// looked at. Instances without the attribute form one bucket, with those whose attribute has no
// value.

#include "core/strategy.h"

#include "base/assert.h"
#include "base/map.h"
#include "base/rng.h"
#include "core/placement.h"
#include "model/cluster.h"
#include "model/instance.h"

// One value of a spread attribute.
struct bucket {
    struct str value;
    int64_t tasks_n;
    UT_hash_handle by_value;
};

struct buckets {
    struct bucket *map;
    struct bucket *at; // all of them, for one allocation
    size_t n;
};

static struct str value_of(const struct instance *instance, struct str attribute)
{
    const struct ecs_attribute *found = instance_attribute(instance, attribute);

    return found != NULL ? found->value : STR_NONE;
}

static struct bucket *bucket_of(const struct buckets *buckets, struct str value)
{
    struct bucket *found;

    MAP_FIND_STR(by_value, buckets->map, value, found);
    return found;
}

static void open_buckets(struct buckets *buckets, const struct candidates *candidates,
                         struct str attribute)
{
    *buckets = (struct buckets){.at = mem_zalloc(candidates->n * sizeof(struct bucket))};
    for (size_t i = 0; i < candidates->n; i++) {
        struct str value = value_of(candidates->at[i], attribute);
        struct bucket *bucket;

        if (bucket_of(buckets, value) != NULL)
            continue;
        bucket = &buckets->at[buckets->n++];
        bucket->value = value;
        MAP_ADD_STR(by_value, buckets->map, value, bucket);
    }
}

static void count_tasks(struct buckets *buckets, const struct placement_request *request,
                        struct str attribute)
{
    LIST_EACH (&request->cluster->instances, it) {
        const struct instance *instance = LIST_ENTRY(it, struct instance, in_cluster);
        uint32_t tasks_n = group_counts_of(&instance->groups, request->group);
        struct bucket *bucket;

        if (tasks_n == 0)
            continue;
        bucket = bucket_of(buckets, value_of(instance, attribute));
        if (bucket != NULL)
            bucket->tasks_n += tasks_n;
    }
}

static void close_buckets(struct buckets *buckets)
{
    HASH_CLEAR(by_value, buckets->map);
    mem_free(buckets->at);
}

// Keeps the candidates with the least measure, in their order.
static void keep_least(struct candidates *candidates, const int64_t *measures)
{
    int64_t least = measures[0];
    size_t kept = 0;

    for (size_t i = 1; i < candidates->n; i++) {
        if (measures[i] < least)
            least = measures[i];
    }
    for (size_t i = 0; i < candidates->n; i++) {
        if (measures[i] == least)
            candidates->at[kept++] = candidates->at[i];
    }
    ASSERT(kept > 0);
    candidates->n = kept;
}

static void measure_spread(const struct placement_request *request,
                           const struct candidates *candidates, struct str attribute,
                           int64_t *measures)
{
    struct buckets buckets;

    open_buckets(&buckets, candidates, attribute);
    count_tasks(&buckets, request, attribute);
    for (size_t i = 0; i < candidates->n; i++)
        measures[i] = bucket_of(&buckets, value_of(candidates->at[i], attribute))->tasks_n;
    close_buckets(&buckets);
}

static void measure_tasks(const struct placement_request *request,
                          const struct candidates *candidates, int64_t *measures)
{
    for (size_t i = 0; i < candidates->n; i++)
        measures[i] = group_counts_of(&candidates->at[i]->groups, request->group);
}

static void measure_left(const struct candidates *candidates, bool memory, int64_t *measures)
{
    for (size_t i = 0; i < candidates->n; i++) {
        const struct books *books = &candidates->at[i]->books;
        measures[i] = memory ? books->memory_left : books->cpu_left;
    }
}

static void keep_one(struct candidates *candidates, struct rng *rng)
{
    candidates->at[0] = candidates->at[rng_below(rng, candidates->n)];
    candidates->n = 1;
}

// "instanceId" and "host" are the instance itself; anything else was checked to be
// "attribute:<name>".
static void narrow(const struct placement_request *request,
                   const struct ecs_placement_strategy *strategy, struct rng *rng,
                   struct candidates *candidates, int64_t *measures)
{
    struct str field = strategy->field;

    switch (strategy->type) {
    case ECS_PLACEMENT_STRATEGY_TYPE_RANDOM: keep_one(candidates, rng); return;
    case ECS_PLACEMENT_STRATEGY_TYPE_BINPACK:
        measure_left(candidates, str_eq_nocase(field, STR("memory")), measures);
        break;
    case ECS_PLACEMENT_STRATEGY_TYPE_SPREAD:
        if (str_eq_nocase(field, STR("instanceId")) || str_eq_nocase(field, STR("host")))
            measure_tasks(request, candidates, measures);
        else
            measure_spread(request, candidates, str_from(field, strlen("attribute:")), measures);
        break;
    case ECS_PLACEMENT_STRATEGY_TYPE_UNSET: UNREACHABLE();
    }
    keep_least(candidates, measures);
}

struct instance *strategy_pick(const struct placement_request *request, struct rng *rng,
                               struct candidates *candidates)
{
    const struct ecs_placement_strategy_list *chain = request->strategies;
    MEM_AUTO int64_t *measures = mem_alloc(candidates->n * sizeof *measures);

    ASSERT(candidates->n > 0);
    if (chain != NULL && chain->n > 0) {
        for (size_t i = 0; i < chain->n && candidates->n > 1; i++)
            narrow(request, &chain->at[i], rng, candidates, measures);
        measure_tasks(request, candidates, measures);
        keep_least(candidates, measures);
    }
    keep_one(candidates, rng);
    return candidates->at[0];
}
