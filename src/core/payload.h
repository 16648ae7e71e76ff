// What an agent gets to know of a task: the task document of a PayloadMessage.
// Source: agent-protocol 7, ecs-behaviour-agent 1.1.

#ifndef CORE_PAYLOAD_H
#define CORE_PAYLOAD_H

#include "core/step.h"

struct task;

// Fills `out` for a placed task. A task that should stop is named only; one that should run comes
// with everything its definition and its overrides say. Parts are shared with frozen records, the
// rest lives in the step's arena.
void payload_task(struct step *step, const struct task *task, struct acs_task *out);

#endif
