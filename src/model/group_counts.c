// See group_counts.h.

#include "model/group_counts.h"

#include "base/assert.h"
#include "base/mem.h"

static struct group_count *find(const struct group_counts *counts, struct str group)
{
    for (size_t i = 0; i < counts->n; i++) {
        if (str_eq(counts->at[i].group, group))
            return &counts->at[i];
    }
    return NULL;
}

void group_counts_add(struct group_counts *counts, struct str group)
{
    struct group_count *found = find(counts, group);
    char *own;

    if (found != NULL) {
        found->tasks_n++;
        return;
    }
    if (counts->n == counts->cap) {
        counts->cap = counts->cap ? counts->cap * 2 : 2;
        counts->at = mem_realloc(counts->at, counts->cap * sizeof *counts->at);
    }
    own = mem_alloc(group.len + 1);
    if (group.len > 0)
        memcpy(own, group.ptr, group.len);
    counts->at[counts->n++] = (struct group_count){.group = str_span(own, group.len), .tasks_n = 1};
}

void group_counts_subtract(struct group_counts *counts, struct str group)
{
    struct group_count *found = find(counts, group);

    ASSERT_SAY(found != NULL, "group %.*s", STR_ARGS(group));
    if (--found->tasks_n > 0)
        return;
    mem_free((void *)(uintptr_t)found->group.ptr);
    *found = counts->at[--counts->n];
}

uint32_t group_counts_of(const struct group_counts *counts, struct str group)
{
    const struct group_count *found = find(counts, group);

    return found != NULL ? found->tasks_n : 0;
}

void group_counts_deinit(struct group_counts *counts)
{
    for (size_t i = 0; i < counts->n; i++)
        mem_free((void *)(uintptr_t)counts->at[i].group.ptr);
    mem_free(counts->at);
    *counts = (struct group_counts){0};
}
