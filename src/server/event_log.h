// The event log in the store: events numbered from 1 in the order in which they happened, committed
// with the records that they tell of, dropped from the front when there are too many or they are
// too old.
//
// A number is never given out twice and none is left out, so a reader that remembers the last
// number it has seen misses nothing, or is told how many events it missed. Each log has an id of
// its own: the numbers of one say nothing about another.
//
// Belongs to the thread that commits.

#ifndef SERVER_EVENT_LOG_H
#define SERVER_EVENT_LOG_H

#include "base/buf.h"
#include "base/error.h"
#include "core/events.h"
#include "store/store.h"

struct event_log;

struct event_log_config {
    struct store *store;
    struct str account;
    uint64_t kept;  // that many of the newest events, or a few more; 0: there is no log
    time_ms age_ms; // and none that is older, but for the newest
    uint64_t seed;
};

// An outcome of the store. Texts of the config live as long as the log.
int event_log_open(const struct event_log_config *config, struct event_log **out) MUST_CHECK;
void event_log_close(struct event_log *log); // NULL is fine

// store_commit, with these events.
int event_log_commit(struct event_log *log, const struct store_write *writes, size_t n,
                     const struct event_notes *notes) MUST_CHECK;

struct str event_log_id(const struct event_log *log); // 8 hex digits, as long as the log
bool event_log_is_on(const struct event_log *log);
uint64_t event_log_last(const struct event_log *log); // number of the newest event there was; 0

// Events of the log, one after the other.
struct event_page {
    struct buf text; // objects, joined by ",\n"; the caller's, cleared first
    size_t n;
    uint64_t last;     // read on behind this one
    uint64_t lost;     // between `after` and the first one that is left
    bool is_of_future; // `after` has not been yet; then `last` is before all there is
};
// Those behind number `after`, at most `max` and about `bytes_max` bytes (but one at least).
int event_log_read(struct event_log *log, uint64_t after, size_t max, size_t bytes_max,
                   struct event_page *out) MUST_CHECK;

#endif
