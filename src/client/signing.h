// Who calls, and how that is put on a call: what the command line and the agent have in common.

#ifndef CLIENT_SIGNING_H
#define CLIENT_SIGNING_H

#include "client/credentials.h"
#include "shape/shape.h"
#include "wire/sigv4.h"
#include "wire/uri.h"

struct crypto;

struct client_identity {
    struct str region;
    struct credentials credentials; // empty key_id: calls go unsigned
    struct str service;             // empty: "ecs"
};

// The headers that sign `request` at this moment; none for an identity without keys.
size_t client_sign(struct crypto *crypto, const struct client_identity *identity,
                   const struct sigv4_request *request, struct arena *arena,
                   struct http_header out[SIGV4_ADDED]);

// The whole head of a POST to the endpoint: Host first, then content type and X-Amz-Target, then
// what signs them. Slices live in the arena.
enum { CLIENT_HEAD_MAX = 3 + SIGV4_ADDED };
size_t client_head(struct crypto *crypto, const struct client_identity *identity,
                   const struct uri *endpoint, struct str target, struct str body,
                   struct arena *arena, struct http_header out[CLIENT_HEAD_MAX]);
// What an operation of ECS has there.
struct str client_target(struct arena *arena, const struct operation *operation);

#endif
