// What secrets, registry logins and environment files hold: looked up in the operator's own folders
// first, else asked of services that speak the protocols of Systems Manager, Secrets Manager and
// S3. Signed with the task's execution role when it has one, else with the agent's own keys.
// Source: ecs-behaviour-agent 1.7.4, 1.8.1, 1.8.2, 2.10.

#ifndef AGENT_FETCH_H
#define AGENT_FETCH_H

#include "agent/config.h"
#include "api/acs.h"
#include "api/host.h"

struct fetch;
struct fetcher;
struct loop;

// The credentials that are known under an id of the server's; NULL: none.
typedef const struct acs_iam_role_credentials *fetch_role_fn(void *user, struct str id);

struct fetcher_config {
    struct loop *loop;
    const struct agent_config *settings; // outlives the fetcher
    fetch_role_fn *role;                 // NULL: the agent's own keys do for every task
    void *user;
};

struct fetcher *fetcher_new(const struct fetcher_config *config);
void fetcher_free(struct fetcher *fetcher); // every fetch has ended; NULL is fine

// From the loop, once. `error` is NULL when there is a value for every name; both live until it
// returns.
typedef void fetch_fn(void *user, const struct host_resource_value_list *values,
                      const struct host_call_error *error);

// Everything that `what` names: its secrets (logins of a registry for asm-auth) and its files.
struct fetch *fetch_start(struct fetcher *fetcher, const struct host_resource *what, fetch_fn *fn,
                          void *user);
void fetch_cancel(struct fetch *fetch); // also from inside fn; NULL is fine

#endif
