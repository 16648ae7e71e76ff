// gantry ecs wait tasks-running | tasks-stopped: the waiters of the SDKs, asked more often.

#ifndef CLI_WAIT_H
#define CLI_WAIT_H

#include "cli/command.h"

// `arguments`: what follows "wait".
int cli_wait(const struct cli_values *values, const char *const *arguments, int n);

#endif
