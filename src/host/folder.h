// Folders of our own, with all that is in them.

#ifndef HOST_FOLDER_H
#define HOST_FOLDER_H

#include "base/error.h"

// Removes the folder and everything below it; never follows a symbolic link. Missing is fine.
int folder_remove(const char *path) MUST_CHECK;

#endif
