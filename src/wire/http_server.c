// The server keeps, for every connection, the queue of its exchanges in the order of the requests.
// The first of the queue writes to the connection, the others into buffers of their own; when the
// first is complete it leaves, and the next pours its buffer out. Everything else follows from
// that: late answers, answers in any order, "100 Continue", refusals behind answers still due.
//
// Handlers are called from the connection's events and from the session's job, never from inside
// http_reply and its kin, so an owner is never re-entered.
//
// Refused here: more than pipeline_max unanswered requests (reading waits), bodies over body_max,
// clients that are slow with a head, a body, or with taking what they asked for.

#include "wire/http_server.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "io/clock.h"
#include "io/file.h"
#include "io/loop.h"
#include "io/socket.h"
#include "wire/conn.h"
#include "wire/http_parse.h"

enum {
    ACCEPTS_A_ROUND = 64,
    ACCEPT_RETRY_MS = 100, // after running out of descriptors
    REFUSALS_MAX = 64,     // connections over the limit that may wait for their 503 at once
};

struct listener {
    struct list link;
    struct http_server *server;
    struct loop_fd watch;
    struct loop_timer retry;
    struct tls_context *tls;
    int fd;
};

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
    bool draining;
    void (*on_idle)(void *user);
    void *idle_user;
    struct loop_job idle_job;
};

enum waiting { WAITING_NOTHING, WAITING_IDLE, WAITING_HEAD, WAITING_BODY };

// One connection.
struct session {
    struct list link;
    struct http_server *server;
    struct conn *conn; // NULL: handed over; the job frees the session
    struct http_parse *parser;
    struct list exchanges;         // first: the one whose bytes go out now
    struct http_exchange *reading; // the last of them while its body is not whole
    struct loop_job job;
    unsigned exchanges_n;
    uint64_t requests_n; // heads read
    enum waiting waiting;
    uint64_t waiting_since; // requests_n when the deadline was set
    bool stopped;           // no further request will be read
    bool finished;          // conn_finish was called
    bool cut;               // to be dropped by the job, in the middle of an answer
};

enum exchange_state {
    EXCHANGE_READING,   // its request is not whole
    EXCHANGE_OPEN,      // handed over, not answered
    EXCHANGE_STREAMING, // http_reply_start was called
    EXCHANGE_ANSWERED,  // waits for its turn; the owner has let go of it
};

struct http_exchange {
    struct list link;
    struct session *session; // NULL: the connection is gone
    struct loop *loop;
    struct loop_job gone_job; // for a stream that begins when its client has left already
    struct arena arena;
    struct http_request request;
    struct buf body;
    struct buf out; // bytes of the answer before its turn
    enum exchange_state state;
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

const struct http_server_config http_server_defaults = {
    .head_ms = 10 * 1000,
    .body_ms = 30 * 1000,
    .idle_ms = 75 * 1000,
    .write_stall_ms = 30 * 1000,
    .tls_handshake_ms = 10 * 1000,
    .body_max = 1024 * 1024,
    .pipeline_max = 16,
    .connections_max = 10 * 1000,
};

// ---- exchanges and their turn

static void on_gone_job(void *user)
{
    struct http_exchange *exchange = user;

    exchange->told_gone = true;
    exchange->on_gone(exchange->stream_user);
}

static struct http_exchange *exchange_new(struct session *session)
{
    struct http_exchange *exchange = mem_zalloc(sizeof *exchange);

    arena_init(&exchange->arena);
    loop_job_init(&exchange->gone_job, on_gone_job, exchange);
    exchange->loop = session->server->loop;
    exchange->session = session;
    exchange->keep_alive = true;
    list_push_back(&session->exchanges, &exchange->link);
    session->exchanges_n++;
    return exchange;
}

static void exchange_free(struct http_exchange *exchange)
{
    if (exchange->session != NULL) {
        exchange->session->exchanges_n--;
        list_remove(&exchange->link);
    }
    loop_job_cancel(&exchange->gone_job);
    buf_deinit(&exchange->body);
    buf_deinit(&exchange->out);
    arena_deinit(&exchange->arena);
    mem_free(exchange);
}

static struct http_exchange *first_exchange(const struct session *session)
{
    if (list_is_empty(&session->exchanges))
        return NULL;
    return LIST_ENTRY(session->exchanges.next, struct http_exchange, link);
}

static bool is_its_turn(const struct http_exchange *exchange)
{
    return exchange->session != NULL && first_exchange(exchange->session) == exchange;
}

static void exchange_write(struct http_exchange *exchange, struct str bytes)
{
    if (exchange->session == NULL)
        return;
    if (is_its_turn(exchange))
        conn_write(exchange->session->conn, bytes);
    else
        buf_add_str(&exchange->out, bytes);
}

// What is due now in the exchange whose turn has come.
static void pour_out(struct http_exchange *exchange)
{
    conn_write(exchange->session->conn, buf_str(&exchange->out));
    buf_deinit(&exchange->out);
}

// Lets complete answers leave, in order; ends the connection after the last when it has to end.
static void advance(struct session *session)
{
    struct http_exchange *first;

    while ((first = first_exchange(session)) != NULL && first->state == EXCHANGE_ANSWERED) {
        session->cut = first->cut;
        exchange_free(first);
        if (session->cut)
            break;
        if (first_exchange(session) != NULL)
            pour_out(first_exchange(session));
    }
    loop_defer(session->server->loop, &session->job);
}

// ---- writing answers

static struct str date_now(struct http_server *server)
{
    int64_t second = clock_wall_ms() / TIME_SECOND_MS;

    if (second != server->date_second || server->date_text[0] == '\0') {
        struct arena scratch = ARENA_INIT;
        struct str text = time_http(&scratch, second * TIME_SECOND_MS);

        ASSERT(text.len < sizeof server->date_text);
        memcpy(server->date_text, text.ptr, text.len + 1);
        server->date_second = second;
        arena_deinit(&scratch);
    }
    return str_of(server->date_text);
}

static bool stays_open(const struct http_exchange *exchange)
{
    const struct session *session = exchange->session;
    bool is_last = session->exchanges.prev == &exchange->link;

    return exchange->keep_alive && !(is_last && (session->stopped || session->server->draining));
}

// Status line and headers, up to the ones that say how the body is framed.
static void write_head(struct http_exchange *exchange, const struct http_response *response,
                       struct buf *out)
{
    bool stays = stays_open(exchange);

    ASSERT(response->status >= 200 && response->status <= 599);
    buf_printf(out, "HTTP/1.1 %d %s\r\n", response->status, http_reason(response->status));
    http_write_header(out, STR("Date"), date_now(exchange->session->server));
    for (size_t i = 0; i < response->headers_n; i++) {
        if (http_header_is_valid(&response->headers[i]))
            http_write_header(out, response->headers[i].name, response->headers[i].value);
    }
    if (!stays)
        http_write_header(out, STR("Connection"), STR("close"));
    else if (exchange->is_http10)
        http_write_header(out, STR("Connection"), STR("keep-alive"));
    if (!stays)
        exchange->session->stopped = true;
}

static void write_whole(struct http_exchange *exchange, const struct http_response *response)
{
    BUF_AUTO struct buf out = BUF_INIT;
    bool has_length = response->status != 204 && response->status != 304;

    if (exchange->session == NULL)
        return;
    write_head(exchange, response, &out);
    if (has_length)
        buf_printf(&out, "Content-Length: %zu\r\n", response->body.len);
    buf_add_str(&out, STR("\r\n"));
    exchange_write(exchange, buf_str(&out));
    if (has_length && !exchange->is_head)
        exchange_write(exchange, response->body);
}

// The owner lets go of the exchange.
static void exchange_answered(struct http_exchange *exchange)
{
    struct session *session = exchange->session;

    if (session == NULL) {
        exchange_free(exchange);
        return;
    }
    exchange->state = EXCHANGE_ANSWERED;
    advance(session);
}

void http_reply(struct http_exchange *exchange, const struct http_response *response)
{
    ASSERT(exchange->state == EXCHANGE_OPEN);
    write_whole(exchange, response);
    exchange_answered(exchange);
}

void http_reply_start(struct http_exchange *exchange, const struct http_response *head,
                      void (*on_gone)(void *user), void (*on_drain)(void *user), void *user)
{
    BUF_AUTO struct buf out = BUF_INIT;

    ASSERT(exchange->state == EXCHANGE_OPEN);
    exchange->state = EXCHANGE_STREAMING;
    exchange->on_gone = on_gone;
    exchange->on_drain = on_drain;
    exchange->stream_user = user;
    if (exchange->session == NULL) {
        loop_defer(exchange->loop, &exchange->gone_job);
        return;
    }
    exchange->is_chunked = !exchange->is_http10;
    if (!exchange->is_chunked)
        exchange->keep_alive = false; // the end of the connection is the end of the body
    write_head(exchange, head, &out);
    if (exchange->is_chunked)
        http_write_header(&out, STR("Transfer-Encoding"), STR("chunked"));
    buf_add_str(&out, STR("\r\n"));
    exchange_write(exchange, buf_str(&out));
    // A client that half-closed before the stream began has left.
    loop_defer(exchange->session->server->loop, &exchange->session->job);
}

void http_reply_chunk(struct http_exchange *exchange, struct str bytes)
{
    char size[24];

    ASSERT(exchange->state == EXCHANGE_STREAMING);
    if (exchange->session == NULL || exchange->is_head || bytes.len == 0)
        return;
    if (exchange->is_chunked) {
        snprintf(size, sizeof size, "%zx\r\n", bytes.len);
        exchange_write(exchange, str_of(size));
    }
    exchange_write(exchange, bytes);
    if (exchange->is_chunked)
        exchange_write(exchange, STR("\r\n"));
}

size_t http_reply_pending(const struct http_exchange *exchange)
{
    if (exchange->session == NULL)
        return 0;
    if (is_its_turn(exchange))
        return conn_out_pending(exchange->session->conn);
    return buf_len(&exchange->out);
}

void http_reply_end(struct http_exchange *exchange)
{
    ASSERT(exchange->state == EXCHANGE_STREAMING);
    if (exchange->is_chunked && !exchange->is_head)
        exchange_write(exchange, STR("0\r\n\r\n"));
    exchange_answered(exchange);
}

void http_reply_cut(struct http_exchange *exchange)
{
    ASSERT(exchange->state == EXCHANGE_STREAMING);
    exchange->cut = true;
    exchange_answered(exchange);
}

int http_take_over(struct http_exchange *exchange, const struct http_header *headers, size_t n,
                   struct conn **out_conn)
{
    BUF_AUTO struct buf out = BUF_INIT;
    struct session *session = exchange->session;

    ASSERT(exchange->state == EXCHANGE_OPEN);
    if (session == NULL || conn_is_eof(session->conn))
        return HTTP_TAKE_E_GONE;
    if (!exchange->request.wants_websocket || !is_its_turn(exchange))
        return HTTP_TAKE_E_BUSY;
    buf_add_str(&out, STR("HTTP/1.1 101 Switching Protocols\r\n"));
    for (size_t i = 0; i < n; i++) {
        if (http_header_is_valid(&headers[i]))
            http_write_header(&out, headers[i].name, headers[i].value);
    }
    buf_add_str(&out, STR("\r\n"));
    conn_write(session->conn, buf_str(&out));
    conn_set_deadline(session->conn, 0);
    conn_set_counters(session->conn, NULL);
    *out_conn = session->conn;
    session->conn = NULL;
    exchange_free(exchange);
    loop_defer(session->server->loop, &session->job);
    return 0;
}

const struct http_request *http_exchange_request(const struct http_exchange *exchange)
{
    return &exchange->request;
}

struct arena *http_exchange_arena(struct http_exchange *exchange)
{
    return &exchange->arena;
}

void http_exchange_set_user(struct http_exchange *exchange, void *user)
{
    exchange->user = user;
}

void *http_exchange_user(const struct http_exchange *exchange)
{
    return exchange->user;
}

// ---- the end of a session

static void check_idle(struct http_server *server)
{
    if (server->draining && list_is_empty(&server->sessions))
        loop_defer(server->loop, &server->idle_job);
}

static void on_idle_job(void *user)
{
    struct http_server *server = user;
    void (*on_idle)(void *user) = server->on_idle;

    server->on_idle = NULL;
    if (on_idle != NULL)
        on_idle(server->idle_user);
}

// Forgets the connection; whatever is unanswered stays with its owner. Calls on_gone.
static void session_free(struct session *session)
{
    struct http_server *server = session->server;
    struct list orphans;

    list_init(&orphans);
    while (!list_is_empty(&session->exchanges)) {
        struct http_exchange *exchange = first_exchange(session);
        bool is_ours = exchange->state == EXCHANGE_READING || exchange->state == EXCHANGE_ANSWERED;

        if (is_ours) {
            exchange_free(exchange);
            continue;
        }
        session->exchanges_n--;
        list_remove(&exchange->link);
        exchange->session = NULL;
        if (exchange->state == EXCHANGE_STREAMING && !exchange->told_gone)
            list_push_back(&orphans, &exchange->link);
    }
    loop_job_cancel(&session->job);
    list_remove(&session->link);
    http_parse_free(session->parser);
    mem_free(session);
    server->stats.open--;
    check_idle(server);
    // Last, because a handler may do anything, such as freeing the server.
    while (!list_is_empty(&orphans)) {
        struct http_exchange *exchange = LIST_ENTRY(orphans.next, struct http_exchange, link);
        list_remove(&exchange->link);
        exchange->told_gone = true;
        exchange->on_gone(exchange->stream_user);
    }
}

static void session_abort(struct session *session)
{
    conn_abort(session->conn);
    session_free(session);
}

// ---- refusals

static void default_refusal(int status, struct str detail, struct arena *arena,
                            struct http_response *out)
{
    static const struct http_header plain = {.name = {.ptr = "Content-Type", .len = 12},
                                             .value = {.ptr = "text/plain", .len = 10}};

    out->headers = &plain;
    out->headers_n = 1;
    out->body = str_fmt(arena, "%s: %.*s\n", http_reason(status), STR_ARGS(detail));
}

// Answers in the server's own name and reads no further.
static void reject(struct session *session, int status, struct str detail)
{
    struct http_server *server = session->server;
    struct http_exchange *exchange = session->reading;
    struct http_response response = {.status = status};

    if (exchange == NULL)
        exchange = exchange_new(session);
    session->reading = NULL;
    session->stopped = true;
    server->stats.rejected++;
    if (server->handler->on_refused != NULL)
        server->handler->on_refused(server->user, status, detail, &exchange->arena, &response);
    else
        default_refusal(status, detail, &exchange->arena, &response);
    response.status = status;
    write_whole(exchange, &response);
    exchange->state = EXCHANGE_ANSWERED;
    advance(session);
}

// ---- reading requests

static struct str copy_text(struct http_exchange *exchange, struct str s)
{
    return str_copy(&exchange->arena, s);
}

static void copy_head(struct http_exchange *exchange, const struct http_head *head)
{
    struct http_request *request = &exchange->request;
    struct http_header *headers =
        arena_array(&exchange->arena, struct http_header, head->headers_n);

    for (size_t i = 0; i < head->headers_n; i++) {
        headers[i].name = copy_text(exchange, head->headers[i].name);
        headers[i].value = copy_text(exchange, head->headers[i].value);
    }
    request->headers = headers;
    request->headers_n = head->headers_n;
    request->method = copy_text(exchange, head->method);
    request->target = copy_text(exchange, head->target);
    request->wants_websocket = head->wants_websocket;
    request->remote = socket_address_text(&exchange->arena, conn_peer(exchange->session->conn));
    str_cut(request->target, '?', &request->path, &request->query);
    exchange->is_head = str_eq(head->method, STR("HEAD"));
    exchange->is_http10 = head->minor == 0;
    exchange->keep_alive = head->keep_alive;
}

static void begin_request(struct session *session, const struct http_head *head)
{
    struct http_exchange *exchange = exchange_new(session);

    session->reading = exchange;
    session->requests_n++;
    copy_head(exchange, head);
    if (head->content_length > 0 &&
        (uint64_t)head->content_length > session->server->config.body_max) {
        reject(session, 413, STR("request body too large"));
        return;
    }
    if (head->expects_continue && (head->chunked || head->content_length > 0))
        exchange_write(exchange, STR("HTTP/1.1 100 Continue\r\n\r\n"));
}

static void add_body(struct session *session, struct str piece)
{
    struct http_exchange *exchange = session->reading;

    if (piece.len > session->server->config.body_max - buf_len(&exchange->body))
        reject(session, 413, STR("request body too large"));
    else
        buf_add_str(&exchange->body, piece);
}

// The request is whole. `upgrade`: the bytes behind it may not be HTTP, so reading stops here
// whatever the answer will be.
static void hand_over(struct session *session, bool upgrade)
{
    struct http_exchange *exchange = session->reading;
    struct http_server *server = session->server;

    session->reading = NULL;
    exchange->request.body = buf_str(&exchange->body);
    exchange->state = EXCHANGE_OPEN;
    if (upgrade || !exchange->keep_alive || server->draining)
        session->stopped = true;
    server->stats.requests++;
    server->handler->on_request(server->user, exchange, &exchange->request);
}

// One event of the parser; false when there is nothing to go on with.
static bool step(struct session *session)
{
    struct http_event event;
    size_t used = 0;
    int outcome = http_parse_step(session->parser, conn_in(session->conn), &used, &event);

    if (outcome != 0) {
        reject(session, http_parse_status((enum http_parse_outcome)outcome),
               str_of(http_parse_detail(session->parser)));
        return false;
    }
    switch (event.kind) {
    case HTTP_EVENT_MORE: break;
    case HTTP_EVENT_HEAD: begin_request(session, &event.head); break;
    case HTTP_EVENT_BODY: add_body(session, event.body); break;
    case HTTP_EVENT_DONE:
    case HTTP_EVENT_UPGRADE: break;
    }
    conn_consume(session->conn, used);
    if (event.kind == HTTP_EVENT_DONE || event.kind == HTTP_EVENT_UPGRADE)
        hand_over(session, event.kind == HTTP_EVENT_UPGRADE); // may free the session: the last act
    return event.kind != HTTP_EVENT_MORE;
}

// ---- deadlines

static enum waiting what_is_awaited(const struct session *session)
{
    if (session->stopped)
        return WAITING_NOTHING;
    if (session->reading != NULL)
        return WAITING_BODY;
    if (!http_parse_is_idle(session->parser))
        return WAITING_HEAD;
    return session->exchanges_n == 0 ? WAITING_IDLE : WAITING_NOTHING;
}

static void set_deadline(struct session *session)
{
    const struct http_server_config *config = &session->server->config;
    enum waiting waiting = what_is_awaited(session);

    if (waiting == session->waiting && session->requests_n == session->waiting_since)
        return; // still the same head or body: the deadline counts from its start
    session->waiting = waiting;
    session->waiting_since = session->requests_n;
    switch (waiting) {
    case WAITING_NOTHING: conn_set_deadline(session->conn, 0); break;
    case WAITING_IDLE:
        conn_set_deadline(session->conn,
                          session->requests_n > 0 ? config->idle_ms : config->head_ms);
        break;
    case WAITING_HEAD: conn_set_deadline(session->conn, config->head_ms); break;
    case WAITING_BODY: conn_set_deadline(session->conn, config->body_ms); break;
    }
}

static void on_conn_deadline(void *user)
{
    struct session *session = user;

    switch (session->waiting) {
    case WAITING_IDLE:
        session->stopped = true;
        session->finished = true;
        conn_finish(session->conn);
        return;
    case WAITING_HEAD: reject(session, 408, STR("request head not received in time")); break;
    case WAITING_BODY: reject(session, 408, STR("request body not received in time")); break;
    case WAITING_NOTHING: break;
    }
    set_deadline(session);
}

// ---- the pump

// The client's end of the stream: what is unanswered will still be sent (a half-closed client may
// wait for it), but a stream without end has lost its reader.
static void client_has_ended(struct session *session)
{
    struct http_exchange *last;

    session->stopped = true;
    if (session->reading != NULL) {
        exchange_free(session->reading);
        session->reading = NULL;
    }
    if (list_is_empty(&session->exchanges))
        return;
    last = first_exchange(session);
    if (last->state == EXCHANGE_STREAMING && !last->told_gone) {
        last->told_gone = true;
        last->on_gone(last->stream_user);
    }
}

static bool may_read(const struct session *session)
{
    if (session->stopped)
        return false;
    return session->reading != NULL || session->exchanges_n < session->server->config.pipeline_max;
}

static void pump(struct session *session)
{
    // A handler inside step() may hand the connection over.
    while (session->conn != NULL && may_read(session) && step(session))
        ;
    if (session->conn == NULL)
        return;
    if (conn_is_eof(session->conn) && !session->finished)
        client_has_ended(session);
    if (session->stopped && !session->finished && session->exchanges_n == 0) {
        session->finished = true;
        conn_finish(session->conn);
    }
    set_deadline(session);
}

static void on_session_job(void *user)
{
    struct session *session = user;

    if (session->conn == NULL || session->cut)
        session_abort(session);
    else
        pump(session);
}

static void on_conn_data(void *user)
{
    pump(user);
}

static void on_conn_drain(void *user)
{
    struct session *session = user;
    struct http_exchange *first = first_exchange(session);

    if (first != NULL && first->state == EXCHANGE_STREAMING && first->on_drain != NULL)
        first->on_drain(first->stream_user);
}

static void on_conn_close(void *user, enum conn_end why)
{
    (void)why; // whatever it was, the client is gone
    session_free(user);
}

static const struct conn_handler conn_handler = {
    .on_data = on_conn_data,
    .on_drain = on_conn_drain,
    .on_deadline = on_conn_deadline,
    .on_close = on_conn_close,
};

// ---- accepting

static struct session *session_new(struct listener *listener, int fd,
                                   const struct socket_address *peer)
{
    struct http_server *server = listener->server;
    struct session *session = mem_zalloc(sizeof *session);
    struct conn_options options = {
        .config = &server->conn_config,
        .tls = listener->tls,
        .counters = &server->counters,
        .handler = &conn_handler,
        .user = session,
    };

    session->server = server;
    session->parser = http_parse_new(HTTP_SIDE_REQUEST);
    list_init(&session->exchanges);
    loop_job_init(&session->job, on_session_job, session);
    list_push_back(&server->sessions, &session->link);
    session->conn = conn_accept(server->loop, fd, peer, &options);
    server->stats.open++;
    return session;
}

static void serve(struct listener *listener, int fd, const struct socket_address *peer)
{
    struct http_server *server = listener->server;
    unsigned open = server->stats.open;
    struct session *session;

    if (open >= server->config.connections_max)
        server->stats.refused++;
    else
        server->stats.accepted++;
    if (open >= server->config.connections_max + REFUSALS_MAX) {
        fd_close(&fd);
        return;
    }
    session = session_new(listener, fd, peer);
    if (open >= server->config.connections_max)
        reject(session, 503, STR("too many connections"));
    set_deadline(session);
}

static void on_accept(void *user, unsigned ready)
{
    struct listener *listener = user;

    (void)ready;
    for (int i = 0; i < ACCEPTS_A_ROUND; i++) {
        struct socket_address peer;
        int fd = -1;
        int result = socket_accept(listener->fd, &fd, &peer);

        if (result == -EAGAIN)
            return;
        if (result != 0) { // out of descriptors or memory: asking again at once would spin
            loop_fd_want(&listener->watch, 0);
            loop_timer_start(&listener->retry, ACCEPT_RETRY_MS);
            return;
        }
        serve(listener, fd, &peer);
    }
}

static void on_accept_retry(void *user)
{
    struct listener *listener = user;

    loop_fd_want(&listener->watch, LOOP_READ);
}

int http_server_listen(struct http_server *server, int listen_fd, struct tls_context *tls)
{
    struct listener *listener = mem_zalloc(sizeof *listener);

    if (server->draining) {
        mem_free(listener);
        fd_close(&listen_fd);
        return -ESHUTDOWN;
    }
    *listener = (struct listener){.server = server, .tls = tls, .fd = listen_fd};
    loop_fd_init(&listener->watch, server->loop, listen_fd, on_accept, listener);
    loop_timer_init(&listener->retry, server->loop, on_accept_retry, listener);
    loop_fd_want(&listener->watch, LOOP_READ);
    list_push_back(&server->listeners, &listener->link);
    return 0;
}

// ---- the server

struct http_server *http_server_new(struct loop *loop, const struct http_server_config *config,
                                    const struct http_server_handler *handler, void *user)
{
    struct http_server *server = mem_zalloc(sizeof *server);

    ASSERT(handler->on_request != NULL);
    server->loop = loop;
    server->config = config != NULL ? *config : http_server_defaults;
    server->handler = handler;
    server->user = user;
    server->conn_config = conn_defaults;
    server->conn_config.connect_ms = server->config.tls_handshake_ms;
    server->conn_config.write_stall_ms = server->config.write_stall_ms;
    list_init(&server->listeners);
    list_init(&server->sessions);
    loop_job_init(&server->idle_job, on_idle_job, server);
    return server;
}

static void stop_listening(struct http_server *server)
{
    LIST_EACH_SAFE (&server->listeners, it) {
        struct listener *listener = LIST_ENTRY(it, struct listener, link);

        list_remove(&listener->link);
        loop_timer_stop(&listener->retry);
        loop_fd_deinit(&listener->watch);
        fd_close(&listener->fd);
        mem_free(listener);
    }
}

void http_server_free(struct http_server *server)
{
    if (server == NULL)
        return;
    server->on_idle = NULL;
    stop_listening(server);
    while (!list_is_empty(&server->sessions))
        session_abort(LIST_ENTRY(server->sessions.next, struct session, link));
    loop_job_cancel(&server->idle_job);
    mem_free(server);
}

void http_server_drain(struct http_server *server, void (*on_idle)(void *user), void *user)
{
    server->draining = true;
    server->on_idle = on_idle;
    server->idle_user = user;
    stop_listening(server);
    LIST_EACH (&server->sessions, it) {
        struct session *session = LIST_ENTRY(it, struct session, link);

        if (session->exchanges_n == 0 && session->conn != NULL &&
            http_parse_is_idle(session->parser)) {
            session->stopped = true; // its job ends it
            loop_defer(server->loop, &session->job);
        }
    }
    check_idle(server);
}

struct http_server_stats http_server_stats(const struct http_server *server)
{
    struct http_server_stats stats = server->stats;

    stats.bytes_in = server->counters.bytes_in;
    stats.bytes_out = server->counters.bytes_out;
    return stats;
}
