#include "base/arena.h"
#include "base/test.h"
#include "server/role_config.h"

static const char app[] = "arn:aws:iam::123456789012:role/team/app";

static int setup(void **state)
{
    static struct arena arena;

    arena = ARENA_INIT;
    *state = &arena;
    return 0;
}

static int teardown(void **state)
{
    arena_deinit(*state);
    return 0;
}

static struct role_config parse(struct arena *arena, const char *text)
{
    struct role_config config = {0};
    struct str detail = STR_NONE;
    int outcome = role_config_parse(str_of(text), arena, &config, &detail);

    if (outcome != 0)
        fail_msg("%.*s", STR_ARGS(detail));
    return config;
}

static void expect_fault(struct arena *arena, const char *text, const char *want)
{
    struct role_config config;
    struct str detail = STR_NONE;

    assert_int_equal(role_config_parse(str_of(text), arena, &config, &detail), ROLE_CONFIG_E_BAD);
    EXPECT_STR(detail, want);
}

static size_t grants_of(struct arena *arena, const char *text, const char *role)
{
    struct role_config config = parse(arena, text);
    struct role_caller caller = {0};

    role_config_grants(&config, str_of(role), arena, &caller);
    return caller.grants_n;
}

static void a_file_of_nothing_grants_nothing(void **state)
{
    assert_int_equal(grants_of(*state, "", app), 0);
    assert_int_equal(grants_of(*state, "# roles\n\n; none yet\n", app), 0);
}

static void a_section_says_actions_and_cluster(void **state)
{
    struct role_config config =
        parse(*state, "[app]\nallow = ecs:List*, ecs:DescribeTasks\ncluster = prod-?\n");
    struct role_caller caller = {0};

    role_config_grants(&config, str_of(app), *state, &caller);
    assert_int_equal(caller.grants_n, 1);
    assert_int_equal(caller.grants[0].actions.n, 2);
    EXPECT_STR(caller.grants[0].actions.at[0], "ecs:List*");
    EXPECT_STR(caller.grants[0].actions.at[1], "ecs:DescribeTasks");
    EXPECT_STR(caller.grants[0].cluster, "prod-?");
}

static void roles_are_named_by_name_or_arn_or_pattern(void **state)
{
    assert_int_equal(grants_of(*state, "[app]\nallow = ecs:A\n", app), 1);
    assert_int_equal(grants_of(*state, "[team/app]\nallow = ecs:A\n", app), 0);
    assert_int_equal(grants_of(*state, "[a*]\nallow = ecs:A\n", app), 1);
    assert_int_equal(
        grants_of(*state, "[arn:aws:iam::123456789012:role/team/*]\nallow = ecs:A\n", app), 1);
    assert_int_equal(grants_of(*state, "[arn:aws:iam::999999999999:role/*]\nallow = ecs:A\n", app),
                     0);
    assert_int_equal(grants_of(*state, "[a*]\nallow = ecs:A\n[app]\nallow = ecs:B\n", app), 2);
}

static void a_section_may_hand_out_keys(void **state)
{
    struct role_config config = parse(*state, "[s3]\nkeys-file = /k.ini\nprofile = up\n"
                                              "[vault-*]\nkeys-url = http://127.0.0.1:1/r?x=1\n");

    assert_string_equal(config.at[0].keys_file, "/k.ini");
    EXPECT_STR(config.at[0].profile, "up");
    EXPECT_STR(config.at[1].keys_url, "http://127.0.0.1:1/r?x=1");
}

static void mistakes_are_named_with_their_line(void **state)
{
    expect_fault(*state, "allow = ecs:A\n", "line 1: a setting before the first [ROLE]");
    expect_fault(*state, "[app\n", "line 1: a section is written [ROLE]");
    expect_fault(*state, "[app]\nallow = s3:Get\n",
                 "line 2: an action is written ecs:NAME, and may hold * and ?");
    expect_fault(*state, "[app]\nallow = ecs:A\nallow = ecs:B\n",
                 "line 3: allow is there already: one line, actions parted by spaces");
    expect_fault(*state, "[app]\ncolour = red\n",
                 "line 2: not a setting: allow, cluster, keys-file, profile, keys-url");
    expect_fault(*state, "[app]\nkeys-url = ftp://x\n",
                 "line 2: the keys-url is not one of http or https");
    expect_fault(*state, "[app]\ncluster = x\n",
                 "line 2: the section before this line says nothing: give allow, keys-file or "
                 "keys-url");
    expect_fault(*state, "[app]\nallow = ecs:A\nprofile = x\n[b]\nallow = ecs:A\n",
                 "line 4: the section before this line has a profile but no keys-file");
    expect_fault(*state, "[app]\nkeys-file = /a\nkeys-url = http://b\n",
                 "line 3: the section before this line has keys-file and keys-url: give one");
    expect_fault(*state, "[app]\nallow =\n", "line 2: a setting without a value");
    expect_fault(*state, "[app]\nnonsense\n", "line 2: neither [ROLE] nor key = value");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        CASE(a_file_of_nothing_grants_nothing),          CASE(a_section_says_actions_and_cluster),
        CASE(roles_are_named_by_name_or_arn_or_pattern), CASE(a_section_may_hand_out_keys),
        CASE(mistakes_are_named_with_their_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
