// See exec.h. A socket belongs to nobody until it has shown a secret in its first message: a client
// the one it got from ExecuteCommand or ResumeSession, an agent the one that it was told. Until
// then it has OPEN_MS, small messages, and a session that exists.
//
// Refused: sockets for sessions that are not there (404), more than SOCKETS_A_SESSION strangers for
// one, calls of the plugin for sessions of other callers.

#include "server/exec.h"

#include "base/assert.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/clock.h"
#include "io/entropy.h"
#include "server/agents.h"
#include "server/auth.h"
#include "server/exec_internal.h"
#include "wire/codec.h"
#include "wire/http_server.h"

#define CLIENT_PATH   STR("/v1/data-channel/")
#define RELAY_PATH    STR("/v1/exec-relay/")
#define PLUGIN_TARGET STR("AmazonSSM.")

enum {
    OPEN_MS = 10 * 1000,
    SOCKETS_A_SESSION = 4,
    CLIENT_MESSAGE_MAX = 8 * 1024,
    RELAY_MESSAGE_MAX = 128 * 1024,
    SILENT_MS = 3 * TIME_MINUTE_MS,
    PING_MS = TIME_MINUTE_MS,
};

static struct exec_session *find(struct execs *execs, struct str id)
{
    struct exec_session *session;

    MAP_FIND_STR(hh, execs->sessions, id, session);
    return session;
}

// ---- sockets

static void socket_free(struct exec_socket *socket)
{
    loop_timer_stop(&socket->patience);
    list_remove(&socket->in_execs);
    buf_deinit(&socket->wanted);
    mem_free(socket);
}

void exec_socket_send(struct exec_socket *socket, enum exec_relay kind, const void *message)
{
    BUF_AUTO struct buf frame = BUF_INIT;

    codec_encode_frame(&frame, &exec_relays[kind], message);
    if (ws_send_text(socket->ws, buf_str(&frame)) == WS_SEND_E_FULL)
        ws_close(socket->ws, WS_CODE_POLICY, STR("Messages are not taken."));
}

static void on_stranger_waits(void *user)
{
    struct exec_socket *socket = user;

    ws_close(socket->ws, WS_CODE_POLICY, STR("The token did not come in time."));
}

static void reject(struct exec_socket *socket)
{
    LOG_WARN("exec.bad_token", LOG_STR("session", buf_str(&socket->wanted)));
    ws_close(socket->ws, WS_CODE_POLICY, STR("The token is not valid."));
}

static void open_client(struct exec_socket *socket, struct exec_session *session, struct str text)
{
    struct exec_open_data_channel hello;
    struct codec_report report;
    struct arena arena = ARENA_INIT;

    if (codec_decode(&arena, &exec_open_data_channel_shape, text, &codec_peer, &hello, &report) !=
            0 ||
        !exec_session_take_token(session, hello.token_value)) {
        reject(socket);
    } else {
        loop_timer_stop(&socket->patience);
        socket->session = session;
        exec_session_client_came(session, socket, &hello);
    }
    arena_deinit(&arena);
}

static void take_relay_text(struct exec_socket *socket, struct exec_session *session,
                            struct str text)
{
    struct codec_frame frame;
    struct codec_report report;
    struct arena arena = ARENA_INIT;
    const struct exec_relay_open *open;

    if (codec_decode_frame(&arena, exec_relays, EXEC_RELAY_N, text, &codec_peer, &frame, &report) !=
        0) {
        ws_close(socket->ws, WS_CODE_BAD_DATA, STR("A frame is not JSON."));
    } else if (socket->session != NULL) {
        if (frame.kind != 0)
            exec_session_relay_said(session, (enum exec_relay)frame.kind, frame.message);
    } else if (open = frame.message, frame.kind != EXEC_RELAY_RELAY_OPEN ||
                                         !exec_session_take_relay_token(session, open->token)) {
        reject(socket);
    } else {
        loop_timer_stop(&socket->patience);
        socket->session = session;
        exec_session_relay_came(session, socket);
    }
    arena_deinit(&arena);
}

static void on_message(void *user, struct str bytes, bool is_text)
{
    struct exec_socket *socket = user;
    bool is_open = socket->session != NULL;
    struct exec_session *session = find(socket->execs, buf_str(&socket->wanted));

    if (session == NULL || (is_open && session != socket->session) || (!is_open && !is_text))
        ws_close(socket->ws, WS_CODE_POLICY, STR("There is no such session."));
    else if (socket->end == EXEC_END_RELAY && is_text)
        take_relay_text(socket, session, bytes);
    else if (socket->end == EXEC_END_RELAY)
        exec_session_relay_wrote(session, bytes);
    else if (is_open)
        exec_session_client_said(session, bytes);
    else
        open_client(socket, session, bytes);
}

static void on_close(void *user, int code, struct str reason)
{
    struct exec_socket *socket = user;
    struct exec_session *session = socket->session;

    (void)reason;
    LOG_DEBUG("exec.socket_closed", LOG_STR("session", buf_str(&socket->wanted)),
              LOG_INT("code", code));
    socket->session = NULL;
    if (session != NULL && socket->end == EXEC_END_CLIENT && session->client == socket)
        exec_session_client_left(session);
    else if (session != NULL && socket->end == EXEC_END_RELAY && session->relay == socket)
        exec_session_relay_left(session);
    socket_free(socket);
}

static const struct ws_handler ws_handler = {.on_message = on_message, .on_close = on_close};

// ---- requests

static void answer(struct http_exchange *exchange, int status, struct str body)
{
    const struct http_header headers[] = {
        {STR("Content-Type"), STR("application/x-amz-json-1.1")},
        {STR("Sec-WebSocket-Version"), STR("13")},
    };

    http_reply(exchange, &(struct http_response){
                             .status = status, .headers = headers, .headers_n = 2, .body = body});
}

static void refuse(struct http_exchange *exchange, int status, enum ecs_error error,
                   struct str text)
{
    BUF_AUTO struct buf body = BUF_INIT;

    codec_encode_error(&body, &ecs_errors[error], text, NULL);
    answer(exchange, status, buf_str(&body));
}

static unsigned strangers_of(const struct execs *execs, struct str id)
{
    unsigned n = 0;

    LIST_EACH (&execs->sockets, it) {
        const struct exec_socket *socket = LIST_ENTRY(it, struct exec_socket, in_execs);
        n += socket->session == NULL && str_eq(buf_str(&socket->wanted), id);
    }
    return n;
}

static void let_in(struct execs *execs, enum exec_end end, struct str id,
                   struct http_exchange *exchange)
{
    struct exec_socket *socket = mem_zalloc(sizeof *socket);
    struct ws_options options = {
        .message_max = end == EXEC_END_CLIENT ? CLIENT_MESSAGE_MAX : RELAY_MESSAGE_MAX,
        .idle_ms = SILENT_MS,
        .ping_ms = PING_MS,
        .handler = &ws_handler,
        .user = socket,
    };
    int outcome;

    buf_add_str(&socket->wanted, id); // of the request, which is gone once it is accepted
    socket->execs = execs;
    socket->end = end;
    outcome = ws_accept(exchange, &options, &socket->ws);
    if (outcome != 0) {
        buf_deinit(&socket->wanted);
        mem_free(socket);
        refuse(exchange, outcome == WS_E_VERSION ? 426 : 400,
               ECS_ERROR_MALFORMED_HTTP_REQUEST_EXCEPTION,
               STR("The websocket handshake is not complete."));
        return;
    }
    list_push_back(&execs->sockets, &socket->in_execs);
    loop_timer_init(&socket->patience, execs->config.loop, on_stranger_waits, socket);
    loop_timer_start(&socket->patience, OPEN_MS);
}

static void open_socket(struct execs *execs, enum exec_end end, struct str id,
                        struct http_exchange *exchange, const struct http_request *request)
{
    struct sigv4_error error = {0};
    struct caller caller;

    if (!request->wants_websocket)
        refuse(exchange, 400, ECS_ERROR_MALFORMED_HTTP_REQUEST_EXCEPTION,
               STR("This is a websocket; ask for an upgrade."));
    else if (end == EXEC_END_RELAY &&
             auth_check(execs->config.auth, request, clock_wall_ms(), http_exchange_arena(exchange),
                        &caller, &error) != 0)
        refuse(exchange, 403, ECS_ERROR_ACCESS_DENIED_EXCEPTION, error.message);
    else if (find(execs, id) == NULL || execs->closed)
        refuse(exchange, 404, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
               STR("There is no such session."));
    else if (strangers_of(execs, id) >= SOCKETS_A_SESSION)
        refuse(exchange, 503, ECS_ERROR_SERVICE_UNAVAILABLE,
               STR("Too many connections wait for this session."));
    else
        let_in(execs, end, id, exchange);
}

// ---- the plugin's calls

// The host by which the caller found us, as in the first answer.
static struct str stream_url(const struct execs *execs, const struct http_request *request,
                             struct str id, struct arena *arena)
{
    struct str host = STR_NONE;

    (void)http_header_get(request->headers, request->headers_n, STR("host"), &host);
    return str_fmt(arena, "%s://%.*s/v1/data-channel/%.*s?role=publish_subscribe",
                   execs->config.is_tls ? "wss" : "ws", STR_ARGS(host), STR_ARGS(id));
}

static void resume(struct execs *execs, struct exec_session *session, struct str id,
                   struct http_exchange *exchange, const struct http_request *request)
{
    BUF_AUTO struct buf body = BUF_INIT;
    BUF_AUTO struct buf token = BUF_INIT;
    struct exec_resume_session_response out = {0};
    struct arena *arena = http_exchange_arena(exchange);
    unsigned char raw[32];

    SET(&out, session_id, id);
    if (session != NULL && !session->is_over) {
        entropy_fill(raw, sizeof raw);
        hex_encode(&token, raw, sizeof raw);
        exec_session_set_token(session, buf_str(&token));
        SET(&out, token_value, buf_str(&token));
        SET(&out, stream_url, stream_url(execs, request, id, arena));
    }
    codec_encode(&body, &exec_resume_session_response_shape, &out);
    answer(exchange, 200, buf_str(&body));
}

static void terminate(struct exec_session *session, struct str id, struct http_exchange *exchange)
{
    BUF_AUTO struct buf body = BUF_INIT;
    struct exec_terminate_session_response out = {0};

    SET(&out, session_id, id);
    codec_encode(&body, &exec_terminate_session_response_shape, &out);
    if (session != NULL)
        exec_session_end(session, STR_NONE);
    answer(exchange, 200, buf_str(&body));
}

static bool is_call(const struct http_request *request, struct str *out_name)
{
    return str_eq(request->method, STR("POST")) &&
           http_header_get(request->headers, request->headers_n, STR("x-amz-target"), out_name) &&
           str_starts(*out_name, PLUGIN_TARGET);
}

static void plugin_calls(struct execs *execs, struct str name, struct http_exchange *exchange,
                         const struct http_request *request)
{
    struct arena *arena = http_exchange_arena(exchange);
    struct exec_resume_session_request in;
    struct codec_report report;
    struct sigv4_error error = {0};
    struct caller caller;
    struct exec_session *session;

    if (auth_check_plugin(execs->config.auth, request, clock_wall_ms(), arena, &caller, &error) !=
        0) {
        refuse(exchange, 400, ECS_ERROR_ACCESS_DENIED_EXCEPTION, error.message);
        return;
    }
    if (codec_decode(arena, &exec_resume_session_request_shape, request->body, NULL, &in,
                     &report) != 0) {
        refuse(exchange, 400, ECS_ERROR_SERIALIZATION_EXCEPTION, report.message);
        return;
    }
    session = find(execs, in.session_id);
    if (session != NULL && !str_eq(session->order.principal, caller.principal_arn))
        refuse(exchange, 400, ECS_ERROR_ACCESS_DENIED_EXCEPTION,
               STR("The session is not the caller's."));
    else if (str_eq(name, STR("ResumeSession")))
        resume(execs, session, in.session_id, exchange, request);
    else if (str_eq(name, STR("TerminateSession")))
        terminate(session, in.session_id, exchange);
    else
        refuse(exchange, 400, ECS_ERROR_UNKNOWN_OPERATION_EXCEPTION, STR_NONE);
}

bool execs_takes(const struct http_request *request)
{
    struct str name;

    return (str_eq(request->method, STR("GET")) &&
            (str_starts(request->path, CLIENT_PATH) || str_starts(request->path, RELAY_PATH))) ||
           is_call(request, &name);
}

void execs_request(struct execs *execs, struct http_exchange *exchange,
                   const struct http_request *request)
{
    struct str name;

    if (is_call(request, &name))
        plugin_calls(execs, str_from(name, PLUGIN_TARGET.len), exchange, request);
    else if (str_starts(request->path, CLIENT_PATH))
        open_socket(execs, EXEC_END_CLIENT, str_from(request->path, CLIENT_PATH.len), exchange,
                    request);
    else
        open_socket(execs, EXEC_END_RELAY, str_from(request->path, RELAY_PATH.len), exchange,
                    request);
}

// ---- life

void execs_effect(struct execs *execs, const struct effect *effect)
{
    const struct exec_order *order = effect->value;

    if (order == NULL || execs->closed || find(execs, order->session) != NULL)
        return;
    if (HASH_COUNT(execs->sessions) >= execs->config.sessions_max) {
        LOG_WARN("exec.too_many", LOG_INT("sessions", execs->config.sessions_max));
        return;
    }
    exec_session_new(execs, order);
}

struct execs *execs_new(const struct execs_config *config)
{
    struct execs *execs = mem_zalloc(sizeof *execs);

    execs->config = *config;
    if (config->log_folder != NULL)
        execs->log_folder = str_cstr(&execs->arena, str_of(config->log_folder));
    execs->crypto = crypto_new();
    rng_init(&execs->rng, config->seed);
    list_init(&execs->sockets);
    return execs;
}

void execs_free(struct execs *execs)
{
    struct exec_session *session;
    struct exec_session *next;

    if (execs == NULL)
        return;
    HASH_ITER (hh, execs->sessions, session, next)
        exec_session_free(session);
    LIST_EACH_SAFE (&execs->sockets, it) {
        struct exec_socket *socket = LIST_ENTRY(it, struct exec_socket, in_execs);

        ws_abort(socket->ws);
        socket_free(socket);
    }
    crypto_free(execs->crypto);
    arena_deinit(&execs->arena);
    mem_free(execs);
}

void execs_close(struct execs *execs)
{
    struct exec_session *session;
    struct exec_session *next;

    execs->closed = true;
    HASH_ITER (hh, execs->sessions, session, next)
        exec_session_end_now(session, STR("The server is stopping."));
}

void execs_write_metrics(const struct execs *execs, struct buf *out)
{
    buf_printf(out,
               "# HELP gantry_exec_sessions Sessions of ECS Exec that are open or may be opened.\n"
               "# TYPE gantry_exec_sessions gauge\n"
               "gantry_exec_sessions %u\n"
               "# HELP gantry_exec_commands_total Commands begun in containers.\n"
               "# TYPE gantry_exec_commands_total counter\n"
               "gantry_exec_commands_total %llu\n",
               HASH_COUNT(execs->sessions), (unsigned long long)execs->begun_n);
}
