// One session: the client's data channel on one side, the agent's relay on the other.
//
// Flow. The agent may send as many bytes as it was allowed; allowed is what the client has room
// for, so a client that is slow or away stops the command at its terminal, and nothing piles up
// here. Input goes the same way back: the agent allows, and what it does not allow yet waits in
// `in`; when that is full the channel holds its messages and in the end the client keeps them.
//
// Ends: the command ends (RelayEnd); the client asks for it; nothing happens for idle_ms; the
// agent's socket breaks; the server stops. Each closes the channel with a sentence for the user;
// when the client has been told, or does not come back, the session is gone.

#include <stdio.h>

#include "base/assert.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/clock.h"
#include "io/entropy.h"
#include "server/agents.h"
#include "server/exec_internal.h"

enum {
    WINDOW = 64 * 1024, // bytes on their way to a client, or kept for a container
    GRANT_MIN = 8 * 1024,
    OF_CONTAINER_MAX = 2,       // sessions that run
    AGENT_MS = 15 * 1000,       // for the agent to come, or to hang up
    KEEP_ENDED_MS = 300 * 1000, // for a client that is away to hear of the end
    LOG_MS = 1000,
};

static time_ms now_of(struct exec_session *session)
{
    return steady_read(&session->execs->clock, clock_wall_ms(), clock_monotonic_ms());
}

static struct loop *loop_of(const struct exec_session *session)
{
    return session->execs->config.loop;
}

static void say(struct exec_session *session, enum exec_relay kind, const void *message)
{
    if (session->relay != NULL)
        exec_socket_send(session->relay, kind, message);
}

static void touch(struct exec_session *session)
{
    session->active_ms = loop_now_ms(loop_of(session));
}

// ---- output

static void grant(struct exec_session *session)
{
    struct exec_relay_window window = {0};
    size_t taken = exec_channel_pending(session->channel) + session->out_allowed;

    if (session->relay == NULL || taken + GRANT_MIN > WINDOW)
        return;
    SET(&window, bytes, (int32_t)(WINDOW - taken));
    session->out_allowed += WINDOW - taken;
    say(session, EXEC_RELAY_RELAY_WINDOW, &window);
}

// After anything that happened to the channel.
static void settle(struct exec_session *session)
{
    time_ms now = now_of(session);
    time_ms next = exec_channel_tick(session->channel, now);

    if (session->is_over)
        return;
    grant(session);
    if (next != 0)
        loop_timer_start(&session->tick, next > now ? next - now : 1);
    else
        loop_timer_stop(&session->tick);
}

static void on_tick(void *user)
{
    settle(user);
}

static void on_log_timer(void *user)
{
    struct exec_session *session = user;

    exec_log_flush(&session->log);
}

static void log_output(struct exec_session *session, struct str bytes)
{
    exec_log_add(&session->log, bytes);
    if (buf_len(&session->log.pending) > 0 && !loop_timer_is_running(&session->log_timer))
        loop_timer_start(&session->log_timer, LOG_MS);
}

// ---- the end

static void leave_relay(struct exec_session *session)
{
    struct exec_socket *relay = session->relay;

    loop_timer_stop(&session->patience);
    session->relay_is_asked = false;
    session->relay = NULL;
    if (relay == NULL)
        return;
    relay->session = NULL;
    ws_close(relay->ws, WS_CODE_NORMAL, STR_NONE);
}

// The command is no more, as far as this side goes. `how` is for the log.
static void command_ended(struct exec_session *session, struct str message, struct str how)
{
    if (session->is_ending)
        return;
    session->is_ending = true;
    leave_relay(session);
    loop_timer_stop(&session->log_timer);
    exec_log_end(&session->log, how, now_of(session));
    LOG_INFO("exec.ended", LOG_STR("session", session->order.session), LOG_STR("how", how));
    exec_channel_close(session->channel, message, now_of(session));
    loop_timer_start(&session->idle, KEEP_ENDED_MS);
}

void exec_session_end(struct exec_session *session, struct str message)
{
    command_ended(session, message, message);
    settle(session);
}

void exec_session_end_now(struct exec_session *session, struct str message)
{
    time_ms late = now_of(session) + TIME_MINUTE_MS; // all patience is over

    command_ended(session, message, message);
    (void)exec_channel_tick(session->channel, late);
}

// Nothing happens, or an end that nobody came to hear.
static void on_idle(void *user)
{
    struct exec_session *session = user;
    struct execs *execs = session->execs;
    int64_t idle_ms = loop_now_ms(loop_of(session)) - session->active_ms;
    struct arena scratch = ARENA_INIT;

    if (session->is_ending || session->active_ms == 0) { // ended, or never opened
        exec_session_free(session);
        return;
    }
    if (idle_ms < execs->config.idle_ms) {
        loop_timer_start(&session->idle, execs->config.idle_ms - idle_ms);
        return;
    }
    exec_session_end(session, str_fmt(&scratch, "The session was idle for %lld seconds.",
                                      (long long)(execs->config.idle_ms / TIME_SECOND_MS)));
    arena_deinit(&scratch);
}

static void on_patience_ended(void *user)
{
    struct exec_session *session = user;

    exec_session_end(session, session->relay != NULL
                                  ? STR("The agent did not end the command in time.")
                                  : STR("The agent did not answer in time."));
}

// ---- what the channel asks

static void on_send(void *user, struct str frame)
{
    struct exec_session *session = user;

    // A socket that takes nothing more drops it; it will be sent again.
    if (session->client != NULL)
        (void)!ws_send_binary(session->client->ws, frame);
}

static unsigned running_beside(const struct exec_session *session)
{
    unsigned n = 0;

    for (const struct exec_session *it = session->execs->sessions; it != NULL; it = it->hh.next)
        n += it != session && it->is_begun && !it->is_ending &&
             str_eq(it->order.container_id, session->order.container_id);
    return n;
}

static bool ask_agent(struct exec_session *session)
{
    struct acs_gantry_exec_message message = {0};
    struct arena scratch = ARENA_INIT;
    BUF_AUTO struct buf token = BUF_INIT;
    unsigned char raw[32];
    bool is_sent;

    entropy_fill(raw, sizeof raw);
    hex_encode(&token, raw, sizeof raw);
    crypto_sha256(session->execs->crypto, buf_str(&token), &session->relay_token);
    session->relay_is_asked = true;
    SET(&message, command, session->order.words);
    SET(&message, container_name, session->order.container);
    SET(&message, path, str_fmt(&scratch, "/v1/exec-relay/%.*s", STR_ARGS(session->order.session)));
    SET(&message, session_id, session->order.session);
    SET(&message, task_arn, session->order.task_arn);
    SET(&message, terminal, session->has_terminal);
    SET(&message, token, buf_str(&token));
    if (session->columns > 0) {
        SET(&message, columns, session->columns);
        SET(&message, rows, session->rows);
    }
    is_sent = agents_tell(session->execs->config.agents, session->order.instance_id,
                          ACS_MESSAGE_GANTRY_EXEC_MESSAGE, &message);
    arena_deinit(&scratch);
    return is_sent;
}

static void on_begin(void *user)
{
    struct exec_session *session = user;
    struct execs *execs = session->execs;

    if (running_beside(session) >= OF_CONTAINER_MAX) {
        command_ended(session, STR("The container has two sessions already."),
                      STR("refused: the container has two sessions already"));
        return;
    }
    session->is_begun = true;
    execs->begun_n++;
    if (session->order.is_logged && execs->log_folder != NULL)
        exec_log_begin(&session->log, execs->log_folder, &session->order, now_of(session));
    LOG_INFO("exec.begun", LOG_STR("session", session->order.session),
             LOG_STR("task", session->order.task_arn),
             LOG_STR("container", session->order.container),
             LOG_STR("by", session->order.principal));
    if (ask_agent(session))
        loop_timer_start(&session->patience, AGENT_MS);
    else
        command_ended(session, STR("The agent of the container instance is not connected."),
                      STR("the agent is not connected"));
}

static void send_input(struct exec_session *session)
{
    struct str in = str_take(buf_str(&session->in), session->in_allowed);
    struct exec_relay_input_end end = {0};

    if (session->relay == NULL)
        return;
    if (in.len > 0 && ws_send_binary(session->relay->ws, in) == 0) {
        session->in_allowed -= in.len;
        buf_consume(&session->in, in.len);
    }
    if (session->input_has_ended && buf_len(&session->in) == 0) {
        session->input_has_ended = false;
        say(session, EXEC_RELAY_RELAY_INPUT_END, &end);
    }
}

static void on_input(void *user, struct str bytes)
{
    struct exec_session *session = user;

    touch(session);
    if (session->is_ending)
        return;
    buf_add_str(&session->in, bytes);
    send_input(session);
    if (buf_len(&session->in) >= WINDOW)
        exec_channel_hold(session->channel, true, now_of(session));
}

static void on_input_end(void *user)
{
    struct exec_session *session = user;

    session->input_has_ended = true;
    send_input(session);
}

static void send_size(struct exec_session *session)
{
    struct exec_relay_resize resize = {0};

    if (session->columns == 0)
        return;
    SET(&resize, columns, session->columns);
    SET(&resize, rows, session->rows);
    say(session, EXEC_RELAY_RELAY_RESIZE, &resize);
}

static void on_resize(void *user, int32_t columns, int32_t rows)
{
    struct exec_session *session = user;

    session->columns = columns;
    session->rows = rows;
    send_size(session);
}

// The agent says when the command has ended.
static void on_hang_up(void *user)
{
    struct exec_session *session = user;
    struct exec_relay_hang_up hang_up = {0};

    if (session->relay == NULL) {
        command_ended(session, STR_NONE, STR("hung up"));
        return;
    }
    say(session, EXEC_RELAY_RELAY_HANG_UP, &hang_up);
    loop_timer_start(&session->patience, AGENT_MS);
}

static void on_reap(void *user)
{
    exec_session_free(user);
}

// Called from inside the channel, so its memory goes later.
static void on_over(void *user)
{
    struct exec_session *session = user;
    struct exec_socket *client = session->client;

    session->is_over = true;
    command_ended(session, STR_NONE, STR("the client is gone"));
    if (client != NULL) {
        session->client = NULL;
        client->session = NULL;
        ws_close(client->ws, WS_CODE_NORMAL, STR_NONE);
    }
    loop_defer(loop_of(session), &session->reap);
}

// ---- the client

void exec_session_client_came(struct exec_session *session, struct exec_socket *socket,
                              const struct exec_open_data_channel *hello)
{
    struct exec_socket *before = session->client;
    bool is_first = session->active_ms == 0;

    if (before != NULL) {
        exec_session_client_left(session);
        before->session = NULL;
        ws_close(before->ws, WS_CODE_NORMAL, STR("A newer connection took over."));
    }
    session->client = socket;
    if (is_first && hello->gantry != NULL) {
        session->wants_exit_code = hello->gantry->exit_code;
        session->has_terminal = !hello->gantry->has.terminal || hello->gantry->terminal;
    }
    touch(session);
    if (is_first)
        loop_timer_start(&session->idle, session->execs->config.idle_ms);
    exec_channel_attach(session->channel, hello->client_id, now_of(session));
    settle(session);
}

void exec_session_client_said(struct exec_session *session, struct str frame)
{
    exec_channel_take(session->channel, frame, now_of(session));
    settle(session);
}

void exec_session_client_left(struct exec_session *session)
{
    session->client = NULL;
    exec_channel_detach(session->channel);
    LOG_INFO("exec.client_left", LOG_STR("session", session->order.session));
    settle(session);
}

// ---- the agent

void exec_session_relay_came(struct exec_session *session, struct exec_socket *socket)
{
    session->relay = socket;
    loop_timer_stop(&session->patience);
    send_size(session);
    settle(session);
}

void exec_session_relay_wrote(struct exec_session *session, struct str bytes)
{
    struct str text = str_from(bytes, 1);
    bool is_error = bytes.len > 0 && bytes.ptr[0] == 2;
    time_ms now = now_of(session);

    if (bytes.len == 0 || text.len > session->out_allowed) {
        exec_session_end(session, STR("The agent sent more than it may."));
        return;
    }
    session->out_allowed -= text.len;
    if (session->client != NULL)
        touch(session);
    log_output(session, text);
    if (is_error && session->wants_exit_code)
        exec_channel_error_output(session->channel, text, now);
    else
        exec_channel_output(session->channel, text, now);
    settle(session);
}

static void take_window(struct exec_session *session, const struct exec_relay_window *window)
{
    if (window->bytes <= 0 || (size_t)window->bytes > WINDOW)
        return;
    session->in_allowed += (size_t)window->bytes;
    send_input(session);
    if (buf_len(&session->in) < WINDOW)
        exec_channel_hold(session->channel, false, now_of(session));
}

static void take_end(struct exec_session *session, const struct exec_relay_end *end)
{
    struct arena scratch = ARENA_INIT;
    struct str how = end->reason;

    if (end->has.exit_code) {
        how = str_fmt(&scratch, "exit code %d", end->exit_code);
        if (session->wants_exit_code)
            exec_channel_exit_code(session->channel, end->exit_code, now_of(session));
    }
    command_ended(session, end->reason, how);
    arena_deinit(&scratch);
}

void exec_session_relay_said(struct exec_session *session, enum exec_relay kind,
                             const void *message)
{
    if (kind == EXEC_RELAY_RELAY_WINDOW)
        take_window(session, message);
    else if (kind == EXEC_RELAY_RELAY_END)
        take_end(session, message);
    settle(session);
}

void exec_session_relay_left(struct exec_session *session)
{
    session->relay = NULL;
    exec_session_end(session, STR("The connection to the container instance was lost."));
}

// ---- life

void exec_session_set_token(struct exec_session *session, struct str token)
{
    crypto_sha256(session->execs->crypto, token, &session->token);
    session->token_until_ms = loop_now_ms(loop_of(session)) + session->execs->config.token_ms;
}

static bool is_token(struct exec_session *session, struct str token, const struct sha256 *want)
{
    struct sha256 digest;

    crypto_sha256(session->execs->crypto, token, &digest);
    return crypto_equal(str_span((const char *)digest.bytes, SHA256_SIZE),
                        str_span((const char *)want->bytes, SHA256_SIZE));
}

bool exec_session_take_token(struct exec_session *session, struct str token)
{
    if (!is_token(session, token, &session->token) ||
        loop_now_ms(loop_of(session)) >= session->token_until_ms)
        return false;
    session->token_until_ms = 0;
    return true;
}

bool exec_session_take_relay_token(struct exec_session *session, struct str token)
{
    if (!session->relay_is_asked || !is_token(session, token, &session->relay_token))
        return false;
    session->relay_is_asked = false;
    return true;
}

static void copy_order(struct exec_session *session, const struct exec_order *order)
{
    struct arena *arena = &session->arena;
    struct exec_order *to = &session->order;

    *to = *order;
    to->session = str_copy(arena, order->session);
    to->token = STR_NONE;
    to->principal = str_copy(arena, order->principal);
    to->cluster_arn = str_copy(arena, order->cluster_arn);
    to->task_arn = str_copy(arena, order->task_arn);
    to->container = str_copy(arena, order->container);
    to->container_id = str_copy(arena, order->container_id);
    to->command = str_copy(arena, order->command);
    to->words.at = arena_array(arena, struct str, order->words.n);
    for (size_t i = 0; i < order->words.n; i++)
        to->words.at[i] = str_copy(arena, order->words.at[i]);
}

struct exec_session *exec_session_new(struct execs *execs, const struct exec_order *order)
{
    struct exec_session *session = mem_zalloc(sizeof *session);

    session->execs = execs;
    session->has_terminal = true;
    copy_order(session, order);
    session->host = (struct exec_host){
        .user = session,
        .send = on_send,
        .begin = on_begin,
        .input = on_input,
        .resize = on_resize,
        .input_end = on_input_end,
        .hang_up = on_hang_up,
        .over = on_over,
    };
    session->channel =
        exec_channel_new(&session->host, execs->crypto, &execs->rng, session->order.session);
    loop_timer_init(&session->tick, execs->config.loop, on_tick, session);
    loop_timer_init(&session->idle, execs->config.loop, on_idle, session);
    loop_timer_init(&session->patience, execs->config.loop, on_patience_ended, session);
    loop_timer_init(&session->log_timer, execs->config.loop, on_log_timer, session);
    loop_job_init(&session->reap, on_reap, session);
    exec_session_set_token(session, order->token);
    loop_timer_start(&session->idle, execs->config.token_ms);
    MAP_ADD_STR(hh, execs->sessions, order.session, session);
    return session;
}

void exec_session_free(struct exec_session *session)
{
    leave_relay(session);
    if (session->client != NULL) {
        session->client->session = NULL;
        ws_close(session->client->ws, WS_CODE_NORMAL, STR_NONE);
    }
    MAP_DEL(hh, session->execs->sessions, session);
    loop_timer_stop(&session->tick);
    loop_timer_stop(&session->idle);
    loop_timer_stop(&session->patience);
    loop_timer_stop(&session->log_timer);
    loop_job_cancel(&session->reap);
    exec_log_end(&session->log, STR("the session was dropped"), now_of(session));
    exec_channel_free(session->channel);
    buf_deinit(&session->in);
    arena_deinit(&session->arena);
    mem_free(session);
}
