#include "tests/support/launch.h"

#define PREFIX     "arn:aws:ecs:us-east-1:123456789012:"
#define CLUSTER    PREFIX "cluster/demo"
#define INSTANCE   PREFIX "container-instance/demo/i1"
#define SERVICE    PREFIX "service/demo/s"
#define DEFINITION PREFIX "task-definition/web:1"

static int setup(void **state)
{
    launch_setup(state);
    launch_add_instance(*state, "i1", 1024, 1024, "[]");
    launch_add_simple(*state, "web", 128, 128); // tags team=a, x=y
    world_ok(*state, "CreateService",
             "{\"cluster\":\"demo\",\"serviceName\":\"s\",\"taskDefinition\":\"web\","
             "\"desiredCount\":0}");
    return 0;
}

static struct str tag(struct world *w, const char *arn, const char *tags)
{
    return world_callf(w, "TagResource", "{\"resourceArn\":\"%s\",\"tags\":[%s]}", arn, tags);
}

static struct str untag(struct world *w, const char *arn, const char *keys)
{
    return world_callf(w, "UntagResource", "{\"resourceArn\":\"%s\",\"tagKeys\":[%s]}", arn, keys);
}

static struct str list(struct world *w, const char *arn)
{
    return world_callf(w, "ListTagsForResource", "{\"resourceArn\":\"%s\"}", arn);
}

static const char *run_one(struct world *w)
{
    struct str reply = world_ok(w, "RunTask", "{\"cluster\":\"demo\",\"taskDefinition\":\"web\"}");

    return str_cstr(&w->arena, launch_task_arn(w, reply, 0));
}

#define EXPECT_REFUSED(w, got, type, message)                                                      \
    world_expect_error((w), (got), (type), (message), __FILE__, __LINE__)

static void tags_are_merged_and_taken_away(void **state)
{
    struct world *w = *state;
    const char *arns[] = {CLUSTER, INSTANCE, SERVICE, run_one(w)};

    for (int i = 0; i < 4; i++) {
        EXPECT_JSON(w, list(w, arns[i]), "{\"tags\":[]}");
        EXPECT_JSON(w, tag(w, arns[i], "{\"key\":\"a\",\"value\":\"1\"},{\"key\":\"b\"}"), "{}");
        tag(w, arns[i], "{\"key\":\"a\",\"value\":\"2\"},{\"key\":\"A\",\"value\":\"3\"}");
        EXPECT_JSON(w, list(w, arns[i]),
                    "{\"tags\":[{\"key\":\"a\",\"value\":\"2\"},{\"key\":\"b\",\"value\":\"\"},"
                    "{\"key\":\"A\",\"value\":\"3\"}]}");
        EXPECT_JSON(w, untag(w, arns[i], "\"a\",\"b\",\"nope\""), "{}");
        EXPECT_JSON(w, list(w, arns[i]), "{\"tags\":[{\"key\":\"A\",\"value\":\"3\"}]}");
    }
}

static void a_deleted_service_is_not_tagged(void **state)
{
    struct world *w = *state;

    EXPECT_REFUSED(w, list(w, PREFIX "service/demo/t"), "InvalidParameterException",
                   "The specified service does not exist. Specify a valid service and try again.");
    world_ok(w, "DeleteService", "{\"cluster\":\"demo\",\"service\":\"s\"}");
    EXPECT_REFUSED(w, tag(w, SERVICE, "{\"key\":\"a\"}"), "InvalidParameterException",
                   "The specified service is inactive. Specify an active service and try again.");
}

static void tags_survive_a_restart(void **state)
{
    struct world *w = *state;

    tag(w, CLUSTER, "{\"key\":\"a\",\"value\":\"1\"}");
    world_restart(w);
    EXPECT_JSON(w, list(w, CLUSTER), "{\"tags\":[{\"key\":\"a\",\"value\":\"1\"}]}");
}

static void a_definition_is_tagged_with_its_own_errors(void **state)
{
    struct world *w = *state;

    tag(w, DEFINITION, "{\"key\":\"team\",\"value\":\"b\"}");
    EXPECT_JSON(w, list(w, DEFINITION),
                "{\"tags\":[{\"key\":\"team\",\"value\":\"b\"},{\"key\":\"x\",\"value\":\"y\"}]}");
    EXPECT_REFUSED(w, tag(w, DEFINITION, "{\"key\":\"aws:a\",\"value\":\"1\"}"), "ClientException",
                   "aws: prefixed tag key names are not allowed for external use.");
    EXPECT_REFUSED(w, tag(w, PREFIX "task-definition/web:2", ""), "ResourceNotFoundException",
                   "The specified task definition does not exist. Specify a valid task definition "
                   "and try again.");
}

static void bad_tags_are_refused(void **state)
{
    struct world *w = *state;

    EXPECT_REFUSED(w, tag(w, CLUSTER, "{\"value\":\"1\"}"), "InvalidParameterException",
                   "Tag key can not be null.");
    EXPECT_REFUSED(w, tag(w, CLUSTER, "{\"key\":\"Aws:a\"}"), "InvalidParameterException",
                   "aws: prefixed tag key names are not allowed for external use.");
    EXPECT_REFUSED(w, tag(w, CLUSTER, "{\"key\":\"a\",\"value\":\"aWs:\"}"),
                   "InvalidParameterException",
                   "aws: prefixed tag values are not allowed for external use.");
    EXPECT_REFUSED(w, tag(w, CLUSTER, "{\"key\":\"a\"},{\"key\":\"a\"}"),
                   "InvalidParameterException", "Duplicate tag keys found.");
    EXPECT_REFUSED(w, tag(w, CLUSTER, "{\"key\":\"\"}"), "InvalidParameterException",
                   "1 validation error detected: Value '' at 'tags.1.member.key' failed to satisfy "
                   "constraint: Member must have length greater than or equal to 1");
    EXPECT_JSON(w, list(w, CLUSTER), "{\"tags\":[]}");
}

static void managed_tags_stay(void **state)
{
    struct world *w = *state;
    struct str reply = world_ok(w, "RunTask",
                                "{\"cluster\":\"demo\",\"taskDefinition\":\"web\","
                                "\"enableECSManagedTags\":true}");
    const char *task = str_cstr(&w->arena, launch_task_arn(w, reply, 0));

    EXPECT_REFUSED(w, untag(w, task, "\"a\",\"aws:ecs:clusterName\""), "InvalidParameterException",
                   "aws: prefixed tag key names are not allowed for external use.");
    EXPECT_JSON(w, list(w, task),
                "{\"tags\":[{\"key\":\"aws:ecs:clusterName\",\"value\":\"demo\"}]}");
}

static void a_task_set_is_tagged(void **state)
{
    struct world *w = *state;
    const char *arn;

    world_ok(w, "CreateService",
             "{\"cluster\":\"demo\",\"serviceName\":\"own\","
             "\"deploymentController\":{\"type\":\"EXTERNAL\"}}");
    arn = str_cstr(&w->arena, world_get(w,
                                        world_ok(w, "CreateTaskSet",
                                                 "{\"cluster\":\"demo\",\"service\":\"own\","
                                                 "\"taskDefinition\":\"web\","
                                                 "\"tags\":[{\"key\":\"a\",\"value\":\"1\"}]}"),
                                        "taskSet.taskSetArn"));
    EXPECT_JSON(w, tag(w, arn, "{\"key\":\"b\",\"value\":\"2\"}"), "{}");
    EXPECT_JSON(w, untag(w, arn, "\"a\""), "{}");
    EXPECT_JSON(w, list(w, arn), "{\"tags\":[{\"key\":\"b\",\"value\":\"2\"}]}");
    EXPECT_STR(world_get(w,
                         world_ok(w, "DescribeTaskSets",
                                  "{\"cluster\":\"demo\",\"service\":\"own\","
                                  "\"include\":[\"TAGS\"]}"),
                         "taskSets.0.tags.0.key"),
               "b");
    EXPECT_REFUSED(w, tag(w, PREFIX "task-set/demo/own/ecs-svc/1", ""), "ResourceNotFoundException",
                   "The specified task set does not exist. Specify a valid task set and try "
                   "again.");
}

static void fifty_tags_are_the_limit(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < 50; i++)
        tag(w, CLUSTER, arena_printf(&w->arena, "{\"key\":\"k%d\",\"value\":\"\"}", i));
    EXPECT_REFUSED(w, tag(w, CLUSTER, "{\"key\":\"k50\",\"value\":\"\"}"), "LimitExceededException",
                   "A resource can not have more than 50 tags.");
    EXPECT_JSON(w, tag(w, CLUSTER, "{\"key\":\"k49\",\"value\":\"new\"}"), "{}");
}

static void dead_targets_are_refused(void **state)
{
    struct world *w = *state;
    const char *task = run_one(w);

    launch_report(w, str_of(task), "STOPPED");
    EXPECT_REFUSED(w, tag(w, task, ""), "InvalidParameterException",
                   "The specified task is stopped. Specify a running task and try again.");
    world_ok(w, "DeregisterContainerInstance",
             "{\"cluster\":\"demo\",\"containerInstance\":\"i1\"}");
    EXPECT_REFUSED(w, untag(w, INSTANCE, "\"a\""), "InvalidParameterException",
                   "The specified container instance is inactive. Specify an active container "
                   "instance and try again.");
    world_ok(w, "DeleteService", "{\"cluster\":\"demo\",\"service\":\"s\"}");
    world_ok(w, "DeleteCluster", "{\"cluster\":\"demo\"}");
    EXPECT_REFUSED(w, list(w, CLUSTER), "InvalidParameterException",
                   "The specified cluster is inactive. Specify an active cluster and try again.");
}

static void unknown_targets_are_refused(void **state)
{
    struct world *w = *state;

    EXPECT_REFUSED(w, tag(w, PREFIX "cluster/x", ""), "ClusterNotFoundException",
                   "Cluster not found.");
    EXPECT_REFUSED(w, tag(w, PREFIX "task/demo/0", ""), "ResourceNotFoundException",
                   "The specified task does not exist. Specify a valid task and try again.");
    EXPECT_REFUSED(w, list(w, PREFIX "task/demo/0"), "InvalidParameterException",
                   "The specified task does not exist. Specify a valid task and try again.");
    EXPECT_REFUSED(w, tag(w, PREFIX "container-instance/demo/i9", ""), "ResourceNotFoundException",
                   "The specified container instance does not exist. Specify a valid container "
                   "instance and try again.");
    EXPECT_REFUSED(w, tag(w, PREFIX "daemon/demo/x", ""), "ResourceNotFoundException",
                   "The specified resource does not exist. Specify a valid resource and try "
                   "again.");
}

static void only_long_arns_of_this_place_name_a_resource(void **state)
{
    struct world *w = *state;

    EXPECT_REFUSED(w, tag(w, PREFIX "task/0", ""), "InvalidParameterException",
                   "Long arn format must be used for tagging operations");
    EXPECT_REFUSED(w, tag(w, PREFIX "container-instance/i1", ""), "InvalidParameterException",
                   "Long arn format must be used for tagging operations");
    EXPECT_REFUSED(w, tag(w, "demo", ""), "InvalidParameterException",
                   "Invalid parameter at 'resourceArn': it is not an ARN of Amazon ECS");
    EXPECT_REFUSED(w, tag(w, "arn:aws:ecs:eu-west-1:123456789012:cluster/demo", ""),
                   "InvalidParameterException",
                   "Invalid parameter at 'resourceArn': it is of another region or account");
    EXPECT_ERROR(w, "ListTagsForResource", "{}", "InvalidParameterException",
                 "resourceArn can not be blank.");
}

#define TAGS_TEST(name) cmocka_unit_test_setup_teardown(name, setup, launch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TAGS_TEST(tags_are_merged_and_taken_away),
        TAGS_TEST(a_deleted_service_is_not_tagged),
        TAGS_TEST(tags_survive_a_restart),
        TAGS_TEST(a_definition_is_tagged_with_its_own_errors),
        TAGS_TEST(bad_tags_are_refused),
        TAGS_TEST(managed_tags_stay),
        TAGS_TEST(a_task_set_is_tagged),
        TAGS_TEST(fifty_tags_are_the_limit),
        TAGS_TEST(dead_targets_are_refused),
        TAGS_TEST(unknown_targets_are_refused),
        TAGS_TEST(only_long_arns_of_this_place_name_a_resource),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
