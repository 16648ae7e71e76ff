// See quota.h. The engine does not say whether it can: of its storage driver it tells the file
// system, but not whether that was mounted with quotas, and a limit that it cannot keep fails the
// container. So the kernel's list of mounts is asked.

#include "host/quota.h"

#include "base/buf.h"
#include "io/file.h"

enum { MOUNTS_LIMIT = 4 << 20 };

// One line: "36 35 98:0 /root /mount options [tags...] - type source super-options". The names have
// no spaces: the kernel writes them as \040.
struct mount_line {
    struct str point;
    struct str type;
    struct str options; // of the file system, not of the mount
};

static struct str word(struct str *rest)
{
    struct str first = *rest;
    struct str after = STR_NONE;

    (void)str_cut(*rest, ' ', &first, &after);
    *rest = after;
    return first;
}

static struct mount_line mount_read(struct str line)
{
    struct mount_line mount = {0};

    for (int i = 0; i < 4; i++)
        (void)word(&line);
    mount.point = word(&line);
    while (line.len > 0 && !str_eq(word(&line), STR("-")))
        continue;
    mount.type = word(&line);
    (void)word(&line);
    mount.options = line;
    return mount;
}

static bool is_below(struct str path, struct str folder)
{
    if (str_eq(folder, STR("/")) || str_eq(folder, path))
        return true;
    return folder.len > 0 && str_starts(path, folder) && path.ptr[folder.len] == '/';
}

// Of several at one place the last is the one that shows.
static struct mount_line mount_of(struct str path, struct str mounts)
{
    struct mount_line best = {0};
    struct str line;

    while (mounts.len > 0) {
        struct mount_line mount;
        struct str rest = STR_NONE;

        line = mounts;
        (void)str_cut(mounts, '\n', &line, &rest);
        mounts = rest;
        mount = mount_read(line);
        if (is_below(path, mount.point) && mount.point.len >= best.point.len)
            best = mount;
    }
    return best;
}

static bool has_option(struct str options, struct str name)
{
    while (options.len > 0) {
        struct str one = options;
        struct str rest = STR_NONE;

        (void)str_cut(options, ',', &one, &rest);
        if (str_eq(one, name))
            return true;
        options = rest;
    }
    return false;
}

bool quota_is_possible(struct str driver, struct str folder, struct str mounts)
{
    struct mount_line mount;

    if (str_eq(driver, STR("btrfs")) || str_eq(driver, STR("zfs")))
        return true;
    if (!str_eq(driver, STR("overlay2")) || folder.len == 0)
        return false;
    mount = mount_of(folder, mounts);
    return str_eq(mount.type, STR("xfs")) &&
           (has_option(mount.options, STR("prjquota")) || has_option(mount.options, STR("pquota")));
}

bool quota_here(struct str driver, struct str folder)
{
    BUF_AUTO struct buf mounts = BUF_INIT;

    if (file_read("/proc/self/mountinfo", MOUNTS_LIMIT, &mounts) != 0)
        return false;
    return quota_is_possible(driver, folder, buf_str(&mounts));
}
