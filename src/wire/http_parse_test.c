#include "wire/http_parse.h"

#include "base/buf.h"
#include "base/test.h"

// What a parser makes of a stream, as text: one line an event, and how it ended.
static void tell(struct buf *out, const struct http_event *event)
{
    switch (event->kind) {
    case HTTP_EVENT_HEAD:
        if (event->head.status != 0)
            buf_printf(out, "%d", event->head.status);
        else
            buf_printf(out, "%.*s %.*s", STR_ARGS(event->head.method),
                       STR_ARGS(event->head.target));
        for (size_t i = 0; i < event->head.headers_n; i++)
            buf_printf(out, " %.*s=%.*s", STR_ARGS(event->head.headers[i].name),
                       STR_ARGS(event->head.headers[i].value));
        buf_add_str(out, STR(";"));
        break;
    case HTTP_EVENT_BODY: buf_add_str(out, event->body); break;
    case HTTP_EVENT_DONE: buf_add_str(out, STR(";done ")); break;
    case HTTP_EVENT_UPGRADE: buf_add_str(out, STR(";upgrade ")); break;
    case HTTP_EVENT_MORE: break;
    }
}

// Feeds `input` so that `step` new bytes become visible at a time. Returns the outcome.
static int feed(struct http_parse *parser, struct str input, size_t step, struct buf *story)
{
    size_t consumed = 0;
    size_t visible = 0;

    while (visible < input.len) {
        struct http_event event;
        visible = visible + step < input.len ? visible + step : input.len;
        do {
            // A copy of exactly these bytes: reading past them is caught by the sanitizer.
            struct str part = str_span(input.ptr + consumed, visible - consumed);
            BUF_AUTO struct buf exact = BUF_INIT;
            size_t used;
            int outcome;

            buf_add_str(&exact, part);
            outcome = http_parse_step(parser, buf_str(&exact), &used, &event);
            if (outcome != 0)
                return outcome;
            tell(story, &event);
            consumed += used;
            if (event.kind == HTTP_EVENT_UPGRADE) {
                buf_printf(story, "rest=%.*s", (int)(input.len - consumed), input.ptr + consumed);
                return 0;
            }
        } while (event.kind != HTTP_EVENT_MORE);
    }
    return 0;
}

static void expect_story(enum http_side side, const char *input, const char *want)
{
    size_t steps[] = {SIZE_MAX / 2, 1, 2, 3, 7};

    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct http_parse *parser = http_parse_new(side);
        BUF_AUTO struct buf story = BUF_INIT;

        assert_int_equal(feed(parser, str_of(input), steps[i], &story), 0);
        EXPECT_STR(buf_str(&story), want);
        http_parse_free(parser);
    }
}

static void expect_refused(enum http_side side, struct str input, int want)
{
    size_t steps[] = {SIZE_MAX / 2, 1, 5};

    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct http_parse *parser = http_parse_new(side);
        BUF_AUTO struct buf story = BUF_INIT;
        int outcome = feed(parser, input, steps[i], &story);

        if (outcome != want)
            print_message("# for: %.*s\n# story: %.*s\n", STR_ARGS(input),
                          STR_ARGS(buf_str(&story)));
        assert_int_equal(outcome, want);
        assert_true(strlen(http_parse_detail(parser)) > 0);
        http_parse_free(parser);
    }
}

#define GET  "GET / HTTP/1.1\r\nHost: h\r\n"
#define POST "POST / HTTP/1.1\r\nHost: h\r\n"

static void requests_are_read(void **state)
{
    (void)state;
    expect_story(HTTP_SIDE_REQUEST, GET "\r\n", "GET / Host=h;;done ");
    expect_story(HTTP_SIDE_REQUEST, "GET /a?b=c HTTP/1.1\r\nhost:h\r\nX:  y z \t\r\nE:\r\n\r\n",
                 "GET /a?b=c host=h X=y z E=;;done ");
    expect_story(HTTP_SIDE_REQUEST, POST "Content-Length: 5\r\n\r\nhello",
                 "POST / Host=h Content-Length=5;hello;done ");
    expect_story(HTTP_SIDE_REQUEST, "\r\n\r\n" GET "\r\n", "GET / Host=h;;done ");
    expect_story(HTTP_SIDE_REQUEST, "GET / HTTP/1.0\r\n\r\n", "GET /;;done ");
}

static void pipelined_requests_are_read_one_by_one(void **state)
{
    (void)state;
    expect_story(HTTP_SIDE_REQUEST,
                 POST "Content-Length: 1\r\n\r\n1" POST "Content-Length: 1\r\n\r\n2" GET "\r\n",
                 "POST / Host=h Content-Length=1;1;done POST / Host=h Content-Length=1;2;done "
                 "GET / Host=h;;done ");
}

static void chunks_are_joined(void **state)
{
    (void)state;
    expect_story(HTTP_SIDE_REQUEST,
                 POST "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n"
                      "Trailer: dropped\r\n\r\n" GET "\r\n",
                 "POST / Host=h Transfer-Encoding=chunked;hello world;done GET / Host=h;;done ");
}

static void a_websocket_offer_stops_the_reading(void **state)
{
    (void)state;
    expect_story(HTTP_SIDE_REQUEST,
                 GET "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x05",
                 "GET / Host=h Connection=keep-alive, Upgrade Upgrade=websocket;;upgrade "
                 "rest=\x81\x05");
    expect_story(HTTP_SIDE_REQUEST, GET "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n" GET "\r\n",
                 "GET / Host=h Connection=Upgrade Upgrade=h2c;;done GET / Host=h;;done ");
}

static void lengths_and_connections_are_lists_and_words(void **state)
{
    static const struct {
        const char *head;
        int64_t length;
        bool keep_alive;
    } cases[] = {
        {POST "Content-Length: 5\t\r\n\r\n", 5, true},
        {POST "Content-Length: 007\r\n\r\n", 7, true},
        {POST "\r\n", 0, true},
        {GET "Connection: foo,,Close\r\n\r\n", 0, false},
        {GET "Connection: closed\r\n\r\n", 0, true},
        {GET "Connection: foo\r\nconnection: close\r\n\r\n", 0, false},
        {"GET / HTTP/1.0\r\n\r\n", 0, false},
        {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", 0, true},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_parse *parser = http_parse_new(HTTP_SIDE_REQUEST);
        struct http_event event;
        size_t used;

        assert_int_equal(http_parse_step(parser, str_of(cases[i].head), &used, &event), 0);
        assert_int_equal(event.kind, HTTP_EVENT_HEAD);
        assert_int_equal(used, strlen(cases[i].head));
        assert_int_equal(event.head.content_length, cases[i].length);
        assert_int_equal(event.head.keep_alive, cases[i].keep_alive);
        http_parse_free(parser);
    }
}

static void some_answers_have_no_body_whatever_they_say(void **state)
{
    (void)state;
    expect_story(HTTP_SIDE_RESPONSE,
                 "HTTP/1.1 304 x\r\nContent-Length: 5\r\n\r\n"
                 "HTTP/1.1 204 x\r\nTransfer-Encoding: chunked\r\n\r\nHTTP/1.1 404\r\n\r\nx",
                 "304 Content-Length=5;;done 204 Transfer-Encoding=chunked;;done 404;x");
}

static void responses_are_read(void **state)
{
    (void)state;
    expect_story(HTTP_SIDE_RESPONSE, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
                 "200 Content-Length=2;ok;done ");
    expect_story(HTTP_SIDE_RESPONSE, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\n\r\n",
                 "100;;done 204;;done ");
    expect_story(HTTP_SIDE_RESPONSE,
                 "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
                 "200 Transfer-Encoding=chunked;ok;done ");
    expect_story(HTTP_SIDE_RESPONSE,
                 "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nraw",
                 "101 Connection=Upgrade Upgrade=tcp;;upgrade rest=raw");
}

static void a_body_may_run_to_the_end_of_the_stream(void **state)
{
    struct http_parse *parser = http_parse_new(HTTP_SIDE_RESPONSE);
    BUF_AUTO struct buf story = BUF_INIT;
    bool done;
    (void)state;

    assert_int_equal(feed(parser, STR("HTTP/1.1 200 OK\r\n\r\nsome"), 1, &story), 0);
    EXPECT_STR(buf_str(&story), "200;some");
    assert_int_equal(http_parse_eof(parser, &done), 0);
    assert_true(done);
    http_parse_free(parser);
}

static void an_answer_to_head_has_no_body(void **state)
{
    struct http_parse *parser = http_parse_new(HTTP_SIDE_RESPONSE);
    BUF_AUTO struct buf story = BUF_INIT;
    bool done;
    (void)state;

    http_parse_expect_no_body(parser);
    assert_int_equal(feed(parser, STR("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"), 1, &story),
                     0);
    EXPECT_STR(buf_str(&story), "200 Content-Length=9;;done ");
    assert_int_equal(http_parse_eof(parser, &done), 0);
    assert_false(done);
    http_parse_free(parser);
}

static void a_stream_cut_inside_a_message_is_told(void **state)
{
    static const char whole[] = POST "Content-Length: 5\r\n\r\nhello";
    (void)state;

    for (size_t len = 0; len < sizeof whole; len++) {
        struct http_parse *parser = http_parse_new(HTTP_SIDE_REQUEST);
        BUF_AUTO struct buf story = BUF_INIT;
        bool done;

        assert_int_equal(feed(parser, str_span(whole, len), 1, &story), 0);
        assert_int_equal(http_parse_eof(parser, &done),
                         len == 0 || len == sizeof whole - 1 ? 0 : HTTP_PARSE_E_CUT);
        http_parse_free(parser);
    }
}

static void what_others_read_differently_is_refused(void **state)
{
    static const char *const bad[] = {
        POST "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
        POST "Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
        POST "Content-Length: 2\r\nContent-Length: 2\r\n\r\nab",
        POST "Content-Length: 2, 2\r\n\r\nab",
        POST "Content-Length: +2\r\n\r\nab",
        POST "Content-Length: -2\r\n\r\nab",
        POST "Content-Length: 0x2\r\n\r\nab",
        POST "Content-Length: 2 2\r\n\r\nab",
        POST "Content-Length:\r\n\r\n",
        POST "Content-Length: 99999999999999999999\r\n\r\n",
        POST "Content-Length: 9223372036854775808\r\n\r\n",
        POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST "Transfer-Encoding: chunked\r\n\r\n5\nhello\n0\n\n",
        POST "Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
        POST "Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
        POST "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n",
        POST "Transfer-Encoding: chunked\r\n\r\n11111111111111111\r\nhello",
        POST "Transfer-Encoding: chunked\r\n\r\n\r\nhello",
        POST "Transfer-Encoding: chunked\r\n\r\n 5\r\nhello\r\n0\r\n\r\n",
        POST "Transfer-Encoding: chunked\r\n\r\n5 x\r\nhello\r\n0\r\n\r\n",
        POST "Transfer-Encoding: chunked\r\n\r\n5\rXhello\r\n0\r\n\r\n",
        POST "Transfer-Encoding: chunked\r\n\r\n5;a\x01\r\nhello\r\n0\r\n\r\n",
        POST "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\rX0\r\n\r\n",
        POST "Transfer-Encoding: chunked\r\n\r\n0\rXT: v\r\n\r\n",
        POST "Transfer-Encoding: chunked\r\n\r\n0\r\nT: v\r\n\rX\r\n",
        POST "Transfer-Encoding: chunked\r\n\r\n0\r\nT : v\r\n\r\n",
        GET "Name : value\r\n\r\n",
        GET "Na me: value\r\n\r\n",
        GET ": value\r\n\r\n",
        GET "Name: a\r\n b\r\n\r\n",
        GET "Name: a\r\n\tb\r\n\r\n",
        GET " Name: a\r\n\r\n",
        GET "no colon\r\n\r\n",
        GET "Name: a\rb\r\n\r\n",
        GET "Name: a\r\r\n\r\n",
        GET "Name: a\n\r\n",
        GET "\n",
        "GET / HTTP/1.1\nHost: h\n\n",
        "\n" GET "\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        GET "Host: other\r\n\r\n",
        "get / HTTP/1.1\r\nHost: h\r\n\r\n",
        "NONSENSE / HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET  / HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET / HTTP/1.1 \r\nHost: h\r\n\r\n",
        "GET /\x7f HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /\xc3\xa4 HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET a HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET http://h/ HTTP/1.1\r\nHost: h\r\n\r\n",
        "CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /\r\n\r\n",
        "\x16\x03\x01\x02",
    };
    (void)state;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect_refused(HTTP_SIDE_REQUEST, str_of(bad[i]), HTTP_PARSE_E_SYNTAX);
}

static void only_http_is_http(void **state)
{
    static const char *const bad[] = {
        "GET / H\r\n\r\n",
        "GET / HTTR/1.1\r\nHost: h\r\n\r\n",
        "GET / http/1.1\r\nHost: h\r\n\r\n",
        "GET / HTTP/1.\r\nHost: h\r\n\r\n",
        "GET / HTTP/11\r\nHost: h\r\n\r\n",
        "GET / HTTP/1.10\r\nHost: h\r\n\r\n",
    };
    (void)state;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect_refused(HTTP_SIDE_REQUEST, str_of(bad[i]), HTTP_PARSE_E_SYNTAX);
    expect_refused(HTTP_SIDE_RESPONSE, STR("HxTP/1.1 200 OK\r\n\r\n"), HTTP_PARSE_E_SYNTAX);
    expect_refused(HTTP_SIDE_RESPONSE, STR("HTTP/1.1\r\n\r\n"), HTTP_PARSE_E_SYNTAX);
}

static void zero_bytes_are_refused(void **state)
{
    (void)state;
    expect_refused(HTTP_SIDE_REQUEST, STR(GET "Name: a\0b\r\n\r\n"), HTTP_PARSE_E_SYNTAX);
    expect_refused(HTTP_SIDE_REQUEST, STR(GET "Na\0me: a\r\n\r\n"), HTTP_PARSE_E_SYNTAX);
    expect_refused(HTTP_SIDE_RESPONSE, STR("HTTP/1.1 200 O\0K\r\n\r\n"), HTTP_PARSE_E_SYNTAX);
    expect_refused(HTTP_SIDE_REQUEST, STR(GET "Name: a\x7f\x01\r\n\r\n"), HTTP_PARSE_E_SYNTAX);
    expect_refused(HTTP_SIDE_REQUEST, STR("GET /\0 HTTP/1.1\r\nHost: h\r\n\r\n"),
                   HTTP_PARSE_E_SYNTAX);
}

static void other_refusals_have_their_own_status(void **state)
{
    (void)state;
    expect_refused(HTTP_SIDE_REQUEST, STR(POST "Transfer-Encoding: gzip\r\n\r\n"),
                   HTTP_PARSE_E_CODING);
    expect_refused(HTTP_SIDE_REQUEST, STR(POST "Transfer-Encoding: gzip, chunked\r\n\r\n"),
                   HTTP_PARSE_E_CODING);
    expect_refused(HTTP_SIDE_REQUEST, STR(POST "Transfer-Encoding: xchunked\r\n\r\n"),
                   HTTP_PARSE_E_CODING);
    expect_refused(HTTP_SIDE_REQUEST, STR(POST "Expect: the unexpected\r\n\r\n"),
                   HTTP_PARSE_E_EXPECTATION);
    expect_refused(HTTP_SIDE_REQUEST, STR("GET / HTTP/2.0\r\nHost: h\r\n\r\n"),
                   HTTP_PARSE_E_VERSION);
    expect_refused(HTTP_SIDE_REQUEST, STR("GET / HTTP/1.2\r\nHost: h\r\n\r\n"),
                   HTTP_PARSE_E_VERSION);
    assert_int_equal(http_parse_status(HTTP_PARSE_E_VERSION), 505);
}

static void heads_are_limited(void **state)
{
    BUF_AUTO struct buf many = BUF_INIT;
    BUF_AUTO struct buf large = BUF_INIT;
    BUF_AUTO struct buf endless = BUF_INIT;
    BUF_AUTO struct buf target = BUF_INIT;
    (void)state;

    buf_add_str(&many, STR(GET));
    for (int i = 0; i < HTTP_HEADERS_MAX; i++)
        buf_printf(&many, "n%d: v\r\n", i);
    buf_add_str(&many, STR("\r\n"));
    expect_refused(HTTP_SIDE_REQUEST, buf_str(&many), HTTP_PARSE_E_HEAD_TOO_LARGE);

    buf_add_str(&large, STR(GET "n: "));
    for (int i = 0; i < HTTP_HEAD_MAX; i++)
        buf_add_char(&large, 'x');
    expect_refused(HTTP_SIDE_REQUEST, buf_str(&large), HTTP_PARSE_E_HEAD_TOO_LARGE);

    buf_add_str(&endless, STR(POST "Transfer-Encoding: chunked\r\n\r\n0\r\n"));
    for (int i = 0; i < HTTP_HEAD_MAX / 4; i++)
        buf_add_str(&endless, STR("n: trailer\r\n"));
    expect_refused(HTTP_SIDE_REQUEST, buf_str(&endless), HTTP_PARSE_E_SYNTAX);

    buf_add_str(&target, STR("GET /"));
    for (int i = 0; i < 9000; i++)
        buf_add_char(&target, 'x');
    buf_add_str(&target, STR(" HTTP/1.1\r\nHost: h\r\n\r\n"));
    expect_refused(HTTP_SIDE_REQUEST, buf_str(&target), HTTP_PARSE_E_TARGET_TOO_LONG);
}

static void expectations_are_told(void **state)
{
    struct http_parse *parser = http_parse_new(HTTP_SIDE_REQUEST);
    struct http_event event;
    size_t used;
    (void)state;

    assert_int_equal(http_parse_step(parser,
                                     STR(POST "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\n"),
                                     &used, &event),
                     0);
    assert_int_equal(event.kind, HTTP_EVENT_HEAD);
    assert_true(event.head.expects_continue);
    assert_true(event.head.keep_alive);
    assert_int_equal(event.head.content_length, 1);
    http_parse_free(parser);
}

static void bad_responses_are_refused(void **state)
{
    static const char *const bad[] = {
        "SSH-2.0-x\r\n\r\n",
        "HTTP/1.1 abc\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 000 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 200 OK\nA: b\n\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    };
    (void)state;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect_refused(HTTP_SIDE_RESPONSE, str_of(bad[i]), HTTP_PARSE_E_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_read),
        cmocka_unit_test(lengths_and_connections_are_lists_and_words),
        cmocka_unit_test(some_answers_have_no_body_whatever_they_say),
        cmocka_unit_test(pipelined_requests_are_read_one_by_one),
        cmocka_unit_test(chunks_are_joined),
        cmocka_unit_test(a_websocket_offer_stops_the_reading),
        cmocka_unit_test(responses_are_read),
        cmocka_unit_test(a_body_may_run_to_the_end_of_the_stream),
        cmocka_unit_test(an_answer_to_head_has_no_body),
        cmocka_unit_test(a_stream_cut_inside_a_message_is_told),
        cmocka_unit_test(what_others_read_differently_is_refused),
        cmocka_unit_test(only_http_is_http),
        cmocka_unit_test(zero_bytes_are_refused),
        cmocka_unit_test(other_refusals_have_their_own_status),
        cmocka_unit_test(heads_are_limited),
        cmocka_unit_test(expectations_are_told),
        cmocka_unit_test(bad_responses_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
