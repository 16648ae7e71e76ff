// The binary frames of ECS Exec's data channel: a head of fixed layout, then the payload. All
// numbers are big-endian; the digest of the payload is part of the head. Source: exec-protocol 5
// to 7.

#ifndef WIRE_EXEC_FRAME_H
#define WIRE_EXEC_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"
#include "base/timefmt.h"

struct arena;
struct buf;
struct crypto;

enum {
    EXEC_HEAD_SIZE = 120,
    EXEC_PAYLOAD_MAX = 1024, // of what a stream carries; who has more sends several frames
    EXEC_ID_SIZE = 16,
};

enum exec_payload {
    EXEC_PAYLOAD_NONE = 0,
    EXEC_PAYLOAD_OUTPUT = 1, // bytes of the terminal, either way
    EXEC_PAYLOAD_SIZE = 3,
    EXEC_PAYLOAD_HANDSHAKE_REQUEST = 5,
    EXEC_PAYLOAD_HANDSHAKE_RESPONSE = 6,
    EXEC_PAYLOAD_HANDSHAKE_COMPLETE = 7,
    EXEC_PAYLOAD_FLAG = 10,      // a number: enum exec_flag
    EXEC_PAYLOAD_STDERR = 11,    // of a command without a terminal
    EXEC_PAYLOAD_EXIT_CODE = 12, // decimal; the session plugin would print it
};

// EXEC_FLAG_INPUT_END is Gantry's own: a command without a terminal finds the end of its input.
enum exec_flag { EXEC_FLAG_TERMINATE = 2, EXEC_FLAG_INPUT_END = 1001 };

enum { EXEC_FRAME_SYN = 1 << 0, EXEC_FRAME_FIN = 1 << 1 };

struct exec_frame {
    struct str type; // "input_stream_data", "output_stream_data", "acknowledge", "channel_closed"
    time_ms created_at;
    int64_t sequence;
    uint64_t flags;
    unsigned char id[EXEC_ID_SIZE]; // a UUID, in the order of its text
    uint32_t payload_type;          // enum exec_payload, or one that is none of ours
    struct str payload;
};

// Reads the one frame that `bytes` holds; texts are slices of it. False: it is none, or its digest
// is wrong; such a frame is dropped and not acknowledged.
bool exec_frame_read(struct crypto *crypto, struct str bytes, struct exec_frame *out) MUST_CHECK;

void exec_frame_write(struct crypto *crypto, const struct exec_frame *frame, struct buf *out);

// The text of a UUID, and back; `text` must be one.
struct str exec_id_text(const unsigned char id[EXEC_ID_SIZE], struct arena *arena);
void exec_id_read(struct str text, unsigned char id[EXEC_ID_SIZE]);

#endif
