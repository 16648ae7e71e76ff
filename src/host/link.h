// Network interfaces of the host, as far as no tool does it better.

#ifndef HOST_LINK_H
#define HOST_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

// The bridge no longer passes frames between this port and others that are isolated. A fault: there
// is no such interface, or it is no bridge's port.
int link_isolate(struct str name) MUST_CHECK;

// What has gone through all interfaces but loopback where this process is. False: it is gone.
struct docker_network_stats;
bool link_count(int32_t pid, struct docker_network_stats *out);
// The same from the text of its net/dev.
void link_count_text(struct str text, struct docker_network_stats *out);

#endif
