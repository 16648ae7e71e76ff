// See roles.h. The core says of a role only its ARN and when its keys are to end; this file makes
// the rest, so that no secret ever is in the state, in the journal or in the store.
//
// Keys of an operator's own: those of a file are read with the configuration. Those of a URL are
// fetched when the server starts, again at half of what is left of their time, and once a minute
// while that fails; a task that is sent none meanwhile has its credentials id, and its agent says
// that they are not there yet.

#include "server/roles.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/clock.h"
#include "io/file.h"
#include "io/loop.h"
#include "server/credentials.h"
#include "server/role_config.h"
#include "server/role_fetch.h"
#include "server/role_keys.h"
#include "wire/crypto.h"

enum { FILE_MAX = 1 << 20 };

// What one reading of the file gave.
struct table {
    struct arena arena;
    struct role_config config;
    struct handed_keys *handed; // one a section; without a key id: Gantry's own are used
};

struct roles {
    struct role_keys *keys;
    char *path;
    struct table table;
    struct loop *loop;
    struct role_fetch *fetch; // NULL: there is nothing to fetch, or not yet
    void (*changed)(void *user);
    void *user;
};

struct roles *roles_new(struct role_keys *keys, const char *path)
{
    struct roles *roles = mem_zalloc(sizeof *roles);

    ASSERT(keys != NULL);
    roles->keys = keys;
    if (path != NULL) {
        roles->path = mem_alloc(strlen(path) + 1);
        memcpy(roles->path, path, strlen(path) + 1);
    }
    return roles;
}

void roles_free(struct roles *roles)
{
    if (roles == NULL)
        return;
    role_fetch_free(roles->fetch);
    role_keys_free(roles->keys);
    arena_deinit(&roles->table.arena);
    mem_free(roles->path);
    mem_free(roles);
}

// ---- the operator's file

static bool read_profile(struct table *table, const struct role_section *section,
                         struct handed_keys *out, struct arena *arena, struct str *out_detail)
{
    struct str wanted = section->profile.len > 0 ? section->profile : STR("default");
    struct credentials *file;
    struct str why = STR_NONE;
    int rc = file_exists(section->keys_file)
                 ? credentials_load(section->keys_file, STR("aws"), STR("0"), arena, &why, &file)
                 : -ENOENT;

    if (rc != 0) {
        if (rc < 0)
            why = str_of(strerrordesc_np(-rc));
        *out_detail = str_fmt(arena, "cannot use %s: %.*s", section->keys_file, STR_ARGS(why));
        return false;
    }
    for (const struct credential *c = file->first; c != NULL; c = c->next) {
        if (str_eq(c->profile, wanted))
            *out = (struct handed_keys){
                .key_id = str_copy(&table->arena, c->key_id),
                .secret = str_copy(&table->arena, c->secret),
                .token = str_copy(&table->arena, c->token),
            };
    }
    credentials_free(file);
    if (out->key_id.len == 0)
        *out_detail = str_fmt(arena, "%s has no keys in the profile %.*s", section->keys_file,
                              STR_ARGS(wanted));
    return out->key_id.len > 0;
}

static bool read_table(struct roles *roles, struct table *table, struct arena *arena,
                       struct str *out_detail)
{
    BUF_AUTO struct buf text = BUF_INIT;
    struct str why = STR_NONE;
    int rc = file_read(roles->path, FILE_MAX, &text);

    if (rc != 0) {
        *out_detail = str_of(strerrordesc_np(-rc));
        return false;
    }
    if (role_config_parse(buf_str(&text), &table->arena, &table->config, &why) != 0) {
        *out_detail = str_copy(arena, why);
        return false;
    }
    table->handed = arena_array(&table->arena, struct handed_keys, table->config.n);
    for (size_t i = 0; i < table->config.n; i++) {
        if (table->config.at[i].keys_file != NULL &&
            !read_profile(table, &table->config.at[i], &table->handed[i], arena, out_detail))
            return false;
    }
    return true;
}

static void fetch_again(struct roles *roles)
{
    role_fetch_free(roles->fetch);
    roles->fetch = NULL;
    for (size_t i = 0; i < roles->table.config.n && roles->fetch == NULL; i++) {
        if (roles->loop != NULL && roles->table.config.at[i].keys_url.len > 0)
            roles->fetch =
                role_fetch_new(roles->loop, &roles->table.config, roles->changed, roles->user);
    }
}

bool roles_load(struct roles *roles, struct arena *arena, struct str *out_detail)
{
    struct table table = {0};
    struct str why = STR_NONE;

    if (roles->path == NULL)
        return true;
    if (!read_table(roles, &table, arena, &why)) {
        arena_deinit(&table.arena);
        *out_detail =
            str_fmt(arena, "cannot use the file of roles %s: %.*s", roles->path, STR_ARGS(why));
        return false;
    }
    role_fetch_free(roles->fetch);
    roles->fetch = NULL;
    arena_deinit(&roles->table.arena);
    roles->table = table;
    fetch_again(roles);
    LOG_INFO("roles.loaded", LOG_CSTR("file", roles->path), LOG_INT("sections", table.config.n));
    if (roles->changed != NULL)
        roles->changed(roles->user);
    return true;
}

void roles_serve(struct roles *roles, struct loop *loop, void (*changed)(void *user), void *user)
{
    roles->loop = loop;
    roles->changed = changed;
    roles->user = user;
    fetch_again(roles);
}

void roles_rest(struct roles *roles)
{
    if (roles == NULL)
        return;
    roles->loop = NULL;
    roles->changed = NULL;
    fetch_again(roles);
}

// The section that hands out keys for the role; SIZE_MAX: Gantry's own are used.
static size_t handing_section(const struct roles *roles, struct str role_arn)
{
    const struct role_config *config = &roles->table.config;

    for (size_t i = 0; i < config->n; i++) {
        if ((config->at[i].keys_file != NULL || config->at[i].keys_url.len > 0) &&
            role_section_fits(&config->at[i], role_arn))
            return i;
    }
    return SIZE_MAX;
}

static struct handed_keys keys_of_section(const struct roles *roles, size_t section)
{
    if (roles->table.config.at[section].keys_url.len > 0)
        return roles->fetch != NULL ? role_fetch_get(roles->fetch, section)
                                    : (struct handed_keys){0};
    return roles->table.handed[section];
}

// ---- messages

static struct str last_part(struct str arn)
{
    struct str head;
    struct str tail;

    return str_cut_last(arn, '/', &head, &tail) ? tail : arn;
}

static void hand_out(struct handed_keys keys, struct arena *arena,
                     struct acs_iam_role_credentials *out)
{
    SET(out, access_key_id, str_copy(arena, keys.key_id));
    SET(out, secret_access_key, str_copy(arena, keys.secret));
    SET(out, session_token, str_copy(arena, keys.token));
    if (keys.expiration.len > 0)
        SET(out, expiration, str_copy(arena, keys.expiration));
}

static struct acs_iam_role_credentials *complete(struct roles *roles, struct str task_arn,
                                                 enum acs_role_type type,
                                                 const struct acs_iam_role_credentials *announced,
                                                 struct arena *arena)
{
    struct acs_iam_role_credentials *out = arena_new(arena, struct acs_iam_role_credentials);
    struct role_session session = {
        .task = last_part(task_arn), .type = type, .role_arn = announced->role_arn};
    size_t section = handing_section(roles, announced->role_arn);
    bool is_time = time_parse_rfc3339(announced->expiration, &session.expires);

    ASSERT(is_time);
    role_keys_issue(roles->keys, &session, arena, out);
    if (section != SIZE_MAX)
        hand_out(keys_of_section(roles, section), arena, out);
    return out;
}

static void complete_task(struct roles *roles, struct acs_task *task, struct arena *arena)
{
    if (task->role_credentials != NULL)
        task->role_credentials = complete(roles, task->arn, ACS_ROLE_TYPE_TASKAPPLICATION,
                                          task->role_credentials, arena);
    if (task->execution_role_credentials != NULL)
        task->execution_role_credentials = complete(roles, task->arn, ACS_ROLE_TYPE_TASKEXECUTION,
                                                    task->execution_role_credentials, arena);
}

static const void *complete_payload(struct roles *roles,
                                    const struct acs_payload_message *announced,
                                    struct arena *arena)
{
    struct acs_payload_message *out = arena_copy(arena, announced, sizeof *announced);

    out->tasks.at =
        arena_copy(arena, announced->tasks.at, announced->tasks.n * sizeof *announced->tasks.at);
    for (size_t i = 0; i < out->tasks.n; i++)
        complete_task(roles, &out->tasks.at[i], arena);
    return out;
}

static bool announces_roles(const struct acs_payload_message *message)
{
    for (size_t i = 0; i < message->tasks.n; i++) {
        if (message->tasks.at[i].role_credentials != NULL ||
            message->tasks.at[i].execution_role_credentials != NULL)
            return true;
    }
    return false;
}

const void *roles_complete(struct roles *roles, enum acs_message kind, const void *message,
                           struct arena *arena)
{
    struct acs_iam_role_credentials_message *out;

    if (kind == ACS_MESSAGE_PAYLOAD_MESSAGE && announces_roles(message))
        return complete_payload(roles, message, arena);
    if (kind != ACS_MESSAGE_IAM_ROLE_CREDENTIALS_MESSAGE)
        return message;
    out = arena_copy(arena, message, sizeof *out);
    out->role_credentials =
        complete(roles, out->task_arn, out->role_type, out->role_credentials, arena);
    return out;
}

// ---- callers

// arn:aws:iam::123456789012:role/team/app -> arn:aws:sts::123456789012:assumed-role/app/<session>
static struct str principal_of(struct str role_arn, struct str session, struct arena *arena)
{
    struct str partition = STR("aws");
    struct str account = STR_NONE;
    struct str rest = role_arn;
    struct str word;

    for (int i = 0; i < 5 && str_cut(rest, ':', &word, &rest); i++) {
        if (i == 1)
            partition = word;
        if (i == 4)
            account = word;
    }
    return str_fmt(arena, "arn:%.*s:sts::%.*s:assumed-role/%.*s/%.*s", STR_ARGS(partition),
                   STR_ARGS(account), STR_ARGS(last_part(role_arn)), STR_ARGS(session));
}

static void describe(const struct roles *roles, const struct role_session *session,
                     struct str key_id, struct arena *arena, struct caller *out)
{
    struct role_caller *role = arena_new(arena, struct role_caller);
    struct str name = session->task.len > 0 ? session->task : STR("gantry");

    role->task = session->task;
    role->is_execution = session->type == ACS_ROLE_TYPE_TASKEXECUTION;
    role_config_grants(&roles->table.config, session->role_arn, arena, role);
    *out = (struct caller){
        .principal_arn = principal_of(session->role_arn, name, arena),
        .access_key = str_copy(arena, key_id),
        .role = role,
    };
}

// Keys that an operator hands to tasks name no task: they are the role's, and nothing more is
// known.
static enum sigv4_key_state look_up_handed(struct roles *roles, struct str key_id, struct str token,
                                           struct arena *arena, struct str *out_secret,
                                           struct caller *out_caller)
{
    for (size_t i = 0; i < roles->table.config.n; i++) {
        struct handed_keys keys = keys_of_section(roles, i);
        struct role_session session = {.role_arn = roles->table.config.at[i].role};

        if (keys.key_id.len == 0 || !str_eq(keys.key_id, key_id) ||
            !crypto_equal(keys.token, token))
            continue;
        describe(roles, &session, key_id, arena, out_caller);
        *out_secret = str_copy(arena, keys.secret);
        return SIGV4_KEY_KNOWN;
    }
    return SIGV4_KEY_UNKNOWN;
}

enum sigv4_key_state roles_look_up(struct roles *roles, struct str key_id, struct str token,
                                   bool has_token, time_ms now, struct arena *arena,
                                   struct str *out_secret, struct caller *out_caller)
{
    struct role_session session;
    enum sigv4_key_state state = SIGV4_KEY_UNKNOWN;

    if (has_token)
        state = role_keys_check(roles->keys, key_id, token, now, arena, &session, out_secret);
    if (state == SIGV4_KEY_UNKNOWN)
        return look_up_handed(roles, key_id, token, arena, out_secret, out_caller);
    describe(roles, &session, key_id, arena, out_caller);
    return state;
}
