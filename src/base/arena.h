// Arena: memory with one lifetime. Allocate freely, give everything back at once.
//
// Lifetimes in this house: one arena a call (request and response), one a tick (effects), one a
// frozen record. Handlers never call free(). Blocks grow geometrically; arena_reset keeps the first
// block, and under AddressSanitizer the memory given back is poisoned, so a stale pointer is caught
// at once.

#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct arena_block;

struct arena {
    struct arena_block *head; // newest block, NULL before first use
    char *next;               // first free byte of head
    char *end;
};

#define ARENA_INIT ((struct arena){0})

void arena_init(struct arena *arena);
void arena_deinit(struct arena *arena); // also fine on a zeroed arena
void arena_reset(struct arena *arena);

// Zeroed memory aligned for any scalar. Never NULL.
void *arena_alloc(struct arena *arena, size_t size) __attribute__((returns_nonnull));
void *arena_copy(struct arena *arena, const void *bytes, size_t len)
    __attribute__((returns_nonnull));
char *arena_printf(struct arena *arena, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), returns_nonnull));

char *arena_vprintf(struct arena *arena, size_t *out_len, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0), returns_nonnull));

#define arena_new(arena, type)      ((type *)arena_alloc((arena), sizeof(type)))
#define arena_array(arena, type, n) ((type *)arena_alloc((arena), sizeof(type) * (size_t)(n)))

// Bytes handed out, for limits and for tests.
size_t arena_used(const struct arena *arena);

#endif
