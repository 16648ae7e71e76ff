// Calls of the ECS API from the agent: signed, asynchronous, on the agent's loop.

#ifndef AGENT_API_H
#define AGENT_API_H

#include "agent/config.h"
#include "api/ecs.h"
#include "wire/http.h"

struct api;
struct api_call;
struct credentials;
struct loop;

enum api_result_kind {
    API_OK,
    API_REFUSED,     // an error of the API: `type` and `message`
    API_UNREACHABLE, // nothing was answered, or not by an ECS API; `message` says what
};

struct api_result {
    enum api_result_kind kind;
    int status;
    struct str type;
    struct str message;
    struct str request_id; // of the answer; empty: none
    const void *reply;     // the operation's reply structure
};

// Everything in `result` lives until it returns.
typedef void api_done_fn(void *user, const struct api_result *result);

// NULL with *out_why: no usable endpoint or no access keys.
struct api *api_new(struct loop *loop, const struct agent_config *config, struct arena *arena,
                    struct str *out_why);
void api_free(struct api *api);

// `request` is the operation's request structure; it is encoded before this returns. `attempts`:
// how often in all, with growing pauses, when the failure may pass. The answer never comes from
// inside.
struct api_call *api_send(struct api *api, enum ecs_operation operation, const void *request,
                          unsigned attempts, api_done_fn *done, void *user);
// The same, signed with these keys, which are copied.
struct api_call *api_send_as(struct api *api, const struct credentials *credentials,
                             enum ecs_operation operation, const void *request, unsigned attempts,
                             api_done_fn *done, void *user);
void api_cancel(struct api_call *call); // `done` is not called any more

// Looks for the agent's own keys again, for they may have been changed since: a refusal of them has
// it done by itself. They hold for what is sent and signed from then on.
void api_read_keys(struct api *api);

// Whether trying again may help: nothing answered, throttled, 5xx.
bool api_may_pass(const struct api_result *result);

// The headers that sign a websocket's GET with an empty body; at most API_SIGNED_MAX.
enum { API_SIGNED_MAX = 8 };
size_t api_sign_get(struct api *api, struct arena *arena, struct str host, struct str path,
                    struct str query, struct str body, struct http_header out[API_SIGNED_MAX]);

#endif
