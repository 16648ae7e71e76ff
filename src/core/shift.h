// A deployment that shifts traffic (BLUE_GREEN, LINEAR, CANARY), from its first stage to its last
// or back: where it is and what is the case go in, where it goes next comes out. Nothing is done
// here and nothing remembered.
//
// A stage has three phases: its hooks are waited for, then its work is done, then it waits. The
// source is the revision that carried the service until now (blue), the target the one that is to
// carry it (green). Source: ecs-behaviour-scheduler 4.2 to 4.5.

#ifndef CORE_SHIFT_H
#define CORE_SHIFT_H

#include "core/deployment_status.h"
#include "core/traffic_steps.h"

enum shift_phase {
    SHIFT_HOOKS = 1,
    SHIFT_WORK,
    SHIFT_WAIT,
};

struct shift_place {
    enum deploy_stage stage; // NONE: it has not begun
    enum shift_phase phase;
    size_t step;   // of the traffic's steps: the one under way or to come
    time_ms since; // when the phase began
    bool is_back;  // it is being rolled back
};

struct shift_facts {
    time_ms now;
    time_ms started_at;                // of the deployment
    const struct traffic_steps *steps; // without a source: one step, and no bake time
    bool has_others;                   // tasks of revisions that are neither source nor target
    size_t hooks_open;                 // of this stage: neither done nor failed
    bool hook_failed;
    bool target_is_ready; // exactly the desired tasks, all healthy
    bool source_is_ready;
    bool target_is_gone; // no task is left
    bool source_is_gone;
    bool traffic_is_set; // the weights are what shift_wants says, or nothing takes any
};

enum shift_verdict {
    SHIFT_STAY,
    SHIFT_GO,   // to another phase or stage
    SHIFT_FAIL, // it cannot go on: roll back, or, on the way back, give up
    SHIFT_END,  // nothing of it is left to do
};

enum shift_failure {
    SHIFT_FAILED_HOOK,
    SHIFT_FAILED_STAGE_TIME,
    SHIFT_FAILED_TIME,
};

struct shift_move {
    enum shift_verdict verdict;
    struct shift_place to;  // SHIFT_GO
    enum shift_failure why; // SHIFT_FAIL
    time_ms again_at;       // SHIFT_STAY: when time alone changes the answer; 0: never
};

struct shift_move shift_next(const struct shift_place *at, const struct shift_facts *facts);

// Where the way back begins.
struct shift_place shift_back(const struct shift_place *at, time_ms now);

// Hooks registered for the stage are called now. On the way back that is only where traffic moves.
bool shift_calls_hooks(const struct shift_place *at);

// What a place asks for: full strength or no task, and the target's weights in tenths of a percent.
struct shift_wants {
    bool target;
    bool source;
    int32_t production;
    int32_t test;
};
struct shift_wants shift_wants(const struct shift_place *at, const struct traffic_steps *steps);

#endif
