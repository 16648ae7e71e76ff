// The credentials file; see credentials.h.
//
// Understood: [profile] (also "[profile name]"), key = value, empty lines, comments with # and ;.
// Settings that are not about keys are skipped, so that a file can be shared with the AWS tools.
// Refused: a key outside a profile, half a key pair, one access key twice.

#include "server/credentials.h"

#include "base/buf.h"
#include "base/mem.h"
#include "io/entropy.h"
#include "io/file.h"

enum {
    FILE_MAX = 1 << 20,
    KEY_ID_RANDOM = 16,
    SECRET_LEN = 40,
};

// Each has 32 or 64 letters, so a random byte picks one without favour.
static const char key_id_letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
static const char secret_letters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void add_random(struct buf *out, const char *letters, size_t letters_n, size_t n)
{
    unsigned char dice[64];

    entropy_fill(dice, n);
    for (size_t i = 0; i < n; i++)
        buf_add_char(out, letters[dice[i] % letters_n]);
    explicit_bzero(dice, sizeof dice);
}

static int make_file(const char *path)
{
    BUF_AUTO struct buf text = BUF_INIT;

    buf_add_str(&text, STR("# Keys of this Gantry server, in the format of ~/.aws/credentials.\n"
                           "# More profiles are more callers; SIGHUP makes the server read the "
                           "file again.\n"
                           "[default]\n"
                           "aws_access_key_id = AKIA"));
    add_random(&text, key_id_letters, sizeof key_id_letters - 1, KEY_ID_RANDOM);
    buf_add_str(&text, STR("\naws_secret_access_key = "));
    add_random(&text, secret_letters, sizeof secret_letters - 1, SECRET_LEN);
    buf_add_char(&text, '\n');
    return file_write_atomic(path, buf_str(&text), 0600);
}

// ---- reading

struct reader {
    struct credentials *credentials;
    struct credential **last;
    struct credential *profile; // the one being read
    struct str partition;
    struct str account;
    const char *fault;
};

static bool is_complete(const struct credential *credential)
{
    return credential->key_id.len > 0 && credential->secret.len > 0;
}

// A profile without any key is somebody else's business and stays out of the list.
static bool end_profile(struct reader *r)
{
    struct credential *profile = r->profile;

    r->profile = NULL;
    if (profile == NULL || (profile->key_id.len == 0 && profile->secret.len == 0))
        return true;
    if (!is_complete(profile)) {
        r->fault = "this profile has half a key: aws_access_key_id and aws_secret_access_key "
                   "belong together";
        return false;
    }
    if (credentials_of_key(r->credentials, profile->key_id) != NULL) {
        r->fault = "the access key of this profile is in another one too";
        return false;
    }
    *r->last = profile;
    r->last = &profile->next;
    r->credentials->n++;
    return true;
}

static bool begin_profile(struct reader *r, struct str line)
{
    struct arena *arena = &r->credentials->arena;
    struct str name = str_trim(str_take(str_from(line, 1), line.len - 2));

    if (!str_ends(line, STR("]"))) {
        r->fault = "\"[\" without \"]\"";
        return false;
    }
    if (!end_profile(r))
        return false;
    if (str_starts(name, STR("profile ")))
        name = str_trim(str_from(name, 8));
    r->profile = arena_new(arena, struct credential);
    r->profile->profile = str_copy(arena, name);
    r->profile->principal_arn =
        str_eq(name, STR("default"))
            ? str_fmt(arena, "arn:%.*s:iam::%.*s:root", STR_ARGS(r->partition),
                      STR_ARGS(r->account))
            : str_fmt(arena, "arn:%.*s:iam::%.*s:user/%.*s", STR_ARGS(r->partition),
                      STR_ARGS(r->account), STR_ARGS(name));
    return true;
}

static bool read_setting(struct reader *r, struct str line)
{
    struct str key;
    struct str value;
    struct str *slot = NULL;

    if (!str_cut(line, '=', &key, &value)) {
        r->fault = "neither \"[profile]\" nor \"key = value\"";
        return false;
    }
    if (r->profile == NULL) {
        r->fault = "a setting before the first \"[profile]\"";
        return false;
    }
    key = str_trim(key);
    if (str_eq_nocase(key, STR("aws_access_key_id")))
        slot = &r->profile->key_id;
    else if (str_eq_nocase(key, STR("aws_secret_access_key")))
        slot = &r->profile->secret;
    else if (str_eq_nocase(key, STR("aws_session_token")))
        slot = &r->profile->token;
    if (slot != NULL)
        *slot = str_copy(&r->credentials->arena, str_trim(value));
    return true;
}

static bool read_line(struct reader *r, struct str line)
{
    line = str_trim(line);
    if (line.len == 0 || line.ptr[0] == '#' || line.ptr[0] == ';')
        return true;
    return line.ptr[0] == '[' ? begin_profile(r, line) : read_setting(r, line);
}

static int read_text(struct reader *r, struct str text, struct arena *arena, struct str *out_detail)
{
    struct str line;
    int number = 0;
    bool more = true;

    r->last = &r->credentials->first;
    while (more) {
        more = str_cut(text, '\n', &line, &text);
        number++;
        if (!read_line(r, line) || (!more && !end_profile(r))) {
            *out_detail = str_fmt(arena, "line %d: %s", number, r->fault);
            return CREDENTIALS_E_MALFORMED;
        }
    }
    if (r->credentials->n == 0) {
        *out_detail = STR("no profile has a key");
        return CREDENTIALS_E_EMPTY;
    }
    return 0;
}

int credentials_load(const char *path, struct str partition, struct str account,
                     struct arena *arena, struct str *out_detail, struct credentials **out)
{
    BUF_AUTO struct buf text = BUF_INIT;
    struct reader r = {.partition = partition, .account = account};
    int outcome;

    if (!file_exists(path))
        TRY(make_file(path));
    TRY(file_read(path, FILE_MAX, &text));
    r.credentials = mem_zalloc(sizeof *r.credentials);
    outcome = read_text(&r, buf_str(&text), arena, out_detail);
    explicit_bzero(text.ptr, text.cap);
    if (outcome != 0) {
        credentials_free(r.credentials);
        return outcome;
    }
    *out = r.credentials;
    return 0;
}

void credentials_free(struct credentials *credentials)
{
    if (credentials == NULL)
        return;
    arena_deinit(&credentials->arena);
    mem_free(credentials);
}

const struct credential *credentials_of_key(const struct credentials *credentials,
                                            struct str key_id)
{
    for (const struct credential *c = credentials->first; c != NULL; c = c->next) {
        if (str_eq(c->key_id, key_id))
            return c;
    }
    return NULL;
}
