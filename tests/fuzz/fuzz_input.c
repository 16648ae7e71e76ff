// How the targets read their inputs: lines that choose, then what is tried.

#include "base/buf.h"
#include "fuzz.h"
#include "wire/ws.h"

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

void fuzz_add_visible(struct buf *out, struct str bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.ptr[i];
        if (c >= ' ' && c < 0x7f)
            buf_add_char(out, (char)c);
        else
            buf_printf(out, "\\%02x", c);
    }
}

static bool is_ascii(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] >= 0x80)
            return false;
    }
    return true;
}

void fuzz_add_close(struct buf *out, int code, struct str reason)
{
    if (code == WS_CODE_PROTOCOL || code == WS_CODE_BAD_DATA || code == WS_CODE_ABNORMAL ||
        !is_ascii(reason)) {
        buf_add_str(out, STR("broken"));
        return;
    }
    buf_printf(out, "close %d ", code);
    fuzz_add_visible(out, reason);
}

bool fuzz_cut(struct fuzz_cutter *cutter, struct str *out_piece)
{
    size_t len = 1;

    if (cutter->rest.len == 0)
        return false;
    if (cutter->plan.len > 0) {
        unsigned char c = (unsigned char)cutter->plan.ptr[cutter->at++ % cutter->plan.len];
        if (c == '*')
            len = cutter->rest.len;
        else if (c >= 'a')
            len = (size_t)(c - 'a') + 1;
    }
    *out_piece = str_take(cutter->rest, len);
    cutter->rest = str_from(cutter->rest, len);
    return true;
}
