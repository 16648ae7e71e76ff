// Services whose deployment shifts traffic: what shift.h decides, done. Source and target are
// brought to what is wanted of each by itself; then it is seen whether the shift can go on.
//
// A stage is entered and left here only, and where it stands is in the record of the service
// deployment, so a server that was killed goes on from there. A deployment that was stopped, or
// whose way back is closed, stays as it is: both revisions keep what they have until the next
// deployment settles that.

#include "base/arena.h"
#include "base/assert.h"
#include "base/proof.h"
#include "core/deploy.h"
#include "core/hooks.h"
#include "core/reconcile_kinds.h"
#include "core/shift.h"
#include "core/traffic.h"
#include "model/deployment.h"
#include "model/service.h"

_Static_assert((int)REC_DEPLOY_STAGE_CLEAN_UP == (int)DEPLOY_STAGE_CLEAN_UP &&
                   (int)REC_DEPLOY_STAGE_SCALE_UP == (int)DEPLOY_STAGE_SCALE_UP,
               "stages in the order of core/deployment_status.h");
_Static_assert((int)REC_DEPLOY_PHASE_WAIT == (int)SHIFT_WAIT,
               "phases in the order of core/shift.h");

enum { MOVES_MAX = 8 }; // in one look

// One look at a shift.
struct shifting {
    struct step *step;
    struct service *service;
    struct service_deployment *deployment;
    struct rec_service_deployment *next;
    bool changed;
    struct deployment *target; // NULL: it has gone
    struct deployment *source; // likewise, or there was none
    struct traffic_steps steps;
    struct shift_place at;
    struct shift_facts facts;
    time_ms again_at;
    bool is_over;
};

bool reconcile_is_shifting(const struct service *service)
{
    const struct service_deployment *newest = service_newest_deployment(service);
    bool stays_half_way;

    if (newest == NULL || !service_deployment_shifts(newest))
        return false;
    if (!service_deployment_is_final(newest->rec->status))
        return true;
    stays_half_way = newest->rec->status == ECS_SERVICE_DEPLOYMENT_STATUS_STOPPED ||
                     newest->rec->status == ECS_SERVICE_DEPLOYMENT_STATUS_ROLLBACK_FAILED;
    return stays_half_way && newest->rec->has.stage && newest->rec->source_deployment_id != 0;
}

// ---- what is there

static struct traffic_steps steps_of(const struct shifting *s)
{
    static const struct traffic_step whole = {.weight = TRAFFIC_ALL};

    if (s->next->source_deployment_id == 0) // nothing to shift from
        return (struct traffic_steps){.n = 1, .at = &whole};
    return traffic_steps_of(s->next->deployment_configuration, s->step->arena);
}

static void read(struct shifting *s, struct step *step, struct service *service)
{
    *s = (struct shifting){
        .step = step,
        .service = service,
        .deployment = service_newest_deployment(service),
    };
    s->next = service_deployment_edit(step, s->deployment);
    s->target = deployment_get(step->state, (uint64_t)s->next->deployment_id);
    s->source = deployment_get(step->state, (uint64_t)s->next->source_deployment_id);
    s->steps = steps_of(s);
    s->at = (struct shift_place){
        .stage = (enum deploy_stage)s->next->stage,
        .phase = (enum shift_phase)s->next->phase,
        .step = (size_t)s->next->step,
        .since = s->next->phase_at,
        .is_back = s->next->is_going_back,
    };
}

static bool is_there(const struct deployment *deployment)
{
    return deployment != NULL && deployment->running_n + deployment->pending_n > 0;
}

// ---- tasks

static void show_request(struct shifting *s, struct deployment *deployment, int64_t n)
{
    struct rec_deployment *next;

    if (deployment->rec->has.requested_count && deployment->rec->requested_count == n)
        return;
    next = deployment_edit(s->step, deployment);
    SET(next, requested_count, (int32_t)n);
    deployment_change(s->step, deployment, next);
}

// Brings the deployment to full strength, or to nothing; whether it is steady there.
static bool bring(struct shifting *s, struct deployment *deployment, bool is_wanted)
{
    int64_t desired = is_wanted ? s->service->rec->desired_count : 0;
    bool is_given_up = s->next->is_going_back && deployment == s->target;
    struct reconciled result;

    show_request(s, deployment, desired);
    result = reconcile_set(s->step, s->service, deployment, desired, is_given_up && is_wanted);
    s->again_at = earlier(s->again_at, result.again_at);
    return result.is_steady;
}

static void bring_all(struct shifting *s)
{
    struct shift_wants wants = shift_wants(&s->at, &s->steps);
    struct rollouts rollouts = rollouts_of(s->step, s->service);
    struct shift_facts *facts = &s->facts;

    for (uint32_t i = 0; i < rollouts.n; i++) {
        struct deployment *deployment = rollouts.at[i];

        if (deployment == s->target) {
            facts->target_is_ready = bring(s, deployment, wants.target) && wants.target;
        } else if (deployment == s->source) {
            facts->source_is_ready = bring(s, deployment, wants.source) && wants.source;
        } else if (is_there(deployment)) {
            facts->has_others = true;
            bring(s, deployment, false);
        }
    }
}

// ---- traffic

static const struct revision *target_revision(const struct shifting *s)
{
    return revision_get(s->step->state, (uint64_t)s->next->target_revision_id);
}

// Notes the weights that the place asks for.
static void set_weights(struct shifting *s)
{
    struct shift_wants wants = shift_wants(&s->at, &s->steps);
    const struct revision *target = target_revision(s);
    int32_t test = traffic_takes_test(target) ? wants.test : 0;

    if (s->next->weights_serial > 0 && s->next->production_weight == wants.production &&
        s->next->test_weight == test)
        return;
    SET(s->next, production_weight, wants.production);
    SET(s->next, test_weight, test);
    SET(s->next, weights_serial, s->next->weights_serial + 1);
    SET(s->next, weights_are_set, !traffic_takes_weights(s->step->state, target));
    SET(s->next, weights_asked_in, 0);
    SET(s->next, weights_failed_at, 0);
    s->changed = true;
}

static void run_weights(struct shifting *s)
{
    int64_t life = state_life(s->step->state, s->step->rng);
    time_ms from = s->next->weights_failed_at + TRAFFIC_AGAIN_MS;

    if (s->next->weights_are_set || s->next->weights_asked_in == life)
        return;
    if (!traffic_takes_weights(s->step->state, target_revision(s))) {
        SET(s->next, weights_are_set, true); // nobody moves traffic any more
    } else if (s->next->weights_failed_at != 0 && from > s->step->now) {
        s->again_at = earlier(s->again_at, from);
        return;
    } else {
        SET(s->next, weights_asked_in, life);
        traffic_order_weights(s->step, s->deployment, s->next);
    }
    s->changed = true;
}

// ---- going on

static void enter(struct shifting *s, const struct shift_place *to)
{
    bool is_new_stage = to->stage != s->at.stage || to->phase == SHIFT_HOOKS;

    s->at = *to;
    SET(s->next, stage, (enum rec_deploy_stage)to->stage);
    SET(s->next, phase, (enum rec_deploy_phase)to->phase);
    SET(s->next, phase_at, to->since);
    SET(s->next, step, (int32_t)to->step);
    SET(s->next, is_going_back, to->is_back);
    SET(s->next, next_weight, to->is_back ? 0 : s->steps.at[to->step].weight);
    if (is_new_stage)
        hooks_begin(s->step, s->next, shift_calls_hooks(to) ? to->stage : DEPLOY_STAGE_NONE);
    s->changed = true;
    MARK_IF(to->stage == DEPLOY_STAGE_RECONCILE_SERVICE, "an unsettled past is settled first");
    MARK_IF(to->stage == DEPLOY_STAGE_BAKE_TIME, "a shifted deployment bakes");
    MARK_IF(to->stage == DEPLOY_STAGE_CLEAN_UP, "the source of a shift goes");
}

// From here on it is the target that a later deployment starts from.
static void become_the_one(struct shifting *s)
{
    struct rec_deployment *next;

    if (s->target == NULL || s->target->rec->completed)
        return;
    next = deployment_edit(s->step, s->target);
    SET(next, completed, true);
    deployment_change(s->step, s->target, next);
}

static void look_around(struct shifting *s)
{
    struct hooks_state hooks = hooks_state(s->next);

    s->facts.now = s->step->now;
    s->facts.started_at = s->next->started_at;
    s->facts.steps = &s->steps;
    s->facts.hooks_open = hooks.open;
    s->facts.hook_failed = hooks.failed != NULL;
    s->facts.target_is_gone = !is_there(s->target);
    s->facts.source_is_gone = !is_there(s->source);
    s->facts.traffic_is_set = s->next->weights_are_set;
}

static struct deploy_trouble trouble_of(struct shifting *s, enum shift_failure why)
{
    struct hooks_state hooks = hooks_state(s->next);
    struct deploy_trouble trouble = {.rolls_back = true};

    switch (why) {
    case SHIFT_FAILED_HOOK:
        trouble.cause = STR("a lifecycle hook failed");
        trouble.reason = hook_story_of(s->step, s->next, hooks.failed);
        return trouble;
    case SHIFT_FAILED_STAGE_TIME:
        trouble.cause = STR("a lifecycle stage timed out");
        trouble.reason = rollback_by_stage_timeout(s->step->arena, s->at.stage);
        return trouble;
    case SHIFT_FAILED_TIME:
        trouble.cause = STR("it timed out");
        trouble.reason = rollback_by_timeout();
        return trouble;
    }
    UNREACHABLE();
}

static void write_back(struct shifting *s)
{
    if (s->changed)
        service_deployment_change(s->step, s->deployment, s->next);
    s->changed = false;
}

static void give_up(struct shifting *s, enum shift_failure why)
{
    struct deploy_trouble trouble;

    write_back(s);
    if (s->at.is_back) {
        deploy_rollback_failed(s->step, s->service);
        return;
    }
    trouble = trouble_of(s, why);
    deploy_fail(s->step, s->service, &trouble);
}

static bool wants_other_tasks(const struct shifting *s, const struct shift_place *to)
{
    struct shift_wants now = shift_wants(&s->at, &s->steps);
    struct shift_wants then = shift_wants(to, &s->steps);

    return now.target != then.target || now.source != then.source;
}

// As far as it gets on the facts as they are. True: to be looked at again at once.
static bool go_on(struct shifting *s)
{
    for (int i = 0; i < MOVES_MAX; i++) {
        struct shift_move move;
        bool is_stale;

        if (hooks_run(s->step, s->deployment, s->next, &s->again_at)) {
            s->changed = true;
            write_back(s); // for the event log: the next stage has other hooks
        }
        if (s->at.stage != DEPLOY_STAGE_NONE) {
            set_weights(s); // a rollback begins elsewhere
            run_weights(s);
        }
        look_around(s);
        move = shift_next(&s->at, &s->facts);
        switch (move.verdict) {
        case SHIFT_STAY: s->again_at = earlier(s->again_at, move.again_at); return false;
        case SHIFT_END: s->is_over = true; return false;
        case SHIFT_FAIL: give_up(s, move.why); return true;
        case SHIFT_GO: break;
        }
        is_stale = wants_other_tasks(s, &move.to);
        if (move.to.stage == DEPLOY_STAGE_CLEAN_UP && !move.to.is_back)
            become_the_one(s);
        enter(s, &move.to);
        if (is_stale)
            return true;
    }
    return true;
}

struct reconciled reconcile_shift(struct step *step, struct service *service)
{
    struct shifting s;
    bool is_steady;

    read(&s, step, service);
    bring_all(&s);
    if (s.next->status != ECS_SERVICE_DEPLOYMENT_STATUS_IN_PROGRESS &&
        s.next->status != ECS_SERVICE_DEPLOYMENT_STATUS_ROLLBACK_IN_PROGRESS)
        return (struct reconciled){.again_at = s.again_at};
    s.next = service_deployment_edit(step, s.deployment); // what tasks did may stand there
    if (go_on(&s))
        service_mark(step->state, service);
    write_back(&s);
    is_steady = s.at.is_back ? s.facts.source_is_ready : s.facts.target_is_ready;
    return (struct reconciled){.is_steady = s.is_over && is_steady, .again_at = s.again_at};
}
