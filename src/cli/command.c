// What commands say when they fail, and how a child of `gantry up` stays tied to it.

#include "cli/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "io/process.h"

static void complain(const struct cli_values *values, const char *fmt, va_list ap)
{
    fprintf(stderr, "gantry %s: ", values->command->name);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
}

int cli_fail(const struct cli_values *values, int status, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    complain(values, fmt, ap);
    va_end(ap);
    return status;
}

bool cli_refuse(const struct cli_values *values, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    complain(values, fmt, ap);
    va_end(ap);
    return false;
}

bool cli_follow_supervisor(void)
{
    struct str text = str_of(getenv(CLI_SUPERVISOR));
    int64_t pid;
    bool has_one = str_to_i64(text, &pid) && pid > 0 && pid <= INT32_MAX;

    unsetenv(CLI_SUPERVISOR); // what this process starts has another parent
    if (!has_one)
        return true;
    return process_follow_parent((pid_t)pid) == 0;
}
