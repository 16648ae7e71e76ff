// The tags in taskWithTags: asked of the server with the agent's own keys, the container instance's
// first, then the task's. What could not be had is left out; v4 says why. Source:
// ecs-behaviour-agent 4.3.

#ifndef AGENT_META_TAGS_H
#define AGENT_META_TAGS_H

#include "agent/api.h"
#include "api/metadata.h"

struct http_exchange;
struct meta_tags;

struct meta_tags *meta_tags_new(struct api *api); // which outlives it
void meta_tags_free(struct meta_tags *tags);      // answers without the tags; NULL is fine

// `task` lives in the exchange's arena; the tags are added to it before it is sent. What it points
// at may go with the next step of the engine.
void meta_tags_request(struct meta_tags *tags, struct http_exchange *exchange,
                       struct str container_instance, const struct meta_task *task,
                       bool with_errors);

#endif
