#include "base/buf.h"
#include "core/payload.h"
#include "model/task.h"
#include "model/task_definition.h"
#include "tests/support/stage.h"
#include "wire/codec.h"

// Every setting that a container definition can have.
static const char full_definition[] =
    "{\"networkMode\":\"bridge\",\"pidMode\":\"task\",\"ipcMode\":\"host\",\"cpu\":\"256\","
    "\"memory\":\"512\",\"enableFaultInjection\":true,\"containerDefinitions\":[{"
    "\"name\":\"web\",\"image\":\"nginx:1\",\"cpu\":10,\"memory\":128,\"memoryReservation\":64,"
    "\"repositoryCredentials\":{\"credentialsParameter\":"
    "\"arn:aws:secretsmanager:eu-west-1:123456789012:secret:login-a\"},"
    "\"links\":[\"db:database\"],\"essential\":true,"
    "\"portMappings\":[{\"containerPort\":80,\"hostPort\":8080,\"protocol\":\"tcp\"},"
    "{\"containerPortRange\":\"9000-9005\",\"protocol\":\"udp\"}],"
    "\"restartPolicy\":{\"enabled\":true,\"ignoredExitCodes\":[0,3],\"restartAttemptPeriod\":90},"
    "\"entryPoint\":[\"/bin/sh\"],\"command\":[\"-c\",\"serve\"],"
    "\"environment\":[{\"name\":\"B\",\"value\":\"2\"},{\"name\":\"A\",\"value\":\"1\"}],"
    "\"environmentFiles\":[{\"value\":\"arn:aws:s3:::bucket/x.env\",\"type\":\"s3\"}],"
    "\"mountPoints\":[{\"sourceVolume\":\"data\",\"containerPath\":\"/data\",\"readOnly\":true}],"
    "\"volumesFrom\":[{\"sourceContainer\":\"db\",\"readOnly\":true}],"
    "\"linuxParameters\":{\"capabilities\":{\"add\":[\"NET_ADMIN\"],\"drop\":[\"MKNOD\"]},"
    "\"devices\":[{\"hostPath\":\"/dev/a\"},{\"hostPath\":\"/dev/b\",\"containerPath\":\"/dev/c\","
    "\"permissions\":[\"read\",\"mknod\"]}],\"initProcessEnabled\":true,\"sharedMemorySize\":16,"
    "\"tmpfs\":[{\"containerPath\":\"/tmp\",\"size\":8,\"mountOptions\":[\"noexec\",\"ro\"]}],"
    "\"maxSwap\":32,\"swappiness\":40},"
    "\"secrets\":[{\"name\":\"PASSWORD\",\"valueFrom\":\"password\"},{\"name\":\"KEY\","
    "\"valueFrom\":\"arn:aws:secretsmanager:eu-west-1:123456789012:secret:key-abc\"}],"
    "\"dependsOn\":[{\"containerName\":\"db\",\"condition\":\"HEALTHY\"}],"
    "\"startTimeout\":20,\"stopTimeout\":5,\"hostname\":\"webhost\",\"user\":\"1000:1000\","
    "\"workingDirectory\":\"/srv\",\"disableNetworking\":true,\"privileged\":true,"
    "\"readonlyRootFilesystem\":true,\"dnsServers\":[\"10.0.0.2\"],"
    "\"dnsSearchDomains\":[\"corp.test\"],"
    "\"extraHosts\":[{\"hostname\":\"h\",\"ipAddress\":\"10.0.0.9\"}],"
    "\"dockerSecurityOptions\":[\"no-new-privileges\"],\"interactive\":true,"
    "\"pseudoTerminal\":true,\"dockerLabels\":{\"team\":\"x\"},"
    "\"ulimits\":[{\"name\":\"nofile\",\"softLimit\":1024,\"hardLimit\":4096}],"
    "\"logConfiguration\":{\"logDriver\":\"awslogs\",\"options\":{\"awslogs-group\":\"g\","
    "\"awslogs-stream-prefix\":\"svc\"},\"secretOptions\":[{\"name\":\"token\","
    "\"valueFrom\":\"arn:aws:ssm:us-west-2:123456789012:parameter/token\"}]},"
    "\"healthCheck\":{\"command\":[\"CMD-SHELL\",\"true\"],\"interval\":10,\"startPeriod\":7},"
    "\"systemControls\":[{\"namespace\":\"net.core.somaxconn\",\"value\":\"9\"}],"
    "\"firelensConfiguration\":{\"type\":\"fluentbit\",\"options\":{\"a\":\"b\"}},"
    "\"credentialSpecs\":[\"credentialspec:x\"]},"
    "{\"name\":\"db\",\"image\":\"db:2\",\"essential\":false}],"
    "\"volumes\":[{\"name\":\"data\",\"host\":{\"sourcePath\":\"/srv/data\"}},{\"name\":\"own\"},"
    "{\"name\":\"shared\",\"dockerVolumeConfiguration\":{\"scope\":\"shared\","
    "\"autoprovision\":true,\"driver\":\"local\",\"driverOpts\":{\"type\":\"tmpfs\"},"
    "\"labels\":{\"k\":\"v\"}}},"
    "{\"name\":\"efs\",\"efsVolumeConfiguration\":{\"fileSystemId\":\"fs-1\","
    "\"transitEncryption\":\"ENABLED\",\"transitEncryptionPort\":2049,"
    "\"authorizationConfig\":{\"accessPointId\":\"ap-1\",\"iam\":\"ENABLED\"}}}]}";

static struct str sent_task(struct world *w)
{
    return world_get(w, stage_last(w, "PayloadMessage"), "tasks.0");
}

static struct str connected_instance(struct world *w)
{
    struct str arn = stage_instance(w);

    world_connect(w, "demo", arn);
    return arn;
}

static struct str start(struct world *w, const char *definition, struct stage_plan plan)
{
    plan.definition = stage_definition(w, "web", definition);
    stage_task(w, connected_instance(w), &plan);
    return sent_task(w);
}

static void a_message_names_what_an_agent_insists_on(void **state)
{
    struct world *w = *state;

    start(w, "{\"containerDefinitions\":[{\"name\":\"a\",\"image\":\"b\"}]}",
          (struct stage_plan){0});
    EXPECT_JSON(w, stage_last(w, "PayloadMessage"),
                "{\"clusterArn\":\"arn:aws:ecs:us-east-1:123456789012:cluster/demo\","
                "\"containerInstanceArn\":\"*\",\"generatedAt\":1767225600000,\"messageId\":\"*\","
                "\"seqNum\":2,\"tasks\":\"*\"}");
}

static void a_task_carries_what_its_definition_says(void **state)
{
    struct world *w = *state;

    EXPECT_JSON(
        w, start(w, full_definition, (struct stage_plan){.group = "service:shop"}),
        "{\"arn\":\"*\",\"containers\":\"*\",\"cpu\":0.25,\"desiredStatus\":\"RUNNING\","
        "\"enableFaultInjection\":true,\"family\":\"web\",\"group\":\"service:shop\","
        "\"ipcMode\":\"host\",\"launchType\":\"EC2\",\"memory\":512,\"networkMode\":\"bridge\","
        "\"overrides\":\"{}\",\"pidMode\":\"task\",\"serviceName\":\"shop\","
        "\"taskClusterArn\":\"arn:aws:ecs:us-east-1:123456789012:cluster/demo\","
        "\"taskDefinitionAccountId\":\"123456789012\",\"version\":\"1\",\"zone\":\"us-east-1a\","
        "\"volumes\":[{\"name\":\"data\",\"type\":\"host\",\"host\":{\"sourcePath\":\"/srv/"
        "data\"}},"
        "{\"name\":\"own\",\"type\":\"host\",\"host\":{}},"
        "{\"name\":\"shared\",\"type\":\"docker\",\"dockerVolumeConfiguration\":"
        "{\"scope\":\"shared\",\"autoprovision\":true,\"driver\":\"local\","
        "\"driverOpts\":{\"type\":\"tmpfs\"},\"labels\":{\"k\":\"v\"}}},"
        "{\"name\":\"efs\",\"type\":\"efs\",\"efsVolumeConfiguration\":{\"fileSystemId\":\"fs-1\","
        "\"rootDirectory\":\"/\",\"transitEncryption\":\"ENABLED\",\"transitEncryptionPort\":2049,"
        "\"authorizationConfig\":{\"accessPointId\":\"ap-1\",\"iam\":\"ENABLED\"}}}]}");
}

static void a_container_carries_its_typed_fields(void **state)
{
    struct world *w = *state;
    struct str task = start(w, full_definition, (struct stage_plan){.exec = true});

    EXPECT_JSON(
        w, world_get(w, task, "containers.0"),
        "{\"name\":\"web\",\"image\":\"nginx:1\",\"containerArn\":\"*\",\"essential\":true,"
        "\"cpu\":10,\"memory\":128,\"links\":[\"db:database\"],\"entryPoint\":[\"/bin/sh\"],"
        "\"command\":[\"-c\",\"serve\"],"
        "\"environment\":{\"A\":\"1\",\"AWS_EXECUTION_ENV\":\"AWS_ECS_EC2\",\"B\":\"2\"},"
        "\"environmentFiles\":[{\"value\":\"arn:aws:s3:::bucket/x.env\",\"type\":\"s3\"}],"
        "\"portMappings\":[{\"containerPort\":80,\"hostPort\":8080,\"protocol\":\"tcp\"},"
        "{\"containerPortRange\":\"9000-9005\",\"protocol\":\"udp\"}],"
        "\"restartPolicy\":{\"enabled\":true,\"ignoredExitCodes\":[0,3],"
        "\"restartAttemptPeriod\":90},"
        "\"mountPoints\":[{\"sourceVolume\":\"data\",\"containerPath\":\"/data\","
        "\"readOnly\":true}],\"volumesFrom\":[{\"sourceContainer\":\"db\",\"readOnly\":true}],"
        "\"dependsOn\":[{\"containerName\":\"db\",\"condition\":\"HEALTHY\"}],"
        "\"startTimeout\":20,\"stopTimeout\":5,\"healthCheckType\":\"docker\","
        "\"firelensConfiguration\":{\"type\":\"fluentbit\",\"options\":{\"a\":\"b\"}},"
        "\"credentialSpecs\":[\"credentialspec:x\"],\"managedAgents\":[{\"name\":"
        "\"ExecuteCommandAgent\",\"properties\":{\"sessionLimit\":\"2\"}}],"
        "\"registryAuthentication\":{\"type\":\"asm\",\"asmAuthData\":{\"credentialsParameter\":"
        "\"arn:aws:secretsmanager:eu-west-1:123456789012:secret:login-a\","
        "\"region\":\"eu-west-1\"}},"
        "\"secrets\":[{\"name\":\"PASSWORD\",\"valueFrom\":\"password\",\"provider\":\"ssm\","
        "\"region\":\"us-east-1\",\"type\":\"ENVIRONMENT_VARIABLE\",\"target\":\"CONTAINER\"},"
        "{\"name\":\"KEY\",\"valueFrom\":"
        "\"arn:aws:secretsmanager:eu-west-1:123456789012:secret:key-abc\",\"provider\":\"asm\","
        "\"region\":\"eu-west-1\",\"type\":\"ENVIRONMENT_VARIABLE\",\"target\":\"CONTAINER\"},"
        "{\"name\":\"token\",\"valueFrom\":"
        "\"arn:aws:ssm:us-west-2:123456789012:parameter/token\",\"provider\":\"ssm\","
        "\"region\":\"us-west-2\",\"type\":\"BOOTSTRAP\",\"target\":\"LOG_DRIVER\"}],"
        "\"dockerConfig\":{\"config\":\"*\",\"hostConfig\":\"*\",\"version\":\"1.29\"}}");
}

static void the_rest_travels_as_docker_objects(void **state)
{
    struct world *w = *state;
    struct str task = start(w, full_definition, (struct stage_plan){0});
    const struct world_sent *sent = &w->sent[w->sent_n - 1];

    assert_true(str_eq(sent->name, STR("PayloadMessage")));
    EXPECT_JSON(w, world_get(w, task, "containers.0.dockerConfig.config"),
                "{\"Hostname\":\"webhost\",\"User\":\"1000:1000\",\"WorkingDir\":\"/srv\","
                "\"Labels\":{\"team\":\"x\"},\"OpenStdin\":true,\"Tty\":true,"
                "\"NetworkDisabled\":true,\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"true\"],"
                "\"Interval\":10000000000,\"Timeout\":5000000000,\"Retries\":3,"
                "\"StartPeriod\":7000000000}}");
    EXPECT_JSON(
        w, world_get(w, task, "containers.0.dockerConfig.hostConfig"),
        "{\"NetworkMode\":\"bridge\",\"Privileged\":true,\"ReadonlyRootfs\":true,"
        "\"CapAdd\":[\"NET_ADMIN\"],\"CapDrop\":[\"MKNOD\"],\"Devices\":[{\"PathOnHost\":"
        "\"/dev/a\",\"PathInContainer\":\"/dev/a\",\"CgroupPermissions\":\"rwm\"},"
        "{\"PathOnHost\":\"/dev/b\",\"PathInContainer\":\"/dev/c\",\"CgroupPermissions\":\"rm\"}],"
        "\"Dns\":[\"10.0.0.2\"],\"DnsSearch\":[\"corp.test\"],\"ExtraHosts\":[\"h:10.0.0.9\"],"
        "\"SecurityOpt\":[\"no-new-privileges\"],\"Init\":true,\"ShmSize\":16777216,"
        "\"Tmpfs\":{\"/tmp\":\"noexec,ro,size=8m\"},\"MemoryReservation\":67108864,"
        "\"MemorySwap\":167772160,\"MemorySwappiness\":40,"
        "\"Sysctls\":{\"net.core.somaxconn\":\"9\"},"
        "\"Ulimits\":[{\"Name\":\"nofile\",\"Soft\":1024,\"Hard\":4096}],"
        "\"LogConfig\":{\"Type\":\"awslogs\",\"Config\":{\"awslogs-group\":\"g\","
        "\"awslogs-stream\":\"*\",\"mode\":\"non-blocking\"}}}");
}

static void a_log_stream_is_named_after_container_and_task(void **state)
{
    struct world *w = *state;
    struct str task = start(w, full_definition, (struct stage_plan){0});
    struct str arn = world_get(w, task, "arn");
    struct str host = world_get(w, task, "containers.0.dockerConfig.hostConfig");
    struct str stream = world_get(w, host, "LogConfig.Config.awslogs-stream");

    assert_true(str_starts(stream, STR("svc/web/")));
    assert_true(str_ends(arn, str_from(stream, strlen("svc/web/"))));
}

static void a_log_of_cloudwatch_is_sent_as_the_execution_role(void **state)
{
    static const char head[] = "{\"executionRoleArn\":\"puller\",\"containerDefinitions\":[";
    static const char rest[] =
        "{\"name\":\"web\",\"image\":\"a\",\"memory\":8,\"logConfiguration\":{\"logDriver\":"
        "\"awslogs\",\"options\":{\"awslogs-group\":\"g\",\"awslogs-region\":\"r\"}}},"
        "{\"name\":\"other\",\"image\":\"a\",\"memory\":8,\"essential\":false,"
        "\"logConfiguration\":{\"logDriver\":\"json-file\"}}]}";
    static const char without[] = "{\"containerDefinitions\":[";
    struct world *w = *state;
    struct str task = start(w, arena_printf(&w->arena, "%s%s", head, rest), (struct stage_plan){0});

    EXPECT_STR(world_get(w, task, "containers.0.logsAuthStrategy"), "ExecutionRole");
    EXPECT_STR(world_get(w, task, "containers.1.logsAuthStrategy"), "");
    task = start(w, arena_printf(&w->arena, "%s%s", without, rest), (struct stage_plan){0});
    EXPECT_STR(world_get(w, task, "containers.0.logsAuthStrategy"), "");
}

static const char awslogs_definition[] =
    "{\"containerDefinitions\":[{\"name\":\"a\",\"image\":\"b\",\"logConfiguration\":"
    "{\"logDriver\":\"awslogs\",\"options\":{\"awslogs-group\":\"g\"%s}}}]}";

static struct str mode_sent(struct world *w, const char *options)
{
    char definition[sizeof awslogs_definition + 64];
    struct str task;

    snprintf(definition, sizeof definition, awslogs_definition, options);
    task = start(w, definition, (struct stage_plan){0});
    return world_get(w, world_get(w, task, "containers.0.dockerConfig.hostConfig"),
                     "LogConfig.Config.mode");
}

static void the_account_says_how_logs_are_delivered_when_a_definition_does_not(void **state)
{
    struct world *w = *state;

    EXPECT_STR(mode_sent(w, ""), "non-blocking");
    world_call(w, "PutAccountSettingDefault",
               "{\"name\":\"defaultLogDriverMode\",\"value\":\"blocking\"}");
    EXPECT_STR(mode_sent(w, ""), "blocking");
    EXPECT_STR(mode_sent(w, ",\"mode\":\"non-blocking\""), "non-blocking");
}

static struct str storage_sent(struct world *w, struct stage_plan plan, const char *more)
{
    struct str task =
        start(w,
              str_cstr(&w->arena, str_fmt(&w->arena,
                                          "{\"containerDefinitions\":[{\"name\":\"a\",\"image\":"
                                          "\"b\"}]%s}",
                                          more)),
              plan);

    return world_get(w, world_get(w, task, "containers.0.dockerConfig.hostConfig"),
                     "StorageOpt.size");
}

static void what_a_task_of_fargate_may_write_is_told(void **state)
{
    static const char more[] = ",\"ephemeralStorage\":{\"sizeInGiB\":30}";
    const struct stage_plan fargate = {.launch_type = ECS_LAUNCH_TYPE_FARGATE};
    struct stage_plan over = fargate;
    struct world *w = *state;

    over.overrides = "{\"ephemeralStorage\":{\"sizeInGiB\":44}}";
    EXPECT_STR(storage_sent(w, fargate, ""), "20G");
    EXPECT_STR(storage_sent(w, fargate, more), "30G");
    EXPECT_STR(storage_sent(w, over, more), "44G");
    EXPECT_STR(storage_sent(w, (struct stage_plan){0}, ""), "");
}

static struct str rendered(struct world *w, const struct task *task)
{
    BUF_AUTO struct buf out = BUF_INIT;
    struct acs_task view = {0};
    struct step step;

    step_init(&step, &w->state, w->now, &w->rng, &w->arena);
    payload_task(&step, task, &view);
    codec_encode(&out, &acs_task_shape, &view);
    return str_copy(&w->arena, buf_str(&out));
}

// Takes each setting away in turn: if nothing changes, it never reached the agent.
static void no_container_setting_is_lost(void **state)
{
    struct world *w = *state;
    uint64_t id = stage_definition(w, "web", full_definition);
    struct str arn = stage_task(w, connected_instance(w), &(struct stage_plan){.definition = id});
    struct task *task = stage_find_task(w, arn);
    struct ecs_container_definition *container =
        task_definition_get(&w->state, id)->rec->definition->container_definitions.at;
    struct ecs_container_definition saved = *container;
    struct str whole = rendered(w, task);
    const struct shape *shape = &ecs_container_definition_shape;

    for (size_t i = 0; i < shape->fields_n; i++) {
        const struct shape_field *field = &shape->fields[i];

        if (str_eq(field->name, STR("versionConsistency")) ||
            str_eq(field->name, STR("resourceRequirements")))
            continue; // decided before the task is sent
        assert_true(shape_has(container, field));
        *shape_mask(container) &= ~(UINT64_C(1) << field->bit);
        memset(shape_at(container, field), 0, shape_slot_size(field));
        if (str_eq(rendered(w, task), whole))
            fail_msg("%.*s does not reach the agent", STR_ARGS(field->name));
        *container = saved;
    }
}

static void overrides_are_merged(void **state)
{
    struct world *w = *state;
    struct str task =
        start(w, full_definition,
              (struct stage_plan){
                  .launch_type = ECS_LAUNCH_TYPE_EXTERNAL,
                  .overrides =
                      "{\"cpu\":\"512\",\"memory\":\"1024\",\"containerOverrides\":[{"
                      "\"name\":\"web\",\"command\":[\"x\"],\"cpu\":20,\"memory\":256,"
                      "\"memoryReservation\":32,\"environment\":[{\"name\":\"A\",\"value\":\"9\"},"
                      "{\"name\":\"C\",\"value\":\"3\"}],\"environmentFiles\":[{\"type\":\"s3\","
                      "\"value\":\"arn:aws:s3:::bucket/y.env\"}]}]}"});

    assert_true(str_eq(world_get(w, task, "cpu"), STR("0.5")));
    assert_true(str_eq(world_get(w, task, "memory"), STR("1024")));
    assert_true(str_eq(world_get(w, task, "launchType"), STR("EXTERNAL")));
    EXPECT_JSON(w, world_get(w, task, "containers.0.command"), "[\"x\"]");
    EXPECT_JSON(w, world_get(w, task, "containers.0.environment"),
                "{\"A\":\"9\",\"AWS_EXECUTION_ENV\":\"AWS_ECS_ANYWHERE\",\"B\":\"2\",\"C\":\"3\"}");
    EXPECT_JSON(w, world_get(w, task, "containers.0.environmentFiles"),
                "[{\"value\":\"arn:aws:s3:::bucket/y.env\",\"type\":\"s3\"}]");
    assert_true(str_eq(world_get(w, task, "containers.0.cpu"), STR("20")));
    assert_true(str_eq(world_get(w, task, "containers.0.memory"), STR("256")));
    task = world_get(w, task, "containers.0.dockerConfig.hostConfig");
    assert_true(str_eq(world_get(w, task, "MemoryReservation"), STR("33554432")));
    assert_true(str_eq(world_get(w, task, "MemorySwap"), STR("301989888")));
}

static void ports_are_the_hosts_in_host_mode(void **state)
{
    struct world *w = *state;
    struct str task = start(w,
                            "{\"networkMode\":\"host\",\"containerDefinitions\":[{\"name\":\"a\","
                            "\"image\":\"b\",\"portMappings\":[{\"containerPort\":80}]}]}",
                            (struct stage_plan){0});

    EXPECT_JSON(w, world_get(w, task, "containers.0.portMappings"),
                "[{\"containerPort\":80,\"hostPort\":80,\"protocol\":\"tcp\"}]");
    task = world_get(w, task, "containers.0.dockerConfig.hostConfig");
    assert_true(str_eq(world_get(w, task, "NetworkMode"), STR("host")));
}

static void an_image_of_ecr_says_where_to_log_in(void **state)
{
    struct world *w = *state;
    struct str task = start(w,
                            "{\"containerDefinitions\":[{\"name\":\"a\","
                            "\"image\":\"123456789012.dkr.ecr.eu-west-1.amazonaws.com/app:1\"}]}",
                            (struct stage_plan){0});

    EXPECT_JSON(w, world_get(w, task, "containers.0.registryAuthentication"),
                "{\"type\":\"ecr\",\"ecrAuthData\":{\"registryId\":\"123456789012\","
                "\"region\":\"eu-west-1\",\"useExecutionRole\":false}}");
}

static void gpus_are_bound_to_containers(void **state)
{
    struct world *w = *state;
    struct str task =
        start(w,
              "{\"containerDefinitions\":[{\"name\":\"a\",\"image\":\"b\"},{\"name\":\"b\","
              "\"image\":\"b\",\"resourceRequirements\":[{\"type\":\"GPU\",\"value\":\"2\"}]}]}",
              (struct stage_plan){0});

    EXPECT_JSON(w, world_get(w, task, "associations"),
                "[{\"name\":\"g1\",\"type\":\"gpu\",\"containers\":[\"b\"]},"
                "{\"name\":\"g2\",\"type\":\"gpu\",\"containers\":[\"b\"]}]");
}

static void a_task_to_stop_is_named_only(void **state)
{
    struct world *w = *state;
    struct str arn = stage_task(w, connected_instance(w), &(struct stage_plan){0});

    stage_stop(w, arn, ECS_TASK_STOP_CODE_USERINITIATED, "enough");
    EXPECT_JSON(w, sent_task(w),
                "{\"arn\":\"*\",\"desiredStatus\":\"STOPPED\",\"taskClusterArn\":\"*\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_TEST(a_message_names_what_an_agent_insists_on),
        STAGE_TEST(a_task_carries_what_its_definition_says),
        STAGE_TEST(a_container_carries_its_typed_fields),
        STAGE_TEST(the_rest_travels_as_docker_objects),
        STAGE_TEST(a_log_stream_is_named_after_container_and_task),
        STAGE_TEST(a_log_of_cloudwatch_is_sent_as_the_execution_role),
        STAGE_TEST(the_account_says_how_logs_are_delivered_when_a_definition_does_not),
        STAGE_TEST(what_a_task_of_fargate_may_write_is_told),
        STAGE_TEST(no_container_setting_is_lost),
        STAGE_TEST(overrides_are_merged),
        STAGE_TEST(ports_are_the_hosts_in_host_mode),
        STAGE_TEST(an_image_of_ecr_says_where_to_log_in),
        STAGE_TEST(gpus_are_bound_to_containers),
        STAGE_TEST(a_task_to_stop_is_named_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
