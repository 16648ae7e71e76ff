// What the fuzz targets share. A target is one file with LLVMFuzzerTestOneInput; linked with
// libFuzzer it searches, linked with run_corpus.c it runs the inputs kept under corpus/ as a normal
// test.

#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "shape/shape.h"

struct codec_options;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Decodes `json` by the shape. If that succeeds: what is encoded decodes to an equal value and
// encodes to the same text; decoding over it changes nothing; copies are equal; printing and
// validating end. Aborts when any of it is not so.
void fuzz_shape(const struct shape *shape, struct str json, const struct codec_options *options);

#endif
