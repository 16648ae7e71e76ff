// See command.h. The three streams are files in memory: nothing has to be pumped, a program that
// closes a stream early or never reads its input does no harm, and its end is all there is to wait
// for.

#include "io/command.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "io/file.h"
#include "io/loop.h"

enum { STREAMS_N = 3 };

struct command {
    struct process *process;
    struct loop_timer patience;
    command_fn *fn;
    void *user;
    size_t output_max;
    int fds[STREAMS_N];
    bool timed_out;
};

static void command_free(struct command *command)
{
    loop_timer_stop(&command->patience);
    process_free(command->process);
    for (int i = 0; i < STREAMS_N; i++)
        fd_close(&command->fds[i]);
    mem_free(command);
}

static void read_stream(int fd, size_t max, struct buf *out)
{
    char piece[4096];
    off_t at = 0;

    while (buf_len(out) < max) {
        size_t room = max - buf_len(out) < sizeof piece ? max - buf_len(out) : sizeof piece;
        ssize_t n = pread(fd, piece, room, at);

        if (n <= 0)
            return;
        buf_add(out, piece, (size_t)n);
        at += n;
    }
}

static void ended(void *user, struct process_end end)
{
    struct command *command = user;
    BUF_AUTO struct buf out = BUF_INIT;
    BUF_AUTO struct buf err = BUF_INIT;
    struct command_result result = {.end = end, .timed_out = command->timed_out};
    command_fn *fn = command->fn;
    void *own = command->user;

    read_stream(command->fds[1], command->output_max, &out);
    read_stream(command->fds[2], command->output_max, &err);
    result.out = buf_str(&out);
    result.err = buf_str(&err);
    command_free(command);
    fn(own, &result);
}

static void lose_patience(void *user)
{
    struct command *command = user;

    command->timed_out = true;
    (void)!process_kill_group(command->process, SIGKILL);
}

static int write_all(int fd, struct str text)
{
    for (size_t at = 0; at < text.len;) {
        ssize_t n = pwrite(fd, text.ptr + at, text.len - at, (off_t)at);

        if (n < 0)
            return -errno;
        at += (size_t)n;
    }
    return 0;
}

static int open_streams(struct command *command, struct str input)
{
    static const char *const names[STREAMS_N] = {"stdin", "stdout", "stderr"};

    for (int i = 0; i < STREAMS_N; i++) {
        command->fds[i] = memfd_create(names[i], MFD_CLOEXEC);
        if (command->fds[i] < 0)
            return -errno;
    }
    return write_all(command->fds[0], input);
}

int command_start(struct loop *loop, const struct command_spec *spec, command_fn *fn, void *user,
                  struct command **out_command)
{
    struct command *command = mem_zalloc(sizeof *command);
    struct process_spec process = {.argv = spec->argv, .env = spec->env, .own_session = true};
    int rc;

    *command = (struct command){
        .fn = fn, .user = user, .output_max = spec->output_max, .fds = {-1, -1, -1}};
    loop_timer_init(&command->patience, loop, lose_patience, command);
    rc = open_streams(command, spec->input);
    process.stdin_fd = command->fds[0];
    process.stdout_fd = command->fds[1];
    process.stderr_fd = command->fds[2];
    if (rc == 0)
        rc = process_spawn(loop, &process, ended, command, &command->process);
    if (rc != 0) {
        command_free(command);
        return rc;
    }
    loop_timer_start(&command->patience, spec->patience_ms);
    *out_command = command;
    return 0;
}

void command_cancel(struct command *command)
{
    if (command == NULL)
        return;
    (void)!process_kill_group(command->process, SIGKILL);
    command_free(command);
}
