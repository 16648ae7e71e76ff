// The bookkeeper: a client that keeps a ledger of what it was told, and holds the server to it.
//
// Its objects are its own: a cluster "book", a family "book", tags under keys that it uses once,
// tasks that bear a mark of their own in startedBy. So what it reads must be what it was last told;
// a call whose end it did not hear may have had its effect or not, and both are fine for ever.

#ifndef TESTS_SIM_BOOK_H
#define TESTS_SIM_BOOK_H

#include <stdbool.h>
#include <stdint.h>

struct book;

struct book *book_new(uint64_t seed);
void book_free(struct book *book);

void book_act(struct book *book, uint64_t seed);
bool book_is_idle(const struct book *book);
uint64_t book_answered(const struct book *book);
// When nothing is under way any more: everything in the ledger against what was committed.
void book_audit(const struct book *book);

#endif
