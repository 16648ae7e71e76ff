// See uri.h. Slices of the input wherever possible; only decoded text is copied.

#include "wire/uri.h"

#include "base/arena.h"
#include "base/buf.h"

static bool is_unreserved(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_' || c == '.' || c == '~';
}

void uri_encode(struct buf *out, struct str text, bool keep_slash)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (is_unreserved((char)c) || (keep_slash && c == '/')) {
            buf_add_char(out, (char)c);
        } else {
            buf_add_char(out, '%');
            buf_add_char(out, digits[c >> 4]);
            buf_add_char(out, digits[c & 15]);
        }
    }
}

struct str uri_encoded(struct arena *arena, struct str text, bool keep_slash)
{
    BUF_AUTO struct buf out = BUF_INIT;

    uri_encode(&out, text, keep_slash);
    return str_copy(arena, buf_str(&out));
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
        return (c | 0x20) - 'a' + 10;
    return -1;
}

bool uri_decode(struct arena *arena, struct str text, bool plus_is_space, struct str *out)
{
    char *to = arena_alloc(arena, text.len + 1);
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '%') {
            bool is_whole = text.len - i > 2;
            int high = is_whole ? hex_digit(text.ptr[i + 1]) : -1;
            int low = is_whole ? hex_digit(text.ptr[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        to[n++] = c;
    }
    *out = str_span(to, n);
    return true;
}

static bool take_scheme(struct str *text, enum uri_scheme *out)
{
    static const struct {
        struct str prefix;
        enum uri_scheme scheme;
    } known[] = {
        {{.ptr = "http://", .len = 7}, URI_HTTP}, {{.ptr = "https://", .len = 8}, URI_HTTPS},
        {{.ptr = "ws://", .len = 5}, URI_HTTP},   {{.ptr = "wss://", .len = 6}, URI_HTTPS},
        {{.ptr = "unix://", .len = 7}, URI_UNIX},
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (str_starts_nocase(*text, known[i].prefix)) {
            *out = known[i].scheme;
            *text = str_from(*text, known[i].prefix.len);
            return true;
        }
    }
    return false;
}

// "host", "host:80", "[::1]", "[::1]:80": brackets are for what has colons, and for nothing else.
static bool parse_authority(struct str text, struct uri *out)
{
    bool in_brackets = text.len > 0 && text.ptr[0] == '[';
    struct str port_text = STR_NONE;
    bool has_colon;
    int64_t port;

    if (in_brackets) {
        struct str after;
        if (!str_cut(str_from(text, 1), ']', &out->host, &after))
            return false;
        has_colon = after.len > 0;
        if (has_colon && after.ptr[0] != ':')
            return false;
        port_text = str_from(after, 1);
    } else {
        has_colon = str_cut(text, ':', &out->host, &port_text);
    }
    if (out->host.len == 0 || str_has_char(out->host, '[') || str_has_char(out->host, ']') ||
        str_has_char(out->host, ':') != in_brackets)
        return false;
    out->port = out->scheme == URI_HTTPS ? 443 : 80;
    out->has_port = has_colon && port_text.len > 0;
    if (!out->has_port)
        return true;
    if (!str_to_i64(port_text, &port) || port < 1 || port > UINT16_MAX)
        return false;
    out->port = (uint16_t)port;
    return true;
}

static bool has_no_control(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c <= ' ' || c == 0x7f)
            return false;
    }
    return true;
}

bool uri_parse(struct arena *arena, struct str text, struct uri *out)
{
    struct uri uri = {.path = STR("/")};
    size_t end = 0;
    struct str authority;

    if (!has_no_control(text) || str_has_char(text, '#') || !take_scheme(&text, &uri.scheme))
        return false;
    if (uri.scheme == URI_UNIX) {
        if (!uri_decode(arena, text, false, &uri.unix_path) || uri.unix_path.len == 0)
            return false;
        *out = uri;
        return true;
    }
    while (end < text.len && text.ptr[end] != '/' && text.ptr[end] != '?')
        end++;
    authority = str_take(text, end);
    if (str_has_char(authority, '@') || !parse_authority(authority, &uri))
        return false;
    str_cut(str_from(text, end), '?', &text, &uri.query);
    if (text.len > 0)
        uri.path = text;
    *out = uri;
    return true;
}

struct str uri_host_header(struct arena *arena, const struct uri *uri)
{
    bool is_v6 = str_has_char(uri->host, ':');
    uint16_t usual = uri->scheme == URI_HTTPS ? 443 : 80;

    if (uri->scheme == URI_UNIX)
        return STR("localhost");
    if (uri->port == usual)
        return str_fmt(arena, is_v6 ? "[%.*s]" : "%.*s", STR_ARGS(uri->host));
    return str_fmt(arena, is_v6 ? "[%.*s]:%u" : "%.*s:%u", STR_ARGS(uri->host), uri->port);
}

bool uri_query_next(struct str *rest, struct str *out_key, struct str *out_value)
{
    struct str pair = STR_NONE;

    while (rest->len > 0 && pair.len == 0)
        str_cut(*rest, '&', &pair, rest);
    if (pair.len == 0)
        return false;
    str_cut(pair, '=', out_key, out_value);
    return true;
}

bool uri_query_get(struct arena *arena, struct str query, struct str key, struct str *out)
{
    struct str name;
    struct str value;

    while (uri_query_next(&query, &name, &value)) {
        struct str decoded;
        if (uri_decode(arena, name, false, &decoded) && str_eq(decoded, key))
            return uri_decode(arena, value, false, out);
    }
    return false;
}
