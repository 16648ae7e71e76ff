// The ECS client: any operation by its number, typed request in, typed reply out. Signs, and tries
// again what the SDKs try again. Calls block.

#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include "api/ecs.h"
#include "base/error.h"
#include "client/credentials.h"

struct arena;
struct client;

struct client_options {
    struct str endpoint; // "http://127.0.0.1:7420"
    struct str region;
    struct credentials
        credentials; // empty key_id: unsigned calls (a server without authentication)
    const char *ca_file;
    bool insecure;
    unsigned attempts; // 0: 3
    long timeout_ms;   // of one attempt; 0: a minute
};

// Texts of the options live as long as the client.
struct client *client_new(const struct client_options *options);
void client_free(struct client *client);

struct client_error {
    struct str type;    // "ClusterNotFoundException"; empty: nothing was answered
    struct str message; // for a person
    int status;
};

// CLIENT_E_FAILED: *out_error says why, in texts of the arena. Nothing else is written then.
enum client_outcome { CLIENT_E_FAILED = 1 };

// `in` and `out` are the operation's request and reply structures.
int client_call(struct client *client, struct arena *arena, enum ecs_operation operation,
                const void *in, void *out, struct client_error *out_error) MUST_CHECK;

// The same with JSON on both sides, for people: *out_json is the server's body as it came.
int client_call_json(struct client *client, struct arena *arena, enum ecs_operation operation,
                     struct str json, struct str *out_json,
                     struct client_error *out_error) MUST_CHECK;

// JSON in, typed reply out.
int client_call_text(struct client *client, struct arena *arena, enum ecs_operation operation,
                     struct str json, void *out, struct client_error *out_error) MUST_CHECK;

// A signed GET of "/path?query" of the server; the reply, whatever its status. CLIENT_E_FAILED:
// nothing was answered, and it was tried once.
struct client_answer {
    int status;
    struct str body; // in the arena
};
int client_get(struct client *client, struct arena *arena, struct str target,
               struct client_answer *out, struct client_error *out_error) MUST_CHECK;

// A new token for a session of ECS Exec, as its plugin asks for one; empty: the session is over.
int client_resume_session(struct client *client, struct arena *arena, struct str session,
                          struct str *out_token, struct client_error *out_error) MUST_CHECK;

// Whether `kebab` spells `camel` with dashes: "run-task" RunTask, "container-instances"
// containerInstances.
bool client_is_kebab(struct str kebab, struct str camel);

// "run-task" or "RunTask"; ECS_OPERATION_NONE when there is none.
enum ecs_operation client_operation_named(struct str name);

#endif
