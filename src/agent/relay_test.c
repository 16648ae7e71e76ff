// Relays against a puppet server and a driver whose commands are scripted.

#include "agent/relay.h"

#include "agent/places.h"
#include "agent/puppet_testing.h"
#include "io/clock.h"
#include "runtime/exec.h"

struct test {
    struct puppet puppet;
    struct places *places;
    struct relays *relays;
    int known;
    bool has_container;
    // The command.
    struct runtime_exec_options begun; // with its handler
    struct arena arena;
    int begins;
    int pauses;
    int resumes;
    int hang_ups;
    int drops;
    int input_ends;
    int32_t columns;
    size_t unsent;
    struct buf typed;
};

static struct test *the_test;

// ---- the driver

static struct runtime_exec *exec_begin(struct runtime *runtime,
                                       const struct runtime_exec_options *options)
{
    (void)runtime;
    the_test->begun = *options;
    the_test->begun.container = str_copy(&the_test->arena, options->container);
    the_test->begins++;
    return (struct runtime_exec *)the_test; // something that is not NULL
}

static void exec_write(struct runtime_exec *exec, struct str bytes)
{
    (void)exec;
    buf_add_str(&the_test->typed, bytes);
}

static void exec_end_input(struct runtime_exec *exec)
{
    (void)exec;
    the_test->input_ends++;
}

static size_t exec_unsent(const struct runtime_exec *exec)
{
    (void)exec;
    return the_test->unsent;
}

static void exec_pause(struct runtime_exec *exec)
{
    (void)exec;
    the_test->pauses++;
}

static void exec_resume(struct runtime_exec *exec)
{
    (void)exec;
    the_test->resumes++;
}

static void exec_resize(struct runtime_exec *exec, int32_t columns, int32_t rows)
{
    (void)exec;
    (void)rows;
    the_test->columns = columns;
}

static void exec_hang_up(struct runtime_exec *exec)
{
    (void)exec;
    the_test->hang_ups++;
}

static void exec_drop(struct runtime_exec *exec)
{
    the_test->drops += exec != NULL;
}

static const struct runtime_execs execs = {
    .begin = exec_begin,
    .write = exec_write,
    .end_input = exec_end_input,
    .unsent = exec_unsent,
    .pause = exec_pause,
    .resume = exec_resume,
    .resize = exec_resize,
    .hang_up = exec_hang_up,
    .drop = exec_drop,
};

static int driver_open(const struct runtime_config *config, struct runtime **out)
{
    static struct runtime runtime;

    (void)config;
    *out = &runtime;
    return 0;
}

static void driver_close(struct runtime *runtime)
{
    (void)runtime;
}

static const struct runtime_driver driver = {
    .name = "scripted",
    .open = driver_open,
    .close = driver_close,
    .execs = &execs,
};

// ---- the world

static void places_known(void *user)
{
    ((struct test *)user)->known++;
}

static bool find(void *user, struct str task_arn, struct str container, struct arena *arena,
                 struct str *out_id)
{
    struct test *test = user;

    EXPECT_STR(task_arn, "arn:task");
    EXPECT_STR(container, "app");
    *out_id = str_copy(arena, STR("c0ffee"));
    return test->has_container;
}

static int setup(void **state)
{
    static struct test test;
    struct relays_config config;

    test = (struct test){.has_container = true};
    the_test = &test;
    *state = &test;
    puppet_open(&test.puppet);
    puppet_will_answer(&test.puppet, "DiscoverPollEndpoint", 200,
                       str_fmt(&test.puppet.arena,
                               "{\"endpoint\":\"%.*s/acs\",\"telemetryEndpoint\":\"%.*s/tcs\"}",
                               STR_ARGS(test.puppet.url), STR_ARGS(test.puppet.url))
                           .ptr);
    test.places = places_new(test.puppet.loop, test.puppet.api, STR("default"), STR("arn:i/1"),
                             places_known, &test);
    puppet_await(&test.puppet, &test.known, 1);
    config = (struct relays_config){
        .loop = test.puppet.loop,
        .api = test.puppet.api,
        .config = &test.puppet.config,
        .places = test.places,
        .driver = &driver,
        .find = find,
        .user = &test,
    };
    test.puppet.config.docker_socket = "/none";
    test.relays = relays_new(&config);
    assert_non_null(test.relays);
    return 0;
}

static int teardown(void **state)
{
    struct test *test = *state;

    relays_free(test->relays);
    places_free(test->places);
    puppet_settle(&test->puppet);
    puppet_close(&test->puppet);
    buf_deinit(&test->typed);
    arena_deinit(&test->arena);
    return 0;
}

static void ask(struct test *test)
{
    static struct str words[] = {STR_INIT("ls"), STR_INIT("-l")};
    struct acs_gantry_exec_message message = {0};

    SET(&message, command, (struct str_list){.n = 2, .at = words});
    SET(&message, container_name, STR("app"));
    SET(&message, task_arn, STR("arn:task"));
    SET(&message, path, STR("/v1/exec-relay/s1"));
    SET(&message, session_id, STR("s1"));
    SET(&message, token, STR("secret"));
    SET(&message, terminal, true);
    relays_start(test->relays, &message);
}

static void wait_for_text(struct test *test, const char *text)
{
    for (int i = 0; i < 2000 && !puppet_has(buf_str(&test->puppet.messages), text); i++)
        loop_run_once(test->puppet.loop, 5);
    assert_true(puppet_has(buf_str(&test->puppet.messages), text));
}

static void open_relay(struct test *test)
{
    ask(test);
    puppet_await(&test->puppet, &test->begins, 1);
    wait_for_text(test, "{\"type\":\"RelayOpen\",\"message\":{\"sessionId\":\"s1\",\"token\":"
                        "\"secret\"}}");
    test->begun.handler->started(test->begun.user);
    wait_for_text(test, "RelayStarted");
    wait_for_text(test, "{\"type\":\"RelayWindow\",\"message\":{\"bytes\":65536}}");
}

static void allow(struct test *test, int bytes)
{
    puppet_say(
        &test->puppet,
        str_fmt(&test->arena, "{\"type\":\"RelayWindow\",\"message\":{\"bytes\":%d}}", bytes).ptr);
    puppet_settle(&test->puppet);
}

static void write_out(struct test *test, enum runtime_stream stream, const char *text)
{
    test->begun.handler->output(test->begun.user, stream, str_of(text));
}

static void end(struct test *test, int32_t code)
{
    test->begun.handler->ended(
        test->begun.user, &(struct runtime_exec_end){.has_exit_code = true, .exit_code = code});
}

// ---- cases

static void a_command_is_begun_as_it_was_asked_for(void **state)
{
    struct test *test = *state;

    open_relay(test);
    EXPECT_STR(test->begun.container, "c0ffee");
    assert_true(test->begun.terminal);
    assert_true(puppet_has(test->puppet.target, "/v1/exec-relay/s1"));
}

static void output_waits_until_it_is_allowed(void **state)
{
    struct test *test = *state;

    open_relay(test);
    write_out(test, RUNTIME_STREAM_STDOUT, "hello ");
    write_out(test, RUNTIME_STREAM_STDERR, "world");
    assert_int_equal(test->pauses, 1);
    allow(test, 4);
    wait_for_text(test, "\x01hell\n");
    allow(test, 100);
    wait_for_text(test, "\x01o \n");
    wait_for_text(test, "\x02world\n");
    assert_int_equal(test->resumes, 1);
    write_out(test, RUNTIME_STREAM_STDOUT, "more");
    wait_for_text(test, "\x01more\n");
    assert_int_equal(test->pauses, 1);
}

static void input_is_allowed_again_as_it_is_taken(void **state)
{
    struct test *test = *state;

    open_relay(test);
    test->unsent = RUNTIME_EXEC_LOW + 1;
    assert_int_equal(ws_send_binary(test->puppet.ws, STR("keys")), 0);
    for (int i = 0; i < 2000 && buf_len(&test->typed) < 4; i++)
        loop_run_once(test->puppet.loop, 5);
    EXPECT_STR(buf_str(&test->typed), "keys");
    puppet_settle(&test->puppet);
    assert_false(puppet_has(buf_str(&test->puppet.messages), "\"bytes\":4}"));
    test->unsent = 0;
    test->begun.handler->drained(test->begun.user);
    wait_for_text(test, "{\"type\":\"RelayWindow\",\"message\":{\"bytes\":4}}");
}

static void the_server_may_resize_and_hang_up(void **state)
{
    struct test *test = *state;

    open_relay(test);
    puppet_say(&test->puppet,
               "{\"type\":\"RelayResize\",\"message\":{\"columns\":91,\"rows\":33}}");
    puppet_say(&test->puppet, "{\"type\":\"RelayResize\",\"message\":{\"columns\":0,\"rows\":-1}}");
    puppet_say(&test->puppet, "{\"type\":\"RelayInputEnd\",\"message\":{}}");
    puppet_say(&test->puppet, "{\"type\":\"SomethingNew\",\"message\":{}}");
    puppet_say(&test->puppet, "{\"type\":\"RelayHangUp\",\"message\":{}}");
    puppet_await(&test->puppet, &test->hang_ups, 1);
    assert_int_equal(test->columns, 91);
    assert_int_equal(test->input_ends, 1);
}

static void the_end_comes_after_the_output(void **state)
{
    struct test *test = *state;
    struct str all;

    open_relay(test);
    write_out(test, RUNTIME_STREAM_STDOUT, "last words");
    end(test, 3);
    puppet_settle(&test->puppet);
    assert_false(puppet_has(buf_str(&test->puppet.messages), "RelayEnd"));
    allow(test, 1000);
    wait_for_text(test, "{\"type\":\"RelayEnd\",\"message\":{\"exitCode\":3,\"reason\":\"\"}}");
    all = buf_str(&test->puppet.messages);
    assert_true(memmem(all.ptr, all.len, "last words", 10) <
                memmem(all.ptr, all.len, "RelayEnd", 8));
    puppet_await(&test->puppet, &test->puppet.closes, 1);
    assert_int_equal(test->hang_ups, 0);
}

static void a_lost_server_hangs_the_command_up(void **state)
{
    struct test *test = *state;

    open_relay(test);
    ws_abort(test->puppet.ws);
    test->puppet.ws = NULL;
    puppet_await(&test->puppet, &test->hang_ups, 1);
    write_out(test, RUNTIME_STREAM_STDOUT, "to nobody");
    end(test, 129);
}

static void a_container_that_is_gone_is_said(void **state)
{
    struct test *test = *state;

    test->has_container = false;
    ask(test);
    wait_for_text(test, "{\"type\":\"RelayEnd\",\"message\":{\"reason\":\"The container does not "
                        "run.\"}}");
    assert_int_equal(test->begins, 0);
}

static void an_agent_that_ends_drops_its_commands(void **state)
{
    struct test *test = *state;

    open_relay(test);
    relays_free(test->relays);
    test->relays = NULL;
    assert_int_equal(test->drops, 1);
}

static void a_refusal_ends_the_relay(void **state)
{
    struct test *test = *state;

    test->puppet.refusal = "{}";
    ask(test);
    puppet_await(&test->puppet, &test->puppet.closes, 1);
    puppet_settle(&test->puppet);
    assert_int_equal(test->begins, 0);
}

#define RELAY_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RELAY_TEST(a_command_is_begun_as_it_was_asked_for),
        RELAY_TEST(output_waits_until_it_is_allowed),
        RELAY_TEST(input_is_allowed_again_as_it_is_taken),
        RELAY_TEST(the_server_may_resize_and_hang_up),
        RELAY_TEST(the_end_comes_after_the_output),
        RELAY_TEST(a_lost_server_hangs_the_command_up),
        RELAY_TEST(a_container_that_is_gone_is_said),
        RELAY_TEST(an_agent_that_ends_drops_its_commands),
        RELAY_TEST(a_refusal_ends_the_relay),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
