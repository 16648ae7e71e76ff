// See check.h. The tables of legal moves are written down here a second time, from the same source
// as the core's (ecs-behaviour-scheduler 2): a test that asked the code would agree with it.

#include "tests/sim/check.h"

#include "api/host.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/hash.h"
#include "base/map.h"
#include "runtime/fake_host.h"
#include "tests/sim/generate.h"
#include "tests/sim/host.h"
#include "tests/sim/plan.h"
#include "tests/sim/sim.h"
#include "wire/codec.h"

enum { SMALL_STATE = 64 };

// What the server's disk holds, by kind and id.
struct row {
    uint64_t key[2];
    uint64_t hash;
    UT_hash_handle hh;
};

// A task that was committed at some time.
struct seen {
    struct str uid;
    struct str started_by;
    UT_hash_handle hh;
    char bytes[];
};

struct ran;

static struct {
    struct row *rows;
    struct seen *seen;
    struct ran *ran;
    size_t containers_done[PLAN_HOSTS_MAX]; // by host: those before that are settled
    uint64_t digest;
    uint64_t steps; // of the core since the state was checked
} check;

void check_start(void)
{
    memset(&check, 0, sizeof check);
}

static void free_ran(void);

static void free_seen(void)
{
    struct seen *seen;
    struct seen *next;

    HASH_ITER (hh, check.seen, seen, next) {
        HASH_DEL(check.seen, seen);
        mem_free(seen);
    }
}

void check_stop(void)
{
    struct row *row;
    struct row *next;

    HASH_ITER (hh, check.rows, row, next) {
        HASH_DEL(check.rows, row);
        mem_free(row);
    }
    free_seen();
    free_ran();
    check_services_stop();
}

uint64_t check_digest(void)
{
    return check.digest;
}

// ---- the state

static size_t entities(const struct state *state)
{
    size_t n = 0;

    for (size_t kind = 1; kind < REC_KIND_N; kind++)
        n += state->entities[kind].count;
    return n;
}

void check_state(const struct state *state)
{
    if (++check.steps * SMALL_STATE < entities(state))
        return;
    check.steps = 0;
    state_check(state);
    check_books(state);
    check_services(state);
}

// ---- moves of the server's records

#define BIT(status) (1u << REC_TASK_STATUS_##status)

static bool task_may_move(enum rec_task_status from, enum rec_task_status to)
{
    static const uint32_t onward[REC_TASK_STATUS_N] = {
        [REC_TASK_STATUS_PROVISIONING] = BIT(PENDING) | BIT(STOPPED),
        [REC_TASK_STATUS_PENDING] = BIT(RUNNING) | BIT(DEPROVISIONING) | BIT(STOPPED),
        [REC_TASK_STATUS_RUNNING] = BIT(STOPPED) | BIT(DEPROVISIONING) | BIT(DEACTIVATING),
        [REC_TASK_STATUS_DEACTIVATING] = BIT(STOPPED) | BIT(DEPROVISIONING) | BIT(STOPPING),
        [REC_TASK_STATUS_STOPPING] = BIT(DEPROVISIONING) | BIT(STOPPED),
        [REC_TASK_STATUS_DEPROVISIONING] = BIT(STOPPED),
    };

    return from == to || (onward[from] & (1u << to)) != 0;
}

static void check_task(const struct state *state, uint64_t id, const struct rec_task *before,
                       const struct rec_task *after)
{
    if (before == NULL) {
        SIM_CHECK(after->last_status <= REC_TASK_STATUS_PENDING && after->version == 1,
                  "task %llu begins as %d", (unsigned long long)id, (int)after->last_status);
        return;
    }
    if (after == NULL) {
        SIM_CHECK(before->last_status == REC_TASK_STATUS_STOPPED,
                  "task %llu is forgotten before it stopped", (unsigned long long)id);
        return;
    }
    (void)state;
    SIM_CHECK(task_may_move(before->last_status, after->last_status),
              "task %llu moves from %d to %d", (unsigned long long)id, (int)before->last_status,
              (int)after->last_status);
    SIM_CHECK(after->desired_status >= before->desired_status, "task %llu is wanted again",
              (unsigned long long)id);
    SIM_CHECK(after->version > before->version, "task %llu changes without a new version",
              (unsigned long long)id);
    SIM_CHECK(str_eq(after->uid, before->uid) && after->cluster_id == before->cluster_id &&
                  (after->instance_id == before->instance_id ||
                   before->last_status == REC_TASK_STATUS_PROVISIONING) &&
                  after->definition_id == before->definition_id,
              "task %llu becomes another", (unsigned long long)id);
    SIM_CHECK(before->last_status != REC_TASK_STATUS_STOPPED ||
                  (after->stopped_at == before->stopped_at &&
                   str_eq(after->stopped_reason, before->stopped_reason)),
              "task %llu stops twice", (unsigned long long)id);
}

static void check_instance_state(uint64_t id, const struct rec_instance_state *before,
                                 const struct rec_instance_state *after)
{
    if (before == NULL || after == NULL) {
        SIM_CHECK(before == NULL || before->status == REC_INSTANCE_STATUS_INACTIVE,
                  "instance %llu is forgotten while registered", (unsigned long long)id);
        return;
    }
    SIM_CHECK(before->status != REC_INSTANCE_STATUS_INACTIVE ||
                  after->status == REC_INSTANCE_STATUS_INACTIVE,
              "instance %llu comes back from INACTIVE", (unsigned long long)id);
    SIM_CHECK(after->version >= before->version && after->sequence >= before->sequence,
              "a number of instance %llu falls", (unsigned long long)id);
}

static void check_definition(uint64_t id, const struct rec_task_definition *before,
                             const struct rec_task_definition *after)
{
    if (before == NULL || after == NULL) {
        SIM_CHECK(before == NULL || before->status == ECS_TASK_DEFINITION_STATUS_DELETE_IN_PROGRESS,
                  "definition %llu is forgotten before it was deleted", (unsigned long long)id);
        return;
    }
    SIM_CHECK(after->status >= before->status, "definition %llu comes back",
              (unsigned long long)id);
    SIM_CHECK(after->revision == before->revision && after->family_id == before->family_id,
              "definition %llu becomes another", (unsigned long long)id);
}

static void check_family(uint64_t id, const struct rec_family *before,
                         const struct rec_family *after)
{
    SIM_CHECK(after != NULL, "family %llu is forgotten", (unsigned long long)id);
    SIM_CHECK(before == NULL || after->last_revision >= before->last_revision,
              "revisions of family %llu fall", (unsigned long long)id);
}

static void check_cluster(uint64_t id, const struct rec_cluster *before,
                          const struct rec_cluster *after)
{
    if (before == NULL)
        return;
    SIM_CHECK(before->status != REC_CLUSTER_STATUS_INACTIVE || after == NULL ||
                  after->status == REC_CLUSTER_STATUS_INACTIVE,
              "cluster %llu comes back from INACTIVE", (unsigned long long)id);
    SIM_CHECK(after != NULL || before->status == REC_CLUSTER_STATUS_INACTIVE,
              "cluster %llu is forgotten while it is active", (unsigned long long)id);
}

static void check_move(const struct state *state, const struct journal_entry *entry)
{
    switch (entry->kind) {
    case REC_KIND_TASK: check_task(state, entry->id, entry->before, entry->after); return;
    case REC_KIND_INSTANCE_STATE:
        check_instance_state(entry->id, entry->before, entry->after);
        return;
    case REC_KIND_TASK_DEFINITION: check_definition(entry->id, entry->before, entry->after); return;
    case REC_KIND_FAMILY: check_family(entry->id, entry->before, entry->after); return;
    case REC_KIND_CLUSTER: check_cluster(entry->id, entry->before, entry->after); return;
    case REC_KIND_CAPACITY_PROVIDER:
    case REC_KIND_INSTANCE:
    case REC_KIND_RUN_TOKEN:
    case REC_KIND_ACCOUNT_SETTING:
    case REC_KIND_SERVICE: // check_services.c
    case REC_KIND_REVISION:
    case REC_KIND_DEPLOYMENT:
    case REC_KIND_SERVICE_DEPLOYMENT:
    case REC_KIND_SERVICE_EVENT:
    case REC_KIND_NONE:
    case REC_KIND_N: return;
    }
}

void check_batch(const struct state *state, const struct batch *batch)
{
    for (size_t i = 0; i < batch->journal.n; i++)
        check_move(state, &batch->journal.at[i]);
    check_services_batch(state, batch);
}

// ---- tasks ever committed

static struct seen *find_seen(struct str uid)
{
    struct seen *seen;

    MAP_FIND_STR(hh, check.seen, uid, seen);
    return seen;
}

static void note_task(const struct rec_task *rec)
{
    struct seen *seen = mem_zalloc(sizeof *seen + rec->uid.len + rec->started_by.len + 1);

    SIM_CHECK(rec->uid.len > 0, "a task has no name");
    memcpy(seen->bytes, rec->uid.ptr, rec->uid.len);
    seen->uid = str_span(seen->bytes, rec->uid.len);
    if (rec->started_by.len > 0)
        memcpy(seen->bytes + rec->uid.len, rec->started_by.ptr, rec->started_by.len);
    seen->started_by = str_span(seen->bytes + rec->uid.len, rec->started_by.len);
    SIM_CHECK(find_seen(seen->uid) == NULL, "task %.*s is made twice", STR_ARGS(seen->uid));
    MAP_ADD_STR(hh, check.seen, uid, seen);
}

void check_committed(const struct batch *batch)
{
    for (size_t i = 0; i < batch->journal.n; i++) {
        const struct journal_entry *entry = &batch->journal.at[i];
        if (entry->kind == REC_KIND_TASK && entry->before == NULL)
            note_task(entry->after);
    }
}

bool check_knows_task(struct str arn)
{
    struct str head;
    struct str uid;

    return str_cut_last(arn, '/', &head, &uid) && find_seen(uid) != NULL;
}

size_t check_tasks_started_by(struct str started_by)
{
    struct seen *seen;
    struct seen *next;
    size_t n = 0;

    HASH_ITER (hh, check.seen, seen, next) {
        n += str_eq(seen->started_by, started_by);
    }
    return n;
}

size_t check_tasks(void)
{
    return HASH_COUNT(check.seen);
}

// ---- the server's disk

static struct row *row_of(size_t kind, uint64_t id)
{
    uint64_t key[2] = {kind, id};
    struct row *row;

    HASH_FIND(hh, check.rows, key, sizeof key, row);
    return row;
}

static bool has_word(struct str text, const char *word)
{
    return text.ptr != NULL && memmem(text.ptr, text.len, word, strlen(word)) != NULL;
}

static bool has_secret(struct str text)
{
    return has_word(text, GENERATE_SENTINEL) || has_word(text, FAKE_HOST_HELD);
}

static void note_written(const struct store_write *write)
{
    struct row *row = row_of(write->kind, write->id);
    uint64_t hash = write->remove ? 1 : hash_stable(write->json.ptr, write->json.len);

    check.digest = (check.digest * UINT64_C(0x9e3779b97f4a7c15)) ^ hash ^ write->id;
    if (write->remove) {
        if (row != NULL) {
            HASH_DEL(check.rows, row);
            mem_free(row);
        }
        return;
    }
    if (row == NULL) {
        row = mem_zalloc(sizeof *row);
        row->key[0] = write->kind;
        row->key[1] = write->id;
        HASH_ADD(hh, check.rows, key, sizeof row->key, row);
    }
    row->hash = hash;
}

void check_written(const struct store_write *writes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bool may_hold =
            writes[i].kind == REC_KIND_TASK_DEFINITION || writes[i].kind == REC_KIND_TASK;
        SIM_CHECK(may_hold || !has_secret(writes[i].json), "a secret is stored in a %.*s",
                  STR_ARGS(rec_kinds[writes[i].kind].name));
        note_written(&writes[i]);
    }
}

void check_recovered(const struct state *state)
{
    struct buf json = BUF_INIT;
    size_t n = 0;

    for (size_t kind = 1; kind < REC_KIND_N; kind++) {
        for (uint64_t id = 0; (id = idtable_next(&state->entities[kind], id)) != 0; n++) {
            const struct entity *entity = state_get(state, (enum rec_kind)kind, id);
            const struct row *row = row_of(kind, id);

            buf_clear(&json);
            codec_encode(&json, rec_kinds[kind].shape, entity->record);
            SIM_CHECK(row != NULL && row->hash == hash_stable(buf_str(&json).ptr, buf_len(&json)),
                      "%.*s %llu is not what was committed", STR_ARGS(rec_kinds[kind].name),
                      (unsigned long long)id);
        }
    }
    check_services(state);
    SIM_CHECK(n == HASH_COUNT(check.rows), "%zu records were committed, %zu came back",
              (size_t)HASH_COUNT(check.rows), n);
    buf_deinit(&json);
}

void check_log_line(struct str line)
{
    SIM_CHECK(!has_secret(line), "a secret is logged: %.*s", STR_ARGS(line));
}

// ---- hosts

static void *decoded(struct arena *arena, const struct shape *shape, struct str json)
{
    void *value = arena_alloc(arena, shape->size);
    struct codec_report report = {0};

    SIM_CHECK(codec_decode(arena, shape, json, &codec_peer, value, &report) == 0,
              "a record cannot be read: %.*s", STR_ARGS(report.message));
    return value;
}

static void check_host_task(struct sim_host *host, uint64_t id, const struct host_task *before,
                            const struct host_task *after)
{
    const char *name = sim_host_node(host)->name;

    SIM_CHECK(after->known_status >= before->known_status, "%s: task %llu falls back", name,
              (unsigned long long)id);
    SIM_CHECK(after->sent_status >= before->sent_status, "%s: reports of task %llu fall back", name,
              (unsigned long long)id);
    SIM_CHECK(after->desired_status >= before->desired_status, "%s: task %llu is wanted again",
              name, (unsigned long long)id);
}

static void check_host_container(struct sim_host *host, uint64_t id,
                                 const struct host_container *before,
                                 const struct host_container *after)
{
    const char *name = sim_host_node(host)->name;
    bool may_fall = after->restart_count > before->restart_count;

    SIM_CHECK(may_fall || after->known_status >= before->known_status,
              "%s: container %llu falls back", name, (unsigned long long)id);
    SIM_CHECK(after->restart_count >= before->restart_count, "%s: restarts of %llu fall", name,
              (unsigned long long)id);
    SIM_CHECK(before->runtime_id.len == 0 || str_eq(before->runtime_id, after->runtime_id),
              "%s: container %llu becomes another", name, (unsigned long long)id);
}

static void check_host_write(struct sim_host *host, const struct store_write *write)
{
    const struct shape *shape = host_kinds[write->kind].shape;
    struct str old = memory_disk_record(sim_host_disk(host), write->kind, write->id);
    struct arena arena = ARENA_INIT;

    SIM_CHECK(write->remove || !has_word(write->json, FAKE_HOST_HELD),
              "%s: what a secret holds is stored", sim_host_node(host)->name);
    if (old.len == 0 || write->remove ||
        (write->kind != HOST_KIND_TASK && write->kind != HOST_KIND_CONTAINER))
        return;
    if (write->kind == HOST_KIND_TASK)
        check_host_task(host, write->id, decoded(&arena, shape, old),
                        decoded(&arena, shape, write->json));
    else
        check_host_container(host, write->id, decoded(&arena, shape, old),
                             decoded(&arena, shape, write->json));
    arena_deinit(&arena);
}

void check_host_written(struct sim_host *host, const struct store_write *writes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        check_host_write(host, &writes[i]);
}

// A container of a task that was made to run. Whatever it is now, no other is to be made to run for
// it.
struct ran {
    struct str key; // task and container
    const struct fake_container *container;
    const char *host;
    UT_hash_handle hh;
    char bytes[];
};

static struct ran *find_ran(struct str key)
{
    struct ran *ran;

    MAP_FIND_STR(hh, check.ran, key, ran);
    return ran;
}

static void note_ran(const struct fake_container *c, struct str key, const char *host)
{
    struct ran *ran = mem_zalloc(sizeof *ran + key.len);

    memcpy(ran->bytes, key.ptr, key.len);
    ran->key = str_span(ran->bytes, key.len);
    ran->container = c;
    ran->host = host;
    MAP_ADD_STR(hh, check.ran, key, ran);
}

// True when there is nothing more to be learnt of it.
static bool check_container(const struct fake_container *c, const char *host)
{
    struct arena arena = ARENA_INIT;
    struct str key = str_fmt(&arena, "%.*s %.*s", STR_ARGS(c->task_arn), STR_ARGS(c->container));
    struct ran *ran = c->starts > 0 ? find_ran(key) : NULL;

    SIM_CHECK(ran == NULL || ran->container == c, "container %.*s of %.*s ran twice, on %s and %s",
              STR_ARGS(c->container), STR_ARGS(c->task_arn), ran->host, host);
    if (c->starts > 0 && ran == NULL)
        note_ran(c, key, host);
    arena_deinit(&arena);
    return c->starts > 0 || c->removed;
}

void check_runtime(struct sim_host *const *hosts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct fake *fake = sim_host_fake(hosts[i]);
        size_t *done = &check.containers_done[i];
        size_t containers_n = fake_containers(fake);

        for (size_t k = *done; k < containers_n; k++) {
            bool is_over =
                check_container(fake_container_at(fake, k), sim_host_node(hosts[i])->name);

            *done += is_over && *done == k;
        }
    }
}

static void free_ran(void)
{
    struct ran *ran;
    struct ran *next;

    HASH_ITER (hh, check.ran, ran, next) {
        HASH_DEL(check.ran, ran);
        mem_free(ran);
    }
}
