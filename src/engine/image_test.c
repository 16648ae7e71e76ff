// Getting images: the four pull behaviours, retries, credentials. Numbers are those of
// ecs-behaviour-agent C.

#include "base/test.h"

#include "engine/rig.h"

static void run_app(struct rig *rig, const char *image, enum engine_pull pull)
{
    struct acs_task *task;

    rig->settings.pull = pull;
    task = rig_task(rig, "t1");
    rig_container(rig, task, "app", image);
    rig_start(rig, task);
    rig_run(rig, 60000);
}

// 19
static void a_missing_image_is_the_reason(void **state)
{
    struct rig rig;
    (void)state;

    rig_init(&rig, 1);
    run_app(&rig, "nowhere", ENGINE_PULL_DEFAULT);
    EXPECT_STR(
        rig_change(&rig, "t1", "app", "STOPPED")->reason,
        "CannotPullImageManifestError: Error response from daemon: no such image in the fake");
    assert_false(rig_change(&rig, "t1", "app", "STOPPED")->has.exit_code);
    rig_deinit(&rig);
}

static void a_failed_pull_has_its_own_name(void **state)
{
    struct rig rig;
    (void)state;

    rig_init(&rig, 1);
    fake_image(rig.fake, "app");
    fake_fail(rig.fake, HOST_CALL_KIND_PULL, 5, FAKE_FAULT_FAIL, HOST_ERROR_CLASS_OTHER,
              "dial tcp: connection refused");
    run_app(&rig, "app", ENGINE_PULL_DEFAULT);
    EXPECT_STR(rig_change(&rig, "t1", "app", "STOPPED")->reason,
               "CannotPullContainerError: The task can\xe2\x80\x99t pull the image. Check your "
               "network configuration. dial tcp: connection refused");
    rig_deinit(&rig);
}

static void a_pull_is_tried_five_times(void **state)
{
    struct rig rig;
    (void)state;

    rig_init(&rig, 1);
    fake_image(rig.fake, "app");
    fake_fail(rig.fake, HOST_CALL_KIND_PULL, 4, FAKE_FAULT_FAIL, HOST_ERROR_CLASS_OTHER, "busy");
    run_app(&rig, "app", ENGINE_PULL_DEFAULT);
    assert_int_equal(fake_calls(rig.fake, HOST_CALL_KIND_PULL), 5);
    assert_non_null(rig_submit(&rig, "t1", "RUNNING"));
    rig_deinit(&rig);
}

static void a_pull_by_digest_is_tagged_back(void **state)
{
    struct rig rig;
    (void)state;

    rig_init(&rig, 1);
    fake_image(rig.fake, "app");
    run_app(&rig, "app", ENGINE_PULL_DEFAULT);
    assert_int_equal(fake_calls(rig.fake, HOST_CALL_KIND_TAG), 1);
    rig_deinit(&rig);
}

static void not_found_is_not_asked_again(void **state)
{
    struct rig rig;
    (void)state;

    rig_init(&rig, 1);
    run_app(&rig, "nowhere", ENGINE_PULL_DEFAULT);
    assert_int_equal(fake_calls(rig.fake, HOST_CALL_KIND_MANIFEST), 1);
    assert_int_equal(fake_calls(rig.fake, HOST_CALL_KIND_PULL), 1);
    rig_deinit(&rig);
}

// 20
static void a_cached_image_runs_without_the_registry(void **state)
{
    struct rig rig;
    (void)state;

    rig_init(&rig, 1);
    fake_image(rig.fake, "app")->local = true;
    fake_image(rig.fake, "app")->remote = false;
    run_app(&rig, "app", ENGINE_PULL_DEFAULT);
    EXPECT_STR(rig_trace(&rig, "t1"), "RUNNING app=RUNNING");
    rig_deinit(&rig);
}

// 21
static void but_not_when_it_must_be_pulled(void **state)
{
    struct rig rig;
    (void)state;

    rig_init(&rig, 1);
    fake_image(rig.fake, "app")->local = true;
    fake_image(rig.fake, "app")->remote = false;
    run_app(&rig, "app", ENGINE_PULL_ALWAYS);
    EXPECT_STR(rig_trace(&rig, "t1"), "STOPPED app=STOPPED!CannotPullImageManifestError");
    rig_deinit(&rig);
}

static void a_required_pull_that_fails_stops_the_task_even_if_not_essential(void **state)
{
    struct rig rig;
    struct acs_task *task;
    struct acs_container *side;
    (void)state;

    rig_init(&rig, 1);
    rig.settings.pull = ENGINE_PULL_ALWAYS;
    fake_image(rig.fake, "app");
    task = rig_task(&rig, "t1");
    rig_container(&rig, task, "app", "app");
    side = rig_container(&rig, task, "side", "nowhere");
    SET(side, essential, false);
    rig_start(&rig, task);
    rig_run(&rig, 60000);
    assert_non_null(rig_submit(&rig, "t1", "STOPPED"));
    assert_null(rig_submit(&rig, "t1", "RUNNING"));
    rig_deinit(&rig);
}

static void once_pulls_once(void **state)
{
    struct rig rig;
    struct acs_task *task;
    (void)state;

    rig_init(&rig, 1);
    fake_image(rig.fake, "app");
    run_app(&rig, "app", ENGINE_PULL_ONCE);
    rig_restart(&rig); // the agent remembers
    task = rig_task(&rig, "t2");
    rig_container(&rig, task, "again", "app");
    rig_start(&rig, task);
    rig_run(&rig, 60000);
    assert_int_equal(fake_calls(rig.fake, HOST_CALL_KIND_PULL), 1);
    assert_true(fake_find(rig.fake, STR("again"))->running);
    rig_deinit(&rig);
}

static void once_pulls_an_image_it_has_not_pulled_itself(void **state)
{
    struct rig rig;
    (void)state;

    rig_init(&rig, 1);
    fake_image(rig.fake, "app")->local = true;
    run_app(&rig, "app", ENGINE_PULL_ONCE);
    assert_int_equal(fake_calls(rig.fake, HOST_CALL_KIND_PULL), 1);
    rig_deinit(&rig);
}

static void prefer_cached_does_not_pull_what_is_here(void **state)
{
    struct rig rig;
    (void)state;

    rig_init(&rig, 1);
    fake_image(rig.fake, "app")->local = true;
    run_app(&rig, "app", ENGINE_PULL_PREFER_CACHED);
    assert_int_equal(fake_calls(rig.fake, HOST_CALL_KIND_PULL), 0);
    assert_int_equal(fake_calls(rig.fake, HOST_CALL_KIND_MANIFEST), 0);
    assert_true(rig_change(&rig, "t1", "app", "RUNNING")->image_digest.len > 0);
    rig_deinit(&rig);
}

static void prefer_cached_pulls_what_is_not(void **state)
{
    struct rig rig;
    (void)state;

    rig_init(&rig, 1);
    fake_image(rig.fake, "app");
    run_app(&rig, "app", ENGINE_PULL_PREFER_CACHED);
    assert_int_equal(fake_calls(rig.fake, HOST_CALL_KIND_PULL), 1);
    rig_deinit(&rig);
}

static void a_stop_during_a_pull_ends_at_once(void **state)
{
    struct rig rig;
    struct acs_task *task;
    (void)state;

    rig_init(&rig, 1);
    fake_image(rig.fake, "app")->pull_ms = TIME_HOUR_MS;
    task = rig_task(&rig, "t1");
    rig_container(&rig, task, "app", "app");
    rig_start(&rig, task);
    rig_run(&rig, 5000);
    rig_stop(&rig, "t1");
    rig_run(&rig, 1000);
    assert_non_null(rig_submit(&rig, "t1", "STOPPED"));
    rig_deinit(&rig);
}

static void a_hung_manifest_names_the_timeout(void **state)
{
    struct rig rig;
    (void)state;

    rig_init(&rig, 1);
    fake_image(rig.fake, "app");
    fake_fail(rig.fake, HOST_CALL_KIND_MANIFEST, 1, FAKE_FAULT_HANG, HOST_ERROR_CLASS_OTHER, "");
    run_app(&rig, "app", ENGINE_PULL_ALWAYS);
    rig_run(&rig, 60000);
    EXPECT_STR(rig_change(&rig, "t1", "app", "STOPPED")->reason,
               "DockerTimeoutError: Could not transition to MANIFEST_PULLED; timed out after "
               "waiting 1m0s");
    rig_deinit(&rig);
}

static void a_pull_that_does_not_begin_names_that_timeout(void **state)
{
    struct rig rig;
    (void)state;

    rig_init(&rig, 1);
    fake_image(rig.fake, "app");
    fake_fail(rig.fake, HOST_CALL_KIND_PULL, 1, FAKE_FAULT_FAIL, HOST_ERROR_CLASS_TIMEOUT,
              "pullBegin");
    run_app(&rig, "app", ENGINE_PULL_ALWAYS);
    EXPECT_STR(rig_change(&rig, "t1", "app", "STOPPED")->reason,
               "DockerTimeoutError: Could not transition to pullBegin; timed out after waiting "
               "5m0s");
    rig_deinit(&rig);
}

static void the_longest_matching_registry_gives_the_credentials(void **state)
{
    struct rig rig;
    struct engine_registry registries[3] = {
        {.prefix = STR("https://index.docker.io/v1/")},
        {.prefix = STR("registry.example:5000")},
        {.prefix = STR("registry.example:5000/team")},
    };
    static const struct {
        const char *image;
        const char *user;
    } rows[] = {
        {"nginx", "hub"},
        {"someone/app:1", "hub"},
        {"registry.example:5000/app", "example"},
        {"registry.example:5000/team/app", "team"},
        {"registry.example:5000/teammate/app", "example"},
        {"other.example/app", ""},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        rig_init(&rig, 1);
        SET(&registries[0].auth, username, STR("hub"));
        SET(&registries[1].auth, username, STR("example"));
        SET(&registries[2].auth, username, STR("team"));
        rig.settings.registries = registries;
        rig.settings.registries_n = 3;
        fake_image(rig.fake, rows[i].image);
        run_app(&rig, rows[i].image, ENGINE_PULL_DEFAULT);
        EXPECT_STR(fake_last_user(rig.fake), rows[i].user);
        rig_deinit(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_missing_image_is_the_reason),
        cmocka_unit_test(a_failed_pull_has_its_own_name),
        cmocka_unit_test(a_pull_is_tried_five_times),
        cmocka_unit_test(a_pull_by_digest_is_tagged_back),
        cmocka_unit_test(not_found_is_not_asked_again),
        cmocka_unit_test(a_cached_image_runs_without_the_registry),
        cmocka_unit_test(but_not_when_it_must_be_pulled),
        cmocka_unit_test(a_required_pull_that_fails_stops_the_task_even_if_not_essential),
        cmocka_unit_test(once_pulls_once),
        cmocka_unit_test(once_pulls_an_image_it_has_not_pulled_itself),
        cmocka_unit_test(prefer_cached_does_not_pull_what_is_here),
        cmocka_unit_test(prefer_cached_pulls_what_is_not),
        cmocka_unit_test(a_stop_during_a_pull_ends_at_once),
        cmocka_unit_test(a_hung_manifest_names_the_timeout),
        cmocka_unit_test(a_pull_that_does_not_begin_names_that_timeout),
        cmocka_unit_test(the_longest_matching_registry_gives_the_credentials),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
