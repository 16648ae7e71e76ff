// The store in memory, for tests. Its "disk" outlives the store, so a test can cut the power and
// open it again, and make commits fail in every way that a disk has.

#ifndef STORE_MEMORY_H
#define STORE_MEMORY_H

#include "store/store.h"

enum memory_fault {
    MEMORY_FAULT_NONE,
    MEMORY_FAULT_FULL,       // STORE_E_FULL; nothing of the batch is there
    MEMORY_FAULT_IO,         // STORE_E_IO; likewise
    MEMORY_FAULT_CUT_BEFORE, // power cut before the batch was durable: it is lost, and everything
                             // fails with STORE_E_IO until the disk is opened again
    MEMORY_FAULT_CUT_AFTER,  // power cut after: the batch is there, but nobody was told
};

struct memory_disk;
struct memory_disk *memory_disk_new(void);
void memory_disk_free(struct memory_disk *disk); // no store may have it open

// The functions below may be called from any thread at any time.

// After `after` further commits or probes have gone well, the next `times` come to this fault.
void memory_disk_fail(struct memory_disk *disk, enum memory_fault fault, unsigned after,
                      unsigned times);
// Commits wait inside store_commit until released.
void memory_disk_hold(struct memory_disk *disk, bool hold);
// Returns when a commit is waiting there.
void memory_disk_await_held(struct memory_disk *disk);

// Asked before each commit and, with n = 0, each probe, inside the call: what comes of it. Planted
// faults come after it. NULL: nobody. Not while a store has the disk open on another thread.
typedef enum memory_fault memory_watch_fn(void *user, const struct store_write *writes, size_t n);
void memory_disk_watch(struct memory_disk *disk, memory_watch_fn *fn, void *user);

// The JSON of a record, until the next commit; empty: there is none.
struct str memory_disk_record(struct memory_disk *disk, size_t kind, uint64_t id);

uint64_t memory_disk_commits(struct memory_disk *disk); // that went well
size_t memory_disk_records(struct memory_disk *disk, size_t kind);

// STORE_E_LOCKED when another store has the disk open.
int store_open_memory(struct memory_disk *disk, const struct store_schema *schema,
                      struct store **out) MUST_CHECK;

#endif
