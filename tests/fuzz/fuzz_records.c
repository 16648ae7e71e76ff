// Input: a line with the name of a kind of record, or "*", and the record as it stands in a store.

#include "api/host.h"
#include "api/store.h"
#include "fuzz.h"
#include "wire/codec.h"

static void try_kinds(const struct message_kind *kinds, size_t n, struct str name, struct str text)
{
    for (size_t i = 1; i < n; i++) {
        if (str_eq(name, STR("*")) || str_eq(name, kinds[i].name))
            fuzz_shape(kinds[i].shape, text, &codec_peer);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str name;
    struct str text;

    str_cut(str_span((const char *)data, size), '\n', &name, &text);
    try_kinds(rec_kinds, REC_KIND_N, name, text);
    try_kinds(host_kinds, HOST_KIND_N, name, text);
    return 0;
}
