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

const struct shape *fuzz_shape_of(struct str line)
{
    struct str name;
    struct str half;

    str_cut(line, ' ', &name, &half);
    return str_eq(half, STR("reply")) ? operation_of(name)->reply : operation_of(name)->request;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena arena;
    struct str body = fuzz_text(data, size);
    const struct shape *shape = fuzz_shape_of(fuzz_line(&body));

    fuzz_shape(&arena, shape, body, NULL);
    return 0;
}
