// What follows from a definition: defaults, compatibilities, capabilities. Rows after
// ecs-behaviour-api 8.2 and 9.

#include "tests/support/patch.h"

struct row {
    const char *app;
    const char *task;
    const char *want; // JSON; "" when the member must be absent
};

#define OLD(name) "{\"name\":\"com.amazonaws.ecs.capability." name "\"}"
#define NEW(name) "{\"name\":\"ecs.capability." name "\"}"

// clang-format off
static const struct row defaults[] = {
    {J({"portMappings": [{"containerPort": 80}]}), NULL,
     J({"portMappings": [{"containerPort": 80, "hostPort": 0, "protocol": "tcp"}]})},
    {J({"portMappings": [{"containerPort": 80}]}), J({"networkMode": "bridge"}),
     J({"portMappings": [{"containerPort": 80, "hostPort": 0, "protocol": "tcp"}]})},
    {J({"portMappings": [{"containerPort": 80, "protocol": "udp"}]}), J({"networkMode": "host"}),
     J({"portMappings": [{"containerPort": 80, "hostPort": 80, "protocol": "udp"}]})},
    {J({"portMappings": [{"containerPort": 80}]}), J({"networkMode": "awsvpc"}),
     J({"portMappings": [{"containerPort": 80, "hostPort": 80, "protocol": "tcp"}]})},
    {J({"portMappings": [{"containerPortRange": "1-2"}]}), NULL,
     J({"portMappings": [{"containerPortRange": "1-2", "protocol": "tcp"}]})},
    {J({"healthCheck": {"command": ["CMD", "x"]}}), NULL,
     J({"healthCheck": {"command": ["CMD", "x"], "interval": 30, "retries": 3, "timeout": 5}})},
    {J({"healthCheck": {"command": ["CMD", "x"], "interval": 6, "retries": 1, "timeout": 2, "startPeriod": 0}}), NULL,
     J({"healthCheck": {"command": ["CMD", "x"], "interval": 6, "retries": 1, "timeout": 2, "startPeriod": 0}})},
    {J({"restartPolicy": {"enabled": true}}), NULL,
     J({"restartPolicy": {"enabled": true, "restartAttemptPeriod": 300}})},
    {J({"restartPolicy": {"enabled": false}}), NULL, J({"restartPolicy": {"enabled": false}})},
    {J({"cpu": 7, "environment": [{"name": "b", "value": "1"}, {"name": "a", "value": "2"}]}), NULL,
     J({"cpu": 7, "environment": [{"name": "b", "value": "1"}, {"name": "a", "value": "2"}]})},
};

static const struct row compatibilities[] = {
    {NULL, NULL, "[\"EXTERNAL\",\"EC2\"]"},
    {NULL, J({"networkMode": "bridge"}), "[\"EXTERNAL\",\"EC2\"]"},
    {NULL, J({"networkMode": "host"}), "[\"EXTERNAL\",\"EC2\"]"},
    {NULL, J({"networkMode": "none"}), "[\"EXTERNAL\",\"EC2\"]"},
    {NULL, J({"networkMode": "awsvpc", "cpu": "256", "memory": "512"}), "[\"EC2\",\"MANAGED_INSTANCES\",\"FARGATE\"]"},
    {NULL, J({"networkMode": "awsvpc"}), "[\"EC2\"]"},
    {NULL, J({"networkMode": "awsvpc", "cpu": "256", "memory": "511"}), "[\"EC2\",\"MANAGED_INSTANCES\"]"},
    {NULL, J({"networkMode": "awsvpc", "cpu": "256", "memory": "512", "runtimePlatform": {"cpuArchitecture": "ARM64"}}),
     "[\"EC2\",\"FARGATE\",\"MANAGED_INSTANCES\"]"},
    {NULL, J({"networkMode": "awsvpc", "cpu": "1024", "memory": "2048",
              "runtimePlatform": {"operatingSystemFamily": "WINDOWS_SERVER_2019_CORE"}}), "[\"EC2\",\"FARGATE\"]"},
    {J({"stopTimeout": 121}), J({"networkMode": "awsvpc", "cpu": "256", "memory": "512"}),
     "[\"EC2\",\"MANAGED_INSTANCES\"]"},
    {J({"privileged": true}), J({"networkMode": "awsvpc", "cpu": "256", "memory": "512"}),
     "[\"EC2\",\"MANAGED_INSTANCES\"]"},
    {NULL, J({"networkMode": "awsvpc", "cpu": "256", "memory": "512", "ephemeralStorage": {"sizeInGiB": 30}}),
     "[\"MANAGED_INSTANCES\",\"FARGATE\"]"},
    {NULL, J({"networkMode": "host", "cpu": "256", "memory": "512", "requiresCompatibilities": ["MANAGED_INSTANCES"]}),
     "[\"EXTERNAL\",\"EC2\",\"MANAGED_INSTANCES\"]"},
};

static const struct row requirements[] = {
    {NULL, NULL, ""},
    {NULL, J({"networkMode": "awsvpc"}), "[" OLD("docker-remote-api.1.18") "," NEW("task-eni") "]"},
    {J({"image": "a@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}), NULL,
     "[" OLD("docker-remote-api.1.21") "]"},
    {J({"logConfiguration": {"logDriver": "awsfirelens"}, "firelensConfiguration": {"type": "fluentbit"}, "user": "0"}),
     NULL, "[" OLD("logging-driver.awsfirelens") "," OLD("docker-remote-api.1.18") "," NEW("firelens.fluentbit") "]"},
    {J({"memoryReservation": 5}), NULL, "[" OLD("docker-remote-api.1.21") "]"},
    {J({"logConfiguration": {"logDriver": "syslog"}}), NULL,
     "[" OLD("logging-driver.syslog") "," OLD("docker-remote-api.1.18") "]"},
    {J({"logConfiguration": {"logDriver": "json-file", "options": {"max-size": "1m"}}}), NULL,
     "[" OLD("logging-driver.json-file") "," OLD("docker-remote-api.1.18") "," OLD("docker-remote-api.1.19") "]"},
    {J({"logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-region": "r", "awslogs-group": "g"}}}),
     J({"executionRoleArn": "r"}),
     "[" OLD("logging-driver.awslogs") "," OLD("docker-remote-api.1.18") "," OLD("docker-remote-api.1.19") ","
     NEW("execution-role-awslogs") "]"},
    {J({"logConfiguration": {"logDriver": "syslog", "secretOptions": [{"name": "a", "valueFrom": "p"},
        {"name": "b", "valueFrom": "arn:aws:secretsmanager:us-east-1:123456789012:secret:n"}]}}),
     J({"executionRoleArn": "r"}),
     "[" OLD("logging-driver.syslog") "," OLD("docker-remote-api.1.18") "," NEW("secrets.ssm.bootstrap.log-driver") ","
     NEW("secrets.asm.bootstrap.log-driver") "]"},
    {J({"image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/x"}), NULL, "[" OLD("ecr-auth") "," OLD("docker-remote-api.1.19") "]"},
    {J({"image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/x"}), J({"executionRoleArn": "r"}),
     "[" OLD("ecr-auth") "," OLD("docker-remote-api.1.19") "," NEW("execution-role-ecr-pull") "]"},
    {NULL, J({"taskRoleArn": "r"}), "[" OLD("task-iam-role") "," OLD("docker-remote-api.1.17") "]"},
    {NULL, J({"taskRoleArn": "r", "networkMode": "host"}),
     "[" OLD("task-iam-role-network-host") "," OLD("docker-remote-api.1.17") "]"},
    {J({"privileged": true}), NULL, "[" OLD("privileged-container") "]"},
    {J({"dockerLabels": {"a": "b"}, "ulimits": [{"name": "cpu", "softLimit": 1, "hardLimit": 1}]}), NULL,
     "[" OLD("docker-remote-api.1.18") "]"},
    {J({"linuxParameters": {"initProcessEnabled": true}}), NULL, "[" OLD("docker-remote-api.1.25") "]"},
    {J({"linuxParameters": {"sharedMemorySize": 1, "tmpfs": [{"containerPath": "/t", "size": 1}]}}), NULL,
     "[" OLD("docker-remote-api.1.22") "]"},
    {J({"healthCheck": {"command": ["CMD", "x"]}}), NULL,
     "[" NEW("container-health-check") "," OLD("docker-remote-api.1.24") "]"},
    {J({"healthCheck": {"command": ["CMD", "x"], "startPeriod": 1}}), NULL,
     "[" NEW("container-health-check") "," OLD("docker-remote-api.1.24") "," OLD("docker-remote-api.1.29") "]"},
    {J({"startTimeout": 5, "stopTimeout": 5}), NULL, "[" NEW("container-ordering") "]"},
    {J({"secrets": [{"name": "a", "valueFrom": "p"}]}), J({"executionRoleArn": "r"}),
     "[" NEW("secrets.ssm.environment-variables") "]"},
    {J({"secrets": [{"name": "b", "valueFrom": "arn:aws:secretsmanager:us-east-1:123456789012:secret:n"}]}),
     J({"executionRoleArn": "r"}), "[" NEW("secrets.asm.environment-variables") "]"},
    {J({"repositoryCredentials": {"credentialsParameter": "p"}}), J({"executionRoleArn": "r"}),
     "[" NEW("private-registry-authentication.secretsmanager") "]"},
    {NULL, J({"pidMode": "host"}), "[" NEW("pid-ipc-namespace-sharing") "]"},
    {NULL, J({"ipcMode": "none"}), "[" NEW("pid-ipc-namespace-sharing") "]"},
    {NULL, J({"networkMode": "awsvpc", "proxyConfiguration": {"containerName": "app",
        "properties": [{"name": "ProxyIngressPort", "value": "1"}, {"name": "ProxyEgressPort", "value": "2"},
                       {"name": "AppPorts", "value": "3"}, {"name": "IgnoredGID", "value": "4"}]}}),
     "[" OLD("docker-remote-api.1.18") "," NEW("task-eni") "," NEW("aws-appmesh") "]"},
    {J({"firelensConfiguration": {"type": "fluentd", "options": {"config-file-type": "s3",
        "config-file-value": "x"}}, "user": "9"}), NULL,
     "[" NEW("firelens.fluentd") "," NEW("firelens.options.config.s3") "," NEW("firelens.non-root-user") "]"},
    {J({"firelensConfiguration": {"type": "fluentbit", "options": {"config-file-type": "file",
        "config-file-value": "x"}}, "logConfiguration": {"logDriver": "awsfirelens",
        "options": {"log-driver-buffer-limit": "5"}}}), NULL,
     "[" OLD("logging-driver.awsfirelens") "," OLD("docker-remote-api.1.18") "," OLD("docker-remote-api.1.19") ","
     NEW("logging-driver.awsfirelens.log-driver-buffer-limit") "," NEW("firelens.fluentbit") ","
     NEW("firelens.options.config.file") "]"},
    {NULL, J({"volumes": [{"name": "v", "dockerVolumeConfiguration": {}}]}), "[" NEW("docker-plugin.local") "]"},
    {NULL, J({"volumes": [{"name": "v", "dockerVolumeConfiguration": {"driver": "rexray/ebs:1.0"}}]}),
     "[" NEW("docker-plugin.rexray/ebs.1.0") "]"},
    {NULL, J({"volumes": [{"name": "v", "efsVolumeConfiguration": {"fileSystemId": "fs-1"}}]}), "[" NEW("efs") "]"},
    {NULL, J({"volumes": [{"name": "v", "efsVolumeConfiguration": {"fileSystemId": "fs-1",
        "authorizationConfig": {}}}]}), "[" NEW("efs") "," NEW("efsAuth") "]"},
    {J({"environmentFiles": [{"type": "s3", "value": "arn:aws:s3:::b/f.env"}]}), J({"executionRoleArn": "r"}),
     "[" NEW("env-files.s3") "]"},
    {J({"credentialSpecs": ["credentialspec:a"]}), NULL, "[" NEW("gmsa") "]"},
    {J({"credentialSpecs": ["credentialspecdomainless:a"]}), NULL, "[" NEW("gmsa-domainless") "]"},
    {J({"dockerSecurityOptions": ["label:type:x", "apparmor:p"]}), NULL, "[" OLD("selinux") "," OLD("apparmor") "]"},
    {J({"portMappings": [{"containerPortRange": "1-2"}]}), NULL, "[" NEW("network.container-port-range") "]"},
    {J({"restartPolicy": {"enabled": true}}), NULL, "[" NEW("container-restart-policy") "]"},
    {J({"restartPolicy": {"enabled": false}}), NULL, ""},
    {NULL, J({"enableFaultInjection": true}), "[" NEW("fault-injection") "]"},
    {NULL, J({"enableFaultInjection": false}), ""},
};
// clang-format on

// The container as it comes back carries what is wanted, whatever else it has.
static void defaults_are_written_in(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++) {
        static const char base[] = J({
            "name" : "app",
            "image" : "busybox",
            "memory" : 64,
            "cpu" : 0,
            "essential" : true,
            "environment" : [],
            "mountPoints" : [],
            "portMappings" : [],
            "systemControls" : [],
            "volumesFrom" : []
        });
        const struct row *row = &defaults[i];
        struct world w;
        struct str reply;

        world_init(&w);
        reply = world_ok(&w, "RegisterTaskDefinition",
                         patched_definition(&w, row->app, NULL, row->task));
        EXPECT_JSON(&w, world_get(&w, reply, "taskDefinition.containerDefinitions.0"),
                    patched_json(&w, base, row->want));
        world_deinit(&w);
    }
}

static void expect_member(const struct row *rows, size_t n, const char *path)
{
    for (size_t i = 0; i < n; i++) {
        struct world w;
        struct str reply;
        struct str got;

        world_init(&w);
        reply = world_ok(&w, "RegisterTaskDefinition",
                         patched_definition(&w, rows[i].app, NULL, rows[i].task));
        got = world_get(&w, reply, path);
        if (!str_eq(got, str_of(rows[i].want)))
            fail_msg("%s %s\n got  %.*s\n want %s", rows[i].app, rows[i].task, STR_ARGS(got),
                     rows[i].want);
        world_deinit(&w);
    }
}

static void launch_types_follow_from_the_definition(void **state)
{
    (void)state;
    expect_member(compatibilities, sizeof compatibilities / sizeof *compatibilities,
                  "taskDefinition.compatibilities");
}

static void capabilities_follow_from_the_definition(void **state)
{
    (void)state;
    expect_member(requirements, sizeof requirements / sizeof *requirements,
                  "taskDefinition.requiresAttributes");
}

static void a_capability_is_asked_for_once(void **state)
{
    struct world w;
    struct str reply;

    (void)state;
    world_init(&w);
    reply = world_ok(
        &w, "RegisterTaskDefinition",
        patched_definition(&w, J({"stopTimeout" : 5}),
                           J({"dependsOn" : [ {"containerName" : "app", "condition" : "START"} ]}),
                           NULL));
    EXPECT_STR(world_get(&w, reply, "taskDefinition.requiresAttributes"),
               "[" NEW("container-ordering") "]");
    world_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_written_in),
        cmocka_unit_test(launch_types_follow_from_the_definition),
        cmocka_unit_test(capabilities_follow_from_the_definition),
        cmocka_unit_test(a_capability_is_asked_for_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
