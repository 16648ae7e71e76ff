// The two scheduling strategies of services, for reconcile.c.

#ifndef CORE_RECONCILE_KINDS_H
#define CORE_RECONCILE_KINDS_H

#include "core/step.h"

struct deployment;
struct service;
struct service_started;
struct task;

// What came of looking at an ACTIVE service.
struct reconciled {
    bool is_steady;
    time_ms again_at; // when time alone may change something; 0: never
};

struct reconciled reconcile_replica(struct step *step, struct service *service);
struct reconciled reconcile_daemon(struct step *step, struct service *service);

// ---- what both do alike

// The deployments with their index in plans: PRIMARY first, then the newest first.
enum { RECONCILE_DEPLOYMENTS_MAX = 64 };
struct rollouts {
    struct deployment *at[RECONCILE_DEPLOYMENTS_MAX];
    uint32_t n;
};
struct rollouts rollouts_of(const struct service *service);
uint32_t rollouts_index(const struct rollouts *rollouts, const struct task *task);

// The earlier of two times of which 0 is never.
time_ms earlier(time_ms a, time_ms b);

// Notes that a task found no place, says so, and waits for room.
void reconcile_no_place(struct step *step, struct service *service,
                        const struct service_started *started);

void reconcile_stop(struct step *step, struct task *task, const struct deployment *because);

#endif
