// An HTTP/1.1 server whose replies may come late and in any order.
//
// A complete request is handed over as an exchange: the request, the arena it lives in, and the
// duty to answer once. The answer may come at once or after other exchanges of the same connection;
// bytes leave in the order of the requests. An exchange outlives its connection: answering one
// whose client has gone is normal and costs nothing.
//
// All calls on the loop's thread.

#ifndef WIRE_HTTP_SERVER_H
#define WIRE_HTTP_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "wire/http.h"

struct arena;
struct conn;
struct loop;
struct socket_address;
struct tls_context;
struct http_server;
struct http_exchange;

struct http_request {
    struct str method;
    struct str target; // as sent, "/path?query"
    struct str path;   // as sent, still percent-encoded, without the query
    struct str query;  // as sent, without '?'
    const struct http_header *headers;
    size_t headers_n;
    struct str body; // whole, chunk framing removed
    bool wants_websocket;
};

// Content-Length, Date and Connection are added by the server and must not be in `headers`. Headers
// with control characters in them are left out rather than sent. Copied before the call returns.
struct http_response {
    int status;
    const struct http_header *headers;
    size_t headers_n;
    struct str body; // not sent for HEAD, 204 and 304
};

struct http_server_handler {
    // `request` and its slices live in the exchange's arena until the exchange is answered (or,
    // when it streams, ended).
    void (*on_request)(void *user, struct http_exchange *exchange,
                       const struct http_request *request);

    // Fills the answer to input that never became a request: 400 malformed, 408 too slow, 413 body
    // too large, 414, 417, 431, 501, 503 too many connections, 505. `detail` is a sentence.
    // Optional: plain text otherwise. Allocate in `arena`.
    void (*on_refused)(void *user, int status, struct str detail, struct arena *arena,
                       struct http_response *out);
};

struct http_server_config {
    int64_t head_ms;        // from the first byte of a request to the end of its head: then 408
    int64_t body_ms;        // from the head to the end of the body: then 408
    int64_t idle_ms;        // between requests: then closed silently
    int64_t write_stall_ms; // the client takes no bytes for so long: cut
    int64_t tls_handshake_ms;
    size_t body_max;          // then 413
    unsigned pipeline_max;    // unanswered requests of one connection; then reading pauses
    unsigned connections_max; // then 503 and closed
};
extern const struct http_server_config http_server_defaults; // 10 s, 30 s, 75 s, 30 s, 10 s, 1 MiB,
                                                             // 16, 10,000

struct http_server_stats {
    uint64_t accepted;
    uint64_t refused;  // over connections_max
    uint64_t requests; // handed to on_request
    uint64_t rejected; // answered by on_refused
    uint64_t bytes_in;
    uint64_t bytes_out;
    unsigned open; // connections now (those handed over with http_take_over not counted)
};

struct http_server *http_server_new(struct loop *loop, const struct http_server_config *config,
                                    const struct http_server_handler *handler, void *user);

// Stops listening and cuts every connection. Exchanges still unanswered stay valid until answered.
// Not from inside on_request, on_refused or on_drain.
void http_server_free(struct http_server *server);

// Serves a listening descriptor (io/socket.h), which the server owns from here on. `tls` may be
// NULL and must outlive the server.
int http_server_listen(struct http_server *server, int listen_fd,
                       struct tls_context *tls) MUST_CHECK;

// No new connections; idle ones close now, busy ones after their reply. `on_idle` (optional) is
// called once, when none is left.
void http_server_drain(struct http_server *server, void (*on_idle)(void *user), void *user);
struct http_server_stats http_server_stats(const struct http_server *server);

// ---- answering

// Exactly one of http_reply, http_reply_start .. http_reply_end, or http_take_over an exchange. The
// exchange and its arena are gone when http_reply, http_reply_end or http_take_over return.
void http_reply(struct http_exchange *exchange, const struct http_response *response);

// A body of unknown length, chunk by chunk. `on_gone` tells once that the client has left (or had
// left before the start: then soon); http_reply_end must still be called. `on_drain` (optional)
// tells that http_reply_pending fell under 64 KiB after it was above.
void http_reply_start(struct http_exchange *exchange, const struct http_response *head,
                      void (*on_gone)(void *user), void (*on_drain)(void *user), void *user);
void http_reply_chunk(struct http_exchange *exchange, struct str bytes); // empty: nothing
size_t http_reply_pending(const struct http_exchange *exchange); // bytes not yet with the kernel
void http_reply_end(struct http_exchange *exchange);
// Instead of http_reply_end when the stream broke: the client sees a cut, not a clean end.
void http_reply_cut(struct http_exchange *exchange);

// Answers 101 with `headers` (Upgrade and Connection among them) and hands the connection over;
// input behind the request is still in it. HTTP_TAKE_E_GONE: the client has left; HTTP_TAKE_E_BUSY:
// earlier requests of the connection are unanswered, or this one asked for no upgrade. After an
// outcome the exchange still has to be answered.
enum http_take_outcome { HTTP_TAKE_E_GONE = 1, HTTP_TAKE_E_BUSY };
int http_take_over(struct http_exchange *exchange, const struct http_header *headers, size_t n,
                   struct conn **out_conn) MUST_CHECK;

const struct http_request *http_exchange_request(const struct http_exchange *exchange);
struct arena *http_exchange_arena(struct http_exchange *exchange);
// Who asks; NULL: the client has left.
const struct socket_address *http_exchange_peer(const struct http_exchange *exchange);

// For the handler's own use; NULL at first.
void http_exchange_set_user(struct http_exchange *exchange, void *user);
void *http_exchange_user(const struct http_exchange *exchange);

#endif
