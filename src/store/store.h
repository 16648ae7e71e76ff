// The store: what must survive a kill, a power cut and a full disk.
//
// A store holds records of several kinds, one table a kind: a positive integer id, handed out by
// the owner in creation order, and a value, which is JSON. A batch of changes is committed as a
// whole or not at all; when store_commit returns 0, it is on the disk. One process at a time has a
// store open.
//
// The owner decides what the kinds are (api/store.idl for the control plane, api/host.idl for an
// agent). The backend is chosen by who opens it: store/sqlite.h, or store/memory.h in tests.
//
// Beside the records a store may keep one log: blocks of text that are appended, read in order and
// dropped from the front, and that a start does not read. It has the same life as the records: what
// a commit appends is there together with the commit's records, or not at all.
//
// A store is used by one thread at a time; it may be handed from thread to thread.

#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"
#include "shape/shape.h"

struct arena;
struct store;

enum store_outcome {
    STORE_E_LOCKED = 1, // another process has it open
    STORE_E_CORRUPT,    // damaged, or not a store of this application
    STORE_E_VERSION,    // written by a newer version
    STORE_E_FULL,       // no space left
    STORE_E_IO,         // the disk failed
};
const char *store_outcome_text(int outcome); // "the disk is full"; faults too

// What a store holds. Lives as long as the store.
struct store_schema {
    const struct message_kind *kinds; // a generated table; row 0 is empty
    size_t kinds_n;                   // rows, row 0 included
    uint32_t application_id;          // tells stores of different owners apart
    uint32_t version;                 // of the owner's records; raised when older code must not
                                      // open the store any more
    struct str log;                   // name of the log's table; empty: there is none
};

// One change: the new value of a record, or its removal (then `json` is empty). Removing what is
// not there is fine.
struct store_write {
    size_t kind; // 1 to kinds_n - 1
    uint64_t id; // 1 to INT64_MAX
    bool remove;
    struct str json;
};

// Every record, kind by kind in the order of the schema, ids rising. A result of `fn` that is not 0
// ends the walk and is returned. `json` lives until fn returns.
typedef int store_load_fn(void *user, size_t kind, uint64_t id, struct str json);
int store_load(struct store *store, store_load_fn *fn, void *user) MUST_CHECK;

// All of it or nothing, durable when it returns 0. After an outcome the store is as it was, stays
// usable, and the same or another batch may be tried at any time. (What failed while it was being
// synced may still be found after a crash that follows at once, before anything else was committed;
// always whole.) The last write to a record counts. n may be 0.
int store_commit(struct store *store, const struct store_write *writes, size_t n) MUST_CHECK;

// What a commit does to the log. Numbers are the owner's, and rise from block to block.
struct store_block {
    uint64_t number; // 1 to INT64_MAX
    struct str text; // not empty
};
struct store_log {
    const struct store_block *blocks;
    size_t n;
    uint64_t drop_before; // blocks before the one that holds this number go: those older than the
                          // last block whose own number is not greater
};
// store_commit that also changes the log; `log` may be NULL.
int store_commit_logged(struct store *store, const struct store_write *writes, size_t n,
                        const struct store_log *log) MUST_CHECK;

// Blocks of the log, oldest first, from the last one whose number is not greater than `from` (when
// there is none such: from the first). A result of `fn` that is not 0 ends the walk and is
// returned; `text` lives until fn returns.
typedef int store_block_fn(void *user, uint64_t number, struct str text);
int store_log_read(struct store *store, uint64_t from, store_block_fn *fn, void *user) MUST_CHECK;

// Whether commits work at present: writes a few pages of its own and syncs them.
int store_probe(struct store *store) MUST_CHECK;

// A few words beside the records: whose store this is. STR_NONE when there is none. A value set is
// durable.
int store_meta_get(struct store *store, struct arena *arena, struct str key,
                   struct str *out) MUST_CHECK;
int store_meta_set(struct store *store, struct str key, struct str value) MUST_CHECK;

// Reads everything and checks it: STORE_E_CORRUPT when something is wrong.
int store_check(struct store *store) MUST_CHECK;

// A copy into a new file of its own (mode 0600) that can be opened as a store; -EEXIST when there
// is one of this name. The store may not be used meanwhile.
int store_backup(struct store *store, const char *path) MUST_CHECK;

// Why the last call on this store came to an outcome, for the log; valid until the next call.
struct str store_detail(const struct store *store);

void store_close(struct store *store); // NULL is fine

#endif
