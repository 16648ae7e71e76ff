// The image of pause containers: one static program, embedded in this one (src/runtime/pause).

#ifndef RUNTIME_PAUSE_IMAGE_H
#define RUNTIME_PAUSE_IMAGE_H

#include <stddef.h>

#include "base/str.h"

struct arena;

extern const unsigned char pause_bytes[];
extern const size_t pause_bytes_n;

// Its files, as a tar archive in `arena`: /pause and nothing else.
struct str pause_image_files(struct arena *arena);

#endif
