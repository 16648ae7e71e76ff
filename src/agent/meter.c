// See meter.h. The engine's view says which containers run; this file only follows it. A stream
// that ends while its container runs is opened again after a pause, which doubles.

#include "agent/meter.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/mem.h"
#include "engine/stats.h"
#include "host/link.h"
#include "io/loop.h"
#include "wire/codec.h"

enum { LOOK_MS = 1000, AGAIN_FIRST_MS = 1000, AGAIN_MAX_MS = 10 * 1000 };

struct gauge {
    struct list in_meter;
    struct meter *meter;
    struct str runtime_id; // behind the structure
    struct stats stats;
    int32_t restarts;
    int32_t network_pid; // of an awsvpc task, which the runtime does not count; 0: any other
    int64_t token;       // of the stream; 0: none at present
    int64_t again_ms;
    int64_t pause_ms;
    bool runs; // in the view that is being looked through

    struct buf last; // the newest sample, as it came
    bool has_rates;
    double rx_rate; // bytes a second, between the last two samples
    double tx_rate;
    uint64_t rx_bytes; // of the last sample
    uint64_t tx_bytes;
    int64_t read_ms;
};

struct meter {
    struct loop *loop;
    struct drive *drive;
    int32_t cores;
    struct list gauges; // struct gauge.in_meter
    struct loop_timer look;
};

static void note_rates(struct gauge *gauge, const struct docker_stats *sample)
{
    int64_t elapsed_ms = sample->read - gauge->read_ms;
    uint64_t rx = 0; // counters of the kernel, which may be any number when an engine tells them
    uint64_t tx = 0;

    for (size_t i = 0; i < sample->networks.n; i++) {
        rx += (uint64_t)sample->networks.at[i].value.rx_bytes;
        tx += (uint64_t)sample->networks.at[i].value.tx_bytes;
    }
    gauge->has_rates = gauge->read_ms > 0 && elapsed_ms > 0 && sample->networks.n > 0 &&
                       rx >= gauge->rx_bytes && tx >= gauge->tx_bytes; // less: it was restarted
    if (gauge->has_rates) {
        gauge->rx_rate = (double)(rx - gauge->rx_bytes) * 1000 / (double)elapsed_ms;
        gauge->tx_rate = (double)(tx - gauge->tx_bytes) * 1000 / (double)elapsed_ms;
    }
    gauge->rx_bytes = rx;
    gauge->tx_bytes = tx;
    gauge->read_ms = sample->read;
}

// The engine knows nothing of a network that it has not made, so its object has no such member.
static void add_networks(struct buf *json, const struct docker_network_stats *counted)
{
    BUF_AUTO struct buf text = BUF_INIT;

    if (buf_len(json) < 2 || memmem(json->ptr + json->start, buf_len(json), "\"networks\"", 10))
        return;
    codec_encode(&text, &docker_network_stats_shape, counted);
    json->end--; // the brace at its end
    buf_printf(json, "%s\"networks\":{\"eth0\":%.*s}}", buf_len(json) > 1 ? "," : "",
               STR_ARGS(buf_str(&text)));
}

static void on_sample(void *user, const struct docker_stats *sample, struct str json)
{
    struct gauge *gauge = user;
    struct docker_network_stats_entry eth0 = {.key = STR("eth0")};
    struct docker_stats whole;

    if (sample != NULL) {
        buf_clear(&gauge->last);
        buf_add_str(&gauge->last, str_trim(json));
        whole = *sample;
        if (gauge->network_pid > 0 && link_count(gauge->network_pid, &eth0.value)) {
            SET(&whole, networks, (struct docker_network_stats_map){.n = 1, .at = &eth0});
            add_networks(&gauge->last, &eth0.value);
        }
        note_rates(gauge, &whole);
        stats_add(&gauge->stats, &whole, gauge->meter->cores);
        gauge->pause_ms = AGAIN_FIRST_MS;
        return;
    }
    gauge->token = 0;
    gauge->again_ms = loop_now_ms(gauge->meter->loop) + gauge->pause_ms;
    gauge->pause_ms = gauge->pause_ms * 2 < AGAIN_MAX_MS ? gauge->pause_ms * 2 : AGAIN_MAX_MS;
}

static struct gauge *gauge_of(const struct meter *meter, struct str runtime_id)
{
    LIST_EACH (&meter->gauges, it) {
        struct gauge *gauge = LIST_ENTRY(it, struct gauge, in_meter);
        if (str_eq(gauge->runtime_id, runtime_id))
            return gauge;
    }
    return NULL;
}

static struct gauge *gauge_new(struct meter *meter, const struct engine_view *view)
{
    struct gauge *gauge = mem_zalloc(sizeof *gauge + view->runtime_id.len);
    char *id = (char *)(gauge + 1);

    memcpy(id, view->runtime_id.ptr, view->runtime_id.len);
    gauge->runtime_id = str_span(id, view->runtime_id.len);
    gauge->meter = meter;
    gauge->restarts = view->restart_count;
    gauge->pause_ms = AGAIN_FIRST_MS;
    list_push_back(&meter->gauges, &gauge->in_meter);
    return gauge;
}

static void gauge_free(struct gauge *gauge)
{
    drive_stats_stop(gauge->meter->drive, gauge->token);
    list_remove(&gauge->in_meter);
    buf_deinit(&gauge->last);
    mem_free(gauge);
}

static bool is_running(const struct engine_view *view)
{
    return view->runtime_id.len > 0 && view->type == ENGINE_CONTAINER_NORMAL &&
           (view->status == HOST_CONTAINER_STATUS_RUNNING ||
            view->status == HOST_CONTAINER_STATUS_RESOURCES_PROVISIONED);
}

static void follow(struct meter *meter, const struct engine_view *view)
{
    struct gauge *gauge = gauge_of(meter, view->runtime_id);

    if (gauge == NULL)
        gauge = gauge_new(meter, view);
    gauge->runs = true;
    gauge->network_pid = drive_makes_networks(meter->drive) ? view->network_pid : 0;
    gauge->stats.network_goes_on = gauge->network_pid > 0;
    if (view->restart_count != gauge->restarts) {
        stats_restarted(&gauge->stats);
        gauge->restarts = view->restart_count;
    }
    if (gauge->token == 0 && loop_now_ms(meter->loop) >= gauge->again_ms)
        gauge->token = drive_stats_start(meter->drive, gauge->runtime_id, on_sample, gauge);
}

static void look(void *user)
{
    struct meter *meter = user;
    struct arena arena = ARENA_INIT;
    struct engine_view_list views = engine_view_all(drive_engine(meter->drive), &arena);

    LIST_EACH (&meter->gauges, it)
        LIST_ENTRY(it, struct gauge, in_meter)->runs = false;
    for (size_t i = 0; i < views.n; i++) {
        if (is_running(&views.at[i]))
            follow(meter, &views.at[i]);
    }
    LIST_EACH_SAFE (&meter->gauges, it) {
        struct gauge *gauge = LIST_ENTRY(it, struct gauge, in_meter);
        if (!gauge->runs)
            gauge_free(gauge);
    }
    arena_deinit(&arena);
    loop_timer_start(&meter->look, LOOK_MS);
}

struct meter *meter_new(struct loop *loop, struct drive *drive, int32_t cores)
{
    struct meter *meter = mem_zalloc(sizeof *meter);

    meter->loop = loop;
    meter->drive = drive;
    meter->cores = cores;
    list_init(&meter->gauges);
    loop_timer_init(&meter->look, loop, look, meter);
    loop_timer_start(&meter->look, 0);
    return meter;
}

void meter_free(struct meter *meter)
{
    if (meter == NULL)
        return;
    LIST_EACH_SAFE (&meter->gauges, it)
        gauge_free(LIST_ENTRY(it, struct gauge, in_meter));
    loop_timer_stop(&meter->look);
    mem_free(meter);
}

// ---- what has gathered

// Only a network namespace of its own gives a container numbers of its own, or those of its task.
static bool has_network(const struct engine_view *view)
{
    return !str_eq(view->network_mode, STR("host")) && !str_eq(view->network_mode, STR("none"));
}

// `most`: how many containers the task can still have; room is made for them at the first.
static void add_metric(struct arena *arena, struct tcs_task_metric *task, size_t most,
                       const struct tcs_container_metric *metric)
{
    if (task->container_metrics.n == 0) {
        task->container_metrics.at = arena_array(arena, struct tcs_container_metric, most);
        task->has.container_metrics = true;
    }
    task->container_metrics.at[task->container_metrics.n++] = *metric;
}

struct tcs_task_metric_list meter_take(struct meter *meter, struct arena *arena)
{
    struct engine_view_list views = engine_view_all(drive_engine(meter->drive), arena);
    struct tcs_task_metric_list tasks = {.at = arena_array(arena, struct tcs_task_metric, views.n)};

    for (size_t i = 0; i < views.n; i++) {
        const struct engine_view *view = &views.at[i];
        struct gauge *gauge = is_running(view) ? gauge_of(meter, view->runtime_id) : NULL;
        struct tcs_container_metric metric = {0};
        struct tcs_task_metric *task = tasks.n > 0 ? &tasks.at[tasks.n - 1] : NULL;

        if (gauge == NULL ||
            !stats_take(&gauge->stats, arena, has_network(view), view->restart_count, &metric))
            continue;
        SET(&metric, container_name, view->container);
        if (task == NULL || !str_eq(task->task_arn, view->task_arn)) {
            task = &tasks.at[tasks.n++];
            SET(task, task_arn, view->task_arn);
            SET(task, task_definition_family, view->family);
            SET(task, task_definition_version, view->version);
        }
        add_metric(arena, task, views.n - i, &metric);
    }
    return tasks;
}

bool meter_last(const struct meter *meter, struct str runtime_id, struct meter_sample *out)
{
    const struct gauge *gauge = gauge_of(meter, runtime_id);

    if (gauge == NULL)
        return false;
    *out = (struct meter_sample){
        .json = buf_str(&gauge->last),
        .has_rates = gauge->has_rates,
        .rx_bytes_per_second = gauge->rx_rate,
        .tx_bytes_per_second = gauge->tx_rate,
    };
    return true;
}
