#include "agent/duration.h"

#include "base/test.h"

static void durations_are_read_as_go_writes_them(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {
        {"0", 0},       {"30s", 30000},     {"1h30m", 5400000}, {"300ms", 300},
        {"1.5s", 1500}, {"1m0.25s", 60250}, {" 10m ", 600000},  {"3h", 10800000},
        {".5s", 500},   {"2us", 0},         {"1500us", 1},      {"1000000000ns", 1000},
        {"0s", 0},
    };
    (void)state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t ms = -1;
        assert_true(duration_parse(str_of(rows[i].text), &ms));
        assert_int_equal(ms, rows[i].ms);
    }
}

static void a_long_fraction_stays_one(void **state)
{
    char text[512] = ".";
    int64_t ms = -1;
    (void)state;

    memset(text + 1, '0', 400);
    text[401] = '9';
    text[402] = 's';
    assert_true(duration_parse(str_of(text), &ms));
    assert_int_equal(ms, 0);
    text[401] = '.';
    assert_false(duration_parse(str_of(text), &ms));
}

static void everything_else_is_refused(void **state)
{
    static const char *const rows[] = {"",
                                       " ",
                                       "10",
                                       "s",
                                       "-5s",
                                       "5 s",
                                       "1h 5m",
                                       "5x",
                                       "..s",
                                       ".s",
                                       "1.2.3s",
                                       "5sx",
                                       "99999999999999h"};
    (void)state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t ms = -1;
        assert_false(duration_parse(str_of(rows[i]), &ms));
        assert_int_equal(ms, -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_read_as_go_writes_them),
        cmocka_unit_test(a_long_fraction_stays_one),
        cmocka_unit_test(everything_else_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
