// The only file that sees PCRE2.

#include "base/regex.h"

#include "base/assert.h"
#include "base/mem.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum { MATCH_STEPS_MAX = 100000, MATCH_DEPTH_MAX = 1000, LITERALS_MAX = 32 };

struct regex {
    pcre2_code *code;
};

struct regex *regex_new(struct str pattern)
{
    uint32_t options = PCRE2_UTF | PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_DOLLAR_ENDONLY;
    PCRE2_SIZE at;
    int error;
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)(pattern.ptr ? pattern.ptr : ""), pattern.len,
                                     options, &error, &at, NULL);
    struct regex *regex;

    if (code == NULL)
        return NULL;
    regex = mem_zalloc(sizeof *regex);
    regex->code = code;
    return regex;
}

void regex_free(struct regex *regex)
{
    if (regex == NULL)
        return;
    pcre2_code_free(regex->code);
    mem_free(regex);
}

bool regex_matches(const struct regex *regex, struct str subject)
{
    pcre2_match_context *limits = pcre2_match_context_create(NULL);
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    int rc;

    ASSERT(limits != NULL && data != NULL);
    pcre2_set_match_limit(limits, MATCH_STEPS_MAX);
    pcre2_set_depth_limit(limits, MATCH_DEPTH_MAX);
    rc = pcre2_match(regex->code, (PCRE2_SPTR)(subject.ptr ? subject.ptr : ""), subject.len, 0, 0,
                     data, limits);
    pcre2_match_data_free(data);
    pcre2_match_context_free(limits);
    return rc >= 0;
}

static _Thread_local struct {
    const char *pattern;
    struct regex *regex;
} known[LITERALS_MAX];

bool regex_literal_matches(const char *pattern, struct str subject)
{
    for (int i = 0; i < LITERALS_MAX; i++) {
        if (known[i].pattern == NULL) {
            known[i].pattern = pattern;
            known[i].regex = regex_new(str_of(pattern));
            ASSERT_SAY(known[i].regex != NULL, "pattern %s", pattern);
        }
        if (known[i].pattern == pattern)
            return regex_matches(known[i].regex, subject);
    }
    UNREACHABLE();
}

void regex_literals_forget(void)
{
    for (int i = 0; i < LITERALS_MAX && known[i].pattern != NULL; i++) {
        regex_free(known[i].regex);
        known[i].regex = NULL;
        known[i].pattern = NULL;
    }
}
