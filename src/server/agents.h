// Agents' websockets: handshakes that wait for the core's word, messages in, effects out,
// heartbeats. Loop thread.

#ifndef SERVER_AGENTS_H
#define SERVER_AGENTS_H

#include "server/channel.h"

struct agents;
struct auth;
struct http_exchange;
struct http_request;
struct intake;
struct loop;
struct metrics;

struct agents_config {
    struct loop *loop;
    struct auth *auth;
    struct intake *intake;
    struct metrics *metrics;
    unsigned sessions_max;
    int64_t heartbeat_ms;
    uint64_t seed; // of message ids
};

struct agents *agents_new(const struct agents_config *config);
void agents_free(struct agents *agents); // cuts what is still connected. NULL is fine.

// The channel whose handshakes go to this path; false: none.
bool agents_channel_of(struct str path, enum channel_kind *out);

// A request on that path. Answered here, or when the core's effect arrives.
void agents_request(struct agents *agents, enum channel_kind channel,
                    struct http_exchange *exchange, const struct http_request *request);

// Carries out what the core wants; sessions that are gone are no matter.
void agents_effect(struct agents *agents, const struct effect *effect);

// Tells the agent of an instance something that the core need not know. False: it is not connected.
bool agents_tell(struct agents *agents, uint64_t instance_id, enum acs_message kind,
                 const void *message);

// An input that has been decided comes back; frees it. `failed`: its tick was undone.
void agents_decided(struct agents *agents, struct agent_input *input, bool failed);

// No more agents: handshakes are refused, sessions are told to come again later.
void agents_close(struct agents *agents);
// Inputs lead nowhere from here on.
void agents_mute(struct agents *agents);

#endif
