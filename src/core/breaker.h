// What follows when the tasks of a deployment fail: starts are put off, longer each time, and the
// circuit breaker gives the deployment up. Two small machines: the value that is kept goes in, the
// next one comes out. Source: ecs-behaviour-scheduler 3.8 and 3.9.

#ifndef CORE_BREAKER_H
#define CORE_BREAKER_H

#include "api/ecs.h"
#include "base/timefmt.h"

// --- the circuit breaker

struct breaker_rule {
    bool enabled;
    bool reset_on_healthy_task;
    enum ecs_threshold_type type;
    int64_t value; // percent 1..100, or a count of at least 1
};

// What a service's configuration says, with the defaults of what it leaves out; NULL: disabled.
struct breaker_rule breaker_rule_of(const struct ecs_deployment_circuit_breaker *config);

// How many failures trip it, at least 1. `desired` is the service's count as it is now.
int64_t breaker_threshold(const struct breaker_rule *rule, int64_t desired);

struct breaker {
    int64_t failures;
    bool has_run; // a task of the deployment has been RUNNING: its second stage
    bool tripped; // for good
};

enum breaker_event {
    BREAKER_TASK_NOT_STARTED, // it stopped before RUNNING, or could not be launched
    BREAKER_TASK_RUNNING,     // it reached RUNNING
    BREAKER_TASK_HEALTHY,     // it counts as healthy (3.4)
    BREAKER_TASK_REPLACED,    // it is stopped because a health check failed
    BREAKER_COUNT_CHANGED,    // desiredCount or the configuration: the threshold may have come down
};

// Failed starts count until a task has been RUNNING, replacements from then on. A breaker that has
// tripped or is disabled stays as it is.
struct breaker breaker_after(struct breaker now, const struct breaker_rule *rule, int64_t desired,
                             enum breaker_event event);

// deploymentCircuitBreaker.status of a service deployment; `over`: it has reached a final status.
enum ecs_service_deployment_rollback_monitors_status
breaker_status(const struct breaker *breaker, const struct breaker_rule *rule, bool over);

// --- the back-off of starts

struct backoff {
    int64_t failed_tasks; // deployments[].failedTasks: in a row
    int64_t attempts;     // that failed in a row; tasks that were started together are one
    time_ms failed_at;    // when the latest attempt turned out to have failed
};

// A task stopped before RUNNING. Tasks that were created before the latest failure became known
// belong to the attempt that is counted already: ten tasks of one bad image are one.
struct backoff backoff_failed(struct backoff now, time_ms created_at, time_ms stopped_at);

// A task reached RUNNING, or the service got another task definition: begin anew.
struct backoff backoff_none(void);

// How long to wait after that many failed attempts, 27 minutes at most.
time_ms backoff_delay(int64_t attempts);

// When the next task may be started; a time that has passed when nothing is put off.
time_ms backoff_until(const struct backoff *backoff);

// Starts are put off: SERVICE_TASK_START_IMPAIRED, event B13.
bool backoff_is_impaired(const struct backoff *backoff);

#endif
