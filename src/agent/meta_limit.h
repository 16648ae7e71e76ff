// How many requests a caller may make: so many a second, and so many at once after a rest. Each key
// (an address and a path) has a bucket of its own. Pure but for memory; the time is told.

#ifndef AGENT_META_LIMIT_H
#define AGENT_META_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct meta_limit;

struct meta_limit *meta_limit_new(double per_second, double burst);
void meta_limit_free(struct meta_limit *limit); // NULL is fine

// One more request of this key at `now_ms` (monotonic). False: too many.
bool meta_limit_take(struct meta_limit *limit, struct str key, int64_t now_ms);

double meta_limit_per_second(const struct meta_limit *limit);

#endif
