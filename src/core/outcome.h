// What a deployment learns from what becomes of its tasks: how many failed in a row, when the next
// may be started, whether the circuit breaker trips. Source: ecs-behaviour-scheduler 3.8, 3.9.

#ifndef CORE_OUTCOME_H
#define CORE_OUTCOME_H

#include "core/breaker.h"
#include "core/step.h"

struct deployment;
struct service;
struct task;

// A task's record has changed from `before` (its frozen record, still there).
void outcome_moved(struct step *step, const struct task *task, const struct rec_task *before);

// Tasks of the deployment count as healthy that did not before; one is replaced for its health.
void outcome_healthy(struct step *step, struct deployment *deployment);
void outcome_replaced(struct step *step, struct deployment *deployment);

// The circuit breaker that the service asks for, or the default.
struct breaker_rule outcome_rule(const struct service *service);

// The breaker as it stands now, against the service's present desired count.
bool outcome_is_tripped(const struct state *state, const struct deployment *deployment);
struct backoff outcome_backoff(const struct deployment *deployment);

#endif
