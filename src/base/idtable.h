// Entities by integer id. Ids are handed out in creation order and never reused, so a table is an
// array of pages that fill at the top and empty at the bottom: a page is freed when its last entry
// goes. Lookup is two loads; memory follows the living entities, not the ids ever used.

#ifndef BASE_IDTABLE_H
#define BASE_IDTABLE_H

#include <stddef.h>
#include <stdint.h>

struct idtable_page;

struct idtable {
    struct idtable_page **pages;
    size_t pages_n;
    size_t count;     // living entries
    uint64_t last_id; // largest id ever put; the next one is last_id + 1
};

void idtable_init(struct idtable *table);
void idtable_deinit(struct idtable *table); // frees the table, not the entries

void *idtable_get(const struct idtable *table, uint64_t id);       // NULL when there is none
void idtable_put(struct idtable *table, uint64_t id, void *entry); // id > 0, slot empty
void idtable_remove(struct idtable *table, uint64_t id);           // slot in use

// Smallest living id > after, or 0. So `for (id = 0; (id = idtable_next(t, id)) != 0;)` visits all.
uint64_t idtable_next(const struct idtable *table, uint64_t after);

#endif
