// Calls of the API for many agents over a few connections: signed, encoded and decoded by the real
// code, so many at a time, the others waiting their turn. What may pass (no connection, 5xx) is
// tried again for as long as it takes.

#ifndef TESTS_FLEET_CALLS_H
#define TESTS_FLEET_CALLS_H

#include "api/ecs.h"
#include "client/signing.h"

struct calls;
struct http_client;
struct loop;
struct tls_context;

struct calls_config {
    struct loop *loop;
    uint16_t port;           // on 127.0.0.1
    struct tls_context *tls; // NULL: plain; outlives the calls
    struct client_identity identity;
    unsigned in_flight_max;
};

struct calls_counts {
    uint64_t answered;
    uint64_t repeated;
    uint64_t refused; // errors of the API, which end a call
    char first_refusal[200];
};

// `reply` is the operation's reply structure, NULL when the API refused the call; it lives until
// this returns.
typedef void calls_done_fn(void *user, const void *reply);

struct calls *calls_new(const struct calls_config *config);
void calls_free(struct calls *calls); // forgets what is under way; NULL is fine

// The request is encoded before this returns. `done` comes from the loop, never from inside.
void calls_send(struct calls *calls, enum ecs_operation operation, const void *request,
                calls_done_fn *done, void *user);

const struct calls_counts *calls_counts(const struct calls *calls);

// The headers that sign a GET of a websocket, or a telemetry message with its body.
size_t calls_sign_get(struct calls *calls, struct arena *arena, struct str path, struct str query,
                      struct str body, struct http_header out[SIGV4_ADDED]);
struct str calls_host(const struct calls *calls); // "127.0.0.1:7420"

// A further client of the same server.
struct http_client *calls_new_client(const struct calls *calls, unsigned idle_max);

#endif
