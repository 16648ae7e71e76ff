// See task_set.h. A task set is a deployment record with a few more members; its revision says what
// its tasks are made of. It has no rollout: nobody fails it and nobody rolls it back.

#include "core/task_set.h"

#include "base/arena.h"
#include "base/proof.h"
#include "core/deploy.h"
#include "core/reconcile_kinds.h"
#include "core/rollout.h"
#include "model/deployment.h"
#include "model/service.h"

static int32_t count_of(const struct service *service, const struct rec_deployment *set)
{
    if (set->status == REC_DEPLOYMENT_STATUS_DRAINING)
        return 0;
    return (int32_t)rollout_scaled_count(service->rec->desired_count, set->scale);
}

struct deployment *task_set_begin(struct step *step, struct service *service,
                                  struct rec_service_revision *revision, struct rec_deployment *set)
{
    int64_t number = deploy_new_number(step);
    uint64_t id = state_new_id(step->state, REC_KIND_DEPLOYMENT);

    SET(set, service_id, (int64_t)service->entity.id);
    SET(set, revision_id, (int64_t)deploy_put_revision(step, service, number, revision));
    SET(set, number, number);
    SET(set, status, REC_DEPLOYMENT_STATUS_ACTIVE);
    SET(set, created_at, step->now);
    SET(set, updated_at, step->now);
    SET(set, computed_count, count_of(service, set));
    SET(set, stability, ECS_STABILITY_STATUS_STABILIZING);
    SET(set, stability_at, step->now);
    state_put(step->state, REC_KIND_DEPLOYMENT, id, set);
    return deployment_get(step->state, id);
}

// Puts the set with its count worked out anew. What is asked of it is not reached yet.
static void change(struct step *step, struct deployment *set, struct rec_deployment *next)
{
    const struct service *service = service_get(step->state, set->part.service_id);
    int32_t count = count_of(service, next);

    if (count != next->computed_count) {
        SET(next, stability, ECS_STABILITY_STATUS_STABILIZING);
        SET(next, stability_at, step->now);
    }
    SET(next, computed_count, count);
    deployment_change(step, set, next);
}

void task_set_scale(struct step *step, struct deployment *set, double percent)
{
    struct rec_deployment *next = deployment_edit(step, set);

    SET(next, scale, percent);
    change(step, set, next);
}

void task_sets_recount(struct step *step, struct service *service)
{
    LIST_EACH (&service->deployments, it) {
        struct deployment *set = PART(it, struct deployment);

        if (count_of(service, set->rec) != set->rec->computed_count)
            change(step, set, deployment_edit(step, set));
    }
}

static void set_status(struct step *step, struct deployment *set, enum rec_deployment_status status)
{
    struct rec_deployment *next = deployment_edit(step, set);

    SET(next, status, status);
    change(step, set, next);
}

void task_set_promote(struct step *step, struct service *service, struct deployment *set)
{
    const struct revision *revision = revision_get(step->state, (uint64_t)set->rec->revision_id);
    struct deployment *primary = service_primary(service);
    struct rec_service *next;

    if (primary == set)
        return;
    if (primary != NULL)
        set_status(step, primary, REC_DEPLOYMENT_STATUS_ACTIVE);
    set_status(step, set, REC_DEPLOYMENT_STATUS_PRIMARY);
    next = arena_copy(step->arena, service->rec, sizeof *next);
    SET(next, launch_type, revision->rec->launch_type);
    state_put(step->state, REC_KIND_SERVICE, service->entity.id, next);
}

void task_set_drain(struct step *step, struct deployment *set)
{
    set_status(step, set, REC_DEPLOYMENT_STATUS_DRAINING);
}

// ---- reconciling

static void note_stability(struct step *step, struct deployment *set, bool is_steady)
{
    enum ecs_stability_status stability =
        is_steady ? ECS_STABILITY_STATUS_STEADY_STATE : ECS_STABILITY_STATUS_STABILIZING;
    struct rec_deployment *next;

    if (set->rec->stability == stability)
        return;
    MARK_IF(is_steady, "a task set is steady");
    MARK_IF(!is_steady, "a task set is steady no more");
    next = deployment_edit(step, set);
    SET(next, stability, stability);
    SET(next, stability_at, step->now);
    state_put(step->state, REC_KIND_DEPLOYMENT, set->part.entity.id, next);
}

// True when it is gone.
static bool forget_if_empty(struct step *step, struct deployment *set)
{
    uint64_t revision_id = (uint64_t)set->rec->revision_id;

    if (set->rec->status != REC_DEPLOYMENT_STATUS_DRAINING || set->running_n + set->pending_n > 0)
        return false;
    MARK("a task set that was deleted is gone with its last task");
    state_remove(step->state, REC_KIND_DEPLOYMENT, set->part.entity.id);
    state_remove(step->state, REC_KIND_REVISION, revision_id);
    return true;
}

bool task_sets_reconcile(struct step *step, struct service *service, time_ms *again_at)
{
    bool all_steady = true;

    LIST_EACH_SAFE (&service->deployments, it) {
        struct deployment *set = PART(it, struct deployment);
        struct reconciled result;

        if (forget_if_empty(step, set))
            continue;
        result = reconcile_set(step, service, set, set->rec->computed_count, false);
        *again_at = earlier(*again_at, result.again_at);
        note_stability(step, set, result.is_steady);
        all_steady &= result.is_steady;
    }
    return all_steady;
}
