// gantry top: what the services and tasks of a cluster use, from GET /usage.
//
// On a terminal the table is drawn anew every few seconds, cut to the terminal's height; into a
// pipe or file it is written once.

#include <sys/ioctl.h>
#include <unistd.h>

#include "api/client.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/timefmt.h"
#include "cli/connect.h"
#include "io/clock.h"
#include "wire/codec.h"
#include "wire/uri.h"

static const struct cli_option options[] = {
    {.name = "cluster", .value = "NAME", .fallback = "default", .help = "cluster to look at"},
    {.name = "service", .value = "NAME", .help = "only this service's tasks"},
    {.name = "limit",
     .value = "N",
     .fallback = "1000",
     .help = "at most so many tasks, those that use most CPU first"},
    {.name = "interval",
     .value = "TIME",
     .fallback = "3s",
     .help = "between two looks, on a terminal"},
    {.name = "once", .help = "one look, on a terminal too"},
    {.name = "output",
     .letter = 'o',
     .value = "FORMAT",
     .fallback = "table",
     .help = "table, or json: the server's answer, once"},
    CLI_OPTIONS_CLIENT,
    {0},
};

enum { OK = 200, UNLIMITED = INT32_MAX, UNITS_PER_CORE = 1024 };

struct looking {
    const struct cli_values *values;
    struct client *client;
    struct arena arena; // of one look
    struct buf screen;
    bool is_live;
    int rows_left;
};

// ---- words

static struct str bytes_text(struct arena *arena, double bytes)
{
    static const char *const units[] = {"B", "K", "M", "G", "T"};
    size_t unit = 0;

    while (bytes >= 1000 && unit + 1 < sizeof units / sizeof *units) {
        bytes /= 1024;
        unit++;
    }
    return str_fmt(arena, unit == 0 || bytes >= 99.95 ? "%.0f%s" : "%.1f%s", bytes, units[unit]);
}

static struct str mebibytes_text(struct arena *arena, double mib)
{
    return bytes_text(arena, mib * (1 << 20));
}

static struct str share_text(struct arena *arena, bool is_there, double percent)
{
    return is_there ? str_fmt(arena, "%.0f%%", percent) : STR("-");
}

static double cores_percent(double units)
{
    return units * 100 / UNITS_PER_CORE;
}

// A line, unless the terminal has no room for it.
static void put_line(struct looking *l, struct str line)
{
    if (l->rows_left <= 0)
        return;
    l->rows_left--;
    buf_add_str(&l->screen, line);
    buf_add_char(&l->screen, '\n');
}

static struct str health_text(struct arena *arena, const struct client_usage_service *service)
{
    if (service->unhealthy > 0)
        return str_fmt(arena, "%d ill", service->unhealthy);
    if (service->healthy == service->tasks && service->tasks > 0)
        return STR("healthy");
    return service->healthy > 0 ? str_fmt(arena, "%d healthy", service->healthy) : STR("-");
}

// ---- tables

static void put_service(struct looking *l, const struct client_usage_service *s)
{
    struct arena *a = &l->arena;

    put_line(l, str_fmt(a, "%-32.*s %6d  %-10.*s %7.1f %7.*s %8.*s %7.*s %8.*s %8.*s %8lld",
                        STR_ARGS(s->service), s->tasks, STR_ARGS(health_text(a, s)),
                        cores_percent(s->cpu_units),
                        STR_ARGS(share_text(a, s->has.cpu_percent, s->cpu_percent)),
                        STR_ARGS(mebibytes_text(a, s->memory_mib)),
                        STR_ARGS(share_text(a, s->has.memory_percent, s->memory_percent)),
                        STR_ARGS(bytes_text(a, s->rx_rate)), STR_ARGS(bytes_text(a, s->tx_rate)),
                        (long long)s->restarts));
}

static void put_task(struct looking *l, const struct client_usage_task *t)
{
    struct arena *a = &l->arena;
    struct str of =
        t->has.service ? t->service : str_fmt(a, "%.*s:%d", STR_ARGS(t->family), t->revision);

    put_line(l, str_fmt(a, "%-32.*s %-18.*s %7.1f %7.*s %8.*s %7.*s %8.*s %8.*s %8lld",
                        STR_ARGS(t->task), STR_ARGS(str_take(of, 18)), cores_percent(t->cpu_units),
                        STR_ARGS(share_text(a, t->has.cpu_percent, t->cpu_percent)),
                        STR_ARGS(mebibytes_text(a, t->memory_mib)),
                        STR_ARGS(share_text(a, t->has.memory_percent, t->memory_percent)),
                        STR_ARGS(bytes_text(a, t->rx_rate)), STR_ARGS(bytes_text(a, t->tx_rate)),
                        (long long)t->restarts));
}

static void put_sum(struct looking *l, const struct client_usage *usage)
{
    struct arena *a = &l->arena;
    double units = 0;
    double mib = 0;

    for (size_t i = 0; i < usage->tasks.n; i++) {
        units += usage->tasks.at[i].cpu_units;
        mib += usage->tasks.at[i].memory_mib;
    }
    put_line(l, str_fmt(a, "%.*s: %zu services, %zu tasks, %.2f cores, %.*s of memory",
                        STR_ARGS(cli_text(l->values, "cluster")), usage->services.n, usage->tasks.n,
                        units / UNITS_PER_CORE, STR_ARGS(mebibytes_text(a, mib))));
    if (usage->omitted > 0)
        put_line(l, str_fmt(a, "%lld more tasks, see --limit", (long long)usage->omitted));
}

static void put_tables(struct looking *l, const struct client_usage *usage)
{
    put_sum(l, usage);
    if (usage->services.n > 0) {
        put_line(l, STR_NONE);
        put_line(l, STR("SERVICE                           TASKS  HEALTH        CPU%  CPU/RES   "
                        "MEMORY MEM/RES     NET<     NET> RESTARTS"));
    }
    for (size_t i = 0; i < usage->services.n; i++)
        put_service(l, &usage->services.at[i]);
    put_line(l, STR_NONE);
    put_line(l, STR("TASK                             OF                    CPU% CPU/RES   MEMORY "
                    "MEM/RES     NET<     NET> RESTARTS"));
    for (size_t i = 0; i < usage->tasks.n; i++)
        put_task(l, &usage->tasks.at[i]);
}

// ---- looking

static int ask(struct looking *l, struct client_answer *answer)
{
    struct arena *a = &l->arena;
    struct client_error error;
    struct str target = str_fmt(a, "/usage?cluster=%.*s&service=%.*s&limit=%.*s",
                                STR_ARGS(uri_encoded(a, cli_text(l->values, "cluster"), false)),
                                STR_ARGS(uri_encoded(a, cli_text(l->values, "service"), false)),
                                STR_ARGS(uri_encoded(a, cli_text(l->values, "limit"), false)));

    if (client_get(l->client, a, target, answer, &error) != 0)
        return cli_call_failed(l->values, &error);
    return EXIT_DONE;
}

static int refused(struct looking *l, const struct client_answer *answer)
{
    struct client_error_reply reply = {0};
    struct codec_report report = {0};

    if (codec_decode(&l->arena, &client_error_reply_shape, answer->body, &codec_peer, &reply,
                     &report) != 0)
        return cli_fail(l->values, EXIT_FAILED, "unreadable reply (status %d)", answer->status);
    return cli_fail(l->values, EXIT_FAILED, "%.*s: %.*s", STR_ARGS(reply.__type),
                    STR_ARGS(reply.message));
}

static int terminal_rows(void)
{
    struct winsize size;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row < 4)
        return UNLIMITED;
    return size.ws_row - 1;
}

static void draw(struct looking *l, const struct client_usage *usage)
{
    buf_clear(&l->screen);
    l->rows_left = l->is_live ? terminal_rows() : UNLIMITED;
    if (l->is_live)
        buf_add_str(&l->screen, STR("\033[H\033[2J"));
    put_tables(l, usage);
    fwrite(buf_str(&l->screen).ptr, 1, buf_len(&l->screen), stdout);
    fflush(stdout);
}

static int look(struct looking *l)
{
    struct client_answer answer;
    struct client_usage usage = {0};
    struct codec_report report = {0};
    int status;

    arena_reset(&l->arena);
    status = ask(l, &answer);
    if (status != EXIT_DONE)
        return status;
    if (answer.status != OK)
        return refused(l, &answer);
    if (str_eq(cli_text(l->values, "output"), STR("json"))) {
        printf("%.*s\n", STR_ARGS(answer.body));
        return EXIT_DONE;
    }
    if (codec_decode(&l->arena, &client_usage_shape, answer.body, &codec_peer, &usage, &report) !=
        0)
        return cli_fail(l->values, EXIT_FAILED, "unreadable reply: %.*s", STR_ARGS(report.message));
    draw(l, &usage);
    return EXIT_DONE;
}

static int run(const struct cli_values *values)
{
    struct looking looking = {.values = values, .arena = ARENA_INIT, .screen = BUF_INIT};
    struct str output = cli_text(values, "output");
    struct cli_connection connection;
    int64_t interval_ms;
    int status;

    if (values->arguments_n > 0)
        return cli_fail(values, EXIT_USAGE, "there are no arguments");
    if (!cli_duration(values, "interval", &interval_ms))
        return EXIT_USAGE;
    if (!str_eq(output, STR("table")) && !str_eq(output, STR("json")))
        return cli_fail(values, EXIT_USAGE, "--output is table or json, not '%.*s'",
                        STR_ARGS(output));
    looking.is_live =
        isatty(STDOUT_FILENO) && !cli_switch(values, "once") && str_eq(output, STR("table"));
    cli_find_server(values, &connection);
    looking.client = cli_connect(&connection);
    status = look(&looking);
    while (status == EXIT_DONE && looking.is_live) {
        clock_sleep_ms(interval_ms > 0 ? interval_ms : 1);
        status = look(&looking);
    }
    client_free(looking.client);
    buf_deinit(&looking.screen);
    arena_deinit(&looking.arena);
    return status;
}

const struct cli_command cli_top = {
    .name = "top",
    .summary = "show what services and tasks use",
    .details = "CPU% is of one core, over the last 20 seconds; CPU/RES and MEM/RES are of what is\n"
               "reserved; NET< and NET> are bytes a second in and out. Agents tell every 20 "
               "seconds.",
    .options = options,
    .run = run,
};
