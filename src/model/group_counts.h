// How many wanted tasks of each task group one instance has: what spread, distinctInstance and
// task:group ask all the time. Few groups meet on an instance, so that side is a short array; the
// group knows the instances that have tasks of it, so that nobody looks at the others.
//
// Invariants: no entry has a count of zero; an entry of an instance and the member of its group
// name each other; a group without members does not exist.

#ifndef MODEL_GROUP_COUNTS_H
#define MODEL_GROUP_COUNTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/map.h"
#include "base/str.h"

struct group_counts;

struct group_member {
    struct group_counts *counts;
    uint32_t entry; // counts->at[entry] is of this group
};

// A group with wanted tasks somewhere in the cluster.
struct task_group {
    struct str name; // memory of the group
    UT_hash_handle by_name;
    struct group_member *members; // in no order
    uint32_t members_n;
    uint32_t members_cap;
};

struct group_count {
    struct task_group *group;
    uint32_t tasks_n;
    uint32_t member; // group->members[member] is this entry
};

struct group_counts {
    struct group_count *at;
    uint32_t n;
    uint32_t cap;
};

// `groups` is the map of the cluster that the instance belongs to. What is subtracted was added
// before.
void group_counts_add(struct task_group **groups, struct group_counts *counts, struct str name);
void group_counts_subtract(struct task_group **groups, struct group_counts *counts,
                           struct str name);
void group_counts_deinit(struct group_counts *counts); // is empty

struct task_group *task_group_find(struct task_group *const *groups, struct str name); // NULL: none

// A number that stands for the name; two names may share one, none has 0.
uint32_t task_group_tag(struct str name);

// By name, and by the group itself (NULL: 0).
uint32_t group_counts_of(const struct group_counts *counts, struct str name);
uint32_t group_counts_in(const struct group_counts *counts, const struct task_group *group);

void task_group_check(const struct task_group *group);

#endif
