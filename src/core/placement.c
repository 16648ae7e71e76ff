// Placement.
//
// The idea. Every ACTIVE instance of the cluster goes through one chain of checks in the documented
// order and comes out with a reason, the first one that spoke against it. Those without a reason
// are the candidates, among which the strategies choose (strategy.c). When there is none, the
// instance that got furthest along the chain is the "closest match" that failures and events name.
// That chain is walked when an instance changes and not when a task is placed: placement_plan.c
// keeps what came out.
//
// Constraints bind and strategies do not: a strategy only ever chooses among instances that passed
// everything.

#include "core/placement.h"

#include "base/assert.h"
#include "base/proof.h"
#include "core/placement_plan.h"
#include "core/placement_plans.h"
#include "model/cluster.h"
#include "model/instance.h"
#include "model/task_definition.h"

bool place_serves(const struct instance *instance, enum ecs_launch_type launch_type)
{
    bool external = instance_attribute(instance, STR("ecs.capability.external")) != NULL;

    return external == (launch_type == ECS_LAUNCH_TYPE_EXTERNAL) &&
           instance_is_fargate(instance) == (launch_type == ECS_LAUNCH_TYPE_FARGATE);
}

bool place_asks(const struct placement_request *request, const struct instance *instance)
{
    return place_serves(instance, request->launch_type) &&
           (request->provider.len == 0 || str_eq(instance->provider, request->provider)) &&
           (request->zone.len == 0 || str_eq(instance->zone, request->zone));
}

enum place_reason place_missing(const struct instance *instance, const struct need *need)
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

bool place_has_attributes(const struct placement_request *request, const struct instance *instance)
{
    const struct ecs_attribute_list *required =
        &request->definition->rec->definition->requires_attributes;

    for (size_t i = 0; i < required->n; i++) {
        if (!has_attribute(instance, &required->at[i]))
            return false;
    }
    // An agent that waits for an interface made by others would wait in vain.
    if (request->definition->rec->definition->network_mode == ECS_NETWORK_MODE_AWSVPC &&
        instance_attribute(instance, STR("ecs.capability.task-network")) == NULL)
        return false;
    return !request->needs_execute_command ||
           instance_attribute(instance, STR("ecs.capability.execute-command")) != NULL;
}

enum place_reason place_check(const struct placement_request *request,
                              const struct instance *instance)
{
    enum place_reason reason;

    if (!instance_is_connected(instance))
        return PLACE_AGENT;
    reason = place_missing(instance, request->need);
    if (reason != PLACE_FITS)
        return reason;
    return place_has_attributes(request, instance) ? PLACE_FITS : PLACE_ATTRIBUTE;
}

struct placement place(struct step *step, const struct placement_request *request)
{
    struct cluster *cluster = cluster_get(step->state, request->cluster->entity.id);
    struct plan *plan = plans_find(cluster, request);

    plan_refresh(plan, cluster, request);
    return plan_answer(plan, cluster, step->rng);
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
    MARK_IF(reason == PLACE_AGENT, "nothing is placed on an instance whose agent is away");
    MARK_IF(reason == PLACE_CPU, "nothing is placed where CPU is short");
    MARK_IF(reason == PLACE_MEMORY, "nothing is placed where memory is short");
    MARK_IF(reason == PLACE_PORTS, "nothing is placed where its TCP port is taken");
    MARK_IF(reason == PLACE_PORTS_UDP, "nothing is placed where its UDP port is taken");
    MARK_IF(reason == PLACE_GPU, "nothing is placed where GPUs are short");
    MARK_IF(reason == PLACE_ATTRIBUTE, "nothing is placed where a required attribute is missing");
    MARK_IF(reason == PLACE_MEMBER_OF, "memberOf binds");
    MARK_IF(reason == PLACE_DISTINCT, "distinctInstance binds");
    return texts[reason];
}
