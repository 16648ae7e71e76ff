// See meta_path.h. A path is cut at its slashes; each version has its own few forms. Ids are not
// decoded: those that the agent gives away have no character that would be encoded.

#include "agent/meta_path.h"

#include "base/arena.h"
#include "base/buf.h"
#include "wire/uri.h"

enum { PARTS_MAX = 8 };

struct parts {
    struct str at[PARTS_MAX];
    size_t n; // PARTS_MAX + 1: more than any path of ours has
};

static struct parts split(struct str path)
{
    struct parts parts = {0};
    bool more = str_starts(path, STR("/"));
    struct str rest = str_from(path, 1);

    while (more && parts.n < PARTS_MAX)
        more = str_cut(rest, '/', &parts.at[parts.n++], &rest);
    if (more)
        parts.n = PARTS_MAX + 1;
    return parts;
}

static bool is(struct str part, const char *word)
{
    return str_eq(part, str_of(word));
}

// ---- v2: the caller is known by its address

static struct meta_path read_v2(const struct parts *parts)
{
    struct meta_path path = {.version = 2};
    bool is_short = parts->n <= 3;

    if (parts->n == 3)
        path.id = parts->at[2];
    if (is_short && is(parts->at[1], "credentials"))
        path.what = META_CREDENTIALS;
    else if (is_short && is(parts->at[1], "metadata"))
        path.what = path.id.len > 0 ? META_CONTAINER : META_TASK;
    else if (is_short && is(parts->at[1], "metadataWithTags"))
        path.what = path.id.len > 0 ? META_CONTAINER : META_TASK_WITH_TAGS;
    else if (is_short && is(parts->at[1], "stats"))
        path.what = path.id.len > 0 ? META_STATS : META_TASK_STATS;
    return path;
}

// ---- v3 and v4: by the id in the path

static enum meta_what what_of(const struct parts *parts)
{
    const struct str *at = parts->at;

    if (parts->n == 2)
        return META_CONTAINER;
    if (parts->n == 3 && is(at[2], "task"))
        return META_TASK;
    if (parts->n == 3 && is(at[2], "taskWithTags"))
        return META_TASK_WITH_TAGS;
    if (parts->n == 3 && is(at[2], "stats"))
        return META_STATS;
    if (parts->n == 4 && is(at[2], "task") && is(at[3], "stats"))
        return META_TASK_STATS;
    if (parts->n == 4 && is(at[2], "associations"))
        return META_ASSOCIATIONS;
    if (parts->n == 5 && is(at[2], "associations"))
        return META_ASSOCIATION;
    return META_NOTHING;
}

static struct meta_path read_v3_or_v4(const struct parts *parts, int version)
{
    struct meta_path path = {.version = version, .what = what_of(parts)};

    path.id = parts->at[1];
    if (path.what == META_ASSOCIATIONS || path.what == META_ASSOCIATION)
        path.type = parts->at[3];
    if (path.what == META_ASSOCIATION)
        path.name = parts->at[4];
    return path;
}

// ---- the task API

static const struct str fault_names[META_FAULT_N] = {
    [META_FAULT_BLACKHOLE] = STR_INIT("network-blackhole-port"),
    [META_FAULT_LATENCY] = STR_INIT("network-latency"),
    [META_FAULT_LOSS] = STR_INIT("network-packet-loss"),
};

static const struct str act_names[META_FAULT_ACT_N] = {
    [META_FAULT_START] = STR_INIT("start"),
    [META_FAULT_STOP] = STR_INIT("stop"),
    [META_FAULT_STATUS] = STR_INIT("status"),
};

struct str meta_fault_name(enum meta_fault fault)
{
    return fault_names[fault];
}

static size_t index_of(const struct str *names, size_t n, struct str name)
{
    size_t i = 0;

    while (i < n && !str_eq(names[i], name))
        i++;
    return i;
}

static struct meta_path read_api(const struct parts *parts)
{
    struct meta_path path = {.version = 4, .id = parts->at[1]};
    const struct str *at = parts->at;
    size_t fault;
    size_t act;

    if (parts->n == 5 && is(at[2], "task-protection") && is(at[3], "v1") && is(at[4], "state"))
        path.what = META_PROTECTION;
    if (parts->n != 6 || !is(at[2], "fault") || !is(at[3], "v1"))
        return path;
    fault = index_of(fault_names, META_FAULT_N, at[4]);
    act = index_of(act_names, META_FAULT_ACT_N, at[5]);
    if (fault == META_FAULT_N || act == META_FAULT_ACT_N)
        return path;
    path.what = META_FAULT;
    path.fault = (enum meta_fault)fault;
    path.act = (enum meta_fault_act)act;
    return path;
}

struct meta_path meta_path_read(struct str text, struct str query, struct arena *arena)
{
    struct parts parts = split(text);
    struct meta_path path = {0};

    if (parts.n < 2 || parts.n > PARTS_MAX)
        return path;
    if (is(parts.at[0], "v1") && parts.n == 2 && is(parts.at[1], "credentials")) {
        path = (struct meta_path){.what = META_CREDENTIALS, .version = 1};
        if (!uri_query_get(arena, query, STR("id"), &path.id))
            path.id = STR_NONE;
        return path;
    }
    if (is(parts.at[0], "v2"))
        return read_v2(&parts);
    if (is(parts.at[0], "v3"))
        return read_v3_or_v4(&parts, 3);
    if (is(parts.at[0], "v4"))
        return read_v3_or_v4(&parts, 4);
    return is(parts.at[0], "api") ? read_api(&parts) : path;
}

// ---- cleaning

static bool is_unclean(struct str path)
{
    bool more = true;
    struct str part;
    struct str rest = str_from(path, 1);

    while (more) {
        more = str_cut(rest, '/', &part, &rest);
        if ((part.len == 0 && more) || is(part, ".") || is(part, ".."))
            return true;
    }
    return !str_starts(path, STR("/"));
}

static void drop_last(struct buf *out)
{
    struct str head;
    struct str tail;

    str_cut_last(buf_str(out), '/', &head, &tail);
    if (buf_len(out) > 0)
        out->end = out->start + head.len;
}

bool meta_path_clean(struct str path, struct arena *arena, struct str *out)
{
    BUF_AUTO struct buf clean = BUF_INIT;
    struct str rest = path;
    bool more = true;
    bool ends_open = false;

    *out = path;
    if (!is_unclean(path))
        return false;
    while (more) {
        struct str part;

        more = str_cut(rest, '/', &part, &rest);
        ends_open = part.len == 0;
        if (is(part, "..")) {
            drop_last(&clean);
        } else if (part.len > 0 && !is(part, ".")) {
            buf_add_char(&clean, '/');
            buf_add_str(&clean, part);
        }
    }
    if (ends_open || buf_len(&clean) == 0)
        buf_add_char(&clean, '/');
    *out = str_copy(arena, buf_str(&clean));
    return true;
}
