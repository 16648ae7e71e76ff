// Regular expressions, Java's syntax as far as ECS uses it (PCRE2 reads that subset alike, Unicode
// classes included). Patterns and subjects come from callers, so matching is bounded: a pattern
// that backtracks too much counts as no match.

#ifndef BASE_REGEX_H
#define BASE_REGEX_H

#include <stdbool.h>

#include "base/str.h"

struct regex;

// NULL when the pattern is not a valid expression.
struct regex *regex_new(struct str pattern);
void regex_free(struct regex *regex);

// The whole of `subject` must match, as Java's Pattern.matches asks.
bool regex_matches(const struct regex *regex, struct str subject);

// For the constant patterns of the API model: compiled once a thread. `pattern` must be a literal
// that compiles.
bool regex_literal_matches(const char *pattern, struct str subject);

// A thread that has used literals gives back what it compiled before it ends.
void regex_literals_forget(void);

#endif
