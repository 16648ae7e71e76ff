// Volumes that are file systems of the network (ecs-behaviour-agent 1.12, "EFS options"): by NFS,
// which the engine's local driver mounts, or by Amazon's volume plugin where the host has it. NFS
// knows no encryption, no roles and no access points: a volume that asks for these without the
// plugin is refused rather than mounted without them. The plugin mounts from within the network of
// an awsvpc task, which must be there first; the local driver can only do so from the host's.

#include "engine/state.h"

static bool is_on(const struct acs_efs_volume_configuration *efs)
{
    return efs->transit_encryption == ACS_EFS_TRANSIT_ENCRYPTION_ENABLED;
}

static bool uses_role(const struct acs_efs_volume_configuration *efs)
{
    return efs->authorization_config != NULL &&
           efs->authorization_config->iam == ACS_EFS_AUTHORIZATION_CONFIG_IAM_ENABLED;
}

static struct str access_point(const struct acs_efs_volume_configuration *efs)
{
    return efs->authorization_config != NULL ? efs->authorization_config->access_point_id
                                             : STR_NONE;
}

bool efs_can(const struct engine *engine, const struct acs_efs_volume_configuration *efs,
             const char **out_why)
{
    if (engine->settings.efs_plugin)
        return true;
    *out_why = "an EFS volume with transit encryption, IAM authorization or an access point needs "
               "the volume plugin, which this container instance does not have";
    return !is_on(efs) && !uses_role(efs) && access_point(efs).len == 0;
}

static const struct container *network_of(const struct task *task)
{
    return pause_of(task, CONTAINER_NETWORK_PAUSE);
}

bool efs_waits(const struct engine *engine, const struct task *task)
{
    const struct container *holder = network_of(task);
    bool waits = engine->settings.efs_plugin && holder != NULL &&
                 (!container_is_steady(holder) || holder->pid <= 0);

    MARK_IF(waits, "a file system waits for the network that it is mounted from");
    return waits;
}

static struct str root_of(const struct acs_efs_volume_configuration *efs)
{
    return efs->root_directory.len > 0 ? efs->root_directory : STR("/");
}

static void add(struct arena *arena, struct str_map *map, const char *key, struct str value)
{
    struct str_pair *pair = &map->at[map->n++];

    pair->key = str_of(key);
    pair->value = str_copy(arena, value);
}

static struct str plugin_options(const struct task *task,
                                 const struct acs_efs_volume_configuration *efs,
                                 struct arena *arena)
{
    const struct container *holder = network_of(task);
    struct str list = is_on(efs) ? STR("tls") : STR_NONE;
    struct str point = access_point(efs);

    if (efs->transit_encryption_port > 0)
        list = str_fmt(arena, "%.*s,tlsport=%d", STR_ARGS(list), efs->transit_encryption_port);
    if (uses_role(efs))
        list = str_fmt(arena, "%.*s,iam,awscredsuri=/v2/credentials/%.*s", STR_ARGS(list),
                       STR_ARGS(task->role_credentials));
    if (point.len > 0)
        list = str_fmt(arena, "%.*s,accesspoint=%.*s", STR_ARGS(list), STR_ARGS(point));
    if (holder != NULL)
        list = str_fmt(arena, "%.*s,netns=/proc/%d/ns/net", STR_ARGS(list), holder->pid);
    return str_starts(list, STR(",")) ? str_from(list, 1) : list;
}

static void fill_plugin(const struct task *task, const struct acs_efs_volume_configuration *efs,
                        struct arena *arena, struct docker_volume_create *body)
{
    struct str_map options = {.at = arena_array(arena, struct str_pair, 3)};
    struct str root = root_of(efs);
    struct str list = plugin_options(task, efs, arena);

    add(arena, &options, "type", STR("efs"));
    add(arena, &options, "device",
        str_eq(root, STR("/"))
            ? efs->file_system_id
            : str_fmt(arena, "%.*s:%.*s", STR_ARGS(efs->file_system_id), STR_ARGS(root)));
    if (list.len > 0)
        add(arena, &options, "o", list);
    SET(body, driver, STR("amazon-ecs-volume-plugin"));
    SET(body, driver_opts, options);
}

void efs_fill(const struct engine *engine, const struct task *task,
              const struct acs_efs_volume_configuration *efs, struct arena *arena,
              struct docker_volume_create *body)
{
    static const char mount[] =
        "nfsvers=4.1,rsize=1048576,wsize=1048576,hard,timeo=600,retrans=2,noresvport";
    struct str_map options = {.at = arena_array(arena, struct str_pair, 3)};
    struct str server = engine->settings.efs_server;
    struct str root = root_of(efs);

    if (engine->settings.efs_plugin) {
        fill_plugin(task, efs, arena, body);
        return;
    }
    add(arena, &options, "type", STR("nfs"));
    if (server.len > 0) {
        add(arena, &options, "device",
            str_fmt(arena, ":/%.*s%.*s", STR_ARGS(efs->file_system_id),
                    STR_ARGS(str_eq(root, STR("/")) ? STR_NONE : root)));
        add(arena, &options, "o", str_fmt(arena, "addr=%.*s,%s", STR_ARGS(server), mount));
    } else {
        add(arena, &options, "device", str_fmt(arena, ":%.*s", STR_ARGS(root)));
        add(arena, &options, "o",
            str_fmt(arena, "addr=%.*s.efs.%.*s.amazonaws.com,%s", STR_ARGS(efs->file_system_id),
                    STR_ARGS(engine->settings.region), mount));
    }
    SET(body, driver, STR("local"));
    SET(body, driver_opts, options);
}
