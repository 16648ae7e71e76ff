// Stream sockets: listen, connect, accept. Every descriptor is non-blocking and close-on-exec, TCP
// ones have Nagle's delay off. Nothing here asks a name server; see io/resolve.h.

#ifndef IO_SOCKET_H
#define IO_SOCKET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/str.h"

struct arena;

struct socket_address {
    struct sockaddr_storage storage;
    socklen_t len; // 0: none
};

// Room for the text of any address.
enum { SOCKET_TEXT_MAX = 128 };

// "HOST:PORT" or "[HOST]:PORT" into its two parts. Does not check the host beyond being there; an
// empty one ("":7420) is false.
bool socket_split(struct str text, struct str *out_host, uint16_t *out_port);

// A numeric address or "localhost" (127.0.0.1). False for any other name.
bool socket_address_ip(struct str host, uint16_t port, struct socket_address *out);
bool socket_address_unix(struct str path, struct socket_address *out); // false: path too long
bool socket_address_is_loopback(const struct socket_address *address); // unix sockets are
uint16_t socket_address_port(const struct socket_address *address);

// "127.0.0.1:80", "[::1]:80", "unix:/path" ("unix:" for an unnamed peer). Lives in `arena`.
struct str socket_address_text(struct arena *arena, const struct socket_address *address);

// A listening descriptor. A unix path left behind by a dead process is replaced, one that answers
// is -EADDRINUSE; a unix socket is made with mode 0600. Port 0 takes a free one (see local).
int socket_listen(const struct socket_address *address, int backlog, int *out_fd) MUST_CHECK;
int socket_local(int fd, struct socket_address *out) MUST_CHECK;

// The next connection; -EAGAIN when none is waiting, other faults as accept4(2) gives them.
int socket_accept(int listen_fd, int *out_fd, struct socket_address *out_peer) MUST_CHECK;

// Starts connecting; the descriptor turns writable when it is decided. Then socket_error tells: 0,
// or a fault such as -ECONNREFUSED.
int socket_connect(const struct socket_address *address, int *out_fd) MUST_CHECK;
int socket_error(int fd) MUST_CHECK;

// Whether the port can be bound on all addresses at this moment: tried and given back.
bool socket_port_is_free(bool udp, uint16_t port);

// Two connected ends, for tests and for threads.
int socket_pair(int out_fds[2]) MUST_CHECK;

#endif
