// See groups.h. A mistake is refused with its line: a rule that does not do what its writer meant
// is worse than none.

#include "host/groups.h"

#include "base/arena.h"
#include "base/buf.h"
#include "io/file.h"

enum { FILE_MAX = 1 << 20, GROUPS_MAX = 1000 };

struct reader {
    struct arena *arena;
    struct groups groups;
    const char *fault; // of the line at hand
};

static bool fail(struct reader *r, const char *fault)
{
    r->fault = fault;
    return false;
}

bool cidr_is_one(struct str text)
{
    struct str rest;
    struct str length;
    uint32_t bits = 0;
    int64_t len;

    if (!str_cut(text, '/', &rest, &length) || !str_to_i64(length, &len) || len < 0 || len > 32)
        return false;
    for (int i = 0; i < 4; i++) {
        struct str one;
        int64_t value;
        bool more = str_cut(rest, '.', &one, &rest);

        if (more != (i < 3) || one.len > 3 || !str_to_i64(one, &value) || value < 0 || value > 255)
            return false;
        bits = bits << 8 | (uint32_t)value;
    }
    return len == 32 || (bits & ((UINT64_C(1) << (32 - len)) - 1)) == 0;
}

static bool is_id(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '-' || c == '_';

        if (!good)
            return false;
    }
    return text.len > 0 && text.len <= 255;
}

const struct group *groups_find(const struct groups *groups, struct str id)
{
    for (size_t i = 0; i < groups->n; i++) {
        if (str_eq(groups->at[i].id, id))
            return &groups->at[i];
    }
    return NULL;
}

// ---- lines

static bool begin_group(struct reader *r, struct str line)
{
    struct str id = str_trim(str_take(str_from(line, 1), line.len - 2));

    if (!str_ends(line, STR("]")) || !is_id(id))
        return fail(r, "a group begins with [ID]; an id has letters, digits, '-' and '_'");
    if (groups_find(&r->groups, id) != NULL)
        return fail(r, "the group is there already");
    if (r->groups.n == GROUPS_MAX)
        return fail(r, "too many groups");
    r->groups.at[r->groups.n++] = (struct group){.id = str_copy(r->arena, id)};
    return true;
}

static struct str next_word(struct str *rest)
{
    struct str word;

    *rest = str_trim(*rest);
    (void)str_cut(*rest, ' ', &word, rest);
    return str_trim(word);
}

static bool read_protocol(struct reader *r, struct str word, struct group_rule *rule)
{
    static const struct {
        struct str word;
        enum group_protocol protocol;
    } known[] = {
        {STR_INIT("all"), GROUP_ALL},
        {STR_INIT("tcp"), GROUP_TCP},
        {STR_INIT("udp"), GROUP_UDP},
        {STR_INIT("icmp"), GROUP_ICMP},
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (str_eq(word, known[i].word)) {
            rule->protocol = known[i].protocol;
            return true;
        }
    }
    return fail(r, "a rule begins with tcp, udp, icmp or all");
}

static bool read_ports(struct reader *r, struct str word, struct group_rule *rule)
{
    struct str low;
    struct str high;
    int64_t first;
    int64_t last;

    if (!str_cut(word, '-', &low, &high))
        high = low;
    if (str_eq(word, STR("*"))) {
        low = STR("0");
        high = STR("65535");
    }
    if (!str_to_i64(low, &first) || !str_to_i64(high, &last) || first < 0 || last > 65535 ||
        first > last)
        return fail(r, "after tcp and udp comes a port, a range like 8000-8100, or *");
    rule->port_first = (int32_t)first;
    rule->port_last = (int32_t)last;
    return true;
}

static bool read_rule(struct reader *r, struct str text, struct group_rules *rules)
{
    struct group_rule rule = {0};
    struct str other;

    if (!read_protocol(r, next_word(&text), &rule))
        return false;
    if ((rule.protocol == GROUP_TCP || rule.protocol == GROUP_UDP) &&
        !read_ports(r, next_word(&text), &rule))
        return false;
    other = next_word(&text);
    if (str_trim(text).len > 0 || other.len == 0)
        return fail(r, "a rule ends with one CIDR or the id of a group");
    if (cidr_is_one(other))
        rule.cidr = str_copy(r->arena, other);
    else if (is_id(other))
        rule.group = str_copy(r->arena, other);
    else
        return fail(r, "the other side is a CIDR like 10.1.0.0/16, or the id of a group");
    if (rules->n == rules->cap) {
        size_t cap = rules->cap ? rules->cap * 2 : 8;
        struct group_rule *grown = arena_array(r->arena, struct group_rule, cap);

        if (rules->n > 0)
            memcpy(grown, rules->at, rules->n * sizeof *grown);
        rules->at = grown;
        rules->cap = cap;
    }
    rules->at[rules->n++] = rule;
    return true;
}

static bool read_line(struct reader *r, struct str line)
{
    struct group *group;
    struct str key;
    struct str value;

    line = str_trim(line);
    if (line.len == 0 || line.ptr[0] == '#')
        return true;
    if (line.ptr[0] == '[')
        return begin_group(r, line);
    if (r->groups.n == 0)
        return fail(r, "a rule before the first [ID]");
    if (!str_cut(line, '=', &key, &value))
        return fail(r, "neither [ID] nor ingress = RULE nor egress = RULE");
    group = &r->groups.at[r->groups.n - 1];
    if (str_eq(str_trim(key), STR("ingress")))
        return read_rule(r, value, &group->ingress);
    if (str_eq(str_trim(key), STR("egress")))
        return read_rule(r, value, &group->egress);
    return fail(r, "a group has ingress and egress rules, nothing else");
}

// A group that a rule names and that is not there would let nobody through, and nobody would know.
static bool check_names(struct reader *r, const struct group_rules *rules, struct str *out_detail)
{
    for (size_t i = 0; i < rules->n; i++) {
        struct str id = rules->at[i].group;

        if (id.len > 0 && groups_find(&r->groups, id) == NULL) {
            *out_detail =
                str_fmt(r->arena, "a rule names the group %.*s, which is not there", STR_ARGS(id));
            return false;
        }
    }
    return true;
}

int groups_parse(struct str text, struct arena *arena, struct groups *out, struct str *out_detail)
{
    struct reader r = {.arena = arena};
    struct str line;

    r.groups.at = arena_array(arena, struct group, GROUPS_MAX);
    for (int number = 1; text.len > 0; number++) {
        (void)str_cut(text, '\n', &line, &text);
        if (!read_line(&r, line)) {
            *out_detail = str_fmt(arena, "line %d: %s", number, r.fault);
            return GROUPS_E_BAD;
        }
    }
    for (size_t i = 0; i < r.groups.n; i++) {
        if (!check_names(&r, &r.groups.at[i].ingress, out_detail) ||
            !check_names(&r, &r.groups.at[i].egress, out_detail))
            return GROUPS_E_BAD;
    }
    *out = r.groups;
    return 0;
}

int groups_read(const char *path, struct arena *arena, struct groups *out, struct str *out_detail)
{
    BUF_AUTO struct buf text = BUF_INIT;
    int rc = file_read(path, FILE_MAX, &text);

    if (rc != 0) {
        *out_detail = str_fmt(arena, "cannot read %s: %s", path, strerrordesc_np(-rc));
        return GROUPS_E_BAD;
    }
    return groups_parse(buf_str(&text), arena, out, out_detail);
}
