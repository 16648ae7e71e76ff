// A growing byte buffer with a read position: bytes in at the back, out at the front.
//
// Invariant: start <= end <= cap; the unread bytes are ptr[start..end). Consuming everything
// rewinds to the beginning, so a steady connection never grows.

#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct buf {
    char *ptr;
    size_t start;
    size_t end;
    size_t cap;
};

#define BUF_INIT ((struct buf){0})
#define BUF_AUTO __attribute__((cleanup(buf_deinit)))

void buf_init(struct buf *buf);
void buf_deinit(struct buf *buf); // also fine on a zeroed buffer
void buf_clear(struct buf *buf);  // keeps the memory

static inline size_t buf_len(const struct buf *buf)
{
    return buf->end - buf->start;
}

struct str buf_str(const struct buf *buf); // valid until the next change

// At least `room` writable bytes at buf->ptr + buf->end; commit what was written with buf_grew.
char *buf_reserve(struct buf *buf, size_t room);
void buf_grew(struct buf *buf, size_t len);
void buf_consume(struct buf *buf, size_t len);
void buf_truncate(struct buf *buf, size_t len); // drops what is behind the first `len` unread bytes

void buf_add(struct buf *buf, const void *bytes, size_t len);
void buf_add_str(struct buf *buf, struct str s);
void buf_add_char(struct buf *buf, char c);
void buf_add_i64(struct buf *buf, int64_t value);
void buf_printf(struct buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
