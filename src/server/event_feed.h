// GET /events?after=CURSOR&limit=N&wait=SECONDS: the event log, page by page.
//
// A page is {"cursor":"...","events":[...]}; its cursor asks for the next one. Without `after` the
// log is read from its oldest event, after=now gives the cursor of the newest. `wait` holds an
// answer that would be empty back until something happens. A cursor whose next event is no longer
// there is answered with 410, which says how many are lost and where to go on.
//
// Loop thread only.

#ifndef SERVER_EVENT_FEED_H
#define SERVER_EVENT_FEED_H

#include "server/event_reader.h"
#include "wire/http_server.h"

struct auth;
struct event_feed;

struct event_feed_config {
    struct event_source source;
    struct auth *auth;
    unsigned asks_max; // unanswered; beyond it 503
};

struct event_feed *event_feed_new(const struct event_feed_config *config);
void event_feed_request(struct event_feed *feed, struct http_exchange *exchange,
                        const struct http_request *request);
void event_feed_told(struct event_feed *feed, uint64_t last); // events up to this one are durable
void event_feed_close(struct event_feed *feed); // answers everyone who waits, refuses the others
void event_feed_free(struct event_feed *feed); // closed, the store's thread has ended; NULL is fine

#endif
