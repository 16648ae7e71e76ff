// What RunTask and StartTask have in common: the parameters of a launch, checked, and the tasks and
// failures that come of it.

#ifndef OPS_LAUNCH_H
#define OPS_LAUNCH_H

#include "core/lifecycle.h"
#include "core/placement.h"
#include "model/reservation.h"
#include "ops/op.h"

enum { LAUNCH_TASKS_MAX = 10 }; // of one call

// The members that both requests have, where they stand in the request.
struct launch_input {
    struct str group;
    struct str started_by;
    size_t started_by_max; // characters
    const struct ecs_network_configuration *network;
    const struct ecs_task_override *overrides;
    const struct ecs_tag_list *tags;
    const enum ecs_propagate_tags *propagate_tags;
    const struct ecs_task_volume_configuration_list *volumes;
    bool enable_managed_tags;
    bool enable_execute_command;
};

// A launch that passed every check.
struct launch {
    struct task_plan plan; // complete but for the instance
    struct need need;      // of one task, overrides applied; owned
};

#define LAUNCH_AUTO __attribute__((cleanup(launch_deinit)))

// Checks the input against the definition, which is ACTIVE. launch_deinit in either case.
int launch_read(struct op_ctx *ctx, const struct cluster *cluster,
                const struct task_definition *definition, enum ecs_launch_type launch_type,
                const struct launch_input *input, struct launch *out) MUST_CHECK;
void launch_deinit(struct launch *launch); // also fine on a zeroed one

// The network configuration that a definition of that launch type needs, or must not have. May be
// NULL.
int op_check_network(struct op_ctx *ctx, const struct ecs_network_configuration *network,
                     const struct ecs_task_definition *definition,
                     enum ecs_launch_type launch_type) MUST_CHECK;

// The same as it is kept and shown: what was left out is written down. NULL: none was given.
struct ecs_network_configuration *
op_complete_network(struct op_ctx *ctx, const struct ecs_network_configuration *network);

// What placement has to know of it; constraints and strategies are the caller's to add.
struct placement_request launch_placement(const struct launch *launch);

// What became of a call.
struct launched {
    struct task *tasks[LAUNCH_TASKS_MAX];
    size_t tasks_n;
    struct ecs_failure failures[LAUNCH_TASKS_MAX];
    size_t failures_n;
};

// Starts one task there; the caller checked that it fits. NULL: it waits for an instance.
void launch_on(struct op_ctx *ctx, struct launch *launch, struct instance *instance,
               struct launched *launched);
// Notes that one task was not started. An empty `arn` or `detail` is absent.
void launch_failed(struct launched *launched, struct str arn, struct str reason, struct str detail);

// For the reply; in the arena of the call.
struct ecs_task_list launched_tasks(struct op_ctx *ctx, const struct launched *launched);
struct ecs_failure_list launched_failures(struct op_ctx *ctx, const struct launched *launched);

#endif
