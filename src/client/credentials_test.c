#include "client/credentials.h"

#include "base/test.h"

static const char file[] = "# made by hand\n"
                           "[other]\n"
                           "aws_access_key_id = OTHER\n"
                           "aws_secret_access_key=o/+=\n"
                           "\n"
                           "[ default ]\r\n"
                           "aws_access_key_id=AKID\r\n"
                           "aws_secret_access_key = secret\r\n"
                           "region = us-east-1\n"
                           "[half]\n"
                           "aws_access_key_id = X\n";

static void profiles_are_found(void **state)
{
    struct credentials found = {0};
    (void)state;

    assert_true(credentials_parse(str_of(file), STR("default"), &found));
    EXPECT_STR(found.key_id, "AKID");
    EXPECT_STR(found.secret, "secret");
    EXPECT_STR(found.token, "");
    assert_true(credentials_parse(str_of(file), STR("other"), &found));
    EXPECT_STR(found.secret, "o/+=");
}

static void half_a_profile_is_none(void **state)
{
    struct credentials found = {0};
    (void)state;

    assert_false(credentials_parse(str_of(file), STR("half"), &found));
    assert_false(credentials_parse(str_of(file), STR("missing"), &found));
    assert_false(credentials_parse(STR(""), STR("default"), &found));
    assert_int_equal(found.key_id.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(profiles_are_found),
        cmocka_unit_test(half_a_profile_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
