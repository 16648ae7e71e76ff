// See terminal.h.

#include "io/terminal.h"

#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "base/mem.h"

struct terminal_mode {
    struct termios termios;
};

bool terminal_is_one(int fd)
{
    return isatty(fd) == 1;
}

bool terminal_size(int fd, int32_t *out_columns, int32_t *out_rows)
{
    struct winsize size;

    if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
        return false;
    *out_columns = size.ws_col;
    *out_rows = size.ws_row;
    return true;
}

int terminal_make_raw(int fd, struct terminal_mode **out_before)
{
    struct terminal_mode *before = mem_zalloc(sizeof *before);
    struct termios raw;

    if (tcgetattr(fd, &before->termios) != 0) {
        mem_free(before);
        return -errno;
    }
    raw = before->termios;
    cfmakeraw(&raw);
    if (tcsetattr(fd, TCSADRAIN, &raw) != 0) {
        mem_free(before);
        return -errno;
    }
    *out_before = before;
    return 0;
}

void terminal_restore(int fd, struct terminal_mode *before)
{
    if (before == NULL)
        return;
    (void)tcsetattr(fd, TCSADRAIN, &before->termios);
    mem_free(before);
}

bool terminal_can_wait_for(int fd)
{
    struct stat stat;

    return isatty(fd) == 1 ||
           (fstat(fd, &stat) == 0 && (S_ISFIFO(stat.st_mode) || S_ISSOCK(stat.st_mode)));
}

// Whether what failed is to be tried again: a signal came, or the descriptor does not wait, because
// another program that shares it wants it so; then this waits.
static bool is_passing(int fd, short what)
{
    struct pollfd wanted = {.fd = fd, .events = what};

    if (errno == EAGAIN)
        return poll(&wanted, 1, -1) >= 0 || errno == EINTR;
    return errno == EINTR;
}

int64_t terminal_read(int fd, void *out, size_t cap)
{
    ssize_t n;

    do
        n = read(fd, out, cap);
    while (n < 0 && is_passing(fd, POLLIN));
    return n < 0 ? -errno : n;
}

int terminal_write(int fd, const void *bytes, size_t len)
{
    const char *at = bytes;

    while (len > 0) {
        ssize_t n = write(fd, at, len);

        if (n < 0 && is_passing(fd, POLLOUT))
            continue;
        if (n < 0)
            return -errno;
        at += n;
        len -= (size_t)n;
    }
    return 0;
}
