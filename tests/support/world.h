// A small world for tests of the server's pure rooms: a state, a fake clock, seeded dice, agents
// that are puppets. Calls go in as JSON and come out as JSON, through the real codec and the real
// op_run.
//
//     struct world w;
//     world_init(&w);
//     world_call(&w, "CreateCluster", "{\"clusterName\":\"demo\"}");
//     EXPECT_REPLY(&w, "DescribeClusters", "{\"clusters\":[\"nope\"]}",
//                  "{\"clusters\":[],\"failures\":[{\"arn\":\"*\",\"reason\":\"MISSING\"}]}");
//
// Every call and every agent input is one tick: its batch is taken, its effects are noted, and then
// the state's invariants are checked. Texts returned live until world_deinit.

#ifndef TESTS_SUPPORT_WORLD_H
#define TESTS_SUPPORT_WORLD_H

#include "base/test.h"
#include "core/sessions.h"
#include "core/step.h"
#include "model/state.h"

enum { WORLD_SENT_MAX = 4096 };

// An effect that the shell would have carried out.
struct world_sent {
    enum effect_kind kind;
    session_id session;
    struct str name;   // message type, or the exception's name of a refusal
    struct str json;   // the message; of a refusal or close its text
    const void *value; // of effects that go to no agent
};

struct role_caller;

struct world {
    struct state state;
    struct rng rng;
    time_ms now;
    struct arena arena;
    struct str region;              // of the caller; "us-east-1"
    const struct role_caller *role; // of the caller; NULL: the root
    struct str principal;           // of the caller; empty: the root
    bool sends_credentials;         // what an agent that connects asks for
    session_id next_session;
    struct world_sent sent[WORLD_SENT_MAX];
    size_t sent_n;
};

void world_init(struct world *w); // starts at 2026-01-01T00:00:00Z
void world_deinit(struct world *w);

// Runs an operation; the reply's JSON, or of a failure {"__type":...,"message":...}.
struct str world_call(struct world *w, const char *operation, const char *json);
struct str world_callf(struct world *w, const char *operation, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

// The same, but the call must succeed.
struct str world_ok(struct world *w, const char *operation, const char *json);

// A tick of the test's own: anything that takes a step may be called between the two.
void world_begin(struct world *w, struct step *step);
void world_finish(struct world *w, struct step *step);

// Moves the clock and runs the timers that are due.
void world_advance(struct world *w, time_ms by);

// A value in JSON by path, "tasks.0.lastStatus"; numbers and booleans as text; "" when absent.
struct str world_get(struct world *w, struct str json, const char *path);

// Registers an instance with these resources and a usual set of capability attributes (plus
// `attributes`, a JSON list or NULL), connects an ACS session, and returns the instance's ARN. The
// session is w->next_session - 1.
struct str world_add_instance(struct world *w, const char *cluster, int cpu, int memory,
                              const char *attributes);
session_id world_connect(struct world *w, const char *cluster, struct str instance_arn);
void world_disconnect(struct world *w, session_id session, struct str instance_arn);

// What an agent says over its session: {"type":...} kinds by name, message as JSON.
void world_agent_says(struct world *w, session_id session, struct str instance_arn,
                      const char *kind, const char *json);

// Simulates a restart of the server: every record through the codec into a fresh state.
void world_restart(struct world *w);

// `want` is JSON with holes: "*" as a value matches anything present. Prints both on a difference.
#define EXPECT_REPLY(w, operation, json, want)                                                     \
    world_expect((w), world_call((w), (operation), (json)), (want), __FILE__, __LINE__)
#define EXPECT_JSON(w, got, want) world_expect((w), (got), (want), __FILE__, __LINE__)
void world_expect(struct world *w, struct str got, const char *want, const char *file, int line);

// Error by type and message.
#define EXPECT_ERROR(w, operation, json, type, message)                                            \
    world_expect_error((w), world_call((w), (operation), (json)), (type), (message), __FILE__,     \
                       __LINE__)
void world_expect_error(struct world *w, struct str got, const char *type, const char *message,
                        const char *file, int line);

#endif
