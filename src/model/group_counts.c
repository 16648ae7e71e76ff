// Both sides of a count are arrays without order: an entry that goes is replaced by the last one,
// and whoever names that one is told its new place.

#include "model/group_counts.h"

#include "base/assert.h"
#include "base/mem.h"

struct task_group *task_group_find(struct task_group *const *groups, struct str name)
{
    struct task_group *found;

    MAP_FIND_STR(by_name, *groups, name, found);
    return found;
}

uint32_t task_group_tag(struct str name)
{
    uint32_t hash = (uint32_t)str_hash(name);

    return hash != 0 ? hash : 1;
}

static struct task_group *group_new(struct task_group **groups, struct str name)
{
    struct task_group *group = mem_zalloc(sizeof *group);
    char *own = mem_alloc(name.len);

    if (name.len > 0)
        memcpy(own, name.ptr, name.len);
    group->name = str_span(own, name.len);
    MAP_ADD_STR(by_name, *groups, name, group);
    return group;
}

static void group_delete(struct task_group **groups, struct task_group *group)
{
    MAP_DEL(by_name, *groups, group);
    mem_free((void *)(uintptr_t)group->name.ptr);
    mem_free(group->members);
    mem_free(group);
}

static struct group_count *entry_of(const struct group_counts *counts,
                                    const struct task_group *group)
{
    for (uint32_t i = 0; i < counts->n; i++) {
        if (counts->at[i].group == group)
            return &counts->at[i];
    }
    return NULL;
}

static void join(struct task_group *group, struct group_counts *counts)
{
    if (counts->n == counts->cap) {
        counts->cap = counts->cap ? counts->cap * 2 : 2;
        counts->at = mem_realloc(counts->at, counts->cap * sizeof *counts->at);
    }
    if (group->members_n == group->members_cap) {
        group->members_cap = group->members_cap ? group->members_cap * 2 : 1;
        group->members = mem_realloc(group->members, group->members_cap * sizeof *group->members);
    }
    counts->at[counts->n] =
        (struct group_count){.group = group, .tasks_n = 1, .member = group->members_n};
    group->members[group->members_n++] =
        (struct group_member){.counts = counts, .entry = counts->n++};
}

static void part(struct group_counts *counts, struct group_count *entry)
{
    struct task_group *group = entry->group;
    uint32_t member = entry->member;
    uint32_t at = (uint32_t)(entry - counts->at);

    counts->at[at] = counts->at[--counts->n];
    if (at < counts->n)
        counts->at[at].group->members[counts->at[at].member].entry = at;
    group->members[member] = group->members[--group->members_n];
    if (member < group->members_n)
        group->members[member].counts->at[group->members[member].entry].member = member;
}

void group_counts_add(struct task_group **groups, struct group_counts *counts, struct str name)
{
    struct task_group *group = task_group_find(groups, name);
    struct group_count *entry;

    if (group == NULL)
        group = group_new(groups, name);
    entry = entry_of(counts, group);
    if (entry != NULL)
        entry->tasks_n++;
    else
        join(group, counts);
}

void group_counts_subtract(struct task_group **groups, struct group_counts *counts, struct str name)
{
    struct task_group *group = task_group_find(groups, name);
    struct group_count *entry;

    ASSERT_SAY(group != NULL, "group %.*s", STR_ARGS(name));
    entry = entry_of(counts, group);
    ASSERT_SAY(entry != NULL, "group %.*s", STR_ARGS(name));
    if (--entry->tasks_n > 0)
        return;
    part(counts, entry);
    if (group->members_n == 0)
        group_delete(groups, group);
}

void group_counts_deinit(struct group_counts *counts)
{
    ASSERT(counts->n == 0);
    mem_free(counts->at);
    *counts = (struct group_counts){0};
}

uint32_t group_counts_of(const struct group_counts *counts, struct str name)
{
    for (uint32_t i = 0; i < counts->n; i++) {
        if (str_eq(counts->at[i].group->name, name))
            return counts->at[i].tasks_n;
    }
    return 0;
}

uint32_t group_counts_in(const struct group_counts *counts, const struct task_group *group)
{
    const struct group_count *entry = group != NULL ? entry_of(counts, group) : NULL;

    return entry != NULL ? entry->tasks_n : 0;
}

void task_group_check(const struct task_group *group)
{
    ASSERT_SAY(group->members_n > 0, "group %.*s", STR_ARGS(group->name));
    for (uint32_t i = 0; i < group->members_n; i++) {
        const struct group_member *member = &group->members[i];

        ASSERT(member->entry < member->counts->n);
        ASSERT(member->counts->at[member->entry].group == group);
        ASSERT(member->counts->at[member->entry].member == i);
        ASSERT(member->counts->at[member->entry].tasks_n > 0);
    }
}
