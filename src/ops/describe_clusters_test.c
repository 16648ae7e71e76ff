#include "tests/support/launch.h"

static void a_cluster_shows_the_optional_parts_that_were_asked_for(void **state)
{
    struct world *w = *state;

    world_ok(w, "CreateCluster",
             "{\"clusterName\":\"a\",\"tags\":[{\"key\":\"k\",\"value\":\"v\"}],"
             "\"configuration\":{\"executeCommandConfiguration\":{\"logging\":\"NONE\"}}}");
    EXPECT_REPLY(w, "DescribeClusters", "{\"clusters\":[\"a\"]}",
                 "{\"clusters\":[{\"activeServicesCount\":0,\"capacityProviders\":[],"
                 "\"clusterArn\":\"arn:aws:ecs:us-east-1:123456789012:cluster/a\","
                 "\"clusterName\":\"a\",\"defaultCapacityProviderStrategy\":[],"
                 "\"pendingTasksCount\":0,\"registeredContainerInstancesCount\":0,"
                 "\"runningTasksCount\":0,\"settings\":[],\"statistics\":[],"
                 "\"status\":\"ACTIVE\",\"tags\":[]}],\"failures\":[]}");
    EXPECT_REPLY(w, "DescribeClusters",
                 "{\"clusters\":[\"a\"],\"include\":[\"TAGS\",\"SETTINGS\",\"CONFIGURATIONS\"]}",
                 "{\"clusters\":[{\"activeServicesCount\":0,\"capacityProviders\":[],"
                 "\"clusterArn\":\"*\",\"clusterName\":\"a\","
                 "\"configuration\":{\"executeCommandConfiguration\":{\"logging\":\"NONE\"}},"
                 "\"defaultCapacityProviderStrategy\":[],"
                 "\"pendingTasksCount\":0,\"registeredContainerInstancesCount\":0,"
                 "\"runningTasksCount\":0,"
                 "\"settings\":[{\"name\":\"containerInsights\",\"value\":\"disabled\"}],"
                 "\"statistics\":[],\"status\":\"ACTIVE\","
                 "\"tags\":[{\"key\":\"k\",\"value\":\"v\"}]}],\"failures\":[]}");
}

static void statistics_come_in_the_order_of_the_service(void **state)
{
    struct world *w = *state;
    struct str reply;

    launch_add_instance(w, "i1", 1024, 1024, "[]");
    launch_add_simple(w, "web", 128, 128);
    world_ok(w, "RunTask", "{\"cluster\":\"demo\",\"taskDefinition\":\"web\",\"count\":2}");
    reply = world_ok(w, "DescribeClusters",
                     "{\"clusters\":[\"demo\"],\"include\":[\"STATISTICS\",\"ATTACHMENTS\"]}");
    assert_int_equal(launch_count(w, world_get(w, reply, "clusters.0"), "statistics"), 16);
    EXPECT_STR(world_get(w, reply, "clusters.0.statistics.0.name"), "runningEC2TasksCount");
    EXPECT_STR(world_get(w, reply, "clusters.0.statistics.2.name"), "pendingEC2TasksCount");
    EXPECT_STR(world_get(w, reply, "clusters.0.statistics.2.value"), "2");
    EXPECT_STR(world_get(w, reply, "clusters.0.statistics.15.name"),
               "drainingManagedInstancesServiceCount");
    EXPECT_STR(world_get(w, reply, "clusters.0.pendingTasksCount"), "2");
    EXPECT_STR(world_get(w, reply, "clusters.0.registeredContainerInstancesCount"), "1");
}

static void what_is_missing_is_a_failure_and_the_default_is_asked_for(void **state)
{
    struct world *w = *state;

    EXPECT_REPLY(w, "DescribeClusters", "{}",
                 "{\"clusters\":[],\"failures\":[{\"arn\":\"arn:aws:ecs:us-east-1:123456789012:"
                 "cluster/default\",\"reason\":\"MISSING\"}]}");
    EXPECT_REPLY(w, "DescribeClusters",
                 "{\"clusters\":[\"arn:aws:ecs:eu-west-1:123456789012:cluster/demo\"]}",
                 "{\"clusters\":[],\"failures\":[{\"arn\":\"arn:aws:ecs:eu-west-1:123456789012:"
                 "cluster/demo\",\"reason\":\"MISSING\"}]}");
}

static void an_arn_of_something_else_names_no_cluster(void **state)
{
    static const char *const arns[] = {"arn:aws:iam:us-east-1:123456789012:cluster/demo",
                                       "arn:aws:ecs:us-east-1:123456789012:service/demo",
                                       "arn:aws:ecs:us-east-1:210987654321:cluster/demo"};
    struct world *w = *state;

    for (int i = 0; i < 3; i++) {
        struct str reply = world_callf(w, "DescribeClusters", "{\"clusters\":[\"%s\"]}", arns[i]);
        EXPECT_STR(world_get(w, reply, "failures.0.arn"), arns[i]);
    }
}

static void a_name_and_its_arn_are_one_cluster(void **state)
{
    struct world *w = *state;
    struct str reply = world_ok(w, "DescribeClusters",
                                "{\"clusters\":[\"demo\",\"no\",\"arn:aws:ecs:us-east-1:"
                                "123456789012:cluster/demo\",\"no\"]}");

    assert_int_equal(launch_count(w, reply, "clusters"), 1);
    assert_int_equal(launch_count(w, reply, "failures"), 1);
}

static void unknown_parts_and_long_lists_are_refused(void **state)
{
    struct world *w = *state;
    struct str names = STR("\"a\"");

    EXPECT_ERROR(w, "DescribeClusters", "{\"include\":[\"X\"]}", "InvalidParameterException",
                 "1 validation error detected: Value 'X' at 'include.1.member' failed to satisfy "
                 "constraint: Member must satisfy enum value set: [ATTACHMENTS, CONFIGURATIONS, "
                 "SETTINGS, STATISTICS, TAGS]");
    for (int i = 0; i < 100; i++)
        names = str_fmt(&w->arena, "%.*s,\"a%d\"", STR_ARGS(names), i);
    world_expect_error(w,
                       world_callf(w, "DescribeClusters", "{\"clusters\":[%.*s]}", STR_ARGS(names)),
                       "InvalidParameterException", "Clusters can not have more than 100 elements.",
                       __FILE__, __LINE__);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAUNCH_TEST(a_cluster_shows_the_optional_parts_that_were_asked_for),
        LAUNCH_TEST(statistics_come_in_the_order_of_the_service),
        LAUNCH_TEST(what_is_missing_is_a_failure_and_the_default_is_asked_for),
        LAUNCH_TEST(an_arn_of_something_else_names_no_cluster),
        LAUNCH_TEST(a_name_and_its_arn_are_one_cluster),
        LAUNCH_TEST(unknown_parts_and_long_lists_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
