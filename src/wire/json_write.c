// See json_write.h. Text goes out in runs: bytes that need no care are copied together, the others
// one by one.

#include "wire/json_write.h"

#include <math.h>

#include "base/assert.h"
#include "base/utf8.h"

static void before_value(struct json_writer *w)
{
    if (w->comma)
        buf_add_char(w->out, ',');
    w->comma = true;
}

void json_write_object(struct json_writer *w)
{
    before_value(w);
    buf_add_char(w->out, '{');
    w->comma = false;
}

void json_write_object_end(struct json_writer *w)
{
    buf_add_char(w->out, '}');
    w->comma = true;
}

void json_write_list(struct json_writer *w)
{
    before_value(w);
    buf_add_char(w->out, '[');
    w->comma = false;
}

void json_write_list_end(struct json_writer *w)
{
    buf_add_char(w->out, ']');
    w->comma = true;
}

void json_write_null(struct json_writer *w)
{
    json_write_raw(w, STR("null"));
}

void json_write_bool(struct json_writer *w, bool value)
{
    json_write_raw(w, value ? STR("true") : STR("false"));
}

void json_write_i64(struct json_writer *w, int64_t value)
{
    before_value(w);
    buf_add_i64(w->out, value);
}

void json_write_raw(struct json_writer *w, struct str json)
{
    before_value(w);
    buf_add_str(w->out, json);
}

// --- text ---

// 0: as it is. 'u': \u00xx. 'x': starts a sequence of UTF-8, or is no text. Else the letter behind
// the backslash.
static const char care[256] = {
    [0] = 'x',         [1 ... 7] = 'u', ['\b'] = 'b',  ['\t'] = 't',
    ['\n'] = 'n',      [11] = 'u',      ['\f'] = 'f',  ['\r'] = 'r',
    [14 ... 31] = 'u', ['"'] = '"',     ['\\'] = '\\', [128 ... 255] = 'x',
};

// Appends what stands for the byte at the front of `text`; returns how many bytes that answers for.
static size_t add_escaped(struct buf *out, struct str text)
{
    unsigned char byte = (unsigned char)text.ptr[0];
    size_t len;

    switch (care[byte]) {
    case 'x':
        len = byte == 0 ? 0 : utf8_sequence(text);
        if (len == 0) {
            buf_add_str(out, STR("\xef\xbf\xbd"));
            return 1;
        }
        buf_add(out, text.ptr, len);
        return len;
    case 'u': buf_printf(out, "\\u%04x", byte); return 1;
    default:
        buf_add_char(out, '\\');
        buf_add_char(out, care[byte]);
        return 1;
    }
}

// From `at` to the next byte that needs care, or the end.
static size_t skip_plain(struct str text, size_t at)
{
    while (at < text.len && care[(unsigned char)text.ptr[at]] == 0)
        at++;
    return at;
}

// Most texts need no care: those are one reservation and one copy.
static void add_text(struct buf *out, struct str text)
{
    size_t at = skip_plain(text, 0);
    char *to = buf_reserve(out, at + 2);

    to[0] = '"';
    if (at > 0)
        memcpy(to + 1, text.ptr, at);
    to[at + 1] = '"'; // overwritten when there is more
    buf_grew(out, at == text.len ? at + 2 : at + 1);
    if (at == text.len)
        return;
    while (at < text.len) {
        size_t from = at + add_escaped(out, str_from(text, at));
        at = skip_plain(text, from);
        buf_add(out, text.ptr + from, at - from);
    }
    buf_add_char(out, '"');
}

void json_write_str(struct json_writer *w, struct str text)
{
    before_value(w);
    add_text(w->out, text);
}

void json_write_key(struct json_writer *w, struct str name)
{
    before_value(w);
    add_text(w->out, name);
    buf_add_char(w->out, ':');
    w->comma = false;
}

void json_write_name(struct json_writer *w, struct str name)
{
    char *start = buf_reserve(w->out, name.len + 4);
    char *at = start;

    if (w->comma)
        *at++ = ',';
    *at++ = '"';
    memcpy(at, name.ptr, name.len);
    at += name.len;
    *at++ = '"';
    *at++ = ':';
    buf_grew(w->out, (size_t)(at - start));
    w->comma = false;
}

// --- numbers ---

void json_write_double(struct json_writer *w, double value)
{
    char text[32] = "";
    const double whole_max = 9007199254740992; // 2^53: beyond, not every integer is a double

    ASSERT(isfinite(value));
    before_value(w);
    if (fabs(value) < whole_max && trunc(value) == value) {
        buf_printf(w->out, "%.1f", value);
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    buf_add_str(w->out, str_of(text));
}

void json_write_time(struct json_writer *w, int64_t ms)
{
    uint64_t magnitude = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;
    unsigned fraction = (unsigned)(magnitude % 1000);
    char text[5] = {'.', (char)('0' + fraction / 100), (char)('0' + fraction / 10 % 10),
                    (char)('0' + fraction % 10), '\0'};
    size_t len = sizeof text - 1;

    before_value(w);
    if (ms < 0)
        buf_add_char(w->out, '-');
    buf_add_i64(w->out, (int64_t)(magnitude / 1000));
    while (len > 1 && text[len - 1] == '0')
        len--;
    if (len > 1)
        buf_add(w->out, text, len);
}
