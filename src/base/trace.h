// The trace ring: the last few thousand inputs and state moves, kept in memory and printed when an
// assertion fails. Writing one costs tens of nanoseconds, so the core traces every move it makes.
//
// One ring a thread: entries never cross threads, and a crash shows the crashing thread's own
// story.

#ifndef BASE_TRACE_H
#define BASE_TRACE_H

#include <stdint.h>
#include <stdio.h>

enum { TRACE_ENTRIES = 4096 };

// `what` and the two words must be string literals or live as long as the process; `id` is an
// entity id.
void trace_note(const char *what, uint64_t id, const char *from, const char *to);
void trace_dump(FILE *out);

#endif
