// A command started again in a session of its own and left there, once it does what it is for.

#ifndef CLI_DETACH_H
#define CLI_DETACH_H

#include "cli/command.h"

struct detach_spec {
    const char *const *argv; // NULL-terminated
    const char *log;         // file that takes both outputs; appended to
    int64_t patience_ms;
    bool (*is_up)(void *user); // asked until it is; may block for a moment
    void *user;
};

// Returns an exit status. A child that ends before it is up, or is not up in time, is a failure
// said on standard error; the latter is told to stop.
int detach_run(const struct cli_values *values, const struct detach_spec *spec);

#endif
