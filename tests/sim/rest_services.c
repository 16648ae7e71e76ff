// Whether the services have come to rest. See rest.h.
//
// A service is at rest in its steady state, or where it can do no more and has said so: its
// deployment FAILED, no instance has room, its limits allow nothing, protected tasks are in the
// way. What it says is not taken for granted: the instance that would have had room is looked for.

#include <stdarg.h>
#include <stdio.h>

#include "base/arena.h"
#include "core/deployment_status.h"
#include "core/service_start.h"
#include "core/task_health.h"
#include "model/cluster.h"
#include "model/deployment.h"
#include "model/instance.h"
#include "model/service.h"
#include "model/task.h"
#include "model/task_definition.h"
#include "tests/sim/check.h"
#include "tests/sim/generate.h"
#include "tests/sim/rest.h"
#include "tests/sim/sim.h"
#include "tests/sim/world.h"

enum { CHURN_MS = 10 * TIME_MINUTE_MS, EVENTS_KEPT = 100 };

struct look {
    const struct world *w;
    const struct state *state;
    const struct service *service;
    const struct deployment *primary;
    struct arena arena;
    bool is_mended; // images, too: what is started will run
};

// ---- what it said

static bool event_has(const struct service_event *event, const char *words)
{
    struct str text = event->rec->message;

    return memmem(text.ptr, text.len, words, strlen(words)) != NULL;
}

// Of a service that has said so much that it may have been dropped, it is believed.
static bool has_said(const struct look *look, const char *words)
{
    LIST_EACH (&look->service->events, it) {
        if (event_has(PART(it, struct service_event), words))
            return true;
    }
    return look->service->events_n >= EVENTS_KEPT;
}

static bool said_last(const struct look *look, const char *words)
{
    return !list_is_empty(&look->service->events) &&
           event_has(PART(look->service->events.prev, struct service_event), words);
}

// ---- what it has

static time_ms server_now(const struct look *look)
{
    return kernel_wall_ms(sim_server_node(look->w->server));
}

// Nobody stands behind the instance: what was sent there stays as it is.
static bool is_ghost(const struct instance *instance)
{
    return instance == NULL || instance->session == 0;
}

static bool has_ghosts(const struct look *look)
{
    LIST_EACH (&look->service->tasks, it) {
        const struct task *task = LIST_ENTRY(it, struct task, in_service);

        if (is_ghost(instance_get(look->state, (uint64_t)task->rec->instance_id)))
            return true;
    }
    return false;
}

static bool is_in_order(const struct look *look, const struct task *task)
{
    const struct instance *instance = instance_get(look->state, (uint64_t)task->rec->instance_id);

    return (uint64_t)task->rec->deployment_id == look->primary->part.entity.id &&
           task_is_wanted(task) && task->rec->last_status == REC_TASK_STATUS_RUNNING &&
           instance != NULL && instance->st->status == REC_INSTANCE_STATUS_ACTIVE &&
           check_is_healthy(look->state, task->rec, INT64_MAX);
}

// Of a service, or of one task set: the limits hold for each by itself.
struct tally {
    int64_t wanted;
    int64_t all;
    int64_t in_order;
    int64_t moving; // not RUNNING, or not to go on
};

static bool is_external(const struct service *service)
{
    return service->rec->controller == ECS_DEPLOYMENT_CONTROLLER_TYPE_EXTERNAL;
}

static struct tally tally_of(const struct look *look)
{
    bool of_set = is_external(look->service) && look->primary != NULL;
    struct tally n = {.wanted = of_set ? look->primary->rec->computed_count
                                       : look->service->rec->desired_count};

    LIST_EACH (&look->service->tasks, it) {
        const struct task *task = LIST_ENTRY(it, struct task, in_service);

        if (of_set && (uint64_t)task->rec->deployment_id != look->primary->part.entity.id)
            continue;
        n.all++;
        n.in_order += is_in_order(look, task);
        n.moving += !task_is_wanted(task) || task_is_pending(task);
    }
    return n;
}

static bool is_steady(const struct look *look, const struct tally *n)
{
    return n->all == n->wanted && n->in_order == n->all &&
           look->primary->rec->rollout_state == ECS_DEPLOYMENT_ROLLOUT_STATE_COMPLETED;
}

// ---- why it may go no further

static bool gave_up(const struct look *look)
{
    return look->primary->rec->rollout_state == ECS_DEPLOYMENT_ROLLOUT_STATE_FAILED &&
           has_said(look, "deployment failed: ");
}

// A traffic shift that was stopped half-way, there or back, stays as it is.
static bool is_frozen(const struct look *look)
{
    const struct service_deployment *newest = service_newest_deployment(look->service);

    return newest != NULL && service_deployment_shifts(newest) && newest->rec->has.stage &&
           (newest->rec->status == ECS_SERVICE_DEPLOYMENT_STATUS_STOPPED ||
            newest->rec->status == ECS_SERVICE_DEPLOYMENT_STATUS_ROLLBACK_FAILED);
}

// A hook waits for its answer as long as the caller said, and for a day when he said nothing; a
// pause for a fortnight.
static bool awaits_a_hook(const struct look *look)
{
    const struct service_deployment *newest = service_newest_deployment(look->service);

    for (size_t i = 0; newest != NULL && i < newest->rec->hooks.n; i++) {
        const struct rec_deployment_hook *hook = &newest->rec->hooks.at[i];

        if ((hook->status == ECS_DEPLOYMENT_LIFECYCLE_HOOK_STATUS_AWAITING_ACTION ||
             hook->status == ECS_DEPLOYMENT_LIFECYCLE_HOOK_STATUS_IN_PROGRESS) &&
            hook->expires_at > server_now(look))
            return true;
    }
    return false;
}

static bool is_protected(const struct look *look)
{
    if (!has_said(look, "tasks under protection)"))
        return false;
    LIST_EACH (&look->service->tasks, it) {
        if (LIST_ENTRY(it, struct task, in_service)->rec->protected_until > server_now(look))
            return true;
    }
    return false;
}

// A daemon leaves a draining instance last, after tasks of REPLICA services that may have no other
// place.
static bool waits_for_replicas(const struct look *look)
{
    LIST_EACH (&look->service->tasks, it) {
        const struct task *task = LIST_ENTRY(it, struct task, in_service);
        const struct instance *instance =
            instance_get(look->state, (uint64_t)task->rec->instance_id);

        if (look->service->rec->scheduling_strategy == ECS_SCHEDULING_STRATEGY_DAEMON &&
            instance->st->status == REC_INSTANCE_STATUS_DRAINING && instance->wanted_n > 1)
            return true;
    }
    return false;
}

static bool is_stuck(const struct look *look, const struct tally *n)
{
    const struct rec_service *rec = look->service->rec;
    int64_t upper = n->wanted * rec->deployment_configuration->maximum_percent / 100;

    return n->all >= upper && n->moving == 0 &&
           has_said(look, "was unable to stop or start tasks during a deployment");
}

// A task of the service is here, or of its group where there may be one only.
static bool is_taken(const struct look *look, const struct instance *instance, bool by_any)
{
    LIST_EACH (&instance->tasks, it) {
        const struct task *task = LIST_ENTRY(it, struct task, on_instance);

        if ((uint64_t)task->rec->service_id == look->service->entity.id &&
            (by_any || task_is_wanted(task)))
            return true;
    }
    return false;
}

static bool wants_distinct(const struct service *service)
{
    for (size_t i = 0; i < service->rec->placement_constraints.n; i++) {
        if (service->rec->placement_constraints.at[i].type ==
            ECS_PLACEMENT_CONSTRAINT_TYPE_DISTINCTINSTANCE)
            return true;
    }
    return false;
}

// Some instance would take one more task of the PRIMARY deployment.
static bool has_room(struct look *look)
{
    const struct cluster *cluster = cluster_get(look->state, look->service->cluster_id);
    const struct revision *revision =
        revision_get(look->state, (uint64_t)look->primary->rec->revision_id);
    const struct task_definition *definition = revision_definition(look->state, revision);
    bool is_daemon = look->service->rec->scheduling_strategy == ECS_SCHEDULING_STRATEGY_DAEMON;
    bool distinct = wants_distinct(look->service);
    bool found = false;
    struct step step;
    struct service_mould *mould;

    if (revision->rec->launch_type == ECS_LAUNCH_TYPE_FARGATE)
        return false;
    step_init(&step, (struct state *)(uintptr_t)look->state, server_now(look), NULL, &look->arena);
    mould = service_mould_open(&step, look->service, look->primary);
    LIST_EACH (&cluster->instances, it) {
        const struct instance *instance = LIST_ENTRY(it, struct instance, in_cluster);

        if (instance->st->status == REC_INSTANCE_STATUS_ACTIVE && instance->session != 0 &&
            service_may_use(mould, instance) &&
            place_missing(instance, &definition->need) == PLACE_FITS &&
            !(is_daemon && is_taken(look, instance, true)) &&
            !(distinct && is_taken(look, instance, false)))
            found = true;
    }
    service_mould_close(&mould);
    return found;
}

static bool waits_for_an_instance(const struct look *look)
{
    LIST_EACH (&look->service->tasks, it) {
        if (task_is_waiting(LIST_ENTRY(it, struct task, in_service)))
            return true;
    }
    return false;
}

static bool has_no_room(struct look *look)
{
    return (waits_for_an_instance(look) || has_said(look, "was unable to place a task") ||
            has_said(look, "No Container Instances were found in your capacity provider")) &&
           !has_room(look);
}

static const struct ecs_task_definition *definition_of(const struct look *look)
{
    const struct revision *revision =
        revision_get(look->state, (uint64_t)look->primary->rec->revision_id);

    return revision_definition(look->state, revision)->rec->definition;
}

static bool has_dependencies(const struct look *look)
{
    const struct ecs_container_definition_list *list = &definition_of(look)->container_definitions;
    size_t n = 0;

    for (size_t i = 0; i < list->n; i++)
        n += list->at[i].depends_on.n;
    return n > 0;
}

static bool waits_for_an_end(const struct ecs_container_definition *container)
{
    for (size_t i = 0; i < container->depends_on.n; i++) {
        enum ecs_container_condition condition = container->depends_on.at[i].condition;

        if (condition == ECS_CONTAINER_CONDITION_COMPLETE ||
            condition == ECS_CONTAINER_CONDITION_SUCCESS)
            return true;
    }
    return false;
}

// Whoever waits until it is HEALTHY waits for longer than it may take: its first probe comes later.
static bool is_healthy_too_late(const struct ecs_container_definition *container)
{
    const struct ecs_health_check *check = container->health_check;

    return check != NULL && container->start_timeout > 0 &&
           container->start_timeout <= (check->has.interval ? check->interval : 30);
}

// One that nobody makes.
static bool needs_a_volume(const struct ecs_volume *volume)
{
    const struct ecs_docker_volume_configuration *docker = volume->docker_volume_configuration;

    return docker != NULL && docker->scope == ECS_SCOPE_SHARED && !docker->autoprovision;
}

// A spoilt call may have named anything.
static bool is_an_image(struct str name)
{
    for (size_t i = 0; i < GENERATE_IMAGES; i++) {
        if (str_eq(generate_images[i], name))
            return true;
    }
    return false;
}

// A container that waits for the end of one that never ends makes no service.
static bool can_run(const struct look *look)
{
    const struct ecs_task_definition *definition = definition_of(look);
    const struct ecs_container_definition_list *list = &definition->container_definitions;

    for (size_t i = 0; i < definition->volumes.n; i++) {
        if (needs_a_volume(&definition->volumes.at[i]))
            return false;
    }
    for (size_t i = 0; i < list->n; i++) {
        if (waits_for_an_end(&list->at[i]) || is_healthy_too_late(&list->at[i]) ||
            !is_an_image(list->at[i].image))
            return false;
    }
    return true;
}

static bool says_it_cannot_start(const struct look *look)
{
    return look->primary->rec->failed_attempts >= 3 &&
           has_said(look, "is unable to consistently start tasks successfully");
}

// Tasks come and go by themselves.
static bool churns(const struct look *look)
{
    return check_lost_task_since(look->service->entity.id, kernel_now_ms() - CHURN_MS);
}

// A probe that says neither that it is well nor that it is not.
static bool awaits_probes(const struct look *look)
{
    LIST_EACH (&look->service->tasks, it) {
        const struct task *task = LIST_ENTRY(it, struct task, in_service);

        if (task->rec->last_status == REC_TASK_STATUS_RUNNING && task_is_wanted(task) &&
            !check_is_sick(look->state, task->rec) &&
            !check_is_healthy(look->state, task->rec, INT64_MAX))
            return true;
    }
    return false;
}

// What it says of its balance over zones comes after that.
static bool says_it_is_steady(const struct look *look)
{
    return look->service->rec->is_rebalancing || said_last(look, "has reached a steady state.") ||
           said_last(look, " AZ ") || said_last(look, "is unable to place a task in ");
}

// Something keeps the deployment from going further, and it is not the scheduler.
static bool is_excused(struct look *look, const struct tally *n)
{
    if (has_ghosts(look) || is_protected(look) || is_stuck(look, n) || has_no_room(look) ||
        waits_for_replicas(look))
        return true;
    if (n->moving > 0 && (look->is_mended ? !can_run(look) : has_dependencies(look)))
        return true; // some container waits for what does not come
    if (check_lost_misfit(look->service->entity.id) && says_it_cannot_start(look))
        return true;
    return (!look->is_mended || !can_run(look)) &&
           (says_it_cannot_start(look) || churns(look) || awaits_probes(look));
}

static const char *why_active(struct look *look, struct tally *n)
{
    const struct deployment *primary = look->primary;

    if (is_steady(look, n))
        return says_it_is_steady(look) || (!look->is_mended && churns(look))
                   ? NULL
                   : "is steady and does not say so";
    if (gave_up(look) || is_frozen(look) || awaits_a_hook(look) || is_excused(look, n))
        return NULL;
    return primary->rec->rollout_state == ECS_DEPLOYMENT_ROLLOUT_STATE_FAILED
               ? "has failed"
               : "does not reach its steady state";
}

// Each task set by itself, as if it were what the service is about.
static const char *why_task_sets(struct look *look)
{
    LIST_EACH (&look->service->deployments, it) {
        const struct deployment *set = PART(it, struct deployment);
        struct tally n;

        look->primary = PART(it, struct deployment);
        n = tally_of(look);
        if (set->rec->stability == ECS_STABILITY_STATUS_STEADY_STATE) {
            if (set->running_n != (uint32_t)set->rec->computed_count || set->pending_n > 0)
                return "has a task set that is steady and is not";
        } else if (!is_excused(look, &n)) {
            return "has a task set that does not reach its steady state";
        }
    }
    return NULL;
}

static bool deploys(const struct look *look)
{
    const struct service_deployment *newest = service_newest_deployment(look->service);

    return newest != NULL && !service_deployment_is_final(newest->rec->status);
}

static const char *why(struct look *look)
{
    struct tally n;

    if (look->service->rec->status == REC_SERVICE_STATUS_INACTIVE)
        return deploys(look) ? "is deleted and still deploys" : NULL;
    if (look->service->rec->status == REC_SERVICE_STATUS_DRAINING)
        return has_ghosts(look) ? NULL : "does not end";
    if (is_external(look->service))
        return why_task_sets(look);
    look->primary = service_primary(look->service);
    n = tally_of(look);
    return why_active(look, &n);
}

static const char *tell(const struct look *look, const char *reason)
{
    static char text[600];
    struct str last = STR("nothing");
    struct tally n = {0};

    if (look->primary != NULL)
        n = tally_of(look);
    if (!list_is_empty(&look->service->events))
        last = PART(look->service->events.prev, struct service_event)->rec->message;
    snprintf(
        text, sizeof text,
        "service %.*s (%llu) %s: %lld wanted, %lld there, %lld in order, %lld moving, %d attempts "
        "failed; said last: %.*s",
        STR_ARGS(look->service->rec->name), (unsigned long long)look->service->entity.id, reason,
        (long long)n.wanted, (long long)n.all, (long long)n.in_order, (long long)n.moving,
        look->primary != NULL ? look->primary->rec->failed_attempts : 0, STR_ARGS(last));
    return text;
}

static const char *services_wait(const struct world *w, bool is_mended)
{
    const struct state *state = sim_server_state(w->server);
    const struct idtable *table = &state->entities[REC_KIND_SERVICE];
    const char *missing = NULL;

    for (uint64_t id = 0; missing == NULL && (id = idtable_next(table, id)) != 0;) {
        struct look look = {
            .w = w, .state = state, .service = service_get(state, id), .is_mended = is_mended};
        const char *reason = why(&look);

        if (reason != NULL)
            missing = tell(&look, reason);
        arena_deinit(&look.arena);
    }
    return missing;
}

const char *rest_services_are_open(struct world *w)
{
    const char *busy = rest_is_busy(w);

    return busy != NULL || w->has_liars ? busy : services_wait(w, false);
}

const char *rest_services_are_unsteady(struct world *w)
{
    const char *busy = rest_is_busy(w);

    return busy != NULL || w->has_liars ? busy : services_wait(w, true);
}

const char *rest_services_are_kept(struct world *w)
{
    const struct state *state = sim_server_state(w->server);
    const struct idtable *table = &state->entities[REC_KIND_SERVICE];
    const char *missing = NULL;

    for (uint64_t id = 0; missing == NULL && (id = idtable_next(table, id)) != 0;) {
        struct look look = {.w = w, .state = state, .service = service_get(state, id)};

        if (look.service->rec->status == REC_SERVICE_STATUS_ACTIVE)
            missing = tell(&look, "was not deleted");
        else if (look.service->rec->status == REC_SERVICE_STATUS_DRAINING && !has_ghosts(&look))
            missing = tell(&look, "does not end");
    }
    return missing;
}
