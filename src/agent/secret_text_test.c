// Members of secrets.

#include "base/test.h"

#include "agent/secret_text.h"
#include "base/arena.h"

static struct arena arena;

static const char *member(const char *json, const char *name)
{
    struct str found;

    return secret_text_member(&arena, str_of(json), str_of(name), &found) ? str_cstr(&arena, found)
                                                                          : NULL;
}

static void a_member_is_found_by_name(void **state)
{
    (void)state;
    assert_string_equal(member("{\"a\":\"x\",\"b\":\"y\"}", "b"), "y");
    assert_null(member("{\"a\":\"x\"}", "b"));
    arena_deinit(&arena);
}

static void what_is_no_text_is_given_as_it_is_written(void **state)
{
    (void)state;
    assert_string_equal(member("{\"n\":1.50,\"t\":true,\"z\":null}", "n"), "1.50");
    assert_string_equal(member("{\"n\":1.50,\"t\":true,\"z\":null}", "t"), "true");
    assert_string_equal(member("{\"n\":1.50,\"t\":true,\"z\":null}", "z"), "null");
    arena_deinit(&arena);
}

static void only_members_of_the_whole_count(void **state)
{
    (void)state;
    assert_null(member("{\"in\":{\"a\":\"x\"}}", "a"));
    assert_null(member("{\"a\":{\"b\":\"x\"}}", "a"));
    assert_null(member("{\"a\":[\"x\"]}", "a"));
    assert_null(member("[{\"a\":\"x\"}]", "a"));
    assert_string_equal(member("{\"l\":[{\"a\":\"x\"}],\"a\":\"y\"}", "a"), "y");
    arena_deinit(&arena);
}

static void what_is_no_object_has_none(void **state)
{
    (void)state;
    assert_null(member("plain", "a"));
    assert_null(member("\"a\"", "a"));
    assert_null(member("", "a"));
    arena_deinit(&arena);
}

static void a_login_is_user_and_password(void **state)
{
    struct str login;
    (void)state;

    assert_true(secret_text_login(&arena, STR("{\"username\":\"anna\",\"password\":\"a:\\u00e4\"}"),
                                  &login));
    EXPECT_STR(login, "anna:a:\xc3\xa4");
    assert_false(secret_text_login(&arena, STR("{\"username\":\"anna\"}"), &login));
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_member_is_found_by_name),
        cmocka_unit_test(what_is_no_text_is_given_as_it_is_written),
        cmocka_unit_test(only_members_of_the_whole_count),
        cmocka_unit_test(what_is_no_object_has_none),
        cmocka_unit_test(a_login_is_user_and_password),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
