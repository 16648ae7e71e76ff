// See meta_file.h. What is on the disk is remembered; after a restart it is found out again from
// the views, for a file is written anew for every container that runs. A folder of a task that went
// while no agent was there stays; it is small, and named by the task.

#include "agent/meta_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "host/folder.h"
#include "io/file.h"
#include "wire/codec.h"

enum { FOLDER_MODE = 0755, FILE_MODE = 0644 }; // whatever user a container runs as may read it

struct entry {
    struct list in_files;
    struct arena arena;
    struct str task_arn;
    struct str container;
    const char *folder; // of the container; that of the task is around it
    const char *task_folder;
    bool is_complete;
    bool is_seen; // in the views that are being looked through
};

struct meta_files {
    struct arena arena;
    const char *folder;
    struct list entries; // struct entry.in_files
};

struct meta_files *meta_files_new(const char *folder)
{
    struct meta_files *files = mem_zalloc(sizeof *files);

    files->folder = str_cstr(&files->arena, str_of(folder));
    list_init(&files->entries);
    return files;
}

static void entry_free(struct entry *entry)
{
    list_remove(&entry->in_files);
    arena_deinit(&entry->arena);
    mem_free(entry);
}

void meta_files_free(struct meta_files *files)
{
    if (files == NULL)
        return;
    LIST_EACH_SAFE (&files->entries, it)
        entry_free(LIST_ENTRY(it, struct entry, in_files));
    arena_deinit(&files->arena);
    mem_free(files);
}

static struct entry *find(struct meta_files *files, const struct engine_view *view)
{
    LIST_EACH (&files->entries, it) {
        struct entry *entry = LIST_ENTRY(it, struct entry, in_files);

        if (str_eq(entry->task_arn, view->task_arn) && str_eq(entry->container, view->container))
            return entry;
    }
    return NULL;
}

static struct entry *entry_new(struct meta_files *files, const struct engine_view *view)
{
    struct entry *entry = mem_zalloc(sizeof *entry);
    struct str head;
    struct str id;

    str_cut_last(view->task_arn, '/', &head, &id);
    entry->task_arn = str_copy(&entry->arena, view->task_arn);
    entry->container = str_copy(&entry->arena, view->container);
    entry->task_folder = arena_printf(&entry->arena, "%s/%.*s", files->folder, STR_ARGS(id));
    entry->folder =
        arena_printf(&entry->arena, "%s/%.*s", entry->task_folder, STR_ARGS(view->container));
    list_push_back(&files->entries, &entry->in_files);
    return entry;
}

static void write_file(struct entry *entry, const struct meta_host *host,
                       const struct engine_view *view)
{
    struct meta_file file = {0};
    BUF_AUTO struct buf text = BUF_INIT;
    const char *path = arena_printf(&entry->arena, "%s/" ENGINE_METADATA_FILE, entry->folder);
    int rc = file_make_folders(entry->folder);

    meta_fill_file(host, view, &entry->arena, &file);
    codec_encode(&text, &meta_file_shape, &file);
    if (rc == 0 && chmod(entry->folder, FOLDER_MODE) != 0)
        rc = -errno;
    if (rc == 0)
        rc = file_write_atomic(path, buf_str(&text), FILE_MODE);
    if (rc != 0)
        LOG_WARN("agent.metadata_file", LOG_CSTR("path", path),
                 LOG_CSTR("reason", strerrordesc_np(-rc)));
}

void meta_files_begin(struct meta_files *files, const struct meta_host *host,
                      const struct engine_view *view)
{
    struct entry *entry = find(files, view);

    if (entry == NULL)
        entry = entry_new(files, view);
    write_file(entry, host, view);
}

static void follow_one(struct meta_files *files, const struct meta_host *host,
                       const struct engine_view *view)
{
    struct entry *entry = find(files, view);

    if (entry == NULL && view->status == HOST_CONTAINER_STATUS_RUNNING && view->seen != NULL)
        entry = entry_new(files, view);
    if (entry == NULL)
        return;
    entry->is_seen = true;
    if (entry->is_complete || view->status != HOST_CONTAINER_STATUS_RUNNING || view->seen == NULL)
        return;
    entry->is_complete = true;
    write_file(entry, host, view);
}

// With whatever the container has put there. The folder of the task goes with its last container.
static void remove_files(struct entry *entry)
{
    int rc = folder_remove(entry->folder);

    if (rc != 0)
        LOG_WARN("agent.metadata_file", LOG_CSTR("path", entry->folder),
                 LOG_CSTR("reason", strerrordesc_np(-rc)));
    (void)!rmdir(entry->task_folder);
}

void meta_files_follow(struct meta_files *files, const struct meta_host *host,
                       const struct engine_view_list *views)
{
    LIST_EACH (&files->entries, it)
        LIST_ENTRY(it, struct entry, in_files)->is_seen = false;
    for (size_t i = 0; i < views->n; i++)
        follow_one(files, host, &views->at[i]);
    LIST_EACH_SAFE (&files->entries, it) {
        struct entry *entry = LIST_ENTRY(it, struct entry, in_files);

        if (entry->is_seen)
            continue;
        remove_files(entry);
        entry_free(entry);
    }
}
