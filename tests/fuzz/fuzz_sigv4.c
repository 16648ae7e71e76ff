// Input: lines, then a body.
//
//     raw | sign | flip N X      what is done
//     METHOD TARGET
//     Name: value                any number
//     (an empty line, then the body)
//
// raw:  the request as it stands goes to the checking side. Whatever it claims, it is answered.
// sign: it is signed, and must pass; the canonical form is that of a second, plain implementation.
// flip: it is signed, then byte N of everything that is signed is changed by X. It must pass if and
//       only if the second implementation finds the canonical form unchanged.

#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "base/mem.h"
#include "fuzz.h"
#include "sigv4_plain.h"
#include "wire/sigv4_text.h"

enum { HEADERS_MAX = 24 };

#define KEY_ID "AKIDEXAMPLE"
#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
static const time_ms now = INT64_C(1788257700000); // 20260901T101500Z

struct attempt {
    struct sigv4_request request;
    struct http_header headers[HEADERS_MAX];
    size_t given; // headers of the input; those of the signature follow
};

static enum sigv4_key_state look_up(void *user, struct str key_id, struct str token, bool has_token,
                                    struct str *out_secret)
{
    (void)user;
    (void)token;
    *out_secret = STR(SECRET);
    if (str_eq(key_id, STR("EXPIRED")))
        return SIGV4_KEY_EXPIRED;
    return str_eq(key_id, STR(KEY_ID)) && !has_token ? SIGV4_KEY_KNOWN : SIGV4_KEY_UNKNOWN;
}

// What HTTP lets through to a check: a target of printable characters.
static struct str printable(struct arena *arena, struct str text)
{
    char *copy = arena_copy(arena, text.ptr, text.len);

    for (size_t i = 0; i < text.len; i++) {
        if (copy[i] <= ' ' || copy[i] == 0x7f)
            copy[i] = 'x';
    }
    return str_span(copy, text.len);
}

static bool is_about_signing(struct str name)
{
    return str_eq_nocase(name, STR("authorization")) || str_eq_nocase(name, STR("date")) ||
           str_starts_nocase(name, STR("x-amz-"));
}

static void take_headers(struct attempt *a, struct arena *arena, struct str *rest, bool is_raw)
{
    struct str name;
    struct str value;

    while (rest->len > 0 && a->given < HEADERS_MAX - SIGV4_ADDED - 1) {
        struct str line = str_trim(fuzz_line(rest));

        if (line.len == 0)
            break;
        if (!str_cut(line, ':', &name, &value) || !http_is_token(name) ||
            (!is_raw && is_about_signing(name)) || str_has_char(value, '\0') ||
            str_has_char(value, '\r'))
            continue;
        a->headers[a->given++] =
            (struct http_header){str_copy(arena, name), str_copy(arena, str_trim(value))};
    }
    if (!is_raw)
        a->headers[a->given++] = (struct http_header){STR("Host"), STR("ecs.test")};
    a->request.headers = a->headers;
    a->request.headers_n = a->given;
}

static void read_request(struct attempt *a, struct arena *arena, struct str *rest, bool is_raw)
{
    struct str method;
    struct str target;

    *a = (struct attempt){0};
    str_cut(fuzz_line(rest), ' ', &method, &target);
    str_cut(printable(arena, target), '?', &a->request.path, &a->request.query);
    a->request.path = str_fmt(arena, "/%.*s", STR_ARGS(a->request.path));
    a->request.method = printable(arena, method);
    take_headers(a, arena, rest, is_raw);
    a->request.body = str_copy(arena, *rest);
}

// ---- signing, and what must hold of it

// The same with a key that is derived once, which is what most of the time would go into.
static void sign_quickly(struct attempt *a, struct arena *arena, struct str names)
{
    static const struct sigv4_place place = {STR_INIT("20260901"), STR_INIT("us-east-1"),
                                             STR_INIT("ecs")};
    static struct crypto *crypto;
    static struct crypto_key *key;
    static struct buf text[3];
    struct sha256 hash;

    if (crypto == NULL) {
        crypto = crypto_new();
        key = sigv4_derive(crypto, STR(SECRET), &place);
    }
    for (int i = 0; i < 3; i++)
        buf_clear(&text[i]);
    crypto_sha256(crypto, a->request.body, &hash);
    hex_encode(&text[0], hash.bytes, sizeof hash.bytes);
    sigv4_canonical_request(&text[1], arena, &a->request, names, buf_str(&text[0]));
    sigv4_string_to_sign(&text[2], crypto, STR("20260901T101500Z"), &place, buf_str(&text[1]));
    crypto_key_sign(key, buf_str(&text[2]), &hash);
    buf_clear(&text[0]);
    hex_encode(&text[0], hash.bytes, sizeof hash.bytes);
    a->headers[a->request.headers_n++] = (struct http_header){
        STR("Authorization"),
        str_fmt(arena,
                "AWS4-HMAC-SHA256 Credential=" KEY_ID "/20260901/us-east-1/ecs/aws4_request, "
                "SignedHeaders=%.*s, Signature=%.*s",
                STR_ARGS(names), STR_ARGS(buf_str(&text[0])))};
}

static struct str signed_names(const struct attempt *a)
{
    struct str value = a->headers[a->request.headers_n - 1].value; // Authorization
    const char *at = memmem(value.ptr, value.len, "SignedHeaders=", 14);
    struct str names;
    struct str rest;

    ASSERT(at != NULL);
    str_cut(str_from(value, (size_t)(at - value.ptr) + 14), ',', &names, &rest);
    return names;
}

static void sign(struct attempt *a, struct arena *arena)
{
    static struct crypto *crypto;
    struct sigv4_credentials credentials = {.key_id = STR(KEY_ID), .secret = STR(SECRET)};
    struct sigv4_scope scope = {.region = STR("us-east-1"), .service = STR("ecs"), .now = now};

    if (crypto == NULL)
        crypto = crypto_new();
    a->request.headers_n +=
        sigv4_sign(crypto, &a->request, &credentials, &scope, arena, a->headers + a->given);
    ASSERT(a->request.headers_n <= HEADERS_MAX);
}

static struct str canonical(struct arena *arena, const struct attempt *a, struct str names)
{
    static struct buf ours;
    struct str plain = sigv4_plain_canonical(arena, &a->request, names, STR("hash"));

    buf_clear(&ours);
    sigv4_canonical_request(&ours, arena, &a->request, names, STR("hash"));
    ASSERT_SAY(str_eq(buf_str(&ours), plain), "ours:\n%.*s\nplain:\n%.*s", STR_ARGS(buf_str(&ours)),
               STR_ARGS(plain));
    return plain;
}

static bool flip_in(struct str text, int64_t *n, unsigned char by)
{
    bool is_here = *n >= 0 && (size_t)*n < text.len;

    if (is_here) // the texts are copies of our own
        ((char *)(uintptr_t)text.ptr)[*n] = (char)(text.ptr[*n] ^ by);
    *n -= (int64_t)text.len;
    return is_here;
}

// False when the change leads to what HTTP would never hand over.
static bool flip(struct attempt *a, int64_t n, unsigned char by)
{
    bool hit = flip_in(a->request.method, &n, by) || flip_in(a->request.path, &n, by) ||
               flip_in(a->request.query, &n, by) || flip_in(a->request.body, &n, by);

    for (size_t i = 0; i + 1 < a->given && !hit; i++) // the last one is the constant Host
        hit = flip_in(a->headers[i].name, &n, by) || flip_in(a->headers[i].value, &n, by);
    for (size_t i = 0; i < a->given; i++) {
        if (!http_is_token(a->headers[i].name) || is_about_signing(a->headers[i].name))
            return false;
    }
    return true;
}

static void try_signed(struct sigv4 *checker, struct arena *arena, struct attempt *a,
                       struct str how)
{
    struct sigv4_caller caller;
    struct sigv4_error error;
    struct str names;
    struct str before;
    struct str body;
    struct str first;
    struct str second;
    int64_t n = -1;
    int64_t by = 1;

    if (how.len == 0) {
        sign(a, arena);
        names = signed_names(a);
    } else {
        a->headers[a->request.headers_n++] =
            (struct http_header){STR("X-Amz-Date"), STR("20260901T101500Z")};
        names = sigv4_plain_names(arena, &a->request);
        sign_quickly(a, arena, names);
    }
    before = canonical(arena, a, names);
    body = str_copy(arena, a->request.body);
    ASSERT(sigv4_verify(checker, &a->request, now, arena, &caller, &error) == 0);
    str_cut(how, ' ', &first, &second);
    if (!str_to_i64(first, &n) || !str_to_i64(second, &by) || !flip(a, n, (unsigned char)by))
        return;
    ASSERT((sigv4_verify(checker, &a->request, now, arena, &caller, &error) == 0) ==
           (str_eq(before, canonical(arena, a, names)) && str_eq(body, a->request.body)));
}

static void try_raw(struct sigv4 *checker, struct arena *arena, const struct attempt *a)
{
    struct sigv4_caller caller = {0};
    struct sigv4_error error = {0};

    if (sigv4_verify(checker, &a->request, now, arena, &caller, &error) == 0) {
        ASSERT(str_eq(caller.key_id, STR(KEY_ID)));
        ASSERT(sigv4_claim(&a->request, arena, &caller));
    } else {
        ASSERT(error.type.len > 0 && error.message.len > 0);
        sigv4_claim(&a->request, arena, &caller);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct sigv4_config config = {
        .service = STR_INIT("ecs"), .cache_max = 4, .lookup = look_up};
    static struct arena arena;
    static struct sigv4 *checker;
    struct str rest = fuzz_text(data, size);
    struct str line = fuzz_line(&rest);
    struct attempt attempt;
    bool is_raw = str_starts(line, STR("raw"));

    if (checker == NULL)
        checker = sigv4_new(&config);
    read_request(&attempt, &arena, &rest, is_raw);
    if (is_raw)
        try_raw(checker, &arena, &attempt);
    else
        try_signed(checker, &arena, &attempt, str_from(line, 5));
    arena_reset(&arena);
    return 0;
}
