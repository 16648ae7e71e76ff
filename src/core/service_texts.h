// Everything a service says, word for word: its event messages, the reasons of deployments, and why
// its tasks were stopped. Source: ecs-behaviour-scheduler 2.6, 3.1, 3.3, 3.19, 4.3, 4.7; the codes
// in brackets (A1, B15) are those of 3.19.
//
// All texts live in the arena they are asked for. Counts are followed by "tasks", one task or not.
// Task and container instance ids are the bare 32 digits; a deployment or task set is
// "ecs-svc/<number>". Two messages of 3.19 are not here: C5 and C6 speak of permissions that
// nothing of ours needs.

#ifndef CORE_SERVICE_TEXTS_H
#define CORE_SERVICE_TEXTS_H

#include "core/deployment_status.h"
#include "core/placement.h"
#include "core/zones.h"

// Who speaks, and where its words live.
struct speaker {
    struct arena *arena;
    struct str service; // its name
};

// --- what is left unsaid

enum { EVENT_REPEAT_MS = 6 * TIME_HOUR_MS };

// May a service say now what it last said, in the same words, at `last`? 0: it never did, or the
// cause has gone since.
bool event_is_due(time_ms last, time_ms now);

// --- A: normal operation

// A1; A2, or A3 when `replaced_n` of the tasks stand in for unhealthy ones; A4; A5.
struct str event_steady(const struct speaker *s);
struct str event_started(const struct speaker *s, const struct str_list *tasks, int64_t replaced_n);
struct str event_stopped(const struct speaker *s, const struct str_list *tasks);
struct str event_stopped_pending(const struct speaker *s, int64_t n);

// A6; A7; A9, or the older A8 when `task_set` is empty.
struct str event_registered(const struct speaker *s, int64_t n, struct str group);
struct str event_deregistered(const struct speaker *s, int64_t n, struct str group);
struct str event_draining(const struct speaker *s, struct str task_set, int64_t n);

// A10; A11, whose published cause is "tasks failed to start"; A12.
struct str event_completed(const struct speaker *s, struct str deployment);
struct str event_failed(const struct speaker *s, struct str deployment, struct str cause);
struct str event_rolling_back(const struct speaker *s, struct str deployment);

// A target that a load balancer found unhealthy.
struct event_target {
    struct str task_set; // empty: the older forms A14 and A15
    struct str task;     // empty: it is registered by instance
    struct str instance;
    int32_t port;
    struct str group;
    struct str reason; // "Health checks failed"
};

// A13; A14, A15 or A16; A17; A18.
struct str event_failed_health_checks(const struct speaker *s, struct str task);
struct str event_unhealthy_target(const struct speaker *s, const struct event_target *target);
struct str event_unhealthy_classic(const struct speaker *s, struct str task, struct str instance,
                                   struct str balancer, struct str reason);
struct str event_protected(const struct speaker *s, struct str task_set, int64_t n);

// --- B: placement and launch

// B1, or B2 for PLACE_NO_INSTANCES: why a task found no place, and the container instance that came
// closest. Not for PLACE_FITS.
struct str event_unplaced(const struct speaker *s, enum place_reason reason, struct str instance);

// Those that have no parts.
enum trouble {
    TROUBLE_PROVIDER_EMPTY,   // B3
    TROUBLE_TASK_LIMIT,       // B4
    TROUBLE_VCPU_LIMIT,       // B5
    TROUBLE_INTERNAL,         // B6
    TROUBLE_CPU_TOO_GREAT,    // B7
    TROUBLE_MEMORY_TOO_GREAT, // B8
    TROUBLE_NO_CAPACITY,      // B9
    TROUBLE_TOO_MANY_WAIT,    // B10
    TROUBLE_START_IMPAIRED,   // B13
    TROUBLE_THROTTLED,        // B14
    TROUBLE_STUCK,            // B15
    TROUBLE_AGENT_TIMEOUT,    // B16
    TROUBLE_N,
};
struct str event_trouble(const struct speaker *s, enum trouble trouble);

// B11; B12.
struct str event_not_launched(const struct speaker *s, int64_t n, struct str deployment);
struct str event_role_refused(const struct speaker *s, struct str role_arn);

// --- C: load balancers

// Ours: nobody is there who could move traffic, so none is moved.
struct str event_no_traffic(const struct speaker *s);

// C1; C2; C3. `error` is what the call came back with.
struct str event_describe_failed(const struct speaker *s, struct str group, struct str error);
struct str event_register_failed(const struct speaker *s, struct str group, struct str error);
struct str event_deregister_failed(const struct speaker *s, struct str group, struct str error);

// C4: the group itself is gone, or only the target. The only event that does not name the service.
struct str event_target_lost(const struct speaker *s, struct str task_set, struct str task,
                             struct str group, bool whole_group);

// --- D: Availability Zones

// D1; D4. Zones are listed from most to fewest tasks, in whatever order they come.
struct str event_unbalanced(const struct speaker *s, const struct zone_count *zones, size_t n);
struct str event_balanced(const struct speaker *s, const struct zone_count *zones, size_t n);

// D2; D3.
struct str event_zone_started(const struct speaker *s, struct str zone,
                              const struct str_list *tasks);
struct str event_zone_stopped(const struct speaker *s, struct str zone,
                              const struct str_list *tasks);

// D5; D6, which gives no reason; D7; D8.
struct str event_zone_full(const struct speaker *s, struct str zone);
struct str event_zone_unplaced(const struct speaker *s, struct str zone);
struct str event_rebalance_blocked(const struct speaker *s, struct str task_set, struct str reason);
struct str event_rebalance_stopped(const struct speaker *s);

// --- rolloutStateReason (3.3)

struct str rollout_reason_in_progress(struct arena *arena, struct str deployment);
struct str rollout_reason_completed(struct arena *arena, struct str deployment);
struct str rollout_reason_rolling_back(struct arena *arena, struct str deployment);
struct str rollout_reason_breaker(void);
struct str rollout_reason_alarm(void);
struct str rollout_reason_failed(struct arena *arena, struct str cause); // ours

// --- statusReason of a service deployment, and the reason of its rollback (4.3, 4.7)

struct str rollback_by_breaker(void);
struct str rollback_by_alarm(void); // ours: none is published
struct str rollback_by_unknown_group(void);
struct str rollback_by_many_groups(struct arena *arena, struct str rule_arn, int64_t groups_n);
struct str rollback_by_other_group(struct arena *arena, struct str group);
struct str rollback_by_permissions(struct arena *arena, struct str role_arn);
struct str rollback_by_stage_timeout(struct arena *arena, enum deploy_stage stage); // ours
struct str rollback_by_timeout(void);                                               // ours
struct str rollback_by_request(void);                                               // ours

enum hook_failure {
    HOOK_RETURNED_FAILED,
    HOOK_ROLE_REFUSED,  // `subject` is the role, in the others the hook's target
    HOOK_NOT_INVOKED,   // because of `cause`
    HOOK_NOT_PARSED,    // because of `cause`
    HOOK_TIMED_OUT,     // ours
    HOOK_ANSWERED_BACK, // ours: a pause, of which `subject` is the id, was ended by a ROLLBACK
};
struct str rollback_by_hook(struct arena *arena, enum deploy_stage stage, enum hook_failure failure,
                            struct str subject, struct str cause);

// --- stoppedReason of the service's tasks (2.6)

struct str stop_reason_scaling(struct arena *arena, struct str deployment);
struct str stop_reason_rebalancing(struct arena *arena, struct str deployment);
struct str stop_reason_target_group(struct arena *arena, struct str group);
struct str stop_reason_classic(struct arena *arena, struct str balancer);
struct str stop_reason_health_checks(void);

#endif
