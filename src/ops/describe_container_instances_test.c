#include "tests/support/launch.h"

#define I1 "arn:aws:ecs:us-east-1:123456789012:container-instance/demo/i1"

static struct str describe(struct world *w, const char *members)
{
    return world_callf(w, "DescribeContainerInstances", "{\"cluster\":\"demo\",%s}", members);
}

static void ids_and_arns_of_either_form_name_an_instance_once(void **state)
{
    struct world *w = *state;
    struct str reply;

    launch_add_instance(w, "i1", 1024, 1024, "[]");
    reply = describe(w, "\"containerInstances\":[\"i1\",\"" I1 "\",\"arn:aws:ecs:us-east-1:"
                        "123456789012:container-instance/i1\"]");
    assert_int_equal(launch_count(w, reply, "containerInstances"), 1);
    EXPECT_STR(world_get(w, reply, "containerInstances.0.containerInstanceArn"), I1);
    EXPECT_STR(world_get(w, reply, "failures"), "[]");
}

static void what_is_elsewhere_is_missing(void **state)
{
    struct world *w = *state;

    launch_add_instance(w, "i1", 1024, 1024, "[]");
    world_ok(w, "CreateCluster", "{\"clusterName\":\"other\"}");
    EXPECT_JSON(w, describe(w, "\"containerInstances\":[\"i9\"]"),
                "{\"containerInstances\":[],\"failures\":[{\"arn\":\"arn:aws:ecs:us-east-1:"
                "123456789012:container-instance/demo/i9\",\"reason\":\"MISSING\"}]}");
    EXPECT_REPLY(w, "DescribeContainerInstances",
                 "{\"cluster\":\"other\",\"containerInstances\":[\"" I1 "\"]}",
                 "{\"containerInstances\":[],\"failures\":[{\"arn\":\"" I1
                 "\",\"reason\":\"MISSING\"}]}");
    EXPECT_JSON(
        w,
        describe(w, "\"containerInstances\":[\"arn:aws:ecs:us-east-1:123456789012:"
                    "container-instance/other/i1\"]"),
        "{\"containerInstances\":[],\"failures\":[{\"arn\":\"*\",\"reason\":\"MISSING\"}]}");
    EXPECT_JSON(
        w,
        describe(w, "\"containerInstances\":[\"arn:aws:ecs:us-east-1:123456789012:task/"
                    "demo/i1\"]"),
        "{\"containerInstances\":[],\"failures\":[{\"arn\":\"*\",\"reason\":\"MISSING\"}]}");
}

static void tags_and_health_are_shown_on_request(void **state)
{
    struct world *w = *state;
    struct str reply;

    launch_add_instance(w, "i1", 1024, 1024, "[]");
    world_ok(w, "TagResource",
             "{\"resourceArn\":\"" I1 "\",\"tags\":[{\"key\":\"a\",\"value\":\"b\"}]}");
    reply = describe(w, "\"containerInstances\":[\"i1\"]");
    EXPECT_STR(world_get(w, reply, "containerInstances.0.tags"), "[]");
    EXPECT_STR(world_get(w, reply, "containerInstances.0.healthStatus"), "");
    reply = describe(w, "\"containerInstances\":[\"i1\"],"
                        "\"include\":[\"TAGS\",\"CONTAINER_INSTANCE_HEALTH\"]");
    EXPECT_STR(world_get(w, reply, "containerInstances.0.tags.0.value"), "b");
    EXPECT_STR(world_get(w, reply, "containerInstances.0.healthStatus.overallStatus"), "OK");
}

static void inactive_instances_are_remembered_for_a_while(void **state)
{
    struct world *w = *state;
    const char *ask = "\"containerInstances\":[\"i1\"]";

    launch_add_instance(w, "i1", 1024, 1024, "[]");
    world_ok(w, "DeregisterContainerInstance",
             "{\"cluster\":\"demo\",\"containerInstance\":\"i1\"}");
    world_advance(w, w->state.config.inactive_keep_ms - 1);
    EXPECT_STR(world_get(w, describe(w, ask), "containerInstances.0.status"), "INACTIVE");
    world_advance(w, 1);
    EXPECT_STR(world_get(w, describe(w, ask), "failures.0.reason"), "MISSING");
}

static void asking_for_none_or_too_many_is_refused(void **state)
{
    struct world *w = *state;
    struct str ids = STR("\"a\"");

    EXPECT_ERROR(w, "DescribeContainerInstances", "{\"cluster\":\"demo\"}", "ClientException",
                 "Container Instances cannot be empty.");
    EXPECT_ERROR(w, "DescribeContainerInstances", "{\"containerInstances\":[\"i1\"]}",
                 "ClusterNotFoundException", "Cluster not found.");
    for (int i = 0; i < 100; i++)
        ids = str_fmt(&w->arena, "%.*s,\"a%d\"", STR_ARGS(ids), i);
    ids = str_fmt(&w->arena, "\"containerInstances\":[%.*s]", STR_ARGS(ids));
    world_expect_error(w, describe(w, ids.ptr), "InvalidParameterException",
                       "Container Instances can not have more than 100 elements.", __FILE__,
                       __LINE__);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAUNCH_TEST(ids_and_arns_of_either_form_name_an_instance_once),
        LAUNCH_TEST(what_is_elsewhere_is_missing),
        LAUNCH_TEST(tags_and_health_are_shown_on_request),
        LAUNCH_TEST(inactive_instances_are_remembered_for_a_while),
        LAUNCH_TEST(asking_for_none_or_too_many_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
