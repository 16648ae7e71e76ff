// Stats: running minimum, maximum, sum and count of each figure, so that memory does not grow with
// the sampling rate or with the time between two publications.

#include "engine/stats.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/timefmt.h"

enum { CPU_SAMPLES_MIN = 2, MIB = 1024 * 1024 };

// ---- gathering

static void add_to_span(struct stats_span *span, double value)
{
    if (span->n == 0 || value < span->min)
        span->min = value;
    if (span->n == 0 || value > span->max)
        span->max = value;
    span->sum += value;
    span->n++;
}

static void add_to_sums(struct stats_sums *sums, int64_t value)
{
    if (sums->n == 0 || value < sums->min)
        sums->min = value;
    if (sums->n == 0 || value > sums->max)
        sums->max = value;
    if (__builtin_add_overflow(sums->sum, (uint64_t)value, &sums->sum) ||
        sums->sum > UINT64_MAX - 1)
        sums->sum = UINT64_MAX - 1; // twice INT64_MAX: what sum and overflowSum can hold
    sums->n++;
}

// Without what the kernel can have back at once. `cache` is there on cgroup v1 only, where
// `inactive_file` is, too.
static int64_t used_memory(const struct docker_memory_stats *memory)
{
    const struct docker_memory_detail *detail = memory->stats;
    int64_t cache;

    if (detail == NULL)
        return memory->usage;
    cache = detail->has.cache ? detail->cache : detail->inactive_file;
    return cache > 0 && cache < memory->usage ? memory->usage - cache : memory->usage;
}

// What an engine says is no number to rely on: a sum stays within what it can be.
static void add_counter(int64_t *sum, int64_t more)
{
    if (more > 0)
        *sum = more < INT64_MAX - *sum ? *sum + more : INT64_MAX;
}

static void read_storage(const struct docker_stats *sample, int64_t *raw)
{
    const struct docker_blkio_stats *io = sample->blkio_stats;

    for (size_t i = 0; io != NULL && i < io->io_service_bytes_recursive.n; i++) {
        const struct docker_blkio_entry *entry = &io->io_service_bytes_recursive.at[i];

        if (str_eq_nocase(entry->op, STR("read")))
            add_counter(&raw[STATS_READ_BYTES], entry->value);
        else if (str_eq_nocase(entry->op, STR("write")))
            add_counter(&raw[STATS_WRITE_BYTES], entry->value);
    }
}

static void read_network(const struct docker_stats *sample, int64_t *raw)
{
    for (size_t i = 0; i < sample->networks.n; i++) {
        const struct docker_network_stats *one = &sample->networks.at[i].value;

        add_counter(&raw[STATS_RX_BYTES], one->rx_bytes);
        add_counter(&raw[STATS_RX_DROPPED], one->rx_dropped);
        add_counter(&raw[STATS_RX_ERRORS], one->rx_errors);
        add_counter(&raw[STATS_RX_PACKETS], one->rx_packets);
        add_counter(&raw[STATS_TX_BYTES], one->tx_bytes);
        add_counter(&raw[STATS_TX_DROPPED], one->tx_dropped);
        add_counter(&raw[STATS_TX_ERRORS], one->tx_errors);
        add_counter(&raw[STATS_TX_PACKETS], one->tx_packets);
    }
}

static double rate(const int64_t *now, const int64_t *before, enum stats_counter counter,
                   int64_t elapsed_ms)
{
    int64_t more = now[counter] - before[counter];

    return more > 0 ? (double)more * TIME_SECOND_MS / (double)elapsed_ms : 0;
}

// Percent of the whole host since the sample before: 100 is all cores busy.
static void add_interval(struct stats *stats, const struct docker_stats *sample, const int64_t *raw,
                         int32_t cores)
{
    int64_t elapsed_ms = sample->read - stats->read_ms;
    double used_ns = (double)sample->cpu_stats->cpu_usage->total_usage - (double)stats->cpu_ns;

    if (elapsed_ms > 0) {
        stats->cpu_percent = 100.0 * (used_ns / cores) / ((double)elapsed_ms * 1e6);
        stats->has_percent = used_ns >= 0;
        add_to_span(&stats->rx_rate, rate(raw, stats->raw, STATS_RX_BYTES, elapsed_ms));
        add_to_span(&stats->tx_rate, rate(raw, stats->raw, STATS_TX_BYTES, elapsed_ms));
    }
    if (stats->has_percent)
        add_to_span(&stats->cpu, stats->cpu_percent);
}

static void begin_run(struct stats *stats)
{
    int n = stats->network_goes_on ? STATS_RX_BYTES : STATS_COUNTERS_N;

    for (int i = 0; i < n; i++) {
        add_counter(&stats->base[i], stats->raw[i]);
        stats->raw[i] = 0;
    }
    stats->read_ms = 0; // the first interval of the new run has no beginning
    stats->cpu_ns = 0;
    stats->has_percent = false;
}

void stats_add(struct stats *stats, const struct docker_stats *sample, int32_t cores)
{
    int64_t raw[STATS_COUNTERS_N] = {0};

    ASSERT(cores > 0);
    if (sample->read <= 0 || sample->cpu_stats == NULL || sample->cpu_stats->cpu_usage == NULL ||
        sample->memory_stats == NULL || sample->read < stats->read_ms)
        return;
    if (stats->read_ms != 0 && sample->cpu_stats->cpu_usage->total_usage < stats->cpu_ns) {
        begin_run(stats);
        stats->is_ahead = true;
    }
    read_storage(sample, raw);
    read_network(sample, raw);
    if (stats->read_ms != 0)
        add_interval(stats, sample, raw, cores);
    add_to_span(&stats->memory, (double)(used_memory(sample->memory_stats) / MIB));
    for (int i = 0; i < STATS_COUNTERS_N; i++) {
        int64_t total = stats->base[i];

        add_counter(&total, raw[i]);
        add_to_sums(&stats->counters[i], total);
        stats->raw[i] = raw[i];
    }
    stats->read_ms = sample->read;
    stats->cpu_ns = sample->cpu_stats->cpu_usage->total_usage;
}

void stats_restarted(struct stats *stats)
{
    if (!stats->is_ahead)
        begin_run(stats);
    stats->is_ahead = false;
}

// ---- giving

static struct tcs_cw_stats_set *cw_set(struct arena *arena, const struct stats_span *span)
{
    struct tcs_cw_stats_set *set = arena_new(arena, struct tcs_cw_stats_set);

    SET(set, min, span->min);
    SET(set, max, span->max);
    SET(set, sum, span->sum);
    SET(set, sample_count, span->n);
    return set;
}

static struct tcs_u_double_cw_stats_set *rate_set(struct arena *arena,
                                                  const struct stats_span *span)
{
    struct tcs_u_double_cw_stats_set *set = arena_new(arena, struct tcs_u_double_cw_stats_set);

    SET(set, min, span->min);
    SET(set, max, span->max);
    SET(set, sum, span->sum);
    SET(set, sample_count, span->n);
    return set;
}

static struct tcs_u_long_stats_set *sums_set(struct arena *arena, const struct stats_sums *sums)
{
    struct tcs_u_long_stats_set *set = arena_new(arena, struct tcs_u_long_stats_set);
    bool over = sums->sum > INT64_MAX;

    SET(set, min, sums->min);
    SET(set, max, sums->max);
    SET(set, sum, over ? INT64_MAX : (int64_t)sums->sum);
    SET(set, sample_count, sums->n);
    if (over)
        SET(set, overflow_sum, (int64_t)(sums->sum - INT64_MAX));
    return set;
}

static struct tcs_network_stats_set *network_set(struct arena *arena, const struct stats *stats)
{
    struct tcs_network_stats_set *set = arena_new(arena, struct tcs_network_stats_set);

    SET(set, rx_bytes, sums_set(arena, &stats->counters[STATS_RX_BYTES]));
    SET(set, rx_dropped, sums_set(arena, &stats->counters[STATS_RX_DROPPED]));
    SET(set, rx_errors, sums_set(arena, &stats->counters[STATS_RX_ERRORS]));
    SET(set, rx_packets, sums_set(arena, &stats->counters[STATS_RX_PACKETS]));
    SET(set, tx_bytes, sums_set(arena, &stats->counters[STATS_TX_BYTES]));
    SET(set, tx_dropped, sums_set(arena, &stats->counters[STATS_TX_DROPPED]));
    SET(set, tx_errors, sums_set(arena, &stats->counters[STATS_TX_ERRORS]));
    SET(set, tx_packets, sums_set(arena, &stats->counters[STATS_TX_PACKETS]));
    SET(set, rx_bytes_per_second, rate_set(arena, &stats->rx_rate));
    SET(set, tx_bytes_per_second, rate_set(arena, &stats->tx_rate));
    return set;
}

static void begin_window(struct stats *stats, int32_t restarts)
{
    stats->cpu = stats->memory = stats->rx_rate = stats->tx_rate = (struct stats_span){0};
    for (int i = 0; i < STATS_COUNTERS_N; i++)
        stats->counters[i] = (struct stats_sums){0};
    stats->restarts_before = restarts;
}

bool stats_take(struct stats *stats, struct arena *arena, bool network, int32_t restarts,
                struct tcs_container_metric *out)
{
    struct tcs_storage_stats_set *storage;
    struct tcs_restart_stats_set *restarted;

    if (stats->cpu.n < CPU_SAMPLES_MIN || stats->memory.n == 0)
        return false;
    storage = arena_new(arena, struct tcs_storage_stats_set);
    SET(storage, read_size_bytes, sums_set(arena, &stats->counters[STATS_READ_BYTES]));
    SET(storage, write_size_bytes, sums_set(arena, &stats->counters[STATS_WRITE_BYTES]));
    restarted = arena_new(arena, struct tcs_restart_stats_set);
    SET(restarted, restart_count, restarts - stats->restarts_before);
    SET(out, cpu_stats_set, cw_set(arena, &stats->cpu));
    SET(out, memory_stats_set, cw_set(arena, &stats->memory));
    SET(out, storage_stats_set, storage);
    SET(out, restart_stats_set, restarted);
    if (network)
        SET(out, network_stats_set, network_set(arena, stats));
    begin_window(stats, restarts);
    return true;
}
