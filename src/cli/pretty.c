// Indents by what opens and closes; the tokens themselves pass through unread.

#include "cli/pretty.h"

#include "base/buf.h"

struct printer {
    struct buf out;
    int depth;
    bool in_string;
    bool escaped;
    bool just_opened;
};

static void newline(struct printer *p)
{
    buf_add_char(&p->out, '\n');
    for (int i = 0; i < p->depth; i++)
        buf_add_str(&p->out, STR("    "));
}

static void add_in_string(struct printer *p, char c)
{
    buf_add_char(&p->out, c);
    if (p->escaped)
        p->escaped = false;
    else if (c == '\\')
        p->escaped = true;
    else if (c == '"')
        p->in_string = false;
}

static void add_outside(struct printer *p, char c)
{
    bool closes = c == '}' || c == ']';

    if (c == ' ' || c == '\n' || c == '\r' || c == '\t')
        return;
    if (closes) {
        p->depth--;
        if (!p->just_opened)
            newline(p);
    } else if (p->just_opened) {
        newline(p);
    }
    p->just_opened = c == '{' || c == '[';
    p->depth += p->just_opened;
    p->in_string = c == '"';
    buf_add_char(&p->out, c);
    if (c == ',')
        newline(p);
    else if (c == ':')
        buf_add_char(&p->out, ' ');
}

void pretty_print(FILE *out, struct str json)
{
    struct printer p = {0};

    for (size_t i = 0; i < json.len; i++) {
        if (p.in_string)
            add_in_string(&p, json.ptr[i]);
        else
            add_outside(&p, json.ptr[i]);
    }
    buf_add_char(&p.out, '\n');
    fwrite(buf_str(&p.out).ptr, 1, buf_len(&p.out), out);
    buf_deinit(&p.out);
}
