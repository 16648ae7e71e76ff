// Placement strategies.
//
// The idea. Each strategy of the chain keeps the candidates that are best by its measure, and what
// remains after the last one is as good as it gets. That is the lexicographic order of the
// measures, so a chain is read once into the measures to compare, and whoever holds the instances
// in that order (placement_plan.c) knows the best without looking at the others.
//
// A measure that appears twice decides nothing the second time. `random` picks one of those that
// are equal so far, so it ends the chain.

#include "core/strategy.h"

#include "base/assert.h"
#include "base/proof.h"
#include "core/placement.h"

static void add_measure(struct chain *chain, enum measure measure)
{
    for (uint32_t i = 0; i < chain->measures_n; i++) {
        if (chain->measures[i] == measure)
            return;
    }
    chain->steps[chain->steps_n++] = (struct chain_step){.index = chain->measures_n};
    chain->measures[chain->measures_n++] = measure;
}

static void add_value(struct chain *chain, uint32_t strategy)
{
    chain->steps[chain->steps_n++] =
        (struct chain_step){.by_value = true, .index = chain->values_n};
    chain->values[chain->values_n++] = strategy;
}

// "instanceId" and "host" are the instance itself; anything else was checked to be
// "attribute:<name>".
static bool names_instance(struct str field)
{
    return str_eq_nocase(field, STR("instanceId")) || str_eq_nocase(field, STR("host"));
}

// False when the chain ends here.
static bool add_strategy(struct chain *chain, const struct ecs_placement_strategy *strategy,
                         uint32_t i)
{
    switch (strategy->type) {
    case ECS_PLACEMENT_STRATEGY_TYPE_RANDOM:
        MARK("random ends the chain of strategies");
        return false;
    case ECS_PLACEMENT_STRATEGY_TYPE_BINPACK:
        MARK("binpack measures what is left");
        if (str_eq_nocase(strategy->field, STR("memory")))
            add_measure(chain, MEASURE_MEMORY);
        else
            add_measure(chain, MEASURE_CPU);
        return true;
    case ECS_PLACEMENT_STRATEGY_TYPE_SPREAD:
        MARK_IF(!names_instance(strategy->field), "spread counts by the values of an attribute");
        if (names_instance(strategy->field))
            add_measure(chain, MEASURE_TASKS);
        else
            add_value(chain, i);
        return true;
    case ECS_PLACEMENT_STRATEGY_TYPE_UNSET: break;
    }
    UNREACHABLE();
}

void chain_read(const struct placement_request *request, struct chain *out)
{
    const struct ecs_placement_strategy_list *list = request->strategies;

    *out = (struct chain){0};
    if (list == NULL || list->n == 0)
        return;
    ASSERT(list->n <= STRATEGIES_MAX);
    for (uint32_t i = 0; i < list->n; i++) {
        if (!add_strategy(out, &list->at[i], i))
            return;
    }
    add_measure(out, MEASURE_TASKS);
}

bool chain_counts_tasks(const struct chain *chain)
{
    if (chain->values_n > 0)
        return true;
    for (uint32_t i = 0; i < chain->measures_n; i++) {
        if (chain->measures[i] == MEASURE_TASKS)
            return true;
    }
    return false;
}

bool chain_weighs_books(const struct chain *chain)
{
    for (uint32_t i = 0; i < chain->measures_n; i++) {
        if (chain->measures[i] != MEASURE_TASKS)
            return true;
    }
    return false;
}

struct str chain_attribute(const struct placement_request *request, const struct chain *chain,
                           uint32_t i)
{
    ASSERT(i < chain->values_n);
    return str_from(request->strategies->at[chain->values[i]].field, strlen("attribute:"));
}
