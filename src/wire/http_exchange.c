// A request and its answer (see http_server.h), and the queue in which answers leave.
//
// A session keeps its exchanges in the order of the requests. The first of the queue writes to the
// connection, the others into buffers of their own; when the first is complete it leaves, and the
// next pours its buffer out. Everything else follows from that: late answers, answers in any order,
// "100 Continue", refusals behind answers still due. Nothing here calls a handler before it
// returns.

#include "base/assert.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "io/clock.h"
#include "wire/http_session.h"

// ---- exchanges and their turn

static void on_gone_job(void *user)
{
    struct http_exchange *exchange = user;

    exchange->told_gone = true;
    exchange->on_gone(exchange->stream_user);
}

struct http_exchange *http_exchange_new(struct http_session *session)
{
    struct http_exchange *exchange = mem_zalloc(sizeof *exchange);
    struct http_server *server = session->server;

    if (server->spare_arenas_n > 0)
        exchange->arena = server->spare_arenas[--server->spare_arenas_n];
    else
        arena_init(&exchange->arena);
    loop_job_init(&exchange->gone_job, on_gone_job, exchange);
    exchange->loop = server->loop;
    exchange->session = session;
    exchange->keep_alive = true;
    list_push_back(&session->exchanges, &exchange->link);
    session->exchanges_n++;
    return exchange;
}

// Keeps the arena's first block for a later exchange, or frees it all.
static void put_arena_by(struct http_server *server, struct arena *arena)
{
    if (server->spare_arenas_n == HTTP_SPARE_ARENAS_MAX) {
        arena_deinit(arena);
        return;
    }
    arena_reset(arena);
    server->spare_arenas[server->spare_arenas_n++] = *arena;
    *arena = ARENA_INIT;
}

void http_exchange_free(struct http_exchange *exchange)
{
    if (exchange->session != NULL) {
        exchange->session->exchanges_n--;
        list_remove(&exchange->link);
        put_arena_by(exchange->session->server, &exchange->arena);
    }
    loop_job_cancel(&exchange->gone_job);
    buf_deinit(&exchange->body);
    buf_deinit(&exchange->out);
    arena_deinit(&exchange->arena);
    mem_free(exchange);
}

struct http_exchange *http_exchange_first(const struct http_session *session)
{
    if (list_is_empty(&session->exchanges))
        return NULL;
    return LIST_ENTRY(session->exchanges.next, struct http_exchange, link);
}

static bool is_its_turn(const struct http_exchange *exchange)
{
    return exchange->session != NULL && http_exchange_first(exchange->session) == exchange;
}

void http_exchange_write(struct http_exchange *exchange, struct str bytes)
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

void http_exchange_advance(struct http_session *session)
{
    struct http_exchange *first;

    while ((first = http_exchange_first(session)) != NULL &&
           first->state == HTTP_EXCHANGE_ANSWERED) {
        session->cut = first->cut;
        http_exchange_free(first);
        if (session->cut)
            break;
        if (http_exchange_first(session) != NULL)
            pour_out(http_exchange_first(session));
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
    const struct http_session *session = exchange->session;
    bool is_last = session->exchanges.prev == &exchange->link;

    return exchange->keep_alive && !(is_last && (session->stopped || session->server->draining));
}

// Status line and headers, up to the ones that say how the body is framed.
static void write_head(struct http_exchange *exchange, const struct http_response *response,
                       struct buf *out)
{
    bool stays = stays_open(exchange);

    ASSERT(response->status >= 200 && response->status <= 599);
    buf_add_str(out, STR("HTTP/1.1 "));
    buf_add_i64(out, response->status);
    buf_add_char(out, ' ');
    buf_add_str(out, str_of(http_reason(response->status)));
    buf_add_str(out, STR("\r\n"));
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

void http_exchange_write_whole(struct http_exchange *exchange, const struct http_response *response)
{
    struct buf *out;
    bool has_length = response->status != 204 && response->status != 304;

    if (exchange->session == NULL)
        return;
    out = &exchange->session->server->head;
    buf_clear(out);
    write_head(exchange, response, out);
    if (has_length) {
        buf_add_str(out, STR("Content-Length: "));
        buf_add_i64(out, (int64_t)response->body.len);
        buf_add_str(out, STR("\r\n"));
    }
    buf_add_str(out, STR("\r\n"));
    http_exchange_write(exchange, buf_str(out));
    if (has_length && !exchange->is_head)
        http_exchange_write(exchange, response->body);
}

// The owner lets go of the exchange.
static void exchange_answered(struct http_exchange *exchange)
{
    struct http_session *session = exchange->session;

    if (session == NULL) {
        http_exchange_free(exchange);
        return;
    }
    exchange->state = HTTP_EXCHANGE_ANSWERED;
    http_exchange_advance(session);
}

void http_reply(struct http_exchange *exchange, const struct http_response *response)
{
    ASSERT(exchange->state == HTTP_EXCHANGE_OPEN);
    http_exchange_write_whole(exchange, response);
    exchange_answered(exchange);
}

void http_reply_start(struct http_exchange *exchange, const struct http_response *head,
                      void (*on_gone)(void *user), void (*on_drain)(void *user), void *user)
{
    BUF_AUTO struct buf out = BUF_INIT;

    ASSERT(exchange->state == HTTP_EXCHANGE_OPEN);
    exchange->state = HTTP_EXCHANGE_STREAMING;
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
    http_exchange_write(exchange, buf_str(&out));
    // A client that half-closed before the stream began has left.
    loop_defer(exchange->session->server->loop, &exchange->session->job);
}

void http_reply_chunk(struct http_exchange *exchange, struct str bytes)
{
    char size[24];

    ASSERT(exchange->state == HTTP_EXCHANGE_STREAMING);
    if (exchange->session == NULL || exchange->is_head || bytes.len == 0)
        return;
    if (exchange->is_chunked) {
        snprintf(size, sizeof size, "%zx\r\n", bytes.len);
        http_exchange_write(exchange, str_of(size));
    }
    http_exchange_write(exchange, bytes);
    if (exchange->is_chunked)
        http_exchange_write(exchange, STR("\r\n"));
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
    ASSERT(exchange->state == HTTP_EXCHANGE_STREAMING);
    if (exchange->is_chunked && !exchange->is_head)
        http_exchange_write(exchange, STR("0\r\n\r\n"));
    exchange_answered(exchange);
}

void http_reply_cut(struct http_exchange *exchange)
{
    ASSERT(exchange->state == HTTP_EXCHANGE_STREAMING);
    exchange->cut = true;
    exchange_answered(exchange);
}

int http_take_over(struct http_exchange *exchange, const struct http_header *headers, size_t n,
                   struct conn **out_conn)
{
    BUF_AUTO struct buf out = BUF_INIT;
    struct http_session *session = exchange->session;

    ASSERT(exchange->state == HTTP_EXCHANGE_OPEN);
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
    http_exchange_free(exchange);
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

const struct socket_address *http_exchange_peer(const struct http_exchange *exchange)
{
    if (exchange->session == NULL || exchange->session->conn == NULL)
        return NULL;
    return conn_peer(exchange->session->conn);
}

void http_exchange_set_user(struct http_exchange *exchange, void *user)
{
    exchange->user = user;
}

void *http_exchange_user(const struct http_exchange *exchange)
{
    return exchange->user;
}
