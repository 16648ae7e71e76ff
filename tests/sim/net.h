// The simulated network: calls that are lost, late, doubled or overtaken, and websockets that are
// slow, cut or half open. net.c takes the place of wire/http_client and wire/http_exchange,
// net_socket.c that of wire/ws; what travels are the bytes that the real ones would carry.
//
// One machine serves; the others call it. A call that is lost ends in its deadline or as a broken
// connection. Frames of a websocket keep their order.

#ifndef TESTS_SIM_NET_H
#define TESTS_SIM_NET_H

#include "base/list.h"
#include "tests/sim/kernel.h"
#include "wire/http_client.h"
#include "wire/http_server.h"

// How bad it is at present. "one_in": so often, 0: never.
struct net_weather {
    uint32_t lose_one_in;   // of requests and of replies
    uint32_t double_one_in; // of requests
    uint32_t late_one_in;   // takes up to late_ms instead
    int64_t delay_ms;       // at most, otherwise; at least 1
    int64_t late_ms;
};

typedef void net_serve_fn(void *user, struct http_exchange *exchange,
                          const struct http_request *request);

void net_start(uint64_t seed);
void net_stop(void); // everything must have been freed but what still flies
void net_set_weather(const struct net_weather *weather);

// From here until net_unserve, requests reach fn on that machine. Unserving breaks every connection
// to it; unanswered exchanges must have been answered (to nobody, when the node is dead).
void net_serve(struct node *node, net_serve_fn *fn, void *user);
void net_unserve(void);

// Nothing passes between this machine and the server, and neither is told, until it is let in again
// (also what was sent before and had not arrived). Its websockets stay half open.
void net_part(struct node *node);
void net_join(struct node *node);
bool net_is_parted(const struct node *node);

// Websockets of this machine (not of the server's). Cut: both ends hear of it. Half open: what the
// one end sends gets lost from now on, and nobody is told.
void net_cut(struct node *node);
void net_half_open(struct node *node, bool from_server);
void net_stall(struct node *node, int64_t ms); // their frames stand still for so long
// The last message that came through to each of their ends, not long ago, comes once more.
void net_echo(struct node *node);

// For the check that nothing leaks.
size_t net_exchanges(void); // unanswered
size_t net_sockets(void);   // open ends of websockets
size_t net_calls(void);     // that clients wait for
size_t net_strays(void);    // requests that will arrive though nobody waits any more

// ---- shared by the two files

struct http_client {
    struct loop *loop;
    struct list calls; // struct http_call.in_client
};

// What refers to a call and outlives it: a parcel on its way, an exchange.
struct tie {
    struct list in_call;
    struct http_call *call; // NULL: nobody waits any more
};

struct http_call {
    struct list in_client;
    struct list ties;
    struct loop *loop;
    struct loop_timer deadline;
    const struct http_call_options *options; // a copy
    struct http_call_options copy;
    struct ws_dial *dial; // the call is the handshake of this one; NULL: a plain call
};

struct http_call *net_call(struct http_client *client, const struct http_call_options *options,
                           struct ws_dial *dial);
void net_call_free(struct http_call *call);
void net_tie(struct tie *tie, struct http_call *call);
void net_untie(struct tie *tie);

int64_t net_delay(void);
bool net_drawn(uint32_t one_in); // true once in so many
uint64_t net_below(uint64_t bound);
struct node *net_server(void); // NULL: nobody serves

// In net_socket.c, for net.c: what became of a handshake.
void dial_failed(struct ws_dial *dial, int outcome, const struct http_answer *reply,
                 struct str detail);
void sockets_start(void);
void sockets_stop(void);

// In net.c, for net_socket.c: takes the exchange of a handshake out; false: its client has left.
bool net_take(struct http_exchange *exchange, struct http_call **out_call);
void net_exchange_free(struct http_exchange *exchange);

#endif
