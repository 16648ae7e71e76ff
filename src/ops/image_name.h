// What the name of an image tells.

#ifndef OPS_IMAGE_NAME_H
#define OPS_IMAGE_NAME_H

#include <stdbool.h>

#include "base/str.h"

// "<account>.dkr.ecr.<region>.amazonaws.com[.cn]/..."
bool image_is_ecr(struct str image);
bool image_is_pinned(struct str image); // by digest

#endif
