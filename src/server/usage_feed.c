// See usage_feed.h. An answer is made on the spot: it costs as much as the cluster has running
// tasks, and at most so many of them are told.

#include "server/usage_feed.h"

#include "base/arena.h"
#include "base/buf.h"
#include "io/clock.h"
#include "server/auth.h"
#include "wire/codec.h"
#include "wire/json_write.h"
#include "wire/uri.h"

enum { LIMIT = 1000, LIMIT_MAX = 10000 };

static void answer(struct http_exchange *exchange, int status, const struct buf *body)
{
    const struct http_header headers[] = {
        {STR("Content-Type"), STR("application/json")},
        {STR("Cache-Control"), STR("no-store")},
    };

    http_reply(exchange,
               &(struct http_response){
                   .status = status, .headers = headers, .headers_n = 2, .body = buf_str(body)});
}

static void refuse(struct http_exchange *exchange, int status, struct str type, struct str message)
{
    BUF_AUTO struct buf body = BUF_INIT;
    struct json_writer w = json_writer(&body);

    json_write_object(&w);
    json_write_name(&w, STR("__type"));
    json_write_str(&w, type);
    json_write_name(&w, STR("message"));
    json_write_str(&w, message);
    json_write_object_end(&w);
    answer(exchange, status, &body);
}

static struct str last_part(struct str text)
{
    struct str head;
    struct str tail;

    return str_cut_last(text, '/', &head, &tail) ? tail : text;
}

// Names and ARNs alike.
static struct str named(struct arena *arena, struct str query, struct str key)
{
    struct str text = STR_NONE;

    (void)uri_query_get(arena, query, key, &text);
    return last_part(text);
}

static bool understand(struct arena *arena, struct str query, struct usage_query *out)
{
    struct str limit = STR_NONE;
    struct str history = STR_NONE;
    int64_t n = LIMIT;

    out->cluster = named(arena, query, STR("cluster"));
    if (out->cluster.len == 0)
        out->cluster = STR("default");
    out->service = named(arena, query, STR("service"));
    out->task = named(arena, query, STR("task"));
    (void)uri_query_get(arena, query, STR("history"), &history);
    out->history = str_eq(history, STR("1"));
    if (uri_query_get(arena, query, STR("limit"), &limit) &&
        (!str_to_i64(limit, &n) || n < 0 || n > LIMIT_MAX))
        return false;
    out->limit = (size_t)n;
    return true;
}

void usage_feed_request(const struct usage *usage, struct auth *auth,
                        struct http_exchange *exchange, const struct http_request *request)
{
    struct arena *arena = http_exchange_arena(exchange);
    BUF_AUTO struct buf body = BUF_INIT;
    struct sigv4_error error = {0};
    struct usage_query query = {0};
    struct client_usage found;
    struct caller caller;

    if (auth_check(auth, request, clock_wall_ms(), arena, &caller, &error) != 0) {
        refuse(exchange, 403, error.type, error.message);
        return;
    }
    query.region = caller.region;
    if (!understand(arena, request->query, &query)) {
        refuse(exchange, 400, STR("InvalidParameterException"),
               STR("limit is a number from 0 to 10000."));
        return;
    }
    usage_ask(usage, &query, clock_wall_ms(), arena, &found);
    codec_encode(&body, &client_usage_shape, &found);
    answer(exchange, 200, &body);
}
