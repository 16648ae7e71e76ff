#include "core/shift.h"

#include "base/arena.h"
#include "base/test.h"

enum { WALK_MAX = 2000 };

// A small world around a shift: whatever is asked for is there at the next look.
struct walk {
    struct arena arena;
    struct ecs_deployment_configuration config;
    struct ecs_linear_configuration linear;
    struct ecs_canary_configuration canary;
    struct traffic_steps steps;
    struct shift_place at;
    struct shift_facts facts;
    bool has_hooks;  // a hook in every stage that takes one
    struct str told; // what happened, in short
    int32_t told_production;
    enum deploy_stage told_stage;
    int peak; // revisions at full strength at once
};

static void walk_open(struct walk *w, enum ecs_deployment_strategy strategy, int bake)
{
    *w = (struct walk){0};
    SET(&w->config, strategy, strategy);
    SET(&w->config, bake_time_in_minutes, bake);
    SET(&w->config, linear_configuration, &w->linear);
    SET(&w->config, canary_configuration, &w->canary);
}

static void walk_begin(struct walk *w)
{
    w->steps = traffic_steps_of(&w->config, &w->arena);
    w->facts.steps = &w->steps;
    w->facts.now = w->facts.started_at = 1000000;
}

static void note(struct walk *w, const char *fmt, long long value)
{
    struct str more = str_fmt(&w->arena, fmt, value);

    w->told = str_fmt(&w->arena, "%.*s%s%.*s", STR_ARGS(w->told), w->told.len > 0 ? " " : "",
                      STR_ARGS(more));
}

static const char *short_names[DEPLOY_STAGE_N] = {"none", "reconcile", "pre",      "up",
                                                  "post", "test",      "posttest", "preprod",
                                                  "prod", "postprod",  "bake",     "clean"};

// Everything is as the place wants it.
static void obey(struct walk *w)
{
    struct shift_wants wants = shift_wants(&w->at, &w->steps);

    w->facts.target_is_ready = wants.target;
    w->facts.target_is_gone = !wants.target;
    w->facts.source_is_ready = wants.source;
    w->facts.source_is_gone = !wants.source;
    w->facts.traffic_is_set = true;
    w->facts.has_others = false;
    if (wants.target + wants.source > w->peak)
        w->peak = wants.target + wants.source;
    if (wants.production != w->told_production) {
        w->told_production = wants.production;
        note(w, "%lld", wants.production);
    }
}

static void arrive(struct walk *w, const struct shift_place *to)
{
    bool is_new = to->stage != w->at.stage || (to->phase == SHIFT_HOOKS && !to->is_back);

    w->at = *to;
    if (is_new)
        note(w, short_names[to->stage], 0);
    w->facts.hook_failed = false;
    w->facts.hooks_open =
        w->has_hooks && shift_calls_hooks(to) &&
        deploy_stage_of_hooks(to->stage) != ECS_DEPLOYMENT_LIFECYCLE_HOOK_STAGE_UNSET;
}

// Goes on until nothing but the end, a failure or a hook is left; lets time pass.
static struct shift_move walk(struct walk *w)
{
    struct shift_move move;

    for (int i = 0; i < WALK_MAX; i++) {
        obey(w);
        move = shift_next(&w->at, &w->facts);
        if (move.verdict == SHIFT_GO) {
            arrive(w, &move.to);
        } else if (move.verdict == SHIFT_STAY && w->facts.hooks_open == 0) {
            assert_true(move.again_at > w->facts.now);
            note(w, "+%lldm", (move.again_at - w->facts.now) / TIME_MINUTE_MS);
            w->facts.now = move.again_at;
        } else {
            return move;
        }
    }
    fail_msg("it never ends: %.*s", STR_ARGS(w->told));
    return move;
}

static void expect_end(struct walk *w, const char *want)
{
    assert_int_equal(walk(w).verdict, SHIFT_END);
    EXPECT_STR(w->told, want);
    arena_deinit(&w->arena);
}

#define THERE "pre up post test posttest preprod prod"

static void blue_green_goes_through_the_stages_in_order(void **state)
{
    struct walk w;
    (void)state;

    walk_open(&w, ECS_DEPLOYMENT_STRATEGY_BLUE_GREEN, 0);
    walk_begin(&w);
    expect_end(&w, THERE " 1000 postprod bake clean");
    assert_int_equal(w.peak, 2);
}

static void the_bake_time_keeps_both(void **state)
{
    struct walk w;
    (void)state;

    walk_open(&w, ECS_DEPLOYMENT_STRATEGY_BLUE_GREEN, 15);
    walk_begin(&w);
    expect_end(&w, THERE " 1000 postprod bake +15m clean");
}

static void linear_comes_back_before_each_step(void **state)
{
    struct walk w;
    (void)state;

    walk_open(&w, ECS_DEPLOYMENT_STRATEGY_LINEAR, 3);
    SET(&w.linear, step_percent, 50);
    SET(&w.linear, step_bake_time_in_minutes, 1);
    walk_begin(&w);
    expect_end(&w, THERE " 500 +1m preprod prod 1000 postprod bake +3m clean");
}

static void a_canary_is_watched_before_the_rest_follows(void **state)
{
    struct walk w;
    (void)state;

    walk_open(&w, ECS_DEPLOYMENT_STRATEGY_CANARY, 0);
    SET(&w.canary, canary_percent, 10);
    walk_begin(&w);
    expect_end(&w, THERE " 100 +10m preprod prod 1000 postprod bake clean");
}

static void an_unsettled_past_is_settled_first(void **state)
{
    struct walk w;
    struct shift_move move;
    (void)state;

    walk_open(&w, ECS_DEPLOYMENT_STRATEGY_BLUE_GREEN, 0);
    walk_begin(&w);
    w.facts.has_others = true;
    move = shift_next(&w.at, &w.facts);
    assert_int_equal(move.to.stage, DEPLOY_STAGE_RECONCILE_SERVICE);
    arrive(&w, &move.to);
    w.at.phase = SHIFT_WORK;
    assert_int_equal(shift_next(&w.at, &w.facts).verdict, SHIFT_STAY);
    expect_end(&w, "reconcile " THERE " 1000 postprod bake clean");
}

// ---- hooks

static void walk_to_hooks_of(struct walk *w, enum deploy_stage stage)
{
    w->has_hooks = true;
    while (!(w->at.stage == stage && w->facts.hooks_open > 0)) {
        assert_int_equal(walk(w).verdict, SHIFT_STAY);
        if (w->at.stage != stage)
            w->facts.hooks_open = 0;
    }
}

static void a_stage_waits_for_its_hooks(void **state)
{
    struct walk w;
    (void)state;

    walk_open(&w, ECS_DEPLOYMENT_STRATEGY_BLUE_GREEN, 0);
    walk_begin(&w);
    walk_to_hooks_of(&w, DEPLOY_STAGE_POST_TEST_TRAFFIC_SHIFT);
    assert_int_equal(shift_next(&w.at, &w.facts).verdict, SHIFT_STAY);
    w.facts.hooks_open = 0;
    w.has_hooks = false;
    expect_end(&w, THERE " 1000 postprod bake clean");
}

static void each_linear_step_has_hooks_of_its_own(void **state)
{
    struct walk w;
    int seen = 0;
    (void)state;

    walk_open(&w, ECS_DEPLOYMENT_STRATEGY_LINEAR, 0);
    SET(&w.linear, step_percent, 20);
    walk_begin(&w);
    w.has_hooks = true;
    while (walk(&w).verdict == SHIFT_STAY) {
        seen += w.at.stage == DEPLOY_STAGE_PRE_PRODUCTION_TRAFFIC_SHIFT;
        w.facts.hooks_open = 0;
    }
    assert_int_equal(seen, 5);
    arena_deinit(&w.arena);
}

// Fails the hook of the stage, goes back, tells the way.
static void expect_way_back(enum deploy_stage stage, const char *want)
{
    struct walk w;
    struct shift_move move;

    walk_open(&w, ECS_DEPLOYMENT_STRATEGY_BLUE_GREEN, 5);
    walk_begin(&w);
    walk_to_hooks_of(&w, stage);
    w.facts.hook_failed = true;
    move = shift_next(&w.at, &w.facts);
    assert_int_equal(move.verdict, SHIFT_FAIL);
    assert_int_equal(move.why, SHIFT_FAILED_HOOK);
    w.at = shift_back(&w.at, w.facts.now);
    w.told = STR_NONE;
    w.has_hooks = false;
    w.facts.hooks_open = 0;
    expect_end(&w, want);
}

static void the_way_back_undoes_what_had_moved(void **state)
{
    (void)state;
    expect_way_back(DEPLOY_STAGE_PRE_SCALE_UP, "");
    expect_way_back(DEPLOY_STAGE_POST_SCALE_UP, "");
    expect_way_back(DEPLOY_STAGE_POST_TEST_TRAFFIC_SHIFT, "clean");
    expect_way_back(DEPLOY_STAGE_PRODUCTION_TRAFFIC_SHIFT, "clean");
    expect_way_back(DEPLOY_STAGE_POST_PRODUCTION_TRAFFIC_SHIFT, "0 test clean");
}

static void from_the_clean_up_the_source_is_built_up_first(void **state)
{
    struct shift_place at = {.stage = DEPLOY_STAGE_CLEAN_UP, .phase = SHIFT_WORK};
    struct walk w;
    (void)state;

    walk_open(&w, ECS_DEPLOYMENT_STRATEGY_BLUE_GREEN, 5);
    walk_begin(&w);
    w.told_production = TRAFFIC_ALL;
    w.at = shift_back(&at, w.facts.now);
    assert_int_equal(w.at.stage, DEPLOY_STAGE_SCALE_UP);
    assert_int_equal(shift_wants(&w.at, &w.steps).production, TRAFFIC_ALL);
    w.facts.traffic_is_set = true;
    assert_int_equal(shift_next(&w.at, &w.facts).verdict, SHIFT_STAY);
    expect_end(&w, "prod 0 test clean");
}

// ---- time

static void a_stage_fails_after_a_day(void **state)
{
    struct walk w;
    struct shift_move move;
    (void)state;

    walk_open(&w, ECS_DEPLOYMENT_STRATEGY_BLUE_GREEN, 0);
    walk_begin(&w);
    w.at = (struct shift_place){
        .stage = DEPLOY_STAGE_SCALE_UP, .phase = SHIFT_WORK, .since = w.facts.now};
    move = shift_next(&w.at, &w.facts);
    assert_int_equal(move.verdict, SHIFT_STAY);
    assert_int_equal(move.again_at, w.facts.now + TIME_DAY_MS);
    w.facts.now = move.again_at;
    move = shift_next(&w.at, &w.facts);
    assert_int_equal(move.verdict, SHIFT_FAIL);
    assert_int_equal(move.why, SHIFT_FAILED_STAGE_TIME);
    arena_deinit(&w.arena);
}

static void a_deployment_fails_after_thirty_days(void **state)
{
    struct walk w;
    struct shift_move move;
    (void)state;

    walk_open(&w, ECS_DEPLOYMENT_STRATEGY_BLUE_GREEN, 0);
    walk_begin(&w);
    w.at = (struct shift_place){.stage = DEPLOY_STAGE_POST_SCALE_UP, .phase = SHIFT_HOOKS};
    w.facts.hooks_open = 1;
    move = shift_next(&w.at, &w.facts);
    assert_int_equal(move.verdict, SHIFT_STAY);
    assert_int_equal(move.again_at, w.facts.started_at + 30 * TIME_DAY_MS);
    w.facts.now = move.again_at;
    assert_int_equal(shift_next(&w.at, &w.facts).why, SHIFT_FAILED_TIME);
    arena_deinit(&w.arena);
}

// ---- all of it: every place, every combination of facts

struct every {
    struct walk w;
    unsigned bits;
};

static bool bit(struct every *e)
{
    bool value = e->bits & 1;

    e->bits >>= 1;
    return value;
}

static void set_facts(struct every *e, unsigned bits)
{
    struct shift_facts *facts = &e->w.facts;

    e->bits = bits;
    facts->has_others = bit(e);
    facts->hooks_open = bit(e);
    facts->hook_failed = bit(e);
    facts->target_is_ready = bit(e);
    facts->source_is_ready = bit(e);
    facts->target_is_gone = bit(e);
    facts->source_is_gone = bit(e);
    facts->traffic_is_set = bit(e);
}

// On the way there weights never fall, and the source is full until all traffic has gone.
static void check_move(const struct every *e, const struct shift_move *move)
{
    struct shift_wants now = shift_wants(&e->w.at, &e->w.steps);
    struct shift_wants then;

    if (move->verdict != SHIFT_GO)
        return;
    assert_int_equal(move->to.is_back, e->w.at.is_back);
    assert_true(move->to.step < e->w.steps.n);
    then = shift_wants(&move->to, &e->w.steps);
    assert_true(then.source || then.production == TRAFFIC_ALL);
    assert_true(then.target || then.production == 0);
    if (e->w.at.is_back)
        assert_true(then.production <= now.production && then.test <= now.test);
    else
        assert_true(then.production >= now.production && then.test >= now.test);
}

static void check_place(struct every *e)
{
    for (unsigned bits = 0; bits < 256; bits++) {
        struct shift_move move;
        struct shift_place back;

        set_facts(e, bits);
        move = shift_next(&e->w.at, &e->w.facts);
        check_move(e, &move);
        if (move.verdict == SHIFT_FAIL && !e->w.at.is_back)
            assert_int_not_equal(e->w.at.stage, DEPLOY_STAGE_CLEAN_UP);
        back = shift_back(&e->w.at, e->w.facts.now);
        assert_true(back.is_back && shift_wants(&back, &e->w.steps).source);
    }
}

static void no_facts_lead_astray(void **state)
{
    struct every e;
    (void)state;

    walk_open(&e.w, ECS_DEPLOYMENT_STRATEGY_LINEAR, 1);
    SET(&e.w.linear, step_percent, 40);
    walk_begin(&e.w);
    for (int stage = DEPLOY_STAGE_RECONCILE_SERVICE; stage < DEPLOY_STAGE_N; stage++) {
        bool has_steps = stage == DEPLOY_STAGE_PRE_PRODUCTION_TRAFFIC_SHIFT ||
                         stage == DEPLOY_STAGE_PRODUCTION_TRAFFIC_SHIFT;
        bool is_late = stage > DEPLOY_STAGE_PRODUCTION_TRAFFIC_SHIFT;

        for (size_t step = is_late ? 2 : 0; step <= (has_steps || is_late ? 2 : 0); step++) {
            for (int phase = SHIFT_HOOKS; phase <= SHIFT_WAIT; phase++) {
                e.w.at = (struct shift_place){.stage = (enum deploy_stage)stage,
                                              .phase = (enum shift_phase)phase,
                                              .step = step,
                                              .since = e.w.facts.now};
                check_place(&e);
                e.w.at = shift_back(&e.w.at, e.w.facts.now);
                check_place(&e);
            }
        }
    }
    arena_deinit(&e.w.arena);
}

static void from_every_place_it_comes_to_its_end(void **state)
{
    (void)state;
    for (int stage = DEPLOY_STAGE_RECONCILE_SERVICE; stage < DEPLOY_STAGE_N; stage++) {
        for (int phase = SHIFT_HOOKS; phase <= SHIFT_WAIT; phase++) {
            for (int way = 0; way < 2; way++) {
                struct walk w;

                walk_open(&w, ECS_DEPLOYMENT_STRATEGY_CANARY, 2);
                walk_begin(&w);
                w.at = (struct shift_place){.stage = (enum deploy_stage)stage,
                                            .phase = (enum shift_phase)phase,
                                            .step = stage > DEPLOY_STAGE_PRODUCTION_TRAFFIC_SHIFT,
                                            .since = w.facts.now};
                if (way == 1)
                    w.at = shift_back(&w.at, w.facts.now);
                assert_int_equal(walk(&w).verdict, SHIFT_END);
                assert_int_equal(w.told_production, way == 0 ? TRAFFIC_ALL : 0);
                arena_deinit(&w.arena);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blue_green_goes_through_the_stages_in_order),
        cmocka_unit_test(the_bake_time_keeps_both),
        cmocka_unit_test(linear_comes_back_before_each_step),
        cmocka_unit_test(a_canary_is_watched_before_the_rest_follows),
        cmocka_unit_test(an_unsettled_past_is_settled_first),
        cmocka_unit_test(a_stage_waits_for_its_hooks),
        cmocka_unit_test(each_linear_step_has_hooks_of_its_own),
        cmocka_unit_test(the_way_back_undoes_what_had_moved),
        cmocka_unit_test(from_the_clean_up_the_source_is_built_up_first),
        cmocka_unit_test(a_stage_fails_after_a_day),
        cmocka_unit_test(a_deployment_fails_after_thirty_days),
        cmocka_unit_test(no_facts_lead_astray),
        cmocka_unit_test(from_every_place_it_comes_to_its_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
