// Input: a line that is a plan of pieces (fuzz.h), then what a server sends to the agent's
// websocket once it is open. (fuzz_server.c has the other side.) However it is cut, the same
// messages arrive and it ends in the same way. What is sent back may differ: an answer to a ping
// that waits when the peer breaks the protocol is not sent any more. Nor is it compared which of
// several faults in one frame is told: that depends on how much of it is there.

#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "fake_net.h"
#include "fuzz.h"
#include "wire/crypto.h"
#include "wire/ws.h"

struct owner {
    struct ws *ws;
    struct buf log;
    bool is_closing; // by us: what the peer makes of it is not compared
    bool is_over;
};

static void on_message(void *user, struct str bytes, bool is_text)
{
    struct owner *owner = user;

    ASSERT(!owner->is_over);
    ASSERT(bytes.len <= 256);
    buf_printf(&owner->log, "%s %zu:", is_text ? "text" : "binary", bytes.len);
    fuzz_add_visible(&owner->log, bytes);
    if (ws_send_text(owner->ws, is_text ? bytes : STR("binary")) != 0)
        buf_add_str(&owner->log, STR("(unsent)"));
    if (str_eq(bytes, STR("bye"))) {
        ws_close(owner->ws, WS_CODE_GOING_AWAY, STR("good bye"));
        owner->is_closing = true;
    }
    if (str_eq(bytes, STR("cut"))) {
        ws_abort(owner->ws);
        owner->is_over = true;
    }
}

static void on_pong(void *user)
{
    struct owner *owner = user;

    ASSERT(!owner->is_over);
    buf_add_str(&owner->log, STR("pong;"));
}

static void on_close(void *user, int code, struct str reason)
{
    struct owner *owner = user;

    ASSERT(!owner->is_over);
    ASSERT(code >= 1000 && code < 5000);
    if (owner->is_closing)
        buf_add_str(&owner->log, STR("over"));
    else
        fuzz_add_close(&owner->log, code, reason);
    owner->is_over = true;
}

static const struct ws_handler ws_handler = {
    .on_message = on_message, .on_pong = on_pong, .on_close = on_close};

static void on_open(void *user, struct ws *ws)
{
    struct owner *owner = user;

    owner->ws = ws;
}

static void on_failed(void *user, int outcome, const struct http_answer *reply, struct str detail)
{
    (void)user;
    (void)outcome;
    (void)reply;
    (void)detail;
    UNREACHABLE();
}

static const struct ws_dial_handler dial_handler = {.on_open = on_open, .on_failed = on_failed};

// What the key in the request must be answered with.
static struct str accept_line(struct arena *arena, struct str request)
{
    static struct crypto *crypto;
    const char *at = memmem(request.ptr, request.len, "Sec-WebSocket-Key: ", 19);
    unsigned char hash[SHA1_SIZE];
    BUF_AUTO struct buf text = BUF_INIT;

    ASSERT(at != NULL);
    if (crypto == NULL)
        crypto = crypto_new();
    crypto_sha1(crypto, str_fmt(arena, "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", at + 19), hash);
    base64_encode(&text, str_span((const char *)hash, sizeof hash));
    return str_copy(arena, buf_str(&text));
}

static struct conn *open_websocket(struct owner *owner, struct http_client *client,
                                   struct arena *arena)
{
    struct ws_dial_options options = {
        .target = STR("/ws"),
        .ws = {.message_max = 256, .idle_ms = 60 * 1000, .handler = &ws_handler, .user = owner},
        .handler = &dial_handler,
        .user = owner,
    };
    struct conn *server;

    ws_dial(client, &options);
    fake_net_run();
    server = fake_net_newest();
    fake_peer_sends(server, str_fmt(arena,
                                    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                                    "Connection: Upgrade\r\nSec-WebSocket-Accept: %.*s\r\n\r\n",
                                    STR_ARGS(accept_line(arena, fake_peer_got(server)))));
    fake_net_run();
    ASSERT(owner->ws != NULL);
    return server;
}

static void talk(struct owner *owner, struct arena *arena, struct fuzz_cutter cutter)
{
    struct loop *loop = fake_net_begin();
    struct http_client_config config = {.target = {.scheme = URI_UNIX, .unix_path = STR("/x")}};
    struct http_client *client = http_client_new(loop, &config);
    struct conn *server;
    struct str piece;

    buf_clear(&owner->log);
    owner->ws = NULL;
    owner->is_over = false;
    owner->is_closing = false;
    server = open_websocket(owner, client, arena);
    while (fuzz_cut(&cutter, &piece)) {
        fake_peer_sends(server, piece);
        fake_net_run();
    }
    fake_peer_ends(server);
    fake_net_run();
    fake_net_advance(10 * 60 * 1000);
    ASSERT(owner->is_over);
    ASSERT(fake_net_is_quiet());
    http_client_free(client);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena arena;
    static struct owner whole;
    static struct owner pieces;
    struct str bytes = fuzz_text(data, size);
    struct str plan = fuzz_line(&bytes);

    talk(&whole, &arena, (struct fuzz_cutter){.plan = STR("*"), .rest = bytes});
    talk(&pieces, &arena, (struct fuzz_cutter){.plan = plan, .rest = bytes});
    ASSERT_SAY(str_eq(buf_str(&whole.log), buf_str(&pieces.log)), "whole:\n%.*s\npieces:\n%.*s",
               STR_ARGS(buf_str(&whole.log)), STR_ARGS(buf_str(&pieces.log)));
    arena_reset(&arena);
    return 0;
}
