// ACS, and with it the channel below it and the places it is found at.

#include "agent/acs.h"

#include "agent/channel.h"
#include "agent/puppet_testing.h"

struct test {
    struct puppet puppet;
    struct places *places;
    struct acs *acs;
    int known;
    int opened;
    int inactive;
    int messages;
    enum acs_message kind;
    struct str message_id;
};

static void places_known(void *user)
{
    struct test *test = user;

    test->known++;
    if (test->acs != NULL)
        acs_dial(test->acs);
}

static void on_opened(void *user)
{
    ((struct test *)user)->opened++;
}

static void on_inactive(void *user)
{
    ((struct test *)user)->inactive++;
}

static void on_message(void *user, enum acs_message kind, const void *value)
{
    struct test *test = user;
    const struct acs_heartbeat_message *heartbeat = value;

    test->messages++;
    test->kind = kind;
    if (kind == ACS_MESSAGE_HEARTBEAT_MESSAGE)
        test->message_id = str_copy(&test->puppet.arena, heartbeat->message_id);
}

static int setup(void **state)
{
    static struct test test;
    struct acs_config config;

    test = (struct test){0};
    *state = &test;
    puppet_open(&test.puppet);
    test.places = places_new(test.puppet.loop, test.puppet.api, STR("default"), STR("arn:i/1"),
                             places_known, &test);
    config = (struct acs_config){
        .loop = test.puppet.loop,
        .api = test.puppet.api,
        .config = &test.puppet.config,
        .places = test.places,
        .container_instance = STR("arn:i/1"),
        .docker_version = STR("20.10+x"),
        .message = on_message,
        .opened = on_opened,
        .inactive = on_inactive,
        .user = &test,
    };
    test.acs = acs_new(&config);
    return 0;
}

static int teardown(void **state)
{
    struct test *test = *state;

    acs_free(test->acs);
    places_free(test->places);
    puppet_close(&test->puppet);
    return 0;
}

static void will_tell_places(struct test *test)
{
    struct str url = test->puppet.url;
    struct str body = str_fmt(&test->puppet.arena,
                              "{\"endpoint\":\"%.*s/acs\",\"telemetryEndpoint\":\"%.*s/tcs\"}",
                              STR_ARGS(url), STR_ARGS(url));

    puppet_will_answer(&test->puppet, "DiscoverPollEndpoint", 200, body.ptr);
}

static void connect(struct test *test)
{
    will_tell_places(test);
    puppet_await(&test->puppet, &test->opened, 1);
}

static void the_places_are_asked_for_first(void **state)
{
    struct test *test = *state;

    connect(test);
    assert_int_equal(test->known, 1);
    EXPECT_STR(buf_str(&test->puppet.operations), "DiscoverPollEndpoint ");
    EXPECT_STR(test->puppet.body, "{\"cluster\":\"default\",\"containerInstance\":\"arn:i/1\"}");
    assert_true(str_ends(places_acs(test->places), STR("/acs")));
    assert_true(str_ends(places_tcs(test->places), STR("/tcs")));
}

static void an_answer_without_places_is_asked_for_again(void **state)
{
    struct test *test = *state;

    puppet_will_answer(&test->puppet, "DiscoverPollEndpoint", 200, "{}");
    connect(test);
    assert_int_equal(test->puppet.calls, 2);
    assert_int_equal(test->known, 1);
}

static void the_address_says_who_we_are(void **state)
{
    struct test *test = *state;

    connect(test);
    EXPECT_STR(test->puppet.target,
               "/acs/ws?agentHash=00000000&agentVersion=" GANTRY_VERSION "&clusterArn=default"
               "&containerInstanceArn=arn%3Ai%2F1&dockerVersion=DockerVersion%3A%2020.10%2Bx"
               "&protocolVersion=2&sendCredentials=true&seqNum=1");
}

static void credentials_are_asked_for_once(void **state)
{
    struct test *test = *state;

    connect(test);
    ws_close(test->puppet.ws, WS_CODE_NORMAL, STR_NONE);
    puppet_await(&test->puppet, &test->opened, 2);
    assert_true(puppet_has(test->puppet.target, "sendCredentials=false"));
}

static void messages_are_handed_on(void **state)
{
    struct test *test = *state;

    connect(test);
    puppet_say(&test->puppet, "{\"type\":\"HeartbeatMessage\",\"message\":{\"healthy\":true,"
                              "\"messageId\":\"m1\"}}");
    puppet_await(&test->puppet, &test->messages, 1);
    assert_int_equal(test->kind, ACS_MESSAGE_HEARTBEAT_MESSAGE);
    EXPECT_STR(test->message_id, "m1");
}

static void what_is_not_understood_is_passed_over(void **state)
{
    static const char *const rows[] = {"{\"type\":\"TeaMessage\",\"message\":{}}", "[]", "{", "",
                                       "{\"type\":\"HeartbeatMessage\",\"message\":7}"};
    struct test *test = *state;

    connect(test);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        puppet_say(&test->puppet, rows[i]);
    puppet_say(&test->puppet, "{\"type\":\"HeartbeatMessage\",\"message\":{}}");
    puppet_await(&test->puppet, &test->messages, 1);
    puppet_settle(&test->puppet);
    assert_int_equal(test->messages, 1);
    assert_int_equal(test->puppet.closes, 0);
}

static void answers_travel_as_frames(void **state)
{
    struct test *test = *state;
    struct acs_heartbeat_ack_request ack = {0};

    SET(&ack, message_id, STR("m1"));
    acs_send(test->acs, ACS_MESSAGE_HEARTBEAT_ACK_REQUEST, &ack); // not connected: dropped
    connect(test);
    acs_send(test->acs, ACS_MESSAGE_HEARTBEAT_ACK_REQUEST, &ack);
    puppet_await(&test->puppet, &test->puppet.messages_n, 1);
    EXPECT_STR(buf_str(&test->puppet.messages),
               "{\"type\":\"HeartbeatAckRequest\",\"message\":{\"messageId\":\"m1\"}}\n");
}

static void closes_of_every_kind_are_followed_by_a_new_dial(void **state)
{
    static const int codes[] = {WS_CODE_NORMAL, WS_CODE_GOING_AWAY, WS_CODE_INTERNAL,
                                WS_CODE_POLICY};
    struct test *test = *state;

    connect(test);
    for (int i = 0; i < (int)(sizeof codes / sizeof *codes); i++) {
        ws_close(test->puppet.ws, codes[i], STR_NONE);
        puppet_await(&test->puppet, &test->opened, i + 2);
    }
    ws_abort(test->puppet.ws); // the connection breaks
    test->puppet.ws = NULL;
    puppet_await(&test->puppet, &test->opened, 6);
}

static void an_inactive_instance_is_told_and_waits(void **state)
{
    struct test *test = *state;

    test->puppet.refusal = "{\"InactiveInstanceException\":\"gone\"}";
    will_tell_places(test);
    puppet_await(&test->puppet, &test->inactive, 1);
    test->puppet.refusal = NULL;
    puppet_settle(&test->puppet);
    assert_int_equal(test->opened, 0);
    acs_dial(test->acs); // something has changed: no need to wait
    puppet_await(&test->puppet, &test->opened, 1);
}

static void both_forms_of_a_refusal_are_read(void **state)
{
    struct test *test = *state;

    test->puppet.refusal =
        "{\"type\":\"InactiveInstanceException\",\"message\":{\"message\":\"gone\"}}";
    will_tell_places(test);
    puppet_await(&test->puppet, &test->inactive, 1);
}

static void other_refusals_are_tried_again(void **state)
{
    struct test *test = *state;

    test->puppet.refusal = "{\"ServerException\":\"later\"}";
    will_tell_places(test);
    puppet_await(&test->puppet, &test->puppet.closes, 2);
    assert_int_equal(test->inactive, 0);
    test->puppet.refusal = "no JSON";
    puppet_await(&test->puppet, &test->puppet.closes, 3);
    test->puppet.refusal = NULL;
    puppet_await(&test->puppet, &test->opened, 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_places_are_asked_for_first),
        CASE(an_answer_without_places_is_asked_for_again),
        CASE(the_address_says_who_we_are),
        CASE(credentials_are_asked_for_once),
        CASE(messages_are_handed_on),
        CASE(what_is_not_understood_is_passed_over),
        CASE(answers_travel_as_frames),
        CASE(closes_of_every_kind_are_followed_by_a_new_dial),
        CASE(an_inactive_instance_is_told_and_waits),
        CASE(both_forms_of_a_refusal_are_read),
        CASE(other_refusals_are_tried_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
