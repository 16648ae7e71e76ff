// A plan: the answer to one placement request, kept.
//
// Requests that ask for the same (the same need, constraints, strategies and group) have the same
// answer until the cluster changes, and between two of them little does. A plan holds the rank of
// every instance for its request, and follows the log of the roster: an answer costs what has
// changed since the last one, times the logarithm of the number of instances, and a plan that is
// new or too far behind looks at every instance once. Requests that differ in their group only may
// use one plan in turn: a turn costs what the two groups have of instances.

#ifndef CORE_PLACEMENT_PLAN_H
#define CORE_PLACEMENT_PLAN_H

#include "core/placement.h"

struct plan;
struct rng;

struct plan *plan_new(const struct placement_request *request);
void plan_free(struct plan *plan);

// Brings the plan up to date with the cluster. The request must be one that asks for the same as
// the one it was made for; its group may be another.
void plan_refresh(struct plan *plan, struct cluster *cluster,
                  const struct placement_request *request);

// Of a plan that is up to date.
struct placement plan_answer(const struct plan *plan, const struct cluster *cluster,
                             struct rng *rng);

#endif
