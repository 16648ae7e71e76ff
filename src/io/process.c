// See process.h. posix_spawn, so that a failing exec is told to the caller and no code of ours runs
// between fork and exec.
//
// A process that is forgotten while it lives stays with the loop until it ends, since a child that
// nobody waits for keeps its place in the system's table.

#include "io/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/buf.h"
#include "base/mem.h"
#include "io/file.h"
#include "io/loop.h"

extern char **environ;

struct process {
    struct loop *loop;
    struct loop_fd watch;
    struct loop_job at_close; // of one that is forgotten
    process_fn *fn;
    void *user;
    pid_t pid;
    int pidfd;
    bool ended;
    bool is_forgotten;
};

static void release(struct process *process)
{
    loop_job_cancel(&process->at_close);
    loop_fd_deinit(&process->watch);
    fd_close(&process->pidfd);
    mem_free(process);
}

static void on_pidfd(void *user, unsigned ready)
{
    struct process *process = user;
    struct process_end end = {0};
    int status;

    (void)ready;
    if (waitpid(process->pid, &status, WNOHANG) != process->pid)
        return;
    process->ended = true;
    if (process->is_forgotten) {
        release(process);
        return;
    }
    loop_fd_want(&process->watch, 0);
    if (WIFEXITED(status))
        end.exit_code = WEXITSTATUS(status);
    else
        end.signal = WTERMSIG(status);
    process->fn(process->user, end);
}

static int add_fds(posix_spawn_file_actions_t *actions, const struct process_spec *spec)
{
    const int given[] = {spec->stdin_fd, spec->stdout_fd, spec->stderr_fd};
    int result = 0;

    for (int target = 0; target < 3 && result == 0; target++) {
        ASSERT(given[target] > 2 || given[target] < 0 || given[target] == target);
        if (given[target] >= 0)
            result = posix_spawn_file_actions_adddup2(actions, given[target], target);
        else
            result = posix_spawn_file_actions_addopen(actions, target, "/dev/null",
                                                      target == 0 ? O_RDONLY : O_WRONLY, 0);
    }
    if (result == 0 && spec->cwd != NULL)
        result = posix_spawn_file_actions_addchdir_np(actions, spec->cwd);
    return result;
}

// The child starts with no signal blocked and none ignored, whatever this process does.
static int set_attributes(posix_spawnattr_t *attr, const struct process_spec *spec)
{
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    sigset_t none;
    sigset_t all;

    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(attr, &none);
    posix_spawnattr_setsigdefault(attr, &all);
    if (spec->own_session)
        flags = (short)(flags | POSIX_SPAWN_SETSID);
    return posix_spawnattr_setflags(attr, flags);
}

static int spawn(const struct process_spec *spec, pid_t *out_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    char *const *env = spec->env != NULL ? (char *const *)spec->env : environ;
    int result;

    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attr);
    result = add_fds(&actions, spec);
    if (result == 0)
        result = set_attributes(&attr, spec);
    if (result == 0)
        result =
            posix_spawnp(out_pid, spec->argv[0], &actions, &attr, (char *const *)spec->argv, env);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    return -result;
}

int process_spawn(struct loop *loop, const struct process_spec *spec, process_fn *fn, void *user,
                  struct process **out_process)
{
    struct process *process;
    pid_t pid;
    int pidfd;
    int result = spawn(spec, &pid);

    if (result != 0)
        return result;
    pidfd = pidfd_open(pid, 0);
    if (pidfd < 0) { // out of descriptors: nobody would ever hear of its end
        result = -errno;
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        return result;
    }
    process = mem_zalloc(sizeof *process);
    *process = (struct process){.loop = loop, .fn = fn, .user = user, .pid = pid, .pidfd = pidfd};
    loop_fd_init(&process->watch, loop, pidfd, on_pidfd, process);
    loop_fd_want(&process->watch, LOOP_READ);
    *out_process = process;
    return 0;
}

pid_t process_pid(const struct process *process)
{
    return process->pid;
}

int process_kill(struct process *process, int signo)
{
    if (process->ended)
        return 0;
    return pidfd_send_signal(process->pidfd, signo, NULL, 0) == 0 || errno == ESRCH ? 0 : -errno;
}

int process_kill_group(struct process *process, int signo)
{
    // While the child is not reaped its id, and so its group's, cannot be given to another.
    if (process->ended)
        return 0;
    return kill(-process->pid, signo) == 0 || errno == ESRCH ? 0 : -errno;
}

static void release_job(void *user)
{
    release(user);
}

void process_free(struct process *process)
{
    if (process == NULL)
        return;
    if (process->ended) {
        release(process);
        return;
    }
    process->is_forgotten = true;
    loop_job_init(&process->at_close, release_job, process);
    loop_at_close(process->loop, &process->at_close);
}

// Asked for first and checked afterwards, so that a parent dying in between is noticed.
int process_open(pid_t pid, int *out_fd)
{
    int fd = pidfd_open(pid, 0);

    if (fd < 0)
        return -errno;
    *out_fd = fd;
    return 0;
}

int process_signal(int fd, int signo)
{
    return pidfd_send_signal(fd, signo, NULL, 0) != 0 ? -errno : 0;
}

bool process_is_in_cgroup(pid_t pid, struct str name)
{
    BUF_AUTO struct buf text = BUF_INIT;
    char path[64];
    struct str all;

    (void)snprintf(path, sizeof path, "/proc/%d/cgroup", (int)pid);
    if (name.len == 0 || file_read(path, 64 * 1024, &text) != 0)
        return false;
    all = buf_str(&text);
    return all.len > 0 && memmem(all.ptr, all.len, name.ptr, name.len) != NULL;
}

int process_follow_parent(pid_t parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0)
        return -errno;
    return getppid() == parent ? 0 : -ESRCH;
}

int64_t process_raise_descriptors(void)
{
    struct rlimit limit;
    int rc = getrlimit(RLIMIT_NOFILE, &limit);
    rlim_t before = limit.rlim_cur;

    ASSERT(rc == 0);
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        limit.rlim_cur = before;
    return limit.rlim_cur > INT64_MAX ? INT64_MAX : (int64_t)limit.rlim_cur;
}
