#include "base/test.h"

#include "base/buf.h"
#include "host/nft.h"

static void expect(const struct nft_plan *plan, const char *want)
{
    BUF_AUTO struct buf out = BUF_INIT;

    nft_write(&out, plan);
    EXPECT_STR(buf_str(&out), want);
}

#define HEAD  "add table ip gantry\ndelete table ip gantry\ntable ip gantry {\n"
#define GUARD "  chain guard {\n    type filter hook prerouting priority -300; policy accept;\n"

static void a_plan_of_nothing_is_an_empty_table(void **state)
{
    struct nft_plan plan = {0};
    (void)state;

    expect(&plan, HEAD GUARD "  }\n}\n");
}

static void the_endpoint_is_reached_from_links_and_from_the_host(void **state)
{
    struct str links[] = {STR("docker0")};
    struct nft_plan plan = {
        .endpoint_port = 51679,
        .endpoint_links = {.n = 1, .at = links},
        .endpoint_of_host = true,
    };
    (void)state;

    expect(&plan,
           HEAD GUARD "    iifname \"docker0\" ip daddr 127.0.0.0/8 drop\n  }\n"
                      "  chain prerouting {\n"
                      "    type nat hook prerouting priority -100; policy accept;\n"
                      "    iifname \"docker0\" ip daddr 169.254.170.2 tcp dport 80 dnat to "
                      "127.0.0.1:51679\n  }\n"
                      "  chain output {\n    type nat hook output priority -100; policy accept;\n"
                      "    ip daddr 169.254.170.2 tcp dport 80 redirect to :51679\n  }\n}\n");
}

static void the_loopback_may_stay_open(void **state)
{
    struct str links[] = {STR("docker0")};
    struct nft_plan plan = {
        .endpoint_port = 51679,
        .endpoint_links = {.n = 1, .at = links},
        .loopback_open = true,
    };
    (void)state;

    expect(&plan, HEAD GUARD
           "  }\n"
           "  chain prerouting {\n    type nat hook prerouting priority -100; policy accept;\n"
           "    iifname \"docker0\" ip daddr 169.254.170.2 tcp dport 80 dnat to "
           "127.0.0.1:51679\n  }\n}\n");
}

static void what_leaves_the_pool_bears_the_hosts_address(void **state)
{
    struct str direct[] = {STR("10.0.0.0/8")};
    struct nft_plan plan = {
        .bridge = STR("gantry0"),
        .pool = STR("10.1.0.0/24"),
        .direct = {.n = 1, .at = direct},
        .masquerade = true,
    };
    (void)state;

    expect(&plan, HEAD GUARD
           "    iifname \"gantry0\" ip daddr 127.0.0.0/8 drop\n"
           "    iifname \"gantry0\" ip saddr != 10.1.0.0/24 ip saddr != 0.0.0.0 drop\n  }\n"
           "  chain postrouting {\n    type nat hook postrouting priority 100; policy accept;\n"
           "    ip saddr 10.1.0.0/24 ip daddr != 10.1.0.0/24 ip daddr != 10.0.0.0/8 oifname != "
           "\"gantry0\" masquerade\n  }\n}\n");
}

static void groups_become_sets_chains_and_maps(void **state)
{
    struct arena arena = ARENA_INIT;
    struct groups groups;
    struct str why;
    struct str web[] = {STR("web"), STR("gone")};
    struct nft_task tasks[] = {
        {.address = STR("10.1.0.2")},
        {.address = STR("10.1.0.3"), .groups = {.n = 2, .at = web}},
    };
    struct nft_plan plan = {.tasks = tasks, .tasks_n = 2, .groups = &groups};
    BUF_AUTO struct buf out = BUF_INIT;
    const char *text;
    (void)state;

    assert_int_equal(groups_parse(STR("[web]\ningress = tcp 80 web\n"), &arena, &groups, &why), 0);
    nft_write(&out, &plan);
    text = str_cstr(&arena, buf_str(&out));
    assert_non_null(strstr(text, "  set g0 {\n    type ipv4_addr\n    elements = { 10.1.0.3 }\n"));
    assert_non_null(
        strstr(text, "  chain g0_in { # web\n    tcp dport 80-80 ip saddr @g0 accept\n"));
    assert_non_null(strstr(text, "  chain g0_out {\n    accept\n"));
    assert_non_null(strstr(text, "  chain t1_in {\n    jump g0_in\n    drop\n"));
    assert_non_null(strstr(text, "    elements = { 10.1.0.3 : jump t1_in }\n"));
    assert_non_null(strstr(text, "chain forward_in"));
    assert_null(strstr(text, "10.1.0.2")); // has no groups: nobody judges it
    arena_deinit(&arena);
}

static void without_any_groups_nothing_is_judged(void **state)
{
    struct groups groups = {0};
    struct nft_task task = {.address = STR("10.1.0.2")};
    struct nft_plan plan = {.tasks = &task, .tasks_n = 1, .groups = &groups};
    (void)state;

    expect(&plan, HEAD GUARD "  }\n}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plan_of_nothing_is_an_empty_table),
        cmocka_unit_test(the_endpoint_is_reached_from_links_and_from_the_host),
        cmocka_unit_test(the_loopback_may_stay_open),
        cmocka_unit_test(what_leaves_the_pool_bears_the_hosts_address),
        cmocka_unit_test(groups_become_sets_chains_and_maps),
        cmocka_unit_test(without_any_groups_nothing_is_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
