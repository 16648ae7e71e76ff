// See credentials.h.

#include "client/credentials.h"

#include "base/arena.h"
#include "base/buf.h"
#include "io/file.h"

enum { FILE_MAX = 1 << 20 };

static bool next_line(struct str *rest, struct str *out)
{
    if (rest->len == 0)
        return false;
    str_cut(*rest, '\n', out, rest);
    *out = str_trim(*out);
    return true;
}

static void take_setting(struct str line, struct credentials *out)
{
    struct str key;
    struct str value;

    if (!str_cut(line, '=', &key, &value))
        return;
    key = str_trim(key);
    value = str_trim(value);
    if (str_eq_nocase(key, STR("aws_access_key_id")))
        out->key_id = value;
    else if (str_eq_nocase(key, STR("aws_secret_access_key")))
        out->secret = value;
    else if (str_eq_nocase(key, STR("aws_session_token")))
        out->token = value;
}

bool credentials_parse(struct str text, struct str profile, struct credentials *out)
{
    struct credentials found = {0};
    struct str line;
    bool inside = false;

    while (next_line(&text, &line)) {
        if (line.len == 0 || line.ptr[0] == '#' || line.ptr[0] == ';')
            continue;
        if (line.ptr[0] == '[')
            inside =
                line.len > 2 && str_eq(str_trim(str_span(line.ptr + 1, line.len - 2)), profile);
        else if (inside)
            take_setting(line, &found);
    }
    if (found.key_id.len == 0 || found.secret.len == 0)
        return false;
    *out = found;
    return true;
}

bool credentials_read(struct arena *arena, const char *path, struct str profile,
                      struct credentials *out)
{
    BUF_AUTO struct buf text = BUF_INIT;

    if (file_read(path, FILE_MAX, &text) != 0)
        return false;
    return credentials_parse(str_copy(arena, buf_str(&text)), profile, out);
}

bool credentials_of_server(struct arena *arena, const char *data_dir, struct credentials *out)
{
    return credentials_read(arena, arena_printf(arena, "%s/credentials", data_dir), STR("default"),
                            out);
}

static const char *non_empty(const char *name)
{
    const char *value = getenv(name);

    return value != NULL && value[0] != '\0' ? value : NULL;
}

static bool from_environment(struct credentials *out)
{
    const char *key = non_empty("AWS_ACCESS_KEY_ID");
    const char *secret = non_empty("AWS_SECRET_ACCESS_KEY");

    if (key == NULL || secret == NULL)
        return false;
    *out = (struct credentials){
        .key_id = str_of(key),
        .secret = str_of(secret),
        .token = str_of(non_empty("AWS_SESSION_TOKEN")),
    };
    return true;
}

static bool from_home(struct arena *arena, struct credentials *out)
{
    const char *profile = non_empty("AWS_PROFILE");
    const char *path = non_empty("AWS_SHARED_CREDENTIALS_FILE");
    const char *home = non_empty("HOME");

    if (path == NULL && home == NULL)
        return false;
    if (path == NULL)
        path = arena_printf(arena, "%s/.aws/credentials", home);
    return credentials_read(arena, path, str_of(profile != NULL ? profile : "default"), out);
}

int credentials_find(struct arena *arena, const char *data_dir, struct credentials *out)
{
    if (from_environment(out))
        return 0;
    if (data_dir != NULL && credentials_of_server(arena, data_dir, out))
        return 0;
    return from_home(arena, out) ? 0 : CREDENTIALS_E_NONE;
}
