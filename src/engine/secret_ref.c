// See secret_ref.h. A name of Secrets Manager ends in a dash and six characters of the store's own.

#include "engine/secret_ref.h"

enum { PARTS_PLAIN = 7, PARTS_QUALIFIED = 10, RANDOM_LEN = 6 };

struct parts {
    struct str at[PARTS_QUALIFIED];
    size_t n; // PARTS_QUALIFIED + 1: more than there is room for
};

static struct parts split(struct str text)
{
    struct parts parts = {0};

    for (;;) {
        struct str part;
        struct str rest;
        bool more = str_cut(text, ':', &part, &rest);

        if (parts.n == PARTS_QUALIFIED) {
            parts.n++;
            return parts;
        }
        parts.at[parts.n++] = part;
        if (!more)
            return parts;
        text = rest;
    }
}

static bool is_arn_of(const struct parts *parts, const char *service)
{
    return str_eq(parts->at[0], STR("arn")) && str_eq(parts->at[2], str_of(service)) &&
           parts->at[1].len > 0 && parts->at[3].len > 0 && parts->at[4].len > 0;
}

static int read_parameter(struct str value_from, struct secret_ref *out)
{
    static const struct str head = STR_INIT("parameter");
    struct parts parts = split(value_from);

    out->id = value_from;
    out->name = value_from;
    if (!str_starts(value_from, STR("arn:")))
        return value_from.len > 0 ? 0 : SECRET_REF_E_FORM;
    if (parts.n != 6 || !is_arn_of(&parts, "ssm") || !str_starts(parts.at[5], STR("parameter/")) ||
        parts.at[5].len == head.len + 1)
        return SECRET_REF_E_FORM;
    out->region = parts.at[3];
    out->name = str_from(parts.at[5], head.len);
    return 0;
}

static struct str without_random(struct str name)
{
    size_t end = name.len - RANDOM_LEN - 1;

    if (name.len > RANDOM_LEN + 1 && name.ptr[end] == '-')
        return str_span(name.ptr, end);
    return name;
}

static int read_secret(struct str value_from, struct secret_ref *out)
{
    struct parts parts = split(value_from);

    if ((parts.n != PARTS_PLAIN && parts.n != PARTS_QUALIFIED) ||
        !is_arn_of(&parts, "secretsmanager") || !str_eq(parts.at[5], STR("secret")) ||
        parts.at[6].len == 0)
        return SECRET_REF_E_FORM;
    out->region = parts.at[3];
    out->name = without_random(parts.at[6]);
    out->id =
        str_span(value_from.ptr, (size_t)(parts.at[6].ptr - value_from.ptr) + parts.at[6].len);
    if (parts.n == PARTS_QUALIFIED) {
        out->json_key = parts.at[7];
        out->version_stage = parts.at[8];
        out->version_id = parts.at[9];
    }
    return 0;
}

int secret_ref_read(enum secret_store store, struct str value_from, struct secret_ref *out)
{
    *out = (struct secret_ref){.store = store};
    return store == SECRET_PARAMETER ? read_parameter(value_from, out)
                                     : read_secret(value_from, out);
}

static bool is_part(struct str part)
{
    return part.len > 0 && !str_eq(part, STR(".")) && !str_eq(part, STR(".."));
}

bool secret_name_is_path(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];

        if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '/' &&
            c != '.' && c != '_' && c != '-' && c != '+' && c != '=' && c != '@')
            return false;
    }
    if (str_starts(name, STR("/")))
        name = str_from(name, 1);
    for (;;) {
        struct str part;
        bool more = str_cut(name, '/', &part, &name);

        if (!is_part(part))
            return false;
        if (!more)
            return true;
    }
}
