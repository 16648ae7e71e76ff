// The texts that SigV4 hashes, shared by the checking and the signing side of wire/sigv4.

#ifndef WIRE_SIGV4_TEXT_H
#define WIRE_SIGV4_TEXT_H

#include "base/buf.h"
#include "wire/crypto.h"
#include "wire/sigv4.h"

// Where a signature is valid.
struct sigv4_place {
    struct str date; // YYYYMMDD
    struct str region;
    struct str service;
};

// The canonical request. `signed_headers` is the list "a;b;c" as it is signed; parameters named
// X-Amz-Signature are left out of the query.
void sigv4_canonical_request(struct buf *out, struct arena *arena,
                             const struct sigv4_request *request, struct str signed_headers,
                             struct str payload_hex);

void sigv4_string_to_sign(struct buf *out, struct crypto *crypto, struct str amz_date,
                          const struct sigv4_place *place, struct str canonical_request);

// The key of one secret for one place, ready to sign.
struct crypto_key *sigv4_derive(struct crypto *crypto, struct str secret,
                                const struct sigv4_place *place);

#endif
