// A cluster with instances and tasks, made record by record, for the tests of this room.

#ifndef CORE_FLEET_TESTING_H
#define CORE_FLEET_TESTING_H

#include "base/arena.h"
#include "core/step.h"

struct instance;
struct task_definition;

// One cluster "demo" (id 1) and one task definition "web:1" that asks for nothing (id 1).
struct fleet {
    struct state state;
    struct arena arena;
    struct rng rng;
    struct step step;
};

void fleet_init(struct fleet *fleet); // the fleet does not move afterwards
void fleet_deinit(struct fleet *fleet);

// ACTIVE and connected. `attributes` is "name=value name ...".
struct instance *fleet_add_instance(struct fleet *fleet, const char *uid, int cpu, int memory,
                                    const char *attributes);
struct instance *fleet_instance(const struct fleet *fleet, const char *uid);

// A RUNNING task of web:1 on that instance.
struct task *fleet_add_task(struct fleet *fleet, const char *uid, const char *group);
// Likewise with a definition of its own, which needs this much.
struct task *fleet_add_task_of(struct fleet *fleet, const struct task_definition *definition,
                               const char *uid, const char *group);

// Another revision of "web", with one container of this size. `attributes` are required ones.
struct task_definition *fleet_add_definition(struct fleet *fleet, int cpu, int memory,
                                             const char *attributes);

#endif
