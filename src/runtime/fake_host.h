// What a fake host has beside its container engine: the resources that were made for tasks, and
// what its secrets and files hold. See fake.h.

#ifndef RUNTIME_FAKE_HOST_H
#define RUNTIME_FAKE_HOST_H

#include "api/host.h"
#include "base/arena.h"
#include "base/str.h"

struct fake;

struct fake_resource {
    struct fake_resource *next; // the one made before
    enum host_resource_kind kind;
    struct str task;
    const struct host_resource *made; // as it was asked for the last time
};

struct fake_host {
    struct arena *arena;
    struct fake_resource *resources; // those that are there, the newest first
    struct fake_content *contents;
};

struct fake_host *fake_host(struct fake *fake);

// What the name (a valueFrom, a file's ARN) holds. Any that has not been set holds
// "held by <name>", a login "user:held by <name>", a file "FILE=held by <name>".
#define FAKE_HOST_HELD "held by "
void fake_host_set(struct fake_host *host, const char *name, const char *content);
void fake_host_lack(struct fake_host *host, const char *name); // nothing of that name: an error

size_t fake_host_left(const struct fake_host *host); // made and not removed
// NULL: none of that kind is there.
const struct fake_resource *fake_host_find(struct fake_host *host, enum host_resource_kind kind,
                                           struct str task);

// Carries out a make-resource or remove-resource call. Returns why not; empty: done.
struct str fake_host_do(struct fake_host *host, const struct host_call *call,
                        struct host_result *result);

#endif
