// See exec_client.h.

#include "wire/exec_client.h"

#include "api/exec.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/id.h"
#include "base/mem.h"
#include "wire/codec.h"
#include "wire/exec_stream.h"

static const struct str client_version = STR_INIT("1.2.0.0");

struct exec_client {
    const struct exec_client_host *host;
    struct exec_stream stream;
    struct arena arena;
    struct str id; // the same on every socket
    bool is_closed;
};

static void on_send(void *user, struct str frame)
{
    struct exec_client *client = user;

    client->host->send(client->host->user, frame);
}

// ---- the handshake

static void answer(struct exec_client *client, const struct exec_handshake_request *request,
                   time_ms now)
{
    BUF_AUTO struct buf json = BUF_INIT;
    struct exec_handshake_response response = {0};
    struct arena arena = ARENA_INIT;
    size_t n = request->requested_client_actions.n;

    response.has.processed_client_actions = true;
    response.processed_client_actions.n = n;
    response.processed_client_actions.at = arena_array(&arena, struct exec_processed_action, n);
    for (size_t i = 0; i < n; i++) {
        struct exec_processed_action *action = &response.processed_client_actions.at[i];
        struct str type = request->requested_client_actions.at[i].action_type;
        bool is_known = str_eq(type, STR("SessionType"));

        SET(action, action_type, type);
        SET(action, action_status, is_known ? 1 : 3);
        SET(action, error,
            is_known ? STR_NONE : str_fmt(&arena, "Unsupported action %.*s", STR_ARGS(type)));
    }
    SET(&response, client_version, client_version);
    codec_encode(&json, &exec_handshake_response_shape, &response);
    exec_stream_put(&client->stream, EXEC_PAYLOAD_HANDSHAKE_RESPONSE, buf_str(&json), now);
    arena_deinit(&arena);
}

static void take_request(struct exec_client *client, struct str payload, time_ms now)
{
    struct exec_handshake_request request;
    struct codec_report report;
    struct arena arena = ARENA_INIT;

    if (codec_decode(&arena, &exec_handshake_request_shape, payload, &codec_peer, &request,
                     &report) == 0)
        answer(client, &request, now);
    arena_deinit(&arena);
}

static void process(void *user, uint32_t payload_type, struct str payload, time_ms now)
{
    struct exec_client *client = user;
    const struct exec_client_host *host = client->host;
    int64_t code;

    switch (payload_type) {
    case EXEC_PAYLOAD_HANDSHAKE_REQUEST: take_request(client, payload, now); return;
    case EXEC_PAYLOAD_HANDSHAKE_COMPLETE: host->ready(host->user); return;
    case EXEC_PAYLOAD_OUTPUT: host->output(host->user, payload, false); return;
    case EXEC_PAYLOAD_STDERR: host->output(host->user, payload, true); return;
    case EXEC_PAYLOAD_EXIT_CODE:
        if (str_to_i64(payload, &code) && code >= 0 && code <= INT32_MAX)
            host->exit_code(host->user, (int32_t)code);
        return;
    default: return;
    }
}

static const struct exec_stream_host stream_host = {.send = on_send, .process = process};

struct exec_client *exec_client_new(const struct exec_client_host *host, struct crypto *crypto,
                                    struct rng *rng)
{
    struct exec_client *client = mem_zalloc(sizeof *client);

    client->host = host;
    client->id = id_uuid(&client->arena, rng);
    exec_stream_init(&client->stream, &stream_host, client, crypto, rng, STR("input_stream_data"),
                     STR("output_stream_data"));
    return client;
}

void exec_client_free(struct exec_client *client)
{
    if (client == NULL)
        return;
    exec_stream_deinit(&client->stream);
    arena_deinit(&client->arena);
    mem_free(client);
}

struct str exec_client_hello(struct exec_client *client, struct str token, bool terminal,
                             struct arena *arena)
{
    BUF_AUTO struct buf json = BUF_INIT;
    struct exec_open_data_channel open = {0};
    struct exec_gantry_client gantry = {0};

    SET(&gantry, exit_code, true);
    SET(&gantry, terminal, terminal);
    SET(&open, gantry, &gantry);
    SET(&open, message_schema_version, STR("1.0"));
    SET(&open, request_id, id_uuid(arena, client->stream.rng));
    SET(&open, token_value, token);
    SET(&open, client_id, client->id);
    SET(&open, client_version, client_version);
    codec_encode(&json, &exec_open_data_channel_shape, &open);
    return str_copy(arena, buf_str(&json));
}

void exec_client_attach(struct exec_client *client, time_ms now)
{
    exec_stream_attach(&client->stream, now);
}

void exec_client_detach(struct exec_client *client)
{
    exec_stream_detach(&client->stream);
}

static void take_closed(struct exec_client *client, struct str payload)
{
    struct exec_channel_closed closed;
    struct codec_report report;
    struct arena arena = ARENA_INIT;

    client->is_closed = true;
    if (codec_decode(&arena, &exec_channel_closed_shape, payload, &codec_peer, &closed, &report) !=
        0)
        closed.output = STR_NONE;
    client->host->closed(client->host->user, closed.output);
    arena_deinit(&arena);
}

void exec_client_take(struct exec_client *client, struct str bytes, time_ms now)
{
    struct exec_frame frame;

    if (client->is_closed || !exec_frame_read(client->stream.crypto, bytes, &frame))
        return;
    if (str_eq(frame.type, STR("channel_closed")))
        take_closed(client, frame.payload);
    else
        exec_stream_take(&client->stream, &frame, now);
}

void exec_client_input(struct exec_client *client, struct str bytes, time_ms now)
{
    exec_stream_put_bytes(&client->stream, EXEC_PAYLOAD_OUTPUT, bytes, now);
}

static void put_flag(struct exec_client *client, uint32_t flag, time_ms now)
{
    char bytes[4];

    for (int i = 3; i >= 0; i--, flag >>= 8)
        bytes[i] = (char)(flag & 0xff);
    exec_stream_put(&client->stream, EXEC_PAYLOAD_FLAG, str_span(bytes, sizeof bytes), now);
}

void exec_client_input_end(struct exec_client *client, time_ms now)
{
    put_flag(client, EXEC_FLAG_INPUT_END, now);
}

void exec_client_terminate(struct exec_client *client, time_ms now)
{
    put_flag(client, EXEC_FLAG_TERMINATE, now);
}

void exec_client_size(struct exec_client *client, int32_t columns, int32_t rows, time_ms now)
{
    BUF_AUTO struct buf json = BUF_INIT;
    struct exec_size size = {0};

    SET(&size, cols, columns);
    SET(&size, rows, rows);
    codec_encode(&json, &exec_size_shape, &size);
    exec_stream_put(&client->stream, EXEC_PAYLOAD_SIZE, buf_str(&json), now);
}

size_t exec_client_pending(const struct exec_client *client)
{
    return client->stream.out_bytes;
}

time_ms exec_client_tick(struct exec_client *client, time_ms now)
{
    bool is_lost;

    return client->is_closed ? 0 : exec_stream_retry(&client->stream, now, &is_lost);
}
