// Chores that belong to no task: old images, what is left of tasks that no record knows, and, when
// the operator wants it, what others have left on the host. Private to this room.
//
// One call is under way at a time, and none while the runtime is away. Nothing of it is kept over a
// restart but the images' rows: what is to be done is found again.
// Source: ecs-behaviour-agent 1.7.5, 3.5.

#ifndef ENGINE_UPKEEP_H
#define ENGINE_UPKEEP_H

#include "engine/engine.h"

struct container;
struct engine;
struct image;
struct orphan;
struct stranger;
struct task;

enum chore {
    CHORE_NONE,
    CHORE_FIND_CONTAINERS, // that carry our label
    CHORE_FIND_VOLUMES,    // likewise
    CHORE_STOP_ORPHAN,
    CHORE_REMOVE_ORPHAN,
    CHORE_REMOVE_VOLUME,
    CHORE_REMOVE_RESOURCE,
    CHORE_REMOVE_IMAGE,
    CHORE_FIND_STRANGERS, // containers of others
    CHORE_INSPECT_STRANGER,
    CHORE_REMOVE_STRANGER,
    CHORE_FIND_IMAGES, // of others
    CHORE_REMOVE_STRANGE_IMAGE,
};

struct upkeep {
    enum chore chore; // under way
    int64_t token;    // of its call
    struct image *image;
    struct orphan *orphan;
    struct stranger *stranger;

    struct orphan *orphans; // in the order of their finding
    bool looks_for_containers, looks_for_volumes;

    time_ms cycle_at; // when the next cycle begins
    uint64_t cycle;   // number of the present one; a try at an image is noted with it
    bool is_cycling;
    int images_left, containers_left; // what the cycle may still remove
    bool strangers_found, images_found;
    struct stranger *strangers; // containers, then images of others that the cycle has found

    bool disk_is_low;
};

void upkeep_free(struct engine *engine);
void upkeep_start(struct engine *engine);
void upkeep_runtime_up(struct engine *engine);
void upkeep_disk(struct engine *engine, bool is_low);
void upkeep_task_gone(struct engine *engine, const struct task *task); // before it is freed
bool upkeep_progress(struct engine *engine); // true when something changed
void upkeep_result(struct engine *engine, int64_t token, const struct host_result *result);
time_ms upkeep_next_timer(const struct engine *engine);
// Its image is being removed: whoever wants it waits.
bool upkeep_holds_image(const struct engine *engine, const struct container *c);

#endif
