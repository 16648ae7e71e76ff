// Flags, environment and configuration file in one: every flag --a-b has the variable GANTRY_A_B
// and the key a-b in the file of --config. Flag beats environment beats file beats default. An
// empty variable counts as none. Switches take true, yes, on, 1 and their opposites, on the command
// line as --switch=false.
//
// Usage errors are one line on standard error.

#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct arena;

struct cli_option {
    const char *name;     // without dashes
    const char *value;    // placeholder in the help; NULL: a switch
    const char *fallback; // NULL: none
    const char *help;
    char letter; // short form, 0: none
};

struct cli_command;

struct cli_values {
    const struct cli_command *command;
    const char *program; // argv[0]
    struct arena *arena;
    const char **set; // by option, NULL: not given anywhere
    const char *const *arguments;
    int arguments_n;
};

// Reads argv[1..]. False: a usage error was printed, or (with *out_help) help was asked for. What
// is read lives as long as `arena`, `argv` and the environment.
bool cli_parse(const struct cli_command *command, int argc, char *const *argv, struct arena *arena,
               struct cli_values *out, bool *out_help);
void cli_print_help(const struct cli_command *command);

// The value in force, the default included; NULL when there is none. The name must exist.
const char *cli_value(const struct cli_values *values, const char *name);
struct str cli_text(const struct cli_values *values, const char *name); // empty when there is none
bool cli_switch(const struct cli_values *values, const char *name);

// A whole number in low..high; false: a usage error was printed.
bool cli_number(const struct cli_values *values, const char *name, int64_t low, int64_t high,
                int64_t *out);
// "90s", "15m", "1h30m", "30d" in milliseconds; false: a usage error was printed.
bool cli_duration(const struct cli_values *values, const char *name, int64_t *out_ms);

// Where data lives: --data, else /var/lib/gantry for root, else $XDG_STATE_HOME/gantry or
// ~/.local/state/gantry.
const char *cli_data_dir(const struct cli_values *values);

// Sets up base/log from --log-level and --log-format. False: a usage error was printed.
bool cli_configure_log(const struct cli_values *values);

#define CLI_OPTION_DATA                                                                            \
    {                                                                                              \
        .name = "data", .value = "DIR", .help = "folder of everything that is kept"                \
    }
#define CLI_OPTION_CONFIG                                                                          \
    {                                                                                              \
        .name = "config", .value = "FILE", .help = "read settings from FILE (key = value)"         \
    }
#define CLI_OPTIONS_LOG                                                                            \
    {.name = "log-level",                                                                          \
     .value = "LEVEL",                                                                             \
     .fallback = "info",                                                                           \
     .help = "debug, info, warn or error"},                                                        \
    {                                                                                              \
        .name = "log-format", .value = "FORMAT", .fallback = "text", .help = "text or json"        \
    }

#endif
