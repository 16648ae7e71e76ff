#include "engine/env_file.h"

#include "base/arena.h"
#include "base/test.h"

// Every variable as "[name|value]".
static void expect(const char *file, const char *want)
{
    struct arena arena = ARENA_INIT;
    struct str rest = str_of(file);
    struct str got = STR_NONE;
    struct str_pair pair;

    while (env_file_next(&rest, &pair))
        got = str_fmt(&arena, "%.*s[%.*s|%.*s]", STR_ARGS(got), STR_ARGS(pair.key),
                      STR_ARGS(pair.value));
    EXPECT_STR(got, want);
    arena_deinit(&arena);
}

static void each_line_is_a_variable(void **state)
{
    (void)state;
    expect("A=1\nB=two words\n", "[A|1][B|two words]");
    expect("A=1", "[A|1]");
    expect("", "");
}

static void what_is_no_variable_is_passed_over(void **state)
{
    (void)state;
    expect("# A=1\n\n   \nnothing\n=value\nB=2\n", "[B|2]");
}

static void values_are_taken_as_they_are(void **state)
{
    (void)state;
    expect("A=\"q\"\nB='s'\nC=a=b=c\nD= x \nE=\nF=$A\\n\n",
           "[A|\"q\"][B|'s'][C|a=b=c][D| x ][E|][F|$A\\n]");
    expect("export A=1\n A=2\n", "[export A|1][ A|2]");
}

static void lines_may_end_as_on_windows(void **state)
{
    (void)state;
    expect("A=1\r\nB=2\r\n\r\n", "[A|1][B|2]");
}

static void a_name_may_come_twice(void **state)
{
    (void)state;
    expect("A=1\nA=2\n", "[A|1][A|2]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_line_is_a_variable),
        cmocka_unit_test(what_is_no_variable_is_passed_over),
        cmocka_unit_test(values_are_taken_as_they_are),
        cmocka_unit_test(lines_may_end_as_on_windows),
        cmocka_unit_test(a_name_may_come_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
