// The agent's life on a host with a fake runtime, a puppet server, and the real keeper: whose keys
// sign what is fetched for a task.

#include "agent/life.h"

#include <stdlib.h>
#include <unistd.h>

#include "agent/host_testing.h"
#include "agent/keeper.h"
#include "io/file.h"

#define TASK "arn:aws:ecs:us-east-1:1:task/default/"

struct test {
    struct host host;
    struct arena arena;
    struct life *life;
    char keys[64]; // file
};

static void on_ended(void *user, int status)
{
    (void)user;
    fail_msg("the agent ended with %d", status);
}

static int setup(void **state)
{
    static struct test test;
    struct life_config life = {.driver = host_driver(), .host = &keeper_host, .ended = on_ended};
    struct agent_config *settings = &test.host.puppet.config;
    int fd;

    test = (struct test){0};
    *state = &test;
    host_open(&test.host);
    fake_image(test.host.fake, "app");
    snprintf(test.keys, sizeof test.keys, "/tmp/gantry-life-XXXXXX");
    fd = mkstemp(test.keys);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(
        file_append(test.keys,
                    STR("[default]\naws_access_key_id = AKIAOWN\naws_secret_access_key = s\n"),
                    0600),
        0);
    settings->credentials_file = test.keys;
    settings->data_dir = "/nonexistent";
    settings->cgroup_root = "/nonexistent";
    settings->parameters_endpoint = test.host.puppet.url;
    test.host.puppet.registers = true;
    assert_int_equal(store_open_memory(test.host.disk, &life_schema, &test.host.store), 0);
    life.loop = test.host.puppet.loop;
    life.store = test.host.store;
    life.config = settings;
    assert_int_equal(life_start(&life, &test.life), AGENT_EXIT_DONE);
    HOST_AWAIT(&test.host, life_drive(test.life) != NULL);
    return 0;
}

static int teardown(void **state)
{
    struct test *test = *state;

    life_free(test->life);
    assert_int_equal(unlink(test->keys), 0);
    arena_deinit(&test->arena);
    host_close(&test->host);
    return 0;
}

static struct acs_iam_role_credentials *keys(struct test *test, const char *id, const char *key)
{
    struct acs_iam_role_credentials *keys =
        arena_new(&test->arena, struct acs_iam_role_credentials);

    SET(keys, credentials_id, str_of(id));
    SET(keys, access_key_id, str_of(key));
    SET(keys, secret_access_key, STR("secret"));
    SET(keys, session_token, STR("token"));
    return keys;
}

// A task of one container with a secret; it has neither role unless the case gives it one.
static struct acs_task *task_with_secret(struct test *test, const char *name)
{
    struct acs_task *task = arena_new(&test->arena, struct acs_task);
    struct acs_container *container = arena_new(&test->arena, struct acs_container);
    struct acs_secret *secret = arena_new(&test->arena, struct acs_secret);

    SET(secret, name, STR("S"));
    SET(secret, value_from, STR("p"));
    SET(secret, region, STR("us-east-1"));
    SET(secret, provider, ACS_SECRET_PROVIDER_SSM);
    SET(container, name, STR("app"));
    SET(container, image, STR("app"));
    SET(container, essential, true);
    SET(container, memory, 16);
    SET(container, secrets, ((struct acs_secret_list){.n = 1, .at = secret}));
    SET(task, arn, str_fmt(&test->arena, TASK "%s", name));
    SET(task, family, STR("web"));
    SET(task, version, STR("1"));
    SET(task, desired_status, STR("RUNNING"));
    SET(task, containers, ((struct acs_container_list){.n = 1, .at = container}));
    return task;
}

static void start(struct test *test, struct acs_task *task)
{
    struct acs_payload_message payload = {0};

    puppet_will_answer(&test->host.puppet, "GetParameters", 200,
                       "{\"Parameters\":[{\"Name\":\"p\",\"Value\":\"v\"}]}");
    SET(&payload, cluster_arn, STR("default"));
    SET(&payload, container_instance_arn, STR("arn:i"));
    SET(&payload, message_id, STR("m"));
    SET(&payload, seq_num, 1);
    SET(&payload, tasks, ((struct acs_task_list){.n = 1, .at = task}));
    drive_message(life_drive(test->life), ACS_MESSAGE_PAYLOAD_MESSAGE, &payload);
}

static void send_keys(struct test *test, const struct acs_task *task,
                      struct acs_iam_role_credentials *keys)
{
    struct acs_iam_role_credentials_message message = {0};

    SET(&message, message_id, STR("m2"));
    SET(&message, task_arn, task->arn);
    SET(&message, role_type, ACS_ROLE_TYPE_TASKEXECUTION);
    SET(&message, role_credentials, keys);
    drive_message(life_drive(test->life), ACS_MESSAGE_IAM_ROLE_CREDENTIALS_MESSAGE, &message);
}

static bool was_asked(struct test *test, const char *operation)
{
    return puppet_has(buf_str(&test->host.puppet.operations), operation);
}

// The store of parameters was asked once, with these keys. What else is signed is the agent's own.
static void expect_signer(struct test *test, const char *key)
{
    struct str rest;
    struct str line;
    int found = 0;

    HOST_AWAIT(&test->host, was_asked(test, "GetParameters"));
    rest = buf_str(&test->host.puppet.signatures);
    while (str_cut(rest, '\n', &line, &rest)) {
        if (!puppet_has(line, "/ssm/aws4_request"))
            continue;
        assert_true(puppet_has(line, arena_printf(&test->arena, "Credential=%s/", key)));
        found++;
    }
    assert_int_equal(found, 1);
}

static bool is_told(struct test *test, const char *text)
{
    return puppet_has(host_submits(&test->host), text);
}

// ---- tests

static void secrets_are_fetched_as_the_tasks_execution_role(void **state)
{
    struct test *test = *state;
    struct acs_task *task = task_with_secret(test, "t1");

    SET(task, role_credentials, keys(test, "c-task", "ASIATASK"));
    SET(task, execution_role_credentials, keys(test, "c-exec", "ASIAEXEC"));
    start(test, task);
    expect_signer(test, "ASIAEXEC");
    HOST_AWAIT(&test->host, is_told(test, "\"RUNNING\""));
}

static void a_task_without_that_role_is_served_with_the_agents_own_keys(void **state)
{
    struct test *test = *state;
    struct acs_task *task = task_with_secret(test, "t1");

    SET(task, role_credentials, keys(test, "c-task", "ASIATASK"));
    start(test, task);
    expect_signer(test, "AKIAOWN");
    HOST_AWAIT(&test->host, is_told(test, "\"RUNNING\""));
}

static void a_role_whose_keys_the_server_lacks_is_waited_for(void **state)
{
    struct test *test = *state;
    struct acs_task *task = task_with_secret(test, "t1");

    SET(task, execution_role_credentials, keys(test, "c-exec", ""));
    start(test, task);
    HOST_AWAIT(&test->host, fake_image(test->host.fake, "app")->local);
    puppet_settle(&test->host.puppet);
    assert_false(was_asked(test, "GetParameters"));
    send_keys(test, task, keys(test, "c-exec", "ASIALATE"));
    expect_signer(test, "ASIALATE");
    HOST_AWAIT(&test->host, is_told(test, "\"RUNNING\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(secrets_are_fetched_as_the_tasks_execution_role),
        TEST(a_task_without_that_role_is_served_with_the_agents_own_keys),
        TEST(a_role_whose_keys_the_server_lacks_is_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
