// A simulated host: the real agent on a fake container runtime. The agent's process may die at any
// of its acts and comes back as a supervisor would start it; containers, images and the agent's
// disk stay.

#ifndef TESTS_SIM_HOST_H
#define TESTS_SIM_HOST_H

#include "engine/engine.h"
#include "runtime/fake.h"
#include "store/memory.h"
#include "tests/sim/kernel.h"

struct sim_host;

struct sim_host_options {
    unsigned number; // names it
    uint64_t seed;
    struct str cluster;
    int64_t cpus;
    int64_t memory_mib;
    struct str zone; // attribute "zone"
    bool metrics;
    bool fargate;      // it serves FARGATE
    int32_t busy_port; // taken by somebody else on the host; 0: none
};

struct sim_host *sim_host_new(const struct sim_host_options *options);
void sim_host_free(struct sim_host *host); // it is down

void sim_host_start(struct sim_host *host);
void sim_host_stop(struct sim_host *host, int64_t down_ms); // in good order
// As sim_server_kill.
void sim_host_kill(struct sim_host *host, int64_t down_ms);
// What became of its process in this event: it may have died or ended by itself. Call after each
// event on its node.
void sim_host_settle(struct sim_host *host);
bool sim_host_is_up(const struct sim_host *host);
bool sim_host_is_coming(const struct sim_host *host);
// Ended for a reason that starting again does not mend; an operator then wipes its data.
bool sim_host_is_refused(const struct sim_host *host);
void sim_host_wipe(struct sim_host *host);

struct node *sim_host_node(struct sim_host *host);
struct fake *sim_host_fake(struct sim_host *host);
void sim_host_touched(struct sim_host *host); // its runtime was meddled with: look when it is due
struct memory_disk *sim_host_disk(struct sim_host *host);
const struct engine *sim_host_engine(const struct sim_host *host); // NULL: none at present
// The ARN of its container instance; empty before it knows.
struct str sim_host_instance(const struct sim_host *host);
// The container is removed by another hand.
void sim_host_vanish(struct sim_host *host, struct str id);
// So many resources may be of former lives that were wiped, with no container left to say so.
size_t sim_host_old_resources(const struct sim_host *host);
#define SIM_HOST_VOLUME_HEAD STR("ecs-") // of the names of volumes that go with their task

void sim_host_fail_disk(struct sim_host *host, enum memory_fault fault);
void sim_host_jump(struct sim_host *host, int64_t ms); // its wall clock

#endif
