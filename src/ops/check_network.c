// What each network mode allows: a table of container settings against modes, and the App Mesh
// proxy, which lives in task networking only. Source: ecs-behaviour-api 8.1 and 8.5.

#include "base/regex.h"
#include "ops/task_definition_check.h"

static bool has_dns_servers(const struct ecs_container_definition *c)
{
    return c->dns_servers.n > 0;
}

static bool has_dns_search_domains(const struct ecs_container_definition *c)
{
    return c->dns_search_domains.n > 0;
}

static bool has_hostname(const struct ecs_container_definition *c)
{
    return c->hostname.len > 0;
}

static bool has_extra_hosts(const struct ecs_container_definition *c)
{
    return c->extra_hosts.n > 0;
}

static bool has_links(const struct ecs_container_definition *c)
{
    return c->links.n > 0;
}

static bool has_networking_disabled(const struct ecs_container_definition *c)
{
    return c->disable_networking;
}

static bool has_port_mappings(const struct ecs_container_definition *c)
{
    return c->port_mappings.n > 0;
}

#define BIT(mode) (1U << ECS_NETWORK_MODE_##mode)

static const struct {
    bool (*is_used)(const struct ecs_container_definition *c);
    unsigned refused; // modes
    const char *sentence;
} rules[] = {
    {has_links, BIT(AWSVPC) | BIT(HOST) | BIT(NONE), "Links are not supported"},
    {has_hostname, BIT(AWSVPC), "hostname is not supported on container"},
    {has_dns_servers, BIT(AWSVPC), "DNS servers are not supported on container"},
    {has_dns_search_domains, BIT(AWSVPC), "DNS search domains are not supported on container"},
    {has_extra_hosts, BIT(AWSVPC), "Extra hosts are not supported on container"},
    {has_networking_disabled, BIT(AWSVPC), "Disable Networking is not supported on container"},
    {has_port_mappings, BIT(NONE), "Port mappings are not supported"},
};

static bool check_modes(struct definition_check *check, const struct ecs_container_definition *c)
{
    struct str mode = shape_enum_name(&ecs_network_mode_enum, (int)check->mode);

    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        if ((rules[i].refused & (1U << check->mode)) && rules[i].is_used(c))
            return check_refuse(check, "%s when networkMode=%.*s", rules[i].sentence,
                                STR_ARGS(mode));
    }
    return true;
}

static bool check_names(struct definition_check *check, const struct ecs_container_definition *c)
{
    for (size_t i = 0; i < c->dns_search_domains.n; i++) {
        if (!regex_literal_matches("^[a-zA-Z0-9-.]{0,253}[a-zA-Z0-9]$",
                                   c->dns_search_domains.at[i]))
            return check_refuse(check, "Invalid 'dnsSearchDomains' setting for container '%.*s'.",
                                STR_ARGS(c->name));
    }
    for (size_t i = 0; i < c->extra_hosts.n; i++) {
        if (c->extra_hosts.at[i].hostname.len == 0 || c->extra_hosts.at[i].ip_address.len == 0)
            return check_refuse(check, "Invalid 'extraHosts' setting for container '%.*s'.",
                                STR_ARGS(c->name));
    }
    return true;
}

static struct str proxy_property(const struct ecs_proxy_configuration *proxy, struct str name)
{
    for (size_t i = 0; i < proxy->properties.n; i++) {
        if (str_eq(proxy->properties.at[i].name, name))
            return proxy->properties.at[i].value;
    }
    return STR_NONE;
}

static bool check_proxy(struct definition_check *check)
{
    static const char *const known[] = {
        "IgnoredUID",      "IgnoredGID",         "AppPorts",         "ProxyIngressPort",
        "ProxyEgressPort", "EgressIgnoredPorts", "EgressIgnoredIPs", NULL};
    const struct ecs_proxy_configuration *proxy = check->in->proxy_configuration;

    if (proxy == NULL)
        return true;
    if (check->mode != ECS_NETWORK_MODE_AWSVPC)
        return check_refuse(check, "APPMESH proxy configuration is only supported in "
                                   "networkMode=awsvpc");
    if (check_container_named(check, proxy->container_name) == NULL)
        return check_refuse(check, "Proxy container [%.*s] does not exist",
                            STR_ARGS(proxy->container_name));
    for (size_t i = 0; i < proxy->properties.n; i++) {
        if (!check_is_in(proxy->properties.at[i].name, known))
            return check_refuse(check, "Unknown proxy property '%.*s'",
                                STR_ARGS(proxy->properties.at[i].name));
    }
    if (proxy_property(proxy, STR("ProxyIngressPort")).len == 0)
        return check_refuse(check, "Ingress port not found");
    if (proxy_property(proxy, STR("ProxyEgressPort")).len == 0)
        return check_refuse(check, "Egress port not found");
    if (proxy_property(proxy, STR("AppPorts")).len == 0)
        return check_refuse(check, "App ports not found");
    if (proxy_property(proxy, STR("IgnoredUID")).len == 0 &&
        proxy_property(proxy, STR("IgnoredGID")).len == 0)
        return check_refuse(check, "Ignored UID or GID not found");
    return true;
}

static bool check_container(struct definition_check *check,
                            const struct ecs_container_definition *c)
{
    return check_modes(check, c) && check_names(check, c);
}

bool check_network(struct definition_check *check)
{
    return check_each_container(check, check_container) && check_proxy(check);
}
