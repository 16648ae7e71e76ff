// What running tasks use, kept for the last hour in memory: for GET /metrics, GET /usage and
// `gantry top`. Fed with what the core made of the agents' telemetry (core/usage.h); a task is
// forgotten with the durable batch in which it runs no more. Loop thread.
//
// A task costs some 400 bytes, and its hour another 2.8 KB: 180 points of 16 bytes, numbers with
// three digits. Beyond `histories_max` tasks only the newest numbers are kept. Nothing survives a
// restart; agents tell again within 20 seconds.

#ifndef SERVER_USAGE_H
#define SERVER_USAGE_H

#include "api/client.h"
#include "core/usage.h"
#include "model/state.h"

struct buf;
struct usage;

struct usage_config {
    size_t histories_max; // tasks whose last hour is kept
    bool tells_tasks;     // GET /metrics has a line a task, not only a line a service
};

struct usage *usage_new(const struct usage_config *config);
void usage_free(struct usage *usage); // NULL is fine

void usage_take(struct usage *usage, const struct usage_reports *reports);
// Drops the tasks that stopped in this durable batch. After the batch's reports were taken.
void usage_forget(struct usage *usage, const struct journal *journal);

// Prometheus text. Of tasks that have not been told of for a minute nothing is said.
void usage_write_metrics(const struct usage *usage, time_ms now, struct buf *out);

struct usage_query {
    struct str region;
    struct str cluster; // a name
    struct str service; // empty: all
    struct str task;    // id; empty: all
    bool history;       // every point of the last hour, of each task
    size_t limit;       // tasks; those that use most CPU come first
};
// Texts are the usage's own: valid until something is taken or forgotten.
void usage_ask(const struct usage *usage, const struct usage_query *query, time_ms now,
               struct arena *arena, struct client_usage *out);

// ---- the small numbers of histories, for tests

// Sixteen bits: 0, or 2^-16 to 2^47 with a precision of a thousandth.
uint16_t usage_pack(double value);
double usage_unpack(uint16_t packed);

#endif
