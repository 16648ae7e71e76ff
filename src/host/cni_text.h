// The texts that go to plugins and come from them; private to this room.

#ifndef HOST_CNI_TEXT_H
#define HOST_CNI_TEXT_H

#include "host/cni.h"

enum { CNI_CHAIN_MAX = 16 };

struct cni_chain_link {
    struct str type;
    struct str text; // the plugin's object in the list
};

// A network configuration list, taken apart.
struct cni_chain {
    struct str text; // all of it
    struct str version;
    struct str name;
    struct cni_chain_link links[CNI_CHAIN_MAX];
    size_t n;
};

// False when it is no list, with why. All in the arena.
bool cni_chain_read(struct arena *arena, struct str text, struct cni_chain *out,
                    struct str *out_why);

// What a plugin reads: its own part, the list's name and version, what the one before gave (empty:
// nothing).
struct str cni_chain_input(struct arena *arena, const struct cni_chain *chain, size_t index,
                           struct str before);

// What a plugin says that failed: its own sentence, else what it wrote elsewhere.
struct str cni_chain_failure(struct arena *arena, struct str type, struct str out, struct str err);

// What the last plugin gave. False when there is no IPv4 address in it.
bool cni_chain_result(struct arena *arena, struct str text, struct host_network *out,
                      struct str *out_host_end);

#endif
