// Input: a line with the name of an operation (behind it " reply" for what it answers; a name that
// is none chooses one all the same), and the body.

#include "api/ecs.h"
#include "base/arena.h"
#include "fuzz.h"

static const struct operation *operation_of(struct str name)
{
    for (size_t i = 1; i < ECS_OPERATION_N; i++) {
        if (str_eq(name, ecs_operations[i].name))
            return &ecs_operations[i];
    }
    return &ecs_operations[1 + fuzz_pick(name, ECS_OPERATION_N - 1)];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena arena;
    struct str body = fuzz_text(data, size);
    struct str line = fuzz_line(&body);
    struct str name;
    struct str half;
    const struct operation *operation;

    str_cut(line, ' ', &name, &half);
    operation = operation_of(name);
    fuzz_shape(&arena, str_eq(half, STR("reply")) ? operation->reply : operation->request, body,
               NULL);
    return 0;
}
