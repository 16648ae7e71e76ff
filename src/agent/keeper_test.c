// The host's part of a task's resources: secrets, logins and files from folders and from services
// (a puppet plays them), folders of log routers, groups in a folder that plays /sys/fs/cgroup.

#include "agent/keeper.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "agent/puppet_testing.h"
#include "io/clock.h"
#include "io/file.h"
#include "shape/walk.h"

#define PARAMETER "arn:aws:ssm:us-east-1:123456789012:parameter"
#define SECRET    "arn:aws:secretsmanager:us-east-1:123456789012:secret"

struct scene {
    struct puppet puppet;
    struct agent_config settings;
    struct runtime *keeper;
    struct arena arena;
    struct acs_iam_role_credentials role;
    char dir[64];
    int64_t token;
    int answers;
    struct host_result *result; // the last one
};

static struct scene scene;

static void on_post(void *user, const struct runtime_post *post)
{
    struct scene *s = user;

    s->answers++;
    s->result = shape_copy(&s->arena, &host_result_shape, post->result);
}

static const struct acs_iam_role_credentials *role_of(void *user, struct str id)
{
    struct scene *s = user;

    return str_eq(id, STR("known")) ? &s->role : NULL;
}

static const char *at(const char *path)
{
    return arena_printf(&scene.arena, "%s/%s", scene.dir, path);
}

static void write_file(const char *path, const char *text)
{
    struct str folder;
    struct str name;

    assert_true(str_cut_last(str_of(at(path)), '/', &folder, &name));
    assert_int_equal(file_make_folders(str_cstr(&scene.arena, folder)), 0);
    assert_int_equal(file_append(at(path), str_of(text), 0600), 0);
}

static const char *content(const char *path)
{
    struct buf text = BUF_INIT;
    const char *copy;

    assert_int_equal(file_read(at(path), 4096, &text), 0);
    copy = str_cstr(&scene.arena, buf_str(&text));
    buf_deinit(&text);
    return copy;
}

static int setup(void **state)
{
    (void)state;
    scene = (struct scene){0};
    puppet_open(&scene.puppet);
    snprintf(scene.dir, sizeof scene.dir, "/tmp/gantry-keeper-XXXXXX");
    assert_non_null(mkdtemp(scene.dir));
    scene.settings = scene.puppet.config;
    scene.settings.data_dir = scene.dir;
    scene.settings.cgroup_root = at("cgroup");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (scene.keeper != NULL)
        scene.keeper->driver->close(scene.keeper);
    puppet_close(&scene.puppet);
    (void)!system(arena_printf(&scene.arena, "rm -rf %s", scene.dir));
    arena_deinit(&scene.arena);
    return 0;
}

static void open_keeper(void)
{
    struct keeper_config config = {
        .loop = scene.puppet.loop,
        .settings = &scene.settings,
        .post = on_post,
        .user = &scene,
        .role = role_of,
        .role_user = &scene,
    };

    SET(&scene.role, access_key_id, STR("ASIAROLE"));
    SET(&scene.role, secret_access_key, STR("secret"));
    SET(&scene.role, session_token, STR("token"));
    assert_int_equal(keeper_open(&config, &scene.keeper), 0);
}

static const struct host_result *ask(enum host_call_kind kind, struct host_resource *what)
{
    struct host_call call = {0};
    int before = scene.answers;

    if (scene.keeper == NULL)
        open_keeper();
    SET(what, task, STR("t1"));
    SET(&call, kind, kind);
    SET(&call, token, ++scene.token);
    SET(&call, deadline_ms, clock_wall_ms() + 20000);
    SET(&call, resource, what);
    scene.keeper->driver->call(scene.keeper, &call);
    assert_int_equal(scene.answers, before); // never from inside
    puppet_await(&scene.puppet, &scene.answers, before + 1);
    assert_int_equal(scene.result->token, scene.token);
    assert_int_equal(scene.result->kind, kind);
    return scene.result;
}

static struct host_secret_name secret(const char *value_from)
{
    struct host_secret_name name = {0};

    SET(&name, provider,
        strstr(value_from, ":secretsmanager:") != NULL ? ACS_SECRET_PROVIDER_ASM
                                                       : ACS_SECRET_PROVIDER_SSM);
    SET(&name, region, STR("us-east-1"));
    SET(&name, value_from, str_of(value_from));
    return name;
}

static struct host_resource secrets_of(struct host_secret_name *list, size_t n)
{
    struct host_resource what = {0};

    SET(&what, kind, HOST_RESOURCE_KIND_SECRETS);
    SET(&what, secrets, ((struct host_secret_name_list){.n = n, .at = list}));
    return what;
}

static const struct host_result *fetch_one(const char *value_from)
{
    struct host_secret_name one = secret(value_from);
    struct host_resource what = secrets_of(&one, 1);

    return ask(HOST_CALL_KIND_MAKE_RESOURCE, &what);
}

static void expect_held(const char *value_from, const char *value)
{
    const struct host_result *result = fetch_one(value_from);

    if (result->has.error)
        fail_msg("%.*s", STR_ARGS(result->error->text));
    assert_int_equal(result->values.n, 1);
    EXPECT_STR(result->values.at[0].name, value_from);
    EXPECT_STR(result->values.at[0].value, value);
}

static void expect_refused(const char *value_from, const char *text)
{
    const struct host_result *result = fetch_one(value_from);

    assert_true(result->has.error);
    EXPECT_STR(result->error->text, text);
}

// ---- the operator's folder

static void names_and_arns_are_files_of_the_folder(void **state)
{
    (void)state;
    scene.settings.secrets_dir = at("secrets");
    write_file("secrets/plain", "one");
    write_file("secrets/deep/name", "two\n");
    write_file("secrets/db", "three\n\n");
    expect_held("plain", "one");
    expect_held(PARAMETER "/plain", "one");
    expect_held("/deep/name", "two");
    expect_held(PARAMETER "/deep/name", "two");
    expect_held(SECRET ":db-a1b2c3", "three\n");
}

static void members_and_versions_of_secrets(void **state)
{
    (void)state;
    scene.settings.secrets_dir = at("secrets");
    write_file("secrets/db", "{\"user\":\"u\",\"port\":5432}");
    write_file("secrets/db@AWSPREVIOUS", "{\"user\":\"old\"}");
    write_file("secrets/db@v-1", "by id");
    expect_held(SECRET ":db-a1b2c3:user::", "u");
    expect_held(SECRET ":db-a1b2c3:port:AWSCURRENT:", "5432");
    expect_held(SECRET ":db-a1b2c3:user:AWSPREVIOUS:", "old");
    expect_held(SECRET ":db-a1b2c3:::v-1", "by id");
    expect_refused(SECRET ":db-a1b2c3:none::",
                   "Retrieved secret from Secrets Manager did not contain json key none");
}

static void what_is_not_there_is_said_in_their_words(void **state)
{
    (void)state;
    scene.settings.secrets_dir = at("secrets");
    write_file("outside", "x");
    write_file("secrets/a", "x");
    expect_refused("/b", "Fetching secret data from SSM Parameter Store in us-east-1: invalid "
                         "parameters: /b");
    expect_refused("../outside", "Fetching secret data from SSM Parameter Store in us-east-1: "
                                 "invalid parameters: ../outside");
    expect_refused(SECRET ":db-a1b2c3",
                   "Trying to retrieve secret with value " SECRET ":db-a1b2c3 resulted in error: "
                   "ResourceNotFoundException: The task can't retrieve the secret with ARN '" SECRET
                   ":db-a1b2c3' from AWS Secrets Manager. Check whether the secret exists in the "
                   "specified Region");
}

// ---- services

static void parameters_are_asked_for_ten_at_a_time(void **state)
{
    struct host_secret_name list[11];
    struct host_resource what = secrets_of(list, 11);
    (void)state;

    scene.settings.parameters_endpoint = scene.puppet.url;
    for (int i = 0; i < 11; i++)
        list[i] = secret(arena_printf(&scene.arena, "p%d", i));
    puppet_will_answer(&scene.puppet, "GetParameters", 200,
                       "{\"Parameters\":[{\"Name\":\"p0\",\"Value\":\"v0\"},{\"Name\":\"p1\","
                       "\"Value\":\"v1\"},{\"Name\":\"p2\",\"Value\":\"v2\"},{\"Name\":\"p3\","
                       "\"Value\":\"v3\"},{\"Name\":\"p4\",\"Value\":\"v4\"},{\"Name\":\"p5\","
                       "\"Value\":\"v5\"},{\"Name\":\"p6\",\"Value\":\"v6\"},{\"Name\":\"p7\","
                       "\"Value\":\"v7\"},{\"Name\":\"p8\",\"Value\":\"v8\"},{\"Name\":\"p9\","
                       "\"Value\":\"v9\"}]}");
    puppet_will_answer(&scene.puppet, "GetParameters", 200,
                       "{\"Parameters\":[{\"Name\":\"p10\",\"Value\":\"v10\"}]}");
    ask(HOST_CALL_KIND_MAKE_RESOURCE, &what);
    assert_false(scene.result->has.error);
    assert_int_equal(scene.puppet.calls, 2);
    assert_int_equal(scene.result->values.n, 11);
    EXPECT_STR(scene.result->values.at[7].value, "v7");
    EXPECT_STR(scene.result->values.at[10].value, "v10");
    assert_true(puppet_has(buf_str(&scene.puppet.bodies), "\"WithDecryption\":true"));
}

static void all_parameters_that_are_not_there_are_named(void **state)
{
    struct host_secret_name list[] = {secret("a"), secret("b"), secret("c")};
    struct host_resource what = secrets_of(list, 3);
    (void)state;

    scene.settings.parameters_endpoint = scene.puppet.url;
    puppet_will_answer(&scene.puppet, "GetParameters", 200,
                       "{\"InvalidParameters\":[\"a\",\"c\"],"
                       "\"Parameters\":[{\"Name\":\"b\",\"Value\":\"v\"}]}");
    ask(HOST_CALL_KIND_MAKE_RESOURCE, &what);
    EXPECT_STR(scene.result->error->text, "Fetching secret data from SSM Parameter Store in "
                                          "us-east-1: invalid parameters: a,c");
}

static void the_folder_goes_before_the_service(void **state)
{
    (void)state;
    scene.settings.secrets_dir = at("secrets");
    scene.settings.parameters_endpoint = scene.puppet.url;
    write_file("secrets/here", "x");
    puppet_will_answer(&scene.puppet, NULL, 200,
                       "{\"Parameters\":[{\"Name\":\"there\",\"Value\":\"y\"}]}");
    expect_held("here", "x");
    expect_held("there", "y");
    assert_int_equal(scene.puppet.calls, 1);
}

static void a_secret_is_asked_for_by_id_and_version(void **state)
{
    (void)state;
    scene.settings.secrets_endpoint = scene.puppet.url;
    puppet_will_answer(&scene.puppet, "GetSecretValue", 200,
                       "{\"SecretString\":\"{\\\"k\\\":7}\"}");
    expect_held(SECRET ":db-a1b2c3:k:AWSPREVIOUS:", "7");
    EXPECT_STR(scene.puppet.body,
               "{\"SecretId\":\"" SECRET ":db-a1b2c3\",\"VersionStage\":\"AWSPREVIOUS\"}");
}

static void an_execution_role_signs(void **state)
{
    struct host_secret_name one = secret("p");
    struct host_resource what = secrets_of(&one, 1);
    (void)state;

    scene.settings.parameters_endpoint = scene.puppet.url;
    SET(&what, credentials_id, STR("known"));
    puppet_will_answer(&scene.puppet, NULL, 200,
                       "{\"Parameters\":[{\"Name\":\"p\",\"Value\":\"v\"}]}");
    ask(HOST_CALL_KIND_MAKE_RESOURCE, &what);
    assert_false(scene.result->has.error);
    assert_true(puppet_has(scene.puppet.authorization, "Credential=ASIAROLE/"));
    assert_true(puppet_has(scene.puppet.authorization, "/us-east-1/ssm/aws4_request"));
    SET(&what, credentials_id, STR("unknown"));
    ask(HOST_CALL_KIND_MAKE_RESOURCE, &what);
    EXPECT_STR(scene.result->error->text,
               "Ssm secret resource: unable to find execution role credentials");
    assert_int_equal(scene.puppet.calls, 1);
}

static void a_service_that_is_away_may_be_asked_again(void **state)
{
    (void)state;
    scene.settings.parameters_endpoint = STR("http://127.0.0.1:1");
    assert_int_equal(fetch_one("p")->error->class, HOST_ERROR_CLASS_UNREACHABLE);
}

static void one_that_refuses_may_not(void **state)
{
    (void)state;
    scene.settings.parameters_endpoint = scene.puppet.url;
    puppet_will_answer(&scene.puppet, NULL, 400,
                       "{\"__type\":\"x#AccessDeniedException\",\"message\":\"not you\"}");
    expect_refused("p", "Fetching secret data from SSM Parameter Store in us-east-1: "
                        "AccessDeniedException: not you");
    assert_int_equal(scene.result->error->class, HOST_ERROR_CLASS_DENIED);
}

// ---- logins and files

static void a_registrys_login_is_user_and_password(void **state)
{
    struct host_secret_name one = secret(SECRET ":hub-a1b2c3");
    struct host_resource what = secrets_of(&one, 1);
    (void)state;

    scene.settings.secrets_dir = at("secrets");
    SET(&what, kind, HOST_RESOURCE_KIND_ASM_AUTH);
    write_file("secrets/hub", "{\"username\":\"anna\",\"password\":\"pass:word\"}");
    ask(HOST_CALL_KIND_MAKE_RESOURCE, &what);
    EXPECT_STR(scene.result->values.at[0].value, "anna:pass:word");
}

static const struct host_result *fetch_file(const char *arn)
{
    struct host_resource what = {0};
    struct str one = str_of(arn);

    SET(&what, kind, HOST_RESOURCE_KIND_ENV_FILES);
    SET(&what, files, ((struct str_list){.n = 1, .at = &one}));
    return ask(HOST_CALL_KIND_MAKE_RESOURCE, &what);
}

static void environment_files_are_bucket_and_key(void **state)
{
    (void)state;
    scene.settings.env_files_dir = at("files");
    write_file("files/bucket/deep/a.env", "A=1\n");
    write_file("outside.env", "x");
    EXPECT_STR(fetch_file("arn:aws:s3:::bucket/deep/a.env")->values.at[0].value, "A=1\n");
    EXPECT_STR(fetch_file("arn:aws:s3:::bucket/../../outside.env")->error->text,
               "Environment file resource: unable to fetch arn:aws:s3:::bucket/../../outside.env: "
               "it is not the ARN of an object");
    EXPECT_STR(fetch_file("arn:aws:s3:::bucket/none.env")->error->text,
               "Environment file resource: unable to fetch arn:aws:s3:::bucket/none.env: the file "
               "does not exist");
}

static void or_an_object_of_a_service(void **state)
{
    (void)state;
    scene.settings.files_endpoint = scene.puppet.url;
    puppet_will_answer(&scene.puppet, "/bucket/deep/a.env", 200, "B=2");
    EXPECT_STR(fetch_file("arn:aws:s3:::bucket/deep/a.env")->values.at[0].value, "B=2");
    puppet_will_answer(&scene.puppet, NULL, 404, "<Error/>");
    assert_int_equal(fetch_file("arn:aws:s3:::bucket/b.env")->error->class,
                     HOST_ERROR_CLASS_NOT_FOUND);
}

// ---- log routers

static void a_routers_files_are_written_and_removed(void **state)
{
    struct host_resource what = {0};
    struct stat info;
    (void)state;

    SET(&what, kind, HOST_RESOURCE_KIND_FIRELENS);
    SET(&what, router_config, STR("[INPUT]\n"));
    ask(HOST_CALL_KIND_MAKE_RESOURCE, &what);
    assert_false(scene.result->has.error);
    assert_string_equal(content("firelens/t1/config/fluent.conf"), "[INPUT]\n");
    assert_int_equal(stat(at("firelens/t1/socket"), &info), 0);
    assert_true(S_ISDIR(info.st_mode));
    ask(HOST_CALL_KIND_REMOVE_RESOURCE, &what);
    assert_false(file_exists(at("firelens/t1")));
    ask(HOST_CALL_KIND_REMOVE_RESOURCE, &what);
    assert_false(scene.result->has.error);
}

static void with_a_file_that_is_fetched(void **state)
{
    struct host_resource what = {0};
    struct str one = STR("arn:aws:s3:::bucket/extra.conf");
    (void)state;

    scene.settings.env_files_dir = at("files");
    write_file("files/bucket/extra.conf", "[FILTER]\n");
    SET(&what, kind, HOST_RESOURCE_KIND_FIRELENS);
    SET(&what, router_config, STR("[INPUT]\n"));
    SET(&what, files, ((struct str_list){.n = 1, .at = &one}));
    ask(HOST_CALL_KIND_MAKE_RESOURCE, &what);
    assert_string_equal(content("firelens/t1/config/external.conf"), "[FILTER]\n");
}

// ---- groups

static void a_group_is_made_and_removed(void **state)
{
    struct host_resource what = {0};
    struct host_cgroup_limits limits = {0};
    (void)state;

    write_file("cgroup/cgroup.controllers", "");
    write_file("cgroup/ecs/t1/memory.max", "");
    SET(&limits, memory, 4096);
    SET(&what, kind, HOST_RESOURCE_KIND_CGROUP);
    SET(&what, limits, &limits);
    ask(HOST_CALL_KIND_MAKE_RESOURCE, &what);
    assert_false(scene.result->has.error);
    assert_string_equal(content("cgroup/ecs/t1/memory.max"), "4096");
    SET(&limits, pids, 7);
    ask(HOST_CALL_KIND_MAKE_RESOURCE, &what);
    assert_true(puppet_has(scene.result->error->text, "cgroup/ecs/t1/pids.max: No such file"));
    assert_int_equal(file_remove(at("cgroup/ecs/t1/memory.max")), 0); // a kernel's goes with it
    ask(HOST_CALL_KIND_REMOVE_RESOURCE, &what);
    assert_false(file_exists(at("cgroup/ecs/t1")));
}

static void a_host_without_groups_switches_them_off(void **state)
{
    struct host_facts facts = {.cgroup_driver = STR("cgroupfs")};
    (void)state;

    scene.settings.engine.task_cgroups = true;
    keeper_settle(&scene.settings, &facts, &scene.arena);
    assert_false(scene.settings.engine.task_cgroups);
    assert_false(scene.settings.engine.storage_limits);
    facts.storage_driver = STR("btrfs");
    keeper_settle(&scene.settings, &facts, &scene.arena);
    assert_true(scene.settings.engine.storage_limits);
    write_file("cgroup/cgroup.controllers", "");
    scene.settings.engine.task_cgroups = true;
    keeper_settle(&scene.settings, &facts, &scene.arena);
    assert_true(scene.settings.engine.task_cgroups);
    assert_true(scene.settings.engine.cgroup_v2);
    assert_false(scene.settings.engine.cgroup_slices);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(names_and_arns_are_files_of_the_folder),
        TEST(members_and_versions_of_secrets),
        TEST(what_is_not_there_is_said_in_their_words),
        TEST(parameters_are_asked_for_ten_at_a_time),
        TEST(all_parameters_that_are_not_there_are_named),
        TEST(the_folder_goes_before_the_service),
        TEST(a_secret_is_asked_for_by_id_and_version),
        TEST(an_execution_role_signs),
        TEST(a_service_that_is_away_may_be_asked_again),
        TEST(one_that_refuses_may_not),
        TEST(a_registrys_login_is_user_and_password),
        TEST(environment_files_are_bucket_and_key),
        TEST(or_an_object_of_a_service),
        TEST(a_routers_files_are_written_and_removed),
        TEST(with_a_file_that_is_fetched),
        TEST(a_group_is_made_and_removed),
        TEST(a_host_without_groups_switches_them_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
