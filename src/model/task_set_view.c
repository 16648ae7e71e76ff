// What DescribeTaskSets and DescribeServices show of a task set. Source: ecs-behaviour-api 7.7.

#include "base/arena.h"
#include "model/cluster.h"
#include "model/deployment.h"
#include "model/service.h"
#include "model/task_definition.h"

struct str task_set_arn_of(const struct state *state, const struct service *service, int64_t number,
                           struct arena *arena)
{
    const struct cluster *cluster = cluster_get(state, service->cluster_id);
    struct scope scope = cluster_scope(state, cluster);

    return arn_make3(arena, &scope, "task-set", cluster->rec->name, service->rec->name,
                     str_fmt(arena, "ecs-svc/%lld", (long long)number));
}

struct str task_set_arn(const struct state *state, const struct deployment *set,
                        struct arena *arena)
{
    const struct service *service = service_get(state, set->part.service_id);

    return task_set_arn_of(state, service, set->rec->number, arena);
}

static struct str status_of(const struct service *service, const struct rec_deployment *rec)
{
    enum rec_deployment_status status = rec->status;

    if (service->rec->status != REC_SERVICE_STATUS_ACTIVE)
        status = REC_DEPLOYMENT_STATUS_DRAINING;
    return shape_enum_name(&rec_deployment_status_enum, (int)status);
}

static void view_revision(const struct state *state, const struct revision *revision,
                          struct arena *arena, struct ecs_task_set *out)
{
    const struct rec_service_revision *rec = revision->rec;

    SET(out, task_definition,
        task_definition_arn(state, revision_definition(state, revision), arena));
    if (rec->capacity_provider_strategy.n > 0)
        SET(out, capacity_provider_strategy, rec->capacity_provider_strategy);
    else
        SET(out, launch_type, rec->launch_type);
    if (rec->launch_type == ECS_LAUNCH_TYPE_FARGATE) {
        SET(out, platform_version,
            rec->has.platform_version ? rec->platform_version : STR("LATEST"));
        SET(out, platform_family, STR("Linux"));
    }
    if (rec->has.network_configuration)
        SET(out, network_configuration, rec->network_configuration);
    SET(out, load_balancers, rec->load_balancers);
    SET(out, service_registries, rec->service_registries);
}

void task_set_view(const struct state *state, const struct deployment *set, bool with_tags,
                   struct arena *arena, struct ecs_task_set *out)
{
    const struct rec_deployment *rec = set->rec;
    const struct service *service = service_get(state, set->part.service_id);
    const struct cluster *cluster = cluster_get(state, service->cluster_id);

    SET(out, id, deployment_name(set, arena));
    SET(out, task_set_arn, task_set_arn(state, set, arena));
    SET(out, service_arn, service_arn(state, service, arena));
    SET(out, cluster_arn, cluster_arn(state, cluster, arena));
    if (rec->has.external_id)
        SET(out, external_id, rec->external_id);
    SET(out, status, status_of(service, rec));
    view_revision(state, revision_get(state, (uint64_t)rec->revision_id), arena, out);
    SET(out, computed_desired_count, rec->computed_count);
    SET(out, pending_count, (int32_t)set->pending_n);
    SET(out, running_count, (int32_t)set->running_n);
    SET(out, created_at, rec->created_at);
    SET(out, updated_at, rec->updated_at);
    SET(out, scale, arena_new(arena, struct ecs_scale));
    SET(out->scale, value, rec->scale);
    SET(out->scale, unit, ECS_SCALE_UNIT_PERCENT);
    SET(out, stability_status, rec->stability);
    SET(out, stability_status_at, rec->stability_at);
    out->has.tags = true;
    if (with_tags)
        out->tags = rec->tags;
}
