// What `gantry server` and `gantry up` make of their flags, and what both refuse before they start.

#include "cli/server_options.h"

#include "base/test.h"
#include "cli/command.h"

static struct arena arena;
static struct server_options got;

static bool read_flags(const char *const *argv)
{
    struct cli_values values;
    bool help;
    int argc = 0;

    while (argv[argc] != NULL)
        argc++;
    assert_true(
        cli_parse(&cli_server, argc, (char *const *)(uintptr_t)argv, &arena, &values, &help));
    return cli_server_options(&values, &got);
}
#define READ(...) read_flags((const char *const[]){"server", "--data=/d", __VA_ARGS__, NULL})

static int teardown(void **state)
{
    (void)state;
    arena_deinit(&arena);
    return 0;
}

static void flags_become_options(void **state)
{
    (void)state;
    assert_true(READ("--listen=127.0.0.1:1", "--account=000000000001", "--region=eu-x-1",
                     "--auth=none", "--stopped-task-retention=2h", "--max-connections=7"));
    EXPECT_STR(got.listen, "127.0.0.1:1");
    EXPECT_STR(got.account, "000000000001");
    EXPECT_STR(got.region, "eu-x-1");
    assert_string_equal(got.data_dir, "/d");
    assert_int_equal(got.auth, SERVER_AUTH_NONE);
    assert_int_equal(got.stopped_task_keep_ms, 2 * TIME_HOUR_MS);
    assert_int_equal(got.connections_max, 7);
}

static void what_cannot_be_is_refused(void **state)
{
    static const char *const bad[] = {
        "--listen=nowhere",
        "--listen=example.com:80",
        "--listen=127.0.0.1:65536",
        "--account=1234",
        "--account=12345678901x",
        "--region=",
        "--auth=maybe",
        "--store=etcd",
        "--store=paper",
        "--tls-cert=only",
        "--tls-key=only",
        "--stopped-task-retention=59m",
        "--stopped-task-retention=31d",
        "--max-connections=0",
    };
    (void)state;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(READ(bad[i]));
    assert_true(READ("--stopped-task-retention=1h"));
    assert_true(READ("--stopped-task-retention=30d"));
    assert_true(READ("--tls-cert=a", "--tls-key=b"));
}

static void no_authentication_is_for_loopback_only(void **state)
{
    (void)state;
    assert_true(READ("--auth=none", "--listen=[::1]:80"));
    assert_false(READ("--auth=none", "--listen=0.0.0.0:80"));
    assert_true(READ("--listen=0.0.0.0:80"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(flags_become_options, teardown),
        cmocka_unit_test_teardown(what_cannot_be_is_refused, teardown),
        cmocka_unit_test_teardown(no_authentication_is_for_loopback_only, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
