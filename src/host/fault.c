// See fault.h.
//
// A black hole is a chain of a table of its own, hooked in before the host's other filters. Late
// and lost packets need a tree of queues at each interface:
//
//   1:      prio, everything into its third band, which is the way things were
//     1:1   what goes to `hit` and not to `spared`
//       10: prio of ten bands that flows are spread over by hash, so that only some are hit
//         100: and so on: netem, at as many bands as are to be hit
//
// Filters are asked in the order of their preference: the endpoint and the spared first.

#include "host/fault.h"

#include "base/buf.h"

#define TABLE    "inet gantry_fault"
#define ENDPOINT "169.254.170.2"

enum { BANDS = 10 };

const char fault_probe[] = "nft add table " TABLE " && tc qdisc add dev lo root handle 1: prio && "
                           "tc qdisc add dev lo parent 1:1 handle 10: netem delay 1ms && "
                           "tc filter add dev lo parent 1: protocol ip prio 1 u32 match ip dst "
                           "127.0.0.1/32 flowid 1:1";

// ---- black holes

static void write_chain_name(struct buf *out, const struct fault_spec *spec)
{
    buf_printf(out, "%s-%s-%d", spec->is_egress ? "egress" : "ingress",
               spec->is_udp ? "udp" : "tcp", (int)spec->port);
}

static void write_verdict(struct buf *out, const struct fault_spec *spec, const char *family,
                          struct str address, const char *verdict)
{
    buf_printf(out, "add rule " TABLE " ");
    write_chain_name(out, spec);
    if (address.len > 0)
        buf_printf(out, " %s %s %.*s", family, spec->is_egress ? "daddr" : "saddr",
                   STR_ARGS(address));
    buf_printf(out, " %s dport %d %s; ", spec->is_udp ? "udp" : "tcp", (int)spec->port, verdict);
}

static void write_blackhole_start(struct buf *out, const struct fault_spec *spec)
{
    buf_printf(out, "nft list chain " TABLE " ");
    write_chain_name(out, spec);
    buf_printf(out, " >/dev/null 2>&1 && exit %d\nnft 'add table " TABLE "; add chain " TABLE " ",
               FAULT_EXIT_DONE);
    write_chain_name(out, spec);
    buf_printf(out, " { type filter hook %s priority -400; }; ",
               spec->is_egress ? "output" : "input");
    if (spec->is_egress && !spec->is_udp && spec->port == 80)
        write_verdict(out, spec, "ip", STR(ENDPOINT), "accept");
    for (size_t i = 0; i < spec->spared.n; i++)
        write_verdict(out, spec, spec->spared.at[i].is_v6 ? "ip6" : "ip", spec->spared.at[i].text,
                      "accept");
    write_verdict(out, spec, "", STR_NONE, "drop");
    buf_printf(out, "' || exit 20\n");
}

static void write_blackhole(struct buf *out, const struct fault_spec *spec)
{
    if (spec->act == FAULT_START) {
        write_blackhole_start(out, spec);
        return;
    }
    buf_printf(out, "nft list chain " TABLE " ");
    write_chain_name(out, spec);
    buf_printf(out, " >/dev/null 2>&1 || exit %d\n",
               spec->act == FAULT_STOP ? FAULT_EXIT_DONE : FAULT_EXIT_NOT_RUNNING);
    if (spec->act == FAULT_STATUS)
        return;
    buf_printf(out, "nft delete chain " TABLE " ");
    write_chain_name(out, spec);
    buf_printf(out, " || exit 20\n");
}

// ---- late and lost packets

static void write_devices(struct buf *out, const struct fault_spec *spec)
{
    if (spec->is_host)
        buf_printf(out, "devs=$(ip -4 route show default | "
                        "sed -n 's/.* dev \\([^ ]*\\).*/\\1/p' | head -n 1)\n");
    else
        buf_printf(out, "devs=$(ip -o link show | cut -d: -f2 | cut -d@ -f1 | tr -d ' ' | "
                        "grep -vx lo)\n");
    buf_printf(out, "[ -n \"$devs\" ] || exit 20\n");
}

// Both kinds share the tree, so there is one of either at most.
static void write_refusal(struct buf *out)
{
    buf_printf(out,
               "for d in $devs; do\n  q=$(tc qdisc show dev $d) || exit 20\n"
               "  case \"$q\" in\n    *netem*delay*) exit %d ;;\n    *netem*loss*) exit %d ;;\n"
               "  esac\ndone\n",
               FAULT_EXIT_LATENCY_RUNS, FAULT_EXIT_LOSS_RUNS);
}

static void write_filter(struct buf *out, int preference, const struct fault_address *address,
                         const char *band)
{
    buf_printf(out,
               "  tc filter add dev $d parent 1: protocol %s prio %d u32 match %s dst %.*s flowid "
               "%s &&\n",
               address->is_v6 ? "ipv6" : "ip", preference + address->is_v6,
               address->is_v6 ? "ip6" : "ip", STR_ARGS(address->text), band);
}

static void write_effect(struct buf *out, const struct fault_spec *spec)
{
    if (spec->kind == FAULT_LOSS)
        buf_printf(out, "netem loss %d%%", (int)spec->loss_percent);
    else
        buf_printf(out, "netem delay %dms %dms", (int)spec->delay_ms, (int)spec->jitter_ms);
}

static void write_bands(struct buf *out, const struct fault_spec *spec)
{
    int bands = (spec->flows_percent * BANDS + 99) / 100;

    buf_printf(out, "  tc qdisc add dev $d parent 1:1 handle 10: prio bands %d priomap", BANDS);
    for (int i = 0; i < 16; i++)
        buf_printf(out, " 0");
    buf_printf(out,
               " &&\n  tc filter add dev $d parent 10: protocol all prio 1 handle 1 flow hash keys "
               "src,dst,proto,proto-src,proto-dst divisor %d baseclass 10:1 &&\n",
               BANDS);
    for (int i = 0; i < bands; i++) {
        buf_printf(out, "  tc qdisc add dev $d parent 10:%x handle %d: ", (unsigned)i + 1, 100 + i);
        write_effect(out, spec);
        buf_printf(out, " &&\n");
    }
}

static void write_tree(struct buf *out, const struct fault_spec *spec)
{
    const struct fault_address endpoint = {.text = STR_INIT(ENDPOINT "/32")};

    buf_printf(out, "for d in $devs; do\n  tc qdisc add dev $d root handle 1: prio priomap");
    for (int i = 0; i < 16; i++)
        buf_printf(out, " 2");
    buf_printf(out, " &&\n");
    write_bands(out, spec);
    write_filter(out, 1, &endpoint, "1:3");
    for (size_t i = 0; i < spec->spared.n; i++)
        write_filter(out, 1, &spec->spared.at[i], "1:3");
    for (size_t i = 0; i < spec->hit.n; i++)
        write_filter(out, 3, &spec->hit.at[i], "1:1");
    buf_printf(out, "  : || {\n    for d in $devs; do tc qdisc del dev $d root 2>/dev/null; done\n"
                    "    exit 20\n  }\ndone\n");
}

static void write_search(struct buf *out, const struct fault_spec *spec)
{
    buf_printf(out,
               "found=\nfor d in $devs; do\n  q=$(tc qdisc show dev $d) || exit 20\n"
               "  case \"$q\" in *netem*%s*) found=\"$found $d\" ;; esac\ndone\n",
               spec->kind == FAULT_LOSS ? "loss" : "delay");
}

static void write_flows(struct buf *out, const struct fault_spec *spec)
{
    write_devices(out, spec);
    switch (spec->act) {
    case FAULT_START:
        write_refusal(out);
        write_tree(out, spec);
        return;
    case FAULT_STOP:
        write_search(out, spec);
        buf_printf(out, "for d in $found; do tc qdisc del dev $d root || exit 20; done\n");
        return;
    case FAULT_STATUS:
        write_search(out, spec);
        buf_printf(out, "[ -n \"$found\" ] || exit %d\n", FAULT_EXIT_NOT_RUNNING);
        return;
    }
}

void fault_write(struct buf *out, const struct fault_spec *spec)
{
    if (spec->kind == FAULT_BLACKHOLE)
        write_blackhole(out, spec);
    else
        write_flows(out, spec);
    buf_printf(out, "exit %d\n", FAULT_EXIT_DONE);
}
