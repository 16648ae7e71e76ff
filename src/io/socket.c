// See socket.h.

#include "io/socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/arena.h"
#include "io/file.h"

bool socket_split(struct str text, struct str *out_host, uint16_t *out_port)
{
    struct str host;
    struct str port_text;
    int64_t port;

    if (!str_cut_last(text, ':', &host, &port_text) || !str_to_i64(port_text, &port))
        return false;
    if (port < 0 || port > UINT16_MAX || host.len == 0 || port_text.ptr[0] == '-')
        return false;
    if (host.ptr[0] == '[') {
        if (host.len < 3 || host.ptr[host.len - 1] != ']')
            return false;
        host = str_take(str_from(host, 1), host.len - 2);
    } else if (str_has_char(host, ':')) {
        return false; // an IPv6 address needs its brackets
    }
    *out_host = host;
    *out_port = (uint16_t)port;
    return true;
}

bool socket_address_ip(struct str host, uint16_t port, struct socket_address *out)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    char text[INET6_ADDRSTRLEN];

    if (str_eq_nocase(host, STR("localhost")))
        host = STR("127.0.0.1");
    if (host.len == 0 || host.len >= sizeof text || memchr(host.ptr, 0, host.len) != NULL)
        return false;
    memcpy(text, host.ptr, host.len);
    text[host.len] = '\0';
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
        *out = (struct socket_address){.len = sizeof v4};
        memcpy(&out->storage, &v4, sizeof v4);
        return true;
    }
    if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1) {
        *out = (struct socket_address){.len = sizeof v6};
        memcpy(&out->storage, &v6, sizeof v6);
        return true;
    }
    return false;
}

bool socket_address_unix(struct str path, struct socket_address *out)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};

    if (path.len == 0 || path.len >= sizeof un.sun_path || memchr(path.ptr, 0, path.len) != NULL)
        return false;
    memcpy(un.sun_path, path.ptr, path.len);
    *out = (struct socket_address){.len = sizeof un};
    memcpy(&out->storage, &un, sizeof un);
    return true;
}

bool socket_address_is_loopback(const struct socket_address *address)
{
    if (address->storage.ss_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, &address->storage, sizeof v4);
        return ntohl(v4.sin_addr.s_addr) >> 24 == 127;
    }
    if (address->storage.ss_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, &address->storage, sizeof v6);
        if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr))
            return v6.sin6_addr.s6_addr[12] == 127;
        return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
    }
    return address->storage.ss_family == AF_UNIX;
}

uint16_t socket_address_port(const struct socket_address *address)
{
    struct sockaddr_in v4; // sin_port and sin6_port stand at the same place
    _Static_assert(offsetof(struct sockaddr_in, sin_port) ==
                       offsetof(struct sockaddr_in6, sin6_port),
                   "ports must coincide");

    if (address->storage.ss_family != AF_INET && address->storage.ss_family != AF_INET6)
        return 0;
    memcpy(&v4, &address->storage, sizeof v4);
    return ntohs(v4.sin_port);
}

static struct str unix_text(struct arena *arena, const struct socket_address *address)
{
    struct sockaddr_un un;
    size_t room = offsetof(struct sockaddr_un, sun_path);

    memcpy(&un, &address->storage, sizeof un);
    if (address->len <= room || un.sun_path[0] == '\0')
        return STR("unix:");
    return str_fmt(arena, "unix:%.*s", (int)strnlen(un.sun_path, sizeof un.sun_path), un.sun_path);
}

struct str socket_address_text(struct arena *arena, const struct socket_address *address)
{
    char host[INET6_ADDRSTRLEN] = "";

    if (address->storage.ss_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, &address->storage, sizeof v4);
        inet_ntop(AF_INET, &v4.sin_addr, host, sizeof host);
        return str_fmt(arena, "%s:%u", host, socket_address_port(address));
    }
    if (address->storage.ss_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, &address->storage, sizeof v6);
        inet_ntop(AF_INET6, &v6.sin6_addr, host, sizeof host);
        return str_fmt(arena, "[%s]:%u", host, socket_address_port(address));
    }
    if (address->storage.ss_family == AF_UNIX)
        return unix_text(arena, address);
    return STR("unknown");
}

static int make_socket(const struct socket_address *address, int *out_fd)
{
    int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -errno;
    *out_fd = fd;
    return 0;
}

static void no_delay(int fd, int family)
{
    int one = 1;

    if (family == AF_INET || family == AF_INET6)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

// A unix socket's file outlives its process. It may go when nobody answers behind it.
static int clear_stale_unix(const struct socket_address *address)
{
    struct sockaddr_un un;
    struct stat info;
    FD_AUTO int fd = -1;

    memcpy(&un, &address->storage, sizeof un);
    if (lstat(un.sun_path, &info) != 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(info.st_mode))
        return -EADDRINUSE;
    TRY(make_socket(address, &fd));
    if (connect(fd, (const struct sockaddr *)&address->storage, address->len) == 0 ||
        errno == EAGAIN)
        return -EADDRINUSE;
    return errno == ECONNREFUSED ? file_remove(un.sun_path) : -errno;
}

static int bind_address(int fd, const struct socket_address *address)
{
    const struct sockaddr *name = (const struct sockaddr *)&address->storage;
    bool is_unix = address->storage.ss_family == AF_UNIX;
    mode_t mask;
    int result;

    if (!is_unix)
        return bind(fd, name, address->len) == 0 ? 0 : -errno;
    mask = umask(0177); // the only way to make the file closed to others from its first moment
    result = bind(fd, name, address->len) == 0 ? 0 : -errno;
    umask(mask);
    return result;
}

int socket_listen(const struct socket_address *address, int backlog, int *out_fd)
{
    FD_AUTO int fd = -1;
    int family = address->storage.ss_family;
    int one = 1;
    int result;

    result = family == AF_UNIX ? clear_stale_unix(address) : 0;
    if (result == 0)
        result = make_socket(address, &fd);
    if (result != 0)
        return result;
    if (family != AF_UNIX && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0)
        return -errno;
    if (family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one) != 0)
        return -errno;
    no_delay(fd, family); // inherited by what is accepted
    result = bind_address(fd, address);
    if (result != 0)
        return result;
    if (listen(fd, backlog) != 0)
        return -errno;
    *out_fd = fd;
    fd = -1;
    return 0;
}

int socket_local(int fd, struct socket_address *out)
{
    *out = (struct socket_address){.len = sizeof out->storage};
    return getsockname(fd, (struct sockaddr *)&out->storage, &out->len) == 0 ? 0 : -errno;
}

int socket_accept(int listen_fd, int *out_fd, struct socket_address *out_peer)
{
    struct socket_address peer = {.len = sizeof peer.storage};
    int fd;

    do
        fd = accept4(listen_fd, (struct sockaddr *)&peer.storage, &peer.len,
                     SOCK_NONBLOCK | SOCK_CLOEXEC);
    while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
    if (fd < 0)
        return -errno;
    *out_fd = fd;
    *out_peer = peer;
    return 0;
}

int socket_connect(const struct socket_address *address, int *out_fd)
{
    FD_AUTO int fd = -1;

    TRY(make_socket(address, &fd));
    no_delay(fd, address->storage.ss_family);
    if (connect(fd, (const struct sockaddr *)&address->storage, address->len) != 0 &&
        errno != EINPROGRESS && errno != EINTR)
        return -errno;
    *out_fd = fd;
    fd = -1;
    return 0;
}

int socket_error(int fd)
{
    int error = 0;
    socklen_t len = sizeof error;

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
        return -errno;
    return -error;
}

int socket_pair(int out_fds[2])
{
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, out_fds) == 0
               ? 0
               : -errno;
}

// On IPv6 first, which with both families on covers IPv4 too; hosts without IPv6 fall back.
bool socket_port_is_free(bool udp, uint16_t port)
{
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port)};
    int type = (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC;
    int fd = socket(AF_INET6, type, 0);
    bool both = fd >= 0;
    int off = 0;
    bool is_free;

    if (!both)
        fd = socket(AF_INET, type, 0);
    if (fd < 0)
        return false;
    if (both)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    is_free = bind(fd, both ? (struct sockaddr *)&six : (struct sockaddr *)&four,
                   both ? sizeof six : sizeof four) == 0;
    if (is_free && !udp)
        is_free = listen(fd, 1) == 0;
    fd_close(&fd);
    return is_free;
}
