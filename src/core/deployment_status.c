// States of services and deployments. Source: ecs-behaviour-scheduler 3.1, 3.3, 4.3, 4.4, 4.5,
// 4.10, 5.6.
//
// One table a machine: for each state the set of its successors, as bits. A final state is one
// without successors. The stages of a traffic shift are one table, too: what hooks a stage takes
// and by which names it goes; their order is the order of the enum, but for the one way back.

#include "core/deployment_status.h"

#include "base/assert.h"

#define BIT(state) (UINT32_C(1) << (state))

static bool has_edge(const uint32_t *successors, size_t n, unsigned from, unsigned to)
{
    ASSERT(from < n && to < n);
    return (successors[from] & BIT(to)) != 0;
}

#define HAS_EDGE(successors, from, to)                                                             \
    has_edge(successors, sizeof(successors) / sizeof *(successors), from, to)

// --- services, rolling deployments, task sets

static const struct str service_names[SERVICE_STATUS_N] = {
    [SERVICE_STATUS_ACTIVE] = STR_INIT("ACTIVE"),
    [SERVICE_STATUS_DRAINING] = STR_INIT("DRAINING"),
    [SERVICE_STATUS_INACTIVE] = STR_INIT("INACTIVE"),
};

static const struct str rolling_names[ROLLING_STATUS_N] = {
    [ROLLING_STATUS_PRIMARY] = STR_INIT("PRIMARY"),
    [ROLLING_STATUS_ACTIVE] = STR_INIT("ACTIVE"),
    [ROLLING_STATUS_INACTIVE] = STR_INIT("INACTIVE"),
};

static const struct str task_set_names[TASK_SET_STATUS_N] = {
    [TASK_SET_STATUS_PRIMARY] = STR_INIT("PRIMARY"),
    [TASK_SET_STATUS_ACTIVE] = STR_INIT("ACTIVE"),
    [TASK_SET_STATUS_DRAINING] = STR_INIT("DRAINING"),
};

struct str service_status_name(enum service_status status)
{
    ASSERT((unsigned)status < SERVICE_STATUS_N);
    return service_names[status];
}

struct str rolling_status_name(enum rolling_status status)
{
    ASSERT((unsigned)status < ROLLING_STATUS_N);
    return rolling_names[status];
}

struct str task_set_status_name(enum task_set_status status)
{
    ASSERT((unsigned)status < TASK_SET_STATUS_N);
    return task_set_names[status];
}

bool service_status_may_follow(enum service_status from, enum service_status to)
{
    static const uint32_t successors[SERVICE_STATUS_N] = {
        [SERVICE_STATUS_UNSET] = BIT(SERVICE_STATUS_ACTIVE),
        [SERVICE_STATUS_ACTIVE] = BIT(SERVICE_STATUS_DRAINING),
        [SERVICE_STATUS_DRAINING] = BIT(SERVICE_STATUS_INACTIVE),
    };

    return HAS_EDGE(successors, from, to);
}

// An older deployment is PRIMARY again when a rollback chooses it.
bool rolling_status_may_follow(enum rolling_status from, enum rolling_status to)
{
    static const uint32_t successors[ROLLING_STATUS_N] = {
        [ROLLING_STATUS_UNSET] = BIT(ROLLING_STATUS_PRIMARY),
        [ROLLING_STATUS_PRIMARY] = BIT(ROLLING_STATUS_ACTIVE) | BIT(ROLLING_STATUS_INACTIVE),
        [ROLLING_STATUS_ACTIVE] = BIT(ROLLING_STATUS_PRIMARY) | BIT(ROLLING_STATUS_INACTIVE),
    };

    return HAS_EDGE(successors, from, to);
}

bool task_set_status_may_follow(enum task_set_status from, enum task_set_status to)
{
    static const uint32_t successors[TASK_SET_STATUS_N] = {
        [TASK_SET_STATUS_UNSET] = BIT(TASK_SET_STATUS_ACTIVE),
        [TASK_SET_STATUS_ACTIVE] = BIT(TASK_SET_STATUS_PRIMARY) | BIT(TASK_SET_STATUS_DRAINING),
        [TASK_SET_STATUS_PRIMARY] = BIT(TASK_SET_STATUS_ACTIVE) | BIT(TASK_SET_STATUS_DRAINING),
    };

    return HAS_EDGE(successors, from, to);
}

enum ecs_stability_status task_set_stability(int64_t desired, const struct rollout_counts *counts)
{
    return rollout_is_steady(desired, counts) ? ECS_STABILITY_STATUS_STEADY_STATE
                                              : ECS_STABILITY_STATUS_STABILIZING;
}

// --- deployments

#define ROLLOUT(state) BIT(ECS_DEPLOYMENT_ROLLOUT_STATE_##state)

bool rollout_state_may_follow(enum ecs_deployment_rollout_state from,
                              enum ecs_deployment_rollout_state to)
{
    static const uint32_t successors[ECS_DEPLOYMENT_ROLLOUT_STATE_N] = {
        [ECS_DEPLOYMENT_ROLLOUT_STATE_UNSET] = ROLLOUT(IN_PROGRESS),
        [ECS_DEPLOYMENT_ROLLOUT_STATE_IN_PROGRESS] = ROLLOUT(COMPLETED) | ROLLOUT(FAILED),
        [ECS_DEPLOYMENT_ROLLOUT_STATE_COMPLETED] = ROLLOUT(IN_PROGRESS),
    };

    return HAS_EDGE(successors, from, to);
}

#define DEPLOYMENT(state) BIT(ECS_SERVICE_DEPLOYMENT_STATUS_##state)

static const uint32_t deployment_successors[ECS_SERVICE_DEPLOYMENT_STATUS_N] = {
    [ECS_SERVICE_DEPLOYMENT_STATUS_UNSET] = DEPLOYMENT(PENDING),
    [ECS_SERVICE_DEPLOYMENT_STATUS_PENDING] = DEPLOYMENT(IN_PROGRESS) |
                                              DEPLOYMENT(ROLLBACK_REQUESTED) |
                                              DEPLOYMENT(STOP_REQUESTED) | DEPLOYMENT(STOPPED),
    [ECS_SERVICE_DEPLOYMENT_STATUS_IN_PROGRESS] =
        DEPLOYMENT(SUCCESSFUL) | DEPLOYMENT(STOP_REQUESTED) | DEPLOYMENT(ROLLBACK_REQUESTED) |
        DEPLOYMENT(ROLLBACK_IN_PROGRESS) | DEPLOYMENT(STOPPED),
    [ECS_SERVICE_DEPLOYMENT_STATUS_STOP_REQUESTED] = DEPLOYMENT(STOPPED),
    [ECS_SERVICE_DEPLOYMENT_STATUS_ROLLBACK_REQUESTED] =
        DEPLOYMENT(ROLLBACK_IN_PROGRESS) | DEPLOYMENT(SUCCESSFUL) | DEPLOYMENT(STOPPED),
    [ECS_SERVICE_DEPLOYMENT_STATUS_ROLLBACK_IN_PROGRESS] =
        DEPLOYMENT(ROLLBACK_SUCCESSFUL) | DEPLOYMENT(ROLLBACK_FAILED),
};

bool service_deployment_may_follow(enum ecs_service_deployment_status from,
                                   enum ecs_service_deployment_status to)
{
    return HAS_EDGE(deployment_successors, from, to);
}

bool service_deployment_is_final(enum ecs_service_deployment_status status)
{
    ASSERT((unsigned)status < ECS_SERVICE_DEPLOYMENT_STATUS_N);
    return deployment_successors[status] == 0;
}

// --- hooks

#define HOOK(state) BIT(ECS_DEPLOYMENT_LIFECYCLE_HOOK_STATUS_##state)

static const uint32_t hook_successors[ECS_DEPLOYMENT_LIFECYCLE_HOOK_STATUS_N] = {
    [ECS_DEPLOYMENT_LIFECYCLE_HOOK_STATUS_UNSET] = HOOK(AWAITING_ACTION) | HOOK(IN_PROGRESS),
    [ECS_DEPLOYMENT_LIFECYCLE_HOOK_STATUS_AWAITING_ACTION] =
        HOOK(SUCCEEDED) | HOOK(FAILED) | HOOK(TIMED_OUT),
    [ECS_DEPLOYMENT_LIFECYCLE_HOOK_STATUS_IN_PROGRESS] =
        HOOK(SUCCEEDED) | HOOK(FAILED) | HOOK(TIMED_OUT),
};

bool hook_status_may_follow(enum ecs_deployment_lifecycle_hook_status from,
                            enum ecs_deployment_lifecycle_hook_status to)
{
    return HAS_EDGE(hook_successors, from, to);
}

bool hook_status_is_final(enum ecs_deployment_lifecycle_hook_status status)
{
    ASSERT((unsigned)status < ECS_DEPLOYMENT_LIFECYCLE_HOOK_STATUS_N);
    return hook_successors[status] == 0;
}

// --- capacity providers

#define PROVIDER(state) BIT(ECS_CAPACITY_PROVIDER_STATUS_##state)
#define UPDATE(state)   BIT(ECS_CAPACITY_PROVIDER_UPDATE_STATUS_##state)

// A provider whose making fails goes away; one whose removal fails stays in use.
bool capacity_provider_status_may_follow(enum ecs_capacity_provider_status from,
                                         enum ecs_capacity_provider_status to)
{
    static const uint32_t successors[ECS_CAPACITY_PROVIDER_STATUS_N] = {
        [ECS_CAPACITY_PROVIDER_STATUS_UNSET] = PROVIDER(PROVISIONING) | PROVIDER(ACTIVE),
        [ECS_CAPACITY_PROVIDER_STATUS_PROVISIONING] =
            PROVIDER(ACTIVE) | PROVIDER(DEPROVISIONING) | PROVIDER(INACTIVE),
        [ECS_CAPACITY_PROVIDER_STATUS_ACTIVE] = PROVIDER(DEPROVISIONING) | PROVIDER(INACTIVE),
        [ECS_CAPACITY_PROVIDER_STATUS_DEPROVISIONING] = PROVIDER(ACTIVE) | PROVIDER(INACTIVE),
    };

    return HAS_EDGE(successors, from, to);
}

// One change at a time: what is IN_PROGRESS ends before the next begins. What was never made can
// only be deleted.
bool capacity_provider_update_may_follow(enum ecs_capacity_provider_update_status from,
                                         enum ecs_capacity_provider_update_status to)
{
    enum { NEXT = UPDATE(UPDATE_IN_PROGRESS) | UPDATE(DELETE_IN_PROGRESS) };
    static const uint32_t successors[ECS_CAPACITY_PROVIDER_UPDATE_STATUS_N] = {
        [ECS_CAPACITY_PROVIDER_UPDATE_STATUS_UNSET] = UPDATE(CREATE_IN_PROGRESS) | NEXT,
        [ECS_CAPACITY_PROVIDER_UPDATE_STATUS_CREATE_IN_PROGRESS] =
            UPDATE(CREATE_COMPLETE) | UPDATE(CREATE_FAILED),
        [ECS_CAPACITY_PROVIDER_UPDATE_STATUS_CREATE_COMPLETE] = NEXT,
        [ECS_CAPACITY_PROVIDER_UPDATE_STATUS_CREATE_FAILED] = UPDATE(DELETE_IN_PROGRESS),
        [ECS_CAPACITY_PROVIDER_UPDATE_STATUS_UPDATE_IN_PROGRESS] =
            UPDATE(UPDATE_COMPLETE) | UPDATE(UPDATE_FAILED),
        [ECS_CAPACITY_PROVIDER_UPDATE_STATUS_UPDATE_COMPLETE] = NEXT,
        [ECS_CAPACITY_PROVIDER_UPDATE_STATUS_UPDATE_FAILED] = NEXT,
        [ECS_CAPACITY_PROVIDER_UPDATE_STATUS_DELETE_IN_PROGRESS] =
            UPDATE(DELETE_COMPLETE) | UPDATE(DELETE_FAILED),
        [ECS_CAPACITY_PROVIDER_UPDATE_STATUS_DELETE_FAILED] = NEXT,
    };

    return HAS_EDGE(successors, from, to);
}

// --- stages

struct stage_row {
    enum ecs_service_deployment_lifecycle_stage shown;
    enum ecs_deployment_lifecycle_hook_stage hooks; // UNSET: it takes none
    bool takes_pause;
};

#define SHOWN(stage)  ECS_SERVICE_DEPLOYMENT_LIFECYCLE_STAGE_##stage
#define HOOKED(stage) ECS_DEPLOYMENT_LIFECYCLE_HOOK_STAGE_##stage

static const struct stage_row stage_rows[DEPLOY_STAGE_N] = {
    [DEPLOY_STAGE_RECONCILE_SERVICE] =
        {
            .shown = SHOWN(RECONCILE_SERVICE),
            .hooks = HOOKED(RECONCILE_SERVICE),
            .takes_pause = true,
        },
    [DEPLOY_STAGE_PRE_SCALE_UP] =
        {
            .shown = SHOWN(PRE_SCALE_UP),
            .hooks = HOOKED(PRE_SCALE_UP),
            .takes_pause = true,
        },
    [DEPLOY_STAGE_SCALE_UP] =
        {
            .shown = SHOWN(SCALE_UP),
        },
    [DEPLOY_STAGE_POST_SCALE_UP] =
        {
            .shown = SHOWN(POST_SCALE_UP),
            .hooks = HOOKED(POST_SCALE_UP),
            .takes_pause = true,
        },
    [DEPLOY_STAGE_TEST_TRAFFIC_SHIFT] =
        {
            .shown = SHOWN(TEST_TRAFFIC_SHIFT),
            .hooks = HOOKED(TEST_TRAFFIC_SHIFT),
        },
    [DEPLOY_STAGE_POST_TEST_TRAFFIC_SHIFT] =
        {
            .shown = SHOWN(POST_TEST_TRAFFIC_SHIFT),
            .hooks = HOOKED(POST_TEST_TRAFFIC_SHIFT),
            .takes_pause = true,
        },
    [DEPLOY_STAGE_PRE_PRODUCTION_TRAFFIC_SHIFT] =
        {
            .shown = SHOWN(PRODUCTION_TRAFFIC_SHIFT),
            .hooks = HOOKED(PRE_PRODUCTION_TRAFFIC_SHIFT),
            .takes_pause = true,
        },
    [DEPLOY_STAGE_PRODUCTION_TRAFFIC_SHIFT] =
        {
            .shown = SHOWN(PRODUCTION_TRAFFIC_SHIFT),
            .hooks = HOOKED(PRODUCTION_TRAFFIC_SHIFT),
        },
    [DEPLOY_STAGE_POST_PRODUCTION_TRAFFIC_SHIFT] =
        {
            .shown = SHOWN(POST_PRODUCTION_TRAFFIC_SHIFT),
            .hooks = HOOKED(POST_PRODUCTION_TRAFFIC_SHIFT),
            .takes_pause = true,
        },
    [DEPLOY_STAGE_BAKE_TIME] =
        {
            .shown = SHOWN(BAKE_TIME),
        },
    [DEPLOY_STAGE_CLEAN_UP] =
        {
            .shown = SHOWN(CLEAN_UP),
        },
};

static const struct stage_row *row_of(enum deploy_stage stage)
{
    ASSERT((unsigned)stage < DEPLOY_STAGE_N);
    return &stage_rows[stage];
}

enum deploy_stage deploy_stage_after(enum deploy_stage stage, const struct deploy_facts *facts)
{
    ASSERT((unsigned)stage < DEPLOY_STAGE_N);
    if (stage == DEPLOY_STAGE_NONE && !facts->has_unsettled_past)
        return DEPLOY_STAGE_PRE_SCALE_UP;
    if (stage == DEPLOY_STAGE_PRODUCTION_TRAFFIC_SHIFT && facts->steps_left > 0)
        return DEPLOY_STAGE_PRE_PRODUCTION_TRAFFIC_SHIFT;
    return stage == DEPLOY_STAGE_CLEAN_UP ? DEPLOY_STAGE_NONE : stage + 1;
}

bool deploy_stage_has_work(enum deploy_stage stage, const struct deploy_facts *facts)
{
    switch (stage) {
    case DEPLOY_STAGE_RECONCILE_SERVICE: return facts->has_unsettled_past;
    case DEPLOY_STAGE_TEST_TRAFFIC_SHIFT: return facts->has_test_traffic;
    case DEPLOY_STAGE_PRODUCTION_TRAFFIC_SHIFT: return facts->has_production_traffic;
    case DEPLOY_STAGE_SCALE_UP:
    case DEPLOY_STAGE_BAKE_TIME:
    case DEPLOY_STAGE_CLEAN_UP: return true;
    case DEPLOY_STAGE_NONE:
    case DEPLOY_STAGE_PRE_SCALE_UP:
    case DEPLOY_STAGE_POST_SCALE_UP:
    case DEPLOY_STAGE_POST_TEST_TRAFFIC_SHIFT:
    case DEPLOY_STAGE_PRE_PRODUCTION_TRAFFIC_SHIFT:
    case DEPLOY_STAGE_POST_PRODUCTION_TRAFFIC_SHIFT:
    case DEPLOY_STAGE_N: break;
    }
    return false;
}

bool deploy_stage_takes_hook(enum deploy_stage stage,
                             enum ecs_deployment_lifecycle_hook_target_type kind)
{
    const struct stage_row *row = row_of(stage);

    if (kind == ECS_DEPLOYMENT_LIFECYCLE_HOOK_TARGET_TYPE_PAUSE)
        return row->takes_pause;
    return row->hooks != HOOKED(UNSET);
}

enum ecs_service_deployment_lifecycle_stage deploy_stage_shown(enum deploy_stage stage)
{
    return row_of(stage)->shown;
}

enum ecs_deployment_lifecycle_hook_stage deploy_stage_of_hooks(enum deploy_stage stage)
{
    return row_of(stage)->hooks;
}
