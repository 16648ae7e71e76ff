// The file of scaling actions: what is read of it and what is refused.

#include "server/scaling_config.h"

#include "base/arena.h"
#include "base/test.h"

static struct arena arena;

static struct str fault_of(const char *text)
{
    struct scaling_config config;
    struct str why = STR_NONE;

    assert_int_equal(scaling_config_parse(str_of(text), &arena, &config, &why),
                     SCALING_CONFIG_E_BAD);
    return why;
}

static void test_a_section_is_an_action_with_its_bounds(void **state)
{
    struct scaling_config config;
    struct str why;

    (void)state;
    assert_int_equal(scaling_config_parse(STR("# racks\n\n[metal]\ncommand = /bin/scale -v \n"
                                              "min-size = 1\nmax-size=4\ncpu=8192\nmemory = 100\n"
                                              "[cloud]\nurl = https://h/x?y=1"),
                                          &arena, &config, &why),
                     0);
    assert_int_equal(config.n, 2);
    EXPECT_STR(config.limits[0].provider, "metal");
    assert_string_equal(config.hooks[0].command, "/bin/scale -v");
    assert_int_equal(config.limits[0].size_min, 1);
    assert_int_equal(config.limits[0].size_max, 4);
    assert_int_equal(config.limits[0].cpu_units, 8192);
    assert_int_equal(config.limits[0].memory_mib, 100);
    EXPECT_STR(config.hooks[1].url, "https://h/x?y=1");
    assert_int_equal(config.limits[1].size_max, INT32_MAX);
}

static void test_mistakes_are_named_with_their_line(void **state)
{
    (void)state;
    EXPECT_STR(fault_of("command = x\n"), "line 1: a setting before the first [NAME]");
    EXPECT_STR(fault_of("[a]\nfoo = 1\n"),
               "line 2: not a setting: command, url, min-size, max-size, cpu, memory, gpus");
    EXPECT_STR(fault_of("[a]\n"),
               "line 1: the section before this line needs either a command or a url");
    EXPECT_STR(fault_of("[a]\ncommand=x\nmin-size=-1\n"),
               "line 3: a whole number from 0 to 2147483647 is wanted");
    EXPECT_STR(fault_of("[a]\ncommand=x\nmin-size=3\nmax-size=2\n[b]\ncommand=y\n"),
               "line 5: min-size of the section before this line is above its max-size");
    EXPECT_STR(fault_of("[a]\ncommand=x\n[a]\n"),
               "line 3: the capacity provider has a section already");
    EXPECT_STR(fault_of("[a]\nurl=unix:///x\n"), "line 2: the url is not one of http or https");
    EXPECT_STR(fault_of("[a\n"), "line 1: a section is written [NAME]");
    EXPECT_STR(fault_of("[a]\ncommand\n"), "line 2: neither [NAME] nor key = value");
}

static int teardown(void **state)
{
    (void)state;
    arena_deinit(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_section_is_an_action_with_its_bounds),
        cmocka_unit_test(test_mistakes_are_named_with_their_line),
    };

    return cmocka_run_group_tests(tests, NULL, teardown);
}
