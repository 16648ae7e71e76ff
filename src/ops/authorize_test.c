#include "model/task.h"
#include "ops/authorize.h"
#include "tests/support/launch.h"
#include "tests/support/stage.h"

// A service's task in "demo", and a caller with its role.
static struct str serve(struct world *w)
{
    struct str instance = stage_instance(w);

    world_connect(w, "demo", instance);
    return stage_task(w, instance, &(struct stage_plan){0});
}

static void become(struct world *w, struct str arn, struct role_grant grant, bool is_execution)
{
    struct role_caller *role = arena_new(&w->arena, struct role_caller);
    struct role_grant *grants = arena_new(&w->arena, struct role_grant);

    grants[0] = grant;
    role->task = str_copy(&w->arena, stage_find_task(w, arn)->uid);
    role->is_execution = is_execution;
    role->grants = grants;
    role->grants_n = grant.actions.n > 0 ? 1 : 0;
    w->role = role;
}

static struct role_grant allow(const char *action, const char *cluster)
{
    static struct str actions[1];

    actions[0] = str_of(action);
    return (struct role_grant){.actions = {.n = 1, .at = actions}, .cluster = str_of(cluster)};
}

static const struct role_grant nothing = {0};

static struct str about(struct world *w, struct str task)
{
    return str_fmt(&w->arena, "{\"cluster\":\"demo\",\"tasks\":[\"%.*s\"]}", STR_ARGS(task));
}

static const char *text(struct world *w, struct str s)
{
    return str_cstr(&w->arena, s);
}

static struct str refusal(struct world *w, const char *operation, const char *resource)
{
    return str_fmt(&w->arena,
                   "User: arn:aws:iam::123456789012:root is not authorized to perform: ecs:%s on "
                   "resource: %s because no identity-based policy allows the ecs:%s action",
                   operation, resource, operation);
}

static void expect_denied(struct world *w, const char *operation, const char *json,
                          const char *resource)
{
    world_expect_error(w, world_call(w, operation, json), "AccessDeniedException",
                       text(w, refusal(w, operation, resource)), __FILE__, __LINE__);
}

#define DEMO "arn:aws:ecs:us-east-1:123456789012:cluster/demo"

static void a_tasks_role_may_do_nothing_by_itself(void **state)
{
    struct world *w = *state;

    become(w, serve(w), nothing, false);
    expect_denied(w, "ListTasks", "{\"cluster\":\"demo\"}", DEMO);
    expect_denied(w, "ListClusters", "{}", "*");
    expect_denied(w, "CreateCluster", "{\"clusterName\":\"x\"}", "*");
}

static void a_task_may_see_and_change_its_own_protection(void **state)
{
    struct world *w = *state;
    struct str arn = serve(w);
    struct str uid = stage_find_task(w, arn)->uid;

    become(w, arn, nothing, false);
    world_ok(w, "GetTaskProtection", text(w, about(w, arn)));
    world_ok(w, "GetTaskProtection", text(w, about(w, uid)));
    world_ok(w, "UpdateTaskProtection",
             text(w, str_fmt(&w->arena,
                             "{\"cluster\":\"" DEMO "\",\"tasks\":[\"%.*s\"],"
                             "\"protectionEnabled\":true}",
                             STR_ARGS(arn))));
}

static void it_may_not_touch_another_tasks_protection(void **state)
{
    struct world *w = *state;
    struct str instance = stage_instance(w);
    struct str arn = stage_task(w, instance, &(struct stage_plan){0});
    struct str other = stage_task(w, instance, &(struct stage_plan){0});

    become(w, arn, nothing, false);
    expect_denied(w, "GetTaskProtection", text(w, about(w, other)), DEMO);
    expect_denied(w, "GetTaskProtection",
                  text(w, str_fmt(&w->arena, "{\"cluster\":\"demo\",\"tasks\":[\"%.*s\",\"%.*s\"]}",
                                  STR_ARGS(arn), STR_ARGS(other))),
                  DEMO);
    expect_denied(w, "GetTaskProtection", "{\"cluster\":\"demo\",\"tasks\":[]}", DEMO);
    expect_denied(
        w, "GetTaskProtection",
        text(w, str_fmt(&w->arena, "{\"cluster\":\"else\",\"tasks\":[\"%.*s\"]}", STR_ARGS(arn))),
        "arn:aws:ecs:us-east-1:123456789012:cluster/else");
}

static void the_execution_role_has_no_such_right(void **state)
{
    struct world *w = *state;
    struct str arn = serve(w);

    become(w, arn, nothing, true);
    expect_denied(w, "GetTaskProtection", text(w, about(w, arn)), DEMO);
}

static void an_operator_grants_actions_in_clusters(void **state)
{
    struct world *w = *state;

    become(w, serve(w), allow("ecs:List*", "de?o"), false);
    world_ok(w, "ListTasks", "{\"cluster\":\"demo\"}");
    world_ok(w, "ListTasks", "{\"cluster\":\"" DEMO "\"}");
    expect_denied(w, "ListTasks", "{}", "arn:aws:ecs:us-east-1:123456789012:cluster/default");
    expect_denied(w, "DescribeTasks", "{\"cluster\":\"demo\",\"tasks\":[\"x\"]}", DEMO);
    expect_denied(w, "ListClusters", "{}", "*"); // about no cluster: only with a grant for all
}

static void a_grant_for_any_cluster_holds_for_calls_about_none(void **state)
{
    struct world *w = *state;

    become(w, serve(w), allow("ecs:*Clusters", "*"), false);
    world_ok(w, "ListClusters", "{}");
}

static void the_keys_of_a_stopped_task_are_refused(void **state)
{
    struct world *w = *state;
    struct str arn = serve(w);

    become(w, arn, allow("ecs:*", "*"), false);
    world_ok(w, "ListClusters", "{}");
    w->role = NULL;
    stage_submit(w, arn, "\"status\":\"STOPPED\"");
    become(w, arn, allow("ecs:*", "*"), false);
    world_expect_error(w, world_call(w, "ListClusters", "{}"), "ExpiredTokenException",
                       "The security token included in the request is expired", __FILE__, __LINE__);
}

static void patterns_know_stars_and_question_marks(void **state)
{
    (void)state;
    assert_true(op_pattern_matches(STR("*"), STR("")));
    assert_true(op_pattern_matches(STR("a*c"), STR("abbc")));
    assert_true(op_pattern_matches(STR("a*b*c"), STR("aXbbYc")));
    assert_true(op_pattern_matches(STR("a?c**"), STR("abc")));
    assert_false(op_pattern_matches(STR("a*c"), STR("abcd")));
    assert_false(op_pattern_matches(STR("A"), STR("a")));
    assert_false(op_pattern_matches(STR(""), STR("a")));
    assert_false(op_pattern_matches(STR("?"), STR("")));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STAGE_TEST(a_tasks_role_may_do_nothing_by_itself),
        STAGE_TEST(a_task_may_see_and_change_its_own_protection),
        STAGE_TEST(it_may_not_touch_another_tasks_protection),
        STAGE_TEST(the_execution_role_has_no_such_right),
        STAGE_TEST(an_operator_grants_actions_in_clusters),
        STAGE_TEST(a_grant_for_any_cluster_holds_for_calls_about_none),
        STAGE_TEST(the_keys_of_a_stopped_task_are_refused),
        cmocka_unit_test(patterns_know_stars_and_question_marks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
