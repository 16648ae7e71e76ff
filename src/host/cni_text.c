// See cni_text.h.

#include "host/cni_text.h"

#include "api/cni.h"
#include "base/arena.h"
#include "wire/codec.h"

// ---- lists

// The length of the JSON value at the beginning of `text`, which is well-formed.
static size_t value_len(struct str text)
{
    bool quoted = false;
    int depth = 0;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '{' || c == '['))
            depth++;
        else if (!quoted && (c == '}' || c == ']') && --depth == 0)
            return i + 1;
    }
    return text.len;
}

// They are put into texts as they are.
static bool is_plain(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '.' || c == '_' || c == '-';

        if (!good)
            return false;
    }
    return text.len > 0 && text.ptr[0] != '.';
}

static bool add_link(struct arena *arena, struct str text, struct cni_chain *out)
{
    struct cni_plugin plugin = {0};
    struct codec_report report = {0};

    if (out->n == CNI_CHAIN_MAX ||
        codec_decode(arena, &cni_plugin_shape, text, &codec_peer, &plugin, &report) != 0 ||
        !is_plain(plugin.type))
        return false;
    out->links[out->n++] = (struct cni_chain_link){.type = plugin.type, .text = text};
    return true;
}

bool cni_chain_read(struct arena *arena, struct str text, struct cni_chain *out,
                    struct str *out_why)
{
    struct cni_list list = {0};
    struct codec_report report = {0};
    struct str rest;

    *out = (struct cni_chain){.text = str_copy(arena, text)};
    *out_why = STR("it is no CNI network configuration list with a name and plugins");
    if (codec_decode(arena, &cni_list_shape, text, &codec_peer, &list, &report) != 0 ||
        !is_plain(list.name) || (list.cni_version.len > 0 && !is_plain(list.cni_version)) ||
        !str_starts(list.plugins, STR("[")))
        return false;
    out->name = list.name;
    out->version = list.cni_version.len > 0 ? list.cni_version : STR("1.0.0");
    rest = str_from(list.plugins, 1);
    for (size_t i = 0; i < rest.len; i++) {
        struct str one = str_from(rest, i);

        if (one.ptr[0] != '{')
            continue; // between two
        one = str_take(one, value_len(one));
        if (!add_link(arena, one, out)) {
            *out_why = STR("a plugin of the CNI list has no type, or there are too many");
            return false;
        }
        i += one.len - 1;
    }
    return out->n > 0;
}

struct str cni_chain_input(struct arena *arena, const struct cni_chain *chain, size_t index,
                           struct str before)
{
    struct str own = str_from(chain->links[index].text, 1); // without its brace
    struct str prev = STR_NONE;

    if (before.len > 0)
        prev = str_fmt(arena, "\"prevResult\":%.*s,", STR_ARGS(before));
    return str_fmt(arena, "{\"cniVersion\":\"%.*s\",\"name\":\"%.*s\",%.*s%.*s",
                   STR_ARGS(chain->version), STR_ARGS(chain->name), STR_ARGS(prev), STR_ARGS(own));
}

// ---- answers

struct str cni_chain_failure(struct arena *arena, struct str type, struct str out, struct str err)
{
    struct cni_error error = {0};
    struct codec_report report = {0};
    struct str said = str_trim(err.len > 0 ? err : out);

    if (codec_decode(arena, &cni_error_shape, out, &codec_peer, &error, &report) == 0 &&
        error.msg.len > 0)
        return str_fmt(arena, "CNI plugin %.*s: %.*s%s%.*s", STR_ARGS(type), STR_ARGS(error.msg),
                       error.details.len > 0 ? "; " : "", STR_ARGS(error.details));
    if (said.len == 0)
        said = STR("it failed without a word");
    return str_fmt(arena, "CNI plugin %.*s: %.*s", STR_ARGS(type), STR_ARGS(str_take(said, 400)));
}

// "10.1.0.5/24" to "10.1.0.0/24".
static struct str subnet_of(struct arena *arena, struct str address, struct str prefix)
{
    unsigned part[4];
    uint32_t bits = 0;
    int64_t len;
    struct str rest = address;

    if (!str_to_i64(prefix, &len) || len < 0 || len > 32)
        return STR_NONE;
    for (int i = 0; i < 4; i++) {
        struct str one;
        int64_t value;

        (void)str_cut(rest, '.', &one, &rest);
        if (!str_to_i64(one, &value) || value < 0 || value > 255)
            return STR_NONE;
        bits = bits << 8 | (uint32_t)value;
    }
    bits = len == 0 ? 0 : bits & ~(uint32_t)((UINT64_C(1) << (32 - len)) - 1);
    for (int i = 0; i < 4; i++)
        part[i] = bits >> (24 - 8 * i) & 255;
    return str_fmt(arena, "%u.%u.%u.%u/%d", part[0], part[1], part[2], part[3], (int)len);
}

static void read_interfaces(const struct cni_result *result, const struct cni_ip *ip,
                            struct host_network *out, struct str *out_host_end)
{
    for (size_t i = 0; i < result->interfaces.n; i++) {
        const struct cni_interface *one = &result->interfaces.at[i];

        if (one->sandbox.len == 0)
            *out_host_end = one->name; // the bridge comes first, the interface's end after it
        else if (!out->has.mac || (ip->has.interface && ip->interface == (int32_t)i))
            SET(out, mac, one->mac);
    }
}

bool cni_chain_result(struct arena *arena, struct str text, struct host_network *out,
                      struct str *out_host_end)
{
    struct cni_result result = {0};
    struct codec_report report = {0};

    *out = (struct host_network){0};
    *out_host_end = STR_NONE;
    if (codec_decode(arena, &cni_result_shape, text, &codec_peer, &result, &report) != 0)
        return false;
    for (size_t i = 0; i < result.ips.n && !out->has.address; i++) {
        const struct cni_ip *ip = &result.ips.at[i];
        struct str address;
        struct str prefix;

        if (!str_cut(ip->address, '/', &address, &prefix) || str_has_char(address, ':'))
            continue;
        SET(out, address, address);
        SET(out, subnet, subnet_of(arena, address, prefix));
        if (ip->gateway.len > 0)
            SET(out, gateway, str_fmt(arena, "%.*s/%.*s", STR_ARGS(ip->gateway), STR_ARGS(prefix)));
        read_interfaces(&result, ip, out, out_host_end);
    }
    if (result.dns != NULL && result.dns->nameservers.n > 0)
        SET(out, dns_servers, result.dns->nameservers);
    if (result.dns != NULL && result.dns->search.n > 0)
        SET(out, dns_search, result.dns->search);
    return out->has.address;
}

struct str cni_bridge_list(struct arena *arena, struct str bridge, struct str subnet,
                           struct str gateway, struct str folder)
{
    struct str gate = STR_NONE;

    if (gateway.len > 0)
        gate = str_fmt(arena, ",\"gateway\":\"%.*s\"", STR_ARGS(gateway));
    return str_fmt(arena,
                   "{\"cniVersion\":\"1.0.0\",\"name\":\"%.*s\",\"plugins\":[{\"type\":\"bridge\","
                   "\"bridge\":\"%.*s\",\"isGateway\":true,\"ipMasq\":false,\"hairpinMode\":true,"
                   "\"ipam\":{\"type\":\"host-local\",\"dataDir\":\"%.*s/leases\",\"ranges\":[[{"
                   "\"subnet\":\"%.*s\"%.*s}]],\"routes\":[{\"dst\":\"0.0.0.0/0\"}]}}]}",
                   STR_ARGS(bridge), STR_ARGS(bridge), STR_ARGS(folder), STR_ARGS(subnet),
                   STR_ARGS(gate));
}
