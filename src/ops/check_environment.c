// What containers are given to know: variables, files of variables, secrets, credentials. Where
// secrets come from is only read, never asked. Source: ecs-behaviour-api 8.6.

#include "ops/secret_source.h"
#include "ops/task_definition_check.h"

enum { ENVIRONMENT_FILES_MAX = 10, CREDENTIAL_SPECS_MAX = 1 };

static bool needs_execution_role(struct definition_check *check, const char *what)
{
    if (check->in->execution_role_arn.len > 0)
        return true;
    return check_refuse(check,
                        "When you are specifying %s, you must also specify a value for "
                        "'executionRoleArn'.",
                        what);
}

static bool check_variables(struct definition_check *check,
                            const struct ecs_container_definition *c)
{
    for (size_t i = 0; i < c->environment.n; i++) {
        if (c->environment.at[i].name.len == 0)
            return check_refuse(check, "Container.environment.name should not be null or empty.");
    }
    return true;
}

// "arn:aws:s3:::bucket/path/file.env"
static bool is_environment_object(struct str text)
{
    struct arn arn;

    return arn_parse(text, &arn) && str_eq(arn.service, STR("s3")) && str_ends(text, STR(".env"));
}

static bool check_files(struct definition_check *check, const struct ecs_container_definition *c)
{
    if (c->environment_files.n > ENVIRONMENT_FILES_MAX)
        return check_refuse(check,
                            "The maximum number of environment files was exceeded. Specify ten or "
                            "less and try again");
    for (size_t i = 0; i < c->environment_files.n; i++) {
        if (!is_environment_object(c->environment_files.at[i].value))
            return check_refuse(check, "Invalid arn syntax");
    }
    return c->environment_files.n == 0 || needs_execution_role(check, "environment files");
}

bool check_secret(struct definition_check *check, const struct ecs_secret *secret)
{
    struct str account;
    enum secret_source source = secret_source(secret->value_from, &account);

    if (secret->name.len == 0)
        return check_refuse(check, "Container.secrets.name should not be null or empty.");
    if (secret->value_from.len == 0)
        return check_refuse(check, "Container.secrets.valueFrom should not be null or empty.");
    if (source == SECRET_SOURCE_NONE)
        return check_refuse(check, "Invalid arn syntax");
    if (source == SECRET_SOURCE_PARAMETER && account.len > 0 &&
        !str_eq(account, check->ctx->state->config.account))
        return check_refuse(
            check,
            "The Systems Manager parameter ARN has a different account ID than the "
            "current account. The current account ID is %.*s and the ARN account ID is "
            "%.*s. Cross-account access for ARNs is not currently supported.",
            STR_ARGS(check->ctx->state->config.account), STR_ARGS(account));
    return needs_execution_role(check, "container secrets");
}

static bool is_taken(const struct ecs_container_definition *c, size_t index)
{
    struct str name = c->secrets.at[index].name;

    for (size_t i = 0; i < c->environment.n; i++) {
        if (str_eq(c->environment.at[i].name, name))
            return true;
    }
    for (size_t i = 0; i < index; i++) {
        if (str_eq(c->secrets.at[i].name, name))
            return true;
    }
    return false;
}

static bool check_secrets(struct definition_check *check, const struct ecs_container_definition *c)
{
    for (size_t i = 0; i < c->secrets.n; i++) {
        if (!check_secret(check, &c->secrets.at[i]))
            return false;
        if (is_taken(c, i))
            return check_refuse(
                check,
                "The secret name must be unique and not shared with any new or existing "
                "environment variables set on the container, such as '%.*s'.",
                STR_ARGS(c->secrets.at[i].name));
    }
    return true;
}

static bool check_credentials(struct definition_check *check,
                              const struct ecs_container_definition *c)
{
    if (c->credential_specs.n > CREDENTIAL_SPECS_MAX)
        return check_refuse_setting(check, c, "Only one credential spec can be specified.");
    for (size_t i = 0; i < c->credential_specs.n; i++) {
        struct str kind;
        struct str where;

        if (!str_cut(c->credential_specs.at[i], ':', &kind, &where) || where.len == 0 ||
            (!str_eq(kind, STR("credentialspec")) &&
             !str_eq(kind, STR("credentialspecdomainless"))))
            return check_refuse_setting(check, c, "The credential spec is not valid.");
    }
    if (!c->has.repository_credentials)
        return true;
    if (c->repository_credentials->credentials_parameter.len == 0)
        return check_refuse_setting(check, c, "'credentialsParameter' must be specified.");
    return needs_execution_role(check, "repository credentials");
}

static bool check_container(struct definition_check *check,
                            const struct ecs_container_definition *c)
{
    return check_variables(check, c) && check_files(check, c) && check_secrets(check, c) &&
           check_credentials(check, c);
}

bool check_environment(struct definition_check *check)
{
    return check_each_container(check, check_container);
}
