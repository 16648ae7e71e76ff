// The event log's contents: what a batch has changed, as EventBridge would tell it.
//
// Nothing here is said by whoever changes something. A batch's journal holds every record with what
// was there before; what is told of it follows from the two. So nothing that changes can be
// forgotten, and what is undone was never told.
//
// Rules of ours: every change of a task that has a version of its own is one event. So is every
// change of an instance's status; its other changes (resources, most of all) are one event a batch,
// with the newest version: what lies between never was durable. Source: ecs-behaviour-scheduler 7.

#ifndef CORE_EVENTS_H
#define CORE_EVENTS_H

#include "api/events.h"
#include "model/state.h"
#include "model/task.h"

enum event_kind {
    EVENT_TASK,
    EVENT_INSTANCE,
    EVENT_INSTANCE_HEALTH,
    EVENT_SERVICE_ACTION,
    EVENT_DEPLOYMENT,
    EVENT_HOOK,
    EVENT_KIND_N,
};

struct event_note {
    enum event_kind kind;
    struct str region;
    struct str resource; // ARN; a task's is made with its detail
    const void *detail;  // of the kind's shape; NULL: made of `task`
    struct task_picture task;
    struct event_note *next;
};

struct event_notes {
    struct event_note *first; // in the order in which things happened
    size_t n;
    time_ms at;
};

// Of the batch being decided. Lives in the arena, and points into frozen records of the batch.
struct event_notes events_of(struct state *state, time_ms now, struct arena *arena);

struct str event_detail_type(enum event_kind kind); // "ECS Task State Change"
const struct shape *event_shape(enum event_kind kind);

// The detail of a task's note. Reads nothing but frozen records, so any thread may ask.
void event_task_detail(const struct task_picture *picture, time_ms at, struct arena *arena,
                       struct evt_task_change *out);

#endif
