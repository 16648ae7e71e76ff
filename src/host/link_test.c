#include "base/test.h"

#include <unistd.h>

#include "api/docker.h"
#include "host/link.h"

static void counters_are_summed_over_all_but_loopback(void **state)
{
    struct docker_network_stats stats;
    (void)state;

    link_count_text(
        STR("Inter-|   Receive                                                |  Transmit\n"
            " face |bytes    packets errs drop fifo frame compressed multicast|bytes packets\n"
            "    lo:     100       1    0    0    0     0          0         0      100       1 0 "
            "0 0 "
            "0 0 0\n"
            "  eth0:    1000      10    1    2    0     0          0         0     2000      20 3 "
            "4 0 "
            "0 0 0\n"
            "  eth1:1 1 1 1 0 0 0 0 1 1 1 1 0 0 0 0\n"
            " odd: 5\n"),
        &stats);
    assert_int_equal(stats.rx_bytes, 1001);
    assert_int_equal(stats.rx_packets, 11);
    assert_int_equal(stats.rx_errors, 2);
    assert_int_equal(stats.rx_dropped, 3);
    assert_int_equal(stats.tx_bytes, 2001);
    assert_int_equal(stats.tx_packets, 21);
    assert_int_equal(stats.tx_errors, 4);
    assert_int_equal(stats.tx_dropped, 5);
}

static void a_process_that_is_gone_has_none(void **state)
{
    struct docker_network_stats stats;
    (void)state;

    assert_true(link_count((int32_t)getpid(), &stats));
    assert_false(link_count(INT32_MAX, &stats));
}

static void what_is_no_port_of_a_bridge_is_not_isolated(void **state)
{
    (void)state;
    assert_int_equal(link_isolate(STR("gantry-none0")), -ENODEV);
    assert_int_equal(link_isolate(STR("a-name-that-no-interface-can-have")), -ENODEV);
    assert_true(link_isolate(STR("lo")) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_are_summed_over_all_but_loopback),
        cmocka_unit_test(a_process_that_is_gone_has_none),
        cmocka_unit_test(what_is_no_port_of_a_bridge_is_not_isolated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
