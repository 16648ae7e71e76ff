// The simulated world: who is in it, and what an action does to it.

#ifndef TESTS_SIM_WORLD_H
#define TESTS_SIM_WORLD_H

#include "tests/sim/book.h"
#include "tests/sim/client.h"
#include "tests/sim/host.h"
#include "tests/sim/plan.h"
#include "tests/sim/server.h"

struct world {
    const struct plan *plan;
    struct node node; // of what happens by itself
    struct rng dice;  // of the action that is carried out
    struct sim_server *server;
    int64_t server_down_ms; // after its present life
    struct sim_host *hosts[PLAN_HOSTS_MAX];
    size_t hosts_n;
    struct generator *generator;
    struct client *clients[PLAN_CLIENTS_MAX];
    size_t clients_n;
    struct book *book;
    uint64_t starts;     // of containers, when they were last checked
    struct list wanes;   // struct wane: what ends by itself
    int64_t set_back_ms; // wall clocks, all together: what was due by them is late by so much
    unsigned storms_n;   // under way
    bool is_mended;
    bool has_liars; // clients that report on tasks of real agents
};

struct world *world_new(const struct plan *plan);
void world_free(struct world *w);

void world_act(struct world *w, size_t index, const struct action *action);
void world_mend(struct world *w); // every fault ends, everybody is up
// An operator makes every cluster that agents ask for: those of one that is gone would ask for
// ever. In every second world he removes the instances that no agent stands behind.
void world_make_clusters(struct world *w);
void world_mend_images(struct world *w); // every image can be pulled, runs for ever and is well
void world_stop_all(struct world *w);    // he deletes every service and stops every other task
uint64_t world_answered(const struct world *w);

#endif
