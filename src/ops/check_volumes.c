// Volumes of the task: one kind each, and what each kind asks. Source: ecs-behaviour-api 8.1, 8.7.

#include "ops/task_definition_check.h"

static size_t kinds_of(const struct ecs_volume *v)
{
    return (size_t)v->has.host + v->has.docker_volume_configuration +
           v->has.efs_volume_configuration + v->has.s3files_volume_configuration +
           v->has.fsx_windows_file_server_volume_configuration + v->configured_at_launch;
}

static bool check_name(struct definition_check *check, size_t index)
{
    struct str name = check->in->volumes.at[index].name;

    if (name.len == 0)
        return check_refuse(check, "Volume.name should not be null or empty.");
    if (!check_is_name(name) || name.len > NAME_LENGTH_MAX)
        return check_refuse(check, "Volume.name contains invalid characters.");
    for (size_t i = 0; i < index; i++) {
        if (str_eq(check->in->volumes.at[i].name, name))
            return check_refuse(check, "Volume names must be unique within a task definition");
    }
    return true;
}

static bool check_docker(struct definition_check *check, const struct ecs_volume *v)
{
    const struct ecs_docker_volume_configuration *docker = v->docker_volume_configuration;

    if (docker->autoprovision && docker->scope != ECS_SCOPE_SHARED)
        return check_refuse(check,
                            "Autoprovision of volume '%.*s' requires that its scope is shared",
                            STR_ARGS(v->name));
    if (check->windows && docker->driver.len > 0 && !str_eq(docker->driver, STR("local")))
        return check_refuse(check, "Windows only supports the volume driver local");
    return true;
}

static bool is_file_system_id(struct str text)
{
    if (!str_starts(text, STR("fs-")) || text.len == strlen("fs-"))
        return false;
    for (size_t i = strlen("fs-"); i < text.len; i++) {
        if (!str_has_char(STR("0123456789abcdef"), text.ptr[i]))
            return false;
    }
    return true;
}

static bool check_access_point(struct definition_check *check, struct str root)
{
    if (root.len > 0 && !str_eq(root, STR("/")))
        return check_refuse(check,
                            "When using an EFS access point, the root directory must either be "
                            "set to \"/\" or be omitted");
    return true;
}

static bool check_efs(struct definition_check *check, const struct ecs_volume *v)
{
    const struct ecs_efs_volume_configuration *efs = v->efs_volume_configuration;
    const struct ecs_efs_authorization_config *auth = efs->authorization_config;
    bool encrypted = efs->transit_encryption == ECS_EFS_TRANSIT_ENCRYPTION_ENABLED;

    if (!is_file_system_id(efs->file_system_id))
        return check_refuse(check, "Invalid file system id '%.*s' in volume '%.*s'.",
                            STR_ARGS(efs->file_system_id), STR_ARGS(v->name));
    if (efs->has.transit_encryption_port && !encrypted)
        return check_refuse(check,
                            "TransitEncryptionPort requires that TransitEncryption is enabled");
    if (auth == NULL)
        return true;
    if (auth->iam == ECS_EFS_AUTHORIZATION_CONFIG_IAM_ENABLED && !encrypted)
        return check_refuse(check,
                            "EFS IAM authorization requires TransitEncryption to be enabled");
    if (auth->access_point_id.len == 0)
        return true;
    if (!check_access_point(check, efs->root_directory))
        return false;
    return encrypted ||
           check_refuse(check, "EFS access points require TransitEncryption to be enabled");
}

static bool check_s3_files(struct definition_check *check, const struct ecs_volume *v)
{
    const struct ecs_s3_files_volume_configuration *s3 = v->s3files_volume_configuration;

    if (!arn_looks_like_one(s3->file_system_arn))
        return check_refuse(check, "Invalid arn syntax");
    if (check->in->task_role_arn.len == 0)
        return check_refuse(check,
                            "When you are specifying an S3 Files volume, you must also specify a "
                            "value for 'taskRoleArn'.");
    return s3->access_point_arn.len == 0 || check_access_point(check, s3->root_directory);
}

static bool check_fsx(struct definition_check *check, const struct ecs_volume *v)
{
    const struct ecs_f_sx_windows_file_server_volume_configuration *fsx =
        v->fsx_windows_file_server_volume_configuration;

    if (fsx->file_system_id.len == 0 || fsx->root_directory.len == 0 ||
        fsx->authorization_config == NULL ||
        fsx->authorization_config->credentials_parameter.len == 0 ||
        fsx->authorization_config->domain.len == 0)
        return check_refuse(check,
                            "Incomplete FSx for Windows File Server configuration in volume "
                            "'%.*s'.",
                            STR_ARGS(v->name));
    return true;
}

static bool is_mounted(const struct definition_check *check, struct str volume)
{
    for (size_t i = 0; i < check->in->container_definitions.n; i++) {
        const struct ecs_container_definition *c = &check->in->container_definitions.at[i];
        for (size_t k = 0; k < c->mount_points.n; k++) {
            if (str_eq(c->mount_points.at[k].source_volume, volume))
                return true;
        }
    }
    return false;
}

static bool check_launch_volumes(struct definition_check *check)
{
    size_t n = 0;

    for (size_t i = 0; i < check->in->volumes.n; i++) {
        const struct ecs_volume *v = &check->in->volumes.at[i];

        n += v->configured_at_launch;
        if (v->configured_at_launch && !is_mounted(check, v->name))
            return check_refuse(check, "Volumes [%.*s] are not referenced by any of the containers",
                                STR_ARGS(v->name));
    }
    if (n > 1)
        return check_refuse(check, "Only one volume of a task can be configured at launch");
    return true;
}

static bool check_volume(struct definition_check *check, size_t index)
{
    const struct ecs_volume *v = &check->in->volumes.at[index];

    if (!check_name(check, index))
        return false;
    if (kinds_of(v) > 1)
        return check_refuse(check, "Only one volume type can be specified for volume '%.*s'.",
                            STR_ARGS(v->name));
    if (v->has.docker_volume_configuration)
        return check_docker(check, v);
    if (v->has.efs_volume_configuration)
        return check_efs(check, v);
    if (v->has.s3files_volume_configuration)
        return check_s3_files(check, v);
    if (v->has.fsx_windows_file_server_volume_configuration)
        return check_fsx(check, v);
    return true;
}

// What no host that Gantry knows can give is refused here, rather than by a placement that never
// comes.
static bool check_available(struct definition_check *check, const struct ecs_volume *v)
{
    const char *kind = NULL;

    if (v->configured_at_launch)
        kind = "Amazon EBS volumes";
    else if (v->has.s3files_volume_configuration)
        kind = "Amazon S3 Files volumes";
    else if (v->has.fsx_windows_file_server_volume_configuration)
        kind = "Amazon FSx for Windows File Server volumes";
    return kind == NULL || check_refuse(check, "%s are not available in Gantry (volume '%.*s').",
                                        kind, STR_ARGS(v->name));
}

bool check_volumes(struct definition_check *check)
{
    for (size_t i = 0; i < check->in->volumes.n; i++) {
        if (!check_volume(check, i))
            return false;
    }
    return check_launch_volumes(check);
}

bool check_volumes_are_available(struct definition_check *check)
{
    for (size_t i = 0; i < check->in->volumes.n; i++) {
        if (!check_available(check, &check->in->volumes.at[i]))
            return false;
    }
    return true;
}
