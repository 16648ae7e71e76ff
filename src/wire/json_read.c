// The only file that sees yajl's parser.
//
// yajl is a good tokenizer with gaps: it lets overlong UTF-8 through, turns half a surrogate pair
// into a question mark, takes \u0000, takes vertical tabs and form feeds for space, and knows no
// depth. So the text is checked as a whole first, a pass for each, and depth is counted in the
// callbacks. What yajl then calls a token is one.

#include "wire/json_read.h"

#include <yajl/yajl_parse.h>

#include "base/mem.h"
#include "base/utf8.h"

// --- callbacks: yajl's shapes to ours ---

enum { GO_ON = 1, STOP = 0 };

static int answer(struct json_reader *r, bool go_on)
{
    if (r->depth == 0) // that was all of the value
        r->value_end = json_read_offset(r);
    if (go_on)
        return GO_ON;
    r->why = JSON_E_STOPPED;
    return STOP;
}

static int enter(struct json_reader *r)
{
    if (r->depth < r->depth_max) {
        r->depth++;
        return GO_ON;
    }
    r->why = JSON_E_DEPTH;
    return STOP;
}

static struct str slice(const unsigned char *text, size_t len)
{
    return str_span((const char *)text, len);
}

static int on_null(void *ctx)
{
    struct json_reader *r = ctx;
    return answer(r, r->events->on_null(r->user));
}

static int on_bool(void *ctx, int value)
{
    struct json_reader *r = ctx;
    return answer(r, r->events->on_bool(r->user, value != 0));
}

static int on_number(void *ctx, const char *text, size_t len)
{
    struct json_reader *r = ctx;
    return answer(r, r->events->on_number(r->user, str_span(text, len)));
}

static int on_string(void *ctx, const unsigned char *text, size_t len)
{
    struct json_reader *r = ctx;
    return answer(r, r->events->on_string(r->user, slice(text, len)));
}

static int on_object(void *ctx)
{
    struct json_reader *r = ctx;
    return enter(r) == STOP ? STOP : answer(r, r->events->on_object(r->user));
}

static int on_key(void *ctx, const unsigned char *text, size_t len)
{
    struct json_reader *r = ctx;
    return answer(r, r->events->on_key(r->user, slice(text, len)));
}

static int on_object_end(void *ctx)
{
    struct json_reader *r = ctx;
    r->depth--;
    return answer(r, r->events->on_object_end(r->user));
}

static int on_list(void *ctx)
{
    struct json_reader *r = ctx;
    return enter(r) == STOP ? STOP : answer(r, r->events->on_list(r->user));
}

static int on_list_end(void *ctx)
{
    struct json_reader *r = ctx;
    r->depth--;
    return answer(r, r->events->on_list_end(r->user));
}

static const yajl_callbacks callbacks = {
    .yajl_null = on_null,
    .yajl_boolean = on_bool,
    .yajl_number = on_number,
    .yajl_string = on_string,
    .yajl_start_map = on_object,
    .yajl_map_key = on_key,
    .yajl_end_map = on_object_end,
    .yajl_start_array = on_list,
    .yajl_end_array = on_list_end,
};

static void *memory(void *ctx, size_t size)
{
    (void)ctx;
    return mem_alloc(size);
}

static void *more_memory(void *ctx, void *ptr, size_t size)
{
    (void)ctx;
    return mem_realloc(ptr, size);
}

static void no_memory(void *ctx, void *ptr)
{
    (void)ctx;
    mem_free(ptr);
}

// --- what yajl does not check ---

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// The code unit of a \uXXXX at the front of the slice, or -1.
static long unit_of(struct str text)
{
    long unit = 0;

    if (text.len < 6 || text.ptr[0] != '\\' || text.ptr[1] != 'u')
        return -1;
    for (size_t i = 2; i < 6; i++) {
        int digit = hex_digit(text.ptr[i]);
        if (digit < 0)
            return -1;
        unit = unit * 16 + digit;
    }
    return unit;
}

static bool is_high_surrogate(long unit)
{
    return unit >= 0xD800 && unit <= 0xDBFF;
}

static bool is_low_surrogate(long unit)
{
    return unit >= 0xDC00 && unit <= 0xDFFF;
}

// Escapes at the front of `text` that must be looked at together: their length, or 0 when they make
// no character. A malformed escape is left to the tokenizer.
static size_t escape_length(struct str text)
{
    long unit = unit_of(text);

    if (unit < 0)
        return 2;
    if (unit == 0 || is_low_surrogate(unit))
        return 0;
    if (!is_high_surrogate(unit))
        return 6;
    return is_low_surrogate(unit_of(str_from(text, 6))) ? 12 : 0;
}

static bool escapes_are_characters(struct str text)
{
    while (text.len > 0) {
        const char *at = memchr(text.ptr, '\\', text.len);
        size_t len;
        if (at == NULL)
            break;
        text = str_from(text, (size_t)(at - text.ptr));
        len = escape_length(text);
        if (len == 0)
            return false;
        text = str_from(text, len);
    }
    return true;
}

// --- reading ---

// yajl finds what stands behind the value, but for the beginning of a string that never ends.
static bool only_space_follows(const struct json_reader *r, struct str text)
{
    for (size_t i = r->value_end; i < text.len; i++) {
        if (strchr(" \t\r\n", text.ptr[i]) == NULL)
            return false;
    }
    return true;
}

static int outcome(const struct json_reader *r, yajl_status status)
{
    if (status == yajl_status_ok)
        return 0;
    return status == yajl_status_client_canceled ? (int)r->why : JSON_E_SYNTAX;
}

int json_read(struct json_reader *reader, struct str text)
{
    yajl_alloc_funcs alloc = {.malloc = memory, .realloc = more_memory, .free = no_memory};
    yajl_handle parser;
    yajl_status status;
    int result;

    reader->parser = NULL;
    reader->depth = 0;
    reader->end = 0;
    reader->value_end = 0;
    if (text.len == 0)
        return JSON_E_SYNTAX;
    if (!utf8_is_valid(text) || str_has_char(text, '\0') || !escapes_are_characters(text))
        return JSON_E_TEXT;
    if (str_has_char(text, '\v') || str_has_char(text, '\f'))
        return JSON_E_SYNTAX;
    parser = yajl_alloc(&callbacks, &alloc, reader);
    yajl_config(parser, yajl_dont_validate_strings, 1); // done above, and better
    reader->parser = parser;
    status = yajl_parse(parser, (const unsigned char *)text.ptr, text.len);
    reader->end = json_read_offset(reader);
    reader->parser = NULL;
    if (status == yajl_status_ok) {
        reader->end =
            text.len; // a number at the very end is only told now, from a text of yajl's own
        status = yajl_complete_parse(parser);
    }
    result = outcome(reader, status);
    if (result == 0 && !only_space_follows(reader, text))
        result = JSON_E_SYNTAX;
    yajl_free(parser);
    return result;
}

size_t json_read_offset(const struct json_reader *reader)
{
    return reader->parser ? yajl_get_bytes_consumed(reader->parser) : reader->end;
}
