// Capacity providers as clusters have them: attachments, and the end of updates. A caller sees an
// update IN_PROGRESS in its reply; there is nothing to wait for behind it, so it is COMPLETE right
// after. Source: ecs-behaviour-api 7.1, 7.2.

#ifndef CORE_CLUSTER_PROVIDERS_H
#define CORE_CLUSTER_PROVIDERS_H

#include "core/step.h"

struct cluster;

// Writes attachments and their status into a copy of a cluster's record whose capacity providers
// have just been set: one for managed scaling and one for managed draining of each that has it. An
// attachment that was there keeps its id. The status is UPDATE_IN_PROGRESS, and absent when none of
// the providers is one of instances.
void cluster_attach(struct step *step, struct rec_cluster *next);

// Ends every update that is in progress.
void settle_run(struct step *step);
time_ms settle_next(const struct state *state); // as timers_next

#endif
