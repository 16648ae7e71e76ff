// See words.h.

#include "base/words.h"

#include "base/arena.h"
#include "base/buf.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// Inside double quotes a backslash is itself unless it stands before one of these.
static bool is_escapable(char c)
{
    return c == '"' || c == '\\' || c == '$' || c == '`';
}

// From behind the opening quote to behind the closing one. False: there is none.
static bool take_quoted(struct str text, size_t *at, char quote, struct buf *word)
{
    for (; *at < text.len; (*at)++) {
        char c = text.ptr[*at];

        if (c == quote) {
            (*at)++;
            return true;
        }
        if (c == '\\' && quote == '"' && *at + 1 < text.len && is_escapable(text.ptr[*at + 1]))
            c = text.ptr[++(*at)];
        buf_add_char(word, c);
    }
    return false;
}

static bool take_word(struct str text, size_t *at, struct buf *word)
{
    while (*at < text.len && !is_blank(text.ptr[*at])) {
        char c = text.ptr[(*at)++];

        if (c == '\'' || c == '"') {
            if (!take_quoted(text, at, c, word))
                return false;
        } else if (c == '\\') {
            if (*at == text.len)
                return false;
            buf_add_char(word, text.ptr[(*at)++]);
        } else {
            buf_add_char(word, c);
        }
    }
    return true;
}

bool words_split(struct arena *arena, struct str text, struct words *out)
{
    BUF_AUTO struct buf word = BUF_INIT;
    size_t at = 0;

    *out = (struct words){.at = arena_array(arena, struct str, text.len / 2 + 1)};
    for (;;) {
        while (at < text.len && is_blank(text.ptr[at]))
            at++;
        if (at == text.len)
            return true;
        buf_clear(&word);
        if (!take_word(text, &at, &word))
            return false;
        out->at[out->n++] = str_copy(arena, buf_str(&word));
    }
}

static bool is_plain(struct str word)
{
    for (size_t i = 0; i < word.len; i++) {
        char c = word.ptr[i];
        bool is_alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

        if (!is_alnum && !str_has_char(STR("-_./:=,+@%^"), c))
            return false;
    }
    return word.len > 0;
}

static void add_quoted(struct buf *out, struct str word)
{
    buf_add_char(out, '\'');
    for (size_t i = 0; i < word.len; i++) {
        if (word.ptr[i] == '\'')
            buf_add_str(out, STR("'\\''"));
        else
            buf_add_char(out, word.ptr[i]);
    }
    buf_add_char(out, '\'');
}

struct str words_join(struct arena *arena, const struct words *words)
{
    BUF_AUTO struct buf out = BUF_INIT;

    for (size_t i = 0; i < words->n; i++) {
        if (i > 0)
            buf_add_char(&out, ' ');
        if (is_plain(words->at[i]))
            buf_add_str(&out, words->at[i]);
        else
            add_quoted(&out, words->at[i]);
    }
    return str_copy(arena, buf_str(&out));
}
