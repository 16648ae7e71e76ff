// Time is int64_t milliseconds since the epoch, UTC, everywhere. This file turns it into text and
// back without asking libc for a zone or the kernel for a clock.

#ifndef BASE_TIMEFMT_H
#define BASE_TIMEFMT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct arena;

typedef int64_t time_ms;

enum { TIME_SECOND_MS = 1000, TIME_MINUTE_MS = 60 * 1000, TIME_HOUR_MS = 3600 * 1000 };
#define TIME_DAY_MS ((int64_t)86400000)

struct str time_iso8601(struct arena *arena, time_ms t); // 2024-01-31T19:55:38.725Z
// The same into a buffer of the caller's.
enum { TIME_ISO8601_MAX = 40 };
struct str time_iso8601_in(char room[TIME_ISO8601_MAX], time_ms t);
struct str time_amz(struct arena *arena, time_ms t);  // 20260901T101500Z (SigV4)
struct str time_http(struct arena *arena, time_ms t); // Tue, 01 Sep 2026 10:15:00 GMT

bool time_parse_amz(struct str s, time_ms *out);

// RFC 3339 as the cluster query language and Docker write it: optional fraction (any length), zone
// "Z", "+hh:mm" or none (UTC), or the date alone (midnight UTC).
bool time_parse_rfc3339(struct str s, time_ms *out);

#endif
