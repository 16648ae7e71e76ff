// Start: from the records in the store to the state they describe.

#ifndef SERVER_RECOVER_H
#define SERVER_RECOVER_H

#include "base/error.h"
#include "model/state.h"
#include "store/store.h"

extern const struct store_schema recover_schema; // of the control plane's store

// RECOVER_E_STORE: reading failed. RECOVER_E_RECORD: a record that we cannot read.
// RECOVER_E_ACCOUNT: the store belongs to another account. *out_detail says which or why, living in
// `arena`.
enum recover_outcome { RECOVER_E_STORE = 1, RECOVER_E_RECORD, RECOVER_E_ACCOUNT };

// Fills an empty state, checks all its invariants, and notes the account in a new store.
int recover_state(struct store *store, struct state *state, struct arena *arena,
                  struct str *out_detail) MUST_CHECK;

#endif
