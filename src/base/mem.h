// Heap memory. Out of memory aborts: the truth is in the store, and a process that limps on after a
// failed allocation is worth less than one that restarts. So nothing here returns NULL.

#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

// For main, before anything else: what a burst of connections needed goes back to the system.
void mem_setup(void);

void *mem_alloc(size_t size) __attribute__((malloc, returns_nonnull, alloc_size(1)));
void *mem_zalloc(size_t size) __attribute__((malloc, returns_nonnull, alloc_size(1)));
void *mem_realloc(void *ptr, size_t size) __attribute__((returns_nonnull, alloc_size(2)));
void mem_free(void *ptr);

// `cleanup` attribute for a local heap pointer: `MEM_AUTO char *text = ...;`
#define MEM_AUTO __attribute__((cleanup(mem_cleanup)))
void mem_cleanup(void *ptr_to_ptr);

#endif
