// What happens because time passes, or because something else has happened: stopped tasks, client
// tokens, deleted definitions and inactive entities are forgotten when their time is up, and
// services are reconciled.

#ifndef CORE_TIMERS_H
#define CORE_TIMERS_H

#include "core/step.h"

// Carries out everything that is due at step->now; bounded a call. Returns when to call again, or 0
// when nothing waits.
time_ms timers_run(struct step *step);
time_ms timers_next(const struct state *state);

#endif
