#include "base/timefmt.h"

#include "base/test.h"

static struct arena arena;

static void formats(void **state)
{
    (void)state;
    EXPECT_STR(time_iso8601(&arena, 0), "1970-01-01T00:00:00.000Z");
    EXPECT_STR(time_iso8601(&arena, 1706730938725), "2024-01-31T19:55:38.725Z");
    EXPECT_STR(time_amz(&arena, 1788257700000), "20260901T101500Z");
    EXPECT_STR(time_http(&arena, 1788257700000), "Tue, 01 Sep 2026 10:15:00 GMT");
    EXPECT_STR(time_iso8601(&arena, -1), "1969-12-31T23:59:59.999Z");
    arena_reset(&arena);
}

static int64_t parsed(const char *text)
{
    int64_t t = -1;
    return time_parse_rfc3339(str_of(text), &t) ? t : -1;
}

static void parses_what_it_prints(void **state)
{
    int64_t back;
    (void)state;

    for (int64_t t = 0; t < INT64_C(4102444800000); t += INT64_C(86399999)) {
        assert_true(parsed(time_iso8601(&arena, t).ptr) == t);
        assert_true(time_parse_amz(time_amz(&arena, t), &back));
        assert_true(back == t / 1000 * 1000);
        arena_reset(&arena);
    }
    arena_deinit(&arena);
}

static void forms_of_rfc3339(void **state)
{
    (void)state;
    assert_true(parsed("2018-06-18") == 1529280000000);
    assert_true(parsed("2018-06-18T22:28:28") == 1529360908000);
    assert_true(parsed("2018-06-18T22:28:28Z") == 1529360908000);
    assert_true(parsed("2018-06-18T22:28:28+00:00") == 1529360908000);
    assert_true(parsed("2018-06-18T23:28:28+01:00") == 1529360908000);
    assert_true(parsed("2018-06-18T22:28:28.123456789Z") == 1529360908123);
    assert_true(parsed("2018-02-30") == -1);
    assert_true(parsed("2018-06-18T25:00:00Z") == -1);
    assert_true(parsed("2018-06-18T") == -1);
    assert_true(parsed("yesterday") == -1);
}

static void amz_dates_know_no_leap_second(void **state)
{
    int64_t t;
    (void)state;
    assert_true(time_parse_amz(STR("20261231T235959Z"), &t));
    assert_false(time_parse_amz(STR("20261231T235960Z"), &t));
    assert_true(parsed("2016-12-31T23:59:60Z") == 1483228800000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats),
        cmocka_unit_test(parses_what_it_prints),
        cmocka_unit_test(forms_of_rfc3339),
        cmocka_unit_test(amz_dates_know_no_leap_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
