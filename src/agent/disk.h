// Watches the room on the host's disks: where the engine keeps its images and containers, and where
// the agent keeps its own records. Every ten seconds; below the reserve it is low, and it is low
// until there is a tenth more than the reserve, so that it does not flap.

#ifndef AGENT_DISK_H
#define AGENT_DISK_H

#include "base/arena.h"
#include "base/str.h"

struct disk;
struct loop;

struct disk_config {
    struct loop *loop;
    const char *engine_dir; // NULL: unknown, or not on this machine
    const char *data_dir;   // NULL: none
    int32_t reserve;        // percent of a file system
    void (*changed)(void *user, bool is_low);
    void *user;
};

struct disk *disk_new(const struct disk_config *config); // paths live as long; looks at once
void disk_free(struct disk *disk);                       // NULL is fine

bool disk_is_low(const struct disk *disk); // NULL: no
// One sentence for people, in the arena; empty while there is room.
struct str disk_reason(const struct disk *disk, struct arena *arena);

#endif
