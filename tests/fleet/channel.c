// The websockets of an agent: dialled, listened to, answered, dialled again.

#include "api/tcs.h"
#include "base/buf.h"
#include "base/id.h"
#include "io/clock.h"
#include "tests/fleet/member.h"
#include "wire/codec.h"
#include "wire/uri.h"
#include "wire/ws.h"

enum { AGAIN_MS = 200, PUBLISH_MS = 20 * 1000, MESSAGE_MAX = 8 << 20 };

// ---- what is said

static void say_acs(struct member *member, enum acs_message kind, const void *message)
{
    BUF_AUTO struct buf text = BUF_INIT;

    if (member->acs.ws == NULL)
        return;
    codec_encode_frame(&text, &acs_messages[kind], message);
    if (ws_send_text(member->acs.ws, buf_str(&text)) != 0)
        member->fleet->counts.bad_messages++;
}

static void acknowledge(struct member *member, struct str message_id)
{
    struct acs_ack_request ack = {0};

    SET(&ack, cluster, member->fleet->config.cluster);
    SET(&ack, container_instance, member->instance);
    SET(&ack, message_id, message_id);
    say_acs(member, ACS_MESSAGE_ACK_REQUEST, &ack);
}

static void acknowledge_heartbeat(struct member *member, struct str message_id)
{
    struct acs_heartbeat_ack_request ack = {0};

    SET(&ack, message_id, message_id);
    say_acs(member, ACS_MESSAGE_HEARTBEAT_ACK_REQUEST, &ack);
}

// Header lines that sign the message, an empty line, the message.
static void say_tcs(struct member *member, enum tcs_message kind, const void *message)
{
    struct fleet *fleet = member->fleet;
    struct calls *calls = fleet->config.calls;
    struct http_header headers[SIGV4_ADDED];
    struct arena scratch = ARENA_INIT;
    BUF_AUTO struct buf json = BUF_INIT;
    BUF_AUTO struct buf text = BUF_INIT;
    size_t n;

    codec_encode_frame(&json, &tcs_messages[kind], message);
    n = calls_sign_get(calls, &scratch, STR("/tcs/ws"), STR_NONE, buf_str(&json), headers);
    http_write_header(&text, STR("Host"), calls_host(calls));
    for (size_t i = 0; i < n; i++)
        http_write_header(&text, headers[i].name, headers[i].value);
    buf_add_str(&text, STR("\r\n"));
    buf_add_str(&text, buf_str(&json));
    if (ws_send_text(member->tcs.ws, buf_str(&text)) == 0)
        fleet->counts.metrics++;
    arena_deinit(&scratch);
}

// An idle host's message; metrics of tasks would be made up.
static void publish(void *user)
{
    struct channel *channel = user;
    struct member *member = channel->member;
    struct tcs_publish_metrics_request request = {0};
    struct tcs_metrics_metadata metadata = {0};
    struct arena scratch = ARENA_INIT;

    loop_timer_start(&channel->publish, PUBLISH_MS);
    SET(&metadata, cluster, member->fleet->config.cluster);
    SET(&metadata, container_instance, member->instance);
    SET(&metadata, message_id, id_uuid(&scratch, &member->fleet->rng));
    SET(&metadata, idle, true);
    SET(&metadata, fin, true);
    SET(&request, metadata, &metadata);
    SET(&request, timestamp, clock_wall_ms());
    say_tcs(member, TCS_MESSAGE_PUBLISH_METRICS_REQUEST, &request);
    arena_deinit(&scratch);
}

// ---- what is heard

static void on_acs(struct member *member, enum acs_message kind, const void *message)
{
    struct fleet_counts *counts = &member->fleet->counts;

    if (kind == ACS_MESSAGE_HEARTBEAT_MESSAGE) {
        const struct acs_heartbeat_message *heartbeat = message;
        counts->heartbeats++;
        acknowledge_heartbeat(member, heartbeat->message_id);
    } else if (kind == ACS_MESSAGE_PAYLOAD_MESSAGE) {
        const struct acs_payload_message *payload = message;
        counts->payloads++;
        acknowledge(member, payload->message_id);
        for (size_t i = 0; i < payload->tasks.n; i++)
            member_take_task(member, &payload->tasks.at[i]);
    } else if (kind == ACS_MESSAGE_TASK_MANIFEST_MESSAGE) {
        const struct acs_task_manifest_message *manifest = message;
        acknowledge(member, manifest->message_id);
    }
}

static void on_message(void *user, struct str bytes, bool is_text)
{
    struct channel *channel = user;
    struct member *member = channel->member;
    struct arena arena = ARENA_INIT;
    struct codec_frame frame = {0};
    struct codec_report report = {0};

    (void)is_text;
    if (channel->is_telemetry) {
        if (codec_decode_frame(&arena, tcs_messages, TCS_MESSAGE_N, bytes, &codec_peer, &frame,
                               &report) != 0)
            member->fleet->counts.bad_messages++;
    } else if (codec_decode_frame(&arena, acs_messages, ACS_MESSAGE_N, bytes, &codec_peer, &frame,
                                  &report) != 0) {
        member->fleet->counts.bad_messages++;
    } else if (frame.kind != ACS_MESSAGE_NONE) {
        on_acs(member, (enum acs_message)frame.kind, frame.message);
    }
    arena_deinit(&arena);
}

// ---- connections

static size_t *open_count(struct channel *channel)
{
    struct fleet_counts *counts = &channel->member->fleet->counts;

    return channel->is_telemetry ? &counts->tcs_open : &counts->acs_open;
}

static void dial_again(struct channel *channel)
{
    loop_timer_stop(&channel->cut);
    loop_timer_stop(&channel->publish);
    loop_timer_start(&channel->again, fleet_jittered(channel->member->fleet, AGAIN_MS));
}

static void on_close(void *user, int code, struct str reason)
{
    struct channel *channel = user;

    (void)code;
    (void)reason;
    channel->ws = NULL;
    --*open_count(channel);
    dial_again(channel);
}

static const struct ws_handler ws_handler = {.on_message = on_message, .on_close = on_close};

// As when a cable is pulled: without a word.
static void cut(void *user)
{
    struct channel *channel = user;

    ws_abort(channel->ws);
    channel->ws = NULL;
    --*open_count(channel);
    dial_again(channel);
}

static void on_open(void *user, struct ws *ws)
{
    struct channel *channel = user;
    struct fleet *fleet = channel->member->fleet;

    channel->dial = NULL;
    channel->ws = ws;
    ++*open_count(channel);
    fleet->counts.reconnects += channel->was_open;
    channel->was_open = true;
    if (channel->is_telemetry)
        loop_timer_start(&channel->publish, (int64_t)rng_below(&fleet->rng, PUBLISH_MS));
    if (fleet->config.cut_ms > 0)
        loop_timer_start(&channel->cut, fleet_jittered(fleet, fleet->config.cut_ms));
}

static void on_failed(void *user, int outcome, const struct http_answer *reply, struct str detail)
{
    struct channel *channel = user;

    (void)outcome;
    (void)detail;
    channel->dial = NULL;
    if (reply != NULL)
        channel->member->fleet->counts.refusals++;
    dial_again(channel);
}

static const struct ws_dial_handler dial_handler = {.on_open = on_open, .on_failed = on_failed};

static struct str query_of(const struct channel *channel, struct arena *arena)
{
    const struct member *member = channel->member;
    struct str cluster = uri_encoded(arena, member->fleet->config.cluster, false);
    struct str instance = uri_encoded(arena, member->instance, false);

    if (channel->is_telemetry)
        return str_fmt(arena,
                       "agentHash=00000000&agentVersion=1.103.0&cluster=%.*s&containerInstance=%.*s"
                       "&dockerVersion=20.10.24",
                       STR_ARGS(cluster), STR_ARGS(instance));
    return str_fmt(arena,
                   "agentHash=00000000&agentVersion=1.103.0&clusterArn=%.*s"
                   "&containerInstanceArn=%.*s&dockerVersion=DockerVersion%%3A%%2020.10.24"
                   "&protocolVersion=2&sendCredentials=true&seqNum=1",
                   STR_ARGS(cluster), STR_ARGS(instance));
}

static void dial(void *user)
{
    struct channel *channel = user;
    struct fleet *fleet = channel->member->fleet;
    struct str path = channel->is_telemetry ? STR("/tcs/ws") : STR("/acs/ws");
    struct arena scratch = ARENA_INIT; // copied by the client
    struct http_header headers[SIGV4_ADDED];
    struct ws_dial_options options = {
        .headers = headers,
        .ws = {.message_max = MESSAGE_MAX, .handler = &ws_handler, .user = channel},
        .handler = &dial_handler,
        .user = channel,
    };
    struct str query = query_of(channel, &scratch);

    options.target = str_fmt(&scratch, "%.*s?%.*s", STR_ARGS(path), STR_ARGS(query));
    options.headers_n =
        calls_sign_get(fleet->config.calls, &scratch, path, query, STR_NONE, headers);
    channel->dial = ws_dial(fleet->client, &options);
    arena_deinit(&scratch);
}

void channel_init(struct channel *channel, struct member *member, bool is_telemetry)
{
    struct loop *loop = member->fleet->config.loop;

    channel->member = member;
    channel->is_telemetry = is_telemetry;
    loop_timer_init(&channel->again, loop, dial, channel);
    loop_timer_init(&channel->cut, loop, cut, channel);
    loop_timer_init(&channel->publish, loop, publish, channel);
}

void channel_dial(struct channel *channel)
{
    dial(channel);
}

void channel_close(struct channel *channel)
{
    if (channel->dial != NULL)
        ws_dial_cancel(channel->dial);
    ws_abort(channel->ws);
    loop_timer_stop(&channel->again);
    loop_timer_stop(&channel->cut);
    loop_timer_stop(&channel->publish);
}
