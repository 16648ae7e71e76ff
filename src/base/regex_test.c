#include "base/regex.h"

#include "base/test.h"

static bool matches(const char *pattern, const char *subject)
{
    struct regex *regex = regex_new(str_of(pattern));
    bool yes = regex != NULL && regex_matches(regex, str_of(subject));

    regex_free(regex);
    return yes;
}

static void the_whole_subject_must_match(void **state)
{
    (void)state;
    assert_true(matches("g2.*", "g2.2xlarge"));
    assert_false(matches("g2", "g2.2xlarge"));
    assert_true(matches("a|ab", "ab"));
    assert_true(matches("\\Q.\\E\\d{2,3}?", ".123"));
    assert_false(matches("abc", "abc\n"));
}

static void unicode_classes_work(void **state)
{
    const char *tag = "([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*)";
    (void)state;
    assert_true(regex_literal_matches(tag, STR("Grüße 东京 1/2")));
    assert_false(regex_literal_matches(tag, STR("a*b")));
    assert_true(regex_literal_matches(tag, STR("")));
}

static void hostile_patterns_end(void **state)
{
    (void)state;
    assert_null(regex_new(STR("(")));
    assert_false(matches("(a+)+b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_whole_subject_must_match),
        cmocka_unit_test(unicode_classes_work),
        cmocka_unit_test(hostile_patterns_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
