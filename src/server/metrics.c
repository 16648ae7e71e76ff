// See metrics.h. Times are kept in microseconds and told in seconds, as Prometheus wants them.
//
// Tasks are counted by the changes that pass by in the journals of durable batches, so nothing is
// ever scanned for them but at the start.

#include "server/metrics.h"

#include "base/assert.h"
#include "base/buf.h"
#include "server/tick.h"

// Upper bounds; the last bucket has none. Microseconds for times, records for batches.
static const uint64_t time_bounds[METRICS_BUCKETS - 1] = {
    100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 1000000, 5000000,
};
static const uint64_t size_bounds[METRICS_BUCKETS - 1] = {
    1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096, 16384,
};

static void observe(struct histogram *histogram, const uint64_t *bounds, int64_t value)
{
    uint64_t v = value > 0 ? (uint64_t)value : 0;
    size_t bucket = 0;

    while (bucket < METRICS_BUCKETS - 1 && v > bounds[bucket])
        bucket++;
    histogram->buckets[bucket]++;
    histogram->count++;
    histogram->sum += v;
}

void metrics_init(struct metrics *metrics, const struct state *state)
{
    const struct idtable *tasks = &state->entities[REC_KIND_TASK];

    *metrics = (struct metrics){0};
    for (uint64_t id = 0; (id = idtable_next(tasks, id)) != 0;) {
        const struct rec_task *task = state_get(state, REC_KIND_TASK, id)->record;
        metrics->tasks[task->last_status]++;
    }
}

void metrics_call(struct metrics *metrics, enum ecs_operation operation, enum ecs_error error,
                  int64_t us)
{
    ASSERT(operation < ECS_OPERATION_N && error < ECS_ERROR_N);
    metrics->calls[operation][error]++;
    observe(&metrics->call_us[operation], time_bounds, us);
}

static void count_tasks(struct metrics *metrics, const struct journal *journal)
{
    for (size_t i = 0; i < journal->n; i++) {
        const struct journal_entry *entry = &journal->at[i];
        const struct rec_task *before = entry->before;
        const struct rec_task *after = entry->after;
        if (entry->kind != REC_KIND_TASK)
            continue;
        if (before != NULL)
            metrics->tasks[before->last_status]--;
        if (after != NULL)
            metrics->tasks[after->last_status]++;
    }
}

void metrics_tick(struct metrics *metrics, const struct tick *tick)
{
    metrics->store_is_down = tick->store_is_down;
    observe(&metrics->tick_us, time_bounds, tick->decide_us);
    if (tick->failed) {
        metrics->commits_failed++;
        return;
    }
    if (tick->batch.writes_n == 0)
        return;
    observe(&metrics->commit_us, time_bounds, tick->commit_us);
    observe(&metrics->batch_writes, size_bounds, (int64_t)tick->batch.writes_n);
    count_tasks(metrics, &tick->batch.journal);
}

// ---- text

static void write_head(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP gantry_%s %s\n# TYPE gantry_%s %s\n", name, help, name, type);
}

static void write_single(struct buf *out, const char *name, const char *type, const char *help,
                         uint64_t value)
{
    write_head(out, name, type, help);
    buf_printf(out, "gantry_%s %llu\n", name, (unsigned long long)value);
}

// `labels` is empty or ends in a comma; `scale` is what one unit of the text counts in ours.
static void write_histogram(struct buf *out, const char *name, const char *labels,
                            const struct histogram *histogram, const uint64_t *bounds, double scale)
{
    struct str bare = str_of(labels);
    uint64_t below = 0;

    for (size_t i = 0; i < METRICS_BUCKETS - 1; i++) {
        below += histogram->buckets[i];
        buf_printf(out, "gantry_%s_bucket{%sle=\"%g\"} %llu\n", name, labels,
                   (double)bounds[i] / scale, (unsigned long long)below);
    }
    buf_printf(out, "gantry_%s_bucket{%sle=\"+Inf\"} %llu\n", name, labels,
               (unsigned long long)histogram->count);
    if (bare.len > 0)
        bare = str_take(bare, bare.len - 1);
    buf_printf(out, "gantry_%s_sum{%.*s} %.6f\n", name, STR_ARGS(bare),
               (double)histogram->sum / scale);
    buf_printf(out, "gantry_%s_count{%.*s} %llu\n", name, STR_ARGS(bare),
               (unsigned long long)histogram->count);
}

static const char *operation_name(size_t operation)
{
    return operation != ECS_OPERATION_NONE ? ecs_operations[operation].name.ptr : "none";
}

static void write_calls(const struct metrics *metrics, struct buf *out)
{
    write_head(out, "calls_total", "counter", "API calls answered, by operation and outcome.");
    for (size_t op = 0; op < ECS_OPERATION_N; op++) {
        for (size_t error = 0; error < ECS_ERROR_N; error++) {
            if (metrics->calls[op][error] == 0)
                continue;
            buf_printf(out, "gantry_calls_total{operation=\"%s\",outcome=\"%s\"} %llu\n",
                       operation_name(op),
                       error != ECS_ERROR_NONE ? ecs_errors[error].name.ptr : "ok",
                       (unsigned long long)metrics->calls[op][error]);
        }
    }
    write_head(out, "call_duration_seconds", "histogram",
               "From the request's last byte to its reply, commit included.");
    for (size_t op = 0; op < ECS_OPERATION_N; op++) {
        char labels[120];
        if (metrics->call_us[op].count == 0)
            continue;
        snprintf(labels, sizeof labels, "operation=\"%s\",", operation_name(op));
        write_histogram(out, "call_duration_seconds", labels, &metrics->call_us[op], time_bounds,
                        1e6);
    }
}

static void write_core(const struct metrics *metrics, struct buf *out)
{
    write_head(out, "tick_duration_seconds", "histogram", "Time spent deciding, a batch.");
    write_histogram(out, "tick_duration_seconds", "", &metrics->tick_us, time_bounds, 1e6);
    write_head(out, "commit_duration_seconds", "histogram",
               "From encoding to synced, a batch that wrote.");
    write_histogram(out, "commit_duration_seconds", "", &metrics->commit_us, time_bounds, 1e6);
    write_head(out, "batch_records", "histogram", "Records of a batch that wrote.");
    write_histogram(out, "batch_records", "", &metrics->batch_writes, size_bounds, 1);
    write_single(out, "batches_failed_total", "counter", "Batches undone, for the store failed.",
                 metrics->commits_failed);
    write_single(out, "store_up", "gauge", "1 while the store takes writes.",
                 metrics->store_is_down ? 0 : 1);
}

static void write_fleet(const struct metrics *metrics, struct buf *out)
{
    static const char *const channels[CHANNEL_N] = {[CHANNEL_ACS] = "acs", [CHANNEL_TCS] = "tcs"};

    write_head(out, "tasks", "gauge", "Tasks remembered, by last status.");
    for (int status = 1; status < REC_TASK_STATUS_N; status++)
        buf_printf(out, "gantry_tasks{status=\"%.*s\"} %lld\n",
                   STR_ARGS(shape_enum_name(&rec_task_status_enum, status)),
                   (long long)metrics->tasks[status]);
    write_head(out, "agents_connected", "gauge", "Open websockets of agents.");
    for (int i = 0; i < CHANNEL_N; i++)
        buf_printf(out, "gantry_agents_connected{channel=\"%s\"} %u\n", channels[i],
                   metrics->agents[i]);
    write_head(out, "agent_messages_total", "counter", "Messages received from agents.");
    for (int i = 0; i < CHANNEL_N; i++)
        buf_printf(out, "gantry_agent_messages_total{channel=\"%s\"} %llu\n", channels[i],
                   (unsigned long long)metrics->agent_messages[i]);
}

static void write_http(const struct http_server_stats *http, struct buf *out)
{
    write_single(out, "http_connections", "gauge", "Open connections.", http->open);
    write_single(out, "http_connections_total", "counter", "Connections accepted.", http->accepted);
    write_single(out, "http_connections_refused_total", "counter",
                 "Connections refused, for there were too many.", http->refused);
    write_single(out, "http_requests_total", "counter", "Requests read.", http->requests);
    write_single(out, "http_requests_rejected_total", "counter",
                 "Input that never became a request.", http->rejected);
    write_single(out, "http_received_bytes_total", "counter", "Bytes read.", http->bytes_in);
    write_single(out, "http_sent_bytes_total", "counter", "Bytes written.", http->bytes_out);
}

void metrics_write(const struct metrics *metrics, const struct http_server_stats *http,
                   struct buf *out)
{
    write_head(out, "build_info", "gauge", "What this is.");
    buf_add_str(out, STR("gantry_build_info{version=\"" GANTRY_VERSION "\"} 1\n"));
    write_calls(metrics, out);
    write_core(metrics, out);
    write_fleet(metrics, out);
    write_http(http, out);
}
