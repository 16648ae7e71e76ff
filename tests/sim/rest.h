// Whether the world has come to rest: what would be missing or left over if it were to end now.

#ifndef TESTS_SIM_REST_H
#define TESTS_SIM_REST_H

struct world;

// After the faults: no client waits for an answer. NULL: so it is, likewise below; the text lives
// until the next call.
const char *rest_is_busy(struct world *w);

// After that: every service has reached its steady state, or cannot for a reason that holds and
// that it has told: its deployment failed, there is no room, its tasks do not start or do not stay.
const char *rest_services_are_open(struct world *w);
// When images are mended, too: what is started runs, so that the last two are no reasons any more.
const char *rest_services_are_unsteady(struct world *w);

// After that: everybody is connected, server and agents agree, every task is where its
// desired status allows it to be.
const char *rest_is_missing(struct world *w);

// After every service was deleted and every task stopped: all of them have gone, and nothing is
// kept for them.
const char *rest_is_kept(struct world *w);
const char *rest_services_are_kept(struct world *w); // part of it

#endif
