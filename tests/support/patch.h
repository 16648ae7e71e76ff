// Task definitions for tests, made by merging JSON into a small good one (RFC 7386: a member
// replaces, null removes, objects merge).

#ifndef TESTS_SUPPORT_PATCH_H
#define TESTS_SUPPORT_PATCH_H

#include "tests/support/world.h"

// JSON in C source without escapes: J({"name": "app"}).
#define J(...) #__VA_ARGS__

// {"family": "f", "containerDefinitions": [app, side]} where app is a busybox of 64 MiB. `app`
// patches that container, `side` adds a second one (patching one like the first), `task` patches
// the whole. Each may be NULL. The text lives as long as the world.
const char *patched_definition(struct world *w, const char *app, const char *side,
                               const char *task);

// `patch` merged into `base`. Lives as long as the world.
const char *patched_json(struct world *w, const char *base, const char *patch);

#endif
