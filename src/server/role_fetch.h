// Keys of roles that an operator's URLs hand out, kept fresh. A URL answers a GET with what the
// credentials endpoint of ECS answers: {"AccessKeyId","SecretAccessKey","Token","Expiration"}, the
// last two optional. Loop thread.

#ifndef SERVER_ROLE_FETCH_H
#define SERVER_ROLE_FETCH_H

#include "server/role_config.h"

struct loop;
struct role_fetch;

struct handed_keys {
    struct str key_id; // empty: there are none
    struct str secret;
    struct str token;      // empty: none
    struct str expiration; // empty: unknown
};

// Begins to fetch. The config outlives it. `changed`: some keys are new; from the loop.
struct role_fetch *role_fetch_new(struct loop *loop, const struct role_config *config,
                                  void (*changed)(void *user), void *user);
void role_fetch_free(struct role_fetch *fetch); // NULL is fine

// The newest of a section; good until the next return to the loop.
struct handed_keys role_fetch_get(const struct role_fetch *fetch, size_t section);

#endif
