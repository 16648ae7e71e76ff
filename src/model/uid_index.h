// Tasks by uid: an open hash table of pointers, and nothing in the task. There are many tasks, and
// the handle of base/map.h would be a twelfth of what one of them takes.

#ifndef MODEL_UID_INDEX_H
#define MODEL_UID_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct task;

struct uid_index {
    struct task **slots; // NULL: free
    uint32_t *hashes;    // of the uids of those in the slots
    size_t cap;          // a power of two, or 0
    size_t n;
};

void uid_index_deinit(struct uid_index *index);                 // is empty
void uid_index_add(struct uid_index *index, struct task *task); // its uid is not there yet
void uid_index_remove(struct uid_index *index, struct task *task);
struct task *uid_index_find(const struct uid_index *index, struct str uid); // NULL: none

#endif
