// Reading the event log from the loop's thread: the store's thread does it, and the loop hears.

#ifndef SERVER_EVENT_READER_H
#define SERVER_EVENT_READER_H

#include "io/loop.h"
#include "server/commit.h"
#include "server/event_log.h"

struct tick_thread;

// Where to read.
struct event_source {
    struct loop *loop;
    struct tick_thread **ticks; // set before the first read
    struct event_log *log;
};

// Embedded in its owner; one read at a time. Loop thread only.
struct event_reader {
    struct store_job job;
    struct loop_job done;
    struct event_source source;
    uint64_t after;
    size_t max;
    size_t bytes_max;
    int outcome;            // of the store
    struct event_page page; // of the last read
    void (*fn)(void *user);
    void *user;
    bool is_busy;
};

void event_reader_init(struct event_reader *reader, const struct event_source *source,
                       void (*fn)(void *user), void *user);
void event_reader_deinit(struct event_reader *reader); // not busy, or the store's thread has ended

// fn follows.
void event_read(struct event_reader *reader, uint64_t after, size_t max, size_t bytes_max);

// "<log id>-<number>", in the arena.
struct str event_cursor(struct arena *arena, const struct event_log *log, uint64_t number);
// False: not a cursor. *out_is_ours says whether it is of this log.
bool event_cursor_parse(struct str text, const struct event_log *log, uint64_t *out_number,
                        bool *out_is_ours);

#endif
