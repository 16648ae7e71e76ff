// Secrets Manager ARNs separate with ':' what others separate with '/', and may carry three more
// parts (JSON key, version stage, version id), so they are taken apart here.

#include "ops/secret_source.h"

enum { ARN_PARTS = 7, ARN_PARTS_LONG = 10 };

static bool is_parameter_name(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && !str_has_char(STR("_.-/"), c))
            return false;
    }
    return text.len > 0;
}

// The first `max` parts; returns how many there were of those.
static size_t split(struct str text, struct str *parts, size_t max)
{
    struct str rest = text;
    size_t n = 0;
    bool more;

    do {
        more = str_cut(rest, ':', &parts[n++], &rest);
    } while (more && n < max);
    return n;
}

enum secret_source secret_source(struct str value_from, struct str *out_account)
{
    struct str parts[ARN_PARTS_LONG + 1] = {0};
    size_t n = split(value_from, parts, ARN_PARTS_LONG + 1);

    *out_account = STR_NONE;
    if (!str_starts(value_from, STR("arn:")))
        return is_parameter_name(value_from) ? SECRET_SOURCE_PARAMETER : SECRET_SOURCE_NONE;
    *out_account = parts[4];
    if (str_eq(parts[2], STR("ssm")))
        return n == ARN_PARTS - 1 && str_starts(parts[5], STR("parameter/")) &&
                       is_parameter_name(parts[5])
                   ? SECRET_SOURCE_PARAMETER
                   : SECRET_SOURCE_NONE;
    if (str_eq(parts[2], STR("secretsmanager")))
        return (n == ARN_PARTS || n == ARN_PARTS_LONG) && str_eq(parts[5], STR("secret")) &&
                       parts[6].len > 0
                   ? SECRET_SOURCE_SECRET
                   : SECRET_SOURCE_NONE;
    return SECRET_SOURCE_NONE;
}
