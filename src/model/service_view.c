// What DescribeServices, DescribeServiceDeployments and DescribeServiceRevisions show.
// Source: ecs-behaviour-api 7.5 and 7.6, ecs-behaviour-scheduler 3.3 and 4.3.

#include "base/arena.h"
#include "model/cluster.h"
#include "model/deployment.h"
#include "model/service.h"
#include "model/task_definition.h"

static bool is_fargate(enum ecs_launch_type launch_type)
{
    return launch_type == ECS_LAUNCH_TYPE_FARGATE;
}

static int32_t requested(const struct service *service, const struct deployment *deployment)
{
    if (deployment->rec->has.requested_count)
        return deployment->rec->requested_count;
    if (deployment->rec->status == REC_DEPLOYMENT_STATUS_PRIMARY)
        return service->rec->desired_count;
    return (int32_t)(deployment->running_n + deployment->pending_n);
}

// ---- deployments

// Members of the revision that a deployment and a service show alike have the same names in both.
#define VIEW_CAPACITY(out, revision)                                                               \
    do {                                                                                           \
        const struct rec_service_revision *rec_ = (revision)->rec;                                 \
        if (rec_->capacity_provider_strategy.n > 0)                                                \
            SET((out), capacity_provider_strategy, rec_->capacity_provider_strategy);              \
        else if (rec_->has.launch_type)                                                            \
            SET((out), launch_type, rec_->launch_type);                                            \
        if (rec_->has.network_configuration)                                                       \
            SET((out), network_configuration, rec_->network_configuration);                        \
    } while (0)

#define VIEW_LAUNCH_PARTS(out, revision)                                                           \
    do {                                                                                           \
        const struct rec_service_revision *rec_ = (revision)->rec;                                 \
        if (rec_->has.service_connect_configuration)                                               \
            SET((out), service_connect_configuration, rec_->service_connect_configuration);        \
        if (rec_->volume_configurations.n > 0)                                                     \
            SET((out), volume_configurations, rec_->volume_configurations);                        \
        if (rec_->vpc_lattice_configurations.n > 0)                                                \
            SET((out), vpc_lattice_configurations, rec_->vpc_lattice_configurations);              \
    } while (0)

static bool has_classic(const struct rec_service_revision *rec)
{
    for (size_t i = 0; i < rec->load_balancers.n; i++) {
        if (rec->load_balancers.at[i].load_balancer_name.len > 0)
            return true;
    }
    return false;
}

void deployment_view(const struct state *state, const struct deployment *deployment,
                     struct arena *arena, struct ecs_deployment *out)
{
    const struct rec_deployment *rec = deployment->rec;
    const struct service *service = service_get(state, deployment->part.service_id);
    const struct revision *revision = revision_get(state, (uint64_t)rec->revision_id);

    SET(out, id, deployment_name(deployment, arena));
    SET(out, status, shape_enum_name(&rec_deployment_status_enum, (int)rec->status));
    SET(out, task_definition,
        task_definition_arn(state, revision_definition(state, revision), arena));
    SET(out, desired_count, requested(service, deployment));
    SET(out, pending_count, (int32_t)deployment->pending_n);
    SET(out, running_count, (int32_t)deployment->running_n);
    SET(out, failed_tasks, rec->failed_tasks);
    SET(out, created_at, rec->created_at);
    SET(out, updated_at, rec->updated_at);
    VIEW_CAPACITY(out, revision);
    if (is_fargate(revision->rec->launch_type)) {
        SET(out, platform_version, STR("1.4.0"));
        SET(out, platform_family, STR("Linux"));
    }
    if (!has_classic(revision->rec)) {
        SET(out, rollout_state, rec->rollout_state);
        SET(out, rollout_state_reason, rec->rollout_state_reason);
    }
    VIEW_LAUNCH_PARTS(out, revision);
}

static void add_deployment(const struct state *state, const struct deployment *deployment,
                           struct arena *arena, struct ecs_deployment_list *out)
{
    deployment_view(state, deployment, arena, &out->at[out->n++]);
}

// PRIMARY first, then the newest first.
static void view_deployments(const struct state *state, const struct service *service,
                             struct arena *arena, struct ecs_service *out)
{
    const struct deployment *primary = service_primary(service);
    size_t n = 0;

    LIST_EACH (&service->deployments, it)
        n++;
    out->has.deployments = true;
    out->deployments.at = arena_array(arena, struct ecs_deployment, n);
    if (primary != NULL)
        add_deployment(state, primary, arena, &out->deployments);
    for (struct list *it = service->deployments.prev; it != &service->deployments; it = it->prev) {
        const struct deployment *deployment = PART(it, struct deployment);

        if (deployment->rec->status == REC_DEPLOYMENT_STATUS_ACTIVE)
            add_deployment(state, deployment, arena, &out->deployments);
    }
}

// The newest first, the sets of a service that is gone no more.
static void view_task_sets(const struct state *state, const struct service *service,
                           struct arena *arena, struct ecs_service *out)
{
    size_t n = 0;

    out->has.deployments = out->has.task_sets = true;
    if (service->rec->status == REC_SERVICE_STATUS_INACTIVE)
        return;
    LIST_EACH (&service->deployments, it)
        n++;
    out->task_sets.at = arena_array(arena, struct ecs_task_set, n);
    for (struct list *it = service->deployments.prev; it != &service->deployments; it = it->prev)
        task_set_view(state, PART(it, struct deployment), false, arena,
                      &out->task_sets.at[out->task_sets.n++]);
}

// ---- services

static void view_events(const struct service *service, struct arena *arena, struct ecs_service *out)
{
    out->has.events = true;
    out->events.at = arena_array(arena, struct ecs_service_event, service->events_n);
    for (struct list *it = service->events.prev; it != &service->events; it = it->prev) {
        const struct rec_service_event *rec = PART(it, struct service_event)->rec;
        struct ecs_service_event *event = &out->events.at[out->events.n++];

        SET(event, id, rec->uid);
        SET(event, created_at, rec->created_at);
        SET(event, message, rec->message);
    }
}

static void view_current_revisions(const struct state *state, const struct service *service,
                                   struct arena *arena, struct ecs_service *out)
{
    size_t n = out->deployments.n;
    struct ecs_service_current_revision_summary *at =
        arena_array(arena, struct ecs_service_current_revision_summary, n);

    n = 0;
    for (struct list *it = service->deployments.prev; it != &service->deployments; it = it->prev) {
        const struct deployment *deployment = PART(it, struct deployment);

        if (deployment->rec->status == REC_DEPLOYMENT_STATUS_INACTIVE)
            continue;
        SET(&at[n], arn,
            revision_arn(state, revision_get(state, (uint64_t)deployment->rec->revision_id),
                         arena));
        SET(&at[n], requested_task_count, requested(service, deployment));
        SET(&at[n], running_task_count, (int32_t)deployment->running_n);
        SET(&at[n], pending_task_count, (int32_t)deployment->pending_n);
        n++;
    }
    out->has.current_service_revisions = true;
    out->current_service_revisions.at = at;
    out->current_service_revisions.n = n;
}

// The role given, or the one that AWS has for services that need network interfaces, load balancers
// or registries.
static void view_role(const struct state *state, const struct service *service,
                      const struct rec_service_revision *rec, struct arena *arena,
                      struct ecs_service *out)
{
    if (service->rec->has.role)
        SET(out, role_arn, service->rec->role);
    else if (rec->has.network_configuration || rec->load_balancers.n > 0 ||
             rec->service_registries.n > 0)
        SET(out, role_arn,
            str_fmt(arena,
                    "arn:%.*s:iam::%.*s:role/aws-service-role/ecs.amazonaws.com/"
                    "AWSServiceRoleForECS",
                    STR_ARGS(state->config.partition), STR_ARGS(state->config.account)));
}

// What the newest revision says stands for the service.
static void view_revision_parts(const struct state *state, const struct service *service,
                                struct arena *arena, struct ecs_service *out)
{
    const struct deployment *primary = service_primary(service);
    const struct revision *revision;

    out->has.load_balancers = out->has.service_registries = true;
    if (primary == NULL)
        return;
    revision = revision_get(state, (uint64_t)primary->rec->revision_id);
    SET(out, task_definition,
        task_definition_arn(state, revision_definition(state, revision), arena));
    SET(out, load_balancers, revision->rec->load_balancers);
    SET(out, service_registries, revision->rec->service_registries);
    VIEW_CAPACITY(out, revision);
    view_role(state, service, revision->rec, arena, out);
    if (is_fargate(revision->rec->launch_type)) {
        SET(out, platform_version,
            revision->rec->has.platform_version ? revision->rec->platform_version : STR("LATEST"));
        SET(out, platform_family, STR("Linux"));
    }
}

static void view_settings(const struct rec_service *rec, struct arena *arena,
                          struct ecs_service *out)
{
    SET(out, deployment_configuration, rec->deployment_configuration);
    SET(out, placement_constraints, rec->placement_constraints);
    SET(out, placement_strategy, rec->placement_strategy);
    SET(out, health_check_grace_period_seconds, rec->health_check_grace_period_seconds);
    SET(out, scheduling_strategy, rec->scheduling_strategy);
    SET(out, deployment_controller, arena_new(arena, struct ecs_deployment_controller));
    SET(out->deployment_controller, type, rec->controller);
    SET(out, created_at, rec->created_at);
    SET(out, created_by, rec->created_by);
    SET(out, enable_ecs_managed_tags, rec->enable_ecs_managed_tags);
    SET(out, propagate_tags, rec->propagate_tags);
    SET(out, enable_execute_command, rec->enable_execute_command);
    SET(out, availability_zone_rebalancing, rec->availability_zone_rebalancing);
    SET(out, resource_management_type, ECS_RESOURCE_MANAGEMENT_TYPE_CUSTOMER);
}

void service_view(const struct state *state, const struct service *service, unsigned include,
                  struct arena *arena, struct ecs_service *out)
{
    const struct rec_service *rec = service->rec;
    const struct cluster *cluster = cluster_get(state, service->cluster_id);
    const struct service_deployment *newest = service_newest_deployment(service);
    bool is_external = rec->controller == ECS_DEPLOYMENT_CONTROLLER_TYPE_EXTERNAL;

    SET(out, service_arn, service_arn(state, service, arena));
    SET(out, service_name, rec->name);
    SET(out, cluster_arn, cluster_arn(state, cluster, arena));
    SET(out, status, shape_enum_name(&rec_service_status_enum, (int)rec->status));
    SET(out, desired_count, rec->desired_count);
    SET(out, running_count, (int32_t)service->running_n);
    SET(out, pending_count, (int32_t)service->pending_n);
    view_revision_parts(state, service, arena, out);
    view_settings(rec, arena, out);
    if (is_external)
        view_task_sets(state, service, arena, out);
    else
        view_deployments(state, service, arena, out);
    view_events(service, arena, out);
    if (rec->status == REC_SERVICE_STATUS_ACTIVE && !is_external)
        view_current_revisions(state, service, arena, out);
    if (newest != NULL)
        SET(out, current_service_deployment, service_deployment_arn(state, newest, arena));
    if ((include & SERVICE_INCLUDE_TAGS) && rec->tags.n > 0)
        SET(out, tags, rec->tags);
}

// ---- revisions

static struct ecs_container_image_list images_of(const struct rec_service_revision *rec,
                                                 const struct ecs_task_definition *definition,
                                                 struct arena *arena)
{
    const struct ecs_container_definition_list *containers = &definition->container_definitions;
    struct ecs_container_image_list images = {0};

    if (rec->container_images.n > 0)
        return rec->container_images;
    images.at = arena_array(arena, struct ecs_container_image, containers->n);
    for (; images.n < containers->n; images.n++) {
        SET(&images.at[images.n], container_name, containers->at[images.n].name);
        SET(&images.at[images.n], image, containers->at[images.n].image);
    }
    return images;
}

void revision_view(const struct state *state, const struct revision *revision, struct arena *arena,
                   struct ecs_service_revision *out)
{
    const struct rec_service_revision *rec = revision->rec;
    const struct service *service = service_get(state, revision->part.service_id);
    const struct task_definition *definition = revision_definition(state, revision);

    SET(out, service_revision_arn, revision_arn(state, revision, arena));
    SET(out, service_arn, service_arn(state, service, arena));
    SET(out, cluster_arn, cluster_arn(state, cluster_get(state, service->cluster_id), arena));
    SET(out, task_definition, task_definition_arn(state, definition, arena));
    VIEW_CAPACITY(out, revision);
    if (is_fargate(rec->launch_type)) {
        SET(out, platform_version, STR("1.4.0"));
        SET(out, platform_family, STR("Linux"));
    }
    if (rec->load_balancers.n > 0)
        SET(out, load_balancers, rec->load_balancers);
    if (rec->service_registries.n > 0)
        SET(out, service_registries, rec->service_registries);
    if (rec->has.resolved_configuration)
        SET(out, resolved_configuration, rec->resolved_configuration);
    if (rec->has.monitoring)
        SET(out, monitoring, rec->monitoring);
    VIEW_LAUNCH_PARTS(out, revision);
    SET(out, container_images, images_of(rec, definition->rec->definition, arena));
    SET(out, guard_duty_enabled, false);
    SET(out, created_at, rec->created_at);
}

// ---- service deployments

static void view_times(const struct rec_service_deployment *rec, struct ecs_service_deployment *out)
{
    SET(out, created_at, rec->created_at);
    SET(out, updated_at, rec->updated_at);
    if (rec->has.started_at)
        SET(out, started_at, rec->started_at);
    if (rec->has.finished_at)
        SET(out, finished_at, rec->finished_at);
    if (rec->has.stopped_at)
        SET(out, stopped_at, rec->stopped_at);
}

// Tasks of the revision, whichever deployment rolls it out.
static void view_revision_summary(const struct state *state, const struct service *service,
                                  uint64_t revision_id, struct arena *arena,
                                  struct ecs_service_revision_summary *out)
{
    int32_t wanted = 0;
    int32_t running = 0;
    int32_t pending = 0;

    LIST_EACH (&service->deployments, it) {
        const struct deployment *deployment = PART(it, struct deployment);

        if ((uint64_t)deployment->rec->revision_id != revision_id)
            continue;
        if (deployment->rec->status != REC_DEPLOYMENT_STATUS_INACTIVE)
            wanted += requested(service, deployment);
        running += (int32_t)deployment->running_n;
        pending += (int32_t)deployment->pending_n;
    }
    SET(out, arn, revision_arn(state, revision_get(state, revision_id), arena));
    SET(out, requested_task_count, wanted);
    SET(out, running_task_count, running);
    SET(out, pending_task_count, pending);
}

static void view_revisions(const struct state *state, const struct service *service,
                           const struct rec_service_deployment *rec, struct arena *arena,
                           struct ecs_service_deployment *out)
{
    struct ecs_service_revision_summary_list sources = {
        .at = arena_array(arena, struct ecs_service_revision_summary, rec->source_revision_ids.n)};

    for (; sources.n < rec->source_revision_ids.n; sources.n++)
        view_revision_summary(state, service, (uint64_t)rec->source_revision_ids.at[sources.n],
                              arena, &sources.at[sources.n]);
    SET(out, source_service_revisions, sources);
    SET(out, target_service_revision, arena_new(arena, struct ecs_service_revision_summary));
    view_revision_summary(state, service, (uint64_t)rec->target_revision_id, arena,
                          out->target_service_revision);
    if (rec->final_counts.n == 3) { // frozen when it ended
        SET(out->target_service_revision, requested_task_count, rec->final_counts.at[0]);
        SET(out->target_service_revision, running_task_count, rec->final_counts.at[1]);
        SET(out->target_service_revision, pending_task_count, rec->final_counts.at[2]);
    }
}

static void view_monitors(const struct rec_service_deployment *rec, struct arena *arena,
                          struct ecs_service_deployment *out)
{
    struct ecs_service_deployment_circuit_breaker *breaker =
        arena_new(arena, struct ecs_service_deployment_circuit_breaker);

    SET(breaker, status, rec->breaker_status);
    SET(breaker, failure_count, rec->breaker_failures);
    SET(breaker, threshold, rec->breaker_threshold);
    SET(out, deployment_circuit_breaker, breaker);
}

#define MONITOR(status) ECS_SERVICE_DEPLOYMENT_ROLLBACK_MONITORS_STATUS_##status

static void view_alarms(const struct rec_service_deployment *rec, struct arena *arena,
                        struct ecs_service_deployment *out)
{
    const struct ecs_deployment_alarms *config = rec->deployment_configuration->alarms;
    struct ecs_service_deployment_alarms *alarms =
        arena_new(arena, struct ecs_service_deployment_alarms);

    if (!rec->deployment_configuration->has.alarms)
        return;
    if (!config->enable)
        SET(alarms, status, MONITOR(DISABLED));
    else if (rec->triggered_alarms.n > 0)
        SET(alarms, status, MONITOR(TRIGGERED));
    else
        SET(alarms, status,
            rec->has.finished_at ? MONITOR(MONITORING_COMPLETE) : MONITOR(MONITORING));
    SET(alarms, alarm_names, config->alarm_names);
    if (rec->triggered_alarms.n > 0)
        SET(alarms, triggered_alarm_names, rec->triggered_alarms);
    SET(out, alarms, alarms);
}

// ---- traffic shifts

#define SHOWN(stage) [REC_DEPLOY_STAGE_##stage] = ECS_SERVICE_DEPLOYMENT_LIFECYCLE_STAGE_##stage

// lifecycleStage does not know PRE_PRODUCTION_TRAFFIC_SHIFT.
static enum ecs_service_deployment_lifecycle_stage shown_stage(enum rec_deploy_stage stage)
{
    static const enum ecs_service_deployment_lifecycle_stage rows[REC_DEPLOY_STAGE_N] = {
        SHOWN(RECONCILE_SERVICE),
        SHOWN(PRE_SCALE_UP),
        SHOWN(SCALE_UP),
        SHOWN(POST_SCALE_UP),
        SHOWN(TEST_TRAFFIC_SHIFT),
        SHOWN(POST_TEST_TRAFFIC_SHIFT),
        [REC_DEPLOY_STAGE_PRE_PRODUCTION_TRAFFIC_SHIFT] =
            ECS_SERVICE_DEPLOYMENT_LIFECYCLE_STAGE_PRODUCTION_TRAFFIC_SHIFT,
        SHOWN(PRODUCTION_TRAFFIC_SHIFT),
        SHOWN(POST_PRODUCTION_TRAFFIC_SHIFT),
        SHOWN(BAKE_TIME),
        SHOWN(CLEAN_UP),
    };

    return rows[stage];
}

static void view_hook(const struct rec_service_deployment *rec,
                      const struct rec_deployment_hook *hook,
                      struct ecs_deployment_lifecycle_hook_detail *out)
{
    const struct ecs_deployment_lifecycle_hook *config =
        &rec->deployment_configuration->lifecycle_hooks.at[hook->index];
    const struct ecs_deployment_lifecycle_hook_timeout_configuration *timeout =
        config->timeout_configuration;
    bool continues =
        timeout != NULL && timeout->action == ECS_DEPLOYMENT_LIFECYCLE_HOOK_ACTION_CONTINUE;

    SET(out, hook_id, hook->hook_id);
    SET(out, target_type,
        config->has.target_type ? config->target_type
                                : ECS_DEPLOYMENT_LIFECYCLE_HOOK_TARGET_TYPE_AWS_LAMBDA);
    if (config->hook_target_arn.len > 0)
        SET(out, target_arn, config->hook_target_arn);
    SET(out, status, hook->status);
    SET(out, expires_at, hook->expires_at);
    SET(out, timeout_action,
        continues ? ECS_DEPLOYMENT_LIFECYCLE_HOOK_ACTION_CONTINUE
                  : ECS_DEPLOYMENT_LIFECYCLE_HOOK_ACTION_ROLLBACK);
}

static void view_shift(const struct rec_service_deployment *rec, struct arena *arena,
                       struct ecs_service_deployment *out)
{
    struct ecs_deployment_lifecycle_hook_detail_list hooks = {
        .at = arena_array(arena, struct ecs_deployment_lifecycle_hook_detail, rec->hooks.n)};

    if (!rec->has.stage)
        return;
    SET(out, lifecycle_stage, shown_stage(rec->stage));
    for (; hooks.n < rec->hooks.n; hooks.n++)
        view_hook(rec, &rec->hooks.at[hooks.n], &hooks.at[hooks.n]);
    SET(out, lifecycle_hook_details, hooks);
    SET(out->target_service_revision, requested_production_traffic_weight,
        rec->production_weight / 10.0);
    SET(out->target_service_revision, requested_test_traffic_weight, rec->test_weight / 10.0);
    if (out->source_service_revisions.n > 0) {
        SET(&out->source_service_revisions.at[0], requested_production_traffic_weight,
            100 - rec->production_weight / 10.0);
        SET(&out->source_service_revisions.at[0], requested_test_traffic_weight,
            100 - rec->test_weight / 10.0);
    }
}

void service_deployment_view(const struct state *state, const struct service_deployment *deployment,
                             struct arena *arena, struct ecs_service_deployment *out)
{
    const struct rec_service_deployment *rec = deployment->rec;
    const struct service *service = service_get(state, deployment->part.service_id);

    SET(out, service_deployment_arn, service_deployment_arn(state, deployment, arena));
    SET(out, service_arn, service_arn(state, service, arena));
    SET(out, cluster_arn, cluster_arn(state, cluster_get(state, service->cluster_id), arena));
    view_times(rec, out);
    view_revisions(state, service, rec, arena, out);
    SET(out, status, rec->status);
    if (rec->has.status_reason)
        SET(out, status_reason, rec->status_reason);
    SET(out, deployment_configuration, rec->deployment_configuration);
    if (rec->has.rollback_reason) {
        SET(out, rollback, arena_new(arena, struct ecs_rollback));
        SET(out->rollback, reason, rec->rollback_reason);
        SET(out->rollback, started_at, rec->rollback_started_at);
        SET(out->rollback, service_revision_arn,
            revision_arn(state, revision_get(state, (uint64_t)rec->rollback_revision_id), arena));
    }
    view_monitors(rec, arena, out);
    view_alarms(rec, arena, out);
    view_shift(rec, arena, out);
}
