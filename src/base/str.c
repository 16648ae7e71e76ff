// Slices: comparison, cutting, copying. Nothing here allocates except through an arena.

#include "base/str.h"

#include <stdarg.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/hash.h"

struct str str_of(const char *text)
{
    return (struct str){.ptr = text, .len = text ? strlen(text) : 0};
}

struct str str_span(const char *ptr, size_t len)
{
    return (struct str){.ptr = ptr, .len = len};
}

bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

bool str_eq_nocase(struct str a, struct str b)
{
    return a.len == b.len && str_starts_nocase(a, b);
}

int str_cmp(struct str a, struct str b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter ? memcmp(a.ptr, b.ptr, shorter) : 0;

    if (order != 0)
        return order;
    return a.len < b.len ? -1 : a.len > b.len;
}

bool str_starts(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_eq(str_take(s, prefix.len), prefix);
}

bool str_starts_nocase(struct str s, struct str prefix)
{
    if (s.len < prefix.len)
        return false;
    for (size_t i = 0; i < prefix.len; i++) {
        if (lower(s.ptr[i]) != lower(prefix.ptr[i]))
            return false;
    }
    return true;
}

bool str_ends(struct str s, struct str suffix)
{
    return s.len >= suffix.len && str_eq(str_from(s, s.len - suffix.len), suffix);
}

bool str_has_char(struct str s, char c)
{
    return s.len > 0 && memchr(s.ptr, c, s.len) != NULL;
}

struct str str_from(struct str s, size_t start)
{
    if (start >= s.len)
        return (struct str){.ptr = s.ptr ? s.ptr + s.len : NULL, .len = 0};
    return (struct str){.ptr = s.ptr + start, .len = s.len - start};
}

struct str str_take(struct str s, size_t len)
{
    return (struct str){.ptr = s.ptr, .len = len < s.len ? len : s.len};
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str str_trim(struct str s)
{
    while (s.len > 0 && is_space(s.ptr[0]))
        s = str_from(s, 1);
    while (s.len > 0 && is_space(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

bool str_cut(struct str s, char sep, struct str *out_head, struct str *out_tail)
{
    const char *at = s.len ? memchr(s.ptr, sep, s.len) : NULL;

    if (at == NULL) {
        *out_head = s;
        *out_tail = STR_NONE;
        return false;
    }
    *out_head = str_take(s, (size_t)(at - s.ptr));
    *out_tail = str_from(s, (size_t)(at - s.ptr) + 1);
    return true;
}

bool str_cut_last(struct str s, char sep, struct str *out_head, struct str *out_tail)
{
    const char *at = s.len ? memrchr(s.ptr, sep, s.len) : NULL;

    if (at == NULL) {
        *out_head = s;
        *out_tail = STR_NONE;
        return false;
    }
    *out_head = str_take(s, (size_t)(at - s.ptr));
    *out_tail = str_from(s, (size_t)(at - s.ptr) + 1);
    return true;
}

bool str_to_i64(struct str s, int64_t *out)
{
    bool negative = s.len > 0 && s.ptr[0] == '-';
    int64_t value = 0;

    if (negative)
        s = str_from(s, 1);
    if (s.len == 0)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c < '0' || c > '9')
            return false;
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, negative ? '0' - c : c - '0', &value))
            return false;
    }
    *out = value;
    return true;
}

struct str str_copy(struct arena *arena, struct str s)
{
    return (struct str){.ptr = arena_copy(arena, s.ptr, s.len), .len = s.len};
}

const char *str_cstr(struct arena *arena, struct str s)
{
    return str_copy(arena, s).ptr;
}

struct str str_digits(char room[STR_DIGITS_MAX], int64_t value)
{
    size_t at = STR_DIGITS_MAX;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    do {
        room[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest != 0);
    if (value < 0)
        room[--at] = '-';
    return str_span(room + at, STR_DIGITS_MAX - at);
}

struct str str_i64(struct arena *arena, int64_t value)
{
    char room[STR_DIGITS_MAX];

    return str_copy(arena, str_digits(room, value));
}

struct str str_concat(struct arena *arena, const struct str *parts, size_t n)
{
    size_t len = 0;
    char *text;
    char *at;

    for (size_t i = 0; i < n; i++)
        len += parts[i].len;
    text = at = arena_alloc(arena, len + 1);
    for (size_t i = 0; i < n; i++) {
        if (parts[i].len > 0)
            memcpy(at, parts[i].ptr, parts[i].len);
        at += parts[i].len;
    }
    return str_span(text, len);
}

struct str str_fmt(struct arena *arena, const char *fmt, ...)
{
    va_list ap;
    size_t len;
    char *text;

    va_start(ap, fmt);
    text = arena_vprintf(arena, &len, fmt, ap);
    va_end(ap);
    return str_span(text, len);
}

uint64_t str_hash(struct str s)
{
    return hash_bytes(s.ptr, s.len);
}

size_t str_utf8_count(struct str s)
{
    size_t count = 0;

    for (size_t i = 0; i < s.len; i++)
        count += ((unsigned char)s.ptr[i] & 0xC0) != 0x80;
    return count;
}
