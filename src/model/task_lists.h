// The lists of a cluster's tasks that ListTasks walks: all of them, those of one family, those that
// one startedBy started. Kept by task.c whenever it applies a record.
//
// Every list has two halves: tasks with desiredStatus RUNNING by id, and the others in the order in
// which they were stopped.

#ifndef MODEL_TASK_LISTS_H
#define MODEL_TASK_LISTS_H

#include "base/list.h"
#include "base/map.h"
#include "base/str.h"

struct cluster;
struct state;
struct task;

enum task_list_kind {
    TASK_LIST_CLUSTER,
    TASK_LIST_FAMILY,
    TASK_LIST_STARTED_BY, // only tasks that have one
    TASK_LIST_N,
};

// Both halves.
struct task_list {
    struct list wanted;   // struct task.listed
    struct list unwanted; // likewise
};

// The tasks of the cluster with one family or startedBy; there is none without tasks.
struct task_drawer {
    struct str key; // memory of the drawer
    UT_hash_handle by_key;
    struct task_list list;
};

// What to walk. `family_id` and `started_by` exclude each other; neither: the whole cluster.
struct task_walk {
    const struct cluster *cluster;
    bool wanted;
    uint64_t family_id;
    struct str started_by;
};

void task_list_init(struct task_list *list);
bool task_list_is_empty(const struct task_list *list);

// Into the half that its record says, or from one into the other; does nothing when it is there.
void task_lists_enter(struct state *state, struct task *task);
void task_lists_leave(struct state *state, struct task *task);

// The task behind the task `after`, or the first when `after` is 0. When `after` has left the list,
// the walk goes on where it stood: tasks leave the first half anywhere but the second one, by being
// forgotten, from its front. NULL at the end. One step when `after` stands in the list.
struct task *task_after(const struct state *state, const struct task_walk *walk, uint64_t after);

void task_lists_check(const struct cluster *cluster);

#endif
