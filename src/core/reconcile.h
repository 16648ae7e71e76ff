// Services brought to where they should be: whatever changed something of a service has marked it
// (model/service.h), and here the marked ones are compared with what is wanted and acted on. No
// memory of its own and no scan: what is not marked and waits for no time is not looked at.
// Source: ecs-behaviour-scheduler 3.6, 3.7.

#ifndef CORE_RECONCILE_H
#define CORE_RECONCILE_H

#include "core/step.h"

// Works through marked services and those whose time has come; bounded a call.
void reconcile_run(struct step *step);

// When to call it next: a time long gone while services are marked, 0 when nothing waits.
time_ms reconcile_next(const struct state *state);

// The earlier of two times of which 0 is never.
time_ms earlier(time_ms a, time_ms b);

#endif
