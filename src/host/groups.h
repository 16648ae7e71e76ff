// Security groups of the operator: a file with a section a group, rules in it a line each.
//
//     [sg-web]
//     ingress = tcp 80 0.0.0.0/0
//     ingress = tcp 8000-8100 sg-proxy
//     ingress = icmp 10.0.0.0/8
//     egress = all 0.0.0.0/0
//
// A group without an egress line lets everything out. What no rule of any of a task's groups lets
// through is dropped; answers to what was let through always pass.

#ifndef HOST_GROUPS_H
#define HOST_GROUPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

struct arena;

enum group_protocol { GROUP_ALL, GROUP_TCP, GROUP_UDP, GROUP_ICMP };

struct group_rule {
    enum group_protocol protocol;
    int32_t port_first; // of TCP and UDP
    int32_t port_last;
    struct str cidr;  // the other side: addresses, ...
    struct str group; // ... or the tasks of a group that run on this host
};

struct group_rules {
    struct group_rule *at;
    size_t n, cap;
};

struct group {
    struct str id;
    struct group_rules ingress;
    struct group_rules egress;
};

struct groups {
    struct group *at;
    size_t n;
};

enum groups_outcome { GROUPS_E_BAD = 1 };

// Everything lives in `arena`. *out_detail is "line N: ..." then.
int groups_parse(struct str text, struct arena *arena, struct groups *out,
                 struct str *out_detail) MUST_CHECK;
// The same from a file; also when it cannot be read.
int groups_read(const char *path, struct arena *arena, struct groups *out,
                struct str *out_detail) MUST_CHECK;

const struct group *groups_find(const struct groups *groups, struct str id); // NULL: none

// "10.1.0.0/16": an IPv4 network whose host bits are zero. Its two parts, when wanted.
bool cidr_is_one(struct str text);

#endif
