// The cluster query language: memberOf constraints and the filter of ListContainerInstances.
// Source: ecs-behaviour-scheduler 1.7 and 9.1.

#ifndef CORE_QUERY_H
#define CORE_QUERY_H

#include "base/str.h"

struct arena;
struct instance;
struct query;

// Parses; the query lives in the arena and points into `text`, but owns compiled expressions:
// query_free when done. NULL when the text is not a query, with the position of the first fault in
// *out_at.
struct query *query_parse(struct arena *arena, struct str text, size_t *out_at);
void query_free(struct query *query);

struct str query_text(const struct query *query);

// Nothing but attributes: instances with the same attributes get the same answer.
bool query_asks_attributes_only(const struct query *query);

bool query_matches(const struct query *query, const struct instance *instance);

#endif
