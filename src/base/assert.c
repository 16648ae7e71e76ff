// How a broken invariant ends the process: say what, say where, show how we got here, abort.

#include "base/assert.h"

#include <stdarg.h>

#include "base/trace.h"

static void print_head(const char *expr, const char *file, int line, const char *func)
{
    fprintf(stderr, "gantry: assertion failed: %s\n  at %s:%d in %s\n", expr, file, line, func);
}

void assert_fail(const char *expr, const char *file, int line, const char *func)
{
    print_head(expr, file, line, func);
    trace_dump(stderr);
    abort();
}

void assert_fail_say(const char *expr, const char *file, int line, const char *func,
                     const char *fmt, ...)
{
    va_list ap;

    print_head(expr, file, line, func);
    fputs("  ", stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    trace_dump(stderr);
    abort();
}
