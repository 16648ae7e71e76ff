// The signing side of sigv4.h: header form, all given headers signed.

#include "base/arena.h"
#include "base/assert.h"
#include "wire/sigv4_text.h"

static int compare_names(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static struct str lower(struct arena *arena, struct str s)
{
    char *to = arena_copy(arena, s.ptr, s.len);

    for (size_t i = 0; i < s.len; i++) {
        if (to[i] >= 'A' && to[i] <= 'Z')
            to[i] = (char)(to[i] + 'a' - 'A');
    }
    return str_span(to, s.len);
}

// "a;b;c": the names in lower case, sorted, each once.
static struct str name_list(struct arena *arena, const struct sigv4_request *request)
{
    struct str *names = arena_array(arena, struct str, request->headers_n);
    BUF_AUTO struct buf list = BUF_INIT;

    for (size_t i = 0; i < request->headers_n; i++)
        names[i] = lower(arena, request->headers[i].name);
    qsort(names, request->headers_n, sizeof *names, compare_names);
    for (size_t i = 0; i < request->headers_n; i++) {
        if (i > 0 && str_eq(names[i], names[i - 1]))
            continue;
        if (i > 0)
            buf_add_char(&list, ';');
        buf_add_str(&list, names[i]);
    }
    return str_copy(arena, buf_str(&list));
}

static struct str hex_of(struct arena *arena, const struct sha256 *hash)
{
    BUF_AUTO struct buf hex = BUF_INIT;

    hex_encode(&hex, hash->bytes, sizeof hash->bytes);
    return str_copy(arena, buf_str(&hex));
}

static struct str signature_of(struct crypto *crypto, struct arena *arena,
                               const struct sigv4_request *all, struct str names, struct str secret,
                               struct str amz_date, const struct sigv4_place *place)
{
    BUF_AUTO struct buf canonical = BUF_INIT;
    BUF_AUTO struct buf to_sign = BUF_INIT;
    struct crypto_key *key = sigv4_derive(crypto, secret, place);
    struct sha256 hash;

    crypto_sha256(crypto, all->body, &hash);
    sigv4_canonical_request(&canonical, arena, all, names, hex_of(arena, &hash));
    sigv4_string_to_sign(&to_sign, crypto, amz_date, place, buf_str(&canonical));
    crypto_key_sign(key, buf_str(&to_sign), &hash);
    crypto_key_free(key);
    return hex_of(arena, &hash);
}

size_t sigv4_sign(struct crypto *crypto, const struct sigv4_request *request,
                  const struct sigv4_credentials *credentials, const struct sigv4_scope *scope,
                  struct arena *arena, struct http_header out_headers[SIGV4_ADDED])
{
    struct sigv4_request all = *request;
    struct http_header *headers =
        arena_array(arena, struct http_header, request->headers_n + SIGV4_ADDED);
    struct str amz_date = time_amz(arena, scope->now);
    struct sigv4_place place = {str_take(amz_date, 8), scope->region, scope->service};
    struct str names;
    struct str signature;
    size_t added = 0;

    out_headers[added++] = (struct http_header){STR("X-Amz-Date"), amz_date};
    if (credentials->token.len > 0)
        out_headers[added++] =
            (struct http_header){STR("X-Amz-Security-Token"), credentials->token};
    if (request->headers_n > 0)
        memcpy(headers, request->headers, request->headers_n * sizeof *headers);
    memcpy(headers + request->headers_n, out_headers, added * sizeof *headers);
    all.headers = headers;
    all.headers_n = request->headers_n + added;
    names = name_list(arena, &all);
    signature = signature_of(crypto, arena, &all, names, credentials->secret, amz_date, &place);
    out_headers[added++] = (struct http_header){
        STR("Authorization"),
        str_fmt(arena,
                "AWS4-HMAC-SHA256 Credential=%.*s/%.*s/%.*s/%.*s/aws4_request, "
                "SignedHeaders=%.*s, Signature=%.*s",
                STR_ARGS(credentials->key_id), STR_ARGS(place.date), STR_ARGS(place.region),
                STR_ARGS(place.service), STR_ARGS(names), STR_ARGS(signature))};
    ASSERT(added <= SIGV4_ADDED);
    return added;
}
