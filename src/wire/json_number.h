// JSON's numbers as C numbers. `text` obeys JSON's grammar (the reader saw to that); each function
// says which of these it takes.

#ifndef WIRE_JSON_NUMBER_H
#define WIRE_JSON_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

// Whole numbers from low to high, also as 1.0 or 1e3; no fraction.
bool json_number_i64(struct str text, int64_t low, int64_t high, int64_t *out);

// What a double can hold; 1e400 is refused, 1e-400 is 0.
bool json_number_double(struct str text, double *out);

// Seconds, to milliseconds, of the years 0 to 9999 and some before.
bool json_number_ms(struct str text, int64_t *out);

#endif
