// Host names to addresses without stopping the loop. Numeric addresses and "localhost" are answered
// at once; for anything else a thread of its own asks libc (which may take seconds) and posts the
// answer. A lookup a connection is rare enough that a pool of threads would be furniture.

#ifndef IO_RESOLVE_H
#define IO_RESOLVE_H

#include "io/socket.h"

struct loop;
struct resolve;

// Called once on the loop, never from inside resolve_start. `address` is NULL when the name has
// none.
typedef void resolve_fn(void *user, const struct socket_address *address);

struct resolve *resolve_start(struct loop *loop, struct str host, uint16_t port, resolve_fn *fn,
                              void *user);
void resolve_cancel(struct resolve *lookup); // before fn was called; fn is not called then

#endif
