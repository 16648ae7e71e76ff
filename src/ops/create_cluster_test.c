#include "tests/support/world.h"

static int setup(void **state)
{
    struct world *w = malloc(sizeof *w);

    world_init(w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    world_deinit(*state);
    free(*state);
    return 0;
}

static void a_cluster_is_made_with_defaults(void **state)
{
    EXPECT_REPLY(*state, "CreateCluster", "{}",
                 "{\"cluster\":{\"activeServicesCount\":0,\"capacityProviders\":[],"
                 "\"clusterArn\":\"arn:aws:ecs:us-east-1:123456789012:cluster/default\","
                 "\"clusterName\":\"default\",\"defaultCapacityProviderStrategy\":[],"
                 "\"pendingTasksCount\":0,\"registeredContainerInstancesCount\":0,"
                 "\"runningTasksCount\":0,"
                 "\"settings\":[{\"name\":\"containerInsights\",\"value\":\"disabled\"}],"
                 "\"statistics\":[],\"status\":\"ACTIVE\",\"tags\":[]}}");
}

static void the_same_request_again_returns_the_same_cluster(void **state)
{
    struct world *w = *state;
    const char *request = "{\"clusterName\":\"demo\",\"tags\":[{\"key\":\"a\",\"value\":\"b\"}]}";
    struct str first = world_ok(w, "CreateCluster", request);
    struct str again = world_ok(w, "CreateCluster", request);

    assert_true(str_eq(first, again));
    world_ok(w, "CreateCluster", "{\"clusterName\":\"demo\"}");
    EXPECT_ERROR(w, "CreateCluster",
                 "{\"clusterName\":\"demo\",\"tags\":[{\"key\":\"a\",\"value\":\"c\"}]}",
                 "InvalidParameterException",
                 "Arguments on this idempotent request are inconsistent with arguments used in "
                 "previous request(s).");
}

static void bad_input_is_refused_and_leaves_nothing(void **state)
{
    struct world *w = *state;

    EXPECT_ERROR(w, "CreateCluster", "{\"clusterName\":\"a b\"}", "InvalidParameterException",
                 "ClusterName must match ^[a-zA-Z0-9\\-_]{1,255}$");
    EXPECT_ERROR(w, "CreateCluster", "{\"serviceConnectDefaults\":{\"namespace\":\"a/b\"}}",
                 "InvalidParameterException", "namespace must match ^[^<>\"/]{1,1024}$");
    EXPECT_ERROR(w, "CreateCluster", "{\"settings\":[{\"name\":\"x\",\"value\":\"enabled\"}]}",
                 "InvalidParameterException", "Invalid setting 'name'");
    EXPECT_ERROR(w, "CreateCluster",
                 "{\"settings\":[{\"name\":\"containerInsights\",\"value\":\"on\"}]}",
                 "InvalidParameterException", "Invalid setting 'value'");
    EXPECT_ERROR(w, "CreateCluster",
                 "{\"configuration\":{\"executeCommandConfiguration\":{\"logging\":\"OVERRIDE\"}}}",
                 "InvalidParameterException",
                 "A CloudWatch log group name or S3 bucket name must be specified when overriding "
                 "the default log configuration");
    assert_int_equal(w->state.entities[REC_KIND_CLUSTER].count, 0);
}

static void capacity_providers_must_exist_and_be_associated(void **state)
{
    struct world *w = *state;

    EXPECT_ERROR(w, "CreateCluster", "{\"capacityProviders\":[\"asg\"]}",
                 "InvalidParameterException",
                 "The specified capacity provider does not exist. Specify a valid name or ARN and "
                 "try again.");
    EXPECT_ERROR(w, "CreateCluster",
                 "{\"capacityProviders\":[\"FARGATE\"],\"defaultCapacityProviderStrategy\":"
                 "[{\"capacityProvider\":\"FARGATE_SPOT\",\"weight\":1}]}",
                 "InvalidParameterException",
                 "The specified capacity provider strategy cannot contain a capacity provider that "
                 "is not associated with the cluster");
    world_ok(w, "CreateCluster",
             "{\"capacityProviders\":[\"FARGATE\"],\"defaultCapacityProviderStrategy\":"
             "[{\"capacityProvider\":\"FARGATE\",\"weight\":1}]}");
}

static void clusters_survive_a_restart(void **state)
{
    struct world *w = *state;
    struct str before = world_ok(w, "CreateCluster", "{\"clusterName\":\"demo\"}");

    world_restart(w);
    assert_true(str_eq(before, world_ok(w, "CreateCluster", "{\"clusterName\":\"demo\"}")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_cluster_is_made_with_defaults, setup, teardown),
        cmocka_unit_test_setup_teardown(the_same_request_again_returns_the_same_cluster, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(bad_input_is_refused_and_leaves_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(capacity_providers_must_exist_and_be_associated, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(clusters_survive_a_restart, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
