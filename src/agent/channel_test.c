#include "agent/channel.h"

#include "agent/puppet_testing.h"

struct test {
    struct puppet puppet;
    struct channel *channel;
    bool is_known; // where to dial
    int places;
    int opened;
    int closed;
    int messages;
    struct str exception;
};

static bool place(void *user, struct arena *arena, struct str *out_base, struct str *out_query)
{
    struct test *test = user;

    test->places++;
    *out_base = str_fmt(arena, "%.*s/x", STR_ARGS(test->puppet.url));
    *out_query = STR("a=1&b=2");
    return test->is_known;
}

static void on_opened(void *user)
{
    ((struct test *)user)->opened++;
}

static void on_message(void *user, struct str text)
{
    struct test *test = user;

    (void)text;
    test->messages++;
    channel_active(test->channel);
}

static int64_t on_closed(void *user, struct str exception)
{
    struct test *test = user;

    test->closed++;
    test->exception = str_copy(&test->puppet.arena, exception);
    return 0;
}

static int setup(void **state)
{
    static struct test test;

    test = (struct test){.is_known = true};
    *state = &test;
    puppet_open(&test.puppet);
    return 0;
}

static int teardown(void **state)
{
    struct test *test = *state;

    channel_free(test->channel);
    puppet_close(&test->puppet);
    return 0;
}

// Times in milliseconds; 0: the usual.
static void start(struct test *test, int64_t silence_ms, int64_t life_ms)
{
    struct channel_config config = {
        .loop = test->puppet.loop,
        .api = test->puppet.api,
        .config = &test->puppet.config,
        .name = "test",
        .pause_first_ms = 5,
        .pause_max_ms = 20,
        .pause_factor = 2,
        .silence_ms = silence_ms,
        .life_ms = life_ms,
        .place = place,
        .opened = on_opened,
        .message = on_message,
        .closed = on_closed,
        .user = test,
    };

    test->channel = channel_new(&config);
    channel_dial_now(test->channel);
}

static void it_dials_where_it_is_told(void **state)
{
    struct test *test = *state;

    start(test, 0, 0);
    puppet_await(&test->puppet, &test->opened, 1);
    EXPECT_STR(test->puppet.target, "/x/ws?a=1&b=2");
    assert_true(channel_is_open(test->channel));
}

static void it_waits_until_it_knows_where(void **state)
{
    struct test *test = *state;

    test->is_known = false;
    start(test, 0, 0);
    puppet_await(&test->puppet, &test->places, 3);
    assert_int_equal(test->opened, 0);
    test->is_known = true;
    puppet_await(&test->puppet, &test->opened, 1);
}

static void silence_closes_it_and_it_comes_back(void **state)
{
    struct test *test = *state;

    start(test, 20, 0);
    puppet_await(&test->puppet, &test->opened, 2);
    assert_int_equal(test->puppet.close_code, WS_CODE_NORMAL);
}

static void old_age_closes_it_however_lively_it_is(void **state)
{
    struct test *test = *state;

    start(test, 0, 30);
    puppet_await(&test->puppet, &test->opened, 1);
    puppet_say(&test->puppet, "hello");
    puppet_await(&test->puppet, &test->opened, 2);
    assert_int_equal(test->messages, 1);
    assert_int_equal(test->puppet.close_code, WS_CODE_NORMAL);
}

static void a_refusal_is_told_with_its_name(void **state)
{
    struct test *test = *state;

    test->puppet.refusal = "{\"BadRequestException\":\"why\"}";
    start(test, 0, 0);
    puppet_await(&test->puppet, &test->closed, 1);
    EXPECT_STR(test->exception, "BadRequestException");
    test->puppet.refusal = NULL;
    puppet_await(&test->puppet, &test->opened, 1);
}

static void a_server_that_is_away_is_dialled_until_it_is_back(void **state)
{
    struct test *test = *state;
    struct str here = test->puppet.url;

    test->puppet.url = STR("http://127.0.0.1:1");
    start(test, 0, 0);
    puppet_await(&test->puppet, &test->closed, 3);
    EXPECT_STR(test->exception, "");
    test->puppet.url = here; // another place needs another client
    puppet_await(&test->puppet, &test->opened, 1);
}

static void hung_up_it_stays_down_until_it_is_to_dial(void **state)
{
    struct test *test = *state;

    start(test, 0, 0);
    puppet_await(&test->puppet, &test->opened, 1);
    channel_hang_up(test->channel);
    puppet_await(&test->puppet, &test->closed, 1);
    puppet_settle(&test->puppet);
    assert_false(channel_is_open(test->channel));
    assert_int_equal(test->places, 1);
    channel_dial_now(test->channel);
    puppet_await(&test->puppet, &test->opened, 2);
}

static void hung_up_while_it_dials_it_never_opens(void **state)
{
    struct test *test = *state;

    start(test, 0, 0);
    puppet_await(&test->puppet, &test->places, 1);
    channel_hang_up(test->channel);
    puppet_settle(&test->puppet);
    assert_int_equal(test->opened, 0);
}

static void texts_are_sent_while_it_is_open(void **state)
{
    struct test *test = *state;

    start(test, 0, 0);
    channel_send(test->channel, STR("lost"));
    puppet_await(&test->puppet, &test->opened, 1);
    channel_send(test->channel, STR("kept"));
    puppet_await(&test->puppet, &test->puppet.messages_n, 1);
    EXPECT_STR(buf_str(&test->puppet.messages), "kept\n");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(it_dials_where_it_is_told),
        CASE(it_waits_until_it_knows_where),
        CASE(silence_closes_it_and_it_comes_back),
        CASE(old_age_closes_it_however_lively_it_is),
        CASE(a_refusal_is_told_with_its_name),
        CASE(a_server_that_is_away_is_dialled_until_it_is_back),
        CASE(hung_up_it_stays_down_until_it_is_to_dial),
        CASE(hung_up_while_it_dials_it_never_opens),
        CASE(texts_are_sent_while_it_is_open),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
