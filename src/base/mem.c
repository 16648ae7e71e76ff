// malloc with the one policy there is: success or abort.

#include "base/mem.h"

#include <malloc.h>

#include "base/assert.h"

// Large buffers get pages of their own. The allocator starts like that too, but raises the limit to
// whatever was given back once; from then on such buffers leave holes between small pieces.
enum { OWN_PAGES = 128 * 1024 };

void mem_setup(void)
{
    mallopt(M_MMAP_THRESHOLD, OWN_PAGES);
    mallopt(M_TRIM_THRESHOLD, OWN_PAGES);
}

void *mem_alloc(size_t size)
{
    void *ptr = malloc(size ? size : 1);
    ASSERT(ptr != NULL);
    return ptr;
}

void *mem_zalloc(size_t size)
{
    void *ptr = calloc(1, size ? size : 1);
    ASSERT(ptr != NULL);
    return ptr;
}

void *mem_realloc(void *ptr, size_t size)
{
    void *grown = realloc(ptr, size ? size : 1);
    ASSERT(grown != NULL);
    return grown;
}

void mem_free(void *ptr)
{
    free(ptr);
}

void mem_cleanup(void *ptr_to_ptr)
{
    void **ptr = ptr_to_ptr;
    free(*ptr);
    *ptr = NULL;
}
