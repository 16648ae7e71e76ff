#include "model/instance.h"
#include "model/task.h"
#include "tests/support/stage.h"

#define MAIN(rest) "{\"containerName\":\"main\"," rest "}"
#define SIDE(rest) "{\"containerName\":\"side\"," rest "}"

static struct str started(struct world *w)
{
    return stage_task(w, stage_instance(w), &(struct stage_plan){0});
}

static struct str seen(struct world *w, struct str arn, const char *path)
{
    return world_get(w, stage_view(w, arn), path);
}

#define EXPECT_SEEN(w, arn, path, want) assert_string_equal(text(w, seen(w, arn, path)), want)

static const char *text(struct world *w, struct str s)
{
    return str_cstr(&w->arena, s);
}

// --- the usual life

static void a_task_runs_and_ends(void **state)
{
    struct world *w = *state;
    struct str arn = started(w);

    EXPECT_SEEN(w, arn, "lastStatus", "PENDING");
    world_advance(w, 1000);
    stage_submit(
        w, arn,
        "\"status\":\"RUNNING\",\"reason\":\"\",\"pullStartedAt\":1767225600.5,"
        "\"pullStoppedAt\":1767225600.75,\"containers\":[" MAIN(
            "\"status\":\"RUNNING\",\"runtimeId\":\"r1\",\"imageDigest\":\"sha256:1\","
            "\"networkBindings\":[{\"bindIP\":\"0.0.0.0\",\"containerPort\":80,"
            "\"hostPort\":32768,\"protocol\":\"tcp\"}]") "," SIDE("\"status\":\"RUNNING\","
                                                                  "\"runtimeId\":\"r2\"") "]");
    EXPECT_SEEN(w, arn, "lastStatus", "RUNNING");
    EXPECT_SEEN(w, arn, "startedAt", "1767225601");
    EXPECT_SEEN(w, arn, "pullStartedAt", "1767225600.5");
    EXPECT_SEEN(w, arn, "containers.0.networkBindings.0.hostPort", "32768");
    EXPECT_SEEN(w, arn, "containers.1.lastStatus", "RUNNING");
    EXPECT_SEEN(w, arn, "version", "2");
    world_advance(w, 1000);
    stage_submit(w, arn,
                 "\"status\":\"STOPPED\",\"reason\":\"\",\"executionStoppedAt\":1767225601.9,"
                 "\"containers\":[" MAIN("\"status\":\"STOPPED\",\"exitCode\":7") "," SIDE(
                     "\"status\":\"STOPPED\",\"exitCode\":137,\"reason\":\"x\"") "]");
    EXPECT_SEEN(w, arn, "lastStatus", "STOPPED");
    EXPECT_SEEN(w, arn, "desiredStatus", "STOPPED");
    EXPECT_SEEN(w, arn, "stopCode", "EssentialContainerExited");
    EXPECT_SEEN(w, arn, "stoppedReason", "Essential container in task exited");
    EXPECT_SEEN(w, arn, "stoppedAt", "1767225602");
    EXPECT_SEEN(w, arn, "stoppingAt", "1767225602");
    EXPECT_SEEN(w, arn, "executionStoppedAt", "1767225601.9");
    EXPECT_SEEN(w, arn, "containers.0.exitCode", "7");
    EXPECT_SEEN(w, arn, "containers.0.runtimeId", "r1");
    EXPECT_SEEN(w, arn, "containers.0.networkBindings.0.hostPort", "32768");
    EXPECT_SEEN(w, arn, "containers.1.reason", "x");
    EXPECT_SEEN(w, arn, "version", "3");
}

static void resources_come_back_with_the_stop(void **state)
{
    struct world *w = *state;
    struct str instance_arn = stage_instance(w);
    struct instance *instance = stage_find_instance(w, instance_arn);
    struct str arn = stage_task(w, instance_arn, &(struct stage_plan){0});

    assert_int_equal(instance->books.memory_left, 8192 - 96);
    assert_int_equal(instance->st->version, 2);
    stage_submit(w, arn, "\"status\":\"STOPPED\"");
    assert_int_equal(instance->books.memory_left, 8192);
    assert_int_equal(instance->st->version, 3);
}

static void digests_arrive_before_the_start(void **state)
{
    struct world *w = *state;
    struct str arn = started(w);

    stage_submit(w, arn,
                 "\"status\":\"PENDING\",\"containers\":[" MAIN(
                     "\"status\":\"PENDING\",\"imageDigest\":\"sha256:1\"") "]");
    EXPECT_SEEN(w, arn, "lastStatus", "PENDING");
    EXPECT_SEEN(w, arn, "containers.0.imageDigest", "sha256:1");
}

static void a_container_may_end_while_the_task_goes_on(void **state)
{
    struct world *w = *state;
    struct str arn = started(w);

    stage_submit(w, arn,
                 "\"status\":\"RUNNING\",\"containers\":[" SIDE("\"status\":\"RUNNING\"") "," SIDE(
                     "\"status\":\"STOPPED\",\"exitCode\":0") "]");
    EXPECT_SEEN(w, arn, "lastStatus", "RUNNING");
    EXPECT_SEEN(w, arn, "desiredStatus", "RUNNING");
    EXPECT_SEEN(w, arn, "containers.1.lastStatus", "STOPPED");
    EXPECT_SEEN(w, arn, "containers.1.exitCode", "0");
}

// --- why it stopped

static void a_task_that_never_ran_failed_to_start(void **state)
{
    struct world *w = *state;
    struct str arn = started(w);

    stage_submit(w, arn,
                 "\"status\":\"STOPPED\",\"containers\":[" SIDE(
                     "\"status\":\"STOPPED\",\"reason\":"
                     "\"other\"") "," MAIN("\"status\":\"STOPPED\",\"reason\":"
                                           "\"CannotPullContainerError: no\"") "]");
    EXPECT_SEEN(w, arn, "stopCode", "TaskFailedToStart");
    EXPECT_SEEN(w, arn, "stoppedReason", "CannotPullContainerError: no");
    EXPECT_SEEN(w, arn, "startedAt", "");
}

static void the_agents_own_reason_comes_first(void **state)
{
    struct world *w = *state;
    struct str arn = started(w);

    stage_submit(w, arn,
                 "\"status\":\"STOPPED\",\"reason\":\"CgroupError: no\",\"containers\":[" MAIN(
                     "\"status\":\"STOPPED\",\"reason\":\"other\"") "]");
    EXPECT_SEEN(w, arn, "stoppedReason", "CgroupError: no");
}

static void without_any_reason_there_is_a_sentence(void **state)
{
    struct world *w = *state;
    struct str arn = started(w);

    stage_submit(w, arn, "\"status\":\"STOPPED\"");
    EXPECT_SEEN(w, arn, "stoppedReason", "Task failed to start");
    EXPECT_SEEN(w, arn, "containers.0.lastStatus", "STOPPED");
    EXPECT_SEEN(w, arn, "containers.1.lastStatus", "STOPPED");
}

static void a_users_stop_keeps_its_reason(void **state)
{
    struct world *w = *state;
    struct str arn = started(w);

    stage_submit(w, arn, "\"status\":\"RUNNING\"");
    world_advance(w, 1000);
    stage_stop(w, arn, ECS_TASK_STOP_CODE_USERINITIATED, "enough");
    EXPECT_SEEN(w, arn, "lastStatus", "RUNNING");
    EXPECT_SEEN(w, arn, "desiredStatus", "STOPPED");
    stage_stop(w, arn, ECS_TASK_STOP_CODE_SERVICESCHEDULERINITIATED, "later");
    stage_submit(w, arn, "\"status\":\"STOPPED\",\"reason\":\"whatever\"");
    EXPECT_SEEN(w, arn, "stopCode", "UserInitiated");
    EXPECT_SEEN(w, arn, "stoppedReason", "enough");
    EXPECT_SEEN(w, arn, "stoppingAt", "1767225601");
}

static void long_reasons_are_cut_between_characters(void **state)
{
    struct world *w = *state;
    struct str arn = started(w);
    char reason[1200];
    char *at = reason;

    for (int i = 0; i < 341; i++)
        at += snprintf(at, 4, "\xe2\x82\xac"); // 1023 bytes
    snprintf(at, 10, "\xc3\xa9z");
    stage_submit(w, arn,
                 text(w, str_fmt(&w->arena, "\"status\":\"STOPPED\",\"reason\":\"%s\"", reason)));
    assert_int_equal(seen(w, arn, "stoppedReason").len, 1023);
}

// --- reports that are no news

static void unknown_things_are_acknowledged(void **state)
{
    struct world *w = *state;
    struct str arn = started(w);
    int64_t version = stage_find_task(w, arn)->rec->version;

    stage_submit(w, STR("arn:aws:ecs:us-east-1:123456789012:task/demo/0123"),
                 "\"status\":\"RUNNING\"");
    stage_submit(w, STR_NONE, "\"status\":\"RUNNING\"");
    stage_submit(w, arn, "\"attachments\":[{\"attachmentArn\":\"a\",\"status\":\"ATTACHED\"}]");
    stage_submit(w, arn,
                 "\"status\":\"DANCING\",\"containers\":["
                 "{\"containerName\":\"who\",\"status\":\"RUNNING\"},{}]");
    stage_submit(w, arn, "");
    assert_int_equal(stage_find_task(w, arn)->rec->version, version);
}

static void a_task_of_another_cluster_is_not_touched(void **state)
{
    struct world *w = *state;
    struct str arn = started(w);

    world_ok(w, "CreateCluster", "{\"clusterName\":\"other\"}");
    world_callf(w, "SubmitTaskStateChange",
                "{\"cluster\":\"other\",\"task\":\"%.*s\",\"status\":\"STOPPED\"}", STR_ARGS(arn));
    EXPECT_SEEN(w, arn, "lastStatus", "PENDING");
}

static void an_unknown_cluster_is_an_error(void **state)
{
    EXPECT_ERROR(*state, "SubmitTaskStateChange", "{\"cluster\":\"nope\",\"status\":\"RUNNING\"}",
                 "ClusterNotFoundException", "Cluster not found.");
}

static void a_stopped_task_changes_no_more(void **state)
{
    struct world *w = *state;
    struct str arn = started(w);
    struct str before;

    stage_submit(w, arn,
                 "\"status\":\"STOPPED\",\"containers\":[" MAIN(
                     "\"status\":\"STOPPED\",\"exitCode\":1") "]");
    before = stage_view(w, arn);
    stage_submit(w, arn,
                 "\"status\":\"RUNNING\",\"containers\":[" MAIN(
                     "\"status\":\"RUNNING\",\"runtimeId\":\"r\"") "]");
    assert_true(str_eq(before, stage_view(w, arn)));
}

// --- orders. What an agent may send of one task, in all orders and with repeats, as far as RUNNING
// comes before STOPPED when it comes at all; everything must end alike.

static const char *const reports[] = {
    "\"status\":\"PENDING\",\"containers\":[" MAIN(
        "\"status\":\"PENDING\",\"imageDigest\":\"d\"") "]",
    "\"status\":\"RUNNING\",\"containers\":[" MAIN(
        "\"status\":\"RUNNING\",\"runtimeId\":"
        "\"r1\"") "," SIDE("\"status\":\"RUNNING\",\"exitCode\":3,\"runtimeId\":\"r2\"") "]",
    "\"status\":\"RUNNING\",\"containers\":[" SIDE("\"status\":\"STOPPED\",\"exitCode\":3") "]",
};
enum { REPORTS = 3, LENGTH = 4, SEQUENCES = 81 };

static bool has_all(const int order[LENGTH])
{
    unsigned mask = 0;

    for (int i = 0; i < LENGTH; i++)
        mask |= 1u << order[i];
    return mask == (1u << REPORTS) - 1;
}

// The parts of the task that depend on reports alone.
static struct str outcome_of(struct world *w, struct str arn)
{
    struct rec_task rec = *stage_find_task(w, arn)->rec;

    return str_fmt(
        &w->arena, "%d %d %.*s %d %.*s %.*s %.*s %d %d %d %d", (int)rec.last_status,
        (int)rec.stop_code, STR_ARGS(rec.stopped_reason), (int)rec.containers.at[0].last_status,
        STR_ARGS(rec.containers.at[0].image_digest), STR_ARGS(rec.containers.at[0].runtime_id),
        STR_ARGS(rec.containers.at[1].runtime_id), rec.containers.at[0].exit_code,
        (int)rec.containers.at[1].last_status, rec.containers.at[1].exit_code, rec.has.started_at);
}

static void every_order_with_repeats_ends_alike(void **state)
{
    struct world *w = *state;
    struct str instance = stage_instance(w);
    struct stage_plan plan = {.definition = stage_plain_definition(w)};
    struct str first = STR_NONE;
    int tried = 0;

    for (int seed = 0; seed < SEQUENCES; seed++) {
        int order[LENGTH] = {seed % 3, seed / 3 % 3, seed / 9 % 3, seed / 27};
        struct str arn;

        if (!has_all(order))
            continue;
        arn = stage_task(w, instance, &plan);
        for (int i = 0; i < LENGTH; i++)
            stage_submit(w, arn, reports[order[i]]);
        for (int i = 0; i < 2; i++)
            stage_submit(w, arn,
                         "\"status\":\"STOPPED\",\"containers\":[" MAIN(
                             "\"status\":\"STOPPED\",\"exitCode\":1") "]");
        for (int i = 0; i < LENGTH; i++)
            stage_submit(w, arn, reports[order[i]]);
        if (tried++ == 0)
            first = outcome_of(w, arn);
        assert_string_equal(text(w, outcome_of(w, arn)), text(w, first));
    }
    assert_int_equal(tried, 36);
}

static void a_repeat_writes_nothing(void **state)
{
    struct world *w = *state;
    struct str arn = started(w);

    for (int i = 0; i < REPORTS; i++)
        stage_submit(w, arn, reports[i]);
    for (int i = 0; i < REPORTS; i++) {
        const struct rec_task *before = stage_find_task(w, arn)->rec;
        stage_submit(w, arn, reports[i]);
        assert_ptr_equal(stage_find_task(w, arn)->rec, before);
    }
}

static void a_restart_between_reports_changes_nothing(void **state)
{
    struct world *w = *state;
    struct str arn = started(w);

    for (int i = 0; i < REPORTS; i++) {
        world_restart(w);
        stage_submit(w, arn, reports[i]);
    }
    world_restart(w);
    stage_submit(w, arn, "\"status\":\"STOPPED\"");
    world_restart(w);
    EXPECT_SEEN(w, arn, "stopCode", "EssentialContainerExited");
    EXPECT_SEEN(w, arn, "containers.0.runtimeId", "r1");
    EXPECT_SEEN(w, arn, "containers.1.exitCode", "3");
}

// --- the other two calls, and managed agents

static void one_container_can_be_reported_alone(void **state)
{
    struct world *w = *state;
    struct str arn = started(w);

    EXPECT_JSON(w,
                world_callf(w, "SubmitContainerStateChange",
                            "{\"cluster\":\"demo\",\"task\":\"%.*s\",\"containerName\":\"side\","
                            "\"status\":\"STOPPED\",\"exitCode\":4,\"runtimeId\":\"r\"}",
                            STR_ARGS(arn)),
                "{\"acknowledgment\":\"ACCEPT\"}");
    EXPECT_SEEN(w, arn, "lastStatus", "PENDING");
    EXPECT_SEEN(w, arn, "containers.1.exitCode", "4");
    EXPECT_ERROR(w, "SubmitContainerStateChange", "{\"cluster\":\"nope\"}",
                 "ClusterNotFoundException", "Cluster not found.");
}

static void the_exec_agent_is_followed(void **state)
{
    struct world *w = *state;
    struct str arn = stage_task(w, stage_instance(w), &(struct stage_plan){.exec = true});
    const char *report = "\"managedAgents\":[{\"containerName\":\"main\",\"managedAgentName\":"
                         "\"ExecuteCommandAgent\",\"status\":\"RUNNING\",\"reason\":\"started\"}]";

    EXPECT_SEEN(w, arn, "containers.0.managedAgents.0.lastStatus", "PENDING");
    stage_submit(w, arn, report);
    EXPECT_JSON(w, seen(w, arn, "containers.0.managedAgents"),
                "[{\"name\":\"ExecuteCommandAgent\",\"lastStatus\":\"RUNNING\","
                "\"reason\":\"started\",\"lastStartedAt\":1767225600}]");
    world_advance(w, 1000);
    stage_submit(w, arn, report);
    EXPECT_SEEN(w, arn, "containers.0.managedAgents.0.lastStartedAt", "1767225600");
    EXPECT_SEEN(w, arn, "containers.1.managedAgents.0.lastStatus", "PENDING");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_TEST(a_task_runs_and_ends),
        STAGE_TEST(resources_come_back_with_the_stop),
        STAGE_TEST(digests_arrive_before_the_start),
        STAGE_TEST(a_container_may_end_while_the_task_goes_on),
        STAGE_TEST(a_task_that_never_ran_failed_to_start),
        STAGE_TEST(the_agents_own_reason_comes_first),
        STAGE_TEST(without_any_reason_there_is_a_sentence),
        STAGE_TEST(a_users_stop_keeps_its_reason),
        STAGE_TEST(long_reasons_are_cut_between_characters),
        STAGE_TEST(unknown_things_are_acknowledged),
        STAGE_TEST(a_task_of_another_cluster_is_not_touched),
        STAGE_TEST(an_unknown_cluster_is_an_error),
        STAGE_TEST(a_stopped_task_changes_no_more),
        STAGE_TEST(every_order_with_repeats_ends_alike),
        STAGE_TEST(a_repeat_writes_nothing),
        STAGE_TEST(a_restart_between_reports_changes_nothing),
        STAGE_TEST(one_container_can_be_reported_alone),
        STAGE_TEST(the_exec_agent_is_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
