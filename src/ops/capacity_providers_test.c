// Capacity providers: made, associated, used, updated, deleted; tasks that go to them and tasks
// that wait for them.

#include "core/lifecycle.h"
#include "core/waiting.h"
#include "model/cluster.h"
#include "model/instance.h"
#include "model/provider.h"
#include "model/task.h"
#include "tests/support/launch.h"

static struct str get(struct world *w, struct str json, const char *path)
{
    return world_get(w, json, path);
}

static void create(struct world *w, const char *name, const char *more)
{
    struct str reply = world_callf(w, "CreateCapacityProvider",
                                   "{\"name\":\"%s\",\"autoScalingGroupProvider\":"
                                   "{\"autoScalingGroupArn\":\"group-%s\"%s}}",
                                   name, name, more);

    EXPECT_STR(get(w, reply, "__type"), "");
}

#define SCALING ",\"managedScaling\":{\"status\":\"ENABLED\"}"

static struct str put(struct world *w, const char *providers, const char *strategy)
{
    return world_callf(w, "PutClusterCapacityProviders",
                       "{\"cluster\":\"demo\",\"capacityProviders\":[%s],"
                       "\"defaultCapacityProviderStrategy\":[%s]}",
                       providers, strategy);
}

static void add_instance(struct world *w, const char *uid, const char *provider, int cpu)
{
    launch_add_instance(w, uid, cpu, 8192,
                        arena_printf(&w->arena,
                                     "[{\"name\":\"gantry.capacity-provider\",\"value\":\"%s\"},"
                                     "{\"name\":\"ecs.availability-zone\",\"value\":\"a\"}]",
                                     provider));
    world_advance(w, 1);
}

static struct str run(struct world *w, int count, const char *more)
{
    struct str reply = world_callf(w, "RunTask",
                                   "{\"cluster\":\"demo\",\"taskDefinition\":\"app\","
                                   "\"count\":%d%s}",
                                   count, more);

    EXPECT_STR(get(w, reply, "__type"), "");
    return reply;
}

static int count_of(struct world *w, struct str reply, const char *member, const char *want)
{
    int n = 0;

    for (int i = 0; i < launch_count(w, reply, "tasks"); i++) {
        const char *path = arena_printf(&w->arena, "tasks.%d.%s", i, member);
        n += str_eq(get(w, reply, path), str_of(want));
    }
    return n;
}

// A task of the cluster as DescribeTasks shows it.
#define EXPECT_TASK(w, arn, path, want)                                                            \
    EXPECT_STR(get((w),                                                                            \
                   world_callf((w), "DescribeTasks",                                               \
                               "{\"cluster\":\"demo\",\"tasks\":[\"%.*s\"]}", STR_ARGS(arn)),      \
                   "tasks.0." path),                                                               \
               (want))

// ---- the providers themselves

static void test_a_provider_is_created_with_defaults(void **state)
{
    EXPECT_REPLY(*state, "CreateCapacityProvider",
                 "{\"name\":\"cp\",\"autoScalingGroupProvider\":{\"autoScalingGroupArn\":\"g\"},"
                 "\"tags\":[{\"key\":\"a\",\"value\":\"b\"}]}",
                 "{\"capacityProvider\":{\"capacityProviderArn\":"
                 "\"arn:aws:ecs:us-east-1:123456789012:capacity-provider/cp\",\"name\":\"cp\","
                 "\"status\":\"ACTIVE\",\"type\":\"EC2_AUTOSCALING\","
                 "\"tags\":[{\"key\":\"a\",\"value\":\"b\"}],"
                 "\"autoScalingGroupProvider\":{\"autoScalingGroupArn\":\"g\","
                 "\"managedScaling\":{\"status\":\"DISABLED\",\"targetCapacity\":100,"
                 "\"minimumScalingStepSize\":1,\"maximumScalingStepSize\":10000,"
                 "\"instanceWarmupPeriod\":300},\"managedTerminationProtection\":\"DISABLED\","
                 "\"managedDraining\":\"ENABLED\"}}}");
}

static void test_a_name_like_the_systems_own_is_refused(void **state)
{
    static const char *const names[] = {"aws-x", "ECS1", "Fargate", "a b"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct str reply = world_callf(*state, "CreateCapacityProvider",
                                       "{\"name\":\"%s\",\"autoScalingGroupProvider\":"
                                       "{\"autoScalingGroupArn\":\"g\"}}",
                                       names[i]);

        EXPECT_STR(get(*state, reply, "__type"), "ClientException");
    }
}

static void test_a_name_and_a_group_are_taken_once(void **state)
{
    struct world *w = *state;

    create(w, "cp", "");
    EXPECT_ERROR(w, "CreateCapacityProvider",
                 "{\"name\":\"cp\",\"autoScalingGroupProvider\":{\"autoScalingGroupArn\":\"o\"}}",
                 "ClientException",
                 "The specified capacity provider already exists. To change the configuration of "
                 "an existing capacity provider, update the capacity provider.");
    EXPECT_ERROR(w, "CreateCapacityProvider",
                 "{\"name\":\"x\",\"autoScalingGroupProvider\":"
                 "{\"autoScalingGroupArn\":\"group-cp\"}}",
                 "ClientException",
                 "The specified Auto Scaling group is already used by another capacity provider. "
                 "Specify an Auto Scaling group that is not in use and try again.");
}

static void test_termination_protection_needs_managed_scaling(void **state)
{
    EXPECT_ERROR(*state, "CreateCapacityProvider",
                 "{\"name\":\"cp\",\"autoScalingGroupProvider\":{\"autoScalingGroupArn\":\"g\","
                 "\"managedTerminationProtection\":\"ENABLED\"}}",
                 "ClientException",
                 "To enable managed termination protection for a capacity provider, managed "
                 "scaling must be enabled. Enable managed scaling and try again.");
}

static void test_an_update_is_in_progress_and_then_complete(void **state)
{
    struct world *w = *state;
    struct str reply;

    create(w, "cp", "");
    reply = world_ok(w, "UpdateCapacityProvider",
                     "{\"name\":\"cp\",\"autoScalingGroupProvider\":{\"managedScaling\":"
                     "{\"status\":\"ENABLED\",\"targetCapacity\":80}}}");
    EXPECT_STR(get(w, reply, "capacityProvider.updateStatus"), "UPDATE_IN_PROGRESS");
    reply = world_ok(w, "DescribeCapacityProviders", "{\"capacityProviders\":[\"cp\"]}");
    EXPECT_STR(get(w, reply, "capacityProviders.0.updateStatus"), "UPDATE_COMPLETE");
    EXPECT_STR(
        get(w, reply, "capacityProviders.0.autoScalingGroupProvider.managedScaling.targetCapacity"),
        "80");
    EXPECT_STR(get(w, reply,
                   "capacityProviders.0.autoScalingGroupProvider.managedScaling."
                   "instanceWarmupPeriod"),
               "300");
}

static void test_a_deleted_provider_is_inactive_and_its_name_free(void **state)
{
    struct world *w = *state;
    struct str reply;

    create(w, "cp", "");
    reply = world_ok(w, "DeleteCapacityProvider", "{\"capacityProvider\":\"cp\"}");
    EXPECT_STR(get(w, reply, "capacityProvider.status"), "ACTIVE");
    EXPECT_STR(get(w, reply, "capacityProvider.updateStatus"), "DELETE_IN_PROGRESS");
    reply = world_ok(w, "DescribeCapacityProviders", "{\"capacityProviders\":[\"cp\"]}");
    EXPECT_STR(get(w, reply, "capacityProviders.0.status"), "INACTIVE");
    EXPECT_STR(get(w, reply, "capacityProviders.0.updateStatus"), "DELETE_COMPLETE");
    world_restart(w);
    create(w, "cp", "");
    EXPECT_REPLY(w, "DeleteCapacityProvider", "{\"capacityProvider\":\"FARGATE\"}",
                 "{\"__type\":\"ClientException\",\"message\":\"*\"}");
}

static void test_all_providers_come_in_pages(void **state)
{
    struct world *w = *state;
    struct str reply;

    create(w, "one", "");
    create(w, "two", "");
    reply = world_ok(w, "DescribeCapacityProviders", "{\"maxResults\":3}");
    EXPECT_STR(get(w, reply, "capacityProviders.0.name"), "FARGATE");
    EXPECT_STR(get(w, reply, "capacityProviders.1.name"), "FARGATE_SPOT");
    EXPECT_STR(get(w, reply, "capacityProviders.2.name"), "one");
    EXPECT_STR(get(w, reply, "capacityProviders.3.name"), "");
    reply = world_callf(w, "DescribeCapacityProviders", "{\"maxResults\":3,\"nextToken\":\"%.*s\"}",
                        STR_ARGS(get(w, reply, "nextToken")));
    EXPECT_STR(get(w, reply, "capacityProviders.0.name"), "two");
    EXPECT_STR(get(w, reply, "nextToken"), "");
    EXPECT_REPLY(w, "DescribeCapacityProviders", "{\"capacityProviders\":[\"no\"]}",
                 "{\"capacityProviders\":[],\"failures\":[{\"arn\":"
                 "\"arn:aws:ecs:us-east-1:123456789012:capacity-provider/no\","
                 "\"reason\":\"MISSING\"}]}");
}

static void test_tags_of_a_provider_are_shown_on_request(void **state)
{
    struct world *w = *state;
    struct str reply;

    create(w, "cp", "");
    world_ok(w, "TagResource",
             "{\"resourceArn\":\"arn:aws:ecs:us-east-1:123456789012:capacity-provider/cp\","
             "\"tags\":[{\"key\":\"a\",\"value\":\"b\"}]}");
    reply = world_ok(w, "DescribeCapacityProviders",
                     "{\"capacityProviders\":[\"cp\"],\"include\":[\"TAGS\"]}");
    EXPECT_STR(get(w, reply, "capacityProviders.0.tags.0.key"), "a");
}

// ---- clusters

static void test_attachments_are_made_and_complete(void **state)
{
    struct world *w = *state;
    struct str reply;

    create(w, "cp", SCALING);
    reply = put(w, "\"cp\",\"FARGATE\"", "{\"capacityProvider\":\"cp\"}");
    EXPECT_STR(get(w, reply, "cluster.attachmentsStatus"), "UPDATE_IN_PROGRESS");
    EXPECT_STR(get(w, reply, "cluster.attachments.0.type"), "as_policy");
    EXPECT_STR(get(w, reply, "cluster.attachments.0.status"), "PRECREATED");
    EXPECT_STR(get(w, reply, "cluster.attachments.0.details.0.value"), "cp");
    EXPECT_STR(get(w, reply, "cluster.attachments.1.type"), "managed_draining");
    EXPECT_STR(get(w, reply, "cluster.capacityProviders.1"), "FARGATE");
    reply =
        world_ok(w, "DescribeClusters", "{\"clusters\":[\"demo\"],\"include\":[\"ATTACHMENTS\"]}");
    EXPECT_STR(get(w, reply, "clusters.0.attachmentsStatus"), "UPDATE_COMPLETE");
    EXPECT_STR(get(w, reply, "clusters.0.attachments.0.status"), "CREATED");
    reply = world_ok(w, "DescribeClusters", "{\"clusters\":[\"demo\"]}");
    EXPECT_STR(get(w, reply, "clusters.0.attachmentsStatus"), "");
    reply = world_ok(w, "UpdateCluster", "{\"cluster\":\"demo\"}");
    EXPECT_STR(get(w, reply, "cluster.attachmentsStatus"), "UPDATE_COMPLETE");
    EXPECT_STR(get(w, reply, "cluster.attachments.0.type"), "as_policy");
}

static void test_a_cluster_made_with_providers_is_provisioned_first(void **state)
{
    struct world *w = *state;
    struct str reply;

    create(w, "cp", "");
    reply = world_ok(w, "CreateCluster", "{\"clusterName\":\"c2\",\"capacityProviders\":[\"cp\"]}");
    EXPECT_STR(get(w, reply, "cluster.status"), "PROVISIONING");
    reply = world_ok(w, "DescribeClusters", "{\"clusters\":[\"c2\"]}");
    EXPECT_STR(get(w, reply, "clusters.0.status"), "ACTIVE");
    EXPECT_REPLY(w, "CreateCluster", "{\"clusterName\":\"c3\",\"capacityProviders\":[\"cp\"]}",
                 "{\"__type\":\"InvalidParameterException\",\"message\":\"*\"}");
    reply = world_ok(w, "DeleteCluster", "{\"cluster\":\"c2\"}");
    EXPECT_STR(get(w, reply, "cluster.status"), "DEPROVISIONING");
    reply = world_ok(w, "DescribeClusters", "{\"clusters\":[\"c2\"]}");
    EXPECT_STR(get(w, reply, "clusters.0.status"), "INACTIVE");
    world_ok(w, "DeleteCapacityProvider", "{\"capacityProvider\":\"cp\"}");
}

static void test_a_provider_in_use_cannot_be_taken_away(void **state)
{
    struct world *w = *state;
    struct str reply;

    create(w, "cp", "");
    put(w, "\"cp\"", "{\"capacityProvider\":\"cp\"}");
    launch_add_simple(w, "app", 256, 512);
    add_instance(w, "i1", "cp", 1024);
    reply = run(w, 1, "");
    EXPECT_ERROR(w, "PutClusterCapacityProviders",
                 "{\"cluster\":\"demo\",\"capacityProviders\":[],"
                 "\"defaultCapacityProviderStrategy\":[]}",
                 "ResourceInUseException",
                 "The specified capacity provider is in use and cannot be removed.");
    EXPECT_REPLY(w, "DeleteCapacityProvider", "{\"capacityProvider\":\"cp\"}",
                 "{\"__type\":\"ClientException\",\"message\":\"*\"}");
    launch_report(w, launch_task_arn(w, reply, 0), "STOPPED");
    EXPECT_STR(get(w, put(w, "", ""), "__type"), "");
}

// ---- RunTask

static void setup_two(struct world *w, const char *more)
{
    create(w, "a", more);
    create(w, "b", more);
    EXPECT_STR(get(w, put(w, "\"a\",\"b\"", ""), "__type"), "");
    launch_add_simple(w, "app", 256, 512);
}

static void test_tasks_are_divided_by_base_and_weight(void **state)
{
    struct world *w = *state;
    struct str reply;

    setup_two(w, "");
    add_instance(w, "i1", "a", 8192);
    add_instance(w, "i2", "b", 8192);
    reply = run(w, 10,
                ",\"capacityProviderStrategy\":[{\"capacityProvider\":\"a\",\"base\":2,"
                "\"weight\":1},{\"capacityProvider\":\"b\",\"weight\":4}]");
    assert_int_equal(count_of(w, reply, "capacityProviderName", "a"), 4);
    assert_int_equal(count_of(w, reply, "capacityProviderName", "b"), 6);
    assert_int_equal(count_of(w, reply, "launchType", "EC2"), 10);
    EXPECT_STR(get(w,
                   world_ok(w, "DescribeContainerInstances",
                            "{\"cluster\":\"demo\",\"containerInstances\":[\"i2\"]}"),
                   "containerInstances.0.capacityProviderName"),
               "b");
    EXPECT_STR(get(w,
                   world_ok(w, "DescribeContainerInstances",
                            "{\"cluster\":\"demo\",\"containerInstances\":[\"i2\"]}"),
                   "containerInstances.0.runningTasksCount"),
               "6");
}

static void test_without_managed_scaling_a_task_without_room_fails(void **state)
{
    struct world *w = *state;
    struct str reply;

    setup_two(w, "");
    reply = run(w, 1, ",\"capacityProviderStrategy\":[{\"capacityProvider\":\"a\"}]");
    EXPECT_STR(get(w, reply, "failures.0.reason"), "EMPTY CAPACITY PROVIDER");
    EXPECT_STR(get(w, reply, "failures.0.arn"), "");
    add_instance(w, "i1", "a", 128);
    reply = run(w, 1, ",\"capacityProviderStrategy\":[{\"capacityProvider\":\"a\"}]");
    EXPECT_STR(get(w, reply, "failures.0.reason"), "RESOURCE:CPU");
    world_ok(w, "UpdateContainerInstancesState",
             "{\"cluster\":\"demo\",\"containerInstances\":[\"i1\"],\"status\":\"DRAINING\"}");
    reply = run(w, 1, ",\"capacityProviderStrategy\":[{\"capacityProvider\":\"a\"}]");
    EXPECT_STR(get(w, reply, "failures.0.reason"), "NO ACTIVE INSTANCES");
}

static void setup_scaling(struct world *w)
{
    create(w, "a", SCALING);
    EXPECT_STR(get(w, put(w, "\"a\"", "{\"capacityProvider\":\"a\"}"), "__type"), "");
    launch_add_simple(w, "app", 256, 512);
}

static void test_with_managed_scaling_tasks_wait_and_are_placed_in_order(void **state)
{
    struct world *w = *state;
    struct str first;
    struct str second;
    struct str third;

    setup_scaling(w);
    first = launch_task_arn(w, run(w, 1, ""), 0);
    second = launch_task_arn(w, run(w, 1, ""), 0);
    third = launch_task_arn(w, run(w, 1, ""), 0);
    EXPECT_TASK(w, first, "lastStatus", "PROVISIONING");
    EXPECT_TASK(w, first, "containerInstanceArn", "");
    EXPECT_TASK(w, first, "capacityProviderName", "a");
    world_restart(w);
    add_instance(w, "i1", "a", 512);
    EXPECT_TASK(w, first, "lastStatus", "PENDING");
    EXPECT_TASK(w, second, "lastStatus", "PENDING");
    EXPECT_TASK(w, third, "lastStatus", "PROVISIONING");
    launch_report(w, first, "STOPPED");
    world_advance(w, 1);
    EXPECT_TASK(w, third, "lastStatus", "PENDING");
    EXPECT_TASK(w, third, "containerInstanceArn",
                "arn:aws:ecs:us-east-1:123456789012:container-instance/demo/i1");
}

static void test_a_large_task_does_not_hold_up_a_small_one(void **state)
{
    struct world *w = *state;
    struct str large;
    struct str small;

    setup_scaling(w);
    large = launch_task_arn(w,
                            run(w, 1,
                                ",\"overrides\":{\"containerOverrides\":[{\"name\":\"main\","
                                "\"cpu\":4096}]}"),
                            0);
    small = launch_task_arn(w, run(w, 1, ""), 0);
    add_instance(w, "i1", "a", 512);
    EXPECT_TASK(w, large, "lastStatus", "PROVISIONING");
    EXPECT_TASK(w, small, "lastStatus", "PENDING");
}

static void test_a_waiting_task_keeps_its_constraints(void **state)
{
    struct world *w = *state;
    struct str task;

    setup_scaling(w);
    task = launch_task_arn(w,
                           run(w, 1,
                               ",\"placementConstraints\":[{\"type\":\"memberOf\",\"expression\":"
                               "\"attribute:size == big\"}]"),
                           0);
    world_restart(w);
    add_instance(w, "i1", "a", 512);
    EXPECT_TASK(w, task, "lastStatus", "PROVISIONING");
    world_ok(w, "PutAttributes",
             "{\"cluster\":\"demo\",\"attributes\":[{\"name\":\"size\",\"value\":\"big\","
             "\"targetId\":\"arn:aws:ecs:us-east-1:123456789012:container-instance/demo/i1\"}]}");
    EXPECT_TASK(w, task, "lastStatus", "PENDING");
}

static void test_a_waiting_task_is_stopped_without_an_agent(void **state)
{
    struct world *w = *state;
    struct str task;

    setup_scaling(w);
    task = launch_task_arn(w, run(w, 1, ",\"tags\":[{\"key\":\"k\",\"value\":\"v\"}]"), 0);
    world_callf(w, "StopTask", "{\"cluster\":\"demo\",\"task\":\"%.*s\",\"reason\":\"enough\"}",
                STR_ARGS(task));
    EXPECT_TASK(w, task, "lastStatus", "STOPPED");
    EXPECT_TASK(w, task, "stopCode", "UserInitiated");
    EXPECT_TASK(w, task, "stoppedReason", "enough");
    add_instance(w, "i1", "a", 512);
    EXPECT_TASK(w, task, "lastStatus", "STOPPED");
}

static void test_nobody_reports_on_a_waiting_task(void **state)
{
    struct world *w = *state;
    struct str task;

    setup_scaling(w);
    task = launch_task_arn(w, run(w, 1, ""), 0);
    world_callf(w, "SubmitTaskStateChange",
                "{\"cluster\":\"demo\",\"task\":\"%.*s\",\"status\":\"RUNNING\"}", STR_ARGS(task));
    EXPECT_TASK(w, task, "lastStatus", "PROVISIONING");
}

static void test_a_waiting_task_gives_up_after_an_hour(void **state)
{
    struct world *w = *state;
    struct str task;

    setup_scaling(w);
    task = launch_task_arn(w, run(w, 1, ""), 0);
    add_instance(w, "i1", "a", 128);
    world_advance(w, TASK_WAIT_MS - 2);
    EXPECT_TASK(w, task, "lastStatus", "PROVISIONING");
    world_advance(w, 1);
    EXPECT_TASK(w, task, "lastStatus", "STOPPED");
    EXPECT_TASK(w, task, "stopCode", "TaskFailedToStart");
    EXPECT_TASK(w, task, "stoppedReason", "TaskFailedToStart: RESOURCE:CPU");
}

static void test_only_so_many_tasks_wait_in_a_cluster(void **state)
{
    struct world *w = *state;

    setup_scaling(w);
    for (int i = 0; i < WAITING_MAX / 10; i++)
        run(w, 10, "");
    EXPECT_ERROR(w, "RunTask", "{\"cluster\":\"demo\",\"taskDefinition\":\"app\"}",
                 "ClientException",
                 "You've reached the limit on the number of tasks that can be in the PROVISIONING "
                 "state in a cluster.");
    add_instance(w, "i1", "a", 512);
    assert_int_equal(cluster_find(&w->state, w->region, STR("demo"))->tasks_waiting_n,
                     WAITING_MAX - 2);
    run(w, 2, "");
}

// ---- services

static void create_service(struct world *w, int desired, const char *more)
{
    struct str reply = world_callf(w, "CreateService",
                                   "{\"cluster\":\"demo\",\"serviceName\":\"web\","
                                   "\"taskDefinition\":\"app\",\"desiredCount\":%d%s}",
                                   desired, more);

    EXPECT_STR(get(w, reply, "__type"), "");
}

static int provided(struct world *w, const char *provider)
{
    const struct cluster *cluster = cluster_find(&w->state, w->region, STR("demo"));
    int n = 0;

    LIST_EACH (&cluster->tasks.wanted, it) {
        const struct task *task = LIST_ENTRY(it, struct task, listed[TASK_LIST_CLUSTER]);
        n += str_eq(task->rec->capacity_provider_name, str_of(provider));
    }
    return n;
}

static struct str web(struct world *w)
{
    return world_ok(w, "DescribeServices", "{\"cluster\":\"demo\",\"services\":[\"web\"]}");
}

#define BY_BOTH                                                                                    \
    ",\"capacityProviderStrategy\":[{\"capacityProvider\":\"a\",\"base\":1,\"weight\":1},"         \
    "{\"capacityProvider\":\"b\",\"weight\":4}]"

static void report_all(struct world *w)
{
    const struct cluster *cluster = cluster_find(&w->state, w->region, STR("demo"));

    LIST_EACH_SAFE (&cluster->tasks.wanted, it) {
        const struct task *task = LIST_ENTRY(it, struct task, listed[TASK_LIST_CLUSTER]);

        if (task->rec->last_status == REC_TASK_STATUS_PENDING)
            world_callf(w, "SubmitTaskStateChange",
                        "{\"cluster\":\"demo\",\"task\":\"%.*s\",\"status\":\"RUNNING\"}",
                        STR_ARGS(task_arn(&w->state, task, &w->arena)));
    }
    world_advance(w, 40 * TIME_SECOND_MS);
}

static void test_a_service_divides_its_tasks_and_gives_them_back_alike(void **state)
{
    struct world *w = *state;

    setup_two(w, "");
    add_instance(w, "i1", "a", 8192);
    add_instance(w, "i2", "b", 8192);
    create_service(w, 6, BY_BOTH);
    assert_int_equal(provided(w, "a"), 2);
    assert_int_equal(provided(w, "b"), 4);
    report_all(w);
    world_ok(w, "UpdateService", "{\"cluster\":\"demo\",\"service\":\"web\",\"desiredCount\":11}");
    assert_int_equal(provided(w, "a"), 3);
    assert_int_equal(provided(w, "b"), 8);
    report_all(w);
    world_ok(w, "UpdateService", "{\"cluster\":\"demo\",\"service\":\"web\",\"desiredCount\":2}");
    assert_int_equal(provided(w, "a"), 1);
    assert_int_equal(provided(w, "b"), 1);
}

static void test_a_service_says_that_its_provider_is_empty(void **state)
{
    struct world *w = *state;

    setup_two(w, "");
    create_service(w, 1, BY_BOTH);
    EXPECT_STR(get(w, web(w), "services.0.events.0.message"),
               "(service web) was unable to reach steady state. Reason: No Container Instances "
               "were found in your capacity provider.");
    EXPECT_STR(get(w, web(w), "services.0.pendingCount"), "0");
    EXPECT_STR(get(w, web(w), "services.0.capacityProviderStrategy.0.capacityProvider"), "a");
    add_instance(w, "i1", "a", 8192);
    EXPECT_STR(get(w, web(w), "services.0.pendingCount"), "1");
}

static void test_a_services_tasks_wait_where_the_provider_scales(void **state)
{
    struct world *w = *state;

    setup_scaling(w);
    create_service(w, 3, "");
    EXPECT_STR(get(w, web(w), "services.0.pendingCount"), "3");
    assert_int_equal(cluster_find(&w->state, w->region, STR("demo"))->tasks_waiting_n, 3);
    world_advance(w, 2 * TASK_WAIT_MS); // they do not give up
    world_ok(w, "UpdateService", "{\"cluster\":\"demo\",\"service\":\"web\",\"desiredCount\":2}");
    assert_int_equal(cluster_find(&w->state, w->region, STR("demo"))->tasks_waiting_n, 2);
    add_instance(w, "i1", "a", 8192);
    assert_int_equal(cluster_find(&w->state, w->region, STR("demo"))->tasks_waiting_n, 0);
    report_all(w);
    EXPECT_STR(get(w, web(w), "services.0.runningCount"), "2");
    EXPECT_STR(get(w, web(w), "services.0.events.0.message"),
               "(service web) has reached a steady state.");
}

static void test_a_service_stops_where_too_many_tasks_wait(void **state)
{
    struct world *w = *state;

    setup_scaling(w);
    create_service(w, WAITING_MAX + 1, "");
    world_advance(w, 1);
    assert_int_equal(cluster_find(&w->state, w->region, STR("demo"))->tasks_waiting_n, WAITING_MAX);
    EXPECT_STR(get(w, web(w), "services.0.events.0.message"),
               "(service web) was unable to place tasks in your cluster because the tasks "
               "provisioning capacity limit was exceeded.");
}

static void test_a_daemon_service_of_a_provider_runs_on_its_instances_only(void **state)
{
    struct world *w = *state;
    struct str reply;

    setup_two(w, "");
    add_instance(w, "i1", "a", 1024);
    add_instance(w, "i2", "b", 1024);
    add_instance(w, "i3", "", 1024);
    reply = world_ok(w, "CreateService",
                     "{\"cluster\":\"demo\",\"serviceName\":\"web\",\"taskDefinition\":\"app\","
                     "\"schedulingStrategy\":\"DAEMON\",\"capacityProviderStrategy\":"
                     "[{\"capacityProvider\":\"a\"}]}");
    (void)reply;
    EXPECT_STR(get(w, web(w), "services.0.desiredCount"), "1");
    assert_int_equal(provided(w, "a"), 1);
}

#define BY_A   ",\"capacityProviderStrategy\":[{\"capacityProvider\":\"a\"}]"
#define BY_B   ",\"capacityProviderStrategy\":[{\"capacityProvider\":\"b\"}]"
#define BY_NIL ",\"capacityProviderStrategy\":[]"
#define FORCED ",\"forceNewDeployment\":true"

static struct str update(struct world *w, const char *more)
{
    return world_callf(w, "UpdateService", "{\"cluster\":\"demo\",\"service\":\"web\"%s}", more);
}

static void test_a_service_changes_its_strategy_with_a_new_deployment(void **state)
{
    struct world *w = *state;
    struct str reply;

    setup_two(w, "");
    create_service(w, 0, BY_A);
    reply = update(w, BY_A); // is no change
    EXPECT_STR(get(w, reply, "__type"), "");
    EXPECT_STR(get(w, reply, "service.deployments.1.id"), "");
    EXPECT_STR(get(w, update(w, BY_B), "__type"), "InvalidParameterException");
    reply = update(w, BY_B FORCED);
    EXPECT_STR(get(w, reply, "service.capacityProviderStrategy.0.capacityProvider"), "b");
    EXPECT_STR(get(w, update(w, BY_NIL FORCED), "message"),
               "No launch type to fall back to for empty capacity provider strategy. Your service "
               "was not created with a launch type.");
}

static void test_an_empty_strategy_is_the_default_or_the_launch_type_from_before(void **state)
{
    struct world *w = *state;
    struct str reply;

    setup_two(w, "");
    create_service(w, 0, ",\"launchType\":\"EXTERNAL\"");
    reply = update(w, BY_NIL); // there is none
    EXPECT_STR(get(w, reply, "service.launchType"), "EXTERNAL");
    EXPECT_STR(get(w, reply, "service.deployments.1.id"), "");
    update(w, BY_A FORCED);
    reply = update(w, BY_NIL FORCED);
    EXPECT_STR(get(w, reply, "service.launchType"), "EXTERNAL");
    EXPECT_STR(get(w, reply, "service.capacityProviderStrategy"), "");
    put(w, "\"a\",\"b\"", "{\"capacityProvider\":\"b\"}");
    reply = update(w, BY_NIL FORCED);
    EXPECT_STR(get(w, reply, "service.capacityProviderStrategy.0.capacityProvider"), "b");
}

static void test_a_provider_of_a_task_set_is_in_use(void **state)
{
    struct world *w = *state;

    setup_two(w, "");
    world_ok(w, "CreateService",
             "{\"cluster\":\"demo\",\"serviceName\":\"web\","
             "\"deploymentController\":{\"type\":\"EXTERNAL\"}}");
    EXPECT_STR(get(w,
                   world_callf(w, "CreateTaskSet",
                               "{\"cluster\":\"demo\",\"service\":\"web\","
                               "\"taskDefinition\":\"app\"%s}",
                               BY_A),
                   "__type"),
               "");
    EXPECT_STR(get(w, put(w, "\"b\"", ""), "__type"), "ResourceInUseException");
}

static void test_fargate_has_no_capacity_for_services(void **state)
{
    struct world *w = *state;

    put(w, "\"FARGATE\"", "");
    launch_add_definition(w, "app",
                          "{\"containerDefinitions\":[{\"name\":\"main\",\"image\":\"b\","
                          "\"essential\":true}],\"cpu\":\"256\",\"memory\":\"512\","
                          "\"networkMode\":\"awsvpc\",\"compatibilities\":[\"FARGATE\"]}");
    launch_add_instance(w, "i1", 4096, 8192, "[]");
    create_service(w, 1,
                   ",\"capacityProviderStrategy\":[{\"capacityProvider\":\"FARGATE\"}],"
                   "\"networkConfiguration\":{\"awsvpcConfiguration\":{\"subnets\":[\"s\"]}}");
    EXPECT_STR(get(w, web(w), "services.0.events.0.message"),
               "(service web) was unable to place a task. Reason: Capacity is unavailable at this "
               "time. Please try again later or in a different availability zone.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAUNCH_TEST(test_a_provider_is_created_with_defaults),
        LAUNCH_TEST(test_a_name_like_the_systems_own_is_refused),
        LAUNCH_TEST(test_a_name_and_a_group_are_taken_once),
        LAUNCH_TEST(test_termination_protection_needs_managed_scaling),
        LAUNCH_TEST(test_an_update_is_in_progress_and_then_complete),
        LAUNCH_TEST(test_a_deleted_provider_is_inactive_and_its_name_free),
        LAUNCH_TEST(test_all_providers_come_in_pages),
        LAUNCH_TEST(test_tags_of_a_provider_are_shown_on_request),
        LAUNCH_TEST(test_attachments_are_made_and_complete),
        LAUNCH_TEST(test_a_cluster_made_with_providers_is_provisioned_first),
        LAUNCH_TEST(test_a_provider_in_use_cannot_be_taken_away),
        LAUNCH_TEST(test_tasks_are_divided_by_base_and_weight),
        LAUNCH_TEST(test_without_managed_scaling_a_task_without_room_fails),
        LAUNCH_TEST(test_with_managed_scaling_tasks_wait_and_are_placed_in_order),
        LAUNCH_TEST(test_a_large_task_does_not_hold_up_a_small_one),
        LAUNCH_TEST(test_a_waiting_task_keeps_its_constraints),
        LAUNCH_TEST(test_a_waiting_task_is_stopped_without_an_agent),
        LAUNCH_TEST(test_nobody_reports_on_a_waiting_task),
        LAUNCH_TEST(test_a_waiting_task_gives_up_after_an_hour),
        LAUNCH_TEST(test_only_so_many_tasks_wait_in_a_cluster),
        LAUNCH_TEST(test_a_service_divides_its_tasks_and_gives_them_back_alike),
        LAUNCH_TEST(test_a_service_says_that_its_provider_is_empty),
        LAUNCH_TEST(test_a_services_tasks_wait_where_the_provider_scales),
        LAUNCH_TEST(test_a_service_stops_where_too_many_tasks_wait),
        LAUNCH_TEST(test_a_daemon_service_of_a_provider_runs_on_its_instances_only),
        LAUNCH_TEST(test_a_service_changes_its_strategy_with_a_new_deployment),
        LAUNCH_TEST(test_an_empty_strategy_is_the_default_or_the_launch_type_from_before),
        LAUNCH_TEST(test_a_provider_of_a_task_set_is_in_use),
        LAUNCH_TEST(test_fargate_has_no_capacity_for_services),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
