// ECS Exec: the sessions. A client (the session plugin, or `gantry exec`) comes to a websocket of
// its own with the secret that ExecuteCommand gave it; the agent of the container's host is asked
// to run the command and opens a second one; between the two stands the session, which speaks the
// data channel's protocol to the one (wire/exec_channel.h) and relays bytes to the other. Loop
// thread.
//
// A session outlives the client's connection, which comes back with a new secret (ResumeSession);
// it does not outlive the agent's, nor this process.

#ifndef SERVER_EXEC_H
#define SERVER_EXEC_H

#include "core/exec.h"

struct agents;
struct auth;
struct buf;
struct execs;
struct http_exchange;
struct http_request;
struct loop;

struct execs_config {
    struct loop *loop;
    struct auth *auth;
    struct agents *agents;
    const char *log_folder; // NULL: sessions are not logged. Copied.
    bool is_tls;            // what clients are told to come by
    int64_t idle_ms;        // a session in which nothing happens for so long is ended
    int64_t token_ms;       // how long the secret of a session is good
    unsigned sessions_max;
    uint64_t seed; // of message ids
};

struct execs *execs_new(const struct execs_config *config);
void execs_free(struct execs *execs); // cuts what is still connected. NULL is fine.

// Carries out an EFFECT_EXEC; one without a value is nothing.
void execs_effect(struct execs *execs, const struct effect *effect);

// The websockets of both ends, and the session plugin's two calls (targets "AmazonSSM.").
bool execs_takes(const struct http_request *request);
void execs_request(struct execs *execs, struct http_exchange *exchange,
                   const struct http_request *request);

// No more sessions; those that are there are ended and their clients told so.
void execs_close(struct execs *execs);

void execs_write_metrics(const struct execs *execs, struct buf *out);

#endif
