// See hook_reply.h. Details are merged by their outermost members, whose values are taken as they
// were written.

#include "server/hook_reply.h"

#include "base/arena.h"
#include "base/buf.h"
#include "wire/codec.h"
#include "wire/json_read.h"
#include "wire/json_write.h"

enum { DETAILS_MAX = 64 << 10, MEMBERS_MAX = 256, DELAY_MAX_S = 24 * 3600 };

// ---- the outermost members of an object

struct member {
    struct str name;
    struct str value; // JSON, as it was written
};

struct members {
    struct arena *arena;
    struct str text;
    struct json_reader reader;
    size_t depth;
    size_t value_at; // where the value of the member under way begins
    struct member at[MEMBERS_MAX];
    size_t n;
};

static bool end_value(struct members *m)
{
    struct member *member = &m->at[m->n - 1];

    if (m->depth == 1)
        member->value =
            str_take(str_from(m->text, m->value_at), json_read_offset(&m->reader) - m->value_at);
    return true;
}

static bool is_inside(const struct members *m)
{
    return m->depth > 0; // a value that is no object has no members
}

static bool on_null(void *user)
{
    return is_inside(user) && end_value(user);
}

static bool on_bool(void *user, bool value)
{
    (void)value;
    return on_null(user);
}

static bool on_text(void *user, struct str text)
{
    (void)text;
    return on_null(user);
}

static bool on_begin(void *user)
{
    ((struct members *)user)->depth++;
    return true;
}

static bool on_list(void *user)
{
    return is_inside(user) && on_begin(user);
}

static bool on_end(void *user)
{
    struct members *m = user;

    m->depth--;
    return m->depth == 0 || end_value(m);
}

// Behind the name come blanks and a colon.
static size_t after_colon(const struct members *m, size_t at)
{
    while (at < m->text.len && m->text.ptr[at] != ':')
        at++;
    at++;
    while (at < m->text.len && (m->text.ptr[at] == ' ' || m->text.ptr[at] == '\n' ||
                                m->text.ptr[at] == '\r' || m->text.ptr[at] == '\t'))
        at++;
    return at;
}

static bool on_key(void *user, struct str name)
{
    struct members *m = user;

    if (m->depth != 1)
        return true;
    if (m->n == MEMBERS_MAX)
        return false;
    m->at[m->n++] = (struct member){.name = str_copy(m->arena, name)};
    m->value_at = after_colon(m, json_read_offset(&m->reader));
    return true;
}

static const struct json_events events = {
    .on_null = on_null,
    .on_bool = on_bool,
    .on_number = on_text,
    .on_string = on_text,
    .on_object = on_begin,
    .on_key = on_key,
    .on_object_end = on_end,
    .on_list = on_list,
    .on_list_end = on_end,
};

// NULL: it is no object, or has too many members.
static struct members *members_of(struct arena *arena, struct str text)
{
    struct members *m = arena_new(arena, struct members);

    m->arena = arena;
    m->text = text;
    m->reader = (struct json_reader){.events = &events, .user = m, .depth_max = JSON_DEPTH_MAX};
    return text.len == 0 || json_read(&m->reader, text) == 0 ? m : NULL;
}

static bool has(const struct members *m, struct str name)
{
    for (size_t i = 0; i < m->n; i++) {
        if (str_eq(m->at[i].name, name))
            return true;
    }
    return false;
}

static void write_members(struct json_writer *w, const struct members *m,
                          const struct members *but_for)
{
    for (size_t i = 0; i < m->n; i++) {
        if (but_for != NULL && has(but_for, m->at[i].name))
            continue;
        json_write_key(w, m->at[i].name);
        json_write_raw(w, m->at[i].value);
    }
}

// False: one of the two is no object, or there is too much of it.
static bool merge(struct arena *arena, struct str sent, struct str back, struct str *out)
{
    const struct members *before = members_of(arena, sent);
    const struct members *after = members_of(arena, back);
    BUF_AUTO struct buf text = BUF_INIT;
    struct json_writer w = json_writer(&text);

    if (before == NULL || after == NULL)
        return false;
    json_write_object(&w);
    write_members(&w, before, after);
    write_members(&w, after, NULL);
    json_write_object_end(&w);
    if (buf_str(&text).len > DETAILS_MAX)
        return false;
    *out = str_copy(arena, buf_str(&text));
    return true;
}

// ---- the reply

static struct hook_answer not_parsed(struct str cause)
{
    return (struct hook_answer){
        .result = HOOK_RESULT_FAILED, .failure = HOOK_NOT_PARSED, .cause = cause};
}

static struct hook_answer in_progress(struct arena *arena, const struct hook_reply *reply,
                                      struct str sent)
{
    struct hook_answer answer = {.result = HOOK_RESULT_IN_PROGRESS};
    int32_t delay = reply->call_back_delay;

    if (reply->has.call_back_delay && (delay < 1 || delay > DELAY_MAX_S))
        return not_parsed(STR("CallBackDelay must be between 1 and 86400"));
    answer.delay = delay * TIME_SECOND_MS;
    if (reply->has.hook_details && !merge(arena, sent, reply->hook_details, &answer.details))
        return not_parsed(STR("HookDetails must be an object of at most 64 KiB"));
    return answer;
}

struct hook_answer hook_reply_read(struct arena *arena, struct str body, struct str sent)
{
    struct codec_report report = {0};
    struct hook_reply reply;

    if (codec_decode(arena, &hook_reply_shape, body, &codec_peer, &reply, &report) != 0)
        return not_parsed(report.message);
    if (!reply.has.hook_status)
        return not_parsed(STR("HookStatus must not be null"));
    if (str_eq(reply.hook_status, STR("SUCCEEDED")))
        return (struct hook_answer){.result = HOOK_RESULT_SUCCEEDED};
    if (str_eq(reply.hook_status, STR("FAILED")))
        return (struct hook_answer){.result = HOOK_RESULT_FAILED, .failure = HOOK_RETURNED_FAILED};
    if (str_eq(reply.hook_status, STR("IN_PROGRESS")))
        return in_progress(arena, &reply, sent);
    return not_parsed(STR("HookStatus must be one of [SUCCEEDED,FAILED,IN_PROGRESS]"));
}
