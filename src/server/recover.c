// See recover.h. Records are loaded kind by kind, so what is referred to is there before what
// refers to it.

#include "server/recover.h"

#include "base/arena.h"
#include "base/log.h"
#include "base/proof.h"
#include "io/clock.h"
#include "wire/codec.h"

enum {
    SCHEMA_VERSION = 1,
    APPLICATION_ID = 0x47545259, // "GTRY"
};

const struct store_schema recover_schema = {
    .kinds = rec_kinds,
    .kinds_n = REC_KIND_N,
    .application_id = APPLICATION_ID,
    .version = SCHEMA_VERSION,
    .log = STR_INIT("event"),
};

struct loader {
    struct state *state;
    struct arena record; // one at a time
    struct arena *arena; // of the detail
    struct str detail;
    size_t records_n;
};

static int load_record(void *user, size_t kind, uint64_t id, struct str json)
{
    struct loader *loader = user;
    const struct shape *shape = rec_kinds[kind].shape;
    struct codec_report report = {0};
    void *value;

    arena_reset(&loader->record);
    value = arena_alloc(&loader->record, shape->size);
    if (codec_decode(&loader->record, shape, json, &codec_peer, value, &report) != 0) {
        loader->detail = str_fmt(loader->arena, "record %llu of table \"%s\": %.*s (%.*s)",
                                 (unsigned long long)id, rec_kinds[kind].name.ptr,
                                 STR_ARGS(report.message), STR_ARGS(report.path));
        return -EBADMSG;
    }
    if (PLANTED(PLANT_TOKEN_FORGOTTEN) && kind == REC_KIND_RUN_TOKEN)
        return 0;
    state_load(loader->state, (enum rec_kind)kind, id, value);
    loader->records_n++;
    return 0;
}

static int load_all(struct store *store, struct loader *loader)
{
    int64_t started_ms = clock_monotonic_ms();
    int result = store_load(store, load_record, loader);

    arena_deinit(&loader->record);
    if (result == -EBADMSG)
        return RECOVER_E_RECORD;
    if (result != 0) {
        loader->detail = str_copy(loader->arena, store_detail(store));
        return RECOVER_E_STORE;
    }
    state_check(loader->state);
    LOG_INFO("store.loaded", LOG_INT("records", loader->records_n),
             LOG_INT("ms", clock_monotonic_ms() - started_ms));
    return 0;
}

// Every ARN carries the account, so a store cannot change hands.
static int check_account(struct store *store, struct str account, struct arena *arena,
                         struct str *out_detail)
{
    struct str known = STR_NONE;
    int outcome = store_meta_get(store, arena, STR("account"), &known);

    if (outcome == 0 && known.len == 0)
        outcome = store_meta_set(store, STR("account"), account);
    if (outcome != 0) {
        *out_detail = str_copy(arena, store_detail(store));
        return RECOVER_E_STORE;
    }
    if (known.len > 0 && !str_eq(known, account)) {
        *out_detail = known;
        return RECOVER_E_ACCOUNT;
    }
    return 0;
}

int recover_state(struct store *store, struct state *state, struct arena *arena,
                  struct str *out_detail)
{
    struct loader loader = {.state = state, .arena = arena};
    int outcome = check_account(store, state->config.account, arena, out_detail);

    if (outcome != 0)
        return outcome;
    outcome = load_all(store, &loader);
    if (outcome != 0)
        *out_detail = loader.detail;
    return outcome;
}
