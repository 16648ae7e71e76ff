// malloc with the one policy there is: success or abort.

#include "base/mem.h"

#include "base/assert.h"

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
