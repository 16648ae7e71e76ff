// Randomness from the kernel: seeds, keys, tokens, nonces. Never fails once the system has booted;
// a kernel that cannot give it aborts the process, because nobody could go on safely.

#ifndef IO_ENTROPY_H
#define IO_ENTROPY_H

#include <stddef.h>
#include <stdint.h>

void entropy_fill(void *out, size_t len);
uint64_t entropy_u64(void);

#endif
