// See deploy.h. A service has at most one PRIMARY deployment, and at most one service deployment
// that is under way; the others of each are history or on their way out.

#include "core/deploy.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/id.h"
#include "base/proof.h"
#include "core/breaker.h"
#include "core/deployment_status.h"
#include "core/outcome.h"
#include "core/shift.h"
#include "core/traffic.h"
#include "model/deployment.h"
#include "model/service.h"

enum { EVENTS_KEPT = 100, HISTORY_KEPT = 100 };

// ---- records

struct rec_deployment *deployment_edit(struct step *step, const struct deployment *deployment)
{
    return arena_copy(step->arena, deployment->rec, sizeof *deployment->rec);
}

void deployment_change(struct step *step, struct deployment *deployment,
                       struct rec_deployment *next)
{
    SET(next, updated_at, step->now);
    state_put(step->state, REC_KIND_DEPLOYMENT, deployment->part.entity.id, next);
}

struct rec_service_deployment *service_deployment_edit(struct step *step,
                                                       const struct service_deployment *deployment)
{
    return arena_copy(step->arena, deployment->rec, sizeof *deployment->rec);
}

void service_deployment_change(struct step *step, struct service_deployment *deployment,
                               struct rec_service_deployment *next)
{
    ASSERT(next->status == deployment->rec->status ||
           service_deployment_may_follow(deployment->rec->status, next->status));
    SET(next, updated_at, step->now);
    state_put(step->state, REC_KIND_SERVICE_DEPLOYMENT, deployment->part.entity.id, next);
}

// ---- events

struct speaker service_speaker(const struct step *step, const struct service *service)
{
    return (struct speaker){.arena = step->arena, .service = service->rec->name};
}

// A repetition is left out until its cause has cleared: the steady state ends with whatever else is
// said, and every trouble ends with the steady state.
static bool is_repetition(const struct step *step, const struct service *service,
                          struct str message)
{
    struct speaker speaker = service_speaker(step, service);
    struct str steady = event_steady(&speaker);
    bool is_steady = str_eq(message, steady);

    for (struct list *it = service->events.prev; it != &service->events; it = it->prev) {
        const struct rec_service_event *rec = PART(it, struct service_event)->rec;

        if (str_eq(rec->message, message)) {
            MARK("a line of the events is not repeated");
            return !event_is_due(rec->created_at, step->now);
        }
        if (is_steady || str_eq(rec->message, steady))
            return false;
    }
    return false;
}

static void fill_action(const struct service_action *action, struct rec_service_event *rec)
{
    SET(rec, action, action->name);
    if (action->reason.len > 0)
        SET(rec, reason, action->reason);
    if (action->instance_arn.len > 0)
        SET(rec, container_instance_arn, action->instance_arn);
    if (action->providers.n > 0)
        SET(rec, capacity_provider_arns, action->providers);
}

void service_say(struct step *step, struct service *service, struct str message)
{
    service_act(step, service, message, NULL);
}

void service_act(struct step *step, struct service *service, struct str message,
                 const struct service_action *action)
{
    struct rec_service_event *rec = arena_new(step->arena, struct rec_service_event);

    if (is_repetition(step, service, message))
        return;
    if (action != NULL)
        fill_action(action, rec);
    SET(rec, service_id, (int64_t)service->entity.id);
    SET(rec, uid, id_uuid(step->arena, step->rng));
    SET(rec, created_at, step->now);
    SET(rec, message, message);
    state_put(step->state, REC_KIND_SERVICE_EVENT,
              state_new_id(step->state, REC_KIND_SERVICE_EVENT), rec);
    MARK_IF(service->events_n > EVENTS_KEPT, "the oldest of a hundred events goes");
    if (service->events_n > EVENTS_KEPT)
        state_remove(step->state, REC_KIND_SERVICE_EVENT,
                     PART(service->events.next, struct service_part)->entity.id);
}

// ---- begin

// Nineteen digits, as the number in "ecs-svc/<number>" has them.
int64_t deploy_new_number(struct step *step)
{
    static const int64_t least = INT64_C(1000000000000000000);

    return least + (int64_t)rng_below(step->rng, (uint64_t)least * 8);
}

// Twenty-one characters of [A-Za-z0-9_-].
static struct str new_uid(struct step *step)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    enum { LEN = 21 };
    char *text = arena_alloc(step->arena, LEN);

    for (int i = 0; i < LEN; i++)
        text[i] = alphabet[rng_below(step->rng, sizeof alphabet - 1)];
    return str_span(text, LEN);
}

uint64_t deploy_put_revision(struct step *step, struct service *service, int64_t number,
                             struct rec_service_revision *rec)
{
    uint64_t id = state_new_id(step->state, REC_KIND_REVISION);

    SET(rec, service_id, (int64_t)service->entity.id);
    SET(rec, number, number);
    SET(rec, created_at, step->now);
    state_put(step->state, REC_KIND_REVISION, id, rec);
    return id;
}

static uint64_t put_deployment(struct step *step, struct service *service, int64_t number,
                               uint64_t revision_id)
{
    struct rec_deployment *rec = arena_new(step->arena, struct rec_deployment);
    uint64_t id = state_new_id(step->state, REC_KIND_DEPLOYMENT);

    SET(rec, service_id, (int64_t)service->entity.id);
    SET(rec, revision_id, (int64_t)revision_id);
    SET(rec, number, number);
    SET(rec, status, REC_DEPLOYMENT_STATUS_PRIMARY);
    SET(rec, rollout_state, ECS_DEPLOYMENT_ROLLOUT_STATE_IN_PROGRESS);
    SET(rec, rollout_state_reason,
        rollout_reason_in_progress(step->arena,
                                   str_fmt(step->arena, "ecs-svc/%lld", (long long)number)));
    SET(rec, created_at, step->now);
    SET(rec, updated_at, step->now);
    state_put(step->state, REC_KIND_DEPLOYMENT, id, rec);
    return id;
}

// What the service ran until now: the revisions of the deployments that have tasks.
static struct long_list sources_of(struct step *step, const struct service *service,
                                   uint64_t except)
{
    struct long_list ids = {0};
    size_t n = 0;

    LIST_EACH (&service->deployments, it)
        n++;
    ids.at = arena_array(step->arena, int64_t, n);
    LIST_EACH (&service->deployments, it) {
        const struct deployment *deployment = PART(it, struct deployment);

        if (deployment->part.entity.id != except &&
            deployment->rec->status != REC_DEPLOYMENT_STATUS_INACTIVE)
            ids.at[ids.n++] = deployment->rec->revision_id;
    }
    return ids;
}

// The deployment that carries the service: the PRIMARY one when it was COMPLETED once, else the
// newest that was and has not failed since, else the newest with tasks. NULL: none.
static const struct deployment *carrier_of(const struct service *service)
{
    const struct deployment *found = service_primary(service);

    if (found != NULL && found->rec->completed)
        return found;
    for (struct list *it = service->deployments.prev; it != &service->deployments; it = it->prev) {
        const struct deployment *deployment = PART(it, struct deployment);

        if (deployment->rec->completed &&
            deployment->rec->rollout_state != ECS_DEPLOYMENT_ROLLOUT_STATE_FAILED)
            return deployment;
    }
    for (struct list *it = service->deployments.prev; it != &service->deployments; it = it->prev) {
        const struct deployment *deployment = PART(it, struct deployment);

        if (deployment->running_n + deployment->pending_n > 0)
            return deployment;
    }
    return NULL;
}

static bool shifts(const struct ecs_deployment_configuration *config)
{
    return config != NULL && config->strategy != ECS_DEPLOYMENT_STRATEGY_UNSET &&
           config->strategy != ECS_DEPLOYMENT_STRATEGY_ROLLING;
}

static void put_service_deployment(struct step *step, struct service *service,
                                   const struct deployment *deployment,
                                   const struct deployment *source)
{
    struct rec_service_deployment *rec = arena_new(step->arena, struct rec_service_deployment);
    struct breaker_rule rule = outcome_rule(service);
    struct breaker breaker = {0};

    SET(rec, service_id, (int64_t)service->entity.id);
    SET(rec, uid, new_uid(step));
    SET(rec, deployment_id, (int64_t)deployment->part.entity.id);
    SET(rec, target_revision_id, deployment->rec->revision_id);
    SET(rec, source_revision_ids, sources_of(step, service, deployment->part.entity.id));
    SET(rec, status, ECS_SERVICE_DEPLOYMENT_STATUS_PENDING);
    SET(rec, created_at, step->now);
    SET(rec, updated_at, step->now);
    SET(rec, deployment_configuration, service->rec->deployment_configuration);
    if (shifts(service->rec->deployment_configuration) && source != NULL)
        SET(rec, source_deployment_id, (int64_t)source->part.entity.id);
    SET(rec, breaker_status, breaker_status(&breaker, &rule, false));
    SET(rec, breaker_threshold,
        rule.enabled ? (int32_t)breaker_threshold(&rule, service->rec->desired_count) : 0);
    state_put(step->state, REC_KIND_SERVICE_DEPLOYMENT,
              state_new_id(step->state, REC_KIND_SERVICE_DEPLOYMENT), rec);
}

static void step_down(struct step *step, struct deployment *deployment)
{
    struct rec_deployment *next;

    if (deployment == NULL)
        return;
    next = deployment_edit(step, deployment);
    SET(next, status, REC_DEPLOYMENT_STATUS_ACTIVE);
    SET(next, held_count, deployment_wanted(step->state, deployment));
    deployment_change(step, deployment, next);
}

// ---- the end of a service deployment

static struct int_list counts_of(struct step *step, const struct service *service,
                                 const struct deployment *deployment)
{
    struct int_list counts = {.n = 3, .at = arena_array(step->arena, int32_t, 3)};

    counts.at[0] = deployment->rec->has.requested_count ? deployment->rec->requested_count
                                                        : service->rec->desired_count;
    counts.at[1] = (int32_t)deployment->running_n;
    counts.at[2] = (int32_t)deployment->pending_n;
    return counts;
}

// The shift is over: deployments have as many tasks as their state says.
static void forget_requests(struct step *step, struct service *service)
{
    LIST_EACH (&service->deployments, it) {
        struct deployment *deployment = PART(it, struct deployment);
        struct rec_deployment *next;

        if (!deployment->rec->has.requested_count)
            continue;
        next = deployment_edit(step, deployment);
        next->has.requested_count = false;
        next->requested_count = 0;
        deployment_change(step, deployment, next);
    }
}

// `reason` is empty where none is given.
static void finish(struct step *step, struct service *service,
                   struct service_deployment *deployment, enum ecs_service_deployment_status status,
                   struct str reason)
{
    struct rec_service_deployment *next = service_deployment_edit(step, deployment);
    const struct deployment *target =
        deployment_get(step->state, (uint64_t)deployment->rec->deployment_id);

    SET(next, status, status);
    if (reason.len > 0)
        SET(next, status_reason, reason);
    SET(next, finished_at, step->now);
    if (status == ECS_SERVICE_DEPLOYMENT_STATUS_STOPPED)
        SET(next, stopped_at, step->now);
    if (next->breaker_status == ECS_SERVICE_DEPLOYMENT_ROLLBACK_MONITORS_STATUS_MONITORING)
        SET(next, breaker_status,
            ECS_SERVICE_DEPLOYMENT_ROLLBACK_MONITORS_STATUS_MONITORING_COMPLETE);
    if (target != NULL)
        SET(next, final_counts, counts_of(step, service, target));
    service_deployment_change(step, deployment, next);
    if (status == ECS_SERVICE_DEPLOYMENT_STATUS_SUCCESSFUL ||
        status == ECS_SERVICE_DEPLOYMENT_STATUS_ROLLBACK_SUCCESSFUL)
        forget_requests(step, service);
}

// Makes way for a newer one. What cannot wait for that ends at once: a rollback that is overtaken
// has failed, one that was only asked for comes too late.
static void request_stop(struct step *step, struct service *service)
{
    struct service_deployment *newest = service_newest_deployment(service);
    struct rec_service_deployment *next;

    if (newest == NULL)
        return;
    switch ((int)newest->rec->status) {
    case ECS_SERVICE_DEPLOYMENT_STATUS_PENDING:
    case ECS_SERVICE_DEPLOYMENT_STATUS_IN_PROGRESS:
        MARK("a service deployment is asked to stop");
        next = service_deployment_edit(step, newest);
        SET(next, status, ECS_SERVICE_DEPLOYMENT_STATUS_STOP_REQUESTED);
        service_deployment_change(step, newest, next);
        return;
    case ECS_SERVICE_DEPLOYMENT_STATUS_ROLLBACK_REQUESTED:
        finish(step, service, newest, ECS_SERVICE_DEPLOYMENT_STATUS_STOPPED, STR_NONE);
        return;
    case ECS_SERVICE_DEPLOYMENT_STATUS_ROLLBACK_IN_PROGRESS:
        MARK("a rollback is overtaken");
        finish(step, service, newest, ECS_SERVICE_DEPLOYMENT_STATUS_ROLLBACK_FAILED, STR_NONE);
        return;
    default: return;
    }
}

static const struct rec_service_revision *revision_of(const struct step *step,
                                                      const struct deployment *deployment)
{
    return deployment != NULL
               ? revision_get(step->state, (uint64_t)deployment->rec->revision_id)->rec
               : NULL;
}

// Which target groups the new revision has. Where nobody moves traffic, that is said when the
// service gets its first load balancer.
static void resolve_traffic(struct step *step, struct service *service,
                            const struct deployment *source, struct rec_service_revision *revision)
{
    const struct rec_service_revision *older = revision_of(step, service_primary(service));
    struct speaker speaker = service_speaker(step, service);

    revision->has.resolved_configuration = false;
    revision->resolved_configuration = NULL;
    if (revision->load_balancers.n == 0)
        return;
    SET(revision, resolved_configuration,
        traffic_resolve(step->arena, revision, revision_of(step, source)));
    if (!step->state->config.has_traffic && (older == NULL || older->load_balancers.n == 0))
        service_say(step, service, event_no_traffic(&speaker));
}

struct deployment *deploy_begin(struct step *step, struct service *service,
                                struct rec_service_revision *revision)
{
    int64_t number = deploy_new_number(step);
    const struct deployment *source = carrier_of(service);
    uint64_t revision_id;
    struct deployment *deployment;

    resolve_traffic(step, service, source, revision);
    revision_id = deploy_put_revision(step, service, number, revision);
    step_down(step, service_primary(service));
    request_stop(step, service);
    deployment = deployment_get(step->state, put_deployment(step, service, number, revision_id));
    put_service_deployment(step, service, deployment, source);
    return deployment;
}

// ---- end

void deploy_complete(struct step *step, struct service *service)
{
    struct deployment *primary = service_primary(service);
    struct service_deployment *newest = service_newest_deployment(service);
    struct speaker speaker = service_speaker(step, service);
    struct str name = deployment_name(primary, step->arena);
    struct rec_deployment *next = deployment_edit(step, primary);

    SET(next, rollout_state, ECS_DEPLOYMENT_ROLLOUT_STATE_COMPLETED);
    SET(next, rollout_state_reason, rollout_reason_completed(step->arena, name));
    SET(next, completed, true);
    deployment_change(step, primary, next);
    service_say(step, service, event_completed(&speaker, name));
    if (newest == NULL || service_deployment_is_final(newest->rec->status))
        return;
    MARK_IF(newest->rec->status == ECS_SERVICE_DEPLOYMENT_STATUS_ROLLBACK_IN_PROGRESS,
            "a rollback is successful");
    finish(step, service, newest,
           newest->rec->status == ECS_SERVICE_DEPLOYMENT_STATUS_ROLLBACK_IN_PROGRESS
               ? ECS_SERVICE_DEPLOYMENT_STATUS_ROLLBACK_SUCCESSFUL
               : ECS_SERVICE_DEPLOYMENT_STATUS_SUCCESSFUL,
           STR_NONE);
}

// The newest deployment that is COMPLETED, but for the PRIMARY one. One that was and had to be
// rolled back to is not, until it is once more.
static struct deployment *last_completed(const struct service *service)
{
    for (struct list *it = service->deployments.prev; it != &service->deployments; it = it->prev) {
        struct deployment *deployment = PART(it, struct deployment);

        if (deployment->rec->rollout_state == ECS_DEPLOYMENT_ROLLOUT_STATE_COMPLETED &&
            deployment->rec->status != REC_DEPLOYMENT_STATUS_PRIMARY)
            return deployment;
    }
    return NULL;
}

// Where a rollback goes. A traffic shift goes back to where it came from, and to nothing else: that
// has all its tasks, be it COMPLETED or once more on its way there.
static struct deployment *rollback_target(const struct step *step, const struct service *service)
{
    const struct service_deployment *newest = service_newest_deployment(service);
    struct deployment *source;

    if (newest == NULL || service_deployment_is_final(newest->rec->status) ||
        !service_deployment_shifts(newest))
        return last_completed(service);
    source = deployment_get(step->state, (uint64_t)newest->rec->source_deployment_id);
    return source != NULL && source->rec->completed &&
                   source->rec->rollout_state != ECS_DEPLOYMENT_ROLLOUT_STATE_FAILED
               ? source
               : NULL;
}

// A traffic shift is at the beginning of its way back.
static void turn_back(struct step *step, struct rec_service_deployment *next)
{
    struct shift_place at = {
        .stage = (enum deploy_stage)next->stage,
        .phase = (enum shift_phase)next->phase,
        .step = (size_t)next->step,
        .is_back = next->is_going_back,
    };
    struct shift_place to = shift_back(&at, step->now);

    SET(next, stage, (enum rec_deploy_stage)to.stage);
    SET(next, phase, (enum rec_deploy_phase)to.phase);
    SET(next, phase_at, to.since);
    SET(next, is_going_back, true);
    next->has.hooks = false;
    next->hooks = (struct rec_deployment_hook_list){0};
}

static void note_rollback(struct step *step, struct service *service,
                          const struct deployment *target, struct str reason, bool by_breaker)
{
    struct service_deployment *newest = service_newest_deployment(service);
    struct rec_service_deployment *next;

    if (newest == NULL || service_deployment_is_final(newest->rec->status))
        return;
    next = service_deployment_edit(step, newest);
    SET(next, status, ECS_SERVICE_DEPLOYMENT_STATUS_ROLLBACK_IN_PROGRESS);
    SET(next, status_reason, reason);
    SET(next, rollback_reason, reason);
    SET(next, rollback_started_at, step->now);
    SET(next, rollback_revision_id, target->rec->revision_id);
    if (by_breaker)
        SET(next, breaker_status, ECS_SERVICE_DEPLOYMENT_ROLLBACK_MONITORS_STATUS_TRIGGERED);
    if (service_deployment_shifts(newest))
        turn_back(step, next);
    service_deployment_change(step, newest, next);
}

// `target` is PRIMARY again, and what was it goes the way of older deployments.
static void roll_back(struct step *step, struct service *service, struct deployment *target,
                      struct str rollout_reason)
{
    struct speaker speaker = service_speaker(step, service);
    struct rec_deployment *next;

    step_down(step, service_primary(service));
    next = deployment_edit(step, target);
    SET(next, status, REC_DEPLOYMENT_STATUS_PRIMARY);
    SET(next, rollout_state, ECS_DEPLOYMENT_ROLLOUT_STATE_IN_PROGRESS);
    SET(next, rollout_state_reason, rollout_reason);
    SET(next, failed_tasks, 0);
    SET(next, failed_attempts, 0);
    SET(next, breaker_failures, 0);
    deployment_change(step, target, next);
    service_say(step, service, event_rolling_back(&speaker, deployment_name(target, step->arena)));
}

void deploy_fail(struct step *step, struct service *service, const struct deploy_trouble *trouble)
{
    struct deployment *primary = service_primary(service);
    struct deployment *target = trouble->rolls_back ? rollback_target(step, service) : NULL;
    struct service_deployment *newest = service_newest_deployment(service);
    struct rec_deployment *next = deployment_edit(step, primary);
    struct speaker speaker = service_speaker(step, service);

    SET(next, rollout_state, ECS_DEPLOYMENT_ROLLOUT_STATE_FAILED);
    SET(next, rollout_state_reason,
        trouble->rollout_reason.len > 0 ? trouble->rollout_reason
                                        : rollout_reason_failed(step->arena, trouble->cause));
    deployment_change(step, primary, next);
    service_say(step, service,
                event_failed(&speaker, deployment_name(primary, step->arena), trouble->cause));
    MARK_IF(trouble->by_breaker && target != NULL, "the breaker rolls back");
    MARK_IF(trouble->by_breaker && target == NULL && trouble->rolls_back,
            "the breaker has nothing to roll back to");
    MARK_IF(trouble->by_breaker && !trouble->rolls_back,
            "the breaker gives up without rolling back");
    if (target != NULL) {
        struct str name = deployment_name(target, step->arena);

        roll_back(step, service, target,
                  trouble->by_breaker ? rollout_reason_rolling_back(step->arena, name)
                                      : rollout_reason_in_progress(step->arena, name));
        note_rollback(step, service, target, trouble->reason, trouble->by_breaker);
    } else if (newest != NULL && !service_deployment_is_final(newest->rec->status)) {
        request_stop(step, service);
    }
}

void deploy_fail_by_breaker(struct step *step, struct service *service)
{
    const struct ecs_deployment_circuit_breaker *breaker =
        service->rec->deployment_configuration->deployment_circuit_breaker;
    struct deploy_trouble trouble = {
        .cause = STR("tasks failed to start"),
        .reason = rollback_by_breaker(),
        .rollout_reason = rollout_reason_breaker(),
        .rolls_back = breaker->rollback,
        .by_breaker = true,
    };

    deploy_fail(step, service, &trouble);
}

void deploy_fail_by_alarm(struct step *step, struct service *service)
{
    const struct service_deployment *newest = service_newest_deployment(service);
    struct deploy_trouble trouble = {
        .cause = STR("alarm detected"),
        .reason = rollback_by_alarm(),
        .rollout_reason = rollout_reason_alarm(),
        .rolls_back = newest->rec->deployment_configuration->alarms->rollback,
    };

    deploy_fail(step, service, &trouble);
}

void deploy_rollback_failed(struct step *step, struct service *service)
{
    struct service_deployment *newest = service_newest_deployment(service);

    finish(step, service, newest, ECS_SERVICE_DEPLOYMENT_STATUS_ROLLBACK_FAILED, STR_NONE);
}

// A caller asked for it. Without anything to go back to the deployment just stops.
static void roll_back_as_asked(struct step *step, struct service *service,
                               struct service_deployment *deployment)
{
    struct deployment *target = rollback_target(step, service);

    MARK_IF(target != NULL, "a caller rolls back");
    if (target == NULL) {
        MARK("a caller asked to roll back and there is nothing to go back to");
        finish(step, service, deployment, ECS_SERVICE_DEPLOYMENT_STATUS_STOPPED, STR_NONE);
        return;
    }
    roll_back(step, service, target,
              rollout_reason_in_progress(step->arena, deployment_name(target, step->arena)));
    note_rollback(step, service, target, rollback_by_request(), false);
}

// ---- settle

// What a traffic shift starts from stays, with tasks or without, and so does where it goes to.
static bool is_source(const struct service *service, const struct deployment *deployment)
{
    const struct service_deployment *newest = service_newest_deployment(service);
    int64_t id = (int64_t)deployment->part.entity.id;

    return newest != NULL && !service_deployment_is_final(newest->rec->status) &&
           service_deployment_shifts(newest) &&
           (newest->rec->source_deployment_id == id || newest->rec->deployment_id == id);
}

// A deployment without tasks leaves the list; the last COMPLETED one stays to be rolled back to,
// and is ACTIVE as long as it may have to stand in for the PRIMARY one.
static void retire(struct step *step, struct service *service)
{
    const struct deployment *kept = last_completed(service);
    const struct deployment *primary = service_primary(service);
    bool is_replaced =
        primary == NULL || primary->rec->rollout_state == ECS_DEPLOYMENT_ROLLOUT_STATE_COMPLETED;

    LIST_EACH_SAFE (&service->deployments, it) {
        struct deployment *deployment = PART(it, struct deployment);
        struct rec_deployment *next;

        if (deployment->rec->status == REC_DEPLOYMENT_STATUS_PRIMARY ||
            deployment->running_n + deployment->pending_n > 0 || is_source(service, deployment))
            continue;
        if (deployment != kept) {
            MARK("a deployment without tasks is removed");
            state_remove(step->state, REC_KIND_DEPLOYMENT, deployment->part.entity.id);
        } else if (deployment->rec->status == REC_DEPLOYMENT_STATUS_ACTIVE && is_replaced) {
            MARK("the deployment before the present one is kept");
            next = deployment_edit(step, deployment);
            SET(next, status, REC_DEPLOYMENT_STATUS_INACTIVE);
            deployment_change(step, deployment, next);
        }
    }
}

// One that nothing refers to: no deployment, and no service deployment that is remembered.
static bool is_needed(const struct service *service, const struct revision *revision)
{
    int64_t id = (int64_t)revision->part.entity.id;

    LIST_EACH (&service->deployments, it) {
        if (PART(it, struct deployment)->rec->revision_id == id)
            return true;
    }
    LIST_EACH (&service->service_deployments, it) {
        const struct rec_service_deployment *rec = PART(it, struct service_deployment)->rec;

        if (rec->target_revision_id == id || rec->rollback_revision_id == id)
            return true;
        for (size_t i = 0; i < rec->source_revision_ids.n; i++) {
            if (rec->source_revision_ids.at[i] == id)
                return true;
        }
    }
    return false;
}

// Bounds what a service that is deployed every minute leaves behind.
static void forget_history(struct step *step, struct service *service)
{
    size_t n = 0;

    LIST_EACH (&service->service_deployments, it)
        n++;
    if (n <= HISTORY_KEPT)
        return;
    state_remove(step->state, REC_KIND_SERVICE_DEPLOYMENT,
                 PART(service->service_deployments.next, struct service_part)->entity.id);
    LIST_EACH_SAFE (&service->revisions, it) {
        struct revision *revision = PART(it, struct revision);

        if (!is_needed(service, revision))
            state_remove(step->state, REC_KIND_REVISION, revision->part.entity.id);
    }
}

static void start(struct step *step, struct service *service, struct service_deployment *deployment)
{
    struct rec_service_deployment *next = service_deployment_edit(step, deployment);

    if (!service_deployment_shifts(deployment))
        forget_requests(step, service); // of a shift that was stopped half-way

    SET(next, status, ECS_SERVICE_DEPLOYMENT_STATUS_IN_PROGRESS);
    SET(next, started_at, step->now);
    service_deployment_change(step, deployment, next);
}

void deploy_end(struct step *step, struct service *service)
{
    struct service_deployment *newest;

    request_stop(step, service);
    newest = service_newest_deployment(service);
    if (newest == NULL || newest->rec->status != ECS_SERVICE_DEPLOYMENT_STATUS_STOP_REQUESTED)
        return;
    MARK("a deleted service takes its deployment along");
    finish(step, service, newest, ECS_SERVICE_DEPLOYMENT_STATUS_STOPPED, STR_NONE);
}

void deploy_settle(struct step *step, struct service *service)
{
    LIST_EACH_SAFE (&service->service_deployments, it) {
        struct service_deployment *deployment = PART(it, struct service_deployment);

        if (deployment->rec->status == ECS_SERVICE_DEPLOYMENT_STATUS_STOP_REQUESTED)
            finish(step, service, deployment, ECS_SERVICE_DEPLOYMENT_STATUS_STOPPED, STR_NONE);
        else if (deployment->rec->status == ECS_SERVICE_DEPLOYMENT_STATUS_ROLLBACK_REQUESTED)
            roll_back_as_asked(step, service, deployment);
        else if (deployment->rec->status == ECS_SERVICE_DEPLOYMENT_STATUS_PENDING)
            start(step, service, deployment);
    }
    retire(step, service);
    forget_history(step, service);
}

// ---- forget

static void remove_parts(struct state *state, enum rec_kind kind, struct list *head)
{
    while (!list_is_empty(head))
        state_remove(state, kind, PART(head->prev, struct service_part)->entity.id);
}

void service_forget(struct state *state, struct service *service)
{
    remove_parts(state, REC_KIND_SERVICE_EVENT, &service->events);
    remove_parts(state, REC_KIND_SERVICE_DEPLOYMENT, &service->service_deployments);
    remove_parts(state, REC_KIND_DEPLOYMENT, &service->deployments);
    remove_parts(state, REC_KIND_REVISION, &service->revisions);
    state_remove(state, REC_KIND_SERVICE, service->entity.id);
}
