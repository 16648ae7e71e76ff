// Networks of tasks, which the agent's shell makes and not an engine.

#include "runtime/fake_internal.h"

static struct network *find_network(const struct fake *fake, struct str task)
{
    for (struct network *network = fake->networks; network != NULL; network = network->next) {
        if (!network->removed && str_eq(network->task, task))
            return network;
    }
    return NULL;
}

size_t fake_networks(const struct fake *fake)
{
    size_t n = 0;

    for (struct network *network = fake->networks; network != NULL; network = network->next)
        n += network->removed ? 0 : 1;
    return n;
}

// What is there of an earlier try is removed first.
static struct network *make_network(struct fake *fake, const struct host_network_wish *wish)
{
    struct network *before = find_network(fake, wish->task);
    struct network *network = arena_new(&fake->arena, struct network);

    if (before != NULL)
        before->removed = true;
    fake->networks_n++;
    network->task = wish->task;
    network->address = str_fmt(&fake->arena, "10.%u.%u.%u", (fake->networks_n >> 16) & 255,
                               (fake->networks_n >> 8) & 255, fake->networks_n & 255);
    network->next = fake->networks;
    fake->networks = network;
    return network;
}

static void network_up(struct fake *fake, const struct thing *thing)
{
    const struct host_network_wish *wish = thing->call->network;
    const struct fake_container *holder = fake_by_reference(fake, wish->container);
    struct host_network found = {0};
    struct host_result result = {0};

    if (holder == NULL || !holder->running || wish->pid != fake_pid_of(holder)) {
        fake_answer_error(thing, HOST_ERROR_CLASS_NOT_FOUND, STR("there is no such namespace"));
        return;
    }
    SET(&found, address, make_network(fake, wish)->address);
    SET(&found, mac, STR("02:00:00:00:00:01"));
    SET(&result, network, &found);
    fake_answer(thing, &result);
}

void fake_do_on_network(struct fake *fake, const struct thing *thing)
{
    struct network *network;
    struct host_result result = {0};

    if (thing->call->kind == HOST_CALL_KIND_NETWORK_UP) {
        network_up(fake, thing);
        return;
    }
    network = find_network(fake, thing->call->network->task);
    if (network != NULL)
        network->removed = true;
    fake_answer(thing, &result);
}
