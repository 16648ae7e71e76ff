// For the tests of agent/ only: one host. A puppet server, a fake runtime that follows the real
// clock, a store in memory whose disk survives restarts, and the drive between them.

#ifndef AGENT_HOST_TESTING_H
#define AGENT_HOST_TESTING_H

#include "agent/drive.h"
#include "agent/puppet_testing.h"
#include "runtime/fake.h"
#include "store/memory.h"

struct host {
    struct puppet puppet; // says yes to every call it has no script for
    struct fake *fake;
    struct memory_disk *disk;
    struct store *store;
    struct drive *drive;
    struct engine_record records[64];
    size_t records_n;

    int acks;         // messages to the server
    size_t acks_seen; // records of tasks on the disk when the first left
    int broken;
    size_t creates_seen; // records of containers on the disk when the first create was asked for
    int creates;
    int64_t stats_token; // of the open stats stream; 0: none
    runtime_post_fn *post;
    void *post_user;
};

void host_open(struct host *host);
const struct runtime_driver *host_driver(void); // the fake runtime of the host that is open
void host_close(struct host *host);
void host_start(struct host *host); // the drive; again after host_kill
void host_kill(struct host *host);  // the agent dies; runtime and disk go on

// A task of one container, "app", from the image "app". `host_port` < 0: no port.
void host_run(struct host *host, const char *task, int host_port);

// Runs the world until the condition holds; fails after ten seconds.
#define HOST_AWAIT(host, condition)                                                                \
    do {                                                                                           \
        for (int rounds = 0; rounds < 2000 && !(condition); rounds++)                              \
            host_turn(host);                                                                       \
        assert_true(condition);                                                                    \
    } while (0)
void host_turn(struct host *host); // 5 ms at most

// A sample on the open stats stream; NULL: the stream breaks.
void host_sample(struct host *host, const struct docker_stats *stats);

// What was submitted, the bodies of all calls one after another.
struct str host_submits(struct host *host);

#endif
