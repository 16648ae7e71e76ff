// Old images, orphans, and what others have left (ecs-behaviour-agent 1.7.5, 3.5).

#include "base/mem.h"
#include "base/test.h"
#include "engine/rig.h"
#include "runtime/fake_host.h"

#define MINUTE TIME_MINUTE_MS
#define HOUR   TIME_HOUR_MS

// A host whose tasks are cleaned up after a minute, and whose images are looked at every ten.
static void init(struct rig *rig)
{
    rig_init(rig, 7);
    rig->settings.owner = STR("us");
    rig->settings.cleanup_wait_ms = MINUTE;
    rig->settings.image_interval_ms = 10 * MINUTE;
}

static void run_once(struct rig *rig, const char *name, const char *image)
{
    struct acs_task *task = rig_task(rig, name);

    fake_image(rig->fake, image)->run_ms = 1000;
    rig_container(rig, task, "app", image);
    rig_start(rig, task);
    rig_run(rig, 10 * TIME_SECOND_MS);
}

static bool has(struct rig *rig, const char *image)
{
    return fake_image(rig->fake, image)->local;
}

static bool has_row(const struct rig *rig, const char *image)
{
    for (size_t i = 0; i < rig->rows_n; i++) {
        if (rig->rows[i].kind == HOST_KIND_IMAGE &&
            str_eq(((const struct host_image *)rig->rows[i].value)->name, str_of(image)))
            return true;
    }
    return false;
}

// ---- images

static void an_image_goes_an_hour_after_its_pull_when_no_task_is_left(void **state)
{
    struct rig rig;
    (void)state;

    init(&rig);
    run_once(&rig, "t1", "app:1");
    rig_run(&rig, 55 * MINUTE);
    assert_true(has(&rig, "app:1"));
    assert_true(has_row(&rig, "app:1"));
    rig_run(&rig, 20 * MINUTE);
    assert_false(has(&rig, "app:1"));
    assert_false(has_row(&rig, "app:1"));
    rig_deinit(&rig);
}

static void an_image_stays_while_a_task_refers_to_it(void **state)
{
    struct rig rig;
    (void)state;

    init(&rig);
    rig.settings.cleanup_wait_ms = 3 * HOUR; // a task that has stopped refers to it until then
    run_once(&rig, "t1", "app:1");
    rig_run(&rig, 170 * MINUTE);
    assert_true(has(&rig, "app:1"));
    rig_run(&rig, 30 * MINUTE);
    assert_false(has(&rig, "app:1"));
    rig_deinit(&rig);
}

static void the_least_recently_used_go_first_and_no_more_than_so_many_a_cycle(void **state)
{
    struct rig rig;
    (void)state;

    init(&rig);
    rig.settings.images_per_cycle = 1;
    rig.settings.image_interval_ms = 2 * HOUR;
    run_once(&rig, "t1", "b:1");
    rig_run(&rig, 5 * MINUTE);
    run_once(&rig, "t2", "a:1");
    rig_run(&rig, 5 * MINUTE);
    run_once(&rig, "t3", "b:1"); // used again
    rig_run(&rig, 125 * MINUTE);
    assert_false(has(&rig, "a:1"));
    assert_true(has(&rig, "b:1"));
    rig_run(&rig, 120 * MINUTE);
    assert_false(has(&rig, "b:1"));
    rig_deinit(&rig);
}

static void excluded_images_and_those_of_the_agent_stay(void **state)
{
    struct str kept[] = {STR("keep"), STR("exact:2")};
    struct rig rig;
    (void)state;

    init(&rig);
    rig.settings.images_kept = (struct str_list){.n = 2, .at = kept};
    run_once(&rig, "t1", "keep:1");
    run_once(&rig, "t2", "exact:2");
    run_once(&rig, "t3", "exact:3");
    run_once(&rig, "t4", "gantry/pause:1");
    rig_run(&rig, 3 * HOUR);
    assert_true(has(&rig, "keep:1") && has(&rig, "exact:2") && has(&rig, "gantry/pause:1"));
    assert_false(has(&rig, "exact:3"));
    rig_deinit(&rig);
}

static void nothing_is_removed_when_that_is_switched_off_or_pulling_is_not_wanted(void **state)
{
    for (int off = 0; off < 2; off++) {
        struct rig rig;

        init(&rig);
        rig.settings.keeps_images = off == 0;
        rig.settings.pull = off == 1 ? ENGINE_PULL_PREFER_CACHED : ENGINE_PULL_DEFAULT;
        run_once(&rig, "t1", "app:1");
        rig_run(&rig, 5 * HOUR);
        assert_true(has(&rig, "app:1"));
        assert_int_equal(fake_calls(rig.fake, HOST_CALL_KIND_REMOVE_IMAGE), 0);
        rig_deinit(&rig);
    }
    (void)state;
}

static void an_image_that_cannot_be_removed_is_tried_once_a_cycle(void **state)
{
    struct rig rig;
    (void)state;

    init(&rig);
    fake_fail(rig.fake, HOST_CALL_KIND_REMOVE_IMAGE, 2, FAKE_FAULT_FAIL, HOST_ERROR_CLASS_CONFLICT,
              "in use");
    run_once(&rig, "t1", "app:1");
    rig_run(&rig, 75 * MINUTE);
    assert_true(has(&rig, "app:1"));
    assert_int_equal(fake_calls(rig.fake, HOST_CALL_KIND_REMOVE_IMAGE), 1);
    rig_run(&rig, 20 * MINUTE);
    assert_false(has(&rig, "app:1"));
    assert_int_equal(fake_calls(rig.fake, HOST_CALL_KIND_REMOVE_IMAGE), 3);
    rig_deinit(&rig);
}

static void whoever_wants_an_image_waits_for_its_removal_and_pulls_it_again(void **state)
{
    struct rig rig;
    struct acs_task *task;
    (void)state;

    init(&rig);
    run_once(&rig, "t1", "app:1");
    fake_fail(rig.fake, HOST_CALL_KIND_REMOVE_IMAGE, 1, FAKE_FAULT_SILENT, HOST_ERROR_CLASS_OTHER,
              ""); // done at once, and never answered before its deadline
    rig_run(&rig, 71 * MINUTE);
    assert_int_equal(fake_calls(rig.fake, HOST_CALL_KIND_REMOVE_IMAGE), 1);
    task = rig_task(&rig, "t2");
    rig_container(&rig, task, "app", "app:1");
    fake_image(rig.fake, "app:1")->run_ms = -1;
    rig_start(&rig, task);
    rig_run(&rig, 30 * TIME_SECOND_MS);
    assert_int_equal(rig_view(&rig, "t2", "app")->status, HOST_CONTAINER_STATUS_NONE);
    rig_run(&rig, 4 * MINUTE);
    assert_int_equal(rig_view(&rig, "t2", "app")->status, HOST_CONTAINER_STATUS_RUNNING);
    assert_int_equal(fake_calls(rig.fake, HOST_CALL_KIND_PULL), 2);
    rig_deinit(&rig);
}

static void ages_are_known_after_a_restart(void **state)
{
    struct rig rig;
    (void)state;

    init(&rig);
    run_once(&rig, "t1", "app:1");
    rig_run(&rig, 50 * MINUTE);
    rig_restart(&rig);
    rig_run(&rig, 25 * MINUTE);
    assert_false(has(&rig, "app:1"));
    rig_deinit(&rig);
}

// The registry's "app:1" becomes another image; on the host the first one has only its digest then.
static void an_image_whose_name_moved_on_goes_too(void **state)
{
    struct rig rig;
    (void)state;

    init(&rig);
    rig.settings.cleanup_wait_ms = 2 * HOUR;
    fake_image(rig.fake, "app:1")->digest = STR("sha256:old");
    run_once(&rig, "t1", "app:1");
    fake_image(rig.fake, "app:1")->digest = STR("sha256:new");
    fake_image(rig.fake, "app:old")->digest = STR("sha256:old");
    fake_image(rig.fake, "app:old")->local = true;
    rig_run(&rig, 30 * MINUTE);
    run_once(&rig, "t2", "app:1");
    assert_true(has_row(&rig, "app@sha256:old"));
    rig_restart(&rig);
    rig_run(&rig, 80 * MINUTE);
    assert_int_equal(fake_calls(rig.fake, HOST_CALL_KIND_REMOVE_IMAGE), 0); // t1 is still kept
    rig_run(&rig, 30 * MINUTE);
    assert_false(has(&rig, "app:old"));
    assert_false(has_row(&rig, "app@sha256:old"));
    assert_true(has(&rig, "app:1")); // that is t2's
    rig_run(&rig, 60 * MINUTE);
    assert_false(has(&rig, "app:1"));
    rig_deinit(&rig);
}

static void a_disk_that_is_nearly_full_does_not_wait(void **state)
{
    struct rig rig;
    (void)state;

    init(&rig);
    rig.settings.images_per_cycle = 1;
    run_once(&rig, "t1", "a:1");
    run_once(&rig, "t2", "b:1");
    run_once(&rig, "t3", "c:1");
    fake_image(rig.fake, "c:1")->run_ms = -1;
    rig_run(&rig, 2 * MINUTE);
    run_once(&rig, "t4", "d:1");
    rig_disk(&rig, true);
    rig_run(&rig, TIME_SECOND_MS);
    assert_false(has(&rig, "a:1") || has(&rig, "b:1"));
    assert_true(has(&rig, "d:1")); // its task has not been cleaned up
    rig_run(&rig, 3 * MINUTE);
    assert_false(has(&rig, "d:1"));
    rig_disk(&rig, false);
    run_once(&rig, "t5", "e:1");
    rig_run(&rig, 30 * MINUTE);
    assert_true(has(&rig, "e:1"));
    rig_deinit(&rig);
}

// ---- what another hand does

static void ignore(void *user, const struct runtime_post *post)
{
    (void)user;
    (void)post;
}

// By another hand than the agent's.
static void call_by_hand(struct rig *rig, enum host_call_kind kind, int64_t token, const char *name,
                         struct str_map labels)
{
    struct runtime *hand = fake_connect(rig->fake, ignore, NULL);
    struct docker_config config = {0};
    struct docker_host_config host = {0};
    struct host_call call = {0};

    SET(&config, image, STR("app:1"));
    SET(&config, labels, labels);
    SET(&call, kind, kind);
    SET(&call, token, token);
    SET(&call, name, str_of(name));
    SET(&call, container, str_of(name));
    SET(&call, config, &config);
    SET(&call, host_config, &host);
    hand->driver->call(hand, &call);
    rig_run(rig, TIME_SECOND_MS);
    hand->driver->close(hand);
}

// ---- orphans

static size_t containers_left(const struct rig *rig)
{
    size_t n = 0;

    for (size_t i = 0; i < fake_containers(rig->fake); i++)
        n += !fake_container_at(rig->fake, i)->removed;
    return n;
}

static void start_with_volume(struct rig *rig, const char *name)
{
    struct acs_task *task = rig_task(rig, name);
    struct acs_volume *volume = &task->volumes.at[task->volumes.n++];

    fake_image(rig->fake, "app:1");
    rig_container(rig, task, "app", "app:1");
    SET(volume, name, STR("data"));
    rig_start(rig, task);
    rig_run(rig, 10 * TIME_SECOND_MS);
}

static void what_no_record_knows_is_removed_after_the_cleanup_wait(void **state)
{
    struct rig rig;
    (void)state;

    init(&rig);
    start_with_volume(&rig, "t1");
    rig_lose(&rig);
    rig_run(&rig, 50 * TIME_SECOND_MS);
    assert_true(fake_find(rig.fake, STR("app"))->running); // there is time to see what went wrong
    rig_run(&rig, 2 * MINUTE);
    assert_int_equal(containers_left(&rig), 0);
    assert_int_equal(fake_volumes(rig.fake), 0);
    rig_deinit(&rig);
}

static const struct fake_resource *group_of(struct rig *rig, const char *task)
{
    return fake_host_find(fake_host(rig->fake), HOST_RESOURCE_KIND_CGROUP, str_of(task));
}

static void start_two(struct rig *rig, const char *name)
{
    struct acs_task *task = rig_task(rig, name);

    rig->settings.task_cgroups = true;
    fake_image(rig->fake, "app:1");
    rig_container(rig, task, "app", "app:1");
    rig_container(rig, task, "side", "app:1");
    rig_start(rig, task);
    rig_run(rig, 10 * TIME_SECOND_MS);
}

static void what_a_lost_task_had_of_its_host_goes_when_none_of_it_runs(void **state)
{
    struct rig rig;
    (void)state;

    init(&rig);
    start_two(&rig, "t1");
    assert_non_null(group_of(&rig, "t1"));
    rig_lose(&rig);
    fake_fail(rig.fake, HOST_CALL_KIND_STOP, 1, FAKE_FAULT_FAIL, HOST_ERROR_CLASS_OTHER, "no");
    rig_run(&rig, 80 * TIME_SECOND_MS);
    assert_int_equal(containers_left(&rig), 2); // it is tried again half a minute later
    assert_non_null(group_of(&rig, "t1"));
    rig_run(&rig, MINUTE);
    assert_int_equal(containers_left(&rig), 0);
    assert_int_equal(fake_host_left(fake_host(rig.fake)), 0);
    rig_deinit(&rig);
}

// The first container is gone, and the agent, which was told otherwise, dies: the other one's name
// must not be all that there is left of the task's group.
static void a_group_goes_before_the_first_of_two_that_name_it(void **state)
{
    struct rig rig;
    (void)state;

    init(&rig);
    start_two(&rig, "t1");
    rig_lose(&rig);
    fake_fail(rig.fake, HOST_CALL_KIND_REMOVE, 1, FAKE_FAULT_LOST, HOST_ERROR_CLASS_OTHER, "no");
    rig_run(&rig, 80 * TIME_SECOND_MS);
    assert_int_equal(containers_left(&rig), 0);
    rig_lose(&rig);
    rig_run(&rig, 2 * MINUTE);
    assert_int_equal(fake_host_left(fake_host(rig.fake)), 0);
    rig_deinit(&rig);
}

static void a_group_that_cannot_be_removed_is_tried_again(void **state)
{
    struct rig rig;
    (void)state;

    init(&rig);
    rig.settings.task_cgroups = true;
    start_with_volume(&rig, "t1");
    rig_lose(&rig);
    fake_fail(rig.fake, HOST_CALL_KIND_REMOVE_RESOURCE, 3, FAKE_FAULT_FAIL, HOST_ERROR_CLASS_OTHER,
              "busy");
    rig_run(&rig, 2 * MINUTE);
    assert_non_null(group_of(&rig, "t1"));
    assert_int_equal(containers_left(&rig), 1); // it says whose the group is
    rig_run(&rig, 2 * MINUTE);
    assert_null(group_of(&rig, "t1"));
    assert_int_equal(containers_left(&rig), 0);
    rig_deinit(&rig);
}

static void a_group_that_cannot_be_removed_at_all_keeps_no_container(void **state)
{
    struct rig rig;
    (void)state;

    init(&rig);
    rig.settings.task_cgroups = true;
    start_with_volume(&rig, "t1");
    rig_lose(&rig);
    fake_fail(rig.fake, HOST_CALL_KIND_REMOVE_RESOURCE, 100, FAKE_FAULT_FAIL,
              HOST_ERROR_CLASS_OTHER, "busy");
    rig_run(&rig, 15 * MINUTE);
    assert_non_null(group_of(&rig, "t1"));
    assert_int_equal(containers_left(&rig), 0);
    rig_deinit(&rig);
}

static void a_group_goes_before_what_names_it(void **state)
{
    struct rig rig;
    (void)state;

    init(&rig);
    rig.settings.task_cgroups = true;
    start_with_volume(&rig, "t1");
    rig_lose(&rig);
    fake_fail(rig.fake, HOST_CALL_KIND_REMOVE, 1, FAKE_FAULT_FAIL, HOST_ERROR_CLASS_OTHER, "no");
    rig_run(&rig, 80 * TIME_SECOND_MS);
    assert_null(group_of(&rig, "t1"));
    assert_int_equal(containers_left(&rig), 1);
    rig_lose(&rig);
    rig_run(&rig, 2 * MINUTE);
    assert_int_equal(containers_left(&rig), 0);
    rig_deinit(&rig);
}

static void a_task_that_is_known_keeps_its_group_when_a_container_too_many_goes(void **state)
{
    struct rig rig;
    struct str_pair labels[] = {{STR("gantry.agent"), STR("us")},
                                {STR("com.amazonaws.ecs.task-arn"), STR_NONE}};
    (void)state;

    init(&rig);
    rig.settings.task_cgroups = true;
    start_with_volume(&rig, "t1");
    labels[1].value = rig_arn(&rig, "t1");
    call_by_hand(&rig, HOST_CALL_KIND_CREATE, 1, "too-many",
                 (struct str_map){.n = 2, .at = labels});
    assert_int_equal(containers_left(&rig), 2);
    rig_restart(&rig);
    rig_run(&rig, 3 * MINUTE);
    assert_int_equal(containers_left(&rig), 1);
    assert_non_null(group_of(&rig, "t1"));
    rig_deinit(&rig);
}

static void an_orphan_that_ignores_the_signal_has_the_usual_grace(void **state)
{
    struct rig rig;
    (void)state;

    init(&rig);
    rig.settings.stop_timeout_ms = 7 * TIME_SECOND_MS;
    fake_image(rig.fake, "app:1")->ignores_term = true;
    start_with_volume(&rig, "t1");
    rig_lose(&rig);
    rig_run(&rig, MINUTE + 5 * TIME_SECOND_MS);
    assert_int_equal(containers_left(&rig), 1);
    rig_run(&rig, 10 * TIME_SECOND_MS);
    assert_int_equal(containers_left(&rig), 0);
    rig_deinit(&rig);
}

static void what_is_known_is_no_orphan(void **state)
{
    struct rig rig;
    (void)state;

    init(&rig);
    start_with_volume(&rig, "t1");
    rig_restart(&rig);
    rig_run(&rig, HOUR);
    assert_true(fake_find(rig.fake, STR("app"))->running);
    assert_int_equal(fake_volumes(rig.fake), 1);
    rig_deinit(&rig);
}

static void what_another_agent_has_made_is_left_alone(void **state)
{
    struct rig rig;
    (void)state;

    init(&rig);
    start_with_volume(&rig, "t1");
    rig.settings.owner = STR("somebody else");
    rig_lose(&rig);
    rig_run(&rig, HOUR);
    assert_true(fake_find(rig.fake, STR("app"))->running);
    assert_int_equal(fake_volumes(rig.fake), 1);
    rig_deinit(&rig);
}

static void an_orphan_is_tried_again_until_the_runtime_is_back(void **state)
{
    struct rig rig;
    (void)state;

    init(&rig);
    start_with_volume(&rig, "t1");
    rig_lose(&rig);
    rig_run(&rig, 30 * TIME_SECOND_MS);
    fake_fail(rig.fake, HOST_CALL_KIND_STOP, 2, FAKE_FAULT_FAIL, HOST_ERROR_CLASS_OTHER, "no");
    fake_fail(rig.fake, HOST_CALL_KIND_REMOVE, 1, FAKE_FAULT_LOST, HOST_ERROR_CLASS_UNREACHABLE,
              "broke");
    rig_run(&rig, 5 * MINUTE);
    assert_int_equal(containers_left(&rig), 0);
    assert_int_equal(fake_volumes(rig.fake), 0);
    rig_deinit(&rig);
}

// ---- strangers

static void what_others_have_left_goes_only_when_that_is_wanted(void **state)
{
    for (int wanted = 0; wanted < 2; wanted++) {
        struct rig rig;

        init(&rig);
        rig.settings.cleans_strangers = wanted;
        fake_image(rig.fake, "strange:1")->local = true;
        run_once(&rig, "t1", "app:1");
        rig_run(&rig, 25 * MINUTE);
        assert_int_equal(has(&rig, "strange:1"), !wanted);
        rig_deinit(&rig);
    }
    (void)state;
}

// Its tags, if it has any, are not what it was asked for by.
static void an_image_that_was_pulled_by_its_digest_is_not_strange(void **state)
{
    struct rig rig;
    struct acs_task *task;
    (void)state;

    init(&rig);
    rig.settings.cleans_strangers = true;
    fake_image(rig.fake, "app:1")->digest = STR("sha256:one");
    fake_image(rig.fake, "app:1")->run_ms = 1000;
    task = rig_task(&rig, "t1");
    rig_container(&rig, task, "app", "app@sha256:one");
    rig_start(&rig, task);
    rig_run(&rig, 55 * MINUTE);
    assert_true(has(&rig, "app:1"));
    rig_run(&rig, 20 * MINUTE);
    assert_false(has(&rig, "app:1")); // as one of ours
    rig_deinit(&rig);
}

static void containers_of_others_go_long_after_their_end_and_never_while_they_run(void **state)
{
    struct rig rig;
    (void)state;

    init(&rig);
    rig.settings.cleans_strangers = true;
    rig.settings.strangers_per_cycle = 1;
    rig_boot(&rig);
    fake_image(rig.fake, "app:1")->local = true;
    call_by_hand(&rig, HOST_CALL_KIND_CREATE, 1, "first", (struct str_map){0});
    call_by_hand(&rig, HOST_CALL_KIND_CREATE, 2, "second", (struct str_map){0});
    call_by_hand(&rig, HOST_CALL_KIND_CREATE, 3, "runs", (struct str_map){0});
    call_by_hand(&rig, HOST_CALL_KIND_START, 4, "runs", (struct str_map){0});
    rig_run(&rig, 11 * MINUTE);
    assert_int_equal(containers_left(&rig), 2); // one a cycle
    rig_run(&rig, 10 * MINUTE);
    assert_int_equal(containers_left(&rig), 1);
    rig_run(&rig, 30 * MINUTE);
    assert_true(fake_container_at(rig.fake, 2)->running);
    rig_deinit(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_image_goes_an_hour_after_its_pull_when_no_task_is_left),
        cmocka_unit_test(an_image_stays_while_a_task_refers_to_it),
        cmocka_unit_test(the_least_recently_used_go_first_and_no_more_than_so_many_a_cycle),
        cmocka_unit_test(excluded_images_and_those_of_the_agent_stay),
        cmocka_unit_test(nothing_is_removed_when_that_is_switched_off_or_pulling_is_not_wanted),
        cmocka_unit_test(an_image_that_cannot_be_removed_is_tried_once_a_cycle),
        cmocka_unit_test(whoever_wants_an_image_waits_for_its_removal_and_pulls_it_again),
        cmocka_unit_test(ages_are_known_after_a_restart),
        cmocka_unit_test(an_image_whose_name_moved_on_goes_too),
        cmocka_unit_test(a_disk_that_is_nearly_full_does_not_wait),
        cmocka_unit_test(what_no_record_knows_is_removed_after_the_cleanup_wait),
        cmocka_unit_test(what_a_lost_task_had_of_its_host_goes_when_none_of_it_runs),
        cmocka_unit_test(a_group_goes_before_the_first_of_two_that_name_it),
        cmocka_unit_test(a_group_that_cannot_be_removed_is_tried_again),
        cmocka_unit_test(a_group_that_cannot_be_removed_at_all_keeps_no_container),
        cmocka_unit_test(a_group_goes_before_what_names_it),
        cmocka_unit_test(a_task_that_is_known_keeps_its_group_when_a_container_too_many_goes),
        cmocka_unit_test(an_orphan_that_ignores_the_signal_has_the_usual_grace),
        cmocka_unit_test(what_is_known_is_no_orphan),
        cmocka_unit_test(what_another_agent_has_made_is_left_alone),
        cmocka_unit_test(an_orphan_is_tried_again_until_the_runtime_is_back),
        cmocka_unit_test(what_others_have_left_goes_only_when_that_is_wanted),
        cmocka_unit_test(an_image_that_was_pulled_by_its_digest_is_not_strange),
        cmocka_unit_test(containers_of_others_go_long_after_their_end_and_never_while_they_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
