// See cluster_providers.h.

#include "core/cluster_providers.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/id.h"
#include "base/proof.h"
#include "core/deployment_status.h"
#include "model/cluster.h"
#include "model/provider.h"

// ---- attachments

static struct ecs_key_value_pair pair(const char *name, struct str value)
{
    struct ecs_key_value_pair pair = {0};

    SET(&pair, name, str_of(name));
    SET(&pair, value, value);
    return pair;
}

// `old` is the list as it was; `what` names the second detail, and `prefix` begins its value.
static struct ecs_attachment attachment(struct step *step, const char *type, struct str provider,
                                        const char *what, const char *prefix)
{
    struct ecs_attachment out = {0};
    struct str id = id_uuid(step->arena, step->rng);

    SET(&out, id, id);
    SET(&out, type, str_of(type));
    SET(&out, status, STR("PRECREATED"));
    out.has.details = true;
    out.details.n = 2;
    out.details.at = arena_array(step->arena, struct ecs_key_value_pair, 2);
    out.details.at[0] = pair("capacityProviderName", provider);
    out.details.at[1] = pair(what, str_fmt(step->arena, "%s%.*s", prefix, STR_ARGS(id)));
    return out;
}

static const struct ecs_attachment *find(const struct ecs_attachment_list *list, const char *type,
                                         struct str provider)
{
    for (size_t i = 0; i < list->n; i++) {
        if (str_eq(list->at[i].type, str_of(type)) &&
            str_eq(list->at[i].details.at[0].value, provider))
            return &list->at[i];
    }
    return NULL;
}

static void add(struct step *step, const struct ecs_attachment_list *old, bool wanted,
                struct ecs_attachment fresh, struct ecs_attachment_list *list)
{
    const struct ecs_attachment *known;

    if (!wanted)
        return;
    known = find(old, str_cstr(step->arena, fresh.type), fresh.details.at[0].value);
    list->at[list->n++] = known != NULL ? *known : fresh;
}

static void add_both(struct step *step, const struct ecs_attachment_list *old,
                     const struct provider *provider, struct ecs_attachment_list *list)
{
    const struct ecs_auto_scaling_group_provider *group =
        provider->rec->auto_scaling_group_provider;
    struct str name = provider->rec->name;

    add(step, old, group->managed_scaling->status == ECS_MANAGED_SCALING_STATUS_ENABLED,
        attachment(step, "as_policy", name, "scalingPolicyName", "ECSManagedAutoScalingPolicy-"),
        list);
    add(step, old, group->managed_draining == ECS_MANAGED_DRAINING_ENABLED,
        attachment(step, "managed_draining", name, "lifecycleHookName",
                   "ecs-managed-draining-termination-hook-"),
        list);
}

void cluster_attach(struct step *step, struct rec_cluster *next)
{
    struct ecs_attachment_list old = next->attachments;
    struct ecs_attachment_list list = {0};
    bool has_any = false;

    list.at = arena_array(step->arena, struct ecs_attachment, 2 * next->capacity_providers.n);
    for (size_t i = 0; i < next->capacity_providers.n; i++) {
        const struct provider *provider =
            provider_find(step->state, next->region, next->capacity_providers.at[i]);

        if (provider == NULL)
            continue; // FARGATE, FARGATE_SPOT
        has_any = true;
        add_both(step, &old, provider, &list);
    }
    next->has.attachments = next->has.attachments_status = has_any;
    next->attachments = list;
    next->attachments_status =
        has_any ? REC_ATTACHMENTS_STATUS_UPDATE_IN_PROGRESS : REC_ATTACHMENTS_STATUS_UNSET;
}

// ---- the end of updates

static void create_attachments(struct step *step, struct rec_cluster *next)
{
    struct ecs_attachment_list *list = &next->attachments;

    list->at = arena_copy(step->arena, list->at, list->n * sizeof *list->at);
    for (size_t i = 0; i < list->n; i++)
        SET(&list->at[i], status, STR("CREATED"));
}

static void settle_cluster(struct step *step, struct cluster *cluster)
{
    struct rec_cluster next = *cluster->rec;

    MARK("an update of a cluster's capacity providers is complete");
    if (next.status == REC_CLUSTER_STATUS_PROVISIONING)
        SET(&next, status, REC_CLUSTER_STATUS_ACTIVE);
    if (next.status == REC_CLUSTER_STATUS_DEPROVISIONING) {
        SET(&next, status, REC_CLUSTER_STATUS_INACTIVE);
        SET(&next, inactive_at, step->now);
    }
    if (next.has.attachments_status) {
        SET(&next, attachments_status, REC_ATTACHMENTS_STATUS_UPDATE_COMPLETE);
        create_attachments(step, &next);
    }
    state_put(step->state, REC_KIND_CLUSTER, cluster->entity.id, &next);
}

static void attach_anew(struct step *step, const struct provider *provider)
{
    struct cluster *cluster = provider_cluster(step->state, provider);
    struct rec_cluster next;

    if (cluster == NULL)
        return;
    next = *cluster->rec;
    cluster_attach(step, &next);
    state_put(step->state, REC_KIND_CLUSTER, cluster->entity.id, &next);
}

static enum ecs_capacity_provider_update_status
completed(enum ecs_capacity_provider_update_status status)
{
    return status == ECS_CAPACITY_PROVIDER_UPDATE_STATUS_DELETE_IN_PROGRESS
               ? ECS_CAPACITY_PROVIDER_UPDATE_STATUS_DELETE_COMPLETE
               : ECS_CAPACITY_PROVIDER_UPDATE_STATUS_UPDATE_COMPLETE;
}

static void settle_provider(struct step *step, struct provider *provider)
{
    struct rec_capacity_provider next = *provider->rec;
    enum ecs_capacity_provider_update_status status = completed(next.update_status);

    ASSERT(capacity_provider_update_may_follow(next.update_status, status));
    SET(&next, update_status, status);
    if (status == ECS_CAPACITY_PROVIDER_UPDATE_STATUS_DELETE_COMPLETE) {
        MARK("a capacity provider is deleted");
        SET(&next, status, ECS_CAPACITY_PROVIDER_STATUS_INACTIVE);
        SET(&next, inactive_at, step->now);
    } else {
        attach_anew(step, provider);
    }
    state_put(step->state, REC_KIND_CAPACITY_PROVIDER, provider->entity.id, &next);
}

void settle_run(struct step *step)
{
    LIST_EACH_SAFE (&step->state->providers_unsettled, it)
        settle_provider(step, LIST_ENTRY(it, struct provider, unsettled));
    LIST_EACH_SAFE (&step->state->clusters_unsettled, it)
        settle_cluster(step, LIST_ENTRY(it, struct cluster, unsettled));
}

time_ms settle_next(const struct state *state)
{
    return list_is_empty(&state->clusters_unsettled) && list_is_empty(&state->providers_unsettled)
               ? 0
               : 1;
}
