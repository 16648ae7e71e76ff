// Every small service there can be, whatever befalls it: a state is how many tasks there are of
// each sort, and from every state every single thing that may happen is tried. The plan is carried
// out until it wants nothing more, its limits are held against each of its acts, and when nothing
// bad happens any more, each way of getting further ends, and ends where the service is to be.

#include "core/replica_plan.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/test.h"

// A sort of task: one of four stages, of the newest deployment or an older one, and marked or not;
// and one for all that stop. What the mark is belongs to the world: draining, or protected.
enum stage { STARTING, WARMING, HEALTHY, UNHEALTHY, STAGES };
enum { SORTS = STAGES * 4 + 1, STOPPING = SORTS - 1, BITS = 3, MANY = 7 };

typedef uint64_t state_t; // BITS for each sort

enum mark_is { MARK_IS_UNUSED, MARK_IS_DRAINING, MARK_IS_PROTECTED };

enum { STATES_MAX = 1 << 20, SLOTS = STATES_MAX * 2, MOVES_MAX = 96, TASKS_MAX = 64 };

struct edge {
    uint32_t from;
    uint32_t next; // of those to the same state; 0: none
};

struct world {
    struct replica_service service;
    enum mark_is mark_is;
    int tasks_max; // of the states that are begun with
    struct replica_task tasks[TASKS_MAX];
    uint8_t sort_of[TASKS_MAX];
    state_t *states; // from 1
    uint32_t *slots; // of states, by hash
    uint32_t states_n;
    uint32_t *ways_on;  // by state: kind moves that are left
    uint32_t *edges_to; // by state: the first of those that lead there
    struct edge *edges; // kind moves, from 1
    uint32_t edges_n;
    struct arena arena;
};

// ---- states

static int sort(enum stage stage, bool is_old, bool is_marked)
{
    return (int)stage * 4 + is_old * 2 + is_marked;
}

static int count(state_t state, int sort)
{
    return (int)(state >> (sort * BITS)) & MANY;
}

static state_t moved(state_t state, int from, int to)
{
    if (from >= 0)
        state -= (state_t)1 << (from * BITS);
    if (to >= 0) {
        assert_true(count(state, to) < MANY);
        state += (state_t)1 << (to * BITS);
    }
    return state;
}

static int total(state_t state)
{
    int n = 0;

    for (int i = 0; i < SORTS; i++)
        n += count(state, i);
    return n;
}

static bool is_stage(int sort, enum stage stage)
{
    return sort != STOPPING && sort / 4 == (int)stage;
}

static int of_stage(state_t state, enum stage stage)
{
    int n = 0;

    for (int i = 0; i < STOPPING; i++)
        n += is_stage(i, stage) ? count(state, i) : 0;
    return n;
}

static bool is_old(int sort)
{
    return (sort & 2) != 0;
}

static bool is_marked(int sort)
{
    return (sort & 1) != 0;
}

// ---- the plan, carried out

static void write_tasks(struct world *w, state_t state)
{
    w->service.tasks_n = 0;
    for (int i = 0; i < SORTS; i++) {
        for (int n = count(state, i); n > 0; n--) {
            struct replica_task *task = &w->tasks[w->service.tasks_n];

            w->sort_of[w->service.tasks_n++] = (uint8_t)i;
            *task = (struct replica_task){.phase = REPLICA_STOPPING};
            if (i == STOPPING)
                continue;
            task->phase = is_stage(i, STARTING) ? REPLICA_STARTING : REPLICA_RUNNING;
            task->deployment = is_old(i);
            task->healthy = is_stage(i, HEALTHY);
            task->unhealthy = is_stage(i, UNHEALTHY);
            task->draining = w->mark_is == MARK_IS_DRAINING && is_marked(i);
            task->is_protected = w->mark_is == MARK_IS_PROTECTED && is_marked(i);
        }
    }
}

static state_t stop(const struct world *w, state_t state, int sort)
{
    bool is_protected = w->mark_is == MARK_IS_PROTECTED && is_marked(sort);

    assert_int_not_equal(sort, STOPPING);
    assert_true(!is_protected || is_stage(sort, UNHEALTHY));
    return moved(state, sort, STOPPING);
}

// Scale-in takes the unstarted first, healthy ones last and no more of them than it may.
static state_t scale_in(const struct world *w, state_t state, const struct replica_plan *plan)
{
    static const enum stage order[] = {STARTING, WARMING, HEALTHY};
    int64_t left = plan->excess_n;
    int64_t healthy_left = plan->excess_healthy_max;

    for (int i = 0; i < 3; i++) {
        for (int marked = 0; marked < 2; marked++) {
            int from = sort(order[i], false, marked != 0);

            if (marked && w->mark_is != MARK_IS_UNUSED)
                continue; // to be drained, or protected
            while (left > 0 && count(state, from) > 0 &&
                   (order[i] != HEALTHY || healthy_left > 0)) {
                healthy_left -= order[i] == HEALTHY;
                left--;
                state = stop(w, state, from);
            }
        }
    }
    return state;
}

static state_t act(struct world *w, state_t state, struct replica_plan *plan)
{
    int healthy = of_stage(state, HEALTHY);
    state_t next = state;

    write_tasks(w, state);
    *plan = replica_plan(&w->service, &w->arena);
    for (size_t i = 0; i < plan->stops_n; i++)
        next = stop(w, next, w->sort_of[plan->stops[i].task]);
    next = scale_in(w, next, plan);
    assert_true(of_stage(next, HEALTHY) >=
                (healthy < w->service.lower ? healthy : (int)w->service.lower));
    for (int64_t i = 0; i < plan->start_n; i++)
        next = moved(next, -1, sort(STARTING, false, false));
    for (int64_t i = 0; i < plan->repair_n; i++)
        next = moved(next, -1, sort(STARTING, true, false));
    assert_true(plan->start_n + plan->repair_n == 0 || total(next) <= w->service.upper);
    arena_reset(&w->arena);
    return next;
}

// Until it wants nothing more, which is soon.
static state_t obey(struct world *w, state_t state, struct replica_plan *plan)
{
    state_t next;

    for (int rounds = 0;; rounds++) {
        assert_true(rounds < 8);
        next = act(w, state, plan);
        if (next == state)
            return state;
        state = next;
    }
}

// ---- what may happen to one task

struct moves {
    state_t to[MOVES_MAX];
    int n;
    int kind_n; // those at the head that get things further
};

static void add_move(struct moves *moves, state_t to)
{
    ASSERT(moves->n < MOVES_MAX);
    moves->to[moves->n++] = to;
}

static void kind_moves(state_t state, struct moves *moves)
{
    for (int i = 0; i < SORTS; i++) {
        if (count(state, i) == 0)
            continue;
        if (i == STOPPING)
            add_move(moves, moved(state, i, -1));
        else if (is_stage(i, STARTING))
            add_move(moves, moved(state, i, sort(WARMING, is_old(i), is_marked(i))));
        else if (is_stage(i, WARMING))
            add_move(moves, moved(state, i, sort(HEALTHY, is_old(i), is_marked(i))));
    }
    moves->kind_n = moves->n;
}

static void unkind_moves(const struct world *w, state_t state, struct moves *moves)
{
    for (int i = 0; i < STOPPING; i++) {
        if (count(state, i) == 0)
            continue;
        add_move(moves, moved(state, i, -1)); // it dies
        if (is_stage(i, WARMING) || is_stage(i, HEALTHY))
            add_move(moves, moved(state, i, sort(UNHEALTHY, is_old(i), is_marked(i))));
        if (is_stage(i, UNHEALTHY))
            add_move(moves, moved(state, i, sort(HEALTHY, is_old(i), is_marked(i))));
        if (w->mark_is != MARK_IS_UNUSED)
            add_move(moves, moved(state, i, i ^ 1));
        if (!is_old(i)) // as when a deployment begins, one task at a time
            add_move(moves, moved(state, i, i | 2));
    }
}

// ---- all states

static uint32_t note(struct world *w, state_t state)
{
    size_t slot = hash_bytes(&state, sizeof state) % SLOTS;

    for (; w->slots[slot] != 0; slot = (slot + 1) % SLOTS) {
        if (w->states[w->slots[slot]] == state)
            return w->slots[slot];
    }
    ASSERT(w->states_n + 1 < STATES_MAX);
    w->states[++w->states_n] = state;
    w->slots[slot] = w->states_n;
    return w->states_n;
}

// Every state with that many tasks at most; the count of one sort after the other is raised.
static void begin_with_all(struct world *w)
{
    state_t state = 0;
    struct replica_plan plan;

    for (;;) {
        int at = 0;

        note(w, obey(w, state, &plan));
        for (; at < SORTS; at++) {
            bool is_left_out = at != STOPPING && is_marked(at) && w->mark_is == MARK_IS_UNUSED;

            if (!is_left_out && total(state) < w->tasks_max) {
                state = moved(state, -1, at);
                break;
            }
            state -= (state_t)count(state, at) << (at * BITS);
        }
        if (at == SORTS)
            return;
    }
}

static void expand(struct world *w, uint32_t from)
{
    struct moves moves = {0};
    struct replica_plan plan;

    kind_moves(w->states[from], &moves);
    unkind_moves(w, w->states[from], &moves);
    for (int i = 0; i < moves.n; i++) {
        uint32_t to = note(w, obey(w, moves.to[i], &plan));

        if (i >= moves.kind_n)
            continue;
        w->edges[++w->edges_n] = (struct edge){.from = from, .next = w->edges_to[to]};
        w->edges_to[to] = w->edges_n;
        w->ways_on[from]++;
    }
}

// Nothing gets any further here by itself.
static void check_end(struct world *w, state_t state)
{
    struct replica_plan plan;

    assert_int_equal(obey(w, state, &plan), state);
    if (w->service.is_failed || plan.protected_n > 0)
        return;
    assert_int_equal(plan.is_steady + plan.is_stuck, 1);
    // Only limits that leave no room either way may be stuck.
    if (plan.is_stuck)
        assert_true(
            w->service.upper <= w->service.desired &&
            (w->service.lower >= w->service.desired || w->service.upper < w->service.desired));
}

// From the ends backwards: a state is done when all its ways on are. What is left over goes round
// in circles.
static void check_that_it_ends(struct world *w)
{
    uint32_t *done = mem_zalloc((w->states_n + 1) * sizeof *done);
    uint32_t done_n = 0;

    for (uint32_t i = 1; i <= w->states_n; i++) {
        if (w->ways_on[i] > 0)
            continue;
        check_end(w, w->states[i]);
        done[done_n++] = i;
    }
    for (uint32_t at = 0; at < done_n; at++) {
        for (uint32_t e = w->edges_to[done[at]]; e != 0; e = w->edges[e].next) {
            if (--w->ways_on[w->edges[e].from] == 0)
                done[done_n++] = w->edges[e].from;
        }
    }
    assert_int_equal(done_n, w->states_n);
    mem_free(done);
}

static uint32_t explore(const struct replica_service *service, enum mark_is mark_is, int tasks_max)
{
    struct world w = {.service = *service, .mark_is = mark_is, .tasks_max = tasks_max};
    uint32_t n;

    w.service.start_max = w.service.repair_max = INT64_MAX;
    w.service.deployments_n = 2;
    w.service.tasks = w.tasks;
    w.states = mem_zalloc(STATES_MAX * sizeof *w.states);
    w.slots = mem_zalloc(SLOTS * sizeof *w.slots);
    w.ways_on = mem_zalloc(STATES_MAX * sizeof *w.ways_on);
    w.edges_to = mem_zalloc(STATES_MAX * sizeof *w.edges_to);
    w.edges = mem_zalloc((size_t)STATES_MAX * 8 * sizeof *w.edges);
    begin_with_all(&w);
    for (uint32_t i = 1; i <= w.states_n; i++)
        expand(&w, i);
    check_that_it_ends(&w);
    n = w.states_n;
    mem_free(w.states);
    mem_free(w.slots);
    mem_free(w.ways_on);
    mem_free(w.edges_to);
    mem_free(w.edges);
    arena_deinit(&w.arena);
    return n;
}

// Each pair of limits that percentages can make of the desired count, and one below it.
static void explore_all(enum mark_is mark_is, int desired_max, struct replica_service service,
                        uint32_t states_min)
{
    uint32_t n = 0;

    for (int desired = 0; desired <= desired_max; desired++) {
        for (int lower = 0; lower <= desired; lower++) {
            for (int upper = desired > 0 ? desired - 1 : 0; upper <= 2 * desired; upper++) {
                service.desired = desired;
                service.lower = lower;
                service.upper = upper;
                n += explore(&service, mark_is, desired + 2);
            }
        }
    }
    assert_true(n > states_min);
}

static void test_rollouts_and_repairs(void **state)
{
    (void)state;
    explore_all(MARK_IS_UNUSED, 3, (struct replica_service){.repaired = 0}, 4000);
    explore_all(MARK_IS_UNUSED, 3, (struct replica_service){.repaired = 1}, 4000);
}

static void test_failed_deployments(void **state)
{
    (void)state;
    explore_all(MARK_IS_UNUSED, 3, (struct replica_service){.is_failed = true}, 4000);
    explore_all(MARK_IS_UNUSED, 3, (struct replica_service){.repaired = 1, .is_failed = true},
                10000);
}

static void test_draining_instances(void **state)
{
    (void)state;
    explore_all(MARK_IS_DRAINING, 2, (struct replica_service){.repaired = 0}, 4000);
    explore_all(MARK_IS_DRAINING, 2, (struct replica_service){.repaired = 1}, 4000);
}

static void test_protected_tasks(void **state)
{
    (void)state;
    explore_all(MARK_IS_PROTECTED, 2, (struct replica_service){.repaired = 0}, 4000);
    explore_all(MARK_IS_PROTECTED, 2, (struct replica_service){.repaired = 1}, 4000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rollouts_and_repairs),
        cmocka_unit_test(test_failed_deployments),
        cmocka_unit_test(test_draining_instances),
        cmocka_unit_test(test_protected_tasks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
