// See http_parse.h. The head is awaited whole (it is short by our limit) and then read line by
// line, so that its slices point into the input. Bodies are told as they come; the lines that frame
// chunks are awaited whole as well.
//
// There is one spelling for each thing, and no forgiveness: what two readers could read in two ways
// is how requests are smuggled past a proxy (RFC 9112, 11.2). Refused are therefore line ends other
// than CR LF, controls, folded lines, spaces in and behind names, several Host, Content-Length or
// Transfer-Encoding headers, lengths that are not plain digits, chunks that are not as long as they
// say. Trailers of chunked bodies are read, limited and dropped.

#include "wire/http_parse.h"

#include "base/assert.h"
#include "base/mem.h"

enum { TARGET_MAX = 8 * 1024, CHUNK_DIGITS_MAX = 15 };

#define UNTIL_THE_END INT64_MAX

enum stage {
    STAGE_HEAD,       // collecting a head
    STAGE_BODY,       // `left` bytes of body
    STAGE_CHUNK_SIZE, // a line
    STAGE_CHUNK,      // `left` bytes of a chunk
    STAGE_CHUNK_END,  // the line end behind it
    STAGE_TRAILER,    // lines up to an empty one
    STAGE_END,        // the message is whole; this is to be told
    STAGE_REFUSED,    // nothing more
};

struct http_parse {
    enum http_side side;
    enum stage stage;
    int outcome;
    const char *detail;
    size_t scanned;  // bytes looked at of the lines being awaited
    size_t line;     // where the present line of the head begins
    bool is_started; // a byte of the message was seen
    bool no_body;
    bool upgrades;   // what follows the message is not HTTP
    int64_t left;    // or UNTIL_THE_END
    size_t overhead; // bytes of chunk framing since the last body byte
    struct http_head head;
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
    p->upgrades = false;
}

void http_parse_reset(struct http_parse *p)
{
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

// ---- words

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
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

// The table's own text, or nothing.
static struct str method_named(struct str word)
{
    static const struct str known[] = {
        STR_INIT("POST"),   STR_INIT("GET"),   STR_INIT("HEAD"),  STR_INIT("PUT"),
        STR_INIT("DELETE"), STR_INIT("PATCH"), STR_INIT("TRACE"), STR_INIT("OPTIONS"),
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (str_eq(known[i], word))
            return known[i];
    }
    return STR_NONE;
}

static int read_version(struct http_parse *p, struct str word)
{
    if (word.len != 8 || !str_starts(word, STR("HTTP/")) || !is_digit(word.ptr[5]) ||
        word.ptr[6] != '.' || !is_digit(word.ptr[7]))
        return refuse(p, HTTP_PARSE_E_SYNTAX, "no HTTP version where it belongs");
    if (word.ptr[5] != '1' || word.ptr[7] > '1')
        return refuse(p, HTTP_PARSE_E_VERSION, "only HTTP/1.0 and HTTP/1.1 are spoken");
    p->head.minor = word.ptr[7] - '0';
    return 0;
}

static int read_target(struct http_parse *p, struct str target)
{
    if (target.len > TARGET_MAX)
        return refuse(p, HTTP_PARSE_E_TARGET_TOO_LONG, "request target too long");
    if (!str_eq(target, STR("*")) && (target.len == 0 || target.ptr[0] != '/'))
        return refuse(p, HTTP_PARSE_E_SYNTAX, "request target is not a path");
    for (size_t i = 0; i < target.len; i++) {
        unsigned char c = (unsigned char)target.ptr[i];
        if (c <= ' ' || c >= 0x7f || c == '#')
            return refuse(p, HTTP_PARSE_E_SYNTAX, "bad character in the request target");
    }
    p->head.target = target;
    return 0;
}

static int read_request_line(struct http_parse *p, struct str line)
{
    struct str method;
    struct str target;
    struct str version;

    if (!str_cut(line, ' ', &method, &line) || !str_cut(line, ' ', &target, &version) ||
        str_has_char(version, ' '))
        return refuse(p, HTTP_PARSE_E_SYNTAX, "request line is not three words");
    p->head.method = method_named(method);
    if (p->head.method.len == 0)
        return refuse(p, HTTP_PARSE_E_SYNTAX, "unknown method");
    if (read_version(p, version) != 0)
        return p->outcome;
    return read_target(p, target);
}

static int read_status_line(struct http_parse *p, struct str line)
{
    struct str version;
    struct str status;

    str_cut(line, ' ', &version, &line);
    str_cut(line, ' ', &status, &p->head.reason);
    if (read_version(p, version) != 0)
        return p->outcome;
    if (status.len != 3 || status.ptr[0] == '0' || !is_digit(status.ptr[0]) ||
        !is_digit(status.ptr[1]) || !is_digit(status.ptr[2]))
        return refuse(p, HTTP_PARSE_E_SYNTAX, "the status is not a number of three digits");
    p->head.status =
        (status.ptr[0] - '0') * 100 + (status.ptr[1] - '0') * 10 + (status.ptr[2] - '0');
    return 0;
}

static int read_field(struct http_parse *p, struct str line, struct http_header *out)
{
    if (line.ptr[0] == ' ' || line.ptr[0] == '\t')
        return refuse(p, HTTP_PARSE_E_SYNTAX, "folded header line");
    if (!str_cut(line, ':', &out->name, &out->value))
        return refuse(p, HTTP_PARSE_E_SYNTAX, "header line without a colon");
    if (!http_is_token(out->name))
        return refuse(p, HTTP_PARSE_E_SYNTAX, "header name is not a token");
    out->value = str_trim(out->value);
    return 0;
}

// ---- what the headers say of the message

// The headers that decide how a message is read: how many there are, and the first of each.
struct framing {
    unsigned hosts;
    unsigned lengths;
    unsigned codings;
    unsigned expects;
    bool has_connection;
    struct str length;
    struct str coding;
    struct str expect;
};

static void note(unsigned *count, struct str *first, struct str value)
{
    if ((*count)++ == 0)
        *first = value;
}

static struct framing framing_of(const struct http_head *head)
{
    struct framing f = {0};
    struct str host;

    for (size_t i = 0; i < head->headers_n; i++) {
        struct str name = head->headers[i].name;
        struct str value = head->headers[i].value;

        if (str_eq_nocase(name, STR("host")))
            note(&f.hosts, &host, value);
        else if (str_eq_nocase(name, STR("content-length")))
            note(&f.lengths, &f.length, value);
        else if (str_eq_nocase(name, STR("transfer-encoding")))
            note(&f.codings, &f.coding, value);
        else if (str_eq_nocase(name, STR("expect")))
            note(&f.expects, &f.expect, value);
        else if (str_eq_nocase(name, STR("connection")))
            f.has_connection = true;
    }
    return f;
}

static bool read_length(struct str digits, int64_t *out)
{
    return digits.len > 0 && is_digit(digits.ptr[0]) && str_to_i64(digits, out);
}

static int check_lengths(struct http_parse *p, const struct framing *f)
{
    struct http_head *head = &p->head;

    head->content_length = HTTP_LENGTH_UNKNOWN;
    if (f->lengths > 1)
        return refuse(p, HTTP_PARSE_E_SYNTAX, "several Content-Length headers");
    if (f->lengths > 0 && f->codings > 0)
        return refuse(p, HTTP_PARSE_E_SYNTAX, "both Content-Length and Transfer-Encoding");
    if (f->codings > 1 || (f->codings > 0 && head->minor == 0))
        return refuse(p, HTTP_PARSE_E_SYNTAX, "bad Transfer-Encoding");
    if (f->codings > 0 && !str_eq_nocase(f->coding, STR("chunked")))
        return refuse(p, HTTP_PARSE_E_CODING, "only the chunked transfer coding is known");
    if (f->lengths > 0 &&
        (!read_length(f->length, &head->content_length) || head->content_length == UNTIL_THE_END))
        return refuse(p, HTTP_PARSE_E_SYNTAX, "bad Content-Length");
    head->chunked = f->codings > 0;
    return 0;
}

static bool has_connection_word(const struct http_head *head, struct str word)
{
    return http_header_has_token(head->headers, head->headers_n, STR("connection"), word);
}

static bool stays_open(const struct http_head *head, const struct framing *f)
{
    if (!f->has_connection)
        return head->minor >= 1;
    return head->minor >= 1 ? !has_connection_word(head, STR("close"))
                            : has_connection_word(head, STR("keep-alive"));
}

static bool asks_for_websocket(const struct http_head *head)
{
    return head->content_length == 0 && head->minor >= 1 && str_eq(head->method, STR("GET")) &&
           has_connection_word(head, STR("upgrade")) &&
           http_header_has_token(head->headers, head->headers_n, STR("upgrade"), STR("websocket"));
}

static void begin_body(struct http_parse *p)
{
    p->left =
        p->head.content_length != HTTP_LENGTH_UNKNOWN ? p->head.content_length : UNTIL_THE_END;
    if (p->head.chunked)
        p->stage = STAGE_CHUNK_SIZE;
    else
        p->stage = p->left > 0 ? STAGE_BODY : STAGE_END;
}

static int accept_request(struct http_parse *p, const struct framing *f)
{
    struct http_head *head = &p->head;

    if (f->expects > 0 && !str_eq_nocase(f->expect, STR("100-continue")))
        return refuse(p, HTTP_PARSE_E_EXPECTATION, "unknown expectation");
    head->expects_continue = f->expects > 0 && head->minor >= 1;
    if (f->hosts > 1 || (f->hosts == 0 && head->minor >= 1))
        return refuse(p, HTTP_PARSE_E_SYNTAX, "exactly one Host header is needed");
    if (head->content_length == HTTP_LENGTH_UNKNOWN && !head->chunked)
        head->content_length = 0;
    head->wants_websocket = f->has_connection && asks_for_websocket(head);
    p->upgrades = head->wants_websocket; // other offers (h2c) are declined by silence
    begin_body(p);
    return 0;
}

// These never have a body, whatever their headers say (RFC 9112, 6.3).
static bool is_bodiless(const struct http_parse *p)
{
    int status = p->head.status;

    return p->no_body || status < 200 || status == 204 || status == 304;
}

static int accept_response(struct http_parse *p)
{
    struct http_head *head = &p->head;
    struct str ignored;

    p->upgrades = head->status == 101 && has_connection_word(head, STR("upgrade")) &&
                  http_header_get(head->headers, head->headers_n, STR("upgrade"), &ignored);
    if (is_bodiless(p)) {
        p->stage = STAGE_END;
        return 0;
    }
    begin_body(p);
    if (p->left == UNTIL_THE_END && !head->chunked)
        head->keep_alive = false; // its end is the body's
    return 0;
}

// ---- the head

// Looks for the end of the head. 0: *out_len is its length, or 0 while it is not whole.
static int scan_head(struct http_parse *p, struct str bytes, size_t *out_len)
{
    *out_len = 0;
    while (p->scanned < bytes.len) {
        size_t at = p->scanned;
        const char *lf = memchr(bytes.ptr + at, '\n', bytes.len - at);

        if (lf == NULL) {
            p->scanned = bytes.len;
            break;
        }
        at = (size_t)(lf - bytes.ptr);
        p->scanned = at + 1;
        if (at == p->line || bytes.ptr[at - 1] != '\r')
            return refuse(p, HTTP_PARSE_E_SYNTAX, "line does not end in CR LF");
        if (at - 1 == p->line) {
            *out_len = at + 1;
            break;
        }
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

// The first of whole lines, without its CR LF. All of them end so: scan_head has seen to it.
static struct str take_line(struct str *lines)
{
    struct str line;

    str_cut(*lines, '\n', &line, lines);
    line.len--;
    return line;
}

// `lines`: from the first to the empty one.
static int read_head(struct http_parse *p, struct str lines)
{
    struct http_head *head = &p->head;
    struct str line = take_line(&lines);

    *head = (struct http_head){.headers = p->headers};
    if (has_control(line))
        return refuse(p, HTTP_PARSE_E_SYNTAX, "control character inside a line");
    if ((p->side == HTTP_SIDE_REQUEST ? read_request_line(p, line) : read_status_line(p, line)) !=
        0)
        return p->outcome;
    for (line = take_line(&lines); line.len > 0; line = take_line(&lines)) {
        if (has_control(line))
            return refuse(p, HTTP_PARSE_E_SYNTAX, "control character inside a line");
        if (head->headers_n == HTTP_HEADERS_MAX)
            return refuse(p, HTTP_PARSE_E_HEAD_TOO_LARGE, "too many headers");
        if (read_field(p, line, &p->headers[head->headers_n++]) != 0)
            return p->outcome;
    }
    return 0;
}

static int accept_head(struct http_parse *p)
{
    struct framing f = framing_of(&p->head);

    if (check_lengths(p, &f) != 0)
        return p->outcome;
    p->head.keep_alive = stays_open(&p->head, &f);
    return p->side == HTTP_SIDE_REQUEST ? accept_request(p, &f) : accept_response(p);
}

// ---- steps: each says whether the next one may be taken at once, that is, nothing was told

static bool step_head(struct http_parse *p, struct str bytes, size_t *out_used,
                      struct http_event *out)
{
    size_t skipped = p->is_started || p->side == HTTP_SIDE_RESPONSE ? 0 : empty_lines(bytes);
    size_t len;

    *out_used = skipped;
    bytes = str_from(bytes, skipped);
    if (bytes.len == 0 || (bytes.len == 1 && bytes.ptr[0] == '\r' && !p->is_started))
        return false;
    if (!p->is_started && check_first_byte(p, bytes.ptr[0]) != 0)
        return false;
    p->is_started = true;
    if (scan_head(p, bytes, &len) != 0 || len == 0)
        return false;
    if (read_head(p, str_take(bytes, len)) != 0 || accept_head(p) != 0)
        return false;
    *out_used += len;
    p->scanned = 0;
    *out = (struct http_event){.kind = HTTP_EVENT_HEAD, .head = p->head};
    return false;
}

static bool step_body(struct http_parse *p, struct str bytes, size_t *out_used,
                      struct http_event *out)
{
    struct str piece =
        p->left == UNTIL_THE_END ? bytes : str_take(bytes, (size_t)p->left); // a size_t has 64 bits

    if (piece.len == 0)
        return false;
    *out_used = piece.len;
    *out = (struct http_event){.kind = HTTP_EVENT_BODY, .body = piece};
    p->overhead = 0;
    if (p->left == UNTIL_THE_END)
        return false;
    p->left -= (int64_t)piece.len;
    if (p->left == 0)
        p->stage = p->stage == STAGE_CHUNK ? STAGE_CHUNK_END : STAGE_END;
    return false;
}

// A whole line of the framing. False: refused, or it is not there yet.
static bool framing_line(struct http_parse *p, struct str bytes, size_t *out_used, struct str *out)
{
    const char *lf = NULL;

    if (bytes.len > p->scanned)
        lf = memchr(bytes.ptr + p->scanned, '\n', bytes.len - p->scanned);
    p->scanned = lf != NULL ? 0 : bytes.len;
    if (p->overhead + (lf != NULL ? (size_t)(lf - bytes.ptr) : bytes.len) > HTTP_HEAD_MAX) {
        refuse(p, HTTP_PARSE_E_SYNTAX, "too much chunk framing");
        return false;
    }
    if (lf == NULL)
        return false;
    *out_used = (size_t)(lf - bytes.ptr) + 1;
    p->overhead += *out_used;
    if (*out_used < 2 || lf[-1] != '\r') {
        refuse(p, HTTP_PARSE_E_SYNTAX, "line does not end in CR LF");
        return false;
    }
    *out = str_take(bytes, *out_used - 2);
    if (has_control(*out))
        refuse(p, HTTP_PARSE_E_SYNTAX, "control character inside a line");
    return p->outcome == 0;
}

static int hex_value(char c)
{
    if (is_digit(c))
        return c - '0';
    if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
        return (c | 0x20) - 'a' + 10;
    return -1;
}

// "1f" or "1f;name=value"; the extensions mean nothing to us.
static bool step_chunk_size(struct http_parse *p, struct str bytes, size_t *out_used)
{
    struct str line;
    struct str digits;
    struct str ignored;

    if (!framing_line(p, bytes, out_used, &line))
        return false;
    str_cut(line, ';', &digits, &ignored);
    digits = str_trim(digits);
    if (digits.len == 0 || digits.len > CHUNK_DIGITS_MAX || digits.ptr != line.ptr) {
        refuse(p, HTTP_PARSE_E_SYNTAX, "bad length of a chunk");
        return false;
    }
    p->left = 0;
    for (size_t i = 0; i < digits.len; i++) {
        int value = hex_value(digits.ptr[i]);
        if (value < 0) {
            refuse(p, HTTP_PARSE_E_SYNTAX, "bad length of a chunk");
            return false;
        }
        p->left = p->left * 16 + value;
    }
    p->stage = p->left > 0 ? STAGE_CHUNK : STAGE_TRAILER;
    return true;
}

static bool step_chunk_end(struct http_parse *p, struct str bytes, size_t *out_used)
{
    if (bytes.len > 0 && (bytes.ptr[0] != '\r' || (bytes.len > 1 && bytes.ptr[1] != '\n'))) {
        refuse(p, HTTP_PARSE_E_SYNTAX, "a chunk is longer than it says");
        return false;
    }
    if (bytes.len < 2)
        return false;
    *out_used = 2;
    p->stage = STAGE_CHUNK_SIZE;
    return true;
}

static bool step_trailer(struct http_parse *p, struct str bytes, size_t *out_used)
{
    struct http_header dropped;
    struct str line;

    if (!framing_line(p, bytes, out_used, &line))
        return false;
    if (line.len == 0)
        p->stage = STAGE_END;
    else if (read_field(p, line, &dropped) != 0)
        return false;
    return true;
}

static bool step_end(struct http_parse *p, struct http_event *out)
{
    out->kind = p->upgrades ? HTTP_EVENT_UPGRADE : HTTP_EVENT_DONE;
    if (p->upgrades)
        p->stage = STAGE_REFUSED; // what follows is not for this parser
    else
        next_message(p);
    return false;
}

static bool step(struct http_parse *p, struct str bytes, size_t *out_used, struct http_event *out)
{
    switch (p->stage) {
    case STAGE_HEAD: return step_head(p, bytes, out_used, out);
    case STAGE_BODY:
    case STAGE_CHUNK: return step_body(p, bytes, out_used, out);
    case STAGE_CHUNK_SIZE: return step_chunk_size(p, bytes, out_used);
    case STAGE_CHUNK_END: return step_chunk_end(p, bytes, out_used);
    case STAGE_TRAILER: return step_trailer(p, bytes, out_used);
    case STAGE_END: return step_end(p, out);
    case STAGE_REFUSED: return false;
    }
    UNREACHABLE();
}

int http_parse_step(struct http_parse *p, struct str bytes, size_t *out_used,
                    struct http_event *out)
{
    bool again;

    *out_used = 0;
    *out = (struct http_event){.kind = HTTP_EVENT_MORE};
    do {
        size_t used = 0;
        again = step(p, str_from(bytes, *out_used), &used, out);
        *out_used += used;
    } while (again);
    return p->outcome;
}

int http_parse_eof(struct http_parse *p, bool *out_done)
{
    *out_done = p->stage == STAGE_BODY && p->left == UNTIL_THE_END;
    if (*out_done)
        next_message(p);
    return http_parse_is_idle(p) ? 0
                                 : refuse(p, HTTP_PARSE_E_CUT, "the stream ended inside a message");
}
