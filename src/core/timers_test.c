#include "core/timers.h"
#include "model/instance.h"
#include "model/task.h"
#include "tests/support/stage.h"

static struct str stopped_task(struct world *w, struct str instance, uint64_t definition)
{
    struct str arn = stage_task(w, instance, &(struct stage_plan){.definition = definition});

    stage_submit(w, arn, "\"status\":\"STOPPED\"");
    return arn;
}

static void nothing_waits_at_first(void **state)
{
    struct world *w = *state;

    assert_int_equal(timers_next(&w->state), 0);
}

static void a_stopped_task_is_kept_for_an_hour(void **state)
{
    struct world *w = *state;
    struct str arn = stopped_task(w, stage_instance(w), 0);

    assert_int_equal(timers_next(&w->state), w->now + TIME_HOUR_MS);
    world_advance(w, TIME_HOUR_MS - 1);
    assert_non_null(stage_find_task(w, arn));
    world_advance(w, 1);
    assert_null(stage_find_task(w, arn));
    assert_int_equal(timers_next(&w->state), 0);
}

// Tasks stop in another order than they were made, and a restart loads them as they were made.
static void the_order_of_stops_survives_a_restart(void **state)
{
    struct world *w = *state;
    struct str instance = stage_instance(w);
    uint64_t definition = stage_plain_definition(w);
    struct str late = stage_task(w, instance, &(struct stage_plan){.definition = definition});
    struct str early = stopped_task(w, instance, definition);
    time_ms first = w->now + TIME_HOUR_MS;

    world_advance(w, 1000);
    stage_submit(w, late, "\"status\":\"STOPPED\"");
    world_restart(w);
    assert_int_equal(timers_next(&w->state), first);
    world_advance(w, TIME_HOUR_MS - 1000);
    assert_null(stage_find_task(w, early));
    assert_non_null(stage_find_task(w, late));
}

static void a_call_does_a_bounded_amount(void **state)
{
    struct world *w = *state;
    struct str instance = stage_instance(w);
    uint64_t definition = stage_definition(
        w, "small", "{\"containerDefinitions\":[{\"name\":\"a\",\"image\":\"b\"}]}");

    for (int i = 0; i < 1001; i++)
        stopped_task(w, instance, definition);
    world_advance(w, TIME_HOUR_MS);
    assert_int_equal(stage_count(w, REC_KIND_TASK), 1);
    assert_true(timers_next(&w->state) <= w->now);
    world_advance(w, 0);
    assert_int_equal(stage_count(w, REC_KIND_TASK), 0);
}

// --- client tokens

static uint64_t put_token(struct world *w, const int64_t *task_ids, size_t n)
{
    struct rec_run_token rec = {0};
    struct step step;
    uint64_t id;

    world_begin(w, &step);
    id = state_new_id(&w->state, REC_KIND_RUN_TOKEN);
    SET(&rec, cluster_id, 1);
    SET(&rec, token, STR("t"));
    SET(&rec, created_at, w->now);
    SET(&rec, task_ids,
        (struct long_list){.n = n, .at = arena_copy(&w->arena, task_ids, n * sizeof *task_ids)});
    state_put(&w->state, REC_KIND_RUN_TOKEN, id, &rec);
    world_finish(w, &step);
    return id;
}

static bool has_token(struct world *w)
{
    return stage_count(w, REC_KIND_RUN_TOKEN) > 0;
}

static void a_token_lives_a_day_when_its_task_does(void **state)
{
    struct world *w = *state;
    struct str arn = stage_task(w, stage_instance(w), &(struct stage_plan){0});
    int64_t id = (int64_t)stage_find_task(w, arn)->entity.id;

    put_token(w, &id, 1);
    world_advance(w, TIME_DAY_MS - 1);
    assert_true(has_token(w));
    world_advance(w, 1);
    assert_false(has_token(w));
}

static void a_token_lives_an_hour_after_the_last_stop(void **state)
{
    struct world *w = *state;
    struct str instance = stage_instance(w);
    struct str a = stage_task(w, instance, &(struct stage_plan){0});
    struct str b = stage_task(w, instance, &(struct stage_plan){0});
    int64_t ids[] = {(int64_t)stage_find_task(w, a)->entity.id,
                     (int64_t)stage_find_task(w, b)->entity.id};

    put_token(w, ids, 2);
    stage_submit(w, a, "\"status\":\"STOPPED\"");
    world_advance(w, 2 * TIME_HOUR_MS);
    assert_null(stage_find_task(w, a));
    assert_true(has_token(w));
    stage_submit(w, b, "\"status\":\"STOPPED\"");
    world_restart(w);
    world_advance(w, TIME_HOUR_MS - 1);
    assert_true(has_token(w));
    world_advance(w, 1);
    assert_false(has_token(w));
}

static void a_token_of_failures_lives_a_day(void **state)
{
    struct world *w = *state;

    put_token(w, NULL, 0);
    assert_int_equal(timers_next(&w->state), w->now + TIME_DAY_MS);
}

// --- what others refer to waits for them

static void delete_definition(struct world *w, uint64_t id)
{
    const struct rec_task_definition *rec =
        state_get(&w->state, REC_KIND_TASK_DEFINITION, id)->record;
    struct rec_task_definition next = *rec;
    struct step step;

    world_begin(w, &step);
    SET(&next, status, ECS_TASK_DEFINITION_STATUS_DELETE_IN_PROGRESS);
    SET(&next, delete_requested_at, w->now);
    state_put(&w->state, REC_KIND_TASK_DEFINITION, id, &next);
    world_finish(w, &step);
}

static void a_definition_goes_when_its_tasks_are_gone(void **state)
{
    struct world *w = *state;
    uint64_t definition = stage_plain_definition(w);
    struct str arn =
        stage_task(w, stage_instance(w), &(struct stage_plan){.definition = definition});

    delete_definition(w, definition);
    world_advance(w, 5 * TIME_HOUR_MS);
    assert_int_equal(stage_count(w, REC_KIND_TASK_DEFINITION), 1);
    stage_submit(w, arn, "\"status\":\"STOPPED\"");
    world_restart(w);
    world_advance(w, TIME_HOUR_MS);
    assert_int_equal(stage_count(w, REC_KIND_TASK), 0);
    assert_int_equal(stage_count(w, REC_KIND_TASK_DEFINITION), 0);
}

static void an_unused_definition_goes_after_its_least_time(void **state)
{
    struct world *w = *state;

    delete_definition(w, stage_plain_definition(w));
    world_advance(w, TIME_HOUR_MS - 1);
    assert_int_equal(stage_count(w, REC_KIND_TASK_DEFINITION), 1);
    world_advance(w, 1);
    assert_int_equal(stage_count(w, REC_KIND_TASK_DEFINITION), 0);
}

static void deregister(struct world *w, struct str arn)
{
    struct instance *instance = stage_find_instance(w, arn);
    struct rec_instance_state next = *instance->st;
    struct step step;

    world_begin(w, &step);
    SET(&next, status, REC_INSTANCE_STATUS_INACTIVE);
    SET(&next, deregistered_at, w->now);
    state_put(&w->state, REC_KIND_INSTANCE_STATE, instance->entity.id, &next);
    world_finish(w, &step);
}

static void an_inactive_instance_goes_with_its_last_task(void **state)
{
    struct world *w = *state;
    struct str instance = stage_instance(w);

    deregister(w, stage_instance(w));
    stopped_task(w, instance, 0);
    deregister(w, instance);
    world_advance(w, TIME_HOUR_MS - 1);
    assert_int_equal(stage_count(w, REC_KIND_INSTANCE), 2);
    world_advance(w, 1);
    assert_int_equal(stage_count(w, REC_KIND_INSTANCE), 0);
    assert_int_equal(stage_count(w, REC_KIND_INSTANCE_STATE), 0);
}

static void an_inactive_cluster_goes_last(void **state)
{
    struct world *w = *state;
    struct rec_cluster next =
        *(const struct rec_cluster *)state_get(&w->state, REC_KIND_CLUSTER, 1)->record;
    struct str instance = stage_instance(w);
    struct step step;

    stopped_task(w, instance, 0);
    deregister(w, instance);
    world_begin(w, &step);
    SET(&next, status, REC_CLUSTER_STATUS_INACTIVE);
    SET(&next, inactive_at, w->now);
    state_put(&w->state, REC_KIND_CLUSTER, 1, &next);
    world_finish(w, &step);
    world_restart(w);
    world_advance(w, TIME_HOUR_MS - 1);
    assert_int_equal(stage_count(w, REC_KIND_CLUSTER), 1);
    world_advance(w, 1);
    assert_int_equal(stage_count(w, REC_KIND_CLUSTER), 0);
    assert_int_equal(timers_next(&w->state), 0);
}

static void an_undone_removal_waits_again(void **state)
{
    struct world *w = *state;
    struct str arn = stopped_task(w, stage_instance(w), 0);
    struct step step;
    size_t mark;

    w->now += TIME_HOUR_MS;
    world_begin(w, &step);
    mark = state_mark(&w->state);
    timers_run(&step);
    assert_null(stage_find_task(w, arn));
    state_undo_to(&w->state, mark);
    assert_int_equal(timers_next(&w->state), w->now);
    world_finish(w, &step);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_TEST(nothing_waits_at_first),
        STAGE_TEST(a_stopped_task_is_kept_for_an_hour),
        STAGE_TEST(the_order_of_stops_survives_a_restart),
        STAGE_TEST(a_call_does_a_bounded_amount),
        STAGE_TEST(a_token_lives_a_day_when_its_task_does),
        STAGE_TEST(a_token_lives_an_hour_after_the_last_stop),
        STAGE_TEST(a_token_of_failures_lives_a_day),
        STAGE_TEST(a_definition_goes_when_its_tasks_are_gone),
        STAGE_TEST(an_unused_definition_goes_after_its_least_time),
        STAGE_TEST(an_inactive_instance_goes_with_its_last_task),
        STAGE_TEST(an_inactive_cluster_goes_last),
        STAGE_TEST(an_undone_removal_waits_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
