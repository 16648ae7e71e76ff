// What a server stands on before it serves: its options checked, its data folder, store, keys,
// certificate and listening socket opened. Every failure here is one line that a person can act on.

#ifndef SERVER_SETUP_H
#define SERVER_SETUP_H

#include "server/server.h"

struct auth;
struct roles;
struct state;
struct store;
struct tls_context;

struct setup {
    struct store *store;
    struct roles *roles;
    struct auth *auth;
    struct tls_context *tls; // NULL: plain
    int listen_fd;           // < 0: somebody else's by now
};

// A server_outcome; then the setup is half built and still to be deinitialised. *out_detail lives
// in `arena`.
int setup_init(struct setup *setup, const struct server_options *options, struct arena *arena,
               struct str *out_detail) MUST_CHECK;
void setup_deinit(struct setup *setup);

// Loads the store into an empty state.
int setup_recover(struct setup *setup, struct state *state, const struct server_options *options,
                  struct arena *arena, struct str *out_detail) MUST_CHECK;

#endif
