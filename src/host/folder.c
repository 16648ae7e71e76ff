// See folder.h. The walk is nftw's: it goes by descriptors of folders, stays on one file system and
// has a bound of its own on descriptors held.

#include "host/folder.h"

#include <ftw.h>
#include <stdio.h>

enum { DESCRIPTORS = 16 };

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path) == 0 || errno == ENOENT ? 0 : -errno;
}

int folder_remove(const char *path)
{
    int rc = nftw(path, remove_one, DESCRIPTORS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);

    if (rc == -1)
        return errno == ENOENT ? 0 : -errno;
    return rc;
}
