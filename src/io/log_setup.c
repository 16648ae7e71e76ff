// See log_setup.h.

#include "io/log_setup.h"

#include <errno.h>
#include <unistd.h>

#include "io/clock.h"

// A log that cannot be written has nobody to complain to, so the rest of a line is dropped.
static void write_line(struct str line, void *user)
{
    (void)user;
    while (line.len > 0) {
        ssize_t n = write(STDERR_FILENO, line.ptr, line.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        line = str_from(line, (size_t)n);
    }
}

void log_setup(enum log_level lowest, enum log_format format)
{
    log_configure((struct log_config){
        .lowest = lowest, .format = format, .now_ms = clock_wall_ms, .sink = write_line});
}
