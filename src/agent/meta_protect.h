// The task protection endpoint: calls of the ECS API with the keys of the task's own role, and what
// came of them in the words that containers read. Source: ecs-behaviour-agent 4.7.

#ifndef AGENT_META_PROTECT_H
#define AGENT_META_PROTECT_H

#include "agent/api.h"
#include "agent/meta_keys.h"

struct engine_view;
struct http_exchange;
struct http_request;
struct loop;
struct meta_protect;

// `cluster` as configured. The keys and the api outlive it.
struct meta_protect *meta_protect_new(struct loop *loop, struct api *api,
                                      const struct meta_keys *keys, struct str cluster);
void meta_protect_free(struct meta_protect *protect); // answers nobody any more; NULL is fine

// GET or PUT of a container of `view`'s task; NULL: there is no such task. The request is the
// exchange's.
void meta_protect_request(struct meta_protect *protect, struct http_exchange *exchange,
                          const struct http_request *request, const struct engine_view *view);

#endif
