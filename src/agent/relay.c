// See relay.h.
//
// A relay begins with the dial; the command begins when the socket is open, so that its first
// output has somewhere to go. Each side sends as many bytes as the other has allowed: output beyond
// that waits in `out` while the container's connection is paused, which is at most what one read
// brought; input is allowed again as the container takes it.
//
// When the socket is lost the command is hung up: nobody would ever hear of it again. When the
// command ends, what is left of its output goes first, then the exit code, then the socket.

#include "agent/relay.h"

#include "agent/config.h"
#include "agent/places.h"
#include "api/exec.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/loop.h"
#include "runtime/exec.h"
#include "shape/walk.h"
#include "wire/codec.h"
#include "wire/tls.h"
#include "wire/uri.h"
#include "wire/ws.h"

enum {
    RELAYS_MAX = 256,
    WINDOW = 64 * 1024,
    PIECE_MAX = 16 * 1024,
    MESSAGE_MAX = 128 * 1024,
    HANDSHAKE_MS = 10 * 1000,
    SILENCE_MS = 3 * 60 * 1000,
    PING_MS = 60 * 1000,
    PIECE_HEAD = 5, // of a piece in `out`: the stream, and its length
};

struct relays {
    struct relays_config config;
    struct arena arena;
    struct runtime *runtime;
    struct tls_context *tls; // made when it is needed
    struct list relays;
    unsigned relays_n;
};

struct relay {
    struct list in_relays;
    struct relays *relays;
    struct arena arena;
    struct acs_gantry_exec_message ask; // texts in the arena
    struct http_client *client;
    struct ws_dial *dial;
    struct ws *ws;             // NULL: not open, or lost
    struct runtime_exec *exec; // NULL: not begun, or ended
    size_t out_allowed;        // bytes that the server takes
    struct buf out;            // pieces that wait for that
    size_t consumed;           // bytes of input that the server was not yet allowed again
    bool is_paused;
    bool has_ended;
    bool is_said; // the end was
    struct exec_relay_end end;
};

static const struct runtime_execs *execs_of(const struct relay *relay)
{
    return relay->relays->config.driver->execs;
}

static void relay_free(struct relay *relay)
{
    list_remove(&relay->in_relays);
    relay->relays->relays_n--;
    if (relay->dial != NULL)
        ws_dial_cancel(relay->dial);
    ws_abort(relay->ws);
    execs_of(relay)->drop(relay->exec);
    http_client_free(relay->client);
    buf_deinit(&relay->out);
    arena_deinit(&relay->arena);
    mem_free(relay);
}

static void say(struct relay *relay, enum exec_relay kind, const void *message)
{
    BUF_AUTO struct buf frame = BUF_INIT;

    if (relay->ws == NULL)
        return;
    codec_encode_frame(&frame, &exec_relays[kind], message);
    if (ws_send_text(relay->ws, buf_str(&frame)) == WS_SEND_E_FULL)
        ws_close(relay->ws, WS_CODE_POLICY, STR("too slow"));
}

// ---- output

static size_t piece_len(const char *head)
{
    uint32_t len;

    memcpy(&len, head + 1, sizeof len);
    return len;
}

static void put_piece(struct relay *relay, enum runtime_stream stream, struct str bytes)
{
    uint32_t len = (uint32_t)bytes.len;

    buf_add_char(&relay->out, (char)stream);
    buf_add(&relay->out, &len, sizeof len);
    buf_add_str(&relay->out, bytes);
}

// Sends as much of the first piece as is allowed; what is left of it gets a head again.
static void send_piece(struct relay *relay)
{
    BUF_AUTO struct buf message = BUF_INIT;
    char *head = relay->out.ptr + relay->out.start;
    char stream = head[0];
    size_t whole = piece_len(head);
    size_t n = whole < relay->out_allowed ? whole : relay->out_allowed;
    uint32_t left;

    n = n < PIECE_MAX ? n : PIECE_MAX;
    buf_add_char(&message, stream);
    buf_add(&message, head + PIECE_HEAD, n);
    (void)!ws_send_binary(relay->ws, buf_str(&message)); // the window is smaller than its queue
    relay->out_allowed -= n;
    left = (uint32_t)(whole - n);
    if (left == 0) {
        buf_consume(&relay->out, PIECE_HEAD + n);
        return;
    }
    buf_consume(&relay->out, n);
    head = relay->out.ptr + relay->out.start;
    head[0] = stream;
    memcpy(head + 1, &left, sizeof left);
}

static void say_end(struct relay *relay)
{
    relay->is_said = true;
    say(relay, EXEC_RELAY_RELAY_END, &relay->end);
    ws_close(relay->ws, WS_CODE_NORMAL, STR_NONE);
}

static void set_paused(struct relay *relay, bool is_paused)
{
    if (relay->exec == NULL || relay->is_paused == is_paused)
        return;
    relay->is_paused = is_paused;
    if (is_paused)
        execs_of(relay)->pause(relay->exec);
    else
        execs_of(relay)->resume(relay->exec);
}

static void pump(struct relay *relay)
{
    if (relay->ws == NULL || relay->is_said)
        return;
    while (buf_len(&relay->out) > 0 && relay->out_allowed > 0)
        send_piece(relay);
    if (buf_len(&relay->out) == 0 && relay->has_ended)
        say_end(relay);
    else
        set_paused(relay, buf_len(&relay->out) > 0);
}

static void on_output(void *user, enum runtime_stream stream, struct str bytes)
{
    struct relay *relay = user;

    if (relay->ws == NULL || bytes.len == 0)
        return;
    put_piece(relay, stream, bytes);
    pump(relay);
}

// ---- input

static void allow_input(struct relay *relay)
{
    struct exec_relay_window window = {0};

    if (relay->exec == NULL || relay->consumed == 0 ||
        execs_of(relay)->unsent(relay->exec) > RUNTIME_EXEC_LOW)
        return;
    SET(&window, bytes, (int32_t)relay->consumed);
    relay->consumed = 0;
    say(relay, EXEC_RELAY_RELAY_WINDOW, &window);
}

static void on_drained(void *user)
{
    allow_input(user);
}

static void on_input(struct relay *relay, struct str bytes)
{
    if (relay->exec == NULL)
        return;
    execs_of(relay)->write(relay->exec, bytes);
    relay->consumed += bytes.len;
    allow_input(relay);
}

// ---- the command

static void on_started(void *user)
{
    struct relay *relay = user;
    struct exec_relay_started started = {0};

    say(relay, EXEC_RELAY_RELAY_STARTED, &started);
    relay->consumed = WINDOW;
    allow_input(relay);
}

static void end_with(struct relay *relay, struct str reason)
{
    relay->has_ended = true;
    SET(&relay->end, reason, str_copy(&relay->arena, reason));
    pump(relay);
}

static void on_ended(void *user, const struct runtime_exec_end *end)
{
    struct relay *relay = user;

    relay->exec = NULL;
    LOG_INFO("exec.command_ended", LOG_STR("session", relay->ask.session_id),
             LOG_INT("exit_code", end->has_exit_code ? end->exit_code : -1),
             LOG_STR("reason", end->error));
    if (relay->ws == NULL) {
        relay_free(relay);
        return;
    }
    if (end->has_exit_code)
        SET(&relay->end, exit_code, end->exit_code);
    end_with(relay, end->error);
}

static const struct runtime_exec_handler exec_handler = {
    .started = on_started,
    .output = on_output,
    .drained = on_drained,
    .ended = on_ended,
};

static void begin(struct relay *relay)
{
    const struct relays_config *config = &relay->relays->config;
    struct runtime_exec_options options = {
        .words = relay->ask.command,
        .terminal = relay->ask.terminal,
        .columns = relay->ask.columns,
        .rows = relay->ask.rows,
        .handler = &exec_handler,
        .user = relay,
    };

    if (!config->find(config->user, relay->ask.task_arn, relay->ask.container_name, &relay->arena,
                      &options.container)) {
        end_with(relay, STR("The container does not run."));
        return;
    }
    relay->exec = execs_of(relay)->begin(relay->relays->runtime, &options);
}

// ---- the socket

static bool is_size(int32_t side)
{
    return side > 0 && side <= UINT16_MAX;
}

static void take(struct relay *relay, enum exec_relay kind, const void *message)
{
    const struct exec_relay_window *window = message;
    const struct exec_relay_resize *resize = message;

    if (kind == EXEC_RELAY_RELAY_WINDOW && window->bytes > 0 && window->bytes <= WINDOW) {
        relay->out_allowed += (size_t)window->bytes;
        pump(relay);
    } else if (relay->exec == NULL) {
        return;
    } else if (kind == EXEC_RELAY_RELAY_RESIZE && is_size(resize->columns) &&
               is_size(resize->rows)) {
        execs_of(relay)->resize(relay->exec, resize->columns, resize->rows);
    } else if (kind == EXEC_RELAY_RELAY_INPUT_END) {
        execs_of(relay)->end_input(relay->exec);
    } else if (kind == EXEC_RELAY_RELAY_HANG_UP) {
        execs_of(relay)->hang_up(relay->exec);
    }
}

static void on_message(void *user, struct str bytes, bool is_text)
{
    struct relay *relay = user;
    struct codec_frame frame;
    struct codec_report report;
    struct arena arena = ARENA_INIT;

    if (!is_text)
        on_input(relay, bytes);
    else if (codec_decode_frame(&arena, exec_relays, EXEC_RELAY_N, bytes, &codec_peer, &frame,
                                &report) == 0 &&
             frame.kind != 0)
        take(relay, (enum exec_relay)frame.kind, frame.message);
    arena_deinit(&arena);
}

static void on_close(void *user, int code, struct str reason)
{
    struct relay *relay = user;

    LOG_INFO("exec.relay_closed", LOG_STR("session", relay->ask.session_id), LOG_INT("code", code),
             LOG_STR("reason", reason));
    relay->ws = NULL;
    buf_clear(&relay->out);
    if (relay->exec != NULL)
        execs_of(relay)->hang_up(relay->exec); // on_ended follows
    else
        relay_free(relay);
}

static const struct ws_handler ws_handler = {.on_message = on_message, .on_close = on_close};

static void on_open(void *user, struct ws *ws)
{
    struct relay *relay = user;
    struct exec_relay_open open = {0};

    relay->dial = NULL;
    relay->ws = ws;
    SET(&open, session_id, relay->ask.session_id);
    SET(&open, token, relay->ask.token);
    say(relay, EXEC_RELAY_RELAY_OPEN, &open);
    begin(relay);
}

// The server ends the session by itself when nobody comes.
static void on_failed(void *user, int outcome, const struct http_answer *reply, struct str detail)
{
    struct relay *relay = user;

    relay->dial = NULL;
    LOG_WARN("exec.cannot_connect", LOG_STR("session", relay->ask.session_id),
             LOG_CSTR("reason", http_client_outcome_text(outcome)),
             LOG_INT("status", reply != NULL ? reply->status : 0), LOG_STR("detail", detail));
    relay_free(relay);
}

static const struct ws_dial_handler dial_handler = {.on_open = on_open, .on_failed = on_failed};

static bool ready_tls(struct relays *relays)
{
    const struct agent_config *config = relays->config.config;
    struct str why = STR_NONE;

    if (relays->tls != NULL || tls_context_client(config->ca_file, !config->insecure,
                                                  &relays->arena, &why, &relays->tls) == 0)
        return true;
    LOG_ERROR("agent.tls", LOG_STR("reason", why));
    return false;
}

// False: there is nowhere to dial.
static bool dial(struct relay *relay)
{
    struct relays *relays = relay->relays;
    struct http_header headers[API_SIGNED_MAX];
    struct http_client_config client = {0};
    struct ws_dial_options options = {
        .target = relay->ask.path,
        .headers = headers,
        .handshake_ms = HANDSHAKE_MS,
        .ws = {.message_max = MESSAGE_MAX,
               .idle_ms = SILENCE_MS,
               .ping_ms = PING_MS,
               .handler = &ws_handler,
               .user = relay},
        .handler = &dial_handler,
        .user = relay,
    };

    if (!str_starts(relay->ask.path, STR("/")) || str_has_char(relay->ask.path, '?') ||
        !uri_parse(&relay->arena, places_acs(relays->config.places), &client.target) ||
        (client.target.scheme == URI_HTTPS && !ready_tls(relays)))
        return false;
    client.tls = relays->tls;
    relay->client = http_client_new(relays->config.loop, &client);
    options.headers_n = api_sign_get(relays->config.api, &relay->arena,
                                     uri_host_header(&relay->arena, &client.target),
                                     relay->ask.path, STR_NONE, STR_NONE, headers);
    relay->dial = ws_dial(relay->client, &options);
    return true;
}

// ---- life

void relays_start(struct relays *relays, const struct acs_gantry_exec_message *message)
{
    struct relay *relay;

    if (relays == NULL || relays->relays_n >= RELAYS_MAX) {
        LOG_WARN("exec.refused", LOG_STR("session", message->session_id));
        return;
    }
    relay = mem_zalloc(sizeof *relay);
    relay->relays = relays;
    relay->ask = *(const struct acs_gantry_exec_message *)shape_copy(
        &relay->arena, &acs_gantry_exec_message_shape, message);
    list_push_back(&relays->relays, &relay->in_relays);
    relays->relays_n++;
    LOG_INFO("exec.asked", LOG_STR("session", relay->ask.session_id),
             LOG_STR("task", relay->ask.task_arn), LOG_STR("container", relay->ask.container_name));
    if (!dial(relay)) {
        LOG_WARN("exec.cannot_connect", LOG_STR("session", relay->ask.session_id));
        relay_free(relay);
    }
}

static void no_post(void *user, const struct runtime_post *post)
{
    (void)user;
    (void)post;
}

struct relays *relays_new(const struct relays_config *config)
{
    struct runtime_config runtime = {
        .loop = config->loop,
        .socket = str_of(config->config->docker_socket),
        .post = no_post,
    };
    struct relays *relays;

    if (config->driver->execs == NULL)
        return NULL;
    relays = mem_zalloc(sizeof *relays);
    relays->config = *config;
    list_init(&relays->relays);
    if (config->driver->open(&runtime, &relays->runtime) != 0) {
        mem_free(relays);
        return NULL;
    }
    return relays;
}

void relays_free(struct relays *relays)
{
    if (relays == NULL)
        return;
    LIST_EACH_SAFE (&relays->relays, it)
        relay_free(LIST_ENTRY(it, struct relay, in_relays));
    relays->config.driver->close(relays->runtime);
    tls_context_free(relays->tls);
    arena_deinit(&relays->arena);
    mem_free(relays);
}
