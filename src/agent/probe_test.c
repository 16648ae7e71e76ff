#include "agent/probe.h"

#include "base/test.h"
#include "io/loop.h"

// An engine whose answers the case gives by hand.
struct by_hand {
    struct runtime base;
    struct runtime_config config;
    struct loop *loop;
    struct probe *probe;
    enum host_call_kind asked;
    int64_t token;
    int calls;
    int closes;
    int done;
    struct host_facts facts;
    struct str version;
    struct arena arena;
};

static struct by_hand *the_engine;

static int driver_open(const struct runtime_config *config, struct runtime **out_runtime)
{
    the_engine->config = *config;
    *out_runtime = &the_engine->base;
    return 0;
}

static void driver_call(struct runtime *runtime, const struct host_call *call)
{
    struct by_hand *engine = (struct by_hand *)runtime;

    engine->asked = call->kind;
    engine->token = call->token;
    engine->calls++;
    assert_true(call->deadline_ms > 0);
}

static void driver_cancel(struct runtime *runtime, int64_t token)
{
    (void)runtime;
    (void)token;
}

static void driver_close(struct runtime *runtime)
{
    ((struct by_hand *)runtime)->closes++;
}

static const struct runtime_driver driver = {
    .name = "by hand",
    .open = driver_open,
    .call = driver_call,
    .cancel = driver_cancel,
    .close = driver_close,
};

static void on_done(void *user, const struct host_facts *facts, struct str version)
{
    struct by_hand *engine = user;

    engine->done++;
    engine->facts = *facts;
    engine->facts.api_version = str_copy(&engine->arena, facts->api_version);
    engine->facts.architecture = str_copy(&engine->arena, facts->architecture);
    engine->facts.bridge = str_copy(&engine->arena, facts->bridge);
    EXPECT_STR(facts->storage_driver, "btrfs");
    assert_int_equal(facts->volume_plugins.n, 1);
    EXPECT_STR(facts->volume_plugins.at[0], "local");
    engine->version = str_copy(&engine->arena, version);
    engine->probe = NULL;
}

static int setup(void **state)
{
    static struct by_hand engine;

    engine = (struct by_hand){.base = {.driver = &driver}};
    the_engine = &engine;
    *state = &engine;
    if (loop_open(&engine.loop) != 0)
        return -1;
    engine.probe = probe_start(engine.loop, &driver, STR("/socket"), on_done, &engine);
    return 0;
}

static int teardown(void **state)
{
    struct by_hand *engine = *state;

    probe_cancel(engine->probe);
    loop_close(engine->loop);
    arena_deinit(&engine->arena);
    return 0;
}

static void answer(struct by_hand *engine, struct host_result *result)
{
    struct runtime_post post = {
        .kind = RUNTIME_POST_RESULT, .token = engine->token, .result = result};

    SET(result, token, engine->token);
    engine->config.post(engine->config.user, &post);
}

static void answer_version(struct by_hand *engine)
{
    struct docker_version version = {0};
    struct host_result result = {0};

    SET(&version, version, STR("20.10.24"));
    SET(&version, api_version, STR("1.41"));
    SET(&version, arch, STR("amd64"));
    SET(&result, version, &version);
    answer(engine, &result);
}

static void answer_info(struct by_hand *engine)
{
    struct str local = STR("local");
    struct docker_info_plugins plugins = {0};
    struct docker_info info = {0};
    struct host_result result = {0};

    SET(&plugins, volume, (struct str_list){.n = 1, .at = &local});
    SET(&info, ncpu, 4);
    SET(&info, driver, STR("btrfs"));
    SET(&info, mem_total, (INT64_C(2048) << 20) + 5);
    SET(&info, plugins, &plugins);
    SET(&result, info, &info);
    answer(engine, &result);
}

static void answer_error(struct by_hand *engine)
{
    struct host_call_error error = {0};
    struct host_result result = {0};

    SET(&error, class, HOST_ERROR_CLASS_UNREACHABLE);
    SET(&error, text, STR("nobody there"));
    SET(&result, error, &error);
    answer(engine, &result);
}

static void answer_bridge(struct by_hand *engine)
{
    struct str_pair option = {STR("com.docker.network.bridge.name"), STR("docker0")};
    struct docker_network network = {0};
    struct host_result result = {0};

    SET(&network, options, (struct str_map){.n = 1, .at = &option});
    SET(&result, kind, HOST_CALL_KIND_INSPECT_NETWORK);
    SET(&result, docker_network, &network);
    answer(engine, &result);
}

static void version_and_info_are_the_facts(void **state)
{
    struct by_hand *engine = *state;

    EXPECT_STR(engine->config.socket, "/socket");
    assert_int_equal(engine->asked, HOST_CALL_KIND_VERSION);
    answer_version(engine);
    assert_int_equal(engine->asked, HOST_CALL_KIND_INFO);
    answer_info(engine);
    assert_int_equal(engine->asked, HOST_CALL_KIND_INSPECT_NETWORK);
    answer_bridge(engine);
    assert_int_equal(engine->done, 0); // the driver is still talking to us
    loop_run_once(engine->loop, 0);
    assert_int_equal(engine->done, 1);
    assert_int_equal(engine->closes, 1);
    EXPECT_STR(engine->version, "20.10.24");
    EXPECT_STR(engine->facts.api_version, "1.41");
    EXPECT_STR(engine->facts.architecture, "x86_64");
    EXPECT_STR(engine->facts.bridge, "docker0");
    assert_int_equal(engine->facts.cpus, 4);
    assert_int_equal(engine->facts.memory_mib, 2048);
}

static void it_asks_from_the_beginning_until_both_are_answered(void **state)
{
    struct by_hand *engine = *state;

    answer_version(engine);
    answer_error(engine);
    for (int i = 0; i < 2000 && engine->calls < 3; i++)
        loop_run_once(engine->loop, 5);
    assert_int_equal(engine->calls, 3);
    assert_int_equal(engine->asked, HOST_CALL_KIND_VERSION);
    assert_int_equal(engine->done, 0);
}

static void it_can_be_given_up_between_two_questions(void **state)
{
    struct by_hand *engine = *state;

    answer_error(engine);
    probe_cancel(engine->probe);
    engine->probe = NULL;
    assert_int_equal(engine->closes, 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(version_and_info_are_the_facts),
        CASE(it_asks_from_the_beginning_until_both_are_answered),
        CASE(it_can_be_given_up_between_two_questions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
