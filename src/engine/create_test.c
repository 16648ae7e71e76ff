// The create call, volumes and ports. Numbers are those of ecs-behaviour-agent C.

#include "base/test.h"

#include "engine/ports.h"
#include "engine/rig.h"

struct one {
    struct rig rig;
    struct acs_task *task;
    struct acs_container *c;
};

static void make_one(struct one *one)
{
    rig_init(&one->rig, 1);
    fake_image(one->rig.fake, "app");
    one->task = rig_task(&one->rig, "t1");
    one->c = rig_container(&one->rig, one->task, "my_app.1", "app");
}

static const struct fake_container *run_one(struct one *one)
{
    rig_start(&one->rig, one->task);
    rig_run(&one->rig, 60000);
    return fake_find(one->rig.fake, STR("my_app.1"));
}

static bool has_env(const struct fake_container *c, const char *line)
{
    for (size_t i = 0; i < c->config->env.n; i++) {
        if (str_eq(c->config->env.at[i], str_of(line)))
            return true;
    }
    return false;
}

static struct str label(const struct fake_container *c, const char *key)
{
    for (size_t i = 0; i < c->config->labels.n; i++) {
        if (str_eq(c->config->labels.at[i].key, str_of(key)))
            return c->config->labels.at[i].value;
    }
    return STR_NONE;
}

static void expect_refused(struct one *one, const char *detail)
{
    struct str want = str_fmt(&one->rig.arena,
                              "resource cannot be initialized for task "
                              "arn:aws:ecs:r:1:task/default/t1: %s",
                              detail);

    assert_null(run_one(one));
    EXPECT_STR(rig_submit(&one->rig, "t1", "STOPPED")->reason, str_cstr(&one->rig.arena, want));
}

// ---- limits

// 1, 2
static void cpu_and_memory_have_floors(void **state)
{
    struct one one;
    const struct fake_container *c;
    (void)state;

    make_one(&one);
    SET(one.c, cpu, 0);
    SET(one.c, memory, 3);
    c = run_one(&one);
    assert_int_equal(c->host->cpu_shares, 2);
    assert_int_equal(c->host->memory, 4 << 20);
    rig_deinit(&one.rig);
}

static void a_container_without_a_limit_does_not_get_the_tasks(void **state)
{
    struct one one;
    (void)state;

    make_one(&one);
    SET(one.c, memory, 0);
    SET(one.task, memory, 512);
    assert_false(run_one(&one)->host->has.memory);
    rig_deinit(&one.rig);
}

static void unless_the_setting_says_so(void **state)
{
    struct one one;
    (void)state;

    make_one(&one);
    one.rig.settings.cgroup_v2 = true;
    one.rig.settings.propagate_task_memory = true;
    SET(one.c, memory, 0);
    SET(one.task, memory, 512);
    assert_int_equal(run_one(&one)->host->memory, 512 << 20);
    rig_deinit(&one.rig);
}

static void containers_go_below_the_tasks_cgroup(void **state)
{
    struct one one;
    (void)state;

    make_one(&one);
    one.rig.settings.task_cgroups = true;
    EXPECT_STR(run_one(&one)->host->cgroup_parent, "/ecs/t1");
    rig_deinit(&one.rig);
    make_one(&one);
    one.rig.settings.task_cgroups = true;
    one.rig.settings.cgroup_slices = true;
    EXPECT_STR(run_one(&one)->host->cgroup_parent, "ecstasks-t1.slice");
    rig_deinit(&one.rig);
}

// 5
static void a_container_larger_than_its_task_is_refused(void **state)
{
    struct one one;
    (void)state;

    make_one(&one);
    SET(one.c, memory, 2048);
    SET(one.task, memory, 1024);
    expect_refused(&one, "task memory spec builder: container memory limit(2048) greater than task "
                         "memory limit(1024)");
    rig_deinit(&one.rig);
}

// ---- names, labels, environment

static void the_name_has_the_shape_that_tools_know(void **state)
{
    struct one one;
    struct str name;
    (void)state;

    make_one(&one);
    name = run_one(&one)->name;
    assert_true(str_starts(name, STR("ecs-web-7-myapp1-")));
    assert_int_equal(name.len, strlen("ecs-web-7-myapp1-") + 20);
    rig_deinit(&one.rig);
}

static void the_agents_labels_win(void **state)
{
    struct one one;
    const struct fake_container *c;
    struct str_pair own[] = {{STR("team"), STR("blue")},
                             {STR("com.amazonaws.ecs.cluster"), STR("stolen")}};
    struct docker_config *config;
    (void)state;

    make_one(&one);
    config = rig_config(&one.rig, one.c);
    SET(config, labels, (struct str_map){.n = 2, .at = own});
    c = run_one(&one);
    EXPECT_STR(label(c, "team"), "blue");
    EXPECT_STR(label(c, "com.amazonaws.ecs.cluster"), "default");
    EXPECT_STR(label(c, "com.amazonaws.ecs.container-name"), "my_app.1");
    EXPECT_STR(label(c, "com.amazonaws.ecs.task-definition-family"), "web");
    EXPECT_STR(label(c, "com.amazonaws.ecs.task-definition-version"), "7");
    rig_deinit(&one.rig);
}

static void the_environment_is_the_task_definitions_and_the_agents(void **state)
{
    struct one one;
    const struct fake_container *c;
    struct str_pair env[] = {{STR("A"), STR("x=\"y z\"")},
                             {STR("AWS_EXECUTION_ENV"), STR("AWS_ECS_EC2")},
                             {STR("ECS_AGENT_URI"), STR("mine")}};
    struct acs_iam_role_credentials role = {0};
    (void)state;

    make_one(&one);
    one.rig.settings.region = STR("local-1");
    SET(one.c, environment, (struct str_map){.n = 3, .at = env});
    SET(&role, credentials_id, STR("role-1"));
    SET(one.task, role_credentials, &role);
    c = run_one(&one);
    assert_true(has_env(c, "A=x=\"y z\""));
    assert_true(has_env(c, "AWS_EXECUTION_ENV=AWS_ECS_EC2"));
    assert_true(has_env(c, "AWS_REGION=local-1"));
    assert_true(has_env(c, "AWS_DEFAULT_REGION=local-1"));
    assert_true(has_env(c, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/v2/credentials/role-1"));
    assert_false(has_env(c, "ECS_AGENT_URI=mine"));
    assert_int_equal(c->config->env.n, 8);
    rig_deinit(&one.rig);
}

static void an_images_own_region_is_left(void **state)
{
    struct one one;
    const struct fake_container *c;
    (void)state;

    make_one(&one);
    one.rig.settings.region = STR("local-1");
    fake_image(one.rig.fake, "app")->sets_region = true;
    c = run_one(&one);
    assert_false(has_env(c, "AWS_REGION=local-1"));
    assert_false(has_env(c, "AWS_DEFAULT_REGION=local-1"));
    rig_deinit(&one.rig);
}

// ---- the two layers

// 11
static void only_what_is_given_replaces_the_images_command(void **state)
{
    struct one one;
    struct str entry[] = {STR("/bin/sh")};
    (void)state;

    make_one(&one);
    SET(one.c, entry_point, (struct str_list){.n = 1, .at = entry});
    assert_false(run_one(&one)->config->has.cmd);
    EXPECT_STR(fake_find(one.rig.fake, STR("my_app.1"))->config->entrypoint.at[0], "/bin/sh");
    rig_deinit(&one.rig);
}

static void a_command_override_wins(void **state)
{
    struct one one;
    struct str command[] = {STR("serve")};
    struct str over[] = {STR("migrate")};
    struct acs_container_override overrides = {0};
    (void)state;

    make_one(&one);
    SET(one.c, command, (struct str_list){.n = 1, .at = command});
    SET(&overrides, command, (struct str_list){.n = 1, .at = over});
    SET(one.c, overrides, &overrides);
    EXPECT_STR(run_one(&one)->config->cmd.at[0], "migrate");
    rig_deinit(&one.rig);
}

static void what_the_server_rendered_is_merged_over(void **state)
{
    struct one one;
    const struct fake_container *c;
    struct docker_host_config *host;
    struct docker_config *config;
    (void)state;

    make_one(&one);
    host = rig_host_config(&one.rig, one.c);
    config = rig_config(&one.rig, one.c);
    SET(host, privileged, true);
    SET(host, memory_reservation, 64 << 20);
    SET(config, user, STR("1000:1000"));
    c = run_one(&one);
    assert_true(c->host->privileged);
    assert_int_equal(c->host->memory, 128 << 20);
    assert_int_equal(c->host->memory_reservation, 64 << 20);
    EXPECT_STR(c->config->user, "1000:1000");
    EXPECT_STR(c->host->network_mode, "bridge");
    rig_deinit(&one.rig);
}

static bool limits_storage(bool can)
{
    struct str_pair size = {STR("size"), STR("21G")};
    struct docker_host_config *host;
    struct one one;
    bool limits;

    make_one(&one);
    one.rig.settings.storage_limits = can;
    host = rig_host_config(&one.rig, one.c);
    SET(host, storage_opt, (struct str_map){.n = 1, .at = &size});
    limits = run_one(&one)->host->has.storage_opt;
    rig_deinit(&one.rig);
    return limits;
}

static void storage_is_limited_where_the_runtime_can(void **state)
{
    (void)state;
    assert_true(limits_storage(true));
    assert_false(limits_storage(false));
}

static void a_nonblocking_log_gets_a_buffer(void **state)
{
    struct one one;
    const struct docker_log_config *got;
    struct str_pair options[] = {{STR("mode"), STR("non-blocking")}};
    struct docker_log_config log = {0};
    struct docker_host_config *host;
    (void)state;

    make_one(&one);
    SET(&log, type, STR("json-file"));
    SET(&log, config, (struct str_map){.n = 1, .at = options});
    host = rig_host_config(&one.rig, one.c);
    SET(host, log_config, &log);
    got = run_one(&one)->host->log_config;
    assert_int_equal(got->config.n, 2);
    EXPECT_STR(got->config.at[1].key, "max-buffer-size");
    EXPECT_STR(got->config.at[1].value, "10m");
    rig_deinit(&one.rig);
}

static void logs_as_the_execution_role(struct one *one, struct docker_log_config *log)
{
    struct docker_host_config *host;

    make_one(one);
    SET(log, type, STR("awslogs"));
    host = rig_host_config(&one->rig, one->c);
    SET(host, log_config, log);
    SET(one->c, logs_auth_strategy, ACS_AUTH_STRATEGY_EXECUTIONROLE);
}

static void a_log_may_be_sent_with_the_execution_roles_keys(void **state)
{
    struct one one;
    struct docker_log_config log = {0};
    struct acs_iam_role_credentials keys = {0};
    const struct docker_log_config *got;
    (void)state;

    logs_as_the_execution_role(&one, &log);
    SET(&keys, credentials_id, STR("c-1"));
    SET(one.task, execution_role_credentials, &keys);
    got = run_one(&one)->host->log_config;
    assert_int_equal(got->config.n, 1);
    EXPECT_STR(got->config.at[0].key, "awslogs-credentials-endpoint");
    EXPECT_STR(got->config.at[0].value, "/v2/credentials/c-1");
    rig_deinit(&one.rig);
}

static void which_must_be_there(void **state)
{
    struct one one;
    struct docker_log_config log = {0};
    (void)state;

    logs_as_the_execution_role(&one, &log);
    assert_null(run_one(&one));
    EXPECT_STR(rig_change(&one.rig, "t1", "my_app.1", "STOPPED")->reason,
               "HostConfigError: No execution credentials set for the task");
    rig_deinit(&one.rig);
}

static void but_not_where_no_keys_are_served(void **state)
{
    struct one one;
    struct docker_log_config log = {0};
    (void)state;

    logs_as_the_execution_role(&one, &log);
    one.rig.settings.metadata_endpoints = false;
    assert_int_equal(run_one(&one)->host->log_config->config.n, 0);
    rig_deinit(&one.rig);
}

static void a_tracked_health_check_must_be_there(void **state)
{
    struct one one;
    (void)state;

    make_one(&one);
    SET(one.c, health_check_type, ACS_HEALTH_CHECK_TYPE_DOCKER);
    assert_null(run_one(&one));
    EXPECT_STR(rig_change(&one.rig, "t1", "my_app.1", "STOPPED")->reason,
               "DockerClientConfigError: docker health check is nil while container health check "
               "type is DOCKER");
    rig_deinit(&one.rig);
}

static void gpus_need_a_runtime_or_a_device_request(void **state)
{
    struct one one;
    struct str whose[] = {STR("my_app.1")};
    struct acs_association gpu = {0};
    (void)state;

    for (int external = 0; external < 2; external++) {
        make_one(&one);
        one.rig.settings.external = external == 1;
        SET(&gpu, type, ACS_ASSOCIATION_TYPE_GPU);
        SET(&gpu, name, STR("GPU-1"));
        SET(&gpu, containers, (struct str_list){.n = 1, .at = whose});
        SET(one.task, associations, (struct acs_association_list){.n = 1, .at = &gpu});
        if (external) {
            assert_true(has_env(run_one(&one), "NVIDIA_VISIBLE_DEVICES=GPU-1"));
        } else {
            assert_null(run_one(&one));
            EXPECT_STR(rig_change(&one.rig, "t1", "my_app.1", "STOPPED")->reason,
                       "HostConfigError: Runtime is not set for GPU containers");
        }
        rig_deinit(&one.rig);
    }
}

// ---- ports

// 6
static void a_dynamic_port_is_chosen_and_reported(void **state)
{
    struct one one;
    const struct ecs_container_state_change *change;
    (void)state;

    make_one(&one);
    rig_port(&one.rig, one.c, 80, 0);
    one.rig.busy_port = 49153;
    run_one(&one);
    change = rig_change(&one.rig, "t1", "my_app.1", "RUNNING");
    assert_int_equal(change->network_bindings.n, 1);
    EXPECT_STR(change->network_bindings.at[0].bind_ip, "0.0.0.0");
    assert_int_equal(change->network_bindings.at[0].container_port, 80);
    assert_int_equal(change->network_bindings.at[0].host_port, 49154);
    rig_deinit(&one.rig);
}

// 7
static void a_range_is_one_run_and_one_binding(void **state)
{
    struct one one;
    const struct ecs_network_binding_list *bindings;
    struct acs_port_mapping *mapping;
    (void)state;

    make_one(&one);
    rig_port(&one.rig, one.c, 0, 0);
    mapping = &one.c->port_mappings.at[0];
    SET(mapping, container_port_range, STR("8000-8003"));
    one.rig.busy_port = 49155;
    run_one(&one);
    bindings = &rig_change(&one.rig, "t1", "my_app.1", "RUNNING")->network_bindings;
    assert_int_equal(bindings->n, 1);
    EXPECT_STR(bindings->at[0].container_port_range, "8000-8003");
    EXPECT_STR(bindings->at[0].host_port_range, "49156-49159");
    assert_false(bindings->at[0].has.container_port);
    rig_deinit(&one.rig);
}

static void a_mapping_without_a_container_port_maps_nothing(void **state)
{
    struct one one;
    (void)state;

    make_one(&one);
    rig_port(&one.rig, one.c, 0, 0);
    run_one(&one);
    assert_int_equal(rig_change(&one.rig, "t1", "my_app.1", "RUNNING")->network_bindings.n, 0);
    rig_deinit(&one.rig);
}

static void two_containers_never_get_the_same_port(void **state)
{
    struct one one;
    struct acs_container *other;
    (void)state;

    make_one(&one);
    other = rig_container(&one.rig, one.task, "other", "app");
    rig_port(&one.rig, one.c, 80, 0);
    rig_port(&one.rig, other, 80, 0);
    run_one(&one);
    assert_int_not_equal(
        rig_change(&one.rig, "t1", "my_app.1", "RUNNING")->network_bindings.at[0].host_port,
        rig_change(&one.rig, "t1", "other", "RUNNING")->network_bindings.at[0].host_port);
    rig_deinit(&one.rig);
}

static void a_port_just_given_back_is_not_the_next_one_given(void **state)
{
    struct one one;
    struct acs_task *next;
    struct acs_container *c;
    (void)state;

    make_one(&one);
    rig_port(&one.rig, one.c, 80, 0);
    run_one(&one);
    rig_stop(&one.rig, "t1");
    rig_run(&one.rig, 60000);
    next = rig_task(&one.rig, "t2");
    c = rig_container(&one.rig, next, "next", "app");
    rig_port(&one.rig, c, 80, 0);
    rig_start(&one.rig, next);
    rig_run(&one.rig, 60000);
    assert_int_equal(
        rig_change(&one.rig, "t2", "next", "RUNNING")->network_bindings.at[0].host_port, 49154);
    rig_deinit(&one.rig);
}

static void no_free_port_is_an_error_of_the_host_config(void **state)
{
    struct one one;
    (void)state;

    make_one(&one);
    one.rig.settings.port_first = one.rig.settings.port_last = 5000;
    one.rig.busy_port = 5000;
    rig_port(&one.rig, one.c, 80, 0);
    assert_null(run_one(&one));
    EXPECT_STR(rig_change(&one.rig, "t1", "my_app.1", "STOPPED")->reason,
               "HostConfigError: error retrieving docker port map: a host port is unavailable");
    rig_deinit(&one.rig);
}

static void the_hosts_network_needs_no_ports(void **state)
{
    struct one one;
    const struct fake_container *c;
    (void)state;

    make_one(&one);
    SET(one.task, network_mode, STR("host"));
    rig_port(&one.rig, one.c, 80, 0);
    c = run_one(&one);
    EXPECT_STR(c->host->network_mode, "host");
    assert_false(c->host->has.port_bindings);
    assert_true(rig_change(&one.rig, "t1", "my_app.1", "RUNNING")->network_bindings.n == 0);
    rig_deinit(&one.rig);
}

static bool only_odd(void *user, enum acs_transport_protocol protocol, int32_t port)
{
    (void)user;
    (void)protocol;
    return port % 2 == 1;
}

static bool any_port(void *user, enum acs_transport_protocol protocol, int32_t port)
{
    (void)user;
    (void)protocol;
    return port > 0;
}

static void a_run_does_not_wrap(void **state)
{
    struct arena arena = ARENA_INIT;
    struct host_port_request request = {0};
    struct host_port_search search = {0};
    struct host_call call = {0};
    struct host_result result = {0};
    (void)state;

    SET(&request, count, 3);
    SET(&search, first, 10);
    SET(&search, last, 13);
    SET(&search, cursor, 12);
    SET(&search, requests, (struct host_port_request_list){.n = 1, .at = &request});
    SET(&call, ports, &search);
    ports_find(&call, any_port, NULL, &arena, &result);
    assert_int_equal(result.ports.at[0], 10);
    arena_deinit(&arena);
}

static void a_run_that_does_not_exist_is_said_so(void **state)
{
    struct arena arena = ARENA_INIT;
    struct host_port_request request = {0};
    struct host_port_search search = {0};
    struct host_call call = {0};
    struct host_result result = {0};
    (void)state;

    SET(&request, count, 2);
    SET(&search, first, 10);
    SET(&search, last, 20);
    SET(&search, cursor, 15);
    SET(&search, requests, (struct host_port_request_list){.n = 1, .at = &request});
    SET(&call, ports, &search);
    ports_find(&call, only_odd, NULL, &arena, &result);
    EXPECT_STR(result.error->text, "2 contiguous host ports are unavailable");
    SET(&request, count, 1);
    result = (struct host_result){0};
    SET(&search, cursor, 20);
    ports_find(&call, only_odd, NULL, &arena, &result); // wraps
    assert_int_equal(result.ports.at[0], 11);
    arena_deinit(&arena);
}

// ---- volumes

static struct acs_volume *add_volume(struct one *one, const char *name, const char *path)
{
    struct acs_volume *volume = &one->task->volumes.at[one->task->volumes.n++];
    struct acs_mount_point *mount = &one->c->mount_points.at[one->c->mount_points.n++];

    SET(volume, name, str_of(name));
    SET(mount, source_volume, str_of(name));
    SET(mount, container_path, str_of(path));
    return volume;
}

static void make_shared(struct one *one, struct acs_volume *volume, bool autoprovision)
{
    struct acs_docker_volume_configuration *config =
        arena_new(&one->rig.arena, struct acs_docker_volume_configuration);

    SET(config, scope, ACS_SCOPE_SHARED);
    SET(config, autoprovision, autoprovision);
    SET(volume, docker_volume_configuration, config);
}

// 29
static void an_empty_volume_lives_as_long_as_its_task(void **state)
{
    struct one one;
    struct str bind;
    struct str source;
    struct str rest;
    (void)state;

    make_one(&one);
    add_volume(&one, "cache", "/cache");
    SET(&one.c->mount_points.at[0], read_only, true);
    bind = run_one(&one)->host->binds.at[0];
    assert_true(str_starts(bind, STR("ecs-web-7-cache-")));
    assert_true(str_ends(bind, STR(":/cache:ro")));
    (void)str_cut(bind, ':', &source, &rest);
    assert_true(fake_has_volume(one.rig.fake, source));
    rig_stop(&one.rig, "t1");
    rig_run(&one.rig, 4 * TIME_HOUR_MS);
    assert_int_equal(fake_volumes(one.rig.fake), 0);
    rig_deinit(&one.rig);
}

static void a_path_of_the_host_is_bound_as_it_is(void **state)
{
    struct one one;
    struct acs_host_volume_properties host = {0};
    struct acs_volume *volume;
    (void)state;

    make_one(&one);
    volume = add_volume(&one, "logs", "/logs");
    SET(&host, source_path, STR("/var/log/app"));
    SET(volume, host, &host);
    EXPECT_STR(run_one(&one)->host->binds.at[0], "/var/log/app:/logs");
    assert_int_equal(fake_volumes(one.rig.fake), 0);
    rig_deinit(&one.rig);
}

// 30
static void a_shared_volume_outlives_its_task(void **state)
{
    struct one one;
    (void)state;

    make_one(&one);
    make_shared(&one, add_volume(&one, "data", "/data"), true);
    EXPECT_STR(run_one(&one)->host->binds.at[0], "data:/data");
    rig_stop(&one.rig, "t1");
    rig_run(&one.rig, 4 * TIME_HOUR_MS);
    assert_true(fake_has_volume(one.rig.fake, STR("data")));
    rig_deinit(&one.rig);
}

static void a_shared_volume_that_must_exist_must_exist(void **state)
{
    struct one one;
    (void)state;

    make_one(&one);
    make_shared(&one, add_volume(&one, "data", "/data"), false);
    assert_null(run_one(&one));
    EXPECT_STR(rig_submit(&one.rig, "t1", "STOPPED")->reason,
               "Initialize volume: volume detection failed, volume 'data' does not exist and "
               "autoprovision is set to false");
    rig_deinit(&one.rig);
}

static void an_unknown_volume_is_named(void **state)
{
    struct one one;
    (void)state;

    make_one(&one);
    add_volume(&one, "data", "/data");
    SET(&one.c->mount_points.at[0], source_volume, STR("other"));
    assert_null(run_one(&one));
    EXPECT_STR(rig_change(&one.rig, "t1", "my_app.1", "STOPPED")->reason,
               "HostConfigError: Invalid volume referenced: other");
    rig_deinit(&one.rig);
}

static void a_mount_without_a_place_is_named(void **state)
{
    struct one one;
    (void)state;

    make_one(&one);
    add_volume(&one, "data", "");
    assert_null(run_one(&one));
    assert_true(str_starts(rig_change(&one.rig, "t1", "my_app.1", "STOPPED")->reason,
                           STR("HostConfigError: Unable to resolve volume mounts; invalid path: "
                               "my_app.1 data; ecs-web-7-data-")));
    rig_deinit(&one.rig);
}

static void a_link_has_one_alias(void **state)
{
    struct str link = STR("db:a:b");
    struct one one;
    (void)state;

    make_one(&one);
    rig_container(&one.rig, one.task, "db", "app");
    SET(one.c, links, (struct str_list){.n = 1, .at = &link});
    assert_null(run_one(&one));
    EXPECT_STR(rig_change(&one.rig, "t1", "my_app.1", "STOPPED")->reason,
               "HostConfigError: Invalid link format");
    rig_deinit(&one.rig);
}

// ---- file systems of the network

static struct acs_efs_volume_configuration *add_efs(struct one *one)
{
    struct acs_efs_volume_configuration *efs =
        arena_new(&one->rig.arena, struct acs_efs_volume_configuration);
    struct acs_volume *volume = &one->task->volumes.at[one->task->volumes.n++];

    SET(efs, file_system_id, STR("fs-1"));
    SET(efs, root_directory, STR("/"));
    SET(volume, name, STR("net"));
    SET(volume, type, ACS_VOLUME_TYPE_EFS);
    SET(volume, efs_volume_configuration, efs);
    return efs;
}

static const char *volume_option(struct one *one, const char *key)
{
    const struct docker_volume_create *made = fake_volume_made(one->rig.fake, STR("ecs-web-7-net"));

    for (size_t i = 0; i < made->driver_opts.n; i++) {
        if (str_eq(made->driver_opts.at[i].key, str_of(key)))
            return str_cstr(&one->rig.arena, made->driver_opts.at[i].value);
    }
    return "";
}

#define NFS "nfsvers=4.1,rsize=1048576,wsize=1048576,hard,timeo=600,retrans=2,noresvport"

static void a_file_system_is_mounted_by_nfs(void **state)
{
    struct one one;
    (void)state;

    make_one(&one);
    one.rig.settings.region = STR("r");
    add_efs(&one);
    assert_non_null(run_one(&one));
    assert_string_equal(volume_option(&one, "type"), "nfs");
    assert_string_equal(volume_option(&one, "device"), ":/");
    assert_string_equal(volume_option(&one, "o"), "addr=fs-1.efs.r.amazonaws.com," NFS);
    rig_deinit(&one.rig);
}

static void the_operators_server_exports_it_by_its_id(void **state)
{
    struct one one;
    struct acs_efs_volume_configuration *efs;
    (void)state;

    make_one(&one);
    one.rig.settings.efs_server = STR("nas");
    efs = add_efs(&one);
    SET(efs, root_directory, STR("/deep"));
    assert_non_null(run_one(&one));
    assert_string_equal(volume_option(&one, "device"), ":/fs-1/deep");
    assert_string_equal(volume_option(&one, "o"), "addr=nas," NFS);
    rig_deinit(&one.rig);
}

static void the_plugin_encrypts_and_knows_access_points(void **state)
{
    struct one one;
    struct acs_efs_volume_configuration *efs;
    struct acs_efs_authorization_config authorization = {0};
    (void)state;

    make_one(&one);
    one.rig.settings.efs_plugin = true;
    efs = add_efs(&one);
    SET(efs, transit_encryption, ACS_EFS_TRANSIT_ENCRYPTION_ENABLED);
    SET(&authorization, access_point_id, STR("fsap-1"));
    SET(efs, authorization_config, &authorization);
    assert_non_null(run_one(&one));
    EXPECT_STR(fake_volume_made(one.rig.fake, STR("ecs-web-7-net"))->driver,
               "amazon-ecs-volume-plugin");
    assert_string_equal(volume_option(&one, "type"), "efs");
    assert_string_equal(volume_option(&one, "device"), "fs-1");
    assert_string_equal(volume_option(&one, "o"), "tls,accesspoint=fsap-1");
    rig_deinit(&one.rig);
}

static void without_it_nothing_is_mounted_in_clear_that_asks_for_more(void **state)
{
    struct one one;
    struct acs_efs_volume_configuration *efs;
    (void)state;

    make_one(&one);
    efs = add_efs(&one);
    SET(efs, transit_encryption, ACS_EFS_TRANSIT_ENCRYPTION_ENABLED);
    expect_refused(&one, "an EFS volume with transit encryption, IAM authorization or an access "
                         "point needs the volume plugin, which this container instance does not "
                         "have");
    rig_deinit(&one.rig);
}

// ---- what this engine cannot do

static void a_task_network_is_refused(void **state)
{
    struct one one;
    (void)state;

    make_one(&one);
    one.rig.settings.task_networks = false;
    SET(one.task, network_mode, STR("awsvpc"));
    expect_refused(&one, "network mode awsvpc is not available on this container instance");
    rig_deinit(&one.rig);
}

static void a_secret_that_names_nothing_is_refused(void **state)
{
    struct one one;
    struct acs_secret secret = {0};
    (void)state;

    make_one(&one);
    SET(&secret, name, STR("A"));
    SET(&secret, provider, ACS_SECRET_PROVIDER_ASM);
    SET(&secret, value_from, STR("arn:aws:secretsmanager:r:1"));
    SET(one.c, secrets, (struct acs_secret_list){.n = 1, .at = &secret});
    expect_refused(&one, "invalid secret reference arn:aws:secretsmanager:r:1");
    rig_deinit(&one.rig);
}

static void what_is_refused_is_not_advertised(void **state)
{
    struct arena arena = ARENA_INIT;
    struct str drivers[] = {STR("json-file"), STR("sumologic"), STR("made-up")};
    struct engine_abilities abilities = {
        .api_version = STR("1.24"),
        .log_drivers = {.n = 3, .at = drivers},
        .privileged = true,
    };
    struct str_list list = engine_capabilities(&arena, &abilities);
    (void)state;

    EXPECT_STR(list.at[0], "com.amazonaws.ecs.capability.docker-remote-api.1.17");
    for (size_t i = 0; i < list.n; i++) {
        assert_false(str_starts(list.at[i], STR("ecs.capability.task-eni")));
        assert_false(str_starts(list.at[i], STR("ecs.capability.secrets")));
        assert_false(str_starts(list.at[i], STR("ecs.capability.env-files")));
        assert_false(str_eq(list.at[i], STR("ecs.capability.task-cpu-mem-limit")));
        assert_false(str_ends(list.at[i], STR("logging-driver.sumologic"))); // needs 1.29
        assert_false(str_ends(list.at[i], STR("made-up")));
    }
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cpu_and_memory_have_floors),
        cmocka_unit_test(a_container_without_a_limit_does_not_get_the_tasks),
        cmocka_unit_test(unless_the_setting_says_so),
        cmocka_unit_test(containers_go_below_the_tasks_cgroup),
        cmocka_unit_test(a_container_larger_than_its_task_is_refused),
        cmocka_unit_test(the_name_has_the_shape_that_tools_know),
        cmocka_unit_test(the_agents_labels_win),
        cmocka_unit_test(the_environment_is_the_task_definitions_and_the_agents),
        cmocka_unit_test(an_images_own_region_is_left),
        cmocka_unit_test(only_what_is_given_replaces_the_images_command),
        cmocka_unit_test(a_command_override_wins),
        cmocka_unit_test(what_the_server_rendered_is_merged_over),
        cmocka_unit_test(storage_is_limited_where_the_runtime_can),
        cmocka_unit_test(a_nonblocking_log_gets_a_buffer),
        cmocka_unit_test(a_log_may_be_sent_with_the_execution_roles_keys),
        cmocka_unit_test(which_must_be_there),
        cmocka_unit_test(but_not_where_no_keys_are_served),
        cmocka_unit_test(a_tracked_health_check_must_be_there),
        cmocka_unit_test(gpus_need_a_runtime_or_a_device_request),
        cmocka_unit_test(a_dynamic_port_is_chosen_and_reported),
        cmocka_unit_test(a_range_is_one_run_and_one_binding),
        cmocka_unit_test(a_mapping_without_a_container_port_maps_nothing),
        cmocka_unit_test(two_containers_never_get_the_same_port),
        cmocka_unit_test(no_free_port_is_an_error_of_the_host_config),
        cmocka_unit_test(the_hosts_network_needs_no_ports),
        cmocka_unit_test(a_port_just_given_back_is_not_the_next_one_given),
        cmocka_unit_test(a_run_does_not_wrap),
        cmocka_unit_test(a_run_that_does_not_exist_is_said_so),
        cmocka_unit_test(an_empty_volume_lives_as_long_as_its_task),
        cmocka_unit_test(a_path_of_the_host_is_bound_as_it_is),
        cmocka_unit_test(a_shared_volume_outlives_its_task),
        cmocka_unit_test(a_shared_volume_that_must_exist_must_exist),
        cmocka_unit_test(an_unknown_volume_is_named),
        cmocka_unit_test(a_mount_without_a_place_is_named),
        cmocka_unit_test(a_link_has_one_alias),
        cmocka_unit_test(a_task_network_is_refused),
        cmocka_unit_test(a_secret_that_names_nothing_is_refused),
        cmocka_unit_test(a_file_system_is_mounted_by_nfs),
        cmocka_unit_test(the_operators_server_exports_it_by_its_id),
        cmocka_unit_test(the_plugin_encrypts_and_knows_access_points),
        cmocka_unit_test(without_it_nothing_is_mounted_in_clear_that_asks_for_more),
        cmocka_unit_test(what_is_refused_is_not_advertised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
