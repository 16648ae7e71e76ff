// Every instance of the cluster, in order of age, through every check; then every strategy, which
// keeps those that are best by its measure. Slow and plain on purpose. Source:
// ecs-behaviour-scheduler 1.1 to 1.9.

#include "core/oracle_testing.h"

#include "base/arena.h"
#include "base/assert.h"
#include "model/cluster.h"
#include "model/instance.h"

static enum place_reason judge(const struct placement_request *request,
                               const struct instance *instance)
{
    enum place_reason reason = place_check(request, instance);

    if (reason != PLACE_FITS)
        return reason;
    for (size_t i = 0; i < request->member_of_n; i++) {
        if (!query_matches(request->member_of[i], instance))
            return PLACE_MEMBER_OF;
    }
    if (request->distinct_instance && group_counts_of(&instance->groups, request->group) > 0)
        return PLACE_DISTINCT;
    return PLACE_FITS;
}

static void sieve(struct oracle *oracle, const struct placement_request *request)
{
    oracle->reason = PLACE_NO_INSTANCES;
    LIST_EACH (&request->cluster->instances, it) {
        const struct instance *instance = LIST_ENTRY(it, struct instance, in_cluster);
        enum place_reason reason;

        if (instance->st->status != REC_INSTANCE_STATUS_ACTIVE || !place_asks(request, instance))
            continue;
        reason = judge(request, instance);
        if (reason == PLACE_FITS) {
            oracle->at[oracle->n++] = instance;
        } else if (reason > oracle->reason) {
            oracle->closest = instance;
            oracle->reason = reason;
        }
    }
}

static struct str value_of(const struct instance *instance, struct str attribute)
{
    const struct ecs_attribute *found = instance_attribute(instance, attribute);

    return found != NULL ? found->value : STR_NONE;
}

static int64_t tasks_on(const struct placement_request *request, const struct instance *instance)
{
    return group_counts_of(&instance->groups, request->group);
}

static int64_t tasks_at_value(const struct placement_request *request, struct str attribute,
                              struct str value)
{
    int64_t n = 0;

    LIST_EACH (&request->cluster->instances, it) {
        const struct instance *instance = LIST_ENTRY(it, struct instance, in_cluster);
        if (str_eq(value_of(instance, attribute), value))
            n += tasks_on(request, instance);
    }
    return n;
}

static int64_t measure(const struct placement_request *request,
                       const struct ecs_placement_strategy *strategy,
                       const struct instance *instance)
{
    struct str attribute;

    if (strategy->type == ECS_PLACEMENT_STRATEGY_TYPE_BINPACK)
        return str_eq_nocase(strategy->field, STR("memory")) ? instance->books.memory_left
                                                             : instance->books.cpu_left;
    ASSERT(strategy->type == ECS_PLACEMENT_STRATEGY_TYPE_SPREAD);
    if (!str_starts(strategy->field, STR("attribute:")))
        return tasks_on(request, instance);
    attribute = str_from(strategy->field, strlen("attribute:"));
    return tasks_at_value(request, attribute, value_of(instance, attribute));
}

static void keep_least(struct oracle *oracle, const int64_t *measures)
{
    int64_t least = INT64_MAX;
    size_t kept = 0;

    for (size_t i = 0; i < oracle->n; i++)
        least = measures[i] < least ? measures[i] : least;
    for (size_t i = 0; i < oracle->n; i++) {
        if (measures[i] == least)
            oracle->at[kept++] = oracle->at[i];
    }
    oracle->n = kept;
}

void oracle_ask(struct oracle *oracle, struct arena *arena, const struct placement_request *request)
{
    const struct ecs_placement_strategy_list *chain = request->strategies;
    int64_t *measures;
    size_t n = 0;

    LIST_EACH (&request->cluster->instances, it)
        n++;
    *oracle = (struct oracle){.at = arena_array(arena, const struct instance *, n)};
    measures = arena_array(arena, int64_t, n);
    sieve(oracle, request);
    for (size_t s = 0; s < chain->n; s++) {
        if (chain->at[s].type == ECS_PLACEMENT_STRATEGY_TYPE_RANDOM)
            return;
        for (size_t i = 0; i < oracle->n; i++)
            measures[i] = measure(request, &chain->at[s], oracle->at[i]);
        keep_least(oracle, measures);
    }
    for (size_t i = 0; i < oracle->n; i++)
        measures[i] = tasks_on(request, oracle->at[i]);
    if (chain->n > 0)
        keep_least(oracle, measures);
}

bool oracle_allows(const struct oracle *oracle, const struct placement *placement)
{
    if (oracle->n == 0)
        return placement->instance == NULL && placement->closest == oracle->closest &&
               placement->reason == oracle->reason;
    for (size_t i = 0; i < oracle->n; i++) {
        if (oracle->at[i] == placement->instance)
            return true;
    }
    return false;
}
