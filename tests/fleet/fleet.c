// See fleet.h. A member is one agent; its two websockets differ in what they send, so they share
// the code that dials and dials again.

#include "tests/fleet/fleet.h"

#include "api/acs.h"
#include "api/tcs.h"
#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "base/id.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/rng.h"
#include "io/clock.h"
#include "io/entropy.h"
#include "io/loop.h"
#include "wire/codec.h"
#include "wire/http_client.h"
#include "wire/uri.h"
#include "wire/ws.h"

enum { AGAIN_MS = 200, PUBLISH_MS = 20 * 1000, MESSAGE_MAX = 8 << 20, CONTAINERS_MAX = 10 };

struct member;

struct channel {
    struct member *member;
    bool is_telemetry;
    struct ws_dial *dial;
    struct ws *ws;
    struct loop_timer again;
    struct loop_timer cut;
    struct loop_timer publish;
    bool was_open;
};

struct member {
    struct fleet *fleet;
    struct arena arena;
    struct str instance; // ARN
    struct channel acs;
    struct channel tcs;
    struct fleet_task *tasks; // by ARN
};

struct fleet_task {
    struct member *member;
    UT_hash_handle by_arn;
    struct arena arena;
    struct str arn;
    struct str containers[CONTAINERS_MAX];
    size_t containers_n;
    struct loop_timer timer; // to the next report
    bool is_running;
    bool must_stop;
    bool is_reporting; // a report is on its way; it must come back before the next one
};

struct fleet {
    struct fleet_config config;
    struct arena arena;
    struct http_client *client;
    struct member *members;
    struct rng rng;
    struct fleet_counts counts;
};

static void dial(void *user);

static int64_t jittered(struct fleet *fleet, int64_t ms)
{
    return ms + (int64_t)rng_below(&fleet->rng, (uint64_t)ms + 1);
}

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

// ---- tasks

static void task_free(struct fleet_task *task)
{
    loop_timer_stop(&task->timer);
    MAP_DEL(by_arn, task->member->tasks, task);
    arena_deinit(&task->arena);
    mem_free(task);
}

static void on_reported(void *user, const void *reply)
{
    struct fleet_task *task = user;
    struct fleet *fleet = task->member->fleet;
    bool was_stopped = task->is_running && task->must_stop;

    task->is_reporting = false;
    if (reply == NULL)
        return;
    if (was_stopped) {
        fleet->counts.stopped++;
        task_free(task);
        return;
    }
    task->is_running = true;
    fleet->counts.running++;
    if (task->must_stop)
        loop_timer_start(&task->timer, 0);
    else if (fleet->config.life_ms > 0)
        loop_timer_start(&task->timer, jittered(fleet, fleet->config.life_ms));
}

static void fill_containers(const struct fleet_task *task, struct str status,
                            struct ecs_container_state_change *out)
{
    for (size_t i = 0; i < task->containers_n; i++) {
        out[i] = (struct ecs_container_state_change){0};
        SET(&out[i], container_name, task->containers[i]);
        SET(&out[i], status, status);
        SET(&out[i], runtime_id, str_take(task->arn, 64));
        if (str_eq(status, STR("STOPPED")))
            SET(&out[i], exit_code, 0);
    }
}

// The timer's: RUNNING the first time, then STOPPED, because it was told or its life is over.
static void report(void *user)
{
    struct fleet_task *task = user;
    struct member *member = task->member;
    struct fleet_config *config = &member->fleet->config;
    struct ecs_submit_task_state_change_request request = {0};
    struct ecs_container_state_change containers[CONTAINERS_MAX];
    struct str status = task->is_running ? STR("STOPPED") : STR("RUNNING");
    int64_t now = clock_wall_ms();

    if (config->is_silent || task->is_reporting)
        return;
    task->must_stop |= task->is_running;
    task->is_reporting = true;
    fill_containers(task, status, containers);
    SET(&request, cluster, config->cluster);
    SET(&request, task, task->arn);
    SET(&request, status, status);
    SET(&request, containers,
        (struct ecs_container_state_change_list){.n = task->containers_n, .at = containers});
    if (task->is_running) {
        SET(&request, execution_stopped_at, now);
    } else {
        SET(&request, pull_started_at, now);
        SET(&request, pull_stopped_at, now);
    }
    calls_send(config->calls, ECS_OPERATION_SUBMIT_TASK_STATE_CHANGE, &request, on_reported, task);
}

static struct fleet_task *add_task(struct member *member, const struct acs_task *payload)
{
    struct fleet_task *task = mem_zalloc(sizeof *task);
    size_t n = payload->containers.n;

    task->member = member;
    task->arn = str_copy(&task->arena, payload->arn);
    task->containers_n = n < CONTAINERS_MAX ? n : CONTAINERS_MAX;
    for (size_t i = 0; i < task->containers_n; i++)
        task->containers[i] = str_copy(&task->arena, payload->containers.at[i].name);
    loop_timer_init(&task->timer, member->fleet->config.loop, report, task);
    MAP_ADD_STR(by_arn, member->tasks, arn, task);
    member->fleet->counts.tasks++;
    return task;
}

// A task that it is told to stop before it ran is reported RUNNING first, which is a legal way.
static void take_task(struct member *member, const struct acs_task *payload)
{
    bool must_stop = str_eq(payload->desired_status, STR("STOPPED"));
    struct fleet_task *task;

    MAP_FIND_STR(by_arn, member->tasks, payload->arn, task);
    if (task == NULL && !must_stop) {
        task = add_task(member, payload);
        loop_timer_start(&task->timer, jittered(member->fleet, member->fleet->config.start_ms));
    } else if (task != NULL && must_stop && !task->must_stop) {
        task->must_stop = true;
        loop_timer_start(&task->timer, 0);
    }
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
            take_task(member, &payload->tasks.at[i]);
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
    loop_timer_start(&channel->again, jittered(channel->member->fleet, AGAIN_MS));
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
        loop_timer_start(&channel->cut, jittered(fleet, fleet->config.cut_ms));
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

// ---- coming to life

// The answer names this server, whose websockets stand where `dial` looks for them.
static void on_discovered(void *user, const void *reply)
{
    struct member *member = user;
    const struct ecs_discover_poll_endpoint_response *endpoints = reply;

    if (endpoints == NULL || endpoints->endpoint.len == 0)
        return;
    dial(&member->acs);
    if ((size_t)(member - member->fleet->members) < member->fleet->config.telemetry_n)
        dial(&member->tcs);
}

static void discover(struct member *member)
{
    struct ecs_discover_poll_endpoint_request request = {0};

    SET(&request, cluster, member->fleet->config.cluster);
    SET(&request, container_instance, member->instance);
    member->fleet->counts.registered++;
    calls_send(member->fleet->config.calls, ECS_OPERATION_DISCOVER_POLL_ENDPOINT, &request,
               on_discovered, member);
}

static void on_registered(void *user, const void *reply)
{
    struct member *member = user;
    const struct ecs_register_container_instance_response *registered = reply;

    if (registered == NULL)
        return;
    member->instance =
        str_copy(&member->arena, registered->container_instance->container_instance_arn);
    discover(member);
}

static struct ecs_resource number(struct str name, int64_t value)
{
    struct ecs_resource resource = {0};

    SET(&resource, name, name);
    SET(&resource, type, STR("INTEGER"));
    SET(&resource, integer_value, (int32_t)value);
    return resource;
}

static struct ecs_resource no_ports(struct str name)
{
    struct ecs_resource resource = {0};

    SET(&resource, name, name);
    SET(&resource, type, STR("STRINGSET"));
    resource.has.string_set_value = true;
    return resource;
}

static void register_member(struct member *member)
{
    static const char *const names[] = {
        "com.amazonaws.ecs.capability.docker-remote-api.1.17",
        "com.amazonaws.ecs.capability.docker-remote-api.1.18",
        "com.amazonaws.ecs.capability.docker-remote-api.1.19",
        "com.amazonaws.ecs.capability.docker-remote-api.1.21",
        "com.amazonaws.ecs.capability.logging-driver.json-file",
        "ecs.capability.container-health-check",
        "ecs.capability.container-ordering",
        "ecs.capability.docker-plugin.local",
    };
    enum { NAMES_N = sizeof names / sizeof *names };
    const struct fleet_config *config = &member->fleet->config;
    struct ecs_register_container_instance_request request = {0};
    struct ecs_resource resources[] = {
        number(STR("CPU"), config->cpu_units),
        number(STR("MEMORY"), config->memory_mib),
        no_ports(STR("PORTS")),
        no_ports(STR("PORTS_UDP")),
    };
    struct ecs_attribute attributes[NAMES_N] = {0};

    for (size_t i = 0; i < NAMES_N; i++)
        SET(&attributes[i], name, str_of(names[i]));
    SET(&request, cluster, config->cluster);
    SET(&request, total_resources, (struct ecs_resource_list){.n = 4, .at = resources});
    SET(&request, attributes, (struct ecs_attribute_list){.n = NAMES_N, .at = attributes});
    calls_send(config->calls, ECS_OPERATION_REGISTER_CONTAINER_INSTANCE, &request, on_registered,
               member);
}

static void channel_init(struct channel *channel, struct member *member, bool is_telemetry)
{
    struct loop *loop = member->fleet->config.loop;

    channel->member = member;
    channel->is_telemetry = is_telemetry;
    loop_timer_init(&channel->again, loop, dial, channel);
    loop_timer_init(&channel->cut, loop, cut, channel);
    loop_timer_init(&channel->publish, loop, publish, channel);
}

struct fleet *fleet_new(const struct fleet_config *config)
{
    struct fleet *fleet = mem_zalloc(sizeof *fleet);
    struct http_client_config client = {0};
    struct str url = str_fmt(&fleet->arena, "http://127.0.0.1:%u/", (unsigned)config->port);

    fleet->config = *config;
    rng_init(&fleet->rng, entropy_u64());
    if (!uri_parse(&fleet->arena, url, &client.target))
        UNREACHABLE();
    fleet->client = http_client_new(config->loop, &client);
    fleet->members = mem_zalloc(config->agents_n * sizeof *fleet->members);
    for (size_t i = 0; i < config->agents_n; i++) {
        struct member *member = &fleet->members[i];
        member->fleet = fleet;
        channel_init(&member->acs, member, false);
        channel_init(&member->tcs, member, true);
        if (config->instances != NULL) {
            member->instance = config->instances[i];
            discover(member);
        } else {
            register_member(member);
        }
    }
    return fleet;
}

static void channel_close(struct channel *channel)
{
    if (channel->dial != NULL)
        ws_dial_cancel(channel->dial);
    ws_abort(channel->ws);
    loop_timer_stop(&channel->again);
    loop_timer_stop(&channel->cut);
    loop_timer_stop(&channel->publish);
}

void fleet_free(struct fleet *fleet)
{
    if (fleet == NULL)
        return;
    for (size_t i = 0; i < fleet->config.agents_n; i++) {
        struct member *member = &fleet->members[i];
        channel_close(&member->acs);
        channel_close(&member->tcs);
        while (member->tasks != NULL)
            task_free(member->tasks);
        arena_deinit(&member->arena);
    }
    http_client_free(fleet->client);
    mem_free(fleet->members);
    arena_deinit(&fleet->arena);
    mem_free(fleet);
}

const struct fleet_counts *fleet_counts(const struct fleet *fleet)
{
    return &fleet->counts;
}

bool fleet_is_connected(const struct fleet *fleet)
{
    return fleet->counts.acs_open == fleet->config.agents_n &&
           fleet->counts.tcs_open == fleet->config.telemetry_n;
}
