// Records put, removed, committed, undone and failed at random: whatever the order, the invariants
// hold, and what is undone is as it was.

#include "base/rng.h"
#include "base/test.h"
#include "model/cluster.h"
#include "model/instance.h"
#include "model/state_testing.h"
#include "model/task.h"

enum { SEEDS = 30, STEPS = 400, BATCHES_MAX = 4, DEMO = 1 };

struct player {
    struct records r;
    struct rng rng;
    struct batch batches[BATCHES_MAX]; // under way, oldest first
    uint64_t after[BATCHES_MAX];       // fingerprint with that batch and nothing newer
    size_t batches_n;
    uint64_t durable; // fingerprint of what is committed
};

// What counts and books add up to, in one number.
static uint64_t fingerprint(const struct state *state)
{
    uint64_t sum = 0;
    const struct idtable *tables = state->entities;

    for (uint64_t id = 0; (id = idtable_next(&tables[REC_KIND_CLUSTER], id)) != 0;) {
        const struct cluster *cluster = cluster_get(state, id);
        sum = sum * 31 + id + cluster->instances_n * 7 + cluster->tasks_n * 11;
        sum = sum * 31 + cluster->rec->status;
    }
    for (uint64_t id = 0; (id = idtable_next(&tables[REC_KIND_INSTANCE], id)) != 0;) {
        const struct instance *instance = instance_get(state, id);
        sum = sum * 31 + id + instance->wanted_n * 3 + instance->pending_n * 5;
        sum = sum * 31 + (uint64_t)(instance->books.cpu_left + instance->books.memory_left);
        sum = sum * 31 + instance->books.tcp.n + instance->st->status;
    }
    for (uint64_t id = 0; (id = idtable_next(&tables[REC_KIND_TASK], id)) != 0;) {
        const struct task *task = task_get(state, id);
        sum = sum * 31 + id + task->rec->last_status * 13 + task->rec->desired_status * 17;
    }
    return sum;
}

static bool chance(struct player *p, unsigned one_in)
{
    return rng_below(&p->rng, one_in) == 0;
}

// Any entity of a kind; 0 when there is none.
static uint64_t any(struct player *p, enum rec_kind kind)
{
    const struct idtable *table = &p->r.state.entities[kind];
    uint64_t bound = p->r.state.next_id[kind];
    uint64_t id = idtable_next(table, rng_below(&p->rng, bound));

    return id != 0 ? id : idtable_next(table, 0);
}

static void change_cluster(struct player *p)
{
    uint64_t id = any(p, REC_KIND_CLUSTER);
    const struct cluster *cluster = cluster_get(&p->r.state, id);

    if (chance(p, 3)) {
        records_cluster(&p->r, "again");
    } else if (id != DEMO && list_is_empty(&cluster->instances) && chance(p, 2)) {
        state_remove(&p->r.state, REC_KIND_CLUSTER, id);
    } else if (id != DEMO) {
        records_set_cluster(&p->r, id, "again",
                            chance(p, 2) ? REC_CLUSTER_STATUS_ACTIVE : REC_CLUSTER_STATUS_INACTIVE);
    }
}

static void change_instance(struct player *p)
{
    uint64_t id = any(p, REC_KIND_INSTANCE);
    const struct instance *instance;

    if (id == 0 || chance(p, 4)) {
        records_instance(&p->r, DEMO, 300 + (int)rng_below(&p->rng, 700), 1000);
        return;
    }
    instance = instance_get(&p->r.state, id);
    if (instance->records_n == 0 && chance(p, 3)) {
        state_remove(&p->r.state, REC_KIND_INSTANCE_STATE, id);
        state_remove(&p->r.state, REC_KIND_INSTANCE, id);
    } else if (chance(p, 2)) {
        records_set_instance(&p->r, id, DEMO, (int)rng_below(&p->rng, 1000), 800);
    } else {
        records_set_instance_state(
            &p->r, id, chance(p, 2) ? REC_INSTANCE_STATUS_ACTIVE : REC_INSTANCE_STATUS_DRAINING);
    }
}

static void change_task(struct player *p)
{
    uint64_t id = any(p, REC_KIND_TASK);
    const struct rec_task *rec;
    struct task_facts facts = {.cluster = DEMO};

    if (id == 0 || chance(p, 3)) {
        facts.instance = chance(p, 4) ? 0 : any(p, REC_KIND_INSTANCE);
        facts.last = REC_TASK_STATUS_PENDING;
        facts.desired = REC_TASK_STATUS_RUNNING;
        records_task(&p->r, &facts);
        return;
    }
    rec = task_get(&p->r.state, id)->rec;
    if (rec->last_status == REC_TASK_STATUS_STOPPED) {
        state_remove(&p->r.state, REC_KIND_TASK, id);
        return;
    }
    facts.instance = (uint64_t)rec->instance_id;
    facts.last = chance(p, 2) ? rec->last_status + 1 : rec->last_status;
    facts.desired = rec->desired_status;
    if (chance(p, 3) || facts.last > REC_TASK_STATUS_RUNNING)
        facts.desired = REC_TASK_STATUS_STOPPED;
    records_set_task(&p->r, id, &facts);
}

static void change_something(struct player *p)
{
    switch (rng_below(&p->rng, 6)) {
    case 0: change_cluster(p); break;
    case 1: change_instance(p); break;
    default: change_task(p); break;
    }
    state_check(&p->r.state);
}

static void try_and_undo(struct player *p)
{
    uint64_t before = fingerprint(&p->r.state);
    size_t mark = state_mark(&p->r.state);

    for (uint64_t n = rng_below(&p->rng, 12); n > 0; n--)
        change_something(p);
    state_undo_to(&p->r.state, mark);
    state_check(&p->r.state);
    assert_int_equal(fingerprint(&p->r.state), before);
}

static void take(struct player *p)
{
    if (p->batches_n == BATCHES_MAX)
        return;
    p->after[p->batches_n] = fingerprint(&p->r.state);
    p->batches[p->batches_n++] = state_take_batch(&p->r.state);
}

static void commit_oldest(struct player *p)
{
    if (p->batches_n == 0)
        return;
    batch_free(&p->batches[0]);
    p->durable = p->after[0];
    p->batches_n--;
    memmove(p->batches, p->batches + 1, p->batches_n * sizeof *p->batches);
    memmove(p->after, p->after + 1, p->batches_n * sizeof *p->after);
}

static void fail_all(struct player *p)
{
    state_undo_to(&p->r.state, 0);
    while (p->batches_n > 0) {
        batch_undo(&p->r.state, &p->batches[--p->batches_n]);
        state_check(&p->r.state);
    }
    assert_int_equal(fingerprint(&p->r.state), p->durable);
}

static void play(uint64_t seed)
{
    struct player p = {0};

    rng_init(&p.rng, seed);
    records_init_demo(&p.r);
    p.durable = fingerprint(&p.r.state);
    for (int step = 0; step < STEPS; step++) {
        switch (rng_below(&p.rng, 20)) {
        case 0: try_and_undo(&p); break;
        case 1: take(&p); break;
        case 2: commit_oldest(&p); break;
        case 3: fail_all(&p); break;
        default: change_something(&p); break;
        }
    }
    fail_all(&p);
    records_deinit(&p.r);
}

static void invariants_hold_whatever_happens_in_whatever_order(void **state)
{
    (void)state;

    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        play(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(invariants_hold_whatever_happens_in_whatever_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
