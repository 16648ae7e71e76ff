// Port mappings. One mapping is judged by itself, then against those before it: what must be unique
// depends on the network mode. Source: ecs-behaviour-api 8.5.

#include "ops/task_definition_check.h"

enum { PORT_MAX = 65535, RANGES_MAX = 100, PORT_NAME_LENGTH_MAX = 64 };

struct port_range {
    int32_t first;
    int32_t last;
};

static bool read_range(struct str text, struct port_range *out)
{
    struct str first;
    struct str last;
    int64_t low;
    int64_t high;

    if (!str_cut(text, '-', &first, &last) || !str_to_i64(first, &low) || !str_to_i64(last, &high))
        return false;
    if (low < 1 || high > PORT_MAX || low >= high)
        return false;
    *out = (struct port_range){(int32_t)low, (int32_t)high};
    return true;
}

static bool is_udp(const struct ecs_port_mapping *mapping)
{
    return mapping->protocol == ECS_TRANSPORT_PROTOCOL_UDP;
}

static const char *protocol_name(const struct ecs_port_mapping *mapping)
{
    return is_udp(mapping) ? "UDP" : "TCP";
}

// The host port the mapping pins; 0: none, or one chosen on the host.
static int32_t static_host_port(const struct definition_check *check,
                                const struct ecs_port_mapping *mapping)
{
    if (check->mode == ECS_NETWORK_MODE_HOST)
        return mapping->container_port;
    return check->mode == ECS_NETWORK_MODE_BRIDGE ? mapping->host_port : 0;
}

static bool check_range(struct definition_check *check, const struct ecs_container_definition *c,
                        const struct ecs_port_mapping *mapping)
{
    struct port_range range;

    if (mapping->has.container_port)
        return check_refuse(check, "cannot specify both single port and port range");
    if (!read_range(mapping->container_port_range, &range) || mapping->has.host_port ||
        (check->mode != ECS_NETWORK_MODE_BRIDGE && check->mode != ECS_NETWORK_MODE_AWSVPC))
        return check_refuse(check, "Invalid 'containerPortRange' setting for container '%.*s'.",
                            STR_ARGS(c->name));
    return true;
}

static bool check_numbers(struct definition_check *check, const struct ecs_container_definition *c,
                          const struct ecs_port_mapping *mapping)
{
    struct str mode = shape_enum_name(&ecs_network_mode_enum, (int)check->mode);
    bool must_match =
        check->mode == ECS_NETWORK_MODE_AWSVPC || check->mode == ECS_NETWORK_MODE_HOST;

    if (mapping->container_port < 1 || mapping->container_port > PORT_MAX)
        return check_refuse(check, "Invalid 'containerPort' setting for container '%.*s'.",
                            STR_ARGS(c->name));
    if (mapping->host_port < 0 || mapping->host_port > PORT_MAX)
        return check_refuse(check, "Invalid 'hostPort' setting for container '%.*s'.",
                            STR_ARGS(c->name));
    if (must_match && mapping->has.host_port && mapping->host_port != mapping->container_port)
        return check_refuse(
            check,
            "When networkMode=%.*s, the host ports and container ports in port mappings "
            "must match.",
            STR_ARGS(mode));
    return true;
}

static bool is_port_name(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!check_is_name(str_span(text.ptr + i, 1)) || (text.ptr[i] >= 'A' && text.ptr[i] <= 'Z'))
            return false;
    }
    return text.len > 0 && text.len <= PORT_NAME_LENGTH_MAX && text.ptr[0] != '-';
}

static bool check_name(struct definition_check *check, const struct ecs_container_definition *c,
                       const struct ecs_port_mapping *mapping)
{
    if (mapping->has.name && !is_port_name(mapping->name))
        return check_refuse(check, "Invalid port mapping 'name' for container '%.*s'.",
                            STR_ARGS(c->name));
    if (!mapping->has.app_protocol)
        return true;
    if (!mapping->has.name)
        return check_refuse(check,
                            "A port mapping with an 'appProtocol' must have a 'name' for container "
                            "'%.*s'.",
                            STR_ARGS(c->name));
    if (is_udp(mapping))
        return check_refuse(check,
                            "A port mapping with an 'appProtocol' must use the protocol tcp for "
                            "container '%.*s'.",
                            STR_ARGS(c->name));
    return true;
}

// Two mappings of the task; `earlier` may stand in another container.
static bool check_pair(struct definition_check *check, const struct ecs_port_mapping *earlier,
                       const struct ecs_port_mapping *mapping)
{
    int32_t port = static_host_port(check, mapping);
    bool awsvpc = check->mode == ECS_NETWORK_MODE_AWSVPC;

    if (awsvpc && mapping->has.name && earlier->has.name && str_eq(mapping->name, earlier->name))
        return check_refuse(check, "When networkMode=awsvpc, port mapping name is already used");
    if (is_udp(mapping) != is_udp(earlier))
        return true;
    if (awsvpc && mapping->container_port != 0 &&
        mapping->container_port == earlier->container_port)
        return check_refuse(check,
                            "%s container port '%d' is used multiple times in task when "
                            "networkMode=awsvpc.",
                            protocol_name(mapping), mapping->container_port);
    if (port != 0 && port == static_host_port(check, earlier))
        return check_refuse(check, "%s host port '%d' is used multiple times in task.",
                            protocol_name(mapping), port);
    return true;
}

// A single port is a range of one here. Ranges share a container's ports, in task networking those
// of the task.
static struct port_range range_of(const struct ecs_port_mapping *mapping)
{
    struct port_range range = {mapping->container_port, mapping->container_port};

    if (mapping->has.container_port_range)
        read_range(mapping->container_port_range, &range);
    return range;
}

static bool check_overlap(struct definition_check *check, const struct ecs_container_definition *c,
                          const struct ecs_port_mapping *earlier,
                          const struct ecs_port_mapping *mapping)
{
    struct port_range a = range_of(earlier);
    struct port_range b = range_of(mapping);

    if (!mapping->has.container_port_range && !earlier->has.container_port_range)
        return true;
    if (is_udp(mapping) != is_udp(earlier) || a.last < b.first || b.last < a.first)
        return true;
    return check_refuse(check, "Invalid 'containerPortRange' setting for container '%.*s'.",
                        STR_ARGS(c->name));
}

// Against the mappings of the task that come before this one.
static bool check_against_earlier(struct definition_check *check,
                                  const struct ecs_container_definition *c, size_t index)
{
    const struct ecs_port_mapping *mapping = &c->port_mappings.at[index];

    for (const struct ecs_container_definition *o = check->in->container_definitions.at; o <= c;
         o++) {
        size_t n = o == c ? index : o->port_mappings.n;
        bool shared = o == c || check->mode == ECS_NETWORK_MODE_AWSVPC;

        for (size_t i = 0; i < n; i++) {
            const struct ecs_port_mapping *earlier = &o->port_mappings.at[i];
            if (!check_pair(check, earlier, mapping))
                return false;
            if (shared && !check_overlap(check, c, earlier, mapping))
                return false;
        }
    }
    return true;
}

static bool check_container(struct definition_check *check,
                            const struct ecs_container_definition *c)
{
    size_t ranges = 0;

    for (size_t i = 0; i < c->port_mappings.n; i++) {
        const struct ecs_port_mapping *mapping = &c->port_mappings.at[i];
        bool ranged = mapping->has.container_port_range;

        ranges += ranged;
        if (!(ranged ? check_range(check, c, mapping) : check_numbers(check, c, mapping)) ||
            !check_name(check, c, mapping))
            return false;
    }
    if (ranges > RANGES_MAX)
        return check_refuse(check, "Invalid 'containerPortRange' setting for container '%.*s'.",
                            STR_ARGS(c->name));
    for (size_t i = 0; i < c->port_mappings.n; i++) {
        if (!check_against_earlier(check, c, i))
            return false;
    }
    return true;
}

bool check_ports(struct definition_check *check)
{
    return check_each_container(check, check_container);
}
