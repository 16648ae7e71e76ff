// Tasks that wait for an instance: given to a capacity provider that scales, when no instance of it
// had room. They are PROVISIONING until there is room for them, in the order in which they were
// made; one that does not fit does not hold up those behind it. Source: ecs-behaviour-scheduler
// 1.12, 2.1, 5.6.

#ifndef CORE_WAITING_H
#define CORE_WAITING_H

#include "core/placement.h"
#include "core/step.h"

struct cluster;

enum { WAITING_MAX = 500 }; // of a cluster

bool waiting_is_full(const struct cluster *cluster);

// Places what waits in clusters where room has come, and ends what has waited for too long; bounded
// a call.
void waiting_run(struct step *step);
// When to call it next: a time long gone while there is something to do, 0 when nothing waits.
time_ms waiting_next(const struct state *state);

// Why the task cannot be placed on the provider's instances, as failures and stopped tasks name it:
// "RESOURCE:CPU", "NO ACTIVE INSTANCES", "EMPTY CAPACITY PROVIDER".
struct str waiting_reason(const struct cluster *cluster, struct str provider,
                          const struct placement *failed);

#endif
