// What instances have given away, counted once more from the tasks that hold it: never more than
// there is, no port and no device twice. That the sums agree is the model's own assertion.

#include "model/instance.h"
#include "model/task.h"
#include "tests/sim/check.h"
#include "tests/sim/sim.h"

static void check_ports(const struct task *a, const struct task *b)
{
    for (uint32_t i = 0; i < a->reservation.ports_n; i++) {
        const struct need_port *mine = &a->reservation.ports[i];

        for (uint32_t k = 0; k < b->reservation.ports_n; k++) {
            const struct need_port *other = &b->reservation.ports[k];

            SIM_CHECK(mine->port != other->port || mine->udp != other->udp,
                      "tasks %.*s and %.*s both hold port %u", STR_ARGS(a->uid), STR_ARGS(b->uid),
                      (unsigned)mine->port);
        }
    }
}

static void check_gpus(const struct task *a, const struct task *b)
{
    for (size_t i = 0; i < a->reservation.gpu_ids.n; i++) {
        for (size_t k = 0; k < b->reservation.gpu_ids.n; k++)
            SIM_CHECK(!str_eq(a->reservation.gpu_ids.at[i], b->reservation.gpu_ids.at[k]),
                      "tasks %.*s and %.*s both hold GPU %.*s", STR_ARGS(a->uid), STR_ARGS(b->uid),
                      STR_ARGS(a->reservation.gpu_ids.at[i]));
    }
}

static void check_instance(const struct instance *instance)
{
    SIM_CHECK(instance->books.cpu_left >= 0, "instance %.*s has given away more CPU than it has",
              STR_ARGS(instance->uid));
    SIM_CHECK(instance->books.memory_left >= 0,
              "instance %.*s has given away more memory than it has", STR_ARGS(instance->uid));
    LIST_EACH (&instance->tasks, it) {
        const struct task *task = LIST_ENTRY(it, struct task, on_instance);

        for (const struct list *next = it->next; next != &instance->tasks; next = next->next) {
            const struct task *other = LIST_ENTRY(next, struct task, on_instance);

            check_ports(task, other);
            check_gpus(task, other);
        }
    }
}

void check_books(const struct state *state)
{
    const struct idtable *table = &state->entities[REC_KIND_INSTANCE];

    for (uint64_t id = 0; (id = idtable_next(table, id)) != 0;)
        check_instance(instance_get(state, id));
}
