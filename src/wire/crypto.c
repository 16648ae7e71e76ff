// See crypto.h. Failures of OpenSSL here mean a broken installation or no memory: asserted, because
// there is no sensible way on. Constant-time comparison is OpenSSL's.

#include "wire/crypto.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "base/mem.h"

struct crypto {
    EVP_MD *sha256;
    EVP_MD *sha1;
    EVP_MAC *hmac;
    EVP_MD_CTX *digest; // scratch
};

struct crypto_key {
    EVP_MAC_CTX *ctx; // keyed
};

struct crypto *crypto_new(void)
{
    struct crypto *crypto = mem_zalloc(sizeof *crypto);

    crypto->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    crypto->sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
    crypto->hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    crypto->digest = EVP_MD_CTX_new();
    ASSERT(crypto->sha256 != NULL);
    ASSERT(crypto->sha1 != NULL);
    ASSERT(crypto->hmac != NULL);
    ASSERT(crypto->digest != NULL);
    return crypto;
}

void crypto_free(struct crypto *crypto)
{
    if (crypto == NULL)
        return;
    EVP_MD_free(crypto->sha256);
    EVP_MD_free(crypto->sha1);
    EVP_MAC_free(crypto->hmac);
    EVP_MD_CTX_free(crypto->digest);
    mem_free(crypto);
}

static void digest(struct crypto *crypto, const EVP_MD *md, struct str bytes, unsigned char *out)
{
    ASSERT(EVP_DigestInit_ex2(crypto->digest, md, NULL) == 1);
    ASSERT(EVP_DigestUpdate(crypto->digest, bytes.len ? bytes.ptr : "", bytes.len) == 1);
    ASSERT(EVP_DigestFinal_ex(crypto->digest, out, NULL) == 1);
}

void crypto_sha256(struct crypto *crypto, struct str bytes, struct sha256 *out)
{
    digest(crypto, crypto->sha256, bytes, out->bytes);
}

void crypto_sha1(struct crypto *crypto, struct str bytes, unsigned char out[SHA1_SIZE])
{
    digest(crypto, crypto->sha1, bytes, out);
}

void crypto_hmac(struct crypto *crypto, struct str key, struct str bytes, struct sha256 *out)
{
    struct crypto_key *once = crypto_key_new(crypto, key);

    crypto_key_sign(once, bytes, out);
    crypto_key_free(once);
}

struct crypto_key *crypto_key_new(struct crypto *crypto, struct str key)
{
    struct crypto_key *made = mem_zalloc(sizeof *made);
    char name[] = "SHA256";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
        OSSL_PARAM_construct_end(),
    };

    made->ctx = EVP_MAC_CTX_new(crypto->hmac);
    ASSERT(made->ctx != NULL);
    ASSERT(EVP_MAC_init(made->ctx, (const unsigned char *)(key.len ? key.ptr : ""), key.len,
                        params) == 1);
    return made;
}

void crypto_key_free(struct crypto_key *key)
{
    if (key == NULL)
        return;
    EVP_MAC_CTX_free(key->ctx);
    mem_free(key);
}

void crypto_key_sign(struct crypto_key *key, struct str bytes, struct sha256 *out)
{
    size_t len = 0;

    ASSERT(EVP_MAC_init(key->ctx, NULL, 0, NULL) == 1); // the same key again
    ASSERT(EVP_MAC_update(key->ctx, (const unsigned char *)(bytes.len ? bytes.ptr : ""),
                          bytes.len) == 1);
    ASSERT(EVP_MAC_final(key->ctx, out->bytes, &len, sizeof out->bytes) == 1);
    ASSERT(len == sizeof out->bytes);
}

bool crypto_equal(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.ptr, b.ptr, a.len) == 0);
}

// ---- text forms

void hex_encode(struct buf *out, const void *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *at = bytes;
    char *to = buf_reserve(out, 2 * len);

    for (size_t i = 0; i < len; i++) {
        to[2 * i] = digits[at[i] >> 4];
        to[2 * i + 1] = digits[at[i] & 15];
    }
    buf_grew(out, 2 * len);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool hex_decode(struct str text, struct buf *out)
{
    if (text.len % 2 != 0)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (hex_value(text.ptr[i]) < 0)
            return false;
    }
    for (size_t i = 0; i < text.len; i += 2)
        buf_add_char(out, (char)(hex_value(text.ptr[i]) << 4 | hex_value(text.ptr[i + 1])));
    return true;
}

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(struct buf *out, struct str bytes)
{
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = bytes.len - i;
        uint32_t group = (uint32_t)(unsigned char)bytes.ptr[i] << 16;

        if (left > 1)
            group |= (uint32_t)(unsigned char)bytes.ptr[i + 1] << 8;
        if (left > 2)
            group |= (unsigned char)bytes.ptr[i + 2];
        buf_add_char(out, base64_digits[group >> 18]);
        buf_add_char(out, base64_digits[group >> 12 & 63]);
        buf_add_char(out, left > 1 ? base64_digits[group >> 6 & 63] : '=');
        buf_add_char(out, left > 2 ? base64_digits[group & 63] : '=');
    }
}

static int base64_value(char c)
{
    const char *at = c != '\0' ? strchr(base64_digits, c) : NULL;

    return at != NULL ? (int)(at - base64_digits) : -1;
}

bool base64_decode(struct str text, struct buf *out)
{
    size_t digits = text.len;

    if (text.len % 4 != 0)
        return false;
    while (digits > 0 && text.len - digits < 2 && text.ptr[digits - 1] == '=')
        digits--;
    for (size_t i = 0; i < digits; i++) {
        if (base64_value(text.ptr[i]) < 0)
            return false;
    }
    for (size_t i = 0; i < digits; i += 4) {
        uint32_t group = 0;
        for (size_t j = 0; j < 4; j++)
            group = group << 6 | (uint32_t)(i + j < digits ? base64_value(text.ptr[i + j]) : 0);
        buf_add_char(out, (char)(group >> 16));
        if (i + 2 < digits)
            buf_add_char(out, (char)(group >> 8));
        if (i + 3 < digits)
            buf_add_char(out, (char)group);
    }
    return true;
}
