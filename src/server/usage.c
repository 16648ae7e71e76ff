// See usage.h. Tasks stand in a map by their id and in the list of their group: a service, or what
// runs in a cluster outside of services. So a question about a cluster or a service looks at its
// own tasks and no others.
//
// Counters of a service only grow while it has tasks: what its tasks' counters grew by is added up
// here, since a task that ends takes its own along.

#include "server/usage.h"

#include <math.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"

enum {
    POINTS_MAX = 180, // an hour
    POINT_MS = 20 * 1000,
    POINT_LEAST_MS = 10 * 1000, // what comes sooner only replaces the newest numbers
    STALE_MS = 60 * 1000,
    UID_MAX = 64,
};

enum number { CPU, MEMORY, RX, TX, READ, WRITE, NUMBERS_N };

struct point {
    uint32_t at_s; // since 1970
    uint16_t numbers[NUMBERS_N];
};

struct group {
    struct str key; // "<region>/<cluster>/<service>"; what follows are slices of it
    struct str region, cluster, service;
    UT_hash_handle by_key;
    struct list tasks; // struct usage_task.in_group
    int64_t rx_bytes, tx_bytes, read_bytes, write_bytes, restarts;
};

struct usage_task {
    struct str uid; // behind the structure; likewise the next two
    struct str family;
    struct str instance;
    UT_hash_handle by_uid;
    struct group *group;
    struct list in_group;
    struct usage_report last; // without texts
    time_ms at;
    double read_rate, write_rate;
    int64_t restarts;
    struct point *points; // heap, a ring; NULL: its history is not kept
    uint16_t points_n, points_cap, points_next;
};

struct usage {
    struct usage_config config;
    struct usage_task *tasks;
    struct group *groups;
    size_t histories_n;
};

// ---- small numbers: six bits of exponent, ten of mantissa

uint16_t usage_pack(double value)
{
    int exponent;
    double mantissa;
    long bits;

    if (!(value >= 0x1p-16))
        return 0;
    mantissa = frexp(value, &exponent); // [0.5, 1)
    bits = lround((mantissa - 0.5) * 2048);
    if (bits == 1024) {
        bits = 0;
        exponent++;
    }
    if (exponent > 47)
        return UINT16_MAX;
    return (uint16_t)((unsigned)(exponent + 16) << 10 | (unsigned)bits);
}

double usage_unpack(uint16_t packed)
{
    if (packed == 0)
        return 0;
    return ldexp(0.5 + (packed & 1023) / 2048.0, (packed >> 10) - 16);
}

// ---- groups

static struct str group_key(struct arena *arena, struct str region, struct str cluster,
                            struct str service)
{
    return str_fmt(arena, "%.*s/%.*s/%.*s", STR_ARGS(region), STR_ARGS(cluster), STR_ARGS(service));
}

static struct group *group_of(struct usage *usage, const struct usage_report *report)
{
    struct arena scratch = ARENA_INIT;
    struct str key = group_key(&scratch, report->region, report->cluster, report->service);
    struct group *group;

    MAP_FIND_STR(by_key, usage->groups, key, group);
    if (group == NULL) {
        char *copy;

        group = mem_zalloc(sizeof *group + key.len);
        copy = (char *)(group + 1);
        memcpy(copy, key.ptr, key.len);
        group->key = str_span(copy, key.len);
        group->region = str_span(copy, report->region.len);
        group->cluster = str_span(copy + report->region.len + 1, report->cluster.len);
        group->service = str_from(group->key, report->region.len + report->cluster.len + 2);
        list_init(&group->tasks);
        MAP_ADD_STR(by_key, usage->groups, key, group);
    }
    arena_deinit(&scratch);
    return group;
}

static void group_leave(struct usage *usage, struct usage_task *task)
{
    struct group *group = task->group;

    list_remove(&task->in_group);
    if (!list_is_empty(&group->tasks))
        return;
    MAP_DEL(by_key, usage->groups, group);
    mem_free(group);
}

// ---- tasks

static struct str put_text(char **place, struct str text)
{
    char *at = *place;

    if (text.len > 0)
        memcpy(at, text.ptr, text.len);
    *place += text.len;
    return str_span(at, text.len);
}

static struct usage_task *task_new(struct usage *usage, const struct usage_report *report)
{
    size_t texts = report->uid.len + report->family.len + report->instance.len;
    struct usage_task *task = mem_zalloc(sizeof *task + texts);
    char *place = (char *)(task + 1);

    task->uid = put_text(&place, report->uid);
    task->family = put_text(&place, report->family);
    task->instance = put_text(&place, report->instance);
    task->group = group_of(usage, report);
    list_push_back(&task->group->tasks, &task->in_group);
    MAP_ADD_STR(by_uid, usage->tasks, uid, task);
    return task;
}

static void task_drop(struct usage *usage, struct usage_task *task)
{
    if (task->points != NULL)
        usage->histories_n--;
    MAP_DEL(by_uid, usage->tasks, task);
    group_leave(usage, task);
    mem_free(task->points);
    mem_free(task);
}

static struct usage_task *task_find(const struct usage *usage, struct str uid)
{
    struct usage_task *task;

    MAP_FIND_STR(by_uid, usage->tasks, uid, task);
    return task;
}

// ---- points: the ring doubles until it holds an hour

static void grow_points(struct usage *usage, struct usage_task *task)
{
    uint16_t cap = task->points_cap ? (uint16_t)(task->points_cap * 3) : 20;

    if (task->points == NULL)
        usage->histories_n++;
    if (cap > POINTS_MAX)
        cap = POINTS_MAX;
    task->points = mem_realloc(task->points, cap * sizeof *task->points);
    task->points_cap = cap;
}

static void add_point(struct usage *usage, struct usage_task *task)
{
    const struct usage_report *last = &task->last;
    struct point *point;

    if (task->points == NULL && usage->histories_n >= usage->config.histories_max)
        return;
    if (task->points_n == task->points_cap && task->points_cap < POINTS_MAX)
        grow_points(usage, task); // not a full ring yet, so its points stand in order
    if (task->points_n < task->points_cap)
        task->points_next = task->points_n++;
    point = &task->points[task->points_next];
    task->points_next = (uint16_t)((task->points_next + 1) % task->points_cap);
    *point = (struct point){
        .at_s = (uint32_t)(task->at / 1000),
        .numbers =
            {
                [CPU] = usage_pack(last->cpu_units),
                [MEMORY] = usage_pack(last->memory_mib),
                [RX] = usage_pack(last->rx_rate),
                [TX] = usage_pack(last->tx_rate),
                [READ] = usage_pack(task->read_rate),
                [WRITE] = usage_pack(task->write_rate),
            },
    };
}

// ---- taking

// What a counter grew by; after a fall it began anew.
static int64_t growth(int64_t before, int64_t after)
{
    return after >= before ? after - before : after;
}

static void count(struct usage_task *task, const struct usage_report *report, time_ms at)
{
    const struct usage_report *last = &task->last;
    struct group *group = task->group;
    int64_t read = growth(last->read_bytes, report->read_bytes);
    int64_t written = growth(last->write_bytes, report->write_bytes);
    double seconds = task->at != 0 && at > task->at ? (double)(at - task->at) / 1000 : 0;

    group->rx_bytes += growth(last->rx_bytes, report->rx_bytes);
    group->tx_bytes += growth(last->tx_bytes, report->tx_bytes);
    group->read_bytes += read;
    group->write_bytes += written;
    group->restarts += report->restarts;
    task->restarts += report->restarts;
    task->read_rate = seconds > 0 ? (double)read / seconds : 0;
    task->write_rate = seconds > 0 ? (double)written / seconds : 0;
}

static void take(struct usage *usage, const struct usage_report *report, time_ms at)
{
    struct usage_task *task = task_find(usage, report->uid);
    bool is_point;

    if (task == NULL)
        task = task_new(usage, report);
    is_point = at - task->at >= POINT_LEAST_MS;
    if (task->at == at)
        return; // said twice
    count(task, report, at);
    task->last = *report;
    task->last.region = task->last.cluster = task->last.service = STR_NONE;
    task->last.family = task->last.uid = task->last.instance = STR_NONE;
    task->at = at;
    if (is_point)
        add_point(usage, task);
}

void usage_take(struct usage *usage, const struct usage_reports *reports)
{
    if (reports == NULL)
        return; // its batch was undone
    for (size_t i = 0; i < reports->n; i++)
        take(usage, &reports->at_task[i], reports->at);
}

void usage_forget(struct usage *usage, const struct journal *journal)
{
    for (size_t i = 0; i < journal->n; i++) {
        const struct journal_entry *entry = &journal->at[i];
        const struct rec_task *before = entry->before;
        const struct rec_task *after = entry->after;
        struct usage_task *task;

        if (entry->kind != REC_KIND_TASK || before == NULL ||
            before->last_status != REC_TASK_STATUS_RUNNING ||
            (after != NULL && after->last_status == REC_TASK_STATUS_RUNNING))
            continue;
        task = task_find(usage, before->uid);
        if (task != NULL)
            task_drop(usage, task);
    }
}

struct usage *usage_new(const struct usage_config *config)
{
    struct usage *usage = mem_zalloc(sizeof *usage);

    usage->config = *config;
    return usage;
}

void usage_free(struct usage *usage)
{
    struct usage_task *task;
    struct usage_task *next;

    if (usage == NULL)
        return;
    HASH_ITER (by_uid, usage->tasks, task, next)
        task_drop(usage, task);
    mem_free(usage);
}

// ---- sums

static bool is_stale(const struct usage_task *task, time_ms now)
{
    return now - task->at > STALE_MS;
}

static void add_to(const struct usage_task *task, struct client_usage_service *sum)
{
    sum->tasks++;
    sum->healthy += task->last.health == ECS_HEALTH_STATUS_HEALTHY;
    sum->unhealthy += task->last.health == ECS_HEALTH_STATUS_UNHEALTHY;
    sum->cpu_units += task->last.cpu_units;
    sum->cpu_reserved += task->last.cpu_reserved;
    sum->memory_mib += task->last.memory_mib;
    sum->memory_reserved_mib += task->last.memory_reserved_mib;
    sum->rx_rate += task->last.rx_rate;
    sum->tx_rate += task->last.tx_rate;
    sum->read_rate += task->read_rate;
    sum->write_rate += task->write_rate;
}

#define SET_SHARE(out, member, used, reserved)                                                     \
    do {                                                                                           \
        if ((reserved) > 0)                                                                        \
            SET(out, member, (used) / (double)(reserved)*100);                                     \
    } while (0)

static struct client_usage_service sum_of(const struct group *group, time_ms now)
{
    struct client_usage_service sum = {0};

    LIST_EACH (&group->tasks, it) {
        const struct usage_task *task = LIST_ENTRY(it, struct usage_task, in_group);
        if (!is_stale(task, now))
            add_to(task, &sum);
    }
    SET(&sum, service, group->service);
    SET_SHARE(&sum, cpu_percent, sum.cpu_units, sum.cpu_reserved);
    SET_SHARE(&sum, memory_percent, sum.memory_mib, sum.memory_reserved_mib);
    sum.restarts = group->restarts;
    sum.has.tasks = sum.has.healthy = sum.has.unhealthy = true;
    sum.has.cpu_units = sum.has.cpu_reserved = true;
    sum.has.memory_mib = sum.has.memory_reserved_mib = true;
    sum.has.rx_rate = sum.has.tx_rate = sum.has.read_rate = sum.has.write_rate = true;
    sum.has.restarts = true;
    return sum;
}

// ---- questions

static struct client_usage_point_list history_of(const struct usage_task *task, struct arena *arena)
{
    struct client_usage_point_list list = {
        .at = arena_array(arena, struct client_usage_point, task->points_n)};
    size_t first = task->points_n == task->points_cap ? task->points_next : 0;

    for (size_t i = 0; i < task->points_n; i++) {
        const struct point *point = &task->points[(first + i) % task->points_cap];
        struct client_usage_point *out = &list.at[list.n++];

        SET(out, at, point->at_s * (time_ms)1000);
        SET(out, cpu_units, usage_unpack(point->numbers[CPU]));
        SET(out, memory_mib, usage_unpack(point->numbers[MEMORY]));
        SET(out, rx_rate, usage_unpack(point->numbers[RX]));
        SET(out, tx_rate, usage_unpack(point->numbers[TX]));
        SET(out, read_rate, usage_unpack(point->numbers[READ]));
        SET(out, write_rate, usage_unpack(point->numbers[WRITE]));
    }
    return list;
}

static void view_task(const struct usage_task *task, bool history, struct arena *arena,
                      struct client_usage_task *out)
{
    const struct usage_report *last = &task->last;

    SET(out, task, task->uid);
    if (task->group->service.len > 0)
        SET(out, service, task->group->service);
    SET(out, family, task->family);
    SET(out, revision, last->revision);
    SET(out, instance, task->instance);
    SET(out, health, last->health);
    SET(out, at, task->at);
    SET(out, cpu_units, last->cpu_units);
    SET(out, cpu_reserved, last->cpu_reserved);
    SET_SHARE(out, cpu_percent, last->cpu_units, last->cpu_reserved);
    SET(out, memory_mib, last->memory_mib);
    SET(out, memory_reserved_mib, last->memory_reserved_mib);
    SET_SHARE(out, memory_percent, last->memory_mib, last->memory_reserved_mib);
    SET(out, rx_rate, last->rx_rate);
    SET(out, tx_rate, last->tx_rate);
    SET(out, read_rate, task->read_rate);
    SET(out, write_rate, task->write_rate);
    SET(out, rx_bytes, last->rx_bytes);
    SET(out, tx_bytes, last->tx_bytes);
    SET(out, read_bytes, last->read_bytes);
    SET(out, write_bytes, last->write_bytes);
    SET(out, restarts, task->restarts);
    if (history)
        SET(out, history, history_of(task, arena));
}

static bool is_asked_for(const struct usage_query *query, const struct group *group)
{
    return str_eq(group->region, query->region) && str_eq(group->cluster, query->cluster) &&
           (query->service.len == 0 || str_eq(group->service, query->service));
}

// Of the groups asked for; heap.
struct picked {
    const struct usage_task **tasks;
    size_t n, cap;
};

static void pick(struct picked *picked, const struct group *group, struct str uid, time_ms now)
{
    LIST_EACH (&group->tasks, it) {
        const struct usage_task *task = LIST_ENTRY(it, struct usage_task, in_group);

        if (is_stale(task, now) || (uid.len > 0 && !str_eq(task->uid, uid)))
            continue;
        if (picked->n == picked->cap) {
            picked->cap = picked->cap ? picked->cap * 2 : 64;
            picked->tasks = mem_realloc(picked->tasks, picked->cap * sizeof *picked->tasks);
        }
        picked->tasks[picked->n++] = task;
    }
}

static int by_cpu(const void *a, const void *b)
{
    const struct usage_task *const *one = a;
    const struct usage_task *const *other = b;
    double left = (*one)->last.cpu_units;
    double right = (*other)->last.cpu_units;

    if (left != right)
        return left > right ? -1 : 1;
    return str_cmp((*one)->uid, (*other)->uid);
}

static int by_name(const void *a, const void *b)
{
    const struct client_usage_service *one = a;
    const struct client_usage_service *other = b;

    return str_cmp(one->service, other->service);
}

static void view_tasks(struct picked *picked, const struct usage_query *query, struct arena *arena,
                       struct client_usage *out)
{
    size_t n = picked->n < query->limit ? picked->n : query->limit;

    if (picked->n > 1)
        qsort(picked->tasks, picked->n, sizeof *picked->tasks, by_cpu);
    out->tasks.at = arena_array(arena, struct client_usage_task, n);
    for (size_t i = 0; i < n; i++)
        view_task(picked->tasks[i], query->history, arena, &out->tasks.at[out->tasks.n++]);
    out->has.tasks = true;
    SET(out, omitted, (int64_t)(picked->n - n));
    mem_free(picked->tasks);
}

void usage_ask(const struct usage *usage, const struct usage_query *query, time_ms now,
               struct arena *arena, struct client_usage *out)
{
    struct picked picked = {0};
    struct client_usage_service_list services = {
        .at = arena_array(arena, struct client_usage_service, MAP_COUNT(by_key, usage->groups))};
    const struct group *group;
    const struct group *next;

    *out = (struct client_usage){0};
    HASH_ITER (by_key, usage->groups, group, next) {
        if (!is_asked_for(query, group))
            continue;
        if (group->service.len > 0 && query->task.len == 0)
            services.at[services.n++] = sum_of(group, now);
        pick(&picked, group, query->task, now);
    }
    if (services.n > 1)
        qsort(services.at, services.n, sizeof *services.at, by_name);
    SET(out, at, now);
    SET(out, services, services);
    view_tasks(&picked, query, arena, out);
}

// ---- Prometheus

struct metric {
    const char *name;
    const char *type;
    const char *help;
};

// Names of clusters, services and families have no character that would need an escape.
static void write_labels(struct buf *out, const struct group *group)
{
    buf_printf(out, "{region=\"%.*s\",cluster=\"%.*s\"", STR_ARGS(group->region),
               STR_ARGS(group->cluster));
    if (group->service.len > 0)
        buf_printf(out, ",service=\"%.*s\"", STR_ARGS(group->service));
}

static void write_head(struct buf *out, const char *of, const struct metric *metric)
{
    buf_printf(out, "# HELP gantry_%s_%s %s\n# TYPE gantry_%s_%s %s\n", of, metric->name,
               metric->help, of, metric->name, metric->type);
}

static const struct metric service_metrics[] = {
    {"tasks_measured", "gauge", "Running tasks that were told of in the last minute."},
    {"tasks_healthy", "gauge", "Of them HEALTHY by their health checks."},
    {"tasks_unhealthy", "gauge", "Of them UNHEALTHY by their health checks."},
    {"cpu_units", "gauge", "CPU used, 1024 units are one core."},
    {"cpu_reserved_units", "gauge", "CPU reserved."},
    {"memory_mebibytes", "gauge", "Memory used, without the page cache."},
    {"memory_reserved_mebibytes", "gauge", "Memory reserved."},
    {"network_received_bytes_total", "counter", "Received by its tasks."},
    {"network_sent_bytes_total", "counter", "Sent by its tasks."},
    {"storage_read_bytes_total", "counter", "Read from block devices by its tasks."},
    {"storage_written_bytes_total", "counter", "Written to block devices by its tasks."},
    {"container_restarts_total", "counter", "Containers started again by their restart policy."},
};
enum { SERVICE_METRICS_N = sizeof service_metrics / sizeof *service_metrics };

static double service_value(const struct group *group, const struct client_usage_service *sum,
                            size_t metric)
{
    const double values[SERVICE_METRICS_N] = {
        sum->tasks,
        sum->healthy,
        sum->unhealthy,
        sum->cpu_units,
        (double)sum->cpu_reserved,
        sum->memory_mib,
        (double)sum->memory_reserved_mib,
        (double)group->rx_bytes,
        (double)group->tx_bytes,
        (double)group->read_bytes,
        (double)group->write_bytes,
        (double)group->restarts,
    };

    return values[metric];
}

static void write_services(const struct usage *usage, time_ms now, struct buf *out)
{
    struct measured {
        const struct group *group;
        struct client_usage_service sum;
    } *services = mem_alloc((MAP_COUNT(by_key, usage->groups) + 1) * sizeof *services);
    size_t n = 0;
    const struct group *group;
    const struct group *next;

    HASH_ITER (by_key, usage->groups, group, next) {
        if (group->service.len > 0)
            services[n++] = (struct measured){group, sum_of(group, now)};
    }
    for (size_t i = 0; i < SERVICE_METRICS_N; i++) {
        write_head(out, "service", &service_metrics[i]);
        for (size_t s = 0; s < n; s++) {
            buf_printf(out, "gantry_service_%s", service_metrics[i].name);
            write_labels(out, services[s].group);
            buf_printf(out, "} %.15g\n", service_value(services[s].group, &services[s].sum, i));
        }
    }
    mem_free(services);
}

static const struct metric task_metrics[] = {
    {"cpu_units", "gauge", "CPU used, 1024 units are one core."},
    {"memory_mebibytes", "gauge", "Memory used, without the page cache."},
    {"network_received_bytes_total", "counter", "Received."},
    {"network_sent_bytes_total", "counter", "Sent."},
    {"storage_read_bytes_total", "counter", "Read from block devices."},
    {"storage_written_bytes_total", "counter", "Written to block devices."},
    {"container_restarts_total", "counter", "Containers started again by their restart policy."},
};
enum { TASK_METRICS_N = sizeof task_metrics / sizeof *task_metrics };

static double task_value(const struct usage_task *task, size_t metric)
{
    const double values[TASK_METRICS_N] = {
        task->last.cpu_units,        task->last.memory_mib,         (double)task->last.rx_bytes,
        (double)task->last.tx_bytes, (double)task->last.read_bytes, (double)task->last.write_bytes,
        (double)task->restarts,
    };

    return values[metric];
}

static void write_tasks(const struct usage *usage, time_ms now, struct buf *out)
{
    const struct usage_task *task;
    const struct usage_task *next;

    for (size_t i = 0; i < TASK_METRICS_N; i++) {
        write_head(out, "task", &task_metrics[i]);
        HASH_ITER (by_uid, usage->tasks, task, next) {
            if (is_stale(task, now))
                continue;
            buf_printf(out, "gantry_task_%s", task_metrics[i].name);
            write_labels(out, task->group);
            buf_printf(out, ",family=\"%.*s\",task=\"%.*s\"} %.15g\n", STR_ARGS(task->family),
                       STR_ARGS(task->uid), task_value(task, i));
        }
    }
}

void usage_write_metrics(const struct usage *usage, time_ms now, struct buf *out)
{
    buf_printf(out,
               "# HELP gantry_usage_tasks Tasks whose use is known.\n"
               "# TYPE gantry_usage_tasks gauge\ngantry_usage_tasks %u\n",
               MAP_COUNT(by_uid, usage->tasks));
    write_services(usage, now, out);
    if (usage->config.tells_tasks)
        write_tasks(usage, now, out);
}
