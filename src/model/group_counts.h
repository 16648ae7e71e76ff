// How many wanted tasks of each task group one instance has: what spread, distinctInstance and
// task:group ask all the time. Few groups meet on an instance, so it is a short array.
//
// Invariant: no entry has a count of zero; names are texts of the counts' own.

#ifndef MODEL_GROUP_COUNTS_H
#define MODEL_GROUP_COUNTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct group_count {
    struct str group;
    uint32_t tasks_n;
};

struct group_counts {
    struct group_count *at;
    size_t n;
    size_t cap;
};

void group_counts_add(struct group_counts *counts, struct str group);
void group_counts_subtract(struct group_counts *counts, struct str group); // it was added before
uint32_t group_counts_of(const struct group_counts *counts, struct str group);
void group_counts_deinit(struct group_counts *counts);

#endif
