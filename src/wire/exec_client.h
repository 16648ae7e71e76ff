// The client's end of an ECS Exec session, as the session plugin has it: it answers the handshake,
// takes output in order, and sends what is typed. Like exec_channel, its counterpart, it knows
// neither sockets nor terminals: whole websocket messages come in and go out, and time is given.
// Source: exec-protocol 4 to 12.
//
// To a Gantry server it says that it is more than the plugin (exec.idl, GantryClient): then it
// hears how the command ended, and may ask for a command without a terminal.

#ifndef WIRE_EXEC_CLIENT_H
#define WIRE_EXEC_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "base/timefmt.h"

struct arena;
struct crypto;
struct exec_client;
struct rng;

struct exec_client_host {
    void *user;
    void (*send)(void *user, struct str frame); // a binary message; never while no socket is there
    void (*ready)(void *user);                  // the handshake is over
    void (*output)(void *user, struct str bytes, bool is_error);
    void (*exit_code)(void *user, int32_t code);
    // The session has ended; `message` may be empty. Nothing comes after this.
    void (*closed)(void *user, struct str message);
};

// All three outlive it.
struct exec_client *exec_client_new(const struct exec_client_host *host, struct crypto *crypto,
                                    struct rng *rng);
void exec_client_free(struct exec_client *client); // NULL is fine

// The text message that opens a socket; in the arena.
struct str exec_client_hello(struct exec_client *client, struct str token, bool terminal,
                             struct arena *arena);
// After it: what was not acknowledged is sent again.
void exec_client_attach(struct exec_client *client, time_ms now);
void exec_client_detach(struct exec_client *client);

void exec_client_take(struct exec_client *client, struct str frame, time_ms now);

void exec_client_input(struct exec_client *client, struct str bytes, time_ms now);
void exec_client_input_end(struct exec_client *client, time_ms now);
void exec_client_size(struct exec_client *client, int32_t columns, int32_t rows, time_ms now);
void exec_client_terminate(struct exec_client *client, time_ms now);
size_t exec_client_pending(const struct exec_client *client); // bytes of input not acknowledged

// Does what is due; returns when to call again, 0 when nothing waits. Call it after anything above.
time_ms exec_client_tick(struct exec_client *client, time_ms now);

#endif
