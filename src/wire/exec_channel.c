// See exec_channel.h. The numbers and repetitions are exec_stream's; here are the handshake, what
// the client's messages mean, and the end.

#include "wire/exec_channel.h"

#include "api/exec.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "wire/codec.h"
#include "wire/exec_stream.h"

enum {
    HANDSHAKE_MS = 15 * 1000,
    FLUSH_MS = 2 * 1000, // the end does not wait longer for the next acknowledgement
    SIDE_MAX = 65535,    // of a terminal
};

// What the plugin compares versions with; it wants four numbers.
static const struct str agent_version = STR_INIT("3.1.1260.0");

enum phase {
    PHASE_NEW = 1,
    PHASE_GREETING, // the handshake is under way
    PHASE_OPEN,
    PHASE_CLOSING, // the end waits for acknowledgements
    PHASE_OVER,
};

struct exec_channel {
    const struct exec_host *host;
    struct exec_stream stream;
    struct buf session;
    struct buf client;
    enum phase phase;
    time_ms greeted_at;
    struct buf farewell;
    time_ms close_by;
};

static void on_send(void *user, struct str frame)
{
    struct exec_channel *channel = user;

    channel->host->send(channel->host->user, frame);
}

static void process(void *user, uint32_t payload_type, struct str payload, time_ms now);

static const struct exec_stream_host stream_host = {.send = on_send, .process = process};

struct exec_channel *exec_channel_new(const struct exec_host *host, struct crypto *crypto,
                                      struct rng *rng, struct str session)
{
    struct exec_channel *channel = mem_zalloc(sizeof *channel);

    channel->host = host;
    channel->phase = PHASE_NEW;
    exec_stream_init(&channel->stream, &stream_host, channel, crypto, rng,
                     STR("output_stream_data"), STR("input_stream_data"));
    buf_add_str(&channel->session, session);
    return channel;
}

void exec_channel_free(struct exec_channel *channel)
{
    if (channel == NULL)
        return;
    exec_stream_deinit(&channel->stream);
    buf_deinit(&channel->session);
    buf_deinit(&channel->client);
    buf_deinit(&channel->farewell);
    mem_free(channel);
}

static void put_value(struct exec_channel *channel, enum exec_payload payload_type,
                      const struct shape *shape, const void *value, time_ms now)
{
    BUF_AUTO struct buf json = BUF_INIT;

    codec_encode(&json, shape, value);
    exec_stream_put(&channel->stream, payload_type, buf_str(&json), now);
}

// ---- the handshake

static void greet(struct exec_channel *channel, time_ms now)
{
    struct exec_empty properties = {0};
    struct exec_session_parameters parameters = {0};
    struct exec_client_action action = {0};
    struct exec_handshake_request request = {0};

    SET(&parameters, session_type, STR("InteractiveCommands"));
    SET(&parameters, properties, &properties);
    SET(&action, action_type, STR("SessionType"));
    SET(&action, action_parameters, &parameters);
    SET(&request, agent_version, agent_version);
    request.has.requested_client_actions = true;
    request.requested_client_actions = (struct exec_client_action_list){.n = 1, .at = &action};
    channel->phase = PHASE_GREETING;
    channel->greeted_at = now;
    put_value(channel, EXEC_PAYLOAD_HANDSHAKE_REQUEST, &exec_handshake_request_shape, &request,
              now);
}

// The text of what went wrong; empty: nothing.
static struct str failure_of(const struct exec_handshake_response *response)
{
    if (response->errors.n > 0)
        return response->errors.at[0];
    for (size_t i = 0; i < response->processed_client_actions.n; i++) {
        const struct exec_processed_action *action = &response->processed_client_actions.at[i];

        if (action->action_status != 1)
            return action->error.len > 0 ? action->error : STR("the session is not supported");
    }
    return STR_NONE;
}

static void give_up(struct exec_channel *channel, struct str message, time_ms now)
{
    exec_channel_close(channel, message, now);
    channel->host->hang_up(channel->host->user);
}

static void complete(struct exec_channel *channel, time_ms now)
{
    struct exec_handshake_complete done = {0};

    SET(&done, handshake_time_to_complete, (now - channel->greeted_at) * 1000000);
    SET(&done, customer_message, STR_NONE);
    channel->phase = PHASE_OPEN;
    put_value(channel, EXEC_PAYLOAD_HANDSHAKE_COMPLETE, &exec_handshake_complete_shape, &done, now);
    channel->host->begin(channel->host->user);
}

static void take_response(struct exec_channel *channel, struct str payload, time_ms now)
{
    struct exec_handshake_response response;
    struct codec_report report;
    struct arena arena = ARENA_INIT;

    if (channel->phase != PHASE_GREETING)
        return;
    if (codec_decode(&arena, &exec_handshake_response_shape, payload, &codec_peer, &response,
                     &report) != 0)
        give_up(channel, STR("The session manager plugin's handshake could not be read."), now);
    else if (failure_of(&response).len > 0)
        give_up(channel,
                str_fmt(&arena, "The session manager plugin refused the session: %.*s.",
                        STR_ARGS(failure_of(&response))),
                now);
    else
        complete(channel, now);
    arena_deinit(&arena);
}

// ---- what the client says

static void take_size(struct exec_channel *channel, struct str payload)
{
    struct exec_size size;
    struct codec_report report;
    struct arena arena = ARENA_INIT;

    if (codec_decode(&arena, &exec_size_shape, payload, &codec_peer, &size, &report) == 0 &&
        size.cols > 0 && size.cols <= SIDE_MAX && size.rows > 0 && size.rows <= SIDE_MAX)
        channel->host->resize(channel->host->user, size.cols, size.rows);
    arena_deinit(&arena);
}

static void take_flag(struct exec_channel *channel, struct str payload)
{
    uint32_t flag = 0;

    if (payload.len != sizeof flag)
        return;
    for (size_t i = 0; i < sizeof flag; i++)
        flag = flag << 8 | (unsigned char)payload.ptr[i];
    if (flag == EXEC_FLAG_TERMINATE)
        channel->host->hang_up(channel->host->user);
    else if (flag == EXEC_FLAG_INPUT_END)
        channel->host->input_end(channel->host->user);
}

static void process(void *user, uint32_t payload_type, struct str payload, time_ms now)
{
    struct exec_channel *channel = user;

    if (payload_type == EXEC_PAYLOAD_HANDSHAKE_RESPONSE) {
        take_response(channel, payload, now);
        return;
    }
    if (channel->phase != PHASE_OPEN)
        return;
    if (payload_type == EXEC_PAYLOAD_OUTPUT && payload.len > 0)
        channel->host->input(channel->host->user, payload);
    else if (payload_type == EXEC_PAYLOAD_SIZE)
        take_size(channel, payload);
    else if (payload_type == EXEC_PAYLOAD_FLAG)
        take_flag(channel, payload);
}

void exec_channel_take(struct exec_channel *channel, struct str bytes, time_ms now)
{
    struct exec_frame frame;
    size_t before = channel->stream.out_n;

    if (channel->phase == PHASE_OVER || !exec_frame_read(channel->stream.crypto, bytes, &frame))
        return;
    exec_stream_take(&channel->stream, &frame, now);
    if (channel->phase == PHASE_CLOSING && channel->stream.out_n < before)
        channel->close_by = now + FLUSH_MS; // it goes on
}

void exec_channel_hold(struct exec_channel *channel, bool held, time_ms now)
{
    exec_stream_hold(&channel->stream, held, now);
}

// ---- sockets

void exec_channel_attach(struct exec_channel *channel, struct str client, time_ms now)
{
    buf_clear(&channel->client);
    buf_add_str(&channel->client, client);
    channel->close_by = now + FLUSH_MS;
    exec_stream_attach(&channel->stream, now);
    if (channel->phase == PHASE_NEW)
        greet(channel, now);
}

void exec_channel_detach(struct exec_channel *channel)
{
    exec_stream_detach(&channel->stream);
}

// ---- the terminal's output, and the end

static void put_output(struct exec_channel *channel, enum exec_payload payload_type,
                       struct str bytes, time_ms now)
{
    if (channel->phase == PHASE_OPEN)
        exec_stream_put_bytes(&channel->stream, payload_type, bytes, now);
}

void exec_channel_output(struct exec_channel *channel, struct str bytes, time_ms now)
{
    put_output(channel, EXEC_PAYLOAD_OUTPUT, bytes, now);
}

void exec_channel_error_output(struct exec_channel *channel, struct str bytes, time_ms now)
{
    put_output(channel, EXEC_PAYLOAD_STDERR, bytes, now);
}

void exec_channel_exit_code(struct exec_channel *channel, int32_t code, time_ms now)
{
    char room[STR_DIGITS_MAX];

    put_output(channel, EXEC_PAYLOAD_EXIT_CODE, str_digits(room, code), now);
}

size_t exec_channel_pending(const struct exec_channel *channel)
{
    return channel->stream.out_bytes;
}

void exec_channel_close(struct exec_channel *channel, struct str message, time_ms now)
{
    if (channel->phase >= PHASE_CLOSING)
        return;
    channel->phase = PHASE_CLOSING;
    channel->close_by = now + FLUSH_MS;
    buf_add_str(&channel->farewell, message);
}

static void say_farewell(struct exec_channel *channel, time_ms now)
{
    BUF_AUTO struct buf json = BUF_INIT;
    struct exec_channel_closed closed = {0};
    struct exec_frame frame = exec_stream_new_frame(&channel->stream, STR("channel_closed"), now);
    struct arena arena = ARENA_INIT;

    SET(&closed, message_id, exec_id_text(frame.id, &arena));
    SET(&closed, created_date, time_iso8601(&arena, now));
    SET(&closed, destination_id, buf_str(&channel->client));
    SET(&closed, session_id, buf_str(&channel->session));
    SET(&closed, message_type, frame.type);
    SET(&closed, schema_version, 1);
    SET(&closed, output, buf_str(&channel->farewell));
    codec_encode(&json, &exec_channel_closed_shape, &closed);
    frame.payload = buf_str(&json);
    exec_stream_send_aside(&channel->stream, &frame);
    arena_deinit(&arena);
    channel->phase = PHASE_OVER;
    channel->host->over(channel->host->user);
}

// ---- time

static time_ms sooner(time_ms a, time_ms b)
{
    if (a == 0 || b == 0)
        return a + b;
    return a < b ? a : b;
}

time_ms exec_channel_tick(struct exec_channel *channel, time_ms now)
{
    time_ms next;
    bool is_lost;

    if (channel->phase == PHASE_NEW || channel->phase == PHASE_OVER)
        return 0;
    if (channel->phase == PHASE_GREETING && now >= channel->greeted_at + HANDSHAKE_MS)
        give_up(channel, STR("The session manager plugin did not finish its handshake in time."),
                now);
    next = exec_stream_retry(&channel->stream, now, &is_lost);
    if (is_lost)
        give_up(channel, STR_NONE, now);
    if (channel->phase == PHASE_GREETING)
        return sooner(next, channel->greeted_at + HANDSHAKE_MS);
    if (channel->phase != PHASE_CLOSING || !channel->stream.attached)
        return next;
    if (channel->stream.out_n == 0 || now >= channel->close_by) {
        say_farewell(channel, now);
        return 0;
    }
    return sooner(next, channel->close_by);
}
