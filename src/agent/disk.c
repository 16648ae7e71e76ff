// See disk.h. A path that is not there is passed over: an engine may keep its files where this
// process cannot see them.

#include "agent/disk.h"

#include "base/log.h"
#include "base/mem.h"
#include "io/loop.h"
#include "io/space.h"

enum { LOOK_MS = 10 * 1000 };

struct disk {
    struct disk_config config;
    struct loop_timer look;
    const char *path; // of the fuller one
    double percent;   // of it that is free
    bool is_low;
};

// The fuller one of the two; false: neither can be seen.
static bool measure(struct disk *disk)
{
    const char *const paths[] = {disk->config.engine_dir, disk->config.data_dir};
    bool any = false;

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        int64_t left;
        int64_t total;
        double percent;

        if (paths[i] == NULL || space_free(paths[i], &left, &total) != 0 || total <= 0)
            continue;
        percent = (double)left * 100 / (double)total;
        if (any && percent >= disk->percent)
            continue;
        any = true;
        disk->path = paths[i];
        disk->percent = percent;
    }
    return any;
}

static void tell(struct disk *disk)
{
    const struct log_field path = LOG_CSTR("path", disk->path);
    const struct log_field left = LOG_INT("free_percent", (int64_t)disk->percent);
    const struct log_field reserve = LOG_INT("reserve_percent", disk->config.reserve);

    if (disk->is_low)
        LOG_WARN("agent.disk_low", path, left, reserve,
                 LOG_CSTR("effect", "unused images are removed now"));
    else
        LOG_INFO("agent.disk_again", path, left, reserve);
}

static void look(void *user)
{
    struct disk *disk = user;
    double reserve = disk->config.reserve;
    bool is_low;

    loop_timer_start(&disk->look, LOOK_MS);
    if (!measure(disk))
        return;
    is_low = disk->percent < (disk->is_low ? reserve * 1.1 : reserve);
    if (is_low == disk->is_low)
        return;
    disk->is_low = is_low;
    tell(disk);
    disk->config.changed(disk->config.user, is_low);
}

struct disk *disk_new(const struct disk_config *config)
{
    struct disk *disk = mem_zalloc(sizeof *disk);

    disk->config = *config;
    loop_timer_init(&disk->look, config->loop, look, disk);
    loop_timer_start(&disk->look, 0);
    return disk;
}

void disk_free(struct disk *disk)
{
    if (disk == NULL)
        return;
    loop_timer_stop(&disk->look);
    mem_free(disk);
}

bool disk_is_low(const struct disk *disk)
{
    return disk != NULL && disk->is_low;
}

struct str disk_reason(const struct disk *disk, struct arena *arena)
{
    if (!disk_is_low(disk))
        return STR_NONE;
    return str_fmt(arena, "The disk of %s is nearly full: %.1f%% are free.", disk->path,
                   disk->percent);
}
