// Input: a frame of the agent protocol, read as ACS and as TCS do.

#include "api/acs.h"
#include "api/tcs.h"
#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "fuzz.h"
#include "wire/codec.h"

static void try_table(const struct message_kind *kinds, size_t n, struct str json)
{
    struct arena arena = ARENA_INIT;
    BUF_AUTO struct buf text = BUF_INIT;
    struct codec_report report;
    struct codec_frame frame;
    struct codec_frame back;

    if (codec_decode_frame(&arena, kinds, n, json, &codec_peer, &frame, &report) == 0 &&
        frame.kind != 0) {
        codec_encode_frame(&text, &kinds[frame.kind], frame.message);
        ASSERT(codec_decode_frame(&arena, kinds, n, buf_str(&text), NULL, &back, &report) == 0);
        ASSERT(back.kind == frame.kind);
        ASSERT(shape_equal(kinds[frame.kind].shape, frame.message, back.message));
    }
    arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str json = str_span((const char *)data, size);

    try_table(acs_messages, ACS_MESSAGE_N, json);
    try_table(tcs_messages, TCS_MESSAGE_N, json);
    return 0;
}
