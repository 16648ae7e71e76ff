// The store in memory; see memory.h. The disk is a sorted list of records a kind, and a place where
// tests plant faults.
//
// A commit is applied under the disk's lock in one go, so it is whole by construction; what the
// faults vary is whether it was applied, and whether the caller learns of it.

#include "store/memory.h"

#include <pthread.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/mem.h"
#include "store/backend.h"

struct memory_record {
    uint64_t id;
    char *json;
    size_t len;
};

struct memory_table {
    struct memory_record *at; // ids rising
    size_t n;
    size_t cap;
};

struct memory_meta {
    struct memory_meta *next;
    char *key;
    char *value;
};

struct memory_disk {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct memory_table *tables; // one a kind, and the log's
    size_t tables_n;             // the log's not counted
    struct memory_meta *metas;
    uint64_t commits;
    memory_watch_fn *watch;
    void *watch_user;
    enum memory_fault fault;
    unsigned fault_after;
    unsigned fault_times;
    unsigned waiting; // commits held
    bool hold;
    bool is_open;
    bool is_cut; // the power is gone until the next open
};

struct memory_store {
    struct store store;
    struct memory_disk *disk;
};

static struct memory_disk *disk_of(struct store *store)
{
    return ((struct memory_store *)store)->disk;
}

struct memory_disk *memory_disk_new(void)
{
    struct memory_disk *disk = mem_zalloc(sizeof *disk);

    pthread_mutex_init(&disk->lock, NULL);
    pthread_cond_init(&disk->changed, NULL);
    return disk;
}

static void free_table(struct memory_table *table)
{
    for (size_t i = 0; i < table->n; i++)
        mem_free(table->at[i].json);
    mem_free(table->at);
}

void memory_disk_free(struct memory_disk *disk)
{
    if (disk == NULL)
        return;
    ASSERT(!disk->is_open);
    for (size_t i = 0; disk->tables != NULL && i <= disk->tables_n; i++)
        free_table(&disk->tables[i]);
    mem_free(disk->tables);
    while (disk->metas != NULL) {
        struct memory_meta *meta = disk->metas;
        disk->metas = meta->next;
        mem_free(meta->key);
        mem_free(meta->value);
        mem_free(meta);
    }
    pthread_cond_destroy(&disk->changed);
    pthread_mutex_destroy(&disk->lock);
    mem_free(disk);
}

// ---- what tests plant

void memory_disk_fail(struct memory_disk *disk, enum memory_fault fault, unsigned after,
                      unsigned times)
{
    pthread_mutex_lock(&disk->lock);
    disk->fault = fault;
    disk->fault_after = after;
    disk->fault_times = times;
    pthread_mutex_unlock(&disk->lock);
}

void memory_disk_watch(struct memory_disk *disk, memory_watch_fn *fn, void *user)
{
    disk->watch = fn;
    disk->watch_user = user;
}

void memory_disk_hold(struct memory_disk *disk, bool hold)
{
    pthread_mutex_lock(&disk->lock);
    disk->hold = hold;
    pthread_cond_broadcast(&disk->changed);
    pthread_mutex_unlock(&disk->lock);
}

void memory_disk_await_held(struct memory_disk *disk)
{
    pthread_mutex_lock(&disk->lock);
    while (disk->waiting == 0)
        pthread_cond_wait(&disk->changed, &disk->lock);
    pthread_mutex_unlock(&disk->lock);
}

uint64_t memory_disk_commits(struct memory_disk *disk)
{
    uint64_t commits;

    pthread_mutex_lock(&disk->lock);
    commits = disk->commits;
    pthread_mutex_unlock(&disk->lock);
    return commits;
}

size_t memory_disk_records(struct memory_disk *disk, size_t kind)
{
    size_t n;

    pthread_mutex_lock(&disk->lock);
    n = kind < disk->tables_n ? disk->tables[kind].n : 0;
    pthread_mutex_unlock(&disk->lock);
    return n;
}

// ---- the disk; its lock is held

// What is due now; counts down.
static enum memory_fault next_fault(struct memory_disk *disk, const struct store_write *writes,
                                    size_t n)
{
    enum memory_fault wanted;

    if (disk->is_cut)
        return MEMORY_FAULT_IO;
    wanted = disk->watch != NULL ? disk->watch(disk->watch_user, writes, n) : MEMORY_FAULT_NONE;
    if (wanted != MEMORY_FAULT_NONE)
        return wanted;
    if (disk->fault == MEMORY_FAULT_NONE || disk->fault_times == 0)
        return MEMORY_FAULT_NONE;
    if (disk->fault_after > 0) {
        disk->fault_after--;
        return MEMORY_FAULT_NONE;
    }
    disk->fault_times--;
    return disk->fault;
}

// Where the id stands, or would stand.
static size_t place_of(const struct memory_table *table, uint64_t id)
{
    size_t low = 0;
    size_t high = table->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (table->at[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void drop(struct memory_table *table, size_t at)
{
    mem_free(table->at[at].json);
    memmove(&table->at[at], &table->at[at + 1], (table->n - at - 1) * sizeof *table->at);
    table->n--;
}

static void make_room(struct memory_table *table, size_t at)
{
    if (table->n == table->cap) {
        table->cap = table->cap > 0 ? table->cap * 2 : 16;
        table->at = mem_realloc(table->at, table->cap * sizeof *table->at);
    }
    memmove(&table->at[at + 1], &table->at[at], (table->n - at) * sizeof *table->at);
    table->n++;
    table->at[at] = (struct memory_record){0};
}

static void apply(struct memory_disk *disk, const struct store_write *write)
{
    struct memory_table *table = &disk->tables[write->kind];
    size_t at = place_of(table, write->id);
    bool there = at < table->n && table->at[at].id == write->id;

    if (write->remove) {
        if (there)
            drop(table, at);
        return;
    }
    if (!there)
        make_room(table, at);
    mem_free(table->at[at].json);
    table->at[at] = (struct memory_record){
        .id = write->id, .json = mem_alloc(write->json.len), .len = write->json.len};
    memcpy(table->at[at].json, write->json.ptr, write->json.len);
}

struct str memory_disk_record(struct memory_disk *disk, size_t kind, uint64_t id)
{
    const struct memory_table *table = &disk->tables[kind];
    size_t at = place_of(table, id);

    if (at == table->n || table->at[at].id != id)
        return STR_NONE;
    return str_span(table->at[at].json, table->at[at].len);
}

// ---- the store

static int fault_outcome(struct store *store, enum memory_fault fault)
{
    if (fault == MEMORY_FAULT_NONE)
        return 0;
    store_set_detail(store, "a planted fault");
    return fault == MEMORY_FAULT_FULL ? STORE_E_FULL : STORE_E_IO;
}

static void wait_while_held(struct memory_disk *disk)
{
    disk->waiting++;
    pthread_cond_broadcast(&disk->changed);
    while (disk->hold)
        pthread_cond_wait(&disk->changed, &disk->lock);
    disk->waiting--;
}

// The log's table stands behind the kinds.
static struct memory_table *log_of(struct memory_disk *disk)
{
    return &disk->tables[disk->tables_n];
}

// The last block whose number is not greater, else the first.
static size_t block_before(const struct memory_table *table, uint64_t number)
{
    size_t at = place_of(table, number + 1);

    return at > 0 ? at - 1 : 0;
}

static void apply_log(struct memory_disk *disk, const struct store_log *log)
{
    struct memory_table *table = log_of(disk);

    for (size_t i = 0; i < log->n; i++) {
        struct store_write write = {
            .kind = disk->tables_n, .id = log->blocks[i].number, .json = log->blocks[i].text};
        apply(disk, &write);
    }
    for (size_t n = block_before(table, log->drop_before); n > 0; n--)
        drop(table, 0);
}

static int log_read(struct store *store, uint64_t from, store_block_fn *fn, void *user)
{
    const struct memory_table *table = log_of(disk_of(store));

    for (size_t i = block_before(table, from); i < table->n; i++) {
        int result = fn(user, table->at[i].id, str_span(table->at[i].json, table->at[i].len));
        if (result != 0)
            return result;
    }
    return 0;
}

static int commit(struct store *store, const struct store_write *writes, size_t n,
                  const struct store_log *log)
{
    struct memory_disk *disk = disk_of(store);
    enum memory_fault fault;

    pthread_mutex_lock(&disk->lock);
    if (disk->hold)
        wait_while_held(disk);
    fault = next_fault(disk, writes, n);
    if (fault == MEMORY_FAULT_CUT_BEFORE || fault == MEMORY_FAULT_CUT_AFTER)
        disk->is_cut = true;
    if (fault == MEMORY_FAULT_NONE || fault == MEMORY_FAULT_CUT_AFTER) {
        for (size_t i = 0; i < n; i++)
            apply(disk, &writes[i]);
        if (log != NULL)
            apply_log(disk, log);
    }
    if (fault == MEMORY_FAULT_NONE)
        disk->commits++;
    pthread_mutex_unlock(&disk->lock);
    return fault_outcome(store, fault);
}

static int probe(struct store *store)
{
    struct memory_disk *disk = disk_of(store);
    enum memory_fault fault;

    pthread_mutex_lock(&disk->lock);
    fault = next_fault(disk, NULL, 0);
    pthread_mutex_unlock(&disk->lock);
    return fault_outcome(store, fault);
}

static int load(struct store *store, store_load_fn *fn, void *user)
{
    struct memory_disk *disk = disk_of(store);

    for (size_t kind = 1; kind < disk->tables_n; kind++) {
        const struct memory_table *table = &disk->tables[kind];
        for (size_t i = 0; i < table->n; i++) {
            int result =
                fn(user, kind, table->at[i].id, str_span(table->at[i].json, table->at[i].len));
            if (result != 0)
                return result;
        }
    }
    return 0;
}

static struct memory_meta *find_meta(struct memory_disk *disk, struct str key)
{
    for (struct memory_meta *meta = disk->metas; meta != NULL; meta = meta->next) {
        if (str_eq(str_of(meta->key), key))
            return meta;
    }
    return NULL;
}

static char *heap_text(struct str text)
{
    char *copy = mem_alloc(text.len + 1);

    memcpy(copy, text.len > 0 ? text.ptr : "", text.len);
    copy[text.len] = '\0';
    return copy;
}

static int meta_get(struct store *store, struct arena *arena, struct str key, struct str *out)
{
    const struct memory_meta *meta = find_meta(disk_of(store), key);

    *out = meta != NULL ? str_copy(arena, str_of(meta->value)) : STR_NONE;
    return 0;
}

static int meta_set(struct store *store, struct str key, struct str value)
{
    struct memory_disk *disk = disk_of(store);
    struct memory_meta *meta = find_meta(disk, key);

    if (meta == NULL) {
        meta = mem_zalloc(sizeof *meta);
        meta->key = heap_text(key);
        meta->next = disk->metas;
        disk->metas = meta;
    }
    mem_free(meta->value);
    meta->value = heap_text(value);
    return 0;
}

static int check(struct store *store)
{
    (void)store;
    return 0;
}

static int backup(struct store *store, const char *path)
{
    (void)store;
    (void)path;
    return -EOPNOTSUPP;
}

static void close_store(struct store *store)
{
    struct memory_disk *disk = disk_of(store);

    pthread_mutex_lock(&disk->lock);
    disk->is_open = false;
    pthread_mutex_unlock(&disk->lock);
    store_deinit(store);
    mem_free(store);
}

static const struct store_backend memory_backend = {
    .load = load,
    .commit = commit,
    .log_read = log_read,
    .probe = probe,
    .meta_get = meta_get,
    .meta_set = meta_set,
    .check = check,
    .backup = backup,
    .close = close_store,
};

int store_open_memory(struct memory_disk *disk, const struct store_schema *schema,
                      struct store **out)
{
    struct memory_store *s;

    pthread_mutex_lock(&disk->lock);
    if (disk->is_open) {
        pthread_mutex_unlock(&disk->lock);
        return STORE_E_LOCKED;
    }
    disk->is_open = true;
    disk->is_cut = false;
    if (disk->tables == NULL) {
        disk->tables = mem_zalloc((schema->kinds_n + 1) * sizeof *disk->tables);
        disk->tables_n = schema->kinds_n;
    }
    ASSERT(disk->tables_n == schema->kinds_n);
    pthread_mutex_unlock(&disk->lock);
    s = mem_zalloc(sizeof *s);
    store_init(&s->store, &memory_backend, schema);
    s->disk = disk;
    *out = &s->store;
    return 0;
}
