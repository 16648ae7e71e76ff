// The two scheduling strategies of services, for reconcile.c, and what both do alike.

#ifndef CORE_RECONCILE_KINDS_H
#define CORE_RECONCILE_KINDS_H

#include "core/reconcile.h"
#include "core/replica_plan.h"
#include "core/service_start.h"
#include "core/step.h"
#include "core/task_health.h"

struct deployment;
struct service;
struct task;

// What came of looking at an ACTIVE service.
struct reconciled {
    bool is_steady;
    time_ms again_at; // when time alone may change something; 0: never
};

struct reconciled reconcile_replica(struct step *step, struct service *service);
struct reconciled reconcile_daemon(struct step *step, struct service *service);

// One deployment by itself, as if it were a REPLICA service that wants so many tasks. One that was
// given up starts none.
struct reconciled reconcile_set(struct step *step, struct service *service,
                                struct deployment *deployment, int64_t desired, bool is_given_up);

// A service whose newest deployment shifts traffic, until that has ended.
bool reconcile_is_shifting(const struct service *service);
struct reconciled reconcile_shift(struct step *step, struct service *service);

// The deployments with their index in plans: PRIMARY first, then the newest first. In the step's
// arena.
struct rollouts {
    struct deployment **at;
    uint32_t n;
};
struct rollouts rollouts_of(struct step *step, const struct service *service);
uint32_t rollouts_index(const struct rollouts *rollouts, const struct task *task);

// The task's health and when it may change by itself; tells the breaker of a task that has become
// healthy.
struct task_health reconcile_health(struct step *step, const struct service *service,
                                    struct task *task, time_ms *again_at);

enum replica_phase reconcile_phase(const struct task *task);
bool reconcile_is_draining(const struct state *state, const struct task *task);

// How many tasks of the deployment, of which `wanted` are to run, may be started now, none of a
// FAILED one; sets again_at when a back-off holds them. Says so when starts keep failing while
// there are fewer healthy ones.
int64_t reconcile_start_max(struct step *step, struct service *service,
                            const struct deployment *deployment, int64_t wanted, time_ms *again_at);

// A task found no place: says so, and waits for room.
void reconcile_no_place(struct step *step, struct service *service, const struct placement *failed);
void reconcile_not_started(struct step *step, struct service *service,
                           const struct service_started *started);
// Marks the service again when there is more room in its cluster.
void reconcile_wait_for_room(struct step *step, struct service *service);

// The tasks that a list of stops or starts is about, collected for one line of the events.
struct task_batch {
    struct task **at;
    size_t n;
};
struct task_batch task_batch_new(struct step *step, size_t max);
void task_batch_add(struct task_batch *list, struct task *task);

// Says that these tasks were started, the first `replaced_n` in the place of unhealthy ones. Says
// nothing of none.
void reconcile_say_started(struct step *step, struct service *service, const struct str_list *ids,
                           int64_t replaced_n);

// Stops tasks because of scaling, rollouts and draining, and says so: those that run by name, the
// others by number.
void reconcile_stop(struct step *step, struct service *service, const struct task_batch *tasks);
// Stops tasks that failed their health checks, and says so.
void reconcile_stop_unhealthy(struct step *step, struct service *service,
                              const struct task_batch *tasks);

#endif
