// HTTP/1.1 messages out of a byte stream, for requests and for responses. What a proxy in front of
// us might read otherwise than we do is refused (space before a colon, folded lines, bare LF,
// several lengths, several hosts, ...). Source of the rules: RFC 9112.
//
// Pull style: feed what is there, get one event, consume, feed again.
//
//     while ((r = http_parse_step(parser, conn_in(conn), &used, &event)) == 0 && event.kind !=
//     HTTP_EVENT_MORE)
//         ... handle the event, then conn_consume(conn, used);
//
// The slices of an event point into the bytes that were fed.

#ifndef WIRE_HTTP_PARSE_H
#define WIRE_HTTP_PARSE_H

#include <stdint.h>

#include "base/error.h"
#include "wire/http.h"

enum http_side { HTTP_SIDE_REQUEST, HTTP_SIDE_RESPONSE };

enum http_event_kind {
    HTTP_EVENT_MORE,    // nothing whole yet: wait for bytes
    HTTP_EVENT_HEAD,    // event.head is set
    HTTP_EVENT_BODY,    // event.body is a piece, chunk framing removed
    HTTP_EVENT_DONE,    // the message is complete; the next byte starts another
    HTTP_EVENT_UPGRADE, // the same, but what follows is not HTTP (websocket asked for, or status
                        // 101)
};

enum { HTTP_LENGTH_UNKNOWN = -1 };

struct http_head {
    struct str method; // requests; lives for ever, unlike the other texts
    struct str target; // requests, as sent: "/path?query"
    int status;        // responses
    struct http_header *headers;
    size_t headers_n;
    struct str reason;      // responses
    int minor;              // HTTP/1.minor
    int64_t content_length; // HTTP_LENGTH_UNKNOWN: chunked, or until the connection ends
    bool chunked;
    bool keep_alive;       // the connection may carry another message afterwards
    bool expects_continue; // Expect: 100-continue
    bool wants_websocket;  // requests: Upgrade: websocket on GET without a body
};

struct http_event {
    enum http_event_kind kind;
    struct http_head head; // headers live in the parser until the next head
    struct str body;
};

// Why a message was refused; http_parse_status gives the answer's status. The parser is of no use
// afterwards: where the next message would begin is unknown.
enum http_parse_outcome {
    HTTP_PARSE_E_SYNTAX = 1,      // 400
    HTTP_PARSE_E_HEAD_TOO_LARGE,  // 431
    HTTP_PARSE_E_TARGET_TOO_LONG, // 414
    HTTP_PARSE_E_VERSION,         // 505
    HTTP_PARSE_E_EXPECTATION,     // 417: an Expect that is not 100-continue
    HTTP_PARSE_E_CODING,          // 501: a transfer coding other than chunked
    HTTP_PARSE_E_CUT,             // the stream ended inside a message
};
int http_parse_status(enum http_parse_outcome outcome);

struct http_parse;

struct http_parse *http_parse_new(enum http_side side);
void http_parse_free(struct http_parse *parser);
void http_parse_reset(struct http_parse *parser); // ready for the first byte of a connection

// Responses: the next one answers a HEAD request, so it has no body whatever its headers say.
void http_parse_expect_no_body(struct http_parse *parser);

// One step over `bytes` (all unread input). *out_used bytes are finished with, also when the event
// is HTTP_EVENT_MORE. Returns 0 or an http_parse_outcome.
int http_parse_step(struct http_parse *parser, struct str bytes, size_t *out_used,
                    struct http_event *out_event) MUST_CHECK;

// The stream has ended and all of it was fed. 0: between two messages, or the end of a body that
// runs to the end (*out_done is then true); else HTTP_PARSE_E_CUT.
int http_parse_eof(struct http_parse *parser, bool *out_done) MUST_CHECK;

// True before the first byte of a message (idle); used to choose between deadlines.
bool http_parse_is_idle(const struct http_parse *parser);

// A sentence on the last refusal, a literal.
const char *http_parse_detail(const struct http_parse *parser);

#endif
