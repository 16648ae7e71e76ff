// Input: a line with the name of a kind of record, of the server's store or "host " and one of the
// agent's (a name that is none chooses one all the same), and the record as it stands in a store.

#include "api/host.h"
#include "api/store.h"
#include "base/arena.h"
#include "fuzz.h"
#include "wire/codec.h"

static const struct shape *shape_of(const struct message_kind *kinds, size_t n, struct str name)
{
    for (size_t i = 1; i < n; i++) {
        if (str_eq(name, kinds[i].name))
            return kinds[i].shape;
    }
    return kinds[1 + fuzz_pick(name, n - 1)].shape;
}

const struct shape *fuzz_shape_of(struct str line)
{
    if (str_starts(line, STR("host ")))
        return shape_of(host_kinds, HOST_KIND_N, str_from(line, 5));
    return shape_of(rec_kinds, REC_KIND_N, line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena arena;
    struct str text = fuzz_text(data, size);
    const struct shape *shape = fuzz_shape_of(fuzz_line(&text));

    fuzz_shape(&arena, shape, text, &codec_peer);
    return 0;
}
