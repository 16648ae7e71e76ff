// Answers of the agent's local server, all in one form.

#ifndef AGENT_META_REPLY_H
#define AGENT_META_REPLY_H

#include "shape/shape.h"

struct http_exchange;

// What every answer says of the limit on requests; kept in the exchange's arena.
struct meta_rate {
    struct str limit; // "40.00"
    struct str forwarded_for;
    struct str remote;
};
void meta_reply_note_rate(struct http_exchange *exchange, const struct meta_rate *rate);

// The exchange is gone when these return.
void meta_reply(struct http_exchange *exchange, int status, const struct shape *shape,
                const void *value);
void meta_reply_json(struct http_exchange *exchange, int status, struct str json);
// A JSON string.
void meta_reply_string(struct http_exchange *exchange, int status, struct str text);
void meta_reply_plain(struct http_exchange *exchange, int status, struct str text);
void meta_reply_moved(struct http_exchange *exchange, struct str location);

#endif
