// What a service makes of the health of one of its tasks.

#ifndef CORE_SERVICE_HEALTH_H
#define CORE_SERVICE_HEALTH_H

#include "core/task_health.h"

struct service;
struct state;
struct task;

struct task_health service_health(const struct state *state, const struct service *service,
                                  const struct task *task, time_ms now);

#endif
