// See plan.h. A run is short as a rule and long now and then; calls come in bursts; a seed has a
// temper of its own: which faults it knows and how often they come.

#include "tests/sim/plan.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/timefmt.h"

enum { BURST_MS = 40, ACTIONS_MAX = 220 };

static const struct {
    struct str name;
    unsigned weight;
} rows[ACTION_N] = {
    [ACTION_CALL] = {STR_INIT("call"), 0},
    [ACTION_BOOK] = {STR_INIT("book"), 0},
    [ACTION_HOST_STARTS] = {STR_INIT("host-starts"), 0},
    [ACTION_HOST_DIES] = {STR_INIT("host-dies"), 6},
    [ACTION_HOST_STOPS] = {STR_INIT("host-stops"), 2},
    [ACTION_HOST_WIPED] = {STR_INIT("host-wiped"), 1},
    [ACTION_HOST_DISK] = {STR_INIT("host-disk"), 1},
    [ACTION_HOST_SPACE] = {STR_INIT("host-space"), 2},
    [ACTION_HOST_CLOCK] = {STR_INIT("host-clock"), 2},
    [ACTION_SERVER_DIES] = {STR_INIT("server-dies"), 6},
    [ACTION_SERVER_DISK] = {STR_INIT("server-disk"), 4},
    [ACTION_SERVER_DISK_SLOW] = {STR_INIT("server-disk-slow"), 2},
    [ACTION_SERVER_CLOCK] = {STR_INIT("server-clock"), 2},
    [ACTION_RUNTIME_FAILS] = {STR_INIT("runtime-fails"), 6},
    [ACTION_RUNTIME_CHAOS] = {STR_INIT("runtime-chaos"), 3},
    [ACTION_RUNTIME_RESTARTS] = {STR_INIT("runtime-restarts"), 2},
    [ACTION_RUNTIME_AWAY] = {STR_INIT("runtime-away"), 2},
    [ACTION_RUNTIME_HANGS] = {STR_INIT("runtime-hangs"), 2},
    [ACTION_RUNTIME_DEAF] = {STR_INIT("runtime-deaf"), 2},
    [ACTION_IMAGE_CHANGES] = {STR_INIT("image-changes"), 6},
    [ACTION_CONTAINER_ENDS] = {STR_INIT("container-ends"), 5},
    [ACTION_CONTAINER_STARTS] = {STR_INIT("container-starts"), 2},
    [ACTION_CONTAINER_VANISHES] = {STR_INIT("container-vanishes"), 2},
    [ACTION_NET_STORM] = {STR_INIT("net-storm"), 4},
    [ACTION_NET_CUT] = {STR_INIT("net-cut"), 4},
    [ACTION_NET_HALF_OPEN] = {STR_INIT("net-half-open"), 3},
    [ACTION_NET_STALL] = {STR_INIT("net-stall"), 3},
    [ACTION_NET_ECHO] = {STR_INIT("net-echo"), 4},
    [ACTION_NET_PARTS] = {STR_INIT("net-parts"), 3},
};

struct str action_name(enum action_kind kind)
{
    return rows[kind].name;
}

// ---- making

static int64_t draw_length(struct rng *rng)
{
    uint64_t dice = rng_below(rng, 100);

    if (dice < 50)
        return (10 + (int64_t)rng_below(rng, 50)) * TIME_SECOND_MS;
    if (dice < 90)
        return (1 + (int64_t)rng_below(rng, 4)) * TIME_MINUTE_MS;
    if (dice < 99)
        return (5 + (int64_t)rng_below(rng, 25)) * TIME_MINUTE_MS;
    return (1 + (int64_t)rng_below(rng, 2)) * TIME_HOUR_MS;
}

static enum action_kind draw_fault(struct rng *rng, uint64_t known)
{
    unsigned total = 0;
    unsigned dice;

    for (int kind = 0; kind < ACTION_N; kind++)
        total += known & (UINT64_C(1) << kind) ? rows[kind].weight : 0;
    if (total == 0)
        return ACTION_CALL;
    dice = (unsigned)rng_below(rng, total);
    for (int kind = 0; kind < ACTION_N; kind++) {
        unsigned weight = known & (UINT64_C(1) << kind) ? rows[kind].weight : 0;
        if (dice < weight)
            return (enum action_kind)kind;
        dice -= weight;
    }
    return ACTION_CALL;
}

// Services take their time: a task counts when it has run for forty seconds.
static void draw_services(struct plan *plan, struct rng *rng)
{
    if (rng_below(rng, 2))
        return;
    plan->service_percent = 30 + (unsigned)rng_below(rng, 65);
    if (plan->length_ms < 3 * TIME_MINUTE_MS)
        plan->length_ms = (3 + (int64_t)rng_below(rng, 12)) * TIME_MINUTE_MS;
}

// A quarter of the seeds know every fault; the others some, so that what they break shows.
static uint64_t draw_known(struct rng *rng)
{
    if (rng_below(rng, 4) == 0)
        return UINT64_MAX;
    return rng_next(rng) & rng_next(rng);
}

static void add(struct plan *plan, int64_t at_ms, enum action_kind kind, uint64_t seed)
{
    plan->actions[plan->n++] = (struct action){.at_ms = at_ms, .kind = kind, .seed = seed};
}

static void sort(struct plan *plan)
{
    for (size_t i = 1; i < plan->n; i++) {
        struct action action = plan->actions[i];
        size_t k = i;

        for (; k > 0 && plan->actions[k - 1].at_ms > action.at_ms; k--)
            plan->actions[k] = plan->actions[k - 1];
        plan->actions[k] = action;
    }
}

void plan_init(struct plan *plan, uint64_t seed)
{
    struct rng rng;
    uint64_t known;
    size_t n;
    unsigned fault_percent;
    int64_t at_ms = 0;

    rng_init(&rng, seed);
    *plan = (struct plan){.seed = seed, .length_ms = draw_length(&rng)};
    plan->hosts_n = 1 + (unsigned)rng_below(&rng, PLAN_HOSTS_MAX);
    plan->clients_n = 1 + (unsigned)rng_below(&rng, PLAN_CLIENTS_MAX);
    draw_services(plan, &rng);
    n = 20 + rng_below(&rng, ACTIONS_MAX - 20 - PLAN_HOSTS_MAX);
    known = draw_known(&rng);
    fault_percent = (unsigned)rng_below(&rng, 40);
    plan->actions = mem_zalloc((n + PLAN_HOSTS_MAX) * sizeof *plan->actions);
    for (unsigned i = 0; i < plan->hosts_n; i++)
        add(plan, (int64_t)rng_below(&rng, rng_below(&rng, 3) ? 100 : 10000), ACTION_HOST_STARTS,
            rng_next(&rng));
    for (size_t i = 0; i < n; i++) {
        enum action_kind kind = ACTION_CALL;

        if (rng_below(&rng, 2))
            at_ms = (int64_t)rng_below(&rng, (uint64_t)plan->length_ms);
        else
            at_ms += (int64_t)rng_below(&rng, BURST_MS);
        if (rng_below(&rng, 100) < fault_percent)
            kind = draw_fault(&rng, known);
        else if (rng_below(&rng, 4) == 0)
            kind = ACTION_BOOK;
        add(plan, at_ms, kind, rng_next(&rng));
    }
    sort(plan);
}

void plan_deinit(struct plan *plan)
{
    mem_free(plan->actions);
}

// ---- leaving out

static bool keep_range(struct plan *plan, struct str range)
{
    struct str first;
    struct str last;
    int64_t from;
    int64_t to;

    if (!str_cut(range, '-', &first, &last))
        last = first;
    if (!str_to_i64(first, &from) || !str_to_i64(last, &to) || from < 0 || to < from ||
        (size_t)to >= plan->n)
        return false;
    for (int64_t i = from; i <= to; i++)
        plan->actions[i].left_out = false;
    return true;
}

bool plan_keep(struct plan *plan, struct str list)
{
    struct str range;

    for (size_t i = 0; i < plan->n; i++)
        plan->actions[i].left_out = true;
    while (list.len > 0) {
        str_cut(list, ',', &range, &list);
        if (!keep_range(plan, range))
            return false;
    }
    return true;
}

char *plan_kept(const struct plan *plan)
{
    struct buf out = BUF_INIT;

    for (size_t i = 0; i < plan->n; i++) {
        size_t first = i;

        if (plan->actions[i].left_out)
            continue;
        while (i + 1 < plan->n && !plan->actions[i + 1].left_out)
            i++;
        buf_printf(&out, first == i ? "%s%zu" : "%s%zu-%zu", buf_len(&out) ? "," : "", first, i);
    }
    buf_add_char(&out, '\0');
    return out.ptr + out.start;
}
