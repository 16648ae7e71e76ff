// The host's table of packet rules: everything that Gantry asks of nftables, as one text that
// replaces the whole table at once. Nobody else writes to it, so whatever an earlier agent has left
// there is gone with the first change, and `nft delete table ip gantry` takes all of it away.
//
// What is in it: the way from containers to the agent's own endpoint at 169.254.170.2, what task
// addresses look like outside, and what the tasks' security groups let through.

#ifndef HOST_NFT_H
#define HOST_NFT_H

#include "host/groups.h"
#include "shape/shape.h"

struct buf;

#define NFT_ENDPOINT "169.254.170.2" // where containers find the agent

// A task with an address of its own. No groups: everything passes.
struct nft_task {
    struct str address;
    struct str_list groups;
};

struct nft_plan {
    // Task networks; all of it empty without them.
    struct str bridge;            // the interface behind which task addresses are; empty: not known
    struct str pool;              // the CIDR of those addresses; empty: not known
    struct str_list direct;       // CIDRs that are reached without masquerade, beside the pool
    bool block_instance_metadata; // of a cloud, at 169.254.169.254
    bool masquerade;              // what leaves for elsewhere bears the host's address
    const struct nft_task *tasks;
    size_t tasks_n;
    const struct groups *groups; // NULL: none; then no task has any

    // The agent's endpoint: what containers send to it is given to 127.0.0.1 and this port.
    int32_t endpoint_port;          // 0: there is none
    struct str_list endpoint_links; // interfaces that containers are behind, beside `bridge`
    bool endpoint_of_host;          // processes of the host (containers in its network), too
    bool loopback_open; // the rest of the host's loopback is not closed to those interfaces
};

// Appends the commands, for `nft -f -`.
void nft_write(struct buf *out, const struct nft_plan *plan);
// Appends the command that removes the table, there or not.
void nft_write_end(struct buf *out);

#endif
