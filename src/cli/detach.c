// See detach.h. The child's end is noticed as well as its success, so that a start that fails at
// once is said at once.

#include "cli/detach.h"

#include <fcntl.h>
#include <signal.h>

#include "io/clock.h"
#include "io/file.h"
#include "io/loop.h"
#include "io/process.h"

enum { ASK_EVERY_MS = 200 };

static void on_end(void *user, struct process_end end)
{
    bool *ended = user;

    (void)end;
    *ended = true;
}

static int start(const struct detach_spec *spec, struct loop *loop, bool *ended,
                 struct process **out)
{
    struct process_spec child = {.argv = spec->argv, .stdin_fd = -1, .own_session = true};
    FD_AUTO int fd = open(spec->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    if (fd < 0)
        return -errno;
    child.stdout_fd = fd;
    child.stderr_fd = fd;
    return process_spawn(loop, &child, on_end, ended, out);
}

static bool wait_until_up(const struct detach_spec *spec, struct loop *loop, const bool *ended)
{
    int64_t give_up_ms = clock_monotonic_ms() + spec->patience_ms;
    bool is_up = false;

    while (!*ended && !is_up && clock_monotonic_ms() < give_up_ms) {
        loop_run_once(loop, ASK_EVERY_MS);
        is_up = !*ended && spec->is_up(spec->user);
    }
    return is_up;
}

int detach_run(const struct cli_values *values, const struct detach_spec *spec)
{
    struct loop *loop;
    struct process *process = NULL;
    bool ended = false;
    bool is_up = false;
    int rc = loop_open(&loop);

    if (rc != 0)
        return cli_fail(values, EXIT_FAILED, "no event loop: %s", strerrordesc_np(-rc));
    rc = start(spec, loop, &ended, &process);
    if (rc == 0)
        is_up = wait_until_up(spec, loop, &ended);
    if (rc == 0 && !is_up)
        rc = process_kill(process, SIGTERM);
    process_free(process);
    loop_close(loop);
    if (rc != 0)
        return cli_fail(values, EXIT_FAILED, "cannot start it with the log %s: %s", spec->log,
                        strerrordesc_np(-rc));
    return is_up ? EXIT_DONE
                 : cli_fail(values, EXIT_FAILED, "it did not come up; %s says why", spec->log);
}
