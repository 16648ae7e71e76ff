// Task definitions: families, their revisions, what a task of one needs, its view.
//
// A family keeps the last revision number for ever, so that none is given out twice. Families stand
// in lexicographic order by region and name, which serves look-ups and the two List calls alike.

#ifndef MODEL_TASK_DEFINITION_H
#define MODEL_TASK_DEFINITION_H

#include "api/ecs.h"
#include "model/reservation.h"
#include "model/state.h"

struct family {
    struct entity entity;
    const struct rec_family *rec;
    struct task_definition **revisions; // ascending by revision; those that still exist
    size_t revisions_n;
    size_t revisions_cap;
    size_t active_n; // of them ACTIVE
};

struct task_definition {
    struct entity entity;
    const struct rec_task_definition *rec;
    uint64_t family_id;
    struct need need;     // of a task without overrides; memory of the definition
    uint32_t tasks_n;     // task records that refer to it, STOPPED ones included
    uint32_t revisions_n; // service revisions that refer to it
    struct expiry expiry; // waits while DELETE_IN_PROGRESS and named by no task
};

void family_apply(struct state *state, uint64_t id, const void *record);
void task_definition_apply(struct state *state, uint64_t id, const void *record);
void task_definition_set_expiry(struct state *state,
                                struct task_definition *definition); // for task.c
void task_definition_check_all(const struct state *state);
void family_order_init(struct state *state);
void family_order_deinit(struct state *state);

struct family *family_get(const struct state *state, uint64_t id);
struct family *family_find(const struct state *state, struct str region, struct str name);

// Families of a region in lexicographic order: the first one with name >= `from` (or > when
// `past`), and the previous one for descending lists (name <= or <). NULL at the end.
struct family *family_at_or_after(const struct state *state, struct str region, struct str from,
                                  bool past);
struct family *family_at_or_before(const struct state *state, struct str region, struct str from,
                                   bool past);
// The last family of the region, NULL when there is none.
struct family *family_last(const struct state *state, struct str region);

struct task_definition *task_definition_get(const struct state *state, uint64_t id);
// NULL when there is no such revision (any more). INACTIVE ones are found.
struct task_definition *family_revision(const struct family *family, int32_t revision);
// Index in `revisions` of the first one that is not before this number; revisions_n: none.
size_t family_position(const struct family *family, int32_t revision);
struct task_definition *family_newest_active(const struct family *family);

struct str task_definition_arn(const struct state *state, const struct task_definition *definition,
                               struct arena *arena);
void task_definition_view(const struct state *state, const struct task_definition *definition,
                          struct arena *arena, struct ecs_task_definition *out);

#endif
