// See exec_stream.h.
//
// The oldest message that is not acknowledged is sent again: a client that has not finished its
// handshake drops what it expects next without a word and says so only by acknowledging what comes
// behind it. What the other end has processed it never acknowledges again, so after a new socket a
// message is given up after some tries when a later one has arrived.

#include "wire/exec_stream.h"

#include "api/exec.h"
#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "base/id.h"
#include "base/mem.h"
#include "wire/codec.h"

enum {
    IN_WINDOW = 512, // messages kept that come too early, or are held
    TRIES_AFTER_RESUME = 10,
    RTO_FIRST_MS = 200,
    RTO_MAX_MS = 1000,
    RTO_SPREAD_MIN_MS = 10,
    LOST_MS = 5 * 60 * 1000, // of silence on a socket that is open
};

// A message on its way.
struct outgoing {
    struct list node;
    int64_t sequence;
    time_ms sent_at; // last
    time_ms since;   // sent first on this socket
    int tries;
    bool is_resumed; // its acknowledgement may have been lost with an older socket
    size_t len;      // of its payload
    struct buf frame;
};

// A message of the other end that came too early.
struct early {
    struct list node;
    int64_t sequence;
    uint32_t payload_type;
    struct buf payload;
};

void exec_stream_init(struct exec_stream *stream, const struct exec_stream_host *host, void *user,
                      struct crypto *crypto, struct rng *rng, struct str out_type,
                      struct str in_type)
{
    *stream = (struct exec_stream){
        .host = host,
        .user = user,
        .crypto = crypto,
        .rng = rng,
        .out_type = out_type,
        .in_type = in_type,
        .acked_max = -1,
    };
    list_init(&stream->out);
    list_init(&stream->in);
}

static void drop_outgoing(struct exec_stream *stream, struct outgoing *message)
{
    list_remove(&message->node);
    stream->out_n--;
    stream->out_bytes -= message->len;
    buf_deinit(&message->frame);
    mem_free(message);
}

static void drop_early(struct early *message)
{
    list_remove(&message->node);
    buf_deinit(&message->payload);
    mem_free(message);
}

void exec_stream_deinit(struct exec_stream *stream)
{
    LIST_EACH_SAFE (&stream->out, it)
        drop_outgoing(stream, LIST_ENTRY(it, struct outgoing, node));
    LIST_EACH_SAFE (&stream->in, it)
        drop_early(LIST_ENTRY(it, struct early, node));
}

// ---- out

struct exec_frame exec_stream_new_frame(struct exec_stream *stream, struct str type, time_ms now)
{
    struct exec_frame frame = {.type = type, .created_at = now};
    struct arena arena = ARENA_INIT;

    exec_id_read(id_uuid(&arena, stream->rng), frame.id);
    arena_deinit(&arena);
    return frame;
}

void exec_stream_send_aside(struct exec_stream *stream, const struct exec_frame *frame)
{
    BUF_AUTO struct buf bytes = BUF_INIT;

    if (!stream->attached)
        return;
    exec_frame_write(stream->crypto, frame, &bytes);
    stream->host->send(stream->user, buf_str(&bytes));
}

static void send_again(struct exec_stream *stream, struct outgoing *message, time_ms now)
{
    message->sent_at = now;
    message->tries++;
    if (stream->attached)
        stream->host->send(stream->user, buf_str(&message->frame));
}

void exec_stream_put(struct exec_stream *stream, enum exec_payload payload_type, struct str payload,
                     time_ms now)
{
    struct outgoing *message = mem_zalloc(sizeof *message);
    struct exec_frame frame = exec_stream_new_frame(stream, stream->out_type, now);

    message->sequence = stream->next_out++;
    message->len = payload.len;
    message->since = now;
    frame.sequence = message->sequence;
    frame.flags = message->sequence == 0 ? EXEC_FRAME_SYN : 0;
    frame.payload_type = payload_type;
    frame.payload = payload;
    exec_frame_write(stream->crypto, &frame, &message->frame);
    list_push_back(&stream->out, &message->node);
    stream->out_n++;
    stream->out_bytes += message->len;
    send_again(stream, message, now);
}

void exec_stream_put_bytes(struct exec_stream *stream, enum exec_payload payload_type,
                           struct str bytes, time_ms now)
{
    while (bytes.len > 0) {
        struct str piece = str_take(bytes, EXEC_PAYLOAD_MAX);

        exec_stream_put(stream, payload_type, piece, now);
        bytes = str_from(bytes, piece.len);
    }
}

// ---- in

static void keep_early(struct exec_stream *stream, const struct exec_frame *frame)
{
    struct list *at = stream->in.prev;
    struct early *message;

    while (at != &stream->in && LIST_ENTRY(at, struct early, node)->sequence > frame->sequence)
        at = at->prev;
    if (at != &stream->in && LIST_ENTRY(at, struct early, node)->sequence == frame->sequence)
        return;
    message = mem_zalloc(sizeof *message);
    message->sequence = frame->sequence;
    message->payload_type = frame->payload_type;
    buf_add_str(&message->payload, frame->payload);
    list_insert_before(at->next, &message->node);
}

static void process_kept(struct exec_stream *stream, time_ms now)
{
    while (!stream->held && !list_is_empty(&stream->in)) {
        struct early *message = LIST_ENTRY(stream->in.next, struct early, node);

        if (message->sequence != stream->next_in)
            return;
        stream->next_in++;
        list_remove(&message->node);
        stream->host->process(stream->user, message->payload_type, buf_str(&message->payload), now);
        drop_early(message);
    }
}

static void acknowledge(struct exec_stream *stream, const struct exec_frame *frame, time_ms now)
{
    BUF_AUTO struct buf json = BUF_INIT;
    struct exec_acknowledge ack = {0};
    struct exec_frame reply = exec_stream_new_frame(stream, STR("acknowledge"), now);
    struct arena arena = ARENA_INIT;

    SET(&ack, acknowledged_message_type, frame->type);
    SET(&ack, acknowledged_message_id, exec_id_text(frame->id, &arena));
    SET(&ack, acknowledged_message_sequence_number, frame->sequence);
    SET(&ack, is_sequential_message, true);
    codec_encode(&json, &exec_acknowledge_shape, &ack);
    reply.flags = EXEC_FRAME_SYN | EXEC_FRAME_FIN;
    reply.payload = buf_str(&json);
    exec_stream_send_aside(stream, &reply);
    arena_deinit(&arena);
}

static void take_numbered(struct exec_stream *stream, const struct exec_frame *frame, time_ms now)
{
    if (frame->sequence < 0 || frame->sequence >= stream->next_in + IN_WINDOW)
        return; // it will come again
    acknowledge(stream, frame, now);
    if (frame->sequence > stream->next_in || (stream->held && frame->sequence == stream->next_in)) {
        keep_early(stream, frame);
    } else if (frame->sequence == stream->next_in) {
        stream->next_in++;
        stream->host->process(stream->user, frame->payload_type, frame->payload, now);
        process_kept(stream, now);
    }
}

void exec_stream_hold(struct exec_stream *stream, bool held, time_ms now)
{
    stream->held = held;
    process_kept(stream, now);
}

// Of a message that was sent once, so that it is clear which sending was answered.
static void measure(struct exec_stream *stream, time_ms took)
{
    time_ms off = took > stream->rtt ? took - stream->rtt : stream->rtt - took;

    if (stream->rtt == 0) {
        stream->rtt = took > 0 ? took : 1;
        stream->rtt_spread = took / 2;
        return;
    }
    stream->rtt_spread += (off - stream->rtt_spread) / 4;
    stream->rtt += (took - stream->rtt) / 8;
}

static void take_acknowledgement(struct exec_stream *stream, struct str payload, time_ms now)
{
    struct exec_acknowledge ack;
    struct codec_report report;
    struct arena arena = ARENA_INIT;
    int outcome =
        codec_decode(&arena, &exec_acknowledge_shape, payload, &codec_peer, &ack, &report);

    arena_deinit(&arena);
    if (outcome != 0 || !ack.has.acknowledged_message_sequence_number)
        return;
    LIST_EACH_SAFE (&stream->out, it) {
        struct outgoing *message = LIST_ENTRY(it, struct outgoing, node);

        if (message->sequence != ack.acknowledged_message_sequence_number)
            continue;
        if (message->tries == 1)
            measure(stream, now - message->sent_at);
        if (message->sequence > stream->acked_max)
            stream->acked_max = message->sequence;
        drop_outgoing(stream, message);
        return;
    }
}

void exec_stream_take(struct exec_stream *stream, const struct exec_frame *frame, time_ms now)
{
    if (str_eq(frame->type, stream->in_type))
        take_numbered(stream, frame, now);
    else if (str_eq(frame->type, STR("acknowledge")))
        take_acknowledgement(stream, frame->payload, now);
}

// ---- sockets

void exec_stream_attach(struct exec_stream *stream, time_ms now)
{
    stream->attached = true;
    LIST_EACH (&stream->out, it) {
        struct outgoing *message = LIST_ENTRY(it, struct outgoing, node);

        message->is_resumed = true;
        message->tries = 0;
        message->since = now;
        send_again(stream, message, now);
    }
}

void exec_stream_detach(struct exec_stream *stream)
{
    stream->attached = false;
}

// ---- time

// Longer each time, so that an end that is only slow is not flooded.
static time_ms retry_after(const struct exec_stream *stream, const struct outgoing *message)
{
    time_ms spread = 4 * stream->rtt_spread;
    time_ms after = RTO_FIRST_MS;

    if (stream->rtt > 0)
        after = stream->rtt + (spread > RTO_SPREAD_MIN_MS ? spread : RTO_SPREAD_MIN_MS);
    after *= message->tries;
    return after < RTO_MAX_MS ? after : RTO_MAX_MS;
}

// The other end has processed it on an older socket and will never say so again.
static bool is_hopeless(const struct exec_stream *stream, const struct outgoing *message)
{
    return message->is_resumed && message->tries >= TRIES_AFTER_RESUME &&
           stream->acked_max > message->sequence;
}

time_ms exec_stream_retry(struct exec_stream *stream, time_ms now, bool *out_is_lost)
{
    *out_is_lost = false;
    while (!list_is_empty(&stream->out)) {
        struct outgoing *oldest = LIST_ENTRY(stream->out.next, struct outgoing, node);
        time_ms due = oldest->sent_at + retry_after(stream, oldest);

        if (!stream->attached)
            return 0;
        if (due > now)
            return due;
        if (is_hopeless(stream, oldest)) {
            drop_outgoing(stream, oldest);
            continue;
        }
        if (!oldest->is_resumed && now - oldest->since >= LOST_MS) {
            *out_is_lost = true;
            return 0;
        }
        send_again(stream, oldest, now);
    }
    return 0;
}
