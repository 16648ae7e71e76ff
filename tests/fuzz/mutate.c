// A mutator for inputs that are a line and a JSON object: now and then it puts a random value of
// the shape behind the line, whole or in place of the end, so that what bytes alone hardly ever
// find (objects many levels deep, members that belong together) is there to be spoilt by the
// others. Linked into libFuzzer's builds only.

#include "base/arena.h"
#include "base/buf.h"
#include "base/rng.h"
#include "fuzz.h"
#include "shape/sample.h"
#include "wire/codec.h"

enum { SELDOM = 16 };

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t size_max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned int seed);

static size_t put_sample(uint8_t *data, size_t size, size_t size_max, unsigned int seed)
{
    struct str rest = fuzz_text(data, size);
    struct str line = fuzz_line(&rest);
    const struct shape *shape = fuzz_shape_of(line);
    struct arena arena = ARENA_INIT;
    BUF_AUTO struct buf text = BUF_INIT;
    struct rng rng;

    if (shape == NULL)
        return 0;
    rng_init(&rng, seed);
    buf_add_str(&text, line);
    buf_add_char(&text, '\n');
    codec_encode(&text, shape, sample_value(&arena, &rng, shape));
    arena_deinit(&arena);
    if (buf_len(&text) > size_max)
        return 0;
    memcpy(data, buf_str(&text).ptr, buf_len(&text));
    return buf_len(&text);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned int seed)
{
    size_t made = seed % SELDOM == 0 ? put_sample(data, size, size_max, seed) : 0;

    return made > 0 ? made : LLVMFuzzerMutate(data, size, size_max);
}
