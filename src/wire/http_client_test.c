#include "wire/http_client.h"

#include "base/mem.h"
#include "base/timefmt.h"
#include "wire/conn.h"
#include "wire/wire_world.h"

// The server does what the path says; the client's results are noted here.
struct test {
    struct wire_world world;
    struct http_exchange *stream;
    int requests;
    int dones;
    int pieces;
    int gone;
    int outcome;
    int status;
    struct buf body;
    struct buf detail;
    bool cancels;
    bool pauses;
    struct http_call *call;
};

static void note_gone(void *user)
{
    ((struct test *)user)->gone++;
}

static void on_request(void *user, struct http_exchange *exchange,
                       const struct http_request *request)
{
    struct test *test = user;
    struct http_response response = {.status = 200, .body = request->body};

    test->requests++;
    if (str_eq(request->path, STR("/silent")) || str_eq(request->path, STR("/stream"))) {
        http_reply_start(exchange, &response, note_gone, NULL, test);
        test->stream = exchange;
    } else if (str_eq(request->path, STR("/missing"))) {
        response.status = 404;
        response.body = STR("not here");
        http_reply(exchange, &response);
    } else if (str_eq(request->path, STR("/large"))) {
        response.body = str_span(arena_alloc(http_exchange_arena(exchange), 300000), 300000);
        http_reply(exchange, &response);
    } else if (str_eq(request->path, STR("/none"))) {
        response.status = 204;
        http_reply(exchange, &response);
    } else {
        http_reply(exchange, &response);
    }
}

static const struct http_server_handler server_handler = {.on_request = on_request};

static void on_done(void *user, struct http_call *call, int outcome,
                    const struct http_answer *answer, struct str detail)
{
    struct test *test = user;

    (void)call;
    test->dones++;
    test->outcome = outcome;
    test->status = answer != NULL ? answer->status : 0;
    buf_clear(&test->detail);
    buf_add_str(&test->detail, detail);
    if (answer != NULL)
        buf_add_str(&test->body, answer->body);
}

static void on_body(void *user, struct http_call *call, struct str piece)
{
    struct test *test = user;

    test->pieces++;
    buf_add_str(&test->body, piece);
    if (test->cancels)
        http_call_cancel(call);
    if (test->pauses)
        http_call_pause(call);
}

static const struct http_call_handler whole = {.on_done = on_done};
static const struct http_call_handler streaming = {.on_done = on_done, .on_body = on_body};

static int setup(void **state)
{
    static struct test test;

    test = (struct test){0};
    *state = &test;
    if (loop_open(&test.world.loop) != 0)
        return -1;
    world_listen(&test.world, &server_handler, &test, NULL);
    world_dial(&test.world, "http", NULL);
    return 0;
}

static int teardown(void **state)
{
    struct test *test = *state;

    if (test->stream != NULL)
        http_reply_cut(test->stream);
    world_close(&test->world);
    buf_deinit(&test->body);
    buf_deinit(&test->detail);
    return 0;
}

static void send_call(struct test *test, struct http_call_options options)
{
    if (options.handler == NULL)
        options.handler = &whole;
    if (options.method.len == 0)
        options.method = STR("GET");
    options.user = test;
    buf_clear(&test->body);
    test->call = http_client_send(test->world.client, &options);
}

static void call_and_wait(struct test *test, struct http_call_options options)
{
    int before = test->dones;

    send_call(test, options);
    assert_int_equal(test->dones, before); // never from inside
    WAIT_FOR(&test->world, test->dones, before + 1);
}

static void a_reply_comes_back_whole(void **state)
{
    struct test *test = *state;

    call_and_wait(test, (struct http_call_options){
                            .method = STR("POST"), .target = STR("/echo"), .body = STR("hello")});
    assert_int_equal(test->outcome, 0);
    assert_int_equal(test->status, 200);
    EXPECT_STR(buf_str(&test->body), "hello");
    call_and_wait(test, (struct http_call_options){.target = STR("/missing")});
    assert_int_equal(test->outcome, 0);
    assert_int_equal(test->status, 404);
    EXPECT_STR(buf_str(&test->body), "not here");
}

static void replies_without_a_body_end_too(void **state)
{
    struct test *test = *state;

    call_and_wait(test, (struct http_call_options){.method = STR("HEAD"), .target = STR("/large")});
    assert_int_equal(test->status, 200);
    assert_int_equal(buf_len(&test->body), 0);
    call_and_wait(test, (struct http_call_options){.target = STR("/none")});
    assert_int_equal(test->status, 204);
}

static void connections_are_kept_and_used_again(void **state)
{
    struct test *test = *state;

    for (int i = 0; i < 10; i++)
        call_and_wait(test, (struct http_call_options){.target = STR("/echo")});
    assert_int_equal(http_server_stats(test->world.server).accepted, 1);
    for (int i = 0; i < 8; i++)
        send_call(test, (struct http_call_options){.target = STR("/echo")});
    WAIT_FOR(&test->world, test->dones, 18);
    assert_int_equal(http_server_stats(test->world.server).accepted, 8);
}

static void a_kept_connection_that_died_is_replaced(void **state)
{
    struct test *test = *state;
    int fd = -1;

    call_and_wait(test, (struct http_call_options){.target = STR("/echo")});
    http_server_free(test->world.server);
    assert_int_equal(socket_listen(&test->world.address, 8, &fd), 0);
    test->world.server = http_server_new(test->world.loop, NULL, &server_handler, test);
    assert_int_equal(http_server_listen(test->world.server, fd, NULL), 0);
    call_and_wait(test, (struct http_call_options){.target = STR("/echo")});
    assert_int_equal(test->outcome, 0);
}

static void a_body_over_the_limit_is_too_large(void **state)
{
    struct test *test = *state;

    call_and_wait(test, (struct http_call_options){.target = STR("/large"), .body_max = 1000});
    assert_int_equal(test->outcome, HTTP_CLIENT_E_TOO_LARGE);
    call_and_wait(test, (struct http_call_options){.target = STR("/large"), .body_max = 300000});
    assert_int_equal(test->outcome, 0);
    assert_int_equal(buf_len(&test->body), 300000);
}

static void deadlines_end_a_call(void **state)
{
    struct test *test = *state;

    call_and_wait(test, (struct http_call_options){.target = STR("/silent"), .total_ms = 10});
    assert_int_equal(test->outcome, HTTP_CLIENT_E_TIMEOUT);
    WAIT_FOR(&test->world, test->gone, 1); // the server learns of it
    http_reply_cut(test->stream);
    test->stream = NULL;
    call_and_wait(test, (struct http_call_options){.target = STR("/silent"), .idle_ms = 10});
    assert_int_equal(test->outcome, HTTP_CLIENT_E_TIMEOUT);
}

static void nobody_listening_is_refused(void **state)
{
    struct test *test = *state;

    http_server_free(test->world.server);
    test->world.server = NULL;
    call_and_wait(test, (struct http_call_options){.target = STR("/")});
    assert_int_equal(test->outcome, HTTP_CLIENT_E_REFUSED);
    assert_int_equal(test->status, 0);
    EXPECT_STR(buf_str(&test->detail), "connection refused");
}

static void a_stream_is_told_piece_by_piece(void **state)
{
    struct test *test = *state;

    send_call(test, (struct http_call_options){.target = STR("/stream"), .handler = &streaming});
    WAIT_FOR(&test->world, test->requests, 1);
    http_reply_chunk(test->stream, STR("one "));
    WAIT_FOR(&test->world, test->pieces, 1);
    http_reply_chunk(test->stream, STR("two"));
    http_reply_end(test->stream);
    test->stream = NULL;
    WAIT_FOR(&test->world, test->dones, 1);
    assert_int_equal(test->outcome, 0);
    EXPECT_STR(buf_str(&test->body), "one two");
}

static void a_paused_stream_waits(void **state)
{
    struct test *test = *state;

    send_call(test, (struct http_call_options){.target = STR("/stream"), .handler = &streaming});
    WAIT_FOR(&test->world, test->requests, 1);
    http_call_pause(test->call);
    http_reply_chunk(test->stream, STR("one"));
    http_reply_end(test->stream);
    test->stream = NULL;
    for (int i = 0; i < 10; i++)
        loop_run_once(test->world.loop, 1);
    assert_int_equal(test->pieces, 0);
    http_call_resume(test->call);
    WAIT_FOR(&test->world, test->dones, 1);
    EXPECT_STR(buf_str(&test->body), "one");
}

static void a_pause_at_the_last_byte_holds_the_end_back(void **state)
{
    struct test *test = *state;

    test->pauses = true;
    send_call(test, (struct http_call_options){.method = STR("POST"),
                                               .target = STR("/echo"),
                                               .body = STR("hello"),
                                               .handler = &streaming});
    WAIT_FOR(&test->world, test->pieces, 1);
    for (int i = 0; i < 10; i++)
        loop_run_once(test->world.loop, 1);
    assert_int_equal(test->dones, 0);
    http_call_resume(test->call);
    WAIT_FOR(&test->world, test->dones, 1);
    EXPECT_STR(buf_str(&test->body), "hello");
}

static void a_broken_stream_is_closed_not_done(void **state)
{
    struct test *test = *state;

    send_call(test, (struct http_call_options){.target = STR("/stream"), .handler = &streaming});
    WAIT_FOR(&test->world, test->requests, 1);
    http_reply_chunk(test->stream, STR("one"));
    WAIT_FOR(&test->world, test->pieces, 1);
    http_reply_cut(test->stream);
    test->stream = NULL;
    WAIT_FOR(&test->world, test->dones, 1);
    assert_int_equal(test->outcome, HTTP_CLIENT_E_CLOSED);
}

static void a_call_may_be_cancelled_anywhere(void **state)
{
    struct test *test = *state;

    send_call(test, (struct http_call_options){.target = STR("/echo")});
    http_call_cancel(test->call); // before anything
    test->cancels = true;         // and from inside its own handler
    send_call(test, (struct http_call_options){.target = STR("/stream"), .handler = &streaming});
    WAIT_FOR(&test->world, test->requests, 1);
    http_reply_chunk(test->stream, STR("one"));
    WAIT_FOR(&test->world, test->pieces, 1);
    WAIT_FOR(&test->world, test->gone, 1);
    assert_int_equal(test->dones, 0);
}

// A peer of raw bytes, for what our server would never send.
static int raw_answer(struct test *test, struct str bytes)
{
    struct socket_address peer;
    struct http_client_config config = {.target.scheme = URI_UNIX};
    char folder[] = "/tmp/http_client_test.XXXXXX";
    char request[512];
    FD_AUTO int listener = -1, fd = -1;
    struct http_client *client;
    struct http_call_options options = {
        .method = STR("GET"), .target = STR("/"), .handler = &whole, .user = test};

    assert_non_null(mkdtemp(folder));
    config.target.unix_path = str_fmt(&test->world.arena, "%s/s", folder);
    assert_true(socket_address_unix(config.target.unix_path, &peer));
    assert_int_equal(socket_listen(&peer, 1, &listener), 0);
    client = http_client_new(test->world.loop, &config);
    http_client_send(client, &options);
    while (socket_accept(listener, &fd, &peer) != 0)
        loop_run_once(test->world.loop, 1);
    while (read(fd, request, sizeof request) <=
           0) // left unread, it would turn our end into a reset
        loop_run_once(test->world.loop, 1);
    assert_int_equal(write(fd, bytes.ptr, bytes.len), bytes.len);
    fd_close(&fd);
    WAIT_FOR(&test->world, test->dones, 1);
    test->dones = 0;
    http_client_free(client);
    unlink(str_cstr(&test->world.arena, config.target.unix_path));
    rmdir(folder);
    return test->outcome;
}

static void odd_replies_are_told_apart(void **state)
{
    struct test *test = *state;

    assert_int_equal(raw_answer(test, STR("HTTP/1.1 200 OK\r\n\r\nto the end")), 0);
    EXPECT_STR(buf_str(&test->body), "to the end");
    assert_int_equal(raw_answer(test, STR("HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 204 No\r\n\r\n")), 0);
    assert_int_equal(test->status, 204);
    assert_int_equal(raw_answer(test, STR("garbage")), HTTP_CLIENT_E_PROTOCOL);
    assert_int_equal(raw_answer(test, STR("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc")),
                     HTTP_CLIENT_E_CLOSED);
    assert_int_equal(raw_answer(test, STR("HTTP/1.1 101 Up\r\nConnection: Upgrade\r\n"
                                          "Upgrade: x\r\n\r\n")),
                     HTTP_CLIENT_E_PROTOCOL);
    assert_int_equal(raw_answer(test, STR("")), HTTP_CLIENT_E_CLOSED);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_reply_comes_back_whole),
        CASE(replies_without_a_body_end_too),
        CASE(connections_are_kept_and_used_again),
        CASE(a_kept_connection_that_died_is_replaced),
        CASE(a_body_over_the_limit_is_too_large),
        CASE(deadlines_end_a_call),
        CASE(nobody_listening_is_refused),
        CASE(a_stream_is_told_piece_by_piece),
        CASE(a_paused_stream_waits),
        CASE(a_pause_at_the_last_byte_holds_the_end_back),
        CASE(a_broken_stream_is_closed_not_done),
        CASE(a_call_may_be_cancelled_anywhere),
        CASE(odd_replies_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
