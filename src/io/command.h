// A program run for its answer: it gets a text, has a deadline, and gives what it wrote. For small
// tools of the host; whatever they write is in memory.

#ifndef IO_COMMAND_H
#define IO_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"
#include "io/process.h"

struct command;

struct command_spec {
    const char *const *argv; // NULL-terminated; argv[0] is looked up in PATH
    const char *const *env;  // NULL: this process's
    struct str input;        // of its standard input
    size_t output_max;       // of either stream, in bytes; what is beyond is not given
    int64_t patience_ms;     // then it and all of its session are killed
};

// Valid during the callback only.
struct command_result {
    struct process_end end;
    bool timed_out;
    struct str out;
    struct str err;
};
static inline bool command_did_well(const struct command_result *result)
{
    return !result->timed_out && result->end.exit_code == 0 && result->end.signal == 0;
}

typedef void command_fn(void *user, const struct command_result *result);

// `fn` is called once, unless the command was cancelled before. Faults are those of process_spawn.
int command_start(struct loop *loop, const struct command_spec *spec, command_fn *fn, void *user,
                  struct command **out_command) MUST_CHECK;
// Kills it, and nobody hears of it any more. NULL is fine.
void command_cancel(struct command *command);

#endif
