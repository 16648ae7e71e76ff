// When a task of a service counts as healthy, and when it has to be replaced. Source:
// ecs-behaviour-scheduler 3.4.

#ifndef CORE_TASK_HEALTH_H
#define CORE_TASK_HEALTH_H

#include <stdbool.h>

#include "base/timefmt.h"

// What health checks say, from best to worst.
enum check_result {
    CHECK_NONE, // there is none
    CHECK_PASSED,
    CHECK_WAITING, // it has not said anything yet
    CHECK_FAILED,
};

// Of several checks that must all pass: essential containers, target groups.
enum check_result check_worse(enum check_result a, enum check_result b);

struct task_signs {
    bool is_running;              // lastStatus RUNNING
    time_ms started_at;           // when it came to run
    enum check_result containers; // of essential containers that have a check
    enum check_result traffic;    // of load balancers and service discovery
    time_ms grace;                // healthCheckGracePeriodSeconds
};

struct task_health {
    bool is_healthy;    // counts for the lower bound and for the steady state
    bool is_failing;    // a check fails: it goes early when there are too many
    bool is_unhealthy;  // it fails and its grace is over: to be replaced
    time_ms changes_at; // when time alone makes this another answer; 0: it does not
};

// A task without any check is healthy when it has been RUNNING for so long.
enum { TASK_UNCHECKED_MS = 40 * TIME_SECOND_MS };

struct task_health task_health(const struct task_signs *signs, time_ms now);

#endif
