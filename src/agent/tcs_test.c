#include "agent/tcs.h"

#include "agent/host_testing.h"

struct test {
    struct host host;
    struct places *places;
    struct tcs *tcs;
};

static void places_known(void *user)
{
    struct test *test = user;

    if (test->tcs != NULL)
        tcs_dial(test->tcs);
}

static int setup(void **state)
{
    static struct test test;
    struct puppet *puppet = &test.host.puppet;

    test = (struct test){0};
    *state = &test;
    host_open(&test.host);
    fake_image(test.host.fake, "app");
    host_start(&test.host);
    puppet_will_answer(puppet, "DiscoverPollEndpoint", 200,
                       str_fmt(&puppet->arena,
                               "{\"endpoint\":\"%.*s/acs\",\"telemetryEndpoint\":\"%.*s/tcs\"}",
                               STR_ARGS(puppet->url), STR_ARGS(puppet->url))
                           .ptr);
    return 0;
}

static int teardown(void **state)
{
    struct test *test = *state;

    tcs_free(test->tcs);
    places_free(test->places);
    host_close(&test->host);
    return 0;
}

static void connect(struct test *test)
{
    struct puppet *puppet = &test->host.puppet;
    struct tcs_config config = {
        .loop = puppet->loop,
        .api = puppet->api,
        .config = &puppet->config,
        .drive = test->host.drive,
        .container_instance = STR("arn:i"),
        .docker_version = STR("20.10+x"),
    };

    test->places =
        places_new(puppet->loop, puppet->api, STR("default"), STR("arn:i"), places_known, test);
    config.places = test->places;
    test->tcs = tcs_new(&config);
    HOST_AWAIT(&test->host, puppet->opens == 1);
}

static bool has_sent(struct test *test, const char *text)
{
    return puppet_has(buf_str(&test->host.puppet.messages), text);
}

static void the_address_says_who_we_are(void **state)
{
    struct test *test = *state;

    connect(test);
    EXPECT_STR(test->host.puppet.target,
               "/tcs/ws?agentHash=00000000&agentVersion=" GANTRY_VERSION
               "&cluster=default&containerInstance=arn%3Ai&dockerVersion=20.10%2Bx");
}

// Headers, an empty line, then the JSON.
static void messages_have_headers_of_their_own(void **state)
{
    struct test *test = *state;
    struct str all;

    connect(test);
    HOST_AWAIT(&test->host, test->host.puppet.messages_n >= 2);
    all = buf_str(&test->host.puppet.messages);
    assert_true(str_starts(all, STR("Host: 127.0.0.1:")));
    assert_true(has_sent(test, "\r\n\r\n{\"type\":\""));
}

static void an_idle_instance_says_so(void **state)
{
    struct test *test = *state;

    connect(test);
    HOST_AWAIT(&test->host, test->host.puppet.messages_n >= 2);
    assert_true(has_sent(test, "\"PublishMetricsRequest\""));
    assert_true(has_sent(test, "\"idle\":true"));
    assert_true(has_sent(test, "\"fin\":true"));
    assert_false(has_sent(test, "taskMetrics"));
    assert_true(has_sent(test, "\"PublishInstanceStatusRequest\""));
    assert_true(has_sent(test, "\"type\":\"ContainerRuntime\""));
    assert_true(has_sent(test, "\"status\":\"OK\""));
}

static void a_busy_one_without_samples_says_nothing_yet(void **state)
{
    struct test *test = *state;

    host_run(&test->host, "t1", -1);
    HOST_AWAIT(&test->host, puppet_has(host_submits(&test->host), "\"RUNNING\""));
    connect(test);
    HOST_AWAIT(&test->host, has_sent(test, "\"PublishInstanceStatusRequest\""));
    assert_false(has_sent(test, "\"PublishMetricsRequest\""));
    HOST_AWAIT(&test->host, test->host.stats_token != 0);
}

static void metrics_can_be_switched_off(void **state)
{
    struct test *test = *state;

    test->host.puppet.config.metrics_disabled = true;
    connect(test);
    HOST_AWAIT(&test->host, has_sent(test, "\"PublishInstanceStatusRequest\""));
    assert_false(has_sent(test, "\"PublishMetricsRequest\""));
}

static void a_runtime_that_does_not_answer_is_impaired(void **state)
{
    struct test *test = *state;
    struct acs_heartbeat_message beat = {0};

    fake_fail(test->host.fake, HOST_CALL_KIND_PING, 1, FAKE_FAULT_FAIL, HOST_ERROR_CLASS_TIMEOUT,
              "no answer");
    drive_message(test->host.drive, ACS_MESSAGE_HEARTBEAT_MESSAGE, &beat);
    HOST_AWAIT(&test->host, !drive_runtime_is_up(test->host.drive));
    connect(test);
    HOST_AWAIT(&test->host, has_sent(test, "\"PublishInstanceStatusRequest\""));
    assert_true(has_sent(test, "\"status\":\"IMPAIRED\""));
}

static void hung_up_it_stays_silent(void **state)
{
    struct test *test = *state;

    connect(test);
    HOST_AWAIT(&test->host, test->host.puppet.messages_n >= 2);
    tcs_hang_up(test->tcs);
    HOST_AWAIT(&test->host, test->host.puppet.closes == 1);
    puppet_settle(&test->host.puppet);
    assert_int_equal(test->host.puppet.opens, 1);
    tcs_dial(test->tcs);
    HOST_AWAIT(&test->host, test->host.puppet.opens == 2);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_address_says_who_we_are), CASE(messages_have_headers_of_their_own),
        CASE(an_idle_instance_says_so),    CASE(a_busy_one_without_samples_says_nothing_yet),
        CASE(metrics_can_be_switched_off), CASE(a_runtime_that_does_not_answer_is_impaired),
        CASE(hung_up_it_stays_silent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
