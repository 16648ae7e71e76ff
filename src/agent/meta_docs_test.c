// Whole documents, as a container or a person of the host reads them.

#include "agent/meta_docs.h"

#include "agent/views_testing.h"
#include "base/buf.h"
#include "wire/codec.h"

#define ARN "arn:aws:ecs:us-east-1:123456789012:task/default/8f2c"

static const char web_task[] =
    "{\"arn\":\"" ARN "\",\"family\":\"web\",\"version\":\"7\",\"networkMode\":\"bridge\","
    "\"cpu\":0.5,\"memory\":512,\"launchType\":\"EC2\",\"serviceName\":\"web-svc\","
    "\"group\":\"service:web-svc\",\"containers\":[{\"name\":\"nginx\",\"image\":\"nginx:1.27\","
    "\"cpu\":1,\"memory\":128,\"containerArn\":\"arn:c\",\"healthCheckType\":\"docker\","
    "\"restartPolicy\":{\"enabled\":true},\"dockerConfig\":{\"hostConfig\":"
    "\"{\\\"LogConfig\\\":{\\\"Type\\\":\\\"awslogs\\\",\\\"Config\\\":{\\\"awslogs-group\\\":"
    "\\\"/ecs/web\\\"}}}\"}},"
    "{\"name\":\"side\",\"image\":\"busybox\",\"cpu\":10,\"memory\":16}]}";

static const char nginx_seen[] =
    "{\"Config\":{\"Labels\":{\"com.amazonaws.ecs.cluster\":\"default\"}},"
    "\"State\":{\"Pid\":7,\"Health\":{\"Status\":\"healthy\",\"Log\":[{\"ExitCode\":0,"
    "\"Output\":\"ok\\n\"}]}},"
    "\"Mounts\":[{\"Type\":\"volume\",\"Name\":\"ecs-web-7-cache\",\"Source\":\"/v/_data\","
    "\"Destination\":\"/cache\"}],"
    "\"NetworkSettings\":{\"Ports\":{\"80/tcp\":[{\"HostIp\":\"0.0.0.0\",\"HostPort\":\"49153\"},"
    "{\"HostIp\":\"::\",\"HostPort\":\"49153\"}],\"81/tcp\":[]},"
    "\"Networks\":{\"bridge\":{\"IPAddress\":\"172.17.0.2\"}}}}";

static const struct meta_host host = {
    .cluster = STR_INIT("default"),
    .container_instance = STR_INIT("arn:i"),
    .zone = STR_INIT("us-east-1a"),
};

static struct views *desk;

static int setup(void **state)
{
    static struct views views;

    views = (struct views){0};
    views_add(&views, web_task);
    views_see(&views, "nginx", nginx_seen);
    views.at[0].health_tracked = true;
    views.at[0].health = ENGINE_HEALTH_HEALTHY;
    views.at[0].health_since = VIEWS_TIME + 35500;
    *state = desk = &views;
    return 0;
}

static int teardown(void **state)
{
    arena_deinit(&((struct views *)*state)->arena);
    return 0;
}

static void expect(const struct shape *shape, const void *value, const char *want)
{
    BUF_AUTO struct buf text = BUF_INIT;

    codec_encode(&text, shape, value);
    EXPECT_STR(buf_str(&text), want);
}

static void expect_container(enum meta_version version, const char *name, const char *want)
{
    struct meta_container out = {0};

    meta_fill_container(version, views_of(desk, name), &desk->arena, &out);
    expect(&meta_container_shape, &out, want);
}

static void expect_task(enum meta_version version, const char *want)
{
    struct engine_view_list views = views_list(desk);
    struct meta_task out = {0};

    meta_fill_task(version, &host, &views, STR(ARN), &desk->arena, &out);
    expect(&meta_task_shape, &out, want);
}

#define NGINX_ALWAYS                                                                               \
    "\"CreatedAt\":\"2026-01-05T10:00:00.000Z\",\"DesiredStatus\":\"RUNNING\",\"DockerId\":"       \
    "\"nginx-id\",\"DockerName\":\"ecs-nginx\",\"Health\":{\"output\":\"ok\\n\",\"status\":"       \
    "\"HEALTHY\",\"statusSince\":\"2026-01-05T10:00:35.500Z\"},\"Image\":\"nginx:1.27\","          \
    "\"ImageID\":\"sha256:9b1d\",\"KnownStatus\":\"RUNNING\",\"Labels\":{"                         \
    "\"com.amazonaws.ecs.cluster\":\"default\"},\"Limits\":{\"CPU\":2,\"Memory\":128},"

#define NGINX_V4                                                                                   \
    "{\"ContainerARN\":\"arn:c\"," NGINX_ALWAYS                                                    \
    "\"LogDriver\":\"awslogs\",\"LogOptions\":{\"awslogs-group\":\"/ecs/web\"},"                   \
    "\"Name\":\"nginx\",\"Networks\":[{\"IPv4Addresses\":[\"172.17.0.2\"],\"NetworkMode\":"        \
    "\"bridge\"}],\"Ports\":[{\"ContainerPort\":80,\"HostIp\":\"0.0.0.0\",\"HostPort\":49153,"     \
    "\"Protocol\":\"tcp\"},{\"ContainerPort\":80,\"HostIp\":\"::\",\"HostPort\":49153,"            \
    "\"Protocol\":\"tcp\"}],\"RestartCount\":0,\"StartedAt\":\"2026-01-05T10:00:01.500Z\","        \
    "\"Type\":\"NORMAL\",\"Volumes\":[{\"Destination\":\"/cache\",\"DockerName\":"                 \
    "\"ecs-web-7-cache\",\"Source\":\"/v/_data\"}]}"

#define NGINX_V3                                                                                   \
    "{" NGINX_ALWAYS                                                                               \
    "\"Name\":\"nginx\",\"Networks\":[{\"IPv4Addresses\":[\"172.17.0.2\"],\"NetworkMode\":"        \
    "\"bridge\"}],\"Ports\":[{\"ContainerPort\":80,\"HostPort\":49153,"                            \
    "\"Protocol\":\"tcp\"},{\"ContainerPort\":80,\"HostPort\":49153,"                              \
    "\"Protocol\":\"tcp\"}],\"StartedAt\":\"2026-01-05T10:00:01.500Z\","                           \
    "\"Type\":\"NORMAL\",\"Volumes\":[{\"Destination\":\"/cache\",\"DockerName\":"                 \
    "\"ecs-web-7-cache\",\"Source\":\"/v/_data\"}]}"

#define SIDE                                                                                       \
    "{\"CreatedAt\":\"2026-01-05T10:00:00.000Z\",\"DesiredStatus\":\"RUNNING\",\"DockerId\":"      \
    "\"side-id\",\"DockerName\":\"ecs-side\",\"Image\":\"busybox\",\"ImageID\":\"sha256:9b1d\","   \
    "\"KnownStatus\":\"RUNNING\",\"Limits\":{\"CPU\":10,\"Memory\":16},\"Name\":\"side\","         \
    "\"StartedAt\":\"2026-01-05T10:00:01.500Z\",\"Type\":\"NORMAL\"}"

static void a_container_in_v4_shows_everything(void **state)
{
    (void)state;
    expect_container(META_V4, "nginx", NGINX_V4);
}

static void a_container_in_v3_lacks_what_v4_added(void **state)
{
    (void)state;
    expect_container(META_V3, "nginx", NGINX_V3);
}

static void a_container_in_v2_lacks_its_volumes_too(void **state)
{
    struct meta_container out = {0};

    (void)state;
    meta_fill_container(META_V2, views_of(desk, "nginx"), &desk->arena, &out);
    assert_false(out.has.volumes);
    assert_false(out.has.container_arn);
    assert_true(out.has.networks);
}

static void a_container_that_was_not_inspected_yet_says_less(void **state)
{
    (void)state;
    expect_container(META_V4, "side", SIDE);
}

static void a_container_that_ended_tells_how(void **state)
{
    struct engine_view *view = views_of(desk, "side");
    struct meta_container out = {0};

    (void)state;
    view->status = HOST_CONTAINER_STATUS_STOPPED;
    view->has_exit_code = true;
    view->exit_code = 0;
    view->finished_at = VIEWS_TIME + 60000;
    meta_fill_container(META_V4, view, &desk->arena, &out);
    assert_true(out.has.exit_code);
    assert_int_equal(out.exit_code, 0);
    assert_int_equal(out.finished_at, VIEWS_TIME + 60000);
    EXPECT_STR(out.known_status, "STOPPED");
}

static void a_failed_health_check_shows_its_code(void **state)
{
    struct meta_container out = {0};

    (void)state;
    views_see(desk, "nginx",
              "{\"State\":{\"Health\":{\"Log\":[{\"ExitCode\":0,\"Output\":\"a\"},{\"ExitCode\":3,"
              "\"Output\":\"b\"}]}}}");
    views_of(desk, "nginx")->health = ENGINE_HEALTH_UNHEALTHY;
    meta_fill_container(META_V4, views_of(desk, "nginx"), &desk->arena, &out);
    expect(&meta_health_shape, out.health,
           "{\"exitCode\":3,\"output\":\"b\",\"status\":\"UNHEALTHY\","
           "\"statusSince\":\"2026-01-05T10:00:35.500Z\"}");
}

// One failure among the tries does not make a container unhealthy.
static void a_health_check_that_holds_shows_no_code(void **state)
{
    struct meta_container out = {0};

    (void)state;
    views_see(desk, "nginx",
              "{\"State\":{\"Health\":{\"Log\":[{\"ExitCode\":3,\"Output\":\"b\"}]}}}");
    meta_fill_container(META_V4, views_of(desk, "nginx"), &desk->arena, &out);
    expect(&meta_health_shape, out.health,
           "{\"output\":\"b\",\"status\":\"HEALTHY\","
           "\"statusSince\":\"2026-01-05T10:00:35.500Z\"}");
    views_of(desk, "nginx")->health = ENGINE_HEALTH_UNKNOWN; // it was started anew
    meta_fill_container(META_V4, views_of(desk, "nginx"), &desk->arena, &out);
    assert_false(out.health->has.exit_code || out.health->has.output);
}

static void the_output_of_a_health_check_is_cut(void **state)
{
    struct meta_container out = {0};
    const char *json = arena_printf(&desk->arena,
                                    "{\"State\":{\"Health\":{\"Log\":[{\"ExitCode\":0,\"Output\":"
                                    "\"%01023d\xe2\x82\xac\"}]}}}",
                                    0);

    (void)state;
    views_see(desk, "nginx", json);
    meta_fill_container(META_V4, views_of(desk, "nginx"), &desk->arena, &out);
    assert_int_equal(out.health->output.len, 1023); // of 1024 the last would be half a character
}

static void on_the_hosts_network_a_container_has_no_address(void **state)
{
    struct meta_container out = {0};

    (void)state;
    views_see(desk, "nginx",
              "{\"NetworkSettings\":{\"Networks\":{\"host\":{\"IPAddress\":\"\"}}}}");
    meta_fill_container(META_V4, views_of(desk, "nginx"), &desk->arena, &out);
    expect(&meta_network_shape, &out.networks.at[0],
           "{\"IPv4Addresses\":[\"\"],\"NetworkMode\":\"host\"}");
    assert_false(out.has.ports);
}

#define TASK_HEAD "\"Cluster\":\"default\",\"Containers\":["

static void a_task_in_v4_shows_everything(void **state)
{
    (void)state;
    views_of(desk, "nginx")->pull_started_at = VIEWS_TIME - 3000;
    views_of(desk, "nginx")->pull_stopped_at = VIEWS_TIME - 1000;
    expect_task(META_V4,
                "{\"AvailabilityZone\":\"us-east-1a\"," TASK_HEAD NGINX_V4 "," SIDE
                "],\"DesiredStatus\":\"RUNNING\",\"Family\":\"web\",\"FaultInjectionEnabled\":"
                "false,\"Group\":\"service:web-svc\",\"KnownStatus\":\"RUNNING\",\"LaunchType\":"
                "\"EC2\",\"Limits\":{\"CPU\":0.5,\"Memory\":512},\"PullStartedAt\":"
                "\"2026-01-05T09:59:57.000Z\",\"PullStoppedAt\":\"2026-01-05T09:59:59.000Z\","
                "\"Revision\":\"7\",\"ServiceName\":\"web-svc\",\"TaskARN\":\"" ARN "\"}");
}

static void a_task_in_v3_lacks_where_it_comes_from(void **state)
{
    (void)state;
    expect_task(META_V3, "{\"AvailabilityZone\":\"us-east-1a\"," TASK_HEAD NGINX_V3 "," SIDE
                         "],\"DesiredStatus\":\"RUNNING\",\"Family\":\"web\",\"KnownStatus\":"
                         "\"RUNNING\",\"Limits\":{\"CPU\":0.5,\"Memory\":512},\"Revision\":\"7\","
                         "\"TaskARN\":\"" ARN "\"}");
}

static void limits_are_shown_only_when_the_task_has_them(void **state)
{
    struct engine_view_list views;
    struct meta_task out = {0};

    (void)state;
    desk->n = 0;
    views_add(desk, "{\"arn\":\"" ARN "\",\"family\":\"f\",\"version\":\"1\",\"containers\":["
                    "{\"name\":\"a\",\"image\":\"b\"}]}");
    views = views_list(desk);
    meta_fill_task(META_V4, &host, &views, STR(ARN), &desk->arena, &out);
    assert_false(out.has.limits);
    assert_false(out.has.group);
    assert_true(out.has.fault_injection_enabled);
}

static void a_container_is_listed_once_its_image_is_here(void **state)
{
    struct engine_view *side = views_of(desk, "side");
    struct engine_view_list views = views_list(desk);
    struct meta_task out = {0};

    (void)state;
    side->runtime_id = STR_NONE;
    side->status = HOST_CONTAINER_STATUS_MANIFEST_PULLED;
    meta_fill_task(META_V4, &host, &views, STR(ARN), &desk->arena, &out);
    assert_int_equal(out.containers.n, 1);
    side->status = HOST_CONTAINER_STATUS_PULLED;
    meta_fill_task(META_V4, &host, &views, STR(ARN), &desk->arena, &out);
    assert_int_equal(out.containers.n, 2);
    meta_fill_task(META_V3, &host, &views, STR(ARN), &desk->arena, &out);
    assert_int_equal(out.containers.n, 1); // of those that were made
}

static void callers_are_found_by_their_address_while_they_run(void **state)
{
    struct engine_view_list views = views_list(desk);

    (void)state;
    assert_ptr_equal(meta_find_address(&views, STR("172.17.0.2")), views_of(desk, "nginx"));
    assert_null(meta_find_address(&views, STR("172.17.0.3")));
    assert_null(meta_find_address(&views, STR_NONE));
    assert_true(meta_task_has_address(&views, STR(ARN), STR("172.17.0.2")));
    assert_false(meta_task_has_address(&views, STR("other"), STR("172.17.0.2")));
    views_of(desk, "nginx")->status = HOST_CONTAINER_STATUS_STOPPED;
    assert_null(meta_find_address(&views, STR("172.17.0.2")));
}

static void introspection_shows_a_task_in_its_own_words(void **state)
{
    struct engine_view_list views = views_list(desk);
    struct meta_introspected_tasks out = {0};

    (void)state;
    desk->at[0].task_desired = HOST_TASK_STATUS_STOPPED;
    meta_fill_introspected_all(&views, &desk->arena, &out);
    expect(&meta_introspected_tasks_shape, &out,
           "{\"Tasks\":[{\"Arn\":\"" ARN "\",\"Containers\":[{\"CreatedAt\":"
           "\"2026-01-05T10:00:00.000Z\",\"DockerId\":\"nginx-id\",\"DockerName\":\"ecs-nginx\","
           "\"Image\":\"nginx:1.27\",\"ImageID\":\"sha256:9b1d\",\"Name\":\"nginx\",\"Networks\":"
           "[{\"IPv4Addresses\":[\"172.17.0.2\"],\"NetworkMode\":\"bridge\"}],\"Ports\":[{"
           "\"ContainerPort\":80,\"HostPort\":49153,\"Protocol\":\"tcp\"},{\"ContainerPort\":80,"
           "\"HostPort\":49153,\"Protocol\":\"tcp\"}],\"RestartCount\":0,\"StartedAt\":"
           "\"2026-01-05T10:00:01.500Z\",\"Volumes\":[{\"Destination\":\"/cache\",\"DockerName\":"
           "\"ecs-web-7-cache\",\"Source\":\"/v/_data\"}]},{\"CreatedAt\":"
           "\"2026-01-05T10:00:00.000Z\",\"DockerId\":\"side-id\",\"DockerName\":\"ecs-side\","
           "\"Image\":\"busybox\",\"ImageID\":\"sha256:9b1d\",\"Name\":\"side\",\"StartedAt\":"
           "\"2026-01-05T10:00:01.500Z\"}],\"DesiredStatus\":\"STOPPED\",\"Family\":\"web\","
           "\"KnownStatus\":\"RUNNING\",\"Version\":\"7\"}]}");
}

static void introspection_hides_what_contradicts_itself(void **state)
{
    struct engine_view_list views = views_list(desk);
    struct meta_introspected_task out = {0};

    (void)state;
    desk->at[0].task_status = HOST_TASK_STATUS_STOPPED; // and RUNNING is wanted
    meta_fill_introspected(&views, STR(ARN), &desk->arena, &out);
    assert_false(out.has.desired_status);
    EXPECT_STR(out.known_status, "STOPPED");
    desk->at[0].task_status = HOST_TASK_STATUS_CREATED;
    meta_fill_introspected(&views, STR(ARN), &desk->arena, &out);
    EXPECT_STR(out.known_status, "PENDING");
    EXPECT_STR(out.desired_status, "RUNNING");
}

static void a_metadata_file_is_partial_before_the_start_and_ready_after(void **state)
{
    struct engine_view *view = views_of(desk, "nginx");
    struct meta_file before = {0};
    struct meta_file after = {0};

    (void)state;
    view->status = HOST_CONTAINER_STATUS_PULLED;
    meta_fill_file(&host, view, &desk->arena, &before);
    expect(&meta_file_shape, &before,
           "{\"AvailabilityZone\":\"us-east-1a\",\"Cluster\":\"default\",\"ContainerInstanceARN\":"
           "\"arn:i\",\"ContainerName\":\"nginx\",\"TaskARN\":\"" ARN
           "\",\"TaskDefinitionFamily\":\"web\",\"TaskDefinitionRevision\":\"7\"}");
    view->status = HOST_CONTAINER_STATUS_RUNNING;
    meta_fill_file(&host, view, &desk->arena, &after);
    expect(&meta_file_shape, &after,
           "{\"AvailabilityZone\":\"us-east-1a\",\"Cluster\":\"default\",\"ContainerID\":"
           "\"nginx-id\",\"ContainerInstanceARN\":\"arn:i\",\"ContainerName\":\"nginx\","
           "\"DockerContainerName\":\"/ecs-nginx\",\"ImageID\":\"sha256:9b1d\",\"ImageName\":"
           "\"nginx:1.27\",\"MetadataFileStatus\":\"READY\",\"Networks\":[{\"IPv4Addresses\":["
           "\"172.17.0.2\"],\"NetworkMode\":\"bridge\"}],\"PortMappings\":[{\"BindIp\":\"0.0.0.0\","
           "\"ContainerPort\":80,\"HostPort\":49153,\"Protocol\":\"tcp\"},{\"BindIp\":\"::\","
           "\"ContainerPort\":80,\"HostPort\":49153,\"Protocol\":\"tcp\"}],\"TaskARN\":\"" ARN
           "\",\"TaskDefinitionFamily\":\"web\",\"TaskDefinitionRevision\":\"7\"}");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        CASE(a_container_in_v4_shows_everything),
        CASE(a_container_in_v3_lacks_what_v4_added),
        CASE(a_container_in_v2_lacks_its_volumes_too),
        CASE(a_container_that_was_not_inspected_yet_says_less),
        CASE(a_container_that_ended_tells_how),
        CASE(a_failed_health_check_shows_its_code),
        CASE(a_health_check_that_holds_shows_no_code),
        CASE(the_output_of_a_health_check_is_cut),
        CASE(on_the_hosts_network_a_container_has_no_address),
        CASE(a_task_in_v4_shows_everything),
        CASE(a_task_in_v3_lacks_where_it_comes_from),
        CASE(limits_are_shown_only_when_the_task_has_them),
        CASE(a_container_is_listed_once_its_image_is_here),
        CASE(callers_are_found_by_their_address_while_they_run),
        CASE(introspection_shows_a_task_in_its_own_words),
        CASE(introspection_hides_what_contradicts_itself),
        CASE(a_metadata_file_is_partial_before_the_start_and_ready_after),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
