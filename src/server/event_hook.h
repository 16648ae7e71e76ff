// The webhook: everything that happens, posted to one address, in order, at least once.
//
// A post is the page that GET /events would answer, with "lost" when events were dropped before
// they could be posted. A status from 200 to 299 takes it; anything else and it is posted again,
// after a while that doubles up to a minute. How far it has come is kept in the store, so after a
// restart at most one page is posted again. The first start with a webhook begins with what happens
// from then on.
//
// Loop thread only.

#ifndef SERVER_EVENT_HOOK_H
#define SERVER_EVENT_HOOK_H

#include "server/event_reader.h"

struct event_hook;

struct event_hook_config {
    struct event_source source;
    struct store *store; // read from event_hook_new only
    struct str url;
    uint64_t seed;
};

// EVENT_HOOK_E_URL: *out_detail says why, living in `arena`. Before the threads are started.
enum event_hook_outcome { EVENT_HOOK_E_URL = 1 };
int event_hook_new(const struct event_hook_config *config, struct arena *arena,
                   struct str *out_detail, struct event_hook **out) MUST_CHECK;
void event_hook_told(struct event_hook *hook, uint64_t last); // NULL is fine; likewise below
void event_hook_close(struct event_hook *hook);               // posts no more
void event_hook_free(struct event_hook *hook); // closed, the store's thread has ended

#endif
