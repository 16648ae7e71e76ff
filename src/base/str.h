// Text is a slice: a pointer and a length, no terminator promised, no ownership implied.
//
// Whoever hands out a slice says how long it lives (usually: as long as an arena). NUL-terminated
// text appears only at system and library calls; str_cstr makes it there. A zeroed slice is the
// empty text; "absent" is never encoded in a slice, it is a presence bit beside it.

#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct arena;

struct str {
    const char *ptr;
    size_t len;
};

#define STR(literal) ((struct str){.ptr = "" literal "", .len = sizeof(literal) - 1})
#define STR_INIT(literal)                                                                          \
    {                                                                                              \
        .ptr = "" literal "", .len = sizeof(literal) - 1                                           \
    } // in static initialisers
#define STR_NONE ((struct str){0})

// For printf's "%.*s".
#define STR_ARGS(s) (int)(s).len, (s).ptr ? (s).ptr : ""

struct str str_of(const char *text); // NULL gives the empty slice
struct str str_span(const char *ptr, size_t len);

bool str_eq(struct str a, struct str b);
bool str_eq_nocase(struct str a, struct str b); // ASCII only
int str_cmp(struct str a, struct str b);        // bytewise, shorter first on a tie
bool str_starts(struct str s, struct str prefix);
bool str_starts_nocase(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
bool str_has_char(struct str s, char c);

struct str str_from(struct str s, size_t start); // the rest from start; clipped
struct str str_take(struct str s, size_t len);   // the first len; clipped
struct str str_trim(struct str s);               // spaces, tabs, CR and LF at both ends

// Splits at the first `sep`: true and both halves, or false and *head = s, *tail empty.
bool str_cut(struct str s, char sep, struct str *out_head, struct str *out_tail);
bool str_cut_last(struct str s, char sep, struct str *out_head, struct str *out_tail);

// Decimal, the whole slice, no sign but '-' ; false on overflow or anything else.
bool str_to_i64(struct str s, int64_t *out);

// Copies; the result is NUL-terminated one byte past its end and lives as long as the arena.
struct str str_copy(struct arena *arena, struct str s);
const char *str_cstr(struct arena *arena, struct str s);
struct str str_i64(struct arena *arena, int64_t value); // decimal

// The same without a copy: the digits stand at the end of `room`.
enum { STR_DIGITS_MAX = 24 };
struct str str_digits(char room[STR_DIGITS_MAX], int64_t value);
struct str str_concat(struct arena *arena, const struct str *parts, size_t n);
struct str str_fmt(struct arena *arena, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

// Seeded hash for maps keyed by text from outside; see base/map.h.
uint64_t str_hash(struct str s);

// How many Unicode code points a valid UTF-8 slice holds (limits of the API count characters).
size_t str_utf8_count(struct str s);

#endif
