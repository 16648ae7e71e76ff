#include "wire/http_server.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/test.h"
#include "base/timefmt.h"
#include "io/file.h"
#include "io/loop.h"
#include "io/socket.h"

// A server on a loop, a client that writes raw bytes, and the exchanges it was handed, in order.
enum { HELD_MAX = 32 };
struct world {
    struct loop *loop;
    struct http_server *server;
    struct socket_address address;
    struct http_server_config config;
    bool holds;  // requests wait to be answered by the test
    size_t fill; // bytes of an answer's body, besides
    struct http_exchange *held[HELD_MAX];
    size_t held_n;
    int client;
    struct buf got;
    bool eof;
    int gone;
    int idle;
};

static void echo(const struct world *world, struct http_exchange *exchange)
{
    const struct http_request *request = http_exchange_request(exchange);
    struct http_header header = {STR("X-Path"), request->path};
    struct http_response response = {
        .status = 200,
        .headers = &header,
        .headers_n = 1,
        .body = str_fmt(http_exchange_arena(exchange), "[%.*s]%*s", STR_ARGS(request->body),
                        (int)world->fill, ""),
    };

    http_reply(exchange, &response);
}

static void on_request(void *user, struct http_exchange *exchange,
                       const struct http_request *request)
{
    struct world *world = user;

    assert_ptr_equal(request, http_exchange_request(exchange));
    if (!world->holds) {
        echo(world, exchange);
        return;
    }
    assert_true(world->held_n < HELD_MAX);
    world->held[world->held_n++] = exchange;
}

static void on_refused(void *user, int status, struct str detail, struct arena *arena,
                       struct http_response *out)
{
    (void)user;
    out->body = str_fmt(arena, "{\"status\":%d,\"detail\":\"%.*s\"}", status, STR_ARGS(detail));
}

static const struct http_server_handler handler = {.on_request = on_request,
                                                   .on_refused = on_refused};

static void start(struct world *world)
{
    int fd = -1;

    assert_true(socket_address_ip(STR("127.0.0.1"), 0, &world->address));
    assert_int_equal(socket_listen(&world->address, 64, &fd), 0);
    assert_int_equal(socket_local(fd, &world->address), 0);
    world->server = http_server_new(world->loop, &world->config, &handler, world);
    assert_int_equal(http_server_listen(world->server, fd, NULL), 0);
}

static int setup(void **state)
{
    static struct world world;

    world = (struct world){.client = -1, .config = http_server_defaults};
    *state = &world;
    return loop_open(&world.loop);
}

static void answer_the_held(struct world *world)
{
    for (size_t i = 0; i < world->held_n; i++)
        echo(world, world->held[i]);
    world->held_n = 0;
}

static int teardown(void **state)
{
    struct world *world = *state;

    answer_the_held(world);
    fd_close(&world->client);
    http_server_free(world->server);
    loop_close(world->loop);
    buf_deinit(&world->got);
    return 0;
}

static void dial(struct world *world)
{
    fd_close(&world->client);
    buf_clear(&world->got);
    world->eof = false;
    assert_int_equal(socket_connect(&world->address, &world->client), 0);
}

static void take(struct world *world)
{
    while (!world->eof) {
        ssize_t n = read(world->client, buf_reserve(&world->got, 4096), 4096);
        if (n < 0 && (errno == EAGAIN || errno == ENOTCONN))
            return;
        if (n <= 0)
            world->eof = true;
        else
            buf_grew(&world->got, (size_t)n);
    }
}

// Lets the loop work until `done` says so; gives up (and so fails) after many idle rounds.
static void work_until(struct world *world, bool (*done)(const struct world *world))
{
    for (int i = 0; i < 2000 && !done(world); i++) {
        loop_run_once(world->loop, 5);
        if (world->client >= 0)
            take(world);
    }
    assert_true(done(world));
}

static bool is_eof(const struct world *world)
{
    return world->eof;
}

static void send_bytes(struct world *world, struct str bytes)
{
    while (bytes.len > 0) {
        ssize_t n = send(world->client, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (n > 0)
            bytes = str_from(bytes, (size_t)n);
        else if (errno != EAGAIN && errno != ENOTCONN)
            return; // the server has had enough
        loop_run_once(world->loop, n > 0 ? 0 : 5);
        take(world);
    }
}

// Sends it all, ends, and waits for the server's end.
static void talk(struct world *world, struct str bytes)
{
    dial(world);
    send_bytes(world, bytes);
    shutdown(world->client, SHUT_WR);
    work_until(world, is_eof);
}

static bool got_has(const struct world *world, const char *text)
{
    struct str got = buf_str(&world->got);

    return got.len > 0 && memmem(got.ptr, got.len, text, strlen(text)) != NULL;
}

static size_t count(const struct world *world, const char *text)
{
    struct str got = buf_str(&world->got);
    size_t n = 0;

    for (const char *at; got.len > 0 && (at = memmem(got.ptr, got.len, text, strlen(text))); n++)
        got = str_from(got, (size_t)(at - got.ptr) + strlen(text));
    return n;
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n"
#define POST(len) "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: " #len "\r\n"
#define OK_LINE   "HTTP/1.1 200 OK\r\n"

static void a_request_is_answered_with_the_headers_http_wants(void **state)
{
    struct world *world = *state;

    start(world);
    talk(world, STR(GET("/a?b=c") "\r\n"));
    assert_true(str_starts(buf_str(&world->got), STR(OK_LINE "Date: ")));
    assert_true(got_has(world, " GMT\r\nX-Path: /a\r\n"));
    assert_true(got_has(world, "\r\nContent-Length: 2\r\n\r\n[]"));
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    struct world *world = *state;

    start(world);
    talk(world, STR(POST(1) "\r\n1" POST(1) "\r\n2" POST(1) "\r\n3"));
    assert_true(count(world, OK_LINE) == 3);
    assert_true(str_ends(buf_str(&world->got), STR("[3]")));
}

static void a_chunked_body_is_joined(void **state)
{
    struct world *world = *state;

    start(world);
    talk(world, STR("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                    "2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"));
    assert_true(got_has(world, "[abc]"));
}

static bool three_held(const struct world *world)
{
    return world->held_n == 3;
}

static void late_answers_leave_in_the_order_of_the_requests(void **state)
{
    struct world *world = *state;

    world->holds = true;
    start(world);
    dial(world);
    send_bytes(world, STR(GET("/1") "\r\n" GET("/2") "\r\n" GET("/3") "\r\n"));
    work_until(world, three_held);
    echo(world, world->held[2]);
    echo(world, world->held[1]);
    loop_run_once(world->loop, 0);
    take(world);
    assert_true(buf_len(&world->got) == 0);
    echo(world, world->held[0]);
    world->held_n = 0;
    shutdown(world->client, SHUT_WR);
    work_until(world, is_eof);
    assert_true(count(world, OK_LINE) == 3);
    assert_true(strstr(world->got.ptr, "X-Path: /1") < strstr(world->got.ptr, "X-Path: /2"));
    assert_true(strstr(world->got.ptr, "X-Path: /2") < strstr(world->got.ptr, "X-Path: /3"));
}

static bool none_open(const struct world *world)
{
    return http_server_stats(world->server).open == 0;
}

static void a_client_that_left_may_still_be_answered(void **state)
{
    struct world *world = *state;
    struct linger reset = {.l_onoff = 1};

    world->holds = true;
    start(world);
    dial(world);
    send_bytes(world, STR(GET("/1") "\r\n" GET("/2") "\r\n" GET("/3") "\r\n"));
    work_until(world, three_held);
    setsockopt(world->client, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    fd_close(&world->client);
    work_until(world, none_open);
    EXPECT_STR(http_exchange_request(world->held[1])->path, "/2"); // still there
    answer_the_held(world);
}

static void the_server_may_be_freed_before_the_answer(void **state)
{
    struct world *world = *state;

    world->holds = true;
    start(world);
    dial(world);
    send_bytes(world, STR(GET("/1") "\r\n" GET("/2") "\r\n" GET("/3") "\r\n"));
    work_until(world, three_held);
    http_server_free(world->server);
    world->server = NULL;
    answer_the_held(world);
}

static bool many_held(const struct world *world)
{
    return world->held_n >= 2;
}

static bool twelve_answers(const struct world *world)
{
    return count(world, OK_LINE) == 12;
}

static void a_long_pipeline_waits_for_its_answers(void **state)
{
    struct world *world = *state;

    world->holds = true;
    world->config.pipeline_max = 2;
    start(world);
    dial(world);
    for (int i = 0; i < 12; i++)
        send_bytes(world, STR(GET("/") "\r\n"));
    for (int i = 0; i < 6; i++) {
        work_until(world, many_held);
        assert_true(world->held_n == 2);
        answer_the_held(world);
    }
    work_until(world, twelve_answers);
}

static bool is_accepted(const struct world *world)
{
    return http_server_stats(world->server).open == 1;
}

static bool all_big_answers(const struct world *world)
{
    return buf_len(&world->got) > 100 * world->fill && count(world, OK_LINE) == 100;
}

static void a_client_that_takes_no_answers_is_not_asked_for_more(void **state)
{
    struct world *world = *state;
    struct str request = STR(GET("/") "\r\n");

    world->fill = 256 * 1024;
    start(world);
    dial(world);
    work_until(world, is_accepted);
    for (int i = 0; i < 100; i++)
        assert_int_equal(send(world->client, request.ptr, request.len, MSG_NOSIGNAL), request.len);
    shutdown(world->client, SHUT_WR); // the rest is served all the same
    for (int i = 0; i < 100; i++)
        loop_run_once(world->loop, 1);
    assert_true(http_server_stats(world->server).requests < 60); // what the kernel takes, and one
    work_until(world, all_big_answers);
    work_until(world, is_eof);
}

static void malformed_input_is_answered_and_the_connection_ends(void **state)
{
    struct world *world = *state;

    start(world);
    dial(world);
    send_bytes(world, STR(GET("/") "\r\n" GET("/") "Bad : x\r\n\r\n" GET("/") "\r\n"));
    work_until(world, is_eof); // not by our end: by the server's
    assert_true(count(world, OK_LINE) == 1);
    assert_true(count(world, "HTTP/1.1 400 Bad Request\r\n") == 1);
    assert_true(got_has(world, "Connection: close\r\n"));
    assert_true(got_has(world, "{\"status\":400,\"detail\":\"header name is not a token\"}"));
}

static void a_body_over_the_limit_is_413(void **state)
{
    struct world *world = *state;

    world->config.body_max = 10;
    start(world);
    dial(world);
    send_bytes(world, STR(POST(11) "\r\nsome of it"));
    work_until(world, is_eof);
    assert_true(got_has(world, "HTTP/1.1 413 "));
    dial(world);
    send_bytes(world, STR("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                          "a\r\n0123456789\r\n1\r\nX\r\n0\r\n\r\n"));
    work_until(world, is_eof);
    assert_true(got_has(world, "HTTP/1.1 413 "));
    talk(world, STR(POST(10) "\r\n0123456789"));
    assert_true(got_has(world, "[0123456789]"));
}

static bool has_continue(const struct world *world)
{
    return got_has(world, "HTTP/1.1 100 Continue\r\n\r\n");
}

static void expect_continue_is_granted(void **state)
{
    struct world *world = *state;

    start(world);
    dial(world);
    send_bytes(world, STR(POST(2) "Expect: 100-continue\r\n\r\n"));
    work_until(world, has_continue);
    send_bytes(world, STR("ab"));
    shutdown(world->client, SHUT_WR);
    work_until(world, is_eof);
    assert_true(got_has(world, "[ab]"));
}

static void a_slow_head_and_a_slow_body_are_408(void **state)
{
    struct world *world = *state;

    world->config.head_ms = 20;
    world->config.body_ms = 20;
    start(world);
    dial(world);
    send_bytes(world, STR("GET / HT"));
    work_until(world, is_eof);
    assert_true(got_has(world, "HTTP/1.1 408 "));
    assert_true(got_has(world, "head not received"));
    dial(world);
    send_bytes(world, STR(POST(10) "\r\nabc"));
    work_until(world, is_eof);
    assert_true(got_has(world, "body not received"));
}

static void an_idle_connection_is_closed_silently(void **state)
{
    struct world *world = *state;

    world->config.idle_ms = 10;
    world->config.head_ms = TIME_HOUR_MS;
    start(world);
    dial(world);
    send_bytes(world, STR(GET("/") "\r\n"));
    work_until(world, is_eof);
    assert_true(count(world, "HTTP/1.1 ") == 1);
}

static void waiting_for_a_late_answer_is_not_idleness(void **state)
{
    struct world *world = *state;

    world->holds = true;
    world->config.idle_ms = world->config.head_ms = world->config.body_ms = 1;
    start(world);
    dial(world);
    send_bytes(world, STR(GET("/1") "\r\n"));
    for (int i = 0; i < 5; i++)
        loop_run_once(world->loop, 2);
    assert_true(world->held_n == 1);
    answer_the_held(world);
    work_until(world, is_eof); // now it is
    assert_true(got_has(world, OK_LINE));
}

static void one_connection_too_many_is_503(void **state)
{
    struct world *world = *state;
    FD_AUTO int other = -1;

    world->config.connections_max = 1;
    start(world);
    assert_int_equal(socket_connect(&world->address, &other), 0);
    while (http_server_stats(world->server).open == 0)
        loop_run_once(world->loop, 5);
    dial(world);
    work_until(world, is_eof);
    assert_true(got_has(world, "HTTP/1.1 503 Service Unavailable"));
    assert_true(http_server_stats(world->server).refused == 1);
}

static bool one_held(const struct world *world)
{
    return world->held_n == 1;
}

static void a_client_that_does_not_read_is_cut(void **state)
{
    struct world *world = *state;
    MEM_AUTO char *large = calloc(1, 32 * 1024 * 1024);
    struct http_response response = {.status = 200, .body = str_span(large, 32 * 1024 * 1024)};
    int client;

    world->holds = true;
    world->config.write_stall_ms = 20;
    start(world);
    dial(world);
    send_bytes(world, STR(GET("/") "\r\n"));
    work_until(world, one_held);
    http_reply(world->held[0], &response);
    world->held_n = 0;
    client = world->client;
    world->client = -1; // nobody reads
    work_until(world, none_open);
    world->client = client;
}

static void http_1_0_and_connection_close_end_the_connection(void **state)
{
    struct world *world = *state;

    start(world);
    dial(world);
    send_bytes(world, STR("GET / HTTP/1.0\r\n\r\n"));
    work_until(world, is_eof);
    assert_true(got_has(world, OK_LINE));
    dial(world);
    send_bytes(world, STR(GET("/") "Connection: close\r\n\r\n"));
    work_until(world, is_eof);
    assert_true(got_has(world, "Connection: close\r\n"));
    dial(world);
    send_bytes(world, STR("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" GET(
                          "/") "Connection: close\r\n\r\n"));
    work_until(world, is_eof);
    assert_true(count(world, OK_LINE) == 2);
}

static void head_is_answered_without_a_body(void **state)
{
    struct world *world = *state;

    start(world);
    talk(world, STR("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n"));
    assert_true(got_has(world, "Content-Length: 2\r\n"));
    assert_true(str_ends(buf_str(&world->got), STR("\r\n\r\n")));
}

static void headers_cannot_be_split_by_their_values(void **state)
{
    struct world *world = *state;
    struct http_header headers[] = {{STR("X-A"), STR("a\r\nX-Evil: 1")}, {STR("X-B"), STR("b")}};
    struct http_response response = {.status = 200, .headers = headers, .headers_n = 2};

    world->holds = true;
    start(world);
    dial(world);
    send_bytes(world, STR(GET("/") "\r\n"));
    work_until(world, one_held);
    http_reply(world->held[0], &response);
    world->held_n = 0;
    shutdown(world->client, SHUT_WR);
    work_until(world, is_eof);
    assert_true(!got_has(world, "X-Evil"));
    assert_true(got_has(world, "X-B: b\r\n"));
}

// ---- streams

static void count_gone(void *user)
{
    ((struct world *)user)->gone++;
}

static struct http_exchange *begin_stream(struct world *world, struct str request)
{
    struct http_response head = {.status = 200};

    world->holds = true;
    start(world);
    dial(world);
    send_bytes(world, request);
    work_until(world, one_held);
    world->held_n = 0;
    http_reply_start(world->held[0], &head, count_gone, NULL, world);
    return world->held[0];
}

static bool has_first(const struct world *world)
{
    return got_has(world, "5\r\nfirst\r\n");
}

static void a_stream_arrives_piece_by_piece(void **state)
{
    struct world *world = *state;
    struct http_exchange *stream = begin_stream(world, STR(GET("/") "\r\n"));

    http_reply_chunk(stream, STR("first"));
    work_until(world, has_first);
    send_bytes(world, STR(GET("/x") "\r\n")); // answered at once, but behind the stream
    work_until(world, one_held);
    answer_the_held(world);
    http_reply_chunk(stream, STR("second"));
    http_reply_end(stream);
    shutdown(world->client, SHUT_WR);
    work_until(world, is_eof);
    assert_true(got_has(world, "Transfer-Encoding: chunked\r\n"));
    assert_true(got_has(world, "6\r\nsecond\r\n0\r\n\r\n" OK_LINE));
    assert_true(world->gone == 0);
}

static bool is_gone(const struct world *world)
{
    return world->gone > 0;
}

static void a_stream_learns_that_its_client_left(void **state)
{
    struct world *world = *state;
    struct http_exchange *stream = begin_stream(world, STR(GET("/") "\r\n"));

    http_reply_chunk(stream, STR("first"));
    work_until(world, has_first);
    fd_close(&world->client);
    work_until(world, is_gone);
    http_reply_chunk(stream, STR("lost"));
    http_reply_end(stream);
    work_until(world, none_open);
    assert_true(world->gone == 1);
}

static void a_stream_learns_it_also_when_nothing_more_is_read(void **state)
{
    struct world *world = *state;
    struct http_exchange *stream;

    world->config.pipeline_max = 1;
    stream = begin_stream(world, STR(GET("/") "\r\n"));
    shutdown(world->client, SHUT_WR);
    work_until(world, is_gone);
    http_reply_end(stream);
    work_until(world, none_open);
}

static void a_stream_that_begins_too_late_is_told_so(void **state)
{
    struct world *world = *state;
    struct http_response head = {.status = 200};

    world->holds = true;
    start(world);
    dial(world);
    send_bytes(world, STR(GET("/") "\r\n"));
    work_until(world, one_held);
    http_server_free(world->server);
    world->server = NULL;
    http_reply_start(world->held[0], &head, count_gone, NULL, world);
    assert_true(world->gone == 0);
    fd_close(&world->client);
    work_until(world, is_gone);
    http_reply_end(world->held[0]);
    world->held_n = 0;
}

static void a_broken_stream_is_seen_to_be_broken(void **state)
{
    struct world *world = *state;
    struct http_exchange *stream = begin_stream(world, STR(GET("/") "\r\n"));

    http_reply_chunk(stream, STR("first"));
    work_until(world, has_first);
    http_reply_cut(stream);
    work_until(world, is_eof);
    assert_true(!got_has(world, "\r\n0\r\n"));
}

// ---- storms

static void a_connection_cut_at_any_byte_harms_nobody(void **state)
{
    static const char text[] = POST(5) "\r\nhello" GET(
        "/") "\r\n"
             "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
             "2\r\nab\r\n0\r\n\r\n";
    struct world *world = *state;

    start(world);
    for (size_t len = 0; len < sizeof text - 1; len++) {
        dial(world);
        send_bytes(world, str_span(text, len));
        fd_close(&world->client);
        world->holds = !world->holds; // some are answered after the cut
        loop_run_once(world->loop, 0);
        answer_the_held(world);
    }
    answer_the_held(world);
    work_until(world, none_open);
    world->holds = false;
    talk(world, STR(GET("/alive") "\r\n"));
    assert_true(got_has(world, "X-Path: /alive"));
}

static void input_byte_by_byte_is_the_same_input(void **state)
{
    static const char text[] = POST(5) "\r\nhello" GET("/") "\r\n";
    struct world *world = *state;

    start(world);
    dial(world);
    for (size_t i = 0; i < sizeof text - 1; i++)
        send_bytes(world, str_span(text + i, 1));
    shutdown(world->client, SHUT_WR);
    work_until(world, is_eof);
    assert_true(count(world, OK_LINE) == 2);
}

static void note_idle(void *user)
{
    ((struct world *)user)->idle++;
}

static bool is_idle(const struct world *world)
{
    return world->idle > 0;
}

static void draining_waits_for_the_busy_and_closes_the_idle(void **state)
{
    struct world *world = *state;
    FD_AUTO int idle = -1;

    world->holds = true;
    start(world);
    assert_int_equal(socket_connect(&world->address, &idle), 0);
    dial(world);
    send_bytes(world, STR(GET("/1") "\r\n"));
    work_until(world, one_held);
    http_server_drain(world->server, note_idle, world);
    for (int i = 0; i < 3; i++)
        loop_run_once(world->loop, 1);
    assert_true(world->idle == 0);
    answer_the_held(world);
    work_until(world, is_eof);
    assert_true(got_has(world, "Connection: close\r\n"));
    fd_close(&world->client);
    fd_close(&idle);
    work_until(world, is_idle);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_request_is_answered_with_the_headers_http_wants),
        CASE(pipelined_requests_are_answered_in_order),
        CASE(a_chunked_body_is_joined),
        CASE(late_answers_leave_in_the_order_of_the_requests),
        CASE(a_client_that_left_may_still_be_answered),
        CASE(the_server_may_be_freed_before_the_answer),
        CASE(a_long_pipeline_waits_for_its_answers),
        CASE(a_client_that_takes_no_answers_is_not_asked_for_more),
        CASE(malformed_input_is_answered_and_the_connection_ends),
        CASE(a_body_over_the_limit_is_413),
        CASE(expect_continue_is_granted),
        CASE(a_slow_head_and_a_slow_body_are_408),
        CASE(an_idle_connection_is_closed_silently),
        CASE(waiting_for_a_late_answer_is_not_idleness),
        CASE(one_connection_too_many_is_503),
        CASE(a_client_that_does_not_read_is_cut),
        CASE(http_1_0_and_connection_close_end_the_connection),
        CASE(head_is_answered_without_a_body),
        CASE(headers_cannot_be_split_by_their_values),
        CASE(a_stream_arrives_piece_by_piece),
        CASE(a_stream_learns_that_its_client_left),
        CASE(a_stream_learns_it_also_when_nothing_more_is_read),
        CASE(a_stream_that_begins_too_late_is_told_so),
        CASE(a_broken_stream_is_seen_to_be_broken),
        CASE(a_connection_cut_at_any_byte_harms_nobody),
        CASE(input_byte_by_byte_is_the_same_input),
        CASE(draining_waits_for_the_busy_and_closes_the_idle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
