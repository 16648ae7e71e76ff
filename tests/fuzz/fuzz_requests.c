// Input: a line with the name of an operation, or "*" for all of them, and the body of a request.

#include "api/ecs.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str name;
    struct str body;

    str_cut(str_span((const char *)data, size), '\n', &name, &body);
    for (size_t i = 1; i < ECS_OPERATION_N; i++) {
        const struct operation *operation = &ecs_operations[i];
        if (!str_eq(name, STR("*")) && !str_eq(name, operation->name))
            continue;
        fuzz_shape(operation->request, body, NULL);
        fuzz_shape(operation->reply, body, NULL);
    }
    return 0;
}
