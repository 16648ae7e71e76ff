// A loop and connections that are none: the same interfaces as io/loop.h and wire/conn.h, without a
// kernel below. The target plays the peer, and time passes when it says so. Linked into a target,
// this file takes the place of loop.c, conn.c, clock.c, entropy.c and resolve.c.
//
// What it keeps of the real ones: handlers are called from the top of the stack only, jobs run when
// a handler has returned, output leaves at the end of a round, a finished connection waits for the
// peer's end or two seconds, a closed one is still there until everything is.

#ifndef FUZZ_FAKE_NET_H
#define FUZZ_FAKE_NET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct conn;
struct loop;

struct loop *fake_net_begin(void); // forgets everything of the run before

// The newest connection that was accepted or made; NULL: none.
struct conn *fake_net_newest(void);

// The peer's side. What is sent to a connection that takes no more is dropped.
void fake_peer_sends(struct conn *conn, struct str bytes);
void fake_peer_ends(struct conn *conn);
struct str fake_peer_got(const struct conn *conn); // all that ever left; valid until the next run
bool fake_peer_sees_end(const struct conn *conn);

void fake_net_run(void);           // until nothing is left to do now
void fake_net_advance(int64_t ms); // timers fire on the way
bool fake_net_is_quiet(void);      // no connection is open, no timer runs

#endif
