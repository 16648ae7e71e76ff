#include "wire/ws.h"

#include <sys/socket.h>

#include "base/mem.h"
#include "wire/wire_world.h"

// Both ends of one websocket; every message the server gets is sent back.
struct side {
    struct ws *ws;
    struct buf got;
    int messages;
    int texts;
    int pongs;
    int closes;
    int code;
    struct buf reason;
    bool aborts;
};

struct test {
    struct wire_world world;
    struct side server;
    struct side client;
    struct ws_options server_options;
    struct ws_options client_options;
    int accept_outcome;
    int failures;
    int failed_outcome;
    int failed_status;
    bool refuses;
    int fd; // a raw client
    struct buf raw;
};

static void on_message(void *user, struct str bytes, bool is_text)
{
    struct side *side = user;

    side->messages++;
    side->texts += is_text;
    buf_clear(&side->got);
    buf_add_str(&side->got, bytes);
    if (side->aborts) {
        ws_abort(side->ws);
        side->ws = NULL;
    }
}

static void on_server_message(void *user, struct str bytes, bool is_text)
{
    struct side *side = user;

    on_message(user, bytes, is_text);
    if (side->ws != NULL)
        assert_int_equal(is_text ? ws_send_text(side->ws, bytes) : ws_send_binary(side->ws, bytes),
                         0);
}

static void on_pong(void *user)
{
    ((struct side *)user)->pongs++;
}

static void on_close(void *user, int code, struct str reason)
{
    struct side *side = user;

    side->ws = NULL;
    side->closes++;
    side->code = code;
    buf_add_str(&side->reason, reason);
}

static const struct ws_handler server_ws_handler = {
    .on_message = on_server_message, .on_pong = on_pong, .on_close = on_close};
static const struct ws_handler client_ws_handler = {
    .on_message = on_message, .on_pong = on_pong, .on_close = on_close};

static void on_request(void *user, struct http_exchange *exchange,
                       const struct http_request *request)
{
    struct test *test = user;
    struct http_response refusal = {.status = 400, .body = STR("{\"X\":\"no\"}")};

    (void)request;
    test->accept_outcome = WS_E_NOT_HANDSHAKE;
    if (!test->refuses)
        test->accept_outcome = ws_accept(exchange, &test->server_options, &test->server.ws);
    if (test->accept_outcome != 0)
        http_reply(exchange, &refusal);
}

static const struct http_server_handler http_handler = {.on_request = on_request};

static void on_open(void *user, struct ws *ws)
{
    ((struct test *)user)->client.ws = ws;
}

static void on_failed(void *user, int outcome, const struct http_answer *answer, struct str detail)
{
    struct test *test = user;

    (void)detail;
    test->failures++;
    test->failed_outcome = outcome;
    test->failed_status = answer != NULL ? answer->status : 0;
}

static const struct ws_dial_handler dial_handler = {.on_open = on_open, .on_failed = on_failed};

static int setup(void **state)
{
    static struct test test;

    test = (struct test){.fd = -1};
    *state = &test;
    if (loop_open(&test.world.loop) != 0)
        return -1;
    test.server_options = (struct ws_options){.handler = &server_ws_handler, .user = &test.server};
    test.client_options = (struct ws_options){.handler = &client_ws_handler, .user = &test.client};
    world_listen(&test.world, &http_handler, &test, NULL);
    world_dial(&test.world, "http", NULL);
    return 0;
}

static int teardown(void **state)
{
    struct test *test = *state;

    ws_abort(test->client.ws);
    ws_abort(test->server.ws);
    fd_close(&test->fd);
    world_close(&test->world);
    buf_deinit(&test->client.got);
    buf_deinit(&test->server.got);
    buf_deinit(&test->client.reason);
    buf_deinit(&test->server.reason);
    buf_deinit(&test->raw);
    return 0;
}

static struct ws_dial *dial(struct test *test)
{
    struct http_header header = {STR("Authorization"), STR("AWS4-HMAC-SHA256 x")};
    struct ws_dial_options options = {.target = STR("/ws?a=b"),
                                      .headers = &header,
                                      .headers_n = 1,
                                      .ws = test->client_options,
                                      .handler = &dial_handler,
                                      .user = test};

    return ws_dial(test->world.client, &options);
}

static void run(struct test *test, int rounds)
{
    for (int i = 0; i < rounds; i++)
        loop_run_once(test->world.loop, 1);
}

static void connect_both(struct test *test)
{
    dial(test);
    for (int i = 0; i < 2000 && (test->client.ws == NULL || test->server.ws == NULL); i++)
        loop_run_once(test->world.loop, 5);
    assert_non_null(test->client.ws);
    assert_non_null(test->server.ws);
}

static void text_and_bytes_are_echoed(void **state)
{
    struct test *test = *state;

    connect_both(test);
    assert_int_equal(ws_send_text(test->client.ws, STR("hello")), 0);
    WAIT_FOR(&test->world, test->client.messages, 1);
    EXPECT_STR(buf_str(&test->client.got), "hello");
    assert_int_equal(test->client.texts, 1);
    assert_int_equal(ws_send_binary(test->client.ws, STR("\0\1\2")), 0);
    WAIT_FOR(&test->world, test->client.messages, 2);
    assert_memory_equal(test->client.got.ptr, "\0\1\2", 3);
    assert_int_equal(test->client.texts, 1);
}

static void a_large_message_arrives_whole(void **state)
{
    struct test *test = *state;
    char *large = arena_alloc(&test->world.arena, 1000000);

    memset(large, 'x', 1000000);
    connect_both(test);
    assert_int_equal(ws_send_text(test->client.ws, str_span(large, 1000000)), 0);
    WAIT_FOR(&test->world, test->client.messages, 1);
    assert_int_equal(buf_len(&test->client.got), 1000000);
}

static void a_message_over_the_limit_ends_with_1009(void **state)
{
    struct test *test = *state;

    test->server_options.message_max = 10;
    connect_both(test);
    assert_int_equal(ws_send_text(test->client.ws, STR("0123456789")), 0);
    WAIT_FOR(&test->world, test->client.messages, 1);
    assert_int_equal(ws_send_text(test->client.ws, STR("0123456789X")), 0);
    WAIT_FOR(&test->world, test->client.closes, 1);
    WAIT_FOR(&test->world, test->server.closes, 1);
    assert_int_equal(test->server.code, WS_CODE_TOO_BIG);
    assert_int_equal(test->client.code, WS_CODE_TOO_BIG);
}

static void pings_are_answered(void **state)
{
    struct test *test = *state;

    connect_both(test);
    assert_int_equal(ws_send_ping(test->client.ws), 0);
    WAIT_FOR(&test->world, test->client.pongs, 1);
    assert_int_equal(ws_send_ping(test->server.ws), 0);
    WAIT_FOR(&test->world, test->server.pongs, 1);
}

static void a_close_is_answered_and_told_to_both(void **state)
{
    struct test *test = *state;

    connect_both(test);
    ws_close(test->client.ws, WS_CODE_NORMAL, STR("ConnectionExpired: Reconnect to continue"));
    ws_close(test->client.ws, WS_CODE_POLICY, STR("too late"));
    assert_int_equal(ws_send_text(test->client.ws, STR("x")), WS_SEND_E_CLOSED);
    WAIT_FOR(&test->world, test->client.closes, 1);
    WAIT_FOR(&test->world, test->server.closes, 1);
    assert_int_equal(test->server.code, WS_CODE_NORMAL);
    EXPECT_STR(buf_str(&test->server.reason), "ConnectionExpired: Reconnect to continue");
    assert_int_equal(test->client.code, WS_CODE_NORMAL);
}

static void the_server_may_close_with_a_policy_code(void **state)
{
    struct test *test = *state;

    connect_both(test);
    ws_close(test->server.ws, WS_CODE_POLICY, STR("replaced"));
    WAIT_FOR(&test->world, test->client.closes, 1);
    assert_int_equal(test->client.code, WS_CODE_POLICY);
    EXPECT_STR(buf_str(&test->client.reason), "replaced");
}

static void a_lost_connection_is_1006(void **state)
{
    struct test *test = *state;

    connect_both(test);
    ws_abort(test->client.ws);
    test->client.ws = NULL;
    WAIT_FOR(&test->world, test->server.closes, 1);
    assert_int_equal(test->server.code, WS_CODE_ABNORMAL);
    assert_int_equal(test->client.closes, 0);
}

static void a_handler_may_abort_its_own_websocket(void **state)
{
    struct test *test = *state;

    connect_both(test);
    test->server.aborts = true;
    assert_int_equal(ws_send_text(test->client.ws, STR("one")), 0);
    assert_int_equal(ws_send_text(test->client.ws, STR("two")), 0);
    WAIT_FOR(&test->world, test->client.closes, 1);
    assert_int_equal(test->server.messages, 1);
}

static void silence_is_noticed_and_pings_prevent_it(void **state)
{
    struct test *test = *state;

    test->server_options.idle_ms = 40;
    test->server_options.ping_ms = 5; // the client's pongs keep the connection alive
    connect_both(test);
    run(test, 200);
    assert_int_equal(test->server.closes, 0);
    assert_true(test->server.pongs > 2);
}

static void an_idle_peer_is_given_up(void **state)
{
    struct test *test = *state;

    test->server_options.idle_ms = 10;
    connect_both(test);
    WAIT_FOR(&test->world, test->server.closes, 1);
    assert_int_equal(test->server.code, WS_CODE_ABNORMAL);
}

static void a_slow_reader_makes_sending_fail(void **state)
{
    struct test *test = *state;
    int outcome = 0;

    test->server_options.out_max = 1000;
    connect_both(test);
    for (int i = 0; i < 100 && outcome == 0; i++)
        outcome = ws_send_text(test->server.ws, STR("0123456789012345678901234567890123456789"));
    assert_int_equal(outcome, WS_SEND_E_FULL);
    run(test, 5); // all leaves with the next round
    assert_int_equal(ws_unsent(test->server.ws), 0);
    assert_int_equal(ws_send_text(test->server.ws, STR("x")), 0);
}

static void a_refusal_is_told_with_its_status(void **state)
{
    struct test *test = *state;

    test->refuses = true;
    dial(test);
    WAIT_FOR(&test->world, test->failures, 1);
    assert_int_equal(test->failed_outcome, 0);
    assert_int_equal(test->failed_status, 400);
}

static void a_dial_may_be_cancelled(void **state)
{
    struct test *test = *state;

    ws_dial_cancel(dial(test));
    run(test, 5);
    assert_int_equal(test->failures, 0);
    assert_null(test->client.ws);
}

// ---- raw clients

#define HANDSHAKE                                                                                  \
    "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"                 \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

static void raw_send(struct test *test, struct str bytes)
{
    if (test->fd < 0)
        assert_int_equal(socket_connect(&test->world.address, &test->fd), 0);
    run(test, 2);
    assert_int_equal(send(test->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL), bytes.len);
}

static bool raw_got(struct test *test, struct str want)
{
    for (int i = 0; i < 1000; i++) {
        ssize_t n = read(test->fd, buf_reserve(&test->raw, 4096), 4096);
        if (n > 0)
            buf_grew(&test->raw, (size_t)n);
        if (memmem(test->raw.ptr + test->raw.start, buf_len(&test->raw), want.ptr, want.len))
            return true;
        loop_run_once(test->world.loop, 2);
    }
    return false;
}

// RFC 6455, 1.3 gives this key and this answer.
static void the_key_is_answered_as_published(void **state)
{
    struct test *test = *state;

    raw_send(test, STR(HANDSHAKE));
    assert_true(raw_got(test, STR("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n")));
}

// "Hello" in two masked fragments with a masked ping between (RFC 6455, 5.7), behind the handshake
// in the same packet.
static void fragments_and_early_bytes_are_read(void **state)
{
    struct test *test = *state;

    raw_send(test, STR(HANDSHAKE "\x01\x83\0\0\0\0Hel"
                                 "\x89\x82\0\0\0\0hi"
                                 "\x80\x82\0\0\0\0lo"));
    assert_true(raw_got(test, STR("\x8a\x02hi")));
    assert_true(raw_got(test, STR("\x81\x05Hello")));
}

static void bad_frames_end_the_connection(void **state)
{
    static const struct {
        struct str frame;
        int code;
    } cases[] = {
        {{"\x81\x05Hello", 7}, WS_CODE_PROTOCOL},            // not masked
        {{"\x83\x80\0\0\0\0", 6}, WS_CODE_PROTOCOL},         // unknown opcode
        {{"\xc1\x80\0\0\0\0", 6}, WS_CODE_PROTOCOL},         // reserved bit
        {{"\x80\x80\0\0\0\0", 6}, WS_CODE_PROTOCOL},         // continues nothing
        {{"\x09\x80\0\0\0\0", 6}, WS_CODE_PROTOCOL},         // fragmented ping
        {{"\x81\x82\0\0\0\0\xc3\x28", 8}, WS_CODE_BAD_DATA}, // not UTF-8
        {{"\x88\x82\0\0\0\0\x03\xe7", 8}, WS_CODE_PROTOCOL}, // close code 999
    };
    struct test *test = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        test->server.closes = 0;
        test->server.messages = 0;
        raw_send(test, STR(HANDSHAKE));
        assert_true(raw_got(test, STR("Accept")));
        raw_send(test, cases[i].frame);
        WAIT_FOR(&test->world, test->server.closes, 1);
        if (test->server.code != cases[i].code)
            print_message("# case %zu\n", i);
        assert_int_equal(test->server.code, cases[i].code);
        assert_int_equal(test->server.messages, 0);
        fd_close(&test->fd);
        buf_clear(&test->raw);
    }
}

static void bad_handshakes_are_refused(void **state)
{
    static const struct {
        const char *headers;
        int outcome;
    } cases[] = {
        {"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
         WS_E_NOT_HANDSHAKE},
        {"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
         "Sec-WebSocket-Key: c2hvcnQ=\r\n",
         WS_E_NOT_HANDSHAKE},
        {"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
         WS_E_NOT_HANDSHAKE},
        {"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
         WS_E_VERSION},
    };
    struct test *test = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        raw_send(test, str_fmt(&test->world.arena, "GET / HTTP/1.1\r\nHost: h\r\n%s\r\n",
                               cases[i].headers));
        assert_true(raw_got(test, STR("HTTP/1.1 400")));
        assert_int_equal(test->accept_outcome, cases[i].outcome);
        fd_close(&test->fd);
        buf_clear(&test->raw);
    }
}

// Byte by byte, because a frame that comes whole is looked at elsewhere.
static void a_close_reason_is_text(void **state)
{
    static const char frame[] = "\x88\x84\0\0\0\0\x03\xe8\xc3\x28";
    struct test *test = *state;

    raw_send(test, STR(HANDSHAKE));
    assert_true(raw_got(test, STR("Accept")));
    for (size_t i = 0; i < sizeof frame - 1; i++)
        raw_send(test, str_span(frame + i, 1));
    WAIT_FOR(&test->world, test->server.closes, 1);
    assert_int_equal(test->server.code, WS_CODE_BAD_DATA);
}

static void a_cut_at_any_byte_harms_nobody(void **state)
{
    static const char text[] = HANDSHAKE "\x01\x83\0\0\0\0Hel\x80\x82\0\0\0\0lo\x88\x80\0\0\0\0";
    struct test *test = *state;

    for (size_t len = sizeof HANDSHAKE - 4; len < sizeof text; len++) {
        raw_send(test, str_span(text, len));
        fd_close(&test->fd);
        run(test, 3);
    }
    run(test, 20);
    assert_true(test->server.closes > 10);
    assert_null(test->server.ws);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(text_and_bytes_are_echoed),
        CASE(a_large_message_arrives_whole),
        CASE(a_message_over_the_limit_ends_with_1009),
        CASE(pings_are_answered),
        CASE(a_close_is_answered_and_told_to_both),
        CASE(the_server_may_close_with_a_policy_code),
        CASE(a_lost_connection_is_1006),
        CASE(a_handler_may_abort_its_own_websocket),
        CASE(silence_is_noticed_and_pings_prevent_it),
        CASE(an_idle_peer_is_given_up),
        CASE(a_slow_reader_makes_sending_fail),
        CASE(a_refusal_is_told_with_its_status),
        CASE(a_dial_may_be_cancelled),
        CASE(the_key_is_answered_as_published),
        CASE(fragments_and_early_bytes_are_read),
        CASE(bad_frames_end_the_connection),
        CASE(a_close_reason_is_text),
        CASE(bad_handshakes_are_refused),
        CASE(a_cut_at_any_byte_harms_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
