// See options.h. A command's table is all there is to know about its flags.
//
// Nothing is guessed: an unknown flag, a line of the file without "=", a switch that is neither on
// nor off and a number out of range are usage errors. A key of the file that this command does not
// have is another command's.

#include "cli/options.h"

#include <unistd.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "base/log.h"
#include "cli/command.h"
#include "io/file.h"
#include "io/log_setup.h"

enum { CONFIG_MAX = 1 << 20 };

#define DURATION_MAX_MS (INT64_C(36500) * 86400000) // a hundred years

static size_t option_count(const struct cli_command *command)
{
    size_t n = 0;

    while (command->options[n].name != NULL)
        n++;
    return n;
}

static int option_index(const struct cli_command *command, struct str name)
{
    for (int i = 0; command->options[i].name != NULL; i++) {
        if (str_eq(name, str_of(command->options[i].name)))
            return i;
    }
    return -1;
}

static int letter_index(const struct cli_command *command, char letter)
{
    for (int i = 0; command->options[i].name != NULL; i++) {
        if (command->options[i].letter == letter && letter != 0)
            return i;
    }
    return -1;
}

static bool usage(const struct cli_values *values, const char *what, struct str subject)
{
    fprintf(stderr, "gantry %s: %s '%.*s'; try 'gantry %s --help'\n", values->command->name, what,
            STR_ARGS(subject), values->command->name);
    return false;
}

// --name=value, --name value, --switch, -l value. *at moves past what was read.
static bool read_flag(struct cli_values *values, char *const *argv, int argc, int *at)
{
    const struct cli_command *command = values->command;
    struct str word = str_of(argv[*at]);
    bool is_long = str_starts(word, STR("--"));
    struct str name = str_from(word, is_long ? 2 : 1);
    struct str attached = STR_NONE;
    bool has_value = is_long && str_cut(name, '=', &name, &attached);
    int index = is_long         ? option_index(command, name)
                : name.len == 1 ? letter_index(command, name.ptr[0])
                                : -1;

    if (index < 0)
        return usage(values, "unknown flag", word);
    if (command->options[index].value == NULL) {
        values->set[index] = has_value ? str_cstr(values->arena, attached) : "true";
    } else if (has_value) {
        values->set[index] = str_cstr(values->arena, attached);
    } else {
        if (*at + 1 >= argc)
            return usage(values, "no value after", word);
        values->set[index] = argv[++*at];
    }
    return true;
}

static void read_environment(struct cli_values *values)
{
    for (int i = 0; values->command->options[i].name != NULL; i++) {
        char *name = arena_printf(values->arena, "GANTRY_%s", values->command->options[i].name);
        const char *value;

        for (char *c = name; *c != '\0'; c++)
            *c = (char)(*c == '-' ? '_' : *c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
        value = getenv(name);
        if (values->set[i] == NULL && value != NULL && value[0] != '\0')
            values->set[i] = value;
    }
}

static bool read_config_line(struct cli_values *values, struct str line)
{
    struct str key;
    struct str value;
    int index;

    line = str_trim(line);
    if (line.len == 0 || line.ptr[0] == '#')
        return true;
    if (!str_cut(line, '=', &key, &value))
        return usage(values, "no '=' in this line of the configuration:", line);
    index = option_index(values->command, str_trim(key));
    if (index >= 0 && values->set[index] == NULL)
        values->set[index] = str_cstr(values->arena, str_trim(value));
    return true; // a key of another command is that command's business
}

static bool read_config(struct cli_values *values)
{
    BUF_AUTO struct buf text = BUF_INIT;
    int index = option_index(values->command, STR("config"));
    struct str rest;
    struct str line;
    int rc;

    if (index < 0 || values->set[index] == NULL)
        return true;
    rc = file_read(values->set[index], CONFIG_MAX, &text);
    if (rc != 0) {
        fprintf(stderr, "gantry %s: cannot read the configuration %s: %s\n", values->command->name,
                values->set[index], strerrordesc_np(-rc));
        return false;
    }
    rest = buf_str(&text);
    while (rest.len > 0) {
        str_cut(rest, '\n', &line, &rest);
        if (!read_config_line(values, line))
            return false;
    }
    return true;
}

static bool is_one_of(struct str text, const char *const *words)
{
    while (*words != NULL && !str_eq(text, str_of(*words)))
        words++;
    return *words != NULL;
}

static bool is_on(struct str text)
{
    return is_one_of(text, (const char *const[]){"true", "yes", "on", "1", NULL});
}

static bool is_off(struct str text)
{
    return is_one_of(text, (const char *const[]){"false", "no", "off", "0", NULL});
}

static bool check_switches(const struct cli_values *values)
{
    for (int i = 0; values->command->options[i].name != NULL; i++) {
        struct str text = str_of(values->set[i]);
        if (values->command->options[i].value == NULL && text.len > 0 && !is_on(text) &&
            !is_off(text)) {
            fprintf(stderr, "gantry %s: --%s is a switch, true or false, not '%.*s'\n",
                    values->command->name, values->command->options[i].name, STR_ARGS(text));
            return false;
        }
    }
    return true;
}

bool cli_parse(const struct cli_command *command, int argc, char *const *argv, struct arena *arena,
               struct cli_values *out, bool *out_help)
{
    const char **arguments = arena_array(arena, const char *, argc);
    bool only_arguments = false;

    *out = (struct cli_values){.command = command, .arena = arena, .program = argv[0]};
    out->set = arena_array(arena, const char *, option_count(command) + 1);
    out->arguments = arguments;
    *out_help = false;
    for (int i = 1; i < argc; i++) {
        struct str word = str_of(argv[i]);

        if (!only_arguments && (str_eq(word, STR("--help")) || str_eq(word, STR("-h")))) {
            *out_help = true;
            return false;
        }
        if (!only_arguments && str_eq(word, STR("--")))
            only_arguments = true;
        else if (only_arguments || command->takes_anything || word.len < 2 || word.ptr[0] != '-')
            arguments[out->arguments_n++] = argv[i];
        else if (!read_flag(out, argv, argc, &i))
            return false;
    }
    if (command->arguments == NULL && out->arguments_n > 0)
        return usage(out, "unexpected", str_of(arguments[0]));
    read_environment(out);
    return read_config(out) && check_switches(out);
}

static void print_option(const struct cli_option *option)
{
    char left[64];

    snprintf(left, sizeof left, "%s%c%s--%s%s%s", option->letter ? "-" : "",
             option->letter ? option->letter : ' ', option->letter ? ", " : "   ", option->name,
             option->value ? " " : "", option->value ? option->value : "");
    printf("  %-28s %s%s%s%s\n", left, option->help, option->fallback ? " (default " : "",
           option->fallback ? option->fallback : "", option->fallback ? ")" : "");
}

void cli_print_help(const struct cli_command *command)
{
    printf("usage: gantry %s%s%s%s\n\n%s\n", command->name,
           command->options[0].name ? " [FLAG...]" : "", command->arguments ? " " : "",
           command->arguments ? command->arguments : "", command->summary);
    if (command->details != NULL)
        printf("\n%s\n", command->details);
    if (command->options[0].name != NULL)
        printf("\nFlags (each also a variable GANTRY_<FLAG> and a key of the --config file):\n");
    for (int i = 0; command->options[i].name != NULL; i++)
        print_option(&command->options[i]);
    printf("\nExit status: 0 done, 1 failed, 2 wrong usage.\n");
}

const char *cli_value(const struct cli_values *values, const char *name)
{
    int index = option_index(values->command, str_of(name));

    ASSERT(index >= 0);
    if (values->set[index] != NULL)
        return values->set[index];
    return values->command->options[index].fallback;
}

struct str cli_text(const struct cli_values *values, const char *name)
{
    return str_of(cli_value(values, name));
}

bool cli_switch(const struct cli_values *values, const char *name)
{
    return is_on(cli_text(values, name));
}

bool cli_number(const struct cli_values *values, const char *name, int64_t low, int64_t high,
                int64_t *out)
{
    struct str text = cli_text(values, name);

    if (!str_to_i64(text, out) || *out < low || *out > high) {
        fprintf(stderr, "gantry %s: --%s takes a whole number from %lld to %lld, not '%.*s'\n",
                values->command->name, name, (long long)low, (long long)high, STR_ARGS(text));
        return false;
    }
    return true;
}

static int64_t unit_ms(char unit)
{
    switch (unit) {
    case 's': return 1000;
    case 'm': return 60 * 1000;
    case 'h': return 3600 * 1000;
    case 'd': return 86400000;
    default: return 0;
    }
}

// "1h30m" into milliseconds. One piece is less than 2^58, and the sum is looked at after each.
static bool read_duration(struct str text, int64_t *out_ms)
{
    int64_t total = 0;

    while (text.len > 0 && total <= DURATION_MAX_MS) {
        size_t digits = 0;
        int64_t number;
        int64_t unit;

        while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9')
            digits++;
        unit = digits < text.len ? unit_ms(text.ptr[digits]) : 0;
        if (!str_to_i64(str_take(text, digits), &number) || unit == 0 || number > INT32_MAX)
            return false;
        total += number * unit;
        text = str_from(text, digits + 1);
    }
    *out_ms = total;
    return total > 0 && total <= DURATION_MAX_MS;
}

bool cli_duration(const struct cli_values *values, const char *name, int64_t *out_ms)
{
    struct str text = cli_text(values, name);

    if (read_duration(text, out_ms))
        return true;
    fprintf(stderr, "gantry %s: --%s takes a time like 90s, 15m, 1h30m or 30d, not '%.*s'\n",
            values->command->name, name, STR_ARGS(text));
    return false;
}

const char *cli_data_dir(const struct cli_values *values)
{
    const char *given = cli_value(values, "data");
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");

    if (given != NULL)
        return given;
    if (geteuid() == 0)
        return "/var/lib/gantry";
    if (state != NULL && state[0] == '/')
        return arena_printf(values->arena, "%s/gantry", state);
    return arena_printf(values->arena, "%s/.local/state/gantry", home != NULL ? home : ".");
}

bool cli_configure_log(const struct cli_values *values)
{
    enum log_level level;
    struct str format = cli_text(values, "log-format");

    if (!log_level_parse(cli_text(values, "log-level"), &level))
        return usage(values, "no such log level:", cli_text(values, "log-level"));
    if (!str_eq(format, STR("text")) && !str_eq(format, STR("json")))
        return usage(values, "no such log format:", format);
    log_setup(level, str_eq(format, STR("json")) ? LOG_FORMAT_JSON : LOG_FORMAT_KEY_VALUE);
    return true;
}
