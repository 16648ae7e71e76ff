// See event_reader.h.

#include "server/event_reader.h"

#include "base/arena.h"
#include "base/assert.h"
#include "server/tick.h"

static void on_done(void *user)
{
    struct event_reader *reader = user;

    reader->is_busy = false;
    reader->fn(reader->user);
}

static void run(struct store_job *job)
{
    struct event_reader *reader = (struct event_reader *)job; // `job` is its first member

    reader->outcome = event_log_read(reader->source.log, reader->after, reader->max,
                                     reader->bytes_max, &reader->page);
    loop_post(reader->source.loop, &reader->done);
}

void event_reader_init(struct event_reader *reader, const struct event_source *source,
                       void (*fn)(void *user), void *user)
{
    *reader = (struct event_reader){.job.run = run, .source = *source, .fn = fn, .user = user};
    loop_job_init(&reader->done, on_done, reader);
}

void event_reader_deinit(struct event_reader *reader)
{
    buf_deinit(&reader->page.text);
}

void event_read(struct event_reader *reader, uint64_t after, size_t max, size_t bytes_max)
{
    ASSERT(!reader->is_busy);
    reader->is_busy = true;
    reader->after = after;
    reader->max = max;
    reader->bytes_max = bytes_max;
    tick_thread_store(*reader->source.ticks, &reader->job);
}

struct str event_cursor(struct arena *arena, const struct event_log *log, uint64_t number)
{
    return str_fmt(arena, "%.*s-%llu", STR_ARGS(event_log_id(log)), (unsigned long long)number);
}

bool event_cursor_parse(struct str text, const struct event_log *log, uint64_t *out_number,
                        bool *out_is_ours)
{
    struct str id;
    struct str digits;
    int64_t number;

    if (!str_cut(text, '-', &id, &digits) || !str_to_i64(digits, &number) || number < 0)
        return false;
    *out_number = (uint64_t)number;
    *out_is_ours = str_eq(id, event_log_id(log));
    return true;
}
