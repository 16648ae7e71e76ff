// See sim.h. The world is built from the plan's seed, the plan is carried out, then everything is
// mended and has to come to rest: first its services with images as bad as they are, then with good
// ones and with its tasks as they are wanted, then with everything stopped and given back.

#include "tests/sim/sim.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/mem.h"
#include "tests/sim/book.h"
#include "tests/sim/check.h"
#include "tests/sim/client.h"
#include "tests/sim/generate.h"
#include "tests/sim/net.h"
#include "tests/sim/plan.h"
#include "tests/sim/rest.h"
#include "tests/sim/world.h"

enum {
    REST_LOOK_MS = 2 * TIME_SECOND_MS,
    // Within so much virtual time everything has come to rest, or so much later as clocks were set
    // back: an agent that starts again knows only the times that its former life wrote down.
    REST_MS = 40 * TIME_MINUTE_MS,
    // Starts may be put off for 27 minutes, tasks be protected for ten, and a clock of the server
    // that was set back is counted from.
    SERVICES_MS = 150 * TIME_MINUTE_MS,
};

static FILE *trace_file; // NULL: nobody reads

// ---- telling

void sim_say(const struct node *node, const char *fmt, ...)
{
    va_list ap;

    if (trace_file == NULL)
        return;
    fprintf(trace_file, "%10.3f %-8s ", (double)kernel_now_ms() / TIME_SECOND_MS,
            node != NULL ? node->name : "");
    va_start(ap, fmt);
    vfprintf(trace_file, fmt, ap);
    va_end(ap);
    fputc('\n', trace_file);
}

void sim_broken(const char *fmt, ...)
{
    va_list ap;

    fprintf(stderr, "broken: ");
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "\n  after %.3f s and %llu events\n", (double)kernel_now_ms() / TIME_SECOND_MS,
            (unsigned long long)kernel_events());
    abort();
}

static void on_log(struct str line, void *user)
{
    (void)user;
    check_log_line(line);
    if (memmem(line.ptr, line.len, ".not_removed", 12) != NULL)
        kernel_running()->not_removed++;
    if (trace_file != NULL)
        sim_say(kernel_running(), "| %.*s", STR_ARGS(str_trim(line)));
}

// ---- the course of things

static void after_event(struct world *w, struct node *node)
{
    uint64_t starts = 0;

    if (node == sim_server_node(w->server)) {
        if (node->dead && sim_server_is_up(w->server))
            sim_server_kill(w->server, w->server_down_ms);
        return;
    }
    for (size_t i = 0; i < w->hosts_n; i++) {
        if (sim_host_node(w->hosts[i]) == node) {
            if (sim_host_engine(w->hosts[i]) != NULL && !node->dead)
                engine_check(sim_host_engine(w->hosts[i]));
            sim_host_settle(w->hosts[i]);
        }
        starts += fake_starts(sim_host_fake(w->hosts[i]));
    }
    if (starts != w->starts) {
        check_runtime(w->hosts, w->hosts_n);
        w->starts = starts;
    }
}

// Everything that happens before `until_ms`.
static void pass(struct world *w, int64_t until_ms)
{
    struct node *node;

    while (kernel_next_ms() <= until_ms && kernel_step(&node))
        after_event(w, node);
}

static void carry_out(struct world *w)
{
    for (size_t i = 0; i < w->plan->n; i++) {
        const struct action *action = &w->plan->actions[i];

        if (action->left_out)
            continue;
        pass(w, action->at_ms);
        kernel_advance(action->at_ms);
        world_act(w, i, action);
    }
    pass(w, w->plan->length_ms);
}

// What each host has, for whoever reads why there is no rest.
static void tell_views(const struct world *w)
{
    for (size_t i = 0; i < w->hosts_n; i++) {
        struct arena arena = ARENA_INIT;
        struct engine_view_list views;

        if (!sim_host_is_up(w->hosts[i]))
            continue;
        views = engine_view_all(sim_host_engine(w->hosts[i]), &arena);
        for (size_t k = 0; k < views.n; k++) {
            const struct engine_view *view = &views.at[k];

            sim_say(sim_host_node(w->hosts[i]),
                    "has %.*s of %.*s: task status %d of %d, container %d of %d, health %d",
                    STR_ARGS(view->container), STR_ARGS(view->task_arn), (int)view->task_status,
                    (int)view->task_desired, (int)view->status, (int)view->desired,
                    (int)view->health);
        }
        arena_deinit(&arena);
    }
}

// Until the condition holds, which is looked at now and then.
static void await(struct world *w, const char *what, int64_t within_ms,
                  const char *(*is_missing)(struct world *w))
{
    int64_t end_ms = kernel_now_ms() + within_ms + w->set_back_ms;
    int64_t look_ms;
    const char *missing;

    while ((missing = is_missing(w)) != NULL) {
        if (kernel_now_ms() >= end_ms)
            tell_views(w);
        SIM_CHECK(kernel_now_ms() < end_ms, "%s does not come to rest: %s", what, missing);
        look_ms = kernel_now_ms() + REST_LOOK_MS;
        pass(w, look_ms);
        kernel_advance(look_ms);
    }
    sim_say(NULL, "%s has come to rest", what);
}

static void report(struct world *w, struct sim_report *out)
{
    *out = (struct sim_report){
        .events = kernel_events(),
        .commits = sim_server_commits(w->server),
        .calls = world_answered(w),
        .tasks = check_tasks(),
        .starts = w->starts,
        .virtual_ms = kernel_now_ms(),
        .digest = check_digest(),
    };
}

void sim_run(const struct plan *plan, FILE *trace, struct sim_report *out)
{
    struct world *w;

    trace_file = trace;
    log_configure((struct log_config){
        .lowest = plan->seed % 8 == 0 ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO, .sink = on_log});
    kernel_start();
    net_start(plan->seed + 2);
    check_start();
    w = world_new(plan);
    carry_out(w);
    sim_say(NULL, "the faults end");
    world_mend(w);
    await(w, "the clients", REST_MS, rest_is_busy);
    world_make_clusters(w);
    await(w, "what is to run", SERVICES_MS, rest_services_are_open);
    world_mend_images(w);
    await(w, "what runs", SERVICES_MS, rest_services_are_unsteady);
    await(w, "the fleet", REST_MS, rest_is_missing);
    book_audit(w->book);
    world_stop_all(w);
    await(w, "the emptied fleet", REST_MS, rest_is_kept);
    report(w, out);
    world_free(w);
    check_stop();
    net_stop();
    kernel_stop();
}
