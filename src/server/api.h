// The API's front: HTTP requests become calls, decided calls become replies.

#ifndef SERVER_API_H
#define SERVER_API_H

#include "base/buf.h"
#include "base/rng.h"
#include "server/input.h"
#include "wire/http_server.h"

struct auth;
struct intake;
struct metrics;

struct api_config {
    struct auth *auth;
    struct intake *intake;
    struct metrics *metrics;
    unsigned calls_max; // unanswered
    size_t calls_bytes_max;
    struct str scheme;  // "http", "https"
    struct str address; // where agents are sent when a request does not say which host it meant
    uint64_t seed;      // of request ids
};

struct api {
    struct api_config config;
    struct rng rng;
    struct buf body; // of the reply being written
    unsigned calls;  // unanswered
    size_t calls_bytes;
    bool closed; // every further call is refused
};

void api_init(struct api *api, const struct api_config *config);
void api_deinit(struct api *api);

// Answers at once what cannot be a call; otherwise api_answer follows.
void api_request(struct api *api, struct http_exchange *exchange,
                 const struct http_request *request);
void api_answer(struct api *api, struct call *call); // the call is gone afterwards

// The JSON answer to input that never became a request; see http_server_handler.on_refused.
void api_refusal(struct api *api, int status, struct str detail, struct arena *arena,
                 struct http_response *out);

#endif
