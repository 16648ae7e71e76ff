#include "base/arena.h"
#include "base/test.h"

static void comparison(void **state)
{
    (void)state;
    assert_true(str_eq(STR_NONE, STR("")));
    assert_true(str_eq_nocase(STR("X-Amz-Date"), STR("x-amz-date")));
    assert_true(str_cmp(STR("a"), STR("ab")) < 0);
    assert_true(str_cmp(STR("b"), STR("ab")) > 0);
    assert_true(str_starts(STR("ecs.x"), STR("ecs.")));
    assert_true(str_ends(STR("a.env"), STR(".env")));
    assert_false(str_ends(STR("env"), STR(".env")));
}

static void cutting(void **state)
{
    struct str head;
    struct str tail;
    (void)state;

    assert_true(str_cut(STR("a:b:c"), ':', &head, &tail));
    EXPECT_STR(head, "a");
    EXPECT_STR(tail, "b:c");
    assert_true(str_cut_last(STR("a:b:c"), ':', &head, &tail));
    EXPECT_STR(head, "a:b");
    EXPECT_STR(tail, "c");
    assert_false(str_cut(STR("abc"), ':', &head, &tail));
    EXPECT_STR(head, "abc");
    EXPECT_STR(str_trim(STR(" \t x y \r\n")), "x y");
    EXPECT_STR(str_from(STR("abc"), 9), "");
}

static void numbers_and_pieces(void **state)
{
    const struct str parts[] = {STR("a"), STR_NONE, STR("bc")};
    struct arena arena = ARENA_INIT;
    int64_t n = 7;
    (void)state;

    assert_true(str_to_i64(STR("-9223372036854775808"), &n));
    assert_true(n == INT64_MIN);
    assert_false(str_to_i64(STR("9223372036854775808"), &n));
    assert_false(str_to_i64(STR(""), &n));
    assert_false(str_to_i64(STR("1 "), &n));
    assert_false(str_to_i64(STR("+1"), &n));
    EXPECT_STR(str_i64(&arena, INT64_MIN), "-9223372036854775808");
    EXPECT_STR(str_i64(&arena, INT64_MAX), "9223372036854775807");
    EXPECT_STR(str_i64(&arena, 0), "0");
    EXPECT_STR(str_concat(&arena, parts, 3), "abc");
    EXPECT_STR(str_concat(&arena, parts, 0), "");
    arena_deinit(&arena);
    assert_int_equal(str_utf8_count(STR("a\xc3\xa9\xe4\xb8\x9c")), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comparison),
        cmocka_unit_test(cutting),
        cmocka_unit_test(numbers_and_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
