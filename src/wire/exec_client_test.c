// The client's end against the server's, over a wire that loses, repeats and reorders.

#include "wire/exec_client.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/test.h"
#include "wire/crypto.h"
#include "wire/exec_channel.h"

enum { FLIGHT_MAX = 256, START = 1000000, TEXT = 20000 };

struct flight {
    bool to_client;
    struct buf frame;
};

struct world {
    struct crypto *crypto;
    struct rng rng;
    struct arena arena;
    struct exec_client *client;
    struct exec_channel *channel;
    time_ms now;
    uint64_t bad; // one frame in so many is lost, another repeated, another late; 0: none
    struct flight flights[FLIGHT_MAX];
    int flights_n;
    struct buf typed;
    struct buf screen;
    struct buf errors;
    struct buf farewell;
    int ready;
    int input_ends;
    int hung_up;
    int over;
    int closed;
    int32_t code;
    int32_t columns;
};

static void fly(struct world *w, bool to_client, struct str frame)
{
    if (w->flights_n == FLIGHT_MAX)
        return; // lost, then
    w->flights[w->flights_n] = (struct flight){.to_client = to_client};
    buf_add_str(&w->flights[w->flights_n++].frame, frame);
}

static void server_sends(void *user, struct str frame)
{
    fly(user, true, frame);
}

static void client_sends(void *user, struct str frame)
{
    fly(user, false, frame);
}

static void on_begin(void *user)
{
    (void)user;
}

static void on_input(void *user, struct str bytes)
{
    buf_add_str(&((struct world *)user)->typed, bytes);
}

static void on_resize(void *user, int32_t columns, int32_t rows)
{
    (void)rows;
    ((struct world *)user)->columns = columns;
}

static void on_input_end(void *user)
{
    ((struct world *)user)->input_ends++;
}

static void on_hang_up(void *user)
{
    ((struct world *)user)->hung_up++;
}

static void on_over(void *user)
{
    ((struct world *)user)->over++;
}

static void on_ready(void *user)
{
    ((struct world *)user)->ready++;
}

static void on_output(void *user, struct str bytes, bool is_error)
{
    struct world *w = user;

    buf_add_str(is_error ? &w->errors : &w->screen, bytes);
}

static void on_exit_code(void *user, int32_t code)
{
    ((struct world *)user)->code = code;
}

static void on_closed(void *user, struct str message)
{
    struct world *w = user;

    w->closed++;
    buf_add_str(&w->farewell, message);
}

static struct exec_host host = {
    .send = server_sends,
    .begin = on_begin,
    .input = on_input,
    .resize = on_resize,
    .input_end = on_input_end,
    .hang_up = on_hang_up,
    .over = on_over,
};

static struct exec_client_host client_host = {
    .send = client_sends,
    .ready = on_ready,
    .output = on_output,
    .exit_code = on_exit_code,
    .closed = on_closed,
};

static int setup(void **state)
{
    struct world *w = mem_zalloc(sizeof *w);

    w->crypto = crypto_new();
    rng_init(&w->rng, 1);
    w->now = START;
    w->code = -1;
    host.user = w;
    client_host.user = w;
    w->channel = exec_channel_new(&host, w->crypto, &w->rng, STR("session"));
    w->client = exec_client_new(&client_host, w->crypto, &w->rng);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    exec_channel_free(w->channel);
    exec_client_free(w->client);
    for (int i = 0; i < FLIGHT_MAX; i++)
        buf_deinit(&w->flights[i].frame);
    buf_deinit(&w->typed);
    buf_deinit(&w->screen);
    buf_deinit(&w->errors);
    buf_deinit(&w->farewell);
    crypto_free(w->crypto);
    arena_deinit(&w->arena);
    mem_free(w);
    return 0;
}

static bool mishap(struct world *w)
{
    return w->bad > 0 && rng_below(&w->rng, w->bad) == 0;
}

// One frame arrives, in order unless the wire is bad.
static void deliver(struct world *w)
{
    int at = mishap(w) ? (int)rng_below(&w->rng, (uint64_t)w->flights_n) : 0;
    struct flight flight = w->flights[at];

    w->flights_n--;
    memmove(&w->flights[at], &w->flights[at + 1], (size_t)(w->flights_n - at) * sizeof flight);
    w->flights[w->flights_n] = (struct flight){0};
    if (mishap(w)) {
        buf_deinit(&flight.frame);
        return;
    }
    for (int times = mishap(w) ? 2 : 1; times > 0; times--) {
        if (flight.to_client)
            exec_client_take(w->client, buf_str(&flight.frame), w->now);
        else
            exec_channel_take(w->channel, buf_str(&flight.frame), w->now);
    }
    buf_deinit(&flight.frame);
}

static void settle(struct world *w)
{
    for (int i = 0; i < 20000; i++) {
        while (w->flights_n > 0)
            deliver(w);
        w->now += 10;
        exec_channel_tick(w->channel, w->now);
        exec_client_tick(w->client, w->now);
        if (w->flights_n == 0 && exec_channel_pending(w->channel) == 0 &&
            exec_client_pending(w->client) == 0)
            return;
    }
    fail();
}

static void begin(struct world *w)
{
    exec_client_attach(w->client, w->now);
    exec_channel_attach(w->channel, STR("client"), w->now);
    settle(w);
    assert_int_equal(w->ready, 1);
}

static void drop_flights(struct world *w)
{
    while (w->flights_n > 0)
        buf_deinit(&w->flights[--w->flights_n].frame);
}

static void a_session_is_opened_used_and_ended(void **state)
{
    struct world *w = *state;

    begin(w);
    exec_client_size(w->client, 132, 43, w->now);
    exec_client_input(w->client, STR("ls\r"), w->now);
    exec_channel_output(w->channel, STR("bin etc"), w->now);
    exec_channel_error_output(w->channel, STR("oops"), w->now);
    exec_client_input_end(w->client, w->now);
    settle(w);
    EXPECT_STR(buf_str(&w->typed), "ls\r");
    EXPECT_STR(buf_str(&w->screen), "bin etc");
    EXPECT_STR(buf_str(&w->errors), "oops");
    assert_int_equal(w->columns, 132);
    assert_int_equal(w->input_ends, 1);
    exec_channel_exit_code(w->channel, 3, w->now);
    exec_channel_close(w->channel, STR("bye"), w->now);
    settle(w);
    assert_int_equal(w->code, 3);
    assert_int_equal(w->over, 1);
    assert_int_equal(w->closed, 1);
    EXPECT_STR(buf_str(&w->farewell), "bye");
}

static void the_hello_says_what_the_client_can(void **state)
{
    struct world *w = *state;
    struct str hello = exec_client_hello(w->client, STR("secret"), false, &w->arena);

    assert_non_null(strstr(hello.ptr, "\"TokenValue\":\"secret\""));
    assert_non_null(strstr(hello.ptr, "\"Gantry\":{\"exitCode\":true,\"terminal\":false}"));
}

static void the_client_may_ask_for_the_end(void **state)
{
    struct world *w = *state;

    begin(w);
    exec_client_terminate(w->client, w->now);
    settle(w);
    assert_int_equal(w->hung_up, 1);
}

static struct str story(struct world *w, char seed)
{
    char *text = arena_alloc(&w->arena, TEXT);

    for (int i = 0; i < TEXT; i++)
        text[i] = (char)('a' + (seed + i * 7 + i / 26) % 26);
    return str_span(text, TEXT);
}

static void a_bad_wire_loses_doubles_and_mixes_nothing(void **state)
{
    struct world *w = *state;
    struct str down = story(w, 1);
    struct str up = story(w, 2);

    w->bad = 5;
    begin(w);
    for (size_t at = 0; at < TEXT; at += 500) {
        exec_channel_output(w->channel, str_take(str_from(down, at), 500), w->now);
        exec_client_input(w->client, str_take(str_from(up, at), 500), w->now);
        if (at % 4000 == 0)
            settle(w);
    }
    settle(w);
    EXPECT_STR(buf_str(&w->screen), str_cstr(&w->arena, down));
    EXPECT_STR(buf_str(&w->typed), str_cstr(&w->arena, up));
}

static void both_go_on_after_the_wire_was_cut(void **state)
{
    struct world *w = *state;

    begin(w);
    exec_client_input(w->client, STR("one "), w->now);
    exec_channel_output(w->channel, STR("eins "), w->now);
    drop_flights(w);
    exec_client_detach(w->client);
    exec_channel_detach(w->channel);
    exec_client_input(w->client, STR("two"), w->now);
    exec_channel_output(w->channel, STR("zwei"), w->now);
    exec_client_attach(w->client, w->now);
    exec_channel_attach(w->channel, STR("client"), w->now);
    settle(w);
    EXPECT_STR(buf_str(&w->typed), "one two");
    EXPECT_STR(buf_str(&w->screen), "eins zwei");
}

#define CLIENT_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLIENT_TEST(a_session_is_opened_used_and_ended),
        CLIENT_TEST(the_hello_says_what_the_client_can),
        CLIENT_TEST(the_client_may_ask_for_the_end),
        CLIENT_TEST(a_bad_wire_loses_doubles_and_mixes_nothing),
        CLIENT_TEST(both_go_on_after_the_wire_was_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
