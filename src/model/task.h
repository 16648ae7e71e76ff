// Tasks: the entity, its indices and reservation, its view.
//
// A task that is placed holds a reservation on its instance from the moment its record exists until
// its lastStatus is STOPPED; task_apply takes and gives it back, nobody else does.

#ifndef MODEL_TASK_H
#define MODEL_TASK_H

#include "api/ecs.h"
#include "base/map.h"
#include "model/reservation.h"
#include "model/state.h"
#include "model/task_lists.h"

// Of a task that waits for an instance.
struct task_wait {
    struct task *task;
    struct list in_cluster; // tasks_waiting of its cluster
    struct expiry expiry;   // when it gives up; a service's never does
};

struct task {
    struct entity entity;
    const struct rec_task *rec;
    uint64_t cluster_id;
    uint64_t definition_id;
    struct str uid;                  // of rec
    struct list listed[TASK_LIST_N]; // in the lists of task_lists.h
    struct list on_instance;         // linked while it holds a reservation
    struct list in_service;          // linked while it is a service's and not STOPPED
    struct expiry *expiry;           // waits; NULL while lastStatus is not STOPPED
    struct task_wait *wait;          // NULL: it has an instance, or is STOPPED
    uint64_t token_id;               // the RunTask token that stands for it; 0: none
    struct need *own_need;           // NULL: overrides do not change what the definition needs
    struct reservation reservation;
    bool listed_as_wanted; // in which half of the lists it stands

    // Volatile. Whether the agent acknowledged the payload it was last sent in, so knows the
    // present desired status, and the sequence of that payload.
    bool delivered;
    bool seen_healthy;  // when its service was last looked at
    bool traffic_asked; // to let it into traffic, or out, and not answered yet
    bool target_is_ill; // a load balancer says so
    int64_t sent_sequence;
    struct list unacknowledged; // in its instance's, from the sending to the acknowledgement
};

void task_apply(struct state *state, uint64_t id, const void *record);
void task_check_all(const struct state *state);

struct task *task_get(const struct state *state, uint64_t id);
struct task *task_find_uid(const struct state *state, struct str uid);

bool task_is_stopped(const struct task *task); // lastStatus STOPPED (or DELETED)
bool task_is_wanted(const struct task *task);  // desiredStatus RUNNING
bool task_is_pending(const struct task *task); // lastStatus before RUNNING
bool task_is_waiting(const struct task *task); // for an instance: PROVISIONING

enum { TASK_WAIT_MS = TIME_HOUR_MS }; // of a task that is no service's
// What its agent is to make of it: a task that leaves traffic before it stops runs on.
bool task_should_run(const struct task *task);

// Since when its agent has been connected with the task there; of a STOPPED task as it was then. 0:
// it never was.
time_ms task_connectivity_at(const struct rec_task *rec, const struct instance *instance);

const struct need *task_need(const struct state *state, const struct task *task);

// Takes the reservation from the books of the instance the task is placed on. For task_apply and
// for books that are opened anew.
void task_reserve(struct state *state, struct task *task, struct instance *instance);

struct str task_arn(const struct state *state, const struct task *task, struct arena *arena);
struct str container_arn(const struct state *state, const struct task *task, size_t index,
                         struct arena *arena);

// Everything that a view of a task is made of: frozen records and texts of them, so it may be read
// on another thread for as long as they are kept (pipeline.c says how long that is).
struct task_picture {
    struct scope scope;
    struct str cluster;
    const struct rec_task *rec;
    const struct rec_task_definition *definition;
    struct str family;
    struct str instance;                      // its id; empty: not placed, or forgotten since
    const struct ecs_attribute *zone;         // NULL: unknown; likewise the next
    const struct ecs_attribute *architecture; //
    time_ms connectivity_at;                  // 0: never connected
    bool is_connected;
};
// What a task on FARGATE shows of where it runs.
#define TASK_PLATFORM_VERSION "1.4.0"
#define TASK_PLATFORM_FAMILY  "Linux"
// With a record that the task has, or had in the batch being decided.
struct task_picture task_picture_of(const struct state *state, const struct rec_task *rec);
// What its ephemeral storage is to be, as asked for or as usual.
int32_t task_ephemeral_gib(const struct rec_task *rec,
                           const struct ecs_task_definition *definition);
void task_picture_view(const struct task_picture *picture, bool with_tags, struct arena *arena,
                       struct ecs_task *out);

// Over essential containers: any UNHEALTHY, else any UNKNOWN, else HEALTHY.
enum ecs_health_status task_health_status(const struct state *state, const struct task *task);

void task_view(const struct state *state, const struct task *task, bool with_tags,
               struct arena *arena, struct ecs_task *out);

#endif
