// GET /usage?cluster=NAME&service=NAME&task=ID&history=1&limit=N, signed as the API is: what the
// running tasks of a cluster use (struct client_usage). Loop thread.

#ifndef SERVER_USAGE_FEED_H
#define SERVER_USAGE_FEED_H

#include "server/usage.h"
#include "wire/http_server.h"

struct auth;

// Answers at once.
void usage_feed_request(const struct usage *usage, struct auth *auth,
                        struct http_exchange *exchange, const struct http_request *request);

#endif
