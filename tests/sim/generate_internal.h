// What the files of the generator share: its state, its dice, and words for writing JSON. A request
// is written member by member into g->out; nothing in here reads anything but the generator.

#ifndef TESTS_SIM_GENERATE_INTERNAL_H
#define TESTS_SIM_GENERATE_INTERNAL_H

#include "base/buf.h"
#include "base/rng.h"
#include "tests/sim/generate.h"
#include "wire/json_write.h"

enum { POOL_MAX = 48, FRESH_MAX = 12 };

// Texts that were learnt, owned; the oldest give way.
struct pool {
    struct str at[POOL_MAX];
    size_t n;
    size_t next;
};

enum known {
    KNOWN_CLUSTER,
    KNOWN_INSTANCE,
    KNOWN_TASK,
    KNOWN_DEFINITION,
    KNOWN_OWN_INSTANCE, // registered by this client; no agent stands behind it
    KNOWN_SERVICE,
    KNOWN_SERVICE_TASK, // a KNOWN_TASK, too
    KNOWN_SERVICE_DEPLOYMENT,
    KNOWN_REVISION,
    KNOWN_TASK_SET,
    KNOWN_HOOK,
    KNOWN_N
};

struct generator {
    struct rng rng;
    struct generator_options options;
    struct pool known[KNOWN_N];
    struct pool runs;                         // RunTask requests that carried a clientToken
    struct str page_token[ECS_OPERATION_N];   // of the last reply
    struct str page_request[ECS_OPERATION_N]; // what it was a reply to, without a token
    bool cluster_lost;                        // a call was told that there is no such cluster
    uint64_t calls;
    uint64_t serial;    // makes names and tokens that nobody used before
    struct str cluster; // that the call under way is about
    bool pretends;      // the call under way is an agent's: no real one is named
    struct buf text;
    struct json_writer out;
};

// --- dice

uint64_t below(struct generator *g, uint64_t bound);
bool one_in(struct generator *g, uint64_t n);
int64_t between(struct generator *g, int64_t low, int64_t high); // both included
struct str one_of(struct generator *g, const char *const *texts, size_t n);
#define ONE_OF(g, ...)                                                                             \
    one_of((g), (const char *const[]){__VA_ARGS__},                                                \
           sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

// --- what is known

void pool_add(struct pool *pool, struct str text);
struct str pool_pick(struct generator *g, enum known kind); // empty: none is known
// One whose ARN names the cluster of the call under way, when one is found quickly.
struct str known_here(struct generator *g, enum known kind);
// As known_here, spelled as an ARN or as its last part; what does not exist when none is known.
struct str refer(struct generator *g, enum known kind);
struct str any_definition(struct generator *g);

// --- writing: each writes one member of the object that is open

struct str text_fmt(struct generator *g, const char *fmt, ...)
    __attribute__((format(printf, 2, 3))); // valid until the next text_fmt
void put_str(struct generator *g, const char *name, struct str value);
void put_int(struct generator *g, const char *name, int64_t value);
void put_double(struct generator *g, const char *name, double value);
void put_bool(struct generator *g, const char *name, bool value);
void put_words(struct generator *g, const char *name, const char *const *words, size_t n);
#define PUT_WORDS(g, name, ...)                                                                    \
    put_words((g), (name), (const char *const[]){__VA_ARGS__},                                     \
              sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))
void put_tags(struct generator *g, const char *name);
void put_many_tags(struct generator *g, const char *name); // two such are too many
void put_secret_variables(struct generator *g);            // "environment"
void put_cluster(struct generator *g); // "cluster": that of the call, in some spelling

// "placementStrategy" and "networkConfiguration".
void put_strategies(struct generator *g);
void put_network(struct generator *g);
void put_list_of(struct generator *g, const char *name, enum known kind, uint64_t n);
void put_page_size(struct generator *g);
// The call is about the cluster of something that is known, so that most of it fits together.
void go_where(struct generator *g, enum known kind);

void open_object(struct generator *g, const char *name); // NULL: an entry of the list
void close_object(struct generator *g);
void open_list(struct generator *g, const char *name);
void close_list(struct generator *g);

// --- the parts

// The body of a request that means something. The object is opened and closed by the caller.
void write_plausible(struct generator *g, enum ecs_operation operation);
void write_register_task_definition(struct generator *g);
// False, and nothing written: it is about something else.
bool write_about_services(struct generator *g, enum ecs_operation operation);

// A request made from its shape alone. `nasty` is how many of ten members get a value that hurts.
void write_from_shape(struct generator *g, const struct shape *shape, uint32_t nasty);
// Not even a request.
void write_nonsense(struct generator *g);
// `json` again with one value, key or member exchanged. Appended to `out`.
void write_spoilt(struct generator *g, struct str json, struct buf *out);
// Any JSON value at the place where one is expected.
void write_nasty_value(struct generator *g);

struct str generate_family(struct generator *g);
struct str generate_expression(struct generator *g);

#endif
