// Input: a line with a word that chooses one of the small parsers below, then its text. What is
// read and written again reads the same; what two functions say of one text fits together.

#include <math.h>

#include "agent/duration.h"
#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "base/id.h"
#include "base/regex.h"
#include "base/timefmt.h"
#include "base/utf8.h"
#include "core/query_compare.h"
#include "fuzz.h"
#include "model/arn.h"
#include "ops/image_name.h"
#include "runtime/docker_internal.h"
#include "server/hook_reply.h"
#include "wire/crypto.h"
#include "wire/http.h"
#include "wire/json_number.h"
#include "wire/uri.h"

static struct arena arena;

static void try_base64(struct str text)
{
    static struct buf bytes;
    static struct buf again;

    buf_clear(&bytes);
    buf_clear(&again);
    if (base64_decode(text, &bytes)) {
        base64_encode(&again, buf_str(&bytes));
        ASSERT(buf_len(&again) == text.len);
        buf_clear(&bytes);
        ASSERT(base64_decode(buf_str(&again), &bytes));
    } else {
        ASSERT(buf_len(&bytes) == 0);
        base64_encode(&again, text);
        ASSERT(base64_decode(buf_str(&again), &bytes));
        ASSERT(str_eq(buf_str(&bytes), text));
    }
}

static void try_hex(struct str text)
{
    static struct buf bytes;
    static struct buf again;

    buf_clear(&bytes);
    buf_clear(&again);
    if (hex_decode(text, &bytes)) {
        hex_encode(&again, buf_str(&bytes).ptr, buf_len(&bytes));
        ASSERT(str_eq_nocase(buf_str(&again), text));
    } else {
        ASSERT(buf_len(&bytes) == 0);
    }
}

static void try_escapes(struct str text)
{
    struct str encoded = uri_encoded(&arena, text, false);
    struct str decoded;

    ASSERT(uri_decode(&arena, encoded, false, &decoded));
    ASSERT(str_eq(decoded, text));
    if (uri_decode(&arena, text, true, &decoded)) {
        struct str back;
        ASSERT(uri_decode(&arena, uri_encoded(&arena, decoded, true), true, &back));
        ASSERT(str_eq(decoded, back));
    }
}

static void try_query_string(struct str text)
{
    struct str rest = text;
    struct str key;
    struct str value;

    while (uri_query_next(&rest, &key, &value)) {
        struct str decoded;
        struct str found;
        ASSERT(key.len + value.len > 0 || str_has_char(text, '='));
        if (uri_decode(&arena, key, false, &decoded) &&
            uri_query_get(&arena, text, decoded, &found))
            ASSERT(found.len <= text.len);
    }
}

static void try_uri(struct str text)
{
    struct uri uri;
    struct uri again;
    struct str host;

    if (!uri_parse(&arena, text, &uri))
        return;
    host = uri_host_header(&arena, &uri);
    ASSERT(host.len > 0);
    if (uri.scheme == URI_UNIX)
        return;
    ASSERT(uri.host.len > 0 && uri.port > 0 && uri.path.ptr[0] == '/');
    ASSERT(uri_parse(&arena,
                     str_fmt(&arena, "%s://%.*s%.*s", uri.scheme == URI_HTTPS ? "https" : "http",
                             STR_ARGS(host), STR_ARGS(uri.path)),
                     &again));
    ASSERT(str_eq(uri.host, again.host) && uri.port == again.port);
    ASSERT(str_eq(uri.path, again.path));
}

static void try_time(struct str text)
{
    time_ms t;
    time_ms back;

    if (time_parse_amz(text, &t)) {
        ASSERT(str_eq(time_amz(&arena, t), text));
        ASSERT(time_http(&arena, t).len == 29);
    }
    if (time_parse_rfc3339(text, &t) && t >= INT64_C(-62167219200000) &&
        t <= INT64_C(253402300799999)) {
        ASSERT(time_parse_rfc3339(time_iso8601(&arena, t), &back));
        ASSERT(t == back);
    }
}

static void try_duration(struct str text)
{
    int64_t ms;

    if (duration_parse(text, &ms))
        ASSERT(ms >= 0);
}

static void try_number(struct str text)
{
    int64_t whole;
    int64_t plain;
    double real;
    const char *digits = str_cstr(&arena, text);

    if (str_to_i64(text, &plain)) {
        ASSERT(text.len == strlen(digits));
        ASSERT(strtoll(digits, NULL, 10) == plain);
    }
    // The functions of wire/json_number take what JSON's grammar allows.
    if (!regex_literal_matches("-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][-+]?[0-9]+)?", text))
        return;
    if (json_number_i64(text, INT32_MIN, INT32_MAX, &whole)) {
        ASSERT(json_number_double(text, &real));
        ASSERT((double)whole == real);
    }
    if (json_number_i64(text, INT64_MIN, INT64_MAX, &whole) && str_to_i64(text, &plain))
        ASSERT(whole == plain);
    if (json_number_ms(text, &whole)) {
        ASSERT(json_number_double(text, &real));
        ASSERT(fabs((double)whole - real * 1000) <= 0.5);
    }
}

static void try_arn(struct str text)
{
    struct arn arn;
    struct arn again;

    if (str_has_char(text, '\0') || !arn_parse(text, &arn)) // no text of a request has one
        return;
    ASSERT(arn_looks_like_one(text));
    if (str_eq(arn.service, STR("ecs")) && arn.tail.len > 0) {
        struct str made = arn_make(&arena, &arn.scope, str_cstr(&arena, arn.kind), arn.tail);
        ASSERT(arn_parse(made, &again));
        ASSERT(scope_eq(&arn.scope, &again.scope));
        ASSERT(str_eq(arn.tail, again.tail));
    }
}

static void try_utf8(struct str text)
{
    struct str rest = text;
    size_t n = 0;

    while (rest.len > 0 && utf8_sequence(rest) > 0) {
        rest = str_from(rest, utf8_sequence(rest));
        n++;
    }
    ASSERT(utf8_is_valid(text) == (rest.len == 0));
    if (rest.len == 0)
        ASSERT(str_utf8_count(text) == n);
}

static void try_order(struct str text)
{
    struct str a = fuzz_line(&text);
    int order = query_value_order(a, text);

    ASSERT((order > 0) == (query_value_order(text, a) < 0));
    ASSERT(query_value_order(a, a) == 0);
    if (!query_is_version(a) || !query_is_version(text))
        return;
    order = query_version_order(a, text);
    ASSERT((order > 0) == (query_version_order(text, a) < 0));
    ASSERT(query_version_order(a, a) == 0);
}

static void try_names(struct str text)
{
    struct docker_reference reference = docker_reference_split(text);
    struct http_header header = {.name = text, .value = text};

    ASSERT(reference.repository.len <= text.len);
    ASSERT(reference.tag.len > 0);
    image_is_ecr(text);
    image_is_pinned(text);
    ASSERT(!id_is_hex32(text) || text.len == 32);
    ASSERT(!id_is_uuid(text) || text.len == 36);
    ASSERT(!http_is_token(text) || http_header_is_valid(&header));
}

static void try_regex(struct str text)
{
    struct str pattern = fuzz_line(&text);
    struct regex *regex = regex_new(pattern);

    if (regex != NULL)
        regex_matches(regex, text);
    regex_free(regex);
}

// A line that was sent, then a hook's reply. What it gives to be handed back is an object, and
// laying nothing over it changes nothing.
static void try_hook(struct str text)
{
    struct str sent = fuzz_line(&text);
    struct hook_answer answer = hook_reply_read(&arena, text, sent);
    struct str body;

    if (answer.result == HOOK_RESULT_FAILED)
        ASSERT(answer.failure == HOOK_RETURNED_FAILED || answer.cause.len > 0);
    if (answer.details.len == 0)
        return;
    ASSERT(answer.result == HOOK_RESULT_IN_PROGRESS);
    body = STR("{\"hookStatus\":\"IN_PROGRESS\",\"hookDetails\":{}}");
    ASSERT(str_eq(hook_reply_read(&arena, body, answer.details).details, answer.details));
}

static const struct {
    struct str name;
    void (*try)(struct str text);
} parsers[] = {
    {STR_INIT("base64"), try_base64},     {STR_INIT("hex"), try_hex},
    {STR_INIT("escapes"), try_escapes},   {STR_INIT("query"), try_query_string},
    {STR_INIT("uri"), try_uri},           {STR_INIT("time"), try_time},
    {STR_INIT("duration"), try_duration}, {STR_INIT("number"), try_number},
    {STR_INIT("arn"), try_arn},           {STR_INIT("utf8"), try_utf8},
    {STR_INIT("order"), try_order},       {STR_INIT("names"), try_names},
    {STR_INIT("regex"), try_regex},       {STR_INIT("hook"), try_hook},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = fuzz_text(data, size);
    struct str word = fuzz_line(&text);
    size_t choice = fuzz_pick(word, sizeof parsers / sizeof *parsers);

    for (size_t i = 0; i < sizeof parsers / sizeof *parsers; i++) {
        if (str_eq(word, parsers[i].name))
            choice = i;
    }
    parsers[choice].try(text);
    arena_reset(&arena);
    return 0;
}
