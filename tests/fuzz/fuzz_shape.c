#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "base/mem.h"
#include "fuzz.h"
#include "wire/codec.h"

static void walk(struct arena *arena, const struct shape *shape, const void *value,
                 const struct shape_unknown *unknowns)
{
    BUF_AUTO struct buf out = BUF_INIT;
    void *frozen = shape_freeze(shape, value);
    void *merged = arena_alloc(arena, shape->size);

    ASSERT(shape_equal(shape, value, frozen));
    ASSERT(shape_fingerprint(shape, value) == shape_fingerprint(shape, frozen));
    mem_free(frozen);
    shape_merge(arena, shape, merged, value);
    ASSERT(shape_equal(shape, value, merged));
    shape_print(shape, value, &out);
    shape_validate(shape, value, unknowns, &out);
}

void fuzz_shape(const struct shape *shape, struct str json, const struct codec_options *options)
{
    struct arena arena = ARENA_INIT;
    BUF_AUTO struct buf first = BUF_INIT;
    BUF_AUTO struct buf second = BUF_INIT;
    struct codec_report report;
    struct codec_report again;
    void *value = arena_alloc(&arena, shape->size);
    void *back = arena_alloc(&arena, shape->size);

    if (codec_decode(&arena, shape, json, options, value, &report) == 0) {
        codec_encode(&first, shape, value);
        ASSERT(codec_decode(&arena, shape, buf_str(&first), options, back, &again) == 0);
        ASSERT(shape_equal(shape, value, back));
        codec_encode(&second, shape, back);
        ASSERT(str_eq(buf_str(&first), buf_str(&second)));
        ASSERT(codec_decode_over(&arena, shape, json, options, back, &again) == 0);
        ASSERT(shape_equal(shape, value, back));
        walk(&arena, shape, value, report.unknowns);
    } else {
        ASSERT(report.message.len > 0);
        ASSERT(report.offset <= json.len);
    }
    arena_deinit(&arena);
}
