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
#include <string.h>
#include <sys/socket.h>

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
