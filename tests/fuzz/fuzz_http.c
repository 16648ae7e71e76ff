// Input: a line whose first letter is q (requests) or p (responses; P: to a HEAD request), the rest
// a plan of pieces (fuzz.h), then the bytes of a connection. However the bytes are cut, the parser
// tells the same of them; and what it tells keeps its promises.

#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "fuzz.h"
#include "wire/http_parse.h"

// A run of the parser over bytes that arrive piece by piece.
struct reading {
    struct http_parse *parser;
    struct buf in;  // what has arrived and is unread
    struct buf log; // what was told
    bool in_body;
    bool ended;    // refused, or:
    bool upgraded; // no longer HTTP
};

static bool is_inside(struct str part, struct str whole)
{
    return part.len == 0 || (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len);
}

static void check_no_line_ends(struct str text)
{
    ASSERT(!str_has_char(text, '\r'));
    ASSERT(!str_has_char(text, '\n'));
    ASSERT(!str_has_char(text, '\0'));
}

static void check_headers(const struct http_head *head, struct str in)
{
    ASSERT(head->headers_n <= HTTP_HEADERS_MAX);
    for (size_t i = 0; i < head->headers_n; i++) {
        ASSERT(is_inside(head->headers[i].name, in));
        ASSERT(is_inside(head->headers[i].value, in));
        ASSERT(http_is_token(head->headers[i].name));
        check_no_line_ends(head->headers[i].value);
    }
}

static void check_head(const struct http_head *head, struct str in, enum http_side side)
{
    struct str host;

    check_headers(head, in);
    ASSERT(head->minor == 0 || head->minor == 1);
    ASSERT(!head->chunked || head->content_length == HTTP_LENGTH_UNKNOWN);
    ASSERT(head->content_length >= HTTP_LENGTH_UNKNOWN);
    if (side == HTTP_SIDE_RESPONSE) {
        check_no_line_ends(head->reason);
        return;
    }
    ASSERT(is_inside(head->target, in));
    ASSERT(head->target.len > 0);
    ASSERT(http_is_token(head->method));
    ASSERT(head->content_length >= 0 || head->chunked);
    ASSERT(head->minor == 0 || http_header_get(head->headers, head->headers_n, STR("host"), &host));
    ASSERT(!head->wants_websocket || (head->content_length == 0 && !head->chunked));
}

static void log_head(struct buf *log, const struct http_head *head)
{
    buf_printf(log, "head %.*s %.*s %d %.*s 1.%d %lld %d %d %d %d\n", STR_ARGS(head->method),
               STR_ARGS(head->target), head->status, STR_ARGS(head->reason), head->minor,
               (long long)head->content_length, head->chunked, head->keep_alive,
               head->expects_continue, head->wants_websocket);
    for (size_t i = 0; i < head->headers_n; i++)
        buf_printf(log, " %.*s=%.*s\n", STR_ARGS(head->headers[i].name),
                   STR_ARGS(head->headers[i].value));
}

static void take_event(struct reading *r, const struct http_event *event, struct str in,
                       enum http_side side)
{
    switch (event->kind) {
    case HTTP_EVENT_MORE: break;
    case HTTP_EVENT_HEAD:
        ASSERT(!r->in_body);
        check_head(&event->head, in, side);
        log_head(&r->log, &event->head);
        r->in_body = true;
        break;
    case HTTP_EVENT_BODY:
        ASSERT(r->in_body);
        ASSERT(event->body.len > 0);
        ASSERT(is_inside(event->body, in));
        buf_add_str(&r->log, event->body);
        break;
    case HTTP_EVENT_DONE:
    case HTTP_EVENT_UPGRADE:
        ASSERT(r->in_body);
        r->in_body = false;
        r->upgraded = event->kind == HTTP_EVENT_UPGRADE;
        r->ended = r->upgraded;
        buf_add_str(&r->log, r->ended ? STR("\nupgrade\n") : STR("\ndone\n"));
        ASSERT(r->ended || http_parse_is_idle(r->parser));
        break;
    }
}

static void step_all(struct reading *r, enum http_side side)
{
    struct http_event event = {.kind = HTTP_EVENT_DONE};

    while (!r->ended && event.kind != HTTP_EVENT_MORE) {
        struct str in = buf_str(&r->in);
        size_t used;
        int outcome = http_parse_step(r->parser, in, &used, &event);

        ASSERT(used <= in.len);
        if (outcome != 0) {
            ASSERT(http_parse_status((enum http_parse_outcome)outcome) >= 400);
            ASSERT(http_parse_detail(r->parser)[0] != '\0');
            buf_printf(&r->log, "\nrefused %d\n", outcome);
            r->ended = true;
            return;
        }
        take_event(r, &event, in, side);
        buf_consume(&r->in, used);
    }
}

static void end_of_stream(struct reading *r)
{
    bool done;

    if (!r->ended)
        buf_printf(&r->log, "\neof %d", http_parse_eof(r->parser, &done));
    else if (r->upgraded)
        buf_printf(&r->log, "\n%zu left", buf_len(&r->in));
}

static void begin(struct reading *r, bool no_body)
{
    http_parse_reset(r->parser);
    if (no_body)
        http_parse_expect_no_body(r->parser);
    buf_clear(&r->in);
    buf_clear(&r->log);
    r->in_body = false;
    r->ended = false;
    r->upgraded = false;
}

static void read_whole(struct reading *r, enum http_side side, struct str bytes)
{
    buf_add_str(&r->in, bytes);
    step_all(r, side);
    end_of_stream(r);
}

static void read_in_pieces(struct reading *r, enum http_side side, struct fuzz_cutter cutter)
{
    struct str piece;

    while (fuzz_cut(&cutter, &piece)) {
        buf_add_str(&r->in, piece);
        step_all(r, side);
    }
    end_of_stream(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct reading whole[2];
    static struct reading pieces[2];
    struct str bytes = fuzz_text(data, size);
    struct str line = fuzz_line(&bytes);
    char letter = line.len > 0 ? line.ptr[0] : 'q';
    bool no_body = letter == 'P';
    enum http_side side = letter == 'p' || no_body ? HTTP_SIDE_RESPONSE : HTTP_SIDE_REQUEST;

    if (whole[side].parser == NULL) {
        whole[side].parser = http_parse_new(side);
        pieces[side].parser = http_parse_new(side);
    }
    begin(&whole[side], no_body);
    begin(&pieces[side], no_body);
    read_whole(&whole[side], side, bytes);
    read_in_pieces(&pieces[side], side,
                   (struct fuzz_cutter){.plan = str_from(line, 1), .rest = bytes});
    ASSERT_SAY(str_eq(buf_str(&whole[side].log), buf_str(&pieces[side].log)),
               "whole:\n%.*s\npieces:\n%.*s", STR_ARGS(buf_str(&whole[side].log)),
               STR_ARGS(buf_str(&pieces[side].log)));
    return 0;
}
