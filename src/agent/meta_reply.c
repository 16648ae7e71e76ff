// See meta_reply.h.

#include "agent/meta_reply.h"

#include "base/arena.h"
#include "base/buf.h"
#include "wire/codec.h"
#include "wire/http_server.h"
#include "wire/json_write.h"

enum { HEADERS_MAX = 6 };

void meta_reply_note_rate(struct http_exchange *exchange, const struct meta_rate *rate)
{
    http_exchange_set_user(exchange, arena_copy(http_exchange_arena(exchange), rate, sizeof *rate));
}

static size_t add_rate(const struct http_exchange *exchange, struct http_header *headers)
{
    const struct meta_rate *rate = http_exchange_user(exchange);

    if (rate == NULL)
        return 0;
    headers[0] = (struct http_header){STR("X-Rate-Limit-Limit"), rate->limit};
    headers[1] = (struct http_header){STR("X-Rate-Limit-Duration"), STR("1")};
    headers[2] =
        (struct http_header){STR("X-Rate-Limit-Request-Forwarded-For"), rate->forwarded_for};
    headers[3] = (struct http_header){STR("X-Rate-Limit-Request-Remote-Addr"), rate->remote};
    return 4;
}

static void send(struct http_exchange *exchange, int status, struct http_header last,
                 struct str body)
{
    struct http_header headers[HEADERS_MAX];
    size_t n = add_rate(exchange, headers);

    headers[n++] = last;
    http_reply(exchange, &(struct http_response){
                             .status = status, .headers = headers, .headers_n = n, .body = body});
}

void meta_reply_json(struct http_exchange *exchange, int status, struct str json)
{
    send(exchange, status, (struct http_header){STR("Content-Type"), STR("application/json")},
         json);
}

void meta_reply(struct http_exchange *exchange, int status, const struct shape *shape,
                const void *value)
{
    BUF_AUTO struct buf body = BUF_INIT;

    codec_encode(&body, shape, value);
    meta_reply_json(exchange, status, buf_str(&body));
}

void meta_reply_string(struct http_exchange *exchange, int status, struct str text)
{
    BUF_AUTO struct buf body = BUF_INIT;
    struct json_writer w = json_writer(&body);

    json_write_str(&w, text);
    meta_reply_json(exchange, status, buf_str(&body));
}

void meta_reply_plain(struct http_exchange *exchange, int status, struct str text)
{
    send(exchange, status,
         (struct http_header){STR("Content-Type"), STR("text/plain; charset=utf-8")}, text);
}

void meta_reply_moved(struct http_exchange *exchange, struct str location)
{
    send(exchange, 301, (struct http_header){STR("Location"), location}, STR_NONE);
}
