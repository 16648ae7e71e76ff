// Lifecycle hooks of a service deployment: a webhook where AWS has a Lambda function, or a pause
// that somebody ends. They live in the deployment's record while it is in their stage. Source:
// ecs-behaviour-scheduler 4.5.

#ifndef CORE_HOOKS_H
#define CORE_HOOKS_H

#include "api/hook.h"
#include "core/service_texts.h"
#include "core/step.h"

struct service;
struct service_deployment;

// --- what goes out: EFFECT_HOOK_CALL

struct hook_call {
    uint64_t deployment_id; // of the service deployment; with the hook's id it names the call
    struct str hook_id;
    struct str target;                  // hookTargetArn
    const struct hook_request *request; // what its body says
};

// --- what comes in

enum hook_result {
    HOOK_RESULT_SUCCEEDED,
    HOOK_RESULT_IN_PROGRESS, // call again after `delay`, with `details`
    HOOK_RESULT_FAILED,      // `failure`, `cause`
};

struct hook_answer {
    uint64_t deployment_id;
    struct str hook_id;
    enum hook_result result;
    time_ms delay;      // 0: the default
    struct str details; // a JSON object: what was sent, and over it what came back; empty: none
    enum hook_failure failure;
    struct str cause;
};

// An answer that comes too late changes nothing.
void hook_answered(struct step *step, const struct hook_answer *answer);

// --- for whoever leads the deployment; `next` is its record being changed

// Makes the hooks that are registered for the stage, in the place of those of the stage before.
void hooks_begin(struct step *step, struct rec_service_deployment *next, enum deploy_stage stage);

// Ends those whose time is up and calls those that are due. Returns whether `next` has changed;
// moves *again_at forward to when it is to be called again.
bool hooks_run(struct step *step, const struct service_deployment *deployment,
               struct rec_service_deployment *next, time_ms *again_at);

struct hooks_state {
    size_t open;
    const struct rec_deployment_hook *failed; // the first that failed, or timed out and is to fail
};
struct hooks_state hooks_state(const struct rec_service_deployment *rec);

// Why the deployment is rolled back because of it.
struct str hook_story_of(struct step *step, const struct rec_service_deployment *rec,
                         const struct rec_deployment_hook *hook);

// --- for ContinueServiceDeployment

// The pause of that id that waits for an answer; NULL: none.
const struct rec_deployment_hook *hook_awaiting(const struct rec_service_deployment *rec,
                                                struct str hook_id);
void hook_end_pause(struct step *step, struct service_deployment *deployment, struct str hook_id,
                    enum ecs_deployment_lifecycle_hook_action action);

#endif
