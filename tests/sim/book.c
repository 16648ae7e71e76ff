// See book.h.

#include "tests/sim/book.h"

#include "api/ecs.h"
#include "base/arena.h"
#include "base/assert.h"
#include "base/mem.h"
#include "tests/sim/check.h"
#include "tests/sim/client.h"
#include "tests/sim/generate.h"
#include "tests/sim/sim.h"
#include "wire/codec.h"

enum { AGAIN_MS = 2 * TIME_SECOND_MS, ATTEMPTS = 12 };

enum entry_kind { ENTRY_CLUSTER, ENTRY_TAG, ENTRY_DEFINITION, ENTRY_RUN };

// Something that was asked for once, under a number that nobody else uses.
struct entry {
    struct list in_book;
    struct book *book;
    enum entry_kind kind;
    unsigned number;
    unsigned attempts;
    bool is_told;    // the server said that it is done
    bool is_refused; // it said no, and never said anything else before
    bool was_unsure; // some attempt had no answer
    bool is_over;    // nothing more is sent for it
    int64_t result;  // revision, or tasks started
    int count;       // of tasks that were asked for
    struct arena arena;
    struct str json;
    enum ecs_operation operation;
    struct loop_timer again;
};

struct book {
    struct node node;
    struct http_client *http;
    struct list entries;
    unsigned entries_n;
    unsigned under_way;
    unsigned reads; // under way
    uint64_t answered;
    bool has_cluster;
};

// ---- asking, until it is answered

static void send(void *user);

static void *decoded(struct entry *entry, struct str body)
{
    const struct shape *shape = ecs_operations[entry->operation].reply;
    void *value = arena_alloc(&entry->arena, shape->size);
    struct codec_report report = {0};

    SIM_CHECK(codec_decode(&entry->arena, shape, body, &codec_peer, value, &report) == 0,
              "a reply cannot be read: %.*s", STR_ARGS(report.message));
    return value;
}

static void note_result(struct entry *entry, struct str body)
{
    const void *reply = decoded(entry, body);
    const struct ecs_register_task_definition_response *defined = reply;
    const struct ecs_run_task_response *started = reply;

    if (entry->kind == ENTRY_DEFINITION) {
        entry->result = defined->task_definition->revision;
    } else if (entry->kind == ENTRY_RUN) {
        entry->result = (int64_t)started->tasks.n;
        for (size_t i = 0; i < started->tasks.n; i++)
            SIM_CHECK(check_knows_task(started->tasks.at[i].task_arn),
                      "task %.*s was told of before it was committed",
                      STR_ARGS(started->tasks.at[i].task_arn));
    } else if (entry->kind == ENTRY_CLUSTER) {
        entry->book->has_cluster = true;
    }
}

static void end(struct entry *entry)
{
    entry->is_over = true;
    entry->book->under_way--;
}

static void on_answer(void *user, int status, struct str body)
{
    struct entry *entry = user;

    entry->book->answered++;
    if (status == 200) {
        entry->is_told = true;
        note_result(entry, body);
        end(entry);
    } else if (status >= 400 && status < 500) {
        entry->is_refused = !entry->was_unsure;
        end(entry);
    } else {
        // 500 and 503 say that it was not done; no answer says nothing.
        entry->was_unsure |= status == 0;
        if (entry->attempts >= ATTEMPTS)
            end(entry);
        else
            loop_timer_start(&entry->again, AGAIN_MS);
    }
}

static void send(void *user)
{
    struct entry *entry = user;

    entry->attempts++;
    client_call(&entry->book->node, entry->book->http, entry->operation, entry->json, on_answer,
                entry);
}

static struct entry *entry_new(struct book *book, enum entry_kind kind,
                               enum ecs_operation operation)
{
    struct entry *entry = mem_zalloc(sizeof *entry);

    entry->book = book;
    entry->kind = kind;
    entry->operation = operation;
    entry->number = ++book->entries_n;
    list_push_back(&book->entries, &entry->in_book);
    loop_timer_init(&entry->again, &book->node.loop, send, entry);
    book->under_way++;
    return entry;
}

static void make_cluster(struct book *book)
{
    struct entry *entry = entry_new(book, ENTRY_CLUSTER, ECS_OPERATION_CREATE_CLUSTER);

    entry->json = STR("{\"clusterName\":\"book\"}");
    send(entry);
}

// A tag's key is its number, so that no two writes meet; its value says the same again.
static void put_tag(struct book *book)
{
    struct entry *entry = entry_new(book, ENTRY_TAG, ECS_OPERATION_TAG_RESOURCE);

    entry->json = str_fmt(&entry->arena,
                          "{\"resourceArn\":\"arn:aws:ecs:us-east-1:123456789012:cluster/book\","
                          "\"tags\":[{\"key\":\"k%u\",\"value\":\"v%u\"}]}",
                          entry->number, entry->number);
    send(entry);
}

static void define(struct book *book)
{
    struct entry *entry = entry_new(book, ENTRY_DEFINITION, ECS_OPERATION_REGISTER_TASK_DEFINITION);

    entry->json = str_fmt(&entry->arena,
                          "{\"family\":\"book\",\"containerDefinitions\":[{\"name\":\"n%u\","
                          "\"image\":\"%.*s\",\"memory\":8}]}",
                          entry->number, STR_ARGS(generate_images[entry->number % 3]));
    send(entry);
}

static void run(struct book *book, struct rng *dice)
{
    struct entry *entry = entry_new(book, ENTRY_RUN, ECS_OPERATION_RUN_TASK);

    entry->count = 1 + (int)rng_below(dice, 3);
    entry->json =
        str_fmt(&entry->arena,
                "{\"cluster\":\"%.*s\",\"taskDefinition\":\"book\",\"count\":%d,"
                "\"startedBy\":\"book%u\",\"clientToken\":\"book%u\"}",
                STR_ARGS(generate_clusters[0]), entry->count, entry->number, entry->number);
    send(entry);
}

// ---- reading

struct reading {
    struct book *book;
    struct arena arena;
    uint64_t asked_n; // entries there were when it was asked
};

static bool has_tag(const struct ecs_cluster *cluster, unsigned number)
{
    char key[16];
    char value[16];

    snprintf(key, sizeof key, "k%u", number);
    snprintf(value, sizeof value, "v%u", number);
    for (size_t i = 0; i < cluster->tags.n; i++) {
        if (str_eq(cluster->tags.at[i].key, str_of(key)))
            return str_eq(cluster->tags.at[i].value, str_of(value));
    }
    return false;
}

static void on_read(void *user, int status, struct str body)
{
    struct reading *reading = user;
    struct book *book = reading->book;
    struct ecs_describe_clusters_response reply = {0};
    struct codec_report report = {0};

    book->reads--;
    book->answered++;
    if (status == 200) {
        SIM_CHECK(codec_decode(&reading->arena, &ecs_describe_clusters_response_shape, body,
                               &codec_peer, &reply, &report) == 0,
                  "DescribeClusters cannot be read");
        SIM_CHECK(reply.clusters.n == 1, "the bookkeeper's cluster is gone");
        LIST_EACH (&book->entries, it) {
            const struct entry *entry = LIST_ENTRY(it, struct entry, in_book);
            bool must_be = entry->is_told && entry->number <= reading->asked_n;
            bool must_not = entry->is_refused;
            bool is_there =
                entry->kind == ENTRY_TAG && has_tag(&reply.clusters.at[0], entry->number);
            if (entry->kind != ENTRY_TAG)
                continue;
            SIM_CHECK(!must_be || is_there, "tag k%u was acknowledged and is gone", entry->number);
            SIM_CHECK(!must_not || !is_there, "tag k%u was refused and is there", entry->number);
        }
    }
    arena_deinit(&reading->arena);
    mem_free(reading);
}

// Only what was acknowledged before it was asked must be seen.
static void read_tags(struct book *book)
{
    struct reading *reading;

    LIST_EACH (&book->entries, it) {
        if (!LIST_ENTRY(it, struct entry, in_book)->is_over)
            return;
    }
    reading = mem_zalloc(sizeof *reading);
    reading->book = book;
    reading->asked_n = book->entries_n;
    book->reads++;
    client_call(&book->node, book->http, ECS_OPERATION_DESCRIBE_CLUSTERS,
                STR("{\"clusters\":[\"book\"],\"include\":[\"TAGS\"]}"), on_read, reading);
}

void book_act(struct book *book, uint64_t seed)
{
    struct rng dice;

    rng_init(&dice, seed);
    kernel_enter(&book->node);
    if (!book->has_cluster)
        make_cluster(book);
    else if (rng_below(&dice, 3) == 0)
        read_tags(book);
    else if (rng_below(&dice, 3) == 0)
        put_tag(book);
    else if (rng_below(&dice, 3) == 0)
        define(book);
    else
        run(book, &dice);
    kernel_leave(&book->node);
}

// ---- the audit

static void audit_run(const struct entry *entry)
{
    char mark[16];
    size_t n;

    snprintf(mark, sizeof mark, "book%u", entry->number);
    n = check_tasks_started_by(str_of(mark));
    SIM_CHECK(n <= (size_t)entry->count, "%s asked once for %d tasks and %zu were started", mark,
              entry->count, n);
    // A refusal says nothing: the network may have doubled the call, and the second one come
    // through when there was something to run.
    if (!entry->is_told)
        return;
    // An answer that comes late leaves out what has stopped and been forgotten by then.
    SIM_CHECK(n == (size_t)entry->result || (entry->attempts > 1 && n > (size_t)entry->result),
              "%s was told of %lld tasks and %zu were started", mark, (long long)entry->result, n);
}

static void audit_definition(const struct book *book, const struct entry *entry)
{
    if (!entry->is_told)
        return;
    LIST_EACH (&book->entries, it) {
        const struct entry *other = LIST_ENTRY(it, struct entry, in_book);
        SIM_CHECK(other == entry || other->kind != ENTRY_DEFINITION || !other->is_told ||
                      other->result != entry->result,
                  "revision %lld was given out twice", (long long)entry->result);
    }
}

void book_audit(const struct book *book)
{
    LIST_EACH (&book->entries, it) {
        const struct entry *entry = LIST_ENTRY(it, struct entry, in_book);
        if (entry->kind == ENTRY_RUN)
            audit_run(entry);
        else if (entry->kind == ENTRY_DEFINITION)
            audit_definition(book, entry);
    }
}

// ---- life

struct book *book_new(uint64_t seed)
{
    struct book *book = mem_zalloc(sizeof *book);

    node_init(&book->node, "book", seed);
    book->http = http_client_new(&book->node.loop, &(struct http_client_config){0});
    list_init(&book->entries);
    return book;
}

void book_free(struct book *book)
{
    ASSERT(book_is_idle(book));
    LIST_EACH_SAFE (&book->entries, it) {
        struct entry *entry = LIST_ENTRY(it, struct entry, in_book);
        loop_timer_stop(&entry->again);
        arena_deinit(&entry->arena);
        mem_free(entry);
    }
    http_client_free(book->http);
    mem_free(book);
}

bool book_is_idle(const struct book *book)
{
    return book->under_way == 0 && book->reads == 0;
}

uint64_t book_answered(const struct book *book)
{
    return book->answered;
}
