// A websocket to the server that is kept open for as long as the agent runs: dialled, watched,
// dialled again. The two users are acs.c and tcs.c.
//
// Rules (agent-protocol 5.6, 5.7, 6.2, 9): silence for 60 to 120 s closes it; after 30 to 35
// minutes it is closed on purpose; a normal close, or a connection that broke, is followed by a new
// dial at once (after the first pause when it had not even lasted a second); anything else waits,
// longer each time, until a connection ends normally or has lasted a minute.

#ifndef AGENT_CHANNEL_H
#define AGENT_CHANNEL_H

#include "agent/api.h"

struct channel;
struct loop;

struct channel_config {
    struct loop *loop;
    struct api *api;
    const struct agent_config *config;
    const char *name; // for the log: "acs"
    int64_t pause_first_ms;
    int64_t pause_max_ms;
    double pause_factor;
    int64_t silence_ms; // at least; twice that at most. 0: 60 s
    int64_t life_ms;    // at least; a sixth more at most. 0: 30 min

    // The base URL ("http://host:port/acs") and the query of the next dial; both in the arena.
    // False: not known yet, ask again later.
    bool (*place)(void *user, struct arena *arena, struct str *out_base, struct str *out_query);
    void (*opened)(void *user);
    void (*message)(void *user, struct str text);
    // Closed or never opened. `exception`: the name in a refusal, empty otherwise. Returns how long
    // to wait instead of the usual pause; 0: the usual.
    int64_t (*closed)(void *user, struct str exception);
    void *user;
};

struct channel *channel_new(const struct channel_config *config);
void channel_free(struct channel *channel); // NULL is fine

void channel_dial_now(struct channel *channel); // when `place` has become known
void channel_hang_up(struct channel *channel);  // stays closed until channel_dial_now
bool channel_is_open(const struct channel *channel);
void channel_active(struct channel *channel); // a recognised message: the silence begins anew
void channel_send(struct channel *channel, struct str text); // dropped when closed

// The signature headers of a message, as TCS wants them in front of each: "Name: value\r\n"...
// "\r\n".
void channel_sign_message(struct channel *channel, struct str body, struct buf *out);

#endif
