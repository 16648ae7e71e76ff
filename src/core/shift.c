// See shift.h.
//
// The way there follows the stages in their order. Going on is decided a phase at a time, so that
// whoever asks can act in between: make the hooks of a stage when it is entered, set weights when
// its work begins.
//
// The way back has no stages of its own. What carries traffic moves back at once, not in steps:
// first the source is brought to full strength where its end had begun, then traffic returns, then
// the hooks of the traffic's stages hear of it, then the target goes. A hook that fails on the way
// back changes nothing: there is nothing better to go to.

#include "core/shift.h"

#include "base/assert.h"

static struct shift_move go(const struct shift_place *at, enum deploy_stage stage,
                            enum shift_phase phase, size_t step, time_ms now)
{
    struct shift_place to = *at;

    to.stage = stage;
    to.phase = phase;
    to.step = step;
    to.since = now;
    return (struct shift_move){.verdict = SHIFT_GO, .to = to};
}

static struct shift_move stay(time_ms again_at)
{
    return (struct shift_move){.verdict = SHIFT_STAY, .again_at = again_at};
}

static struct shift_move fail(enum shift_failure why)
{
    return (struct shift_move){.verdict = SHIFT_FAIL, .why = why};
}

static struct deploy_facts stage_facts(const struct shift_place *at,
                                       const struct shift_facts *facts)
{
    return (struct deploy_facts){
        .has_unsettled_past = facts->has_others,
        .steps_left = facts->steps->n - 1 - at->step,
    };
}

// ---- there

static struct shift_move next_stage(const struct shift_place *at, const struct shift_facts *facts)
{
    struct deploy_facts of_stage = stage_facts(at, facts);
    enum deploy_stage stage = deploy_stage_after(at->stage, &of_stage);
    bool is_next_step = at->stage == DEPLOY_STAGE_PRODUCTION_TRAFFIC_SHIFT &&
                        stage == DEPLOY_STAGE_PRE_PRODUCTION_TRAFFIC_SHIFT;

    if (stage == DEPLOY_STAGE_NONE)
        return (struct shift_move){.verdict = SHIFT_END};
    return go(at, stage, SHIFT_HOOKS, at->step + is_next_step, facts->now);
}

static bool is_work_done(const struct shift_place *at, const struct shift_facts *facts)
{
    switch (at->stage) {
    case DEPLOY_STAGE_RECONCILE_SERVICE: return !facts->has_others && facts->traffic_is_set;
    case DEPLOY_STAGE_SCALE_UP: return facts->target_is_ready;
    case DEPLOY_STAGE_TEST_TRAFFIC_SHIFT:
    case DEPLOY_STAGE_PRODUCTION_TRAFFIC_SHIFT: return facts->traffic_is_set;
    case DEPLOY_STAGE_CLEAN_UP: return facts->source_is_gone && !facts->has_others;
    case DEPLOY_STAGE_NONE:
    case DEPLOY_STAGE_PRE_SCALE_UP:
    case DEPLOY_STAGE_POST_SCALE_UP:
    case DEPLOY_STAGE_POST_TEST_TRAFFIC_SHIFT:
    case DEPLOY_STAGE_PRE_PRODUCTION_TRAFFIC_SHIFT:
    case DEPLOY_STAGE_POST_PRODUCTION_TRAFFIC_SHIFT:
    case DEPLOY_STAGE_BAKE_TIME:
    case DEPLOY_STAGE_N: break;
    }
    return true;
}

static time_ms wait_of(const struct shift_place *at, const struct shift_facts *facts)
{
    if (at->stage == DEPLOY_STAGE_PRODUCTION_TRAFFIC_SHIFT)
        return facts->steps->at[at->step].wait;
    return at->stage == DEPLOY_STAGE_BAKE_TIME ? facts->steps->bake : 0;
}

static time_ms sooner(time_ms a, time_ms b)
{
    return a < b ? a : b;
}

// The end of the source has no limit: nothing is gained by going back from there. Neither have
// hooks, which have their own.
static struct shift_move there(const struct shift_place *at, const struct shift_facts *facts)
{
    time_ms end_at = facts->started_at + DEPLOY_MAX_MS;
    time_ms until;

    if (at->stage == DEPLOY_STAGE_NONE)
        return next_stage(at, facts);
    if (at->stage != DEPLOY_STAGE_CLEAN_UP) {
        if (at->phase == SHIFT_HOOKS && facts->hook_failed)
            return fail(SHIFT_FAILED_HOOK);
        if (end_at <= facts->now)
            return fail(SHIFT_FAILED_TIME);
    }
    switch (at->phase) {
    case SHIFT_HOOKS:
        if (facts->hooks_open > 0)
            return stay(end_at);
        return go(at, at->stage, SHIFT_WORK, at->step, facts->now);
    case SHIFT_WORK:
        if (is_work_done(at, facts))
            return go(at, at->stage, SHIFT_WAIT, at->step, facts->now);
        if (at->stage == DEPLOY_STAGE_CLEAN_UP)
            return stay(0);
        until = at->since + DEPLOY_STAGE_MAX_MS;
        return until <= facts->now ? fail(SHIFT_FAILED_STAGE_TIME) : stay(sooner(until, end_at));
    case SHIFT_WAIT:
        until = at->since + wait_of(at, facts);
        return until <= facts->now ? next_stage(at, facts) : stay(sooner(until, end_at));
    }
    UNREACHABLE();
}

// ---- and back

static enum deploy_stage stage_before(enum deploy_stage stage)
{
    if (stage == DEPLOY_STAGE_SCALE_UP)
        return DEPLOY_STAGE_PRODUCTION_TRAFFIC_SHIFT;
    if (stage == DEPLOY_STAGE_PRODUCTION_TRAFFIC_SHIFT)
        return DEPLOY_STAGE_TEST_TRAFFIC_SHIFT;
    return DEPLOY_STAGE_CLEAN_UP;
}

static bool is_way_back_clear(const struct shift_place *at, const struct shift_facts *facts)
{
    if (at->stage == DEPLOY_STAGE_SCALE_UP)
        return facts->source_is_ready;
    if (at->stage == DEPLOY_STAGE_CLEAN_UP && (!facts->target_is_gone || facts->has_others))
        return false;
    return facts->traffic_is_set;
}

static struct shift_move back(const struct shift_place *at, const struct shift_facts *facts)
{
    time_ms until = at->since + DEPLOY_STAGE_MAX_MS;

    if (at->phase == SHIFT_HOOKS) {
        if (facts->hooks_open > 0)
            return stay(0);
        return go(at, stage_before(at->stage), SHIFT_WORK, at->step, facts->now);
    }
    if (is_way_back_clear(at, facts)) {
        if (at->stage == DEPLOY_STAGE_CLEAN_UP)
            return (struct shift_move){.verdict = SHIFT_END};
        return go(at, at->stage, SHIFT_HOOKS, at->step, facts->now);
    }
    if (at->stage == DEPLOY_STAGE_CLEAN_UP)
        return stay(0);
    return until <= facts->now ? fail(SHIFT_FAILED_STAGE_TIME) : stay(until);
}

struct shift_move shift_next(const struct shift_place *at, const struct shift_facts *facts)
{
    ASSERT(at->step < facts->steps->n);
    return at->is_back ? back(at, facts) : there(at, facts);
}

// Whether the stage's weights had begun to move by then.
static bool had_moved(const struct shift_place *at, enum deploy_stage stage)
{
    return at->stage > stage || (at->stage == stage && at->phase != SHIFT_HOOKS);
}

struct shift_place shift_back(const struct shift_place *at, time_ms now)
{
    struct shift_place to = {
        .stage = DEPLOY_STAGE_CLEAN_UP,
        .phase = SHIFT_WORK,
        .step = at->step,
        .since = now,
        .is_back = true,
    };

    if (at->is_back)
        return *at;
    if (at->stage == DEPLOY_STAGE_CLEAN_UP)
        to.stage = DEPLOY_STAGE_SCALE_UP;
    else if (at->step > 0 || had_moved(at, DEPLOY_STAGE_PRODUCTION_TRAFFIC_SHIFT))
        to.stage = DEPLOY_STAGE_PRODUCTION_TRAFFIC_SHIFT;
    else if (had_moved(at, DEPLOY_STAGE_TEST_TRAFFIC_SHIFT))
        to.stage = DEPLOY_STAGE_TEST_TRAFFIC_SHIFT;
    return to;
}

bool shift_calls_hooks(const struct shift_place *at)
{
    return at->phase == SHIFT_HOOKS &&
           (!at->is_back || at->stage == DEPLOY_STAGE_PRODUCTION_TRAFFIC_SHIFT ||
            at->stage == DEPLOY_STAGE_TEST_TRAFFIC_SHIFT);
}

// ---- what is wanted

static int32_t production_of(const struct shift_place *at, const struct traffic_steps *steps)
{
    bool is_before =
        at->stage < DEPLOY_STAGE_PRODUCTION_TRAFFIC_SHIFT ||
        (at->stage == DEPLOY_STAGE_PRODUCTION_TRAFFIC_SHIFT && at->phase == SHIFT_HOOKS);

    if (!is_before)
        return steps->at[at->step].weight;
    return at->step > 0 ? steps->at[at->step - 1].weight : 0;
}

struct shift_wants shift_wants(const struct shift_place *at, const struct traffic_steps *steps)
{
    if (at->is_back) {
        bool is_waiting = at->stage == DEPLOY_STAGE_SCALE_UP; // for the source
        int32_t weight = is_waiting ? TRAFFIC_ALL : 0;

        return (struct shift_wants){
            .source = true,
            .target = at->stage != DEPLOY_STAGE_CLEAN_UP,
            .production = weight,
            .test = weight,
        };
    }
    return (struct shift_wants){
        .source = at->stage != DEPLOY_STAGE_CLEAN_UP,
        .target = at->stage >= DEPLOY_STAGE_SCALE_UP,
        .production = production_of(at, steps),
        .test = had_moved(at, DEPLOY_STAGE_TEST_TRAFFIC_SHIFT) ? TRAFFIC_ALL : 0,
    };
}
