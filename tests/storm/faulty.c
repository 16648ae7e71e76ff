// A library to preload: the n-th call that changes a file fails, is cut short, or is the last thing
// the process does.
//
// It stands in front of libc's write, pwrite, fsync, fdatasync, rename, ftruncate, unlink, mkdir
// and open with O_CREAT, and carries them out by plain system calls, so that it needs nothing of
// libc's own order of symbols (sanitizers bring theirs). Only what lies under one folder is
// counted; what goes to sockets, pipes and logs is none of its business. Its settings come from the
// environment:
//
//   FAULTY_FOLDER   the folder
//   FAULTY_AT       n: counted from 1; 0 or nothing: calls are only passed on
//   FAULTY_DO       ENOSPC, EIO, EDQUOT   the call fails so and nothing is done
//                   short                 a write takes half of its bytes and says so
//                   torn                  a write takes half, every call after it fails with ENOSPC
//                   kill-before, kill-after, kill-torn   SIGKILL before, after, in the middle of it
//   FAULTY_STAY     set: not only the n-th call but every one after it, as long as the note is
//   there FAULTY_NOTE     a file (outside of the folder) that is made when the n-th call is
//   reached; it
//                   holds the name of the call and of the file
//   FAULTY_COUNT    a file that is made when the process exits by itself; it holds the number of
//   calls
//   FAULTY_CLOCK    a file of eight bytes: by so many milliseconds the wall clock is wrong, as long
//                   as it says so
//
// State of the whole process is what such a library is for, so there is some here and nowhere else.

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { PATH_BYTES = 4096 };

enum deed { DEED_FAIL, DEED_SHORT, DEED_TORN, DEED_KILL_BEFORE, DEED_KILL_AFTER, DEED_KILL_TORN };

// What is to be done with one call.
enum verdict { PASS, FAIL, HALF, DIE_BEFORE, DIE_AFTER, DIE_HALFWAY };

struct plan {
    const char *folder; // NULL: nothing is counted
    const char *note;
    const char *count;
    long at;
    enum deed deed;
    int error;
    bool stays;
};

static struct plan plan;
static atomic_long calls_n;
static const volatile int64_t *clock_ahead_ms; // NULL: the clock is right

static const struct {
    const char *name;
    enum deed deed;
    int error;
} deeds[] = {
    {"ENOSPC", DEED_FAIL, ENOSPC},      {"EIO", DEED_FAIL, EIO},
    {"EDQUOT", DEED_FAIL, EDQUOT},      {"short", DEED_SHORT, 0},
    {"torn", DEED_TORN, ENOSPC},        {"kill-before", DEED_KILL_BEFORE, 0},
    {"kill-after", DEED_KILL_AFTER, 0}, {"kill-torn", DEED_KILL_TORN, 0},
};

__attribute__((constructor)) static void take_clock(void)
{
    const char *path = getenv("FAULTY_CLOCK");
    long fd = path != NULL ? syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0) : -1;
    void *page =
        fd >= 0 ? mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, (int)fd, 0) : MAP_FAILED;

    if (page != MAP_FAILED)
        clock_ahead_ms = page;
}

__attribute__((constructor)) static void make_plan(void)
{
    const char *at = getenv("FAULTY_AT");
    const char *name = getenv("FAULTY_DO");

    if (at == NULL || name == NULL)
        return;
    for (size_t i = 0; i < sizeof deeds / sizeof *deeds; i++) {
        if (strcmp(deeds[i].name, name) == 0) {
            plan.deed = deeds[i].deed;
            plan.error = deeds[i].error;
            plan.folder = getenv("FAULTY_FOLDER");
        }
    }
    plan.at = strtol(at, NULL, 10);
    plan.note = getenv("FAULTY_NOTE");
    plan.count = getenv("FAULTY_COUNT");
    plan.stays = plan.deed == DEED_TORN || getenv("FAULTY_STAY") != NULL;
    unsetenv("LD_PRELOAD"); // what the program starts is another's
}

// ---- whether a call counts

static bool is_ours(const char *path)
{
    size_t len = plan.folder != NULL ? strlen(plan.folder) : 0;

    return len > 0 && strncmp(path, plan.folder, len) == 0 &&
           (path[len] == '/' || path[len] == '\0');
}

// Empty when the descriptor has no name.
static void name_of(int fd, char *out, size_t size)
{
    char link[64];
    ssize_t n;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, out, size - 1);
    out[n > 0 ? n : 0] = '\0';
}

static void put_line(const char *path, const char *line)
{
    long fd;

    if (path == NULL)
        return;
    fd = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    syscall(SYS_write, fd, line, strlen(line));
    syscall(SYS_close, fd);
}

static void write_note(const char *call, const char *path)
{
    char line[PATH_BYTES + 64];

    snprintf(line, sizeof line, "%s %s\n", call, path);
    put_line(plan.note, line);
}

__attribute__((destructor)) static void tell_count(void)
{
    char line[32];

    snprintf(line, sizeof line, "%ld\n", atomic_load(&calls_n));
    put_line(plan.count, line);
}

static bool is_still_on(void)
{
    return plan.note == NULL || access(plan.note, F_OK) == 0;
}

static enum verdict judge_hit(bool is_first)
{
    switch (plan.deed) {
    case DEED_FAIL: return FAIL;
    case DEED_SHORT: return HALF;
    case DEED_TORN: return is_first ? HALF : FAIL;
    case DEED_KILL_BEFORE: return DIE_BEFORE;
    case DEED_KILL_AFTER: return DIE_AFTER;
    case DEED_KILL_TORN: return DIE_HALFWAY;
    }
    return PASS;
}

static enum verdict judge(const char *call, const char *path)
{
    long n;

    if (plan.at <= 0 || !is_ours(path))
        return PASS;
    n = atomic_fetch_add(&calls_n, 1) + 1;
    if (n == plan.at) {
        write_note(call, path);
        return judge_hit(true);
    }
    if (n > plan.at && plan.stays && is_still_on())
        return judge_hit(false);
    return PASS;
}

static enum verdict judge_fd(const char *call, int fd)
{
    int saved = errno;
    char path[PATH_BYTES];
    enum verdict verdict;

    if (plan.at <= 0)
        return PASS;
    name_of(fd, path, sizeof path);
    verdict = judge(call, path);
    errno = saved;
    return verdict;
}

static void die(void)
{
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;)
        pause();
}

// ---- the calls

static long finish(enum verdict verdict, long result)
{
    if (verdict == DIE_AFTER || verdict == DIE_HALFWAY)
        die();
    return result;
}

// True when the call must not be carried out.
static bool is_stopped(enum verdict verdict)
{
    if (verdict == DIE_BEFORE)
        die();
    if (verdict != FAIL)
        return false;
    errno = plan.error;
    return true;
}

static size_t part_of(enum verdict verdict, size_t len)
{
    return (verdict == HALF || verdict == DIE_HALFWAY) && len > 1 ? len / 2 : len;
}

ssize_t write(int fd, const void *bytes, size_t len)
{
    enum verdict verdict = judge_fd("write", fd);

    if (is_stopped(verdict))
        return -1;
    return finish(verdict, syscall(SYS_write, fd, bytes, part_of(verdict, len)));
}

static ssize_t write_at(int fd, const void *bytes, size_t len, off_t at)
{
    enum verdict verdict = judge_fd("pwrite", fd);

    if (is_stopped(verdict))
        return -1;
    return finish(verdict, syscall(SYS_pwrite64, fd, bytes, part_of(verdict, len), at));
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    return write_at(fd, bytes, len, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off_t at)
{
    return write_at(fd, bytes, len, at);
}

int fsync(int fd)
{
    enum verdict verdict = judge_fd("fsync", fd);

    return is_stopped(verdict) ? -1 : (int)finish(verdict, syscall(SYS_fsync, fd));
}

int fdatasync(int fd)
{
    enum verdict verdict = judge_fd("fdatasync", fd);

    return is_stopped(verdict) ? -1 : (int)finish(verdict, syscall(SYS_fdatasync, fd));
}

static int truncate_to(int fd, off_t len)
{
    enum verdict verdict = judge_fd("ftruncate", fd);

    return is_stopped(verdict) ? -1 : (int)finish(verdict, syscall(SYS_ftruncate, fd, len));
}

int ftruncate(int fd, off_t len)
{
    return truncate_to(fd, len);
}

int ftruncate64(int fd, off_t len)
{
    return truncate_to(fd, len);
}

int rename(const char *from, const char *to)
{
    enum verdict verdict = judge("rename", to);

    return is_stopped(verdict)
               ? -1
               : (int)finish(verdict, syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}

int unlink(const char *path)
{
    enum verdict verdict = judge("unlink", path);

    return is_stopped(verdict) ? -1
                               : (int)finish(verdict, syscall(SYS_unlinkat, AT_FDCWD, path, 0));
}

int mkdir(const char *path, mode_t mode)
{
    enum verdict verdict = judge("mkdir", path);

    return is_stopped(verdict) ? -1
                               : (int)finish(verdict, syscall(SYS_mkdirat, AT_FDCWD, path, mode));
}

static int open_file(const char *path, int flags, mode_t mode)
{
    enum verdict verdict = flags & O_CREAT ? judge("open", path) : PASS;

    return is_stopped(verdict)
               ? -1
               : (int)finish(verdict, syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

// The mode is only there when the flags say so.
static mode_t mode_from(int flags, va_list args)
{
    return flags & (O_CREAT | __O_TMPFILE) ? va_arg(args, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
    va_list args;
    mode_t mode;

    va_start(args, flags);
    mode = mode_from(flags, args);
    va_end(args);
    return open_file(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list args;
    mode_t mode;

    va_start(args, flags);
    mode = mode_from(flags, args);
    va_end(args);
    return open_file(path, flags | O_LARGEFILE, mode);
}

// ---- the wall clock

int clock_gettime(clockid_t id, struct timespec *out)
{
    int64_t ahead_ms = id == CLOCK_REALTIME && clock_ahead_ms != NULL ? *clock_ahead_ms : 0;

    if (syscall(SYS_clock_gettime, id, out) != 0)
        return -1;
    out->tv_sec += ahead_ms / 1000;
    return 0;
}
