// Inside the room: what a backend provides. store.c checks what callers pass, so a backend need
// not.

#ifndef STORE_BACKEND_H
#define STORE_BACKEND_H

#include "base/buf.h"
#include "store/store.h"

struct store_backend {
    int (*load)(struct store *store, store_load_fn *fn, void *user);
    int (*commit)(struct store *store, const struct store_write *writes, size_t n,
                  const struct store_log *log); // `log` may be NULL
    int (*log_read)(struct store *store, uint64_t from, store_block_fn *fn, void *user);
    int (*probe)(struct store *store);
    int (*meta_get)(struct store *store, struct arena *arena, struct str key, struct str *out);
    int (*meta_set)(struct store *store, struct str key, struct str value);
    int (*check)(struct store *store);
    int (*backup)(struct store *store, const char *path);
    void (*close)(struct store *store); // frees the store
};

// What every backend's store starts with.
struct store {
    const struct store_backend *backend;
    const struct store_schema *schema;
    struct buf detail;
};

// Asserts that backend and schema are whole.
void store_init(struct store *store, const struct store_backend *backend,
                const struct store_schema *schema);
void store_deinit(struct store *store);

// Notes why a call comes to an outcome.
void store_set_detail(struct store *store, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
