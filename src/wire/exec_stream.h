// One end of ECS Exec's data channel as numbered messages: what both the server's end
// (exec_channel) and the client's (exec_client) do with frames. Each direction counts from 0; what
// goes out is kept until it is acknowledged and sent again when that takes too long; what comes in
// is acknowledged each time and processed once, in order. It knows neither sockets nor what the
// payloads mean, and it outlives its sockets. Source: exec-protocol 5 to 9 and 12.

#ifndef WIRE_EXEC_STREAM_H
#define WIRE_EXEC_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/str.h"
#include "base/timefmt.h"
#include "wire/exec_frame.h"

struct crypto;
struct rng;

struct exec_stream_host {
    // A binary message for the other end; never while no socket is attached.
    void (*send)(void *user, struct str frame);
    // The next message of the other end.
    void (*process)(void *user, uint32_t payload_type, struct str payload, time_ms now);
};

struct exec_stream {
    const struct exec_stream_host *host;
    void *user;
    struct crypto *crypto;
    struct rng *rng;
    struct str out_type; // "output_stream_data"
    struct str in_type;
    bool attached;
    bool held;

    struct list out; // messages on their way, by sequence
    size_t out_n;
    size_t out_bytes; // of their payloads
    int64_t next_out;
    int64_t acked_max; // -1: none
    // As TCP estimates them; 0: nothing measured yet.
    time_ms rtt;
    time_ms rtt_spread;

    struct list in; // messages that came too early, or are held, by sequence
    int64_t next_in;
};

// `host`, `crypto`, `rng` and the two texts outlive the stream.
void exec_stream_init(struct exec_stream *stream, const struct exec_stream_host *host, void *user,
                      struct crypto *crypto, struct rng *rng, struct str out_type,
                      struct str in_type);
void exec_stream_deinit(struct exec_stream *stream);

// A new socket: what is not acknowledged is sent again at once.
void exec_stream_attach(struct exec_stream *stream, time_ms now);
void exec_stream_detach(struct exec_stream *stream);

// A numbered message. `payload` is at most EXEC_PAYLOAD_MAX long; _bytes cuts longer ones.
void exec_stream_put(struct exec_stream *stream, enum exec_payload payload_type, struct str payload,
                     time_ms now);
void exec_stream_put_bytes(struct exec_stream *stream, enum exec_payload payload_type,
                           struct str bytes, time_ms now);

// A frame that is not numbered and not sent again; nothing when no socket is attached. new_frame
// fills in what every frame has.
struct exec_frame exec_stream_new_frame(struct exec_stream *stream, struct str type, time_ms now);
void exec_stream_send_aside(struct exec_stream *stream, const struct exec_frame *frame);

// A frame of the other end: acknowledgements and numbered messages; others are not for this layer.
void exec_stream_take(struct exec_stream *stream, const struct exec_frame *frame, time_ms now);

// Processes nothing until let go: messages are acknowledged as far as they can be kept, and what
// does not fit comes again.
void exec_stream_hold(struct exec_stream *stream, bool held, time_ms now);

// Sends the oldest message again when it is time to; returns when it will be, 0: nothing waits.
// *out_is_lost: the other end has not answered for minutes.
time_ms exec_stream_retry(struct exec_stream *stream, time_ms now, bool *out_is_lost);

#endif
