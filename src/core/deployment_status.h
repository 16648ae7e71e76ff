// What states services, deployments, task sets and capacity providers go through, which may follow
// which, and the stages of a deployment that shifts traffic. Tables only: whoever moves one of them
// asks here. Source: ecs-behaviour-scheduler 3.1, 3.3, 4.3, 4.4, 4.5, 4.10, 5.6.

#ifndef CORE_DEPLOYMENT_STATUS_H
#define CORE_DEPLOYMENT_STATUS_H

#include "api/ecs.h"
#include "core/rollout.h"

// --- states. No state follows itself; UNSET follows nothing and is followed by the first state
// only.

enum service_status {
    SERVICE_STATUS_UNSET = 0,
    SERVICE_STATUS_ACTIVE,
    SERVICE_STATUS_DRAINING,
    SERVICE_STATUS_INACTIVE,
    SERVICE_STATUS_N,
};

// Of an entry of deployments[].
enum rolling_status {
    ROLLING_STATUS_UNSET = 0,
    ROLLING_STATUS_PRIMARY,
    ROLLING_STATUS_ACTIVE,
    ROLLING_STATUS_INACTIVE,
    ROLLING_STATUS_N,
};

enum task_set_status {
    TASK_SET_STATUS_UNSET = 0,
    TASK_SET_STATUS_PRIMARY,
    TASK_SET_STATUS_ACTIVE,
    TASK_SET_STATUS_DRAINING, // then it is gone
    TASK_SET_STATUS_N,
};

struct str service_status_name(enum service_status status);
struct str rolling_status_name(enum rolling_status status);
struct str task_set_status_name(enum task_set_status status);

bool service_status_may_follow(enum service_status from, enum service_status to);
bool rolling_status_may_follow(enum rolling_status from, enum rolling_status to);
bool task_set_status_may_follow(enum task_set_status from, enum task_set_status to);

// COMPLETED goes back to IN_PROGRESS when a failed deployment rolls back to it.
bool rollout_state_may_follow(enum ecs_deployment_rollout_state from,
                              enum ecs_deployment_rollout_state to);

bool service_deployment_may_follow(enum ecs_service_deployment_status from,
                                   enum ecs_service_deployment_status to);
bool service_deployment_is_final(enum ecs_service_deployment_status status);

bool hook_status_may_follow(enum ecs_deployment_lifecycle_hook_status from,
                            enum ecs_deployment_lifecycle_hook_status to);
bool hook_status_is_final(enum ecs_deployment_lifecycle_hook_status status);

bool capacity_provider_status_may_follow(enum ecs_capacity_provider_status from,
                                         enum ecs_capacity_provider_status to);
// A provider that nobody has changed yet has no update status.
bool capacity_provider_update_may_follow(enum ecs_capacity_provider_update_status from,
                                         enum ecs_capacity_provider_update_status to);

// `desired` is the task set's computed count.
enum ecs_stability_status task_set_stability(int64_t desired, const struct rollout_counts *counts);

// --- the stages of BLUE_GREEN, LINEAR and CANARY, in their order

enum deploy_stage {
    DEPLOY_STAGE_NONE = 0, // before the first and after the last
    DEPLOY_STAGE_RECONCILE_SERVICE,
    DEPLOY_STAGE_PRE_SCALE_UP,
    DEPLOY_STAGE_SCALE_UP,
    DEPLOY_STAGE_POST_SCALE_UP,
    DEPLOY_STAGE_TEST_TRAFFIC_SHIFT,
    DEPLOY_STAGE_POST_TEST_TRAFFIC_SHIFT,
    DEPLOY_STAGE_PRE_PRODUCTION_TRAFFIC_SHIFT,
    DEPLOY_STAGE_PRODUCTION_TRAFFIC_SHIFT,
    DEPLOY_STAGE_POST_PRODUCTION_TRAFFIC_SHIFT,
    DEPLOY_STAGE_BAKE_TIME,
    DEPLOY_STAGE_CLEAN_UP,
    DEPLOY_STAGE_N,
};

struct deploy_facts {
    bool has_unsettled_past;     // more than one revision was ACTIVE at the start
    bool has_test_traffic;       // a test listener or header
    bool has_production_traffic; // something that takes weights
    size_t steps_left;           // of the traffic's steps, after the one now under way
};

// LINEAR and CANARY come back to PRE_PRODUCTION_TRAFFIC_SHIFT before each of their steps.
// RECONCILE_SERVICE is left out when there is nothing to settle; no other stage is.
enum deploy_stage deploy_stage_after(enum deploy_stage stage, const struct deploy_facts *facts);

// False: once its hooks are done there is nothing to do in the stage, so it passes at once.
bool deploy_stage_has_work(enum deploy_stage stage, const struct deploy_facts *facts);

// A hook of that kind may be registered for the stage.
bool deploy_stage_takes_hook(enum deploy_stage stage,
                             enum ecs_deployment_lifecycle_hook_target_type kind);

// As lifecycleStage shows it, which does not know PRE_PRODUCTION_TRAFFIC_SHIFT and says
// PRODUCTION_TRAFFIC_SHIFT instead; and as hooks name it, UNSET where there are none.
enum ecs_service_deployment_lifecycle_stage deploy_stage_shown(enum deploy_stage stage);
enum ecs_deployment_lifecycle_hook_stage deploy_stage_of_hooks(enum deploy_stage stage);

// A stage, or a single traffic step, that takes longer than this fails. A pause has its own time.
enum { DEPLOY_STAGE_MAX_MS = 24 * 3600 * 1000 };
// And a whole deployment.
#define DEPLOY_MAX_MS (30 * INT64_C(86400000))

#endif
