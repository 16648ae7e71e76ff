// Websockets of the simulated network: two ends, and frames on their way to each. A frame arrives
// never before the one sent ahead of it. An end that is gone leaves nothing but what it had sent.

#include "base/assert.h"
#include "base/buf.h"
#include "base/mem.h"
#include "tests/sim/net.h"
#include "wire/ws.h"

enum { CLOSE_MS = 5 * TIME_SECOND_MS, ECHO_MS = 10 * TIME_SECOND_MS };

enum frame_kind { FRAME_OPENED, FRAME_TEXT, FRAME_PING, FRAME_PONG, FRAME_CLOSE, FRAME_BREAK };

struct frame {
    struct list in_ws;
    struct ws *to;
    enum frame_kind kind;
    struct loop_timer timer;
    int code;
    size_t len;
    char bytes[];
};

struct ws {
    struct list in_net;
    struct ws *peer; // NULL: gone
    struct loop *loop;
    struct node *caller; // the machine that is not the server
    struct ws_options options;
    struct tie dial;         // of the caller's end, until it is open
    struct list frames;      // to this end
    int64_t last_arrival_ms; // of the newest frame to this end
    int64_t last_received_ms;
    struct loop_timer idle;
    struct loop_timer ping;
    struct loop_timer closing;
    struct buf last; // text that came through
    int64_t last_ms; // when
    bool is_open;
    bool is_closing;
    bool is_deaf; // nothing more reaches this end
};

struct ws_dial {
    struct http_call *call;
    const struct ws_dial_handler *handler;
    void *user;
    struct ws_options ws;
};

static struct list ends; // struct ws.in_net

// ---- frames

static void frame_free(struct frame *frame)
{
    loop_timer_stop(&frame->timer);
    list_remove(&frame->in_ws);
    mem_free(frame);
}

static void arrive(void *user);

static void put_frame(struct ws *to, enum frame_kind kind, int code, struct str bytes)
{
    struct frame *frame = mem_zalloc(sizeof *frame + bytes.len + 1);
    int64_t at_ms = kernel_now_ms() + net_delay();

    frame->to = to;
    frame->kind = kind;
    frame->code = code;
    frame->len = bytes.len;
    if (bytes.len > 0)
        memcpy(frame->bytes, bytes.ptr, bytes.len);
    if (at_ms < to->last_arrival_ms)
        at_ms = to->last_arrival_ms;
    to->last_arrival_ms = at_ms;
    list_push_back(&to->frames, &frame->in_ws);
    loop_timer_init(&frame->timer, to->loop, arrive, frame);
    loop_timer_start(&frame->timer, at_ms - kernel_now_ms());
}

// A machine that came back does not know the connections it had: it says so when spoken to.
static void send_frame(struct ws *from, enum frame_kind kind, int code, struct str bytes)
{
    if (!node_acts(from->loop->node))
        return;
    if (from->peer == NULL && !from->is_deaf && !net_is_parted(from->caller))
        put_frame(from, FRAME_BREAK, WS_CODE_ABNORMAL, STR_NONE);
    else if (from->peer != NULL && !from->peer->is_deaf)
        put_frame(from->peer, kind, code, bytes);
}

// ---- ends

static struct ws *end_new(struct loop *loop, struct node *caller, const struct ws_options *options)
{
    struct ws *ws = mem_zalloc(sizeof *ws);

    ws->loop = loop;
    ws->caller = caller;
    ws->options = *options;
    if (ws->options.close_ms <= 0)
        ws->options.close_ms = CLOSE_MS;
    ws->last_received_ms = kernel_now_ms();
    list_init(&ws->frames);
    list_push_back(&ends, &ws->in_net);
    return ws;
}

// `tells`: the peer hears that the connection broke. Not when the machine fell or nothing gets
// through.
static void end_free(struct ws *ws, bool tells)
{
    struct ws *peer = ws->peer;

    if (peer != NULL) {
        peer->peer = NULL;
        if (tells && !ws->loop->node->silent && !peer->is_deaf)
            put_frame(peer, FRAME_BREAK, WS_CODE_ABNORMAL, STR_NONE);
    }
    LIST_EACH_SAFE (&ws->frames, it)
        frame_free(LIST_ENTRY(it, struct frame, in_ws));
    net_untie(&ws->dial);
    buf_deinit(&ws->last);
    loop_timer_stop(&ws->idle);
    loop_timer_stop(&ws->ping);
    loop_timer_stop(&ws->closing);
    list_remove(&ws->in_net);
    mem_free(ws);
}

static void end(struct ws *ws, int code, struct str reason, bool tells)
{
    const struct ws_handler *handler = ws->options.handler;
    void *user = ws->options.user;

    end_free(ws, tells);
    handler->on_close(user, code, reason);
}

static void on_idle(void *user)
{
    struct ws *ws = user;
    int64_t silent_ms = kernel_now_ms() - ws->last_received_ms;

    if (silent_ms < ws->options.idle_ms)
        loop_timer_start(&ws->idle, ws->options.idle_ms - silent_ms);
    else
        end(ws, WS_CODE_ABNORMAL, STR("nothing was received"), true);
}

static void on_ping(void *user)
{
    struct ws *ws = user;
    int64_t silent_ms = kernel_now_ms() - ws->last_received_ms;

    if (silent_ms >= ws->options.ping_ms) {
        send_frame(ws, FRAME_PING, 0, STR_NONE);
        silent_ms = 0;
    }
    loop_timer_start(&ws->ping, ws->options.ping_ms - silent_ms);
}

static void on_not_answered(void *user)
{
    end(user, WS_CODE_ABNORMAL, STR("the close was not answered"), true);
}

static void watch(struct ws *ws)
{
    ws->is_open = true;
    loop_timer_init(&ws->closing, ws->loop, on_not_answered, ws);
    loop_timer_init(&ws->idle, ws->loop, on_idle, ws);
    loop_timer_init(&ws->ping, ws->loop, on_ping, ws);
    if (ws->options.idle_ms > 0)
        loop_timer_start(&ws->idle, ws->options.idle_ms);
    if (ws->options.ping_ms > 0)
        loop_timer_start(&ws->ping, ws->options.ping_ms);
}

// ---- arriving

static void opened(struct ws *ws)
{
    struct http_call *call = ws->dial.call;
    const struct ws_dial_handler *handler;
    struct ws_dial *dial;
    void *user;

    if (call == NULL) {
        end_free(ws, true); // nobody waits for it any more
        return;
    }
    dial = call->dial;
    handler = dial->handler;
    user = dial->user;
    net_call_free(call);
    mem_free(dial);
    watch(ws);
    handler->on_open(user, ws);
}

static void closed(struct ws *ws, int code, struct str reason)
{
    if (!ws->is_closing)
        send_frame(ws, FRAME_CLOSE, code, STR_NONE);
    end(ws, code, reason, false);
}

static void take_text(struct ws *ws, struct str bytes)
{
    buf_clear(&ws->last);
    buf_add_str(&ws->last, bytes);
    ws->last_ms = kernel_now_ms();
    ws->options.handler->on_message(ws->options.user, bytes, true);
}

static void arrive(void *user)
{
    struct frame *frame = user;
    struct ws *ws = frame->to;
    struct str bytes = str_span(frame->bytes, frame->len);

    list_remove(&frame->in_ws);
    if (net_is_parted(ws->caller) || ws->is_deaf) {
        if (frame->kind == FRAME_OPENED)
            end_free(ws, false);
        frame_free(frame);
        return;
    }
    ws->last_received_ms = kernel_now_ms();
    switch (frame->kind) {
    case FRAME_OPENED: opened(ws); break;
    case FRAME_TEXT: take_text(ws, bytes); break;
    case FRAME_PING: send_frame(ws, FRAME_PONG, 0, STR_NONE); break;
    case FRAME_PONG: break;
    case FRAME_CLOSE: closed(ws, frame->code, bytes); break;
    case FRAME_BREAK:
        if (ws->is_open)
            end(ws, WS_CODE_ABNORMAL, STR("the connection broke"), false);
        else
            end_free(ws, false);
        break;
    }
    frame_free(frame);
}

// ---- in the place of wire/ws

int ws_accept(struct http_exchange *exchange, const struct ws_options *options, struct ws **out_ws)
{
    struct node *server = net_server();
    struct http_call *call;
    struct ws *ours;
    struct ws *theirs;

    if (!net_take(exchange, &call))
        return WS_E_GONE;
    ours = end_new(&server->loop, call->loop->node, options);
    theirs = end_new(call->loop, call->loop->node, &call->dial->ws);
    ours->peer = theirs;
    theirs->peer = ours;
    net_tie(&theirs->dial, call);
    net_exchange_free(exchange);
    watch(ours);
    send_frame(ours, FRAME_OPENED, 0, STR_NONE);
    *out_ws = ours;
    return 0;
}

void dial_failed(struct ws_dial *dial, int outcome, const struct http_answer *reply,
                 struct str detail)
{
    const struct ws_dial_handler *handler = dial->handler;
    void *user = dial->user;

    mem_free(dial);
    handler->on_failed(user, outcome, reply, detail);
}

struct ws_dial *ws_dial(struct http_client *client, const struct ws_dial_options *options)
{
    struct ws_dial *dial = mem_zalloc(sizeof *dial);
    struct http_call_options call = {
        .method = STR("GET"),
        .target = options->target,
        .headers = options->headers,
        .headers_n = options->headers_n,
        .total_ms = options->handshake_ms,
    };

    dial->handler = options->handler;
    dial->user = options->user;
    dial->ws = options->ws;
    dial->call = net_call(client, &call, dial);
    return dial;
}

void ws_dial_cancel(struct ws_dial *dial)
{
    net_call_free(dial->call);
    mem_free(dial);
}

int ws_send_text(struct ws *ws, struct str text)
{
    if (ws->is_closing)
        return WS_SEND_E_CLOSED;
    send_frame(ws, FRAME_TEXT, 0, text);
    return 0;
}

// Only commands in containers send such, and this world has none.
int ws_send_binary(struct ws *ws, struct str bytes)
{
    (void)ws;
    (void)bytes;
    UNREACHABLE();
}

void ws_close(struct ws *ws, int code, struct str reason)
{
    if (ws->is_closing)
        return;
    ws->is_closing = true;
    send_frame(ws, FRAME_CLOSE, code, str_take(reason, 123));
    loop_timer_start(&ws->closing, ws->options.close_ms);
}

void ws_abort(struct ws *ws)
{
    if (ws != NULL)
        end_free(ws, true);
}

size_t ws_unsent(const struct ws *ws)
{
    (void)ws;
    return 0;
}

// ---- what happens to connections

static bool is_of(const struct ws *ws, const struct node *caller)
{
    return ws->caller == caller && ws->loop == &caller->loop && ws->is_open;
}

void net_cut(struct node *node)
{
    LIST_EACH (&ends, it) {
        struct ws *ws = LIST_ENTRY(it, struct ws, in_net);
        struct ws *peer = ws->peer;

        if (!is_of(ws, node) || peer == NULL)
            continue;
        ws->peer = NULL;
        peer->peer = NULL;
        put_frame(ws, FRAME_BREAK, WS_CODE_ABNORMAL, STR_NONE);
        put_frame(peer, FRAME_BREAK, WS_CODE_ABNORMAL, STR_NONE);
    }
}

void net_half_open(struct node *node, bool from_server)
{
    LIST_EACH (&ends, it) {
        struct ws *ws = LIST_ENTRY(it, struct ws, in_net);

        if (!is_of(ws, node))
            continue;
        if (from_server)
            ws->is_deaf = true;
        else if (ws->peer != NULL)
            ws->peer->is_deaf = true;
    }
}

// Nothing overtakes what is under way, however long that was to take.
void net_stall(struct node *node, int64_t ms)
{
    int64_t until_ms = kernel_now_ms() + ms;

    LIST_EACH (&ends, it) {
        struct ws *ws = LIST_ENTRY(it, struct ws, in_net);

        if (ws->caller == node && ws->last_arrival_ms < until_ms)
            ws->last_arrival_ms = until_ms;
    }
}

void net_echo(struct node *node)
{
    LIST_EACH (&ends, it) {
        struct ws *ws = LIST_ENTRY(it, struct ws, in_net);

        bool is_fresh = kernel_now_ms() - ws->last_ms <= ECHO_MS &&
                        ws->last_arrival_ms <= kernel_now_ms() + ECHO_MS;
        if (ws->caller == node && ws->is_open && is_fresh && buf_len(&ws->last) > 0)
            put_frame(ws, FRAME_TEXT, 0, buf_str(&ws->last));
    }
}

size_t net_sockets(void)
{
    size_t n = 0;

    LIST_EACH (&ends, it)
        n += LIST_ENTRY(it, struct ws, in_net)->is_open;
    return n;
}

void sockets_start(void)
{
    list_init(&ends);
}

void sockets_stop(void)
{
    LIST_EACH_SAFE (&ends, it) {
        struct ws *ws = LIST_ENTRY(it, struct ws, in_net);
        end_free(ws, false);
    }
}
