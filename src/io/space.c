// See space.h.

#include "io/space.h"

#include <errno.h>
#include <sys/statvfs.h>

int space_free(const char *path, int64_t *out_free, int64_t *out_total)
{
    struct statvfs vfs;

    if (statvfs(path, &vfs) != 0)
        return -errno;
    *out_free = (int64_t)vfs.f_bavail * (int64_t)vfs.f_frsize;
    *out_total = (int64_t)vfs.f_blocks * (int64_t)vfs.f_frsize;
    return 0;
}
