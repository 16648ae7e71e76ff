// Whether a container engine can limit what a container writes into its own layer.

#ifndef HOST_QUOTA_H
#define HOST_QUOTA_H

#include <stdbool.h>

#include "base/str.h"

// `driver` is the engine's storage driver, `folder` where it keeps the layers, `mounts` the text of
// /proc/self/mountinfo. Btrfs and ZFS can; overlay2 can on an XFS with project quotas (`pquota`).
bool quota_is_possible(struct str driver, struct str folder, struct str mounts);

// The same of this machine as it is.
bool quota_here(struct str driver, struct str folder);

#endif
