// See deployment.h. The four kinds have the same life: a record, a place in a list of their
// service, and no index besides.

#include "model/deployment.h"

#include "base/arena.h"
#include "base/mem.h"
#include "model/cluster.h"
#include "model/service.h"
#include "model/task.h"
#include "model/task_definition.h"

struct revision *revision_get(const struct state *state, uint64_t id)
{
    return (struct revision *)state_get(state, REC_KIND_REVISION, id);
}

struct deployment *deployment_get(const struct state *state, uint64_t id)
{
    return (struct deployment *)state_get(state, REC_KIND_DEPLOYMENT, id);
}

struct service_deployment *service_deployment_get(const struct state *state, uint64_t id)
{
    return (struct service_deployment *)state_get(state, REC_KIND_SERVICE_DEPLOYMENT, id);
}

// Makes the part of this kind; `size` is the whole structure's. In the order of ids, also when a
// removal is undone.
static struct service_part *part_new(struct state *state, enum rec_kind kind, uint64_t id,
                                     int64_t service_id, struct list *head, size_t size)
{
    struct service_part *part = mem_zalloc(size);
    struct list *at = head;

    part->entity = (struct entity){.id = id, .kind = kind};
    part->service_id = (uint64_t)service_id;
    while (at->prev != head && PART(at->prev, struct service_part)->entity.id > id)
        at = at->prev;
    list_insert_before(at, &part->in_service);
    idtable_put(&state->entities[kind], id, part);
    return part;
}

static void part_delete(struct state *state, struct service_part *part)
{
    list_remove(&part->in_service);
    idtable_remove(&state->entities[part->entity.kind], part->entity.id);
    mem_free(part);
}

// A definition that is being deleted stays while a revision names it.
static void count_on_definition(struct state *state, const struct rec_service_revision *rec,
                                uint32_t by)
{
    struct task_definition *definition = task_definition_get(state, (uint64_t)rec->definition_id);

    definition->revisions_n += by;
    task_definition_set_expiry(state, definition);
}

void revision_apply(struct state *state, uint64_t id, const void *record)
{
    const struct rec_service_revision *rec = record;
    struct revision *revision = revision_get(state, id);

    if (rec == NULL) {
        count_on_definition(state, revision->rec, UINT32_MAX); // minus one
        part_delete(state, &revision->part);
        return;
    }
    if (revision == NULL) {
        revision = (struct revision *)part_new(
            state, REC_KIND_REVISION, id, rec->service_id,
            &service_get(state, (uint64_t)rec->service_id)->revisions, sizeof *revision);
        count_on_definition(state, rec, 1);
    }
    revision->part.entity.record = rec;
    revision->rec = rec;
}

void deployment_apply(struct state *state, uint64_t id, const void *record)
{
    const struct rec_deployment *rec = record;
    struct deployment *deployment = deployment_get(state, id);

    if (rec == NULL) {
        ASSERT(deployment->running_n == 0 && deployment->pending_n == 0);
        part_delete(state, &deployment->part);
        return;
    }
    if (deployment == NULL)
        deployment = (struct deployment *)part_new(
            state, REC_KIND_DEPLOYMENT, id, rec->service_id,
            &service_get(state, (uint64_t)rec->service_id)->deployments, sizeof *deployment);
    deployment->part.entity.record = rec;
    deployment->rec = rec;
    service_mark(state, service_get(state, deployment->part.service_id));
}

void service_deployment_apply(struct state *state, uint64_t id, const void *record)
{
    const struct rec_service_deployment *rec = record;
    struct service_deployment *deployment = service_deployment_get(state, id);

    if (rec == NULL) {
        part_delete(state, &deployment->part);
        return;
    }
    if (deployment == NULL)
        deployment = (struct service_deployment *)part_new(
            state, REC_KIND_SERVICE_DEPLOYMENT, id, rec->service_id,
            &service_get(state, (uint64_t)rec->service_id)->service_deployments,
            sizeof *deployment);
    deployment->part.entity.record = rec;
    deployment->rec = rec;
    service_mark(state, service_get(state, deployment->part.service_id));
}

void service_event_apply(struct state *state, uint64_t id, const void *record)
{
    const struct rec_service_event *rec = record;
    struct service_event *event =
        (struct service_event *)state_get(state, REC_KIND_SERVICE_EVENT, id);

    if (rec == NULL) {
        // An undone one has to be said again.
        service_mark(state, service_get(state, event->part.service_id));
        service_get(state, event->part.service_id)->events_n--;
        part_delete(state, &event->part);
        return;
    }
    if (event == NULL) {
        struct service *service = service_get(state, (uint64_t)rec->service_id);

        event = (struct service_event *)part_new(state, REC_KIND_SERVICE_EVENT, id, rec->service_id,
                                                 &service->events, sizeof *event);
        service->events_n++;
    }
    event->part.entity.record = rec;
    event->rec = rec;
}

struct deployment *service_primary(const struct service *service)
{
    for (struct list *it = service->deployments.prev; it != &service->deployments; it = it->prev) {
        struct deployment *deployment = PART(it, struct deployment);

        if (deployment->rec->status == REC_DEPLOYMENT_STATUS_PRIMARY)
            return deployment;
    }
    return NULL;
}

struct service_deployment *service_newest_deployment(const struct service *service)
{
    if (list_is_empty(&service->service_deployments))
        return NULL;
    return PART(service->service_deployments.prev, struct service_deployment);
}

bool service_deployment_shifts(const struct service_deployment *deployment)
{
    const struct ecs_deployment_configuration *config = deployment->rec->deployment_configuration;

    return config != NULL && config->has.strategy &&
           config->strategy != ECS_DEPLOYMENT_STRATEGY_UNSET &&
           config->strategy != ECS_DEPLOYMENT_STRATEGY_ROLLING;
}

int32_t deployment_wanted(const struct state *state, const struct deployment *deployment)
{
    const struct service *service = service_get(state, deployment->part.service_id);
    int32_t n = 0;

    LIST_EACH (&service->tasks, it) {
        const struct task *task = LIST_ENTRY(it, struct task, in_service);

        n += task_is_wanted(task) &&
             (uint64_t)task->rec->deployment_id == deployment->part.entity.id;
    }
    return n;
}

struct task_definition *revision_definition(const struct state *state,
                                            const struct revision *revision)
{
    return task_definition_get(state, (uint64_t)revision->rec->definition_id);
}

struct str deployment_name(const struct deployment *deployment, struct arena *arena)
{
    return str_fmt(arena, "ecs-svc/%lld", (long long)deployment->rec->number);
}

// service-revision/<cluster>/<service>/<number>, and the like.
static struct str child_arn(const struct state *state, uint64_t service_id, const char *kind,
                            struct str tail, struct arena *arena)
{
    const struct service *service = service_get(state, service_id);
    const struct cluster *cluster = cluster_get(state, service->cluster_id);
    struct scope scope = cluster_scope(state, cluster);

    return arn_make2(arena, &scope, kind, cluster->rec->name,
                     str_fmt(arena, "%.*s/%.*s", STR_ARGS(service->rec->name), STR_ARGS(tail)));
}

struct str revision_arn(const struct state *state, const struct revision *revision,
                        struct arena *arena)
{
    return child_arn(state, revision->part.service_id, "service-revision",
                     str_fmt(arena, "%lld", (long long)revision->rec->number), arena);
}

struct str service_deployment_arn(const struct state *state,
                                  const struct service_deployment *deployment, struct arena *arena)
{
    return child_arn(state, deployment->part.service_id, "service-deployment", deployment->rec->uid,
                     arena);
}
