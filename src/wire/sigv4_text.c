// See sigv4_text.h. Rules of the canonical request: the AWS reference "Create a signed AWS API
// request".

#include "wire/sigv4_text.h"

#include "base/arena.h"
#include "wire/uri.h"

// The path with "." and ".." resolved and runs of slashes collapsed, then encoded as sent: services
// other than S3 sign the encoding of the encoded path.
static void add_path(struct buf *out, struct arena *arena, struct str path)
{
    struct str *kept;
    size_t n = 0;
    bool ends_open = path.len == 0 || path.ptr[path.len - 1] == '/';

    if (path.len == 0 || str_eq(path, STR("/"))) { // the path of every call of this API
        buf_add_char(out, '/');
        return;
    }
    kept = arena_array(arena, struct str, path.len + 1);
    while (path.len > 0) {
        struct str part;
        str_cut(path, '/', &part, &path);
        if (part.len == 0 || str_eq(part, STR(".")))
            continue;
        if (!str_eq(part, STR("..")))
            kept[n++] = part;
        else if (n > 0)
            n--;
    }
    for (size_t i = 0; i < n; i++) {
        buf_add_char(out, '/');
        uri_encode(out, kept[i], false);
    }
    if (n == 0 || ends_open)
        buf_add_char(out, '/');
}

struct parameter {
    struct str key; // encoded anew
    struct str value;
};

static int compare_parameters(const void *a, const void *b)
{
    const struct parameter *x = a;
    const struct parameter *y = b;
    int keys = str_cmp(x->key, y->key);

    return keys != 0 ? keys : str_cmp(x->value, y->value);
}

// One spelling for all: some clients send a space as '+', and sign it as %20. A broken escape stays
// as it is, and so will not match what anybody signed.
static struct str reencoded(struct arena *arena, struct str text)
{
    struct str plain;

    if (!uri_decode(arena, text, true, &plain))
        return text;
    return uri_encoded(arena, plain, false);
}

static void add_query(struct buf *out, struct arena *arena, struct str query)
{
    struct parameter *all;
    struct str key;
    struct str value;
    size_t n = 0;

    if (query.len == 0)
        return;
    all = arena_array(arena, struct parameter, query.len / 2 + 1);
    while (uri_query_next(&query, &key, &value)) {
        if (str_eq(key, STR("X-Amz-Signature")))
            continue;
        all[n++] = (struct parameter){reencoded(arena, key), reencoded(arena, value)};
    }
    qsort(all, n, sizeof *all, compare_parameters);
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_add_char(out, '&');
        buf_add_str(out, all[i].key);
        buf_add_char(out, '=');
        buf_add_str(out, all[i].value);
    }
}

// Ends trimmed, runs of spaces made one.
static void add_header_value(struct buf *out, struct str value)
{
    bool after_space = false;

    value = str_trim(value);
    if (value.len == 0 || memmem(value.ptr, value.len, "  ", 2) == NULL) {
        buf_add_str(out, value);
        return;
    }
    for (size_t i = 0; i < value.len; i++) {
        bool is_space = value.ptr[i] == ' ';
        if (!is_space || !after_space)
            buf_add_char(out, value.ptr[i]);
        after_space = is_space;
    }
}

static void add_header(struct buf *out, const struct sigv4_request *request, struct str name)
{
    bool is_first = true;

    buf_add_str(out, name);
    buf_add_char(out, ':');
    for (size_t i = 0; i < request->headers_n; i++) {
        if (!str_eq_nocase(request->headers[i].name, name))
            continue;
        if (!is_first)
            buf_add_char(out, ',');
        add_header_value(out, request->headers[i].value);
        is_first = false;
    }
    buf_add_char(out, '\n');
}

void sigv4_canonical_request(struct buf *out, struct arena *arena,
                             const struct sigv4_request *request, struct str signed_headers,
                             struct str payload_hex)
{
    struct str rest = signed_headers;

    buf_add_str(out, request->method);
    buf_add_char(out, '\n');
    add_path(out, arena, request->path);
    buf_add_char(out, '\n');
    add_query(out, arena, request->query);
    buf_add_char(out, '\n');
    while (rest.len > 0) {
        struct str name;
        str_cut(rest, ';', &name, &rest);
        add_header(out, request, name);
    }
    buf_add_char(out, '\n');
    buf_add_str(out, signed_headers);
    buf_add_char(out, '\n');
    buf_add_str(out, payload_hex);
}

void sigv4_string_to_sign(struct buf *out, struct crypto *crypto, struct str amz_date,
                          const struct sigv4_place *place, struct str canonical_request)
{
    const struct str scope[] = {place->date, place->region, place->service};
    struct sha256 hash;

    buf_add_str(out, STR("AWS4-HMAC-SHA256\n"));
    buf_add_str(out, amz_date);
    buf_add_char(out, '\n');
    for (size_t i = 0; i < sizeof scope / sizeof *scope; i++) {
        buf_add_str(out, scope[i]);
        buf_add_char(out, '/');
    }
    buf_add_str(out, STR("aws4_request\n"));
    crypto_sha256(crypto, canonical_request, &hash);
    hex_encode(out, hash.bytes, sizeof hash.bytes);
}

struct crypto_key *sigv4_derive(struct crypto *crypto, struct str secret,
                                const struct sigv4_place *place)
{
    const struct str steps[] = {place->date, place->region, place->service, STR("aws4_request")};
    BUF_AUTO struct buf first = BUF_INIT;
    struct crypto_key *key;
    struct sha256 derived;

    buf_add_str(&first, STR("AWS4"));
    buf_add_str(&first, secret);
    crypto_hmac(crypto, buf_str(&first), steps[0], &derived);
    for (size_t i = 1; i < sizeof steps / sizeof *steps; i++)
        crypto_hmac(crypto, str_span((const char *)derived.bytes, sizeof derived.bytes), steps[i],
                    &derived);
    key = crypto_key_new(crypto, str_span((const char *)derived.bytes, sizeof derived.bytes));
    explicit_bzero(first.ptr, first.cap);
    explicit_bzero(&derived, sizeof derived);
    return key;
}
