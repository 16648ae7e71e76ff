// Limits, kernel settings and the user of a container: mostly closed sets of names.
// Source: ecs-behaviour-api 8.7.

#include "ops/task_definition_check.h"

enum { SECURITY_OPTION_LENGTH_MAX = 128, SWAPPINESS_MAX = 100, UNLIMITED = -1 };

static const char *const capabilities[] = {"ALL",
                                           "AUDIT_CONTROL",
                                           "AUDIT_READ",
                                           "AUDIT_WRITE",
                                           "BLOCK_SUSPEND",
                                           "CHOWN",
                                           "DAC_OVERRIDE",
                                           "DAC_READ_SEARCH",
                                           "FOWNER",
                                           "FSETID",
                                           "IPC_LOCK",
                                           "IPC_OWNER",
                                           "KILL",
                                           "LEASE",
                                           "LINUX_IMMUTABLE",
                                           "MAC_ADMIN",
                                           "MAC_OVERRIDE",
                                           "MKNOD",
                                           "NET_ADMIN",
                                           "NET_BIND_SERVICE",
                                           "NET_BROADCAST",
                                           "NET_RAW",
                                           "SETFCAP",
                                           "SETGID",
                                           "SETPCAP",
                                           "SETUID",
                                           "SYS_ADMIN",
                                           "SYS_BOOT",
                                           "SYS_CHROOT",
                                           "SYS_MODULE",
                                           "SYS_NICE",
                                           "SYS_PACCT",
                                           "SYS_PTRACE",
                                           "SYS_RAWIO",
                                           "SYS_RESOURCE",
                                           "SYS_TIME",
                                           "SYS_TTY_CONFIG",
                                           "SYSLOG",
                                           "WAKE_ALARM",
                                           NULL};

static const char *const tmpfs_options[] = {
    "defaults",      "ro",         "rw",          "suid",
    "nosuid",        "dev",        "nodev",       "exec",
    "noexec",        "sync",       "async",       "dirsync",
    "remount",       "mand",       "nomand",      "atime",
    "noatime",       "diratime",   "nodiratime",  "bind",
    "rbind",         "unbindable", "runbindable", "private",
    "rprivate",      "shared",     "rshared",     "slave",
    "rslave",        "relatime",   "norelatime",  "strictatime",
    "nostrictatime", "mode",       "uid",         "gid",
    "nr_inodes",     "nr_blocks",  "mpol",        NULL};

static const char *const ipc_controls[] = {
    "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni",          "kernel.sem", "kernel.shmall",
    "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced", NULL};

static bool check_ulimits(struct definition_check *check, const struct ecs_container_definition *c)
{
    for (size_t i = 0; i < c->ulimits.n; i++) {
        const struct ecs_ulimit *u = &c->ulimits.at[i];
        struct str name = shape_enum_name(&ecs_ulimit_name_enum, (int)u->name);

        if (u->name == ECS_ULIMIT_NAME_UNSET)
            return check_refuse(check, "Unknown ulimit '%.*s' for container '%.*s'.",
                                STR_ARGS(op_unknown_enum(check->ctx, &u->name)), STR_ARGS(c->name));
        if (u->hard_limit != UNLIMITED &&
            (u->soft_limit == UNLIMITED || u->soft_limit > u->hard_limit))
            return check_refuse(
                check,
                "The soft limit of ulimit '%.*s' is greater than its hard limit for "
                "container '%.*s'.",
                STR_ARGS(name), STR_ARGS(c->name));
        for (size_t k = 0; k < i; k++) {
            if (c->ulimits.at[k].name == u->name)
                return check_refuse(check, "Duplicate ulimit '%.*s' for container '%.*s'.",
                                    STR_ARGS(name), STR_ARGS(c->name));
        }
    }
    return true;
}

static bool check_capabilities(struct definition_check *check, const struct str_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        if (!check_is_in(list->at[i], capabilities))
            return check_refuse(check, "Unknown capability '%.*s'.", STR_ARGS(list->at[i]));
    }
    return true;
}

// "mode=700" and the like stand with a value; the name before it decides.
static bool check_tmpfs(struct definition_check *check, const struct ecs_container_definition *c,
                        const struct ecs_tmpfs *tmpfs)
{
    struct str name;
    struct str value;

    if (!str_starts(tmpfs->container_path, STR("/")))
        return check_refuse_setting(check, c,
                                    "'containerPath' of a tmpfs must be an absolute path.");
    if (tmpfs->size < 1)
        return check_refuse_setting(check, c, "'size' of a tmpfs must be at least 1.");
    for (size_t i = 0; i < tmpfs->mount_options.n; i++) {
        str_cut(tmpfs->mount_options.at[i], '=', &name, &value);
        if (!check_is_in(name, tmpfs_options))
            return check_refuse(check, "Unknown tmpfs mount option '%.*s' for container '%.*s'.",
                                STR_ARGS(tmpfs->mount_options.at[i]), STR_ARGS(c->name));
    }
    return true;
}

static bool check_memory_parameters(struct definition_check *check,
                                    const struct ecs_container_definition *c)
{
    const struct ecs_linux_parameters *linux_parameters = c->linux_parameters;

    if (linux_parameters->has.shared_memory_size && linux_parameters->shared_memory_size < 1)
        return check_refuse_setting(check, c, "'sharedMemorySize' must be greater than 0.");
    if (linux_parameters->has.max_swap && linux_parameters->max_swap < 0)
        return check_refuse_setting(check, c, "'maxSwap' must be at least 0.");
    if (linux_parameters->has.swappiness &&
        (linux_parameters->swappiness < 0 || linux_parameters->swappiness > SWAPPINESS_MAX))
        return check_refuse_setting(check, c, "'swappiness' must be between 0 and 100.");
    return true;
}

static bool check_parameters(struct definition_check *check,
                             const struct ecs_container_definition *c)
{
    const struct ecs_linux_parameters *parameters = c->linux_parameters;

    if (!c->has.linux_parameters)
        return true;
    if (parameters->has.capabilities &&
        (!check_capabilities(check, &parameters->capabilities->add) ||
         !check_capabilities(check, &parameters->capabilities->drop)))
        return false;
    for (size_t i = 0; i < parameters->devices.n; i++) {
        if (parameters->devices.at[i].host_path.len == 0)
            return check_refuse_setting(check, c, "'hostPath' of a device must be specified.");
    }
    for (size_t i = 0; i < parameters->tmpfs.n; i++) {
        if (!check_tmpfs(check, c, &parameters->tmpfs.at[i]))
            return false;
    }
    return check_memory_parameters(check, c);
}

static bool check_controls(struct definition_check *check, const struct ecs_container_definition *c)
{
    for (size_t i = 0; i < c->system_controls.n; i++) {
        struct str name = c->system_controls.at[i].namespace;
        bool network = str_starts(name, STR("net."));
        bool ipc = check_is_in(name, ipc_controls) || str_starts(name, STR("fs.mqueue."));

        if (!network && !ipc)
            return check_refuse(check,
                                "Unknown systemControls namespace '%.*s' for container '%.*s'.",
                                STR_ARGS(name), STR_ARGS(c->name));
        if (network && check->mode == ECS_NETWORK_MODE_HOST)
            return check_refuse(check,
                                "The systemControls namespace '%.*s' is not supported when "
                                "networkMode=host",
                                STR_ARGS(name));
        if (ipc && check->in->ipc_mode == ECS_IPC_MODE_HOST)
            return check_refuse(check,
                                "The systemControls namespace '%.*s' is not supported when "
                                "ipcMode=host",
                                STR_ARGS(name));
    }
    return true;
}

static bool check_security_options(struct definition_check *check,
                                   const struct ecs_container_definition *c)
{
    for (size_t i = 0; i < c->docker_security_options.n; i++) {
        struct str option = c->docker_security_options.at[i];
        bool known = str_eq(option, STR("no-new-privileges")) ||
                     str_starts(option, STR("no-new-privileges:")) ||
                     str_starts(option, STR("apparmor:")) || str_starts(option, STR("label:")) ||
                     str_starts(option, STR("credentialspec:"));

        if (!known || option.len > SECURITY_OPTION_LENGTH_MAX)
            return check_refuse(check,
                                "Invalid 'dockerSecurityOptions' setting for container '%.*s'.",
                                STR_ARGS(c->name));
    }
    return true;
}

static bool is_user_part(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!check_is_name(str_span(text.ptr + i, 1)) && !str_has_char(STR(".@$"), text.ptr[i]))
            return false;
    }
    return text.len > 0 && text.ptr[0] != '-';
}

// "user", "user:group", each a name or a number. A sign could only be the minus of a number.
static bool check_user(struct definition_check *check, const struct ecs_container_definition *c)
{
    struct str user;
    struct str group;
    bool grouped = str_cut(c->user, ':', &user, &group);

    if (c->user.len == 0 || check->windows)
        return true;
    if (!is_user_part(user) || (grouped && !is_user_part(group)))
        return check_refuse(check, "Invalid 'user' setting for container '%.*s'.",
                            STR_ARGS(c->name));
    return true;
}

static bool check_container(struct definition_check *check,
                            const struct ecs_container_definition *c)
{
    return check_ulimits(check, c) && check_parameters(check, c) && check_controls(check, c) &&
           check_security_options(check, c) && check_user(check, c);
}

bool check_linux(struct definition_check *check)
{
    return check_each_container(check, check_container);
}
