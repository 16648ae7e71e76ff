// The hop of a fault through one function.

#include "base/error.h"

#include "base/trace.h"

int error_trace(int result, const char *file, int line)
{
    int fault = result < 0 ? result : -ENOTRECOVERABLE;

    trace_note("fault", (uint64_t)line, file, strerrordesc_np(-fault));
    return fault;
}
