// See drive.h. The engine is stepped for one input at a time; what its outputs cause comes back
// through the loop as further inputs, never from inside a step.

#include "agent/drive.h"

#include "agent/hostnet.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/steady.h"
#include "engine/ports.h"
#include "io/clock.h"
#include "io/entropy.h"
#include "io/file.h"
#include "io/loop.h"
#include "io/socket.h"
#include "shape/walk.h"
#include "wire/codec.h"

enum {
    TIMER_MOST_MS = 60 * 1000, // a clock that jumps is noticed within a minute
    EVENTS_AGAIN_FIRST_MS = 500,
    EVENTS_AGAIN_MAX_MS = 30 * 1000,
    SUBMIT_PATIENCE = 298,
    STATS_IDLE_MS = 18 * 1000,
    PING_MS = 5 * 1000,
};

// Our own calls have tokens that the engine never reaches.
static const int64_t first_own_token = INT64_C(1) << 61;

struct stats_stream {
    struct list in_drive;
    int64_t token;
    drive_stats_fn *fn;
    void *user;
};

// A result that we owe the engine ourselves.
struct owed {
    struct list in_drive;
    struct arena arena;
    struct host_result *result;
};

struct submission {
    struct list in_drive;
    struct drive *drive;
    int64_t task;
    struct api_call *call;
};

struct drive {
    struct drive_config config;
    struct engine *engine;
    struct runtime *runtime;
    struct runtime *host; // NULL: `runtime` answers for it
    struct arena arena;   // of the step
    struct steady clock;  // what the engine is told
    struct loop_timer timer;
    struct loop_timer events_again;
    struct loop_job pay;
    struct list owed;        // struct owed
    struct list submissions; // struct submission
    struct list streams;     // struct stats_stream
    int64_t own_token;
    int64_t events_token;
    int64_t events_pause_ms;
    int64_t ping_token; // 0: none under way
    bool is_up;         // the event stream is open
    bool is_mute;       // the last ping was not answered in time
    bool stepping;
    bool broken;
};

static void step(struct drive *drive, struct engine_input *input);

// ---- records

static struct store_write write_of(struct drive *drive, const struct engine_record *record)
{
    BUF_AUTO struct buf json = BUF_INIT;
    struct store_write write = {
        .kind = (size_t)record->kind,
        .id = (uint64_t)record->id,
        .remove = record->value == NULL,
    };

    if (record->value != NULL) {
        codec_encode(&json, host_kinds[record->kind].shape, record->value);
        write.json = str_copy(&drive->arena, buf_str(&json));
    }
    return write;
}

// The engine has decided already, so what it decided must become durable. A disk that refuses ends
// the agent; the next one starts from what was committed, and finds everything else in the runtime.
static bool commit(struct drive *drive, const struct engine_out *out)
{
    struct store_write *writes = arena_array(&drive->arena, struct store_write, out->records_n);
    int rc = 0;

    if (out->records_n == 0)
        return true;
    for (size_t i = 0; i < out->records_n; i++)
        writes[i] = write_of(drive, &out->records[i]);
    rc = store_commit(drive->config.store, writes, out->records_n);
    if (rc == 0)
        return true;
    LOG_ERROR("agent.commit_failed", LOG_CSTR("reason", store_outcome_text(rc)),
              LOG_STR("detail", store_detail(drive->config.store)));
    drive->broken = true;
    drive->config.broken(drive->config.user, str_of(store_outcome_text(rc)));
    return false;
}

// ---- submits

static enum engine_submitted outcome_of(const struct api_result *result)
{
    if (result->kind == API_OK)
        return ENGINE_SUBMITTED_ACCEPTED;
    if (result->kind == API_REFUSED && str_eq(result->type, STR("InvalidParameterException")))
        return ENGINE_SUBMITTED_DROPPED;
    return ENGINE_SUBMITTED_RETRY;
}

static void submitted(void *user, const struct api_result *result)
{
    struct submission *submission = user;
    struct drive *drive = submission->drive;
    struct engine_input input = {
        .kind = ENGINE_INPUT_SUBMITTED,
        .submitted = {.task = submission->task, .outcome = outcome_of(result)},
    };

    if (result->kind != API_OK)
        LOG_WARN("agent.submit_failed", LOG_STR("type", result->type),
                 LOG_STR("message", result->message));
    list_remove(&submission->in_drive);
    mem_free(submission);
    if (input.submitted.task != 0)
        step(drive, &input);
}

static void submit(struct drive *drive, int64_t task,
                   const struct ecs_submit_task_state_change_request *request)
{
    struct submission *submission = mem_zalloc(sizeof *submission);

    submission->drive = drive;
    submission->task = task;
    list_push_back(&drive->submissions, &submission->in_drive);
    submission->call = api_send(drive->config.api, ECS_OPERATION_SUBMIT_TASK_STATE_CHANGE, request,
                                task == 0 ? SUBMIT_PATIENCE : 1, submitted, submission);
}

// ---- calls

// Free when it can be bound on all addresses.
static bool port_is_free(void *user, enum acs_transport_protocol protocol, int32_t port)
{
    (void)user;
    return socket_port_is_free(protocol == ACS_TRANSPORT_PROTOCOL_UDP, (uint16_t)port);
}

static void pay_owed(void *user)
{
    struct drive *drive = user;

    while (!list_is_empty(&drive->owed)) {
        struct owed *owed = LIST_ENTRY(drive->owed.next, struct owed, in_drive);
        struct engine_input input = {.kind = ENGINE_INPUT_RESULT, .result = owed->result};

        list_remove(&owed->in_drive);
        step(drive, &input);
        arena_deinit(&owed->arena);
        mem_free(owed);
    }
}

static void find_ports(struct drive *drive, const struct host_call *call)
{
    struct owed *owed = mem_zalloc(sizeof *owed);

    owed->result = arena_new(&owed->arena, struct host_result);
    ports_find(call, port_is_free, NULL, &owed->arena, owed->result);
    SET(owed->result, token, call->token);
    SET(owed->result, kind, call->kind);
    list_push_back(&drive->owed, &owed->in_drive);
    loop_defer(drive->config.loop, &drive->pay);
}

static void network_answered(void *user, const struct host_result *result)
{
    struct engine_input input = {.kind = ENGINE_INPUT_RESULT, .result = result};

    step(user, &input);
}

static bool is_for_hostnet(const struct drive *drive, const struct host_call *call)
{
    return drive->config.hostnet != NULL &&
           (call->kind == HOST_CALL_KIND_NETWORK_UP || call->kind == HOST_CALL_KIND_NETWORK_DOWN);
}

// Deadlines are on the engine's clock, and the driver reads the wall's.
static void make_call(struct drive *drive, const struct host_call *call)
{
    bool of_host =
        call->kind == HOST_CALL_KIND_MAKE_RESOURCE || call->kind == HOST_CALL_KIND_REMOVE_RESOURCE;
    struct host_call timed = *call;

    if (call->kind == HOST_CALL_KIND_CREATE && drive->config.creating != NULL)
        drive->config.creating(drive->config.user, call);

    if (call->has.deadline_ms)
        timed.deadline_ms -= drive->clock.now - clock_wall_ms();
    if (call->kind == HOST_CALL_KIND_FIND_PORTS)
        find_ports(drive, call);
    else if (is_for_hostnet(drive, call))
        hostnet_call(drive->config.hostnet, call, network_answered, drive);
    else if (of_host && drive->host != NULL)
        drive->host->driver->call(drive->host, &timed);
    else
        drive->config.driver->call(drive->runtime, &timed);
}

static void give_up_call(struct drive *drive, int64_t token)
{
    drive->config.driver->cancel(drive->runtime, token);
    if (drive->host != NULL)
        drive->host->driver->cancel(drive->host, token);
    if (drive->config.hostnet != NULL)
        hostnet_cancel(drive->config.hostnet, token);
}

static void carry_out(struct drive *drive, const struct engine_effect *effect)
{
    switch (effect->kind) {
    case ENGINE_EFFECT_CALL: make_call(drive, effect->call); break;
    case ENGINE_EFFECT_CANCEL: give_up_call(drive, effect->cancel); break;
    case ENGINE_EFFECT_SUBMIT: submit(drive, effect->submit.task, effect->submit.request); break;
    case ENGINE_EFFECT_MESSAGE:
        drive->config.message(drive->config.user, effect->message.kind, effect->message.value);
        break;
    case ENGINE_EFFECT_CREDENTIALS:
        if (drive->config.keys != NULL)
            drive->config.keys(drive->config.user, effect->credentials.task_arn,
                               effect->credentials.role, effect->credentials.value);
        break;
    case ENGINE_EFFECT_CREDENTIALS_DROP:
        if (drive->config.keys_gone != NULL)
            drive->config.keys_gone(drive->config.user, effect->credentials_id);
        break;
    case ENGINE_EFFECT_LOG:
        log_write(effect->log.level, effect->log.event, effect->log.fields, effect->log.fields_n);
        break;
    }
}

static void set_timer(struct drive *drive, time_ms at_ms)
{
    int64_t wait_ms;

    if (at_ms == INT64_MAX) {
        loop_timer_stop(&drive->timer);
        return;
    }
    wait_ms = at_ms - drive->clock.now;
    if (wait_ms > TIMER_MOST_MS)
        wait_ms = TIMER_MOST_MS;
    loop_timer_start(&drive->timer, wait_ms > 0 ? wait_ms : 0);
}

static void step(struct drive *drive, struct engine_input *input)
{
    struct engine_out out = {.arena = &drive->arena};

    if (drive->broken)
        return;
    ASSERT(!drive->stepping);
    drive->stepping = true;
    input->now_ms = steady_read(&drive->clock, clock_wall_ms(), clock_monotonic_ms());
    input->skipped_ms = drive->clock.skipped_ms;
    engine_step(drive->engine, input, &out);
    if (commit(drive, &out)) {
        for (size_t i = 0; i < out.effects_n; i++)
            carry_out(drive, &out.effects[i]);
        set_timer(drive, out.next_timer_ms);
    }
    arena_reset(&drive->arena);
    drive->stepping = false;
    if (drive->config.stepped != NULL && !drive->broken)
        drive->config.stepped(drive->config.user);
}

static void on_timer(void *user)
{
    struct engine_input input = {.kind = ENGINE_INPUT_TIMER};

    step(user, &input);
}

// ---- the runtime's side

static void listen_to_events(void *user)
{
    struct drive *drive = user;
    struct host_call call = {0};

    drive->events_token = ++drive->own_token;
    SET(&call, kind, HOST_CALL_KIND_EVENTS);
    SET(&call, token, drive->events_token);
    drive->config.driver->call(drive->runtime, &call);
}

static void events_opened(struct drive *drive)
{
    struct engine_input input = {.kind = ENGINE_INPUT_RUNTIME_UP};

    drive->events_pause_ms = EVENTS_AGAIN_FIRST_MS;
    drive->is_up = true;
    LOG_INFO("agent.runtime_up", LOG_CSTR("runtime", drive->config.driver->name));
    if (drive->config.runtime_up != NULL)
        drive->config.runtime_up(drive->config.user);
    if (drive->config.hostnet != NULL)
        hostnet_admit(drive->config.hostnet);
    step(drive, &input);
}

static void events_ended(struct drive *drive, const struct host_result *result)
{
    struct engine_input input = {.kind = ENGINE_INPUT_RUNTIME_DOWN};

    LOG_WARN("agent.runtime_down",
             LOG_STR("reason", result->error != NULL ? result->error->text : STR("stream ended")));
    loop_timer_start(&drive->events_again, drive->events_pause_ms);
    drive->events_pause_ms = drive->events_pause_ms * 2 < EVENTS_AGAIN_MAX_MS
                                 ? drive->events_pause_ms * 2
                                 : EVENTS_AGAIN_MAX_MS;
    if (!drive->is_up)
        return;
    drive->is_up = false;
    step(drive, &input);
}

// A runtime that hangs keeps its connections open; only a question finds it out.
static void ping(struct drive *drive)
{
    struct host_call call = {0};

    if (drive->ping_token != 0 || drive->broken)
        return;
    drive->ping_token = ++drive->own_token;
    SET(&call, kind, HOST_CALL_KIND_PING);
    SET(&call, token, drive->ping_token);
    SET(&call, deadline_ms, clock_wall_ms() + PING_MS);
    drive->config.driver->call(drive->runtime, &call);
}

static void pinged(struct drive *drive, const struct host_result *result)
{
    bool is_mute = result->error != NULL;

    if (is_mute != drive->is_mute)
        LOG_WARN(is_mute ? "agent.runtime_mute" : "agent.runtime_answers",
                 LOG_CSTR("runtime", drive->config.driver->name));
    drive->is_mute = is_mute;
    drive->ping_token = 0;
}

static struct stats_stream *stream_of(struct drive *drive, int64_t token)
{
    LIST_EACH (&drive->streams, it) {
        struct stats_stream *stream = LIST_ENTRY(it, struct stats_stream, in_drive);
        if (stream->token == token)
            return stream;
    }
    return NULL;
}

static void stats_arrived(struct drive *drive, int64_t token, const struct docker_stats *stats,
                          struct str json)
{
    struct stats_stream *stream = stream_of(drive, token);

    if (stream == NULL)
        return;
    stream->fn(stream->user, stats, json);
    if (stats == NULL)
        drive_stats_stop(drive, token);
}

static void own_post(struct drive *drive, const struct runtime_post *post)
{
    bool of_events = post->token == drive->events_token;

    if (post->kind == RUNTIME_POST_OPEN && of_events) {
        events_opened(drive);
    } else if (post->kind == RUNTIME_POST_EVENT && of_events) {
        struct engine_input input = {.kind = ENGINE_INPUT_EVENT, .event = post->event};
        step(drive, &input);
    } else if (post->kind == RUNTIME_POST_RESULT && of_events) {
        events_ended(drive, post->result);
    } else if (post->kind == RUNTIME_POST_RESULT && post->token == drive->ping_token) {
        pinged(drive, post->result);
    } else if (post->kind == RUNTIME_POST_STATS) {
        stats_arrived(drive, post->token, post->stats, post->stats_json);
    } else if (post->kind == RUNTIME_POST_RESULT) {
        stats_arrived(drive, post->token, NULL, STR_NONE);
    }
}

static void on_post(void *user, const struct runtime_post *post)
{
    struct drive *drive = user;

    if (post->token > first_own_token) {
        own_post(drive, post);
    } else if (post->kind == RUNTIME_POST_RESULT) {
        struct engine_input input = {.kind = ENGINE_INPUT_RESULT, .result = post->result};
        step(drive, &input);
    }
}

int64_t drive_stats_start(struct drive *drive, struct str container, drive_stats_fn *fn, void *user)
{
    struct stats_stream *stream = mem_zalloc(sizeof *stream);
    struct host_call call = {0};

    stream->token = ++drive->own_token;
    stream->fn = fn;
    stream->user = user;
    list_push_back(&drive->streams, &stream->in_drive);
    SET(&call, kind, HOST_CALL_KIND_STATS);
    SET(&call, token, stream->token);
    SET(&call, container, container);
    SET(&call, idle_ms, STATS_IDLE_MS);
    drive->config.driver->call(drive->runtime, &call);
    return stream->token;
}

void drive_stats_stop(struct drive *drive, int64_t token)
{
    struct stats_stream *stream = stream_of(drive, token);

    if (stream == NULL)
        return;
    drive->config.driver->cancel(drive->runtime, token);
    list_remove(&stream->in_drive);
    mem_free(stream);
}

// ---- life

static void begin_networks(struct drive *drive)
{
    struct arena scratch = ARENA_INIT;
    struct engine_network_list known = engine_networks(drive->engine, &scratch);

    hostnet_begin(drive->config.hostnet, &known);
    arena_deinit(&scratch);
}

struct drive *drive_new(const struct drive_config *config)
{
    struct drive *drive = mem_zalloc(sizeof *drive);
    struct runtime_config runtime = {
        .loop = config->loop,
        .socket = config->socket,
        .post = on_post,
        .user = drive,
    };
    struct engine_input input = {
        .kind = ENGINE_INPUT_START,
        .records = {.at = config->records, .n = config->records_n},
    };

    drive->config = *config;
    drive->own_token = first_own_token;
    drive->events_pause_ms = EVENTS_AGAIN_FIRST_MS;
    list_init(&drive->owed);
    list_init(&drive->submissions);
    list_init(&drive->streams);
    loop_job_init(&drive->pay, pay_owed, drive);
    loop_timer_init(&drive->timer, config->loop, on_timer, drive);
    loop_timer_init(&drive->events_again, config->loop, listen_to_events, drive);
    drive->engine = engine_new(config->settings, entropy_u64());
    if (config->driver->open(&runtime, &drive->runtime) != 0) {
        drive->broken = true;
        config->broken(config->user, STR("the runtime's driver cannot be opened"));
        return drive;
    }
    if (config->open_host != NULL && config->open_host(config->user, &runtime, &drive->host) != 0) {
        drive->broken = true;
        config->broken(config->user, STR("the host's driver cannot be opened"));
        return drive;
    }
    step(drive, &input);
    if (config->hostnet != NULL)
        begin_networks(drive);
    listen_to_events(drive);
    return drive;
}

void drive_free(struct drive *drive)
{
    struct engine_input input = {.kind = ENGINE_INPUT_SHUTDOWN};

    if (drive == NULL)
        return;
    step(drive, &input);
    loop_timer_stop(&drive->timer);
    loop_timer_stop(&drive->events_again);
    loop_job_cancel(&drive->pay);
    LIST_EACH_SAFE (&drive->submissions, it) {
        struct submission *submission = LIST_ENTRY(it, struct submission, in_drive);
        api_cancel(submission->call);
        mem_free(submission);
    }
    LIST_EACH_SAFE (&drive->owed, it) {
        struct owed *owed = LIST_ENTRY(it, struct owed, in_drive);
        arena_deinit(&owed->arena);
        mem_free(owed);
    }
    LIST_EACH_SAFE (&drive->streams, it)
        mem_free(LIST_ENTRY(it, struct stats_stream, in_drive));
    if (drive->host != NULL)
        drive->host->driver->close(drive->host);
    drive->config.driver->close(drive->runtime);
    engine_free(drive->engine);
    arena_deinit(&drive->arena);
    mem_free(drive);
}

void drive_message(struct drive *drive, enum acs_message kind, const void *value)
{
    struct engine_input input = {.kind = ENGINE_INPUT_MESSAGE,
                                 .message = {.kind = kind, .value = value}};

    if (kind == ACS_MESSAGE_HEARTBEAT_MESSAGE)
        ping(drive);
    step(drive, &input);
}

void drive_disk(struct drive *drive, bool is_low)
{
    struct engine_input input = {.kind = ENGINE_INPUT_DISK, .disk_is_low = is_low};

    step(drive, &input);
}

struct engine *drive_engine(struct drive *drive)
{
    return drive->engine;
}

bool drive_runtime_is_up(const struct drive *drive)
{
    return drive->is_up && !drive->is_mute;
}

bool drive_makes_networks(const struct drive *drive)
{
    return drive->config.hostnet != NULL;
}
