// What the fuzz targets share. A target is one file with LLVMFuzzerTestOneInput; linked with
// libFuzzer it searches, linked with run_corpus.c it runs the inputs kept under corpus/ as a normal
// test.
//
// A target keeps what is dear to make (an arena, a world) in statics of its own and puts it back as
// it was after each input, so that an input does the same whatever ran before it.

#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "shape/shape.h"

struct arena;
struct buf;
struct codec_options;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Targets whose input is a line and a JSON object: the shape of the object that this line chooses;
// NULL when it chooses something else. For mutate.c.
const struct shape *fuzz_shape_of(struct str line);

// The input as text.
struct str fuzz_text(const uint8_t *data, size_t size);

// Takes the next line off the input, without its line end.
struct str fuzz_line(struct str *rest);

// An index below n that depends on every byte of `name`: how a name that is none chooses too, so
// that few inputs are wasted.
size_t fuzz_pick(struct str name, size_t n);

// Appends bytes in a form that can be printed: what is not ASCII becomes \xx.
void fuzz_add_visible(struct buf *out, struct str bytes);

// How a websocket ended, as far as it does not depend on how its bytes were cut: which of several
// faults is told depends on how much has come, and libwslay checks the UTF-8 of a close frame's
// reason anew in each piece.
void fuzz_add_close(struct buf *out, int code, struct str reason);

// Cuts bytes into pieces. `plan` is a text whose characters are the lengths, a for 1, b for 2, and
// so on, '*' for all the rest, again and again; an empty plan cuts byte by byte.
struct fuzz_cutter {
    struct str plan;
    struct str rest;
    size_t at;
};
bool fuzz_cut(struct fuzz_cutter *cutter, struct str *out_piece); // false: nothing is left

// Decodes `json` by the shape. If that succeeds: an independent parser accepts the text too and
// finds in it what is encoded again, which decodes to an equal value and encodes to the same text;
// decoding over it changes nothing; copies are equal; printing and validating end. Aborts when any
// of it is not so. Resets the arena.
void fuzz_shape(struct arena *arena, const struct shape *shape, struct str json,
                const struct codec_options *options);

#endif
