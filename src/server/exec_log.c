// The log of a session: a file of its own, exec-logs/<day>/<session>.log in the server's data
// folder, with a line about who ran what, the terminal's output as it was, and a line about the
// end.
//
// Written in pieces of some kilobytes and at least once a second. A log that cannot be written is
// complained about once and given up: a session is not worth stopping for it. At FILE_MAX bytes the
// rest is left out, since a session may run for days.

#include <errno.h>
#include <stdio.h>

#include "base/log.h"
#include "io/file.h"
#include "server/exec_internal.h"

enum { PENDING_MAX = 32 * 1024, FILE_MAX = 16 << 20, DAY = 10 };

static const char *path_of(const struct exec_log *log)
{
    return buf_str(&log->path).ptr;
}

static void give_up(struct exec_log *log, int fault)
{
    LOG_ERROR("exec.log_failed", LOG_CSTR("path", path_of(log)),
              LOG_CSTR("reason", strerrordesc_np(-fault)));
    buf_deinit(&log->path);
    buf_deinit(&log->pending);
}

void exec_log_flush(struct exec_log *log)
{
    struct str bytes = buf_str(&log->pending);
    int fault;

    if (buf_len(&log->path) == 0 || bytes.len == 0)
        return;
    fault = file_append(path_of(log), bytes, 0600);
    if (fault != 0) {
        give_up(log, fault);
        return;
    }
    log->written += bytes.len;
    buf_clear(&log->pending);
}

void exec_log_begin(struct exec_log *log, const char *folder, const struct exec_order *order,
                    time_ms now)
{
    char room[TIME_ISO8601_MAX];
    struct str date = time_iso8601_in(room, now);
    struct arena scratch = ARENA_INIT;
    const char *day = arena_printf(&scratch, "%s/%.*s", folder, DAY, date.ptr);
    int fault = file_make_folders(day);

    buf_printf(&log->path, "%s/%.*s.log", day, STR_ARGS(order->session));
    buf_add_char(&log->path, '\0');
    if (fault != 0) {
        give_up(log, fault);
    } else {
        buf_printf(&log->pending,
                   "# session %.*s\n# began %.*s\n# by %.*s\n# task %.*s\n# container %.*s\n"
                   "# command %.*s\n",
                   STR_ARGS(order->session), STR_ARGS(date), STR_ARGS(order->principal),
                   STR_ARGS(order->task_arn), STR_ARGS(order->container), STR_ARGS(order->command));
        exec_log_flush(log);
    }
    arena_deinit(&scratch);
}

void exec_log_add(struct exec_log *log, struct str bytes)
{
    if (buf_len(&log->path) == 0 || log->is_full)
        return;
    if (log->written + buf_len(&log->pending) + bytes.len > FILE_MAX) {
        log->is_full = true;
        bytes = STR("\n# the rest of the output is left out\n");
    }
    buf_add_str(&log->pending, bytes);
    if (buf_len(&log->pending) >= PENDING_MAX)
        exec_log_flush(log);
}

void exec_log_end(struct exec_log *log, struct str how, time_ms now)
{
    char room[TIME_ISO8601_MAX];

    if (buf_len(&log->path) > 0) {
        buf_printf(&log->pending, "\n# ended %.*s: %.*s\n", STR_ARGS(time_iso8601_in(room, now)),
                   STR_ARGS(how));
        exec_log_flush(log);
    }
    buf_deinit(&log->path);
    buf_deinit(&log->pending);
}
