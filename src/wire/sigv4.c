// The checking side of sigv4.h.
//
// A request is first read into a claim (who signed what, when and for where), then the claim is
// checked: form, scope, time, key, signature, in this order, the order in which the AWS front end
// complains. Only a claim with a known key costs an HMAC, and a key's derivation is kept: each
// (key id, date, region) has a keyed context, the least recently used ones go first.
//
// Not demanded: that every x-amz-* header is signed. AWS asks clients to, but some tools sign only
// host and date, and whoever can alter requests on the way needs TLS against him anyway.

#include "wire/sigv4.h"

#include "base/arena.h"
#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "wire/sigv4_text.h"
#include "wire/uri.h"

enum { REGION_MAX = 64, CACHE_DEFAULT = 1024, EXPIRES_MAX_S = 7 * 24 * 3600 };

#define ALGORITHM "AWS4-HMAC-SHA256"

static const int64_t skew_default_ms = 5 * TIME_MINUTE_MS;

struct cached_key {
    struct str name; // "key id/date/region"
    struct str secret;
    struct crypto_key *key;
    struct list by_use;
    UT_hash_handle hh;
};

struct sigv4 {
    struct sigv4_config config;
    struct arena strings; // what config points at
    struct crypto *crypto;
    struct cached_key *cache;
    struct list by_use;  // most recent first
    struct buf key_name; // scratch, like the next three
    struct buf hex;
    struct buf canonical;
    struct buf to_sign;
};

// What a request says about its own signature.
struct claim {
    struct str credential;
    struct str signed_headers;
    struct str signature;
    struct str key_id;
    struct str date;
    struct str region;
    struct str service;
    struct str terminator;
    struct str token;
    struct str amz_date; // ISO basic
    time_ms time;
    int64_t expires_ms; // query form with X-Amz-Expires; else 0
    bool has_token;
    bool in_query;
};

// ---- life

struct sigv4 *sigv4_new(const struct sigv4_config *config)
{
    struct sigv4 *sigv4 = mem_zalloc(sizeof *sigv4);
    struct str *regions = arena_array(&sigv4->strings, struct str, config->regions_n);

    ASSERT(config->lookup != NULL);
    sigv4->config = *config;
    sigv4->config.service = str_copy(&sigv4->strings, config->service);
    for (size_t i = 0; i < config->regions_n; i++)
        regions[i] = str_copy(&sigv4->strings, config->regions[i]);
    sigv4->config.regions = regions;
    if (config->skew_ms == 0)
        sigv4->config.skew_ms = skew_default_ms;
    if (config->cache_max == 0)
        sigv4->config.cache_max = CACHE_DEFAULT;
    sigv4->crypto = crypto_new();
    list_init(&sigv4->by_use);
    return sigv4;
}

static void drop(struct sigv4 *sigv4, struct cached_key *cached)
{
    MAP_DEL(hh, sigv4->cache, cached);
    list_remove(&cached->by_use);
    crypto_key_free(cached->key);
    explicit_bzero((char *)cached->secret.ptr, cached->secret.len);
    mem_free((char *)cached->secret.ptr);
    mem_free((char *)cached->name.ptr);
    mem_free(cached);
}

void sigv4_free(struct sigv4 *sigv4)
{
    if (sigv4 == NULL)
        return;
    while (!list_is_empty(&sigv4->by_use))
        drop(sigv4, LIST_ENTRY(sigv4->by_use.next, struct cached_key, by_use));
    crypto_free(sigv4->crypto);
    buf_deinit(&sigv4->key_name);
    buf_deinit(&sigv4->hex);
    buf_deinit(&sigv4->canonical);
    buf_deinit(&sigv4->to_sign);
    arena_deinit(&sigv4->strings);
    mem_free(sigv4);
}

void sigv4_forget(struct sigv4 *sigv4, struct str key_id)
{
    LIST_EACH_SAFE (&sigv4->by_use, it) {
        struct cached_key *cached = LIST_ENTRY(it, struct cached_key, by_use);
        if (str_starts(cached->name, key_id) && cached->name.len > key_id.len &&
            cached->name.ptr[key_id.len] == '/')
            drop(sigv4, cached);
    }
}

// ---- signing keys

static struct str heap_copy(struct str s)
{
    char *to = mem_alloc(s.len);

    if (s.len > 0)
        memcpy(to, s.ptr, s.len);
    return str_span(to, s.len);
}

// Valid until it is asked for again.
static struct str key_name(struct sigv4 *sigv4, const struct claim *claim)
{
    struct buf *name = &sigv4->key_name;

    buf_clear(name);
    buf_add_str(name, claim->key_id);
    buf_add_char(name, '/');
    buf_add_str(name, claim->date);
    buf_add_char(name, '/');
    buf_add_str(name, claim->region);
    return buf_str(name);
}

static struct crypto_key *signing_key(struct sigv4 *sigv4, const struct claim *claim,
                                      struct str secret)
{
    struct sigv4_place place = {claim->date, claim->region, sigv4->config.service};
    struct str name = key_name(sigv4, claim);
    struct cached_key *cached;

    MAP_FIND_STR(hh, sigv4->cache, name, cached);
    if (cached != NULL && !crypto_equal(cached->secret, secret)) {
        drop(sigv4, cached); // the key has a new secret
        cached = NULL;
    }
    if (cached == NULL) {
        if (MAP_COUNT(hh, sigv4->cache) >= sigv4->config.cache_max)
            drop(sigv4, LIST_ENTRY(sigv4->by_use.prev, struct cached_key, by_use));
        cached = mem_zalloc(sizeof *cached);
        cached->name = heap_copy(name);
        cached->secret = heap_copy(secret);
        cached->key = sigv4_derive(sigv4->crypto, secret, &place);
        MAP_ADD_STR(hh, sigv4->cache, name, cached);
    }
    list_remove(&cached->by_use);
    list_push_front(&sigv4->by_use, &cached->by_use);
    return cached->key;
}

// ---- errors

static int rejected(struct sigv4_error *out, const char *type, struct str message)
{
    *out = (struct sigv4_error){.type = str_of(type), .message = message};
    return SIGV4_E_REJECTED;
}

static int bad_signature(struct sigv4_error *out, struct str message)
{
    return rejected(out, "InvalidSignatureException", message);
}

static int mismatch(struct sigv4_error *out)
{
    return bad_signature(
        out, STR("The request signature we calculated does not match the signature you provided. "
                 "Check your AWS Secret Access Key and signing method. Consult the service "
                 "documentation for details."));
}

// ---- reading the claim

static bool header(const struct sigv4_request *request, const char *name, struct str *out)
{
    return http_header_get(request->headers, request->headers_n, str_of(name), out);
}

// "Credential=..., SignedHeaders=..., Signature=..." in any order; unknown words are ignored.
static void read_authorization(struct str value, struct claim *claim)
{
    struct str rest = str_from(value, sizeof ALGORITHM - 1);

    while (rest.len > 0) {
        struct str item;
        struct str key;
        struct str text;

        str_cut(rest, ',', &item, &rest);
        if (!str_cut(str_trim(item), '=', &key, &text))
            continue;
        if (str_eq(key, STR("Credential")))
            claim->credential = text;
        else if (str_eq(key, STR("SignedHeaders")))
            claim->signed_headers = text;
        else if (str_eq(key, STR("Signature")))
            claim->signature = text;
    }
}

static bool starts_with_algorithm(struct str value)
{
    return str_starts(value, STR(ALGORITHM)) &&
           (value.len == sizeof ALGORITHM - 1 || value.ptr[sizeof ALGORITHM - 1] == ' ');
}

// Sun, 06 Nov 1994 08:49:37 GMT (RFC 1123 as HTTP uses it)
static bool parse_http_date(struct arena *arena, struct str s, time_ms *out)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct str month = str_take(str_from(s, 8), 3);
    const char *at = s.len == 29 ? memmem(months, sizeof months - 1, month.ptr, 3) : NULL;

    if (at == NULL || (at - months) % 3 != 0 || !str_ends(s, STR(" GMT")))
        return false;
    return time_parse_rfc3339(str_fmt(arena, "%.4s-%02d-%.2sT%.8sZ", s.ptr + 12,
                                      (int)(at - months) / 3 + 1, s.ptr + 5, s.ptr + 17),
                              out);
}

// The time the signature was made at. False: there is none; *out_text is what could not be read.
static bool read_time(const struct sigv4_request *request, struct arena *arena, struct claim *claim,
                      struct str *out_text)
{
    *out_text = STR_NONE;
    if (claim->in_query) {
        if (!uri_query_get(arena, request->query, STR("X-Amz-Date"), out_text))
            return false;
    } else if (!header(request, "x-amz-date", out_text) && !header(request, "date", out_text)) {
        return false;
    }
    if (time_parse_amz(*out_text, &claim->time)) {
        claim->amz_date = *out_text;
        return true;
    }
    if (!parse_http_date(arena, *out_text, &claim->time))
        return false;
    claim->amz_date = time_amz(arena, claim->time);
    return true;
}

static bool query(const struct sigv4_request *request, struct arena *arena, const char *name,
                  struct str *out)
{
    return uri_query_get(arena, request->query, str_of(name), out);
}

static bool read_query_claim(const struct sigv4_request *request, struct arena *arena,
                             struct claim *claim)
{
    struct str algorithm;
    struct str expires;
    int64_t seconds;

    if (!query(request, arena, "X-Amz-Algorithm", &algorithm) || !str_eq(algorithm, STR(ALGORITHM)))
        return false;
    claim->in_query = true;
    query(request, arena, "X-Amz-Credential", &claim->credential);
    query(request, arena, "X-Amz-SignedHeaders", &claim->signed_headers);
    query(request, arena, "X-Amz-Signature", &claim->signature);
    claim->has_token = query(request, arena, "X-Amz-Security-Token", &claim->token);
    if (query(request, arena, "X-Amz-Expires", &expires) && str_to_i64(expires, &seconds) &&
        seconds > 0 && seconds <= EXPIRES_MAX_S)
        claim->expires_ms = seconds * TIME_SECOND_MS;
    return true;
}

// False when nothing claims to be a signature.
static bool read_claim(const struct sigv4_request *request, struct arena *arena,
                       struct claim *claim, struct str *out_authorization)
{
    *claim = (struct claim){0};
    if (!header(request, "authorization", out_authorization) || out_authorization->len == 0) {
        *out_authorization = STR_NONE;
        return read_query_claim(request, arena, claim);
    }
    if (starts_with_algorithm(*out_authorization))
        read_authorization(*out_authorization, claim);
    claim->has_token = header(request, "x-amz-security-token", &claim->token);
    return true;
}

static bool split_credential(struct claim *claim)
{
    struct str rest = claim->credential;

    return str_cut(rest, '/', &claim->key_id, &rest) && str_cut(rest, '/', &claim->date, &rest) &&
           str_cut(rest, '/', &claim->region, &rest) &&
           str_cut(rest, '/', &claim->service, &claim->terminator) &&
           !str_has_char(claim->terminator, '/');
}

// ---- checks, in the order of the complaints

static int check_form(struct arena *arena, struct claim *claim, bool has_time, struct str bad_time,
                      struct str authorization, struct sigv4_error *out)
{
    BUF_AUTO struct buf text = BUF_INIT;
    const struct {
        const char *name;
        bool is_there;
    } parameters[] = {
        {"Credential", claim->credential.len > 0},
        {"Signature", claim->signature.len > 0},
        {"SignedHeaders", claim->signed_headers.len > 0},
    };

    for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++) {
        if (!parameters[i].is_there)
            buf_printf(&text, "Authorization header requires '%s' parameter. ", parameters[i].name);
    }
    if (!has_time && bad_time.len == 0)
        buf_add_str(&text, STR("Authorization header requires existence of either a 'X-Amz-Date' "
                               "or a 'Date' header. "));
    if (buf_len(&text) > 0) {
        buf_printf(&text, "Authorization=%.*s", STR_ARGS(authorization));
        return rejected(out, "IncompleteSignatureException", str_copy(arena, buf_str(&text)));
    }
    if (!has_time)
        return rejected(out, "IncompleteSignatureException",
                        str_fmt(arena,
                                "Date must be in ISO-8601 'basic format'. Got '%.*s'. See "
                                "http://en.wikipedia.org/wiki/ISO_8601",
                                STR_ARGS(bad_time)));
    if (!split_credential(claim))
        return rejected(out, "IncompleteSignatureException",
                        str_fmt(arena,
                                "Credential must have exactly 5 slash-delimited elements, e.g. "
                                "keyid/date/region/service/term, got '%.*s'",
                                STR_ARGS(claim->credential)));
    return 0;
}

static bool is_region_name(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
            return false;
    }
    return s.len > 0 && s.len <= REGION_MAX;
}

static bool accepts_region(const struct sigv4 *sigv4, struct str region)
{
    for (size_t i = 0; i < sigv4->config.regions_n; i++) {
        if (str_eq(sigv4->config.regions[i], region))
            return true;
    }
    return sigv4->config.regions_n == 0 && is_region_name(region);
}

static bool is_signed(struct str list, struct str wanted)
{
    while (list.len > 0) {
        struct str name;
        str_cut(list, ';', &name, &list);
        if (str_eq_nocase(name, wanted))
            return true;
    }
    return false;
}

static int check_scope(const struct sigv4 *sigv4, struct arena *arena, const struct claim *claim,
                       struct sigv4_error *out)
{
    BUF_AUTO struct buf text = BUF_INIT;
    struct str day = str_take(claim->amz_date, 8);

    if (!is_signed(claim->signed_headers, STR("host")))
        buf_add_str(&text, STR("'Host' or ':authority' must be a 'SignedHeader' in the AWS "
                               "Authorization."));
    else if (!accepts_region(sigv4, claim->region))
        buf_printf(&text, "Credential should be scoped to a valid region, not '%.*s'. ",
                   STR_ARGS(claim->region));
    else if (!str_eq(claim->service, sigv4->config.service))
        buf_printf(&text, "Credential should be scoped to correct service: '%.*s'. ",
                   STR_ARGS(sigv4->config.service));
    else if (!str_eq(claim->terminator, STR("aws4_request")))
        buf_printf(&text,
                   "Credential should be scoped with a valid terminator: 'aws4_request', not "
                   "'%.*s'. ",
                   STR_ARGS(claim->terminator));
    else if (!str_eq(claim->date, day))
        buf_printf(&text,
                   "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of "
                   "date from HTTP: '%.*s' != '%.*s', from '%.*s'.",
                   STR_ARGS(claim->date), STR_ARGS(day), STR_ARGS(claim->amz_date));
    if (buf_len(&text) == 0)
        return 0;
    return bad_signature(out, str_copy(arena, buf_str(&text)));
}

static int check_time(const struct sigv4 *sigv4, struct arena *arena, const struct claim *claim,
                      time_ms now, struct sigv4_error *out)
{
    int64_t skew = sigv4->config.skew_ms;
    int64_t age = claim->expires_ms > 0 ? claim->expires_ms : skew;
    bool too_old = claim->time < now - age;

    if (!too_old && claim->time <= now + skew)
        return 0;
    return bad_signature(
        out, str_fmt(arena,
                     too_old ? "Signature expired: %.*s is now earlier than %.*s (%.*s - %lld min.)"
                             : "Signature not yet current: %.*s is still later than %.*s (%.*s + "
                               "%lld min.)",
                     STR_ARGS(claim->amz_date),
                     STR_ARGS(time_amz(arena, too_old ? now - age : now + skew)),
                     STR_ARGS(time_amz(arena, now)),
                     (long long)((too_old ? age : skew) / TIME_MINUTE_MS)));
}

static int find_secret(const struct sigv4 *sigv4, const struct claim *claim, struct str *out_secret,
                       struct sigv4_error *out)
{
    enum sigv4_key_state state = SIGV4_KEY_UNKNOWN;

    // Keys of temporary credentials mean nothing without their token.
    if (claim->has_token || !str_starts(claim->key_id, STR("ASIA")))
        state = sigv4->config.lookup(sigv4->config.user, claim->key_id, claim->token,
                                     claim->has_token, out_secret);
    switch (state) {
    case SIGV4_KEY_KNOWN: return 0;
    case SIGV4_KEY_UNKNOWN:
        return rejected(out, "UnrecognizedClientException",
                        STR("The security token included in the request is invalid."));
    case SIGV4_KEY_EXPIRED:
        return rejected(out, "ExpiredTokenException",
                        STR("The security token included in the request is expired"));
    }
    UNREACHABLE();
}

// Valid until it is asked for again.
static struct str hex_of(struct sigv4 *sigv4, const struct sha256 *hash)
{
    buf_clear(&sigv4->hex);
    hex_encode(&sigv4->hex, hash->bytes, sizeof hash->bytes);
    return buf_str(&sigv4->hex);
}

static int check_signature(struct sigv4 *sigv4, const struct sigv4_request *request,
                           struct arena *arena, const struct claim *claim, struct str secret,
                           struct sigv4_error *out)
{
    struct sigv4_place place = {claim->date, claim->region, sigv4->config.service};
    struct str announced;
    struct sha256 hash;
    struct str hex;

    crypto_sha256(sigv4->crypto, request->body, &hash);
    hex = hex_of(sigv4, &hash);
    if (header(request, "x-amz-content-sha256", &announced) && !str_eq(announced, hex))
        return mismatch(out);
    buf_clear(&sigv4->canonical);
    buf_clear(&sigv4->to_sign);
    sigv4_canonical_request(&sigv4->canonical, arena, request, claim->signed_headers, hex);
    sigv4_string_to_sign(&sigv4->to_sign, sigv4->crypto, claim->amz_date, &place,
                         buf_str(&sigv4->canonical));
    crypto_key_sign(signing_key(sigv4, claim, secret), buf_str(&sigv4->to_sign), &hash);
    return crypto_equal(hex_of(sigv4, &hash), claim->signature) ? 0 : mismatch(out);
}

// ---- the two questions

int sigv4_verify(struct sigv4 *sigv4, const struct sigv4_request *request, time_ms now,
                 struct arena *arena, struct sigv4_caller *out_caller,
                 struct sigv4_error *out_error)
{
    struct str authorization;
    struct str time_text;
    struct claim claim;
    struct str secret;
    bool has_time;

    if (!read_claim(request, arena, &claim, &authorization))
        return rejected(out_error, "MissingAuthenticationTokenException",
                        STR("Missing Authentication Token"));
    has_time = read_time(request, arena, &claim, &time_text);
    if (check_form(arena, &claim, has_time, time_text, authorization, out_error) != 0 ||
        check_scope(sigv4, arena, &claim, out_error) != 0 ||
        check_time(sigv4, arena, &claim, now, out_error) != 0 ||
        find_secret(sigv4, &claim, &secret, out_error) != 0 ||
        check_signature(sigv4, request, arena, &claim, secret, out_error) != 0)
        return SIGV4_E_REJECTED;
    out_caller->key_id = str_copy(arena, claim.key_id);
    out_caller->region = str_copy(arena, claim.region);
    return 0;
}

bool sigv4_claim(const struct sigv4_request *request, struct arena *arena, struct sigv4_caller *out)
{
    struct str authorization;
    struct claim claim;

    if (!read_claim(request, arena, &claim, &authorization) || !split_credential(&claim) ||
        !is_region_name(claim.region))
        return false;
    out->key_id = str_copy(arena, claim.key_id);
    out->region = str_copy(arena, claim.region);
    return true;
}
