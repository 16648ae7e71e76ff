// The inside of the HTTP server, shared by http_server.c (listeners), http_session.c (a connection
// and the requests on it) and http_exchange.c (a request and its answer). Nobody else includes it.

#ifndef WIRE_HTTP_SESSION_H
#define WIRE_HTTP_SESSION_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "io/loop.h"
#include "wire/conn.h"
#include "wire/http_server.h"

struct http_parse;

enum { HTTP_SPARE_ARENAS_MAX = 64 };

struct http_server {
    struct loop *loop;
    struct http_server_config config;
    struct conn_config conn_config;
    const struct http_server_handler *handler;
    void *user;
    struct list listeners;
    struct list sessions;
    struct http_server_stats stats;
    struct conn_counters counters;
    int64_t date_second; // of date_text
    char date_text[32];
    struct buf head;                                  // scratch: the head being written
    struct arena spare_arenas[HTTP_SPARE_ARENAS_MAX]; // of exchanges that are gone, each one block
    unsigned spare_arenas_n;
    bool draining;
    void (*on_idle)(void *user);
    void *idle_user;
    struct loop_job idle_job;
};

// What a deadline is set for.
enum http_waiting { HTTP_WAITING_NOTHING, HTTP_WAITING_IDLE, HTTP_WAITING_HEAD, HTTP_WAITING_BODY };

// One connection.
struct http_session {
    struct list link;
    struct http_server *server;
    struct conn *conn; // NULL: handed over; the job frees the session
    struct http_parse *parser;
    struct list exchanges;         // first: the one whose bytes go out now
    struct http_exchange *reading; // the last of them while its body is not whole
    struct loop_job job;
    unsigned exchanges_n;
    uint64_t requests_n; // heads read
    enum http_waiting waiting;
    uint64_t waiting_since; // requests_n when the deadline was set
    bool stopped;           // no further request will be read
    bool finished;          // conn_finish was called
    bool cut;               // to be dropped by the job, in the middle of an answer
};

enum http_exchange_state {
    HTTP_EXCHANGE_READING,   // its request is not whole
    HTTP_EXCHANGE_OPEN,      // handed over, not answered
    HTTP_EXCHANGE_STREAMING, // http_reply_start was called
    HTTP_EXCHANGE_ANSWERED,  // waits for its turn; the owner has let go of it
};

struct http_exchange {
    struct list link;
    struct http_session *session; // NULL: the connection is gone
    struct loop *loop;
    struct loop_job gone_job; // for a stream that begins when its client has left already
    struct arena arena;
    struct http_request request;
    int64_t body_len; // as announced; HTTP_LENGTH_UNKNOWN
    struct buf body;  // what came of it in more than one piece
    struct buf out;   // bytes of the answer before its turn
    enum http_exchange_state state;
    bool is_head; // the request's method is HEAD
    bool is_http10;
    bool keep_alive; // wanted by the client
    bool is_chunked; // the stream's framing
    bool cut;
    bool told_gone;
    void (*on_gone)(void *user);
    void (*on_drain)(void *user);
    void *stream_user;
    void *user;
};

// ---- http_exchange.c

struct http_exchange *http_exchange_new(struct http_session *session); // at the end of its queue
void http_exchange_free(struct http_exchange *exchange);
struct http_exchange *http_exchange_first(const struct http_session *session); // NULL: none

// Bytes of the answer: to the connection when it is its turn, else kept until then.
void http_exchange_write(struct http_exchange *exchange, struct str bytes);
void http_exchange_write_whole(struct http_exchange *exchange,
                               const struct http_response *response);

// Lets complete answers leave, in order; the session's job sees to what follows.
void http_exchange_advance(struct http_session *session);

// ---- http_session.c

struct http_session *http_session_new(struct http_server *server, int fd,
                                      const struct socket_address *peer, struct tls_context *tls);
void http_session_abort(struct http_session *session);

// Answers in the server's own name and reads no further.
void http_session_reject(struct http_session *session, int status, struct str detail);

// ---- http_server.c

void http_server_check_idle(struct http_server *server);

#endif
