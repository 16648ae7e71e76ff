// The server's end of an ECS Exec session: handshake, numbering, acknowledgements, repetitions and
// the end, towards the session plugin. It knows neither sockets nor containers: whole websocket
// messages come in and go out, time is given, and the terminal is the host's. A session outlives
// its sockets: the client comes back with a new one and both go on where they were.
// Source: exec-protocol 4 to 12 and 14.

#ifndef WIRE_EXEC_CHANNEL_H
#define WIRE_EXEC_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "base/timefmt.h"

struct crypto;
struct exec_channel;
struct rng;

// What the channel asks of its owner. It may call exec_channel_output and exec_channel_close from
// inside, but not free the channel.
struct exec_host {
    void *user;
    // A binary message for the client; never while no socket is attached.
    void (*send)(void *user, struct str frame);
    // The client is ready: start the command. Once.
    void (*begin)(void *user);
    // For the terminal.
    void (*input)(void *user, struct str bytes);
    void (*resize)(void *user, int32_t columns, int32_t rows);
    // Of a command without a terminal.
    void (*input_end)(void *user);
    // The client asks for the end of the command, or cannot go on. The channel waits for
    // exec_channel_close.
    void (*hang_up)(void *user);
    // The client was told that the session is over; nothing comes after this.
    void (*over)(void *user);
};

// `crypto`, `rng` and `host` must outlive it; `session` is copied.
struct exec_channel *exec_channel_new(const struct exec_host *host, struct crypto *crypto,
                                      struct rng *rng, struct str session);
void exec_channel_free(struct exec_channel *channel); // NULL is fine

// A client has shown its token on a socket; `client` is its ClientId. The first one gets the
// handshake, a later one what was not acknowledged.
void exec_channel_attach(struct exec_channel *channel, struct str client, time_ms now);
void exec_channel_detach(struct exec_channel *channel);

// A binary message of the client. What is not understood is dropped.
void exec_channel_take(struct exec_channel *channel, struct str frame, time_ms now);

// Bytes of the terminal, any number. Kept until they are acknowledged, so stop reading the terminal
// while too many are pending.
void exec_channel_output(struct exec_channel *channel, struct str bytes, time_ms now);
size_t exec_channel_pending(const struct exec_channel *channel); // bytes

// No input or resize until let go; the client keeps what cannot be kept here.
void exec_channel_hold(struct exec_channel *channel, bool held, time_ms now);

// For a client that has said that it knows them (exec.idl, GantryClient): what a command without a
// terminal writes to its second stream, and how the command ended.
void exec_channel_error_output(struct exec_channel *channel, struct str bytes, time_ms now);
void exec_channel_exit_code(struct exec_channel *channel, int32_t code, time_ms now);

// The command has ended: once its output has arrived, or soon after, the client is told; one that
// is away when it comes back. `message` is shown to the user; empty when there is nothing to say.
void exec_channel_close(struct exec_channel *channel, struct str message, time_ms now);

// Does what is due; returns when to call again, 0 when nothing waits. Call it after anything above.
time_ms exec_channel_tick(struct exec_channel *channel, time_ms now);

#endif
