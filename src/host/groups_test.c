#include "base/test.h"

#include "host/groups.h"

static void a_file_becomes_groups_with_rules(void **state)
{
    struct arena arena = ARENA_INIT;
    struct groups groups;
    struct str why = STR_NONE;
    const struct group *web;
    (void)state;

    assert_int_equal(groups_parse(STR("# who may call\n"
                                      "[sg-web]\n"
                                      "ingress = tcp 80 0.0.0.0/0\n"
                                      "ingress = udp 8000-8100 sg-lb\n"
                                      "egress = icmp 10.0.0.0/8\n"
                                      "\n[sg-lb]\ningress = all 10.1.2.3/32\n"),
                                  &arena, &groups, &why),
                     0);
    web = groups_find(&groups, STR("sg-web"));
    assert_int_equal(groups.n, 2);
    assert_int_equal(web->ingress.n, 2);
    assert_int_equal(web->ingress.at[0].port_first, 80);
    assert_int_equal(web->ingress.at[0].port_last, 80);
    EXPECT_STR(web->ingress.at[0].cidr, "0.0.0.0/0");
    assert_int_equal(web->ingress.at[1].protocol, GROUP_UDP);
    assert_int_equal(web->ingress.at[1].port_last, 8100);
    EXPECT_STR(web->ingress.at[1].group, "sg-lb");
    assert_int_equal(web->egress.at[0].protocol, GROUP_ICMP);
    assert_null(groups_find(&groups, STR("sg-none")));
    arena_deinit(&arena);
}

static void a_mistake_is_told_with_its_line(void **state)
{
    static const struct {
        const char *text;
        const char *why;
    } rows[] = {
        {"ingress = all 0.0.0.0/0", "line 1: a rule before the first [ID]"},
        {"[sg a]", "line 1: a group begins with [ID]; an id has letters, digits, '-' and '_'"},
        {"[a]\n[a]", "line 2: the group is there already"},
        {"[a]\nallow = all 0.0.0.0/0",
         "line 2: a group has ingress and egress rules, nothing else"},
        {"[a]\ningress = sctp 1 0.0.0.0/0", "line 2: a rule begins with tcp, udp, icmp or all"},
        {"[a]\ningress = tcp 0.0.0.0/0",
         "line 2: after tcp and udp comes a port, a range like 8000-8100, or *"},
        {"[a]\ningress = tcp 9-8 0.0.0.0/0",
         "line 2: after tcp and udp comes a port, a range like 8000-8100, or *"},
        {"[a]\ningress = all 10.0.0.1/8",
         "line 2: the other side is a CIDR like 10.1.0.0/16, or the id of a group"},
        {"[a]\ningress = all fd00::/8",
         "line 2: the other side is a CIDR like 10.1.0.0/16, or the id of a group"},
        {"[a]\ningress = all", "line 2: a rule ends with one CIDR or the id of a group"},
        {"[a]\ningress = all a b", "line 2: a rule ends with one CIDR or the id of a group"},
        {"[a]\ningress = all b", "a rule names the group b, which is not there"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena arena = ARENA_INIT;
        struct groups groups;
        struct str why = STR_NONE;

        assert_int_equal(groups_parse(str_of(rows[i].text), &arena, &groups, &why), GROUPS_E_BAD);
        EXPECT_STR(why, rows[i].why);
        arena_deinit(&arena);
    }
}

static void a_network_has_no_host_bits(void **state)
{
    (void)state;
    assert_true(cidr_is_one(STR("0.0.0.0/0")));
    assert_true(cidr_is_one(STR("10.1.0.0/16")));
    assert_true(cidr_is_one(STR("10.1.2.3/32")));
    assert_false(cidr_is_one(STR("10.1.2.3/24")));
    assert_false(cidr_is_one(STR("10.1.2.0")));
    assert_false(cidr_is_one(STR("10.1.2/24")));
    assert_false(cidr_is_one(STR("10.1.2.0.0/24")));
    assert_false(cidr_is_one(STR("10.1.2.256/32")));
    assert_false(cidr_is_one(STR("10.1.2.0/33")));
    assert_false(cidr_is_one(STR("fd00::/8")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_becomes_groups_with_rules),
        cmocka_unit_test(a_mistake_is_told_with_its_line),
        cmocka_unit_test(a_network_has_no_host_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
