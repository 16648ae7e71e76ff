// The two channels to an agent, ACS (what to run) and TCS (telemetry): where they differ.

#ifndef SERVER_CHANNEL_H
#define SERVER_CHANNEL_H

#include "server/input.h"

struct buf;

struct channel {
    struct str path;                  // of the websocket
    const struct message_kind *kinds; // row 0 is empty
    size_t kinds_n;
    struct str denied; // the exception that tells an agent that its signature is no good

    // What the query of the handshake's URL says; slices in the arena.
    void (*read_hello)(struct arena *arena, struct str query, struct agent_hello *out);
    // The JSON inside a frame.
    struct str (*json_of)(struct str frame);
    // Appends the frame that keeps the agent from giving us up.
    void (*write_heartbeat)(struct buf *out, struct str message_id);
    bool answers_heartbeats; // an agent that does not is gone
    size_t heartbeat_answer; // the kind it answers with; the core does not hear of it
};

extern const struct channel channel_acs;
extern const struct channel channel_tcs;

// A text of the query, decoded; empty when absent.
struct str channel_query(struct arena *arena, struct str query, struct str key);

#endif
