// Every rule of ecs-behaviour-api 8, one row each: what is wrong, and the sentence that says so.

#include "tests/support/patch.h"

struct row {
    const char *app;  // patch of the first container
    const char *side; // a second container
    const char *task; // patch of the whole
    const char *text; // NULL: it is accepted
};

// clang-format off
static const struct row task_rows[] = {
    {NULL, NULL, J({"family": "0-a_Z"}), NULL},
    {NULL, NULL, J({"family": "a b"}), "Family contains invalid characters."},
    {NULL, NULL, J({"family": ""}), "Family should not be null or empty."},
    {NULL, NULL, J({"family": null}), "Family should not be null or empty."},
    {NULL, NULL, J({"containerDefinitions": []}), "Container list cannot be empty."},
    {NULL, NULL, J({"containerDefinitions": [{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}]}),
     "Too many containers. The maximum is 10."},
    {NULL, NULL, J({"taskRoleArn": "app-role", "executionRoleArn": "arn:aws:iam::123456789012:role/x/y"}), NULL},
    {NULL, NULL, J({"taskRoleArn": "arn:aws:iam::123456789012:user/x"}), "Role is not valid"},
    {NULL, NULL, J({"executionRoleArn": "no role"}), "Role is not valid"},
    {NULL, NULL, J({"placementConstraints": [{"type": "memberOf", "expression": "attribute:a == b"}]}), NULL},
    {NULL, NULL, J({"placementConstraints": [{"type": "memberOf", "expression": "attribute:"}]}),
     "Invalid expression in placement constraint: 'attribute:'."},
    {NULL, NULL, J({"placementConstraints": [{"type": "memberOf"}]}),
     "Expression of a placement constraint should not be null or empty."},
    {NULL, NULL, J({"placementConstraints": [{"type": "distinctInstance"}]}),
     "Placement constraint type should be one of [memberOf]"},
    {NULL, NULL, J({"placementConstraints": [{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}]}),
     "Too many placement constraints. The maximum is 10."},
    {NULL, NULL, J({"inferenceAccelerators": [{"deviceName": "d", "deviceType": "t"}]}),
     "Unsupported field 'inferenceAccelerators'"},
    {NULL, NULL, J({"pidMode": "host", "ipcMode": "task"}), NULL},
    {NULL, NULL, J({"ephemeralStorage": {"sizeInGiB": 20}}), "EphemeralStorage size should be at least 21"},
    {NULL, NULL, J({"ephemeralStorage": {"sizeInGiB": 201}}), "EphemeralStorage size should be at most 200"},
    {NULL, NULL, J({"ephemeralStorage": {"sizeInGiB": 21}}),
     "Tasks using the EC2 launch type do not support EphemeralStorage"},
    {NULL, NULL, J({"containerDefinitions": [{"name": "a", "image": "i", "memory": 4}, {"name": "b", "image": "i", "memory": 4}, {"name": "c", "image": "i", "memory": 4}, {"name": "d", "image": "i", "memory": 4}, {"name": "e", "image": "i", "memory": 4}, {"name": "f", "image": "i", "memory": 4}, {"name": "g", "image": "i", "memory": 4}, {"name": "h", "image": "i", "memory": 4}, {"name": "i", "image": "i", "memory": 4}, {"name": "j", "image": "i", "memory": 4}]}), NULL},
    {NULL, NULL, J({"ephemeralStorage": {"sizeInGiB": 22}, "requiresCompatibilities": ["EC2"]}),
     "Tasks using the EC2 launch type do not support EphemeralStorage"},
    {NULL, NULL, J({"placementConstraints": [{"type": "memberOf", "expression": "attribute:a exists"}, {"type": "memberOf", "expression": "attribute:a exists"}, {"type": "memberOf", "expression": "attribute:a exists"}, {"type": "memberOf", "expression": "attribute:a exists"}, {"type": "memberOf", "expression": "attribute:a exists"}, {"type": "memberOf", "expression": "attribute:a exists"}, {"type": "memberOf", "expression": "attribute:a exists"}, {"type": "memberOf", "expression": "attribute:a exists"}, {"type": "memberOf", "expression": "attribute:a exists"}, {"type": "memberOf", "expression": "attribute:a exists"}]}), NULL},
    {NULL, NULL, J({"taskRoleArn": "", "executionRoleArn": ""}), NULL},
};

static const struct row container_rows[] = {
    {J({"name": null}), NULL, NULL, "Container.name should not be null or empty."},
    {J({"name": "a.b"}), NULL, NULL, "Container.name contains invalid characters."},
    {NULL, J({"name": "app"}), NULL, "Container names must be unique within a task definition"},
    {J({"image": null}), NULL, NULL, "Container.image should not be null or empty."},
    {J({"image": "host:5000/a/b_c-d.e:1#2"}), NULL, NULL, NULL},
    {J({"image": "a b"}), NULL, NULL, "Container.image contains invalid characters."},
    {J({"image": "a@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}), NULL, NULL, NULL},
    {J({"image": "a@sha256:0123"}), NULL, NULL, "Container.image contains invalid characters."},
    {J({"image": "a@md5:0123"}), NULL, NULL, "Container.image contains invalid characters."},
    {J({"essential": false}), NULL, NULL, "Task definition doesn't have any essential container"},
    {J({"essential": false}), J({}), NULL, NULL},
    {J({"image": "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}), NULL, NULL,
     "Container.image contains invalid characters."},
    {J({"image": "a@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdeg"}), NULL, NULL,
     "Container.image contains invalid characters."},
};

static const struct row reference_rows[] = {
    {J({"links": ["side:alias"]}), J({}), NULL, NULL},
    {J({"links": ["nope"]}), NULL, NULL, "Container nope referenced in links does not exist"},
    {J({"links": ["app"]}), NULL, NULL, "Container app can not be linked to itself"},
    {J({"links": ["side:"]}), J({}), NULL, "Invalid 'links' setting for container 'app'."},
    {J({"volumesFrom": [{"sourceContainer": "side"}]}), J({}), NULL, NULL},
    {J({"volumesFrom": [{"sourceContainer": "nope"}]}), NULL, NULL,
     "Invalid 'volumesFrom' setting. Unknown container: 'nope'"},
    {J({"mountPoints": [{"sourceVolume": "v", "containerPath": "/v"}]}), NULL, J({"volumes": [{"name": "v"}]}), NULL},
    {J({"mountPoints": [{"sourceVolume": "nope", "containerPath": "/v"}]}), NULL, NULL, "Unknown volume 'nope'."},
    {J({"mountPoints": [{"sourceVolume": "v"}]}), NULL, J({"volumes": [{"name": "v"}]}),
     "Invalid setting for container 'app'. 'containerPath' of a mount point must be specified."},
    {J({"mountPoints": [{"sourceVolume": "v", "containerPath": "/v"}, {"sourceVolume": "v", "containerPath": "/v"}]}),
     NULL, J({"volumes": [{"name": "v"}]}), "Duplicate mount point '/v' in the settings of container 'app'."},
    {J({"dependsOn": [{"containerName": "side", "condition": "START"}]}), J({}), NULL, NULL},
    {J({"dependsOn": [{"containerName": "nope", "condition": "START"}]}), NULL, NULL,
     "Cannot depend on container + 'nope' because it does not exist"},
    {J({"dependsOn": [{"containerName": "side", "condition": "SUCCESS"}]}), J({}), NULL,
     "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container"},
    {J({"dependsOn": [{"containerName": "side", "condition": "COMPLETE"}]}), J({"essential": false}), NULL, NULL},
    {J({"dependsOn": [{"containerName": "side", "condition": "HEALTHY"}]}), J({}), NULL,
     "A dependency container with HEALTHY condition must have health check configured"},
    {J({"dependsOn": [{"containerName": "side", "condition": "HEALTHY"}]}),
     J({"healthCheck": {"command": ["CMD", "true"]}}), NULL, NULL},
    {J({"dependsOn": [{"containerName": "side", "condition": "MAYBE"}]}), J({}), NULL,
     "Container dependency condition should be one of [START,COMPLETE,SUCCESS,HEALTHY]"},
    {J({"dependsOn": [{"containerName": "app", "condition": "START"}]}), NULL, NULL,
     "Container dependsOn contains a cycle"},
    {J({"dependsOn": [{"containerName": "side", "condition": "START"}]}), J({"links": ["app"]}), NULL,
     "Container dependsOn contains a cycle"},
    {J({"volumesFrom": [{"sourceContainer": "side"}]}),
     J({"dependsOn": [{"containerName": "app", "condition": "START"}]}), NULL, "Container dependsOn contains a cycle"},
};

static const struct row resource_rows[] = {
    {NULL, NULL, J({"cpu": "128"}), NULL},
    {NULL, NULL, J({"cpu": "127"}), "Invalid 'cpu' setting for task. For more information, see the Troubleshooting "
                                    "section of the Amazon ECS Developer Guide."},
    {NULL, NULL, J({"memory": "lots"}), "Invalid 'memory' setting for task. For more information, see the "
                                        "Troubleshooting section of the Amazon ECS Developer Guide."},
    {J({"memory": null}), NULL, NULL,
     "Invalid setting for container 'app'. At least one of 'memory' or 'memoryReservation' must be specified."},
    {J({"memory": 0}), NULL, NULL,
     "Invalid setting for container 'app'. At least one of 'memory' or 'memoryReservation' must be specified."},
    {J({"memory": null, "memoryReservation": 4}), NULL, NULL, NULL},
    {J({"memory": null}), NULL, J({"memory": "64"}), NULL},
    {J({"memory": 3}), NULL, NULL, "Invalid setting for container 'app'. 'memory' must be at least 4."},
    {J({"memory": -1}), NULL, NULL, "Invalid setting for container 'app'. 'memory' must be at least 4."},
    {J({"memoryReservation": 3}), NULL, NULL,
     "Invalid setting for container 'app'. 'memoryReservation' must be at least 4."},
    {J({"memoryReservation": 64}), NULL, NULL, NULL},
    {J({"memoryReservation": 65}), NULL, NULL,
     "Invalid setting for container 'app'. 'memory' must be greater than or equal to 'memoryReservation'."},
    {J({"memory": 65}), NULL, J({"memory": "64"}),
     "The 'memory' setting for container 'app' is greater than for the task"},
    {J({"memoryReservation": 33}), J({"memoryReservation": 32}), J({"memory": "64"}),
     "The sum of all container 'memoryReservation' values cannot be greater than the task-level 'memory' value"},
    {J({"cpu": -1}), NULL, NULL, "Invalid setting for container 'app'. 'cpu' must be at least 0."},
    {J({"cpu": 128}), J({"cpu": 128}), J({"cpu": "256"}), NULL},
    {J({"cpu": 2147483647}), J({"cpu": 2147483647}), J({"cpu": "256"}),
     "The sum of all container 'cpu' values cannot be greater than the task-level 'cpu' value"},
    {J({"resourceRequirements": [{"type": "GPU", "value": "2"}]}), NULL, NULL, NULL},
    {J({"resourceRequirements": [{"type": "GPU", "value": "0"}]}), NULL, NULL,
     "Invalid setting for container 'app'. The value of a GPU resource requirement must be a positive integer or ALL."},
    {J({"resourceRequirements": [{"type": "GPU", "value": "1"}, {"type": "GPU", "value": "1"}]}), NULL, NULL,
     "Invalid setting for container 'app'. A resource requirement type can be specified only once."},
    {J({"resourceRequirements": [{"type": "GPU", "value": "ALL"}]}), NULL, NULL,
     "Tasks using the EC2 launch type do not support resource requirements with the value ALL"},
    {J({"resourceRequirements": [{"type": "NeuronDevice", "value": "1"}]}), NULL, NULL,
     "Invalid setting for container 'app'. The value of a NeuronDevice resource requirement must be ALL."},
    {J({"resourceRequirements": [{"type": "NeuronDevice", "value": "ALL"}]}),
     J({"resourceRequirements": [{"type": "NeuronDevice", "value": "ALL"}]}), NULL,
     "Only one container of a task can require NeuronDevice resources"},
    {J({"resourceRequirements": [{"type": "InferenceAccelerator", "value": "x"}]}), NULL, NULL,
     "Unsupported field 'inferenceAccelerators'"},
    {J({"memory": 4}), NULL, NULL, NULL},
    {J({"resourceRequirements": [{"type": "GPU", "value": "2147483648"}]}), NULL, NULL,
     "Invalid setting for container 'app'. The value of a GPU resource requirement must be a positive integer or ALL."},
    {J({"resourceRequirements": [{"type": "GPU", "value": "2147483647"}]}), NULL, NULL, NULL},
    {J({"memoryReservation": 32}), J({"memoryReservation": 32}), J({"memory": "64"}), NULL},
};

static const struct row lifetime_rows[] = {
    {J({"startTimeout": 2, "stopTimeout": 2}), NULL, NULL, NULL},
    {J({"startTimeout": 1}), NULL, NULL, "Granular start timeout on container 'app' must be at least 2 seconds."},
    {J({"stopTimeout": -1}), NULL, NULL, "Granular stop timeout on container 'app' must be at least 2 seconds."},
    {J({"stopTimeout": 0}), NULL, NULL, "Granular stop timeout on container 'app' must be at least 2 seconds."},
    {J({"stopTimeout": 121}), NULL, NULL, NULL},
    {J({"healthCheck": {"command": ["CMD-SHELL", "x"], "interval": 300, "timeout": 60, "retries": 10,
        "startPeriod": 300}}), NULL, NULL, NULL},
    {J({"healthCheck": {"command": []}}), NULL, NULL,
     "Health check command should not be null or empty for container 'app'"},
    {J({"healthCheck": {"command": ["curl"]}}), NULL, NULL,
     "Health check command should start with one of [CMD,CMD-SHELL,NONE] for container 'app'"},
    {J({"healthCheck": {"command": ["NONE"], "interval": 301}}), NULL, NULL,
     "Health check interval must be less than or equal to the maximum allowed value 300 for container 'app'"},
    {J({"healthCheck": {"command": ["NONE"], "interval": 4}}), NULL, NULL,
     "Health check interval must be greater than or equal to the minimum allowed value 5 for container 'app'"},
    {J({"healthCheck": {"command": ["NONE"], "timeout": 61}}), NULL, NULL,
     "Health check timeout must be less than or equal to the maximum allowed value 60 for container 'app'"},
    {J({"healthCheck": {"command": ["NONE"], "timeout": 1}}), NULL, NULL,
     "Health check timeout must be greater than or equal to the minimum allowed value 2 for container 'app'"},
    {J({"healthCheck": {"command": ["NONE"], "retries": 0}}), NULL, NULL,
     "Health check retries must be greater than or equal to the minimum allowed value 1 for container 'app'"},
    {J({"healthCheck": {"command": ["NONE"], "startPeriod": 301}}), NULL, NULL,
     "Health check startPeriod must be less than or equal to the maximum allowed value 300 for container 'app'"},
    {J({"restartPolicy": {"enabled": true, "restartAttemptPeriod": 59}}), NULL, NULL,
     "The 'restartAttemptPeriod' setting for container 'app' must be between 60 and 1800."},
    {J({"restartPolicy": {"enabled": true, "restartAttemptPeriod": 1801}}), NULL, NULL,
     "The 'restartAttemptPeriod' setting for container 'app' must be between 60 and 1800."},
    {J({"restartPolicy": {"enabled": true, "ignoredExitCodes": [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,
        22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51]}}), NULL, NULL,
     "The 'ignoredExitCodes' setting for container 'app' can have at most 50 entries."},
    {J({"restartPolicy": {"enabled": true, "restartAttemptPeriod": 60}}), NULL, NULL, NULL},
    {J({"restartPolicy": {"enabled": true, "restartAttemptPeriod": 1800}}), NULL, NULL, NULL},
    {J({"restartPolicy": {"enabled": true, "ignoredExitCodes": [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50]}}), NULL, NULL, NULL},
};

static const struct row network_rows[] = {
    {J({"portMappings": [{"containerPort": 80, "hostPort": 8080, "protocol": "udp"}]}), NULL, NULL, NULL},
    {J({"portMappings": [{"containerPort": 0}]}), NULL, NULL, "Invalid 'containerPort' setting for container 'app'."},
    {J({"portMappings": [{}]}), NULL, NULL, "Invalid 'containerPort' setting for container 'app'."},
    {J({"portMappings": [{"containerPort": 65536}]}), NULL, NULL, "Invalid 'containerPort' setting for container 'app'."},
    {J({"portMappings": [{"containerPort": 1, "hostPort": -1}]}), NULL, NULL,
     "Invalid 'hostPort' setting for container 'app'."},
    {J({"portMappings": [{"containerPort": 80, "hostPort": 81}]}), NULL, J({"networkMode": "awsvpc"}),
     "When networkMode=awsvpc, the host ports and container ports in port mappings must match."},
    {J({"portMappings": [{"containerPort": 80, "hostPort": 0}]}), NULL, J({"networkMode": "host"}),
     "When networkMode=host, the host ports and container ports in port mappings must match."},
    {J({"portMappings": [{"containerPort": 80}]}), J({"portMappings": [{"containerPort": 80}]}),
     J({"networkMode": "awsvpc"}),
     "TCP container port '80' is used multiple times in task when networkMode=awsvpc."},
    {J({"portMappings": [{"containerPort": 80, "protocol": "udp"}, {"containerPort": 80, "protocol": "udp"}]}), NULL,
     J({"networkMode": "awsvpc"}), "UDP container port '80' is used multiple times in task when networkMode=awsvpc."},
    {J({"portMappings": [{"containerPort": 80, "protocol": "udp"}]}), J({"portMappings": [{"containerPort": 80}]}),
     J({"networkMode": "awsvpc"}), NULL},
    {J({"portMappings": [{"containerPort": 1, "name": "n"}]}), J({"portMappings": [{"containerPort": 2, "name": "n"}]}),
     J({"networkMode": "awsvpc"}), "When networkMode=awsvpc, port mapping name is already used"},
    {J({"portMappings": [{"containerPort": 80}]}), J({"portMappings": [{"containerPort": 80}]}), NULL, NULL},
    {J({"portMappings": [{"containerPort": 80, "hostPort": 80}]}),
     J({"portMappings": [{"containerPort": 81, "hostPort": 80}]}), NULL,
     "TCP host port '80' is used multiple times in task."},
    {J({"portMappings": [{"containerPort": 80}]}), J({"portMappings": [{"containerPort": 80}]}),
     J({"networkMode": "host"}), "TCP host port '80' is used multiple times in task."},
    {J({"portMappings": [{"containerPort": 80}]}), NULL, J({"networkMode": "none"}),
     "Port mappings are not supported when networkMode=none"},
    {J({"portMappings": [{"containerPort": 80, "containerPortRange": "1-2"}]}), NULL, NULL,
     "cannot specify both single port and port range"},
    {J({"portMappings": [{"containerPortRange": "1-65535"}]}), NULL, NULL, NULL},
    {J({"portMappings": [{"containerPortRange": "2-2"}]}), NULL, NULL,
     "Invalid 'containerPortRange' setting for container 'app'."},
    {J({"portMappings": [{"containerPortRange": "1-65536"}]}), NULL, NULL,
     "Invalid 'containerPortRange' setting for container 'app'."},
    {J({"portMappings": [{"containerPortRange": "x"}]}), NULL, NULL,
     "Invalid 'containerPortRange' setting for container 'app'."},
    {J({"portMappings": [{"containerPortRange": "1-2", "hostPort": 5}]}), NULL, NULL,
     "Invalid 'containerPortRange' setting for container 'app'."},
    {J({"portMappings": [{"containerPortRange": "1-2"}]}), NULL, J({"networkMode": "host"}),
     "Invalid 'containerPortRange' setting for container 'app'."},
    {J({"portMappings": [{"containerPortRange": "1-5"}, {"containerPortRange": "5-6"}]}), NULL, NULL,
     "Invalid 'containerPortRange' setting for container 'app'."},
    {J({"portMappings": [{"containerPortRange": "1-5"}, {"containerPort": 3}]}), NULL, NULL,
     "Invalid 'containerPortRange' setting for container 'app'."},
    {J({"portMappings": [{"containerPortRange": "1-5"}, {"containerPort": 3, "protocol": "udp"}]}), NULL, NULL, NULL},
    {J({"portMappings": [{"containerPort": 1, "name": "-n"}]}), NULL, NULL,
     "Invalid port mapping 'name' for container 'app'."},
    {J({"portMappings": [{"containerPort": 1, "name": "Web"}]}), NULL, NULL,
     "Invalid port mapping 'name' for container 'app'."},
    {J({"portMappings": [{"containerPort": 1, "name": "web", "appProtocol": "http2"}]}), NULL, NULL, NULL},
    {J({"portMappings": [{"containerPort": 1, "appProtocol": "http"}]}), NULL, NULL,
     "A port mapping with an 'appProtocol' must have a 'name' for container 'app'."},
    {J({"portMappings": [{"containerPort": 1, "name": "n", "appProtocol": "grpc", "protocol": "udp"}]}), NULL, NULL,
     "A port mapping with an 'appProtocol' must use the protocol tcp for container 'app'."},
    {J({"links": ["side"]}), J({}), J({"networkMode": "awsvpc"}), "Links are not supported when networkMode=awsvpc"},
    {J({"links": ["side"]}), J({}), J({"networkMode": "host"}), "Links are not supported when networkMode=host"},
    {J({"hostname": "h"}), NULL, J({"networkMode": "awsvpc"}),
     "hostname is not supported on container when networkMode=awsvpc"},
    {J({"dnsServers": ["1.1.1.1"]}), NULL, J({"networkMode": "awsvpc"}),
     "DNS servers are not supported on container when networkMode=awsvpc"},
    {J({"dnsSearchDomains": ["a.b"]}), NULL, J({"networkMode": "awsvpc"}),
     "DNS search domains are not supported on container when networkMode=awsvpc"},
    {J({"extraHosts": [{"hostname": "a", "ipAddress": "1.1.1.1"}]}), NULL, J({"networkMode": "awsvpc"}),
     "Extra hosts are not supported on container when networkMode=awsvpc"},
    {J({"disableNetworking": true}), NULL, J({"networkMode": "awsvpc"}),
     "Disable Networking is not supported on container when networkMode=awsvpc"},
    {J({"disableNetworking": true, "hostname": "h", "dnsServers": ["1.1.1.1"]}), NULL, J({"networkMode": "none"}), NULL},
    {J({"dnsSearchDomains": ["a_b"]}), NULL, NULL, "Invalid 'dnsSearchDomains' setting for container 'app'."},
    {NULL, NULL, J({"proxyConfiguration": {"containerName": "app"}}),
     "APPMESH proxy configuration is only supported in networkMode=awsvpc"},
    {NULL, NULL, J({"networkMode": "awsvpc", "proxyConfiguration": {"containerName": "nope"}}),
     "Proxy container [nope] does not exist"},
    {NULL, NULL, J({"networkMode": "awsvpc", "proxyConfiguration": {"containerName": "app"}}), "Ingress port not found"},
    {NULL, NULL, J({"networkMode": "awsvpc", "proxyConfiguration": {"containerName": "app", "type": "APPMESH",
        "properties": [{"name": "ProxyIngressPort", "value": "1"}, {"name": "ProxyEgressPort", "value": "2"},
                       {"name": "AppPorts", "value": "3"}, {"name": "IgnoredUID", "value": "4"}]}}), NULL},
    {J({"systemControls": [{"namespace": "net.core.somaxconn", "value": "1"}]}), NULL, J({"networkMode": "host"}),
     "The systemControls namespace 'net.core.somaxconn' is not supported when networkMode=host"},
    {J({"portMappings": [{"containerPort": 65535, "hostPort": 65535}]}), NULL, NULL, NULL},
    {J({"portMappings": [{"containerPort": 1, "hostPort": 65536}]}), NULL, NULL,
     "Invalid 'hostPort' setting for container 'app'."},
    {J({"portMappings": [{"containerPort": 80, "hostPort": 1}, {"containerPort": 80, "hostPort": 2}]}), NULL, NULL, NULL},
    {J({"portMappings": [{"containerPortRange": "5-6"}, {"containerPortRange": "1-5"}]}), NULL, NULL,
     "Invalid 'containerPortRange' setting for container 'app'."},
    {J({"portMappings": [{"containerPort": 1, "name": "webA"}]}), NULL, NULL,
     "Invalid port mapping 'name' for container 'app'."},
    {J({"portMappings": [{"containerPort": 1, "name": "webZ"}]}), NULL, NULL,
     "Invalid port mapping 'name' for container 'app'."},
    {J({"portMappings": [{"containerPort": 1, "name": ""}]}), NULL, NULL,
     "Invalid port mapping 'name' for container 'app'."},
    {J({"extraHosts": [{"hostname": "", "ipAddress": "1.1.1.1"}]}), NULL, NULL,
     "Invalid 'extraHosts' setting for container 'app'."},
    {NULL, NULL, J({"networkMode": "awsvpc", "proxyConfiguration": {"containerName": "app",
        "properties": [{"name": "Color", "value": "1"}]}}), "Unknown proxy property 'Color'"},
    {NULL, NULL, J({"networkMode": "awsvpc", "proxyConfiguration": {"containerName": "app",
        "properties": [{"name": "ProxyIngressPort", "value": "1"}]}}), "Egress port not found"},
    {NULL, NULL, J({"networkMode": "awsvpc", "proxyConfiguration": {"containerName": "app",
        "properties": [{"name": "ProxyIngressPort", "value": "1"}, {"name": "ProxyEgressPort", "value": "2"}]}}),
     "App ports not found"},
    {NULL, NULL, J({"networkMode": "awsvpc", "proxyConfiguration": {"containerName": "app",
        "properties": [{"name": "ProxyIngressPort", "value": "1"}, {"name": "ProxyEgressPort", "value": "2"},
                       {"name": "AppPorts", "value": "3"}]}}), "Ignored UID or GID not found"},
};

static const struct row environment_rows[] = {
    {J({"environment": [{"name": "AWS_X", "value": ""}, {"name": "AWS_X"}]}), NULL, NULL, NULL},
    {J({"environment": [{"value": "x"}]}), NULL, NULL, "Container.environment.name should not be null or empty."},
    {J({"environmentFiles": [{"type": "s3", "value": "arn:aws:s3:::b/f.env"}]}), NULL, J({"executionRoleArn": "r"}), NULL},
    {J({"environmentFiles": [{"type": "s3", "value": "arn:aws:s3:::b/f.txt"}]}), NULL, J({"executionRoleArn": "r"}),
     "Invalid arn syntax"},
    {J({"environmentFiles": [{"type": "s3", "value": "arn:aws:s3:::b/f.env"}]}), NULL, NULL,
     "When you are specifying environment files, you must also specify a value for 'executionRoleArn'."},
    {J({"environmentFiles": [{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}]}), NULL, NULL,
     "The maximum number of environment files was exceeded. Specify ten or less and try again"},
    {J({"secrets": [{"name": "S", "valueFrom": "/path/p"}]}), NULL, J({"executionRoleArn": "r"}), NULL},
    {J({"secrets": [{"name": "S", "valueFrom": "arn:aws:secretsmanager:us-east-1:123456789012:secret:n-a:k::"}]}), NULL,
     J({"executionRoleArn": "r"}), NULL},
    {J({"secrets": [{"name": "S", "valueFrom": "arn:aws:secretsmanager:us-east-1:123456789012:secret:n-a:k"}]}), NULL,
     J({"executionRoleArn": "r"}), "Invalid arn syntax"},
    {J({"secrets": [{"name": "S", "valueFrom": "arn:aws:s3:::b"}]}), NULL, J({"executionRoleArn": "r"}),
     "Invalid arn syntax"},
    {J({"secrets": [{"name": "S", "valueFrom": "p"}]}), NULL, NULL,
     "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'."},
    {J({"secrets": [{"name": "S", "valueFrom": "p"}], "environment": [{"name": "S", "value": "1"}]}), NULL,
     J({"executionRoleArn": "r"}),
     "The secret name must be unique and not shared with any new or existing environment variables set on the "
     "container, such as 'S'."},
    {J({"secrets": [{"name": "S", "valueFrom": "arn:aws:ssm:us-east-1:210987654321:parameter/p"}]}), NULL,
     J({"executionRoleArn": "r"}),
     "The Systems Manager parameter ARN has a different account ID than the current account. The current account ID is "
     "123456789012 and the ARN account ID is 210987654321. Cross-account access for ARNs is not currently supported."},
    {J({"repositoryCredentials": {"credentialsParameter": "p"}}), NULL, NULL,
     "When you are specifying repository credentials, you must also specify a value for 'executionRoleArn'."},
    {J({"repositoryCredentials": {"credentialsParameter": ""}}), NULL, NULL,
     "Invalid setting for container 'app'. 'credentialsParameter' must be specified."},
    {J({"credentialSpecs": ["credentialspec:a", "credentialspec:b"]}), NULL, NULL,
     "Invalid setting for container 'app'. Only one credential spec can be specified."},
    {J({"credentialSpecs": ["other:a"]}), NULL, NULL,
     "Invalid setting for container 'app'. The credential spec is not valid."},
    {J({"environmentFiles": [{"type": "s3", "value": "arn:aws:s3:::b/f.env"}, {"type": "s3", "value": "arn:aws:s3:::b/f.env"}, {"type": "s3", "value": "arn:aws:s3:::b/f.env"}, {"type": "s3", "value": "arn:aws:s3:::b/f.env"}, {"type": "s3", "value": "arn:aws:s3:::b/f.env"}, {"type": "s3", "value": "arn:aws:s3:::b/f.env"}, {"type": "s3", "value": "arn:aws:s3:::b/f.env"}, {"type": "s3", "value": "arn:aws:s3:::b/f.env"}, {"type": "s3", "value": "arn:aws:s3:::b/f.env"}, {"type": "s3", "value": "arn:aws:s3:::b/f.env"}]}), NULL, J({"executionRoleArn": "r"}), NULL},
    {J({"secrets": [{"valueFrom": "p"}]}), NULL, NULL, "Container.secrets.name should not be null or empty."},
    {J({"secrets": [{"name": "S"}]}), NULL, NULL, "Container.secrets.valueFrom should not be null or empty."},
    {J({"secrets": [{"name": "S", "valueFrom": "p"}, {"name": "S", "valueFrom": "q"}]}), NULL,
     J({"executionRoleArn": "r"}),
     "The secret name must be unique and not shared with any new or existing environment variables set on the "
     "container, such as 'S'."},
};

static const struct row logging_rows[] = {
    {J({"logConfiguration": {"logDriver": "json-file", "options": {"max-size": "1m", "mode": "non-blocking"}}}),
     NULL, NULL, NULL},
    {J({"logConfiguration": {"logDriver": "papyrus"}}), NULL, NULL,
     "papyrus is not a valid log driver. Must be one of [json-file, syslog, journald, gelf, fluentd, awslogs, splunk, "
     "awsfirelens]"},
    {J({"logConfiguration": {"logDriver": "json-file", "options": {"mode": "x"}}}), NULL, NULL,
     "mode should be one of [blocking,non-blocking]"},
    {J({"logConfiguration": {"logDriver": "awslogs"}}), NULL, NULL,
     "Log driver awslogs requires options: awslogs-region, awslogs-group"},
    {J({"logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-region": "r"}}}), NULL, NULL,
     "Log driver awslogs requires options: awslogs-group"},
    {J({"logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-region": "r", "awslogs-group": "g",
        "awslogs-datetime-format": "f", "awslogs-multiline-pattern": "p"}}}), NULL, NULL,
     "Log driver awslogs can not have both options: awslogs-datetime-format, awslogs-multiline-pattern"},
    {J({"logConfiguration": {"logDriver": "splunk", "options": {"splunk-url": "u"}}}), NULL, NULL,
     "Log driver splunk requires options: splunk-token"},
    {J({"logConfiguration": {"logDriver": "splunk", "options": {"splunk-url": "u"},
        "secretOptions": [{"name": "splunk-token", "valueFrom": "p"}]}}), NULL, J({"executionRoleArn": "r"}), NULL},
    {J({"logConfiguration": {"logDriver": "awsfirelens"}}), NULL, NULL,
     "When awsfirelens log driver is specified in log configuration, a firelens configuration object must be specified"},
    {J({"logConfiguration": {"logDriver": "awsfirelens"}}),
     J({"firelensConfiguration": {"type": "fluentbit", "options": {"enable-ecs-log-metadata": "true",
        "config-file-type": "file", "config-file-value": "/f"}}}), NULL, NULL},
    {J({"firelensConfiguration": {"type": "fluentd"}}), J({"firelensConfiguration": {"type": "fluentd"}}), NULL,
     "Only one container of a task can have a firelens configuration"},
    {J({"firelensConfiguration": {"type": "x"}}), NULL, NULL,
     "Firelens configuration type should be one of [fluentd,fluentbit]"},
    {J({"firelensConfiguration": {"type": "fluentd", "options": {"enable-ecs-log-metadata": "1"}}}), NULL, NULL,
     "enable-ecs-log-metadata should be one of [true,false]"},
    {J({"firelensConfiguration": {"type": "fluentd", "options": {"config-file-type": "x", "config-file-value": "v"}}}),
     NULL, NULL, "config-file-type should be one of [s3,file]"},
    {J({"firelensConfiguration": {"type": "fluentd", "options": {"config-file-type": "s3"}}}), NULL, NULL,
     "config-file-type and config-file-value must be specified together"},
    {J({"firelensConfiguration": {"type": "fluentd", "options": {"x": "y"}}}), NULL, NULL,
     "Unknown firelens configuration option 'x'"},
    {J({"logConfiguration": {"logDriver": "syslog", "secretOptions": [{"name": "a", "valueFrom": "p"}]}}), NULL, NULL,
     "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'."},
};

static const struct row linux_rows[] = {
    {J({"ulimits": [{"name": "nofile", "softLimit": 1, "hardLimit": 2}, {"name": "core", "softLimit": -1,
        "hardLimit": -1}]}), NULL, NULL, NULL},
    {J({"ulimits": [{"name": "nofile", "softLimit": 3, "hardLimit": 2}]}), NULL, NULL,
     "The soft limit of ulimit 'nofile' is greater than its hard limit for container 'app'."},
    {J({"ulimits": [{"name": "nofile", "softLimit": -1, "hardLimit": 2}]}), NULL, NULL,
     "The soft limit of ulimit 'nofile' is greater than its hard limit for container 'app'."},
    {J({"ulimits": [{"name": "cpu", "softLimit": 1, "hardLimit": 2}, {"name": "cpu", "softLimit": 1, "hardLimit": 2}]}),
     NULL, NULL, "Duplicate ulimit 'cpu' for container 'app'."},
    {J({"ulimits": [{"name": "x", "softLimit": 1, "hardLimit": 2}]}), NULL, NULL, "Unknown ulimit 'x' for container 'app'."},
    {J({"linuxParameters": {"capabilities": {"add": ["NET_ADMIN"], "drop": ["ALL"]}}}), NULL, NULL, NULL},
    {J({"linuxParameters": {"capabilities": {"add": ["FLY"]}}}), NULL, NULL, "Unknown capability 'FLY'."},
    {J({"linuxParameters": {"capabilities": {"drop": ["net_admin"]}}}), NULL, NULL, "Unknown capability 'net_admin'."},
    {J({"linuxParameters": {"devices": [{"containerPath": "/dev/x"}]}}), NULL, NULL,
     "Invalid setting for container 'app'. 'hostPath' of a device must be specified."},
    {J({"linuxParameters": {"tmpfs": [{"containerPath": "/t", "size": 1, "mountOptions": ["noexec", "mode=700"]}]}}),
     NULL, NULL, NULL},
    {J({"linuxParameters": {"tmpfs": [{"containerPath": "t", "size": 1}]}}), NULL, NULL,
     "Invalid setting for container 'app'. 'containerPath' of a tmpfs must be an absolute path."},
    {J({"linuxParameters": {"tmpfs": [{"containerPath": "/t", "size": 0}]}}), NULL, NULL,
     "Invalid setting for container 'app'. 'size' of a tmpfs must be at least 1."},
    {J({"linuxParameters": {"tmpfs": [{"containerPath": "/t", "size": 1, "mountOptions": ["fast"]}]}}), NULL, NULL,
     "Unknown tmpfs mount option 'fast' for container 'app'."},
    {J({"linuxParameters": {"sharedMemorySize": 0}}), NULL, NULL,
     "Invalid setting for container 'app'. 'sharedMemorySize' must be greater than 0."},
    {J({"linuxParameters": {"maxSwap": -1}}), NULL, NULL,
     "Invalid setting for container 'app'. 'maxSwap' must be at least 0."},
    {J({"linuxParameters": {"swappiness": 101}}), NULL, NULL,
     "Invalid setting for container 'app'. 'swappiness' must be between 0 and 100."},
    {J({"systemControls": [{"namespace": "kernel.sem", "value": "1"}, {"namespace": "fs.mqueue.x", "value": "1"}]}),
     NULL, NULL, NULL},
    {J({"systemControls": [{"namespace": "vm.swappiness", "value": "1"}]}), NULL, NULL,
     "Unknown systemControls namespace 'vm.swappiness' for container 'app'."},
    {J({"systemControls": [{"namespace": "kernel.sem", "value": "1"}]}), NULL, J({"ipcMode": "host"}),
     "The systemControls namespace 'kernel.sem' is not supported when ipcMode=host"},
    {J({"dockerSecurityOptions": ["no-new-privileges", "apparmor:p", "label:type:x", "credentialspec:file"]}), NULL,
     NULL, NULL},
    {J({"dockerSecurityOptions": ["seccomp:unconfined"]}), NULL, NULL,
     "Invalid 'dockerSecurityOptions' setting for container 'app'."},
    {J({"user": "1000:1000"}), NULL, NULL, NULL},
    {J({"user": "-1"}), NULL, NULL, "Invalid 'user' setting for container 'app'."},
    {J({"user": "a:b:c"}), NULL, NULL, "Invalid 'user' setting for container 'app'."},
    {J({"linuxParameters": {"maxSwap": 0, "swappiness": 0}}), NULL, NULL, NULL},
    {J({"linuxParameters": {"swappiness": 100}}), NULL, NULL, NULL},
    {J({"linuxParameters": {"swappiness": -1}}), NULL, NULL,
     "Invalid setting for container 'app'. 'swappiness' must be between 0 and 100."},
    {J({"user": "0"}), NULL, NULL, NULL},
    {J({"user": "a b"}), NULL, NULL, "Invalid 'user' setting for container 'app'."},
    {J({"user": ":a"}), NULL, NULL, "Invalid 'user' setting for container 'app'."},
};

static const struct row volume_rows[] = {
    {NULL, NULL, J({"volumes": [{"name": "v", "host": {"sourcePath": "/x"}}, {"name": "w"}]}), NULL},
    {NULL, NULL, J({"volumes": [{}]}), "Volume.name should not be null or empty."},
    {NULL, NULL, J({"volumes": [{"name": "a/b"}]}), "Volume.name contains invalid characters."},
    {NULL, NULL, J({"volumes": [{"name": "v"}, {"name": "v"}]}), "Volume names must be unique within a task definition"},
    {NULL, NULL, J({"volumes": [{"name": "v", "host": {}, "dockerVolumeConfiguration": {}}]}),
     "Only one volume type can be specified for volume 'v'."},
    {NULL, NULL, J({"volumes": [{"name": "v", "dockerVolumeConfiguration": {"autoprovision": true, "scope": "shared"}}]}),
     NULL},
    {NULL, NULL, J({"volumes": [{"name": "v", "dockerVolumeConfiguration": {"autoprovision": true}}]}),
     "Autoprovision of volume 'v' requires that its scope is shared"},
    {NULL, NULL, J({"runtimePlatform": {"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"},
        "volumes": [{"name": "v", "dockerVolumeConfiguration": {"driver": "x"}}]}),
     "Windows only supports the volume driver local"},
    {NULL, NULL, J({"volumes": [{"name": "v", "efsVolumeConfiguration": {"fileSystemId": "x"}}]}),
     "Invalid file system id 'x' in volume 'v'."},
    {NULL, NULL, J({"volumes": [{"name": "v", "efsVolumeConfiguration": {"fileSystemId": "fs-1a",
        "transitEncryptionPort": 1}}]}), "TransitEncryptionPort requires that TransitEncryption is enabled"},
    {NULL, NULL, J({"volumes": [{"name": "v", "efsVolumeConfiguration": {"fileSystemId": "fs-1a",
        "authorizationConfig": {"iam": "ENABLED"}}}]}), "EFS IAM authorization requires TransitEncryption to be enabled"},
    {NULL, NULL, J({"volumes": [{"name": "v", "efsVolumeConfiguration": {"fileSystemId": "fs-1a", "rootDirectory": "/x",
        "transitEncryption": "ENABLED", "authorizationConfig": {"accessPointId": "a"}}}]}),
     "When using an EFS access point, the root directory must either be set to \"/\" or be omitted"},
    {NULL, NULL, J({"volumes": [{"name": "v", "efsVolumeConfiguration": {"fileSystemId": "fs-1a", "rootDirectory": "/",
        "authorizationConfig": {"accessPointId": "a"}}}]}),
     "EFS access points require TransitEncryption to be enabled"},
    {NULL, NULL, J({"volumes": [{"name": "v", "efsVolumeConfiguration": {"fileSystemId": "fs-1a", "rootDirectory": "/",
        "transitEncryption": "ENABLED", "transitEncryptionPort": 2049,
        "authorizationConfig": {"accessPointId": "a", "iam": "ENABLED"}}}]}), NULL},
    {NULL, NULL, J({"volumes": [{"name": "v", "s3filesVolumeConfiguration": {"fileSystemArn": "x"}}]}), "Invalid arn syntax"},
    {NULL, NULL, J({"volumes": [{"name": "v", "s3filesVolumeConfiguration": {"fileSystemArn": "arn:aws:s3files:a:b:c/d"}}]}),
     "When you are specifying an S3 Files volume, you must also specify a value for 'taskRoleArn'."},
    {NULL, NULL, J({"volumes": [{"name": "v", "fsxWindowsFileServerVolumeConfiguration": {"fileSystemId": "fs-1"}}]}),
     "Incomplete FSx for Windows File Server configuration in volume 'v'."},
    {NULL, NULL, J({"volumes": [{"name": "v", "configuredAtLaunch": true}]}),
     "Volumes [v] are not referenced by any of the containers"},
    {J({"mountPoints": [{"sourceVolume": "v", "containerPath": "/v"}]}), NULL,
     J({"volumes": [{"name": "v", "configuredAtLaunch": true}]}),
     "Amazon EBS volumes are not available in Gantry (volume 'v')."},
    {NULL, NULL, J({"taskRoleArn": "r", "volumes": [{"name": "v", "s3filesVolumeConfiguration": {
        "fileSystemArn": "arn:aws:s3files:us-east-1:123456789012:file-system/fs-1"}}]}),
     "Amazon S3 Files volumes are not available in Gantry (volume 'v')."},
    {NULL, NULL, J({"volumes": [{"name": "w"}, {"name": "v", "fsxWindowsFileServerVolumeConfiguration": {"fileSystemId": "fs-1",
        "rootDirectory": "share", "authorizationConfig": {"credentialsParameter": "p", "domain": "d"}}}]}),
     "Amazon FSx for Windows File Server volumes are not available in Gantry (volume 'v')."},
    {J({"mountPoints": [{"sourceVolume": "v", "containerPath": "/v"}, {"sourceVolume": "w", "containerPath": "/w"}]}),
     NULL, J({"volumes": [{"name": "v", "configuredAtLaunch": true}, {"name": "w", "configuredAtLaunch": true}]}),
     "Only one volume of a task can be configured at launch"},
    {NULL, NULL, J({"volumes": [{"name": "v", "efsVolumeConfiguration": {"fileSystemId": "fs-1g"}}]}),
     "Invalid file system id 'fs-1g' in volume 'v'."},
    {NULL, NULL, J({"volumes": [{"name": "v", "efsVolumeConfiguration": {"fileSystemId": "fs-"}}]}),
     "Invalid file system id 'fs-' in volume 'v'."},
    {NULL, NULL, J({"runtimePlatform": {"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"},
        "volumes": [{"name": "v", "dockerVolumeConfiguration": {}}]}), NULL},
    {NULL, NULL, J({"volumes": [{"name": "v", "efsVolumeConfiguration": {"fileSystemId": "fs-1",
        "transitEncryption": "ENABLED", "authorizationConfig": {"accessPointId": "a"}}}]}), NULL},
};

#define WINDOWS(...) J({"runtimePlatform": {"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"} __VA_ARGS__})
static const struct row windows_rows[] = {
    {NULL, NULL, WINDOWS(), NULL},
    {NULL, NULL, J({"runtimePlatform": {"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE", "cpuArchitecture": "ARM64"}}),
     "Windows containers do not support the CPU architecture ARM64"},
    {NULL, NULL, WINDOWS(, "pidMode": "host"), "Windows containers do not support pidMode"},
    {NULL, NULL, WINDOWS(, "ipcMode": "host"), "Windows containers do not support ipcMode"},
    {J({"linuxParameters": {}}), NULL, WINDOWS(), "Windows containers do not support linuxParameters"},
    {J({"privileged": true}), NULL, WINDOWS(), "Windows containers do not support privileged"},
    {J({"user": "a"}), NULL, WINDOWS(), "Windows containers do not support user"},
    {J({"readonlyRootFilesystem": true}), NULL, WINDOWS(), "Windows containers do not support readonlyRootFilesystem"},
    {J({"disableNetworking": true}), NULL, WINDOWS(), "Windows containers do not support disableNetworking"},
    {J({"dnsServers": ["1.1.1.1"]}), NULL, WINDOWS(), "Windows containers do not support dnsServers"},
    {J({"dnsSearchDomains": ["a.b"]}), NULL, WINDOWS(), "Windows containers do not support dnsSearchDomains"},
    {J({"links": ["side"]}), J({}), WINDOWS(), "Windows containers do not support links"},
    {J({"ulimits": [{"name": "cpu", "softLimit": 1, "hardLimit": 1}]}), NULL, WINDOWS(),
     "Windows containers do not support ulimits"},
    {J({"systemControls": [{"namespace": "net.x", "value": "1"}]}), NULL, WINDOWS(),
     "Windows containers do not support systemControls"},
};

#define FARGATE(...) J({"requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "1024", \
                        "memory": "2048" __VA_ARGS__})
static const struct row fargate_rows[] = {
    {NULL, NULL, FARGATE(), NULL},
    {NULL, NULL, J({"requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512"}),
     "Fargate only supports network mode \xe2\x80\x98" "awsvpc\xe2\x80\x99."},
    {NULL, NULL, J({"requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "memory": "512"}),
     "Fargate requires that 'cpu' be defined at the task level."},
    {NULL, NULL, J({"requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256"}),
     "Fargate requires that 'memory' be defined at the task level."},
    {NULL, NULL, J({"requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256", "memory": "4 GB"}),
     "No Fargate configuration exists for given values: 256 CPU, 4096 memory. See the Amazon ECS documentation for the "
     "valid values."},
    {NULL, NULL, J({"requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "512", "memory": "1024",
        "runtimePlatform": {"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}}),
     "No Fargate configuration exists for given values: 512 CPU, 1024 memory. See the Amazon ECS documentation for the "
     "valid values."},
    {J({"dockerSecurityOptions": ["no-new-privileges"]}), NULL, FARGATE(),
     "Fargate compatible task definitions do not support dockerSecurityOptions"},
    {NULL, NULL, FARGATE(, "volumes": [{"name": "v", "dockerVolumeConfiguration": {}}]),
     "Fargate compatible task definitions do not support dockerVolumeConfiguration"},
    {NULL, NULL, FARGATE(, "volumes": [{"name": "v", "host": {"sourcePath": "/x"}}]),
     "Fargate compatible task definitions do not support sourcePath"},
    {NULL, NULL, FARGATE(, "volumes": [{"name": "v", "host": {}}]), NULL},
    {J({"linuxParameters": {"devices": [{"hostPath": "/dev/x"}]}}), NULL, FARGATE(),
     "Fargate compatible task definitions do not support devices"},
    {J({"linuxParameters": {"sharedMemorySize": 1}}), NULL, FARGATE(),
     "Fargate compatible task definitions do not support sharedMemorySize"},
    {J({"linuxParameters": {"maxSwap": 1}}), NULL, FARGATE(),
     "Fargate compatible task definitions do not support maxSwap"},
    {J({"linuxParameters": {"swappiness": 1}}), NULL, FARGATE(),
     "Fargate compatible task definitions do not support swappiness"},
    {J({"linuxParameters": {"tmpfs": [{"containerPath": "/t", "size": 1}]}}), NULL, FARGATE(),
     "Fargate compatible task definitions do not support tmpfs"},
    {J({"linuxParameters": {"capabilities": {"add": ["SYS_PTRACE"]}}}), NULL, FARGATE(), NULL},
    {J({"linuxParameters": {"capabilities": {"add": ["NET_ADMIN"]}}}), NULL, FARGATE(),
     "NET_ADMIN is not allowed on Fargate."},
    {NULL, NULL, FARGATE(, "ipcMode": "task"), "Fargate compatible task definitions do not support ipcMode"},
    {NULL, NULL, FARGATE(, "placementConstraints": [{"type": "memberOf", "expression": "attribute:a exists"}]),
     "Fargate compatible task definitions do not support constraints"},
    {J({"privileged": true}), NULL, FARGATE(), "Fargate requires that the 'privileged' setting be 'false'"},
    {NULL, NULL, FARGATE(, "pidMode": "task"), NULL},
    {NULL, NULL, FARGATE(, "pidMode": "host"),
     "Tasks using the Fargate launch type do not support pidMode 'host'. The supported value for pidMode is 'task'."},
    {J({"resourceRequirements": [{"type": "GPU", "value": "1"}]}), NULL, FARGATE(),
     "Tasks using the Fargate launch type do not support GPU resource requirements"},
    {J({"stopTimeout": 120, "startTimeout": 121}), NULL, FARGATE(), NULL},
    {J({"stopTimeout": 121}), NULL, FARGATE(),
     "Tasks using the Fargate launch type must have a container stop timeout of less than 120 seconds."},
    {J({"logConfiguration": {"logDriver": "syslog"}}), NULL, FARGATE(),
     "syslog is not a valid log driver. Must be one of [awslogs, splunk, awsfirelens]"},
    {J({"logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-region": "r", "awslogs-group": "g"}}}), NULL,
     FARGATE(), "Fargate requires log configuration options to include awslogs-stream-prefix to support log driver "
                "awslogs."},
    {J({"logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-region": "r", "awslogs-group": "g",
        "awslogs-stream-prefix": "p"}}}), NULL, FARGATE(),
     "Fargate requires task definition to have execution role ARN to support log driver awslogs."},
    {J({"image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/x:1"}), NULL, FARGATE(),
     "Fargate requires task definition to have execution role ARN to support ECR images."},
    {J({"image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/x:1"}), NULL, FARGATE(, "executionRoleArn": "r"), NULL},
    {J({"ulimits": [{"name": "nofile", "softLimit": 1, "hardLimit": 1048576}]}), NULL, FARGATE(), NULL},
    {J({"ulimits": [{"name": "cpu", "softLimit": 1, "hardLimit": 1}]}), NULL, FARGATE(),
     "Fargate compatible task definitions do not support ulimits other than nofile"},
    {J({"ulimits": [{"name": "nofile", "softLimit": 1, "hardLimit": 1048577}]}), NULL, FARGATE(),
     "Fargate compatible task definitions do not support a nofile limit above 1048576"},
    {J({"firelensConfiguration": {"type": "fluentd", "options": {"config-file-type": "s3", "config-file-value": "x"}}}),
     NULL, FARGATE(), "Fargate compatible task definitions do not support config-file-type s3"},
    {NULL, NULL, FARGATE(, "ephemeralStorage": {"sizeInGiB": 200}), NULL},
    {J({"logConfiguration": {"logDriver": "splunk", "options": {"splunk-url": "u", "splunk-token": "t"}}}), NULL,
     FARGATE(), NULL},
    {J({"ulimits": [{"name": "nofile", "softLimit": 1, "hardLimit": -1}]}), NULL, FARGATE(),
     "Fargate compatible task definitions do not support a nofile limit above 1048576"},
    {J({"ulimits": [{"name": "nofile", "softLimit": 0, "hardLimit": 0}]}), NULL, FARGATE(), NULL},
    {J({"firelensConfiguration": {"type": "fluentd"}}), NULL, FARGATE(), NULL},
    {NULL, NULL, FARGATE(, "volumes": [{"name": "v", "fsxWindowsFileServerVolumeConfiguration": {"fileSystemId": "fs-1",
        "rootDirectory": "s", "authorizationConfig": {"credentialsParameter": "p", "domain": "d"}}}]),
     "Fargate compatible task definitions do not support fsxWindowsFileServerVolumeConfiguration"},
};

#define WINDOWS_FARGATE(...) FARGATE(, "runtimePlatform": {"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"} \
                                     __VA_ARGS__)
static const struct row launch_type_rows[] = {
    {NULL, NULL, WINDOWS_FARGATE(), NULL},
    {J({"portMappings": [{"containerPort": 3150}]}), NULL, WINDOWS_FARGATE(),
     "Container port 3150 is reserved on Fargate for Windows."},
    {J({"credentialSpecs": ["credentialspec:a"]}), NULL, WINDOWS_FARGATE(),
     "Fargate compatible task definitions do not support credentialSpecs on Windows"},
    {J({"firelensConfiguration": {"type": "fluentd"}}), NULL, WINDOWS_FARGATE(),
     "Fargate compatible task definitions do not support firelensConfiguration on Windows"},
    {NULL, NULL, WINDOWS_FARGATE(, "ephemeralStorage": {"sizeInGiB": 30}),
     "Fargate compatible task definitions do not support ephemeralStorage on Windows"},
    {NULL, NULL, WINDOWS_FARGATE(, "volumes": [{"name": "v", "efsVolumeConfiguration": {"fileSystemId": "fs-1"}}]),
     "Fargate compatible task definitions do not support efsVolumeConfiguration on Windows"},
    {NULL, NULL, J({"requiresCompatibilities": ["EC2", "EXTERNAL"]}), NULL},
    {NULL, NULL, J({"requiresCompatibilities": ["EC2", "EXTERNAL"], "networkMode": "awsvpc"}),
     "Tasks using the External launch type do not support networkMode 'awsvpc'"},
    {NULL, NULL, J({"requiresCompatibilities": ["EC2"], "ephemeralStorage": {"sizeInGiB": 30}}),
     "Tasks using the EC2 launch type do not support EphemeralStorage"},
    {J({"mountPoints": [{"sourceVolume": "v", "containerPath": "/v"}]}), NULL,
     J({"requiresCompatibilities": ["EXTERNAL"], "volumes": [{"name": "v", "configuredAtLaunch": true}]}),
     "Tasks using the External launch type do not support volumes configured at launch"},
    {NULL, NULL, J({"requiresCompatibilities": ["MANAGED_INSTANCES"], "networkMode": "host", "cpu": "256",
        "memory": "100"}), NULL},
    {NULL, NULL, J({"requiresCompatibilities": ["MANAGED_INSTANCES"], "cpu": "256", "memory": "100"}),
     "Tasks using the Managed Instances launch type do not support networkMode 'bridge'"},
    {NULL, NULL, J({"requiresCompatibilities": ["MANAGED_INSTANCES"], "networkMode": "awsvpc", "memory": "100"}),
     "Managed Instances requires that 'cpu' be defined at the task level."},
    {J({"resourceRequirements": [{"type": "NeuronDevice", "value": "ALL"}]}), NULL,
     J({"requiresCompatibilities": ["MANAGED_INSTANCES"], "networkMode": "awsvpc", "cpu": "256", "memory": "100"}), NULL},
    {NULL, NULL, J({"requiresCompatibilities": ["MOON"]}),
     "requiresCompatibilities should be one of [EC2,FARGATE,EXTERNAL,MANAGED_INSTANCES]"},
    {NULL, NULL, J({"requiresCompatibilities": ["MANAGED_INSTANCES"], "networkMode": "awsvpc", "cpu": "256"}),
     "Managed Instances requires that 'memory' be defined at the task level."},
    {NULL, NULL, WINDOWS_FARGATE(, "proxyConfiguration": {"containerName": "app",
        "properties": [{"name": "ProxyIngressPort", "value": "1"}, {"name": "ProxyEgressPort", "value": "2"},
                       {"name": "AppPorts", "value": "3"}, {"name": "IgnoredGID", "value": "4"}]}),
     "Fargate compatible task definitions do not support proxyConfiguration on Windows"},
};
// clang-format on

static void run(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct world w;
        const char *json;
        struct str reply;
        struct str said;

        world_init(&w);
        json = patched_definition(&w, rows[i].app, rows[i].side, rows[i].task);
        reply = world_call(&w, "RegisterTaskDefinition", json);
        said = world_get(&w, reply, "message");
        if (!str_eq(said, str_of(rows[i].text)) ||
            (rows[i].text != NULL &&
             !str_eq(world_get(&w, reply, "__type"), STR("ClientException"))))
            fail_msg("%s\n got  %.*s\n want %s", json, STR_ARGS(reply),
                     rows[i].text != NULL ? rows[i].text : "a definition");
        assert_int_equal(w.state.entities[REC_KIND_TASK_DEFINITION].count, rows[i].text == NULL);
        world_deinit(&w);
    }
}

#define RUN(rows) run((rows), sizeof(rows) / sizeof *(rows))

static void the_task_is_judged(void **state)
{
    (void)state;
    RUN(task_rows);
}

static void names_and_images_are_judged(void **state)
{
    (void)state;
    RUN(container_rows);
}

static void what_is_named_must_exist(void **state)
{
    (void)state;
    RUN(reference_rows);
}

static void sizes_are_judged(void **state)
{
    (void)state;
    RUN(resource_rows);
}

static void health_checks_and_timeouts_are_judged(void **state)
{
    (void)state;
    RUN(lifetime_rows);
}

static void network_modes_allow_what_they_allow(void **state)
{
    (void)state;
    RUN(network_rows);
}

static void variables_and_secrets_are_judged(void **state)
{
    (void)state;
    RUN(environment_rows);
}

static void log_configurations_are_judged(void **state)
{
    (void)state;
    RUN(logging_rows);
}

static void linux_settings_are_judged(void **state)
{
    (void)state;
    RUN(linux_rows);
}

static void volumes_are_judged(void **state)
{
    (void)state;
    RUN(volume_rows);
}

static void windows_has_less(void **state)
{
    (void)state;
    RUN(windows_rows);
}

static void fargate_has_rules_of_its_own(void **state)
{
    (void)state;
    RUN(fargate_rows);
}

static void other_launch_types_have_theirs(void **state)
{
    (void)state;
    RUN(launch_type_rows);
}

// Texts with a greatest length: `patch` has a hole for one that long.
static const struct {
    int length;
    bool of_task;
    const char *patch;
    const char *text;
} lengths[] = {
    {255, true, "{\"family\":\"%s\"}", "Family can not be longer than 255 characters."},
    {255, false, "{\"name\":\"%s\"}", "Container.name can not be longer than 255 characters."},
    {255, false, "{\"image\":\"%s\"}", "Container.image can not be longer than 255 characters."},
    {255, true, "{\"volumes\":[{\"name\":\"%s\"}]}", "Volume.name contains invalid characters."},
    {64, false, "{\"portMappings\":[{\"containerPort\":1,\"name\":\"%s\"}]}",
     "Invalid port mapping 'name' for container 'app'."},
    {119, false, "{\"dockerSecurityOptions\":[\"apparmor:%s\"]}",
     "Invalid 'dockerSecurityOptions' setting for container 'app'."},
    {1985, true,
     "{\"placementConstraints\":[{\"type\":\"memberOf\",\"expression\":\"attribute:a == %s\"}]}",
     "Expression of a placement constraint can not be longer than 2000 characters."},
};

static void texts_have_greatest_lengths(void **state)
{
    char text[2000];

    (void)state;
    memset(text, 'a', sizeof text);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        for (int over = 0; over <= 1; over++) {
            struct world w;
            const char *patch;
            const char *json;

            world_init(&w);
            text[lengths[i].length + over] = '\0';
            patch = arena_printf(&w.arena, lengths[i].patch, text);
            text[lengths[i].length + over] = 'a';
            json = lengths[i].of_task ? patched_definition(&w, NULL, NULL, patch)
                                      : patched_definition(&w, patch, NULL, NULL);
            if (over)
                EXPECT_ERROR(&w, "RegisterTaskDefinition", json, "ClientException",
                             lengths[i].text);
            else
                world_ok(&w, "RegisterTaskDefinition", json);
            world_deinit(&w);
        }
    }
}

static void a_container_has_a_hundred_port_ranges(void **state)
{
    struct str ranges = STR_NONE;
    struct world w;

    (void)state;
    world_init(&w);
    for (int i = 1; i <= 101; i++) {
        const char *json;
        ranges = str_fmt(&w.arena, "%.*s%s{\"containerPortRange\":\"%d-%d\"}", STR_ARGS(ranges),
                         i > 1 ? "," : "", 2 * i, 2 * i + 1);
        json = patched_definition(
            &w, str_fmt(&w.arena, "{\"portMappings\":[%.*s]}", STR_ARGS(ranges)).ptr, NULL, NULL);
        if (i == 100)
            world_ok(&w, "RegisterTaskDefinition", json);
        if (i == 101)
            EXPECT_ERROR(&w, "RegisterTaskDefinition", json, "ClientException",
                         "Invalid 'containerPortRange' setting for container 'app'.");
    }
    world_deinit(&w);
}

static void an_unknown_name_is_refused_with_what_there_is(void **state)
{
    struct world w;

    (void)state;
    world_init(&w);
    EXPECT_ERROR(&w, "RegisterTaskDefinition",
                 patched_definition(&w, NULL, NULL, J({"networkMode" : "carrier-pigeon"})),
                 "InvalidParameterException",
                 "1 validation error detected: Value 'carrier-pigeon' at 'networkMode' failed to "
                 "satisfy constraint: Member must satisfy enum value set: [bridge, host, awsvpc, "
                 "none]");
    world_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_task_is_judged),
        cmocka_unit_test(names_and_images_are_judged),
        cmocka_unit_test(what_is_named_must_exist),
        cmocka_unit_test(sizes_are_judged),
        cmocka_unit_test(health_checks_and_timeouts_are_judged),
        cmocka_unit_test(network_modes_allow_what_they_allow),
        cmocka_unit_test(variables_and_secrets_are_judged),
        cmocka_unit_test(log_configurations_are_judged),
        cmocka_unit_test(linux_settings_are_judged),
        cmocka_unit_test(volumes_are_judged),
        cmocka_unit_test(windows_has_less),
        cmocka_unit_test(fargate_has_rules_of_its_own),
        cmocka_unit_test(other_launch_types_have_theirs),
        cmocka_unit_test(texts_have_greatest_lengths),
        cmocka_unit_test(a_container_has_a_hundred_port_ranges),
        cmocka_unit_test(an_unknown_name_is_refused_with_what_there_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
