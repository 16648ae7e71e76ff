// See events.h. One pass over the journal; each kind of record has a function that compares what
// was with what is. A task's detail is only made when it is written, on the thread that writes, for
// tasks are what there are most of.

#include "core/events.h"

#include "base/arena.h"
#include "base/assert.h"
#include "core/service_texts.h"
#include "model/cluster.h"
#include "model/deployment.h"
#include "model/instance.h"
#include "model/service.h"

struct derivation {
    struct state *state;
    struct arena *arena;
    struct event_notes notes;
    struct event_note **last;
};

struct str event_detail_type(enum event_kind kind)
{
    static const struct str names[EVENT_KIND_N] = {
        [EVENT_TASK] = STR_INIT("ECS Task State Change"),
        [EVENT_INSTANCE] = STR_INIT("ECS Container Instance State Change"),
        [EVENT_INSTANCE_HEALTH] = STR_INIT("ECS Container Instance Health Change"),
        [EVENT_SERVICE_ACTION] = STR_INIT("ECS Service Action"),
        [EVENT_DEPLOYMENT] = STR_INIT("ECS Deployment State Change"),
        [EVENT_HOOK] = STR_INIT("ECS Hook State Change"),
    };

    return names[kind];
}

const struct shape *event_shape(enum event_kind kind)
{
    static const struct shape *const shapes[EVENT_KIND_N] = {
        [EVENT_TASK] = &evt_task_change_shape,
        [EVENT_INSTANCE] = &evt_instance_change_shape,
        [EVENT_INSTANCE_HEALTH] = &evt_instance_health_shape,
        [EVENT_SERVICE_ACTION] = &evt_service_action_shape,
        [EVENT_DEPLOYMENT] = &evt_deployment_change_shape,
        [EVENT_HOOK] = &evt_hook_change_shape,
    };

    return shapes[kind];
}

static struct event_note *add_note(struct derivation *d, enum event_kind kind, struct str region)
{
    struct event_note *note = arena_new(d->arena, struct event_note);

    note->kind = kind;
    note->region = region;
    *d->last = note;
    d->last = &note->next;
    d->notes.n++;
    return note;
}

// ---- tasks

static void on_task(struct derivation *d, const struct journal_entry *entry)
{
    const struct rec_task *before = entry->before;
    const struct rec_task *after = entry->after;
    struct event_note *note;

    if (after == NULL || (before != NULL && before->version == after->version))
        return;
    note = add_note(d, EVENT_TASK, STR_NONE);
    note->task = task_picture_of(d->state, after);
    note->region = note->task.scope.region;
}

// What callers set there may be a secret, and events leave the house.
static struct ecs_task_override *without_secrets(const struct ecs_task_override *overrides,
                                                 struct arena *arena)
{
    struct ecs_task_override *out = arena_copy(arena, overrides, sizeof *out);
    struct ecs_container_override_list *list = &out->container_overrides;

    list->at = arena_copy(arena, list->at, list->n * sizeof *list->at);
    for (size_t i = 0; i < list->n; i++) {
        struct ecs_key_value_pair_list *pairs = &list->at[i].environment;

        pairs->at = arena_copy(arena, pairs->at, pairs->n * sizeof *pairs->at);
        for (size_t k = 0; k < pairs->n; k++)
            pairs->at[k].value = STR("***");
    }
    return out;
}

#define CARRY(out, view, member)                                                                   \
    do {                                                                                           \
        if ((view)->has.member)                                                                    \
            SET((out), member, (view)->member);                                                    \
    } while (0)

static void carry_times(const struct ecs_task *view, struct evt_task_change *out)
{
    CARRY(out, view, connectivity_at);
    CARRY(out, view, created_at);
    CARRY(out, view, execution_stopped_at);
    CARRY(out, view, pull_started_at);
    CARRY(out, view, pull_stopped_at);
    CARRY(out, view, started_at);
    CARRY(out, view, stopped_at);
    CARRY(out, view, stopping_at);
}

// Interfaces have another name here.
static struct ecs_attachment_list as_in_events(const struct ecs_attachment_list *from,
                                               struct arena *arena)
{
    struct ecs_attachment_list list = {
        .n = from->n, .at = arena_copy(arena, from->at, from->n * sizeof *from->at)};

    for (size_t i = 0; i < list.n; i++) {
        if (str_eq(list.at[i].type, STR("ElasticNetworkInterface")))
            SET(&list.at[i], type, STR("eni"));
    }
    return list;
}

void event_task_detail(const struct task_picture *picture, time_ms at, struct arena *arena,
                       struct evt_task_change *out)
{
    struct ecs_task *view = arena_new(arena, struct ecs_task);

    task_picture_view(picture, false, arena, view);
    view->attachments = as_in_events(&view->attachments, arena);
    for (size_t i = 0; i < view->containers.n; i++)
        view->containers.at[i].has.health_status = false;
    CARRY(out, view, attachments);
    CARRY(out, view, attributes);
    CARRY(out, view, availability_zone);
    CARRY(out, view, capacity_provider_name);
    CARRY(out, view, cluster_arn);
    CARRY(out, view, connectivity);
    CARRY(out, view, container_instance_arn);
    CARRY(out, view, containers);
    CARRY(out, view, cpu);
    CARRY(out, view, desired_status);
    CARRY(out, view, enable_execute_command);
    CARRY(out, view, group);
    CARRY(out, view, last_status);
    CARRY(out, view, launch_type);
    CARRY(out, view, memory);
    SET(out, overrides, without_secrets(view->overrides, arena));
    CARRY(out, view, platform_version);
    CARRY(out, view, started_by);
    CARRY(out, view, stop_code);
    CARRY(out, view, stopped_reason);
    CARRY(out, view, task_arn);
    CARRY(out, view, task_definition_arn);
    CARRY(out, view, version);
    carry_times(view, out);
    SET(out, updated_at, at);
}

// ---- container instances

static struct evt_resource_list resources_of(const struct ecs_resource_list *from,
                                             struct arena *arena)
{
    struct evt_resource_list out = {.at = arena_array(arena, struct evt_resource, from->n)};

    for (; out.n < from->n; out.n++) {
        const struct ecs_resource *resource = &from->at[out.n];

        SET(&out.at[out.n], name, resource->name);
        SET(&out.at[out.n], type, resource->type);
        if (resource->has.string_set_value)
            SET(&out.at[out.n], string_set_value, resource->string_set_value);
        else
            SET(&out.at[out.n], integer_value, resource->integer_value);
    }
    return out;
}

static void note_instance(struct derivation *d, const struct instance *instance,
                          const struct rec_instance_state *st)
{
    const struct cluster *cluster = cluster_get(d->state, instance->cluster_id);
    struct evt_instance_change *out = arena_new(d->arena, struct evt_instance_change);
    struct ecs_container_instance *view = arena_new(d->arena, struct ecs_container_instance);
    struct event_note *note = add_note(d, EVENT_INSTANCE, cluster->rec->region);
    struct instance shown = *instance; // as it was with this state

    shown.st = st;
    instance_view(d->state, &shown, 0, d->arena, view);
    CARRY(out, view, agent_connected);
    CARRY(out, view, agent_update_status);
    CARRY(out, view, attachments);
    CARRY(out, view, attributes);
    CARRY(out, view, capacity_provider_name);
    SET(out, cluster_arn, cluster_arn(d->state, cluster, d->arena));
    CARRY(out, view, container_instance_arn);
    CARRY(out, view, ec2_instance_id);
    CARRY(out, view, registered_at);
    SET(out, registered_resources, resources_of(&view->registered_resources, d->arena));
    SET(out, remaining_resources, resources_of(&view->remaining_resources, d->arena));
    CARRY(out, view, status);
    CARRY(out, view, status_reason);
    SET(out, updated_at, d->notes.at);
    CARRY(out, view, version);
    CARRY(out, view, version_info);
    note->resource = out->container_instance_arn;
    note->detail = out;
}

// As JSON; names of providers need no escapes.
static struct str provider_name(const struct instance *instance, struct arena *arena)
{
    if (instance->provider.len == 0)
        return STR("null");
    return str_fmt(arena, "\"%.*s\"", STR_ARGS(instance->provider));
}

// Of an instance we know one thing: whether its agent is there.
static void note_health(struct derivation *d, const struct instance *instance, bool is_lost)
{
    const struct cluster *cluster = cluster_get(d->state, instance->cluster_id);
    struct evt_instance_health *out = arena_new(d->arena, struct evt_instance_health);
    struct evt_health_check *check = arena_new(d->arena, struct evt_health_check);
    struct event_note *note = add_note(d, EVENT_INSTANCE_HEALTH, cluster->rec->region);
    enum ecs_instance_health_check_state state =
        is_lost ? ECS_INSTANCE_HEALTH_CHECK_STATE_INSUFFICIENT_DATA
                : ECS_INSTANCE_HEALTH_CHECK_STATE_OK;

    SET(check, type, ECS_INSTANCE_HEALTH_CHECK_TYPE_AGENT_CONNECTIVITY);
    SET(check, status, state);
    SET(check, last_status_change, d->notes.at);
    SET(check, last_updated, d->notes.at);
    if (is_lost)
        SET(check, status_reason,
            str_fmt(d->arena, "Agent disconnected since %.*s",
                    STR_ARGS(time_iso8601(d->arena, instance->st->disconnected_at))));
    SET(out, cluster_arn, cluster_arn(d->state, cluster, d->arena));
    SET(out, container_instance_arn, instance_arn(d->state, instance, d->arena));
    SET(out, capacity_provider_name, provider_name(instance, d->arena));
    if (instance->rec->has.ec2_instance_id)
        SET(out, ec2_instance_id, instance->rec->ec2_instance_id);
    SET(out, overall_status, state);
    SET(out, health_checks, (struct evt_health_check_list){.n = 1, .at = check});
    note->resource = out->container_instance_arn;
    note->detail = out;
}

static void note_connection(struct derivation *d, const struct instance *instance,
                            const struct rec_instance_state *before)
{
    const struct rec_instance_state *now = instance->st;

    if (instance_is_connected(instance)) {
        if (before == NULL || before->connected_at != now->connected_at)
            note_health(d, instance, false);
    } else if (before != NULL && before->disconnected_at != now->disconnected_at) {
        note_health(d, instance, true);
    }
}

// The first entry of the batch has what was there before it, the last one is what is there now.
// Between them only changes of the status are told.
static void on_instance_state(struct derivation *d, const struct journal_entry *entry)
{
    struct instance *instance = instance_get(d->state, entry->id);
    const struct rec_instance_state *before = entry->before;
    const struct rec_instance_state *after = entry->after;

    if (instance == NULL || after == NULL || instance_is_fargate(instance))
        return;
    if (entry->first)
        instance->untold = before;
    if (after != instance->st) {
        if (before == NULL || before->status != after->status)
            note_instance(d, instance, after);
        return;
    }
    before = instance->untold;
    if (before != NULL && before->version == after->version)
        return;
    note_instance(d, instance, after);
    note_connection(d, instance, before);
}

// ---- services

static struct event_note *add_service_note(struct derivation *d, enum event_kind kind,
                                           const struct service *service)
{
    const struct cluster *cluster = cluster_get(d->state, service->cluster_id);
    struct event_note *note = add_note(d, kind, cluster->rec->region);

    note->resource = service_arn(d->state, service, d->arena);
    return note;
}

static struct str action_type(enum rec_service_action action)
{
    if (action == REC_SERVICE_ACTION_SERVICE_TASK_START_IMPAIRED)
        return STR("WARN");
    return action >= REC_SERVICE_ACTION_SERVICE_DAEMON_PLACEMENT_CONSTRAINT_VIOLATED ? STR("ERROR")
                                                                                     : STR("INFO");
}

static struct evt_service_action *note_action(struct derivation *d, const struct service *service,
                                              enum rec_service_action action)
{
    struct event_note *note = add_service_note(d, EVENT_SERVICE_ACTION, service);
    struct evt_service_action *out = arena_new(d->arena, struct evt_service_action);

    SET(out, event_type, action_type(action));
    SET(out, event_name, shape_enum_name(&rec_service_action_enum, (int)action));
    SET(out, cluster_arn,
        cluster_arn(d->state, cluster_get(d->state, service->cluster_id), d->arena));
    SET(out, created_at, d->notes.at);
    note->detail = out;
    return out;
}

static void on_service(struct derivation *d, const struct journal_entry *entry)
{
    const struct service *service = service_get(d->state, entry->id);
    const struct rec_service *before = entry->before;
    const struct rec_service *after = entry->after;

    if (service == NULL || before == NULL || after == NULL ||
        before->desired_count == after->desired_count)
        return;
    note_action(d, service, REC_SERVICE_ACTION_SERVICE_DESIRED_COUNT_UPDATED);
}

// A service that is steady is so on the providers of its strategy, too.
static void note_providers(struct derivation *d, const struct service *service)
{
    const struct ecs_capacity_provider_strategy_item_list *strategy =
        &service->rec->capacity_provider_strategy;
    struct scope scope = cluster_scope(d->state, cluster_get(d->state, service->cluster_id));
    struct str_list arns = {.at = arena_array(d->arena, struct str, strategy->n)};
    struct evt_service_action *out;

    for (; arns.n < strategy->n; arns.n++)
        arns.at[arns.n] =
            arn_make(d->arena, &scope, "capacity-provider", strategy->at[arns.n].capacity_provider);
    if (arns.n == 0)
        return;
    out = note_action(d, service, REC_SERVICE_ACTION_CAPACITY_PROVIDER_STEADY_STATE);
    SET(out, capacity_provider_arns, arns);
}

static void on_service_event(struct derivation *d, const struct journal_entry *entry)
{
    const struct rec_service_event *rec = entry->after;
    const struct service *service;
    struct evt_service_action *out;
    struct str_list *instances;

    if (rec == NULL || entry->before != NULL || rec->action == REC_SERVICE_ACTION_UNSET)
        return;
    service = service_get(d->state, (uint64_t)rec->service_id);
    if (service == NULL)
        return;
    out = note_action(d, service, rec->action);
    CARRY(out, rec, created_at);
    CARRY(out, rec, reason);
    CARRY(out, rec, capacity_provider_arns);
    if (rec->action == REC_SERVICE_ACTION_SERVICE_STEADY_STATE)
        note_providers(d, service);
    if (!rec->has.container_instance_arn)
        return;
    out->has.container_instance_arns = true;
    instances = &out->container_instance_arns;
    instances->n = 1;
    instances->at = arena_copy(d->arena, &rec->container_instance_arn, sizeof(struct str));
}

struct rollout_event {
    const char *type;
    const char *name;
};

static const struct rollout_event rollout_events[] = {
    [ECS_DEPLOYMENT_ROLLOUT_STATE_COMPLETED] = {"INFO", "SERVICE_DEPLOYMENT_COMPLETED"},
    [ECS_DEPLOYMENT_ROLLOUT_STATE_FAILED] = {"ERROR", "SERVICE_DEPLOYMENT_FAILED"},
    [ECS_DEPLOYMENT_ROLLOUT_STATE_IN_PROGRESS] = {"INFO", "SERVICE_DEPLOYMENT_IN_PROGRESS"},
};

// The event says "task" where the API says "tasks".
static struct str rollout_reason(const struct rec_deployment *rec)
{
    if (rec->rollout_state == ECS_DEPLOYMENT_ROLLOUT_STATE_FAILED &&
        str_eq(rec->rollout_state_reason, rollout_reason_breaker()))
        return STR("ECS deployment circuit breaker: task failed to start.");
    return rec->rollout_state_reason;
}

static void on_task_set(struct derivation *d, const struct rec_deployment *before,
                        const struct rec_deployment *after)
{
    const struct service *service = service_get(d->state, (uint64_t)after->service_id);

    if (service != NULL && before != NULL && before->stability != after->stability &&
        after->stability == ECS_STABILITY_STATUS_STEADY_STATE)
        note_action(d, service, REC_SERVICE_ACTION_TASKSET_STEADY_STATE);
}

static void on_deployment(struct derivation *d, const struct journal_entry *entry)
{
    const struct rec_deployment *before = entry->before;
    const struct rec_deployment *after = entry->after;
    const struct rollout_event *event;
    const struct service *service;
    struct evt_deployment_change *out;

    if (after != NULL)
        on_task_set(d, before, after);
    if (after == NULL || after->rollout_state == ECS_DEPLOYMENT_ROLLOUT_STATE_UNSET ||
        (before != NULL && before->rollout_state == after->rollout_state))
        return;
    service = service_get(d->state, (uint64_t)after->service_id);
    if (service == NULL)
        return;
    event = &rollout_events[after->rollout_state];
    out = arena_new(d->arena, struct evt_deployment_change);
    SET(out, event_type, str_of(event->type));
    SET(out, event_name, str_of(event->name));
    SET(out, deployment_id, str_fmt(d->arena, "ecs-svc/%lld", (long long)after->number));
    SET(out, updated_at, after->updated_at);
    SET(out, reason, rollout_reason(after));
    add_service_note(d, EVENT_DEPLOYMENT, service)->detail = out;
}

// ---- hooks

static const struct rec_deployment_hook *hook_of(const struct rec_service_deployment *rec,
                                                 struct str hook_id)
{
    for (size_t i = 0; rec != NULL && i < rec->hooks.n; i++) {
        if (str_eq(rec->hooks.at[i].hook_id, hook_id))
            return &rec->hooks.at[i];
    }
    return NULL;
}

static bool is_pause(const struct rec_service_deployment *rec,
                     const struct rec_deployment_hook *hook)
{
    return rec->deployment_configuration->lifecycle_hooks.at[hook->index].target_type ==
           ECS_DEPLOYMENT_LIFECYCLE_HOOK_TARGET_TYPE_PAUSE;
}

static void note_hook(struct derivation *d, const struct service_deployment *deployment,
                      const struct rec_service_deployment *rec,
                      const struct rec_deployment_hook *hook)
{
    const struct service *service = service_get(d->state, deployment->part.service_id);
    const struct cluster *cluster = cluster_get(d->state, service->cluster_id);
    struct evt_hook_change *out = arena_new(d->arena, struct evt_hook_change);
    struct str status =
        shape_enum_name(&ecs_deployment_lifecycle_hook_status_enum, (int)hook->status);
    bool is_bad = hook->status == ECS_DEPLOYMENT_LIFECYCLE_HOOK_STATUS_FAILED ||
                  hook->status == ECS_DEPLOYMENT_LIFECYCLE_HOOK_STATUS_TIMED_OUT;

    SET(out, event_type, is_bad ? STR("ERROR") : STR("INFO"));
    SET(out, event_name, str_fmt(d->arena, "HOOK_%.*s", STR_ARGS(status)));
    SET(out, hook_id, hook->hook_id);
    SET(out, hook_type, STR("PAUSE"));
    SET(out, expires_at, hook->expires_at);
    SET(out, lifecycle_stage, shape_enum_name(&rec_deploy_stage_enum, (int)rec->stage));
    SET(out, cluster_arn, cluster_arn(d->state, cluster, d->arena));
    SET(out, service_arn, service_arn(d->state, service, d->arena));
    SET(out, service_deployment_arn, service_deployment_arn(d->state, deployment, d->arena));
    SET(out, updated_at, d->notes.at);
    add_service_note(d, EVENT_HOOK, service)->detail = out;
}

// Of pauses only; the others are no business of whoever listens.
static void on_service_deployment(struct derivation *d, const struct journal_entry *entry)
{
    const struct rec_service_deployment *rec = entry->after;
    const struct service_deployment *deployment = service_deployment_get(d->state, entry->id);

    for (size_t i = 0; rec != NULL && deployment != NULL && i < rec->hooks.n; i++) {
        const struct rec_deployment_hook *hook = &rec->hooks.at[i];
        const struct rec_deployment_hook *before = hook_of(entry->before, hook->hook_id);

        if (is_pause(rec, hook) && (before == NULL || before->status != hook->status))
            note_hook(d, deployment, rec, hook);
    }
}

// ---- all of them

typedef void on_entry_fn(struct derivation *d, const struct journal_entry *entry);

static on_entry_fn *const on_entry[REC_KIND_N] = {
    [REC_KIND_TASK] = on_task,
    [REC_KIND_INSTANCE_STATE] = on_instance_state,
    [REC_KIND_SERVICE] = on_service,
    [REC_KIND_SERVICE_EVENT] = on_service_event,
    [REC_KIND_DEPLOYMENT] = on_deployment,
    [REC_KIND_SERVICE_DEPLOYMENT] = on_service_deployment,
};

struct event_notes events_of(struct state *state, time_ms now, struct arena *arena)
{
    struct derivation d = {.state = state, .arena = arena, .notes = {.at = now}};

    d.last = &d.notes.first;
    for (size_t i = 0; i < state->journal.n; i++) {
        const struct journal_entry *entry = &state->journal.at[i];

        if (on_entry[entry->kind] != NULL)
            on_entry[entry->kind](&d, entry);
    }
    return d.notes;
}
