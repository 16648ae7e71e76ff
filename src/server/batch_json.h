// A batch as the store takes it: each record's new value as JSON.

#ifndef SERVER_BATCH_JSON_H
#define SERVER_BATCH_JSON_H

#include "base/buf.h"
#include "model/state.h"
#include "store/store.h"

// Kept from batch to batch, so that a steady load allocates nothing.
struct batch_json {
    struct buf json;
    struct store_write *writes; // of the batch encoded last; slices into json
    size_t writes_cap;
};

#define BATCH_JSON_INIT ((struct batch_json){0})

void batch_json_deinit(struct batch_json *out);
void batch_json_encode(struct batch_json *out, const struct batch *batch);

#endif
