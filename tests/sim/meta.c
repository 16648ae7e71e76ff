// In the place of agent/meta.c: simulated agents serve no containers (their ports are 0), so
// nothing of it is ever called, and what it stands on is not linked.

#include "agent/meta.h"

#include "base/assert.h"

struct meta *meta_open(const struct meta_settings *settings, meta_ready_fn *ready, void *user)
{
    (void)settings;
    (void)ready;
    (void)user;
    UNREACHABLE();
}

void meta_close(struct meta *meta)
{
    ASSERT(meta == NULL);
}

void meta_begin(struct meta *meta, struct drive *drive, struct str container_instance,
                struct str zone)
{
    (void)meta;
    (void)drive;
    (void)container_instance;
    (void)zone;
    UNREACHABLE();
}

void meta_set_meter(struct meta *meta, const struct meter *meter)
{
    (void)meta;
    (void)meter;
    UNREACHABLE();
}

bool meta_leave(struct meta *meta, void (*done)(void *user), void *user)
{
    (void)meta;
    (void)done;
    (void)user;
    UNREACHABLE();
}

void meta_creating(struct meta *meta, const struct host_call *call)
{
    (void)meta;
    (void)call;
    UNREACHABLE();
}

void meta_stepped(struct meta *meta)
{
    (void)meta;
    UNREACHABLE();
}

void meta_runtime_up(struct meta *meta)
{
    (void)meta;
    UNREACHABLE();
}
