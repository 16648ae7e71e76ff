// The instances of a cluster in one array, in creation order, with what placement asks of each of
// them side by side; and a log of which ones changed.
//
// The idea. Whoever keeps an answer about all instances (core/placement_plan.h) remembers how far
// it has read the log. Later it looks at the instances named since then and at no others, so that
// an answer costs what has changed and not what there is. When slots come or go, or their classes
// change, `layout` is raised, and answers start anew.
//
// A class is a set of attributes that instances share. A fleet has few of them, so what depends on
// attributes alone is asked once a class.
//
// Kept by the apply functions of instance.c and task.c, so that undoing and recovery rebuild it.

#ifndef MODEL_ROSTER_H
#define MODEL_ROSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cluster;
struct instance;
struct placement_plans;
struct roster_class;

#define ROSTER_CLASS_NONE UINT32_MAX // a gap's, and an instance's before its record is noted

struct roster_slot {
    uint64_t id;               // of the instance
    struct instance *instance; // NULL: a gap, it is forgotten
    uint64_t noted_at;         // changes_n after it was noted last
    uint64_t ports;            // a bit for every port in use, modulo 64
    uint32_t class_id;
    int32_t cpu_left;
    int32_t memory_left;
    uint32_t ports_n; // in use
    uint32_t gpus_left;
    bool is_active;    // status ACTIVE
    bool is_connected; // agentConnected
};

struct roster_change {
    uint32_t slot;
    uint32_t group; // task_group_tag of the group whose tasks there changed in number; 0: of none
};

struct roster {
    struct roster_slot *slots;
    uint32_t slots_n;
    uint32_t slots_cap;
    uint32_t gaps_n;

    struct roster_change *changes; // a ring
    uint32_t changes_cap;          // a power of two, or 0
    uint64_t changes_n;            // ever written
    uint64_t read_n;               // of them read by somebody
    uint64_t layout;

    struct roster_class *classes_by_key;
    uint32_t classes_n; // their numbers are below this
    uint32_t *free_ids; // numbers below it that no class has
    uint32_t free_ids_n;
    uint32_t free_ids_cap;

    // What core/ derives from the roster lives and dies with it.
    struct placement_plans *plans;
    void (*plans_free)(struct placement_plans *plans);
};

void roster_deinit(struct roster *roster); // has no instances any more

// A new instance, or one whose removal is undone.
void roster_enter(struct roster *roster, struct instance *instance);
void roster_leave(struct roster *roster, struct instance *instance);

// Something that placement asks for changed: the registered record, ...
void roster_note_record(struct roster *roster, struct instance *instance);
// ... or how many tasks of a group it has, ...
void roster_note_group(struct roster *roster, const struct instance *instance, uint32_t group);
// ... or anything else (status, connection, books, other counts).
void roster_note(struct roster *roster, const struct instance *instance);

// The log. Who has read it up to `seen` (a former changes_n) looks at the changes from there on;
// when it does not reach back so far any more, at everything. roster_was_read says that somebody
// has read all of it, so that what is noted from now on must be written again.
bool roster_reaches(const struct roster *roster, uint64_t seen);
struct roster_change roster_changed(const struct roster *roster, uint64_t change);
void roster_was_read(struct roster *roster);

static inline uint64_t roster_port_bit(uint16_t port)
{
    return UINT64_C(1) << (port % 64);
}

void roster_check(const struct cluster *cluster);

#endif
