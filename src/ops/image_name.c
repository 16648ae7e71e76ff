// Only the form is read: whether there is such an image is found out where it is pulled.

#include "ops/image_name.h"

enum { ACCOUNT_DIGITS = 12 };

bool image_is_ecr(struct str image)
{
    struct str host;
    struct str path;
    struct str account;
    struct str rest;
    int64_t number;

    if (!str_cut(image, '/', &host, &path) || !str_cut(host, '.', &account, &rest))
        return false;
    if (account.len != ACCOUNT_DIGITS || !str_to_i64(account, &number))
        return false;
    return str_starts(rest, STR("dkr.ecr.")) &&
           (str_ends(rest, STR(".amazonaws.com")) || str_ends(rest, STR(".amazonaws.com.cn")));
}

bool image_is_pinned(struct str image)
{
    return str_has_char(image, '@');
}
