// Metadata files: a folder for each container with one file, mounted into it. The file is partial
// before the container is made and complete once it runs; it goes with the task.
// Source: ecs-behaviour-agent 4.10.

#ifndef AGENT_META_FILE_H
#define AGENT_META_FILE_H

#include "agent/meta_docs.h"

struct meta_files;

// `folder` is made when missing. Copied.
struct meta_files *meta_files_new(const char *folder);
void meta_files_free(struct meta_files *files); // the files stay; NULL is fine

// The container is about to be made: its file is written as far as it goes.
void meta_files_begin(struct meta_files *files, const struct meta_host *host,
                      const struct engine_view *view);
// Completes the files of containers that run by now, and removes those of tasks that are gone.
void meta_files_follow(struct meta_files *files, const struct meta_host *host,
                       const struct engine_view_list *views);

#endif
