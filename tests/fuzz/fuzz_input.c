// How the targets read their inputs: lines that choose, then what is tried.

#include "fuzz.h"

struct str fuzz_text(const uint8_t *data, size_t size)
{
    return str_span((const char *)data, size);
}

struct str fuzz_line(struct str *rest)
{
    struct str line;

    str_cut(*rest, '\n', &line, rest);
    return line;
}

size_t fuzz_pick(struct str name, size_t n)
{
    size_t sum = 0;

    for (size_t i = 0; i < name.len; i++)
        sum = sum * 31 + (unsigned char)name.ptr[i];
    return sum % n;
}

bool fuzz_cut(struct fuzz_cutter *cutter, struct str *out_piece)
{
    size_t len = 1;

    if (cutter->rest.len == 0)
        return false;
    if (cutter->plan.len > 0) {
        unsigned char c = (unsigned char)cutter->plan.ptr[cutter->at++ % cutter->plan.len];
        len = c >= 'a' ? (size_t)(c - 'a') + 1 : 1;
    }
    *out_piece = str_take(cutter->rest, len);
    cutter->rest = str_from(cutter->rest, len);
    return true;
}
