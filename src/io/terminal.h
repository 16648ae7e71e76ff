// The terminal of a person: its size, and raw mode, in which every key is a byte that is passed on.

#ifndef IO_TERMINAL_H
#define IO_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

bool terminal_is_one(int fd);
bool terminal_size(int fd, int32_t *out_columns, int32_t *out_rows); // false: none is known

struct terminal_mode; // as it was before

// -ENOTTY and friends; then nothing has changed.
int terminal_make_raw(int fd, struct terminal_mode **out_before) MUST_CHECK;
void terminal_restore(int fd, struct terminal_mode *before); // frees it; NULL is fine

// Whether a loop can wait for the descriptor: files and /dev/null cannot be waited for, they are
// always ready.
bool terminal_can_wait_for(int fd);

// Blocking. Bytes read, 0 at the end of input, or a fault.
int64_t terminal_read(int fd, void *out, size_t cap) MUST_CHECK;
int terminal_write(int fd, const void *bytes, size_t len) MUST_CHECK; // all of it

#endif
