// What is going to happen in a run, made up front from the seed: a fleet and a list of actions.
// Each action has a seed of its own, so an action can be left out and the others stay what they
// are; that is what shrinking does.

#ifndef TESTS_SIM_PLAN_H
#define TESTS_SIM_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum action_kind {
    ACTION_CALL, // a client asks for something
    ACTION_BOOK, // the bookkeeper does
    ACTION_HOST_STARTS,
    ACTION_HOST_DIES,
    ACTION_HOST_STOPS, // in good order
    ACTION_HOST_WIPED,
    ACTION_HOST_DISK,
    ACTION_HOST_SPACE, // little room is left for images, for a while
    ACTION_HOST_CLOCK,
    ACTION_SERVER_DIES,
    ACTION_SERVER_DISK,
    ACTION_SERVER_DISK_SLOW,
    ACTION_SERVER_CLOCK,
    ACTION_RUNTIME_FAILS, // some calls of one kind, in one way
    ACTION_RUNTIME_CHAOS, // any call, by chance, for a while
    ACTION_RUNTIME_RESTARTS,
    ACTION_RUNTIME_AWAY,  // for a while
    ACTION_RUNTIME_HANGS, // likewise
    ACTION_RUNTIME_DEAF,  // its events get lost or come twice, for a while
    ACTION_IMAGE_CHANGES,
    ACTION_CONTAINER_ENDS,
    ACTION_CONTAINER_STARTS, // by another hand, after its end
    ACTION_CONTAINER_VANISHES,
    ACTION_NET_STORM, // everybody's messages are lost, late, doubled, for a while
    ACTION_NET_CUT,
    ACTION_NET_HALF_OPEN,
    ACTION_NET_STALL,
    ACTION_NET_ECHO,  // messages of sessions come once more
    ACTION_NET_PARTS, // one host sees nobody for a while
    ACTION_N
};

struct action {
    int64_t at_ms;
    uint64_t seed;
    enum action_kind kind;
    bool left_out;
};

enum { PLAN_HOSTS_MAX = 6, PLAN_CLIENTS_MAX = 4 };

struct plan {
    uint64_t seed;
    int64_t length_ms; // then the faults end
    unsigned hosts_n;
    unsigned clients_n;
    unsigned service_percent; // of the calls: about services
    struct action *actions;   // in the order of their times
    size_t n;
};

void plan_init(struct plan *plan, uint64_t seed);
void plan_deinit(struct plan *plan);

struct str action_name(enum action_kind kind);

// "3,7-9,12": only these actions stay. False: not such a list.
bool plan_keep(struct plan *plan, struct str list);
// The same list, of those that are not left out; heap, mem_free.
char *plan_kept(const struct plan *plan);

#endif
