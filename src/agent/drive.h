// The engine, driven: its inputs gathered, its outputs carried out, in the order that makes a kill
// at any moment harmless: records first, durably, then everything else of the step.

#ifndef AGENT_DRIVE_H
#define AGENT_DRIVE_H

#include "agent/api.h"
#include "engine/engine.h"
#include "runtime/runtime.h"
#include "store/store.h"

struct drive;
struct hostnet;
struct loop;

struct drive_config {
    struct loop *loop;
    struct api *api;
    struct store *store; // open; with its records loaded into `records`
    const struct engine_record *records;
    size_t records_n;
    const struct engine_settings *settings;
    const struct runtime_driver *driver;
    struct str socket;
    struct hostnet *hostnet; // NULL: networks of tasks are the runtime's driver's business
    // Opens who answers what is asked of the host itself (make-resource, remove-resource). NULL:
    // the runtime's driver answers that too, as a fake one does.
    int (*open_host)(void *user, const struct runtime_config *config, struct runtime **out);
    void (*message)(void *user, enum acs_message kind, const void *value); // to the server
    void (*broken)(void *user, struct str why); // the store failed for good: the agent must end
    void *user;
};

// Starts: the engine is given its records, the runtime's events are listened to.
struct drive *drive_new(const struct drive_config *config);
void drive_free(struct drive *drive); // containers are left alone; NULL is fine

// From the server's connection.
void drive_message(struct drive *drive, enum acs_message kind, const void *value);

// Room on the host's disk got scarce, or is there again.
void drive_disk(struct drive *drive, bool is_low);

struct engine *drive_engine(struct drive *drive);
// Its event stream is open, and it answered the last ping (one goes out with each heartbeat).
bool drive_runtime_is_up(const struct drive *drive);
// Whether networks of tasks are made on this very host, where they can be looked into.
bool drive_makes_networks(const struct drive *drive);

// A stats stream of a container; `fn` gets each sample. Ends by drive_stats_stop or with the
// container.
typedef void drive_stats_fn(void *user,
                            const struct docker_stats *stats); // NULL: the stream has ended
int64_t drive_stats_start(struct drive *drive, struct str container, drive_stats_fn *fn,
                          void *user);
void drive_stats_stop(struct drive *drive, int64_t token);

#endif
