// gantry-fleet: many agents in one process against a server on loopback; see fleet.h.
//
//     gantry-fleet --port 7420 --keys DATA/credentials --cluster bench --agents 1000 --seconds 60
//
// It prints a line of JSON when every agent is connected, one when so many tasks have been reported
// RUNNING as --until-running says (and then ends), and one at its end. It ends after --seconds, or
// when it is told to by SIGTERM; the status is 1 when anything went wrong or what was awaited did
// not come.

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "base/hash.h"
#include "bench/flags.h"
#include "client/credentials.h"
#include "io/clock.h"
#include "io/entropy.h"
#include "io/file.h"
#include "io/loop.h"
#include "io/process.h"
#include "tests/fleet/fleet.h"
#include "wire/tls.h"

enum { LOOK_MS = 20, DESCRIPTORS_SPARE = 20, FILE_MAX = 16 << 20 };

struct settings {
    int64_t port;
    const char *keys;
    const char *ca; // NULL: plain
    const char *cluster;
    const char *instances; // file
    int64_t agents;
    int64_t seconds;
    int64_t in_flight;
    int64_t start_ms;
    int64_t life_ms;
    int64_t cut_ms;
    int64_t cpu;
    int64_t memory;
    int64_t telemetry;
    int64_t silent;
    int64_t until_running;
};

struct program {
    struct settings settings;
    struct arena arena;
    struct loop *loop;
    struct tls_context *tls;
    struct calls *calls;
    struct fleet *fleet;
    struct loop_timer look;
    struct loop_timer end;
    struct loop_signal terminate;
    int64_t started_ms;
    bool was_connected;
    bool has_what_it_awaits;
};

static void say(const struct program *program, const char *event)
{
    const struct fleet_counts *f = fleet_counts(program->fleet);
    const struct calls_counts *c = calls_counts(program->calls);

    printf("{\"event\":\"%s\",\"seconds\":%.3f,\"agents\":%" PRId64 ",\"registered\":%zu,"
           "\"acs\":%zu,\"tcs\":%zu,\"reconnects\":%" PRIu64 ",\"refusals\":%" PRIu64
           ",\"heartbeats\":%" PRIu64 ",\"payloads\":%" PRIu64 ",\"tasks\":%" PRIu64
           ",\"running\":%" PRIu64 ",\"stopped\":%" PRIu64 ",\"metrics\":%" PRIu64
           ",\"calls\":%" PRIu64 ",\"repeated\":%" PRIu64 ",\"errors\":%" PRIu64 "}\n",
           event, (double)(clock_monotonic_ms() - program->started_ms) / 1000,
           program->settings.agents, f->registered, f->acs_open, f->tcs_open, f->reconnects,
           f->refusals, f->heartbeats, f->payloads, f->tasks, f->running, f->stopped, f->metrics,
           c->answered, c->repeated, c->refused + f->bad_messages);
    if (c->refused > 0)
        fprintf(stderr, "gantry-fleet: %" PRIu64 " calls refused, the first: %s\n", c->refused,
                c->first_refusal);
    fflush(stdout);
}

static void look(void *user)
{
    struct program *program = user;
    int64_t wanted = program->settings.until_running;

    loop_timer_start(&program->look, LOOK_MS);
    if (!program->was_connected && fleet_is_connected(program->fleet)) {
        program->was_connected = true;
        say(program, "connected");
    }
    if (wanted > 0 && (int64_t)fleet_counts(program->fleet)->running >= wanted) {
        program->has_what_it_awaits = true;
        say(program, "running");
        loop_stop(program->loop);
    }
}

static void end(void *user)
{
    struct program *program = user;

    loop_stop(program->loop);
}

static void on_signal(void *user, int signo)
{
    (void)signo;
    end(user);
}

// One ARN a line.
static const struct str *read_instances(struct program *program)
{
    struct settings *s = &program->settings;
    BUF_AUTO struct buf text = BUF_INIT;
    struct str *arns = arena_array(&program->arena, struct str, s->agents);
    struct str rest;
    int64_t n = 0;

    if (s->instances == NULL)
        return NULL;
    if (file_read(s->instances, FILE_MAX, &text) != 0)
        return NULL;
    rest = str_trim(str_copy(&program->arena, buf_str(&text)));
    while (rest.len > 0 && n < s->agents)
        str_cut(rest, '\n', &arns[n++], &rest);
    s->agents = n;
    return arns;
}

static void start(struct program *program)
{
    const struct settings *s = &program->settings;
    struct calls_config calls = {
        .loop = program->loop,
        .port = (uint16_t)s->port,
        .tls = program->tls,
        .identity = {.region = STR("us-east-1")},
        .in_flight_max = (unsigned)s->in_flight,
    };
    struct fleet_config fleet = {
        .loop = program->loop,
        .cluster = str_of(s->cluster),
        .instances = read_instances(program),
        .cpu_units = s->cpu,
        .memory_mib = s->memory,
        .start_ms = s->start_ms,
        .life_ms = s->life_ms,
        .cut_ms = s->cut_ms,
        .telemetry_n = (size_t)s->telemetry,
        .is_silent = s->silent != 0,
    };

    if (s->keys != NULL)
        ASSERT_SAY(
            credentials_read(&program->arena, s->keys, STR("default"), &calls.identity.credentials),
            "no keys in %s", s->keys);
    fleet.agents_n = (size_t)s->agents;
    program->started_ms = clock_monotonic_ms();
    program->calls = calls_new(&calls);
    fleet.calls = program->calls;
    program->fleet = fleet_new(&fleet);
    loop_timer_init(&program->look, program->loop, look, program);
    loop_timer_init(&program->end, program->loop, end, program);
    loop_timer_start(&program->look, LOOK_MS);
    loop_timer_start(&program->end, s->seconds * 1000);
}

static int run(struct program *program)
{
    const struct settings *s = &program->settings;
    int64_t needed = s->agents + s->telemetry + s->in_flight + DESCRIPTORS_SPARE;
    struct str why;
    bool is_well;

    if (process_raise_descriptors() < needed) {
        fprintf(stderr, "gantry-fleet: too few file descriptors for %" PRId64 " agents\n",
                s->agents);
        return 2;
    }
    if (s->ca != NULL &&
        tls_context_client(s->ca, true, &program->arena, &why, &program->tls) != 0) {
        fprintf(stderr, "gantry-fleet: %.*s\n", STR_ARGS(why));
        return 2;
    }
    if (loop_open(&program->loop) != 0 ||
        loop_signal_init(&program->terminate, program->loop, SIGTERM, on_signal, program) != 0)
        return 2;
    start(program);
    loop_run(program->loop);
    say(program, "end");
    is_well = calls_counts(program->calls)->refused == 0 &&
              fleet_counts(program->fleet)->bad_messages == 0 && program->was_connected &&
              (s->until_running == 0 || program->has_what_it_awaits);
    loop_timer_stop(&program->look);
    loop_timer_stop(&program->end);
    calls_free(program->calls);
    fleet_free(program->fleet);
    loop_signal_deinit(&program->terminate);
    loop_close(program->loop);
    tls_context_free(program->tls);
    arena_deinit(&program->arena);
    return is_well ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct program program = {.settings = {.cluster = "default",
                                           .agents = 20,
                                           .seconds = 60,
                                           .in_flight = 64,
                                           .start_ms = 20,
                                           .cpu = 1 << 20,
                                           .memory = 1 << 20,
                                           .telemetry = -1}};
    struct settings *s = &program.settings;
    const struct flag flags[] = {
        {.name = "--port", .number = &s->port, .help = "of the server on 127.0.0.1"},
        {.name = "--keys", .text = &s->keys, .help = "credentials file to sign with (unsigned)"},
        {.name = "--ca", .text = &s->ca, .help = "speak TLS, trusting this file (plain)"},
        {.name = "--cluster", .text = &s->cluster, .help = "(default)"},
        {.name = "--agents", .number = &s->agents, .help = "(20)"},
        {.name = "--instances", .text = &s->instances, .help = "file of ARNs to be, one a line"},
        {.name = "--seconds", .number = &s->seconds, .help = "at most (60)"},
        {.name = "--in-flight", .number = &s->in_flight, .help = "calls at a time (64)"},
        {.name = "--start-ms", .number = &s->start_ms, .help = "from payload to RUNNING (20)"},
        {.name = "--life-ms", .number = &s->life_ms, .help = "then STOPPED (0: until told)"},
        {.name = "--cut-ms", .number = &s->cut_ms, .help = "connections break so often (0)"},
        {.name = "--cpu", .number = &s->cpu, .help = "units of each agent's host (1048576)"},
        {.name = "--memory", .number = &s->memory, .help = "MiB of each (1048576)"},
        {.name = "--telemetry",
         .number = &s->telemetry,
         .help = "agents with the second websocket (all)"},
        {.name = "--silent", .number = &s->silent, .help = "1: never report a task (0)"},
        {.name = "--until-running", .number = &s->until_running, .help = "end at so many (0)"},
        {0},
    };

    if (flags_parse(argc, argv, flags, "[FLAGS]") != 1 || s->port == 0 || s->agents < 1)
        flags_fail(flags, "[FLAGS]", argv[0]);
    if (s->telemetry < 0 || s->telemetry > s->agents)
        s->telemetry = s->agents;
    hash_seed(entropy_u64());
    return run(&program);
}
