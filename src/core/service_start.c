// See service_start.h. Constraints were checked when they were given, so here they parse.

#include "core/service_start.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/proof.h"
#include "core/lifecycle.h"
#include "core/provider_split.h"
#include "core/waiting.h"
#include "model/cluster.h"
#include "model/deployment.h"
#include "model/instance.h"
#include "model/provider.h"
#include "model/service.h"
#include "model/task.h"
#include "model/task_definition.h"

enum { QUERIES_MAX = 20 };

struct service_mould {
    struct task_plan plan; // complete but for the instance
    struct placement_request request;
    struct query *queries[QUERIES_MAX]; // owned
    size_t queries_n;
    struct ecs_placement_strategy_list strategies;
    struct ecs_placement_strategy spread[2];
    // The capacity provider strategy, and how many of the deployment's tasks each item has.
    const struct ecs_capacity_provider_strategy_item *items;
    struct provider_share shares[PROVIDERS_MAX];
    int64_t given[PROVIDERS_MAX];
    size_t items_n;
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

static void read_constraints(struct step *step, const struct ecs_placement_constraint_list *own,
                             const struct ecs_task_definition *definition,
                             struct service_mould *mould)
{
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

// ---- capacity providers

size_t service_item_of(const struct service_mould *mould, const struct task *task)
{
    for (size_t i = 0; i < mould->items_n; i++) {
        if (str_eq(mould->items[i].capacity_provider, task->rec->capacity_provider_name))
            return i;
    }
    return 0;
}

static void read_strategy(const struct service *service, const struct deployment *deployment,
                          const struct ecs_capacity_provider_strategy_item_list *strategy,
                          struct service_mould *mould)
{
    ASSERT(strategy->n <= PROVIDERS_MAX);
    mould->items = strategy->at;
    mould->items_n = strategy->n;
    for (size_t i = 0; i < strategy->n; i++)
        mould->shares[i] =
            (struct provider_share){.base = strategy->at[i].base, .weight = strategy->at[i].weight};
    if (strategy->n == 0)
        return;
    LIST_EACH (&service->tasks, it) {
        const struct task *task = LIST_ENTRY(it, struct task, in_service);

        if (task_is_wanted(task) &&
            (uint64_t)task->rec->deployment_id == deployment->part.entity.id)
            mould->given[service_item_of(mould, task)]++;
    }
}

// Gives the next of `n` tasks to a provider, which is asked and shown from here on.
static void choose_provider(struct service_mould *mould, int64_t n)
{
    int64_t targets[PROVIDERS_MAX];
    int64_t all = n;
    size_t item;

    if (mould->items_n == 0)
        return;
    for (size_t i = 0; i < mould->items_n; i++)
        all += mould->given[i];
    provider_targets(mould->shares, mould->items_n, all, targets);
    item = provider_to_add(targets, mould->given, mould->items_n);
    mould->plan.provider = mould->items[item].capacity_provider;
    mould->request.provider = mould->plan.provider;
}

bool service_split_excess(const struct service_mould *mould, const int64_t *current, int64_t n,
                          int64_t *out)
{
    int64_t targets[PROVIDERS_MAX];
    int64_t left[PROVIDERS_MAX];
    int64_t all = 0;

    if (mould->items_n < 2)
        return false;
    for (size_t i = 0; i < mould->items_n; i++) {
        left[i] = current[i];
        out[i] = 0;
        all += current[i];
    }
    ASSERT(n <= all);
    provider_targets(mould->shares, mould->items_n, all - n, targets);
    for (; n > 0; n--) {
        size_t item = provider_to_remove(targets, left, mould->items_n);

        left[item]--;
        out[item]++;
    }
    return true;
}

static const struct ecs_aws_vpc_configuration *vpc_of(const struct revision *revision)
{
    const struct ecs_network_configuration *network = revision->rec->network_configuration;

    return network != NULL ? network->awsvpc_configuration : NULL;
}

static struct service_mould *open_mould(struct step *step, const struct service *service,
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
        .vpc = vpc_of(revision),
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
    if (mould->plan.launch_type == ECS_LAUNCH_TYPE_FARGATE)
        mould->request.provider = STR(PROVIDER_FARGATE); // unless a strategy chooses
    read_constraints(step, &service->rec->placement_constraints, definition->rec->definition,
                     mould);
    choose_strategies(service, mould);
    return mould;
}

struct service_mould *service_mould_open(struct step *step, const struct service *service,
                                         const struct deployment *deployment)
{
    struct service_mould *mould = open_mould(step, service, deployment);
    const struct revision *revision =
        revision_get(step->state, (uint64_t)deployment->rec->revision_id);

    read_strategy(service, deployment, &revision->rec->capacity_provider_strategy, mould);
    return mould;
}

// ---- starting

static struct task *start_at(struct step *step, struct service_mould *mould,
                             struct instance *instance)
{
    mould->plan.instance = instance;
    return task_start(step, &mould->plan);
}

static bool may_wait(struct step *step, const struct service_mould *mould)
{
    const struct provider *provider;

    if (mould->plan.provider.len == 0)
        return false;
    provider = provider_find(step->state, mould->plan.cluster->rec->region, mould->plan.provider);
    return provider != NULL && provider_scales(provider);
}

// Where the next task goes: an instance, NULL to wait for one, or nowhere.
static enum start_failure find_place(struct step *step, struct service_mould *mould,
                                     struct placement *out)
{
    *out = place(step, &mould->request);
    if (out->instance != NULL)
        return START_ALL;
    if (mould->request.launch_type == ECS_LAUNCH_TYPE_FARGATE)
        return START_NO_CAPACITY;
    if (!may_wait(step, mould)) {
        bool is_empty = out->reason == PLACE_NO_INSTANCES && mould->plan.provider.len > 0;
        return is_empty ? START_PROVIDER_EMPTY : START_NO_PLACE;
    }
    return waiting_is_full(mould->plan.cluster) ? START_TOO_MANY_WAIT : START_ALL;
}

struct service_started service_start(struct step *step, struct service_mould *mould, int64_t n)
{
    struct service_started out = {.tasks = arena_array(step->arena, struct task *, n)};

    for (int64_t i = 0; i < n; i++) {
        struct placement placement = {0};
        struct task *task;

        choose_provider(mould, n - i);
        out.why = find_place(step, mould, &placement);
        if (out.why != START_ALL) {
            out.failed = placement;
            out.provider = mould->plan.provider;
            break;
        }
        task = start_at(step, mould, placement.instance);
        if (mould->items_n > 0)
            mould->given[service_item_of(mould, task)]++;
        out.tasks[out.tasks_n++] = task;
    }
    return out;
}

struct service_started service_start_in(struct step *step, struct service_mould *mould,
                                        struct str zone)
{
    struct service_started out = {.tasks = arena_array(step->arena, struct task *, 1)};

    mould->request.zone = zone;
    choose_provider(mould, 1);
    out.failed = place(step, &mould->request);
    if (out.failed.instance != NULL)
        out.tasks[out.tasks_n++] = start_at(step, mould, out.failed.instance);
    else
        out.why = START_NO_PLACE;
    mould->request.zone = STR_NONE;
    return out;
}

// ---- tasks that wait

// RunTask's own rules, as the task keeps them.
static struct service_mould *lone_mould_open(struct step *step, const struct task *task)
{
    struct service_mould *mould = arena_new(step->arena, struct service_mould);
    const struct task_definition *definition =
        task_definition_get(step->state, task->definition_id);

    mould->request = (struct placement_request){
        .cluster = cluster_get(step->state, task->cluster_id),
        .definition = definition,
        .launch_type = task->rec->launch_type,
        .group = task->rec->group,
        .needs_execute_command = task->rec->enable_execute_command,
        .strategies = &task->rec->placement_strategy,
    };
    read_constraints(step, &task->rec->placement_constraints, definition->rec->definition, mould);
    return mould;
}

struct service_mould *waiting_mould_open(struct step *step, const struct task *task)
{
    uint64_t service_id = (uint64_t)task->rec->service_id;

    if (service_id == 0)
        return lone_mould_open(step, task);
    return open_mould(step, service_get(step->state, service_id),
                      deployment_get(step->state, (uint64_t)task->rec->deployment_id));
}

struct placement waiting_place(struct step *step, struct service_mould *mould,
                               const struct task *task)
{
    mould->request.need = task_need(step->state, task);
    mould->request.provider = task->rec->capacity_provider_name;
    return place(step, &mould->request);
}

// ---- DAEMON services

static bool is_provided(const struct service_mould *mould, const struct instance *instance)
{
    for (size_t i = 0; i < mould->items_n; i++) {
        if (str_eq(mould->items[i].capacity_provider, instance->provider))
            return true;
    }
    return mould->items_n == 0;
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
    if (!place_serves(instance, mould->request.launch_type) || !is_provided(mould, instance) ||
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

    if (reason != PLACE_FITS)
        return reason;
    if (mould->items_n > 0)
        mould->plan.provider = instance->provider;
    *out_task = start_at(step, mould, instance);
    return PLACE_FITS;
}
