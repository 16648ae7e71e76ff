// See role_keys.h.
//
//   claim   "1/<type>/<expires>/<task>/<role ARN>"
//   token   base64(claim, HMAC(server's secret, "token " claim))
//   key id  "ASIA" and 16 letters of HMAC(server's secret, "key-id " claim)
//   secret  40 letters of base64(HMAC(server's secret, "secret " claim))
//
// Whoever changes the claim cannot make the token's code; whoever has one task's token cannot make
// another key id or secret out of it. The words in front keep the three apart.

#include "server/role_keys.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "base/id.h"
#include "base/mem.h"
#include "io/entropy.h"
#include "io/file.h"
#include "wire/crypto.h"

enum {
    SECRET_BYTES = 32,
    FILE_MAX = 4096,
    TOKEN_MAX = 4096,
    KEY_ID_LETTERS = 16,
    SECRET_LETTERS = 40
};

struct role_keys {
    struct crypto *crypto;
    struct crypto_key *key;
};

// ---- the server's secret

static int make_file(const char *path)
{
    BUF_AUTO struct buf text = BUF_INIT;
    unsigned char secret[SECRET_BYTES];
    int rc;

    entropy_fill(secret, sizeof secret);
    hex_encode(&text, secret, sizeof secret);
    buf_add_char(&text, '\n');
    rc = file_write_atomic(path, buf_str(&text), 0600);
    explicit_bzero(secret, sizeof secret);
    explicit_bzero(text.ptr, text.cap);
    return rc;
}

int role_keys_open(const char *path, struct role_keys **out)
{
    BUF_AUTO struct buf text = BUF_INIT;
    BUF_AUTO struct buf secret = BUF_INIT;
    bool is_whole;

    if (!file_exists(path))
        TRY(make_file(path));
    TRY(file_read(path, FILE_MAX, &text));
    is_whole = hex_decode(str_trim(buf_str(&text)), &secret) && buf_len(&secret) >= SECRET_BYTES;
    if (is_whole)
        *out = role_keys_new(buf_str(&secret));
    explicit_bzero(text.ptr, text.cap);
    if (secret.ptr != NULL)
        explicit_bzero(secret.ptr, secret.cap);
    return is_whole ? 0 : -EBADMSG;
}

struct role_keys *role_keys_new(struct str secret)
{
    struct role_keys *keys = mem_zalloc(sizeof *keys);

    ASSERT(secret.len >= SECRET_BYTES);
    keys->crypto = crypto_new();
    keys->key = crypto_key_new(keys->crypto, secret);
    return keys;
}

void role_keys_free(struct role_keys *keys)
{
    if (keys == NULL)
        return;
    crypto_key_free(keys->key);
    crypto_free(keys->crypto);
    mem_free(keys);
}

// ---- deriving

static void derive(struct role_keys *keys, const char *what, struct str claim, struct sha256 *out)
{
    BUF_AUTO struct buf text = BUF_INIT;

    buf_printf(&text, "%s ", what);
    buf_add_str(&text, claim);
    crypto_key_sign(keys->key, buf_str(&text), out);
}

static struct str bytes_of(const struct sha256 *hash)
{
    return str_span((const char *)hash->bytes, sizeof hash->bytes);
}

static struct str key_id_of(struct role_keys *keys, struct str claim, struct arena *arena)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    char text[4 + KEY_ID_LETTERS] = "ASIA";
    struct sha256 hash;

    derive(keys, "key-id", claim, &hash);
    for (int i = 0; i < KEY_ID_LETTERS; i++)
        text[4 + i] = letters[hash.bytes[i] % 32];
    return str_copy(arena, str_span(text, sizeof text));
}

static struct str secret_of(struct role_keys *keys, struct str claim, struct arena *arena)
{
    BUF_AUTO struct buf text = BUF_INIT;
    struct sha256 hash;
    struct str secret;

    derive(keys, "secret", claim, &hash);
    base64_encode(&text, bytes_of(&hash));
    secret = str_copy(arena, str_take(buf_str(&text), SECRET_LETTERS));
    explicit_bzero(text.ptr, text.cap);
    return secret;
}

static struct str token_of(struct role_keys *keys, struct str claim, struct arena *arena)
{
    BUF_AUTO struct buf whole = BUF_INIT;
    BUF_AUTO struct buf text = BUF_INIT;
    struct sha256 hash;

    derive(keys, "token", claim, &hash);
    buf_add_str(&whole, claim);
    buf_add_str(&whole, bytes_of(&hash));
    base64_encode(&text, buf_str(&whole));
    return str_copy(arena, buf_str(&text));
}

// A UUID of version 4 by its looks: who does not have it cannot guess it.
static struct str credentials_id_of(struct role_keys *keys, const struct role_session *session,
                                    struct arena *arena)
{
    struct str who = str_fmt(arena, "%d/%.*s", (int)session->type, STR_ARGS(session->task));
    struct sha256 hash;
    const unsigned char *b = hash.bytes;

    derive(keys, "credentials-id", who, &hash);
    return str_fmt(arena, "%02x%02x%02x%02x-%02x%02x-4%x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
                   b[0], b[1], b[2], b[3], b[4], b[5], b[6] & 15, b[7], (b[8] & 63) | 128, b[9],
                   b[10], b[11], b[12], b[13], b[14], b[15]);
}

// ---- issuing

void role_keys_issue(struct role_keys *keys, const struct role_session *session,
                     struct arena *arena, struct acs_iam_role_credentials *out)
{
    time_ms expires = session->expires / TIME_SECOND_MS * TIME_SECOND_MS;
    struct str claim = str_fmt(arena, "1/%d/%lld/%.*s/%.*s", (int)session->type, (long long)expires,
                               STR_ARGS(session->task), STR_ARGS(session->role_arn));

    *out = (struct acs_iam_role_credentials){0};
    SET(out, credentials_id, credentials_id_of(keys, session, arena));
    SET(out, role_arn, str_copy(arena, session->role_arn));
    SET(out, access_key_id, key_id_of(keys, claim, arena));
    SET(out, secret_access_key, secret_of(keys, claim, arena));
    SET(out, session_token, token_of(keys, claim, arena));
    SET(out, expiration, str_fmt(arena, "%.19sZ", time_iso8601(arena, expires).ptr));
}

// ---- checking

static bool read_claim(struct str claim, struct role_session *out)
{
    struct str version;
    struct str type;
    struct str expires;
    int64_t number;

    if (!str_cut(claim, '/', &version, &claim) || !str_eq(version, STR("1")) ||
        !str_cut(claim, '/', &type, &claim) || !str_cut(claim, '/', &expires, &claim) ||
        !str_cut(claim, '/', &out->task, &out->role_arn))
        return false;
    if (!str_to_i64(type, &number) ||
        (number != ACS_ROLE_TYPE_TASKAPPLICATION && number != ACS_ROLE_TYPE_TASKEXECUTION))
        return false;
    out->type = (enum acs_role_type)number;
    return str_to_i64(expires, &out->expires) && id_is_hex32(out->task);
}

// The claim of a token that this server made; empty otherwise. Made again and compared as text, so
// that a token has one spelling.
static struct str claim_of(struct role_keys *keys, struct str token, struct arena *arena)
{
    BUF_AUTO struct buf whole = BUF_INIT;
    struct str claim;

    if (token.len > TOKEN_MAX || !base64_decode(token, &whole) || buf_len(&whole) <= SHA256_SIZE)
        return STR_NONE;
    claim = str_copy(arena, str_take(buf_str(&whole), buf_len(&whole) - SHA256_SIZE));
    return crypto_equal(token_of(keys, claim, arena), token) ? claim : STR_NONE;
}

enum sigv4_key_state role_keys_check(struct role_keys *keys, struct str key_id, struct str token,
                                     time_ms now, struct arena *arena,
                                     struct role_session *out_session, struct str *out_secret)
{
    struct str claim = claim_of(keys, token, arena);
    struct role_session session = {0};

    if (claim.len == 0 || !read_claim(claim, &session) ||
        !crypto_equal(key_id_of(keys, claim, arena), key_id))
        return SIGV4_KEY_UNKNOWN;
    *out_session = session;
    if (session.expires <= now)
        return SIGV4_KEY_EXPIRED;
    *out_secret = secret_of(keys, claim, arena);
    return SIGV4_KEY_KNOWN;
}
