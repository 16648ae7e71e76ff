// Files and folders. Paths are NUL-terminated because system calls want them so. Results are faults
// (negated errno), so that a caller can name the reason to a user.

#ifndef IO_FILE_H
#define IO_FILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/str.h"

struct arena;
struct buf;

// Closes a descriptor and sets it to -1; the type's cleanup attribute.
#define FD_AUTO __attribute__((cleanup(fd_cleanup)))
void fd_close(int *fd); // < 0: nothing
void fd_cleanup(int *fd);

// Appends the whole file to `out`; -EFBIG when it is longer than `limit` bytes (nothing is added).
int file_read(const char *path, size_t limit, struct buf *out) MUST_CHECK;

// Replaces the file: a reader sees the old or the new bytes, also after a power cut. Writes to a
// file beside it (PATH.tmp), syncs, renames, syncs the folder. One writer at a time: its caller
// holds the folder.
int file_write_atomic(const char *path, struct str bytes, mode_t mode) MUST_CHECK;

// Appends in one write; made with `mode` when missing. Not synced.
int file_append(const char *path, struct str bytes, mode_t mode) MUST_CHECK;

// Makes the folder and its missing parents, all 0700.
int file_make_folders(const char *path) MUST_CHECK;

// Takes the file, made when missing, for this process alone: until the descriptor is closed or the
// process ends, however it ends. -EWOULDBLOCK: somebody else has it.
int file_lock(const char *path, int *out_fd) MUST_CHECK;

bool file_exists(const char *path);

// The absolute path without links of a file that is there; `path` itself when there is none.
const char *file_whole_path(struct arena *arena, const char *path);
int file_remove(const char *path) MUST_CHECK; // missing is fine

#endif
