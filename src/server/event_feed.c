// See event_feed.h. An ask is made when it has been understood, waits when there is nothing for it
// yet, reads, and is answered; whatever happens, once.

#include "server/event_feed.h"

#include "base/arena.h"
#include "base/list.h"
#include "base/mem.h"
#include "io/clock.h"
#include "server/auth.h"
#include "wire/json_write.h"
#include "wire/uri.h"

enum {
    LIMIT = 100,
    LIMIT_MAX = 1000,
    WAIT_MAX_S = 60,
    PAGE_BYTES_MAX = 1 << 20,
};

struct event_feed {
    struct event_feed_config config;
    uint64_t last; // that is durable
    struct list asks;
    unsigned asks_n;
    struct buf body;
    bool is_closed;
};

struct ask {
    struct event_reader reader;
    struct event_feed *feed;
    struct http_exchange *exchange;
    struct list link;
    struct loop_timer patience; // runs while it waits
    uint64_t after;
    size_t limit;
    bool from_start; // whatever the oldest is, nothing is missing before it
};

// ---- answers

static void answer(struct event_feed *feed, struct http_exchange *exchange, int status)
{
    const struct http_header headers[] = {
        {STR("Content-Type"), STR("application/json")},
        {STR("Cache-Control"), STR("no-store")},
    };

    http_reply(exchange, &(struct http_response){.status = status,
                                                 .headers = headers,
                                                 .headers_n = 2,
                                                 .body = buf_str(&feed->body)});
}

static struct json_writer begin_error(struct event_feed *feed, struct str type, struct str message)
{
    struct json_writer w = json_writer(&feed->body);

    buf_clear(&feed->body);
    json_write_object(&w);
    json_write_name(&w, STR("__type"));
    json_write_str(&w, type);
    json_write_name(&w, STR("message"));
    json_write_str(&w, message);
    return w;
}

static void refuse(struct event_feed *feed, struct http_exchange *exchange, int status,
                   struct str type, struct str message)
{
    struct json_writer w = begin_error(feed, type, message);

    json_write_object_end(&w);
    answer(feed, exchange, status);
}

// `lost` 0: nobody can say how many.
static void answer_lost(struct event_feed *feed, struct http_exchange *exchange, uint64_t lost,
                        uint64_t go_on_after)
{
    struct arena *arena = http_exchange_arena(exchange);
    struct str message = STR("The cursor is not one of this event log.");
    struct json_writer w;

    if (lost > 0)
        message = str_fmt(arena, "%llu events behind this cursor are no longer kept.",
                          (unsigned long long)lost);
    w = begin_error(feed, STR("EventsLostException"), message);
    if (lost > 0) {
        json_write_name(&w, STR("lost"));
        json_write_i64(&w, (int64_t)lost);
    }
    json_write_name(&w, STR("cursor"));
    json_write_str(&w, event_cursor(arena, feed->config.source.log, go_on_after));
    json_write_object_end(&w);
    answer(feed, exchange, 410);
}

static void answer_page(struct event_feed *feed, struct http_exchange *exchange, uint64_t last,
                        struct str events)
{
    struct arena *arena = http_exchange_arena(exchange);
    struct str cursor = event_cursor(arena, feed->config.source.log, last);

    buf_clear(&feed->body);
    buf_printf(&feed->body, "{\"cursor\":\"%.*s\",\"events\":[", STR_ARGS(cursor));
    if (events.len > 0)
        buf_add_char(&feed->body, '\n');
    buf_add_str(&feed->body, events);
    buf_add_str(&feed->body, events.len > 0 ? STR("\n]}\n") : STR("]}\n"));
    answer(feed, exchange, 200);
}

// ---- asks

static void end(struct ask *ask)
{
    loop_timer_stop(&ask->patience);
    list_remove(&ask->link);
    ask->feed->asks_n--;
    event_reader_deinit(&ask->reader);
    mem_free(ask);
}

static void on_read(void *user)
{
    struct ask *ask = user;
    struct event_feed *feed = ask->feed;
    const struct event_page *page = &ask->reader.page;

    if (ask->reader.outcome != 0)
        refuse(feed, ask->exchange, 500, STR("ServerException"),
               STR("The event log cannot be read."));
    else if (page->is_of_future)
        answer_lost(feed, ask->exchange, 0, page->last);
    else if (page->lost > 0 && !ask->from_start)
        answer_lost(feed, ask->exchange, page->lost, ask->after + page->lost);
    else
        answer_page(feed, ask->exchange, page->last, buf_str(&page->text));
    end(ask);
}

static void on_patience(void *user)
{
    struct ask *ask = user;

    answer_page(ask->feed, ask->exchange, ask->after, STR_NONE);
    end(ask);
}

static void look(struct ask *ask)
{
    loop_timer_stop(&ask->patience);
    event_read(&ask->reader, ask->after, ask->limit, PAGE_BYTES_MAX);
}

static bool read_number(struct arena *arena, struct str query, struct str key, int64_t low,
                        int64_t high, int64_t *io)
{
    struct str text;

    if (!uri_query_get(arena, query, key, &text))
        return true;
    return str_to_i64(text, io) && *io >= low && *io <= high;
}

// What was asked for.
struct wish {
    uint64_t after;
    int64_t limit;
    int64_t wait_s;
    bool from_start;
};

// False: *out_why is a sentence.
static bool understand(const struct event_feed *feed, struct arena *arena, struct str query,
                       struct wish *out, struct str *out_why)
{
    struct str after = STR_NONE;
    bool is_ours = true;

    *out = (struct wish){.limit = LIMIT};
    *out_why = STR("limit is a number from 1 to 1000.");
    if (!read_number(arena, query, STR("limit"), 1, LIMIT_MAX, &out->limit))
        return false;
    *out_why = STR("wait is a number of seconds from 0 to 60.");
    if (!read_number(arena, query, STR("wait"), 0, WAIT_MAX_S, &out->wait_s))
        return false;
    *out_why = STR("after is a cursor, or now.");
    out->from_start = !uri_query_get(arena, query, STR("after"), &after) || after.len == 0;
    if (str_eq(after, STR("now")))
        out->after = feed->last;
    else if (!out->from_start &&
             !event_cursor_parse(after, feed->config.source.log, &out->after, &is_ours))
        return false;
    if (!is_ours)
        out->after = INT64_MAX; // which has not been yet either
    return true;
}

static void ask(struct event_feed *feed, struct http_exchange *exchange, const struct wish *wish)
{
    struct ask *ask = mem_zalloc(sizeof *ask);

    ask->feed = feed;
    ask->exchange = exchange;
    ask->after = wish->after;
    ask->limit = (size_t)wish->limit;
    ask->from_start = wish->from_start;
    event_reader_init(&ask->reader, &feed->config.source, on_read, ask);
    loop_timer_init(&ask->patience, feed->config.source.loop, on_patience, ask);
    list_push_back(&feed->asks, &ask->link);
    feed->asks_n++;
    if (ask->after == feed->last && wish->wait_s > 0)
        loop_timer_start(&ask->patience, wish->wait_s * TIME_SECOND_MS);
    else
        look(ask);
}

void event_feed_request(struct event_feed *feed, struct http_exchange *exchange,
                        const struct http_request *request)
{
    struct arena *arena = http_exchange_arena(exchange);
    struct sigv4_error error = {0};
    struct caller caller;
    struct wish wish;
    struct str why;

    if (auth_check(feed->config.auth, request, clock_wall_ms(), arena, &caller, &error) != 0)
        refuse(feed, exchange, 403, error.type, error.message);
    else if (caller.role != NULL)
        refuse(feed, exchange, 403, STR("AccessDeniedException"),
               str_fmt(arena, "User: %.*s is not authorized to read the events.",
                       STR_ARGS(caller.principal_arn)));
    else if (!event_log_is_on(feed->config.source.log))
        refuse(feed, exchange, 404, STR("EventsOffException"),
               STR("The event log is switched off (--events-kept 0)."));
    else if (feed->is_closed || feed->asks_n >= feed->config.asks_max)
        refuse(feed, exchange, 503, STR("ServiceUnavailable"),
               STR("Too many calls are waiting. Please try again later."));
    else if (!understand(feed, arena, request->query, &wish, &why))
        refuse(feed, exchange, 400, STR("InvalidParameterException"), why);
    else
        ask(feed, exchange, &wish);
}

void event_feed_told(struct event_feed *feed, uint64_t last)
{
    if (last <= feed->last)
        return;
    feed->last = last;
    LIST_EACH_SAFE (&feed->asks, it) {
        struct ask *ask = LIST_ENTRY(it, struct ask, link);

        if (loop_timer_is_running(&ask->patience))
            look(ask);
    }
}

// ---- life

struct event_feed *event_feed_new(const struct event_feed_config *config)
{
    struct event_feed *feed = mem_zalloc(sizeof *feed);

    feed->config = *config;
    feed->last = event_log_last(config->source.log);
    list_init(&feed->asks);
    return feed;
}

void event_feed_close(struct event_feed *feed)
{
    feed->is_closed = true;
    LIST_EACH_SAFE (&feed->asks, it) {
        struct ask *ask = LIST_ENTRY(it, struct ask, link);

        if (loop_timer_is_running(&ask->patience))
            on_patience(ask);
    }
}

void event_feed_free(struct event_feed *feed)
{
    if (feed == NULL)
        return;
    LIST_EACH_SAFE (&feed->asks, it) {
        struct ask *ask = LIST_ENTRY(it, struct ask, link);

        ask->reader.is_busy = false;
        refuse(feed, ask->exchange, 503, STR("ServiceUnavailable"), STR("The server is stopping."));
        end(ask);
    }
    buf_deinit(&feed->body);
    mem_free(feed);
}
