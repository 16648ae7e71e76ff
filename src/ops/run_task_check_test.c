// What RunTask refuses, each with its sentence.

#include "tests/support/launch.h"

#include "base/buf.h"
#include "model/cluster.h"

struct refusal {
    const char *members; // of the request, behind cluster and taskDefinition
    const char *message;
};

static void expect_refusals(struct world *w, const char *family, const struct refusal *rows,
                            size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *json =
            arena_printf(&w->arena, "{\"cluster\":\"demo\",\"taskDefinition\":\"%s\",%s}", family,
                         rows[i].members);
        struct str reply = world_call(w, "RunTask", json);

        if (!str_eq(world_get(w, reply, "message"), str_of(rows[i].message)))
            fail_msg("%s\n got  %.*s\n want %s", json, STR_ARGS(reply), rows[i].message);
        EXPECT_STR(world_get(w, reply, "__type"), "InvalidParameterException");
    }
    assert_int_equal(w->state.entities[REC_KIND_TASK].count, 0);
}
#define EXPECT_REFUSALS(w, family, rows)                                                           \
    expect_refusals((w), (family), (rows), sizeof(rows) / sizeof *(rows))

static void parameters_out_of_range_are_refused(void **state)
{
    static const struct refusal rows[] = {
        {"\"count\":0", "count must be between 1 and 10"},
        {"\"count\":11", "count must be between 1 and 10"},
        {"\"group\":\"service:x\"", "group must not start with 'service:'"},
        {"\"startedBy\":\"a b\"", "startedBy must match ^[a-zA-Z0-9\\-_/]{0,128}$"},
        {"\"propagateTags\":\"SERVICE\"", "propagateTags should be one of [TASK_DEFINITION,NONE]"},
        {"\"propagateTags\":\"X\"", "propagateTags should be one of [TASK_DEFINITION,NONE]"},
        {"\"clientToken\":\"\"", "idempotency token should not be empty."},
        {"\"clientToken\":\"a b\"",
         "idempotency token must consist of ASCII characters 33 to 126."},
        {"\"tags\":[{\"key\":\"aws:x\",\"value\":\"v\"}]",
         "aws: prefixed tag key names are not allowed for external use."},
        {"\"enableExecuteCommand\":true",
         "The task couldn't be started because a valid taskRoleArn is not being used. Specify a "
         "valid task role in your task definition and try again."},
    };
    struct world *w = *state;

    launch_add_instance(w, "a1", 1000, 1000, "[]");
    launch_add_simple(w, "web", 10, 10);
    EXPECT_REFUSALS(w, "web", rows);
}

static char *filled(struct world *w, const char *format, size_t n)
{
    char *text = arena_alloc(&w->arena, n + 1);

    memset(text, 'x', n);
    return arena_printf(&w->arena, format, text);
}

static void texts_have_limits(void **state)
{
    struct world *w = *state;
    const struct refusal rows[] = {
        {filled(w, "\"group\":\"%s\"", 256), "group length must be at most 255"},
        {filled(w, "\"startedBy\":\"%s\"", 129), "startedBy must match ^[a-zA-Z0-9\\-_/]{0,128}$"},
        {filled(w, "\"clientToken\":\"%s\"", 65), "idempotency token longer than 64."},
        {filled(w,
                "\"overrides\":{\"containerOverrides\":[{\"name\":\"main\",\"command\":[\"%s\"]}]}",
                8140),
         "Container Overrides length must be at most 8192"},
        {filled(w,
                "\"placementConstraints\":[{\"type\":\"memberOf\",\"expression\":\"attribute:a == "
                "%s\"}]",
                2000),
         "memberOf expression length must be at most 2000"},
    };

    launch_add_instance(w, "a1", 1000, 1000, "[]");
    launch_add_simple(w, "web", 10, 10);
    EXPECT_REFUSALS(w, "web", rows);
    world_ok(w, "RunTask",
             filled(w,
                    "{\"cluster\":\"demo\",\"taskDefinition\":\"web\",\"group\":\"%s\","
                    "\"overrides\":{}}",
                    255));
    world_ok(w, "RunTask",
             filled(w,
                    "{\"cluster\":\"demo\",\"taskDefinition\":\"web\",\"overrides\":"
                    "{\"containerOverrides\":[{\"name\":\"main\",\"command\":[\"%s\"]}]}}",
                    8100));
}

static void launch_type_and_strategy_exclude_each_other(void **state)
{
    static const struct refusal rows[] = {
        {"\"launchType\":\"EC2\",\"capacityProviderStrategy\":[{\"capacityProvider\":\"p\"}]",
         "Specify either Launch Type or Capacity Provider Strategy, but not both."},
        {"\"launchType\":\"MOON\"", "launch type should be one of [EC2,FARGATE,EXTERNAL]"},
        {"\"launchType\":\"MANAGED_INSTANCES\"",
         "launch type should be one of [EC2,FARGATE,EXTERNAL]"},
        {"\"launchType\":\"FARGATE\"", "Task definition does not support launch_type FARGATE."},
        {"\"capacityProviderStrategy\":[{\"capacityProvider\":\"p\"}]",
         "The specified capacity provider strategy cannot contain a capacity provider that is not "
         "associated with the cluster"},
        {"\"platformVersion\":\"1.4.0\"",
         "The platform version must be null when specifying an EC2 launch type"},
    };
    struct world *w = *state;

    launch_add_instance(w, "a1", 1000, 1000, "[]");
    launch_add_simple(w, "web", 10, 10);
    EXPECT_REFUSALS(w, "web", rows);
}

// The cluster "fleet" has both Fargate providers and one of instances.
static void strategies_choose_among_the_clusters_providers(void **state)
{
#define RUN(strategy)                                                                              \
    "{\"cluster\":\"fleet\",\"taskDefinition\":\"web\",\"networkConfiguration\":"                  \
    "{\"awsvpcConfiguration\":{\"subnets\":[\"s\"]}},\"capacityProviderStrategy\":[" strategy "]}"
    struct world *w = *state;
    struct rec_cluster rec;

    world_ok(w, "CreateCluster", "{\"clusterName\":\"fleet\"}");
    rec = *cluster_find(&w->state, w->region, STR("fleet"))->rec;
    SET(&rec, capacity_providers,
        (struct str_list){3, (struct str[]){STR("FARGATE"), STR("FARGATE_SPOT"), STR("asg")}});
    state_put(&w->state, REC_KIND_CLUSTER,
              cluster_find(&w->state, w->region, STR("fleet"))->entity.id, &rec);
    launch_add_definition(w, "web",
                          "{\"containerDefinitions\":[{\"name\":\"main\",\"image\":\"b\"}],"
                          "\"compatibilities\":[\"EC2\",\"FARGATE\"],\"networkMode\":\"awsvpc\","
                          "\"cpu\":\"256\",\"memory\":\"512\"}");
    EXPECT_REPLY(
        w, "RunTask", RUN("{\"capacityProvider\":\"FARGATE_SPOT\"}"),
        "{\"tasks\":[],\"failures\":[{\"reason\":\"RESOURCE:FARGATE\",\"detail\":\"*\"}]}");
    EXPECT_REPLY(w, "RunTask", RUN("{\"capacityProvider\":\"asg\"}"),
                 "{\"tasks\":[],\"failures\":[{\"reason\":\"EMPTY CAPACITY PROVIDER\"}]}");
    EXPECT_ERROR(w, "RunTask",
                 RUN("{\"capacityProvider\":\"FARGATE\",\"weight\":1},"
                     "{\"capacityProvider\":\"asg\",\"weight\":1}"),
                 "InvalidParameterException",
                 "The specified capacity provider strategy cannot contain capacity providers of "
                 "different types");
    EXPECT_ERROR(w, "RunTask",
                 RUN("{\"capacityProvider\":\"FARGATE\",\"base\":1},"
                     "{\"capacityProvider\":\"FARGATE_SPOT\",\"base\":1}"),
                 "InvalidParameterException",
                 "The specified capacity provider strategy contains multiple capacity providers "
                 "with a base value defined");
    EXPECT_ERROR(w, "RunTask",
                 RUN("{\"capacityProvider\":\"FARGATE\"},{\"capacityProvider\":\"FARGATE_SPOT\"}"),
                 "InvalidParameterException",
                 "There are no capacity providers in the capacity provider strategy with a weight "
                 "value greater than zero");
#undef RUN
}

static void rules_of_placement_are_checked(void **state)
{
    static const struct refusal rows[] = {
        {"\"placementStrategy\":[{\"type\":\"random\"},{\"type\":\"random\"},{\"type\":\"random\"},"
         "{\"type\":\"random\"},{\"type\":\"random\"},{\"type\":\"random\"}]",
         "Maximum number of strategies is 5"},
        {"\"placementStrategy\":[{\"type\":\"binpack\",\"field\":\"disk\"}]",
         "binpack field 'disk' is invalid"},
        {"\"placementStrategy\":[{\"type\":\"binpack\"}]", "binpack field '' is invalid"},
        {"\"placementStrategy\":[{\"type\":\"spread\",\"field\":\"zone\"}]",
         "spread field 'zone' is invalid"},
        {"\"placementStrategy\":[{\"type\":\"random\",\"field\":\"cpu\"}]",
         "random field should not be specified"},
        {"\"placementStrategy\":[{\"type\":\"best\"}]",
         "placement strategy type should be one of [random,spread,binpack]"},
        {"\"placementConstraints\":[{\"type\":\"distinctInstance\",\"expression\":\"x\"}]",
         "distinctInstance expression should not be specified"},
        {"\"placementConstraints\":[{\"type\":\"memberOf\",\"expression\":\"foo == 1\"}]",
         "memberOf expression 'foo == 1' is invalid"},
        {"\"placementConstraints\":[{\"type\":\"memberOf\"}]", "memberOf expression '' is invalid"},
        {"\"placementConstraints\":[{\"type\":\"near\"}]",
         "placement constraint type should be one of [distinctInstance,memberOf]"},
    };
    struct world *w = *state;

    launch_add_instance(w, "a1", 1000, 1000, "[]");
    launch_add_simple(w, "web", 10, 10);
    EXPECT_REFUSALS(w, "web", rows);
}

static void ten_constraints_count_the_definitions_own(void **state)
{
    struct world *w = *state;
    BUF_AUTO struct buf list = BUF_INIT;

    launch_add_instance(w, "a1", 1000, 1000, "[]");
    launch_add_definition(w, "web",
                          "{\"containerDefinitions\":[{\"name\":\"main\",\"image\":\"b\","
                          "\"memory\":1}],\"compatibilities\":[\"EC2\"],"
                          "\"placementConstraints\":[{\"type\":\"memberOf\","
                          "\"expression\":\"runningTasksCount < 9\"}]}");
    for (int i = 0; i < 9; i++)
        buf_printf(&list, "%s{\"type\":\"distinctInstance\"}", i > 0 ? "," : "");
    world_ok(w, "RunTask",
             arena_printf(&w->arena,
                          "{\"cluster\":\"demo\",\"taskDefinition\":\"web\","
                          "\"placementConstraints\":[%.*s]}",
                          STR_ARGS(buf_str(&list))));
    EXPECT_ERROR(w, "RunTask",
                 arena_printf(&w->arena,
                              "{\"cluster\":\"demo\",\"taskDefinition\":\"web\","
                              "\"placementConstraints\":[%.*s,{\"type\":\"distinctInstance\"}]}",
                              STR_ARGS(buf_str(&list))),
                 "InvalidParameterException", "Maximum number of constraints is 10");
}

static void network_configuration_goes_with_awsvpc_only(void **state)
{
    static const struct refusal bridge[] = {
        {"\"networkConfiguration\":{\"awsvpcConfiguration\":{\"subnets\":[\"s\"]}}",
         "Network Configuration is not valid for the given networkMode of this task definition."},
    };
    static const struct refusal awsvpc[] = {
        {"\"count\":1",
         "Network Configuration must be provided when networkMode 'awsvpc' is specified."},
        {"\"networkConfiguration\":{}",
         "Network Configuration must be provided when networkMode 'awsvpc' is specified."},
        {"\"networkConfiguration\":{\"awsvpcConfiguration\":{\"subnets\":[]}}",
         "subnets can not be empty."},
        {"\"networkConfiguration\":{\"awsvpcConfiguration\":{\"subnets\":[\"s\"],"
         "\"securityGroups\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\"]}}",
         "securityGroups can not have more than 5 elements."},
        {"\"networkConfiguration\":{\"awsvpcConfiguration\":{\"subnets\":[\"s\"],"
         "\"assignPublicIp\":\"ENABLED\"}}",
         "Assign public IP is not supported for this launch type."},
    };
    struct world *w = *state;

    launch_add_instance(w, "a1", 1000, 1000, "[]");
    launch_add_simple(w, "web", 10, 10);
    EXPECT_REFUSALS(w, "web", bridge);
    launch_add_definition(w, "vpc",
                          "{\"containerDefinitions\":[{\"name\":\"main\",\"image\":\"b\","
                          "\"memory\":1}],\"compatibilities\":[\"EC2\"],"
                          "\"networkMode\":\"awsvpc\"}");
    EXPECT_REFUSALS(w, "vpc", awsvpc);
}

static void overrides_obey_the_rules_of_definitions(void **state)
{
    static const struct refusal rows[] = {
        {"\"overrides\":{\"containerOverrides\":[{\"name\":\"other\"}]}",
         "Override for container named other is not a container in the TaskDefinition."},
        {"\"overrides\":{\"containerOverrides\":[{\"cpu\":1}]}",
         "Container.name should not be null or empty."},
        {"\"overrides\":{\"cpu\":\"much\"}",
         "Invalid 'cpu' setting for task. For more information, see the Troubleshooting section "
         "of the Amazon ECS Developer Guide."},
        {"\"overrides\":{\"memory\":\"-1\"}",
         "Invalid 'memory' setting for task. For more information, see the Troubleshooting "
         "section of the Amazon ECS Developer Guide."},
        {"\"overrides\":{\"containerOverrides\":[{\"name\":\"main\",\"cpu\":-1}]}",
         "Invalid setting for container 'main'. 'cpu' must be at least 0."},
        {"\"overrides\":{\"containerOverrides\":[{\"name\":\"main\",\"memory\":3}]}",
         "Invalid setting for container 'main'. 'memory' must be at least 4."},
        {"\"overrides\":{\"containerOverrides\":[{\"name\":\"main\",\"memoryReservation\":20}]}",
         "Invalid setting for container 'main'. 'memory' must be greater than or equal to "
         "'memoryReservation'."},
        {"\"overrides\":{\"memory\":\"9\""
         ",\"containerOverrides\":[{\"name\":\"main\"}]}",
         "The 'memory' setting for container 'main' is greater than for the task"},
        {"\"overrides\":{\"cpu\":\"128\",\"containerOverrides\":[{\"name\":\"main\","
         "\"cpu\":129}]}",
         "The sum of all container 'cpu' values cannot be greater than the task-level 'cpu' "
         "value"},
        {"\"overrides\":{\"ephemeralStorage\":{\"sizeInGiB\":30}}",
         "Tasks using the EC2 launch type do not support EphemeralStorage"},
        {"\"overrides\":{\"inferenceAcceleratorOverrides\":[{\"deviceName\":\"d\"}]}",
         "Unsupported field 'inferenceAccelerators'"},
        {"\"overrides\":{\"containerOverrides\":[{\"name\":\"main\",\"resourceRequirements\":"
         "[{\"type\":\"GPU\",\"value\":\"few\"}]}]}",
         "Invalid setting for container 'main'. The value of a GPU resource requirement must be "
         "a positive integer."},
    };
    struct world *w = *state;

    launch_add_instance(w, "a1", 1000, 1000, "[]");
    launch_add_simple(w, "web", 10, 10);
    EXPECT_REFUSALS(w, "web", rows);
}

static void overrides_are_kept_shown_and_counted(void **state)
{
    struct world *w = *state;
    struct str reply;

    launch_add_instance(w, "a1", 1000, 1000, "[]");
    launch_add_simple(w, "web", 10, 10);
    reply = world_ok(w, "RunTask",
                     "{\"cluster\":\"demo\",\"taskDefinition\":\"web\",\"overrides\":"
                     "{\"taskRoleArn\":\"r\",\"containerOverrides\":[{\"name\":\"main\","
                     "\"cpu\":600,\"environment\":[{\"name\":\"A\",\"value\":\"b\"}]}]}}");
    EXPECT_STR(world_get(w, reply, "tasks.0.overrides"),
               "{\"containerOverrides\":[{\"cpu\":600,\"environment\":[{\"name\":\"A\","
               "\"value\":\"b\"}],\"name\":\"main\"}],\"inferenceAcceleratorOverrides\":[],"
               "\"taskRoleArn\":\"r\"}");
    EXPECT_STR(world_get(w, reply, "tasks.0.containers.0.cpu"), "600");
    reply = world_ok(w, "RunTask",
                     "{\"cluster\":\"demo\",\"taskDefinition\":\"web\",\"count\":2,\"overrides\":"
                     "{\"cpu\":\".25 vCPU\",\"memory\":\"0.5 GB\"}}");
    assert_int_equal(launch_count(w, reply, "tasks"), 1);
    EXPECT_STR(world_get(w, reply, "tasks.0.cpu"), "256");
    EXPECT_STR(world_get(w, reply, "tasks.0.memory"), "512");
    EXPECT_STR(world_get(w, reply, "failures.0.reason"), "RESOURCE:CPU");
}

static void fargate_tasks_are_checked_in_full(void **state)
{
#define VPC                                                                                        \
    "\"launchType\":\"FARGATE\",\"networkConfiguration\":{\"awsvpcConfiguration\":{\"subnets\":"   \
    "[\"s\"]}},"
    static const struct refusal rows[] = {
        {VPC "\"overrides\":{\"memory\":\"3000\"}",
         "No Fargate configuration exists for given values: 256 CPU, 3000 memory. See the Amazon "
         "ECS documentation for the valid values."},
        {VPC "\"placementConstraints\":[{\"type\":\"distinctInstance\"}]",
         "Placement constraints are not supported with FARGATE launch type."},
        {VPC "\"placementStrategy\":[{\"type\":\"random\"}]",
         "Placement strategies are not supported with FARGATE launch type."},
        {VPC "\"overrides\":{\"ephemeralStorage\":{\"sizeInGiB\":20}}",
         "EphemeralStorage size should be at least 21"},
    };
    struct world *w = *state;

    launch_add_definition(w, "web",
                          "{\"containerDefinitions\":[{\"name\":\"main\",\"image\":\"b\"}],"
                          "\"compatibilities\":[\"EC2\",\"FARGATE\"],\"networkMode\":\"awsvpc\","
                          "\"cpu\":\"256\",\"memory\":\"512\",\"pidMode\":\"task\"}");
    EXPECT_REFUSALS(w, "web", rows);
    EXPECT_ERROR(w, "RunTask",
                 "{\"cluster\":\"demo\",\"taskDefinition\":\"web\"," VPC
                 "\"platformVersion\":\"9.9\"}",
                 "PlatformUnknownException", "The specified platform does not exist.");
    EXPECT_ERROR(w, "RunTask",
                 "{\"cluster\":\"demo\",\"taskDefinition\":\"web\"," VPC
                 "\"platformVersion\":\"1.3.0\"}",
                 "PlatformTaskDefinitionIncompatibilityException",
                 "The specified platform does not satisfy the task definition's required "
                 "capabilities.");
}

static void volumes_at_launch_are_told_to_be_missing(void **state)
{
    struct world *w = *state;

    launch_add_simple(w, "web", 10, 10);
    EXPECT_ERROR(w, "RunTask",
                 "{\"cluster\":\"demo\",\"taskDefinition\":\"web\",\"volumeConfigurations\":"
                 "[{\"name\":\"v\",\"managedEBSVolume\":{\"roleArn\":\"r\",\"sizeInGiB\":1}}]}",
                 "UnsupportedFeatureException", "Amazon EBS volumes are not available in Gantry.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAUNCH_TEST(parameters_out_of_range_are_refused),
        LAUNCH_TEST(texts_have_limits),
        LAUNCH_TEST(launch_type_and_strategy_exclude_each_other),
        LAUNCH_TEST(strategies_choose_among_the_clusters_providers),
        LAUNCH_TEST(rules_of_placement_are_checked),
        LAUNCH_TEST(ten_constraints_count_the_definitions_own),
        LAUNCH_TEST(network_configuration_goes_with_awsvpc_only),
        LAUNCH_TEST(overrides_obey_the_rules_of_definitions),
        LAUNCH_TEST(overrides_are_kept_shown_and_counted),
        LAUNCH_TEST(fargate_tasks_are_checked_in_full),
        LAUNCH_TEST(volumes_at_launch_are_told_to_be_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
