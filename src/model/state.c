// The one place where state changes; see state.h for the rules.
//
// Applying a record is the kind's own business (cluster.c and so on); this file decides when it
// happens, what is remembered of it, and when the memory of a replaced record may go.

#include "model/state.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/proof.h"
#include "base/rng.h"
#include "base/trace.h"
#include "model/account_setting.h"
#include "model/cluster.h"
#include "model/deployment.h"
#include "model/instance.h"
#include "model/provider.h"
#include "model/run_token.h"
#include "model/service.h"
#include "model/task.h"
#include "model/task_definition.h"
#include "shape/walk.h"

const struct state_config state_config_default = {
    .partition = STR_INIT("aws"),
    .account = STR_INIT("123456789012"),
    .stopped_task_keep_ms = TIME_HOUR_MS,
    .stopped_tasks_max = 250000,
    .inactive_keep_ms = TIME_HOUR_MS,
    .definition_delete_ms = TIME_HOUR_MS,
};

typedef void apply_fn(struct state *state, uint64_t id, const void *record);

// How a kind's record becomes state. `record` is NULL when the entity goes away.
static apply_fn *const apply_of[REC_KIND_N] = {
    [REC_KIND_CLUSTER] = cluster_apply,
    [REC_KIND_CAPACITY_PROVIDER] = provider_apply,
    [REC_KIND_FAMILY] = family_apply,
    [REC_KIND_TASK_DEFINITION] = task_definition_apply,
    [REC_KIND_INSTANCE] = instance_apply,
    [REC_KIND_INSTANCE_STATE] = instance_state_apply,
    [REC_KIND_SERVICE] = service_apply,
    [REC_KIND_REVISION] = revision_apply,
    [REC_KIND_DEPLOYMENT] = deployment_apply,
    [REC_KIND_SERVICE_DEPLOYMENT] = service_deployment_apply,
    [REC_KIND_SERVICE_EVENT] = service_event_apply,
    [REC_KIND_TASK] = task_apply,
    [REC_KIND_RUN_TOKEN] = run_token_apply,
    [REC_KIND_ACCOUNT_SETTING] = account_setting_apply,
};

void state_init(struct state *state, const struct state_config *config)
{
    *state = (struct state){.config = *config, .batch = 1};
    for (int kind = 1; kind < REC_KIND_N; kind++) {
        ASSERT(apply_of[kind] != NULL);
        idtable_init(&state->entities[kind]);
        state->next_id[kind] = 1;
    }
    list_init(&state->clusters);
    list_init(&state->services_dirty);
    list_init(&state->clusters_roomy);
    list_init(&state->clusters_unsettled);
    list_init(&state->providers_unsettled);
    family_order_init(state);
}

static void journal_free_replaced(struct journal *journal)
{
    for (size_t i = 0; i < journal->n; i++)
        mem_free((void *)(uintptr_t)journal->at[i].before);
    mem_free(journal->at);
    *journal = (struct journal){0};
}

// Tasks before what they refer to: the reverse of the order in which kinds are loaded.
void state_deinit(struct state *state)
{
    journal_free_replaced(&state->journal);
    for (int kind = REC_KIND_N - 1; kind > 0; kind--) {
        struct idtable *table = &state->entities[kind];
        for (uint64_t id = 0; (id = idtable_next(table, id)) != 0;) {
            const void *record = ((struct entity *)idtable_get(table, id))->record;
            apply_of[kind](state, id, NULL);
            mem_free((void *)(uintptr_t)record);
        }
        idtable_deinit(table);
    }
    expiry_deinit(&state->expiries);
    expiry_deinit(&state->stopped);
    expiry_deinit(&state->wakes);
    expiry_deinit(&state->minutes);
    expiry_deinit(&state->waits);
    expiry_deinit(&state->role_keys);
    uid_index_deinit(&state->tasks_by_uid);
    family_order_deinit(state);
}

uint64_t state_new_id(struct state *state, enum rec_kind kind)
{
    ASSERT(kind > REC_KIND_NONE && kind < REC_KIND_N);
    return state->next_id[kind]++;
}

int64_t state_life(struct state *state, struct rng *rng)
{
    if (state->life == 0)
        state->life = (int64_t)(rng_next(rng) >> 1) | 1;
    return state->life;
}

void state_begin_life(struct state *state)
{
    const struct idtable *services = &state->entities[REC_KIND_SERVICE];

    state->life = 0;
    for (uint64_t id = 0; (id = idtable_next(services, id)) != 0;)
        service_mark(state, service_get(state, id));
}

struct entity *state_get(const struct state *state, enum rec_kind kind, uint64_t id)
{
    struct entity *entity = idtable_get(&state->entities[kind], id);

    ASSERT(entity == NULL || (entity->id == id && entity->kind == kind));
    return entity;
}

static void journal_note(struct state *state, const struct journal_entry *entry)
{
    struct journal *journal = &state->journal;

    if (journal->n == journal->cap) {
        journal->cap = journal->cap ? journal->cap * 2 : 64;
        journal->at = mem_realloc(journal->at, journal->cap * sizeof *journal->at);
    }
    journal->at[journal->n++] = *entry;
}

// Applies and remembers; `after` is a frozen block or NULL.
static void change(struct state *state, enum rec_kind kind, uint64_t id, const void *after)
{
    struct entity *entity = state_get(state, kind, id);
    struct journal_entry entry = {
        .kind = kind,
        .id = id,
        .first = entity == NULL || entity->touched_batch != state->batch,
        .before = entity != NULL ? entity->record : NULL,
        .after = after,
    };

    ASSERT(after != NULL || entity != NULL);
    trace_note("record", id, rec_kinds[kind].name.ptr, after != NULL ? "put" : "removed");
    journal_note(state, &entry);
    apply_of[kind](state, id, after);
    entity = state_get(state, kind, id);
    ASSERT((entity != NULL) == (after != NULL));
    if (entity != NULL)
        entity->touched_batch = state->batch;
}

void state_put(struct state *state, enum rec_kind kind, uint64_t id, const void *record)
{
    // An InstanceState has the id of its Instance.
    enum rec_kind minted = kind == REC_KIND_INSTANCE_STATE ? REC_KIND_INSTANCE : kind;

    ASSERT(id > 0 && id < state->next_id[minted]);
    change(state, kind, id, shape_freeze(rec_kinds[kind].shape, record));
}

void state_remove(struct state *state, enum rec_kind kind, uint64_t id)
{
    change(state, kind, id, NULL);
}

void state_load(struct state *state, enum rec_kind kind, uint64_t id, const void *record)
{
    ASSERT(state->journal.n == 0);
    ASSERT(state_get(state, kind, id) == NULL);
    apply_of[kind](state, id, shape_freeze(rec_kinds[kind].shape, record));
    if (state->next_id[kind] <= id)
        state->next_id[kind] = id + 1;
}

size_t state_mark(const struct state *state)
{
    return state->journal.n;
}

// Puts `before` back in place of what is there now, and frees the latter.
static void revert(struct state *state, const struct journal_entry *entry)
{
    struct entity *entity = state_get(state, entry->kind, entry->id);

    ASSERT((entity != NULL ? entity->record : NULL) == entry->after);
    apply_of[entry->kind](state, entry->id, entry->before);
    mem_free((void *)(uintptr_t)entry->after);
}

void state_undo_to(struct state *state, size_t mark)
{
    struct journal *journal = &state->journal;

    ASSERT(mark <= journal->n);
    while (journal->n > mark) {
        const struct journal_entry *entry = &journal->at[--journal->n];
        struct entity *entity;

        revert(state, entry);
        entity = state_get(state, entry->kind, entry->id);
        if (entity != NULL)
            entity->touched_batch = entry->first ? 0 : state->batch;
    }
}

static const void *newest_value(const struct state *state, enum rec_kind kind, uint64_t id)
{
    struct entity *entity = state_get(state, kind, id);

    return entity != NULL ? entity->record : NULL;
}

struct batch state_take_batch(struct state *state)
{
    struct batch batch = {.number = state->batch++, .journal = state->journal};

    state->journal = (struct journal){0};
    if (batch.journal.n == 0)
        return batch;
    batch.writes = mem_alloc(batch.journal.n * sizeof *batch.writes);
    for (size_t i = 0; i < batch.journal.n; i++) {
        const struct journal_entry *entry = &batch.journal.at[i];
        if (!entry->first)
            continue;
        batch.writes[batch.writes_n++] = (struct batch_write){
            .kind = entry->kind,
            .id = entry->id,
            .value = newest_value(state, entry->kind, entry->id),
        };
    }
    return batch;
}

void batch_free(struct batch *batch)
{
    journal_free_replaced(&batch->journal);
    mem_free(batch->writes);
    *batch = (struct batch){0};
}

void batch_undo(struct state *state, struct batch *batch)
{
    ASSERT(state->journal.n == 0);
    MARK("a batch that was not committed is undone");
    for (size_t i = batch->journal.n; i > 0; i--)
        revert(state, &batch->journal.at[i - 1]);
    mem_free(batch->journal.at);
    mem_free(batch->writes);
    *batch = (struct batch){0};
}

void state_check(const struct state *state)
{
    cluster_check_all(state);
    instance_check_all(state);
    task_check_all(state);
    task_definition_check_all(state);
    service_check_all(state);
    provider_check_all(state);
}
