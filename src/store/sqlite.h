// The store in one SQLite file: the default. It can be looked into with the sqlite3 program (a
// backup; the file itself is locked while it is in use).

#ifndef STORE_SQLITE_H
#define STORE_SQLITE_H

#include "store/store.h"

// Opens or makes the file (mode 0600; missing folders are made with 0700) and checks it. On an
// outcome *out_detail says why in one line, living in `arena`.
int store_open_sqlite(const char *path, const struct store_schema *schema, struct arena *arena,
                      struct str *out_detail, struct store **out) MUST_CHECK;

// The file takes at most so many bytes; more is STORE_E_FULL. 0: no limit. Not less than it has.
int store_sqlite_limit(struct store *store, int64_t bytes) MUST_CHECK;

#endif
