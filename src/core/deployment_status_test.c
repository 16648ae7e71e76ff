#include "core/deployment_status.h"

#include "base/test.h"

// --- every pair of every machine, against its edges written out

typedef bool may_follow_fn(int from, int to);
typedef struct str name_fn(int status);

struct machine {
    name_fn *name;
    may_follow_fn *may_follow;
    int n;
    const char *edges; // "FROM>TO FROM>TO ", each followed by a space; before '>' nothing: UNSET
};

#define MACHINE_OF(noun, type, names)                                                              \
    static bool noun##_edge(int from, int to)                                                      \
    {                                                                                              \
        return noun##_may_follow((enum type)from, (enum type)to);                                  \
    }                                                                                              \
    static struct str noun##_text(int status)                                                      \
    {                                                                                              \
        return names;                                                                              \
    }

#define NAMED_BY(enums) (status == 0 ? STR_NONE : shape_enum_name(&(enums), status))

MACHINE_OF(service_status, service_status, service_status_name((enum service_status)status))
MACHINE_OF(rolling_status, rolling_status, rolling_status_name((enum rolling_status)status))
MACHINE_OF(task_set_status, task_set_status, task_set_status_name((enum task_set_status)status))
MACHINE_OF(rollout_state, ecs_deployment_rollout_state, NAMED_BY(ecs_deployment_rollout_state_enum))
MACHINE_OF(service_deployment, ecs_service_deployment_status,
           NAMED_BY(ecs_service_deployment_status_enum))
MACHINE_OF(hook_status, ecs_deployment_lifecycle_hook_status,
           NAMED_BY(ecs_deployment_lifecycle_hook_status_enum))
MACHINE_OF(capacity_provider_status, ecs_capacity_provider_status,
           NAMED_BY(ecs_capacity_provider_status_enum))
MACHINE_OF(capacity_provider_update, ecs_capacity_provider_update_status,
           NAMED_BY(ecs_capacity_provider_update_status_enum))

static size_t count_spaces(const char *text)
{
    size_t n = 0;

    for (; *text != '\0'; text++)
        n += *text == ' ';
    return n;
}

static bool is_written(const char *edges, const char *edge)
{
    size_t len = strlen(edge);

    for (const char *at = edges; (at = strstr(at, edge)) != NULL; at += len) {
        if (at == edges || at[-1] == ' ')
            return true;
    }
    return false;
}

static void check(const struct machine *machine)
{
    struct arena arena = ARENA_INIT;
    size_t found = 0;

    for (int from = 0; from < machine->n; from++) {
        for (int to = 0; to < machine->n; to++) {
            char *edge = arena_printf(&arena, "%.*s>%.*s ", STR_ARGS(machine->name(from)),
                                      STR_ARGS(machine->name(to)));
            bool want = is_written(machine->edges, edge);
            if (machine->may_follow(from, to) != want)
                fail_msg("%sis %s", edge, want ? "missing" : "too much");
            found += want;
        }
    }
    assert_int_equal(found, count_spaces(machine->edges));
    arena_deinit(&arena);
}

#define CHECK(noun, states_n, ...)                                                                 \
    check(&(struct machine){                                                                       \
        .name = noun##_text, .may_follow = noun##_edge, .n = (states_n), .edges = __VA_ARGS__})

static void services_end_by_way_of_draining(void **state)
{
    (void)state;
    CHECK(service_status, SERVICE_STATUS_N, ">ACTIVE ACTIVE>DRAINING DRAINING>INACTIVE ");
}

static void rolling_deployments_are_primary_then_active(void **state)
{
    (void)state;
    CHECK(rolling_status, ROLLING_STATUS_N,
          ">PRIMARY PRIMARY>ACTIVE PRIMARY>INACTIVE ACTIVE>PRIMARY ACTIVE>INACTIVE ");
}

static void task_sets_change_places(void **state)
{
    (void)state;
    CHECK(task_set_status, TASK_SET_STATUS_N,
          ">ACTIVE ACTIVE>PRIMARY PRIMARY>ACTIVE ACTIVE>DRAINING PRIMARY>DRAINING ");
}

static void rollouts_complete_or_fail_and_may_be_gone_back_to(void **state)
{
    (void)state;
    CHECK(rollout_state, ECS_DEPLOYMENT_ROLLOUT_STATE_N,
          ">IN_PROGRESS IN_PROGRESS>COMPLETED IN_PROGRESS>FAILED COMPLETED>IN_PROGRESS ");
}

static void service_deployments_follow_the_published_table(void **state)
{
    (void)state;
    CHECK(service_deployment, ECS_SERVICE_DEPLOYMENT_STATUS_N,
          ">PENDING PENDING>IN_PROGRESS PENDING>ROLLBACK_REQUESTED PENDING>STOP_REQUESTED "
          "PENDING>STOPPED IN_PROGRESS>SUCCESSFUL IN_PROGRESS>STOP_REQUESTED "
          "IN_PROGRESS>ROLLBACK_REQUESTED IN_PROGRESS>ROLLBACK_IN_PROGRESS IN_PROGRESS>STOPPED "
          "STOP_REQUESTED>STOPPED ROLLBACK_REQUESTED>ROLLBACK_IN_PROGRESS "
          "ROLLBACK_REQUESTED>SUCCESSFUL ROLLBACK_REQUESTED>STOPPED "
          "ROLLBACK_IN_PROGRESS>ROLLBACK_SUCCESSFUL ROLLBACK_IN_PROGRESS>ROLLBACK_FAILED ");
}

static void hooks_end_once(void **state)
{
    (void)state;
    CHECK(hook_status, ECS_DEPLOYMENT_LIFECYCLE_HOOK_STATUS_N,
          ">AWAITING_ACTION >IN_PROGRESS AWAITING_ACTION>SUCCEEDED AWAITING_ACTION>FAILED "
          "AWAITING_ACTION>TIMED_OUT IN_PROGRESS>SUCCEEDED IN_PROGRESS>FAILED "
          "IN_PROGRESS>TIMED_OUT ");
}

static void providers_come_and_go(void **state)
{
    (void)state;
    CHECK(capacity_provider_status, ECS_CAPACITY_PROVIDER_STATUS_N,
          ">PROVISIONING >ACTIVE PROVISIONING>ACTIVE PROVISIONING>DEPROVISIONING "
          "PROVISIONING>INACTIVE ACTIVE>DEPROVISIONING ACTIVE>INACTIVE DEPROVISIONING>ACTIVE "
          "DEPROVISIONING>INACTIVE ");
}

static void providers_change_one_thing_at_a_time(void **state)
{
    (void)state;
    CHECK(capacity_provider_update, ECS_CAPACITY_PROVIDER_UPDATE_STATUS_N,
          ">CREATE_IN_PROGRESS >UPDATE_IN_PROGRESS >DELETE_IN_PROGRESS "
          "CREATE_IN_PROGRESS>CREATE_COMPLETE CREATE_IN_PROGRESS>CREATE_FAILED "
          "CREATE_COMPLETE>UPDATE_IN_PROGRESS CREATE_COMPLETE>DELETE_IN_PROGRESS "
          "CREATE_FAILED>DELETE_IN_PROGRESS UPDATE_IN_PROGRESS>UPDATE_COMPLETE "
          "UPDATE_IN_PROGRESS>UPDATE_FAILED UPDATE_COMPLETE>UPDATE_IN_PROGRESS "
          "UPDATE_COMPLETE>DELETE_IN_PROGRESS UPDATE_FAILED>UPDATE_IN_PROGRESS "
          "UPDATE_FAILED>DELETE_IN_PROGRESS DELETE_IN_PROGRESS>DELETE_COMPLETE "
          "DELETE_IN_PROGRESS>DELETE_FAILED DELETE_FAILED>UPDATE_IN_PROGRESS "
          "DELETE_FAILED>DELETE_IN_PROGRESS ");
}

static void final_states_are_those_with_no_way_out(void **state)
{
    (void)state;
    for (int i = 1; i < ECS_SERVICE_DEPLOYMENT_STATUS_N; i++) {
        enum ecs_service_deployment_status status = (enum ecs_service_deployment_status)i;
        bool is_final = status == ECS_SERVICE_DEPLOYMENT_STATUS_SUCCESSFUL ||
                        status == ECS_SERVICE_DEPLOYMENT_STATUS_STOPPED ||
                        status == ECS_SERVICE_DEPLOYMENT_STATUS_ROLLBACK_SUCCESSFUL ||
                        status == ECS_SERVICE_DEPLOYMENT_STATUS_ROLLBACK_FAILED;
        assert_int_equal(service_deployment_is_final(status), is_final);
    }
    for (int i = 1; i < ECS_DEPLOYMENT_LIFECYCLE_HOOK_STATUS_N; i++) {
        enum ecs_deployment_lifecycle_hook_status status =
            (enum ecs_deployment_lifecycle_hook_status)i;
        bool is_open = status == ECS_DEPLOYMENT_LIFECYCLE_HOOK_STATUS_AWAITING_ACTION ||
                       status == ECS_DEPLOYMENT_LIFECYCLE_HOOK_STATUS_IN_PROGRESS;
        assert_int_equal(hook_status_is_final(status), !is_open);
    }
}

static void a_task_set_with_a_pending_task_is_stabilizing(void **state)
{
    struct rollout_counts counts = {.running = 2, .healthy = 2, .pending = 1};
    (void)state;

    assert_int_equal(task_set_stability(3, &counts), ECS_STABILITY_STATUS_STABILIZING);
    counts = (struct rollout_counts){.running = 3, .healthy = 3};
    assert_int_equal(task_set_stability(3, &counts), ECS_STABILITY_STATUS_STEADY_STATE);
}

// --- stages

// What each stage is called, which hooks it takes, and whether it has work of its own when there is
// nothing to settle and no traffic.
static void stages_take_the_documented_hooks(void **state)
{
    static const struct {
        const char *shown, *hooks;
        bool function, pause, work;
    } rows[DEPLOY_STAGE_N] = {
        [DEPLOY_STAGE_RECONCILE_SERVICE] = {"RECONCILE_SERVICE", "RECONCILE_SERVICE", true, true,
                                            false},
        [DEPLOY_STAGE_PRE_SCALE_UP] = {"PRE_SCALE_UP", "PRE_SCALE_UP", true, true, false},
        [DEPLOY_STAGE_SCALE_UP] = {"SCALE_UP", "", false, false, true},
        [DEPLOY_STAGE_POST_SCALE_UP] = {"POST_SCALE_UP", "POST_SCALE_UP", true, true, false},
        [DEPLOY_STAGE_TEST_TRAFFIC_SHIFT] = {"TEST_TRAFFIC_SHIFT", "TEST_TRAFFIC_SHIFT", true,
                                             false, false},
        [DEPLOY_STAGE_POST_TEST_TRAFFIC_SHIFT] = {"POST_TEST_TRAFFIC_SHIFT",
                                                  "POST_TEST_TRAFFIC_SHIFT", true, true, false},
        [DEPLOY_STAGE_PRE_PRODUCTION_TRAFFIC_SHIFT] = {"PRODUCTION_TRAFFIC_SHIFT",
                                                       "PRE_PRODUCTION_TRAFFIC_SHIFT", true, true,
                                                       false},
        [DEPLOY_STAGE_PRODUCTION_TRAFFIC_SHIFT] = {"PRODUCTION_TRAFFIC_SHIFT",
                                                   "PRODUCTION_TRAFFIC_SHIFT", true, false, false},
        [DEPLOY_STAGE_POST_PRODUCTION_TRAFFIC_SHIFT] = {"POST_PRODUCTION_TRAFFIC_SHIFT",
                                                        "POST_PRODUCTION_TRAFFIC_SHIFT", true, true,
                                                        false},
        [DEPLOY_STAGE_BAKE_TIME] = {"BAKE_TIME", "", false, false, true},
        [DEPLOY_STAGE_CLEAN_UP] = {"CLEAN_UP", "", false, false, true},
    };
    struct deploy_facts nothing = {0};
    (void)state;

    for (int i = DEPLOY_STAGE_RECONCILE_SERVICE; i < DEPLOY_STAGE_N; i++) {
        enum deploy_stage stage = (enum deploy_stage)i;

        EXPECT_STR(shape_enum_name(&ecs_service_deployment_lifecycle_stage_enum,
                                   (int)deploy_stage_shown(stage)),
                   rows[i].shown);
        EXPECT_STR(shape_enum_name(&ecs_deployment_lifecycle_hook_stage_enum,
                                   (int)deploy_stage_of_hooks(stage)),
                   rows[i].hooks);
        assert_int_equal(
            deploy_stage_takes_hook(stage, ECS_DEPLOYMENT_LIFECYCLE_HOOK_TARGET_TYPE_AWS_LAMBDA),
            rows[i].function);
        assert_int_equal(
            deploy_stage_takes_hook(stage, ECS_DEPLOYMENT_LIFECYCLE_HOOK_TARGET_TYPE_PAUSE),
            rows[i].pause);
        assert_int_equal(deploy_stage_has_work(stage, &nothing), rows[i].work);
    }
}

static void work_needs_its_resource(void **state)
{
    struct deploy_facts facts = {
        .has_unsettled_past = true, .has_test_traffic = true, .has_production_traffic = true};
    (void)state;

    assert_true(deploy_stage_has_work(DEPLOY_STAGE_RECONCILE_SERVICE, &facts));
    assert_true(deploy_stage_has_work(DEPLOY_STAGE_TEST_TRAFFIC_SHIFT, &facts));
    assert_true(deploy_stage_has_work(DEPLOY_STAGE_PRODUCTION_TRAFFIC_SHIFT, &facts));
    assert_false(deploy_stage_has_work(DEPLOY_STAGE_PRE_SCALE_UP, &facts));
}

// The stages gone through by their numbers in the published list, with so many traffic steps.
static struct str gone_through(struct arena *arena, bool has_past, size_t steps)
{
    struct deploy_facts facts = {.has_unsettled_past = has_past, .steps_left = steps};
    enum deploy_stage stage = DEPLOY_STAGE_NONE;
    struct str text = STR_NONE;

    while ((stage = deploy_stage_after(stage, &facts)) != DEPLOY_STAGE_NONE) {
        facts.steps_left -= stage == DEPLOY_STAGE_PRODUCTION_TRAFFIC_SHIFT;
        text = str_fmt(arena, "%.*s%d ", STR_ARGS(text), (int)stage);
    }
    return text;
}

static void stages_follow_in_their_order(void **state)
{
    struct arena arena = ARENA_INIT;
    (void)state;

    EXPECT_STR(gone_through(&arena, false, 1), "2 3 4 5 6 7 8 9 10 11 ");
    EXPECT_STR(gone_through(&arena, true, 1), "1 2 3 4 5 6 7 8 9 10 11 ");
    EXPECT_STR(gone_through(&arena, false, 2), "2 3 4 5 6 7 8 7 8 9 10 11 ");
    EXPECT_STR(gone_through(&arena, false, 5), "2 3 4 5 6 7 8 7 8 7 8 7 8 7 8 9 10 11 ");
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(services_end_by_way_of_draining),
        cmocka_unit_test(rolling_deployments_are_primary_then_active),
        cmocka_unit_test(task_sets_change_places),
        cmocka_unit_test(rollouts_complete_or_fail_and_may_be_gone_back_to),
        cmocka_unit_test(service_deployments_follow_the_published_table),
        cmocka_unit_test(hooks_end_once),
        cmocka_unit_test(providers_come_and_go),
        cmocka_unit_test(providers_change_one_thing_at_a_time),
        cmocka_unit_test(final_states_are_those_with_no_way_out),
        cmocka_unit_test(a_task_set_with_a_pending_task_is_stabilizing),
        cmocka_unit_test(stages_take_the_documented_hooks),
        cmocka_unit_test(work_needs_its_resource),
        cmocka_unit_test(stages_follow_in_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
