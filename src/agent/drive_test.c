#include "agent/drive.h"

#include "agent/host_testing.h"

static int setup(void **state)
{
    static struct host host;

    host_open(&host);
    fake_image(host.fake, "app");
    *state = &host;
    return 0;
}

static int teardown(void **state)
{
    host_close(*state);
    return 0;
}

static bool has_submitted(struct host *host, const char *text)
{
    return puppet_has(host_submits(host), text);
}

static const struct fake_container *only_container(struct host *host)
{
    assert_int_equal(fake_containers(host->fake), 1);
    return fake_container_at(host->fake, 0);
}

static void a_task_runs_and_its_end_is_submitted(void **state)
{
    struct host *host = *state;

    fake_image(host->fake, "app")->run_ms = 20;
    fake_image(host->fake, "app")->exit_code = 7;
    host_start(host);
    host_run(host, "t1", -1);
    HOST_AWAIT(host, has_submitted(host, "\"exitCode\":7"));
    assert_true(has_submitted(host, "task/default/t1"));
    assert_int_equal(host->acks, 1);
    assert_int_equal(host->broken, 0);
}

static void records_are_durable_before_anything_is_done(void **state)
{
    struct host *host = *state;

    host_start(host);
    host_run(host, "t1", -1);
    HOST_AWAIT(host, has_submitted(host, "\"RUNNING\""));
    assert_int_equal(host->acks_seen, 1);
    assert_int_equal(host->creates_seen, 1);
}

static void a_store_that_fails_ends_the_agent_before_anything_is_done(void **state)
{
    static const enum memory_fault faults[] = {MEMORY_FAULT_FULL, MEMORY_FAULT_IO,
                                               MEMORY_FAULT_CUT_BEFORE, MEMORY_FAULT_CUT_AFTER};
    struct host *host = *state;

    for (int i = 0; i < (int)(sizeof faults / sizeof *faults); i++) {
        char name[] = {'t', (char)('0' + i), '\0'};
        host_start(host);
        host->acks = 0;
        host->broken = 0;
        memory_disk_fail(host->disk, faults[i], 0, 1);
        host_run(host, name, -1);
        for (int rounds = 0; rounds < 20; rounds++)
            host_turn(host);
        assert_int_equal(host->broken, 1);
        assert_int_equal(host->acks, 0);
        assert_int_equal(host->creates, 0);
        host_run(host, "later", -1); // the engine is ahead of the disk: nothing is taken any more
        assert_int_equal(host->broken, 1);
        assert_int_equal(host->acks, 0);
        host_kill(host);
    }
    host_start(host); // what the last cut left behind is whole, and goes on
    HOST_AWAIT(host, has_submitted(host, "task/default/t3"));
    assert_false(has_submitted(host, "task/default/t0"));
}

static void a_new_agent_finds_the_container_again(void **state)
{
    struct host *host = *state;

    host_start(host);
    host_run(host, "t1", -1);
    HOST_AWAIT(host, has_submitted(host, "\"RUNNING\""));
    host_kill(host);
    host_start(host);
    fake_exit(host->fake, only_container(host)->id, 9);
    HOST_AWAIT(host, has_submitted(host, "\"exitCode\":9"));
    assert_int_equal(only_container(host)->starts, 1);
}

static void what_ended_while_nobody_looked_is_submitted(void **state)
{
    struct host *host = *state;

    host_start(host);
    host_run(host, "t1", -1);
    HOST_AWAIT(host, has_submitted(host, "\"RUNNING\""));
    host_kill(host);
    fake_exit(host->fake, only_container(host)->id, 3);
    host_start(host);
    HOST_AWAIT(host, has_submitted(host, "\"exitCode\":3"));
    assert_int_equal(only_container(host)->starts, 1);
}

static void a_free_port_is_found_when_any_will_do(void **state)
{
    struct host *host = *state;

    host_start(host);
    host_run(host, "t1", 0);
    HOST_AWAIT(host, has_submitted(host, "\"RUNNING\""));
    assert_true(has_submitted(host, "\"containerPort\":80"));
    assert_true(has_submitted(host, "\"hostPort\":"));
    assert_false(has_submitted(host, "\"hostPort\":0"));
}

static void a_submit_that_may_pass_is_sent_again(void **state)
{
    struct host *host = *state;

    puppet_will_answer(&host->puppet, "SubmitTaskStateChange", 500, "");
    host_start(host);
    host_run(host, "t1", -1);
    HOST_AWAIT(host, host->puppet.calls >= 2);
    HOST_AWAIT(host, has_submitted(host, "\"RUNNING\""));
}

static void a_submit_that_the_server_cannot_read_is_dropped(void **state)
{
    struct host *host = *state;

    puppet_will_answer(&host->puppet, "SubmitTaskStateChange", 400,
                       "{\"__type\":\"InvalidParameterException\",\"message\":\"m\"}");
    host_start(host);
    host_run(host, "t1", -1);
    HOST_AWAIT(host, has_submitted(host, "\"RUNNING\""));
    fake_exit(host->fake, only_container(host)->id, 1);
    HOST_AWAIT(host, has_submitted(host, "\"STOPPED\""));
}

static void a_runtime_that_goes_is_listened_to_again(void **state)
{
    struct host *host = *state;

    host_start(host);
    fake_restart(host->fake);
    HOST_AWAIT(host, !drive_runtime_is_up(host->drive));
    HOST_AWAIT(host, drive_runtime_is_up(host->drive));
}

static void a_heartbeat_asks_the_runtime_whether_it_lives(void **state)
{
    struct host *host = *state;
    struct acs_heartbeat_message beat = {0};

    SET(&beat, message_id, STR("h"));
    host_start(host);
    fake_fail(host->fake, HOST_CALL_KIND_PING, 1, FAKE_FAULT_FAIL, HOST_ERROR_CLASS_TIMEOUT, "hm");
    drive_message(host->drive, ACS_MESSAGE_HEARTBEAT_MESSAGE, &beat);
    HOST_AWAIT(host, !drive_runtime_is_up(host->drive));
    drive_message(host->drive, ACS_MESSAGE_HEARTBEAT_MESSAGE, &beat);
    HOST_AWAIT(host, drive_runtime_is_up(host->drive));
    assert_int_equal(fake_calls(host->fake, HOST_CALL_KIND_PING), 2);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_task_runs_and_its_end_is_submitted),
        CASE(records_are_durable_before_anything_is_done),
        CASE(a_store_that_fails_ends_the_agent_before_anything_is_done),
        CASE(a_new_agent_finds_the_container_again),
        CASE(what_ended_while_nobody_looked_is_submitted),
        CASE(a_free_port_is_found_when_any_will_do),
        CASE(a_submit_that_may_pass_is_sent_again),
        CASE(a_submit_that_the_server_cannot_read_is_dropped),
        CASE(a_runtime_that_goes_is_listened_to_again),
        CASE(a_heartbeat_asks_the_runtime_whether_it_lives),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
