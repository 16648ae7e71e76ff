#include "tests/support/launch.h"

#define ARN "containerInstance.containerInstanceArn"

#define RESOURCES                                                                                  \
    "\"totalResources\":[{\"name\":\"CPU\",\"type\":\"INTEGER\",\"integerValue\":2048},"           \
    "{\"name\":\"MEMORY\",\"type\":\"INTEGER\",\"integerValue\":4096},"                            \
    "{\"name\":\"PORTS\",\"type\":\"STRINGSET\",\"stringSetValue\":[\"22\",\"2375\"]},"            \
    "{\"name\":\"PORTS_UDP\",\"type\":\"STRINGSET\",\"stringSetValue\":[]}]"

static struct str enrol(struct world *w, const char *members)
{
    return world_callf(w, "RegisterContainerInstance", "{\"cluster\":\"demo\"%s%s}",
                       members[0] != '\0' ? "," : "", members);
}

static struct str enrol_again(struct world *w, struct str arn, const char *members)
{
    return world_callf(w, "RegisterContainerInstance",
                       "{\"cluster\":\"demo\",\"containerInstanceArn\":\"%.*s\",%s}", STR_ARGS(arn),
                       members);
}

static struct str described(struct world *w, struct str arn)
{
    struct str reply = world_callf(w, "DescribeContainerInstances",
                                   "{\"cluster\":\"demo\",\"containerInstances\":[\"%.*s\"],"
                                   "\"include\":[\"TAGS\"]}",
                                   STR_ARGS(arn));

    return world_get(w, reply, "containerInstances.0");
}

#define EXPECT_REFUSED(w, members, message)                                                        \
    world_expect_error((w), enrol((w), (members)), "InvalidParameterException", (message),         \
                       __FILE__, __LINE__)

static void a_host_becomes_an_active_instance(void **state)
{
    struct world *w = *state;

    EXPECT_JSON(
        w,
        enrol(w, RESOURCES ",\"instanceIdentityDocument\":\"\","
                           "\"attributes\":[{\"name\":\"ecs.os-type\",\"value\":\"linux\"},"
                           "{\"name\":\"ecs.capability.full-sync\"},"
                           "{\"name\":\"stack\",\"value\":\"blue\"}],"
                           "\"tags\":[{\"key\":\"a\",\"value\":\"b\"}],\"clientToken\":\"t\""),
        "{\"containerInstance\":{\"agentConnected\":true,\"attachments\":[],"
        "\"attributes\":[{\"name\":\"ecs.os-type\",\"value\":\"linux\"},"
        "{\"name\":\"ecs.capability.full-sync\"},{\"name\":\"stack\",\"value\":\"blue\"},"
        "{\"name\":\"ecs.availability-zone\",\"value\":\"us-east-1a\"}],"
        "\"containerInstanceArn\":\"*\",\"pendingTasksCount\":0,\"registeredAt\":1767225600,"
        "\"registeredResources\":["
        "{\"name\":\"CPU\",\"type\":\"INTEGER\",\"integerValue\":2048,\"longValue\":0,"
        "\"doubleValue\":0},"
        "{\"name\":\"MEMORY\",\"type\":\"INTEGER\",\"integerValue\":4096,\"longValue\":0,"
        "\"doubleValue\":0},"
        "{\"name\":\"PORTS\",\"type\":\"STRINGSET\",\"integerValue\":0,\"longValue\":0,"
        "\"doubleValue\":0,\"stringSetValue\":[\"22\",\"2375\"]},"
        "{\"name\":\"PORTS_UDP\",\"type\":\"STRINGSET\",\"integerValue\":0,\"longValue\":0,"
        "\"doubleValue\":0,\"stringSetValue\":[]}],"
        "\"remainingResources\":["
        "{\"name\":\"CPU\",\"type\":\"INTEGER\",\"integerValue\":2048,\"longValue\":0,"
        "\"doubleValue\":0},"
        "{\"name\":\"MEMORY\",\"type\":\"INTEGER\",\"integerValue\":4096,\"longValue\":0,"
        "\"doubleValue\":0},"
        "{\"name\":\"PORTS\",\"type\":\"STRINGSET\",\"integerValue\":0,\"longValue\":0,"
        "\"doubleValue\":0,\"stringSetValue\":[\"22\",\"2375\"]},"
        "{\"name\":\"PORTS_UDP\",\"type\":\"STRINGSET\",\"integerValue\":0,\"longValue\":0,"
        "\"doubleValue\":0,\"stringSetValue\":[]}],"
        "\"runningTasksCount\":0,\"status\":\"ACTIVE\","
        "\"tags\":[{\"key\":\"a\",\"value\":\"b\"}],\"version\":1}}");
}

static void an_agent_that_knows_its_zone_keeps_it(void **state)
{
    struct world *w = *state;
    struct str reply =
        enrol(w, "\"attributes\":[{\"name\":\"ecs.availability-zone\",\"value\":\"rack-7\"}]");

    EXPECT_STR(world_get(w, reply, "containerInstance.attributes.0.value"), "rack-7");
    assert_int_equal(launch_count(w, reply, "containerInstance.attributes"), 1);
    w->state.config.zone = STR("cellar");
    EXPECT_STR(world_get(w, enrol(w, ""), "containerInstance.attributes.0.value"), "cellar");
}

static void the_zone_stays_when_it_is_not_said_again(void **state)
{
    struct world *w = *state;
    struct str arn = world_get(
        w, enrol(w, "\"attributes\":[{\"name\":\"ecs.availability-zone\",\"value\":\"rack-7\"}]"),
        ARN);

    EXPECT_STR(world_get(w, enrol_again(w, arn, RESOURCES), "containerInstance.attributes.0.value"),
               "rack-7");
}

static void the_cluster_must_be_there(void **state)
{
    struct world *w = *state;

    EXPECT_ERROR(w, "RegisterContainerInstance", "{}", "ClusterNotFoundException",
                 "Cluster not found.");
    world_ok(w, "DeleteCluster", "{\"cluster\":\"demo\"}");
    EXPECT_ERROR(w, "RegisterContainerInstance", "{\"cluster\":\"demo\"}",
                 "ClusterNotFoundException", "The referenced cluster was inactive.");
}

static void a_call_repeated_with_its_token_is_the_same_instance(void **state)
{
    struct world *w = *state;
    struct str first = world_get(w, enrol(w, "\"clientToken\":\"t1\""), ARN);

    assert_true(str_eq(first, world_get(w, enrol(w, "\"clientToken\":\"t1\""), ARN)));
    world_restart(w);
    assert_true(str_eq(first, world_get(w, enrol(w, "\"clientToken\":\"t1\""), ARN)));
    assert_false(str_eq(first, world_get(w, enrol(w, "\"clientToken\":\"t2\""), ARN)));
    assert_false(str_eq(first, world_get(w, enrol(w, ""), ARN)));
    world_ok(w, "CreateCluster", "{\"clusterName\":\"other\"}");
    assert_false(str_eq(first, world_get(w,
                                         world_ok(w, "RegisterContainerInstance",
                                                  "{\"cluster\":\"other\",\"clientToken\":\"t1\"}"),
                                         ARN)));
}

static void a_token_stays_with_the_instance_that_had_it_first(void **state)
{
    struct world *w = *state;
    struct str first = world_get(w, enrol(w, "\"clientToken\":\"t1\""), ARN);
    struct str second = world_get(w, enrol(w, "\"clientToken\":\"t2\""), ARN);

    enrol_again(w, second, "\"clientToken\":\"t1\"");
    assert_true(str_eq(first, world_get(w, enrol(w, "\"clientToken\":\"t1\""), ARN)));
    assert_true(str_eq(second, world_get(w, enrol(w, "\"clientToken\":\"t2\""), ARN)));
}

static void a_token_of_an_inactive_instance_means_nothing(void **state)
{
    struct world *w = *state;
    struct str first = world_get(w, enrol(w, "\"clientToken\":\"t1\""), ARN);
    struct str second;

    world_callf(w, "DeregisterContainerInstance",
                "{\"cluster\":\"demo\",\"containerInstance\":\"%.*s\"}", STR_ARGS(first));
    second = world_get(w, enrol(w, "\"clientToken\":\"t1\""), ARN);
    assert_false(str_eq(first, second));
    assert_true(str_eq(second, world_get(w, enrol(w, "\"clientToken\":\"t1\""), ARN)));
}

static void the_same_host_again_replaces_what_is_the_agents(void **state)
{
    struct world *w = *state;
    struct str arn = world_get(
        w,
        enrol(w, RESOURCES ",\"attributes\":[{\"name\":\"ecs.capability.a\"},"
                           "{\"name\":\"ecs.capability.b\",\"value\":\"1\"},"
                           "{\"name\":\"stack\",\"value\":\"blue\"}],"
                           "\"tags\":[{\"key\":\"a\",\"value\":\"b\"}],\"clientToken\":\"t1\""),
        ARN);
    struct str reply = enrol_again(
        w, arn,
        "\"totalResources\":[{\"name\":\"CPU\",\"type\":\"INTEGER\",\"integerValue\":1024}],"
        "\"attributes\":[{\"name\":\"ecs.capability.b\",\"value\":\"2\"}],\"tags\":[],"
        "\"clientToken\":\"t2\",\"versionInfo\":{\"agentVersion\":\"1.2.3\"}");

    EXPECT_STR(world_get(w, reply, ARN), str_cstr(&w->arena, arn));
    EXPECT_STR(world_get(w, reply, "containerInstance.attributes"),
               "[{\"name\":\"ecs.capability.b\",\"value\":\"2\"},"
               "{\"name\":\"stack\",\"value\":\"blue\"},"
               "{\"name\":\"ecs.availability-zone\",\"value\":\"us-east-1a\"}]");
    EXPECT_STR(world_get(w, reply, "containerInstance.version"), "2");
    EXPECT_STR(world_get(w, reply, "containerInstance.tags.0.value"), "b");
    EXPECT_STR(world_get(w, reply, "containerInstance.versionInfo.agentVersion"), "1.2.3");
    EXPECT_STR(world_get(w, reply, "containerInstance.remainingResources.0.integerValue"), "1024");
    assert_true(str_eq(arn, world_get(w, enrol(w, "\"clientToken\":\"t2\""), ARN)));
    assert_false(str_eq(arn, world_get(w, enrol(w, "\"clientToken\":\"t1\""), ARN)));
}

static void a_draining_instance_stays_draining(void **state)
{
    struct world *w = *state;
    struct str arn = world_get(w, enrol(w, RESOURCES), ARN);

    world_callf(w, "UpdateContainerInstancesState",
                "{\"cluster\":\"demo\",\"containerInstances\":[\"%.*s\"],\"status\":\"DRAINING\"}",
                STR_ARGS(arn));
    EXPECT_STR(world_get(w, enrol_again(w, arn, RESOURCES), "containerInstance.status"),
               "DRAINING");
}

static void an_unknown_or_deregistered_arn_is_refused(void **state)
{
    struct world *w = *state;
    struct str arn = world_get(w, enrol(w, RESOURCES), ARN);
    struct str lost =
        STR("arn:aws:ecs:us-east-1:123456789012:container-instance/demo/0123456789abcdef");

    world_expect_error(w, enrol_again(w, lost, RESOURCES), "ClientException",
                       "Referenced container instance arn:aws:ecs:us-east-1:123456789012:"
                       "container-instance/demo/0123456789abcdef not found.",
                       __FILE__, __LINE__);
    world_callf(w, "DeregisterContainerInstance",
                "{\"cluster\":\"demo\",\"containerInstance\":\"%.*s\"}", STR_ARGS(arn));
    world_expect_error(
        w, enrol_again(w, arn, RESOURCES), "ClientException",
        str_fmt(&w->arena, "Referenced container instance %.*s was inactive.", STR_ARGS(arn)).ptr,
        __FILE__, __LINE__);
}

static void a_host_must_not_shrink_below_what_runs_on_it(void **state)
{
    struct world *w = *state;
    struct str arn = world_get(w, enrol(w, RESOURCES), ARN);
    const char *small = "\"totalResources\":[{\"name\":\"CPU\",\"type\":\"INTEGER\","
                        "\"integerValue\":%d},{\"name\":\"MEMORY\",\"type\":\"INTEGER\","
                        "\"integerValue\":%d}]";

    world_connect(w, "demo", arn);
    launch_add_simple(w, "web", 512, 1000);
    world_ok(w, "RunTask", "{\"cluster\":\"demo\",\"taskDefinition\":\"web\"}");
    world_expect_error(w, enrol_again(w, arn, arena_printf(&w->arena, small, 511, 1000)),
                       "ClientException",
                       "Container instance resources can not be less than what its tasks use.",
                       __FILE__, __LINE__);
    world_expect_error(w, enrol_again(w, arn, arena_printf(&w->arena, small, 512, 999)),
                       "ClientException",
                       "Container instance resources can not be less than what its tasks use.",
                       __FILE__, __LINE__);
    EXPECT_STR(world_get(w, enrol_again(w, arn, arena_printf(&w->arena, small, 512, 1000)),
                         "containerInstance.remainingResources.0.integerValue"),
               "0");
}

static void a_gpu_in_use_must_stay(void **state)
{
    struct world *w = *state;
    struct str arn = world_get(
        w, enrol(w, RESOURCES ",\"platformDevices\":[{\"id\":\"g0\",\"type\":\"GPU\"}]"), ARN);

    world_connect(w, "demo", arn);
    launch_add_definition(w, "gpu",
                          "{\"containerDefinitions\":[{\"name\":\"main\",\"image\":\"busybox\","
                          "\"essential\":true,\"cpu\":1,\"memory\":1,\"resourceRequirements\":"
                          "[{\"type\":\"GPU\",\"value\":\"1\"}]}],\"compatibilities\":[\"EC2\"]}");
    launch_task_arn(w, world_ok(w, "RunTask", "{\"cluster\":\"demo\",\"taskDefinition\":\"gpu\"}"),
                    0);
    world_expect_error(
        w, enrol_again(w, arn, RESOURCES ",\"platformDevices\":[{\"id\":\"g1\",\"type\":\"GPU\"}]"),
        "ClientException", "Container instance resources can not be less than what its tasks use.",
        __FILE__, __LINE__);
    EXPECT_STR(
        world_get(w,
                  enrol_again(w, arn,
                              RESOURCES ",\"platformDevices\":[{\"id\":\"g1\",\"type\":\"GPU\"},"
                                        "{\"id\":\"g0\",\"type\":\"GPU\"}]"),
                  "containerInstance.remainingResources.4.stringSetValue"),
        "[\"g1\"]");
}

static void a_host_must_stay_of_its_type(void **state)
{
    struct world *w = *state;
    struct str arn = world_get(
        w, enrol(w, "\"attributes\":[{\"name\":\"ecs.instance-type\",\"value\":\"t3.micro\"}]"),
        ARN);

    world_expect_error(
        w,
        enrol_again(w, arn,
                    "\"attributes\":[{\"name\":\"ecs.instance-type\",\"value\":\"m5.large\"}]"),
        "ClientException",
        "Container instance type changes are not supported. It was registered as t3.micro.",
        __FILE__, __LINE__);
}

static void gpus_among_the_devices_become_a_resource(void **state)
{
    struct world *w = *state;
    struct str arn = world_get(w,
                               enrol(w, "\"platformDevices\":[{\"id\":\"g0\",\"type\":\"GPU\"},"
                                        "{\"id\":\"g1\",\"type\":\"GPU\"}]"),
                               ARN);

    EXPECT_STR(world_get(w, described(w, arn), "registeredResources.0.stringSetValue"),
               "[\"g0\",\"g1\"]");
    EXPECT_STR(world_get(w, described(w, arn), "remainingResources.4.stringSetValue"),
               "[\"g0\",\"g1\"]");
    arn = world_get(w,
                    enrol(w, "\"platformDevices\":[{\"id\":\"g0\",\"type\":\"GPU\"}],"
                             "\"totalResources\":[{\"name\":\"GPU\",\"type\":\"STRINGSET\","
                             "\"stringSetValue\":[\"g0\"]}]"),
                    ARN);
    assert_int_equal(launch_count(w, described(w, arn), "registeredResources"), 1);
}

static void an_attribute_sent_twice_counts_once(void **state)
{
    struct world *w = *state;
    struct str reply = enrol(w, "\"attributes\":[{\"name\":\"a\",\"value\":\"1\"},"
                                "{\"name\":\"a\",\"value\":\"2\"}]");

    EXPECT_STR(world_get(w, reply, "containerInstance.attributes.0.value"), "2");
    assert_int_equal(launch_count(w, reply, "containerInstance.attributes"), 2);
}

static void malformed_resources_are_refused(void **state)
{
    struct world *w = *state;

    EXPECT_REFUSED(w, "\"totalResources\":[{\"name\":\"CPU\",\"type\":\"LONG\",\"longValue\":1}]",
                   "Resource 'CPU' must be an INTEGER of at least 0.");
    EXPECT_REFUSED(
        w, "\"totalResources\":[{\"name\":\"MEMORY\",\"type\":\"INTEGER\",\"integerValue\":-1}]",
        "Resource 'MEMORY' must be an INTEGER of at least 0.");
    EXPECT_REFUSED(
        w,
        "\"totalResources\":[{\"name\":\"PORTS\",\"type\":\"STRINGSET\",\"stringSetValue\":"
        "[\"65536\"]}]",
        "Resource 'PORTS' must be a STRINGSET of port numbers.");
    EXPECT_REFUSED(w,
                   "\"totalResources\":[{\"name\":\"CPU\",\"type\":\"INTEGER\"},"
                   "{\"name\":\"CPU\",\"type\":\"INTEGER\"}]",
                   "Resource 'CPU' must be given once.");
    EXPECT_REFUSED(w,
                   "\"totalResources\":[{\"name\":\"GPU\",\"type\":\"STRINGSET\","
                   "\"stringSetValue\":[\"g0\",\"g1\",\"g0\"]}]",
                   "Resource 'GPU' must be a STRINGSET of different ids.");
    EXPECT_REFUSED(w,
                   "\"platformDevices\":[{\"id\":\"g0\",\"type\":\"GPU\"},"
                   "{\"id\":\"g0\",\"type\":\"GPU\"}]",
                   "Resource 'GPU' must be a STRINGSET of different ids.");
    EXPECT_REFUSED(w, "\"totalResources\":[{\"type\":\"INTEGER\"}]",
                   "Resource name can not be blank.");
    assert_int_equal(w->state.entities[REC_KIND_INSTANCE].count, 0);
}

static void malformed_attributes_and_tags_are_refused(void **state)
{
    struct world *w = *state;

    EXPECT_REFUSED(w, "\"attributes\":[{\"name\":\"a b\"}]",
                   "Attribute name must match ^[A-Za-z0-9_\\-./\\\\]{1,128}$");
    EXPECT_REFUSED(w, "\"tags\":[{\"key\":\"AWS:x\"}]",
                   "aws: prefixed tag key names are not allowed for external use.");
    EXPECT_REFUSED(
        w,
        "\"attributes\":[{\"name\":\"a\"},{\"name\":\"b\"},{\"name\":\"c\"},{\"name\":\"d\"},"
        "{\"name\":\"e\"},{\"name\":\"f\"},{\"name\":\"g\"},{\"name\":\"h\"},{\"name\":\"i\"},"
        "{\"name\":\"j\"},{\"name\":\"k\"}]",
        "Custom attributes can not have more than 10 elements.");
}

static void expect_instance_id(struct world *w, const char *document, const char *want)
{
    struct str reply = enrol(
        w, arena_printf(&w->arena, RESOURCES ",\"instanceIdentityDocument\":\"%s\"", document));

    EXPECT_STR(world_get(w, reply, "containerInstance.ec2InstanceId"), want);
}

static void the_identity_document_names_the_host(void **state)
{
    struct world *w = *state;

    expect_instance_id(w, "{\\n  \\\"instanceId\\\" : \\\"i-0abc12\\\"\\n}", "i-0abc12");
    expect_instance_id(w, "{\\\"instanceId\\\":\\\"mi-77\\\",\\\"x\\\":1}", "mi-77");
    expect_instance_id(w, "", "");
    expect_instance_id(w, "{\\\"instanceId\\\":7}", "");
    expect_instance_id(w, "{\\\"instanceId\\\":\\\"../etc\\\"}", "");
    expect_instance_id(w, "{\\\"instanceId\\\"", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAUNCH_TEST(a_host_becomes_an_active_instance),
        LAUNCH_TEST(the_identity_document_names_the_host),
        LAUNCH_TEST(an_agent_that_knows_its_zone_keeps_it),
        LAUNCH_TEST(the_zone_stays_when_it_is_not_said_again),
        LAUNCH_TEST(the_cluster_must_be_there),
        LAUNCH_TEST(a_call_repeated_with_its_token_is_the_same_instance),
        LAUNCH_TEST(a_token_stays_with_the_instance_that_had_it_first),
        LAUNCH_TEST(a_token_of_an_inactive_instance_means_nothing),
        LAUNCH_TEST(the_same_host_again_replaces_what_is_the_agents),
        LAUNCH_TEST(a_draining_instance_stays_draining),
        LAUNCH_TEST(an_unknown_or_deregistered_arn_is_refused),
        LAUNCH_TEST(a_host_must_not_shrink_below_what_runs_on_it),
        LAUNCH_TEST(a_gpu_in_use_must_stay),
        LAUNCH_TEST(a_host_must_stay_of_its_type),
        LAUNCH_TEST(gpus_among_the_devices_become_a_resource),
        LAUNCH_TEST(an_attribute_sent_twice_counts_once),
        LAUNCH_TEST(malformed_resources_are_refused),
        LAUNCH_TEST(malformed_attributes_and_tags_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
