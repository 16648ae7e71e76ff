// A session of ECS Exec on this terminal: keys go out, output comes in, until the command ends.

#ifndef CLI_EXEC_SHELL_H
#define CLI_EXEC_SHELL_H

#include "api/ecs.h"
#include "cli/connect.h"

struct exec_shell_options {
    const struct cli_values *values;
    const struct cli_connection *connection;
    const struct ecs_session *session;
};

// The exit status of the command, or EXIT_FAILED after a line on standard error.
int exec_shell(const struct exec_shell_options *options);

#endif
