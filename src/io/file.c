// See file.h. Replacing a file goes through a temporary one beside it, always of the same name:
// what a killed process left there is removed by the next. Only a file made anew is written to,
// since others may have put something there: a folder may be mounted into a container, where a pipe
// would hold us up for ever and a link lead elsewhere.

#include "io/file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"

enum { READ_STEP = 16 * 1024 };

void fd_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void fd_cleanup(int *fd)
{
    fd_close(fd);
}

int file_read(const char *path, size_t limit, struct buf *out)
{
    FD_AUTO int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t before = buf_len(out);

    if (fd < 0)
        return -errno;
    for (;;) {
        ssize_t n = read(fd, buf_reserve(out, READ_STEP), READ_STEP);
        size_t got = buf_len(out) - before;
        int why = n < 0 ? errno : 0;
        if (why == EINTR)
            continue;
        if (n > 0 && (size_t)n > limit - got)
            why = EFBIG;
        if (why != 0) {
            out->end -= got;
            return -why;
        }
        if (n == 0)
            return 0;
        buf_grew(out, (size_t)n);
    }
}

static int write_all(int fd, struct str bytes)
{
    while (bytes.len > 0) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        bytes = str_from(bytes, (size_t)n);
    }
    return 0;
}

static int sync_folder_of(const char *path)
{
    struct arena scratch = ARENA_INIT;
    struct str folder;
    struct str name;
    FD_AUTO int fd = -1;
    int result = 0;

    if (!str_cut_last(str_of(path), '/', &folder, &name))
        folder = STR(".");
    else if (folder.len == 0)
        folder = STR("/");
    fd = open(str_cstr(&scratch, folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        result = -errno;
    arena_deinit(&scratch);
    return result;
}

static int make_anew(const char *path, mode_t mode)
{
    return open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
}

static int write_and_sync(const char *path, struct str bytes, mode_t mode)
{
    FD_AUTO int fd = make_anew(path, mode);
    int result;

    if (fd < 0 && errno == EEXIST && unlink(path) == 0)
        fd = make_anew(path, mode);
    if (fd < 0)
        return -errno;
    if (fchmod(fd, mode) != 0) // whatever the umask says
        return -errno;
    result = write_all(fd, bytes);
    if (result != 0)
        return result;
    return fsync(fd) == 0 ? 0 : -errno;
}

int file_write_atomic(const char *path, struct str bytes, mode_t mode)
{
    struct arena scratch = ARENA_INIT;
    const char *beside = arena_printf(&scratch, "%s.tmp", path);
    int result = write_and_sync(beside, bytes, mode);

    if (result == 0 && rename(beside, path) != 0)
        result = -errno;
    if (result != 0)
        unlink(beside);
    else
        result = sync_folder_of(path);
    arena_deinit(&scratch);
    return result;
}

int file_append(const char *path, struct str bytes, mode_t mode)
{
    FD_AUTO int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, mode);

    if (fd < 0)
        return -errno;
    return write_all(fd, bytes);
}

int file_make_folders(const char *path)
{
    struct arena scratch = ARENA_INIT;
    struct str whole = str_of(path);
    char *part = arena_copy(&scratch, path, whole.len + 1);
    int result = 0;

    for (size_t at = 1; at <= whole.len && result == 0; at++) {
        struct stat info;
        if (at < whole.len && part[at] != '/')
            continue;
        part[at] = '\0';
        if (mkdir(part, 0700) != 0) {
            result = errno == EEXIST ? 0 : -errno;
            if (result == 0 && (stat(part, &info) != 0 || !S_ISDIR(info.st_mode)))
                result = -ENOTDIR;
        }
        if (at < whole.len)
            part[at] = '/';
    }
    arena_deinit(&scratch);
    return result;
}

int file_lock(const char *path, int *out_fd)
{
    FD_AUTO int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0)
        return -errno;
    *out_fd = fd;
    fd = -1;
    return 0;
}

bool file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

const char *file_whole_path(struct arena *arena, const char *path)
{
    char *whole = realpath(path, NULL);
    const char *copy = whole != NULL ? arena_printf(arena, "%s", whole) : path;

    free(whole); // libc's own
    return copy;
}

int file_remove(const char *path)
{
    return unlink(path) == 0 || errno == ENOENT ? 0 : -errno;
}
