#include "cli/pretty.h"

#include <stdlib.h>

#include "base/test.h"

static void expect_pretty_at(const char *json, const char *want, const char *file, int line)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    pretty_print(out, str_of(json));
    fclose(out);
    _assert_string_equal(text, want, file, line);
    free(text);
}
#define EXPECT_PRETTY(json, want) expect_pretty_at((json), (want), __FILE__, __LINE__)

static void members_stand_on_lines_of_their_own(void **state)
{
    (void)state;
    EXPECT_PRETTY("{\"a\":1,\"b\":[true,null]}", "{\n"
                                                 "    \"a\": 1,\n"
                                                 "    \"b\": [\n"
                                                 "        true,\n"
                                                 "        null\n"
                                                 "    ]\n"
                                                 "}\n");
}

static void what_is_empty_stays_short(void **state)
{
    (void)state;
    EXPECT_PRETTY("{}", "{}\n");
    EXPECT_PRETTY("{\"a\":[],\"b\":{}}", "{\n    \"a\": [],\n    \"b\": {}\n}\n");
}

static void strings_are_left_alone(void **state)
{
    (void)state;
    EXPECT_PRETTY("\"{[,: \\\" \\\\\"", "\"{[,: \\\" \\\\\"\n");
    EXPECT_PRETTY("[\"a\\\\\",\"b\"]", "[\n    \"a\\\\\",\n    \"b\"\n]\n");
}

static void earlier_white_space_is_replaced(void **state)
{
    (void)state;
    EXPECT_PRETTY(" [ 1 ,\n\t2 ] ", "[\n    1,\n    2\n]\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_stand_on_lines_of_their_own),
        cmocka_unit_test(what_is_empty_stays_short),
        cmocka_unit_test(strings_are_left_alone),
        cmocka_unit_test(earlier_white_space_is_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
