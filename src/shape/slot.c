// Maps in order of their keys, for walkers that must find one key among many. See slot.h.

#include "shape/slot.h"

#include "base/mem.h"

static struct str key_of(const void *entry)
{
    return *(const struct str *)entry;
}

static int by_key(const void *a, const void *b)
{
    return str_cmp(key_of(*(const void *const *)a), key_of(*(const void *const *)b));
}

const void **slot_sorted_entries(const void *map, size_t stride)
{
    size_t n = ((const struct shape_list *)map)->n;
    const void **entries = mem_alloc(n * sizeof *entries);

    for (size_t i = 0; i < n; i++)
        entries[i] = slot_entry(map, stride, i);
    if (n > 0)
        qsort(entries, n, sizeof *entries, by_key);
    return entries;
}

const void *slot_find_sorted(const void **entries, size_t n, struct str key)
{
    size_t low = 0;
    size_t high = n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = str_cmp(key, key_of(entries[mid]));
        if (order == 0)
            return entries[mid];
        if (order < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return NULL;
}
