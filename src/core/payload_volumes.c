// Volumes of a task. A kind that the agent protocol has no form for is left out; a container that
// mounts it then fails with the volume's name. Source: agent-protocol 7.3.

#include "base/arena.h"
#include "core/payload_parts.h"

static void put_docker(struct arena *arena, const struct ecs_docker_volume_configuration *from,
                       struct acs_volume *out)
{
    struct acs_docker_volume_configuration *to =
        arena_new(arena, struct acs_docker_volume_configuration);

    SET(to, scope, from->scope == ECS_SCOPE_SHARED ? ACS_SCOPE_SHARED : ACS_SCOPE_TASK);
    SET(to, autoprovision, from->autoprovision);
    if (from->driver.len > 0)
        SET(to, driver, from->driver);
    if (from->driver_opts.n > 0)
        SET(to, driver_opts, from->driver_opts);
    if (from->labels.n > 0)
        SET(to, labels, from->labels);
    SET(out, type, ACS_VOLUME_TYPE_DOCKER);
    SET(out, docker_volume_configuration, to);
}

static struct acs_efs_authorization_config *
efs_authorization(struct arena *arena, const struct ecs_efs_authorization_config *from)
{
    struct acs_efs_authorization_config *to = arena_new(arena, struct acs_efs_authorization_config);

    if (from->access_point_id.len > 0)
        SET(to, access_point_id, from->access_point_id);
    if (from->has.iam)
        SET(to, iam,
            (enum acs_efs_authorization_config_iam)payload_enum(
                &acs_efs_authorization_config_iam_enum, &ecs_efs_authorization_config_iam_enum,
                (int)from->iam));
    return to;
}

static void put_efs(struct arena *arena, const struct ecs_efs_volume_configuration *from,
                    struct acs_volume *out)
{
    struct acs_efs_volume_configuration *to = arena_new(arena, struct acs_efs_volume_configuration);

    SET(to, file_system_id, from->file_system_id);
    SET(to, root_directory, from->root_directory.len > 0 ? from->root_directory : STR("/"));
    if (from->has.transit_encryption)
        SET(to, transit_encryption,
            (enum acs_efs_transit_encryption)payload_enum(&acs_efs_transit_encryption_enum,
                                                          &ecs_efs_transit_encryption_enum,
                                                          (int)from->transit_encryption));
    if (from->has.transit_encryption_port)
        SET(to, transit_encryption_port, from->transit_encryption_port);
    if (from->authorization_config != NULL)
        SET(to, authorization_config, efs_authorization(arena, from->authorization_config));
    SET(out, type, ACS_VOLUME_TYPE_EFS);
    SET(out, efs_volume_configuration, to);
}

static void put_fsx(struct arena *arena,
                    const struct ecs_f_sx_windows_file_server_volume_configuration *from,
                    struct acs_volume *out)
{
    struct acs_f_sx_windows_file_server_volume_configuration *to =
        arena_new(arena, struct acs_f_sx_windows_file_server_volume_configuration);
    struct acs_f_sx_windows_file_server_authorization_config *login =
        arena_new(arena, struct acs_f_sx_windows_file_server_authorization_config);

    SET(to, file_system_id, from->file_system_id);
    SET(to, root_directory, from->root_directory);
    if (from->authorization_config != NULL) {
        SET(login, credentials_parameter, from->authorization_config->credentials_parameter);
        SET(login, domain, from->authorization_config->domain);
        SET(to, authorization_config, login);
    }
    SET(out, type, ACS_VOLUME_TYPE_FSXWINDOWSFILESERVER);
    SET(out, fsx_windows_file_server_volume_configuration, to);
}

// Without a path it is a volume of the task's own.
static void put_host(struct arena *arena, const struct ecs_host_volume_properties *from,
                     struct acs_volume *out)
{
    struct acs_host_volume_properties *to = arena_new(arena, struct acs_host_volume_properties);

    if (from != NULL && from->source_path.len > 0)
        SET(to, source_path, from->source_path);
    SET(out, type, ACS_VOLUME_TYPE_HOST);
    SET(out, host, to);
}

static void put_volume(struct arena *arena, const struct ecs_volume *from, struct acs_volume *out)
{
    SET(out, name, from->name);
    if (from->docker_volume_configuration != NULL)
        put_docker(arena, from->docker_volume_configuration, out);
    else if (from->efs_volume_configuration != NULL)
        put_efs(arena, from->efs_volume_configuration, out);
    else if (from->fsx_windows_file_server_volume_configuration != NULL)
        put_fsx(arena, from->fsx_windows_file_server_volume_configuration, out);
    else
        put_host(arena, from->host, out);
}

struct acs_volume_list payload_volumes(struct step *step,
                                       const struct ecs_task_definition *definition)
{
    const struct ecs_volume_list *list = &definition->volumes;
    struct acs_volume_list out = {.at = arena_array(step->arena, struct acs_volume, list->n)};

    for (size_t i = 0; i < list->n; i++) {
        if (list->at[i].configured_at_launch || list->at[i].s3files_volume_configuration != NULL)
            continue;
        put_volume(step->arena, &list->at[i], &out.at[out.n++]);
    }
    return out;
}
