// Task documents for agents.

#include "core/payload.h"

#include "base/arena.h"
#include "model/cluster.h"
#include "model/task.h"

void payload_task(struct step *step, const struct task *task, struct acs_task *out)
{
    SET(out, arn, task_arn(step->state, task, step->arena));
    SET(out, task_cluster_arn,
        cluster_arn(step->state, cluster_get(step->state, task->cluster_id), step->arena));
    SET(out, desired_status, task_is_wanted(task) ? STR("RUNNING") : STR("STOPPED"));
}
