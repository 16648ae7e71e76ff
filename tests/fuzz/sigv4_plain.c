// See sigv4_plain.h. Characters are pushed one by one; nothing is shared with wire/.

#include "sigv4_plain.h"

#include <ctype.h>

#include "base/arena.h"
#include "base/buf.h"

static void push_escaped(struct buf *out, unsigned char c)
{
    if (c < 0x80 && (isalnum(c) || strchr("-._~", c) != NULL) && c != '\0')
        buf_add_char(out, (char)c);
    else
        buf_printf(out, "%%%02X", c);
}

// ---- path: RFC 3986, 5.2.4, with runs of slashes collapsed; then escaped once more

static void pop_segment(struct buf *out)
{
    while (buf_len(out) > 0 && out->ptr[out->end - 1] != '/')
        out->end--;
    if (buf_len(out) > 0)
        out->end--;
}

static void push_path(struct buf *out, struct str path)
{
    BUF_AUTO struct buf kept = BUF_INIT;
    size_t i = 0;

    while (i < path.len) {
        size_t end = i;
        struct str segment;

        while (end < path.len && path.ptr[end] != '/')
            end++;
        segment = str_span(path.ptr + i, end - i);
        i = end + 1;
        if (str_eq(segment, STR("..")))
            pop_segment(&kept);
        if (segment.len == 0 || str_eq(segment, STR(".")) || str_eq(segment, STR("..")))
            continue;
        buf_add_char(&kept, '/');
        for (size_t k = 0; k < segment.len; k++)
            push_escaped(&kept, (unsigned char)segment.ptr[k]);
    }
    buf_add_str(out, buf_str(&kept));
    if (buf_len(&kept) == 0 || str_ends(path, STR("/")))
        buf_add_char(out, '/');
}

// ---- query: pairs escaped anew and sorted, '+' is a space; what cannot be unescaped stays

static int digit(char c)
{
    return isxdigit((unsigned char)c) ? (int)strtol((char[]){c, '\0'}, NULL, 16) : -1;
}

static struct str respelled(struct arena *arena, struct str text)
{
    BUF_AUTO struct buf out = BUF_INIT;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '+') {
            push_escaped(&out, ' ');
        } else if (c != '%') {
            push_escaped(&out, (unsigned char)c);
        } else if (i + 2 < text.len && digit(text.ptr[i + 1]) >= 0 && digit(text.ptr[i + 2]) >= 0) {
            push_escaped(&out,
                         (unsigned char)(digit(text.ptr[i + 1]) * 16 + digit(text.ptr[i + 2])));
            i += 2;
        } else {
            return text;
        }
    }
    return str_copy(arena, buf_str(&out));
}

struct pair {
    struct str key;
    struct str value;
};

static bool comes_before(const struct pair *a, const struct pair *b)
{
    int keys = str_cmp(a->key, b->key);

    return keys < 0 || (keys == 0 && str_cmp(a->value, b->value) < 0);
}

static void push_query(struct buf *out, struct arena *arena, struct str query)
{
    struct pair *pairs = arena_array(arena, struct pair, query.len + 1);
    size_t n = 0;

    while (query.len > 0) {
        struct pair pair;
        struct str text;
        size_t at;

        str_cut(query, '&', &text, &query);
        str_cut(text, '=', &pair.key, &pair.value);
        if (text.len == 0 || str_eq(pair.key, STR("X-Amz-Signature")))
            continue;
        pair.key = respelled(arena, pair.key);
        pair.value = respelled(arena, pair.value);
        for (at = n++; at > 0 && comes_before(&pair, &pairs[at - 1]); at--)
            pairs[at] = pairs[at - 1];
        pairs[at] = pair;
    }
    for (size_t i = 0; i < n; i++) {
        buf_add_str(out, i > 0 ? STR("&") : STR(""));
        buf_add_str(out, pairs[i].key);
        buf_add_char(out, '=');
        buf_add_str(out, pairs[i].value);
    }
}

// ---- headers

static void push_header(struct buf *out, const struct sigv4_request *request, struct str name)
{
    struct str separator = STR("");

    buf_add_str(out, name);
    buf_add_char(out, ':');
    for (size_t i = 0; i < request->headers_n; i++) {
        struct str value = str_trim(request->headers[i].value);

        if (!str_eq_nocase(request->headers[i].name, name))
            continue;
        buf_add_str(out, separator);
        separator = STR(",");
        for (size_t k = 0; k < value.len; k++) {
            if (k == 0 || value.ptr[k] != ' ' || value.ptr[k - 1] != ' ')
                buf_add_char(out, value.ptr[k]);
        }
    }
    buf_add_char(out, '\n');
}

struct str sigv4_plain_names(struct arena *arena, const struct sigv4_request *request)
{
    BUF_AUTO struct buf out = BUF_INIT;
    struct str last = STR_NONE;

    // The least of those above the last one, again and again.
    for (;;) {
        struct str least = STR_NONE;

        for (size_t i = 0; i < request->headers_n; i++) {
            char *name =
                arena_copy(arena, request->headers[i].name.ptr, request->headers[i].name.len);
            for (char *c = name; *c != '\0'; c++)
                *c = (char)tolower(*c);
            if ((last.len == 0 || str_cmp(str_of(name), last) > 0) &&
                (least.len == 0 || str_cmp(str_of(name), least) < 0))
                least = str_of(name);
        }
        if (least.len == 0)
            return str_copy(arena, buf_str(&out));
        buf_add_str(&out, last.len > 0 ? STR(";") : STR(""));
        buf_add_str(&out, least);
        last = least;
    }
}

struct str sigv4_plain_canonical(struct arena *arena, const struct sigv4_request *request,
                                 struct str names, struct str payload_hash)
{
    BUF_AUTO struct buf out = BUF_INIT;
    struct str rest = names;

    buf_add_str(&out, request->method);
    buf_add_char(&out, '\n');
    push_path(&out, request->path);
    buf_add_char(&out, '\n');
    push_query(&out, arena, request->query);
    buf_add_char(&out, '\n');
    while (rest.len > 0) {
        struct str name;
        str_cut(rest, ';', &name, &rest);
        push_header(&out, request, name);
    }
    buf_add_char(&out, '\n');
    buf_add_str(&out, names);
    buf_add_char(&out, '\n');
    buf_add_str(&out, payload_hash);
    return str_copy(arena, buf_str(&out));
}
