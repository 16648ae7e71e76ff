#include <unistd.h>

#include "api/store.h"
#include "io/file.h"
#include "server/server_testing.h"

static int ready(void **state)
{
    struct rig *rig;

    if (rig_setup(state) != 0)
        return -1;
    rig = *state;
    rig->options.store = SERVER_STORE_SQLITE;
    return 0;
}

#define EXPECT_REFUSAL(rig, outcome, want) EXPECT_STR(rig_fail((rig), (outcome)), (want))

static const char *with_folder(struct rig *rig, const char *fmt)
{
    return str_cstr(&rig->arena, str_fmt(&rig->arena, fmt, rig->folder));
}

static void options_that_cannot_be_are_named(void **state)
{
    struct rig *rig = *state;

    rig->options.listen = STR("example.com:80");
    EXPECT_REFUSAL(rig, SERVER_E_OPTIONS,
                   "cannot listen on \"example.com:80\": give a numeric address and a port, such "
                   "as 127.0.0.1:7420");
    rig->options.listen = STR("0.0.0.0:0");
    rig->options.auth = SERVER_AUTH_NONE;
    EXPECT_REFUSAL(rig, SERVER_E_OPTIONS,
                   "without authentication only a loopback address can be listened on, and "
                   "0.0.0.0:0 is none; use sigv4 or 127.0.0.1");
    rig->options.listen = STR("127.0.0.1:0");
    rig->options.account = STR("12");
    EXPECT_REFUSAL(rig, SERVER_E_OPTIONS, "the account \"12\" has not twelve digits");
    rig->options.account = server_options_default.account;
    rig->options.tls_cert = "cert.pem";
    EXPECT_REFUSAL(rig, SERVER_E_OPTIONS, "a TLS certificate and its key must be given together");
}

static void a_folder_has_one_server(void **state)
{
    struct rig *rig = *state;

    rig_start(rig);
    EXPECT_REFUSAL(rig, SERVER_E_START,
                   with_folder(rig, "another gantry server is using the data folder %s; stop it, "
                                    "or give this one a folder of its own"));
    assert_int_equal(rig_call(rig, "CreateCluster", "{}").status, 200);
}

static void an_address_in_use_is_named(void **state)
{
    struct rig *rig = *state;

    rig_start(rig);
    rig->options.store = SERVER_STORE_MEMORY;
    rig->options.listen = server_address(rig->server);
    EXPECT_STR(rig_fail(rig, SERVER_E_START),
               str_cstr(&rig->arena, str_fmt(&rig->arena,
                                             "%.*s is in use by another program; stop it, or "
                                             "listen elsewhere",
                                             STR_ARGS(server_address(rig->server)))));
}

static void a_restart_keeps_everything(void **state)
{
    struct rig *rig = *state;
    struct answer before;
    struct answer after;
    struct str key;

    rig_start(rig);
    key = rig->key_id;
    before = rig_call(rig, "CreateCluster",
                      "{\"clusterName\":\"demo\",\"tags\":[{\"key\":\"a\",\"value\":\"b\"}]}");
    rig_stop(rig);
    rig_start(rig);
    assert_true(str_eq(key, rig->key_id));
    after = rig_call(rig, "CreateCluster", "{\"clusterName\":\"demo\"}");
    assert_int_equal(after.status, 200);
    assert_true(str_eq(before.body, after.body));
}

static void a_folder_belongs_to_one_account(void **state)
{
    struct rig *rig = *state;

    rig_start(rig);
    rig_stop(rig);
    rig->options.account = STR("999999999999");
    EXPECT_REFUSAL(rig, SERVER_E_OPTIONS,
                   with_folder(rig, "the data folder %s belongs to account 123456789012, not "
                                    "999999999999; start with that account, or use another "
                                    "folder"));
}

static void a_damaged_store_is_refused(void **state)
{
    struct rig *rig = *state;
    const char *path = with_folder(rig, "%s/server.db");

    assert_int_equal(file_write_atomic(path, STR("this was never a database, was it? no."), 0600),
                     0);
    EXPECT_REFUSAL(rig, SERVER_E_START,
                   with_folder(rig, "the store in %s is damaged: file is not a database; restore "
                                    "a backup, or move server.db away to start anew"));
}

static void a_record_that_cannot_be_read_is_named(void **state)
{
    struct rig *rig = *state;

    rig->options.store = SERVER_STORE_MEMORY;
    rig_put_record(rig, REC_KIND_CLUSTER, 3, "{\"name\":[]}");
    assert_true(str_starts(rig_fail(rig, SERVER_E_START), STR("the store in ")));
}

static void a_broken_credentials_file_is_named(void **state)
{
    struct rig *rig = *state;

    assert_int_equal(file_write_atomic(with_folder(rig, "%s/credentials"), STR("nonsense\n"), 0600),
                     0);
    EXPECT_STR(rig_fail(rig, SERVER_E_START),
               str_cstr(&rig->arena,
                        str_fmt(&rig->arena,
                                "cannot use the credentials file %s/credentials: line 1: neither "
                                "\"[profile]\" nor \"key = value\"",
                                rig->folder)));
}

// A reload is over when a call that came after it was answered; it may be answered before.
static int status_after_reload(struct rig *rig, int want)
{
    int status = 0;

    server_reload(rig->server);
    for (int i = 0; i < 1000 && status != want; i++)
        status = rig_call(rig, "DiscoverPollEndpoint", "{}").status;
    return status;
}

static void keys_can_be_changed_while_it_runs(void **state)
{
    struct rig *rig = *state;
    const char *path = with_folder(rig, "%s/credentials");

    rig_start(rig);
    assert_int_equal(file_write_atomic(path,
                                       STR("[default]\naws_access_key_id = OTHER\n"
                                           "aws_secret_access_key = secret\n"),
                                       0600),
                     0);
    assert_int_equal(status_after_reload(rig, 400), 400);
    rig->key_id = STR("OTHER");
    rig->secret = STR("secret");
    assert_int_equal(rig_call(rig, "DiscoverPollEndpoint", "{}").status, 200);
    assert_int_equal(file_write_atomic(path, STR("nonsense\n"), 0600), 0);
    assert_int_equal(status_after_reload(rig, 200), 200); // the old keys stay
}

static void stopping_answers_what_was_accepted(void **state)
{
    struct rig *rig = *state;
    struct line *line;
    struct line *idle;

    rig->options.store = SERVER_STORE_MEMORY;
    rig_start(rig);
    idle = rig_dial(rig);
    line = rig_dial(rig);
    memory_disk_hold(rig->disk, true);
    line_send(line, rig_request(rig, "CreateCluster", "{}"));
    memory_disk_await_held(rig->disk);
    memory_disk_hold(rig->disk, false);
    rig_stop(rig);
    assert_int_equal(line_answer(rig, line).status, 200);
    assert_true(line_is_ended(line));
    assert_true(line_is_ended(idle));
    line_close(line);
    line_close(idle);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, ready, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(options_that_cannot_be_are_named),
        CASE(a_folder_has_one_server),
        CASE(an_address_in_use_is_named),
        CASE(a_restart_keeps_everything),
        CASE(a_folder_belongs_to_one_account),
        CASE(a_damaged_store_is_refused),
        CASE(a_record_that_cannot_be_read_is_named),
        CASE(a_broken_credentials_file_is_named),
        CASE(keys_can_be_changed_while_it_runs),
        CASE(stopping_answers_what_was_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
