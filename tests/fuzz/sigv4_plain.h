// A second implementation of the canonical request of SigV4, written from its description alone and
// as plainly as possible: what the fast one is compared with.

#ifndef FUZZ_SIGV4_PLAIN_H
#define FUZZ_SIGV4_PLAIN_H

#include "wire/sigv4.h"

// The list "a;b;c" of all headers: in lower case, sorted, each once.
struct str sigv4_plain_names(struct arena *arena, const struct sigv4_request *request);

// `names` is the list "a;b;c" of what is signed.
struct str sigv4_plain_canonical(struct arena *arena, const struct sigv4_request *request,
                                 struct str names, struct str payload_hash);

#endif
