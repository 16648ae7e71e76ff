// Settings: what each variable does, what it refuses, and who wins when several places set it.

#include "agent/config.h"
#include "agent/config_unused.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/test.h"
#include "base/timefmt.h"
#include "io/file.h"

// The environment of the case that runs.
static struct {
    const char *name;
    const char *value;
} environment[4];
static struct arena arena;

static const char *environment_of_the_case(const char *name)
{
    for (size_t i = 0; i < sizeof environment / sizeof *environment; i++) {
        if (environment[i].name != NULL && strcmp(environment[i].name, name) == 0)
            return environment[i].value;
    }
    return NULL;
}

static void set(const char *name, const char *value)
{
    for (size_t i = 0; i < sizeof environment / sizeof *environment; i++) {
        if (environment[i].name == NULL || strcmp(environment[i].name, name) == 0) {
            environment[i].name = name;
            environment[i].value = value;
            return;
        }
    }
    fail();
}

static int forget(void **state)
{
    (void)state;
    memset(environment, 0, sizeof environment);
    arena_reset(&arena);
    return 0;
}

static struct agent_config loaded_with(const struct agent_options *options)
{
    struct agent_config config;
    struct str why = STR_NONE;
    int rc = config_load(&arena, options, environment_of_the_case, &config, &why);

    EXPECT_STR(why, "");
    assert_int_equal(rc, 0);
    return config;
}

static struct agent_config loaded(void)
{
    return loaded_with(&(struct agent_options){.config_file = "/dev/null"});
}

static struct agent_config loaded_as(const char *name, const char *value)
{
    memset(environment, 0, sizeof environment);
    set(name, value);
    return loaded();
}

static struct str refused(const char *name, const char *value)
{
    struct agent_options options = {.config_file = "/dev/null"};
    struct agent_config config;
    struct str why = STR_NONE;

    memset(environment, 0, sizeof environment);
    set(name, value);
    if (strcmp(name, "ECS_ENGINE_AUTH_DATA") == 0)
        set("ECS_ENGINE_AUTH_TYPE", "docker");
    assert_int_equal(config_load(&arena, &options, environment_of_the_case, &config, &why),
                     CONFIG_E_BAD);
    return why;
}

static void defaults_are_the_documented_ones(void **state)
{
    struct agent_config c = loaded();
    (void)state;

    EXPECT_STR(c.endpoint, "http://127.0.0.1:7420");
    EXPECT_STR(c.cluster, "");
    EXPECT_STR(c.engine.cluster, "default");
    EXPECT_STR(c.region, "us-east-1");
    assert_string_equal(c.data_dir, "/data");
    assert_string_equal(c.docker_socket, "/var/run/docker.sock");
    assert_int_equal(c.reserved_tcp.n, 5);
    EXPECT_STR(c.reserved_tcp.at[4], "51679");
    assert_int_equal(c.engine.reserved_tcp.at[0], 22);
    assert_int_equal(c.reserved_udp.n, 0);
    assert_int_equal(c.reserved_memory_mib, 0);
    assert_int_equal(c.log_drivers.n, 5);
    EXPECT_STR(c.log_drivers.at[0], "json-file");
    EXPECT_STR(c.os_family_detail, "LINUX");
    assert_int_equal(c.engine.pull, ENGINE_PULL_DEFAULT);
    assert_int_equal(c.engine.stop_timeout_ms, 30 * TIME_SECOND_MS);
    assert_int_equal(c.engine.cleanup_wait_ms, 3 * TIME_HOUR_MS);
    assert_false(c.engine.metadata_endpoints);
    assert_false(c.external || c.privileged_disabled || c.selinux || c.apparmor);
    assert_false(c.metrics_disabled || c.health_disabled || c.engine.report_ipv6_bindings);
}

static void switches_are_true_or_false(void **state)
{
    static const struct {
        const char *name;
        size_t offset;
    } rows[] = {
        {"ECS_EXTERNAL", offsetof(struct agent_config, external)},
        {"ECS_DISABLE_PRIVILEGED", offsetof(struct agent_config, privileged_disabled)},
        {"ECS_SELINUX_CAPABLE", offsetof(struct agent_config, selinux)},
        {"ECS_APPARMOR_CAPABLE", offsetof(struct agent_config, apparmor)},
        {"ECS_DISABLE_METRICS", offsetof(struct agent_config, metrics_disabled)},
        {"ECS_DISABLE_DOCKER_HEALTH_CHECK", offsetof(struct agent_config, health_disabled)},
        {"ECS_PULL_DEPENDENT_CONTAINERS_UPFRONT",
         offsetof(struct agent_config, engine.pull_dependents_upfront)},
        {"ECS_SHARED_VOLUME_MATCH_FULL_CONFIG",
         offsetof(struct agent_config, engine.shared_volume_match)},
    };
    (void)state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct agent_config on = loaded_as(rows[i].name, "TRUE");
        struct agent_config off = loaded_as(rows[i].name, "false");
        assert_true(*(const bool *)((const char *)&on + rows[i].offset));
        assert_false(*(const bool *)((const char *)&off + rows[i].offset));
        assert_true(str_starts(refused(rows[i].name, "yes"), str_of(rows[i].name)));
    }
    assert_true(loaded_as("ECS_EXCLUDE_IPV6_PORTBINDING", "false").engine.report_ipv6_bindings);
    assert_true(loaded_as("ECS_EXTERNAL", "1").engine.external);
}

static void durations_have_their_least(void **state)
{
    static const struct {
        const char *name;
        size_t offset;
        int64_t least_ms;
    } rows[] = {
        {"ECS_CONTAINER_STOP_TIMEOUT", offsetof(struct engine_settings, stop_timeout_ms), 1000},
        {"ECS_CONTAINER_START_TIMEOUT", offsetof(struct engine_settings, start_timeout_ms), 45000},
        {"ECS_CONTAINER_CREATE_TIMEOUT", offsetof(struct engine_settings, create_timeout_ms),
         60000},
        {"ECS_MANIFEST_PULL_TIMEOUT", offsetof(struct engine_settings, manifest_timeout_ms), 30000},
        {"ECS_IMAGE_PULL_TIMEOUT", offsetof(struct engine_settings, pull_timeout_ms), 1000},
        {"ECS_IMAGE_PULL_INACTIVITY_TIMEOUT", offsetof(struct engine_settings, pull_idle_ms), 1000},
        {"ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION", offsetof(struct engine_settings, cleanup_wait_ms),
         3 * TIME_HOUR_MS}, // less than a second is passed over
        {"ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION_JITTER",
         offsetof(struct engine_settings, cleanup_jitter_ms), 0},
        {"ECS_IMAGE_CLEANUP_INTERVAL", offsetof(struct engine_settings, image_interval_ms),
         30 * TIME_MINUTE_MS}, // less than ten minutes, too
        {"ECS_IMAGE_MINIMUM_CLEANUP_AGE", offsetof(struct engine_settings, image_min_age_ms), 0},
        {"NON_ECS_IMAGE_MINIMUM_CLEANUP_AGE",
         offsetof(struct engine_settings, strange_image_min_age_ms), 0},
    };
    (void)state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct engine_settings chosen = loaded_as(rows[i].name, "1h2m").engine;
        struct engine_settings least = loaded_as(rows[i].name, "0s").engine;
        assert_int_equal(*(const time_ms *)((const char *)&chosen + rows[i].offset),
                         62 * TIME_MINUTE_MS);
        assert_int_equal(*(const time_ms *)((const char *)&least + rows[i].offset),
                         rows[i].least_ms);
        assert_true(str_starts(refused(rows[i].name, "90"), str_of(rows[i].name)));
    }
}

static void what_is_cleaned_up_can_be_chosen(void **state)
{
    struct engine_settings engine = loaded().engine;
    (void)state;

    assert_false(engine.keeps_images || engine.cleans_strangers);
    assert_int_equal(engine.images_per_cycle, 5);
    assert_int_equal(engine.strangers_per_cycle, 5);
    assert_true(loaded_as("ECS_DISABLE_IMAGE_CLEANUP", "true").engine.keeps_images);
    assert_true(loaded_as("ECS_ENABLE_UNTRACKED_IMAGE_CLEANUP", "true").engine.cleans_strangers);
    assert_int_equal(loaded_as("ECS_NUM_IMAGES_DELETE_PER_CYCLE", "9").engine.images_per_cycle, 9);
    engine = loaded_as("ECS_EXCLUDE_UNTRACKED_IMAGE", "a:1, b,,c").engine;
    assert_int_equal(engine.images_kept.n, 3);
    EXPECT_STR(engine.images_kept.at[1], "b");
    assert_true(str_starts(refused("ECS_NUM_IMAGES_DELETE_PER_CYCLE", "-1"),
                           STR("ECS_NUM_IMAGES_DELETE_PER_CYCLE")));
}

static void pull_behaviours_have_names(void **state)
{
    static const char *const names[] = {"default", "always", "once", "prefer-cached"};
    (void)state;

    for (int i = 0; i < 4; i++)
        assert_int_equal(loaded_as("ECS_IMAGE_PULL_BEHAVIOR", names[i]).engine.pull, i);
    EXPECT_STR(refused("ECS_IMAGE_PULL_BEHAVIOR", "never"),
               "ECS_IMAGE_PULL_BEHAVIOR is default, always, once or prefer-cached, not 'never'");
}

static void ports_are_lists_and_ranges(void **state)
{
    struct agent_config c = loaded_as("ECS_RESERVED_PORTS", "[80, 443]");
    (void)state;

    assert_int_equal(c.reserved_tcp.n, 2);
    EXPECT_STR(c.reserved_tcp.at[1], "443");
    assert_int_equal(c.engine.reserved_tcp.at[1], 443);
    c = loaded_as("ECS_RESERVED_PORTS_UDP", "[53]");
    assert_int_equal(c.engine.reserved_udp.at[0], 53);
    c = loaded_as("ECS_DYNAMIC_HOST_PORT_RANGE", "40000-40010");
    assert_int_equal(c.engine.port_first, 40000);
    assert_int_equal(c.engine.port_last, 40010);
    refused("ECS_RESERVED_PORTS", "80");
    refused("ECS_RESERVED_PORTS", "[0]");
    refused("ECS_RESERVED_PORTS", "[65536]");
    refused("ECS_RESERVED_PORTS_UDP", "[\"x\"]");
    refused("ECS_DYNAMIC_HOST_PORT_RANGE", "40010-40000");
    refused("ECS_DYNAMIC_HOST_PORT_RANGE", "40000");
    refused("ECS_DYNAMIC_HOST_PORT_RANGE", "1-70000");
}

static void memory_is_a_whole_number(void **state)
{
    (void)state;
    assert_int_equal(loaded_as("ECS_RESERVED_MEMORY", "256").reserved_memory_mib, 256);
    refused("ECS_RESERVED_MEMORY", "-1");
    refused("ECS_RESERVED_MEMORY", "1.5");
    refused("ECS_RESERVED_MEMORY", "1g");
}

static void lists_and_maps_are_json(void **state)
{
    struct agent_config c =
        loaded_as("ECS_INSTANCE_ATTRIBUTES", "{\"stack\":\"prod\",\"bare\":\"\"}");
    (void)state;

    assert_int_equal(c.attributes.n, 2);
    for (size_t i = 0; i < 2; i++) {
        bool is_bare = str_eq(c.attributes.at[i].name, STR("bare"));
        assert_int_equal(c.attributes.at[i].has.value, !is_bare);
    }
    c = loaded_as("ECS_CONTAINER_INSTANCE_TAGS", "{\"owner\":\"me\"}");
    assert_int_equal(c.tags.n, 1);
    EXPECT_STR(c.tags.at[0].key, "owner");
    EXPECT_STR(c.tags.at[0].value, "me");
    c = loaded_as("ECS_AVAILABLE_LOGGING_DRIVERS", "[\"syslog\"]");
    assert_int_equal(c.log_drivers.n, 1);
    EXPECT_STR(c.log_drivers.at[0], "syslog");
    refused("ECS_INSTANCE_ATTRIBUTES", "[]");
    refused("ECS_INSTANCE_ATTRIBUTES", "{\"a\":1}");
    refused("ECS_INSTANCE_ATTRIBUTES", "{\"a\":");
    refused("ECS_CONTAINER_INSTANCE_TAGS", "x");
    refused("ECS_AVAILABLE_LOGGING_DRIVERS", "{}");
}

static void texts_are_taken_as_they_are(void **state)
{
    (void)state;
    EXPECT_STR(loaded_as("ECS_CLUSTER", "blue").engine.cluster, "blue");
    EXPECT_STR(loaded_as("AWS_DEFAULT_REGION", "eu-west-1").engine.region, "eu-west-1");
    EXPECT_STR(loaded_as("ECS_DETAILED_OS_FAMILY", "debian_12").os_family_detail, "debian_12");
    assert_string_equal(loaded_as("ECS_DATADIR", "/srv/x").data_dir, "/srv/x");
    assert_string_equal(loaded_as("DOCKER_HOST", "unix:///run/d.sock").docker_socket,
                        "/run/d.sock");
    EXPECT_STR(loaded_as("ECS_BACKEND_HOST", "ecs.example").endpoint, "https://ecs.example");
    EXPECT_STR(loaded_as("ECS_BACKEND_HOST", "http://h:1").endpoint, "http://h:1");
    refused("DOCKER_HOST", "tcp://1.2.3.4:2375");
}

static void registry_logins_come_in_two_forms(void **state)
{
    struct agent_config c;
    (void)state;

    set("ECS_ENGINE_AUTH_TYPE", "docker");
    set("ECS_ENGINE_AUTH_DATA",
        "{\"r:5000\":{\"username\":\"u\",\"password\":\"p\",\"email\":\"\"}}");
    c = loaded();
    assert_int_equal(c.engine.registries_n, 1);
    EXPECT_STR(c.engine.registries[0].prefix, "r:5000");
    EXPECT_STR(c.engine.registries[0].auth.password, "p");
    set("ECS_ENGINE_AUTH_TYPE", "dockercfg");
    set("ECS_ENGINE_AUTH_DATA", "{\"r\":{\"auth\":\"dXNlcjpwYTpzcw==\"}}");
    c = loaded();
    EXPECT_STR(c.engine.registries[0].auth.username, "user");
    EXPECT_STR(c.engine.registries[0].auth.password, "pa:ss");
}

// What is refused may be a password, so it is not repeated.
static void refused_logins_stay_secret(void **state)
{
    static const char *const rows[] = {"{\"r\":{\"username\":\"hush\"}}",
                                       "{\"r\":{\"auth\":\"hush\"}}", "hush",
                                       "{\"r\":{\"auth\":\"aHVzaA==\"}}"};
    (void)state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct str why = refused("ECS_ENGINE_AUTH_DATA", rows[i]);
        assert_true(str_ends(why, STR("not '(hidden)'")));
    }
}

static const char *file_of(const char *text)
{
    char path[] = "/tmp/ecs-config-XXXXXX";
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(file_write_atomic(path, str_of(text), 0600), 0);
    return str_cstr(&arena, str_of(path));
}

static void the_file_has_lines_as_a_shell_reads_them(void **state)
{
    struct agent_options options = {.config_file =
                                        file_of("# a comment\n"
                                                "ECS_CLUSTER=first\r\n"
                                                "  ECS_CLUSTER = \"second one\"  \n"
                                                "nonsense\n"
                                                "ECS_RESERVED_MEMORY='64'\n"
                                                "ECS_DETAILED_OS_FAMILY=\"\n"
                                                "ECS_INSTANCE_ATTRIBUTES={\"a\":\"b\"}")};
    struct agent_config c = loaded_with(&options);
    (void)state;

    EXPECT_STR(c.cluster, "second one");
    assert_int_equal(c.reserved_memory_mib, 64);
    EXPECT_STR(c.os_family_detail, "\"");
    assert_int_equal(c.attributes.n, 1);
    unlink(options.config_file);
}

static void a_flag_beats_the_environment_and_that_beats_the_file(void **state)
{
    struct agent_options options = {.config_file =
                                        file_of("ECS_CLUSTER=file\nECS_RESERVED_MEMORY=5\n"
                                                "AWS_DEFAULT_REGION=file-1\n")};
    struct agent_config c;
    (void)state;

    set("ECS_CLUSTER", "environment");
    set("ECS_RESERVED_MEMORY", ""); // empty is not set
    c = loaded_with(&options);
    EXPECT_STR(c.cluster, "environment");
    EXPECT_STR(c.region, "file-1");
    assert_int_equal(c.reserved_memory_mib, 5);
    options.cluster = "flag";
    options.region = "flag-1";
    c = loaded_with(&options);
    EXPECT_STR(c.cluster, "flag");
    EXPECT_STR(c.region, "flag-1");
    unlink(options.config_file);
}

static void a_file_that_was_asked_for_must_be_there(void **state)
{
    struct agent_options options = {.config_file = "/nonexistent/ecs.config"};
    struct agent_config config;
    struct str why = STR_NONE;
    (void)state;

    assert_int_equal(config_load(&arena, &options, environment_of_the_case, &config, &why),
                     CONFIG_E_BAD);
    EXPECT_STR(why, "cannot read /nonexistent/ecs.config: No such file or directory");
}

static void networks_of_tasks_are_asked_for_by_a_pool(void **state)
{
    struct agent_options options = {.awsvpc_pool = "10.1.0.0/24",
                                    .awsvpc_direct = "10.2.0.0/24, 10.3.0.0/16",
                                    .awsvpc_dns = "10.0.0.2",
                                    .fargate = "spot"};
    struct agent_config c;
    (void)state;

    set("ECS_PAUSE_LABELS", "{\"a\":\"b\"}");
    c = loaded_with(&options);
    EXPECT_STR(c.network_pool, "10.1.0.0/24");
    EXPECT_STR(c.network_bridge, "gantry0");
    assert_int_equal(c.network_direct.n, 2);
    EXPECT_STR(c.network_direct.at[1], "10.3.0.0/16");
    EXPECT_STR(c.engine.network_dns.at[0], "10.0.0.2");
    EXPECT_STR(c.engine.pause_labels.at[0].value, "b");
    EXPECT_STR(c.fargate, "FARGATE_SPOT");
    options.cni_config = "/etc/cni/own.conflist";
    EXPECT_STR(loaded_with(&options).network_bridge, ""); // whose interfaces they are is not known
}

static void what_cannot_be_a_network_is_refused(void **state)
{
    static const struct {
        struct agent_options options;
        const char *why;
    } rows[] = {
        {{.awsvpc_pool = "10.1.0.1/24"},
         "--awsvpc-pool is a CIDR like 10.1.0.0/24, of /30 at most, not '10.1.0.1/24'"},
        {{.awsvpc_pool = "10.1.0.0/31"},
         "--awsvpc-pool is a CIDR like 10.1.0.0/24, of /30 at most, not '10.1.0.0/31'"},
        {{.awsvpc_pool = "fd00::/64"},
         "--awsvpc-pool is a CIDR like 10.1.0.0/24, of /30 at most, not 'fd00::/64'"},
        {{.awsvpc_gateway = "fd00::1"}, "--awsvpc-gateway is an IPv4 address, not 'fd00::1'"},
        {{.awsvpc_dns = "fd00::1"}, "--awsvpc-dns is a list of IPv4 addresses, not 'fd00::1'"},
        {{.awsvpc_bridge = "a\"b"}, "--awsvpc-bridge is the name of an interface, not 'a\"b'"},
        {{.awsvpc_gateway = "here"}, "--awsvpc-gateway is an IPv4 address, not 'here'"},
        {{.awsvpc_direct = "10.1.0.0"},
         "--awsvpc-direct is a CIDR like 10.1.0.0/24, not '10.1.0.0'"},
        {{.awsvpc_dns = "10.1.0.1,x"}, "--awsvpc-dns is a list of IPv4 addresses, not 'x'"},
        {{.fargate = "yes"}, "--fargate is on-demand or spot, not 'yes'"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct agent_config config;
        struct str why = STR_NONE;

        assert_int_equal(
            config_load(&arena, &rows[i].options, environment_of_the_case, &config, &why),
            CONFIG_E_BAD);
        EXPECT_STR(why, rows[i].why);
    }
}

#define CASE(name) cmocka_unit_test_setup(name, forget)

static void switches_of_logs_and_loopback(void **state)
{
    (void)state;
    assert_true(loaded().log_roles);
    assert_false(loaded().loopback_open);
    assert_false(loaded_as("ECS_ENABLE_AWSLOGS_EXECUTIONROLE_OVERRIDE", "false").log_roles);
    assert_true(loaded_as("ECS_SKIP_LOCALHOST_TRAFFIC_FILTER", "true").loopback_open);
}

static void settings_without_effect_are_told_of(void **state)
{
    struct agent_config config;
    (void)state;

    assert_int_equal(loaded().unused_n, 0);
    set("ECS_POLL_METRICS", "true");
    set("ECS_CHECKPOINT", "false");
    set("ECS_CLUSTER", "c"); // has an effect
    config = loaded();
    assert_int_equal(config.unused_n, 2);
    assert_string_equal(config.unused[0]->name, "ECS_CHECKPOINT");
    assert_string_equal(config.unused[1]->name, "ECS_POLL_METRICS");
    assert_true(strlen(config.unused[1]->why) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(defaults_are_the_documented_ones),
        CASE(switches_of_logs_and_loopback),
        CASE(settings_without_effect_are_told_of),
        CASE(switches_are_true_or_false),
        CASE(durations_have_their_least),
        CASE(what_is_cleaned_up_can_be_chosen),
        CASE(pull_behaviours_have_names),
        CASE(ports_are_lists_and_ranges),
        CASE(memory_is_a_whole_number),
        CASE(lists_and_maps_are_json),
        CASE(texts_are_taken_as_they_are),
        CASE(registry_logins_come_in_two_forms),
        CASE(refused_logins_stay_secret),
        CASE(the_file_has_lines_as_a_shell_reads_them),
        CASE(a_flag_beats_the_environment_and_that_beats_the_file),
        CASE(a_file_that_was_asked_for_must_be_there),
        CASE(networks_of_tasks_are_asked_for_by_a_pool),
        CASE(what_cannot_be_a_network_is_refused),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    arena_deinit(&arena);
    return failed;
}
