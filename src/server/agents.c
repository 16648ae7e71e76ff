// A session is one websocket of one agent, named by a number that is never used again.
//
//   asking   the handshake has arrived and the core was asked; the exchange is unanswered
//   open     let in: messages flow, heartbeats are sent
//   closing  told to go; nothing is read from it or sent to it any more
//
// The core believes in a session from its accept on, so every session it accepted is reported gone
// exactly once, also when the handshake could not be completed, or was refused because the accept
// was undone.
//
// Refused: handshakes beyond sessions_max, agents that do not take their messages, agents with more
// than SESSION_QUEUED_MAX messages undecided, frames that are not JSON. A message of a type we do
// not know, or with a member we cannot read, is skipped: agents are of many versions.

#include "server/agents.h"

#include "base/assert.h"
#include "base/buf.h"
#include "base/id.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "io/clock.h"
#include "io/loop.h"
#include "server/auth.h"
#include "server/intake.h"
#include "server/metrics.h"
#include "wire/codec.h"
#include "wire/http_server.h"
#include "wire/json_write.h"
#include "wire/uri.h"
#include "wire/ws.h"

enum {
    SESSION_QUEUED_MAX = 4096,
    SESSION_SILENT_MS = 3 * TIME_MINUTE_MS, // then it is dead; pings make it speak
    SESSION_PING_MS = TIME_MINUTE_MS,
    HEARTBEATS_UNANSWERED_MAX = 3,
    HEARTBEAT_STEPS = 128, // of a period
    MESSAGE_MAX = 2 << 20,
};

static const struct channel *const channels[CHANNEL_N] = {
    [CHANNEL_ACS] = &channel_acs,
    [CHANNEL_TCS] = &channel_tcs,
};

enum session_phase { SESSION_ASKING, SESSION_OPEN, SESSION_CLOSING };

struct session {
    session_id id;
    UT_hash_handle hh;
    struct agents *agents;
    enum channel_kind channel;
    enum session_phase phase;
    struct http_exchange *exchange; // asking
    struct ws *ws;                  // open, closing
    uint64_t instance_id;           // 0 until accepted
    struct loop_timer heartbeat;
    unsigned unanswered; // heartbeats
    unsigned queued;     // inputs on their way through the core
};

struct agents {
    struct agents_config config;
    struct rng rng;
    struct session *sessions; // by id
    session_id last_id;
    struct buf frame; // the one being written
    bool closed;
    bool muted;
};

struct str channel_query(struct arena *arena, struct str query, struct str key)
{
    struct str value;

    return uri_query_get(arena, query, key, &value) ? value : STR_NONE;
}

struct agents *agents_new(const struct agents_config *config)
{
    struct agents *agents = mem_zalloc(sizeof *agents);

    agents->config = *config;
    rng_init(&agents->rng, config->seed);
    return agents;
}

static void session_free(struct session *session)
{
    struct agents *agents = session->agents;

    loop_timer_stop(&session->heartbeat);
    MAP_DEL(hh, agents->sessions, session);
    mem_free(session);
}

void agents_free(struct agents *agents)
{
    struct session *session;
    struct session *next;

    if (agents == NULL)
        return;
    HASH_ITER (hh, agents->sessions, session, next) {
        ASSERT(session->exchange == NULL); // everything asked was answered
        ws_abort(session->ws);
        session_free(session);
    }
    buf_deinit(&agents->frame);
    mem_free(agents);
}

static struct session *find(struct agents *agents, session_id id)
{
    struct session *session;

    MAP_FIND_U64(hh, agents->sessions, &id, session);
    return session;
}

// ---- to the core

static void hand_in(struct agents *agents, struct agent_input *input)
{
    if (agents->muted)
        agent_input_free(input);
    else
        intake_add(agents->config.intake, &input->input);
}

static void report_gone(struct session *session)
{
    hand_in(session->agents,
            agent_input_new(INPUT_GONE, session->channel, session->id, session->instance_id));
}

// ---- handshakes

static void refuse(struct agents *agents, struct http_exchange *exchange, int status,
                   struct str exception, struct str text)
{
    const struct http_header headers[] = {
        {STR("Content-Type"), STR("application/json")},
        {STR("Sec-WebSocket-Version"), STR("13")},
    };
    struct json_writer w = json_writer(&agents->frame);

    buf_clear(&agents->frame);
    json_write_object(&w);
    json_write_key(&w, exception);
    json_write_str(&w, text);
    json_write_object_end(&w);
    http_reply(exchange, &(struct http_response){.status = status,
                                                 .headers = headers,
                                                 .headers_n = 2,
                                                 .body = buf_str(&agents->frame)});
}

static void ask(struct agents *agents, enum channel_kind channel, struct http_exchange *exchange,
                const struct http_request *request, struct str region)
{
    struct session *session = mem_zalloc(sizeof *session);
    struct agent_input *input;

    session->id = ++agents->last_id;
    session->agents = agents;
    session->channel = channel;
    session->exchange = exchange;
    MAP_ADD_U64(hh, agents->sessions, id, session);
    input = agent_input_new(INPUT_OPEN, channel, session->id, 0);
    channels[channel]->read_hello(&input->arena, request->query, &input->hello);
    input->hello.region = str_copy(&input->arena, region);
    session->queued++;
    hand_in(agents, input);
}

bool agents_channel_of(struct str path, enum channel_kind *out)
{
    for (int i = 0; i < CHANNEL_N; i++) {
        if (str_eq(path, channels[i]->path)) {
            *out = (enum channel_kind)i;
            return true;
        }
    }
    return false;
}

void agents_request(struct agents *agents, enum channel_kind channel,
                    struct http_exchange *exchange, const struct http_request *request)
{
    struct sigv4_error error = {0};
    struct caller caller;

    if (!request->wants_websocket) {
        refuse(agents, exchange, 400, STR("BadRequestException"),
               STR("This is a websocket; ask for an upgrade."));
        return;
    }
    if (agents->closed || HASH_COUNT(agents->sessions) >= agents->config.sessions_max) {
        refuse(agents, exchange, 503, STR("ServerException"), INPUT_UNAVAILABLE_TEXT);
        return;
    }
    if (auth_check(agents->config.auth, request, clock_wall_ms(), http_exchange_arena(exchange),
                   &caller, &error) != 0) {
        refuse(agents, exchange, 403, channels[channel]->denied, error.message);
        return;
    }
    ask(agents, channel, exchange, request, caller.region);
}

// ---- an open session

// The websocket calls back when it is closed; then the session ends.
static void close_session(struct session *session, int code, struct str reason)
{
    if (session->phase != SESSION_OPEN)
        return;
    session->phase = SESSION_CLOSING;
    loop_timer_stop(&session->heartbeat);
    ws_close(session->ws, code, reason);
}

static void send(struct session *session, struct str frame)
{
    if (session->phase != SESSION_OPEN || ws_send_text(session->ws, frame) == 0)
        return;
    LOG_WARN("agent.stuck", LOG_STR("channel", channels[session->channel]->path),
             LOG_INT("session", session->id), LOG_INT("unsent", ws_unsent(session->ws)));
    close_session(session, WS_CODE_POLICY, STR("Messages are not taken."));
}

// Heartbeats are due at steps of a quarter of a second or so: with ten thousand agents the loop
// then wakes four times a second and serves many at once, instead of waking for each of them.
static void start_heartbeat(struct session *session)
{
    const struct agents *agents = session->agents;
    int64_t every_ms = agents->config.heartbeat_ms;
    int64_t step_ms = every_ms / HEARTBEAT_STEPS + 1;
    int64_t jitter_ms = (int64_t)rng_below(&session->agents->rng, (uint64_t)every_ms / 4 + 1);
    int64_t after_ms = every_ms - jitter_ms;

    after_ms -= (loop_now_ms(agents->config.loop) + after_ms) % step_ms;
    loop_timer_start(&session->heartbeat, after_ms);
}

static void on_heartbeat(void *user)
{
    struct session *session = user;
    struct agents *agents = session->agents;
    const struct channel *channel = channels[session->channel];
    struct arena scratch = ARENA_INIT;

    if (channel->answers_heartbeats && session->unanswered >= HEARTBEATS_UNANSWERED_MAX) {
        LOG_WARN("agent.silent", LOG_STR("channel", channel->path),
                 LOG_INT("session", session->id));
        close_session(session, WS_CODE_NORMAL, STR("Heartbeats were not answered."));
        return;
    }
    session->unanswered++;
    buf_clear(&agents->frame);
    channel->write_heartbeat(&agents->frame, id_uuid(&scratch, &agents->rng));
    arena_deinit(&scratch);
    start_heartbeat(session);
    send(session, buf_str(&agents->frame));
}

static void note_unreadable(const struct session *session, const struct codec_report *report)
{
    LOG_WARN("agent.unreadable", LOG_STR("channel", channels[session->channel]->path),
             LOG_INT("session", session->id), LOG_STR("reason", report->message),
             LOG_STR("member", report->path));
}

// False: nothing for the core.
static bool read_message(struct session *session, struct str bytes, struct agent_input *input)
{
    const struct channel *channel = channels[session->channel];
    struct codec_frame frame;
    struct codec_report report = {0};
    int outcome = codec_decode_frame(&input->arena, channel->kinds, channel->kinds_n,
                                     channel->json_of(bytes), &codec_peer, &frame, &report);

    if (outcome != 0) {
        note_unreadable(session, &report);
        if (outcome == CODEC_E_MALFORMED)
            close_session(session, WS_CODE_BAD_DATA, STR("A frame is not JSON."));
        return false;
    }
    if (frame.kind == 0 || (channel->answers_heartbeats && frame.kind == channel->heartbeat_answer))
        return false;
    input->message_kind = frame.kind;
    input->message = frame.message;
    return true;
}

static void on_message(void *user, struct str bytes, bool is_text)
{
    struct session *session = user;
    struct agents *agents = session->agents;
    struct agent_input *input;

    (void)is_text;
    agents->config.metrics->agent_messages[session->channel]++;
    session->unanswered = 0;
    if (session->phase != SESSION_OPEN)
        return;
    if (session->queued >= SESSION_QUEUED_MAX) {
        close_session(session, WS_CODE_POLICY, STR("Too many messages."));
        return;
    }
    input = agent_input_new(INPUT_MESSAGE, session->channel, session->id, session->instance_id);
    if (!read_message(session, bytes, input)) {
        agent_input_free(input);
        return;
    }
    session->queued++;
    hand_in(agents, input);
}

static void on_close(void *user, int code, struct str reason)
{
    struct session *session = user;

    LOG_INFO("agent.gone", LOG_STR("channel", channels[session->channel]->path),
             LOG_INT("session", session->id), LOG_INT("instance", session->instance_id),
             LOG_INT("code", code), LOG_STR("reason", reason));
    session->agents->config.metrics->agents[session->channel]--;
    report_gone(session);
    session_free(session);
}

static const struct ws_handler ws_handler = {.on_message = on_message, .on_close = on_close};

// ---- effects

static void accept(struct session *session, const struct effect *effect)
{
    struct agents *agents = session->agents;
    struct ws_options options = {
        .message_max = MESSAGE_MAX,
        .idle_ms = SESSION_SILENT_MS,
        .ping_ms = SESSION_PING_MS,
        .handler = &ws_handler,
        .user = session,
    };
    struct http_exchange *exchange = session->exchange;
    int outcome;

    session->instance_id = effect->instance_id;
    session->exchange = NULL;
    outcome = ws_accept(exchange, &options, &session->ws);
    if (outcome != 0) {
        refuse(agents, exchange, outcome == WS_E_VERSION ? 426 : 400, STR("BadRequestException"),
               STR("The websocket handshake is not complete."));
        report_gone(session);
        session_free(session);
        return;
    }
    session->phase = SESSION_OPEN;
    agents->config.metrics->agents[session->channel]++;
    LOG_INFO("agent.connected", LOG_STR("channel", channels[session->channel]->path),
             LOG_INT("session", session->id), LOG_INT("instance", session->instance_id));
    loop_timer_init(&session->heartbeat, agents->config.loop, on_heartbeat, session);
    start_heartbeat(session);
    if (agents->closed)
        close_session(session, WS_CODE_GOING_AWAY, STR("The server is stopping."));
}

// An accept that was undone is a refusal that names an instance: the core believes in the session.
static void decline(struct session *session, const struct effect *effect)
{
    bool is_ours = str_eq(effect->error, STR("ServerException"));

    refuse(session->agents, session->exchange, is_ours ? 500 : 400, effect->error, effect->text);
    session->exchange = NULL;
    if (effect->instance_id != 0) {
        session->instance_id = effect->instance_id;
        report_gone(session);
    }
    session_free(session);
}

static void tell(struct session *session, const struct message_kind *kind, const void *message)
{
    struct buf *frame = &session->agents->frame;

    buf_clear(frame);
    codec_encode_frame(frame, kind, message);
    send(session, buf_str(frame));
}

void agents_effect(struct agents *agents, const struct effect *effect)
{
    struct session *session = find(agents, effect->session);
    bool is_asking = session != NULL && session->phase == SESSION_ASKING;

    if (session == NULL)
        return;
    switch (effect->kind) {
    case EFFECT_ACS_ACCEPT:
    case EFFECT_TCS_ACCEPT:
        ASSERT(is_asking);
        accept(session, effect);
        return;
    case EFFECT_ACS_REFUSE:
    case EFFECT_TCS_REFUSE:
        ASSERT(is_asking);
        decline(session, effect);
        return;
    case EFFECT_ACS_SEND: tell(session, &acs_messages[effect->acs_message], effect->value); return;
    case EFFECT_TCS_SEND: tell(session, &tcs_messages[effect->tcs_message], effect->value); return;
    case EFFECT_SCALE: return; // of no session
    case EFFECT_CLOSE: close_session(session, WS_CODE_NORMAL, effect->text); return;
    case EFFECT_HOOK_CALL:
    case EFFECT_ALARMS_ASK:
    case EFFECT_TRAFFIC:
    case EFFECT_EXEC:
    case EFFECT_USAGE:
    case EFFECT_NONE: break;
    }
    UNREACHABLE();
}

bool agents_tell(struct agents *agents, uint64_t instance_id, enum acs_message kind,
                 const void *message)
{
    for (struct session *session = agents->sessions; session != NULL; session = session->hh.next) {
        if (session->instance_id == instance_id && session->channel == CHANNEL_ACS &&
            session->phase == SESSION_OPEN) {
            tell(session, &acs_messages[kind], message);
            return true;
        }
    }
    return false;
}

void agents_decided(struct agents *agents, struct agent_input *input, bool failed)
{
    struct session *session = find(agents, input->session);

    if (session != NULL && input->input.kind != INPUT_GONE) {
        session->queued--;
        if (failed || input->verdict == VERDICT_UNAVAILABLE)
            close_session(session, WS_CODE_NORMAL, INPUT_UNAVAILABLE_TEXT);
    }
    agent_input_free(input);
}

void agents_close(struct agents *agents)
{
    struct session *session;
    struct session *next;

    agents->closed = true;
    HASH_ITER (hh, agents->sessions, session, next) {
        close_session(session, WS_CODE_GOING_AWAY, STR("The server is stopping."));
    }
}

void agents_mute(struct agents *agents)
{
    agents->muted = true;
}
