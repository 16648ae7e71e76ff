// See exec_channel.h.
//
// Each direction numbers its stream messages from 0. What goes out is kept until it is
// acknowledged, and the oldest one that is not is sent again: a client that has not finished its
// handshake drops what it expects next without a word and says so only by acknowledging what comes
// behind it. What a client has processed it never acknowledges again, so after a new socket a
// message is given up after some tries when a later one has arrived.
//
// What comes in is acknowledged each time it comes and processed once, in order.

#include "wire/exec_channel.h"

#include "api/exec.h"
#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "base/id.h"
#include "base/list.h"
#include "base/mem.h"
#include "wire/codec.h"
#include "wire/exec_frame.h"

enum {
    OUT_FULL = 64,    // messages on their way
    IN_WINDOW = 1000, // messages kept that come too early
    TRIES_MAX = 3000,
    TRIES_AFTER_RESUME = 10,
    RTO_FIRST_MS = 200,
    RTO_MAX_MS = 1000,
    RTO_SPREAD_MIN_MS = 10,
    HANDSHAKE_MS = 15 * 1000,
    FLUSH_MS = 2 * 1000, // the end does not wait longer for acknowledgements
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

// A message on its way to the client.
struct outgoing {
    struct list node;
    int64_t sequence;
    time_ms sent_at; // last
    int tries;
    bool is_resumed; // its acknowledgement may have been lost with an older socket
    struct buf frame;
};

// A message of the client that came too early.
struct early {
    struct list node;
    int64_t sequence;
    uint32_t payload_type;
    struct buf payload;
};

struct exec_channel {
    const struct exec_host *host;
    struct crypto *crypto;
    struct rng *rng;
    struct buf session;
    struct buf client;
    enum phase phase;
    bool attached;
    time_ms greeted_at;

    struct list out; // struct outgoing, by sequence
    size_t out_n;
    int64_t next_out;
    int64_t acked_max; // -1: none
    // As TCP estimates them; 0: nothing measured yet.
    time_ms rtt;
    time_ms rtt_spread;

    struct list in; // struct early, by sequence
    int64_t next_in;

    struct buf farewell;
    time_ms close_by;
};

struct exec_channel *exec_channel_new(const struct exec_host *host, struct crypto *crypto,
                                      struct rng *rng, struct str session)
{
    struct exec_channel *channel = mem_zalloc(sizeof *channel);

    *channel = (struct exec_channel){.host = host, .crypto = crypto, .rng = rng, .acked_max = -1};
    channel->phase = PHASE_NEW;
    buf_add_str(&channel->session, session);
    list_init(&channel->out);
    list_init(&channel->in);
    return channel;
}

static void drop_outgoing(struct exec_channel *channel, struct outgoing *message)
{
    list_remove(&message->node);
    channel->out_n--;
    buf_deinit(&message->frame);
    mem_free(message);
}

static void drop_early(struct early *message)
{
    list_remove(&message->node);
    buf_deinit(&message->payload);
    mem_free(message);
}

void exec_channel_free(struct exec_channel *channel)
{
    if (channel == NULL)
        return;
    LIST_EACH_SAFE (&channel->out, it)
        drop_outgoing(channel, LIST_ENTRY(it, struct outgoing, node));
    LIST_EACH_SAFE (&channel->in, it)
        drop_early(LIST_ENTRY(it, struct early, node));
    buf_deinit(&channel->session);
    buf_deinit(&channel->client);
    buf_deinit(&channel->farewell);
    mem_free(channel);
}

// ---- frames

static struct exec_frame new_frame(struct exec_channel *channel, struct str type, time_ms now)
{
    struct exec_frame frame = {.type = type, .created_at = now};
    struct arena arena = ARENA_INIT;

    exec_id_read(id_uuid(&arena, channel->rng), frame.id);
    arena_deinit(&arena);
    return frame;
}

// Frames that are not numbered and not sent again.
static void send_aside(struct exec_channel *channel, const struct exec_frame *frame)
{
    BUF_AUTO struct buf bytes = BUF_INIT;

    if (!channel->attached)
        return;
    exec_frame_write(channel->crypto, frame, &bytes);
    channel->host->send(channel->host->user, buf_str(&bytes));
}

static void send_again(struct exec_channel *channel, struct outgoing *message, time_ms now)
{
    message->sent_at = now;
    message->tries++;
    if (channel->attached)
        channel->host->send(channel->host->user, buf_str(&message->frame));
}

static void put_on_stream(struct exec_channel *channel, enum exec_payload payload_type,
                          struct str payload, time_ms now)
{
    struct outgoing *message = mem_zalloc(sizeof *message);
    struct exec_frame frame = new_frame(channel, STR("output_stream_data"), now);

    message->sequence = channel->next_out++;
    frame.sequence = message->sequence;
    frame.flags = message->sequence == 0 ? EXEC_FRAME_SYN : 0;
    frame.payload_type = payload_type;
    frame.payload = payload;
    exec_frame_write(channel->crypto, &frame, &message->frame);
    list_push_back(&channel->out, &message->node);
    channel->out_n++;
    send_again(channel, message, now);
}

static void put_value(struct exec_channel *channel, enum exec_payload payload_type,
                      const struct shape *shape, const void *value, time_ms now)
{
    BUF_AUTO struct buf json = BUF_INIT;

    codec_encode(&json, shape, value);
    put_on_stream(channel, payload_type, buf_str(&json), now);
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
    channel->host->hang_up(channel->host->user);
    exec_channel_close(channel, message, now);
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
    static const char terminate[] = {0, 0, 0, EXEC_FLAG_TERMINATE};

    if (str_eq(payload, str_span(terminate, sizeof terminate)))
        channel->host->hang_up(channel->host->user);
}

static void process(struct exec_channel *channel, uint32_t payload_type, struct str payload,
                    time_ms now)
{
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

static void keep_early(struct exec_channel *channel, const struct exec_frame *frame)
{
    struct list *at = channel->in.prev;
    struct early *message;

    while (at != &channel->in && LIST_ENTRY(at, struct early, node)->sequence > frame->sequence)
        at = at->prev;
    if (at != &channel->in && LIST_ENTRY(at, struct early, node)->sequence == frame->sequence)
        return;
    message = mem_zalloc(sizeof *message);
    message->sequence = frame->sequence;
    message->payload_type = frame->payload_type;
    buf_add_str(&message->payload, frame->payload);
    list_insert_before(at->next, &message->node);
}

static void process_kept(struct exec_channel *channel, time_ms now)
{
    while (!list_is_empty(&channel->in)) {
        struct early *message = LIST_ENTRY(channel->in.next, struct early, node);

        if (message->sequence != channel->next_in)
            return;
        channel->next_in++;
        process(channel, message->payload_type, buf_str(&message->payload), now);
        drop_early(message);
    }
}

static void acknowledge(struct exec_channel *channel, const struct exec_frame *frame, time_ms now)
{
    BUF_AUTO struct buf json = BUF_INIT;
    struct exec_acknowledge ack = {0};
    struct exec_frame reply = new_frame(channel, STR("acknowledge"), now);
    struct arena arena = ARENA_INIT;

    SET(&ack, acknowledged_message_type, frame->type);
    SET(&ack, acknowledged_message_id, exec_id_text(frame->id, &arena));
    SET(&ack, acknowledged_message_sequence_number, frame->sequence);
    SET(&ack, is_sequential_message, true);
    codec_encode(&json, &exec_acknowledge_shape, &ack);
    reply.flags = EXEC_FRAME_SYN | EXEC_FRAME_FIN;
    reply.payload = buf_str(&json);
    send_aside(channel, &reply);
    arena_deinit(&arena);
}

static void take_input(struct exec_channel *channel, const struct exec_frame *frame, time_ms now)
{
    if (frame->sequence < 0 || frame->sequence >= channel->next_in + IN_WINDOW)
        return; // it will come again
    acknowledge(channel, frame, now);
    if (frame->sequence > channel->next_in) {
        keep_early(channel, frame);
    } else if (frame->sequence == channel->next_in) {
        channel->next_in++;
        process(channel, frame->payload_type, frame->payload, now);
        process_kept(channel, now);
    }
}

// Of a message that was sent once, so that it is clear which sending was answered.
static void measure(struct exec_channel *channel, time_ms took)
{
    time_ms off = took > channel->rtt ? took - channel->rtt : channel->rtt - took;

    if (channel->rtt == 0) {
        channel->rtt = took > 0 ? took : 1;
        channel->rtt_spread = took / 2;
        return;
    }
    channel->rtt_spread += (off - channel->rtt_spread) / 4;
    channel->rtt += (took - channel->rtt) / 8;
}

static void take_acknowledgement(struct exec_channel *channel, struct str payload, time_ms now)
{
    struct exec_acknowledge ack;
    struct codec_report report;
    struct arena arena = ARENA_INIT;
    int outcome =
        codec_decode(&arena, &exec_acknowledge_shape, payload, &codec_peer, &ack, &report);

    arena_deinit(&arena);
    if (outcome != 0 || !ack.has.acknowledged_message_sequence_number)
        return;
    LIST_EACH_SAFE (&channel->out, it) {
        struct outgoing *message = LIST_ENTRY(it, struct outgoing, node);

        if (message->sequence != ack.acknowledged_message_sequence_number)
            continue;
        if (message->tries == 1)
            measure(channel, now - message->sent_at);
        if (message->sequence > channel->acked_max)
            channel->acked_max = message->sequence;
        drop_outgoing(channel, message);
        return;
    }
}

void exec_channel_take(struct exec_channel *channel, struct str bytes, time_ms now)
{
    struct exec_frame frame;

    if (channel->phase == PHASE_OVER || !exec_frame_read(channel->crypto, bytes, &frame))
        return;
    if (str_eq(frame.type, STR("input_stream_data")))
        take_input(channel, &frame, now);
    else if (str_eq(frame.type, STR("acknowledge")))
        take_acknowledgement(channel, frame.payload, now);
}

// ---- sockets

void exec_channel_attach(struct exec_channel *channel, struct str client, time_ms now)
{
    channel->attached = true;
    buf_clear(&channel->client);
    buf_add_str(&channel->client, client);
    if (channel->phase == PHASE_NEW) {
        greet(channel, now);
        return;
    }
    LIST_EACH (&channel->out, it) {
        struct outgoing *message = LIST_ENTRY(it, struct outgoing, node);

        message->is_resumed = true;
        message->tries = 0;
        send_again(channel, message, now);
    }
}

void exec_channel_detach(struct exec_channel *channel)
{
    channel->attached = false;
}

// ---- the terminal's output, and the end

void exec_channel_output(struct exec_channel *channel, struct str bytes, time_ms now)
{
    if (channel->phase != PHASE_OPEN)
        return;
    while (bytes.len > 0) {
        size_t n = bytes.len < EXEC_PAYLOAD_MAX ? bytes.len : EXEC_PAYLOAD_MAX;

        put_on_stream(channel, EXEC_PAYLOAD_OUTPUT, str_span(bytes.ptr, n), now);
        bytes = str_from(bytes, n);
    }
}

bool exec_channel_is_full(const struct exec_channel *channel)
{
    return channel->out_n >= OUT_FULL;
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
    struct exec_frame frame = new_frame(channel, STR("channel_closed"), now);
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
    send_aside(channel, &frame);
    arena_deinit(&arena);
    channel->phase = PHASE_OVER;
    channel->host->over(channel->host->user);
}

// ---- time

static time_ms retry_after(const struct exec_channel *channel)
{
    time_ms spread = 4 * channel->rtt_spread;
    time_ms after;

    if (channel->rtt == 0)
        return RTO_FIRST_MS;
    after = channel->rtt + (spread > RTO_SPREAD_MIN_MS ? spread : RTO_SPREAD_MIN_MS);
    return after < RTO_MAX_MS ? after : RTO_MAX_MS;
}

// The client has processed it on an older socket and will never say so again.
static bool is_hopeless(const struct exec_channel *channel, const struct outgoing *message)
{
    return message->is_resumed && message->tries >= TRIES_AFTER_RESUME &&
           channel->acked_max > message->sequence;
}

// Sends the oldest message again when it is time to; returns when it will be, 0: nothing waits.
static time_ms retry(struct exec_channel *channel, time_ms now)
{
    while (!list_is_empty(&channel->out)) {
        struct outgoing *oldest = LIST_ENTRY(channel->out.next, struct outgoing, node);
        time_ms due = oldest->sent_at + retry_after(channel);

        if (!channel->attached)
            return 0;
        if (due > now)
            return due;
        if (is_hopeless(channel, oldest)) {
            drop_outgoing(channel, oldest);
            continue;
        }
        if (oldest->tries >= TRIES_MAX) {
            give_up(channel, STR_NONE, now);
            return 0;
        }
        send_again(channel, oldest, now);
    }
    return 0;
}

static time_ms sooner(time_ms a, time_ms b)
{
    if (a == 0 || b == 0)
        return a + b;
    return a < b ? a : b;
}

time_ms exec_channel_tick(struct exec_channel *channel, time_ms now)
{
    time_ms next;

    if (channel->phase == PHASE_NEW || channel->phase == PHASE_OVER)
        return 0;
    if (channel->phase == PHASE_GREETING && now >= channel->greeted_at + HANDSHAKE_MS)
        give_up(channel, STR("The session manager plugin did not finish its handshake in time."),
                now);
    next = retry(channel, now);
    if (channel->phase == PHASE_GREETING)
        return sooner(next, channel->greeted_at + HANDSHAKE_MS);
    if (channel->phase != PHASE_CLOSING || !channel->attached)
        return next;
    if (list_is_empty(&channel->out) || now >= channel->close_by) {
        say_farewell(channel, now);
        return 0;
    }
    return sooner(next, channel->close_by);
}
