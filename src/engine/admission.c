// The host resource queue (ecs-behaviour-agent 2.4): tasks start in the order in which they came,
// each when what it needs is free. What a task holds is given back when all its containers have
// stopped, not when it is asked to stop, so the server may send a replacement early and it waits
// here.

#include "engine/state.h"

static int32_t reservation(const struct container *c)
{
    const struct acs_docker_config *rendered = c->spec->docker_config;
    const int64_t mib = 1024 * 1024;

    if (rendered != NULL && rendered->host_config != NULL &&
        rendered->host_config->memory_reservation > 0)
        return (int32_t)(rendered->host_config->memory_reservation / mib);
    return c->spec->memory;
}

struct needs admission_needs(const struct task *task)
{
    struct needs needs = {0};

    for (size_t i = 0; i < task->containers_n; i++) {
        needs.cpu_units += task->containers[i].spec->cpu;
        needs.memory_mib += reservation(&task->containers[i]);
    }
    if (task->spec->cpu > 0)
        needs.cpu_units = (int64_t)(task->spec->cpu * 1024);
    if (task->spec->memory > 0)
        needs.memory_mib = task->spec->memory;
    return needs;
}

// ---- ports

static bool holds(const struct ports *ports, int32_t port)
{
    for (size_t i = 0; i < ports->n; i++) {
        if (ports->at[i] == port)
            return true;
    }
    return false;
}

static void take_port(struct ports *ports, int32_t port)
{
    if (ports->n == ports->cap) {
        ports->cap = ports->cap ? ports->cap * 2 : 16;
        ports->at = mem_realloc(ports->at, ports->cap * sizeof(*ports->at));
    }
    ports->at[ports->n++] = port;
}

static void give_port(struct ports *ports, int32_t port)
{
    for (size_t i = 0; i < ports->n; i++) {
        if (ports->at[i] == port) {
            ports->at[i] = ports->at[--ports->n];
            return;
        }
    }
}

static bool is_reserved(const struct int_list *list, int32_t port)
{
    for (size_t i = 0; i < list->n; i++) {
        if (list->at[i] == port)
            return true;
    }
    return false;
}

// The next static host port of the task after *cursor; false at the end. `none` networks have none.
static bool next_static_port(const struct task *task, size_t *container, size_t *mapping,
                             const struct acs_port_mapping **out)
{
    for (; *container < task->containers_n; (*container)++, *mapping = 0) {
        const struct container *c = &task->containers[*container];
        bool host = str_eq(create_network_mode(c), STR("host"));

        if (pause_of(task, CONTAINER_NETWORK_PAUSE) != NULL)
            return false; // its ports are its own interface's

        while (*mapping < c->spec->port_mappings.n) {
            const struct acs_port_mapping *one = &c->spec->port_mappings.at[(*mapping)++];

            if (one->container_port_range.len == 0 &&
                (one->host_port > 0 || (host && one->container_port > 0))) {
                *out = one;
                return true;
            }
        }
    }
    return false;
}

static int32_t static_port(const struct acs_port_mapping *mapping)
{
    return mapping->host_port > 0 ? mapping->host_port : mapping->container_port;
}

static bool ports_fit(const struct engine *engine, const struct task *task)
{
    const struct acs_port_mapping *mapping;

    for (size_t c = 0, m = 0; next_static_port(task, &c, &m, &mapping);) {
        bool udp = mapping->protocol == ACS_TRANSPORT_PROTOCOL_UDP;
        int32_t port = static_port(mapping);

        if (holds(udp ? &engine->udp : &engine->tcp, port))
            return false;
        if (is_reserved(udp ? &engine->settings.reserved_udp : &engine->settings.reserved_tcp,
                        port))
            return false;
    }
    return true;
}

// ---- the queue

static bool fits(const struct engine *engine, const struct task *task)
{
    struct needs needs = admission_needs(task);

    return engine->cpu_used + needs.cpu_units <= engine->settings.cpu_units &&
           engine->memory_used + needs.memory_mib <= engine->settings.memory_mib &&
           ports_fit(engine, task);
}

void admission_book(struct engine *engine, struct task *task)
{
    struct needs needs = admission_needs(task);
    const struct acs_port_mapping *mapping;

    ASSERT(!task->booked);
    task->booked = true;
    engine->cpu_used += needs.cpu_units;
    engine->memory_used += needs.memory_mib;
    for (size_t c = 0, m = 0; next_static_port(task, &c, &m, &mapping);)
        take_port(mapping->protocol == ACS_TRANSPORT_PROTOCOL_UDP ? &engine->udp : &engine->tcp,
                  static_port(mapping));
}

void admission_release(struct engine *engine, struct task *task)
{
    struct needs needs = admission_needs(task);
    const struct acs_port_mapping *mapping;

    if (!task->booked) {
        MARK("a task that was never let in gives nothing back");
        return;
    }
    task->booked = false;
    engine->cpu_used -= needs.cpu_units;
    engine->memory_used -= needs.memory_mib;
    for (size_t c = 0, m = 0; next_static_port(task, &c, &m, &mapping);)
        give_port(mapping->protocol == ACS_TRANSPORT_PROTOCOL_UDP ? &engine->udp : &engine->tcp,
                  static_port(mapping));
    ASSERT(engine->cpu_used >= 0);
    ASSERT(engine->memory_used >= 0);
}

bool admission_run(struct engine *engine)
{
    bool changed = false;

    for (struct task *t = NULL; (t = task_next(engine, t)) != NULL;) {
        if (t->admitted || t->desired == HOST_TASK_STATUS_STOPPED)
            continue;
        if (!fits(engine, t))
            break; // and everyone behind it waits too
        t->admitted = true;
        t->dirty = true;
        admission_book(engine, t);
        changed = true;
    }
    return changed;
}
