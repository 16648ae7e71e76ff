// Services. What belongs to a service hangs in its lists in the order of ids; those lists are made
// with the entity and outlive every change of its record.

#include "model/service.h"

#include "base/arena.h"
#include "base/proof.h"
#include "model/cluster.h"
#include "model/deployment.h"
#include "model/instance.h"
#include "model/task.h"

struct service *service_get(const struct state *state, uint64_t id)
{
    return (struct service *)state_get(state, REC_KIND_SERVICE, id);
}

static struct str key_of(struct arena *arena, uint64_t cluster_id, struct str name)
{
    return str_fmt(arena, "%llu/%.*s", (unsigned long long)cluster_id, STR_ARGS(name));
}

struct service *service_find(const struct state *state, const struct cluster *cluster,
                             struct str name)
{
    struct arena scratch = ARENA_INIT;
    struct str key = key_of(&scratch, cluster->entity.id, name);
    struct service *found;

    MAP_FIND_STR(by_key, state->services_by_key, key, found);
    arena_deinit(&scratch);
    return found;
}

struct service *service_next(const struct state *state, const struct cluster *cluster,
                             uint64_t after)
{
    struct service *here = service_get(state, after);
    struct list *at = cluster->services.next;

    if (here != NULL && here->cluster_id == cluster->entity.id)
        at = here->in_cluster.next;
    while (at != &cluster->services &&
           LIST_ENTRY(at, struct service, in_cluster)->entity.id <= after)
        at = at->next;
    return at != &cluster->services ? LIST_ENTRY(at, struct service, in_cluster) : NULL;
}

// In the order of ids, also when a removal is undone.
static void link_in_cluster(struct cluster *cluster, struct service *service)
{
    struct list *at = &cluster->services;

    while (at->prev != &cluster->services &&
           LIST_ENTRY(at->prev, struct service, in_cluster)->entity.id > service->entity.id)
        at = at->prev;
    list_insert_before(at, &service->in_cluster);
}

static struct service *service_new(struct state *state, uint64_t id, const struct rec_service *rec)
{
    struct service *service = mem_zalloc(sizeof *service);
    struct arena scratch = ARENA_INIT;
    struct str key = key_of(&scratch, (uint64_t)rec->cluster_id, rec->name);
    char *own = mem_alloc(key.len);

    memcpy(own, key.ptr, key.len);
    service->entity = (struct entity){.id = id, .kind = REC_KIND_SERVICE};
    service->cluster_id = (uint64_t)rec->cluster_id;
    service->key = str_span(own, key.len);
    list_init(&service->revisions);
    list_init(&service->deployments);
    list_init(&service->service_deployments);
    list_init(&service->events);
    list_init(&service->tasks);
    MAP_ADD_STR(by_key, state->services_by_key, key, service);
    idtable_put(&state->entities[REC_KIND_SERVICE], id, service);
    link_in_cluster(cluster_get(state, service->cluster_id), service);
    arena_deinit(&scratch);
    return service;
}

static void service_delete(struct state *state, struct service *service)
{
    ASSERT(list_is_empty(&service->revisions) && list_is_empty(&service->deployments));
    ASSERT(list_is_empty(&service->service_deployments) && list_is_empty(&service->events));
    ASSERT(list_is_empty(&service->tasks));
    expiry_clear(&state->expiries, &service->expiry);
    expiry_clear(&state->wakes, &service->wake);
    list_remove(&service->as_daemon);
    list_remove(&service->dirty);
    list_remove(&service->waiting);
    list_remove(&service->in_cluster);
    cluster_set_expiry(state, cluster_get(state, service->cluster_id));
    MAP_DEL(by_key, state->services_by_key, service);
    idtable_remove(&state->entities[REC_KIND_SERVICE], service->entity.id);
    mem_free((void *)(uintptr_t)service->key.ptr);
    mem_free(service);
}

static void count_in_cluster(struct state *state, const struct service *service, uint32_t by)
{
    struct cluster *cluster = cluster_get(state, service->cluster_id);

    if (service->rec->status == REC_SERVICE_STATUS_ACTIVE)
        cluster->services_active_n[service->rec->launch_type] += by;
    else if (service->rec->status == REC_SERVICE_STATUS_DRAINING)
        cluster->services_draining_n[service->rec->launch_type] += by;
}

static void link_as_daemon(struct state *state, struct service *service)
{
    bool is_daemon = service->rec->scheduling_strategy == ECS_SCHEDULING_STRATEGY_DAEMON &&
                     service->rec->status == REC_SERVICE_STATUS_ACTIVE;

    if (!is_daemon)
        list_remove(&service->as_daemon);
    else if (!list_is_linked(&service->as_daemon))
        list_push_back(&cluster_get(state, service->cluster_id)->daemons, &service->as_daemon);
}

static void set_expiry(struct state *state, struct service *service)
{
    if (service->rec->status == REC_SERVICE_STATUS_INACTIVE)
        expiry_set(&state->expiries, &service->expiry, REC_KIND_SERVICE, service->entity.id,
                   service->rec->inactive_at + state->config.inactive_keep_ms);
    else
        expiry_clear(&state->expiries, &service->expiry);
}

void service_apply(struct state *state, uint64_t id, const void *record)
{
    const struct rec_service *rec = record;
    struct service *service = service_get(state, id);

    if (service != NULL)
        count_in_cluster(state, service, UINT32_MAX); // minus one
    else
        service = service_new(state, id, rec);
    if (rec == NULL) {
        service_delete(state, service);
        return;
    }
    service->entity.record = rec;
    service->rec = rec;
    count_in_cluster(state, service, 1);
    link_as_daemon(state, service);
    cluster_set_expiry(state, cluster_get(state, service->cluster_id));
    set_expiry(state, service);
    service_mark(state, service);
}

// ---- tasks

static void count_task(struct state *state, struct service *service, const struct task *task,
                       uint32_t by)
{
    struct deployment *deployment = deployment_get(state, (uint64_t)task->rec->deployment_id);

    if (task_is_pending(task)) {
        service->pending_n += by;
        deployment->pending_n += by;
    } else {
        service->running_n += by;
        deployment->running_n += by;
    }
}

void service_drop_task(struct state *state, struct task *task, bool stays)
{
    struct service *service;

    if (task->rec->service_id == 0 || task_is_stopped(task))
        return;
    service = service_get(state, (uint64_t)task->rec->service_id);
    count_task(state, service, task, UINT32_MAX);
    if (!stays)
        list_remove(&task->in_service);
    service_mark(state, service);
}

// By id: an end that is undone puts a task back among newer ones.
static void link_task(struct service *service, struct task *task)
{
    struct list *at = &service->tasks;

    while (at->prev != &service->tasks &&
           LIST_ENTRY(at->prev, struct task, in_service)->entity.id > task->entity.id)
        at = at->prev;
    list_insert_before(at, &task->in_service);
}

void service_take_task(struct state *state, struct task *task)
{
    struct service *service;

    if (task->rec->service_id == 0 || task_is_stopped(task))
        return;
    service = service_get(state, (uint64_t)task->rec->service_id);
    count_task(state, service, task, 1);
    if (!list_is_linked(&task->in_service))
        link_task(service, task);
    service_mark(state, service);
}

// ---- what is to be looked at

void service_mark(struct state *state, struct service *service)
{
    if (service->rec->status != REC_SERVICE_STATUS_INACTIVE && !list_is_linked(&service->dirty))
        list_push_back(&state->services_dirty, &service->dirty);
}

void services_mark_room(struct state *state, struct cluster *cluster)
{
    if (PLANTED(PLANT_ROOM_UNNOTICED))
        return;
    cluster_mark_room(state, cluster);
    LIST_EACH (&cluster->services_waiting, it)
        service_mark(state, LIST_ENTRY(it, struct service, waiting));
}

void services_mark_daemons(struct state *state, struct cluster *cluster)
{
    LIST_EACH (&cluster->daemons, it)
        service_mark(state, LIST_ENTRY(it, struct service, as_daemon));
}

void services_mark_zones(struct state *state, struct cluster *cluster)
{
    LIST_EACH (&cluster->services, it) {
        struct service *service = LIST_ENTRY(it, struct service, in_cluster);

        if (service->rec->availability_zone_rebalancing ==
            ECS_AVAILABILITY_ZONE_REBALANCING_ENABLED)
            service_mark(state, service);
    }
}

void services_mark_instance(struct state *state, struct instance *instance)
{
    struct cluster *cluster = cluster_get(state, instance->cluster_id);

    services_mark_room(state, cluster);
    services_mark_daemons(state, cluster);
    LIST_EACH (&instance->tasks, it) {
        const struct task *task = LIST_ENTRY(it, struct task, on_instance);

        if (task->rec->service_id != 0)
            service_mark(state, service_get(state, (uint64_t)task->rec->service_id));
    }
}

struct str service_arn(const struct state *state, const struct service *service,
                       struct arena *arena)
{
    const struct cluster *cluster = cluster_get(state, service->cluster_id);
    struct scope scope = cluster_scope(state, cluster);

    return arn_make2(arena, &scope, "service", cluster->rec->name, service->rec->name);
}

// ---- invariants

static void check_tasks(const struct state *state, const struct service *service)
{
    uint32_t running = 0;
    uint32_t pending = 0;
    uint64_t last = 0;

    LIST_EACH (&service->tasks, it) {
        const struct task *task = LIST_ENTRY(it, struct task, in_service);
        const struct deployment *deployment =
            deployment_get(state, (uint64_t)task->rec->deployment_id);

        ASSERT((uint64_t)task->rec->service_id == service->entity.id && !task_is_stopped(task));
        ASSERT(deployment != NULL && deployment->part.service_id == service->entity.id);
        ASSERT(task->entity.id > last);
        last = task->entity.id;
        running += !task_is_pending(task);
        pending += task_is_pending(task);
    }
    ASSERT_SAY(service->running_n == running && service->pending_n == pending, "service %.*s",
               STR_ARGS(service->rec->name));
}

static void check_deployments(const struct state *state, const struct service *service)
{
    uint32_t running = 0;
    uint32_t pending = 0;
    int primaries = 0;

    LIST_EACH (&service->deployments, it) {
        const struct deployment *deployment = PART(it, struct deployment);

        ASSERT(revision_get(state, (uint64_t)deployment->rec->revision_id) != NULL);
        primaries += deployment->rec->status == REC_DEPLOYMENT_STATUS_PRIMARY;
        running += deployment->running_n;
        pending += deployment->pending_n;
    }
    ASSERT_SAY(primaries <= 1, "service %.*s", STR_ARGS(service->rec->name));
    ASSERT_SAY(service->running_n == running && service->pending_n == pending, "service %.*s",
               STR_ARGS(service->rec->name));
}

void service_check_all(const struct state *state)
{
    const struct idtable *table = &state->entities[REC_KIND_SERVICE];

    for (uint64_t id = 0; (id = idtable_next(table, id)) != 0;) {
        const struct service *service = service_get(state, id);

        check_tasks(state, service);
        check_deployments(state, service);
        ASSERT((service->expiry.slot != 0) ==
               (service->rec->status == REC_SERVICE_STATUS_INACTIVE));
    }
}
