// Host ports (ecs-behaviour-agent 1.10): which a container asks for, which it gets, which to
// report.
//
// A mapping without a host port gets one from the dynamic range. The engine keeps a rolling cursor
// and a list of what it has promised, and lets the shell find the rest out (ports.h). The choice is
// stored with the container before the create call, so that a second try asks for the same ports.

#include "engine/ports.h"

#include "engine/state.h"

enum { BINDINGS_MAX = 100 }; // when ranges are among them

bool ports_range(struct str text, int32_t *out_first, int32_t *out_count)
{
    struct str low;
    struct str high;
    int64_t first;
    int64_t last;

    if (!str_cut(text, '-', &low, &high))
        high = low;
    if (!str_to_i64(low, &first) || !str_to_i64(high, &last))
        return false;
    if (first < 1 || last > 65535 || first > last)
        return false;
    *out_first = (int32_t)first;
    *out_count = (int32_t)(last - first + 1);
    return true;
}

// One portMappings entry, in container ports.
static bool span_of(const struct acs_port_mapping *mapping, int32_t *out_first, int32_t *out_count)
{
    if (mapping->container_port_range.len > 0)
        return ports_range(mapping->container_port_range, out_first, out_count);
    *out_first = mapping->container_port;
    *out_count = 1;
    return mapping->container_port > 0 && mapping->container_port <= 65535;
}

static bool is_bridge(const struct container *c)
{
    struct str mode = create_network_mode(c);

    return !str_eq(mode, STR("host")) && !str_eq(mode, STR("none")) && !str_eq(mode, STR("awsvpc"));
}

// A mapping that names no container port gets none, so that nobody waits for it.
static bool is_dynamic(const struct container *c, const struct acs_port_mapping *mapping)
{
    int32_t first;
    int32_t count;

    return is_bridge(c) && (mapping->host_port == 0 || mapping->container_port_range.len > 0) &&
           span_of(mapping, &first, &count);
}

static int32_t chosen_port(const struct container *c, size_t mapping)
{
    for (size_t i = 0; i < c->host_ports.n; i++) {
        if ((size_t)c->host_ports.at[i].mapping == mapping)
            return c->host_ports.at[i].port;
    }
    return 0;
}

bool ports_needed(const struct container *c)
{
    for (size_t i = 0; i < c->spec->port_mappings.n; i++) {
        if (is_dynamic(c, &c->spec->port_mappings.at[i]) && chosen_port(c, i) == 0)
            return true;
    }
    return false;
}

// ---- asking

static void add_int(struct arena *arena, struct int_list *list, size_t *cap, int32_t value)
{
    if (list->n == *cap) {
        size_t more = *cap ? *cap * 2 : 16;
        int32_t *grown = arena_array(arena, int32_t, more);

        if (list->n > 0)
            memcpy(grown, list->at, list->n * sizeof(*grown));
        list->at = grown;
        *cap = more;
    }
    list->at[list->n++] = value;
}

static void add_chosen(const struct container *c, struct arena *arena, struct int_list *list,
                       size_t *cap)
{
    for (size_t i = 0; i < c->host_ports.n; i++) {
        const struct host_host_port *chosen = &c->host_ports.at[i];
        int32_t first;
        int32_t count;

        if (!span_of(&c->spec->port_mappings.at[chosen->mapping], &first, &count))
            continue;
        for (int32_t k = 0; k < count; k++)
            add_int(arena, list, cap, chosen->port + k);
    }
}

static struct int_list taken_ports(const struct engine *engine, struct arena *arena)
{
    struct int_list list = {0};
    size_t cap = 0;

    for (size_t i = 0; i < engine->tcp.n; i++)
        add_int(arena, &list, &cap, engine->tcp.at[i]);
    for (size_t i = 0; i < engine->udp.n; i++)
        add_int(arena, &list, &cap, engine->udp.at[i]);
    for (const struct task *t = NULL; (t = task_next(engine, t)) != NULL;) {
        for (size_t i = 0; i < t->containers_n; i++) {
            if (t->containers[i].known < HOST_CONTAINER_STATUS_STOPPED)
                add_chosen(&t->containers[i], arena, &list, &cap);
        }
    }
    return list;
}

void ports_begin(struct engine *engine, struct container *c)
{
    struct arena *arena = engine->out->arena;
    struct host_call *call = engine_new_call(engine, HOST_CALL_KIND_FIND_PORTS);
    struct host_port_search *search = arena_new(arena, struct host_port_search);
    const struct acs_port_mapping_list *mappings = &c->spec->port_mappings;
    struct host_port_request *requests = arena_array(arena, struct host_port_request, mappings->n);
    size_t n = 0;

    for (size_t i = 0; i < mappings->n; i++) {
        int32_t first;
        int32_t count;

        if (!is_dynamic(c, &mappings->at[i]) || !span_of(&mappings->at[i], &first, &count))
            continue;
        SET(&requests[n], protocol, mappings->at[i].protocol);
        SET(&requests[n], count, count);
        n++;
    }
    SET(search, first, engine->settings.port_first);
    SET(search, last, engine->settings.port_last);
    SET(search, cursor, engine->port_cursor);
    SET(search, taken, taken_ports(engine, arena));
    SET(search, requests, (struct host_port_request_list){.n = n, .at = requests});
    SET(call, ports, search);
    c->token = engine_call(engine, (struct call_target){.container = c}, call, ENGINE_PORTS_MS);
    engine->ports_token = c->token;
}

static void refuse(struct container *c, struct str text)
{
    container_note(
        c, "HostConfigError",
        str_fmt(&c->task->arena, "error retrieving docker port map: %.*s", STR_ARGS(text)));
    container_idle(c);
    c->desired = HOST_CONTAINER_STATUS_STOPPED;
    c->dirty = true;
}

void ports_result(struct engine *engine, struct container *c, const struct host_result *result)
{
    const struct acs_port_mapping_list *mappings = &c->spec->port_mappings;
    struct host_host_port *chosen;
    size_t n = 0;

    engine->ports_token = 0;
    if (result->has.error) {
        MARK("a container for which no host port is found ends");
        refuse(c, result->error->text);
        return;
    }
    chosen = arena_array(&c->task->arena, struct host_host_port, mappings->n);
    for (size_t i = 0; i < mappings->n; i++) {
        int32_t first;
        int32_t count;

        if (!is_dynamic(c, &mappings->at[i]) || !span_of(&mappings->at[i], &first, &count))
            continue;
        if (n == result->ports.n) {
            refuse(c, STR("a host port is unavailable"));
            return;
        }
        SET(&chosen[n], mapping, (int32_t)i);
        SET(&chosen[n], port, result->ports.at[n]);
        engine->port_cursor = result->ports.at[n] + count;
        n++;
    }
    MARK("host ports are chosen before the container is made, and kept");
    c->host_ports = (struct host_host_port_list){.n = n, .at = chosen};
    c->dirty = true;
    container_idle(c);
}

// ---- finding

static bool in_list(const int32_t *at, size_t n, int32_t value)
{
    for (size_t i = 0; i < n; i++) {
        if (at[i] == value)
            return true;
    }
    return false;
}

struct search {
    const struct host_port_search *wish;
    ports_test_fn *is_free;
    void *user;
    int32_t *found; // every single port of earlier requests
    size_t found_n;
};

static bool usable(const struct search *s, enum acs_transport_protocol protocol, int32_t port)
{
    return !in_list(s->wish->taken.at, s->wish->taken.n, port) &&
           !in_list(s->found, s->found_n, port) && s->is_free(s->user, protocol, port);
}

// The first port of `count` usable ones in a row, starting at the cursor and wrapping once; 0:
// none.
static int32_t find_run(const struct search *s, const struct host_port_request *request,
                        int32_t cursor)
{
    int32_t size = s->wish->last - s->wish->first + 1;
    int32_t run = 0;

    if (cursor < s->wish->first || cursor > s->wish->last)
        cursor = s->wish->first;
    for (int32_t step = 0; step < size + request->count - 1; step++) {
        int32_t port = s->wish->first + (cursor - s->wish->first + step) % size;

        if (port == s->wish->first)
            run = 0; // a run does not wrap
        run = usable(s, request->protocol, port) ? run + 1 : 0;
        if (run == request->count)
            return port - request->count + 1;
    }
    return 0;
}

static struct str none_free(struct arena *arena, int32_t count)
{
    if (count == 1)
        return STR("a host port is unavailable");
    return str_fmt(arena, "%d contiguous host ports are unavailable", (int)count);
}

void ports_find(const struct host_call *call, ports_test_fn *is_free, void *user,
                struct arena *arena, struct host_result *out)
{
    struct search s = {.wish = call->ports, .is_free = is_free, .user = user};
    size_t requests = call->ports->requests.n;
    int32_t *firsts = arena_array(arena, int32_t, requests);
    int32_t cursor = call->ports->cursor;
    size_t total = 0;

    for (size_t i = 0; i < requests; i++)
        total += (size_t)call->ports->requests.at[i].count;
    s.found = arena_array(arena, int32_t, total);
    for (size_t i = 0; i < requests; i++) {
        const struct host_port_request *request = &call->ports->requests.at[i];

        firsts[i] = find_run(&s, request, cursor);
        if (firsts[i] == 0) {
            struct host_call_error *error = arena_new(arena, struct host_call_error);

            SET(error, class, HOST_ERROR_CLASS_OTHER);
            SET(error, text, none_free(arena, request->count));
            SET(out, error, error);
            return;
        }
        for (int32_t k = 0; k < request->count; k++)
            s.found[s.found_n++] = firsts[i] + k;
        cursor = firsts[i] + request->count;
    }
    SET(out, ports, (struct int_list){.n = requests, .at = firsts});
}

// ---- the create call

struct port_map {
    struct arena *arena;
    struct docker_empty_entry *exposed;
    struct docker_port_binding_list_entry *bound;
    size_t n, cap;
};

// A range has tens of thousands of ports, so the entries are only searched when an earlier mapping
// has the port too.
static bool is_mapped_before(const struct container *c, size_t mapping, int32_t port)
{
    const struct acs_port_mapping_list *all = &c->spec->port_mappings;
    bool udp = all->at[mapping].protocol == ACS_TRANSPORT_PROTOCOL_UDP;

    for (size_t i = 0; i < mapping; i++) {
        int32_t first;
        int32_t count;

        if (udp == (all->at[i].protocol == ACS_TRANSPORT_PROTOCOL_UDP) &&
            span_of(&all->at[i], &first, &count) && port >= first && port - first < count)
            return true;
    }
    return false;
}

static struct docker_port_binding_list *entry_for(struct port_map *map, struct str key,
                                                  bool may_be_there)
{
    for (size_t i = 0; may_be_there && i < map->n; i++) {
        if (str_eq(map->bound[i].key, key))
            return &map->bound[i].value;
    }
    ASSERT(map->n < map->cap);
    map->exposed[map->n].key = key;
    map->bound[map->n].key = key;
    return &map->bound[map->n++].value;
}

static void map_port(struct port_map *map, const struct container *c, size_t mapping,
                     int32_t container_port, int32_t host_port)
{
    bool udp = c->spec->port_mappings.at[mapping].protocol == ACS_TRANSPORT_PROTOCOL_UDP;
    struct str key = str_fmt(map->arena, "%d/%s", (int)container_port, udp ? "udp" : "tcp");
    struct docker_port_binding_list *list =
        entry_for(map, key, is_mapped_before(c, mapping, container_port));
    struct docker_port_binding *grown =
        arena_array(map->arena, struct docker_port_binding, list->n + 1);

    if (list->n > 0)
        memcpy(grown, list->at, list->n * sizeof(*grown));
    SET(&grown[list->n], host_ip, STR_NONE);
    SET(&grown[list->n], host_port, str_fmt(map->arena, "%d", (int)host_port));
    list->at = grown;
    list->n++;
}

static size_t ports_count(const struct container *c)
{
    size_t total = 0;

    for (size_t i = 0; i < c->spec->port_mappings.n; i++) {
        int32_t first;
        int32_t count;

        if (span_of(&c->spec->port_mappings.at[i], &first, &count))
            total += (size_t)count;
    }
    return total;
}

void ports_fill(struct engine *engine, const struct container *c, struct docker_config *config,
                struct docker_host_config *host)
{
    struct port_map map = {.arena = engine->out->arena, .cap = ports_count(c)};

    if (pause_of(c->task, CONTAINER_NETWORK_PAUSE) != NULL)
        return; // a container in another's namespace exposes nothing of its own
    map.exposed = arena_array(map.arena, struct docker_empty_entry, map.cap);
    map.bound = arena_array(map.arena, struct docker_port_binding_list_entry, map.cap);
    for (size_t i = 0; i < c->spec->port_mappings.n; i++) {
        const struct acs_port_mapping *mapping = &c->spec->port_mappings.at[i];
        int32_t host_port = is_dynamic(c, mapping) ? chosen_port(c, i) : mapping->host_port;
        int32_t first;
        int32_t count;

        if (!span_of(mapping, &first, &count))
            continue;
        for (int32_t k = 0; k < count; k++)
            map_port(&map, c, i, first + k, host_port + k);
    }
    if (map.n == 0)
        return;
    SET(config, exposed_ports, (struct docker_empty_map){.n = map.n, .at = map.exposed});
    if (is_bridge(c))
        SET(host, port_bindings,
            (struct docker_port_binding_list_map){.n = map.n, .at = map.bound});
}

// ---- reporting

struct bound {
    struct str ip;
    int32_t container_port;
    int32_t host_port;
    bool udp;
    bool in_range;
};

static bool comes_before(const struct bound *a, const struct bound *b)
{
    int by_ip = str_cmp(a->ip, b->ip);

    if (by_ip != 0)
        return by_ip < 0;
    if (a->udp != b->udp)
        return !a->udp;
    return a->container_port < b->container_port;
}

static void insert_sorted(struct bound *list, size_t *n, struct bound one)
{
    size_t at = *n;

    while (at > 0 && comes_before(&one, &list[at - 1])) {
        list[at] = list[at - 1];
        at--;
    }
    list[at] = one;
    (*n)++;
}

static bool is_in_range(const struct container *c, int32_t port, bool udp)
{
    for (size_t i = 0; i < c->spec->port_mappings.n; i++) {
        const struct acs_port_mapping *mapping = &c->spec->port_mappings.at[i];
        int32_t first;
        int32_t count;

        if (mapping->container_port_range.len > 0 && span_of(mapping, &first, &count) &&
            port >= first && port < first + count &&
            udp == (mapping->protocol == ACS_TRANSPORT_PROTOCOL_UDP))
            return true;
    }
    return false;
}

static size_t collect_one(const struct engine *engine, const struct container *c,
                          const struct docker_port_binding_list_entry *entry, struct bound *list,
                          size_t n)
{
    struct str port_text;
    struct str protocol;
    int64_t container_port;
    int64_t host_port;

    (void)str_cut(entry->key, '/', &port_text, &protocol);
    if (!str_to_i64(port_text, &container_port))
        return n;
    for (size_t i = 0; i < entry->value.n; i++) {
        const struct docker_port_binding *binding = &entry->value.at[i];
        bool udp = str_eq(protocol, STR("udp"));
        bool ipv6 = str_has_char(binding->host_ip, ':');

        if (!str_to_i64(binding->host_port, &host_port) ||
            (ipv6 && !engine->settings.report_ipv6_bindings))
            continue;
        insert_sorted(list, &n,
                      (struct bound){.ip = binding->host_ip,
                                     .container_port = (int32_t)container_port,
                                     .host_port = (int32_t)host_port,
                                     .udp = udp,
                                     .in_range = is_in_range(c, (int32_t)container_port, udp)});
    }
    return n;
}

// How many from `list` on make one contiguous run.
static size_t run_length(const struct bound *list, size_t n)
{
    size_t len = 1;

    if (!list[0].in_range)
        return 1;
    while (len < n && list[len].in_range && list[len].udp == list[0].udp &&
           str_eq(list[len].ip, list[0].ip) &&
           list[len].container_port == list[0].container_port + (int32_t)len &&
           list[len].host_port == list[0].host_port + (int32_t)len)
        len++;
    return len;
}

static void report(struct arena *arena, struct ecs_network_binding *out, const struct bound *from,
                   size_t len)
{
    int last = (int)len - 1;

    SET(out, bind_ip, from->ip);
    SET(out, protocol, from->udp ? ECS_TRANSPORT_PROTOCOL_UDP : ECS_TRANSPORT_PROTOCOL_TCP);
    if (!from->in_range) {
        SET(out, container_port, from->container_port);
        SET(out, host_port, from->host_port);
        return;
    }
    SET(out, container_port_range,
        str_fmt(arena, "%d-%d", (int)from->container_port, (int)from->container_port + last));
    SET(out, host_port_range,
        str_fmt(arena, "%d-%d", (int)from->host_port, (int)from->host_port + last));
}

struct ecs_network_binding_list ports_bindings(const struct engine *engine, struct arena *arena,
                                               const struct container *c,
                                               const struct docker_container *found)
{
    struct ecs_network_binding_list out = {0};
    const struct docker_port_binding_list_map *ports;
    struct bound *list;
    size_t total = 0;
    size_t n = 0;
    bool ranges = false;

    if (found->network_settings == NULL)
        return out;
    ports = &found->network_settings->ports;
    for (size_t i = 0; i < ports->n; i++)
        total += ports->at[i].value.n;
    list = arena_array(arena, struct bound, total);
    for (size_t i = 0; i < ports->n; i++)
        n = collect_one(engine, c, &ports->at[i], list, n);
    out.at = arena_array(arena, struct ecs_network_binding, n);
    for (size_t i = 0, len; i < n; i += len) {
        len = run_length(&list[i], n - i);
        ranges |= list[i].in_range;
        report(arena, &out.at[out.n++], &list[i], len);
    }
    if (ranges && out.n > BINDINGS_MAX)
        out.n = 0; // the server takes no more; the container is reported without
    return out;
}
