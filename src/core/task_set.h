// Task sets of services with the EXTERNAL controller: deployments that a caller makes, scales and
// deletes himself. Each is kept at its own share of the service's desired count, and none knows of
// the others. Source: ecs-behaviour-scheduler 4.10.

#ifndef CORE_TASK_SET_H
#define CORE_TASK_SET_H

#include "core/step.h"

struct deployment;
struct service;

// Makes the revision and the task set of it, ACTIVE and STABILIZING. Of `set` the members are given
// that callers choose; the rest is filled in.
struct deployment *task_set_begin(struct step *step, struct service *service,
                                  struct rec_service_revision *revision,
                                  struct rec_deployment *set);

void task_set_scale(struct step *step, struct deployment *set, double percent);

// The service's desired count has changed: every set's own count is worked out anew.
void task_sets_recount(struct step *step, struct service *service);

// The set is PRIMARY, and the one that was is ACTIVE; the service is of the new one's launch type.
void task_set_promote(struct step *step, struct service *service, struct deployment *set);

// DRAINING: its tasks go, then so does it.
void task_set_drain(struct step *step, struct deployment *set);

// Every set of an ACTIVE service brought nearer to where it belongs; true when all are there.
bool task_sets_reconcile(struct step *step, struct service *service, time_ms *again_at);

#endif
