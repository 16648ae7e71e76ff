// Clusters. The list heads are created with the entity and outlive every change of its record, so
// that instances and tasks can stay linked while settings change.

#include "model/cluster.h"

#include "base/arena.h"
#include "base/proof.h"
#include "model/instance.h"
#include "model/provider.h"
#include "model/task.h"

struct cluster *cluster_get(const struct state *state, uint64_t id)
{
    return (struct cluster *)state_get(state, REC_KIND_CLUSTER, id);
}

// In the order of ids, also when a removal is undone.
static void link_in_state(struct state *state, struct cluster *cluster)
{
    struct list *at = state->clusters.prev;

    while (at != &state->clusters &&
           LIST_ENTRY(at, struct cluster, in_state)->entity.id > cluster->entity.id)
        at = at->prev;
    list_insert_before(at->next, &cluster->in_state);
}

static struct cluster *cluster_new(struct state *state, uint64_t id, const struct rec_cluster *rec)
{
    struct cluster *cluster = mem_zalloc(sizeof *cluster);
    char *key = mem_alloc(rec->region.len + 1 + rec->name.len);

    cluster->entity = (struct entity){.id = id, .kind = REC_KIND_CLUSTER};
    memcpy(key, rec->region.ptr, rec->region.len);
    key[rec->region.len] = '/';
    memcpy(key + rec->region.len + 1, rec->name.ptr, rec->name.len);
    cluster->key = str_span(key, rec->region.len + 1 + rec->name.len);
    list_init(&cluster->instances);
    task_list_init(&cluster->tasks);
    list_init(&cluster->services);
    list_init(&cluster->services_waiting);
    list_init(&cluster->daemons);
    list_init(&cluster->tasks_waiting);
    link_in_state(state, cluster);
    idtable_put(&state->entities[REC_KIND_CLUSTER], id, cluster);
    return cluster;
}

// --- zones

bool cluster_count_zone(struct cluster *cluster, struct str zone, int by)
{
    size_t at = 0;
    char *own;

    while (at < cluster->zones_n && str_cmp(cluster->zones[at].zone, zone) < 0)
        at++;
    if (at == cluster->zones_n || !str_eq(cluster->zones[at].zone, zone)) {
        ASSERT(by > 0);
        own = mem_alloc(zone.len + 1);
        memcpy(own, MAP_KEY_PTR(zone), zone.len);
        cluster->zones =
            mem_realloc(cluster->zones, (cluster->zones_n + 1) * sizeof *cluster->zones);
        memmove(cluster->zones + at + 1, cluster->zones + at,
                (cluster->zones_n++ - at) * sizeof *cluster->zones);
        cluster->zones[at] = (struct zone_tally){.zone = str_span(own, zone.len)};
    }
    cluster->zones[at].instances_n += (uint32_t)by;
    if (cluster->zones[at].instances_n > 0)
        return by > 0 && cluster->zones[at].instances_n == 1;
    mem_free((void *)(uintptr_t)cluster->zones[at].zone.ptr);
    memmove(cluster->zones + at, cluster->zones + at + 1,
            (--cluster->zones_n - at) * sizeof *cluster->zones);
    return true;
}

void cluster_mark_room(struct state *state, struct cluster *cluster)
{
    if (cluster->tasks_waiting_n > 0 && !list_is_linked(&cluster->roomy))
        list_push_back(&state->clusters_roomy, &cluster->roomy);
}

static bool is_unsettled(const struct rec_cluster *rec)
{
    return rec->status == REC_CLUSTER_STATUS_PROVISIONING ||
           rec->status == REC_CLUSTER_STATUS_DEPROVISIONING ||
           rec->attachments_status == REC_ATTACHMENTS_STATUS_UPDATE_IN_PROGRESS;
}

static void link_unsettled(struct state *state, struct cluster *cluster)
{
    if (!is_unsettled(cluster->rec))
        list_remove(&cluster->unsettled);
    else if (!list_is_linked(&cluster->unsettled))
        list_push_back(&state->clusters_unsettled, &cluster->unsettled);
}

static struct cluster *find_by_key(const struct state *state, struct str key)
{
    struct cluster *found;

    MAP_FIND_STR(by_name, state->clusters_by_name, key, found);
    return found;
}

// A name belongs to its newest cluster; the ones before it hang behind it, newest first, and one
// comes back when the newer goes (undo).
static void name_claim(struct state *state, struct cluster *cluster)
{
    struct cluster *holder = find_by_key(state, cluster->key);
    struct cluster **at = &holder;

    while (*at != NULL && (*at)->entity.id > cluster->entity.id)
        at = &(*at)->older;
    cluster->older = *at;
    if (at != &holder) {
        *at = cluster;
        return;
    }
    MARK_IF(holder != NULL, "a name belongs to its newest cluster");
    if (holder != NULL)
        MAP_DEL(by_name, state->clusters_by_name, holder);
    MAP_ADD_STR(by_name, state->clusters_by_name, key, cluster);
}

static void name_release(struct state *state, struct cluster *cluster)
{
    struct cluster *holder = find_by_key(state, cluster->key);
    struct cluster **at = &holder->older;

    if (holder == cluster) {
        MAP_DEL(by_name, state->clusters_by_name, cluster);
        if (cluster->older != NULL)
            MAP_ADD_STR(by_name, state->clusters_by_name, key, cluster->older);
        return;
    }
    while (*at != cluster)
        at = &(*at)->older;
    *at = cluster->older;
}

void cluster_set_expiry(struct state *state, struct cluster *cluster)
{
    const struct rec_cluster *rec = cluster->rec;
    bool is_empty = list_is_empty(&cluster->instances) && task_list_is_empty(&cluster->tasks) &&
                    list_is_empty(&cluster->services);

    if (rec->status != REC_CLUSTER_STATUS_INACTIVE || !is_empty)
        expiry_clear(&state->expiries, &cluster->expiry);
    else
        expiry_set(&state->expiries, &cluster->expiry, REC_KIND_CLUSTER, cluster->entity.id,
                   rec->inactive_at + state->config.inactive_keep_ms);
}

static void cluster_delete(struct state *state, struct cluster *cluster)
{
    ASSERT(list_is_empty(&cluster->instances));
    ASSERT(task_list_is_empty(&cluster->tasks));
    ASSERT(cluster->tasks_by_family == NULL && cluster->tasks_by_starter == NULL);
    ASSERT(list_is_empty(&cluster->services));
    ASSERT(cluster->groups == NULL);
    ASSERT(cluster->tasks_waiting_n == 0 && cluster->zones_n == 0);
    list_remove(&cluster->roomy);
    list_remove(&cluster->unsettled);
    mem_free(cluster->zones);
    roster_deinit(&cluster->roster);
    expiry_clear(&state->expiries, &cluster->expiry);
    name_release(state, cluster);
    list_remove(&cluster->in_state);
    idtable_remove(&state->entities[REC_KIND_CLUSTER], cluster->entity.id);
    mem_free((void *)(uintptr_t)cluster->key.ptr);
    mem_free(cluster);
}

void cluster_apply(struct state *state, uint64_t id, const void *record)
{
    const struct rec_cluster *rec = record;
    struct cluster *cluster = cluster_get(state, id);

    if (rec == NULL) {
        cluster_delete(state, cluster);
        return;
    }
    if (cluster == NULL) {
        cluster = cluster_new(state, id, rec);
        name_claim(state, cluster);
    }
    cluster->entity.record = rec;
    cluster->rec = rec;
    cluster_set_expiry(state, cluster);
    link_unsettled(state, cluster);
    for (size_t i = 0; i < rec->capacity_providers.n; i++)
        provider_wake(state, rec->region, rec->capacity_providers.at[i]);
}

struct cluster *cluster_find(const struct state *state, struct str region, struct str name)
{
    char key[512];

    if (region.len + 1 + name.len > sizeof key)
        return NULL;
    memcpy(key, MAP_KEY_PTR(region), region.len);
    key[region.len] = '/';
    memcpy(key + region.len + 1, MAP_KEY_PTR(name), name.len);
    return find_by_key(state, str_span(key, region.len + 1 + name.len));
}

struct scope cluster_scope(const struct state *state, const struct cluster *cluster)
{
    return (struct scope){
        .partition = state->config.partition,
        .region = cluster->rec->region,
        .account = state->config.account,
    };
}

struct str cluster_arn(const struct state *state, const struct cluster *cluster,
                       struct arena *arena)
{
    struct scope scope = cluster_scope(state, cluster);

    return arn_make(arena, &scope, "cluster", cluster->rec->name);
}

bool cluster_is_active(const struct cluster *cluster)
{
    return cluster->rec->status == REC_CLUSTER_STATUS_ACTIVE ||
           cluster->rec->status == REC_CLUSTER_STATUS_PROVISIONING;
}

// The order is what the live service prints. Source: ecs-behaviour-api 7.1.
static void view_statistics(const struct cluster *cluster, struct arena *arena,
                            struct ecs_cluster *out)
{
    const struct {
        const char *name;
        uint32_t value;
    } rows[] = {
        {"runningEC2TasksCount", cluster->running_n[ECS_LAUNCH_TYPE_EC2]},
        {"runningFargateTasksCount", cluster->running_n[ECS_LAUNCH_TYPE_FARGATE]},
        {"pendingEC2TasksCount", cluster->pending_n[ECS_LAUNCH_TYPE_EC2]},
        {"pendingFargateTasksCount", cluster->pending_n[ECS_LAUNCH_TYPE_FARGATE]},
        {"runningExternalTasksCount", cluster->running_n[ECS_LAUNCH_TYPE_EXTERNAL]},
        {"pendingExternalTasksCount", cluster->pending_n[ECS_LAUNCH_TYPE_EXTERNAL]},
        {"runningManagedInstancesTasksCount",
         cluster->running_n[ECS_LAUNCH_TYPE_MANAGED_INSTANCES]},
        {"pendingManagedInstancesTasksCount",
         cluster->pending_n[ECS_LAUNCH_TYPE_MANAGED_INSTANCES]},
        {"activeEC2ServiceCount", cluster->services_active_n[ECS_LAUNCH_TYPE_EC2]},
        {"activeFargateServiceCount", cluster->services_active_n[ECS_LAUNCH_TYPE_FARGATE]},
        {"drainingEC2ServiceCount", cluster->services_draining_n[ECS_LAUNCH_TYPE_EC2]},
        {"drainingFargateServiceCount", cluster->services_draining_n[ECS_LAUNCH_TYPE_FARGATE]},
        {"activeExternalServiceCount", cluster->services_active_n[ECS_LAUNCH_TYPE_EXTERNAL]},
        {"drainingExternalServiceCount", cluster->services_draining_n[ECS_LAUNCH_TYPE_EXTERNAL]},
        {"activeManagedInstancesServiceCount",
         cluster->services_active_n[ECS_LAUNCH_TYPE_MANAGED_INSTANCES]},
        {"drainingManagedInstancesServiceCount",
         cluster->services_draining_n[ECS_LAUNCH_TYPE_MANAGED_INSTANCES]},
    };
    size_t n = sizeof rows / sizeof *rows;

    out->statistics.n = n;
    out->statistics.at = arena_array(arena, struct ecs_key_value_pair, n);
    for (size_t i = 0; i < n; i++) {
        SET(&out->statistics.at[i], name, str_of(rows[i].name));
        SET(&out->statistics.at[i], value, str_fmt(arena, "%u", rows[i].value));
    }
}

static uint32_t sum(const uint32_t counts[ECS_LAUNCH_TYPE_N])
{
    uint32_t total = 0;

    for (int type = 0; type < ECS_LAUNCH_TYPE_N; type++)
        total += counts[type];
    return total;
}

void cluster_view(const struct state *state, const struct cluster *cluster, unsigned include,
                  struct arena *arena, struct ecs_cluster *out)
{
    const struct rec_cluster *rec = cluster->rec;

    SET(out, cluster_arn, cluster_arn(state, cluster, arena));
    SET(out, cluster_name, rec->name);
    SET(out, status, shape_enum_name(&rec_cluster_status_enum, (int)rec->status));
    SET(out, registered_container_instances_count, (int32_t)cluster->instances_n);
    SET(out, running_tasks_count, (int32_t)sum(cluster->running_n));
    SET(out, pending_tasks_count, (int32_t)sum(cluster->pending_n));
    SET(out, active_services_count, (int32_t)sum(cluster->services_active_n));
    SET(out, capacity_providers, rec->capacity_providers);
    SET(out, default_capacity_provider_strategy, rec->default_capacity_provider_strategy);
    out->has.statistics = out->has.settings = out->has.tags = true;
    if (include & CLUSTER_INCLUDE_STATISTICS)
        view_statistics(cluster, arena, out);
    if (include & CLUSTER_INCLUDE_SETTINGS)
        out->settings = rec->settings;
    if (include & CLUSTER_INCLUDE_TAGS)
        out->tags = rec->tags;
    if ((include & CLUSTER_INCLUDE_CONFIGURATIONS) && rec->has.configuration)
        SET(out, configuration, rec->configuration);
    if (rec->has.service_connect_defaults)
        SET(out, service_connect_defaults, rec->service_connect_defaults);
    if ((include & CLUSTER_INCLUDE_ATTACHMENTS) && rec->has.attachments_status) {
        SET(out, attachments, rec->attachments);
        SET(out, attachments_status,
            shape_enum_name(&rec_attachments_status_enum, (int)rec->attachments_status));
    }
}

static uint32_t count_living(const struct list *tasks)
{
    uint32_t n = 0;

    LIST_EACH (tasks, it)
        n += !task_is_stopped(LIST_ENTRY(it, struct task, listed[TASK_LIST_CLUSTER]));
    return n;
}

static void check_groups(const struct cluster *cluster)
{
    for (const struct task_group *group = cluster->groups; group != NULL;
         group = group->by_name.next)
        task_group_check(group);
}

static void check_counts(const struct cluster *cluster)
{
    uint32_t tasks = count_living(&cluster->tasks.wanted) + count_living(&cluster->tasks.unwanted);
    uint32_t instances = 0;

    LIST_EACH (&cluster->instances, it) {
        const struct instance *instance = LIST_ENTRY(it, struct instance, in_cluster);
        instances += instance_is_registered(instance) && !instance_is_fargate(instance);
    }
    ASSERT_SAY(instances == cluster->instances_n, "cluster %.*s", STR_ARGS(cluster->key));
    ASSERT_SAY(tasks == cluster->tasks_n, "cluster %.*s", STR_ARGS(cluster->key));
    ASSERT_SAY(tasks == sum(cluster->running_n) + sum(cluster->pending_n), "cluster %.*s",
               STR_ARGS(cluster->key));
}

void cluster_check_all(const struct state *state)
{
    LIST_EACH (&state->clusters, it) {
        const struct cluster *cluster = LIST_ENTRY(it, struct cluster, in_state);
        check_counts(cluster);
        check_groups(cluster);
        roster_check(cluster);
        task_lists_check(cluster);
    }
}
