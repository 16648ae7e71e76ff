// The plans of a cluster: which requests were placed lately, and their answers.

#ifndef CORE_PLACEMENT_PLANS_H
#define CORE_PLACEMENT_PLANS_H

#include "core/placement.h"

struct plan;

// The plan for what the request asks for, made when there is none. Not brought up to date. It lives
// until the next call for this cluster at least.
struct plan *plans_find(struct cluster *cluster, const struct placement_request *request);

#endif
