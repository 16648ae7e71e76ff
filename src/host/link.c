// See link.h. One message to the kernel's routing socket and its answer; sysfs has the same
// setting, but shows the interfaces of the network namespace it was mounted in, which need not be
// ours.

#include "host/link.h"

#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "api/docker.h"
#include "base/buf.h"
#include "io/file.h"

struct request {
    struct nlmsghdr head;
    struct ifinfomsg link;
    struct nlattr port;
    struct nlattr isolated;
    uint8_t value;
    uint8_t padding[3];
};

struct answer {
    struct nlmsghdr head;
    struct nlmsgerr error;
};

static int exchange(int fd, const struct request *request)
{
    struct answer answer = {0};

    if (send(fd, request, request->head.nlmsg_len, 0) < 0)
        return -errno;
    if (recv(fd, &answer, sizeof answer, 0) < (ssize_t)sizeof answer)
        return -EPROTO;
    return answer.head.nlmsg_type == NLMSG_ERROR ? answer.error.error : -EPROTO;
}

int link_isolate(struct str name)
{
    struct request request = {
        .head = {.nlmsg_len = sizeof request,
                 .nlmsg_type = RTM_SETLINK,
                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
        .link = {.ifi_family = AF_BRIDGE},
        .port = {.nla_len = 2 * sizeof(struct nlattr) + sizeof request.value,
                 .nla_type = IFLA_PROTINFO | NLA_F_NESTED},
        .isolated = {.nla_len = sizeof(struct nlattr) + sizeof request.value,
                     .nla_type = IFLA_BRPORT_ISOLATED},
        .value = 1,
    };
    char text[IF_NAMESIZE] = {0};
    FD_AUTO int fd = -1;

    if (name.len >= sizeof text)
        return -ENODEV;
    memcpy(text, name.ptr, name.len);
    request.link.ifi_index = (int)if_nametoindex(text);
    if (request.link.ifi_index == 0)
        return -ENODEV;
    fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    return fd < 0 ? -errno : exchange(fd, &request);
}

// ---- counters

enum { COLUMNS_N = 16, DEV_MAX = 256 * 1024 };

static size_t read_columns(struct str line, int64_t columns[COLUMNS_N])
{
    size_t n = 0;

    for (struct str word; n < COLUMNS_N && (line = str_trim(line)).len > 0; n++) {
        (void)str_cut(line, ' ', &word, &line);
        if (!str_to_i64(str_trim(word), &columns[n]))
            return n;
    }
    return n;
}

// Two lines of headings, then "name: " and sixteen columns: received bytes, packets, errors,
// dropped, four more; sent likewise.
void link_count_text(struct str text, struct docker_network_stats *out)
{
    int64_t sum[COLUMNS_N] = {0};
    struct str line;
    struct str name;

    while (text.len > 0) {
        int64_t columns[COLUMNS_N];

        (void)str_cut(text, '\n', &line, &text);
        if (!str_cut(line, ':', &name, &line) || str_eq(str_trim(name), STR("lo")) ||
            read_columns(line, columns) < COLUMNS_N)
            continue;
        for (size_t i = 0; i < COLUMNS_N; i++)
            sum[i] += columns[i];
    }
    *out = (struct docker_network_stats){0};
    SET(out, rx_bytes, sum[0]);
    SET(out, rx_packets, sum[1]);
    SET(out, rx_errors, sum[2]);
    SET(out, rx_dropped, sum[3]);
    SET(out, tx_bytes, sum[8]);
    SET(out, tx_packets, sum[9]);
    SET(out, tx_errors, sum[10]);
    SET(out, tx_dropped, sum[11]);
}

bool link_count(int32_t pid, struct docker_network_stats *out)
{
    BUF_AUTO struct buf text = BUF_INIT;
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/net/dev", (int)pid);
    if (file_read(path, DEV_MAX, &text) != 0)
        return false;
    link_count_text(buf_str(&text), out);
    return true;
}
