#include "server/credentials.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/test.h"
#include "io/file.h"

struct fixture {
    struct arena arena;
    char folder[64];
    char path[128];
    struct str detail;
    struct credentials *credentials;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    snprintf(f->folder, sizeof f->folder, "/tmp/credentials_test.XXXXXX");
    if (mkdtemp(f->folder) == NULL)
        return -1;
    snprintf(f->path, sizeof f->path, "%s/credentials", f->folder);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    credentials_free(f->credentials);
    unlink(f->path);
    rmdir(f->folder);
    arena_deinit(&f->arena);
    free(f);
    return 0;
}

static int load(struct fixture *f, const char *text)
{
    if (text != NULL)
        assert_int_equal(file_write_atomic(f->path, str_of(text), 0600), 0);
    credentials_free(f->credentials);
    f->credentials = NULL;
    return credentials_load(f->path, STR("aws"), STR("123456789012"), &f->arena, &f->detail,
                            &f->credentials);
}

static void a_first_start_makes_a_private_file_with_one_key(void **state)
{
    struct fixture *f = *state;
    struct stat info;
    struct str key;
    struct str secret;

    assert_int_equal(load(f, NULL), 0);
    assert_int_equal(stat(f->path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    key = str_copy(&f->arena, f->credentials->first->key_id);
    secret = str_copy(&f->arena, f->credentials->first->secret);
    assert_true(str_starts(key, STR("AKIA")));
    assert_int_equal(key.len, 20);
    assert_int_equal(secret.len, 40);
    EXPECT_STR(f->credentials->first->principal_arn, "arn:aws:iam::123456789012:root");
    assert_int_equal(load(f, NULL), 0); // the same key the second time
    assert_true(str_eq(f->credentials->first->key_id, key));
    assert_true(str_eq(f->credentials->first->secret, secret));
}

static void every_profile_is_a_caller(void **state)
{
    struct fixture *f = *state;
    const struct credential *bob;

    assert_int_equal(load(f, "; a comment\n[default]\naws_access_key_id=A\r\n"
                             "aws_secret_access_key = a=b\nregion = eu-west-1\n\n"
                             "[profile bob]\nAWS_ACCESS_KEY_ID = B\naws_secret_access_key = b\n"
                             "aws_session_token = t\n[empty]\nregion = x"),
                     0);
    assert_int_equal(f->credentials->n, 2);
    EXPECT_STR(credentials_of_key(f->credentials, STR("A"))->secret, "a=b");
    bob = credentials_of_key(f->credentials, STR("B"));
    EXPECT_STR(bob->principal_arn, "arn:aws:iam::123456789012:user/bob");
    EXPECT_STR(bob->token, "t");
    assert_null(credentials_of_key(f->credentials, STR("C")));
}

static void a_broken_file_names_its_line(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(load(f, "aws_access_key_id = A\n"), CREDENTIALS_E_MALFORMED);
    EXPECT_STR(f->detail, "line 1: a setting before the first \"[profile]\"");
    assert_int_equal(load(f, "[default]\nnonsense\n"), CREDENTIALS_E_MALFORMED);
    EXPECT_STR(f->detail, "line 2: neither \"[profile]\" nor \"key = value\"");
    assert_int_equal(load(f, "[default\n"), CREDENTIALS_E_MALFORMED);
    assert_int_equal(load(f, "[default]\naws_access_key_id = A\n"), CREDENTIALS_E_MALFORMED);
    assert_int_equal(load(f, "[a]\naws_access_key_id=A\naws_secret_access_key=a\n"
                             "[b]\naws_access_key_id=A\naws_secret_access_key=b\n"),
                     CREDENTIALS_E_MALFORMED);
    assert_int_equal(load(f, "# nothing\n"), CREDENTIALS_E_EMPTY);
    assert_null(f->credentials);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_first_start_makes_a_private_file_with_one_key, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(every_profile_is_a_caller, setup, teardown),
        cmocka_unit_test_setup_teardown(a_broken_file_names_its_line, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
