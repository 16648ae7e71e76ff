// See reservation.h.

#include "model/reservation.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/proof.h"
#include "model/override.h"

// Task-level sizes are texts of whole numbers once a definition is registered; anything else is 0
// here.
static int32_t number_of(struct str text)
{
    int64_t value;

    if (!str_to_i64(text, &value) || value < 0 || value > INT32_MAX)
        return 0;
    return (int32_t)value;
}

static int32_t container_cpu(const struct ecs_container_definition *c,
                             const struct ecs_container_override *over)
{
    return over != NULL && over->has.cpu ? over->cpu : c->cpu;
}

// The soft limit counts when there is one.
static int32_t container_memory(const struct ecs_container_definition *c,
                                const struct ecs_container_override *over)
{
    if (over != NULL && over->has.memory_reservation)
        return over->memory_reservation;
    if (c->has.memory_reservation)
        return c->memory_reservation;
    return over != NULL && over->has.memory ? over->memory : c->memory;
}

// Sizes come from callers; a sum that no instance could hold stays one.
static int32_t plus(int32_t a, int32_t b)
{
    int64_t sum = (int64_t)a + b;

    return sum > INT32_MAX ? INT32_MAX : (int32_t)sum;
}

static void add_ports(struct need *need, const struct ecs_container_definition *c, bool host_mode)
{
    for (size_t i = 0; i < c->port_mappings.n; i++) {
        const struct ecs_port_mapping *mapping = &c->port_mappings.at[i];
        int32_t port = mapping->host_port;

        if (host_mode && port == 0)
            port = mapping->container_port;
        if (port <= 0 || port > UINT16_MAX)
            continue;
        need->ports = mem_realloc(need->ports, (need->ports_n + 1) * sizeof *need->ports);
        need->ports[need->ports_n++] = (struct need_port){
            .port = (uint16_t)port,
            .udp = mapping->protocol == ECS_TRANSPORT_PROTOCOL_UDP,
        };
    }
}

static bool has_host_ports(const struct ecs_task_definition *definition)
{
    return definition->network_mode != ECS_NETWORK_MODE_AWSVPC &&
           definition->network_mode != ECS_NETWORK_MODE_NONE;
}

void need_init(struct need *need, const struct ecs_task_definition *definition,
               const struct ecs_task_override *overrides)
{
    bool host_mode = definition->network_mode == ECS_NETWORK_MODE_HOST;

    *need = (struct need){0};
    for (size_t i = 0; i < definition->container_definitions.n; i++) {
        const struct ecs_container_definition *c = &definition->container_definitions.at[i];
        const struct ecs_container_override *over = override_of(overrides, c->name);

        need->cpu_units = plus(need->cpu_units, container_cpu(c, over));
        need->memory_mib = plus(need->memory_mib, container_memory(c, over));
        need->gpus = plus(need->gpus, override_gpus(c, over));
        if (has_host_ports(definition))
            add_ports(need, c, host_mode);
    }
    if (definition->has.cpu)
        need->cpu_units = number_of(definition->cpu);
    if (definition->has.memory)
        need->memory_mib = number_of(definition->memory);
    if (overrides != NULL && overrides->has.cpu)
        need->cpu_units = number_of(overrides->cpu);
    if (overrides != NULL && overrides->has.memory)
        need->memory_mib = number_of(overrides->memory);
}

void need_deinit(struct need *need)
{
    mem_free(need->ports);
    *need = (struct need){0};
}

// Where `port` is or would be.
static size_t port_position(const struct port_set *set, uint16_t port)
{
    size_t low = 0;
    size_t high = set->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (set->at[mid] < port)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

bool port_set_has(const struct port_set *set, uint16_t port)
{
    size_t at = port_position(set, port);

    return at < set->n && set->at[at] == port;
}

// The same port may stand in the set twice: reserved by the agent and, after a re-registration,
// still held by a task that was placed before.
static void port_set_add(struct port_set *set, uint16_t port)
{
    size_t at = port_position(set, port);

    if (set->n == set->cap) {
        set->cap = set->cap ? set->cap * 2 : 8;
        set->at = mem_realloc(set->at, set->cap * sizeof *set->at);
    }
    memmove(set->at + at + 1, set->at + at, (set->n - at) * sizeof *set->at);
    set->at[at] = port;
    set->n++;
}

static void port_set_remove(struct port_set *set, uint16_t port)
{
    size_t at = port_position(set, port);

    ASSERT(at < set->n && set->at[at] == port);
    memmove(set->at + at, set->at + at + 1, (set->n - at - 1) * sizeof *set->at);
    set->n--;
}

static void add_reserved(struct port_set *set, const struct str_list *ports)
{
    for (size_t i = 0; i < ports->n; i++) {
        int32_t port = number_of(ports->at[i]);
        if (port > 0 && port <= UINT16_MAX)
            port_set_add(set, (uint16_t)port);
    }
}

void books_open(struct books *books, const struct ecs_resource_list *resources)
{
    *books = (struct books){0};
    for (size_t i = 0; i < resources->n; i++) {
        const struct ecs_resource *r = &resources->at[i];

        if (str_eq(r->name, STR("CPU")))
            books->cpu_units = r->integer_value;
        else if (str_eq(r->name, STR("MEMORY")))
            books->memory_mib = r->integer_value;
        else if (str_eq(r->name, STR("PORTS")))
            add_reserved(&books->tcp, &r->string_set_value);
        else if (str_eq(r->name, STR("PORTS_UDP")))
            add_reserved(&books->udp, &r->string_set_value);
        else if (str_eq(r->name, STR("GPU")))
            books->gpus = r->string_set_value;
    }
    books->cpu_left = books->cpu_units;
    books->memory_left = books->memory_mib;
    books->gpus_left.at = mem_alloc(books->gpus.n * sizeof *books->gpus_left.at);
    for (size_t i = 0; i < books->gpus.n; i++)
        books->gpus_left.at[books->gpus_left.n++] = books->gpus.at[i];
}

void books_close(struct books *books)
{
    mem_free(books->tcp.at);
    mem_free(books->udp.at);
    mem_free(books->gpus_left.at);
    *books = (struct books){0};
}

static const struct port_set *ports_of(const struct books *books, bool udp)
{
    return udp ? &books->udp : &books->tcp;
}

static bool port_is_taken(const struct books *books, const struct need *need, bool udp)
{
    for (size_t i = 0; i < need->ports_n; i++) {
        if (need->ports[i].udp == udp && port_set_has(ports_of(books, udp), need->ports[i].port))
            return !PLANTED(PLANT_PORT_UNCHECKED);
    }
    return false;
}

// Ports reserved by the agent and static ones of tasks have one limit together.
static bool ports_would_overflow(const struct books *books, const struct need *need)
{
    MARK_IF(need->ports_n > 0, "static ports are counted against the instance's limit");
    return need->ports_n > 0 && books->tcp.n + books->udp.n + need->ports_n > BOOKS_PORTS_MAX;
}

const char *books_missing(const struct books *books, const struct need *need)
{
    if (need->cpu_units > books->cpu_left)
        return "CPU";
    if (need->memory_mib > books->memory_left)
        return "MEMORY";
    if (port_is_taken(books, need, false) || ports_would_overflow(books, need))
        return "PORTS";
    if (port_is_taken(books, need, true))
        return "PORTS_UDP";
    if ((size_t)need->gpus > books->gpus_left.n)
        return "GPU";
    return NULL;
}

// Removes the id from those left; a given id that is not there (any more) is taken on trust.
static void take_gpu(struct books *books, struct str id)
{
    struct str_list *left = &books->gpus_left;

    for (size_t i = 0; i < left->n; i++) {
        if (str_eq(left->at[i], id)) {
            left->at[i] = left->at[--left->n];
            return;
        }
    }
}

static void reserve_gpus(struct books *books, const struct need *need, const struct str_list *given,
                         struct reservation *out)
{
    size_t n = given->n;

    if (n == 0)
        n = (size_t)need->gpus < books->gpus_left.n ? (size_t)need->gpus : books->gpus_left.n;
    if (n == 0)
        return;
    out->gpu_ids.at = mem_zalloc(n * sizeof *out->gpu_ids.at);
    for (size_t i = 0; i < n; i++) {
        struct str id = given->n > 0 ? given->at[i] : books->gpus_left.at[0];
        char *copy = mem_alloc(id.len + 1);

        memcpy(copy, id.ptr, id.len);
        out->gpu_ids.at[out->gpu_ids.n++] = str_span(copy, id.len);
        take_gpu(books, id);
    }
}

void books_take(struct books *books, const struct need *need, const struct str_list *gpu_ids,
                struct reservation *out)
{
    ASSERT(!out->held);
    *out = (struct reservation){
        .held = true,
        .cpu_units = need->cpu_units,
        .memory_mib = need->memory_mib,
        .ports_n = (uint32_t)need->ports_n,
    };
    books->cpu_left -= need->cpu_units;
    books->memory_left -= need->memory_mib;
    if (need->ports_n > 0)
        out->ports = mem_alloc(need->ports_n * sizeof *need->ports);
    for (size_t i = 0; i < need->ports_n; i++) {
        out->ports[i] = need->ports[i];
        port_set_add(need->ports[i].udp ? &books->udp : &books->tcp, need->ports[i].port);
    }
    reserve_gpus(books, need, gpu_ids, out);
}

static void give_gpu(struct books *books, struct str id)
{
    for (size_t i = 0; i < books->gpus.n; i++) {
        if (str_eq(books->gpus.at[i], id)) {
            ASSERT(books->gpus_left.n < books->gpus.n);
            books->gpus_left.at[books->gpus_left.n++] = books->gpus.at[i];
        }
    }
}

void books_give(struct books *books, struct reservation *reservation)
{
    ASSERT(reservation->held);
    if (!PLANTED(PLANT_RESERVATION_KEPT))
        books->cpu_left += reservation->cpu_units;
    books->memory_left += reservation->memory_mib;
    for (size_t i = 0; i < reservation->ports_n; i++)
        port_set_remove(reservation->ports[i].udp ? &books->udp : &books->tcp,
                        reservation->ports[i].port);
    for (size_t i = 0; i < reservation->gpu_ids.n; i++) {
        give_gpu(books, reservation->gpu_ids.at[i]);
        mem_free((void *)(uintptr_t)reservation->gpu_ids.at[i].ptr);
    }
    mem_free(reservation->gpu_ids.at);
    mem_free(reservation->ports);
    *reservation = (struct reservation){0};
}
