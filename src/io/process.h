// Child processes, awaited through the loop by their pidfd (Linux 5.3), so that no SIGCHLD handler
// competes with anybody's waitpid.

#ifndef IO_PROCESS_H
#define IO_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/str.h"

struct loop;
struct process;

struct process_spec {
    const char *const *argv; // NULL-terminated; argv[0] is looked up in PATH
    const char *const *env;  // NULL: this process's
    const char *cwd;         // NULL: this process's
    // Each < 0: /dev/null. They stay the caller's; one of 0 to 2 may only stand for itself.
    int stdin_fd;
    int stdout_fd;
    int stderr_fd;
    bool
        own_session; // a session of its own: no terminal's Ctrl-C reaches it, and it may outlive us
};

// How it ended: the exit code, or the signal that killed it (the other is 0).
struct process_end {
    int exit_code;
    int signal;
};

typedef void process_fn(void *user, struct process_end end);

// `fn` is called once when the process ends, unless it was freed before. -ENOENT and friends when
// the program cannot be started.
int process_spawn(struct loop *loop, const struct process_spec *spec, process_fn *fn, void *user,
                  struct process **out_process) MUST_CHECK;
pid_t process_pid(const struct process *process);

// Safe against reused ids; a process that has ended is fine. process_kill_group reaches the whole
// session of an own_session process.
int process_kill(struct process *process, int signo) MUST_CHECK;
int process_kill_group(struct process *process, int signo) MUST_CHECK;

// A process that is no child of ours, by a descriptor that never means another one, though its id
// be used again. process_signal: -ESRCH when it has ended.
int process_open(pid_t pid, int *out_fd) MUST_CHECK;
int process_signal(int fd, int signo) MUST_CHECK;

// Whether the process is in a control group in whose path `name` occurs; false when there is no
// telling.
bool process_is_in_cgroup(pid_t pid, struct str name);

// For a child that is nothing without its parent: it gets SIGTERM when the parent dies. -ESRCH when
// `parent` is not our parent any more.
int process_follow_parent(pid_t parent) MUST_CHECK;

// As many descriptors as the system lets this process and its children have: the soft limit is
// often 1,024, which is meant for programs that use select(2). Returns what holds now.
int64_t process_raise_descriptors(void);

// Forgets the process without killing it: nobody hears of its end, which the loop collects for as
// long as there is one. Also from inside fn.
void process_free(struct process *process);

#endif
