// Input: a frame of the agent protocol, read as ACS and as TCS do. Its type may also be chosen by a
// line "acs <word>" or "tcs <word>" before it; then the rest is the message alone.

#include "api/acs.h"
#include "api/tcs.h"
#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "fuzz.h"
#include "wire/codec.h"

static void try_frame(struct arena *arena, const struct message_kind *kinds, size_t n,
                      struct str json)
{
    static struct buf text;
    struct codec_report report;
    struct codec_frame frame;
    struct codec_frame back;

    if (codec_decode_frame(arena, kinds, n, json, &codec_peer, &frame, &report) == 0 &&
        frame.kind != 0) {
        buf_clear(&text);
        codec_encode_frame(&text, &kinds[frame.kind], frame.message);
        ASSERT(codec_decode_frame(arena, kinds, n, buf_str(&text), NULL, &back, &report) == 0);
        ASSERT(back.kind == frame.kind);
        ASSERT(shape_equal(kinds[frame.kind].shape, frame.message, back.message));
    }
    arena_reset(arena);
}

static const struct shape *message_of(const struct message_kind *kinds, size_t n, struct str word)
{
    for (size_t i = 1; i < n; i++) {
        if (str_eq(kinds[i].name, word))
            return kinds[i].shape;
    }
    return kinds[1 + fuzz_pick(word, n - 1)].shape;
}

const struct shape *fuzz_shape_of(struct str line)
{
    if (str_starts(line, STR("acs ")))
        return message_of(acs_messages, ACS_MESSAGE_N, str_from(line, 4));
    if (str_starts(line, STR("tcs ")))
        return message_of(tcs_messages, TCS_MESSAGE_N, str_from(line, 4));
    return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena arena;
    struct str json = fuzz_text(data, size);
    struct str rest = json;
    const struct shape *shape = fuzz_shape_of(fuzz_line(&rest));

    if (shape != NULL) {
        fuzz_shape(&arena, shape, rest, &codec_peer);
    } else {
        try_frame(&arena, acs_messages, ACS_MESSAGE_N, json);
        try_frame(&arena, tcs_messages, TCS_MESSAGE_N, json);
    }
    return 0;
}
