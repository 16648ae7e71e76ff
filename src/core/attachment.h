// The interface of a task that has a network of its own (awsvpc), as an attachment of the task.
// There is no network service: the agent makes the interface, chooses its address and tells.
// Source: ecs-behaviour-api 7.4, ecs-behaviour-scheduler 2.1 and 2.7, agent-protocol 6 and 8.3.
//
//   PRECREATED   the task exists                                    PROVISIONING
//   ATTACHING    its agent has taken it on                          PENDING
//   ATTACHED     the agent says so, and which address it has
//   DETACHING    the task's containers have stopped                 DEPROVISIONING
//   DELETED      the task has STOPPED

#ifndef CORE_ATTACHMENT_H
#define CORE_ATTACHMENT_H

#include "api/ecs.h"
#include "core/step.h"

struct task;

// Gives a new task's record its interface.
void attachment_new(struct step *step, const struct ecs_aws_vpc_configuration *vpc,
                    struct rec_task *rec);

// The agent knows the task: one that is PROVISIONING becomes PENDING.
void attachment_begin(struct step *step, struct task *task);

// What the agent says of it, into `next`, which belongs to the task and shares its parts.
void attachment_report(struct step *step, const struct task *task, struct rec_task *next,
                       const struct ecs_attachment_state_change *reports, size_t n);

// All of the task's containers have stopped, as `next` has it: it is DEPROVISIONING.
bool attachment_may_go(const struct rec_task *next);
void attachment_end(struct step *step, struct rec_task *next);
// The task has STOPPED.
void attachment_gone(struct step *step, struct rec_task *next);

#endif
