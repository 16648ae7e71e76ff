// Durations as the ECS agent's settings write them: Go's form, "1h30m", "300ms", "1.5s".

#ifndef AGENT_DURATION_H
#define AGENT_DURATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

// False: not such a text, or negative. Fractions of a millisecond are dropped.
bool duration_parse(struct str text, int64_t *out_ms);

#endif
