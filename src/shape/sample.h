// Random values of any shape, for tests: what a structure can hold, its walkers must carry.

#ifndef SHAPE_SAMPLE_H
#define SHAPE_SAMPLE_H

#include "shape/shape.h"

struct arena;
struct rng;

// A value in which every member is present about every other time; lists and maps are short, texts
// hold what needs care (quotes, control characters, several bytes a character), numbers like their
// limits. It is not valid in the sense of shape_validate.
void *sample_value(struct arena *arena, struct rng *rng, const struct shape *shape);

#endif
