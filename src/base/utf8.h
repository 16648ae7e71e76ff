// UTF-8, strictly: no overlong forms, no surrogates, nothing beyond U+10FFFF.

#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

// Length of the well-formed sequence at the front of the slice, 1 to 4; 0 when there is none.
size_t utf8_sequence(struct str text);

// Every byte of the slice belongs to a well-formed sequence.
bool utf8_is_valid(struct str text);

// The first bytes of well-formed text, `max` at most, without half a sequence at their end.
struct str utf8_take(struct str text, size_t max);

#endif
