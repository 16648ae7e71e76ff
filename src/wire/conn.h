// One byte-stream connection on the loop, plain or TLS, TCP or unix. The HTTP server, the HTTP
// client and websockets all stand on it, and it can be handed from one to the other.
//
// Bytes come in through conn_in and are taken with conn_consume; bytes go out through conn_write,
// which only queues: everything queued in a round leaves in one write at its end. No function here
// calls a handler before it returns, so an owner never finds itself re-entered.
//
// Life: on_close is the last call an owner gets, exactly once, unless he called conn_abort. After
// it the connection is gone. Handlers may call any function of this header.

#ifndef WIRE_CONN_H
#define WIRE_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"
#include "io/socket.h"

struct loop;
struct tls_context;
struct conn;

enum conn_end {
    CONN_END_DONE,            // conn_finish ran its course
    CONN_END_RESET,           // reading or writing failed
    CONN_END_REFUSED,         // could not connect
    CONN_END_CONNECT_TIMEOUT, // not connected (TLS included) in time
    CONN_END_TLS,             // TLS failed: handshake, certificate, or a cut without notice
    CONN_END_STALLED,         // the peer did not take our bytes for write_stall_ms
};
const char *conn_end_text(enum conn_end end); // "connection refused", ...

struct conn_handler {
    void (*on_open)(void *user);     // ready to carry bytes, TLS included; optional. Not for plain
                                     // accepted ones, which are ready from the start
    void (*on_data)(void *user);     // more bytes, or the peer's end (see conn_is_eof); the owner
                                     // decides whether to answer that with his own
    void (*on_drain)(void *user);    // output fell back under out_low; optional
    void (*on_deadline)(void *user); // the owner's deadline passed; optional when none is set
    void (*on_close)(void *user, enum conn_end end);
};

struct conn_config {
    int64_t connect_ms;     // connecting and TLS handshake together
    int64_t write_stall_ms; // output waiting and nothing taken for so long: cut; 0: never
    int64_t linger_ms;      // after conn_finish: wait so long for the peer's end
    size_t in_max;          // unread input: at so many bytes reading pauses until some are consumed
    size_t out_low;         // on_drain's mark
};
extern const struct conn_config conn_defaults; // 10 s, 30 s, 2 s, 64 KiB, 64 KiB

// Traffic of all connections that share one; each may be NULL in the functions below.
struct conn_counters {
    uint64_t bytes_in;
    uint64_t bytes_out;
};

struct conn_options {
    const struct conn_config *config;   // NULL: defaults. Copied.
    struct tls_context *tls;            // NULL: plain
    struct str tls_host;                // client: the name to verify
    struct conn_counters *counters;     // outlives the connection
    const struct conn_handler *handler; // outlives the connection
    void *user;
};

// Takes over an accepted (or otherwise connected) descriptor, also on failure of the handshake.
struct conn *conn_accept(struct loop *loop, int fd, const struct socket_address *peer,
                         const struct conn_options *options);

// Never fails at once: refusal is told by on_close.
struct conn *conn_connect(struct loop *loop, const struct socket_address *address,
                          const struct conn_options *options);

// Hands the connection over, unread input and queued output included. If input is waiting, the new
// owner's on_data is called soon.
void conn_set_handler(struct conn *conn, const struct conn_handler *handler, void *user);
// In the middle of its life; the times count from what begins afterwards.
void conn_set_config(struct conn *conn, const struct conn_config *config);
void conn_set_counters(struct conn *conn, struct conn_counters *counters); // NULL: none

// Unread input; valid until the next conn_consume or return to the loop.
struct str conn_in(const struct conn *conn);
void conn_consume(struct conn *conn, size_t len);
bool conn_is_eof(const struct conn *conn); // nothing will follow what conn_in has

// No on_data between the two (input is gathered up to in_max, then the peer waits). Resuming
// announces what is there, and after a pause also that nothing is: the owner may have stopped with
// all bytes consumed and something still to say about them.
void conn_pause(struct conn *conn);
void conn_resume(struct conn *conn);

void conn_write(struct conn *conn, struct str bytes);
size_t conn_out_pending(const struct conn *conn);

// One deadline for the owner; fires once. ms <= 0 clears it.
void conn_set_deadline(struct conn *conn, int64_t after_ms);

// Graceful: sends what is queued, then our end, then waits linger_ms for the peer's end and ignores
// what comes meanwhile (closing over unread bytes would reset the connection and destroy the reply
// on its way). Of the handlers only on_close is called from here on. Input is gone.
void conn_finish(struct conn *conn);

// Our end only, after what is queued; the peer's bytes keep coming. Not with TLS, whose close is
// both ends'.
void conn_end_output(struct conn *conn);

// The same for an owner who does not wait: no handler is called any more, not even on_close.
void conn_leave(struct conn *conn);

// At once and silently; on_close is not called. NULL is fine.
void conn_abort(struct conn *conn);

bool conn_is_tls(const struct conn *conn);
const struct socket_address *conn_peer(const struct conn *conn);
struct loop *conn_loop(const struct conn *conn);
// A line on why TLS failed, inside on_close(CONN_END_TLS); lives in `arena`.
struct str conn_tls_error(struct arena *arena, const struct conn *conn);

#endif
