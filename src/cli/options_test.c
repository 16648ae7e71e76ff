// Flags, environment and file against a command made up for the purpose. The lines on standard
// error are part of cmocka's run and not looked at; what counts is what is refused.

#include "cli/options.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/test.h"
#include "cli/command.h"

static const struct cli_option options[] = {
    {.name = "paint-colour", .letter = 'p', .value = "COLOUR", .fallback = "red", .help = "h"},
    {.name = "coats", .value = "N", .help = "h"},
    {.name = "drying", .value = "TIME", .help = "h"},
    {.name = "glossy", .letter = 'g', .help = "h"},
    CLI_OPTION_DATA,
    CLI_OPTION_CONFIG,
    CLI_OPTIONS_LOG,
    {0},
};

static int run(const struct cli_values *values)
{
    (void)values;
    return EXIT_DONE;
}

static const struct cli_command paint = {
    .name = "paint", .arguments = "WALL...", .summary = "s", .options = options, .run = run};
static const struct cli_command bare = {
    .name = "bare", .summary = "s", .options = options, .run = run};
static const struct cli_command open_ended = {
    .name = "open", .arguments = "ANY...", .options = options, .takes_anything = true, .run = run};

static const char *const variables[] = {"GANTRY_PAINT_COLOUR", "GANTRY_COATS", "GANTRY_GLOSSY",
                                        "GANTRY_DATA", "GANTRY_CONFIG"};
static struct arena arena;
static struct cli_values values;
static bool help;
static char config[64];

static int setup(void **state)
{
    int fd;

    (void)state;
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        unsetenv(variables[i]);
    snprintf(config, sizeof config, "/tmp/options_test.XXXXXX");
    fd = mkstemp(config);
    return fd < 0 ? -1 : close(fd);
}

static int teardown(void **state)
{
    (void)state;
    arena_deinit(&arena);
    return unlink(config);
}

static void write_config(const char *text)
{
    FILE *file = fopen(config, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static bool parse(const struct cli_command *command, const char *const *argv)
{
    int argc = 0;

    while (argv[argc] != NULL)
        argc++;
    return cli_parse(command, argc, (char *const *)(uintptr_t)argv, &arena, &values, &help);
}
#define PARSE(...)          parse(&paint, (const char *const[]){"paint", __VA_ARGS__, NULL})
#define EXPECT_COLOUR(want) assert_string_equal(cli_value(&values, "paint-colour"), want)

static void flags_have_three_spellings(void **state)
{
    (void)state;
    assert_true(PARSE("--paint-colour", "blue"));
    EXPECT_COLOUR("blue");
    assert_true(PARSE("--paint-colour=a=b"));
    EXPECT_COLOUR("a=b");
    assert_true(PARSE("-p", "-odd"));
    EXPECT_COLOUR("-odd");
    assert_true(PARSE("--paint-colour="));
    EXPECT_COLOUR("");
    assert_true(PARSE("--paint-colour", "blue", "-p", "green"));
    EXPECT_COLOUR("green");
}

static void arguments_stand_between_flags(void **state)
{
    (void)state;
    assert_true(PARSE("north", "-g", "-", "--", "--glossy", "-h"));
    assert_int_equal(values.arguments_n, 4);
    assert_string_equal(values.arguments[0], "north");
    assert_string_equal(values.arguments[1], "-");
    assert_string_equal(values.arguments[2], "--glossy");
    assert_string_equal(values.arguments[3], "-h");
    assert_true(cli_switch(&values, "glossy"));
}

static void wrong_usage_is_refused_without_help(void **state)
{
    (void)state;
    assert_false(PARSE("--paint"));
    assert_false(PARSE("--paint-colours=x"));
    assert_false(PARSE("-x"));
    assert_false(PARSE("-gp"));
    assert_false(PARSE("--paint-colour"));
    assert_false(PARSE("north", "-p"));
    assert_false(help);
    assert_false(parse(&bare, (const char *const[]){"bare", "argument", NULL}));
}

static void help_is_asked_for_anywhere_but_behind_two_dashes(void **state)
{
    (void)state;
    assert_false(PARSE("north", "--help"));
    assert_true(help);
    assert_false(PARSE("-h", "--nonsense"));
    assert_true(help);
    assert_true(PARSE("--", "--help"));
    assert_false(help);
}

static void a_command_may_take_anything(void **state)
{
    (void)state;
    assert_true(parse(&open_ended, (const char *const[]){"open", "--unknown", "-x", "y", NULL}));
    assert_int_equal(values.arguments_n, 3);
}

static void flag_beats_environment_beats_file_beats_default(void **state)
{
    (void)state;
    assert_true(PARSE("north"));
    EXPECT_COLOUR("red");
    write_config("# comment\n\n  paint-colour =  from file \r\nother-command = 1\n");
    setenv("GANTRY_CONFIG", config, 1);
    assert_true(PARSE("north"));
    EXPECT_COLOUR("from file");
    setenv("GANTRY_PAINT_COLOUR", "from environment", 1);
    assert_true(PARSE("north"));
    EXPECT_COLOUR("from environment");
    assert_true(PARSE("-p", "from flag"));
    EXPECT_COLOUR("from flag");
    setenv("GANTRY_PAINT_COLOUR", "", 1); // an empty variable is none
    assert_true(PARSE("north"));
    EXPECT_COLOUR("from file");
}

static void the_first_line_of_the_file_counts(void **state)
{
    (void)state;
    write_config("coats = 1\ncoats = 2");
    assert_true(PARSE("--config", config));
    assert_string_equal(cli_value(&values, "coats"), "1");
}

static void a_file_that_cannot_be_read_is_refused(void **state)
{
    (void)state;
    assert_false(PARSE("--config=/nowhere/at/all"));
    write_config("paint-colour blue\n");
    assert_false(PARSE("--config", config));
}

static void switches_are_on_or_off_and_nothing_else(void **state)
{
    static const char *const on[] = {"--glossy", "-g", "--glossy=yes", "--glossy=1", "--glossy=on"};
    static const char *const off[] = {"north", "--glossy=false", "--glossy=no", "--glossy=0",
                                      "--glossy=off"};
    (void)state;

    for (size_t i = 0; i < sizeof on / sizeof *on; i++) {
        assert_true(PARSE(on[i]));
        assert_true(cli_switch(&values, "glossy"));
    }
    for (size_t i = 0; i < sizeof off / sizeof *off; i++) {
        assert_true(PARSE(off[i]));
        assert_false(cli_switch(&values, "glossy"));
    }
    assert_false(PARSE("--glossy=maybe"));
    setenv("GANTRY_GLOSSY", "ture", 1);
    assert_false(PARSE("north"));
    assert_true(PARSE("--glossy=false"));
    assert_false(cli_switch(&values, "glossy"));
}

static bool number(const char *text, int64_t *out)
{
    assert_true(PARSE("--coats", text));
    return cli_number(&values, "coats", 1, 10, out);
}

static void numbers_are_whole_and_within_bounds(void **state)
{
    static const char *const bad[] = {"",    "0",  "11", "-1",
                                      "1.5", "1x", " 1", "99999999999999999999"};
    int64_t got = 0;
    (void)state;

    assert_true(number("1", &got));
    assert_int_equal(got, 1);
    assert_true(number("10", &got));
    assert_int_equal(got, 10);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(number(bad[i], &got));
}

static bool duration(const char *text, int64_t *out)
{
    assert_true(PARSE("--drying", text));
    return cli_duration(&values, "drying", out);
}

static void durations_add_up(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {{"1s", 1000},        {"15m", 900000}, {"1h30m", 5400000},
                {"30d", 2592000000}, {"0h1s", 1000},  {"36500d", INT64_C(36500) * 86400000}};
    int64_t got;
    (void)state;

    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        got = 0;
        assert_true(duration(good[i].text, &got));
        assert_int_equal(got, good[i].ms);
    }
}

static void what_is_no_duration_is_refused(void **state)
{
    static const char *const bad[] = {"",    "1",   "s",    "0s",     "-1s",        "1.5h",
                                      "1 h", "1ms", "1h30", "36501d", "2147483648s"};
    static const char piece[] = "2147483647d";
    char many[100 * sizeof piece] = "";
    int64_t got;
    (void)state;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(duration(bad[i], &got));
    for (size_t i = 0; i < 99; i++)
        memcpy(many + i * (sizeof piece - 1), piece, sizeof piece);
    assert_false(duration(many, &got)); // more than 64 bits
}

static void the_data_folder_is_said_or_found(void **state)
{
    (void)state;
    assert_true(PARSE("--data", "/some/where"));
    assert_string_equal(cli_data_dir(&values), "/some/where");
    setenv("GANTRY_DATA", "/else/where", 1);
    assert_true(PARSE("north"));
    assert_string_equal(cli_data_dir(&values), "/else/where");
}

static void logs_have_known_levels_and_formats(void **state)
{
    (void)state;
    assert_true(PARSE("--log-level=warn", "--log-format=json"));
    assert_true(cli_configure_log(&values));
    assert_true(PARSE("--log-level=loud"));
    assert_false(cli_configure_log(&values));
    assert_true(PARSE("--log-format=xml"));
    assert_false(cli_configure_log(&values));
}

// What a child starts is no child of the supervisor's, and would end at once.
static void the_supervisor_is_followed_and_not_handed_on(void **state)
{
    char parent[32];
    (void)state;

    snprintf(parent, sizeof parent, "%d", (int)getppid());
    setenv(CLI_SUPERVISOR, parent, 1);
    assert_true(cli_follow_supervisor());
    assert_null(getenv(CLI_SUPERVISOR));
    snprintf(parent, sizeof parent, "%d", (int)getpid());
    setenv(CLI_SUPERVISOR, parent, 1);
    assert_false(cli_follow_supervisor());
    assert_true(cli_follow_supervisor());
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(flags_have_three_spellings),
        TEST(arguments_stand_between_flags),
        TEST(wrong_usage_is_refused_without_help),
        TEST(help_is_asked_for_anywhere_but_behind_two_dashes),
        TEST(a_command_may_take_anything),
        TEST(flag_beats_environment_beats_file_beats_default),
        TEST(the_first_line_of_the_file_counts),
        TEST(a_file_that_cannot_be_read_is_refused),
        TEST(switches_are_on_or_off_and_nothing_else),
        TEST(numbers_are_whole_and_within_bounds),
        TEST(durations_add_up),
        TEST(what_is_no_duration_is_refused),
        TEST(the_data_folder_is_said_or_found),
        TEST(logs_have_known_levels_and_formats),
        TEST(the_supervisor_is_followed_and_not_handed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
