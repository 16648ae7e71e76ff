// Environment files: one NAME=VALUE a line, nothing else. Source: ecs-behaviour-agent 1.8.1.

#ifndef ENGINE_ENV_FILE_H
#define ENGINE_ENV_FILE_H

#include <stdbool.h>

#include "base/str.h"
#include "shape/shape.h"

// Takes lines off `rest` up to and with the next variable; its texts are slices of the file. False:
// there is none left. Names may come more than once.
bool env_file_next(struct str *rest, struct str_pair *out);

#endif
