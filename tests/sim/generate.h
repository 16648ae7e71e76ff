// Calls of the API, made up: every operation, with arguments that mean something and arguments that
// are meant to hurt.
//
// A generator is one client, or several that share what they know. It remembers what replies taught
// it (ARNs, revisions, page tokens, its own clientTokens), so that its calls are about what is
// there: clusters fill up, ports collide, things are deleted while they are in use. Everything
// comes from its seed and from the replies, in order; nothing else is looked at.
//
//     struct generator *g = generator_new(&(struct generator_options){.seed = seed});
//     generator_next(g, &arena, &call);
//     ...
//     generator_learn(g, &call, true, reply);
//
// Its first calls make the clusters and a few definitions.

#ifndef TESTS_SIM_GENERATE_H
#define TESTS_SIM_GENERATE_H

#include "api/ecs.h"
#include "base/arena.h"
#include "base/str.h"

struct generator;

struct generator_options {
    uint64_t seed;
    uint32_t hostile_percent; // of the calls
    uint32_t service_percent; // about services and what they stand on; of the others few are
    // Reports on tasks, which only an agent makes and the server has to believe, name real ones
    // too.
    bool lies;
};

struct generate_call {
    enum ecs_operation operation;
    struct str json; // the body
    bool hostile;    // made to be refused; it may be accepted all the same
};

struct generator *generator_new(const struct generator_options *options);
void generator_free(struct generator *g);

// New dice for the calls that follow, so that what one is does not hang on how many came before.
void generator_reseed(struct generator *g, uint64_t seed);

// The next call; its text lives in the arena.
void generator_next(struct generator *g, struct arena *arena, struct generate_call *out);

// What came of a call: its reply's JSON when it succeeded, else the error's. A call whose answer
// was lost teaches nothing and is not reported.
void generator_learn(struct generator *g, const struct generate_call *call, bool ok,
                     struct str reply);

// Members that the IDL calls secret carry this somewhere in their text, and nothing else does. The
// caller of DescribeTaskDefinition may read it, and records of definitions and of overrides hold
// it; log lines, errors, stop reasons and every other record never do.
#define GENERATE_SENTINEL "s3ntinel"

// Where agents register, and the images that definitions name. What containers of an image do is
// up to whoever scripts the runtime.
enum { GENERATE_CLUSTERS = 3, GENERATE_IMAGES = 8 };
extern const struct str generate_clusters[GENERATE_CLUSTERS];
extern const struct str generate_images[GENERATE_IMAGES];

#endif
