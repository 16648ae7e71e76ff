// A command line as one text: split into words, and put together again. Quotes and backslashes work
// as in a POSIX shell; nothing is expanded.

#ifndef BASE_WORDS_H
#define BASE_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct arena;

struct words {
    size_t n;
    struct str *at;
};

// Words live in the arena. False: a quote is not closed, or a backslash is the last character.
bool words_split(struct arena *arena, struct str text, struct words *out);

// The text that splits into exactly these words; in the arena.
struct str words_join(struct arena *arena, const struct words *words);

#endif
