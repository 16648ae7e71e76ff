// An HTTP/1.1 client on the same connections as the server: unix sockets, TCP, TLS; whole replies
// or streams; upgrades. One client speaks to one target and keeps a few connections to it open.
//
// Every call ends with on_done exactly once, from the loop, never from inside http_client_send, and
// always within its deadlines; unless it was cancelled, which is silent.
//
// A request on a connection that was kept open and turns out closed before any byte of the reply is
// sent again once on a fresh connection when its method is idempotent (GET, HEAD, PUT, DELETE) or
// the caller says so.

#ifndef WIRE_HTTP_CLIENT_H
#define WIRE_HTTP_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "wire/http.h"
#include "wire/uri.h"

struct conn;
struct loop;
struct tls_context;
struct http_client;
struct http_call;

struct http_client_config {
    struct uri target;       // scheme, host, port or unix_path; path and query are ignored. Copied.
    struct tls_context *tls; // for https; outlives the client
    struct str user_agent;   // empty: none sent. Copied.
    unsigned idle_max;       // kept open; 0: 4
    int64_t idle_ms;         // closed when unused for so long; 0: 30 s
};

// How a call ended. Zero: a whole reply (whatever its status).
enum http_client_outcome {
    HTTP_CLIENT_E_REFUSED = 1, // no such name, nobody listens, no such socket
    HTTP_CLIENT_E_TLS,         // certificate or handshake
    HTTP_CLIENT_E_TIMEOUT,     // one of the deadlines
    HTTP_CLIENT_E_CLOSED,      // connection lost before the reply was whole
    HTTP_CLIENT_E_PROTOCOL,    // not HTTP, or more than our limits
    HTTP_CLIENT_E_TOO_LARGE,   // body over body_max
};
const char *http_client_outcome_text(int outcome); // "connection refused"; 0: "ok"

struct http_answer {
    int status;
    const struct http_header *headers;
    size_t headers_n;
    struct str body; // empty when on_body took it
};

struct http_call_handler {
    // The head has arrived. Optional.
    void (*on_head)(void *user, struct http_call *call, const struct http_answer *head);

    // Streams: pieces as they come. NULL: the body is collected for on_done, up to body_max.
    void (*on_body)(void *user, struct http_call *call, struct str piece);

    // The end. `outcome`: 0 or http_client_outcome; `reply` is NULL before a head was seen, and
    // lives until on_done returns, as does `call`. `detail` says more in a few words ("docker.sock:
    // No such file or directory"), for people.
    void (*on_done)(void *user, struct http_call *call, int outcome,
                    const struct http_answer *reply, struct str detail);

    // Set: the caller offers an upgrade (and sends the headers for it). On status 101 the
    // connection is his, with any bytes behind the head still in it, and on_done is not called. Any
    // other status: on_done as usual.
    void (*on_upgrade)(void *user, struct http_call *call, const struct http_answer *head,
                       struct conn *conn);
};

struct http_call_options {
    struct str method;
    struct str target; // "/path?query", encoded
    const struct http_header
        *headers; // Content-Length is added, and Host and User-Agent if missing
    size_t headers_n;
    struct str body;
    int64_t connect_ms;                      // name, connection and TLS; 0: 10 s
    int64_t total_ms;                        // from send to the end; 0: none (streams)
    int64_t idle_ms;                         // without a byte of the reply; 0: none
    size_t body_max;                         // of a collected body; 0: 16 MiB
    bool resend;                             // may be sent twice although not idempotent
    const struct http_call_handler *handler; // outlives the call
    void *user;
};

// Copies what it needs.
struct http_client *http_client_new(struct loop *loop, const struct http_client_config *config);

// Cancels every call and closes every connection.
void http_client_free(struct http_client *client);

// The handle is good until on_done or on_upgrade returns, or http_call_cancel.
struct http_call *http_client_send(struct http_client *client,
                                   const struct http_call_options *options);
void http_call_cancel(struct http_call *call);

// Back-pressure on a stream: no on_body until resumed. Deadlines stand still but for total_ms.
void http_call_pause(struct http_call *call);
void http_call_resume(struct http_call *call);

#endif
