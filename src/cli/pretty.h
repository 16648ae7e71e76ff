// JSON for people: the same text, indented.

#ifndef CLI_PRETTY_H
#define CLI_PRETTY_H

#include <stdio.h>

#include "base/str.h"

// `json` is valid JSON. Ends with a newline.
void pretty_print(FILE *out, struct str json);

#endif
