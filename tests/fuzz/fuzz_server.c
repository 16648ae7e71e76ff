// Input: a line that is a plan of pieces (fuzz.h; a digit lets so many times five seconds pass),
// then what a client sends to an HTTP server whose owner answers by the path: /late answers when
// everything has come, in the wrong order; /stream sends chunks; /ws speaks websocket and echoes;
// anything else is answered at once.
//
// However the bytes are cut, the client gets the same bytes back, as long as no time passes. In the
// end nothing is left: no connection, no timer, no exchange.

#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "fake_net.h"
#include "fuzz.h"
#include "wire/http_session.h"
#include "wire/ws.h"

enum { LATE_MAX = 64, STEP_MS = 5000 };

struct owner {
    struct http_exchange *late[LATE_MAX];
    size_t late_n;
    struct http_exchange *stream; // the one that lasts; ended when its client is gone
    struct ws *ws;
    struct buf *log;
    bool is_closing; // the websocket, by us: what the peer makes of it is not compared
    size_t open_n;   // exchanges not answered, and the websocket
};

// ---- websocket

static void on_message(void *user, struct str bytes, bool is_text)
{
    struct owner *owner = user;
    int sent = is_text ? ws_send_text(owner->ws, bytes) : ws_send_binary(owner->ws, bytes);

    ASSERT(bytes.len <= 256);
    buf_add_str(owner->log, STR("message "));
    fuzz_add_visible(owner->log, bytes);
    if (sent == WS_SEND_E_FULL)
        ws_close(owner->ws, WS_CODE_POLICY, STR("too slow"));
    owner->is_closing = owner->is_closing || sent == WS_SEND_E_FULL;
    if (str_eq(bytes, STR("bye"))) {
        ws_close(owner->ws, WS_CODE_NORMAL, STR("as you like"));
        owner->is_closing = true;
    }
    if (str_eq(bytes, STR("cut"))) {
        ws_abort(owner->ws);
        owner->ws = NULL;
        owner->open_n--;
    }
}

static void on_ws_close(void *user, int code, struct str reason)
{
    struct owner *owner = user;

    ASSERT(code >= 1000 && code < 5000);
    ASSERT(reason.len <= 123);
    if (owner->is_closing)
        buf_add_str(owner->log, STR("over"));
    else
        fuzz_add_close(owner->log, code, reason);
    owner->ws = NULL;
    owner->open_n--;
}

static const struct ws_handler ws_handler = {.on_message = on_message, .on_close = on_ws_close};

static bool upgrade(struct owner *owner, struct http_exchange *exchange)
{
    struct ws_options options = {
        .message_max = 256, .idle_ms = 60 * 1000, .handler = &ws_handler, .user = owner};

    return ws_accept(exchange, &options, &owner->ws) == 0;
}

// ---- requests

static void answer(struct owner *owner, struct http_exchange *exchange)
{
    const struct http_request *request = http_exchange_request(exchange);
    struct http_response response = {.status = 200};

    response.body = str_fmt(http_exchange_arena(exchange), "%.*s %.*s ", STR_ARGS(request->method),
                            STR_ARGS(request->target));
    http_reply(exchange, &response);
    owner->open_n--;
}

static void on_gone(void *user)
{
    struct owner *owner = user;

    http_reply_end(owner->stream);
    owner->stream = NULL;
    owner->open_n--;
}

static void on_request(void *user, struct http_exchange *exchange,
                       const struct http_request *request)
{
    struct owner *owner = user;
    struct http_response head = {.status = 200};

    ASSERT(request->path.len > 0);
    owner->open_n++;
    if (str_eq(request->path, STR("/late")) && owner->late_n < LATE_MAX) {
        owner->late[owner->late_n++] = exchange;
    } else if (str_eq(request->path, STR("/stream")) && owner->stream == NULL) {
        owner->stream = exchange;
        http_reply_start(exchange, &head, on_gone, NULL, owner);
        http_reply_chunk(exchange, request->body);
        http_reply_chunk(exchange, STR("more"));
    } else if (!str_eq(request->path, STR("/ws")) || owner->ws != NULL ||
               !upgrade(owner, exchange)) {
        answer(owner, exchange);
    }
}

static const struct http_server_handler handler = {.on_request = on_request};

static void answer_late_ones(struct owner *owner)
{
    while (owner->late_n > 0) {
        answer(owner, owner->late[--owner->late_n]);
        fake_net_run();
    }
}

// ---- a run

static bool takes_time(struct str plan)
{
    for (size_t i = 0; i < plan.len; i++) {
        if (plan.ptr[i] >= '0' && plan.ptr[i] <= '9')
            return true;
    }
    return false;
}

static void pass_time(const struct fuzz_cutter *cutter)
{
    char c = cutter->plan.len > 0 ? cutter->plan.ptr[cutter->at % cutter->plan.len] : 'a';

    if (c >= '0' && c <= '9')
        fake_net_advance((c - '0') * STEP_MS);
}

// All that was sent, without the websocket's frames: whether a ping is still answered when the peer
// breaks the protocol depends on when each came.
static struct str http_part(struct str sent)
{
    const char *at = sent.len > 0 ? memmem(sent.ptr, sent.len, "HTTP/1.1 101 ", 13) : NULL;
    const char *head_end;

    if (at == NULL)
        return sent;
    head_end = memmem(at, sent.len - (size_t)(at - sent.ptr), "\r\n\r\n", 4);
    ASSERT(head_end != NULL);
    return str_take(sent, (size_t)(head_end - sent.ptr));
}

static void serve(struct buf *out, struct fuzz_cutter cutter)
{
    static const struct socket_address nobody;
    struct http_server_config config = http_server_defaults;
    struct loop *loop = fake_net_begin();
    struct owner owner = {.log = out};
    struct http_server *server;
    struct conn *client;
    struct str piece;

    buf_clear(out);
    config.body_max = 64;
    config.pipeline_max = 4;
    server = http_server_new(loop, &config, &handler, &owner);
    http_session_new(server, -1, &nobody, NULL);
    client = fake_net_newest();
    while (fuzz_cut(&cutter, &piece)) {
        fake_peer_sends(client, piece);
        fake_net_run();
        pass_time(&cutter);
    }
    fake_peer_ends(client);
    fake_net_run();
    answer_late_ones(&owner);
    fake_net_advance(10 * 60 * 1000);
    answer_late_ones(&owner);
    fake_net_advance(10 * 60 * 1000);
    ASSERT(fake_net_is_quiet());
    ASSERT(owner.open_n == 0);
    ASSERT(http_server_stats(server).open == 0);
    buf_add_str(out, http_part(fake_peer_got(client)));
    http_server_free(server);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct buf whole;
    static struct buf pieces;
    struct str bytes = fuzz_text(data, size);
    struct str plan = fuzz_line(&bytes);

    serve(&pieces, (struct fuzz_cutter){.plan = plan, .rest = bytes});
    if (takes_time(plan))
        return 0;
    serve(&whole, (struct fuzz_cutter){.plan = STR("*"), .rest = bytes});
    ASSERT_SAY(str_eq(buf_str(&whole), buf_str(&pieces)), "whole:\n%.*s\npieces:\n%.*s",
               STR_ARGS(buf_str(&whole)), STR_ARGS(buf_str(&pieces)));
    return 0;
}
