// Hashes, HMAC, and the text forms of bytes. With wire/tls.c the only file that sees OpenSSL; the
// algorithms are fetched once and kept, because OpenSSL 3 pays for an implicit fetch on each call.

#ifndef WIRE_CRYPTO_H
#define WIRE_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct arena;
struct buf;

enum { SHA256_SIZE = 32, SHA256_HEX = 64, SHA1_SIZE = 20 };

struct sha256 {
    unsigned char bytes[SHA256_SIZE];
};

// Fetched algorithms and scratch contexts; one a thread.
struct crypto;
struct crypto *crypto_new(void);
void crypto_free(struct crypto *crypto);

void crypto_sha256(struct crypto *crypto, struct str bytes, struct sha256 *out);
void crypto_sha1(struct crypto *crypto, struct str bytes, unsigned char out[SHA1_SIZE]);
void crypto_hmac(struct crypto *crypto, struct str key, struct str bytes, struct sha256 *out);

// A key kept ready: signing with it does not schedule the key again.
struct crypto_key;
struct crypto_key *crypto_key_new(struct crypto *crypto, struct str key);
void crypto_key_free(struct crypto_key *key);
void crypto_key_sign(struct crypto_key *key, struct str bytes, struct sha256 *out);

// Takes the same time wherever the first difference is. Lengths are not secret.
bool crypto_equal(struct str a, struct str b);

void hex_encode(struct buf *out, const void *bytes, size_t len); // lower case
bool hex_decode(struct str text, struct buf *out);               // false: not hex; out untouched
void base64_encode(struct buf *out, struct str bytes);           // with padding
bool base64_decode(struct str text, struct buf *out);            // padding required; out untouched

#endif
