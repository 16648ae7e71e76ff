// Services where several things happen at once: a rollback that is overtaken, an old task that is
// lost while the new ones do not start, a constraint that the service's own task changes.

#include "core/timers.h"
#include "tests/support/services.h"

#define BREAKER                                                                                    \
    ",\"deploymentConfiguration\":{\"deploymentCircuitBreaker\":{\"enable\":true,\"rollback\":"    \
    "true}}"

enum { PAST_BACKOFF_MS = 30 * 60 * 1000 };

// Completed with definition app:1; app:2 and app:3 are there.
static void open_steady(struct world *w, const char *more)
{
    launch_add_instance(w, "i1", 8192, 16384, "[]");
    launch_add_simple(w, "app", 256, 512);
    launch_add_simple(w, "app", 256, 512);
    launch_add_simple(w, "app", 256, 512);
    service_create(w, "app:1", more);
    service_settle(w);
    EXPECT_WEB(w, "deployments.0.rolloutState", "COMPLETED");
}

// The status of the i-th service deployment, the newest first.
static struct str asked_status(struct world *w, int i)
{
    struct str list =
        world_ok(w, "ListServiceDeployments", "{\"cluster\":\"demo\",\"service\":\"web\"}");

    return world_get(w, list, arena_printf(&w->arena, "serviceDeployments.%d.status", i));
}

// A bad revision is on its way back: nothing of the old one has failed yet.
static void open_rollback(struct world *w)
{
    open_steady(w, ",\"desiredCount\":2" BREAKER);
    service_report_all(w, "RUNNING", "STOPPED"); // so that going back takes its time
    service_update(w, ",\"taskDefinition\":\"app:2\"");
    for (int i = 0; i < 6 && !str_eq(asked_status(w, 0), STR("ROLLBACK_IN_PROGRESS")); i++) {
        service_fail_pending(w);
        world_advance(w, PAST_BACKOFF_MS);
    }
    EXPECT_STR(asked_status(w, 0), "ROLLBACK_IN_PROGRESS");
}

static void test_an_update_overtakes_a_rollback(void **state)
{
    struct world *w = *state;

    open_rollback(w);
    service_update(w, ",\"taskDefinition\":\"app:3\"");
    EXPECT_STR(asked_status(w, 1), "ROLLBACK_FAILED");
    service_settle(w);
    assert_int_equal(service_count(w, "app:3"), 2);
    EXPECT_STR(asked_status(w, 0), "SUCCESSFUL");
}

static void test_a_rollback_that_fails_too_has_failed(void **state)
{
    struct world *w = *state;

    open_rollback(w);
    for (int i = 0; i < 8; i++) {
        service_fail_pending(w);
        world_advance(w, PAST_BACKOFF_MS);
    }
    // It has been RUNNING once, so failed starts do not count for it any more.
    EXPECT_STR(asked_status(w, 0), "ROLLBACK_IN_PROGRESS");
    service_settle(w);
    EXPECT_STR(asked_status(w, 0), "ROLLBACK_SUCCESSFUL");
    assert_int_equal(service_count(w, "app:1"), 2);
}

static void test_a_finished_rollout_is_repaired_by_its_own_kind(void **state)
{
    struct world *w = *state;

    open_steady(w, ",\"desiredCount\":2");
    service_update(w, ",\"taskDefinition\":\"app:2\"");
    service_settle(w);
    EXPECT_WEB(w, "deployments.0.rolloutState", "COMPLETED");
    service_report_all(w, "RUNNING", "STOPPED");
    assert_int_equal(service_count(w, "app:1"), 0);
    assert_int_equal(service_count(w, "app:2"), 2);
}

static void test_the_last_old_task_is_replaced_while_the_new_one_does_not_start(void **state)
{
    struct world *w = *state;
    struct str arns[SERVICE_TASKS_MAX];
    int n;

    open_steady(w, ",\"desiredCount\":1");
    service_update(w, ",\"taskDefinition\":\"app:2\"");
    for (int i = 0; i < 5; i++) {
        world_advance(w, 30 * 1000);
        service_fail_pending(w); // and at last it is put off
    }
    assert_int_equal(service_count(w, "app:2"), 0);
    n = service_tasks(w, "RUNNING", arns);
    assert_int_equal(n, 1);
    service_report(w, arns[0], "STOPPED");
    assert_int_equal(service_count(w, "app:1"), 1);
    EXPECT_WEB(w, "deployments.1.status", "ACTIVE");
}

// How often the service says so in its events.
static int count_said(struct world *w, const char *message)
{
    struct str events = service_get_member(w, "events");
    const char *text = str_cstr(&w->arena, events);
    int n = 0;

    while ((text = strstr(text, message)) != NULL) {
        text += strlen(message);
        n++;
    }
    return n;
}

// The service has all the tasks it wants, and yet its release does not start.
static void test_old_tasks_do_not_hide_that_new_ones_do_not_start(void **state)
{
    struct world *w = *state;

    open_steady(w, ",\"desiredCount\":2");
    service_update(w, ",\"taskDefinition\":\"app:2\"");
    for (int i = 0; i < 5; i++) {
        service_fail_pending(w);
        world_advance(w, PAST_BACKOFF_MS);
    }
    assert_int_equal(service_count(w, "app:1"), 2);
    assert_int_equal(count_said(w, "(service web) is unable to consistently start tasks"), 1);
}

static void test_draining_tasks_do_not_hide_it_either(void **state)
{
    struct world *w = *state;

    open_steady(w, ",\"desiredCount\":2");
    launch_add_instance(w, "i2", 8192, 16384, "[]");
    world_ok(w, "UpdateContainerInstancesState",
             "{\"cluster\":\"demo\",\"containerInstances\":[\"i1\"],\"status\":\"DRAINING\"}");
    for (int i = 0; i < 5; i++) {
        service_fail_pending(w);
        world_advance(w, PAST_BACKOFF_MS);
    }
    EXPECT_WEB(w, "runningCount", "2");
    assert_int_equal(count_said(w, "(service web) is unable to consistently start tasks"), 1);
}

// Starts that failed on a machine that has gone are no trouble any more: what the service says of
// them must not take turns with being steady.
static void test_a_daemon_that_has_what_it_wants_says_so_once(void **state)
{
    struct world *w = *state;
    int steady;

    launch_add_instance(w, "i1", 8192, 16384, "[]");
    launch_add_simple(w, "app", 256, 512);
    service_create(w, "app:1", ",\"schedulingStrategy\":\"DAEMON\"");
    service_settle(w);
    steady = count_said(w, "has reached a steady state");
    launch_add_instance(w, "i2", 8192, 16384, "[]");
    for (int i = 0; i < 5; i++) {
        service_fail_pending(w);
        world_advance(w, PAST_BACKOFF_MS);
    }
    assert_int_equal(count_said(w, "is unable to consistently start tasks"), 1);
    world_ok(w, "DeregisterContainerInstance",
             "{\"cluster\":\"demo\",\"containerInstance\":\"i2\",\"force\":true}");
    for (int i = 0; i < 3; i++)
        world_advance(w, PAST_BACKOFF_MS);
    assert_int_equal(count_said(w, "has reached a steady state"), steady + 1);
    assert_int_equal(count_said(w, "is unable to consistently start tasks"), 1);
}

static void test_a_failed_service_can_be_scaled_to_nothing(void **state)
{
    struct world *w = *state;

    open_steady(w, ",\"desiredCount\":2,\"deploymentConfiguration\":{\"deploymentCircuitBreaker\":{"
                   "\"enable\":true,\"rollback\":false}}");
    service_update(w, ",\"taskDefinition\":\"app:2\"");
    for (int i = 0; i < 5; i++) {
        service_fail_pending(w);
        world_advance(w, PAST_BACKOFF_MS);
    }
    EXPECT_WEB(w, "deployments.0.rolloutState", "FAILED");
    assert_int_equal(service_count(w, "app:1"), 2);
    service_update(w, ",\"desiredCount\":0");
    assert_int_equal(service_count(w, "app:1"), 0);
}

static void test_what_never_ran_is_not_made_up_for(void **state)
{
    struct world *w = *state;

    open_steady(w, ",\"desiredCount\":0");
    service_update(w, ",\"taskDefinition\":\"app:2\",\"desiredCount\":2");
    assert_int_equal(service_count(w, "app:1"), 0);
    assert_int_equal(service_count(w, "app:2"), 2);
}

static void test_an_old_task_without_a_place_leaves_it_to_a_new_one(void **state)
{
    struct world *w = *state;

    launch_add_instance(w, "i1", 1024, 2048, "[{\"name\":\"stack\",\"value\":\"a\"}]");
    launch_add_definition(w, "picky",
                          "{\"containerDefinitions\":[{\"name\":\"main\",\"image\":\"x\","
                          "\"memory\":16,\"essential\":true}],\"placementConstraints\":[{\"type\":"
                          "\"memberOf\",\"expression\":\"attribute:stack == a\"}],"
                          "\"compatibilities\":[\"EXTERNAL\",\"EC2\"]}");
    launch_add_simple(w, "app", 16, 16);
    service_create(w, "picky",
                   ",\"desiredCount\":1,\"deploymentConfiguration\":"
                   "{\"minimumHealthyPercent\":100,\"maximumPercent\":150}"); // one at a time
    service_settle(w);
    service_update(w, ",\"taskDefinition\":\"app\"");
    assert_int_equal(service_count(w, "app:1"), 0);
    world_ok(w, "DeleteAttributes",
             "{\"cluster\":\"demo\",\"attributes\":[{\"name\":\"stack\",\"targetType\":"
             "\"container-instance\",\"targetId\":\"i1\"}]}");
    service_report_all(w, "RUNNING", "STOPPED");
    assert_int_equal(service_count(w, "app:1"), 1);
}

static void test_protection_holds_before_a_task_has_started_too(void **state)
{
    struct world *w = *state;
    struct str arns[SERVICE_TASKS_MAX];

    launch_add_instance(w, "i1", 8192, 16384, "[]");
    launch_add_simple(w, "app", 256, 512);
    service_create(w, "app:1", ",\"desiredCount\":1");
    assert_int_equal(service_tasks(w, "RUNNING", arns), 1);
    world_callf(w, "UpdateTaskProtection",
                "{\"cluster\":\"demo\",\"tasks\":[\"%.*s\"],\"protectionEnabled\":true}",
                STR_ARGS(arns[0]));
    service_update(w, ",\"forceNewDeployment\":true");
    EXPECT_STR(service_task_member(w, arns[0], "desiredStatus"), "RUNNING");
    world_advance(w, 121 * 60 * 1000);
    EXPECT_STR(service_task_member(w, arns[0], "desiredStatus"), "STOPPED");
}

static void test_a_daemon_does_not_stand_in_its_own_way(void **state)
{
    struct world *w = *state;
    struct str arns[SERVICE_TASKS_MAX];

    launch_add_instance(w, "i1", 1024, 2048, "[]");
    launch_add_simple(w, "app", 256, 512);
    service_create(w, "app",
                   ",\"schedulingStrategy\":\"DAEMON\",\"placementConstraints\":[{\"type\":"
                   "\"memberOf\",\"expression\":\"runningTasksCount < 1\"}]");
    service_settle(w);
    assert_int_equal(service_tasks(w, "RUNNING", arns), 1);
    EXPECT_WEB(w, "deployments.0.rolloutState", "COMPLETED");
}

// As when a commit fails: what was decided is taken back, and has to be decided once more.
static void test_what_is_undone_is_decided_again(void **state)
{
    struct world *w = *state;
    struct batch batch;
    struct step step;

    open_steady(w, ",\"desiredCount\":1");
    service_update(w, ",\"desiredCount\":2");
    service_report_all(w, "RUNNING", "RUNNING");
    w->now += SERVICE_SETTLED_MS;
    world_begin(w, &step);
    timers_run(&step);
    batch = state_take_batch(&w->state);
    batch_undo(&w->state, &batch);
    world_finish(w, &step);
    EXPECT_WEB(w, "events.0.message", "(service web) has reached a steady state.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAUNCH_TEST(test_an_update_overtakes_a_rollback),
        LAUNCH_TEST(test_a_rollback_that_fails_too_has_failed),
        LAUNCH_TEST(test_a_finished_rollout_is_repaired_by_its_own_kind),
        LAUNCH_TEST(test_the_last_old_task_is_replaced_while_the_new_one_does_not_start),
        LAUNCH_TEST(test_old_tasks_do_not_hide_that_new_ones_do_not_start),
        LAUNCH_TEST(test_draining_tasks_do_not_hide_it_either),
        LAUNCH_TEST(test_a_daemon_that_has_what_it_wants_says_so_once),
        LAUNCH_TEST(test_a_failed_service_can_be_scaled_to_nothing),
        LAUNCH_TEST(test_what_never_ran_is_not_made_up_for),
        LAUNCH_TEST(test_an_old_task_without_a_place_leaves_it_to_a_new_one),
        LAUNCH_TEST(test_protection_holds_before_a_task_has_started_too),
        LAUNCH_TEST(test_a_daemon_does_not_stand_in_its_own_way),
        LAUNCH_TEST(test_what_is_undone_is_decided_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
