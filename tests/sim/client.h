// The simulated clients: programs that call the API, several calls at once, and call again when
// they hear nothing. What they ask for is the generator's.

#ifndef TESTS_SIM_CLIENT_H
#define TESTS_SIM_CLIENT_H

#include "api/ecs.h"
#include "tests/sim/kernel.h"
#include "wire/http_client.h"

struct client;
struct generator;

struct client *client_new(unsigned number, uint64_t seed, struct generator *generator);
void client_free(struct client *client);

void client_act(struct client *client, uint64_t seed); // one more call
// This call, until it is answered or was tried for two minutes.
void client_ask(struct client *client, enum ecs_operation operation, struct str json);
bool client_is_idle(const struct client *client);
uint64_t client_answered(const struct client *client);

// A call by hand, for whoever needs one: `done` hears of its end exactly once. `status` 0: no
// answer; `body` lives until it returns.
typedef void client_done_fn(void *user, int status, struct str body);
void client_call(struct node *node, struct http_client *http, enum ecs_operation operation,
                 struct str json, client_done_fn *done, void *user);

#endif
