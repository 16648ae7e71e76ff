// The front of every store: arguments are checked here, once for all backends, and handed on.
//
// Arguments come from our own code, so what is wrong with them is asserted; what comes from the
// disk is the backend's to judge, and comes back as an outcome.

#include "store/store.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/assert.h"
#include "store/backend.h"

const char *store_outcome_text(int outcome)
{
    if (outcome < 0)
        return strerrordesc_np(-outcome);
    switch ((enum store_outcome)outcome) {
    case STORE_E_LOCKED: return "another process has the store open";
    case STORE_E_CORRUPT: return "the store is damaged";
    case STORE_E_VERSION: return "the store was written by a newer version";
    case STORE_E_FULL: return "the disk is full";
    case STORE_E_IO: return "the disk failed";
    }
    return "no error";
}

static void check_name(struct str name)
{
    ASSERT(name.len > 0 && !str_eq(name, STR("meta")));
    for (size_t c = 0; c < name.len; c++)
        ASSERT((name.ptr[c] >= 'a' && name.ptr[c] <= 'z') || name.ptr[c] == '_');
}

static void check_schema(const struct store_schema *schema)
{
    ASSERT(schema->kinds_n > 1);
    ASSERT(schema->version > 0 && schema->version <= INT32_MAX);
    ASSERT(schema->application_id > 0 && schema->application_id <= INT32_MAX);
    for (size_t i = 1; i < schema->kinds_n; i++) {
        check_name(schema->kinds[i].name);
        ASSERT(!str_eq(schema->kinds[i].name, schema->log));
    }
    if (schema->log.len > 0)
        check_name(schema->log);
}

void store_init(struct store *store, const struct store_backend *backend,
                const struct store_schema *schema)
{
    ASSERT(backend->load != NULL && backend->commit != NULL && backend->probe != NULL);
    ASSERT(backend->log_read != NULL);
    ASSERT(backend->meta_get != NULL && backend->meta_set != NULL);
    ASSERT(backend->check != NULL && backend->backup != NULL && backend->close != NULL);
    check_schema(schema);
    *store = (struct store){.backend = backend, .schema = schema, .detail = BUF_INIT};
}

void store_deinit(struct store *store)
{
    buf_deinit(&store->detail);
}

void store_set_detail(struct store *store, const char *fmt, ...)
{
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    buf_clear(&store->detail);
    buf_add_str(&store->detail, str_of(text));
}

int store_load(struct store *store, store_load_fn *fn, void *user)
{
    return store->backend->load(store, fn, user);
}

static void check_log(const struct store *store, const struct store_log *log)
{
    ASSERT(store->schema->log.len > 0);
    for (size_t i = 0; i < log->n; i++) {
        ASSERT(log->blocks[i].number > (i > 0 ? log->blocks[i - 1].number : 0));
        ASSERT(log->blocks[i].number <= INT64_MAX && log->blocks[i].text.len > 0);
    }
}

int store_commit(struct store *store, const struct store_write *writes, size_t n)
{
    return store_commit_logged(store, writes, n, NULL);
}

int store_commit_logged(struct store *store, const struct store_write *writes, size_t n,
                        const struct store_log *log)
{
    if (log != NULL)
        check_log(store, log);
    for (size_t i = 0; i < n; i++) {
        ASSERT(writes[i].kind > 0 && writes[i].kind < store->schema->kinds_n);
        ASSERT(writes[i].id > 0 && writes[i].id <= INT64_MAX);
        ASSERT(writes[i].remove == (writes[i].json.len == 0));
    }
    if (n == 0 && (log == NULL || (log->n == 0 && log->drop_before == 0)))
        return 0;
    return store->backend->commit(store, writes, n, log);
}

int store_log_read(struct store *store, uint64_t from, store_block_fn *fn, void *user)
{
    ASSERT(store->schema->log.len > 0);
    return store->backend->log_read(store, from < INT64_MAX ? from : INT64_MAX, fn, user);
}

int store_probe(struct store *store)
{
    return store->backend->probe(store);
}

int store_meta_get(struct store *store, struct arena *arena, struct str key, struct str *out)
{
    return store->backend->meta_get(store, arena, key, out);
}

int store_meta_set(struct store *store, struct str key, struct str value)
{
    return store->backend->meta_set(store, key, value);
}

int store_check(struct store *store)
{
    return store->backend->check(store);
}

int store_backup(struct store *store, const char *path)
{
    return store->backend->backup(store, path);
}

struct str store_detail(const struct store *store)
{
    return buf_str(&store->detail);
}

void store_close(struct store *store)
{
    if (store != NULL)
        store->backend->close(store);
}
