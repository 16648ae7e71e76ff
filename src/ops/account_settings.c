// PutAccountSetting, PutAccountSettingDefault, DeleteAccountSetting and ListAccountSettings.
// Source: ecs-behaviour-api 7.13 and 12; sentences that the live service is not known by are in the
// style of those that are.
//
// Refused, as on the live service: going back to short ARNs and to tagging without authorisation,
// and what is not the account's to decide.

#include "base/arena.h"
#include "base/buf.h"
#include "base/proof.h"
#include "model/account_setting.h"
#include "ops/page.h"

enum { VALUES_MAX = 3 };

struct rule {
    struct str values[VALUES_MAX];
    struct str settled; // the only value that may still be set; empty: any
    bool of_account;    // cannot differ between principals
    bool is_managed;    // not the account's to set
};

#define ON_OR_OFF                                                                                  \
    {                                                                                              \
        STR_INIT("on"), STR_INIT("off")                                                            \
    }
#define SWITCHABLE                                                                                 \
    {                                                                                              \
        STR_INIT("enabled"), STR_INIT("disabled")                                                  \
    }
#define LONG_ARNS                                                                                  \
    {                                                                                              \
        .values = SWITCHABLE, .settled = STR_INIT("enabled")                                       \
    }

static const struct rule rules[ECS_SETTING_NAME_N] = {
    [ECS_SETTING_NAME_SERVICELONGARNFORMAT] = LONG_ARNS,
    [ECS_SETTING_NAME_TASKLONGARNFORMAT] = LONG_ARNS,
    [ECS_SETTING_NAME_CONTAINERINSTANCELONGARNFORMAT] = LONG_ARNS,
    [ECS_SETTING_NAME_AWSVPCTRUNKING] = {.values = SWITCHABLE},
    [ECS_SETTING_NAME_CONTAINERINSIGHTS] = {{STR_INIT("enhanced"), STR_INIT("enabled"),
                                             STR_INIT("disabled")}},
    [ECS_SETTING_NAME_FARGATEFIPSMODE] = {.values = SWITCHABLE},
    [ECS_SETTING_NAME_TAGRESOURCEAUTHORIZATION] = {.values = ON_OR_OFF, .settled = STR_INIT("on")},
    [ECS_SETTING_NAME_FARGATETASKRETIREMENTWAITPERIOD] = {.values = {STR_INIT("0"), STR_INIT("7"),
                                                                     STR_INIT("14")},
                                                          .of_account = true},
    [ECS_SETTING_NAME_GUARDDUTYACTIVATE] = {.values = ON_OR_OFF, .is_managed = true},
    [ECS_SETTING_NAME_DEFAULTLOGDRIVERMODE] = {{STR_INIT("blocking"), STR_INIT("non-blocking")}},
    [ECS_SETTING_NAME_FARGATEEVENTWINDOWS] = {.values = SWITCHABLE},
};

// ---- what is asked for

static struct str names(struct op_ctx *ctx)
{
    BUF_AUTO struct buf text = BUF_INIT;

    for (int name = 1; name < ECS_SETTING_NAME_N; name++)
        buf_printf(&text, "%s%.*s", name > 1 ? "," : "",
                   STR_ARGS(shape_enum_name(&ecs_setting_name_enum, name)));
    return str_copy(ctx->arena, buf_str(&text));
}

static int check_name(struct op_ctx *ctx, enum ecs_setting_name name, const void *field)
{
    if (name != ECS_SETTING_NAME_UNSET)
        return OP_OK;
    MARK("an account setting that does not exist is refused");
    return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "%.*s should be one of [%.*s]",
                   STR_ARGS(op_unknown_enum(ctx, field)), STR_ARGS(names(ctx)));
}

static int check_value(struct op_ctx *ctx, enum ecs_setting_name name, struct str value)
{
    BUF_AUTO struct buf text = BUF_INIT;
    const struct rule *rule = &rules[name];

    for (size_t i = 0; i < VALUES_MAX && rule->values[i].len > 0; i++) {
        if (str_eq(rule->values[i], value))
            return OP_OK;
        buf_printf(&text, "%s%.*s", i > 0 ? "," : "", STR_ARGS(rule->values[i]));
    }
    return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "value should be one of [%.*s]",
                   STR_ARGS(buf_str(&text)));
}

// A principal of this account: "arn:aws:iam::<account>:root", "user/<name>" or "role/<name>".
static bool is_principal(const struct op_ctx *ctx, struct str principal)
{
    struct str head =
        str_fmt(ctx->arena, "arn:%.*s:iam::%.*s:", STR_ARGS(ctx->state->config.partition),
                STR_ARGS(ctx->state->config.account));
    struct str tail = str_from(principal, head.len);

    if (!str_starts(principal, head) || principal.len > 2048)
        return false;
    return str_eq(tail, STR("root")) || (str_starts(tail, STR("user/")) && tail.len > 5) ||
           (str_starts(tail, STR("role/")) && tail.len > 5);
}

// Whose setting it is; somebody else's is root's alone to change. The session of a role has those
// of the account and none of its own.
static int find_principal(struct op_ctx *ctx, struct str given, bool is_change, struct str *out)
{
    struct str root = account_setting_root(ctx->state, ctx->arena);
    struct str caller = ctx->caller.principal_arn;

    *out = given.len > 0 ? given : caller;
    if (given.len == 0 && ctx->caller.role != NULL && !is_change)
        *out = root;
    if (!is_principal(ctx, *out))
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "Invalid principalArn: %.*s",
                       STR_ARGS(*out));
    if (is_change && !str_eq(*out, caller) && !str_eq(caller, root))
        return op_fail(ctx, ECS_ERROR_ACCESS_DENIED_EXCEPTION,
                       "You do not have authorization to perform the requested action.");
    return OP_OK;
}

// ---- changing

static struct ecs_setting *view(struct op_ctx *ctx, enum ecs_setting_name name, struct str value,
                                struct str principal)
{
    struct ecs_setting *setting = arena_new(ctx->arena, struct ecs_setting);

    SET(setting, name, name);
    SET(setting, value, value);
    SET(setting, principal_arn, principal);
    SET(setting, type,
        rules[name].is_managed ? ECS_SETTING_TYPE_AWS_MANAGED : ECS_SETTING_TYPE_USER);
    return setting;
}

static int check_change(struct op_ctx *ctx, enum ecs_setting_name name, struct str value,
                        struct str principal)
{
    const struct rule *rule = &rules[name];
    struct str root = account_setting_root(ctx->state, ctx->arena);

    if (rule->is_managed)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "%.*s is managed by AWS and can not be changed.",
                       STR_ARGS(shape_enum_name(&ecs_setting_name_enum, name)));
    if (rule->settled.len > 0 && !str_eq(rule->settled, value))
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "Opting out of %.*s is no longer possible.",
                       STR_ARGS(shape_enum_name(&ecs_setting_name_enum, name)));
    if (rule->of_account && !str_eq(principal, root))
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "%.*s can only be set for the account.",
                       STR_ARGS(shape_enum_name(&ecs_setting_name_enum, name)));
    return OP_OK;
}

static int put(struct op_ctx *ctx, enum ecs_setting_name name, struct str value,
               struct str principal, struct ecs_setting **out)
{
    struct rec_account_setting rec = {0};
    const struct account_setting *found;
    uint64_t id;

    if (check_value(ctx, name, value) != OP_OK ||
        check_change(ctx, name, value, principal) != OP_OK)
        return OP_FAILED;
    found = account_setting_find(ctx->state, ctx->caller.region, name, principal);
    id = found != NULL ? found->entity.id : state_new_id(ctx->state, REC_KIND_ACCOUNT_SETTING);
    SET(&rec, region, ctx->caller.region);
    SET(&rec, principal_arn, principal);
    SET(&rec, name, name);
    SET(&rec, value, value);
    state_put(ctx->state, REC_KIND_ACCOUNT_SETTING, id, &rec);
    *out = view(ctx, name, value, principal);
    return OP_OK;
}

int op_put_account_setting(struct op_ctx *ctx, const struct ecs_put_account_setting_request *in,
                           struct ecs_put_account_setting_response *out)
{
    struct ecs_setting *setting;
    struct str principal;

    if (check_name(ctx, in->name, &in->name) != OP_OK || op_validate(ctx) != OP_OK ||
        find_principal(ctx, in->principal_arn, true, &principal) != OP_OK ||
        put(ctx, in->name, in->value, principal, &setting) != OP_OK)
        return OP_FAILED;
    SET(out, setting, setting);
    return OP_OK;
}

int op_put_account_setting_default(struct op_ctx *ctx,
                                   const struct ecs_put_account_setting_default_request *in,
                                   struct ecs_put_account_setting_default_response *out)
{
    struct ecs_setting *setting;

    if (check_name(ctx, in->name, &in->name) != OP_OK || op_validate(ctx) != OP_OK ||
        put(ctx, in->name, in->value, account_setting_root(ctx->state, ctx->arena), &setting) !=
            OP_OK)
        return OP_FAILED;
    SET(out, setting, setting);
    return OP_OK;
}

int op_delete_account_setting(struct op_ctx *ctx,
                              const struct ecs_delete_account_setting_request *in,
                              struct ecs_delete_account_setting_response *out)
{
    const struct account_setting *found;
    struct str principal;
    struct str value;

    if (check_name(ctx, in->name, &in->name) != OP_OK || op_validate(ctx) != OP_OK ||
        find_principal(ctx, in->principal_arn, true, &principal) != OP_OK)
        return OP_FAILED;
    value = account_setting_value(ctx->state, ctx->caller.region, in->name, principal);
    found = account_setting_find(ctx->state, ctx->caller.region, in->name, principal);
    SET(out, setting, view(ctx, in->name, str_copy(ctx->arena, value), principal));
    if (found != NULL)
        state_remove(ctx->state, REC_KIND_ACCOUNT_SETTING, found->entity.id);
    return OP_OK;
}

// ---- listing, in the order of the names

struct wanted {
    const struct ecs_list_account_settings_request *in;
    struct str principal;
};

// The value to show; empty: none is shown.
static struct str value_of(const struct op_ctx *ctx, const struct wanted *wanted,
                           enum ecs_setting_name name)
{
    const struct account_setting *found;
    struct str value = STR_NONE;

    if (wanted->in->has.name && wanted->in->name != name)
        return STR_NONE;
    found = account_setting_find(ctx->state, ctx->caller.region, name, wanted->principal);
    if (wanted->in->effective_settings)
        value = account_setting_value(ctx->state, ctx->caller.region, name, wanted->principal);
    else if (found != NULL)
        value = found->rec->value;
    if (wanted->in->has.value && !str_eq(value, wanted->in->value))
        return STR_NONE;
    return value;
}

static int next_after(const struct op_ctx *ctx, const struct wanted *wanted, int after)
{
    int name = after + 1;

    while (name < ECS_SETTING_NAME_N && value_of(ctx, wanted, (enum ecs_setting_name)name).len == 0)
        name++;
    return name;
}

int op_list_account_settings(struct op_ctx *ctx, const struct ecs_list_account_settings_request *in,
                             struct ecs_list_account_settings_response *out)
{
    struct wanted wanted = {.in = in};
    bool is_named = in->has.name || op_unknown_enum(ctx, &in->name).len > 0;
    struct page page;
    uint64_t last;
    int name;

    if ((is_named && check_name(ctx, in->name, &in->name) != OP_OK) || op_validate(ctx) != OP_OK ||
        find_principal(ctx, in->principal_arn, false, &wanted.principal) != OP_OK)
        return OP_FAILED;
    if (in->has.value && !in->has.name)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "You must specify an account setting name to filter by value.");
    if (op_page_begin_id(ctx, 10, 10, &page, &last) != OP_OK)
        return OP_FAILED;
    out->has.settings = true;
    out->settings.at = arena_array(ctx->arena, struct ecs_setting, page.max);
    name = next_after(ctx, &wanted, last < ECS_SETTING_NAME_N ? (int)last : ECS_SETTING_NAME_N - 1);
    while (name < ECS_SETTING_NAME_N && page_wants(&page)) {
        enum ecs_setting_name found = (enum ecs_setting_name)name;

        out->settings.at[page.taken++] = *view(
            ctx, found, str_copy(ctx->arena, value_of(ctx, &wanted, found)), wanted.principal);
        last = (uint64_t)name;
        name = next_after(ctx, &wanted, name);
    }
    out->settings.n = page.taken;
    if (name < ECS_SETTING_NAME_N)
        SET(out, next_token, op_page_token_id(ctx, &page, last));
    return OP_OK;
}
