#include "tests/support/launch.h"

#include "base/buf.h"
#include "model/instance.h"
#include "model/task.h"

static void a_task_is_placed_and_pending(void **state)
{
    struct world *w = *state;

    launch_add_instance(w, "a1", 1024, 2048,
                        "[{\"name\":\"ecs.availability-zone\",\"value\":\"us-east-1a\"},"
                        "{\"name\":\"ecs.cpu-architecture\",\"value\":\"x86_64\"}]");
    launch_add_simple(w, "web", 100, 200);
    EXPECT_REPLY(
        w, "RunTask",
        "{\"cluster\":\"demo\",\"taskDefinition\":\"web\",\"startedBy\":\"me/1-a_B\","
        "\"tags\":[{\"key\":\"k\",\"value\":\"v\"}]}",
        "{\"failures\":[],\"tasks\":[{\"attachments\":[],"
        "\"attributes\":[{\"name\":\"ecs.cpu-architecture\",\"value\":\"x86_64\"}],"
        "\"availabilityZone\":\"us-east-1a\","
        "\"clusterArn\":\"arn:aws:ecs:us-east-1:123456789012:cluster/demo\","
        "\"connectivity\":\"CONNECTED\",\"connectivityAt\":\"*\","
        "\"containerInstanceArn\":"
        "\"arn:aws:ecs:us-east-1:123456789012:container-instance/demo/a1\","
        "\"containers\":[{\"containerArn\":\"*\",\"cpu\":\"100\",\"healthStatus\":\"UNKNOWN\","
        "\"image\":\"busybox\",\"lastStatus\":\"PENDING\",\"memory\":\"200\",\"name\":\"main\","
        "\"networkInterfaces\":[],\"taskArn\":\"*\"}],"
        "\"createdAt\":1767225600,\"desiredStatus\":\"RUNNING\",\"enableExecuteCommand\":false,"
        "\"group\":\"family:web\",\"healthStatus\":\"UNKNOWN\",\"inferenceAccelerators\":[],"
        "\"lastStatus\":\"PENDING\",\"launchType\":\"EC2\","
        "\"overrides\":{\"containerOverrides\":[{\"name\":\"main\"}],"
        "\"inferenceAcceleratorOverrides\":[]},\"startedBy\":\"me/1-a_B\","
        "\"tags\":[{\"key\":\"k\",\"value\":\"v\"}],\"taskArn\":\"*\","
        "\"taskDefinitionArn\":\"arn:aws:ecs:us-east-1:123456789012:task-definition/web:1\","
        "\"version\":1}]}");
    assert_int_equal(instance_find_uid(&w->state, STR("a1"))->books.cpu_left, 924);
    assert_int_equal(instance_find_uid(&w->state, STR("a1"))->books.memory_left, 1848);
}

static void the_agent_is_told(void **state)
{
    struct world *w = *state;
    struct str reply;

    launch_add_instance(w, "a1", 1024, 2048, "[]");
    launch_add_simple(w, "web", 100, 200);
    reply = world_ok(w, "RunTask", "{\"cluster\":\"demo\",\"taskDefinition\":\"web\"}");
    assert_int_equal(w->sent_n, 1);
    EXPECT_STR(w->sent[0].name, "PayloadMessage");
    assert_true(str_eq(world_get(w, w->sent[0].json, "tasks.0.arn"), launch_task_arn(w, reply, 0)));
}

static void what_has_no_room_is_named_in_failures(void **state)
{
    struct world *w = *state;
    struct str reply;

    launch_add_instance(w, "a1", 300, 1000, "[]");
    launch_add_instance(w, "a2", 10, 1000, "[]");
    launch_add_simple(w, "web", 100, 100);
    reply =
        world_ok(w, "RunTask", "{\"cluster\":\"demo\",\"taskDefinition\":\"web:1\",\"count\":5}");
    assert_int_equal(launch_count(w, reply, "tasks"), 3);
    assert_int_equal(launch_count(w, reply, "failures"), 2);
    EXPECT_STR(world_get(w, reply, "failures.1.reason"), "RESOURCE:CPU");
    EXPECT_STR(world_get(w, reply, "failures.1.arn"),
               "arn:aws:ecs:us-east-1:123456789012:container-instance/demo/a1");
    EXPECT_STR(world_get(w, reply, "failures.1.detail"), "");
}

static void an_empty_cluster_refuses_the_call(void **state)
{
    struct world *w = *state;
    struct instance *draining;
    struct rec_instance_state st;

    launch_add_simple(w, "web", 1, 1);
    EXPECT_ERROR(w, "RunTask", "{\"cluster\":\"demo\",\"taskDefinition\":\"web\"}",
                 "InvalidParameterException", "No Container Instances were found in your cluster.");
    draining = launch_add_instance(w, "a1", 10, 10, "[]");
    st = *draining->st;
    st.status = REC_INSTANCE_STATUS_DRAINING;
    state_put(&w->state, REC_KIND_INSTANCE_STATE, draining->entity.id, &st);
    EXPECT_ERROR(w, "RunTask", "{\"cluster\":\"demo\",\"taskDefinition\":\"web\"}",
                 "InvalidParameterException", "No Container Instances were found in your cluster.");
}

static void parents_are_looked_up_first(void **state)
{
    struct world *w = *state;

    EXPECT_ERROR(w, "RunTask", "{\"cluster\":\"nope\",\"taskDefinition\":\"web\",\"count\":0}",
                 "ClusterNotFoundException", "Cluster not found.");
    EXPECT_ERROR(w, "RunTask", "{\"taskDefinition\":\"web\"}", "ClusterNotFoundException",
                 "Cluster not found.");
    EXPECT_ERROR(w, "RunTask", "{\"cluster\":\"demo\",\"taskDefinition\":\"web\",\"count\":0}",
                 "ClientException", "TaskDefinition not found.");
}

static void one_reason_for_each_check(void **state)
{
    static const struct {
        const char *attributes;
        const char *definition;
        const char *reason;
    } rows[] = {
        {"[]", "\"cpu\":2000,\"memory\":10", "RESOURCE:CPU"},
        {"[]", "\"memoryReservation\":3000", "RESOURCE:MEMORY"},
        {"[]", "\"memory\":1,\"portMappings\":[{\"containerPort\":80,\"hostPort\":22}]",
         "RESOURCE:PORTS"},
        {"[]", "\"memory\":1,\"resourceRequirements\":[{\"type\":\"GPU\",\"value\":\"1\"}]",
         "RESOURCE:GPU"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world *w = *state;
        struct str reply;

        if (i == 0)
            launch_add_instance(w, "a1", 1000, 2000, rows[i].attributes);
        launch_add_definition(
            w, "web",
            arena_printf(&w->arena,
                         "{\"containerDefinitions\":[{\"name\":\"main\",\"image\":\"b\",%s}],"
                         "\"compatibilities\":[\"EC2\"]}",
                         rows[i].definition));
        reply = world_ok(w, "RunTask", "{\"cluster\":\"demo\",\"taskDefinition\":\"web\"}");
        EXPECT_STR(world_get(w, reply, "failures.0.reason"), rows[i].reason);
        assert_int_equal(launch_count(w, reply, "tasks"), 0);
    }
}

static void add_with_ports(struct world *w, const char *family, int first, int n)
{
    BUF_AUTO struct buf list = BUF_INIT;

    for (int port = first; port < first + n; port++)
        buf_printf(&list, "%s{\"containerPort\":1,\"hostPort\":%d}", port > first ? "," : "", port);
    launch_add_definition(
        w, family,
        arena_printf(&w->arena,
                     "{\"containerDefinitions\":[{\"name\":\"main\",\"image\":\"b\","
                     "\"memory\":1,\"portMappings\":[%.*s]}],\"compatibilities\":[\"EC2\"]}",
                     STR_ARGS(buf_str(&list))));
}

// Port 22 is reserved by the agent; that leaves 99.
static void an_instance_reserves_a_hundred_ports(void **state)
{
    struct world *w = *state;
    struct str reply;

    launch_add_instance(w, "a1", 1000, 2000, "[]");
    add_with_ports(w, "a", 1000, 60);
    add_with_ports(w, "b", 2000, 40);
    add_with_ports(w, "c", 2000, 39);
    world_ok(w, "RunTask", "{\"cluster\":\"demo\",\"taskDefinition\":\"a\"}");
    reply = world_ok(w, "RunTask", "{\"cluster\":\"demo\",\"taskDefinition\":\"b\"}");
    EXPECT_STR(world_get(w, reply, "failures.0.reason"), "RESOURCE:PORTS");
    reply = world_ok(w, "RunTask", "{\"cluster\":\"demo\",\"taskDefinition\":\"c\"}");
    assert_int_equal(launch_count(w, reply, "tasks"), 1);
}

static void required_attributes_and_constraints_bind(void **state)
{
    struct world *w = *state;
    struct str reply;

    launch_add_instance(w, "a1", 1000, 2000, "[{\"name\":\"rack\",\"value\":\"1\"}]");
    launch_add_definition(w, "web",
                          "{\"containerDefinitions\":[{\"name\":\"main\",\"image\":\"b\","
                          "\"memory\":1}],\"compatibilities\":[\"EC2\"],"
                          "\"requiresAttributes\":[{\"name\":\"ecs.capability.task-eni\"}]}");
    reply = world_ok(w, "RunTask", "{\"cluster\":\"demo\",\"taskDefinition\":\"web\"}");
    EXPECT_STR(world_get(w, reply, "failures.0.reason"), "ATTRIBUTE");
    launch_add_definition(w, "web",
                          "{\"containerDefinitions\":[{\"name\":\"main\",\"image\":\"b\","
                          "\"memory\":1}],\"compatibilities\":[\"EC2\"],"
                          "\"placementConstraints\":[{\"type\":\"memberOf\","
                          "\"expression\":\"attribute:rack == 2\"}]}");
    reply = world_ok(w, "RunTask", "{\"cluster\":\"demo\",\"taskDefinition\":\"web\"}");
    EXPECT_STR(world_get(w, reply, "failures.0.reason"),
               "MemberOf placement constraint unsatisfied.");
    launch_add_simple(w, "web", 0, 1);
    reply = world_ok(w, "RunTask",
                     "{\"cluster\":\"demo\",\"taskDefinition\":\"web\",\"count\":2,"
                     "\"placementConstraints\":[{\"type\":\"distinctInstance\"},"
                     "{\"type\":\"memberOf\",\"expression\":\"attribute:rack in [1, 3]\"}]}");
    assert_int_equal(launch_count(w, reply, "tasks"), 1);
    EXPECT_STR(world_get(w, reply, "failures.0.reason"),
               "DistinctInstance placement constraint unsatisfied.");
}

static void ten_tasks_spread_over_three_zones(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < 3; i++)
        launch_add_instance(
            w, (const char *[]){"a", "b", "c"}[i], 1000, 1000,
            arena_printf(&w->arena, "[{\"name\":\"ecs.availability-zone\",\"value\":\"z%d\"}]", i));
    launch_add_simple(w, "web", 10, 10);
    world_ok(w, "RunTask",
             "{\"cluster\":\"demo\",\"taskDefinition\":\"web\",\"count\":10,"
             "\"placementStrategy\":[{\"type\":\"spread\","
             "\"field\":\"attribute:ecs.availability-zone\"}]}");
    for (int i = 0; i < 3; i++)
        assert_in_range(
            instance_find_uid(&w->state, str_of((const char *[]){"a", "b", "c"}[i]))->wanted_n, 3,
            4);
}

static void gpus_are_handed_out_and_shown(void **state)
{
    struct world *w = *state;
    struct str reply;

    launch_add_instance(w, "a1", 1000, 2000, "[{\"name\":\"gpu\"}]");
    launch_add_definition(w, "web",
                          "{\"containerDefinitions\":[{\"name\":\"main\",\"image\":\"b\","
                          "\"memory\":1,\"resourceRequirements\":[{\"type\":\"GPU\","
                          "\"value\":\"1\"}]}],\"compatibilities\":[\"EC2\"]}");
    reply = world_ok(w, "RunTask", "{\"cluster\":\"demo\",\"taskDefinition\":\"web\",\"count\":3}");
    assert_int_equal(launch_count(w, reply, "tasks"), 2);
    EXPECT_STR(world_get(w, reply, "tasks.0.containers.0.gpuIds"), "[\"g0\"]");
    EXPECT_STR(world_get(w, reply, "tasks.1.containers.0.gpuIds"), "[\"g1\"]");
    EXPECT_STR(world_get(w, reply, "failures.0.reason"), "RESOURCE:GPU");
    launch_report(w, launch_task_arn(w, reply, 0), "STOPPED");
    reply = world_ok(w, "RunTask", "{\"cluster\":\"demo\",\"taskDefinition\":\"web\"}");
    EXPECT_STR(world_get(w, reply, "tasks.0.containers.0.gpuIds"), "[\"g0\"]");
}

static void tags_come_from_request_definition_and_cluster(void **state)
{
    struct world *w = *state;
    struct str reply;

    launch_add_instance(w, "a1", 1000, 2000, "[]");
    launch_add_simple(w, "web", 1, 1);
    reply = world_ok(w, "RunTask",
                     "{\"cluster\":\"demo\",\"taskDefinition\":\"web\","
                     "\"propagateTags\":\"TASK_DEFINITION\",\"enableECSManagedTags\":true,"
                     "\"tags\":[{\"key\":\"team\",\"value\":\"b\"},{\"key\":\"new\"}]}");
    EXPECT_STR(world_get(w, reply, "tasks.0.tags"),
               "[{\"key\":\"team\",\"value\":\"b\"},{\"key\":\"x\",\"value\":\"y\"},"
               "{\"key\":\"new\",\"value\":\"\"},"
               "{\"key\":\"aws:ecs:clusterName\",\"value\":\"demo\"}]");
    reply =
        world_ok(w, "RunTask",
                 "{\"cluster\":\"demo\",\"taskDefinition\":\"web\",\"propagateTags\":\"NONE\"}");
    EXPECT_STR(world_get(w, reply, "tasks.0.tags"), "[]");
}

static void fargate_has_no_capacity(void **state)
{
    struct world *w = *state;

    launch_add_definition(w, "web",
                          "{\"containerDefinitions\":[{\"name\":\"main\",\"image\":\"b\"}],"
                          "\"compatibilities\":[\"EC2\",\"FARGATE\"],\"networkMode\":\"awsvpc\","
                          "\"cpu\":\"256\",\"memory\":\"512\"}");
    EXPECT_REPLY(w, "RunTask",
                 "{\"cluster\":\"demo\",\"taskDefinition\":\"web\",\"launchType\":\"FARGATE\","
                 "\"count\":2,\"platformVersion\":\"1.4.0\",\"networkConfiguration\":"
                 "{\"awsvpcConfiguration\":{\"subnets\":[\"s\"],\"assignPublicIp\":\"ENABLED\"}}}",
                 "{\"tasks\":[],\"failures\":[{\"reason\":\"RESOURCE:FARGATE\",\"detail\":"
                 "\"Capacity is unavailable at this time. Please try again later or in a "
                 "different availability zone\"},{\"reason\":\"RESOURCE:FARGATE\",\"detail\":"
                 "\"*\"}]}");
}

static void external_tasks_go_to_external_instances(void **state)
{
    struct world *w = *state;
    struct str reply;

    launch_add_instance(w, "a1", 1000, 2000, "[]");
    launch_add_instance(w, "e1", 1000, 2000, "[{\"name\":\"ecs.capability.external\"}]");
    launch_add_simple(w, "web", 1, 1);
    reply = world_ok(w, "RunTask",
                     "{\"cluster\":\"demo\",\"taskDefinition\":\"web\","
                     "\"launchType\":\"EXTERNAL\",\"count\":10}");
    assert_int_equal(launch_count(w, reply, "tasks"), 10);
    assert_int_equal(instance_find_uid(&w->state, STR("e1"))->wanted_n, 10);
    EXPECT_STR(world_get(w, reply, "tasks.0.launchType"), "EXTERNAL");
}

// --- client tokens

static const char tokened[] =
    "{\"cluster\":\"demo\",\"taskDefinition\":\"web\",\"count\":3,\"clientToken\":\"t1\"}";

static void the_same_token_runs_its_tasks_once(void **state)
{
    struct world *w = *state;
    struct str first;
    struct str again;

    launch_add_instance(w, "a1", 250, 2000, "[]");
    launch_add_simple(w, "web", 100, 1);
    first = world_ok(w, "RunTask", tokened);
    assert_int_equal(launch_count(w, first, "tasks"), 2);
    assert_int_equal(launch_count(w, first, "failures"), 1);
    again = world_ok(w, "RunTask", tokened);
    assert_true(str_eq(first, again));
    world_restart(w);
    launch_report(w, launch_task_arn(w, first, 1), "STOPPED");
    again = world_ok(w, "RunTask", tokened);
    EXPECT_STR(world_get(w, again, "tasks.1.lastStatus"), "STOPPED");
    assert_true(str_eq(launch_task_arn(w, first, 1), launch_task_arn(w, again, 1)));
    assert_int_equal(w->state.entities[REC_KIND_TASK].count, 2);
}

static void another_request_under_the_token_conflicts(void **state)
{
    static const char *const others[] = {
        "{\"cluster\":\"demo\",\"taskDefinition\":\"web\",\"count\":2,\"clientToken\":\"t1\"}",
        "{\"cluster\":\"demo\",\"taskDefinition\":\"web:1\",\"count\":3,\"clientToken\":\"t1\"}",
        "{\"cluster\":\"arn:aws:ecs:us-east-1:123456789012:cluster/demo\","
        "\"taskDefinition\":\"web\",\"count\":3,\"clientToken\":\"t1\"}",
        "{\"cluster\":\"demo\",\"taskDefinition\":\"web\",\"count\":3,\"clientToken\":\"t1\","
        "\"tags\":[]}",
    };
    struct world *w = *state;
    struct str first;

    launch_add_instance(w, "a1", 1000, 2000, "[]");
    launch_add_simple(w, "web", 100, 1);
    first = world_ok(w, "RunTask", tokened);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct str reply = world_call(w, "RunTask", others[i]);

        EXPECT_STR(world_get(w, reply, "__type"), "ConflictException");
        EXPECT_STR(world_get(w, reply, "message"),
                   "The RunTask request could not be processed due to conflicts. The provided "
                   "clientToken is already in use with a different request.");
        for (int k = 0; k < 3; k++)
            assert_true(str_eq(world_get(w, reply, arena_printf(&w->arena, "resourceIds.%d", k)),
                               launch_task_arn(w, first, k)));
    }
}

static void a_token_belongs_to_its_cluster_and_ends(void **state)
{
    struct world *w = *state;
    struct str first;
    struct str again;

    launch_add_instance(w, "a1", 10000, 2000, "[]");
    launch_add_simple(w, "web", 100, 1);
    world_ok(w, "CreateCluster", "{\"clusterName\":\"other\"}");
    first = world_ok(w, "RunTask", tokened);
    EXPECT_ERROR(w, "RunTask",
                 "{\"cluster\":\"other\",\"taskDefinition\":\"web\",\"count\":3,"
                 "\"clientToken\":\"t1\"}",
                 "InvalidParameterException", "No Container Instances were found in your cluster.");
    world_advance(w, 23 * TIME_HOUR_MS);
    assert_true(str_eq(launch_task_arn(w, first, 0),
                       launch_task_arn(w, world_ok(w, "RunTask", tokened), 0)));
    world_advance(w, 2 * TIME_HOUR_MS);
    again = world_ok(w, "RunTask", tokened);
    assert_false(str_eq(launch_task_arn(w, first, 0), launch_task_arn(w, again, 0)));
}

static void a_failed_call_keeps_no_token(void **state)
{
    struct world *w = *state;

    launch_add_simple(w, "web", 100, 1);
    EXPECT_ERROR(w, "RunTask", tokened, "InvalidParameterException",
                 "No Container Instances were found in your cluster.");
    assert_int_equal(w->state.entities[REC_KIND_RUN_TOKEN].count, 0);
    launch_add_instance(w, "a1", 1000, 2000, "[]");
    assert_int_equal(launch_count(w, world_ok(w, "RunTask", tokened), "tasks"), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAUNCH_TEST(a_task_is_placed_and_pending),
        LAUNCH_TEST(the_agent_is_told),
        LAUNCH_TEST(what_has_no_room_is_named_in_failures),
        LAUNCH_TEST(an_empty_cluster_refuses_the_call),
        LAUNCH_TEST(parents_are_looked_up_first),
        LAUNCH_TEST(one_reason_for_each_check),
        LAUNCH_TEST(an_instance_reserves_a_hundred_ports),
        LAUNCH_TEST(required_attributes_and_constraints_bind),
        LAUNCH_TEST(ten_tasks_spread_over_three_zones),
        LAUNCH_TEST(gpus_are_handed_out_and_shown),
        LAUNCH_TEST(tags_come_from_request_definition_and_cluster),
        LAUNCH_TEST(fargate_has_no_capacity),
        LAUNCH_TEST(external_tasks_go_to_external_instances),
        LAUNCH_TEST(the_same_token_runs_its_tasks_once),
        LAUNCH_TEST(another_request_under_the_token_conflicts),
        LAUNCH_TEST(a_token_belongs_to_its_cluster_and_ends),
        LAUNCH_TEST(a_failed_call_keeps_no_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
