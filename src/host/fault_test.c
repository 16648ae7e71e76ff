// The scripts, as they are given to the shell.

#include "base/arena.h"
#include "base/buf.h"
#include "base/test.h"
#include "host/fault.h"

static struct arena arena;

static int forget(void **state)
{
    (void)state;
    arena_deinit(&arena);
    return 0;
}

static const char *script(const struct fault_spec *spec)
{
    BUF_AUTO struct buf out = BUF_INIT;

    fault_write(&out, spec);
    return str_cstr(&arena, buf_str(&out));
}

static const struct fault_spec hole = {
    .kind = FAULT_BLACKHOLE, .act = FAULT_START, .port = 8080, .is_udp = false};

static void a_black_hole_is_a_chain_of_its_own(void **state)
{
    (void)state;
    assert_string_equal(
        script(&hole),
        "nft list chain inet gantry_fault ingress-tcp-8080 >/dev/null 2>&1 && exit 0\n"
        "nft 'add table inet gantry_fault; add chain inet gantry_fault ingress-tcp-8080 { type "
        "filter hook input priority -400; }; add rule inet gantry_fault ingress-tcp-8080 tcp dport "
        "8080 drop; ' || exit 20\nexit 0\n");
}

static void some_may_be_spared(void **state)
{
    struct fault_address spared[] = {{.text = STR_INIT("10.0.0.0/8")},
                                     {.text = STR_INIT("fd00::1"), .is_v6 = true}};
    struct fault_spec spec = hole;

    (void)state;
    spec.spared = (struct fault_addresses){.n = 2, .at = spared};
    assert_non_null(strstr(script(&spec),
                           "ip saddr 10.0.0.0/8 tcp dport 8080 accept; add rule inet "
                           "gantry_fault ingress-tcp-8080 ip6 saddr fd00::1 tcp "
                           "dport 8080 accept; add rule"));
}

static void the_endpoint_is_never_swallowed(void **state)
{
    struct fault_spec spec = hole;

    (void)state;
    spec.is_egress = true;
    spec.port = 80;
    assert_non_null(strstr(script(&spec), "egress-tcp-80 ip daddr 169.254.170.2 tcp dport 80 "
                                          "accept; add rule inet gantry_fault egress-tcp-80 tcp "
                                          "dport 80 drop; '"));
}

static void a_black_hole_is_closed_and_asked_after(void **state)
{
    struct fault_spec spec = hole;

    (void)state;
    spec.is_udp = true;
    spec.act = FAULT_STOP;
    assert_string_equal(script(&spec),
                        "nft list chain inet gantry_fault ingress-udp-8080 >/dev/null 2>&1 || exit "
                        "0\nnft delete chain inet gantry_fault ingress-udp-8080 || exit 20\n"
                        "exit 0\n");
    spec.act = FAULT_STATUS;
    assert_string_equal(script(&spec),
                        "nft list chain inet gantry_fault ingress-udp-8080 >/dev/null 2>&1 || exit "
                        "12\nexit 0\n");
}

static struct fault_spec latency(enum fault_act act)
{
    static struct fault_address hit[] = {{.text = STR_INIT("10.1.0.0/16")}};

    return (struct fault_spec){
        .kind = FAULT_LATENCY,
        .act = act,
        .delay_ms = 100,
        .jitter_ms = 10,
        .flows_percent = 25,
        .hit = {.n = 1, .at = hit},
    };
}

static void late_packets_are_those_of_some_flows(void **state)
{
    struct fault_spec spec = latency(FAULT_START);
    const char *text = script(&spec);

    (void)state;
    assert_non_null(strstr(text, "root handle 1: prio priomap 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 &&"));
    assert_non_null(strstr(text, "parent 10:1 handle 100: netem delay 100ms 10ms &&"));
    assert_non_null(strstr(text, "parent 10:3 handle 102: netem delay 100ms 10ms &&"));
    assert_null(strstr(text, "handle 103:")); // a quarter is three tenths
    assert_non_null(strstr(text, "prio 1 u32 match ip dst 169.254.170.2/32 flowid 1:3 &&"));
    assert_non_null(strstr(text, "prio 3 u32 match ip dst 10.1.0.0/16 flowid 1:1 &&"));
    assert_non_null(strstr(text, "*netem*delay*) exit 10 ;;"));
    assert_non_null(strstr(text, "*netem*loss*) exit 11 ;;"));
    assert_non_null(strstr(text, "grep -vx lo"));
}

static void of_the_host_only_the_way_out_is_hit(void **state)
{
    struct fault_spec spec = latency(FAULT_START);

    (void)state;
    spec.is_host = true;
    spec.kind = FAULT_LOSS;
    spec.loss_percent = 5;
    spec.flows_percent = 100;
    assert_non_null(strstr(script(&spec), "ip -4 route show default"));
    assert_non_null(strstr(script(&spec), "parent 10:a handle 109: netem loss 5% &&"));
}

static void only_the_fault_that_is_meant_is_ended(void **state)
{
    struct fault_spec spec = latency(FAULT_STOP);

    (void)state;
    assert_non_null(strstr(script(&spec), "*netem*delay*) found="));
    spec.kind = FAULT_LOSS;
    assert_non_null(strstr(script(&spec), "*netem*loss*) found="));
    spec.act = FAULT_STATUS;
    assert_non_null(strstr(script(&spec), "[ -n \"$found\" ] || exit 12\n"));
}

#define CASE(f) cmocka_unit_test_teardown(f, forget)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        CASE(a_black_hole_is_a_chain_of_its_own),    CASE(some_may_be_spared),
        CASE(the_endpoint_is_never_swallowed),       CASE(a_black_hole_is_closed_and_asked_after),
        CASE(late_packets_are_those_of_some_flows),  CASE(of_the_host_only_the_way_out_is_hit),
        CASE(only_the_fault_that_is_meant_is_ended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
