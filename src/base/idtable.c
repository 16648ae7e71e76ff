// See idtable.h.

#include "base/idtable.h"

#include "base/assert.h"
#include "base/mem.h"

enum { PAGE_SLOTS = 512 };

struct idtable_page {
    size_t used;
    void *slots[PAGE_SLOTS];
};

void idtable_init(struct idtable *table)
{
    *table = (struct idtable){0};
}

void idtable_deinit(struct idtable *table)
{
    for (size_t i = 0; i < table->pages_n; i++)
        mem_free(table->pages[i]);
    mem_free(table->pages);
    *table = (struct idtable){0};
}

void *idtable_get(const struct idtable *table, uint64_t id)
{
    uint64_t page = id / PAGE_SLOTS;

    if (page >= table->pages_n || table->pages[page] == NULL)
        return NULL;
    return table->pages[page]->slots[id % PAGE_SLOTS];
}

static struct idtable_page *page_for(struct idtable *table, uint64_t id)
{
    size_t page = id / PAGE_SLOTS;

    if (page >= table->pages_n) {
        size_t n = table->pages_n ? table->pages_n * 2 : 4;
        while (n <= page)
            n *= 2;
        table->pages = mem_realloc(table->pages, n * sizeof *table->pages);
        memset(table->pages + table->pages_n, 0, (n - table->pages_n) * sizeof *table->pages);
        table->pages_n = n;
    }
    if (table->pages[page] == NULL)
        table->pages[page] = mem_zalloc(sizeof **table->pages);
    return table->pages[page];
}

void idtable_put(struct idtable *table, uint64_t id, void *entry)
{
    struct idtable_page *page;

    ASSERT(id > 0);
    ASSERT(entry != NULL);
    page = page_for(table, id);
    ASSERT(page->slots[id % PAGE_SLOTS] == NULL);
    page->slots[id % PAGE_SLOTS] = entry;
    page->used++;
    table->count++;
    if (id > table->last_id)
        table->last_id = id;
}

void idtable_remove(struct idtable *table, uint64_t id)
{
    struct idtable_page *page;

    ASSERT(idtable_get(table, id) != NULL);
    page = table->pages[id / PAGE_SLOTS];
    page->slots[id % PAGE_SLOTS] = NULL;
    page->used--;
    table->count--;
    if (page->used == 0) {
        mem_free(page);
        table->pages[id / PAGE_SLOTS] = NULL;
    }
}

uint64_t idtable_next(const struct idtable *table, uint64_t after)
{
    for (uint64_t id = after + 1; id <= table->last_id; id++) {
        uint64_t page = id / PAGE_SLOTS;
        if (table->pages[page] == NULL) {
            id = (page + 1) * PAGE_SLOTS - 1; // skip the page; the loop adds one
            continue;
        }
        if (table->pages[page]->slots[id % PAGE_SLOTS] != NULL)
            return id;
    }
    return 0;
}
