// See http_parse.h. The head is awaited whole (it is short by our limit), looked at as bytes, then
// given to the library in one call, so that its spans are contiguous and point into the input.
// Bodies go to the library as they come. The library is paused after every event, which turns its
// callbacks into steps.
//
// What is looked at in the bytes, because the library is lenient there and others are not:
// line ends (CR LF only), folded lines, spaces in names, several Host or Content-Length headers,
// characters of the target. Trailers of chunked bodies are read, limited and dropped.

#include "wire/http_parse.h"

#include <http_parser.h>

#include "base/assert.h"
#include "base/mem.h"

enum { TARGET_MAX = 8 * 1024 };

enum stage {
    STAGE_HEAD,    // collecting a head
    STAGE_BODY,    // the library reads the rest of the message
    STAGE_REFUSED, // nothing more
};

struct http_parse {
    http_parser library;
    enum http_side side;
    enum stage stage;
    int outcome;
    const char *detail;
    size_t scanned;  // of the head being collected
    size_t line;     // where its present line begins
    bool is_started; // a byte of the message was seen
    bool no_body;
    bool is_head_seen; // by the library, in this call
    bool is_done;
    size_t overhead; // bytes of chunk framing since the last body byte
    struct http_head head;
    struct str body;
    struct http_header headers[HTTP_HEADERS_MAX];
};

static int refuse(struct http_parse *p, enum http_parse_outcome outcome, const char *detail)
{
    p->stage = STAGE_REFUSED;
    if (p->outcome == 0) {
        p->outcome = (int)outcome;
        p->detail = detail;
    }
    return p->outcome;
}

int http_parse_status(enum http_parse_outcome outcome)
{
    switch (outcome) {
    case HTTP_PARSE_E_SYNTAX:
    case HTTP_PARSE_E_CUT: return 400;
    case HTTP_PARSE_E_HEAD_TOO_LARGE: return 431;
    case HTTP_PARSE_E_TARGET_TOO_LONG: return 414;
    case HTTP_PARSE_E_VERSION: return 505;
    case HTTP_PARSE_E_EXPECTATION: return 417;
    case HTTP_PARSE_E_CODING: return 501;
    }
    UNREACHABLE();
}

const char *http_parse_detail(const struct http_parse *p)
{
    return p->detail != NULL ? p->detail : "";
}

// ---- the library's callbacks

static struct http_parse *self(const http_parser *library)
{
    return library->data;
}

static int on_url(http_parser *library, const char *at, size_t len)
{
    struct http_parse *p = self(library);

    ASSERT(p->head.target.ptr == NULL); // the head comes in one piece
    p->head.target = str_span(at, len);
    return 0;
}

static int on_reason(http_parser *library, const char *at, size_t len)
{
    self(library)->head.reason = str_span(at, len);
    return 0;
}

static int on_field(http_parser *library, const char *at, size_t len)
{
    struct http_parse *p = self(library);

    if (p->stage == STAGE_BODY) // a trailer
        return 0;
    if (p->head.headers_n == HTTP_HEADERS_MAX)
        return refuse(p, HTTP_PARSE_E_HEAD_TOO_LARGE, "too many headers");
    p->headers[p->head.headers_n++] = (struct http_header){.name = str_span(at, len)};
    return 0;
}

static int on_value(http_parser *library, const char *at, size_t len)
{
    struct http_parse *p = self(library);

    if (p->stage == STAGE_BODY)
        return 0;
    ASSERT(p->head.headers_n > 0);
    p->headers[p->head.headers_n - 1].value = str_trim(str_span(at, len));
    return 0;
}

static int on_headers_complete(http_parser *library)
{
    struct http_parse *p = self(library);

    p->is_head_seen = true;
    http_parser_pause(library, 1);
    return p->no_body ? 1 : 0;
}

static int on_body(http_parser *library, const char *at, size_t len)
{
    struct http_parse *p = self(library);

    p->body = str_span(at, len);
    p->overhead = 0;
    http_parser_pause(library, 1);
    return 0;
}

static int on_message_complete(http_parser *library)
{
    self(library)->is_done = true;
    http_parser_pause(library, 1);
    return 0;
}

static const http_parser_settings callbacks = {
    .on_url = on_url,
    .on_status = on_reason,
    .on_header_field = on_field,
    .on_header_value = on_value,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

// ---- life

struct http_parse *http_parse_new(enum http_side side)
{
    struct http_parse *p = mem_zalloc(sizeof *p);

    p->side = side;
    http_parse_reset(p);
    return p;
}

void http_parse_free(struct http_parse *p)
{
    mem_free(p);
}

static void next_message(struct http_parse *p)
{
    p->stage = STAGE_HEAD;
    p->scanned = 0;
    p->line = 0;
    p->overhead = 0;
    p->is_started = false;
    p->no_body = false;
}

void http_parse_reset(struct http_parse *p)
{
    http_parser_init(&p->library, p->side == HTTP_SIDE_REQUEST ? HTTP_REQUEST : HTTP_RESPONSE);
    p->library.data = p;
    p->outcome = 0;
    p->detail = NULL;
    next_message(p);
}

void http_parse_expect_no_body(struct http_parse *p)
{
    p->no_body = true;
}

bool http_parse_is_idle(const struct http_parse *p)
{
    return p->stage == STAGE_HEAD && !p->is_started;
}

// ---- the head as bytes

static size_t count_spaces(struct str line)
{
    size_t count = 0;

    for (size_t i = 0; i < line.len; i++)
        count += line.ptr[i] == ' ';
    return count;
}

// A NUL or a carriage return ends a line for some readers; no control but the tab has a meaning.
// Without a way out of the loop, so that the compiler takes many bytes at a time.
static bool has_control(struct str line)
{
    unsigned found = 0;

    for (size_t i = 0; i < line.len; i++) {
        unsigned char c = (unsigned char)line.ptr[i];
        found |= (unsigned)((c < ' ') & (c != '\t')) | (unsigned)(c == 0x7f);
    }
    return found != 0;
}

// "HTTP/1.1": the library looks at the digits only.
static bool is_version(struct str word)
{
    struct str digits = str_from(word, 5);

    return word.len == 8 && str_starts(word, STR("HTTP/")) && digits.ptr[0] >= '0' &&
           digits.ptr[0] <= '9' && digits.ptr[1] == '.' && digits.ptr[2] >= '0' &&
           digits.ptr[2] <= '9';
}

static int check_first_line(struct http_parse *p, struct str line)
{
    struct str head;
    struct str tail;
    bool has_version;

    if (p->side == HTTP_SIDE_REQUEST) {
        if (count_spaces(line) != 2)
            return refuse(p, HTTP_PARSE_E_SYNTAX, "request line is not three words");
        has_version = str_cut_last(line, ' ', &head, &tail) && is_version(tail);
    } else {
        has_version = str_cut(line, ' ', &head, &tail) && is_version(head);
    }
    return has_version ? 0 : refuse(p, HTTP_PARSE_E_SYNTAX, "no HTTP version where it belongs");
}

// One line of the head, without its CR LF. `first` is the request or status line.
static int check_line(struct http_parse *p, struct str line, bool first)
{
    struct str name;
    struct str rest;

    if (has_control(line))
        return refuse(p, HTTP_PARSE_E_SYNTAX, "control character inside a line");
    if (first)
        return check_first_line(p, line);
    if (line.ptr[0] == ' ' || line.ptr[0] == '\t')
        return refuse(p, HTTP_PARSE_E_SYNTAX, "folded header line");
    if (!str_cut(line, ':', &name, &rest))
        return refuse(p, HTTP_PARSE_E_SYNTAX, "header line without a colon");
    if (!http_is_token(name))
        return refuse(p, HTTP_PARSE_E_SYNTAX, "header name is not a token");
    return 0;
}

// Looks for the end of the head. 0: *out_len is its length, or 0 while it is not whole.
static int scan_head(struct http_parse *p, struct str bytes, size_t *out_len)
{
    *out_len = 0;
    while (p->scanned < bytes.len) {
        size_t at = p->scanned;
        const char *lf = memchr(bytes.ptr + at, '\n', bytes.len - at);
        struct str line;

        if (lf == NULL) {
            p->scanned = bytes.len;
            break;
        }
        at = (size_t)(lf - bytes.ptr);
        p->scanned = at + 1;
        if (at == p->line || bytes.ptr[at - 1] != '\r')
            return refuse(p, HTTP_PARSE_E_SYNTAX, "line does not end in CR LF");
        line = str_span(bytes.ptr + p->line, at - 1 - p->line);
        if (line.len == 0) {
            *out_len = at + 1;
            break;
        }
        if (check_line(p, line, p->line == 0) != 0)
            return p->outcome;
        p->line = at + 1;
    }
    if ((*out_len > 0 ? *out_len : bytes.len) > HTTP_HEAD_MAX)
        return refuse(p, HTTP_PARSE_E_HEAD_TOO_LARGE, "head too large");
    return 0;
}

// Tells noise (TLS on a plain port, say) from the start of a message before waiting for a line end.
static int check_first_byte(struct http_parse *p, char c)
{
    if (p->side == HTTP_SIDE_RESPONSE ? c == 'H' : c >= 'A' && c <= 'Z')
        return 0;
    return refuse(p, HTTP_PARSE_E_SYNTAX, "not HTTP");
}

// Empty lines before a request line are forgiven (RFC 9112, 2.2), other noise is not.
static size_t empty_lines(struct str bytes)
{
    size_t n = 0;

    while (bytes.len - n >= 2 && bytes.ptr[n] == '\r' && bytes.ptr[n + 1] == '\n')
        n += 2;
    return n;
}

// ---- the head as read by the library

static size_t count_headers(const struct http_head *head, struct str name)
{
    size_t count = 0;

    for (size_t i = 0; i < head->headers_n; i++)
        count += str_eq_nocase(head->headers[i].name, name);
    return count;
}

static int check_target(struct http_parse *p)
{
    struct str target = p->head.target;

    if (target.len > TARGET_MAX)
        return refuse(p, HTTP_PARSE_E_TARGET_TOO_LONG, "request target too long");
    if (str_eq(p->head.method, STR("CONNECT")))
        return refuse(p, HTTP_PARSE_E_SYNTAX, "this is no proxy");
    if (!str_eq(target, STR("*")) && (target.len == 0 || target.ptr[0] != '/'))
        return refuse(p, HTTP_PARSE_E_SYNTAX, "request target is not a path");
    for (size_t i = 0; i < target.len; i++) {
        unsigned char c = (unsigned char)target.ptr[i];
        if (c <= ' ' || c >= 0x7f || c == '#')
            return refuse(p, HTTP_PARSE_E_SYNTAX, "bad character in the request target");
    }
    return 0;
}

static int check_expect(struct http_parse *p)
{
    struct str expect;

    if (!http_header_get(p->headers, p->head.headers_n, STR("expect"), &expect))
        return 0;
    if (!str_eq_nocase(expect, STR("100-continue")))
        return refuse(p, HTTP_PARSE_E_EXPECTATION, "unknown expectation");
    p->head.expects_continue = p->head.minor >= 1;
    return 0;
}

// How the body is delimited; whatever two readers could read in two ways is refused.
static int check_framing(struct http_parse *p)
{
    struct http_head *head = &p->head;
    size_t lengths = count_headers(head, STR("content-length"));
    size_t codings = count_headers(head, STR("transfer-encoding"));
    struct str coding;

    if (lengths > 1)
        return refuse(p, HTTP_PARSE_E_SYNTAX, "several Content-Length headers");
    if (lengths > 0 && codings > 0)
        return refuse(p, HTTP_PARSE_E_SYNTAX, "both Content-Length and Transfer-Encoding");
    if (codings > 1 || (codings > 0 && head->minor == 0))
        return refuse(p, HTTP_PARSE_E_SYNTAX, "bad Transfer-Encoding");
    if (codings > 0) {
        http_header_get(head->headers, head->headers_n, STR("transfer-encoding"), &coding);
        if (!str_eq_nocase(coding, STR("chunked")))
            return refuse(p, HTTP_PARSE_E_CODING, "only the chunked transfer coding is known");
        head->chunked = true;
    }
    if (lengths > 0 && p->library.content_length > INT64_MAX)
        return refuse(p, HTTP_PARSE_E_SYNTAX, "bad Content-Length");
    head->content_length = lengths > 0 ? (int64_t)p->library.content_length : HTTP_LENGTH_UNKNOWN;
    return 0;
}

static int check_request(struct http_parse *p)
{
    struct http_head *head = &p->head;
    size_t hosts = count_headers(head, STR("host"));

    head->method = str_of(http_method_str((enum http_method)p->library.method));
    if (check_target(p) != 0 || check_expect(p) != 0)
        return p->outcome;
    if (hosts > 1 || (hosts == 0 && head->minor >= 1))
        return refuse(p, HTTP_PARSE_E_SYNTAX, "exactly one Host header is needed");
    if (head->content_length == HTTP_LENGTH_UNKNOWN && !head->chunked)
        head->content_length = 0;
    head->wants_websocket =
        head->content_length == 0 && head->minor >= 1 && str_eq(head->method, STR("GET")) &&
        http_header_has_token(head->headers, head->headers_n, STR("connection"), STR("upgrade")) &&
        http_header_has_token(head->headers, head->headers_n, STR("upgrade"), STR("websocket"));
    p->library.upgrade = head->wants_websocket; // other offers (h2c) are declined by silence
    return 0;
}

static int accept_head(struct http_parse *p, struct http_event *out)
{
    struct http_head *head = &p->head;

    head->headers = p->headers;
    head->minor = p->library.http_minor;
    if (p->library.http_major != 1 || head->minor > 1)
        return refuse(p, HTTP_PARSE_E_VERSION, "only HTTP/1.0 and HTTP/1.1 are spoken");
    if (check_framing(p) != 0)
        return p->outcome;
    if (p->side == HTTP_SIDE_REQUEST && check_request(p) != 0)
        return p->outcome;
    if (p->side == HTTP_SIDE_RESPONSE)
        head->status = (int)p->library.status_code;
    head->keep_alive = http_should_keep_alive(&p->library) != 0;
    p->stage = STAGE_BODY;
    *out = (struct http_event){.kind = HTTP_EVENT_HEAD, .head = *head};
    return 0;
}

// ---- steps

static int library_refusal(struct http_parse *p)
{
    enum http_errno error = HTTP_PARSER_ERRNO(&p->library);

    if (p->outcome != 0) // refused by a callback of ours
        return p->outcome;
    if (error == HPE_HEADER_OVERFLOW)
        return refuse(p, HTTP_PARSE_E_HEAD_TOO_LARGE, http_errno_description(error));
    if (error == HPE_INVALID_VERSION)
        return refuse(p, HTTP_PARSE_E_VERSION, http_errno_description(error));
    return refuse(p, HTTP_PARSE_E_SYNTAX, http_errno_description(error));
}

// Runs the library to its next pause or to the end of the bytes. Returns how many it has taken.
static size_t run_library(struct http_parse *p, struct str bytes)
{
    p->is_head_seen = false;
    p->is_done = false;
    p->body = STR_NONE;
    if (HTTP_PARSER_ERRNO(&p->library) == HPE_PAUSED)
        http_parser_pause(&p->library, 0);
    return http_parser_execute(&p->library, &callbacks, bytes.ptr, bytes.len);
}

static bool library_is_well(const struct http_parse *p)
{
    enum http_errno error = HTTP_PARSER_ERRNO(&p->library);

    return p->outcome == 0 && (error == HPE_OK || error == HPE_PAUSED);
}

static int step_head(struct http_parse *p, struct str bytes, size_t *out_used,
                     struct http_event *out)
{
    size_t skipped = p->is_started || p->side == HTTP_SIDE_RESPONSE ? 0 : empty_lines(bytes);
    size_t len;

    *out_used = skipped;
    bytes = str_from(bytes, skipped);
    if (bytes.len == 0 || (bytes.len == 1 && bytes.ptr[0] == '\r' && !p->is_started))
        return 0;
    if (!p->is_started && check_first_byte(p, bytes.ptr[0]) != 0)
        return p->outcome;
    p->is_started = true;
    if (scan_head(p, bytes, &len) != 0)
        return p->outcome;
    if (len == 0)
        return 0;
    p->head = (struct http_head){0};
    // All but the last LF: the library stops on it when it is paused, and reads it when resumed.
    *out_used += run_library(p, str_take(bytes, len));
    if (!library_is_well(p))
        return library_refusal(p);
    if (!p->is_head_seen) // the library went over the end of the head
        return refuse(p, HTTP_PARSE_E_SYNTAX, "head is not complete");
    return accept_head(p, out);
}

static int finish_message(struct http_parse *p, struct http_event *out)
{
    bool upgraded = p->library.upgrade;

    out->kind = upgraded ? HTTP_EVENT_UPGRADE : HTTP_EVENT_DONE;
    if (upgraded)
        p->stage = STAGE_REFUSED; // what follows is not for this parser
    else
        next_message(p);
    return 0;
}

static int step_body(struct http_parse *p, struct str bytes, size_t *out_used,
                     struct http_event *out)
{
    size_t used;

    if (bytes.len == 0)
        return 0; // the library would take that for the end of the stream
    used = run_library(p, bytes);
    *out_used = used;
    if (!library_is_well(p))
        return library_refusal(p);
    if (p->body.len > 0) {
        *out = (struct http_event){.kind = HTTP_EVENT_BODY, .body = p->body};
        return 0;
    }
    if (p->is_done)
        return finish_message(p, out);
    p->overhead += used;
    if (p->head.chunked && p->overhead > HTTP_HEAD_MAX)
        return refuse(p, HTTP_PARSE_E_SYNTAX, "too much chunk framing");
    return 0;
}

int http_parse_step(struct http_parse *p, struct str bytes, size_t *out_used,
                    struct http_event *out)
{
    *out_used = 0;
    *out = (struct http_event){.kind = HTTP_EVENT_MORE};
    if (p->stage == STAGE_REFUSED)
        return p->outcome;
    if (p->stage == STAGE_HEAD)
        return step_head(p, bytes, out_used, out);
    return step_body(p, bytes, out_used, out);
}

int http_parse_eof(struct http_parse *p, bool *out_done)
{
    *out_done = false;
    if (http_parse_is_idle(p))
        return 0;
    if (p->stage == STAGE_BODY && p->side == HTTP_SIDE_RESPONSE) {
        run_library(p, STR_NONE); // no bytes is how the library is told of the end
        if (library_is_well(p) && p->is_done) {
            *out_done = true;
            next_message(p);
            return 0;
        }
    }
    return refuse(p, HTTP_PARSE_E_CUT, "the stream ended inside a message");
}
