#include <unistd.h>

#include "base/arena.h"
#include "base/id.h"
#include "base/test.h"
#include "io/file.h"
#include "ops/authorize.h"
#include "server/role_keys.h"
#include "server/roles.h"
#include "wire/crypto.h"

static const time_ms now = INT64_C(1800000000000);

struct desk {
    struct arena arena;
    char folder[64];
    const char *path;
    struct roles *roles;
};

static int setup(void **state)
{
    static struct desk desk;

    desk = (struct desk){.folder = "/tmp/gantry-roles-XXXXXX"};
    assert_non_null(mkdtemp(desk.folder));
    desk.path = arena_printf(&desk.arena, "%s/roles", desk.folder);
    *state = &desk;
    return 0;
}

static int teardown(void **state)
{
    struct desk *d = *state;

    roles_free(d->roles);
    assert_int_equal(file_remove(d->path), 0);
    assert_int_equal(file_remove(arena_printf(&d->arena, "%s/keys", d->folder)), 0);
    assert_int_equal(rmdir(d->folder), 0);
    arena_deinit(&d->arena);
    return 0;
}

static void open_roles(struct desk *d, struct str text)
{
    struct str detail = STR_NONE;

    assert_int_equal(file_write_atomic(d->path, text, 0600), 0);
    d->roles = roles_new(role_keys_new(STR("0123456789abcdef0123456789abcdef")), d->path);
    if (!roles_load(d->roles, &d->arena, &detail))
        fail_msg("%.*s", STR_ARGS(detail));
}

static struct acs_iam_role_credentials announced(struct desk *d, const char *role)
{
    struct acs_iam_role_credentials credentials = {0};

    SET(&credentials, role_arn, str_fmt(&d->arena, "arn:aws:iam::123456789012:role/%s", role));
    SET(&credentials, expiration, STR("2027-01-15T09:00:00Z"));
    return credentials;
}

// What a task with this role is sent.
static const struct acs_iam_role_credentials *sent(struct desk *d, const char *role)
{
    struct acs_iam_role_credentials credentials = announced(d, role);
    struct acs_iam_role_credentials_message message = {0};
    const struct acs_iam_role_credentials_message *out;

    SET(&message, task_arn,
        STR("arn:aws:ecs:us-east-1:123456789012:task/demo/8f2c0d1e4b5a49c7a1b2c3d4e5f60718"));
    SET(&message, role_type, ACS_ROLE_TYPE_TASKAPPLICATION);
    SET(&message, role_credentials, &credentials);
    out = roles_complete(d->roles, ACS_MESSAGE_IAM_ROLE_CREDENTIALS_MESSAGE, &message, &d->arena);
    assert_false(credentials.has.secret_access_key); // what the core made is left alone
    return out->role_credentials;
}

static enum sigv4_key_state look_up(struct desk *d, const struct acs_iam_role_credentials *c,
                                    struct str *out_secret, struct caller *out)
{
    return roles_look_up(d->roles, c->access_key_id, c->session_token, c->session_token.len > 0,
                         now, &d->arena, out_secret, out);
}

static void a_message_is_completed_with_keys_of_the_task(void **state)
{
    struct desk *d = *state;
    const struct acs_iam_role_credentials *c;

    open_roles(d, STR(""));
    c = sent(d, "team/app");
    assert_true(id_is_uuid(c->credentials_id));
    assert_true(str_starts(c->access_key_id, STR("ASIA")));
    EXPECT_STR(c->expiration, "2027-01-15T09:00:00Z");
    EXPECT_STR(c->role_arn, "arn:aws:iam::123456789012:role/team/app");
}

static void a_payload_is_completed_task_by_task(void **state)
{
    struct desk *d = *state;
    struct acs_iam_role_credentials role = announced(d, "app");
    struct acs_iam_role_credentials execution = announced(d, "pull");
    struct acs_task *tasks = arena_array(&d->arena, struct acs_task, 2);
    struct acs_payload_message message = {0};
    const struct acs_payload_message *out;

    open_roles(d, STR(""));
    SET(&tasks[0], arn, STR("a/00000000000000000000000000000001"));
    SET(&tasks[1], arn, STR("a/00000000000000000000000000000002"));
    SET(&tasks[1], role_credentials, &role);
    SET(&tasks[1], execution_role_credentials, &execution);
    SET(&message, tasks, (struct acs_task_list){.n = 2, .at = tasks});
    out = roles_complete(d->roles, ACS_MESSAGE_PAYLOAD_MESSAGE, &message, &d->arena);
    assert_null(out->tasks.at[0].role_credentials);
    assert_false(str_eq(out->tasks.at[1].role_credentials->credentials_id,
                        out->tasks.at[1].execution_role_credentials->credentials_id));
    assert_true(out->tasks.at[1].role_credentials->has.session_token);
    assert_ptr_equal(tasks[1].role_credentials, &role);
}

static void other_messages_are_left_alone(void **state)
{
    struct desk *d = *state;
    struct acs_task task = {0};
    struct acs_payload_message message = {0};

    open_roles(d, STR(""));
    SET(&message, tasks, (struct acs_task_list){.n = 1, .at = &task});
    assert_ptr_equal(roles_complete(d->roles, ACS_MESSAGE_PAYLOAD_MESSAGE, &message, &d->arena),
                     &message);
    assert_ptr_equal(roles_complete(d->roles, ACS_MESSAGE_HEARTBEAT_MESSAGE, &message, &d->arena),
                     &message);
}

static void a_caller_with_issued_keys_is_the_role_in_that_task(void **state)
{
    struct desk *d = *state;
    const struct acs_iam_role_credentials *c;
    struct caller caller = {0};
    struct str secret;

    open_roles(d, STR("[app]\nallow = ecs:List*\n"));
    c = sent(d, "team/app");
    assert_int_equal(look_up(d, c, &secret, &caller), SIGV4_KEY_KNOWN);
    assert_true(str_eq(secret, c->secret_access_key));
    EXPECT_STR(caller.principal_arn,
               "arn:aws:sts::123456789012:assumed-role/app/8f2c0d1e4b5a49c7a1b2c3d4e5f60718");
    EXPECT_STR(caller.role->task, "8f2c0d1e4b5a49c7a1b2c3d4e5f60718");
    assert_int_equal(caller.role->grants_n, 1);
}

static void keys_without_their_token_are_unknown(void **state)
{
    struct desk *d = *state;
    struct acs_iam_role_credentials c;
    struct caller caller = {0};
    struct str secret;

    open_roles(d, STR(""));
    c = *sent(d, "app");
    c.session_token = STR_NONE;
    assert_int_equal(look_up(d, &c, &secret, &caller), SIGV4_KEY_UNKNOWN);
    assert_null(caller.role);
}

static void an_operators_keys_are_handed_out_and_recognised_as_the_role(void **state)
{
    struct desk *d = *state;
    const struct acs_iam_role_credentials *c;
    struct caller caller = {0};
    struct str secret;

    assert_int_equal(
        file_write_atomic(arena_printf(&d->arena, "%s/keys", d->folder),
                          STR("[s3]\naws_access_key_id = AKIAREAL\naws_secret_access_key = hush\n"),
                          0600),
        0);
    open_roles(d, str_fmt(&d->arena,
                          "[up]\nallow = ecs:DescribeClusters\nkeys-file = %s/keys\nprofile = "
                          "s3\n",
                          d->folder));
    c = sent(d, "up");
    EXPECT_STR(c->access_key_id, "AKIAREAL");
    EXPECT_STR(c->secret_access_key, "hush");
    EXPECT_STR(c->session_token, "");
    assert_true(id_is_uuid(c->credentials_id));
    assert_int_equal(look_up(d, c, &secret, &caller), SIGV4_KEY_KNOWN);
    EXPECT_STR(secret, "hush");
    EXPECT_STR(caller.role->task, "");
    assert_int_equal(caller.role->grants_n, 1);
    assert_true(str_starts(sent(d, "other")->access_key_id, STR("ASIA")));
}

static void a_broken_file_changes_nothing(void **state)
{
    struct desk *d = *state;
    struct str detail = STR_NONE;
    struct caller caller = {0};
    struct str secret;

    open_roles(d, STR("[app]\nallow = ecs:List*\n"));
    assert_int_equal(file_write_atomic(d->path, STR("[app]\nallow = all\n"), 0600), 0);
    assert_false(roles_load(d->roles, &d->arena, &detail));
    assert_true(str_ends(
        detail, STR("/roles: line 2: an action is written ecs:NAME, and may hold * and ?")));
    assert_int_equal(look_up(d, sent(d, "app"), &secret, &caller), SIGV4_KEY_KNOWN);
    assert_int_equal(caller.role->grants_n, 1);
    assert_int_equal(file_write_atomic(d->path, STR("[a]\nkeys-file = /nowhere/keys\n"), 0600), 0);
    assert_false(roles_load(d->roles, &d->arena, &detail));
    assert_true(str_ends(detail, STR("cannot use /nowhere/keys: No such file or directory")));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        CASE(a_message_is_completed_with_keys_of_the_task),
        CASE(a_payload_is_completed_task_by_task),
        CASE(other_messages_are_left_alone),
        CASE(a_caller_with_issued_keys_is_the_role_in_that_task),
        CASE(keys_without_their_token_are_unknown),
        CASE(an_operators_keys_are_handed_out_and_recognised_as_the_role),
        CASE(a_broken_file_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
