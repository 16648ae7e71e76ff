// A subcommand of gantry: one constant descriptor a file, listed in src/main.c.

#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "cli/options.h"

// Exit statuses every command keeps to.
enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct cli_command {
    const char *name;
    const char *arguments;            // "TASK [CONTAINER]"; NULL: none
    const char *summary;              // one line of `gantry --help`
    const char *details;              // paragraphs of `gantry NAME --help`
    const struct cli_option *options; // ends with a zeroed row
    bool takes_anything;              // arguments are the command's own business, unknown flags too
    int (*run)(const struct cli_values *values);
};

extern const struct cli_command cli_agent;
extern const struct cli_command cli_ecs;
extern const struct cli_command cli_env;
extern const struct cli_command cli_events;
extern const struct cli_command cli_exec;
extern const struct cli_command cli_logs;
extern const struct cli_command cli_ps;
extern const struct cli_command cli_server;
extern const struct cli_command cli_top;
extern const struct cli_command cli_up;

// One line on standard error, "gantry NAME: ...". cli_fail returns `status`, cli_refuse false.
int cli_fail(const struct cli_values *values, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
bool cli_refuse(const struct cli_values *values, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

// `gantry up` names itself to its children in this variable; they end when it dies.
#define CLI_SUPERVISOR "GANTRY_SUPERVISOR_PID"

// False: the supervisor is gone already.
bool cli_follow_supervisor(void);

#endif
