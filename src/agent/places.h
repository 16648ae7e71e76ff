// Where the server wants to be reached: DiscoverPollEndpoint's answer, kept for twelve hours.
// Source: agent-protocol 4.

#ifndef AGENT_PLACES_H
#define AGENT_PLACES_H

#include "agent/api.h"

struct places;

// `known` is called each time an answer has arrived, which may have changed nothing.
struct places *places_new(struct loop *loop, struct api *api, struct str cluster,
                          struct str container_instance, void (*known)(void *user), void *user);
void places_free(struct places *places); // NULL is fine

// Empty until the first answer. An old answer is used while a new one cannot be had.
struct str places_acs(const struct places *places);
struct str places_tcs(const struct places *places);

#endif
