// Websockets (RFC 6455), both roles, over wslay and wire/conn. No subprotocol, no extension.
//
// Pings are answered here, fragments are joined, UTF-8 of text is checked, messages over the limit
// end the connection with 1009. A close frame of the peer is answered and then told by on_close;
// ws_close sends one and on_close follows when the peer has answered or close_ms have passed.

#ifndef WIRE_WS_H
#define WIRE_WS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "wire/http.h"
#include "wire/http_client.h"

struct http_exchange;
struct loop;
struct ws;

// The codes that matter here; 1006 never travels, it stands for a connection that broke.
enum ws_code {
    WS_CODE_NORMAL = 1000,
    WS_CODE_GOING_AWAY = 1001,
    WS_CODE_PROTOCOL = 1002,
    WS_CODE_NO_STATUS = 1005,
    WS_CODE_ABNORMAL = 1006,
    WS_CODE_BAD_DATA = 1007,
    WS_CODE_POLICY = 1008,
    WS_CODE_TOO_BIG = 1009,
    WS_CODE_INTERNAL = 1011,
};

struct ws_handler {
    // One whole message; `bytes` lives until the handler returns.
    void (*on_message)(void *user, struct str bytes, bool is_text);
    void (*on_pong)(void *user); // optional
    // The last call, once, from the loop; the websocket is gone afterwards. `code` is the peer's
    // (1005 when he gave none), ours when we ended it for cause, or 1006 when the connection broke
    // or a deadline passed. Not called after ws_abort.
    void (*on_close)(void *user, int code, struct str reason);
};

struct ws_options {
    size_t message_max; // 0: 1 MiB
    size_t out_max;     // unsent bytes at which ws_send refuses; 0: 4 MiB
    int64_t idle_ms;    // nothing at all received for so long: 1006; 0: none
    int64_t ping_ms;    // send a ping after so long without traffic from the peer; 0: none
    int64_t close_ms;   // wait for the answer to our close; 0: 5 s
    const struct ws_handler *handler; // outlives the websocket
    void *user;
};

// Server. The request must be a handshake (GET, Upgrade: websocket, version 13, a 16-byte key).
//   WS_E_NOT_HANDSHAKE  not one; answer 400
//   WS_E_VERSION        another version; answer 426 with Sec-WebSocket-Version: 13
//   WS_E_GONE           the client has left, or other requests are before this one; answer anything
// After success the exchange is gone; after an outcome it still has to be answered.
enum ws_accept_outcome { WS_E_NOT_HANDSHAKE = 1, WS_E_VERSION, WS_E_GONE };
int ws_accept(struct http_exchange *exchange, const struct ws_options *options,
              struct ws **out_ws) MUST_CHECK;

// Client. One handshake on a fresh connection of `client`.
struct ws_dial;
struct ws_dial_handler {
    // Open. `ws` lives until its own on_close.
    void (*on_open)(void *user, struct ws *ws);
    // Not opened: `outcome` is an http_client_outcome; or 0 and `reply` is the server's refusal
    // (its status and JSON body), or a 101 that fails the key check (HTTP_CLIENT_E_PROTOCOL).
    void (*on_failed)(void *user, int outcome, const struct http_answer *reply, struct str detail);
};
struct ws_dial_options {
    struct str target;                 // "/path?query", encoded
    const struct http_header *headers; // Authorization, X-Amz-Date, User-Agent, ...
    size_t headers_n;
    int64_t handshake_ms; // all of it; 0: 30 s
    struct ws_options ws;
    const struct ws_dial_handler *handler;
    void *user;
};
// Exactly one of its handlers is called, from the loop; unless cancelled.
struct ws_dial *ws_dial(struct http_client *client, const struct ws_dial_options *options);
void ws_dial_cancel(struct ws_dial *dial);

// WS_SEND_E_CLOSED: closing or closed. WS_SEND_E_FULL: out_max unsent bytes wait already; the peer
// is too slow, and the caller decides whether to drop the message or the peer.
enum ws_send_outcome { WS_SEND_E_CLOSED = 1, WS_SEND_E_FULL };
int ws_send_text(struct ws *ws, struct str text) MUST_CHECK;
int ws_send_binary(struct ws *ws, struct str bytes) MUST_CHECK;
int ws_send_ping(struct ws *ws) MUST_CHECK;

// Any number of times; the first wins. Reason at most 123 bytes, clipped.
void ws_close(struct ws *ws, int code, struct str reason);
void ws_abort(struct ws *ws); // at once, silently; NULL is fine

size_t ws_unsent(const struct ws *ws);
int64_t ws_last_received_ms(const struct ws *ws); // loop time of the last byte from the peer

#endif
