// The simulator's ground: virtual time, and the machines that live in it.
//
// kernel.c takes the place of io/loop, io/clock, io/entropy and of the one question to the kernel
// that an agent asks, so that the shells of server and agent run here unchanged. Every event is a
// struct loop_timer: time jumps to the earliest one, its handler runs, then the jobs of its loop.
// Nothing else moves time, and nothing is random but by seed.
//
// io/clock and io/entropy take no argument, so the kernel knows which machine runs at present; that
// one variable is why there is one simulation a process at a time.

#ifndef TESTS_SIM_KERNEL_H
#define TESTS_SIM_KERNEL_H

#include "base/rng.h"
#include "base/timefmt.h"
#include "io/loop.h"

struct node;

struct loop {
    struct list jobs;
    struct node *node;
};

// A machine with one process of interest on it. Lives as long as the simulation; the process comes
// and goes.
struct node {
    const char *name;
    struct loop loop;
    struct rng dice;           // of entropy, and of what happens to its messages
    int64_t wall_ahead_ms;     // of its wall clock
    int64_t no_jump_before_ms; // forward, of that clock
    bool is_nearly_full;       // its disk
    int32_t busy_port;         // taken by something else on this machine; 0: none
    // A kill waits: this many more acts that others can see, then the process is dead. 0: none.
    unsigned acts_left;
    bool dead; // from then on until the process has been taken down, nothing it does has an effect
    bool silent; // its death is not told to its peers: the machine fell
    uint64_t acts;
    unsigned not_removed; // containers and volumes that its log says could not be removed
};

void kernel_start(void); // at virtual time 0
void kernel_stop(void);  // no timer may be left running

void node_init(struct node *node, const char *name, uint64_t seed);

// Runs the next event; false when there is none. *out_node: on which machine.
bool kernel_step(struct node **out_node);
void kernel_advance(int64_t to_ms); // when nothing is due before
int64_t kernel_now_ms(void);
int64_t kernel_next_ms(void); // of the next event; INT64_MAX: none
uint64_t kernel_events(void); // that were run
time_ms kernel_wall_ms(const struct node *node);

// From here until kernel_leave, code runs on that machine; then the jobs it deferred are done.
void kernel_enter(struct node *node);
void kernel_leave(struct node *node);
struct node *kernel_running(void); // NULL: none

// An act that others could see is about to happen: false when it does not, because the process is
// dead.
bool node_acts(struct node *node);

#endif
