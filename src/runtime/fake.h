// A container runtime that exists in memory only, with a clock that stands still until it is moved:
// for the engine's tests and for simulations.
//
// A fake is the world (images, containers, volumes); a connection to it is a struct runtime like
// any driver's. Closing the connection is what an agent's death is: calls under way are still
// carried out, but nobody hears the answer. The world is scripted by image: how long a container
// runs, how it ends, whether it heeds SIGTERM. Everything lives until fake_free.
//
//     struct fake *fake = fake_new(seed);
//     fake_image(fake, "app:1")->run_ms = 500;
//     struct runtime *runtime = fake_connect(fake, post, user);
//     runtime->driver->call(runtime, &call);
//     while (fake_next(fake) <= until) fake_run(fake, fake_next(fake));

#ifndef RUNTIME_FAKE_H
#define RUNTIME_FAKE_H

#include "base/timefmt.h"
#include "runtime/runtime.h"

struct fake;

struct fake *fake_new(uint64_t seed);
void fake_free(struct fake *fake);

struct runtime *fake_connect(struct fake *fake, runtime_post_fn *post, void *user);
extern const struct runtime_driver runtime_fake; // what a connection's `driver` is

// ---- time

time_ms fake_next(const struct fake *fake);        // of the next thing to happen; INT64_MAX: none
void fake_run(struct fake *fake, time_ms now);     // lets everything up to `now` happen
void fake_set_now(struct fake *fake, time_ms now); // moves the clock; nothing happens
// How far the host's wall clock is ahead of `now`: what deadlines are given in, and what is told of
// containers. At first 0.
void fake_set_wall(struct fake *fake, int64_t ahead_ms);
void fake_set_machine(struct fake *fake, int64_t cpus, int64_t memory_mib); // 4, 8192

// ---- the script

struct fake_image {
    struct str name;
    struct str id;
    struct str digest;          // "sha256:..."; what a registry resolves the name to
    bool local;                 // on this host
    bool remote;                // in the registry; the default
    bool sets_region;           // AWS_REGION is in the image's environment
    int64_t pull_ms;            // how long a pull takes
    int64_t create_ms;          // likewise the making of a container
    int64_t run_ms;             // how long a container runs; < 0: until it is stopped
    int32_t exit_code;          // when it ends by itself
    int32_t term_code;          // when it heeds SIGTERM (143)
    bool ignores_term;          // is killed after stopTimeout: 137
    bool oom;                   // ends by the kernel's hand: 137 and OOMKilled
    struct str start_error;     // starting fails with this
    int64_t healthy_after_ms;   // < 0: never; counted from the start
    int64_t unhealthy_after_ms; // < 0: never
    int64_t flap_ms;            // healthy and unhealthy in turns, for so long each; 0: not
};

// The image of that name (as the container asks for it), made when it is new: remote, runs for
// ever.
struct fake_image *fake_image(struct fake *fake, const char *name);

enum fake_fault {
    FAKE_FAULT_FAIL,   // not done, answered with the error
    FAKE_FAULT_HANG,   // not done, never answered before its deadline
    FAKE_FAULT_LOST,   // done, but answered with the error (unreachable, when by chance)
    FAKE_FAULT_SILENT, // done, and no answer before its deadline
    FAKE_FAULT_LIE,    // not done, but answered as if: start, stop and kill only, else as FAIL
};

// The next `times` calls of this kind fail so.
void fake_fail(struct fake *fake, enum host_call_kind kind, int times, enum fake_fault fault,
               enum host_error_class class, const char *text);

// Any call fails by chance, in one of `one_in` (0: never), in any of the ways above.
void fake_set_chaos(struct fake *fake, uint32_t one_in);

// One in `one_in` events of containers is never told (0: none), as many are told twice.
void fake_set_deaf(struct fake *fake, uint32_t one_in);

void fake_forgive(struct fake *fake); // nothing of the above is left

// ---- what happens to it

void fake_restart(struct fake *fake);   // the engine: its containers die, its connections break
void fake_end_agent(struct fake *fake); // what the host itself was to do is not done any more
void fake_set_down(struct fake *fake, bool is_down); // it goes away, as by fake_restart, or is back
// It does nothing and says nothing until it goes on; then it does what it was asked meanwhile, also
// what nobody waits for any more.
void fake_set_hung(struct fake *fake, bool is_hung);
void fake_vanish(struct fake *fake, struct str id);
void fake_exit(struct fake *fake, struct str id, int32_t code);
void fake_start(struct fake *fake, struct str id); // by another hand, when it has ended
void fake_heal(struct fake *fake);                 // every container that runs is found healthy

// ---- looking

struct fake_container {
    struct str id;
    struct str name;
    struct str task_arn;  // from the labels
    struct str container; // likewise
    struct fake_image *image;
    const struct docker_config *config;
    const struct docker_host_config *host;
    bool removed;
    bool running;
    bool oom_killed;
    int32_t exit_code;
    time_ms created_at, started_at, finished_at; // 0: not yet
    time_ms term_at;                             // when it was asked to stop
    int32_t starts;
    struct str health;
};

size_t fake_containers(const struct fake *fake); // ever made, removed ones too
const struct fake_container *fake_container_at(const struct fake *fake, size_t index);
const struct fake_container *fake_find(const struct fake *fake, struct str container); // newest
bool fake_has_volume(const struct fake *fake, struct str name);
void fake_add_volume(struct fake *fake, const char *name);
size_t fake_volumes(const struct fake *fake);
// How the newest volume whose name begins so was asked for; NULL: there is none.
const struct docker_volume_create *fake_volume_made(const struct fake *fake, struct str head);
size_t fake_volumes_named(const struct fake *fake, struct str head); // whose names begin so
size_t fake_networks(const struct fake *fake);      // of tasks, set up and not taken down
struct str fake_last_user(const struct fake *fake); // whose credentials the last pull brought
uint64_t fake_starts(const struct fake *fake);      // of containers, ever
int fake_calls(const struct fake *fake, enum host_call_kind kind); // how many were made

#endif
