#include "base/arena.h"
#include "base/buf.h"
#include "base/id.h"
#include "base/test.h"
#include "io/file.h"
#include "server/role_keys.h"
#include "wire/crypto.h"

#include <unistd.h>

static const time_ms now = INT64_C(1800000000000);

struct desk {
    struct arena arena;
    struct role_keys *keys;
    struct role_session session;
    struct acs_iam_role_credentials issued;
};

static int setup(void **state)
{
    static struct desk desk;

    desk = (struct desk){
        .keys = role_keys_new(STR("0123456789abcdef0123456789abcdef")),
        .session = {.task = STR("8f2c0d1e4b5a49c7a1b2c3d4e5f60718"),
                    .type = ACS_ROLE_TYPE_TASKAPPLICATION,
                    .role_arn = STR("arn:aws:iam::123456789012:role/team/app"),
                    .expires = now + TIME_HOUR_MS},
    };
    role_keys_issue(desk.keys, &desk.session, &desk.arena, &desk.issued);
    *state = &desk;
    return 0;
}

static int teardown(void **state)
{
    struct desk *d = *state;

    role_keys_free(d->keys);
    arena_deinit(&d->arena);
    return 0;
}

static enum sigv4_key_state check(struct desk *d, struct str key_id, struct str token, time_ms at)
{
    struct role_session session;
    struct str secret;

    return role_keys_check(d->keys, key_id, token, at, &d->arena, &session, &secret);
}

static struct acs_iam_role_credentials issue(struct desk *d, struct role_session session)
{
    struct acs_iam_role_credentials out;

    role_keys_issue(d->keys, &session, &d->arena, &out);
    return out;
}

static void issued_keys_look_like_temporary_ones(void **state)
{
    struct desk *d = *state;

    assert_int_equal(d->issued.access_key_id.len, 20);
    assert_true(str_starts(d->issued.access_key_id, STR("ASIA")));
    assert_int_equal(d->issued.secret_access_key.len, 40);
    assert_true(id_is_uuid(d->issued.credentials_id));
    EXPECT_STR(d->issued.expiration, "2027-01-15T09:00:00Z");
    EXPECT_STR(d->issued.role_arn, "arn:aws:iam::123456789012:role/team/app");
}

static void issued_keys_are_recognised_with_all_they_say(void **state)
{
    struct desk *d = *state;
    struct role_session session;
    struct str secret;

    assert_int_equal(role_keys_check(d->keys, d->issued.access_key_id, d->issued.session_token, now,
                                     &d->arena, &session, &secret),
                     SIGV4_KEY_KNOWN);
    assert_true(str_eq(secret, d->issued.secret_access_key));
    EXPECT_STR(session.task, "8f2c0d1e4b5a49c7a1b2c3d4e5f60718");
    EXPECT_STR(session.role_arn, "arn:aws:iam::123456789012:role/team/app");
    assert_int_equal(session.type, ACS_ROLE_TYPE_TASKAPPLICATION);
    assert_int_equal(session.expires, now + TIME_HOUR_MS);
}

static void keys_end_at_their_expiry(void **state)
{
    struct desk *d = *state;
    struct str id = d->issued.access_key_id;
    struct str token = d->issued.session_token;

    assert_int_equal(check(d, id, token, now + TIME_HOUR_MS - 1), SIGV4_KEY_KNOWN);
    assert_int_equal(check(d, id, token, now + TIME_HOUR_MS), SIGV4_KEY_EXPIRED);
}

static void a_token_changed_in_any_byte_is_unknown(void **state)
{
    struct desk *d = *state;
    struct str token = d->issued.session_token;

    for (size_t i = 0; i < token.len; i++) {
        char *changed = arena_copy(&d->arena, token.ptr, token.len);

        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        assert_int_equal(check(d, d->issued.access_key_id, str_span(changed, token.len), now),
                         SIGV4_KEY_UNKNOWN);
        assert_int_equal(check(d, d->issued.access_key_id, str_take(token, i), now),
                         SIGV4_KEY_UNKNOWN);
    }
}

static void another_tasks_token_does_not_go_with_this_key(void **state)
{
    struct desk *d = *state;
    struct role_session other = d->session;
    struct acs_iam_role_credentials theirs;

    other.task = STR("00000000000000000000000000000001");
    theirs = issue(d, other);
    assert_int_equal(check(d, d->issued.access_key_id, theirs.session_token, now),
                     SIGV4_KEY_UNKNOWN);
    assert_false(str_eq(theirs.credentials_id, d->issued.credentials_id));
    assert_false(str_eq(theirs.secret_access_key, d->issued.secret_access_key));
}

static void another_servers_keys_are_unknown(void **state)
{
    struct desk *d = *state;
    struct role_keys *other = role_keys_new(STR("another secret of thirty-two byte"));
    struct role_session session;
    struct str secret;

    assert_int_equal(role_keys_check(other, d->issued.access_key_id, d->issued.session_token, now,
                                     &d->arena, &session, &secret),
                     SIGV4_KEY_UNKNOWN);
    role_keys_free(other);
}

static void the_two_roles_of_a_task_have_nothing_in_common(void **state)
{
    struct desk *d = *state;
    struct role_session execution = d->session;
    struct acs_iam_role_credentials theirs;

    execution.type = ACS_ROLE_TYPE_TASKEXECUTION;
    theirs = issue(d, execution);
    assert_false(str_eq(theirs.credentials_id, d->issued.credentials_id));
    assert_false(str_eq(theirs.access_key_id, d->issued.access_key_id));
}

static void renewed_keys_keep_the_credentials_id(void **state)
{
    struct desk *d = *state;
    struct role_session later = d->session;
    struct acs_iam_role_credentials renewed;

    later.expires += TIME_HOUR_MS;
    renewed = issue(d, later);
    assert_true(str_eq(renewed.credentials_id, d->issued.credentials_id));
    assert_false(str_eq(renewed.access_key_id, d->issued.access_key_id));
    assert_int_equal(check(d, d->issued.access_key_id, d->issued.session_token, now),
                     SIGV4_KEY_KNOWN);
}

static void a_restart_keeps_the_keys_valid(void **state)
{
    struct desk *d = *state;
    char folder[] = "/tmp/gantry-role-keys-XXXXXX";
    const char *path;
    struct role_keys *first;
    struct role_keys *second;
    struct acs_iam_role_credentials issued;
    struct role_session session;
    struct str secret;

    assert_non_null(mkdtemp(folder));
    path = arena_printf(&d->arena, "%s/role-key", folder);
    assert_int_equal(role_keys_open(path, &first), 0);
    role_keys_issue(first, &d->session, &d->arena, &issued);
    role_keys_free(first);
    assert_int_equal(role_keys_open(path, &second), 0);
    assert_int_equal(role_keys_check(second, issued.access_key_id, issued.session_token, now,
                                     &d->arena, &session, &secret),
                     SIGV4_KEY_KNOWN);
    role_keys_free(second);
    assert_int_equal(file_write_atomic(path, STR("short\n"), 0600), 0);
    assert_int_equal(role_keys_open(path, &second), -EBADMSG);
    assert_int_equal(file_remove(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        CASE(issued_keys_look_like_temporary_ones),
        CASE(issued_keys_are_recognised_with_all_they_say),
        CASE(keys_end_at_their_expiry),
        CASE(a_token_changed_in_any_byte_is_unknown),
        CASE(another_tasks_token_does_not_go_with_this_key),
        CASE(another_servers_keys_are_unknown),
        CASE(the_two_roles_of_a_task_have_nothing_in_common),
        CASE(renewed_keys_keep_the_credentials_id),
        CASE(a_restart_keeps_the_keys_valid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
