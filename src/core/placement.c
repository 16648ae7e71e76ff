// Placement.
//
// The idea. Every ACTIVE instance of the cluster goes through one chain of checks in the documented
// order and comes out with a reason, the first one that spoke against it. Those without a reason
// are the candidates, among which the strategies choose (strategy.c). When there is none, the
// instance that got furthest along the chain is the "closest match" that failures and events name.
//
// Constraints bind and strategies do not: a strategy only ever chooses among instances that passed
// everything.

#include "core/placement.h"

#include "base/assert.h"
#include "base/mem.h"
#include "core/strategy.h"
#include "model/cluster.h"
#include "model/instance.h"
#include "model/task_definition.h"

bool place_serves(const struct instance *instance, enum ecs_launch_type launch_type)
{
    bool external = instance_attribute(instance, STR("ecs.capability.external")) != NULL;

    return external == (launch_type == ECS_LAUNCH_TYPE_EXTERNAL);
}

static enum place_reason missing_resource(const struct instance *instance, const struct need *need)
{
    static const struct {
        const char *name;
        enum place_reason reason;
    } rows[] = {
        {"CPU", PLACE_CPU},     {"MEMORY", PLACE_MEMORY},
        {"PORTS", PLACE_PORTS}, {"PORTS_UDP", PLACE_PORTS_UDP},
        {"GPU", PLACE_GPU},
    };
    const char *missing = books_missing(&instance->books, need);

    if (missing == NULL)
        return PLACE_FITS;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(rows[i].name, missing) == 0)
            return rows[i].reason;
    }
    UNREACHABLE();
}

static bool has_attribute(const struct instance *instance, const struct ecs_attribute *required)
{
    const struct ecs_attribute *found = instance_attribute(instance, required->name);

    return found != NULL && (!required->has.value || str_eq(found->value, required->value));
}

static bool has_attributes(const struct instance *instance, const struct placement_request *request)
{
    const struct ecs_attribute_list *required =
        &request->definition->rec->definition->requires_attributes;

    for (size_t i = 0; i < required->n; i++) {
        if (!has_attribute(instance, &required->at[i]))
            return false;
    }
    return !request->needs_execute_command ||
           instance_attribute(instance, STR("ecs.capability.execute-command")) != NULL;
}

enum place_reason place_check(const struct placement_request *request,
                              const struct instance *instance)
{
    enum place_reason reason;

    if (!instance_is_connected(instance))
        return PLACE_AGENT;
    reason = missing_resource(instance, request->need);
    if (reason != PLACE_FITS)
        return reason;
    return has_attributes(instance, request) ? PLACE_FITS : PLACE_ATTRIBUTE;
}

static enum place_reason check_all(const struct placement_request *request,
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

static bool may_be_asked(const struct instance *instance, const struct placement_request *request)
{
    return instance->st->status == REC_INSTANCE_STATUS_ACTIVE &&
           place_serves(instance, request->launch_type);
}

// Fills in the candidates, and in *out who came closest while there is none.
static void sieve(const struct placement_request *request, struct candidates *candidates,
                  struct placement *out)
{
    *out = (struct placement){.reason = PLACE_NO_INSTANCES};
    LIST_EACH (&request->cluster->instances, it) {
        struct instance *instance = LIST_ENTRY(it, struct instance, in_cluster);
        enum place_reason reason;

        if (!may_be_asked(instance, request))
            continue;
        reason = check_all(request, instance);
        if (reason == PLACE_FITS) {
            candidates->at[candidates->n++] = instance;
        } else if (reason > out->reason) {
            out->closest = instance;
            out->reason = reason;
        }
    }
}

struct placement place(struct step *step, const struct placement_request *request)
{
    MEM_AUTO struct instance **room =
        mem_alloc(request->cluster->instances_n * sizeof(struct instance *));
    struct candidates candidates = {.at = room};
    struct placement placement;

    sieve(request, &candidates, &placement);
    ASSERT(candidates.n <= request->cluster->instances_n);
    if (candidates.n > 0)
        placement = (struct placement){.instance = strategy_pick(request, step->rng, &candidates)};
    return placement;
}

struct str place_reason_text(enum place_reason reason)
{
    static const struct str texts[PLACE_REASON_N] = {
        [PLACE_NO_INSTANCES] = STR_INIT("NO ACTIVE INSTANCES"),
        [PLACE_AGENT] = STR_INIT("AGENT"),
        [PLACE_CPU] = STR_INIT("RESOURCE:CPU"),
        [PLACE_MEMORY] = STR_INIT("RESOURCE:MEMORY"),
        [PLACE_PORTS] = STR_INIT("RESOURCE:PORTS"),
        [PLACE_PORTS_UDP] = STR_INIT("RESOURCE:PORTS_UDP"),
        [PLACE_GPU] = STR_INIT("RESOURCE:GPU"),
        [PLACE_ATTRIBUTE] = STR_INIT("ATTRIBUTE"),
        [PLACE_MEMBER_OF] = STR_INIT("MemberOf placement constraint unsatisfied."),
        [PLACE_DISTINCT] = STR_INIT("DistinctInstance placement constraint unsatisfied."),
    };

    ASSERT(reason > PLACE_FITS && reason < PLACE_REASON_N);
    return texts[reason];
}
