#include "base/test.h"

#include "base/utf8.h"

static void accepts_what_unicode_allows(void **state)
{
    static const char *const good[] = {
        "",
        "plain ascii, long enough for words",
        "\x7f",
        "\xc2\x80",
        "\xdf\xbf",
        "\xe0\xa0\x80",
        "\xed\x9f\xbf",
        "\xee\x80\x80",
        "\xf0\x90\x80\x80",
        "\xf4\x8f\xbf\xbf",
        "seven..\xe2\x82\xac across a word",
    };
    (void)state;

    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(utf8_is_valid(str_of(good[i])));
}

static void refuses_overlong_surrogate_cut_and_stray(void **state)
{
    static const char *const bad[] = {
        "\xc0\x80",
        "\xc1\xbf",
        "\xe0\x9f\xbf",
        "\xf0\x8f\xbf\xbf",
        "\xed\xa0\x80",
        "\xed\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xff",
        "\x80",
        "\xc2",
        "\xe2\x82",
        "\xf0\x90\x80",
        "\xc2 ",
        "\xe2\x82 ",
        "eight by\x80tes",
        "\xf0\x90\x80\xc0",
    };
    (void)state;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(utf8_is_valid(str_of(bad[i])));
}

static void measures_one_sequence(void **state)
{
    (void)state;
    assert_int_equal(utf8_sequence(STR("a\xc3\xa9")), 1);
    assert_int_equal(utf8_sequence(STR("\xc3\xa9z")), 2);
    assert_int_equal(utf8_sequence(STR("\xe2\x82\xac")), 3);
    assert_int_equal(utf8_sequence(STR("\xf0\x9f\x98\x80")), 4);
    assert_int_equal(utf8_sequence(STR("\xa9")), 0);
    assert_int_equal(utf8_sequence(STR("")), 0);
}

static void a_cut_leaves_no_half_sequence(void **state)
{
    (void)state;
    EXPECT_STR(utf8_take(STR("abc"), 3), "abc");
    EXPECT_STR(utf8_take(STR("abc"), 2), "ab");
    EXPECT_STR(utf8_take(STR("a\xe2\x82\xac!"), 4), "a\xe2\x82\xac");
    EXPECT_STR(utf8_take(STR("a\xe2\x82\xac!"), 3), "a");
    EXPECT_STR(utf8_take(STR("\xe2\x82\xac"), 1), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_what_unicode_allows),
        cmocka_unit_test(refuses_overlong_surrogate_cut_and_stray),
        cmocka_unit_test(measures_one_sequence),
        cmocka_unit_test(a_cut_leaves_no_half_sequence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
