// See event_log.h. The events of one commit stand together in blocks, so that a busy second costs
// the store a few rows and not thousands. A block is the JSON object
//
//     {"at":1700000000000,"events":[
//     {...},
//     {...}
//     ]}
//
// with one event a line, under the number of its first event. Nothing of the log is kept in memory
// but where it begins and ends.
//
// Old blocks are dropped in the same commit as new ones come; what is too many is looked at each
// time, what is too old once a minute. While nothing happens nothing is dropped. The newest block
// always stays: it says how far the numbers have come.
//
// A log that is switched off is emptied, and its next number is burnt: a reader that comes back
// when it is on again is told that something is missing.

#include "server/event_log.h"

#include "base/arena.h"
#include "base/id.h"
#include "base/mem.h"
#include "server/event_text.h"

enum {
    BLOCK_EVENTS_MAX = 256,
    BLOCK_BYTES_MAX = 256 * 1024,
    AGED_EVERY_MS = TIME_MINUTE_MS,
    AGED_BLOCKS_MAX = 4096, // looked at a time
    CUT_LEAST_MAX = 1000,   // events that are worth a deletion
    ID_LEN = 8,
    ENOUGH = 1000, // ends a walk; no outcome of a store
};

struct event_log {
    struct event_log_config config;
    char id[ID_LEN];
    uint64_t first; // number of the oldest event
    uint64_t next;  // of the one to come
    bool is_cut;    // `first` is to be read again
    time_ms aged_at;
    struct rng rng;
    struct arena scratch; // of one event
    struct buf text;      // of the blocks being made
    struct store_block *blocks;
    size_t *ends; // of the blocks in `text`
    size_t blocks_n;
    size_t blocks_cap;
};

// ---- making blocks

static size_t begin_block(struct event_log *log, uint64_t number, time_ms at)
{
    if (log->blocks_n == log->blocks_cap) {
        log->blocks_cap = log->blocks_cap > 0 ? log->blocks_cap * 2 : 8;
        log->blocks = mem_realloc(log->blocks, log->blocks_cap * sizeof *log->blocks);
        log->ends = mem_realloc(log->ends, log->blocks_cap * sizeof *log->ends);
    }
    log->blocks[log->blocks_n] = (struct store_block){.number = number};
    buf_printf(&log->text, "{\"at\":%lld,\"events\":[\n", (long long)at);
    return buf_len(&log->text);
}

static void end_block(struct event_log *log)
{
    buf_add_str(&log->text, STR("\n]}"));
    log->ends[log->blocks_n++] = buf_len(&log->text);
}

static void add_event(struct event_log *log, const struct event_note *note, time_ms at)
{
    arena_reset(&log->scratch);
    event_text(note, at, id_uuid(&log->scratch, &log->rng), log->config.account, &log->scratch,
               &log->text);
}

// Slices into the text are made when it has stopped moving.
static void cut_text(struct event_log *log)
{
    size_t at = 0;

    for (size_t i = 0; i < log->blocks_n; i++) {
        log->blocks[i].text = str_span(buf_str(&log->text).ptr + at, log->ends[i] - at);
        at = log->ends[i];
    }
}

static void make_blocks(struct event_log *log, const struct event_notes *notes)
{
    uint64_t number = log->next;
    size_t start = 0;
    size_t n = 0; // in the block that is open

    log->blocks_n = 0;
    buf_clear(&log->text);
    for (const struct event_note *note = notes->first; note != NULL; note = note->next) {
        if (n == BLOCK_EVENTS_MAX || (n > 0 && buf_len(&log->text) - start > BLOCK_BYTES_MAX)) {
            end_block(log);
            n = 0;
        }
        if (n == 0)
            start = begin_block(log, number, notes->at);
        else
            buf_add_str(&log->text, STR(",\n"));
        add_event(log, note, notes->at);
        number++;
        n++;
    }
    if (n > 0)
        end_block(log);
    cut_text(log);
}

// ---- reading blocks

// The time in a block's head; 0: it has none, which is older than anything.
static time_ms block_time(struct str text)
{
    static const struct str prefix = STR_INIT("{\"at\":");
    struct str digits;
    struct str rest;
    int64_t at;

    if (!str_starts(text, prefix) || !str_cut(str_from(text, prefix.len), ',', &digits, &rest) ||
        !str_to_i64(digits, &at))
        return 0;
    return at;
}

// The next event of a block, whose head was cut off.
static bool next_event(struct str *rest, struct str *out)
{
    struct str line;

    do {
        if (rest->len == 0)
            return false;
        str_cut(*rest, '\n', &line, rest);
    } while (line.len == 0);
    if (str_eq(line, STR("]}")))
        return false;
    *out = str_ends(line, STR(",")) ? str_take(line, line.len - 1) : line;
    return true;
}

static struct str skip_head(struct str text)
{
    struct str head;
    struct str rest;

    return str_cut(text, '\n', &head, &rest) ? rest : STR_NONE;
}

static int on_last_block(void *user, uint64_t number, struct str text)
{
    struct event_log *log = user;
    struct str rest = skip_head(text);
    struct str event;

    log->next = number;
    while (next_event(&rest, &event))
        log->next++;
    return 0;
}

static int on_first_block(void *user, uint64_t number, struct str text)
{
    uint64_t *first = user;

    (void)text;
    *first = number;
    return ENOUGH;
}

static int find_first(struct event_log *log)
{
    uint64_t first = log->next;
    int result = store_log_read(log->config.store, 0, on_first_block, &first);

    if (result != 0 && result != ENOUGH)
        return result;
    log->first = first;
    return 0;
}

// ---- dropping blocks

struct ageing {
    time_ms limit;
    uint64_t number; // of the first block that is young enough, or of the last one looked at
    size_t n;
};

static int on_ageing_block(void *user, uint64_t number, struct str text)
{
    struct ageing *ageing = user;

    ageing->number = number;
    return block_time(text) >= ageing->limit || ++ageing->n == AGED_BLOCKS_MAX ? ENOUGH : 0;
}

// Where the events that are young enough begin; 0: all are, or it is not time to look.
static uint64_t age_point(struct event_log *log, time_ms now)
{
    struct ageing ageing = {.limit = now - log->config.age_ms};
    int result;

    if (now - log->aged_at < AGED_EVERY_MS && now >= log->aged_at)
        return 0;
    log->aged_at = now;
    result = store_log_read(log->config.store, 0, on_ageing_block, &ageing);
    if (ageing.n == 0 || (result != 0 && result != ENOUGH))
        return 0;
    return result == ENOUGH ? ageing.number : log->next;
}

// Where those begin that are not too many; 0: not worth a deletion.
static uint64_t count_point(const struct event_log *log, size_t new_n)
{
    uint64_t after = log->next + new_n;
    uint64_t kept = log->config.kept;
    uint64_t least = kept / 64 < CUT_LEAST_MAX ? kept / 64 : CUT_LEAST_MAX;

    if (after <= kept || after - kept <= log->first + least)
        return 0;
    return after - kept;
}

static uint64_t drop_point(struct event_log *log, const struct event_notes *notes)
{
    uint64_t age = age_point(log, notes->at);
    uint64_t count = count_point(log, notes->n);

    return age > count ? age : count;
}

int event_log_commit(struct event_log *log, const struct store_write *writes, size_t n,
                     const struct event_notes *notes)
{
    struct store_log change = {0};
    int outcome;

    if (notes->n == 0 || log->config.kept == 0)
        return store_commit(log->config.store, writes, n);
    make_blocks(log, notes);
    change.blocks = log->blocks;
    change.n = log->blocks_n;
    change.drop_before = drop_point(log, notes);
    outcome = store_commit_logged(log->config.store, writes, n, &change);
    if (outcome != 0)
        return outcome;
    log->next += notes->n;
    log->is_cut |= change.drop_before > 0;
    return 0;
}

// ---- reading

struct walk {
    uint64_t after;
    size_t max;
    size_t bytes_max;
    struct event_page *page;
};

static int on_block(void *user, uint64_t number, struct str text)
{
    struct walk *walk = user;
    struct event_page *page = walk->page;
    struct str rest = skip_head(text);
    struct str event;

    for (; next_event(&rest, &event); number++) {
        if (number <= walk->after)
            continue;
        if (page->n == walk->max || (page->n > 0 && buf_len(&page->text) > walk->bytes_max))
            return ENOUGH;
        if (page->n > 0)
            buf_add_str(&page->text, STR(",\n"));
        buf_add_str(&page->text, event);
        page->n++;
        page->last = number;
    }
    return 0;
}

int event_log_read(struct event_log *log, uint64_t after, size_t max, size_t bytes_max,
                   struct event_page *out)
{
    struct walk walk = {.after = after, .max = max, .bytes_max = bytes_max, .page = out};
    int result;

    if (log->is_cut) {
        result = find_first(log);
        if (result != 0)
            return result;
        log->is_cut = false;
    }
    buf_clear(&out->text);
    out->n = 0;
    out->lost = 0;
    out->is_of_future = after >= log->next;
    if (after + 1 < log->first) {
        out->lost = log->first - after - 1;
        walk.after = log->first - 1;
    }
    out->last = out->is_of_future ? log->first - 1 : walk.after;
    if (out->is_of_future)
        return 0;
    result = store_log_read(log->config.store, walk.after + 1, on_block, &walk);
    return result == ENOUGH ? 0 : result;
}

// ---- life

static int find_id(struct event_log *log)
{
    struct arena scratch = ARENA_INIT;
    struct str id = STR_NONE;
    int outcome = store_meta_get(log->config.store, &scratch, STR("events"), &id);

    if (outcome == 0 && id.len != ID_LEN) {
        id = str_take(id_hex32(&scratch, &log->rng), ID_LEN);
        outcome = store_meta_set(log->config.store, STR("events"), id);
    }
    if (outcome == 0)
        memcpy(log->id, id.ptr, ID_LEN);
    arena_deinit(&scratch);
    return outcome;
}

static int empty(struct event_log *log)
{
    struct store_block block = {.number = log->next + 1, .text = STR("{\"at\":0,\"events\":[\n]}")};
    struct store_log change = {.blocks = &block, .n = 1, .drop_before = block.number};
    int outcome;

    if (log->first == log->next) // there is nothing in it
        return 0;
    outcome = store_commit_logged(log->config.store, NULL, 0, &change);
    if (outcome == 0)
        log->first = log->next = block.number;
    return outcome;
}

int event_log_open(const struct event_log_config *config, struct event_log **out)
{
    struct event_log *log = mem_zalloc(sizeof *log);
    int outcome;

    log->config = *config;
    log->next = 1;
    rng_init(&log->rng, config->seed);
    outcome = find_id(log);
    if (outcome == 0)
        outcome = store_log_read(config->store, INT64_MAX, on_last_block, log);
    if (outcome == 0)
        outcome = find_first(log);
    if (outcome == 0 && config->kept == 0)
        outcome = empty(log);
    if (outcome != 0) {
        event_log_close(log);
        return outcome;
    }
    *out = log;
    return 0;
}

void event_log_close(struct event_log *log)
{
    if (log == NULL)
        return;
    arena_deinit(&log->scratch);
    buf_deinit(&log->text);
    mem_free(log->blocks);
    mem_free(log->ends);
    mem_free(log);
}

struct str event_log_id(const struct event_log *log)
{
    return str_span(log->id, ID_LEN);
}

bool event_log_is_on(const struct event_log *log)
{
    return log->config.kept > 0;
}

uint64_t event_log_last(const struct event_log *log)
{
    return log->next - 1;
}
