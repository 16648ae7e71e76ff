#include "base/test.h"

#include "wire/json_number.h"

static void expect_i64(const char *text, int64_t want)
{
    int64_t got = ~want;

    assert_true(json_number_i64(str_of(text), INT64_MIN, INT64_MAX, &got));
    assert_true(got == want);
}

static void refuse_i64(const char *text)
{
    int64_t untouched = 77;

    assert_false(json_number_i64(str_of(text), INT64_MIN, INT64_MAX, &untouched));
    assert_true(untouched == 77);
}

static void whole_numbers(void **state)
{
    int64_t value;
    (void)state;

    expect_i64("0", 0);
    expect_i64("-0", 0);
    expect_i64("9223372036854775807", INT64_MAX);
    expect_i64("-9223372036854775808", INT64_MIN);
    expect_i64("1.0", 1);
    expect_i64("1.5e1", 15);
    expect_i64("-1E3", -1000);
    refuse_i64("9223372036854775808");
    refuse_i64("1e19");
    refuse_i64("0.5");
    refuse_i64("1e-1");
    refuse_i64("1e400");
    assert_false(json_number_i64(STR("11"), 0, 10, &value));
    assert_false(json_number_i64(STR("-1"), 0, 10, &value));
    assert_true(json_number_i64(STR("10"), 0, 10, &value));
}

static void doubles(void **state)
{
    double value = 0;
    char digits[400];
    (void)state;

    assert_true(json_number_double(STR("1.7976931348623157e308"), &value));
    assert_true(value == 1.7976931348623157e308);
    assert_true(json_number_double(STR("1e-400"), &value));
    assert_true(value == 0);
    assert_false(json_number_double(STR("1e400"), &value));
    assert_false(json_number_double(STR("-1e400"), &value));
    memset(digits, '7', sizeof digits);
    assert_false(json_number_double(str_span(digits, sizeof digits), &value));
    digits[1] = '.';
    assert_true(json_number_double(str_span(digits, sizeof digits), &value));
    assert_true(value > 7.77 && value < 7.78);
}

static void seconds_become_milliseconds(void **state)
{
    int64_t ms = 0;
    (void)state;

    assert_true(json_number_ms(STR("1789573440.626"), &ms));
    assert_true(ms == INT64_C(1789573440626));
    assert_true(json_number_ms(STR("1.789573440626E9"), &ms));
    assert_true(ms == INT64_C(1789573440626));
    assert_true(json_number_ms(STR("-1.5"), &ms));
    assert_true(ms == -1500);
    assert_true(json_number_ms(STR("0.0004"), &ms));
    assert_true(ms == 0);
    assert_false(json_number_ms(STR("1789573440626"), &ms)); // milliseconds by mistake
    assert_false(json_number_ms(STR("1e400"), &ms));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_numbers),
        cmocka_unit_test(doubles),
        cmocka_unit_test(seconds_become_milliseconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
