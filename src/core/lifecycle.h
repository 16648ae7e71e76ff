// The life of a task and of a container instance: every legal move, in one place.
// Source: ecs-behaviour-scheduler 2, ecs-behaviour-api 17.

#ifndef CORE_LIFECYCLE_H
#define CORE_LIFECYCLE_H

#include "core/step.h"

struct instance;
struct task;
struct task_definition;
struct cluster;

// What a new task is made of; everything not given is absent or the default.
struct task_plan {
    const struct cluster *cluster;
    const struct task_definition *definition;
    struct instance *instance; // NULL: it waits for one
    enum ecs_launch_type launch_type;
    struct str provider; // capacity provider it was given to; empty: none
    // Of a task that waits and is no service's; may be NULL.
    const struct ecs_placement_constraint_list *constraints;
    const struct ecs_placement_strategy_list *strategies;
    struct str group;      // empty: "family:<family>"
    struct str started_by; // empty: none
    const struct ecs_task_override *overrides;
    struct ecs_tag_list tags;
    const struct ecs_aws_vpc_configuration *vpc; // NULL: no network of its own
    bool enable_execute_command;
    uint64_t service_id; // 0: no service's
    uint64_t deployment_id;
};

// Creates the task, placed and PENDING, with its reservation held, and tells the agent; without an
// instance, and until its agent makes its interface, PROVISIONING. Never fails: the caller checked
// that it fits.
struct task *task_start(struct step *step, const struct task_plan *plan);

// The instance that a task waited for: it is PENDING there, its reservation held, and the agent is
// told. The caller checked that it fits.
void task_place(struct step *step, struct task *task, struct instance *instance);

// desiredStatus becomes STOPPED. A task that is stopping already keeps its first reason. The agent
// is told; a task without an instance stops at once. A user's stop also deletes its tags, as
// StopTask does.
void task_stop(struct step *step, struct task *task, enum ecs_task_stop_code code,
               struct str reason);

// The agent's (or a force's) final word: lastStatus becomes STOPPED, everything it held is
// returned.
void task_finish(struct step *step, struct task *task, enum ecs_task_stop_code code,
                 struct str reason);

// The same when more changed than that: `next` comes from task_edit of a task that is not STOPPED.
void task_finish_with(struct step *step, struct task *task, struct rec_task *next,
                      enum ecs_task_stop_code code, struct str reason);

// Puts a changed record of the task: bumps `version`, checks the edge of lastStatus, keeps desired
// rising. Everything that changes a task goes through here.
void task_change(struct step *step, struct task *task, struct rec_task *next);
// A shallow copy of the record to change; nested parts are shared with the frozen one.
struct rec_task *task_edit(struct step *step, const struct task *task);

// The same for instances. instance_touch only bumps the version (resources changed).
void instance_change(struct step *step, struct instance *instance, struct rec_instance_state *next);
void instance_touch(struct step *step, struct instance *instance);
// The instance becomes INACTIVE and its agent is sent away. What runs there is STOPPED to the
// world, with this code and reason; containers stay.
void instance_deregister(struct step *step, struct instance *instance, enum ecs_task_stop_code code,
                         struct str reason);
// The next number for a payload or manifest of this instance.
int64_t instance_next_sequence(struct step *step, struct instance *instance);

// True when a task may go from `from` to `to`.
bool task_status_may_follow(enum rec_task_status from, enum rec_task_status to);

#endif
