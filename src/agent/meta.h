// What the agent offers to containers, as a whole: the local servers, the way to them from
// 169.254.170.2, faults, metadata files. What a host cannot give is left out, said
// once in the log, and not advertised.

#ifndef AGENT_META_H
#define AGENT_META_H

#include "agent/api.h"
#include "agent/drive.h"

struct loop;
struct meta;
struct meta_keys;
struct meter;
struct rules;

struct meta_settings {
    struct loop *loop;
    struct api *api;                   // outlives it, like the next two
    const struct agent_config *config; //
    const struct meta_keys *keys;      // of roles; likewise
    struct rules *rules;               // NULL: packets cannot be redirected on this host
    struct str bridge;                 // the interface of the default bridge; empty: there is none
};

struct meta_found {
    bool endpoints; // containers reach the server
    bool faults;    // and may have faults made
};

// Called once, later, when it is known what can be offered.
typedef void meta_ready_fn(void *user, struct meta_found found);

struct meta *meta_open(const struct meta_settings *settings, meta_ready_fn *ready, void *user);
void meta_close(struct meta *meta); // NULL is fine

// The engine is driven from here on, and the instance is registered.
void meta_begin(struct meta *meta, struct drive *drive, struct str container_instance,
                struct str zone);
void meta_set_meter(struct meta *meta, const struct meter *meter); // NULL: none any more

// The agent ends in good order: the redirect is taken back, then `done` is called, later. False:
// there is nothing to take back, and `done` is not called.
bool meta_leave(struct meta *meta, void (*done)(void *user), void *user);

// What the drive has to tell (drive_config).
void meta_creating(struct meta *meta, const struct host_call *call);
void meta_stepped(struct meta *meta);
void meta_runtime_up(struct meta *meta);

#endif
