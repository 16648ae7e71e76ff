// When a task counts for its service: healthy, unhealthy, or neither yet. Source:
// ecs-behaviour-scheduler 3.4.

#ifndef CORE_SERVICE_HEALTH_H
#define CORE_SERVICE_HEALTH_H

#include "base/timefmt.h"

struct service;
struct state;
struct task;

struct service_health {
    bool healthy;
    bool unhealthy;     // a health check says so, and the grace period is over
    time_ms changes_at; // when time alone will change the answer; 0: never
};

struct service_health service_health(const struct state *state, const struct service *service,
                                     const struct task *task, time_ms now);

#endif
