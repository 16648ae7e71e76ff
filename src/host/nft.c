// See nft.h.
//
// Traffic between two tasks of one host is routed, not bridged: the shell isolates the ports of the
// bridge and has the host answer for every address on it. So the forward hook sees all of it, and
// one place decides.
//
// What leaves a task is judged before what enters one, in a base chain of its own, because "accept"
// ends a base chain: a packet between two tasks must pass both. Towards the host itself the same
// holds in the hooks input and output; what was sent to the agent's endpoint is let through, as
// nothing filters it in AWS.

#include "host/nft.h"

#include "base/buf.h"

enum { BEFORE_OTHERS_OUT = -12, BEFORE_OTHERS_IN = -11 };

// ---- groups

static void write_other_side(struct buf *out, const struct nft_plan *plan,
                             const struct group_rule *rule, const char *side)
{
    if (rule->group.len > 0)
        buf_printf(out, " ip %s @g%zu", side,
                   (size_t)(groups_find(plan->groups, rule->group) - plan->groups->at));
    else
        buf_printf(out, " ip %s %.*s", side, STR_ARGS(rule->cidr));
}

static void write_rules(struct buf *out, const struct nft_plan *plan,
                        const struct group_rules *rules, const char *side)
{
    for (size_t i = 0; i < rules->n; i++) {
        const struct group_rule *rule = &rules->at[i];
        bool udp = rule->protocol == GROUP_UDP;

        buf_printf(out, "    ");
        if (rule->protocol == GROUP_TCP || udp)
            buf_printf(out, "%s dport %d-%d", udp ? "udp" : "tcp", (int)rule->port_first,
                       (int)rule->port_last);
        else if (rule->protocol == GROUP_ICMP)
            buf_printf(out, "ip protocol icmp");
        write_other_side(out, plan, rule, side);
        buf_printf(out, " accept\n");
    }
}

static bool is_member(const struct nft_task *task, struct str group)
{
    for (size_t i = 0; i < task->groups.n; i++) {
        if (str_eq(task->groups.at[i], group))
            return true;
    }
    return false;
}

static void write_members(struct buf *out, const struct nft_plan *plan, size_t group)
{
    bool any = false;

    buf_printf(out, "  set g%zu {\n    type ipv4_addr\n", group);
    for (size_t i = 0; i < plan->tasks_n; i++) {
        if (!is_member(&plan->tasks[i], plan->groups->at[group].id))
            continue;
        buf_printf(out, "%s%.*s", any ? ", " : "    elements = { ",
                   STR_ARGS(plan->tasks[i].address));
        any = true;
    }
    buf_printf(out, "%s  }\n", any ? " }\n" : "");
}

static void write_groups(struct buf *out, const struct nft_plan *plan)
{
    for (size_t i = 0; i < plan->groups->n; i++)
        write_members(out, plan, i);
    for (size_t i = 0; i < plan->groups->n; i++) {
        const struct group *group = &plan->groups->at[i];

        buf_printf(out, "  chain g%zu_in { # %.*s\n", i, STR_ARGS(group->id));
        write_rules(out, plan, &group->ingress, "saddr");
        buf_printf(out, "  }\n  chain g%zu_out {\n", i);
        write_rules(out, plan, &group->egress, "daddr");
        if (group->egress.n == 0)
            buf_printf(out, "    accept\n");
        buf_printf(out, "  }\n");
    }
}

// ---- tasks

static void write_task_chain(struct buf *out, const struct nft_plan *plan, size_t index,
                             const char *way)
{
    const struct nft_task *task = &plan->tasks[index];

    buf_printf(out, "  chain t%zu_%s {\n", index, way);
    for (size_t i = 0; i < task->groups.n; i++) {
        const struct group *group = groups_find(plan->groups, task->groups.at[i]);

        if (group != NULL) // one that has gone from the file lets nothing through
            buf_printf(out, "    jump g%zu_%s\n", (size_t)(group - plan->groups->at), way);
    }
    buf_printf(out, "    drop\n  }\n");
}

static void write_map(struct buf *out, const struct nft_plan *plan, const char *way)
{
    bool any = false;

    buf_printf(out, "  map %s {\n    type ipv4_addr : verdict\n", way);
    for (size_t i = 0; i < plan->tasks_n; i++) {
        if (plan->tasks[i].groups.n == 0)
            continue;
        buf_printf(out, "%s%.*s : jump t%zu_%s", any ? ", " : "    elements = { ",
                   STR_ARGS(plan->tasks[i].address), i, way);
        any = true;
    }
    buf_printf(out, "%s  }\n", any ? " }\n" : "");
}

static void write_judge(struct buf *out, const char *hook, int priority, const char *side,
                        const char *way)
{
    buf_printf(out,
               "  chain %s_%s {\n    type filter hook %s priority %d; policy accept;\n"
               "    ct state established,related accept\n"
               "    ct original ip daddr " NFT_ENDPOINT " accept\n"
               "    ip %s vmap @%s\n  }\n",
               hook, way, hook, priority, side, way);
}

static bool any_has_groups(const struct nft_plan *plan)
{
    for (size_t i = 0; i < plan->tasks_n; i++) {
        if (plan->tasks[i].groups.n > 0)
            return true;
    }
    return false;
}

static void write_tasks(struct buf *out, const struct nft_plan *plan)
{
    if (plan->groups == NULL || !any_has_groups(plan))
        return;
    write_groups(out, plan);
    for (size_t i = 0; i < plan->tasks_n; i++) {
        if (plan->tasks[i].groups.n == 0)
            continue;
        write_task_chain(out, plan, i, "in");
        write_task_chain(out, plan, i, "out");
    }
    write_map(out, plan, "in");
    write_map(out, plan, "out");
    write_judge(out, "forward", BEFORE_OTHERS_OUT, "saddr", "out");
    write_judge(out, "forward", BEFORE_OTHERS_IN, "daddr", "in");
    write_judge(out, "input", BEFORE_OTHERS_OUT, "saddr", "out");
    write_judge(out, "output", BEFORE_OTHERS_IN, "daddr", "in");
}

// ---- the endpoint and the way out

static void write_link(struct buf *out, struct str link, int32_t port)
{
    buf_printf(out,
               "    iifname \"%.*s\" ip daddr " NFT_ENDPOINT " tcp dport 80 dnat to 127.0.0.1:%d\n",
               STR_ARGS(link), (int)port);
}

// The host's own loopback addresses become reachable on these interfaces for the endpoint's sake
// (route_localnet); for everything else they are closed again. A task has no other's address.
static void write_guard(struct buf *out, const struct nft_plan *plan)
{
    buf_printf(out, "  chain guard {\n    type filter hook prerouting priority -300; policy "
                    "accept;\n");
    if (plan->bridge.len > 0 && !plan->loopback_open)
        buf_printf(out, "    iifname \"%.*s\" ip daddr 127.0.0.0/8 drop\n", STR_ARGS(plan->bridge));
    if (plan->bridge.len > 0 && plan->pool.len > 0)
        buf_printf(out, "    iifname \"%.*s\" ip saddr != %.*s ip saddr != 0.0.0.0 drop\n",
                   STR_ARGS(plan->bridge), STR_ARGS(plan->pool));
    if (plan->bridge.len > 0 && plan->block_instance_metadata)
        buf_printf(out, "    iifname \"%.*s\" ip daddr 169.254.169.254 drop\n",
                   STR_ARGS(plan->bridge));
    for (size_t i = 0; i < plan->endpoint_links.n && !plan->loopback_open; i++)
        buf_printf(out, "    iifname \"%.*s\" ip daddr 127.0.0.0/8 drop\n",
                   STR_ARGS(plan->endpoint_links.at[i]));
    buf_printf(out, "  }\n");
}

static void write_endpoint(struct buf *out, const struct nft_plan *plan)
{
    if (plan->endpoint_port == 0)
        return;
    buf_printf(out, "  chain prerouting {\n    type nat hook prerouting priority -100; policy "
                    "accept;\n");
    if (plan->bridge.len > 0)
        write_link(out, plan->bridge, plan->endpoint_port);
    for (size_t i = 0; i < plan->endpoint_links.n; i++)
        write_link(out, plan->endpoint_links.at[i], plan->endpoint_port);
    buf_printf(out, "  }\n");
    if (!plan->endpoint_of_host)
        return;
    buf_printf(out,
               "  chain output {\n    type nat hook output priority -100; policy accept;\n"
               "    ip daddr " NFT_ENDPOINT " tcp dport 80 redirect to :%d\n  }\n",
               (int)plan->endpoint_port);
}

static void write_way_out(struct buf *out, const struct nft_plan *plan)
{
    if (!plan->masquerade || plan->pool.len == 0)
        return;
    buf_printf(out,
               "  chain postrouting {\n    type nat hook postrouting priority 100; policy "
               "accept;\n    ip saddr %.*s ip daddr != %.*s",
               STR_ARGS(plan->pool), STR_ARGS(plan->pool));
    for (size_t i = 0; i < plan->direct.n; i++)
        buf_printf(out, " ip daddr != %.*s", STR_ARGS(plan->direct.at[i]));
    buf_printf(out, " oifname != \"%.*s\" masquerade\n  }\n", STR_ARGS(plan->bridge));
}

void nft_write_end(struct buf *out)
{
    buf_printf(out, "add table ip gantry\ndelete table ip gantry\n");
}

void nft_write(struct buf *out, const struct nft_plan *plan)
{
    nft_write_end(out);
    buf_printf(out, "table ip gantry {\n");
    write_guard(out, plan);
    write_endpoint(out, plan);
    write_way_out(out, plan);
    write_tasks(out, plan);
    buf_printf(out, "}\n");
}
