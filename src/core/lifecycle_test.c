#include "core/lifecycle.h"

#include "model/instance.h"
#include "model/task.h"
#include "model/task_definition.h"
#include "tests/support/stage.h"

static struct str seen(struct world *w, struct str arn, const char *path)
{
    return world_get(w, stage_view(w, arn), path);
}

#define EXPECT_SEEN(w, arn, path, want)                                                            \
    assert_string_equal(str_cstr(&(w)->arena, seen(w, arn, path)), want)

// --- the table

static void no_task_goes_back_and_all_can_stop(void **state)
{
    (void)state;
    for (int from = 1; from < REC_TASK_STATUS_N; from++) {
        for (int to = 1; to <= from; to++)
            assert_false(
                task_status_may_follow((enum rec_task_status)from, (enum rec_task_status)to));
        if (from < REC_TASK_STATUS_STOPPED)
            assert_true(
                task_status_may_follow((enum rec_task_status)from, REC_TASK_STATUS_STOPPED));
    }
}

static void a_stopped_task_can_only_be_deleted(void **state)
{
    (void)state;
    assert_true(task_status_may_follow(REC_TASK_STATUS_STOPPED, REC_TASK_STATUS_DELETED));
    for (int from = 1; from < REC_TASK_STATUS_STOPPED; from++)
        assert_false(task_status_may_follow((enum rec_task_status)from, REC_TASK_STATUS_DELETED));
}

static void running_is_reached_from_before_it_only(void **state)
{
    (void)state;
    assert_true(task_status_may_follow(REC_TASK_STATUS_PENDING, REC_TASK_STATUS_RUNNING));
    assert_true(task_status_may_follow(REC_TASK_STATUS_ACTIVATING, REC_TASK_STATUS_RUNNING));
    assert_false(task_status_may_follow(REC_TASK_STATUS_PROVISIONING, REC_TASK_STATUS_RUNNING));
    assert_false(task_status_may_follow(REC_TASK_STATUS_STOPPING, REC_TASK_STATUS_RUNNING));
}

// --- starting

static void a_new_task_is_pending_and_wanted(void **state)
{
    struct world *w = *state;
    struct str instance = stage_instance(w);
    struct str arn = stage_task(w, instance, &(struct stage_plan){0});

    EXPECT_SEEN(w, arn, "lastStatus", "PENDING");
    EXPECT_SEEN(w, arn, "desiredStatus", "RUNNING");
    EXPECT_SEEN(w, arn, "version", "1");
    EXPECT_SEEN(w, arn, "createdAt", "1767225600");
    EXPECT_SEEN(w, arn, "group", "family:plain");
    EXPECT_SEEN(w, arn, "launchType", "EC2");
    EXPECT_SEEN(w, arn, "containers.1.lastStatus", "PENDING");
    EXPECT_SEEN(w, arn, "containers.1.name", "side");
    assert_true(str_eq(seen(w, arn, "containerInstanceArn"), instance));
    assert_int_equal(stage_find_instance(w, instance)->st->version, 2);
}

static void devices_are_given_out_once(void **state)
{
    struct world *w = *state;
    struct str instance = stage_instance(w);
    uint64_t one_gpu = stage_definition(
        w, "gpu",
        "{\"containerDefinitions\":[{\"name\":\"a\",\"image\":\"b\",\"resourceRequirements\":"
        "[{\"type\":\"GPU\",\"value\":\"1\"}]}]}");
    struct stage_plan plan = {.definition = one_gpu};
    struct str a = stage_task(w, instance, &plan);
    struct str b = stage_task(w, instance, &plan);
    struct str of_a = seen(w, a, "containers.0.gpuIds.0");

    assert_true(of_a.len > 0);
    assert_false(str_eq(of_a, seen(w, b, "containers.0.gpuIds.0")));
    stage_submit(w, a, "\"status\":\"STOPPED\"");
    a = stage_task(w, instance, &plan);
    assert_true(str_eq(of_a, seen(w, a, "containers.0.gpuIds.0")));
}

static void a_disconnected_agent_is_told_nothing(void **state)
{
    struct world *w = *state;

    stage_task(w, stage_instance(w), &(struct stage_plan){0});
    assert_int_equal(w->sent_n, 0);
}

// --- stopping

static void add_tag(struct world *w, struct str arn)
{
    struct ecs_tag tag = {0};
    struct rec_task *next;
    struct step step;

    world_begin(w, &step);
    next = task_edit(&step, stage_find_task(w, arn));
    SET(&tag, key, STR("k"));
    SET(&tag, value, STR("v"));
    SET(next, tags, (struct ecs_tag_list){.n = 1, .at = &tag});
    task_change(&step, stage_find_task(w, arn), next);
    world_finish(w, &step);
}

static void a_users_stop_deletes_the_tags(void **state)
{
    struct world *w = *state;
    struct str instance = stage_instance(w);
    struct str by_user = stage_task(w, instance, &(struct stage_plan){0});
    struct str by_service = stage_task(w, instance, &(struct stage_plan){0});

    add_tag(w, by_user);
    add_tag(w, by_service);
    stage_stop(w, by_user, ECS_TASK_STOP_CODE_USERINITIATED, "enough");
    stage_stop(w, by_service, ECS_TASK_STOP_CODE_SERVICESCHEDULERINITIATED, "scaled");
    EXPECT_SEEN(w, by_user, "tags", "[]");
    EXPECT_SEEN(w, by_service, "tags.0.key", "k");
}

static void a_stop_is_told_once(void **state)
{
    struct world *w = *state;
    struct str instance = stage_instance(w);
    struct str arn = stage_task(w, instance, &(struct stage_plan){0});

    world_connect(w, "demo", instance);
    w->sent_n = 0;
    stage_stop(w, arn, ECS_TASK_STOP_CODE_USERINITIATED, "enough");
    stage_stop(w, arn, ECS_TASK_STOP_CODE_USERINITIATED, "enough");
    assert_int_equal(w->sent_n, 1);
    EXPECT_SEEN(w, arn, "version", "2");
}

static void a_stopping_task_keeps_its_place(void **state)
{
    struct world *w = *state;
    struct str instance = stage_instance(w);
    struct str arn = stage_task(w, instance, &(struct stage_plan){0});

    stage_stop(w, arn, ECS_TASK_STOP_CODE_USERINITIATED, "enough");
    assert_int_equal(stage_find_instance(w, instance)->books.memory_left, 8192 - 96);
    assert_int_equal(stage_find_instance(w, instance)->wanted_n, 0);
}

static void a_forced_end_gives_everything_back(void **state)
{
    struct world *w = *state;
    struct str instance = stage_instance(w);
    struct str arn = stage_task(w, instance, &(struct stage_plan){0});
    struct step step;

    world_connect(w, "demo", instance);
    world_advance(w, 1000);
    world_begin(w, &step);
    task_finish(&step, stage_find_task(w, arn), ECS_TASK_STOP_CODE_TASKFAILEDTOSTART,
                STR("forced"));
    task_finish(&step, stage_find_task(w, arn), ECS_TASK_STOP_CODE_USERINITIATED, STR("again"));
    world_finish(w, &step);
    EXPECT_SEEN(w, arn, "lastStatus", "STOPPED");
    EXPECT_SEEN(w, arn, "stoppedReason", "forced");
    EXPECT_SEEN(w, arn, "stoppedAt", "1767225601");
    EXPECT_SEEN(w, arn, "containers.0.lastStatus", "STOPPED");
    EXPECT_SEEN(w, arn, "connectivity", "CONNECTED");
    assert_int_equal(stage_find_instance(w, instance)->books.memory_left, 8192);
}

static void an_undone_start_leaves_nothing(void **state)
{
    struct world *w = *state;
    struct str arn = stage_instance(w);
    struct instance *instance = stage_find_instance(w, arn);
    uint64_t definition = stage_plain_definition(w);
    struct task_plan plan = {
        .cluster = (const struct cluster *)state_get(&w->state, REC_KIND_CLUSTER, 1),
        .definition = task_definition_get(&w->state, definition),
        .instance = instance,
        .launch_type = ECS_LAUNCH_TYPE_EC2,
    };
    int64_t version = instance->st->version;
    struct step step;

    world_begin(w, &step);
    task_start(&step, &plan);
    state_undo_to(&w->state, 0);
    assert_int_equal(instance->books.memory_left, 8192);
    assert_int_equal(instance->st->version, version);
    assert_int_equal(stage_count(w, REC_KIND_TASK), 0);
    world_finish(w, &step);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_TEST(no_task_goes_back_and_all_can_stop),
        STAGE_TEST(a_stopped_task_can_only_be_deleted),
        STAGE_TEST(running_is_reached_from_before_it_only),
        STAGE_TEST(a_new_task_is_pending_and_wanted),
        STAGE_TEST(devices_are_given_out_once),
        STAGE_TEST(a_disconnected_agent_is_told_nothing),
        STAGE_TEST(a_users_stop_deletes_the_tags),
        STAGE_TEST(a_stop_is_told_once),
        STAGE_TEST(a_stopping_task_keeps_its_place),
        STAGE_TEST(a_forced_end_gives_everything_back),
        STAGE_TEST(an_undone_start_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
