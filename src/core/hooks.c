// See hooks.h.
//
// A call is an effect: it leaves after the commit, and what comes of it is an input. The record
// says in which life of the server a call is under way, so one that was lost with a crash is made
// again, and one whose batch was undone is decided again. Whoever carries calls out tries for a
// while by himself; here a call has no deadline but its hook's.

#include "core/hooks.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/proof.h"
#include "core/deploy.h"
#include "core/reconcile.h"
#include "core/traffic_steps.h"
#include "model/deployment.h"
#include "model/service.h"
#include "shape/walk.h"

enum {
    TIMEOUT_MINUTES = 1440,
    CALL_BACK_MS = 30 * TIME_SECOND_MS,
    ID_LEN = 43, // characters of [A-Za-z0-9_-]
};

#define STATUS(name) ECS_DEPLOYMENT_LIFECYCLE_HOOK_STATUS_##name

static const struct ecs_deployment_lifecycle_hook *
config_of(const struct rec_service_deployment *rec, const struct rec_deployment_hook *hook)
{
    return &rec->deployment_configuration->lifecycle_hooks.at[hook->index];
}

static bool is_pause(const struct ecs_deployment_lifecycle_hook *config)
{
    return config->target_type == ECS_DEPLOYMENT_LIFECYCLE_HOOK_TARGET_TYPE_PAUSE;
}

static bool is_for(const struct ecs_deployment_lifecycle_hook *config, enum deploy_stage stage)
{
    enum ecs_deployment_lifecycle_hook_stage wanted = deploy_stage_of_hooks(stage);

    for (size_t i = 0; i < config->lifecycle_stages.n; i++) {
        if (wanted != ECS_DEPLOYMENT_LIFECYCLE_HOOK_STAGE_UNSET &&
            config->lifecycle_stages.at[i] == wanted)
            return true;
    }
    return false;
}

static struct str new_id(struct step *step, const char *kind)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    char text[ID_LEN];

    for (int i = 0; i < ID_LEN; i++)
        text[i] = alphabet[rng_below(step->rng, sizeof alphabet - 1)];
    return str_fmt(step->arena, "ecs-%s-%.*s", kind, ID_LEN, text);
}

static time_ms timeout_of(const struct ecs_deployment_lifecycle_hook *config)
{
    const struct ecs_deployment_lifecycle_hook_timeout_configuration *timeout =
        config->timeout_configuration;
    int32_t minutes = TIMEOUT_MINUTES;

    if (timeout != NULL && timeout->has.timeout_in_minutes)
        minutes = timeout->timeout_in_minutes;
    return minutes * (time_ms)TIME_MINUTE_MS;
}

static bool continues_on_timeout(const struct ecs_deployment_lifecycle_hook *config)
{
    return config->timeout_configuration != NULL &&
           config->timeout_configuration->action == ECS_DEPLOYMENT_LIFECYCLE_HOOK_ACTION_CONTINUE;
}

// ---- begin

static void add(struct step *step, struct rec_service_deployment *next, size_t index)
{
    const struct ecs_deployment_lifecycle_hook *config =
        &next->deployment_configuration->lifecycle_hooks.at[index];
    struct rec_deployment_hook *hook = &next->hooks.at[next->hooks.n++];
    bool pause = is_pause(config);

    SET(hook, hook_id, new_id(step, pause ? "pause" : "hook"));
    SET(hook, index, (int32_t)index);
    SET(hook, status, pause ? STATUS(AWAITING_ACTION) : STATUS(IN_PROGRESS));
    SET(hook, expires_at, step->now + timeout_of(config));
    if (!pause)
        SET(hook, due_at, step->now);
    if (!pause && config->has.hook_details)
        SET(hook, details, config->hook_details);
}

void hooks_begin(struct step *step, struct rec_service_deployment *next, enum deploy_stage stage)
{
    const struct ecs_deployment_lifecycle_hook_list *list =
        &next->deployment_configuration->lifecycle_hooks;

    next->has.hooks = true;
    next->hooks.n = 0;
    next->hooks.at = arena_array(step->arena, struct rec_deployment_hook, list->n);
    for (size_t i = 0; i < list->n; i++) {
        if (is_for(&list->at[i], stage))
            add(step, next, i);
    }
}

// ---- calling

static struct str weights(struct step *step, const struct rec_service_deployment *rec,
                          int32_t tenths)
{
    const struct revision *target = revision_get(step->state, (uint64_t)rec->target_revision_id);
    struct str arn = revision_arn(step->state, target, step->arena);

    return str_fmt(step->arena, "{\"%.*s\":%d.%d}", STR_ARGS(arn), (int)(tenths / 10),
                   (int)(tenths % 10));
}

// The weights of what the stage is about to do, or has done on the way back.
static struct hook_execution *execution(struct step *step, const struct service *service,
                                        const struct rec_service_deployment *rec)
{
    struct hook_execution *out = arena_new(step->arena, struct hook_execution);
    const struct revision *target = revision_get(step->state, (uint64_t)rec->target_revision_id);
    enum deploy_stage stage = (enum deploy_stage)rec->stage;

    SET(out, service_arn, service_arn(step->state, service, step->arena));
    SET(out, target_service_revision_arn, revision_arn(step->state, target, step->arena));
    SET(out, test_traffic_weights, STR("{}"));
    SET(out, production_traffic_weights, STR("{}"));
    if (stage == DEPLOY_STAGE_TEST_TRAFFIC_SHIFT)
        SET(out, test_traffic_weights, weights(step, rec, rec->is_going_back ? 0 : TRAFFIC_ALL));
    if (stage == DEPLOY_STAGE_PRE_PRODUCTION_TRAFFIC_SHIFT ||
        stage == DEPLOY_STAGE_PRODUCTION_TRAFFIC_SHIFT)
        SET(out, production_traffic_weights, weights(step, rec, rec->next_weight));
    return out;
}

static void call(struct step *step, const struct service_deployment *deployment,
                 struct rec_service_deployment *next, struct rec_deployment_hook *hook)
{
    const struct service *service = service_get(step->state, deployment->part.service_id);
    struct effect *effect = step_effect(step, EFFECT_HOOK_CALL, 0);
    struct hook_call *out = arena_new(step->arena, struct hook_call);
    struct hook_request *request = arena_new(step->arena, struct hook_request);
    enum deploy_stage stage = (enum deploy_stage)next->stage;

    SET(request, execution_id, hook->hook_id);
    SET(request, lifecycle_stage,
        shape_enum_name(&ecs_deployment_lifecycle_hook_stage_enum,
                        (int)deploy_stage_of_hooks(stage)));
    SET(request, resource_arn, service_deployment_arn(step->state, deployment, step->arena));
    SET(request, execution_details, execution(step, service, next));
    if (hook->has.details)
        SET(request, hook_details, str_copy(step->arena, hook->details));
    *out = (struct hook_call){
        .deployment_id = deployment->part.entity.id,
        .hook_id = str_copy(step->arena, hook->hook_id),
        .target = str_copy(step->arena, config_of(next, hook)->hook_target_arn),
        .request = request,
    };
    effect->value = out;
    SET(hook, asked_in, state_life(step->state, step->rng));
}

// ---- running

static bool is_open(const struct rec_deployment_hook *hook)
{
    return !hook_status_is_final(hook->status);
}

static void settle(struct rec_deployment_hook *hook,
                   enum ecs_deployment_lifecycle_hook_status status)
{
    ASSERT(hook_status_may_follow(hook->status, status));
    SET(hook, status, status);
}

static bool run_one(struct step *step, const struct service_deployment *deployment,
                    struct rec_service_deployment *next, struct rec_deployment_hook *hook,
                    time_ms *again_at)
{
    if (hook->expires_at <= step->now) {
        MARK("a hook times out");
        settle(hook, STATUS(TIMED_OUT));
        SET(hook, failure, HOOK_TIMED_OUT);
        return true;
    }
    *again_at = earlier(*again_at, hook->expires_at);
    if (hook->status != STATUS(IN_PROGRESS) || hook->asked_in == state_life(step->state, step->rng))
        return false;
    if (hook->due_at > step->now) {
        *again_at = earlier(*again_at, hook->due_at);
        return false;
    }
    MARK("a hook is called");
    call(step, deployment, next, hook);
    return true;
}

static void own_hooks(struct step *step, struct rec_service_deployment *next)
{
    next->hooks.at =
        arena_copy(step->arena, next->hooks.at, next->hooks.n * sizeof *next->hooks.at);
}

bool hooks_run(struct step *step, const struct service_deployment *deployment,
               struct rec_service_deployment *next, time_ms *again_at)
{
    bool changed = false;

    own_hooks(step, next);
    for (size_t i = 0; i < next->hooks.n; i++) {
        if (is_open(&next->hooks.at[i]))
            changed |= run_one(step, deployment, next, &next->hooks.at[i], again_at);
    }
    return changed;
}

struct hooks_state hooks_state(const struct rec_service_deployment *rec)
{
    struct hooks_state state = {0};

    for (size_t i = 0; i < rec->hooks.n; i++) {
        const struct rec_deployment_hook *hook = &rec->hooks.at[i];
        bool failed =
            hook->status == STATUS(FAILED) ||
            (hook->status == STATUS(TIMED_OUT) && !continues_on_timeout(config_of(rec, hook)));

        state.open += is_open(hook);
        if (failed && state.failed == NULL)
            state.failed = hook;
    }
    return state;
}

struct str hook_story_of(struct step *step, const struct rec_service_deployment *rec,
                         const struct rec_deployment_hook *hook)
{
    const struct ecs_deployment_lifecycle_hook *config = config_of(rec, hook);
    struct str subject = is_pause(config) ? hook->hook_id : config->hook_target_arn;

    return rollback_by_hook(step->arena, (enum deploy_stage)rec->stage,
                            (enum hook_failure)hook->failure, subject, hook->cause);
}

// ---- answers

static struct rec_deployment_hook *find(struct rec_service_deployment *next, struct str hook_id)
{
    for (size_t i = 0; i < next->hooks.n; i++) {
        if (str_eq(next->hooks.at[i].hook_id, hook_id))
            return &next->hooks.at[i];
    }
    return NULL;
}

static void take(struct step *step, struct rec_deployment_hook *hook,
                 const struct hook_answer *answer)
{
    SET(hook, asked_in, 0);
    switch (answer->result) {
    case HOOK_RESULT_SUCCEEDED: settle(hook, STATUS(SUCCEEDED)); return;
    case HOOK_RESULT_IN_PROGRESS:
        MARK("a hook asks to be called again");
        SET(hook, due_at, step->now + (answer->delay > 0 ? answer->delay : CALL_BACK_MS));
        if (answer->details.len > 0)
            SET(hook, details, answer->details);
        return;
    case HOOK_RESULT_FAILED:
        settle(hook, STATUS(FAILED));
        SET(hook, failure, (int32_t)answer->failure);
        SET(hook, cause, answer->cause);
        return;
    }
    UNREACHABLE();
}

void hook_answered(struct step *step, const struct hook_answer *answer)
{
    struct service_deployment *deployment =
        service_deployment_get(step->state, answer->deployment_id);
    struct rec_service_deployment *next;
    struct rec_deployment_hook *hook;

    if (deployment == NULL || service_deployment_is_final(deployment->rec->status))
        return;
    next = service_deployment_edit(step, deployment);
    own_hooks(step, next);
    hook = find(next, answer->hook_id);
    if (hook == NULL || hook->status != STATUS(IN_PROGRESS) ||
        hook->asked_in != state_life(step->state, step->rng)) {
        MARK("an answer of a hook comes too late");
        return;
    }
    take(step, hook, answer);
    service_deployment_change(step, deployment, next);
}

const struct rec_deployment_hook *hook_awaiting(const struct rec_service_deployment *rec,
                                                struct str hook_id)
{
    for (size_t i = 0; i < rec->hooks.n; i++) {
        const struct rec_deployment_hook *hook = &rec->hooks.at[i];

        if (str_eq(hook->hook_id, hook_id) && hook->status == STATUS(AWAITING_ACTION))
            return hook;
    }
    return NULL;
}

void hook_end_pause(struct step *step, struct service_deployment *deployment, struct str hook_id,
                    enum ecs_deployment_lifecycle_hook_action action)
{
    struct rec_service_deployment *next = service_deployment_edit(step, deployment);
    struct rec_deployment_hook *hook;

    own_hooks(step, next);
    hook = find(next, hook_id);
    if (action == ECS_DEPLOYMENT_LIFECYCLE_HOOK_ACTION_ROLLBACK) {
        settle(hook, STATUS(FAILED));
        SET(hook, failure, HOOK_ANSWERED_BACK);
    } else {
        settle(hook, STATUS(SUCCEEDED));
    }
    service_deployment_change(step, deployment, next);
}
