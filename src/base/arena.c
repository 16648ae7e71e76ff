// Bump allocation in a list of blocks, newest first. The first block is small because most calls
// are.

#include "base/arena.h"

#include "base/assert.h"
#include "base/mem.h"

#if defined(__has_feature) // clang; gcc defines the macro below by itself
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

// Under AddressSanitizer a gap that may not be touched follows each allocation, so that one step
// past the end is caught although the next allocation begins there otherwise.
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define POISON(ptr, len)   __asan_poison_memory_region((ptr), (len))
#define UNPOISON(ptr, len) __asan_unpoison_memory_region((ptr), (len))
enum { GAP_BYTES = 8 };
#else
#define POISON(ptr, len)   ((void)(ptr), (void)(len))
#define UNPOISON(ptr, len) ((void)(ptr), (void)(len))
enum { GAP_BYTES = 0 };
#endif

enum { FIRST_BLOCK_BYTES = 2048, LARGEST_BLOCK_BYTES = 1 << 20, ALIGNMENT = 8 };

struct arena_block {
    struct arena_block *older;
    size_t size; // usable bytes behind this header
    char bytes[];
};

void arena_init(struct arena *arena)
{
    *arena = ARENA_INIT;
}

static void free_block(struct arena_block *block)
{
    UNPOISON(block->bytes, block->size);
    mem_free(block);
}

void arena_deinit(struct arena *arena)
{
    struct arena_block *block = arena->head;

    while (block != NULL) {
        struct arena_block *older = block->older;
        free_block(block);
        block = older;
    }
    *arena = ARENA_INIT;
}

void arena_reset(struct arena *arena)
{
    struct arena_block *block = arena->head;

    if (block == NULL)
        return;
    while (block->older != NULL) {
        struct arena_block *older = block->older;
        free_block(block);
        block = older;
    }
    arena->head = block;
    arena->next = block->bytes;
    arena->end = block->bytes + block->size;
    POISON(block->bytes, block->size);
}

static void add_block(struct arena *arena, size_t need)
{
    size_t size = arena->head ? arena->head->size * 2 : FIRST_BLOCK_BYTES;
    struct arena_block *block;

    if (size > LARGEST_BLOCK_BYTES)
        size = LARGEST_BLOCK_BYTES;
    if (size < need)
        size = need;
    block = mem_alloc(sizeof *block + size);
    block->older = arena->head;
    block->size = size;
    POISON(block->bytes, size);
    arena->head = block;
    arena->next = block->bytes;
    arena->end = block->bytes + size;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    size_t rounded = ((size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1)) + GAP_BYTES;
    char *ptr;

    ASSERT(rounded >= size);
    if ((size_t)(arena->end - arena->next) < rounded || arena->head == NULL)
        add_block(arena, rounded);
    ptr = arena->next;
    arena->next += rounded;
    UNPOISON(ptr, size);
    memset(ptr, 0, size);
    return ptr;
}

void *arena_copy(struct arena *arena, const void *bytes, size_t len)
{
    void *copy = arena_alloc(arena, len + 1); // the extra byte keeps copied text NUL-terminated

    if (len > 0)
        memcpy(copy, bytes, len);
    return copy;
}

char *arena_vprintf(struct arena *arena, size_t *out_len, const char *fmt, va_list ap)
{
    char probe[256]; // most texts are short: one pass and a copy
    va_list again;
    int len;
    char *text;

    va_copy(again, ap);
    len = vsnprintf(probe, sizeof probe, fmt, ap);
    ASSERT(len >= 0);
    text = arena_alloc(arena, (size_t)len + 1);
    if ((size_t)len < sizeof probe)
        memcpy(text, probe, (size_t)len);
    else
        vsnprintf(text, (size_t)len + 1, fmt, again);
    va_end(again);
    *out_len = (size_t)len;
    return text;
}

char *arena_printf(struct arena *arena, const char *fmt, ...)
{
    va_list ap;
    size_t len;
    char *text;

    va_start(ap, fmt);
    text = arena_vprintf(arena, &len, fmt, ap);
    va_end(ap);
    return text;
}

size_t arena_used(const struct arena *arena)
{
    size_t used = 0;

    for (const struct arena_block *block = arena->head; block != NULL; block = block->older)
        used += block->size;
    return used - (size_t)(arena->end - arena->next);
}
