// How much room a file system has.

#ifndef IO_SPACE_H
#define IO_SPACE_H

#include <stdint.h>

#include "base/error.h"

// Of the file system that `path` is on: what an ordinary user can still take, and all of it.
int space_free(const char *path, int64_t *out_free, int64_t *out_total) MUST_CHECK;

#endif
