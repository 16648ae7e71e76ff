// A command in a container that runs, with its input and output: a conversation and not a question,
// so it is no host_call. Like a driver's calls, everything is told from the loop, never from inside
// one of these functions.

#ifndef RUNTIME_EXEC_H
#define RUNTIME_EXEC_H

#include "runtime/runtime.h"

struct runtime_exec; // each driver's own

// How it ended: with an exit code, or with an error for a person.
struct runtime_exec_end {
    bool has_exit_code;
    int32_t exit_code;
    struct str error;
};

struct runtime_exec_handler {
    void (*started)(void *user); // its input may be written
    void (*output)(void *user, enum runtime_stream stream, struct str bytes);
    void (*drained)(void *user); // `unsent` fell under RUNTIME_EXEC_LOW after it was above
    // The last call, once, unless it was dropped. The exec is gone afterwards.
    void (*ended)(void *user, const struct runtime_exec_end *end);
};

enum { RUNTIME_EXEC_LOW = 16 * 1024 };

struct runtime_exec_options {
    struct str container; // id
    struct str_list words;
    bool terminal;   // one for all three streams; else output and errors come apart
    int32_t columns; // of the terminal; 0: unknown
    int32_t rows;
    const struct runtime_exec_handler *handler; // outlives it
    void *user;
};

// What a driver offers. The command runs as root, as ECS runs it.
struct runtime_execs {
    struct runtime_exec *(*begin)(struct runtime *runtime,
                                  const struct runtime_exec_options *options);
    void (*write)(struct runtime_exec *exec, struct str bytes); // after `started`
    void (*end_input)(struct runtime_exec *exec);               // after what was written
    size_t (*unsent)(const struct runtime_exec *exec);
    // No output until resumed; then the command waits at its terminal.
    void (*pause)(struct runtime_exec *exec);
    void (*resume)(struct runtime_exec *exec);
    void (*resize)(struct runtime_exec *exec, int32_t columns, int32_t rows);
    // As when a terminal's line goes dead: SIGHUP, and if that does not help, SIGKILL. `ended`
    // follows.
    void (*hang_up)(struct runtime_exec *exec);
    // Forgets it: SIGHUP if that can be done at once, and no handler is called. NULL is fine.
    void (*drop)(struct runtime_exec *exec);
};

extern const struct runtime_execs runtime_docker_execs;

#endif
