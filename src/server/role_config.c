// See role_config.h. A mistake is refused: an operator who wrote a setting means it.

#include "server/role_config.h"

#include "base/arena.h"
#include "wire/uri.h"

enum { SECTIONS_MAX = 1000, ACTIONS_MAX = 100 };

struct reader {
    struct arena *arena;
    struct role_config config;
    const char *fault; // of the line at hand
};

static bool fail(struct reader *r, const char *fault)
{
    r->fault = fault;
    return false;
}

static bool end_section(struct reader *r)
{
    const struct role_section *section;
    bool has_keys;

    if (r->config.n == 0)
        return true;
    section = &r->config.at[r->config.n - 1];
    has_keys = section->keys_file != NULL || section->keys_url.len > 0;
    if (section->keys_file != NULL && section->keys_url.len > 0)
        return fail(r, "the section before this line has keys-file and keys-url: give one");
    if (section->profile.len > 0 && section->keys_file == NULL)
        return fail(r, "the section before this line has a profile but no keys-file");
    if (!has_keys && section->grant.actions.n == 0)
        return fail(r, "the section before this line says nothing: give allow, keys-file or "
                       "keys-url");
    return true;
}

static bool begin_section(struct reader *r, struct str line)
{
    struct str name = str_trim(str_take(str_from(line, 1), line.len - 2));

    if (!str_ends(line, STR("]")) || name.len == 0)
        return fail(r, "a section is written [ROLE]");
    if (!end_section(r))
        return false;
    if (r->config.n == SECTIONS_MAX)
        return fail(r, "too many sections");
    r->config.at[r->config.n++] = (struct role_section){
        .role = str_copy(r->arena, name),
        .grant.cluster = STR("*"),
    };
    return true;
}

static bool is_action(struct str word)
{
    return str_starts(word, STR("ecs:")) && word.len > 4;
}

static bool read_actions(struct reader *r, struct str value, struct role_grant *grant)
{
    if (grant->actions.n > 0)
        return fail(r, "allow is there already: one line, actions parted by spaces");
    grant->actions.at = arena_array(r->arena, struct str, ACTIONS_MAX);
    while (value.len > 0) {
        struct str word;

        str_cut(value, ' ', &word, &value);
        word = str_trim(word);
        value = str_trim(value);
        if (str_ends(word, STR(",")))
            word = str_take(word, word.len - 1);
        if (!is_action(word))
            return fail(r, "an action is written ecs:NAME, and may hold * and ?");
        if (grant->actions.n == ACTIONS_MAX)
            return fail(r, "too many actions");
        grant->actions.at[grant->actions.n++] = str_copy(r->arena, word);
    }
    return true;
}

static bool read_url(struct reader *r, struct str value, struct role_section *section)
{
    struct uri uri;

    if (!uri_parse(r->arena, value, &uri) || uri.scheme == URI_UNIX)
        return fail(r, "the keys-url is not one of http or https");
    section->keys_url = str_copy(r->arena, value);
    return true;
}

static bool read_setting(struct reader *r, struct str line)
{
    struct role_section *section = &r->config.at[r->config.n - 1];
    struct str key;
    struct str value;

    if (!str_cut(line, '=', &key, &value))
        return fail(r, "neither [ROLE] nor key = value");
    if (r->config.n == 0)
        return fail(r, "a setting before the first [ROLE]");
    key = str_trim(key);
    value = str_trim(value);
    if (value.len == 0)
        return fail(r, "a setting without a value");
    if (str_eq(key, STR("allow")))
        return read_actions(r, value, &section->grant);
    if (str_eq(key, STR("keys-url")))
        return read_url(r, value, section);
    if (str_eq(key, STR("cluster")))
        section->grant.cluster = str_copy(r->arena, value);
    else if (str_eq(key, STR("keys-file")))
        section->keys_file = str_cstr(r->arena, value);
    else if (str_eq(key, STR("profile")))
        section->profile = str_copy(r->arena, value);
    else
        return fail(r, "not a setting: allow, cluster, keys-file, profile, keys-url");
    return true;
}

static bool read_line(struct reader *r, struct str line)
{
    line = str_trim(line);
    if (line.len == 0 || line.ptr[0] == '#' || line.ptr[0] == ';')
        return true;
    return line.ptr[0] == '[' ? begin_section(r, line) : read_setting(r, line);
}

int role_config_parse(struct str text, struct arena *arena, struct role_config *out,
                      struct str *out_detail)
{
    struct reader r = {.arena = arena};
    struct str rest = text;
    struct str line;
    int number = 0;
    bool good = true;

    r.config.at = arena_array(arena, struct role_section, SECTIONS_MAX);
    while (good && rest.len > 0) {
        number++;
        str_cut(rest, '\n', &line, &rest);
        good = read_line(&r, line);
    }
    if (good)
        good = end_section(&r);
    if (!good) {
        *out_detail = str_fmt(arena, "line %d: %s", number, r.fault);
        return ROLE_CONFIG_E_BAD;
    }
    *out = r.config;
    return 0;
}

// ---- asking

bool role_section_fits(const struct role_section *section, struct str role_arn)
{
    struct str head;
    struct str name;

    if (str_starts(section->role, STR("arn:")))
        return op_pattern_matches(section->role, role_arn);
    if (!str_cut_last(role_arn, '/', &head, &name))
        name = role_arn;
    return op_pattern_matches(section->role, name);
}

static struct role_grant copy_grant(const struct role_grant *grant, struct arena *arena)
{
    struct role_grant copy = {
        .actions = {.n = grant->actions.n, .at = arena_array(arena, struct str, grant->actions.n)},
        .cluster = str_copy(arena, grant->cluster),
    };

    for (size_t i = 0; i < copy.actions.n; i++)
        copy.actions.at[i] = str_copy(arena, grant->actions.at[i]);
    return copy;
}

void role_config_grants(const struct role_config *config, struct str role_arn, struct arena *arena,
                        struct role_caller *out)
{
    struct role_grant *grants = arena_array(arena, struct role_grant, config->n);

    out->grants_n = 0;
    for (size_t i = 0; i < config->n; i++) {
        if (config->at[i].grant.actions.n > 0 && role_section_fits(&config->at[i], role_arn))
            grants[out->grants_n++] = copy_grant(&config->at[i].grant, arena);
    }
    out->grants = grants;
}
