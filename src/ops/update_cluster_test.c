#include "tests/support/launch.h"

static struct str described(struct world *w, const char *member)
{
    struct str reply = world_ok(w, "DescribeClusters",
                                "{\"clusters\":[\"demo\"],\"include\":[\"SETTINGS\","
                                "\"CONFIGURATIONS\",\"TAGS\"]}");

    return world_get(w, reply, str_fmt(&w->arena, "clusters.0.%s", member).ptr);
}

static void what_is_given_replaces_what_was_there(void **state)
{
    struct world *w = *state;

    EXPECT_REPLY(
        w, "UpdateCluster",
        "{\"cluster\":\"demo\",\"settings\":[{\"name\":\"containerInsights\","
        "\"value\":\"enhanced\"}],\"configuration\":{\"executeCommandConfiguration\":{"
        "\"kmsKeyId\":\"k\"}},\"serviceConnectDefaults\":{\"namespace\":\"inner\"}}",
        "{\"cluster\":{\"activeServicesCount\":0,\"attachments\":[],\"capacityProviders\":[],"
        "\"clusterArn\":\"arn:aws:ecs:us-east-1:123456789012:cluster/demo\","
        "\"clusterName\":\"demo\","
        "\"configuration\":{\"executeCommandConfiguration\":{\"kmsKeyId\":\"k\"}},"
        "\"defaultCapacityProviderStrategy\":[],\"pendingTasksCount\":0,"
        "\"registeredContainerInstancesCount\":0,\"runningTasksCount\":0,"
        "\"serviceConnectDefaults\":{\"namespace\":\"arn:aws:servicediscovery:us-east-1:"
        "123456789012:namespace/inner\"},"
        "\"settings\":[{\"name\":\"containerInsights\",\"value\":\"enhanced\"}],"
        "\"statistics\":[],\"status\":\"ACTIVE\",\"tags\":[]}}");
    world_restart(w);
    EXPECT_STR(described(w, "settings.0.value"), "enhanced");
}

static void what_is_not_given_stays(void **state)
{
    struct world *w = *state;

    world_ok(w, "TagResource",
             "{\"resourceArn\":\"arn:aws:ecs:us-east-1:123456789012:cluster/demo\","
             "\"tags\":[{\"key\":\"a\",\"value\":\"b\"}]}");
    world_ok(w, "UpdateCluster",
             "{\"cluster\":\"demo\",\"serviceConnectDefaults\":{\"namespace\":\"x\"}}");
    world_ok(w, "UpdateCluster",
             "{\"cluster\":\"demo\",\"configuration\":{\"executeCommandConfiguration\":{}}}");
    EXPECT_STR(described(w, "tags.0.value"), "b");
    EXPECT_STR(described(w, "settings.0.value"), "disabled");
    assert_true(described(w, "serviceConnectDefaults").len > 0);
    world_ok(w, "UpdateCluster",
             "{\"cluster\":\"demo\",\"serviceConnectDefaults\":{\"namespace\":\"\"}}");
    assert_int_equal(described(w, "serviceConnectDefaults").len, 0);
    assert_true(described(w, "configuration").len > 0);
}

static void settings_can_be_updated_alone(void **state)
{
    struct world *w = *state;
    struct str reply = world_ok(w, "UpdateClusterSettings",
                                "{\"cluster\":\"demo\",\"settings\":[{\"name\":"
                                "\"containerInsights\",\"value\":\"enabled\"}]}");

    EXPECT_STR(world_get(w, reply, "cluster.settings.0.value"), "enabled");
    EXPECT_STR(described(w, "settings.0.value"), "enabled");
}

static void the_cluster_is_looked_up_before_values_are_judged(void **state)
{
    static const char *const operations[] = {"UpdateCluster", "UpdateClusterSettings"};
    struct world *w = *state;

    for (int i = 0; i < 2; i++) {
        const char *op = operations[i];
        EXPECT_ERROR(w, op, "{}", "InvalidParameterException", "Cluster can not be blank.");
        EXPECT_ERROR(w, op, "{\"cluster\":\"x\",\"settings\":[{\"name\":\"y\"}]}",
                     "ClusterNotFoundException", "Cluster not found.");
        EXPECT_ERROR(w, op,
                     "{\"cluster\":\"demo\",\"settings\":[{\"name\":\"y\",\"value\":\"enabled\"}]}",
                     "InvalidParameterException", "Invalid setting 'name'");
        EXPECT_ERROR(w, op,
                     "{\"cluster\":\"demo\",\"settings\":[{\"name\":\"containerInsights\","
                     "\"value\":\"y\"}]}",
                     "InvalidParameterException", "Invalid setting 'value'");
    }
    EXPECT_ERROR(w, "UpdateCluster",
                 "{\"cluster\":\"demo\",\"serviceConnectDefaults\":{\"namespace\":\"<a>\"}}",
                 "InvalidParameterException", "namespace must match ^[^<>\"/]{1,1024}$");
    EXPECT_ERROR(w, "UpdateClusterSettings", "{\"cluster\":\"demo\"}", "InvalidParameterException",
                 "1 validation error detected: Value null at 'settings' failed to satisfy "
                 "constraint: Member must not be null");
}

static void an_inactive_cluster_does_not_change(void **state)
{
    struct world *w = *state;

    world_ok(w, "DeleteCluster", "{\"cluster\":\"demo\"}");
    EXPECT_ERROR(w, "UpdateCluster", "{\"cluster\":\"demo\"}", "ClientException",
                 "Cluster was not ACTIVE.");
    EXPECT_ERROR(w, "UpdateClusterSettings", "{\"cluster\":\"demo\",\"settings\":[]}",
                 "ClientException", "Cluster was not ACTIVE.");
    EXPECT_ERROR(w, "PutClusterCapacityProviders",
                 "{\"cluster\":\"demo\",\"capacityProviders\":[],"
                 "\"defaultCapacityProviderStrategy\":[]}",
                 "ClientException", "Cluster was not ACTIVE.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAUNCH_TEST(what_is_given_replaces_what_was_there),
        LAUNCH_TEST(what_is_not_given_stays),
        LAUNCH_TEST(settings_can_be_updated_alone),
        LAUNCH_TEST(the_cluster_is_looked_up_before_values_are_judged),
        LAUNCH_TEST(an_inactive_cluster_does_not_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
