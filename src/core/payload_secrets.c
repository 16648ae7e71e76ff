// What an agent fetches before it makes a container: secrets and registry logins. An agent fetches
// with the task's execution role where a definition asks for one, else with its own keys.
// Source: agent-protocol 7.2, ecs-behaviour-agent 1.7.4 and 1.8.2.

#include "base/arena.h"
#include "core/payload_parts.h"

// Field `index` of an ARN: arn:partition:service:region:account:resource.
static struct str arn_field(struct str arn, int index)
{
    struct str head = STR_NONE;
    struct str rest = arn;

    for (int i = 0; i <= index; i++)
        str_cut(rest, ':', &head, &rest);
    return head;
}

static bool is_arn_of(struct str text, struct str service)
{
    return arn_looks_like_one(text) && str_eq(arn_field(text, 2), service);
}

// Secrets Manager is always named by ARN; the Parameter Store by ARN or by name.
static void put_secret(const struct container_part *part, const struct ecs_secret *from,
                       struct acs_secret *out)
{
    bool is_arn = arn_looks_like_one(from->value_from);

    SET(out, name, from->name);
    SET(out, value_from, from->value_from);
    SET(out, provider,
        is_arn_of(from->value_from, STR("secretsmanager")) ? ACS_SECRET_PROVIDER_ASM
                                                           : ACS_SECRET_PROVIDER_SSM);
    SET(out, region, is_arn ? arn_field(from->value_from, 3) : part->region);
}

struct acs_secret_list payload_secrets(const struct container_part *part)
{
    static const struct ecs_secret_list none = {0};
    const struct ecs_log_configuration *log = part->container->log_configuration;
    const struct ecs_secret_list *own = &part->container->secrets;
    const struct ecs_secret_list *of_log = log != NULL ? &log->secret_options : &none;
    struct acs_secret_list out = {
        .at = arena_array(part->step->arena, struct acs_secret, own->n + of_log->n)};

    for (size_t i = 0; i < own->n; i++) {
        struct acs_secret *secret = &out.at[out.n++];
        put_secret(part, &own->at[i], secret);
        SET(secret, type, ACS_SECRET_TYPE_ENVIRONMENT_VARIABLE);
        SET(secret, target, ACS_SECRET_TARGET_CONTAINER);
    }
    for (size_t i = 0; i < of_log->n; i++) {
        struct acs_secret *secret = &out.at[out.n++];
        put_secret(part, &of_log->at[i], secret);
        SET(secret, type, ACS_SECRET_TYPE_BOOTSTRAP);
        SET(secret, target, ACS_SECRET_TARGET_LOG_DRIVER);
    }
    return out;
}

static bool is_account(struct str text)
{
    int64_t number;

    return text.len == 12 && str_to_i64(text, &number) && number >= 0;
}

// <account>.dkr.ecr.<region>.amazonaws.com/...
static bool ecr_parts(struct str image, struct str *out_account, struct str *out_region)
{
    struct str host;
    struct str rest;
    struct str word;

    str_cut(image, '/', &host, &rest);
    str_cut(host, '.', out_account, &rest);
    if (!is_account(*out_account) || !str_cut(rest, '.', &word, &rest) ||
        !str_eq(word, STR("dkr")) || !str_cut(rest, '.', &word, &rest) || !str_eq(word, STR("ecr")))
        return false;
    return str_cut(rest, '.', out_region, &rest) && str_starts(rest, STR("amazonaws.com"));
}

struct acs_registry_authentication_data *payload_registry(const struct container_part *part)
{
    const struct ecs_repository_credentials *given = part->container->repository_credentials;
    struct arena *arena = part->step->arena;
    struct acs_registry_authentication_data *out =
        arena_new(arena, struct acs_registry_authentication_data);
    struct str account;
    struct str region;

    if (given != NULL) {
        SET(out, type, ACS_AUTHENTICATION_TYPE_ASM);
        SET(out, asm_auth_data, arena_new(arena, struct acs_asm_auth_data));
        SET(out->asm_auth_data, credentials_parameter, given->credentials_parameter);
        SET(out->asm_auth_data, region,
            arn_looks_like_one(given->credentials_parameter)
                ? arn_field(given->credentials_parameter, 3)
                : part->region);
        return out;
    }
    if (!ecr_parts(part->container->image, &account, &region))
        return NULL;
    SET(out, type, ACS_AUTHENTICATION_TYPE_ECR);
    SET(out, ecr_auth_data, arena_new(arena, struct acs_ecr_auth_data));
    SET(out->ecr_auth_data, registry_id, account);
    SET(out->ecr_auth_data, region, region);
    SET(out->ecr_auth_data, use_execution_role, false);
    return out;
}
