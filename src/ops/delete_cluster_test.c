#include "tests/support/launch.h"

static void an_empty_cluster_becomes_inactive_and_keeps_its_settings(void **state)
{
    struct world *w = *state;
    const char *want = "{\"cluster\":{\"activeServicesCount\":0,\"capacityProviders\":[],"
                       "\"clusterArn\":\"arn:aws:ecs:us-east-1:123456789012:cluster/demo\","
                       "\"clusterName\":\"demo\",\"defaultCapacityProviderStrategy\":[],"
                       "\"pendingTasksCount\":0,\"registeredContainerInstancesCount\":0,"
                       "\"runningTasksCount\":0,"
                       "\"settings\":[{\"name\":\"containerInsights\",\"value\":\"disabled\"}],"
                       "\"statistics\":[],\"status\":\"INACTIVE\",\"tags\":[]}}";

    EXPECT_REPLY(w, "DeleteCluster", "{\"cluster\":\"demo\"}", want);
    EXPECT_REPLY(w, "DeleteCluster",
                 "{\"cluster\":\"arn:aws:ecs:us-east-1:123456789012:cluster/demo\"}", want);
}

static void what_never_was_is_not_deleted(void **state)
{
    EXPECT_ERROR(*state, "DeleteCluster", "{}", "InvalidParameterException",
                 "Cluster can not be blank.");
    EXPECT_ERROR(*state, "DeleteCluster", "{\"cluster\":\"\"}", "InvalidParameterException",
                 "Cluster can not be blank.");
    EXPECT_ERROR(*state, "DeleteCluster", "{\"cluster\":\"x\"}", "ClusterNotFoundException",
                 "Cluster not found.");
}

static void a_cluster_in_use_is_not_deleted(void **state)
{
    struct world *w = *state;
    struct str reply;

    launch_add_instance(w, "i1", 1024, 1024, "[]");
    launch_add_simple(w, "web", 128, 128);
    reply = world_ok(w, "RunTask", "{\"cluster\":\"demo\",\"taskDefinition\":\"web\"}");
    EXPECT_ERROR(w, "DeleteCluster", "{\"cluster\":\"demo\"}",
                 "ClusterContainsContainerInstancesException",
                 "The Cluster cannot be deleted while Container Instances are active or draining.");
    launch_report(w, launch_task_arn(w, reply, 0), "STOPPED");
    world_ok(w, "DeregisterContainerInstance",
             "{\"cluster\":\"demo\",\"containerInstance\":\"i1\"}");
    world_ok(w, "DeleteCluster", "{\"cluster\":\"demo\"}");
}

static void a_cluster_with_a_service_is_not_deleted(void **state)
{
    struct world *w = *state;

    launch_add_simple(w, "web", 128, 128);
    world_ok(w, "CreateService",
             "{\"cluster\":\"demo\",\"serviceName\":\"s\",\"taskDefinition\":\"web\","
             "\"desiredCount\":1}");
    EXPECT_ERROR(w, "DeleteCluster", "{\"cluster\":\"demo\"}", "ClusterContainsServicesException",
                 "The Cluster cannot be deleted while Services are active.");
    world_ok(w, "DeleteService", "{\"cluster\":\"demo\",\"service\":\"s\",\"force\":true}");
    world_advance(w, 1);
    world_ok(w, "DeleteCluster", "{\"cluster\":\"demo\"}");
}

static void a_cluster_with_a_task_that_stands_nowhere_is_not_deleted(void **state)
{
    struct world *w = *state;
    struct rec_task rec = {0};

    launch_add_simple(w, "web", 128, 128);
    SET(&rec, cluster_id, 1);
    SET(&rec, definition_id, 1);
    SET(&rec, uid, STR("t1"));
    SET(&rec, last_status, REC_TASK_STATUS_PROVISIONING);
    SET(&rec, desired_status, REC_TASK_STATUS_RUNNING);
    SET(&rec, launch_type, ECS_LAUNCH_TYPE_EC2);
    state_put(&w->state, REC_KIND_TASK, state_new_id(&w->state, REC_KIND_TASK), &rec);
    EXPECT_ERROR(w, "DeleteCluster", "{\"cluster\":\"demo\"}", "ClusterContainsTasksException",
                 "The Cluster cannot be deleted while Tasks are active.");
}

static void an_inactive_cluster_is_described_until_it_is_forgotten(void **state)
{
    struct world *w = *state;
    const char *ask = "{\"clusters\":[\"demo\"]}";

    world_ok(w, "DeleteCluster", "{\"cluster\":\"demo\"}");
    EXPECT_STR(world_get(w, world_ok(w, "DescribeClusters", ask), "clusters.0.status"), "INACTIVE");
    world_restart(w);
    EXPECT_STR(world_get(w, world_ok(w, "DescribeClusters", ask), "clusters.0.status"), "INACTIVE");
    world_advance(w, w->state.config.inactive_keep_ms - 1);
    EXPECT_STR(world_get(w, world_ok(w, "DescribeClusters", ask), "clusters.0.status"), "INACTIVE");
    world_advance(w, 1);
    EXPECT_STR(world_get(w, world_ok(w, "DescribeClusters", ask), "failures.0.reason"), "MISSING");
}

static void tasks_outlive_their_cluster_but_not_a_new_one_of_its_name(void **state)
{
    struct world *w = *state;
    struct str task;

    launch_add_instance(w, "i1", 1024, 1024, "[]");
    launch_add_simple(w, "web", 128, 128);
    task = launch_task_arn(
        w, world_ok(w, "RunTask", "{\"cluster\":\"demo\",\"taskDefinition\":\"web\"}"), 0);
    world_ok(w, "DeregisterContainerInstance",
             "{\"cluster\":\"demo\",\"containerInstance\":\"i1\",\"force\":true}");
    world_ok(w, "DeleteCluster", "{\"cluster\":\"demo\"}");
    world_ok(w, "CreateCluster", "{\"clusterName\":\"demo\"}");
    EXPECT_JSON(w,
                world_callf(w, "DescribeTasks", "{\"cluster\":\"demo\",\"tasks\":[\"%.*s\"]}",
                            STR_ARGS(task)),
                "{\"tasks\":[],\"failures\":[{\"arn\":\"*\",\"reason\":\"MISSING\"}]}");
    EXPECT_REPLY(w, "DescribeContainerInstances",
                 "{\"cluster\":\"demo\",\"containerInstances\":[\"i1\"]}",
                 "{\"containerInstances\":[],\"failures\":[{\"arn\":\"arn:aws:ecs:us-east-1:"
                 "123456789012:container-instance/demo/i1\",\"reason\":\"MISSING\"}]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAUNCH_TEST(an_empty_cluster_becomes_inactive_and_keeps_its_settings),
        LAUNCH_TEST(what_never_was_is_not_deleted),
        LAUNCH_TEST(a_cluster_in_use_is_not_deleted),
        LAUNCH_TEST(a_cluster_with_a_service_is_not_deleted),
        LAUNCH_TEST(a_cluster_with_a_task_that_stands_nowhere_is_not_deleted),
        LAUNCH_TEST(an_inactive_cluster_is_described_until_it_is_forgotten),
        LAUNCH_TEST(tasks_outlive_their_cluster_but_not_a_new_one_of_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
