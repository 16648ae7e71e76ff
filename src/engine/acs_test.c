// Messages from the server and what is answered; the queue; what is submitted and in which order.

#include "base/test.h"

#include "engine/rig.h"

static struct acs_task *simple_task(struct rig *rig, const char *name, const char *container)
{
    struct acs_task *task = rig_task(rig, name);

    rig_container(rig, task, container, "app");
    return task;
}

static void init(struct rig *rig)
{
    rig_init(rig, 1);
    fake_image(rig->fake, "app");
}

// ---- answers

static void a_payload_is_acknowledged_with_its_own_names(void **state)
{
    struct rig rig;
    const struct acs_ack_request *ack;
    (void)state;

    init(&rig);
    rig_start(&rig, simple_task(&rig, "t1", "a"));
    ack = rig_message(&rig, ACS_MESSAGE_ACK_REQUEST);
    EXPECT_STR(ack->message_id, "m1");
    EXPECT_STR(ack->cluster, "arn:aws:ecs:r:1:cluster/default");
    rig_deinit(&rig);
}

static void a_payload_without_an_id_gets_no_answer(void **state)
{
    struct rig rig;
    struct acs_payload_message payload = {0};
    (void)state;

    init(&rig);
    SET(&payload, tasks, (struct acs_task_list){.n = 1, .at = simple_task(&rig, "t1", "a")});
    rig_send(&rig, ACS_MESSAGE_PAYLOAD_MESSAGE, &payload);
    rig_run(&rig, 10000);
    assert_int_equal(rig.messages_n, 0);
    assert_int_equal(fake_containers(rig.fake), 0);
    rig_deinit(&rig);
}

static void a_task_that_cannot_be_read_is_reported_and_not_acknowledged(void **state)
{
    struct rig rig;
    struct acs_task *task;
    (void)state;

    init(&rig);
    task = simple_task(&rig, "t1", "a");
    SET(task, desired_status, STR("SLEEPING"));
    rig_start(&rig, task);
    rig_run(&rig, 1000);
    assert_null(rig_message(&rig, ACS_MESSAGE_ACK_REQUEST));
    EXPECT_STR(rig_submit(&rig, "t1", "STOPPED")->reason,
               "UnrecogniedTaskError: Error loading task - the desired status is not one");
    assert_null(rig_view(&rig, "t1", "a"));
    rig_deinit(&rig);
}

static void a_task_sent_twice_runs_once(void **state)
{
    struct rig rig;
    struct acs_task *task;
    (void)state;

    init(&rig);
    task = simple_task(&rig, "t1", "a");
    rig_start(&rig, task);
    rig_start(&rig, task);
    rig_run(&rig, 10000);
    assert_int_equal(fake_containers(rig.fake), 1);
    assert_int_equal(rig.messages_n, 2);
    rig_deinit(&rig);
}

static void a_task_that_has_left_is_not_run_again(void **state)
{
    struct rig rig;
    struct acs_task *task;
    (void)state;

    init(&rig);
    rig.settings.cleanup_wait_ms = 60 * (int64_t)TIME_SECOND_MS;
    task = simple_task(&rig, "t1", "a");
    rig_start(&rig, task);
    rig_run(&rig, 10000);
    rig_stop(&rig, "t1");
    rig_run(&rig, 5 * TIME_MINUTE_MS);
    assert_null(rig_view(&rig, "t1", "a"));
    rig_start(&rig, task); // was under way
    rig_run(&rig, 10000);
    assert_null(rig_view(&rig, "t1", "a"));
    assert_int_equal(fake_containers(rig.fake), 1);
    assert_int_equal(rig.messages_n, 3); // each is acknowledged
    rig_deinit(&rig);
}

static void a_wish_to_run_does_not_undo_a_stop(void **state)
{
    struct rig rig;
    struct acs_task *task;
    (void)state;

    init(&rig);
    task = simple_task(&rig, "t1", "a");
    rig_start(&rig, task);
    rig_run(&rig, 10000);
    rig_stop(&rig, "t1");
    rig_start(&rig, task);
    rig_run(&rig, 60000);
    assert_non_null(rig_submit(&rig, "t1", "STOPPED"));
    rig_deinit(&rig);
}

static void a_heartbeat_is_answered(void **state)
{
    struct rig rig;
    struct acs_heartbeat_message beat = {0};
    const struct acs_heartbeat_ack_request *ack;
    (void)state;

    init(&rig);
    SET(&beat, message_id, STR("h1"));
    rig_send(&rig, ACS_MESSAGE_HEARTBEAT_MESSAGE, &beat);
    ack = rig_message(&rig, ACS_MESSAGE_HEARTBEAT_ACK_REQUEST);
    EXPECT_STR(ack->message_id, "h1");
    rig_deinit(&rig);
}

static void updates_are_refused(void **state)
{
    struct rig rig;
    struct acs_perform_update_message update = {0};
    const struct acs_nack_request *nack;
    (void)state;

    init(&rig);
    SET(&update, message_id, STR("u1"));
    rig_send(&rig, ACS_MESSAGE_PERFORM_UPDATE_MESSAGE, &update);
    nack = rig_message(&rig, ACS_MESSAGE_NACK_REQUEST);
    EXPECT_STR(nack->reason, "Updates are disabled");
    rig_deinit(&rig);
}

static void credentials_are_acknowledged_and_dropped_at_the_end(void **state)
{
    struct rig rig;
    struct acs_task *task;
    struct acs_iam_role_credentials role = {0};
    const struct acs_iam_role_credentials_ack_request *ack;
    (void)state;

    init(&rig);
    task = simple_task(&rig, "t1", "a");
    SET(&role, credentials_id, STR("c1"));
    SET(&role, expiration, STR("2030-01-01T00:00:00Z"));
    SET(task, role_credentials, &role);
    rig_start(&rig, task);
    ack = rig_message(&rig, ACS_MESSAGE_IAM_ROLE_CREDENTIALS_ACK_REQUEST);
    EXPECT_STR(ack->credentials_id, "c1");
    EXPECT_STR(ack->expiration, "2030-01-01T00:00:00Z");
    assert_int_equal(rig.credentials, 1);
    for (size_t i = 0; i < rig.rows_n; i++) {
        if (rig.rows[i].kind == HOST_KIND_TASK)
            assert_null(((const struct host_task *)rig.rows[i].value)->spec->role_credentials);
    }
    rig_stop(&rig, "t1");
    rig_run(&rig, 60000);
    assert_int_equal(rig.credentials, 0);
    rig_start(&rig, task); // a second time, as after a connection that broke
    assert_int_equal(rig.credentials, 0);
    rig_deinit(&rig);
}

// ---- manifest

static void send_manifest(struct rig *rig, const char *id, int64_t timeline)
{
    struct acs_task_manifest_message manifest = {0};

    SET(&manifest, message_id, str_of(id));
    SET(&manifest, cluster_arn, STR("cluster"));
    SET(&manifest, timeline, timeline);
    rig_send(rig, ACS_MESSAGE_TASK_MANIFEST_MESSAGE, &manifest);
}

static void send_verification(struct rig *rig, const char *id)
{
    struct acs_task_stop_verification_ack ack = {0};
    struct acs_task_identifier one = {0};

    SET(&one, task_arn, rig_arn(rig, "t1"));
    SET(&ack, message_id, str_of(id));
    SET(&ack, stop_tasks, (struct acs_task_identifier_list){.n = 1, .at = &one});
    rig_send(rig, ACS_MESSAGE_TASK_STOP_VERIFICATION_ACK, &ack);
}

static void a_task_missing_from_the_manifest_is_stopped_when_confirmed(void **state)
{
    struct rig rig;
    const struct acs_task_stop_verification_message *ask;
    (void)state;

    init(&rig);
    rig_start(&rig, simple_task(&rig, "t1", "a"));
    rig_run(&rig, 10000);
    send_manifest(&rig, "f1", 5);
    ask = rig_message(&rig, ACS_MESSAGE_TASK_STOP_VERIFICATION_MESSAGE);
    EXPECT_STR(ask->message_id, "f1");
    assert_int_equal(ask->stop_candidates.n, 1);
    send_verification(&rig, "other");
    rig_run(&rig, 60000);
    assert_null(rig_submit(&rig, "t1", "STOPPED"));
    send_verification(&rig, "f1");
    rig_run(&rig, 60000);
    assert_non_null(rig_submit(&rig, "t1", "STOPPED"));
    rig_deinit(&rig);
}

static void a_confirmation_counts_once(void **state)
{
    struct rig rig;
    (void)state;

    init(&rig);
    rig_start(&rig, simple_task(&rig, "t2", "a"));
    send_manifest(&rig, "f1", 5);
    send_verification(&rig, "f1"); // t1 is not here yet
    rig_start(&rig, simple_task(&rig, "t1", "b"));
    send_verification(&rig, "f1");
    rig_run(&rig, 60000);
    assert_true(fake_find(rig.fake, STR("b"))->running);
    rig_deinit(&rig);
}

static void a_stale_manifest_gets_no_answer(void **state)
{
    struct rig rig;
    (void)state;

    init(&rig);
    send_manifest(&rig, "f1", 5);
    send_manifest(&rig, "f2", 5);
    send_manifest(&rig, "f3", 4);
    assert_int_equal(rig.messages_n, 1);
    rig_deinit(&rig);
}

// ---- the queue

// 38
static void a_task_waits_until_what_it_needs_is_free(void **state)
{
    struct rig rig;
    (void)state;

    init(&rig);
    rig.settings.memory_mib = 200;
    fake_image(rig.fake, "app")->ignores_term = true;
    rig_start(&rig, simple_task(&rig, "t1", "a"));
    rig_start(&rig, simple_task(&rig, "t2", "b"));
    rig_run(&rig, 10000);
    rig_stop(&rig, "t1");
    rig_run(&rig, 20000);
    assert_null(fake_find(rig.fake, STR("b"))); // the first is still stopping
    EXPECT_STR(rig_trace(&rig, "t2"), "");
    rig_run(&rig, 20000);
    assert_true(fake_find(rig.fake, STR("b"))->started_at >=
                fake_find(rig.fake, STR("a"))->finished_at);
    rig_deinit(&rig);
}

static void nobody_overtakes_in_the_queue(void **state)
{
    struct rig rig;
    struct acs_task *large;
    (void)state;

    init(&rig);
    rig.settings.memory_mib = 300;
    rig_start(&rig, simple_task(&rig, "t1", "a"));
    large = simple_task(&rig, "t2", "b");
    SET(large, memory, 250);
    rig_start(&rig, large);
    rig_start(&rig, simple_task(&rig, "t3", "c")); // would fit beside the first
    rig_run(&rig, 60000);
    assert_null(fake_find(rig.fake, STR("c")));
    rig_stop(&rig, "t2");
    rig_run(&rig, 60000);
    assert_true(fake_find(rig.fake, STR("c"))->running);
    EXPECT_STR(rig_trace(&rig, "t2"), "STOPPED b=STOPPED");
    rig_deinit(&rig);
}

static void a_static_host_port_is_held_by_one_task(void **state)
{
    struct rig rig;
    struct acs_task *task;
    (void)state;

    init(&rig);
    for (int i = 0; i < 2; i++) {
        task = simple_task(&rig, i ? "t2" : "t1", i ? "b" : "a");
        rig_port(&rig, &task->containers.at[0], 80, 8080);
        rig_start(&rig, task);
    }
    rig_run(&rig, 60000);
    assert_null(fake_find(rig.fake, STR("b")));
    rig_stop(&rig, "t1");
    rig_run(&rig, 60000);
    assert_true(fake_find(rig.fake, STR("b"))->running);
    rig_deinit(&rig);
}

static void a_task_that_can_never_fit_does_not_block_the_queue(void **state)
{
    struct rig rig;
    struct acs_task *huge;
    (void)state;

    init(&rig);
    huge = simple_task(&rig, "t1", "a");
    SET(huge, memory, 1 << 20);
    rig_start(&rig, huge);
    rig_start(&rig, simple_task(&rig, "t2", "b"));
    rig_run(&rig, 60000);
    assert_non_null(rig_submit(&rig, "t1", "STOPPED"));
    assert_true(fake_find(rig.fake, STR("b"))->running);
    rig_deinit(&rig);
}

// ---- submitting

static void a_submit_turned_away_is_sent_again_in_order(void **state)
{
    struct rig rig;
    (void)state;

    init(&rig);
    fake_image(rig.fake, "app")->run_ms = 100;
    rig.retries = 6;
    rig_start(&rig, simple_task(&rig, "t1", "a"));
    rig_run(&rig, 120000);
    EXPECT_STR(rig_trace(&rig, "t1"),
               "PENDING a=PENDING; RUNNING a=RUNNING(0); STOPPED a=STOPPED(0)");
    rig_deinit(&rig);
}

static void at_most_ten_tasks_submit_at_once(void **state)
{
    struct rig rig;
    (void)state;

    init(&rig);
    for (int i = 0; i < 15; i++)
        rig_start(&rig, simple_task(&rig, str_fmt(&rig.arena, "t%d", i).ptr, "a"));
    rig_run(&rig, 60000);
    assert_int_equal(rig.submits_n, 30);
    assert_true(rig.submits_open_max <= 10);
    rig_deinit(&rig);
}

static void a_long_reason_is_cut_at_a_character(void **state)
{
    struct rig rig;
    char text[2000];
    struct str reason;
    (void)state;

    init(&rig);
    for (size_t i = 0; i + 1 < sizeof(text); i += 2)
        memcpy(text + i, "\xc3\xa9", 2);
    fake_image(rig.fake, "app")->start_error = str_span(text, sizeof(text));
    rig_start(&rig, simple_task(&rig, "t1", "a"));
    rig_run(&rig, 60000);
    reason = rig_change(&rig, "t1", "a", "STOPPED")->reason;
    assert_int_equal(reason.len, 1023); // 27 for the name, then whole characters
    rig_deinit(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_payload_is_acknowledged_with_its_own_names),
        cmocka_unit_test(a_payload_without_an_id_gets_no_answer),
        cmocka_unit_test(a_task_that_cannot_be_read_is_reported_and_not_acknowledged),
        cmocka_unit_test(a_task_sent_twice_runs_once),
        cmocka_unit_test(a_task_that_has_left_is_not_run_again),
        cmocka_unit_test(a_wish_to_run_does_not_undo_a_stop),
        cmocka_unit_test(a_heartbeat_is_answered),
        cmocka_unit_test(updates_are_refused),
        cmocka_unit_test(credentials_are_acknowledged_and_dropped_at_the_end),
        cmocka_unit_test(a_task_missing_from_the_manifest_is_stopped_when_confirmed),
        cmocka_unit_test(a_confirmation_counts_once),
        cmocka_unit_test(a_stale_manifest_gets_no_answer),
        cmocka_unit_test(a_task_waits_until_what_it_needs_is_free),
        cmocka_unit_test(nobody_overtakes_in_the_queue),
        cmocka_unit_test(a_static_host_port_is_held_by_one_task),
        cmocka_unit_test(a_task_that_can_never_fit_does_not_block_the_queue),
        cmocka_unit_test(a_submit_turned_away_is_sent_again_in_order),
        cmocka_unit_test(at_most_ten_tasks_submit_at_once),
        cmocka_unit_test(a_long_reason_is_cut_at_a_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
