// Resources of a task on the fake host: what is asked for, what waits for it, what fails with it,
// what is left. Source of the rules: ecs-behaviour-agent 1.6 to 1.8, 2.2, 2.3, 2.10, 7.4.

#include "base/test.h"

#include "base/buf.h"
#include "engine/rig.h"
#include "runtime/fake_host.h"
#include "shape/walk.h"

enum { ROOM = 4 };

struct one {
    struct rig rig;
    struct fake_host *host;
    struct acs_task *task;
    struct acs_container *c;
};

static void make_one(struct one *one)
{
    rig_init(&one->rig, 1);
    one->host = fake_host(one->rig.fake);
    fake_image(one->rig.fake, "app");
    fake_image(one->rig.fake, "router");
    one->rig.settings.data_dir = STR("/data");
    one->task = rig_task(&one->rig, "t1");
    one->c = rig_container(&one->rig, one->task, "app", "app");
}

static const struct fake_container *run_one(struct one *one)
{
    rig_start(&one->rig, one->task);
    rig_run(&one->rig, 60000);
    return fake_find(one->rig.fake, STR("app"));
}

static struct acs_secret *add_secret(struct one *one, struct acs_container *c, const char *name,
                                     const char *value_from)
{
    struct acs_secret *secret;

    if (c->secrets.at == NULL)
        SET(c, secrets,
            (struct acs_secret_list){.at = arena_array(&one->rig.arena, struct acs_secret, ROOM)});
    secret = &c->secrets.at[c->secrets.n++];
    SET(secret, name, str_of(name));
    SET(secret, value_from, str_of(value_from));
    SET(secret, provider, ACS_SECRET_PROVIDER_SSM);
    SET(secret, region, STR("r"));
    SET(secret, target, ACS_SECRET_TARGET_CONTAINER);
    return secret;
}

static void add_file(struct one *one, const char *arn)
{
    struct acs_environment_file *file;

    if (one->c->environment_files.at == NULL)
        SET(one->c, environment_files,
            (struct acs_environment_file_list){
                .at = arena_array(&one->rig.arena, struct acs_environment_file, ROOM)});
    file = &one->c->environment_files.at[one->c->environment_files.n++];
    SET(file, value, str_of(arn));
    SET(file, type, ACS_ENVIRONMENT_FILE_TYPE_S3);
}

static void set_variable(struct one *one, const char *name, const char *value)
{
    struct str_pair *pair = arena_new(&one->rig.arena, struct str_pair);

    *pair = (struct str_pair){.key = str_of(name), .value = str_of(value)};
    SET(one->c, environment, (struct str_map){.n = 1, .at = pair});
}

static bool has_env(const struct fake_container *c, const char *line)
{
    for (size_t i = 0; i < c->config->env.n; i++) {
        if (str_eq(c->config->env.at[i], str_of(line)))
            return true;
    }
    return false;
}

static struct str option(const struct fake_container *c, const char *key)
{
    for (size_t i = 0; i < c->host->log_config->config.n; i++) {
        if (str_eq(c->host->log_config->config.at[i].key, str_of(key)))
            return c->host->log_config->config.at[i].value;
    }
    return STR_NONE;
}

static void set_log(struct one *one, struct acs_container *c, const char *type,
                    struct str_map options)
{
    struct docker_log_config *log = arena_new(&one->rig.arena, struct docker_log_config);

    SET(log, type, str_of(type));
    if (options.n > 0)
        SET(log, config, options);
    SET(rig_host_config(&one->rig, c), log_config, log);
}

static void expect_stopped(struct one *one, const char *reason)
{
    assert_non_null(rig_submit(&one->rig, "t1", "STOPPED"));
    EXPECT_STR(rig_submit(&one->rig, "t1", "STOPPED")->reason, reason);
}

// ---- the cgroup

static const struct host_cgroup_limits *limits(struct one *one)
{
    return fake_host_find(one->host, HOST_RESOURCE_KIND_CGROUP, STR("t1"))->made->limits;
}

// 3
static void a_task_with_limits_gets_them_in_its_cgroup(void **state)
{
    struct one one;
    (void)state;

    make_one(&one);
    one.rig.settings.task_cgroups = true;
    SET(one.task, cpu, 0.5);
    SET(one.task, memory, 1024);
    assert_non_null(run_one(&one));
    assert_int_equal(limits(&one)->cpu_quota_us, 50000);
    assert_int_equal(limits(&one)->cpu_period_us, 100000);
    assert_false(limits(&one)->has.cpu_shares);
    assert_int_equal(limits(&one)->memory, 1073741824);
    assert_false(limits(&one)->has.pids);
    rig_deinit(&one.rig);
}

// 4
static void one_without_cpu_gets_the_sum_of_shares(void **state)
{
    struct one one;
    struct acs_container *other;
    (void)state;

    make_one(&one);
    one.rig.settings.task_cgroups = true;
    one.rig.settings.task_pids_limit = 77;
    other = rig_container(&one.rig, one.task, "b", "app");
    SET(other, cpu, 256);
    assert_non_null(run_one(&one));
    assert_int_equal(limits(&one)->cpu_shares, 258);
    assert_false(limits(&one)->has.memory);
    assert_false(limits(&one)->has.cpu_quota_us);
    assert_int_equal(limits(&one)->pids, 77);
    rig_deinit(&one.rig);
}

static void a_cgroup_that_cannot_be_made_ends_the_task_before_any_pull(void **state)
{
    struct one one;
    (void)state;

    make_one(&one);
    one.rig.settings.task_cgroups = true;
    fake_fail(one.rig.fake, HOST_CALL_KIND_MAKE_RESOURCE, 1, FAKE_FAULT_FAIL,
              HOST_ERROR_CLASS_OTHER, "read-only file system");
    assert_null(run_one(&one));
    expect_stopped(&one, "CgroupError: Agent could not create task's platform resources: read-only "
                         "file system");
    assert_int_equal(fake_calls(one.rig.fake, HOST_CALL_KIND_PULL), 0);
    rig_deinit(&one.rig);
}

static void a_cgroup_is_removed_with_its_task(void **state)
{
    struct one one;
    (void)state;

    make_one(&one);
    one.rig.settings.task_cgroups = true;
    assert_non_null(run_one(&one));
    rig_stop(&one.rig, "t1");
    rig_run(&one.rig, 2 * TIME_HOUR_MS);
    assert_int_equal(fake_host_left(one.host), 1); // not at its end
    fake_fail(one.rig.fake, HOST_CALL_KIND_REMOVE_RESOURCE, 2, FAKE_FAULT_FAIL,
              HOST_ERROR_CLASS_OTHER, "busy");
    rig_run(&one.rig, 2 * TIME_HOUR_MS);
    assert_int_equal(fake_host_left(one.host), 0);
    assert_null(rig_view(&one.rig, "t1", "app"));
    rig_deinit(&one.rig);
}

static void a_stop_during_the_make_leaves_nothing(void **state)
{
    struct one one;
    (void)state;

    make_one(&one);
    one.rig.settings.task_cgroups = true;
    fake_fail(one.rig.fake, HOST_CALL_KIND_MAKE_RESOURCE, 1, FAKE_FAULT_SILENT,
              HOST_ERROR_CLASS_OTHER, "");
    rig_start(&one.rig, one.task);
    rig_stop(&one.rig, "t1");
    rig_run(&one.rig, 4 * TIME_HOUR_MS);
    assert_int_equal(fake_host_left(one.host), 0);
    assert_null(rig_view(&one.rig, "t1", "app"));
    rig_deinit(&one.rig);
}

// ---- secrets and environment files

// 8
static void a_secret_goes_over_the_environment_and_a_file_under_it(void **state)
{
    struct one one;
    const struct fake_container *c;
    (void)state;

    make_one(&one);
    set_variable(&one, "A", "2");
    add_secret(&one, one.c, "A", "/a");
    add_file(&one, "arn:aws:s3:::b/a.env");
    fake_host_set(one.host, "/a", "3");
    fake_host_set(one.host, "arn:aws:s3:::b/a.env", "A=1\nAWS_REGION=z\n");
    one.rig.settings.region = STR("r");
    c = run_one(&one);
    assert_true(has_env(c, "A=3"));
    assert_false(has_env(c, "A=2"));
    assert_false(has_env(c, "A=1"));
    assert_true(has_env(c, "AWS_REGION=z"));
    assert_false(has_env(c, "AWS_DEFAULT_REGION=r"));
    rig_deinit(&one.rig);
}

// 9, 10
static void the_first_file_that_has_a_name_wins_and_values_are_kept(void **state)
{
    struct one one;
    const struct fake_container *c;
    (void)state;

    make_one(&one);
    add_file(&one, "arn:aws:s3:::b/1.env");
    add_file(&one, "arn:aws:s3:::b/2.env");
    fake_host_set(one.host, "arn:aws:s3:::b/1.env", "B=0\nB=1\nC=\"x y\"\n");
    fake_host_set(one.host, "arn:aws:s3:::b/2.env", "B=2\nD=4");
    c = run_one(&one);
    assert_true(has_env(c, "B=1"));
    assert_false(has_env(c, "B=2"));
    assert_true(has_env(c, "C=\"x y\""));
    assert_true(has_env(c, "D=4"));
    rig_deinit(&one.rig);
}

static void a_secret_of_the_log_driver_is_one_of_its_options(void **state)
{
    struct one one;
    struct str_pair url = {STR("splunk-url"), STR("u")};
    const struct fake_container *c;
    struct acs_secret *token;
    (void)state;

    make_one(&one);
    set_log(&one, one.c, "splunk", (struct str_map){.n = 1, .at = &url});
    token = add_secret(&one, one.c, "splunk-token", "/t");
    SET(token, target, ACS_SECRET_TARGET_LOG_DRIVER);
    c = run_one(&one);
    EXPECT_STR(option(c, "splunk-token"), "held by /t");
    EXPECT_STR(option(c, "splunk-url"), "u");
    assert_false(has_env(c, "splunk-token=held by /t"));
    rig_deinit(&one.rig);
}

static void a_secret_that_is_missing_ends_the_task_before_a_container_is_made(void **state)
{
    struct one one;
    (void)state;

    make_one(&one);
    add_secret(&one, one.c, "A", "/none");
    fake_fail(one.rig.fake, HOST_CALL_KIND_MAKE_RESOURCE, 1, FAKE_FAULT_FAIL,
              HOST_ERROR_CLASS_OTHER,
              "fetching secret data from  SSM Parameter Store in r:\n invalid parameters: /none ");
    assert_null(run_one(&one));
    expect_stopped(&one, "Fetching secret data from SSM Parameter Store in r: invalid parameters: "
                         "/none");
    rig_deinit(&one.rig);
}

static void a_fetch_that_gets_no_answer_is_made_again(void **state)
{
    struct one one;
    (void)state;

    make_one(&one);
    add_secret(&one, one.c, "A", "/a");
    fake_fail(one.rig.fake, HOST_CALL_KIND_MAKE_RESOURCE, 2, FAKE_FAULT_FAIL,
              HOST_ERROR_CLASS_UNREACHABLE, "no route");
    assert_true(has_env(run_one(&one), "A=held by /a"));
    assert_int_equal(fake_calls(one.rig.fake, HOST_CALL_KIND_MAKE_RESOURCE), 3);
    rig_deinit(&one.rig);
}

static void containers_that_share_a_secret_have_it_fetched_once(void **state)
{
    struct one one;
    (void)state;

    make_one(&one);
    add_secret(&one, one.c, "A", "/a");
    add_secret(&one, one.c, "B", "/a");
    add_secret(&one, rig_container(&one.rig, one.task, "b", "app"), "A", "/a");
    assert_true(has_env(run_one(&one), "B=held by /a"));
    assert_int_equal(fake_calls(one.rig.fake, HOST_CALL_KIND_MAKE_RESOURCE), 1);
    rig_deinit(&one.rig);
}

// No row of the store holds the value, before or after.
static void expect_no_row_holds(struct one *one, const char *word)
{
    for (size_t i = 0; i < one->rig.rows_n; i++) {
        const struct rig_row *row = &one->rig.rows[i];
        BUF_AUTO struct buf text = BUF_INIT;

        shape_print(host_kinds[row->kind].shape, row->value, &text);
        buf_add_char(&text, 0);
        assert_null(strstr(buf_str(&text).ptr, word));
    }
}

static void no_record_holds_a_value(void **state)
{
    struct one one;
    (void)state;

    make_one(&one);
    add_secret(&one, one.c, "A", "/a");
    add_file(&one, "arn:aws:s3:::b/1.env");
    fake_host_set(one.host, "/a", "swordfish");
    fake_host_set(one.host, "arn:aws:s3:::b/1.env", "F=swordfish");
    assert_true(has_env(run_one(&one), "A=swordfish"));
    expect_no_row_holds(&one, "swordfish");
    rig_deinit(&one.rig);
}

static void after_a_restart_values_are_fetched_again_if_a_container_is_not_made(void **state)
{
    struct one one;
    (void)state;

    make_one(&one);
    fake_image(one.rig.fake, "app")->pull_ms = 5000;
    add_secret(&one, one.c, "A", "/a");
    rig_start(&one.rig, one.task);
    rig_run(&one.rig, 2000);
    rig_restart(&one.rig);
    rig_run(&one.rig, 60000);
    assert_true(has_env(fake_find(one.rig.fake, STR("app")), "A=held by /a"));
    assert_int_equal(fake_calls(one.rig.fake, HOST_CALL_KIND_MAKE_RESOURCE), 2);
    rig_restart(&one.rig); // now it is made
    rig_run(&one.rig, 60000);
    assert_int_equal(fake_calls(one.rig.fake, HOST_CALL_KIND_MAKE_RESOURCE), 2);
    rig_deinit(&one.rig);
}

static void send_role(struct one *one)
{
    struct acs_iam_role_credentials_message message = {0};
    struct acs_iam_role_credentials credentials = {0};

    SET(&credentials, credentials_id, STR("c1"));
    SET(&credentials, access_key_id, STR("ASIAROLE"));
    SET(&message, message_id, STR("m"));
    SET(&message, task_arn, rig_arn(&one->rig, "t1"));
    SET(&message, role_type, ACS_ROLE_TYPE_TASKEXECUTION);
    SET(&message, role_credentials, &credentials);
    rig_send(&one->rig, ACS_MESSAGE_IAM_ROLE_CREDENTIALS_MESSAGE, &message);
}

static void a_fetch_waits_a_minute_for_credentials_that_were_lost_with_a_restart(void **state)
{
    struct one one;
    (void)state;

    make_one(&one);
    fake_image(one.rig.fake, "app")->pull_ms = 5000;
    add_secret(&one, one.c, "A", "/a");
    rig_start(&one.rig, one.task);
    send_role(&one);
    rig_run(&one.rig, 2000);
    rig_restart(&one.rig);
    rig_run(&one.rig, 30000);
    assert_null(fake_find(one.rig.fake, STR("app")));
    send_role(&one);
    rig_run(&one.rig, 10000);
    assert_non_null(fake_find(one.rig.fake, STR("app")));
    rig_restart(&one.rig);
    rig_deinit(&one.rig);
}

static void and_no_longer(void **state)
{
    struct one one;
    (void)state;

    make_one(&one);
    fake_image(one.rig.fake, "app")->pull_ms = 5000;
    add_secret(&one, one.c, "A", "/a");
    rig_start(&one.rig, one.task);
    send_role(&one);
    rig_run(&one.rig, 2000);
    rig_restart(&one.rig);
    rig_run(&one.rig, 70000);
    assert_non_null(fake_find(one.rig.fake, STR("app")));
    rig_deinit(&one.rig);
}

// ---- registry logins

static void a_login_of_the_container_goes_before_the_hosts(void **state)
{
    struct one one;
    struct acs_registry_authentication_data data = {0};
    struct acs_asm_auth_data asm_auth = {0};
    struct engine_registry registry = {.prefix = STR("docker.io")};
    (void)state;

    make_one(&one);
    SET(&registry.auth, username, STR("host"));
    one.rig.settings.registries = &registry;
    one.rig.settings.registries_n = 1;
    SET(&asm_auth, credentials_parameter, STR("arn:aws:secretsmanager:r:1:secret:login-abcdef"));
    SET(&asm_auth, region, STR("r"));
    SET(&data, type, ACS_AUTHENTICATION_TYPE_ASM);
    SET(&data, asm_auth_data, &asm_auth);
    SET(one.c, registry_authentication, &data);
    fake_host_set(one.host, "arn:aws:secretsmanager:r:1:secret:login-abcdef", "anna:a:b");
    assert_non_null(run_one(&one));
    EXPECT_STR(fake_last_user(one.rig.fake), "anna");
    rig_deinit(&one.rig);
}

// ---- log routers

static struct acs_container *add_router(struct one *one, enum acs_firelens_configuration_type type)
{
    struct acs_container *router = rig_container(&one->rig, one->task, "log", "router");
    struct acs_firelens_configuration *firelens =
        arena_new(&one->rig.arena, struct acs_firelens_configuration);
    struct str_pair *name = arena_new(&one->rig.arena, struct str_pair);
    bool is_bit = type == ACS_FIRELENS_CONFIGURATION_TYPE_FLUENTBIT;

    SET(firelens, type, type);
    SET(router, firelens_configuration, firelens);
    *name = (struct str_pair){is_bit ? STR("Name") : STR("@type"), STR("null")};
    set_log(one, one->c, "awsfirelens", (struct str_map){.n = 1, .at = name});
    return router;
}

static bool has_bind(const struct fake_container *c, const char *bind)
{
    for (size_t i = 0; i < c->host->binds.n; i++) {
        if (str_eq(c->host->binds.at[i], str_of(bind)))
            return true;
    }
    return false;
}

static void a_sender_logs_to_the_routers_socket(void **state)
{
    struct one one;
    const struct fake_container *app;
    const struct fake_container *router;
    (void)state;

    make_one(&one);
    add_router(&one, ACS_FIRELENS_CONFIGURATION_TYPE_FLUENTBIT);
    app = run_one(&one);
    router = fake_find(one.rig.fake, STR("log"));
    EXPECT_STR(app->host->log_config->type, "fluentd");
    EXPECT_STR(option(app, "fluentd-address"), "unix:///data/firelens/t1/socket/fluent.sock");
    EXPECT_STR(option(app, "tag"), "app-firelens-t1");
    EXPECT_STR(option(app, "fluentd-async"), "true");
    EXPECT_STR(option(app, "fluentd-sub-second-precision"), "true");
    EXPECT_STR(option(app, "Name"), "");
    assert_true(has_env(app, "FLUENT_HOST=172.17.0.2"));
    assert_true(has_env(app, "FLUENT_PORT=24224"));
    assert_true(
        has_bind(router, "/data/firelens/t1/config/fluent.conf:/fluent-bit/etc/fluent-bit.conf"));
    assert_true(has_bind(router, "/data/firelens/t1/socket/:/var/run/"));
    assert_true(router->started_at <= app->created_at);
    rig_deinit(&one.rig);
}

// A router that waits for "db", which ends by itself after `ms`.
static void add_waiting_router(struct one *one, int64_t ms)
{
    struct acs_container *router = add_router(one, ACS_FIRELENS_CONFIGURATION_TYPE_FLUENTBIT);
    struct acs_container *db = rig_container(&one->rig, one->task, "db", "db");

    SET(db, essential, false);
    fake_image(one->rig.fake, "db")->run_ms = ms;
    rig_depends(&one->rig, router, "db", ACS_CONTAINER_CONDITION_COMPLETE);
    rig_start(&one->rig, one->task);
}

static void a_sender_waits_for_the_address_of_a_router_that_waits_itself(void **state)
{
    struct one one;
    (void)state;

    make_one(&one);
    add_waiting_router(&one, 20000);
    rig_run(&one.rig, 15000);
    assert_null(fake_find(one.rig.fake, STR("app")));
    rig_run(&one.rig, 15000);
    assert_true(has_env(fake_find(one.rig.fake, STR("app")), "FLUENT_HOST=172.17.0.2"));
    rig_deinit(&one.rig);
}

static void but_for_a_minute_at_most(void **state)
{
    struct one one;
    (void)state;

    make_one(&one);
    add_waiting_router(&one, 300000);
    rig_run(&one.rig, 55000);
    assert_null(fake_find(one.rig.fake, STR("app")));
    rig_run(&one.rig, 10000);
    assert_true(fake_find(one.rig.fake, STR("app"))->running);
    assert_false(has_env(fake_find(one.rig.fake, STR("app")), "FLUENT_PORT=24224"));
    rig_deinit(&one.rig);
}

static void and_not_when_the_router_waits_for_the_sender(void **state)
{
    struct one one;
    struct acs_container *router;
    struct acs_container *between;
    (void)state;

    make_one(&one);
    router = add_router(&one, ACS_FIRELENS_CONFIGURATION_TYPE_FLUENTBIT);
    between = rig_container(&one.rig, one.task, "db", "app");
    rig_depends(&one.rig, router, "db", ACS_CONTAINER_CONDITION_START);
    rig_depends(&one.rig, between, "app", ACS_CONTAINER_CONDITION_START);
    rig_start(&one.rig, one.task);
    rig_run(&one.rig, 10000);
    assert_true(fake_find(one.rig.fake, STR("app"))->running);
    assert_true(fake_find(one.rig.fake, STR("log"))->running);
    rig_deinit(&one.rig);
}

static void a_router_is_told_its_configuration_and_the_senders_secrets(void **state)
{
    struct one one;
    const struct host_resource *made;
    struct docker_config *config;
    struct acs_secret *key;
    (void)state;

    make_one(&one);
    config = rig_config(&one.rig, add_router(&one, ACS_FIRELENS_CONFIGURATION_TYPE_FLUENTD));
    SET(config, user, STR("1000:1000"));
    key = add_secret(&one, one.c, "key", "/k");
    SET(key, target, ACS_SECRET_TARGET_LOG_DRIVER);
    assert_non_null(run_one(&one));
    assert_true(has_env(fake_find(one.rig.fake, STR("log")), "key_0=held by /k"));
    assert_true(has_env(fake_find(one.rig.fake, STR("log")), "FLUENT_UID=0"));
    assert_false(has_env(fake_find(one.rig.fake, STR("app")), "key_0=held by /k"));
    made = fake_host_find(one.host, HOST_RESOURCE_KIND_FIRELENS, STR("t1"))->made;
    assert_int_equal(made->socket_uid, 1000);
    assert_non_null(strstr(str_cstr(&one.rig.arena, made->router_config),
                           "<match app-firelens**>\n    @type null\n    key \"#{ENV['key_0']}\""));
    rig_deinit(&one.rig);
}

static void a_router_without_a_way_out_is_refused_at_once(void **state)
{
    struct one one;
    struct str_pair bad = {STR("region"), STR("r")};
    (void)state;

    make_one(&one);
    add_router(&one, ACS_FIRELENS_CONFIGURATION_TYPE_FLUENTBIT);
    set_log(&one, one.c, "awsfirelens", (struct str_map){.n = 1, .at = &bad});
    assert_null(run_one(&one));
    expect_stopped(&one, "resource cannot be initialized for task arn:aws:ecs:r:1:task/default/t1: "
                         "missing output key Name which is required for firelens configuration of "
                         "type fluentbit");
    rig_deinit(&one.rig);
}

static void a_routers_files_are_removed_with_its_task(void **state)
{
    struct one one;
    (void)state;

    make_one(&one);
    add_router(&one, ACS_FIRELENS_CONFIGURATION_TYPE_FLUENTBIT);
    assert_non_null(run_one(&one));
    assert_int_equal(fake_host_left(one.host), 1);
    rig_stop(&one.rig, "t1");
    rig_run(&one.rig, 4 * TIME_HOUR_MS);
    assert_int_equal(fake_host_left(one.host), 0);
    rig_deinit(&one.rig);
}

// ---- a kill at any moment

static void crash_once(int commit, enum rig_crash how)
{
    struct one one;

    make_one(&one);
    one.rig.settings.task_cgroups = true;
    one.rig.crash_at = commit;
    one.rig.crash = how;
    add_router(&one, ACS_FIRELENS_CONFIGURATION_TYPE_FLUENTBIT);
    add_secret(&one, one.c, "A", "/a");
    add_file(&one, "arn:aws:s3:::b/1.env");
    rig_start(&one.rig, one.task);
    rig_run(&one.rig, 60000);
    if (rig_view(&one.rig, "t1", "app") == NULL)
        rig_start(&one.rig, one.task); // the server tells it again
    rig_run(&one.rig, 60000);
    assert_true(has_env(fake_find(one.rig.fake, STR("app")), "A=held by /a"));
    assert_int_equal(fake_host_left(one.host), 2);
    rig_stop(&one.rig, "t1");
    rig_run(&one.rig, 5 * TIME_HOUR_MS);
    assert_int_equal(fake_host_left(one.host), 0);
    assert_null(rig_view(&one.rig, "t1", "app"));
    rig_deinit(&one.rig);
}

static void a_kill_at_any_commit_leaves_nothing_behind(void **state)
{
    (void)state;
    for (int commit = 1; commit < 24; commit++) {
        crash_once(commit, RIG_CRASH_BEFORE_EFFECTS);
        crash_once(commit, RIG_CRASH_AFTER_EFFECTS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_task_with_limits_gets_them_in_its_cgroup),
        cmocka_unit_test(one_without_cpu_gets_the_sum_of_shares),
        cmocka_unit_test(a_cgroup_that_cannot_be_made_ends_the_task_before_any_pull),
        cmocka_unit_test(a_cgroup_is_removed_with_its_task),
        cmocka_unit_test(a_stop_during_the_make_leaves_nothing),
        cmocka_unit_test(a_secret_goes_over_the_environment_and_a_file_under_it),
        cmocka_unit_test(the_first_file_that_has_a_name_wins_and_values_are_kept),
        cmocka_unit_test(a_secret_of_the_log_driver_is_one_of_its_options),
        cmocka_unit_test(a_secret_that_is_missing_ends_the_task_before_a_container_is_made),
        cmocka_unit_test(a_fetch_that_gets_no_answer_is_made_again),
        cmocka_unit_test(containers_that_share_a_secret_have_it_fetched_once),
        cmocka_unit_test(no_record_holds_a_value),
        cmocka_unit_test(after_a_restart_values_are_fetched_again_if_a_container_is_not_made),
        cmocka_unit_test(a_fetch_waits_a_minute_for_credentials_that_were_lost_with_a_restart),
        cmocka_unit_test(and_no_longer),
        cmocka_unit_test(a_login_of_the_container_goes_before_the_hosts),
        cmocka_unit_test(a_sender_logs_to_the_routers_socket),
        cmocka_unit_test(a_sender_waits_for_the_address_of_a_router_that_waits_itself),
        cmocka_unit_test(but_for_a_minute_at_most),
        cmocka_unit_test(and_not_when_the_router_waits_for_the_sender),
        cmocka_unit_test(a_router_is_told_its_configuration_and_the_senders_secrets),
        cmocka_unit_test(a_router_without_a_way_out_is_refused_at_once),
        cmocka_unit_test(a_routers_files_are_removed_with_its_task),
        cmocka_unit_test(a_kill_at_any_commit_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
