// Tasks of a service, started: what they are made of, and where they go. Source:
// ecs-behaviour-scheduler 1.9, 3.6, 3.17; ecs-behaviour-api 11.1.

#ifndef CORE_SERVICE_START_H
#define CORE_SERVICE_START_H

#include "core/placement.h"
#include "core/step.h"

struct deployment;
struct service;

// What all tasks of a deployment have in common. Lives in the step's arena, owns compiled queries.
struct service_mould;
struct service_mould *service_mould_open(struct step *step, const struct service *service,
                                         const struct deployment *deployment);
void service_mould_close(struct service_mould **mould); // for cleanup: NULL is fine

#define SERVICE_MOULD_AUTO __attribute__((cleanup(service_mould_close)))

// What became of one attempt to start tasks.
struct service_started {
    struct task **tasks; // in the step's arena
    size_t tasks_n;
    struct placement failed; // of the first task that found no place; reason PLACE_FITS: all did
};

// Starts `n` tasks, each where the strategies want it, until one finds no place.
struct service_started service_start(struct step *step, struct service_mould *mould, int64_t n);

// For DAEMON services. Whether a task may ever stand on the instance: it serves the launch type and
// satisfies constraints and required attributes, whatever is free on it. And starts one there.
bool service_may_use(const struct service_mould *mould, const struct instance *instance);
// Whether one that is there may stay: only what the instance itself is counts. Asked how many tasks
// there are, a task of the service would answer with itself.
bool service_may_stay(const struct service_mould *mould, const struct instance *instance);
enum place_reason service_start_on(struct step *step, struct service_mould *mould,
                                   struct instance *instance, struct task **out_task);

#endif
