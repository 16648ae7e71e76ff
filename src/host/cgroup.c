// See cgroup.h. A limit that is not asked for is written as "none", so that making a group again
// brings one that a former life left to what is asked now.

#include "host/cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "io/file.h"

enum { WEIGHT_MIN = 1, WEIGHT_SPAN = 9999, SHARES_MIN = 2, SHARES_SPAN = 262142, ARGS_MAX = 12 };
enum { PROCS_MAX = 1 << 20 };

static const char parent[] = "ecs";

// Of v1, in the order in which they are written; each may stand together with others
// ("cpu,cpuacct").
static const char *const controllers[] = {"cpu", "memory", "pids"};
enum { CONTROLLERS = sizeof controllers / sizeof *controllers };

enum cgroup_version cgroup_version(const char *root)
{
    struct arena scratch = ARENA_INIT;
    enum cgroup_version version = CGROUP_NONE;

    if (file_exists(arena_printf(&scratch, "%s/cgroup.controllers", root)))
        version = CGROUP_V2;
    else if (file_exists(arena_printf(&scratch, "%s/memory", root)))
        version = CGROUP_V1;
    arena_deinit(&scratch);
    return version;
}

// ---- folders and files

static int make_folder(const char *path)
{
    return mkdir(path, 0755) == 0 || errno == EEXIST ? 0 : -errno;
}

static int write_file(const char *path, struct str text)
{
    FD_AUTO int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd < 0)
        return -errno;
    return write(fd, text.ptr, text.len) == (ssize_t)text.len ? 0 : -errno;
}

// What is being made, and where it failed.
struct maker {
    struct arena *arena;
    const char *folder;
    const char *at;
    int fault;
};

static void set(struct maker *m, const char *file, struct str value)
{
    if (m->fault != 0)
        return;
    m->at = arena_printf(m->arena, "%s/%s", m->folder, file);
    m->fault = write_file(m->at, value);
}

static void set_number(struct maker *m, const char *file, bool is_set, int64_t value,
                       const char *none)
{
    set(m, file, is_set ? str_i64(m->arena, value) : str_of(none));
}

// A kernel may be built without the controller: then there is no limit to be lifted.
static void lift(struct maker *m, const char *file, const char *none)
{
    if (m->fault == 0 && file_exists(arena_printf(m->arena, "%s/%s", m->folder, file)))
        set(m, file, str_of(none));
}

static void enter(struct maker *m, const char *folder)
{
    m->folder = folder;
    if (m->fault != 0)
        return;
    m->at = folder;
    m->fault = make_folder(folder);
}

// ---- v1

// "<root>/cpu" or "<root>/cpu,cpuacct"; NULL: there is none.
static const char *hierarchy(struct arena *arena, const char *root, const char *controller)
{
    DIR *dir = opendir(root);
    const char *found = NULL;

    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        struct str rest = str_of(entry->d_name);

        for (bool more = true; more && found == NULL;) {
            struct str name;

            more = str_cut(rest, ',', &name, &rest);
            if (str_eq(name, str_of(controller)))
                found = arena_printf(arena, "%s/%s", root, entry->d_name);
        }
    }
    if (dir != NULL)
        closedir(dir);
    return found;
}

static void make_v1(struct maker *m, const char *root, struct str task,
                    const struct host_cgroup_limits *limits)
{
    for (size_t i = 0; i < CONTROLLERS; i++) {
        const char *top = hierarchy(m->arena, root, controllers[i]);

        if (top == NULL && i == 2 && !limits->has.pids)
            continue;
        if (top == NULL)
            top = arena_printf(m->arena, "%s/%s", root, controllers[i]); // says what is missing
        enter(m, arena_printf(m->arena, "%s/%s", top, parent));
        if (i == 1)
            lift(m, "memory.use_hierarchy", "1");
        enter(m, arena_printf(m->arena, "%s/%s/%.*s", top, parent, STR_ARGS(task)));
        if (i == 0) {
            if (limits->has.cpu_quota_us)
                set_number(m, "cpu.cfs_period_us", true, limits->cpu_period_us, "");
            set_number(m, "cpu.cfs_quota_us", limits->has.cpu_quota_us, limits->cpu_quota_us, "-1");
            if (limits->has.cpu_shares)
                set_number(m, "cpu.shares", true, limits->cpu_shares, "");
        } else if (i == 1) {
            set_number(m, "memory.limit_in_bytes", limits->has.memory, limits->memory, "-1");
        } else if (limits->has.pids) {
            set_number(m, "pids.max", true, limits->pids, "");
        } else {
            lift(m, "pids.max", "max");
        }
    }
}

// ---- v2

static int64_t weight_of(int32_t shares)
{
    return WEIGHT_MIN + ((int64_t)shares - SHARES_MIN) * WEIGHT_SPAN / SHARES_SPAN;
}

// Controllers are handed down one by one: what cannot be had shows when its file is written.
static void hand_down(struct maker *m, const char *folder)
{
    const char *file = arena_printf(m->arena, "%s/cgroup.subtree_control", folder);

    for (size_t i = 0; i < CONTROLLERS && m->fault == 0; i++)
        (void)write_file(file, str_fmt(m->arena, "+%s", controllers[i]));
}

static void make_v2(struct maker *m, const char *root, struct str task,
                    const struct host_cgroup_limits *limits)
{
    const char *above = arena_printf(m->arena, "%s/%s", root, parent);

    hand_down(m, root);
    enter(m, above);
    hand_down(m, above);
    enter(m, arena_printf(m->arena, "%s/%.*s", above, STR_ARGS(task)));
    hand_down(m, m->folder);
    if (limits->has.cpu_quota_us)
        set(m, "cpu.max",
            str_fmt(m->arena, "%lld %d", (long long)limits->cpu_quota_us, limits->cpu_period_us));
    else
        lift(m, "cpu.max", "max");
    if (limits->has.cpu_shares)
        set_number(m, "cpu.weight", true, weight_of(limits->cpu_shares), "");
    if (limits->has.memory)
        set_number(m, "memory.max", true, limits->memory, "");
    else
        lift(m, "memory.max", "max");
    if (limits->has.pids)
        set_number(m, "pids.max", true, limits->pids, "");
    else
        lift(m, "pids.max", "max");
}

// ---- both

int cgroup_probe(const char *root)
{
    struct arena scratch = ARENA_INIT;
    enum cgroup_version version = cgroup_version(root);
    int result = version == CGROUP_NONE ? -ENOENT : 0;

    if (version == CGROUP_V2)
        result = make_folder(arena_printf(&scratch, "%s/%s", root, parent));
    for (size_t i = 0; i < 2 && version == CGROUP_V1 && result == 0; i++) {
        const char *top = hierarchy(&scratch, root, controllers[i]);

        result = top == NULL ? -ENOENT : make_folder(arena_printf(&scratch, "%s/%s", top, parent));
    }
    arena_deinit(&scratch);
    return result;
}

int cgroup_make(const char *root, struct str task, const struct host_cgroup_limits *limits,
                struct arena *arena, struct str *out_what)
{
    struct maker m = {.arena = arena, .at = root};

    switch (cgroup_version(root)) {
    case CGROUP_V1: make_v1(&m, root, task, limits); break;
    case CGROUP_V2: make_v2(&m, root, task, limits); break;
    case CGROUP_NONE: m.fault = -ENOENT; break;
    }
    *out_what = str_of(m.at);
    return m.fault;
}

// A container engine that was killed in the middle may forget a container whose process goes on.
// Its group is the task's alone, and the task is over, so the process ends here; the group can go
// once the kernel is through with it.
static void end_members(struct arena *arena, const char *group)
{
    BUF_AUTO struct buf list = BUF_INIT;
    struct str rest;
    struct str line;

    if (file_read(arena_printf(arena, "%s/cgroup.procs", group), PROCS_MAX, &list) != 0)
        return;
    rest = buf_str(&list);
    while (str_cut(rest, '\n', &line, &rest)) {
        int64_t pid;

        if (str_to_i64(line, &pid) && pid > 1) // 0: of a namespace that is not ours
            (void)kill((pid_t)pid, SIGKILL);
    }
}

// A group goes only when no group is left in it. A kernel's files in it are no hindrance, those of
// a folder that plays one are; so nothing but folders is touched.
static int remove_tree(struct arena *arena, const char *path, int depth)
{
    DIR *dir = opendir(path);
    int fault;

    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.' && depth > 0)
            (void)remove_tree(arena, arena_printf(arena, "%s/%s", path, entry->d_name), depth - 1);
    }
    if (dir != NULL)
        closedir(dir);
    if (rmdir(path) == 0 || errno == ENOENT)
        return 0;
    fault = -errno;
    end_members(arena, path);
    return fault;
}

static int remove_one(struct arena *arena, const char *top, struct str task, struct str *out_what)
{
    enum { DEPTH_MAX = 8 };
    const char *path = arena_printf(arena, "%s/%s/%.*s", top, parent, STR_ARGS(task));

    *out_what = str_of(path);
    return file_exists(path) ? remove_tree(arena, path, DEPTH_MAX) : 0;
}

int cgroup_remove(const char *root, struct str task, struct arena *arena, struct str *out_what)
{
    DIR *dir;
    int result = 0;

    if (cgroup_version(root) == CGROUP_V2)
        return remove_one(arena, root, task, out_what);
    dir = opendir(root);
    // The container engine has made groups of the same name where we made none.
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        struct str what;
        int fault =
            entry->d_name[0] != '.'
                ? remove_one(arena, arena_printf(arena, "%s/%s", root, entry->d_name), task, &what)
                : 0;

        if (fault != 0 && result == 0) {
            result = fault;
            *out_what = what;
        }
    }
    if (dir != NULL)
        closedir(dir);
    return result;
}

// ---- systemd

static const char *slice_of(struct arena *arena, struct str task)
{
    return arena_printf(arena, "ecstasks-%.*s.slice", STR_ARGS(task));
}

static const char *const *two_words(struct arena *arena, const char *verb, const char *unit)
{
    const char **argv = arena_array(arena, const char *, 4);

    argv[0] = "systemctl";
    argv[1] = verb;
    argv[2] = unit;
    return argv;
}

const char *const *cgroup_systemd_make(struct arena *arena, int step, struct str task,
                                       const struct host_cgroup_limits *limits)
{
    const char **argv = arena_array(arena, const char *, ARGS_MAX);
    const char *slice = slice_of(arena, task);
    size_t n = 0;

    if (step == 1)
        return two_words(arena, "start", slice);
    argv[n++] = "systemctl";
    argv[n++] = "set-property";
    argv[n++] = "--runtime";
    argv[n++] = slice;
    if (limits->has.cpu_quota_us) {
        int64_t permyriad = limits->cpu_quota_us * 10000 / limits->cpu_period_us;

        argv[n++] = arena_printf(arena, "CPUQuota=%lld.%02lld%%", (long long)permyriad / 100,
                                 (long long)permyriad % 100);
        argv[n++] = arena_printf(arena, "CPUQuotaPeriodSec=%dus", limits->cpu_period_us);
    }
    if (limits->has.cpu_shares)
        argv[n++] = arena_printf(arena, "CPUWeight=%lld", (long long)weight_of(limits->cpu_shares));
    argv[n++] = limits->has.memory
                    ? arena_printf(arena, "MemoryMax=%lld", (long long)limits->memory)
                    : "MemoryMax=infinity";
    argv[n++] =
        limits->has.pids ? arena_printf(arena, "TasksMax=%d", limits->pids) : "TasksMax=infinity";
    return argv;
}

const char *const *cgroup_systemd_remove(struct arena *arena, int step, struct str task)
{
    return two_words(arena, step == 0 ? "stop" : "revert", slice_of(arena, task));
}
