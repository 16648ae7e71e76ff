// Keys from an operator's URLs. The HTTP client, the timers and the wall clock are the test's own:
// it answers each call as a case says, and sees what is waited for.

#include "server/role_fetch.h"

#include "base/arena.h"
#include "base/mem.h"
#include "base/test.h"
#include "io/clock.h"
#include "io/loop.h"
#include "wire/http_client.h"

enum { SOURCES_MAX = 4 };

static const time_ms now = INT64_C(1800000000000); // 2027-01-15T08:00:00Z

struct http_client {
    struct http_call_options call; // the one under way
    bool is_called;
    int calls;
};

struct desk {
    struct arena arena;
    struct role_config config;
    struct role_fetch *fetch;
    struct http_client *clients[SOURCES_MAX];
    size_t clients_n;
    struct loop_timer *timers[SOURCES_MAX]; // of the client of that number
    size_t timers_n;
    int64_t waits_ms[SOURCES_MAX]; // 0: stopped
    struct str target;             // of the last call
    int changes;
};

static struct desk *the_desk;

// ---- in the place of io and wire

time_ms clock_wall_ms(void)
{
    return now;
}

void loop_timer_init(struct loop_timer *timer, struct loop *loop, loop_timer_fn *fn, void *user)
{
    (void)loop;
    *timer = (struct loop_timer){.fn = fn, .user = user};
    assert_true(the_desk->timers_n < SOURCES_MAX);
    the_desk->timers[the_desk->timers_n++] = timer;
}

static void set_wait(const struct loop_timer *timer, int64_t wait_ms)
{
    for (size_t i = 0; i < the_desk->timers_n; i++) {
        if (the_desk->timers[i] == timer)
            the_desk->waits_ms[i] = wait_ms;
    }
}

void loop_timer_start(struct loop_timer *timer, int64_t after_ms)
{
    set_wait(timer, after_ms);
}

void loop_timer_stop(struct loop_timer *timer)
{
    set_wait(timer, 0);
}

struct http_client *http_client_new(struct loop *loop, const struct http_client_config *config)
{
    struct http_client *client = mem_zalloc(sizeof *client);

    (void)loop;
    EXPECT_STR(config->target.host, "vault");
    assert_true(the_desk->clients_n < SOURCES_MAX);
    the_desk->clients[the_desk->clients_n++] = client;
    return client;
}

void http_client_free(struct http_client *client)
{
    mem_free(client);
}

struct http_call *http_client_send(struct http_client *client,
                                   const struct http_call_options *options)
{
    assert_false(client->is_called);
    client->call = *options;
    client->is_called = true;
    client->calls++;
    EXPECT_STR(options->method, "GET");
    the_desk->target = str_copy(&the_desk->arena, options->target);
    return NULL;
}

const char *http_client_outcome_text(int outcome)
{
    return outcome == 0 ? "ok" : "no answer";
}

// ---- scenery

static void changed(void *user)
{
    ((struct desk *)user)->changes++;
}

static int setup(void **state)
{
    static struct desk desk;

    desk = (struct desk){0};
    the_desk = &desk;
    *state = &desk;
    return 0;
}

static int teardown(void **state)
{
    struct desk *d = *state;

    role_fetch_free(d->fetch);
    for (size_t i = 0; i < d->timers_n; i++)
        assert_int_equal(d->waits_ms[i], 0);
    arena_deinit(&d->arena);
    return 0;
}

static void begin(struct desk *d, const char *text)
{
    struct str why = STR_NONE;

    if (role_config_parse(str_of(text), &d->arena, &d->config, &why) != 0)
        fail_msg("%.*s", STR_ARGS(why));
    d->fetch = role_fetch_new(NULL, &d->config, changed, d);
}

static void end_call(struct desk *d, size_t client, int outcome, int status, const char *body)
{
    struct http_client *to = d->clients[client];
    struct http_answer answer = {.status = status, .body = str_of(body)};

    assert_true(to->is_called);
    to->is_called = false;
    to->call.handler->on_done(to->call.user, NULL, outcome, outcome == 0 ? &answer : NULL,
                              STR_NONE);
}

static void reply(struct desk *d, int status, const char *body)
{
    end_call(d, 0, 0, status, body);
}

// The time that was waited for has come.
static void pass(struct desk *d)
{
    struct loop_timer *timer = d->timers[0];

    assert_true(d->waits_ms[0] > 0);
    d->waits_ms[0] = 0;
    timer->fn(timer->user);
}

static void expect_key(const struct desk *d, const char *key, const char *secret)
{
    struct handed_keys keys = role_fetch_get(d->fetch, 0);

    EXPECT_STR(keys.key_id, key);
    EXPECT_STR(keys.secret, secret);
}

#define ONE "[up]\nkeys-url = http://vault:8200/role/up?x=1\n"

static const char lasting[] = "{\"AccessKeyId\":\"AKIA1\",\"SecretAccessKey\":\"s1\"}";

// ---- tests

static void keys_are_fetched_at_once_and_told_of(void **state)
{
    struct desk *d = *state;
    struct handed_keys keys;

    begin(d, ONE);
    EXPECT_STR(d->target, "/role/up?x=1");
    assert_true(d->clients[0]->call.total_ms > 0);
    expect_key(d, "", "");
    reply(d, 200,
          "{\"AccessKeyId\":\"ASIA1\",\"SecretAccessKey\":\"s1\",\"Token\":\"t\","
          "\"Expiration\":\"2027-01-15T08:40:00Z\",\"RoleArn\":\"other\"}");
    expect_key(d, "ASIA1", "s1");
    keys = role_fetch_get(d->fetch, 0);
    EXPECT_STR(keys.token, "t");
    EXPECT_STR(keys.expiration, "2027-01-15T08:40:00Z");
    assert_int_equal(d->changes, 1);
}

static void they_are_asked_for_again_at_half_of_their_time(void **state)
{
    static const struct {
        const char *end;
        int64_t wait_ms;
    } cases[] = {
        {"\"2027-01-15T08:40:00Z\"", 20 * TIME_MINUTE_MS},
        {"\"2027-01-15T08:00:30Z\"", TIME_MINUTE_MS}, // not more often,
        {"\"2027-01-15T07:00:00Z\"", TIME_MINUTE_MS}, // whatever they say,
        {"\"2027-01-16T08:00:00Z\"", TIME_HOUR_MS},   // and not less often
        {"\"whenever\"", TIME_HOUR_MS},
    };
    struct desk *d = *state;

    begin(d, ONE);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        reply(d, 200,
              arena_printf(&d->arena,
                           "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s\",\"Expiration\":%s}",
                           cases[i].end));
        assert_int_equal(d->waits_ms[0], cases[i].wait_ms);
        pass(d);
    }
    assert_int_equal(d->changes, 1); // they were the same ones
}

static void a_failure_is_no_answer_and_asked_again_within_a_minute(void **state)
{
    static const struct {
        int outcome;
        int status;
        const char *body;
    } cases[] = {
        {HTTP_CLIENT_E_REFUSED, 0, ""},
        {HTTP_CLIENT_E_TIMEOUT, 0, ""},
        {HTTP_CLIENT_E_TLS, 0, ""},
        {0, 500, lasting},
        {0, 404, lasting},
        {0, 204, lasting},
        {0, 200, ""},
        {0, 200, "<html>"},
        {0, 200, "[]"},
        {0, 200, "{}"},
        {0, 200, "{\"AccessKeyId\":\"A\"}"},
        {0, 200, "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"\"}"},
        {0, 200, "{\"AccessKeyId\":7,\"SecretAccessKey\":\"s\"}"},
        {0, 200, "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s\"} and more"},
        {0, 200, "{\"Code\":\"Failed\",\"Message\":\"sealed\"}"},
    };
    struct desk *d = *state;

    begin(d, ONE);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        end_call(d, 0, cases[i].outcome, cases[i].status, cases[i].body);
        assert_int_equal(d->waits_ms[0], TIME_MINUTE_MS);
        expect_key(d, "", "");
        pass(d);
    }
    assert_int_equal(d->changes, 0);
    reply(d, 200, lasting);
    expect_key(d, "AKIA1", "s1");
    assert_int_equal(d->changes, 1);
}

static void keys_stay_while_the_url_fails(void **state)
{
    struct desk *d = *state;

    begin(d, ONE);
    reply(d, 200, lasting);
    pass(d);
    end_call(d, 0, HTTP_CLIENT_E_TIMEOUT, 0, "");
    expect_key(d, "AKIA1", "s1");
    pass(d);
    reply(d, 200, "garbage");
    expect_key(d, "AKIA1", "s1");
    pass(d);
    reply(d, 200, "{\"AccessKeyId\":\"AKIA2\",\"SecretAccessKey\":\"s2\"}");
    expect_key(d, "AKIA2", "s2");
    assert_int_equal(d->changes, 2);
}

static void each_section_has_a_url_of_its_own(void **state)
{
    struct desk *d = *state;

    begin(d, "[up]\nkeys-url = http://vault/up\n[may]\nallow = ecs:*\n"
             "[down]\nkeys-url = http://vault/down\n");
    assert_int_equal(d->clients_n, 2);
    end_call(d, 1, 0, 200, "{\"AccessKeyId\":\"AKIA3\",\"SecretAccessKey\":\"s3\"}");
    EXPECT_STR(role_fetch_get(d->fetch, 2).key_id, "AKIA3");
    expect_key(d, "", "");
    EXPECT_STR(role_fetch_get(d->fetch, 1).key_id, "");
    end_call(d, 0, 0, 503, "");
    assert_int_equal(d->waits_ms[0], TIME_MINUTE_MS);
    assert_int_equal(d->waits_ms[1], TIME_HOUR_MS);
}

static void a_new_file_forgets_what_is_under_way(void **state)
{
    struct desk *d = *state;

    begin(d, ONE);
    role_fetch_free(d->fetch); // with its client; nothing of it is called any more
    d->fetch = NULL;
    begin(d, ONE);
    end_call(d, 1, 0, 200, lasting);
    expect_key(d, "AKIA1", "s1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(keys_are_fetched_at_once_and_told_of),
        TEST(they_are_asked_for_again_at_half_of_their_time),
        TEST(a_failure_is_no_answer_and_asked_again_within_a_minute),
        TEST(keys_stay_while_the_url_fails),
        TEST(each_section_has_a_url_of_its_own),
        TEST(a_new_file_forgets_what_is_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
