// Container instances. Books are reopened when the registered resources change: every task placed
// here gives its reservation back to the old books and takes it again from the new ones.

#include "model/instance.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/proof.h"
#include "model/cluster.h"
#include "model/provider.h"
#include "model/service.h"
#include "model/task.h"
#include "shape/walk.h"

static struct str token_key_of(struct arena *arena, uint64_t cluster_id, struct str token)
{
    return str_fmt(arena, "%llu/%.*s", (unsigned long long)cluster_id, STR_ARGS(token));
}

struct instance *instance_get(const struct state *state, uint64_t id)
{
    return (struct instance *)state_get(state, REC_KIND_INSTANCE, id);
}

struct instance *instance_find_uid(const struct state *state, struct str uid)
{
    struct instance *found;

    MAP_FIND_STR(by_uid, state->instances_by_uid, uid, found);
    return found;
}

struct instance *instance_find_token(const struct state *state, uint64_t cluster_id,
                                     struct str token)
{
    struct arena scratch = ARENA_INIT;
    struct str key = token_key_of(&scratch, cluster_id, token);
    struct instance *found;

    MAP_FIND_STR(by_token, state->instances_by_token, key, found);
    arena_deinit(&scratch);
    return found;
}

struct instance *instance_next(const struct state *state, const struct cluster *cluster,
                               uint64_t after)
{
    struct instance *here = instance_get(state, after);
    struct list *at = cluster->instances.next;

    if (here != NULL && here->cluster_id == cluster->entity.id)
        at = here->in_cluster.next;
    while (at != &cluster->instances &&
           LIST_ENTRY(at, struct instance, in_cluster)->entity.id <= after)
        at = at->next;
    return at != &cluster->instances ? LIST_ENTRY(at, struct instance, in_cluster) : NULL;
}

static bool status_is_registered(const struct rec_instance_state *st)
{
    return st != NULL &&
           (st->status == REC_INSTANCE_STATUS_ACTIVE || st->status == REC_INSTANCE_STATUS_DRAINING);
}

bool instance_is_registered(const struct instance *instance)
{
    return status_is_registered(instance->st);
}

bool instance_is_connected(const struct instance *instance)
{
    return instance->session != 0;
}

bool instance_is_fargate(const struct instance *instance)
{
    return instance->is_fargate;
}

const struct ecs_attribute *instance_attribute(const struct instance *instance, struct str name)
{
    size_t low = 0;
    size_t high = instance->rec->attributes.n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = str_cmp(instance->attributes[mid]->name, name);

        if (order == 0)
            return instance->attributes[mid];
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

static struct str attribute_value(const struct instance *instance, struct str name)
{
    const struct ecs_attribute *found = instance_attribute(instance, name);

    return found != NULL ? found->value : STR_NONE;
}

static int by_name(const void *a, const void *b)
{
    const struct ecs_attribute *const *x = a;
    const struct ecs_attribute *const *y = b;

    return str_cmp((*x)->name, (*y)->name);
}

static void index_attributes(struct instance *instance)
{
    const struct ecs_attribute_list *list = &instance->rec->attributes;

    mem_free(instance->attributes);
    instance->attributes = mem_alloc(list->n * sizeof *instance->attributes);
    for (size_t i = 0; i < list->n; i++)
        instance->attributes[i] = &list->at[i];
    if (list->n > 0)
        qsort(instance->attributes, list->n, sizeof *instance->attributes, by_name);
    instance->provider = attribute_value(instance, STR(PROVIDER_FARGATE_ATTRIBUTE));
    instance->is_fargate = instance->provider.len > 0;
    if (!instance->is_fargate)
        instance->provider = attribute_value(instance, STR(PROVIDER_ATTRIBUTE));
    instance->zone = attribute_value(instance, STR("ecs.availability-zone"));
}

static void unlist_token(struct state *state, struct instance *instance)
{
    if (instance->token_key.len == 0)
        return;
    MAP_DEL(by_token, state->instances_by_token, instance);
    mem_free((void *)(uintptr_t)instance->token_key.ptr);
    instance->token_key = STR_NONE;
}

// Tokens of INACTIVE instances mean nothing any more, so a token stands for one instance of a
// cluster at most.
static void list_token(struct state *state, struct instance *instance)
{
    struct arena scratch = ARENA_INIT;
    struct str key;
    char *copy;

    unlist_token(state, instance);
    if (!instance_is_registered(instance) || instance->rec->client_token.len == 0)
        return;
    key = token_key_of(&scratch, instance->cluster_id, instance->rec->client_token);
    copy = mem_alloc(key.len);
    memcpy(copy, key.ptr, key.len);
    instance->token_key = str_span(copy, key.len);
    MAP_ADD_STR(by_token, state->instances_by_token, token_key, instance);
    arena_deinit(&scratch);
}

// In the order of ids, also when a removal is undone.
static void link_in_cluster(struct cluster *cluster, struct instance *instance)
{
    struct list *at = cluster->instances.prev;

    while (at != &cluster->instances &&
           LIST_ENTRY(at, struct instance, in_cluster)->entity.id > instance->entity.id)
        at = at->prev;
    list_insert_before(at->next, &instance->in_cluster);
}

// The map's key must live as long as the entity, whatever record it has, so it is the entity's own.
static struct instance *instance_new(struct state *state, uint64_t id,
                                     const struct rec_instance *rec)
{
    struct instance *instance = mem_zalloc(sizeof *instance);
    struct cluster *cluster = cluster_get(state, (uint64_t)rec->cluster_id);
    char *uid = mem_alloc(rec->uid.len);

    memcpy(uid, rec->uid.ptr, rec->uid.len);
    instance->entity = (struct entity){.id = id, .kind = REC_KIND_INSTANCE};
    instance->uid = str_span(uid, rec->uid.len);
    instance->cluster_id = (uint64_t)rec->cluster_id;
    list_init(&instance->tasks);
    list_init(&instance->unacknowledged);
    link_in_cluster(cluster, instance);
    roster_enter(&cluster->roster, instance);
    cluster_set_expiry(state, cluster);
    MAP_ADD_STR(by_uid, state->instances_by_uid, uid, instance);
    idtable_put(&state->entities[REC_KIND_INSTANCE], id, instance);
    return instance;
}

void instance_set_expiry(struct state *state, struct instance *instance)
{
    const struct rec_instance_state *st = instance->st;

    MARK_IF(st != NULL && st->status == REC_INSTANCE_STATUS_INACTIVE && instance->records_n > 0,
            "a deregistered instance is kept while a task names it");
    if (st == NULL || st->status != REC_INSTANCE_STATUS_INACTIVE || instance->records_n > 0)
        expiry_clear(&state->expiries, &instance->expiry);
    else
        expiry_set(&state->expiries, &instance->expiry, REC_KIND_INSTANCE, instance->entity.id,
                   st->deregistered_at + state->config.inactive_keep_ms);
}

static void instance_delete(struct state *state, struct instance *instance)
{
    struct cluster *cluster = cluster_get(state, instance->cluster_id);

    ASSERT(list_is_empty(&instance->tasks));
    ASSERT(instance->groups.n == 0);
    ASSERT(instance->st == NULL);
    ASSERT(instance->records_n == 0);
    expiry_clear(&state->role_keys, &instance->role_keys);
    unlist_token(state, instance);
    ASSERT(!instance->is_in_tally);
    roster_leave(&cluster->roster, instance);
    list_remove(&instance->in_cluster);
    cluster_set_expiry(state, cluster);
    MAP_DEL(by_uid, state->instances_by_uid, instance);
    idtable_remove(&state->entities[REC_KIND_INSTANCE], instance->entity.id);
    books_close(&instance->books);
    group_counts_deinit(&instance->groups);
    mem_free(instance->attributes);
    mem_free((void *)(uintptr_t)instance->uid.ptr);
    mem_free((void *)(uintptr_t)instance->runtime.reason.ptr);
    mem_free(instance);
}

static void reopen_books(struct state *state, struct instance *instance)
{
    MARK_IF(!list_is_empty(&instance->tasks), "books are opened anew under the tasks they hold");
    LIST_EACH (&instance->tasks, it)
        books_give(&instance->books, &LIST_ENTRY(it, struct task, on_instance)->reservation);
    books_close(&instance->books);
    books_open(&instance->books, &instance->rec->resources);
    LIST_EACH (&instance->tasks, it)
        task_reserve(state, LIST_ENTRY(it, struct task, on_instance), instance);
}

// The books keep the ids of GPUs in the memory of the record, so those always move on to the newer.
static bool needs_new_books(const struct rec_instance *before, const struct rec_instance *after)
{
    if (before == NULL || before->resources.n != after->resources.n)
        return true;
    for (size_t i = 0; i < after->resources.n; i++) {
        const struct ecs_resource *resource = &after->resources.at[i];

        if (str_eq(resource->name, STR("GPU")) ||
            !shape_equal(&ecs_resource_shape, &before->resources.at[i], resource))
            return true;
    }
    return false;
}

static bool is_active(const struct rec_instance_state *st)
{
    return st != NULL && st->status == REC_INSTANCE_STATUS_ACTIVE;
}

// Keeps the cluster's tally of zones, in which active instances count that are no FARGATE hosts.
static void tally(struct state *state, struct instance *instance, bool active)
{
    struct cluster *cluster = cluster_get(state, instance->cluster_id);
    bool counts = active && !instance->is_fargate;

    if (counts == instance->is_in_tally)
        return;
    instance->is_in_tally = counts;
    if (cluster_count_zone(cluster, instance->zone, counts ? 1 : -1))
        services_mark_zones(state, cluster);
}

static void wake_provider(struct state *state, const struct instance *instance)
{
    provider_wake(state, cluster_get(state, instance->cluster_id)->rec->region, instance->provider);
}

// Of what its record says, only zone and provider touch the tasks that it has. They are not looked
// at for anything else, so that an attribute costs the same on a full instance.
static void mark_services(struct state *state, struct instance *instance, bool moved)
{
    struct cluster *cluster = cluster_get(state, instance->cluster_id);

    if (moved) {
        services_mark_instance(state, instance);
        return;
    }
    services_mark_room(state, cluster);
    services_mark_daemons(state, cluster);
}

void instance_apply(struct state *state, uint64_t id, const void *record)
{
    struct instance *instance = instance_get(state, id);
    struct str zone;
    struct str provider;
    bool reopen;

    if (record == NULL) {
        instance_delete(state, instance);
        return;
    }
    if (instance == NULL)
        instance = instance_new(state, id, record);
    reopen = needs_new_books(instance->rec, record);
    zone = instance->zone; // memory of the former record, which outlives this
    provider = instance->provider;
    tally(state, instance, false);
    instance->entity.record = record;
    instance->rec = record;
    index_attributes(instance);
    if (reopen)
        reopen_books(state, instance);
    list_token(state, instance);
    roster_note_record(&cluster_get(state, instance->cluster_id)->roster, instance);
    tally(state, instance, is_active(instance->st));
    mark_services(state, instance,
                  !str_eq(zone, instance->zone) || !str_eq(provider, instance->provider));
    wake_provider(state, instance);
}

void instance_state_apply(struct state *state, uint64_t id, const void *record)
{
    const struct rec_instance_state *st = record;
    struct instance *instance = instance_get(state, id);
    struct cluster *cluster = cluster_get(state, instance->cluster_id);
    struct idtable *table = &state->entities[REC_KIND_INSTANCE_STATE];
    bool opens_or_closes = is_active(st) != is_active(instance->st);
    bool comes_or_goes = status_is_registered(st) != status_is_registered(instance->st);

    if (!instance->is_fargate) {
        cluster->instances_n += status_is_registered(st);
        cluster->instances_n -= status_is_registered(instance->st);
    }
    if (instance->st == NULL) {
        instance->state_entity = (struct entity){.id = id, .kind = REC_KIND_INSTANCE_STATE};
        idtable_put(table, id, &instance->state_entity);
    }
    if (st == NULL)
        idtable_remove(table, id);
    instance->state_entity.record = st;
    instance->st = st;
    if (comes_or_goes)
        list_token(state, instance);
    instance_set_expiry(state, instance);
    if (opens_or_closes) {
        tally(state, instance, is_active(st));
        wake_provider(state, instance);
        roster_note(&cluster->roster, instance);
        services_mark_instance(state, instance);
    }
}

void instance_set_session(struct state *state, struct instance *instance, uint64_t session)
{
    instance->session = session;
    roster_note(&cluster_get(state, instance->cluster_id)->roster, instance);
    if (session != 0)
        services_mark_instance(state, instance);
}

struct str instance_arn(const struct state *state, const struct instance *instance,
                        struct arena *arena)
{
    const struct cluster *cluster = cluster_get(state, instance->cluster_id);
    struct scope scope = cluster_scope(state, cluster);

    return arn_make2(arena, &scope, "container-instance", cluster->rec->name, instance->uid);
}

// Every numeric member is sent, zero where unused. Source: ecs-behaviour-api 15.
static void view_number(struct ecs_resource *out, const char *name, int32_t value)
{
    SET(out, name, str_of(name));
    SET(out, type, STR("INTEGER"));
    SET(out, integer_value, value);
    SET(out, long_value, 0);
    SET(out, double_value, 0.0);
}

static void view_ports(struct ecs_resource *out, const char *name, const struct port_set *set,
                       struct arena *arena)
{
    struct str_list ports = {.n = set->n, .at = arena_array(arena, struct str, set->n)};

    view_number(out, name, 0);
    out->type = STR("STRINGSET");
    for (size_t i = 0; i < set->n; i++)
        ports.at[i] = str_fmt(arena, "%u", set->at[i]);
    SET(out, string_set_value, ports);
}

// Copied, because the books change while a reply waits for its commit.
static void view_gpus(struct ecs_resource *out, const struct str_list *ids, struct arena *arena)
{
    struct str_list copy = {.n = ids->n,
                            .at = arena_copy(arena, ids->at, ids->n * sizeof *ids->at)};

    view_number(out, "GPU", 0);
    out->type = STR("STRINGSET");
    SET(out, string_set_value, copy);
}

static void view_remaining(const struct instance *instance, struct arena *arena,
                           struct ecs_resource_list *out)
{
    const struct books *books = &instance->books;

    out->at = arena_array(arena, struct ecs_resource, 5);
    view_number(&out->at[0], "CPU", books->cpu_left);
    view_number(&out->at[1], "MEMORY", books->memory_left);
    view_ports(&out->at[2], "PORTS", &books->tcp, arena);
    view_ports(&out->at[3], "PORTS_UDP", &books->udp, arena);
    out->n = 4;
    if (books->gpus.n > 0)
        view_gpus(&out->at[out->n++], &books->gpus_left, arena);
}

// What the agent sent, with the zero members filled in.
static void view_registered(const struct instance *instance, struct arena *arena,
                            struct ecs_resource_list *out)
{
    const struct ecs_resource_list *from = &instance->rec->resources;

    out->n = from->n;
    out->at = arena_array(arena, struct ecs_resource, from->n);
    for (size_t i = 0; i < from->n; i++) {
        out->at[i] = from->at[i];
        out->at[i].has.integer_value = true;
        out->at[i].has.long_value = true;
        out->at[i].has.double_value = true;
    }
}

enum { RUNTIME_REASON_MAX = 1024 };

void instance_note_runtime(struct instance *instance, enum ecs_instance_health_check_state state,
                           struct str reason, time_ms changed_at, time_ms now)
{
    struct instance_runtime *runtime = &instance->runtime;

    reason = str_take(reason, RUNTIME_REASON_MAX);
    runtime->state = state;
    runtime->changed_at = changed_at;
    runtime->told_at = now;
    if (str_eq(runtime->reason, reason))
        return;
    mem_free((void *)(uintptr_t)runtime->reason.ptr);
    runtime->reason = STR_NONE;
    if (reason.len > 0) {
        char *copy = mem_alloc(reason.len);

        memcpy(copy, reason.ptr, reason.len);
        runtime->reason = str_span(copy, reason.len);
    }
}

static void view_runtime(const struct instance_runtime *runtime, struct arena *arena,
                         struct ecs_container_instance_health_status *out)
{
    struct ecs_instance_health_check_result *result =
        arena_new(arena, struct ecs_instance_health_check_result);

    SET(result, type, ECS_INSTANCE_HEALTH_CHECK_TYPE_CONTAINER_RUNTIME);
    SET(result, status, runtime->state);
    if (runtime->reason.len > 0)
        SET(result, status_reason, str_copy(arena, runtime->reason));
    SET(result, last_updated, runtime->told_at);
    SET(result, last_status_change, runtime->changed_at);
    out->details = (struct ecs_instance_health_check_result_list){.n = 1, .at = result};
}

// Of an agent that is not connected nothing is known, whatever it said last.
static void view_health(const struct instance *instance, struct arena *arena,
                        struct ecs_container_instance *out)
{
    struct ecs_container_instance_health_status *health =
        arena_new(arena, struct ecs_container_instance_health_status);
    enum ecs_instance_health_check_state state = ECS_INSTANCE_HEALTH_CHECK_STATE_OK;

    if (instance->runtime.state != ECS_INSTANCE_HEALTH_CHECK_STATE_UNSET) {
        view_runtime(&instance->runtime, arena, health);
        state = instance->runtime.state;
    }
    if (!instance_is_connected(instance))
        state = ECS_INSTANCE_HEALTH_CHECK_STATE_INSUFFICIENT_DATA;
    SET(health, overall_status, state);
    health->has.details = true;
    SET(out, health_status, health);
}

void instance_view(const struct state *state, const struct instance *instance, unsigned include,
                   struct arena *arena, struct ecs_container_instance *out)
{
    const struct rec_instance *rec = instance->rec;
    const struct rec_instance_state *st = instance->st;

    SET(out, container_instance_arn, instance_arn(state, instance, arena));
    if (rec->has.ec2_instance_id)
        SET(out, ec2_instance_id, rec->ec2_instance_id);
    SET(out, version, st->version);
    if (rec->has.version_info)
        SET(out, version_info, rec->version_info);
    out->has.remaining_resources = out->has.registered_resources = true;
    view_remaining(instance, arena, &out->remaining_resources);
    view_registered(instance, arena, &out->registered_resources);
    if (instance->provider.len > 0)
        SET(out, capacity_provider_name, instance->provider);
    SET(out, status, shape_enum_name(&rec_instance_status_enum, (int)st->status));
    if (st->has.status_reason)
        SET(out, status_reason, st->status_reason);
    SET(out, agent_connected, instance_is_connected(instance));
    SET(out, running_tasks_count, (int32_t)instance->wanted_n);
    SET(out, pending_tasks_count, (int32_t)instance->pending_n);
    if (st->has.agent_update_status)
        SET(out, agent_update_status, st->agent_update_status);
    SET(out, attributes, rec->attributes);
    SET(out, registered_at, rec->registered_at);
    out->has.attachments = out->has.tags = true;
    if (include & INSTANCE_INCLUDE_TAGS)
        out->tags = rec->tags;
    if (include & INSTANCE_INCLUDE_HEALTH)
        view_health(instance, arena, out);
}

static void check_groups(const struct instance *instance)
{
    for (size_t i = 0; i < instance->groups.n; i++) {
        const struct group_count *count = &instance->groups.at[i];
        uint32_t n = 0;

        LIST_EACH (&instance->tasks, it) {
            const struct task *task = LIST_ENTRY(it, struct task, on_instance);
            n += task_is_wanted(task) && str_eq(task->rec->group, count->group->name);
        }
        ASSERT_SAY(n == count->tasks_n && n > 0, "instance %.*s", STR_ARGS(instance->uid));
    }
}

static void check_token(const struct state *state, const struct instance *instance)
{
    struct str token = instance->rec->client_token;

    if (!instance_is_registered(instance) || token.len == 0)
        ASSERT_SAY(instance->token_key.len == 0, "instance %.*s", STR_ARGS(instance->uid));
    else
        ASSERT_SAY(instance_find_token(state, instance->cluster_id, token) == instance,
                   "instance %.*s", STR_ARGS(instance->uid));
}

static void check_order(const struct instance *instance, const struct cluster *cluster)
{
    const struct list *next = instance->in_cluster.next;

    ASSERT_SAY(next == &cluster->instances ||
                   LIST_ENTRY(next, struct instance, in_cluster)->entity.id > instance->entity.id,
               "instance %.*s", STR_ARGS(instance->uid));
}

static void check_instance(const struct instance *instance)
{
    int64_t cpu = instance->books.cpu_left;
    int64_t memory = instance->books.memory_left;
    uint32_t wanted = 0;
    uint32_t grouped = 0;
    uint32_t pending = 0;

    LIST_EACH (&instance->tasks, it) {
        const struct task *task = LIST_ENTRY(it, struct task, on_instance);
        ASSERT(task->reservation.held);
        cpu += task->reservation.cpu_units;
        memory += task->reservation.memory_mib;
        wanted += task_is_wanted(task);
        pending += task_is_pending(task);
    }
    ASSERT_SAY(cpu == instance->books.cpu_units, "instance %.*s", STR_ARGS(instance->uid));
    ASSERT_SAY(memory == instance->books.memory_mib, "instance %.*s", STR_ARGS(instance->uid));
    ASSERT_SAY(wanted == instance->wanted_n, "instance %.*s", STR_ARGS(instance->uid));
    ASSERT_SAY(pending == instance->pending_n, "instance %.*s", STR_ARGS(instance->uid));
    for (size_t i = 0; i < instance->groups.n; i++)
        grouped += instance->groups.at[i].tasks_n;
    ASSERT_SAY(wanted == grouped, "instance %.*s", STR_ARGS(instance->uid));
    check_groups(instance);
    ASSERT(instance->st != NULL);
}

void instance_check_all(const struct state *state)
{
    const struct idtable *table = &state->entities[REC_KIND_INSTANCE];

    for (uint64_t id = 0; (id = idtable_next(table, id)) != 0;) {
        const struct instance *instance = instance_get(state, id);
        check_instance(instance);
        check_token(state, instance);
        check_order(instance, cluster_get(state, instance->cluster_id));
    }
}
