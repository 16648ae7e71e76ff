// See env_file.h. There is no quoting, no escape and no "export": what looks like it is part of the
// value, or of the name.

#include "engine/env_file.h"

static struct str take_line(struct str *rest)
{
    struct str line;
    struct str tail;

    str_cut(*rest, '\n', &line, &tail); // without one the line is the whole rest
    *rest = tail;
    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    return line;
}

bool env_file_next(struct str *rest, struct str_pair *out)
{
    while (rest->len > 0) {
        struct str line = take_line(rest);

        if (line.len > 0 && line.ptr[0] != '#' && str_cut(line, '=', &out->key, &out->value) &&
            out->key.len > 0)
            return true;
    }
    return false;
}
