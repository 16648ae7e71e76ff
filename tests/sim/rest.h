// Whether the world has come to rest: what would be missing or left over if it were to end now.

#ifndef TESTS_SIM_REST_H
#define TESTS_SIM_REST_H

struct world;

// After the faults: no client waits for an answer. NULL: so it is, likewise below; the text lives
// until the next call.
const char *rest_is_busy(struct world *w);

// After that: everybody is connected, server and agents agree, every task is where its
// desired status allows it to be.
const char *rest_is_missing(struct world *w);

// After every task was stopped: all of them have, and nothing is kept for them.
const char *rest_is_kept(struct world *w);

#endif
