// See ws.h. wslay frames, unmasks and checks; it reads from the connection's input and writes to
// its output through two small callbacks, so it never blocks and never holds bytes back. This file
// adds the handshakes, the deadlines and the life of a websocket: handlers may close or abort it,
// so it is only marked dead while wslay is on the stack.
//
// Refused: subprotocols and extensions (never offered, never accepted), messages over the limit.

#include "wire/ws.h"

#include <wslay/wslay.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "io/entropy.h"
#include "io/loop.h"
#include "wire/conn.h"
#include "wire/crypto.h"
#include "wire/http_server.h"

enum {
    MESSAGE_MAX_DEFAULT = 1024 * 1024,
    OUT_MAX_DEFAULT = 4 * 1024 * 1024,
    REASON_MAX = 123,
    NONCE_SIZE = 16,
};
static const int64_t close_ms_default = 5 * 1000;
static const int64_t handshake_ms_default = 30 * 1000;

struct ws {
    struct conn *conn;
    wslay_event_context_ptr ctx;
    const struct ws_handler *handler;
    void *user;
    struct ws_options options;
    struct loop_timer idle_timer;
    struct loop_timer ping_timer;
    struct loop_timer close_timer;
    int64_t last_received_ms;
    int peer_code; // of the peer's close frame
    size_t peer_reason_len;
    char peer_reason[REASON_MAX];
    bool is_closing; // ws_close was called
    bool in_event;   // wslay or a handler is on the stack
    bool dead;
};

// ---- wslay's callbacks

static ssize_t take_input(wslay_event_context_ptr ctx, uint8_t *out, size_t cap, int flags,
                          void *user)
{
    struct ws *ws = user;
    struct str in = ws->dead ? STR_NONE : conn_in(ws->conn);

    (void)flags;
    if (in.len == 0) {
        wslay_event_set_error(ctx, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    in = str_take(in, cap);
    memcpy(out, in.ptr, in.len);
    conn_consume(ws->conn, in.len);
    return (ssize_t)in.len;
}

static ssize_t put_output(wslay_event_context_ptr ctx, const uint8_t *bytes, size_t len, int flags,
                          void *user)
{
    struct ws *ws = user;

    (void)ctx;
    (void)flags;
    conn_write(ws->conn, str_span((const char *)bytes, len));
    return (ssize_t)len;
}

static int make_mask(wslay_event_context_ptr ctx, uint8_t *out, size_t len, void *user)
{
    (void)ctx;
    (void)user;
    entropy_fill(out, len);
    return 0;
}

static void on_frame(wslay_event_context_ptr ctx, const struct wslay_event_on_msg_recv_arg *arg,
                     void *user)
{
    struct ws *ws = user;
    struct str bytes = str_span((const char *)arg->msg, arg->msg_length);

    (void)ctx;
    if (ws->dead)
        return;
    switch (arg->opcode) {
    case WSLAY_TEXT_FRAME:
    case WSLAY_BINARY_FRAME:
        if (!ws->is_closing)
            ws->handler->on_message(ws->user, bytes, arg->opcode == WSLAY_TEXT_FRAME);
        break;
    case WSLAY_PONG:
        if (!ws->is_closing && ws->handler->on_pong != NULL)
            ws->handler->on_pong(ws->user);
        break;
    case WSLAY_CONNECTION_CLOSE:
        ws->peer_code = arg->status_code != 0 ? arg->status_code : WS_CODE_NO_STATUS;
        bytes = str_take(str_from(bytes, 2), sizeof ws->peer_reason); // behind the code
        if (!utf8_is_valid(bytes)) { // the library looks only when all of it came at once
            ws->peer_code = WS_CODE_BAD_DATA;
            bytes = STR_NONE;
        }
        if (bytes.len > 0)
            memcpy(ws->peer_reason, bytes.ptr, bytes.len);
        ws->peer_reason_len = bytes.len;
        break;
    default: break; // pings are answered by wslay
    }
}

static const struct wslay_event_callbacks callbacks = {
    .recv_callback = take_input,
    .send_callback = put_output,
    .genmask_callback = make_mask,
    .on_msg_recv_callback = on_frame,
};

// ---- the end

static void ws_free(struct ws *ws)
{
    wslay_event_context_free(ws->ctx);
    mem_free(ws);
}

static void die(struct ws *ws)
{
    ws->dead = true;
    ws->conn = NULL;
    loop_timer_stop(&ws->idle_timer);
    loop_timer_stop(&ws->ping_timer);
    loop_timer_stop(&ws->close_timer);
    if (!ws->in_event)
        ws_free(ws);
}

// Tells the owner and is gone. The connection has been put away by the caller.
static void end(struct ws *ws, int code, struct str reason)
{
    ws->in_event = true;
    die(ws);
    ws->handler->on_close(ws->user, code, reason);
    ws_free(ws);
}

static void end_gracefully(struct ws *ws, int code, struct str reason)
{
    conn_leave(ws->conn);
    end(ws, code, reason);
}

static void end_broken(struct ws *ws, struct str reason)
{
    conn_abort(ws->conn);
    end(ws, WS_CODE_ABNORMAL, reason);
}

// ---- events

static void heard_of_peer(struct ws *ws)
{
    ws->last_received_ms = loop_now_ms(conn_loop(ws->conn));
    if (ws->options.idle_ms > 0)
        loop_timer_start(&ws->idle_timer, ws->options.idle_ms);
    if (ws->options.ping_ms > 0 && !ws->is_closing)
        loop_timer_start(&ws->ping_timer, ws->options.ping_ms);
}

static void flush(struct ws *ws)
{
    int result = wslay_event_send(ws->ctx);

    ASSERT(result == 0); // our callbacks take everything, so only memory could be short
}

static void on_conn_data(void *user)
{
    struct ws *ws = user;
    int result;

    if (conn_in(ws->conn).len > 0)
        heard_of_peer(ws);
    ws->in_event = true;
    result = wslay_event_recv(ws->ctx);
    ws->in_event = false;
    if (ws->dead) {
        ws_free(ws);
        return;
    }
    flush(ws); // pongs, the answer to a close, our own verdict on bad frames
    if (wslay_event_get_close_received(ws->ctx))
        end_gracefully(ws, ws->peer_code, str_span(ws->peer_reason, ws->peer_reason_len));
    else if (result != 0) // a frame that cannot be; our callbacks do not fail
        end_gracefully(ws, WS_CODE_PROTOCOL, STR("peer broke the protocol"));
    else if (!wslay_event_get_read_enabled(ws->ctx))
        end_gracefully(ws, wslay_event_get_status_code_sent(ws->ctx),
                       STR("peer broke the protocol"));
    else if (conn_is_eof(ws->conn))
        end_broken(ws, STR("connection closed"));
}

static void on_conn_close(void *user, enum conn_end why)
{
    end(user, WS_CODE_ABNORMAL, str_of(conn_end_text(why)));
}

static const struct conn_handler conn_handler = {
    .on_data = on_conn_data,
    .on_close = on_conn_close,
};

static void on_idle(void *user)
{
    end_broken(user, STR("nothing received in time"));
}

static void on_close_timer(void *user)
{
    end_broken(user, STR("close not answered in time"));
}

static void on_ping_timer(void *user)
{
    struct ws *ws = user;

    if (ws_send_ping(ws) == 0)
        loop_timer_start(&ws->ping_timer, ws->options.ping_ms);
}

static struct ws *ws_start(struct conn *conn, bool is_server, const struct ws_options *options)
{
    struct ws *ws = mem_zalloc(sizeof *ws);
    struct loop *loop = conn_loop(conn);
    int made;

    ASSERT(options->handler->on_message != NULL);
    ASSERT(options->handler->on_close != NULL);
    ws->conn = conn;
    ws->handler = options->handler;
    ws->user = options->user;
    ws->options = *options;
    if (ws->options.message_max == 0)
        ws->options.message_max = MESSAGE_MAX_DEFAULT;
    if (ws->options.out_max == 0)
        ws->options.out_max = OUT_MAX_DEFAULT;
    if (ws->options.close_ms <= 0)
        ws->options.close_ms = close_ms_default;
    made = is_server ? wslay_event_context_server_init(&ws->ctx, &callbacks, ws)
                     : wslay_event_context_client_init(&ws->ctx, &callbacks, ws);
    ASSERT(made == 0);
    wslay_event_config_set_max_recv_msg_length(ws->ctx, ws->options.message_max);
    loop_timer_init(&ws->idle_timer, loop, on_idle, ws);
    loop_timer_init(&ws->ping_timer, loop, on_ping_timer, ws);
    loop_timer_init(&ws->close_timer, loop, on_close_timer, ws);
    conn_set_handler(conn, &conn_handler, ws);
    heard_of_peer(ws);
    return ws;
}

// ---- the owner's side

static int send_frame(struct ws *ws, uint8_t opcode, struct str bytes)
{
    struct wslay_event_msg message = {
        .opcode = opcode, .msg = (const uint8_t *)bytes.ptr, .msg_length = bytes.len};

    if (ws->dead || ws->is_closing || !wslay_event_get_write_enabled(ws->ctx))
        return WS_SEND_E_CLOSED;
    if (conn_out_pending(ws->conn) + bytes.len > ws->options.out_max)
        return WS_SEND_E_FULL;
    if (wslay_event_queue_msg(ws->ctx, &message) != 0)
        return WS_SEND_E_CLOSED;
    flush(ws);
    return 0;
}

int ws_send_text(struct ws *ws, struct str text)
{
    return send_frame(ws, WSLAY_TEXT_FRAME, text);
}

int ws_send_binary(struct ws *ws, struct str bytes)
{
    return send_frame(ws, WSLAY_BINARY_FRAME, bytes);
}

int ws_send_ping(struct ws *ws)
{
    return send_frame(ws, WSLAY_PING, STR_NONE);
}

void ws_close(struct ws *ws, int code, struct str reason)
{
    if (ws->dead || ws->is_closing)
        return;
    ws->is_closing = true;
    reason = str_take(reason, REASON_MAX);
    loop_timer_stop(&ws->ping_timer);
    loop_timer_start(&ws->close_timer, ws->options.close_ms);
    if (wslay_event_queue_close(ws->ctx, (uint16_t)code, (const uint8_t *)reason.ptr, reason.len) ==
        0)
        flush(ws);
}

void ws_abort(struct ws *ws)
{
    if (ws == NULL || ws->dead)
        return;
    conn_abort(ws->conn);
    die(ws);
}

size_t ws_unsent(const struct ws *ws)
{
    return ws->dead ? 0 : conn_out_pending(ws->conn);
}

int64_t ws_last_received_ms(const struct ws *ws)
{
    return ws->last_received_ms;
}

// ---- handshakes (RFC 6455, 4)

static struct str accept_of(struct arena *arena, struct str key)
{
    struct crypto *crypto = crypto_new();
    unsigned char hash[SHA1_SIZE];
    BUF_AUTO struct buf text = BUF_INIT;

    crypto_sha1(crypto, str_fmt(arena, "%.*s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", STR_ARGS(key)),
                hash);
    crypto_free(crypto);
    base64_encode(&text, str_span((const char *)hash, sizeof hash));
    return str_copy(arena, buf_str(&text));
}

static bool is_key(struct str key)
{
    BUF_AUTO struct buf nonce = BUF_INIT;

    return base64_decode(key, &nonce) && buf_len(&nonce) == NONCE_SIZE;
}

int ws_accept(struct http_exchange *exchange, const struct ws_options *options, struct ws **out_ws)
{
    const struct http_request *request = http_exchange_request(exchange);
    struct arena scratch = ARENA_INIT;
    struct http_header answer[3] = {{STR("Upgrade"), STR("websocket")},
                                    {STR("Connection"), STR("Upgrade")}};
    struct str key;
    struct str version;
    struct conn *conn;
    int result;

    if (!request->wants_websocket ||
        !http_header_get(request->headers, request->headers_n, STR("sec-websocket-key"), &key) ||
        !is_key(key))
        return WS_E_NOT_HANDSHAKE;
    if (!http_header_get(request->headers, request->headers_n, STR("sec-websocket-version"),
                         &version) ||
        !str_eq(version, STR("13")))
        return WS_E_VERSION;
    answer[2] = (struct http_header){STR("Sec-WebSocket-Accept"), accept_of(&scratch, key)};
    result = http_take_over(exchange, answer, 3, &conn);
    arena_deinit(&scratch);
    if (result != 0)
        return WS_E_GONE;
    *out_ws = ws_start(conn, true, options);
    return 0;
}

struct ws_dial {
    const struct ws_dial_handler *handler;
    void *user;
    struct ws_options options;
    struct http_call *call;
    struct arena arena;
    struct str key;
};

static void dial_free(struct ws_dial *dial)
{
    arena_deinit(&dial->arena);
    mem_free(dial);
}

static void on_dial_done(void *user, struct http_call *call, int outcome,
                         const struct http_answer *answer, struct str detail)
{
    struct ws_dial *dial = user;

    (void)call;
    dial->handler->on_failed(dial->user, outcome, answer, detail);
    dial_free(dial);
}

static void on_dial_upgrade(void *user, struct http_call *call, const struct http_answer *head,
                            struct conn *conn)
{
    struct ws_dial *dial = user;
    struct str accept = STR_NONE;

    (void)call;
    http_header_get(head->headers, head->headers_n, STR("sec-websocket-accept"), &accept);
    if (!str_eq(accept, accept_of(&dial->arena, dial->key)) ||
        !http_header_has_token(head->headers, head->headers_n, STR("upgrade"), STR("websocket"))) {
        conn_abort(conn);
        dial->handler->on_failed(dial->user, HTTP_CLIENT_E_PROTOCOL, head,
                                 STR("the server's answer does not fit our key"));
    } else {
        dial->handler->on_open(dial->user, ws_start(conn, false, &dial->options));
    }
    dial_free(dial);
}

static const struct http_call_handler dial_call_handler = {
    .on_done = on_dial_done,
    .on_upgrade = on_dial_upgrade,
};

static struct str make_key(struct arena *arena)
{
    char nonce[NONCE_SIZE];
    BUF_AUTO struct buf text = BUF_INIT;

    entropy_fill(nonce, sizeof nonce);
    base64_encode(&text, str_span(nonce, sizeof nonce));
    return str_copy(arena, buf_str(&text));
}

struct ws_dial *ws_dial(struct http_client *client, const struct ws_dial_options *options)
{
    struct ws_dial *dial = mem_zalloc(sizeof *dial);
    int64_t within = options->handshake_ms > 0 ? options->handshake_ms : handshake_ms_default;
    struct http_header *headers;
    struct http_call_options call = {
        .method = STR("GET"),
        .target = options->target,
        .connect_ms = within,
        .total_ms = within,
        .handler = &dial_call_handler,
        .user = dial,
    };

    dial->handler = options->handler;
    dial->user = options->user;
    dial->options = options->ws;
    dial->key = make_key(&dial->arena);
    headers = arena_array(&dial->arena, struct http_header, options->headers_n + 4);
    headers[0] = (struct http_header){STR("Connection"), STR("Upgrade")};
    headers[1] = (struct http_header){STR("Upgrade"), STR("websocket")};
    headers[2] = (struct http_header){STR("Sec-WebSocket-Version"), STR("13")};
    headers[3] = (struct http_header){STR("Sec-WebSocket-Key"), dial->key};
    if (options->headers_n > 0)
        memcpy(headers + 4, options->headers, options->headers_n * sizeof *headers);
    call.headers = headers;
    call.headers_n = options->headers_n + 4;
    dial->call = http_client_send(client, &call);
    return dial;
}

void ws_dial_cancel(struct ws_dial *dial)
{
    if (dial == NULL)
        return;
    http_call_cancel(dial->call);
    dial_free(dial);
}
