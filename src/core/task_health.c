// The health of a service's task. Source: ecs-behaviour-scheduler 3.4.
//
// Checks decide where there are any, all of them together; where there are none, having been
// RUNNING for a while does. The grace period only puts off what a failure leads to: a task that
// fails in it is not healthy, but nobody replaces it for that yet.

#include "core/task_health.h"

enum check_result check_worse(enum check_result a, enum check_result b)
{
    return a > b ? a : b;
}

static struct task_health of_unchecked(const struct task_signs *signs, time_ms now)
{
    time_ms healthy_at = signs->started_at + TASK_UNCHECKED_MS;

    if (now >= healthy_at)
        return (struct task_health){.is_healthy = true};
    return (struct task_health){.changes_at = healthy_at};
}

static struct task_health of_failing(const struct task_signs *signs, time_ms now)
{
    time_ms grace_ends = signs->started_at + signs->grace;

    if (now >= grace_ends)
        return (struct task_health){.is_failing = true, .is_unhealthy = true};
    return (struct task_health){.is_failing = true, .changes_at = grace_ends};
}

struct task_health task_health(const struct task_signs *signs, time_ms now)
{
    if (!signs->is_running)
        return (struct task_health){0};
    switch (check_worse(signs->containers, signs->traffic)) {
    case CHECK_NONE: return of_unchecked(signs, now);
    case CHECK_PASSED: return (struct task_health){.is_healthy = true};
    case CHECK_FAILED: return of_failing(signs, now);
    case CHECK_WAITING: break;
    }
    return (struct task_health){0};
}
