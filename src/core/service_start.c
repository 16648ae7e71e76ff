// See service_start.h. Constraints were checked when they were given, so here they parse.

#include "core/service_start.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/proof.h"
#include "core/lifecycle.h"
#include "model/cluster.h"
#include "model/deployment.h"
#include "model/instance.h"
#include "model/service.h"
#include "model/task_definition.h"

enum { QUERIES_MAX = 20 };

struct service_mould {
    struct task_plan plan; // complete but for the instance
    struct placement_request request;
    struct query *queries[QUERIES_MAX]; // owned
    size_t queries_n;
    struct ecs_placement_strategy_list strategies;
    struct ecs_placement_strategy spread[2];
};

void service_mould_close(struct service_mould **mould)
{
    if (*mould == NULL)
        return;
    for (size_t i = 0; i < (*mould)->queries_n; i++)
        query_free((*mould)->queries[i]);
}

// ---- tags

static void add_tag(struct ecs_tag_list *list, const char *key, struct str value)
{
    SET(&list->at[list->n], key, str_of(key));
    SET(&list->at[list->n], value, value);
    list->n++;
}

static const struct ecs_tag_list *source_of(const struct service *service,
                                            const struct task_definition *definition)
{
    static const struct ecs_tag_list none = {0};

    switch (service->rec->propagate_tags) {
    case ECS_PROPAGATE_TAGS_TASK_DEFINITION:
        MARK("tasks of a service bear the tags of their definition");
        return &definition->rec->tags;
    case ECS_PROPAGATE_TAGS_SERVICE:
        MARK("tasks of a service bear its tags");
        return &service->rec->tags;
    case ECS_PROPAGATE_TAGS_NONE:
    case ECS_PROPAGATE_TAGS_UNSET: break;
    }
    return &none;
}

static struct ecs_tag_list tags_of(struct step *step, const struct service *service,
                                   const struct cluster *cluster,
                                   const struct task_definition *definition)
{
    const struct ecs_tag_list *source = source_of(service, definition);
    struct ecs_tag_list tags = {.at = arena_array(step->arena, struct ecs_tag, source->n + 2)};

    for (; tags.n < source->n; tags.n++)
        tags.at[tags.n] = source->at[tags.n];
    if (service->rec->enable_ecs_managed_tags) {
        MARK("tasks of a service bear managed tags");
        add_tag(&tags, "aws:ecs:clusterName", cluster->rec->name);
        add_tag(&tags, "aws:ecs:serviceName", service->rec->name);
    }
    return tags;
}

// ---- placement

static void add_query(struct step *step, struct service_mould *mould, struct str expression)
{
    size_t at;

    ASSERT(mould->queries_n < QUERIES_MAX);
    mould->queries[mould->queries_n] = query_parse(step->arena, expression, &at);
    ASSERT(mould->queries[mould->queries_n] != NULL);
    mould->queries_n++;
}

static void read_constraints(struct step *step, const struct service *service,
                             const struct ecs_task_definition *definition,
                             struct service_mould *mould)
{
    const struct ecs_placement_constraint_list *own = &service->rec->placement_constraints;

    for (size_t i = 0; i < definition->placement_constraints.n; i++)
        add_query(step, mould, definition->placement_constraints.at[i].expression);
    for (size_t i = 0; i < own->n; i++) {
        bool distinct = own->at[i].type == ECS_PLACEMENT_CONSTRAINT_TYPE_DISTINCTINSTANCE;

        MARK_IF(distinct, "a service wants an instance for each task");
        MARK_IF(!distinct, "a service may use some instances only");
        if (distinct)
            mould->request.distinct_instance = true;
        else
            add_query(step, mould, own->at[i].expression);
    }
    mould->request.member_of = mould->queries;
    mould->request.member_of_n = mould->queries_n;
}

// Without a strategy of its own a service spreads over zones, then over instances.
static void choose_strategies(const struct service *service, struct service_mould *mould)
{
    if (service->rec->placement_strategy.n > 0) {
        MARK("a service has placement strategies of its own");
        mould->request.strategies = &service->rec->placement_strategy;
        return;
    }
    for (int i = 0; i < 2; i++)
        SET(&mould->spread[i], type, ECS_PLACEMENT_STRATEGY_TYPE_SPREAD);
    SET(&mould->spread[0], field, STR("attribute:ecs.availability-zone"));
    SET(&mould->spread[1], field, STR("instanceId"));
    mould->strategies = (struct ecs_placement_strategy_list){.n = 2, .at = mould->spread};
    mould->request.strategies = &mould->strategies;
}

struct service_mould *service_mould_open(struct step *step, const struct service *service,
                                         const struct deployment *deployment)
{
    struct service_mould *mould = arena_new(step->arena, struct service_mould);
    const struct revision *revision =
        revision_get(step->state, (uint64_t)deployment->rec->revision_id);
    const struct task_definition *definition = revision_definition(step->state, revision);
    const struct cluster *cluster = cluster_get(step->state, service->cluster_id);

    mould->plan = (struct task_plan){
        .cluster = cluster,
        .definition = definition,
        .launch_type = revision->rec->launch_type,
        .group = str_fmt(step->arena, "service:%.*s", STR_ARGS(service->rec->name)),
        .started_by = deployment_name(deployment, step->arena),
        .tags = tags_of(step, service, cluster, definition),
        .enable_execute_command = service->rec->enable_execute_command,
        .service_id = service->entity.id,
        .deployment_id = deployment->part.entity.id,
    };
    mould->request = (struct placement_request){
        .cluster = cluster,
        .definition = definition,
        .need = &definition->need,
        .launch_type = mould->plan.launch_type,
        .group = mould->plan.group,
        .needs_execute_command = mould->plan.enable_execute_command,
    };
    read_constraints(step, service, definition->rec->definition, mould);
    choose_strategies(service, mould);
    return mould;
}

// ---- starting

static struct task *start_at(struct step *step, struct service_mould *mould,
                             struct instance *instance)
{
    mould->plan.instance = instance;
    return task_start(step, &mould->plan);
}

struct service_started service_start(struct step *step, struct service_mould *mould, int64_t n)
{
    struct service_started out = {.tasks = arena_array(step->arena, struct task *, n)};

    for (int64_t i = 0; i < n; i++) {
        struct placement placement = place(step, &mould->request);

        if (placement.instance == NULL) {
            out.failed = placement;
            break;
        }
        out.tasks[out.tasks_n++] = start_at(step, mould, placement.instance);
    }
    return out;
}

bool service_may_use(const struct service_mould *mould, const struct instance *instance)
{
    if (!service_may_stay(mould, instance))
        return false;
    for (size_t i = 0; i < mould->queries_n; i++) {
        if (!query_matches(mould->queries[i], instance))
            return false;
    }
    return true;
}

bool service_may_stay(const struct service_mould *mould, const struct instance *instance)
{
    if (!place_serves(instance, mould->request.launch_type) ||
        !place_has_attributes(&mould->request, instance))
        return false;
    for (size_t i = 0; i < mould->queries_n; i++) {
        if (query_asks_attributes_only(mould->queries[i]) &&
            !query_matches(mould->queries[i], instance))
            return false;
    }
    return true;
}

enum place_reason service_start_on(struct step *step, struct service_mould *mould,
                                   struct instance *instance, struct task **out_task)
{
    enum place_reason reason = place_check(&mould->request, instance);

    if (reason == PLACE_FITS)
        *out_task = start_at(step, mould, instance);
    return reason;
}
