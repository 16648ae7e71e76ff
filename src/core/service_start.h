// Tasks of a service, started: what they are made of, and where they go. Source:
// ecs-behaviour-scheduler 1.9, 3.6, 3.17; ecs-behaviour-api 11.1.

#ifndef CORE_SERVICE_START_H
#define CORE_SERVICE_START_H

#include "core/placement.h"
#include "core/step.h"

struct deployment;
struct service;
struct task;

// What all tasks of a deployment have in common. Lives in the step's arena, owns compiled queries.
struct service_mould;
struct service_mould *service_mould_open(struct step *step, const struct service *service,
                                         const struct deployment *deployment);
void service_mould_close(struct service_mould **mould); // for cleanup: NULL is fine

#define SERVICE_MOULD_AUTO __attribute__((cleanup(service_mould_close)))

// Why no more tasks were started.
enum start_failure {
    START_ALL = 0,        // they were
    START_NO_PLACE,       // no instance took the next one
    START_PROVIDER_EMPTY, // its capacity provider has no instance that is ACTIVE
    START_NO_CAPACITY,    // Fargate: there is none
    START_TOO_MANY_WAIT,  // it would wait for an instance, as too many do already
};

// What became of one attempt to start tasks.
struct service_started {
    struct task **tasks; // in the step's arena
    size_t tasks_n;
    struct placement failed; // of the first task that found no place; reason PLACE_FITS: all did
    enum start_failure why;  // the same, in short
    struct str provider;     // that the task was given to; empty: none
};

// Starts `n` tasks, each where the strategies want it, until one finds no place. With a capacity
// provider strategy each is given to a provider first; where that scales, a task that finds no
// place is started all the same and waits for an instance.
struct service_started service_start(struct step *step, struct service_mould *mould, int64_t n);

// The same of one task of the deployment that goes to a zone, and does not wait.
struct service_started service_start_in(struct step *step, struct service_mould *mould,
                                        struct str zone);

// How many of the tasks, one number an item of the deployment's strategy, are to go so that the
// rest is divided as the strategy wants; they add up to `n`. `current` is how many there are.
// False: there is no strategy of several items.
bool service_split_excess(const struct service_mould *mould, const int64_t *current, int64_t n,
                          int64_t *out);
// The item of the strategy that gave the task its provider; 0 when it is none of them.
size_t service_item_of(const struct service_mould *mould, const struct task *task);

// What a task that waits for an instance is placed with, and the instance for it.
struct service_mould *waiting_mould_open(struct step *step, const struct task *task);
struct placement waiting_place(struct step *step, struct service_mould *mould,
                               const struct task *task);

// For DAEMON services. Whether a task may ever stand on the instance: it serves the launch type and
// satisfies constraints and required attributes, whatever is free on it. And starts one there.
bool service_may_use(const struct service_mould *mould, const struct instance *instance);
// Whether one that is there may stay: only what the instance itself is counts. Asked how many tasks
// there are, a task of the service would answer with itself.
bool service_may_stay(const struct service_mould *mould, const struct instance *instance);
enum place_reason service_start_on(struct step *step, struct service_mould *mould,
                                   struct instance *instance, struct task **out_task);

#endif
