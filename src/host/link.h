// Network interfaces of the host, as far as no tool does it better.

#ifndef HOST_LINK_H
#define HOST_LINK_H

#include "base/error.h"
#include "base/str.h"

// The bridge no longer passes frames between this port and others that are isolated. A fault: there
// is no such interface, or it is no bridge's port.
int link_isolate(struct str name) MUST_CHECK;

#endif
