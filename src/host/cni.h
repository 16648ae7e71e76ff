// Interfaces of network namespaces, made and removed by CNI plugins (CNI 1.0): programs that are
// run one after the other, each with the list's part for it and what came of the one before.
//
// What may be on the host is noted in a file of the folder before the first plugin runs, and the
// note goes when all of it is removed. So after any crash cni_notes names everything that may be
// left.

#ifndef HOST_CNI_H
#define HOST_CNI_H

#include "api/host.h"
#include "base/error.h"
#include "base/str.h"

struct arena;
struct cni;
struct cni_call;
struct loop;

struct cni_config {
    struct loop *loop;
    const char *plugins; // folders of plugins, the first that has it counts; ':' between two
    const char *folder;  // of the notes; made when missing
    struct str list;     // a network configuration list, as JSON
};

// NULL, and why in *out_why (in the arena): no list, or a plugin is missing.
struct cni *cni_open(const struct cni_config *config, struct arena *arena, struct str *out_why);
void cni_close(struct cni *cni); // calls under way are given up; NULL is fine

// A list of one bridge, its hosts' addresses from a range and a default route to it. The subnet is
// a CIDR; leases are kept in `folder`.
struct str cni_bridge_list(struct arena *arena, struct str bridge, struct str subnet,
                           struct str gateway, struct str folder);

// `network`: of an addition that did well. `host_end`: the interface's end on the host, when it has
// one. Valid during the callback only.
struct cni_answer {
    bool did_well;
    struct str text; // why not
    struct host_network network;
    struct str host_end;
};
typedef void cni_fn(void *user, const struct cni_answer *answer);

// The namespace of the process at /proc/<pid>/ns/net. `id` names what is made: letters, digits,
// '.',
// '_' and '-'. A removal goes on past plugins that fail and is the better for a pid, but needs
// none.
struct cni_call *cni_add(struct cni *cni, struct str id, int32_t pid, int64_t patience_ms,
                         cni_fn *fn, void *user);
struct cni_call *cni_remove(struct cni *cni, struct str id, int32_t pid, int64_t patience_ms,
                            cni_fn *fn, void *user);
void cni_cancel(struct cni_call *call); // NULL is fine

bool cni_has_note(const struct cni *cni, struct str id);
// The ids of all notes, in the arena.
struct str_list cni_notes(const struct cni *cni, struct arena *arena);

#endif
