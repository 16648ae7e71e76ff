// See buf.h.

#include "base/buf.h"

#include <stdarg.h>

#include "base/assert.h"
#include "base/mem.h"

enum { SMALLEST_CAP = 256 };

void buf_init(struct buf *buf)
{
    *buf = BUF_INIT;
}

void buf_deinit(struct buf *buf)
{
    mem_free(buf->ptr);
    *buf = BUF_INIT;
}

void buf_clear(struct buf *buf)
{
    buf->start = 0;
    buf->end = 0;
}

struct str buf_str(const struct buf *buf)
{
    return (struct str){.ptr = buf->ptr ? buf->ptr + buf->start : NULL, .len = buf_len(buf)};
}

char *buf_reserve(struct buf *buf, size_t room)
{
    size_t need;

    if (buf->cap - buf->end >= room)
        return buf->ptr + buf->end;
    if (buf->start > 0) {
        memmove(buf->ptr, buf->ptr + buf->start, buf_len(buf));
        buf->end -= buf->start;
        buf->start = 0;
    }
    need = buf->end + room;
    ASSERT(need >= room);
    if (need > buf->cap) {
        size_t cap = buf->cap ? buf->cap : SMALLEST_CAP;
        while (cap < need)
            cap *= 2;
        buf->ptr = mem_realloc(buf->ptr, cap);
        buf->cap = cap;
    }
    return buf->ptr + buf->end;
}

void buf_grew(struct buf *buf, size_t len)
{
    ASSERT(len <= buf->cap - buf->end);
    buf->end += len;
}

void buf_consume(struct buf *buf, size_t len)
{
    ASSERT(len <= buf_len(buf));
    buf->start += len;
    if (buf->start == buf->end)
        buf_clear(buf);
}

void buf_truncate(struct buf *buf, size_t len)
{
    ASSERT(len <= buf_len(buf));
    buf->end = buf->start + len;
    if (len == 0)
        buf_clear(buf);
}

void buf_add(struct buf *buf, const void *bytes, size_t len)
{
    if (len == 0)
        return;
    memcpy(buf_reserve(buf, len), bytes, len);
    buf->end += len;
}

void buf_add_str(struct buf *buf, struct str s)
{
    buf_add(buf, s.ptr, s.len);
}

void buf_add_char(struct buf *buf, char c)
{
    *buf_reserve(buf, 1) = c;
    buf->end++;
}

void buf_add_i64(struct buf *buf, int64_t value)
{
    char room[STR_DIGITS_MAX];

    buf_add_str(buf, str_digits(room, value));
}

void buf_printf(struct buf *buf, const char *fmt, ...)
{
    va_list ap;
    va_list again;
    size_t room = 128; // enough for most; if not, vsnprintf says how much is
    int len;

    va_start(ap, fmt);
    va_copy(again, ap);
    len = vsnprintf(buf_reserve(buf, room), room, fmt, ap);
    va_end(ap);
    ASSERT(len >= 0);
    if ((size_t)len >= room) {
        room = (size_t)len + 1;
        vsnprintf(buf_reserve(buf, room), room, fmt, again);
    }
    va_end(again);
    buf->end += (size_t)len;
}
