#include "base/words.h"

#include "base/test.h"

struct split {
    struct arena arena;
    struct words words;
    bool ok;
};

static struct split split(const char *text)
{
    struct split s = {.arena = ARENA_INIT};

    s.ok = words_split(&s.arena, str_of(text), &s.words);
    return s;
}

// The words with bars between them.
static void expect(const char *text, const char *want)
{
    struct split s = split(text);
    char got[256] = "";

    assert_true(s.ok);
    for (size_t i = 0; i < s.words.n; i++) {
        strncat(got, i > 0 ? "|" : "", sizeof got - strlen(got) - 1);
        strncat(got, str_cstr(&s.arena, s.words.at[i]), sizeof got - strlen(got) - 1);
    }
    assert_string_equal(got, want);
    arena_deinit(&s.arena);
}

static void expect_refused(const char *text)
{
    struct split s = split(text);

    assert_false(s.ok);
    arena_deinit(&s.arena);
}

static void blanks_stand_between_words(void **state)
{
    (void)state;
    expect("/bin/sh", "/bin/sh");
    expect("  ls\t-l  /tmp\n", "ls|-l|/tmp");
    expect("", "");
    expect("   ", "");
}

static void quotes_keep_a_word_together(void **state)
{
    (void)state;
    expect("sh -c 'echo \"a b\" $HOME'", "sh|-c|echo \"a b\" $HOME");
    expect("sh -c \"echo 'a b' \\\"c\\\" \\n\"", "sh|-c|echo 'a b' \"c\" \\n");
    expect("a'b c'd", "ab cd");
    expect("a '' b", "a||b");
    expect("a\\ b \\'", "a b|'");
}

static void what_is_left_open_is_refused(void **state)
{
    (void)state;
    expect_refused("sh -c 'echo");
    expect_refused("\"");
    expect_refused("a\\");
}

static void words_come_back_as_they_were(void **state)
{
    struct str at[] = {STR("sh"), STR("-c"), STR("it's \"a\" \\ b"), STR(""), STR("x=y")};
    struct words words = {.n = 5, .at = at};
    struct arena arena = ARENA_INIT;
    struct words back;

    (void)state;
    EXPECT_STR(words_join(&arena, &words), "sh -c 'it'\\''s \"a\" \\ b' '' x=y");
    assert_true(words_split(&arena, words_join(&arena, &words), &back));
    assert_int_equal(back.n, 5);
    for (size_t i = 0; i < 5; i++)
        assert_true(str_eq(back.at[i], at[i]));
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blanks_stand_between_words),
        cmocka_unit_test(quotes_keep_a_word_together),
        cmocka_unit_test(what_is_left_open_is_refused),
        cmocka_unit_test(words_come_back_as_they_were),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
