// The control group of a task as a whole, as folders below /sys/fs/cgroup: cgroup v2, or v1 with a
// hierarchy for each controller (hybrid systems are v1 here: that is where their controllers are).
// Source: ecs-behaviour-agent 1.6.
//
// On a machine whose containers are put into groups by systemd, systemd owns these folders and
// would undo what is written into them; there its own tool is asked instead (cgroup_systemd_*).

#ifndef HOST_CGROUP_H
#define HOST_CGROUP_H

#include <stdbool.h>

#include "api/host.h"
#include "base/error.h"
#include "base/str.h"

struct arena;

enum cgroup_version { CGROUP_NONE, CGROUP_V1, CGROUP_V2 };

// What stands at `root` ("/sys/fs/cgroup").
enum cgroup_version cgroup_version(const char *root);

// Whether groups of tasks can be made there; a fault says why not.
int cgroup_probe(const char *root) MUST_CHECK;

// The group "/ecs/<task>" with these limits, made or brought up to them. A fault when it cannot be:
// *out_what is then the path, in the arena.
int cgroup_make(const char *root, struct str task, const struct host_cgroup_limits *limits,
                struct arena *arena, struct str *out_what) MUST_CHECK;

// Removes it in every hierarchy, and what containers left of theirs in it. One that is not there is
// fine; -EBUSY when something ran in it, which is killed, so that a later call succeeds.
int cgroup_remove(const char *root, struct str task, struct arena *arena,
                  struct str *out_what) MUST_CHECK;

// What systemd is asked to do, as arguments of its systemctl; NULL-terminated, in the arena. Making
// takes two commands, removing two, of which the second must be called whatever the first says.
enum { CGROUP_SYSTEMD_STEPS = 2 };
const char *const *cgroup_systemd_make(struct arena *arena, int step, struct str task,
                                       const struct host_cgroup_limits *limits);
const char *const *cgroup_systemd_remove(struct arena *arena, int step, struct str task);

#endif
