// For the tests of agent/ only: a server made of strings. It answers API calls as a case has
// scripted them, takes websockets (or refuses them), and remembers what it was told.

#ifndef AGENT_PUPPET_TESTING_H
#define AGENT_PUPPET_TESTING_H

#include "agent/api.h"
#include "base/buf.h"
#include "base/test.h"
#include "io/loop.h"
#include "wire/http_server.h"
#include "wire/ws.h"

enum { PUPPET_SCRIPT_MAX = 16 };

struct puppet_answer {
    const char *operation; // "RunTask"; NULL: any
    int status;
    const char *body;
};

struct puppet {
    struct loop *loop;
    struct http_server *server;
    struct arena arena;
    struct str url; // "http://127.0.0.1:4711"
    struct agent_config config;
    struct api *api;

    // Each answer is used once, in this order among those that fit; then comes `otherwise`.
    struct puppet_answer script[PUPPET_SCRIPT_MAX];
    size_t script_n;
    struct puppet_answer otherwise; // status 0: 500
    bool registers; // RegisterContainerInstance is answered with "arn:i" and what it brought along
    int calls;
    struct buf operations;    // "RunTask " for each call; the target where it is no operation
    struct str authorization; // of the last signed call
    struct buf signatures;    // those of all calls, a line each
    struct str body;          // of the last call
    struct buf bodies;        // of all of them

    // Websockets. `refusal`: the body of a 400 instead of a handshake.
    const char *refusal;
    struct ws *ws; // the newest one
    int opens;
    int closes;
    int close_code;
    struct str target;   // of the last handshake
    struct buf messages; // whole texts, a line each
    int messages_n;
};

void puppet_open(struct puppet *puppet);
void puppet_close(struct puppet *puppet);

void puppet_will_answer(struct puppet *puppet, const char *operation, int status, const char *body);
void puppet_say(struct puppet *puppet, const char *text); // on the newest websocket

// Runs the loop until *count is at least `want`; fails after ten seconds.
void puppet_await(struct puppet *puppet, const int *count, int want);
// Until nothing is left to do at once.
void puppet_settle(struct puppet *puppet);

// Whether `text` stands in `all`.
bool puppet_has(struct str all, const char *text);

#endif
