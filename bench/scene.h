// A control plane of a chosen size inside one process: the real state, the real operations and,
// when asked for, the real store with its commit thread. No sockets and no signatures, so what is
// measured on it is the deciding and the storing alone.
//
//     struct scene scene;
//     scene_init(&scene, "/tmp/x/server.db", 0);        // NULL: nothing is stored
//     scene_grow(&scene, &(struct scene_size){.instances_n = 100, .tasks_n = 10000});
//     scene_run(&scene, ECS_OPERATION_RUN_TASK, request);
//     scene_commit(&scene);
//
// Nothing here may fail: a benchmark that meets an error ends with it.

#ifndef BENCH_SCENE_H
#define BENCH_SCENE_H

#include "api/ecs.h"
#include "base/arena.h"
#include "core/step.h"
#include "server/queue.h"
#include "server/tick.h"

struct commit_thread;
struct event_log;
struct store;

#define SCENE_CLUSTER "bench"

enum {
    SCENE_TASK_CPU = 10,      // units of every task
    SCENE_TASK_MEMORY = 16,   // MiB
    SCENE_FAMILIES = 50,      // "family-0" ...: what the tasks of scene_grow are made of
    SCENE_PORT_FAMILIES = 64, // "port-0" ...: each wants a host port of its own
    SCENE_RACKS = 100,        // values of the attribute "rack": "rack-0" ...
    SCENE_ZONES = 3,
};

struct scene_size {
    size_t instances_n;
    size_t tasks_n; // RUNNING ones, spread over the instances and the families
};

struct scene {
    struct state state;
    struct rng rng;
    time_ms now;
    struct arena kept; // requests and names, for as long as the scene
    struct arena call; // of the call being made

    struct tick ticks[2];
    struct tick *open; // being decided; the other one may be on its way to the store
    bool in_flight;
    struct store *store;
    struct event_log *log; // with a store only; NULL: nothing is told
    struct commit_thread *commits;
    struct queue results;

    struct str *instance_arns;
    size_t instances_n;
};

// events_kept: of the event log in the store; 0: there is none.
void scene_init(struct scene *scene, const char *store_path, uint64_t events_kept);
void scene_deinit(struct scene *scene); // waits for the store

// The cluster, the definitions, the instances (connected) and the tasks.
void scene_grow(struct scene *scene, const struct scene_size *size);

// A request from its JSON; lives as long as the scene.
void *scene_request(struct scene *scene, enum ecs_operation operation, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

// Runs one operation, which must succeed. The reply lives until the next call.
const void *scene_run(struct scene *scene, enum ecs_operation operation, const void *request);

// Ends the batch being decided. With a store it is handed over, after the one before has become
// durable, and committed while the next is decided. Without one it is forgotten.
void scene_commit(struct scene *scene);
void scene_flush(struct scene *scene); // waits until everything handed over is durable

// Without a store only: ends the batch, then undoes it, so that the state is as it was before.
void scene_take(struct scene *scene);
void scene_undo(struct scene *scene);

#endif
