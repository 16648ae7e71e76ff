// What agents report of tasks and containers (the Submit calls). Reports may come twice, late or
// for tasks that are forgotten; none of that is an error. Source: agent-protocol 8.3 and 8.5.

#ifndef CORE_SUBMIT_H
#define CORE_SUBMIT_H

#include "api/ecs.h"
#include "core/step.h"

struct task;

// What one call says of a task. `status` is empty in a report on containers alone.
struct task_report {
    struct str status;
    struct str reason;
    const struct ecs_container_state_change *containers;
    size_t containers_n;
    const struct ecs_managed_agent_state_change *managed_agents;
    size_t managed_agents_n;
    const struct ecs_attachment_state_change *attachments;
    size_t attachments_n;
    time_ms pull_started_at; // 0: not said; likewise below
    time_ms pull_stopped_at;
    time_ms execution_stopped_at;
};

// Takes in what is news. A STOPPED task does not change any more, and of one that waits for an
// instance nobody can know anything.
void submit_report(struct step *step, struct task *task, const struct task_report *report);

#endif
