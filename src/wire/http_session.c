// One connection of the HTTP server: reading requests, the deadlines on that, and its end.
//
// The pump steps the parser while there is input and room in the queue of exchanges, then looks
// whether the connection has come to its end. It runs on new input and as the session's job, which
// is deferred whenever an answer changes something; so handlers are never called from inside
// http_reply and its kin. A handler may hand the connection over while the pump is on the stack;
// then the job frees the session.
//
// Refused here: more than pipeline_max unanswered requests, and any request while the client leaves
// our answers lying (reading waits); bodies over body_max, clients that are slow with a head or a
// body.

#include "wire/http_session.h"
#include "base/assert.h"
#include "base/mem.h"
#include "wire/http_parse.h"

// ---- the end of a session

// Forgets the connection; whatever is unanswered stays with its owner. Calls on_gone.
static void session_free(struct http_session *session)
{
    struct http_server *server = session->server;
    struct list orphans;

    list_init(&orphans);
    while (!list_is_empty(&session->exchanges)) {
        struct http_exchange *exchange = http_exchange_first(session);
        bool is_ours =
            exchange->state == HTTP_EXCHANGE_READING || exchange->state == HTTP_EXCHANGE_ANSWERED;

        if (is_ours) {
            http_exchange_free(exchange);
            continue;
        }
        session->exchanges_n--;
        list_remove(&exchange->link);
        exchange->session = NULL;
        if (exchange->state == HTTP_EXCHANGE_STREAMING && !exchange->told_gone)
            list_push_back(&orphans, &exchange->link);
    }
    loop_job_cancel(&session->job);
    list_remove(&session->link);
    http_parse_free(session->parser);
    mem_free(session);
    server->stats.open--;
    http_server_check_idle(server);
    // Last, because a handler may do anything, such as freeing the server.
    while (!list_is_empty(&orphans)) {
        struct http_exchange *exchange = LIST_ENTRY(orphans.next, struct http_exchange, link);
        list_remove(&exchange->link);
        exchange->told_gone = true;
        exchange->on_gone(exchange->stream_user);
    }
}

void http_session_abort(struct http_session *session)
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

void http_session_reject(struct http_session *session, int status, struct str detail)
{
    struct http_server *server = session->server;
    struct http_exchange *exchange = session->reading;
    struct http_response response = {.status = status};

    if (exchange == NULL)
        exchange = http_exchange_new(session);
    session->reading = NULL;
    session->stopped = true;
    conn_set_deadline(session->conn, 0);
    server->stats.rejected++;
    if (server->handler->on_refused != NULL)
        server->handler->on_refused(server->user, status, detail, &exchange->arena, &response);
    else
        default_refusal(status, detail, &exchange->arena, &response);
    response.status = status;
    http_exchange_write_whole(exchange, &response);
    exchange->state = HTTP_EXCHANGE_ANSWERED;
    http_exchange_advance(session);
}

// ---- reading requests

// A slice of `from`, as a slice of its copy.
static struct str same_in(const char *copy, struct str from, struct str slice)
{
    return slice.len > 0 ? str_span(copy + (slice.ptr - from.ptr), slice.len) : STR_NONE;
}

// The bytes of the head are copied as a whole, and what the parser found in them is found at the
// same places of the copy.
static void copy_head(struct http_exchange *exchange, const struct http_head *head,
                      struct str bytes)
{
    struct http_request *request = &exchange->request;
    struct http_header *headers =
        arena_array(&exchange->arena, struct http_header, head->headers_n);
    const char *copy = arena_copy(&exchange->arena, bytes.ptr, bytes.len);

    for (size_t i = 0; i < head->headers_n; i++) {
        headers[i].name = same_in(copy, bytes, head->headers[i].name);
        headers[i].value = same_in(copy, bytes, head->headers[i].value);
    }
    request->headers = headers;
    request->headers_n = head->headers_n;
    request->method = head->method; // the parser's own text
    request->target = same_in(copy, bytes, head->target);
    request->wants_websocket = head->wants_websocket;
    str_cut(request->target, '?', &request->path, &request->query);
    exchange->body_len = head->content_length;
    exchange->is_head = str_eq(head->method, STR("HEAD"));
    exchange->is_http10 = head->minor == 0;
    exchange->keep_alive = head->keep_alive;
}

static void begin_request(struct http_session *session, const struct http_head *head,
                          struct str bytes)
{
    struct http_exchange *exchange = http_exchange_new(session);

    session->reading = exchange;
    session->requests_n++;
    copy_head(exchange, head, bytes);
    if (head->content_length > 0 &&
        (uint64_t)head->content_length > session->server->config.body_max) {
        http_session_reject(session, 413, STR("request body too large"));
        return;
    }
    if (head->expects_continue && (head->chunked || head->content_length > 0))
        http_exchange_write(exchange, STR("HTTP/1.1 100 Continue\r\n\r\n"));
}

static void add_body(struct http_session *session, struct str piece)
{
    struct http_exchange *exchange = session->reading;

    if (piece.len > session->server->config.body_max - buf_len(&exchange->body))
        http_session_reject(session, 413, STR("request body too large"));
    else if ((int64_t)piece.len == exchange->body_len)
        exchange->request.body = str_copy(&exchange->arena, piece); // all of it
    else
        buf_add_str(&exchange->body, piece);
}

// The request is whole. `upgrade`: the bytes behind it may not be HTTP, so reading stops here
// whatever the answer will be.
static void hand_over(struct http_session *session, bool upgrade)
{
    struct http_exchange *exchange = session->reading;
    struct http_server *server = session->server;

    session->reading = NULL;
    if (buf_len(&exchange->body) > 0)
        exchange->request.body = buf_str(&exchange->body);
    exchange->state = HTTP_EXCHANGE_OPEN;
    if (upgrade || !exchange->keep_alive || server->draining)
        session->stopped = true;
    server->stats.requests++;
    server->handler->on_request(server->user, exchange, &exchange->request);
}

// One event of the parser; false when there is nothing to go on with.
static bool step(struct http_session *session)
{
    struct http_event event;
    struct str bytes = conn_in(session->conn);
    size_t used = 0;
    int outcome = http_parse_step(session->parser, bytes, &used, &event);

    if (outcome != 0) {
        http_session_reject(session, http_parse_status((enum http_parse_outcome)outcome),
                            str_of(http_parse_detail(session->parser)));
        return false;
    }
    switch (event.kind) {
    case HTTP_EVENT_MORE: break;
    case HTTP_EVENT_HEAD: begin_request(session, &event.head, str_take(bytes, used)); break;
    case HTTP_EVENT_BODY: add_body(session, event.body); break;
    case HTTP_EVENT_DONE:
    case HTTP_EVENT_UPGRADE: break;
    }
    conn_consume(session->conn, used);
    if (event.kind == HTTP_EVENT_DONE || event.kind == HTTP_EVENT_UPGRADE)
        hand_over(session, event.kind == HTTP_EVENT_UPGRADE); // may free the session: the last act
    return event.kind != HTTP_EVENT_MORE;
}

// ---- what holds reading up

// No further request is begun: the client has enough answers to take first. Else one that only asks
// would fill our memory.
static bool is_held(const struct http_session *session)
{
    const struct http_server *server = session->server;

    return session->reading == NULL &&
           (session->exchanges_n >= server->config.pipeline_max ||
            conn_out_pending(session->conn) > server->conn_config.out_low);
}

// ---- deadlines

static enum http_waiting what_is_awaited(const struct http_session *session)
{
    if (session->stopped || is_held(session))
        return HTTP_WAITING_NOTHING;
    if (session->reading != NULL)
        return HTTP_WAITING_BODY;
    if (!http_parse_is_idle(session->parser))
        return HTTP_WAITING_HEAD;
    return session->exchanges_n == 0 ? HTTP_WAITING_IDLE : HTTP_WAITING_NOTHING;
}

static void set_deadline(struct http_session *session)
{
    const struct http_server_config *config = &session->server->config;
    enum http_waiting waiting = what_is_awaited(session);

    if (waiting == session->waiting && session->requests_n == session->waiting_since)
        return; // still the same head or body: the deadline counts from its start
    session->waiting = waiting;
    session->waiting_since = session->requests_n;
    switch (waiting) {
    case HTTP_WAITING_NOTHING: conn_set_deadline(session->conn, 0); break;
    case HTTP_WAITING_IDLE:
        conn_set_deadline(session->conn,
                          session->requests_n > 0 ? config->idle_ms : config->head_ms);
        break;
    case HTTP_WAITING_HEAD: conn_set_deadline(session->conn, config->head_ms); break;
    case HTTP_WAITING_BODY: conn_set_deadline(session->conn, config->body_ms); break;
    }
}

static void on_conn_deadline(void *user)
{
    struct http_session *session = user;

    switch (session->waiting) {
    case HTTP_WAITING_IDLE:
        session->stopped = true;
        session->finished = true;
        conn_finish(session->conn);
        return;
    case HTTP_WAITING_HEAD:
        http_session_reject(session, 408, STR("request head not received in time"));
        break;
    case HTTP_WAITING_BODY:
        http_session_reject(session, 408, STR("request body not received in time"));
        break;
    case HTTP_WAITING_NOTHING: break;
    }
    set_deadline(session);
}

// ---- the pump

// The client's end of the stream: what is unanswered will still be sent (a half-closed client may
// wait for it), but a stream without end has lost its reader.
static void client_has_ended(struct http_session *session)
{
    struct http_exchange *first = http_exchange_first(session);

    if (!is_held(session)) // what is held may still be answered
        session->stopped = true;
    if (session->stopped && session->reading != NULL) {
        if (first == session->reading)
            first = NULL;
        http_exchange_free(session->reading);
        session->reading = NULL;
    }
    if (first != NULL && first->state == HTTP_EXCHANGE_STREAMING && !first->told_gone) {
        first->told_gone = true;
        first->on_gone(first->stream_user);
    }
}

static void pump(struct http_session *session)
{
    // A handler inside step() may hand the connection over.
    while (session->conn != NULL && !session->stopped && !is_held(session) && step(session))
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
    struct http_session *session = user;

    if (session->conn == NULL || session->cut)
        http_session_abort(session);
    else
        pump(session);
}

static void on_conn_data(void *user)
{
    pump(user);
}

static void on_conn_drain(void *user)
{
    struct http_session *session = user;
    struct http_exchange *first = http_exchange_first(session);

    if (first != NULL && first->state == HTTP_EXCHANGE_STREAMING && first->on_drain != NULL)
        first->on_drain(first->stream_user);
    loop_defer(session->server->loop, &session->job);
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

// ---- its beginning

struct http_session *http_session_new(struct http_server *server, int fd,
                                      const struct socket_address *peer, struct tls_context *tls)
{
    struct http_session *session = mem_zalloc(sizeof *session);
    struct conn_options options = {
        .config = &server->conn_config,
        .tls = tls,
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
    set_deadline(session);
    return session;
}
