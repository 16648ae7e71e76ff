// What GET /metrics tells, in Prometheus' text format. All numbers belong to the loop's thread:
// other threads put what they measured into the ticks they deliver.

#ifndef SERVER_METRICS_H
#define SERVER_METRICS_H

#include "api/ecs.h"
#include "model/state.h"
#include "server/input.h"
#include "wire/http_server.h"

struct buf;
struct tick;

enum { METRICS_BUCKETS = 14 };

struct histogram {
    uint64_t buckets[METRICS_BUCKETS]; // not cumulative; the last one has no upper bound
    uint64_t count;
    uint64_t sum;
};

struct metrics {
    // By operation (0: none was named) and how it ended: ECS_ERROR_NONE is success.
    uint64_t calls[ECS_OPERATION_N][ECS_ERROR_N];
    struct histogram call_us[ECS_OPERATION_N];
    struct histogram tick_us;
    struct histogram commit_us;
    struct histogram batch_writes;
    uint64_t commits_failed; // ticks undone
    int64_t tasks[REC_TASK_STATUS_N];
    unsigned agents[CHANNEL_N]; // connected now
    uint64_t agent_messages[CHANNEL_N];
    bool store_is_down;
};

void metrics_init(struct metrics *metrics, const struct state *state); // counts what is there
void metrics_call(struct metrics *metrics, enum ecs_operation operation, enum ecs_error error,
                  int64_t us);
// A tick that is durable, or failed. Before its batch is freed.
void metrics_tick(struct metrics *metrics, const struct tick *tick);

void metrics_write(const struct metrics *metrics, const struct http_server_stats *http,
                   struct buf *out);

#endif
