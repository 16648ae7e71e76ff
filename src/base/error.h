// Errors come in three kinds that are never mixed.
//
//   - a fault, int < 0, is a negated errno: unexpected. TRY() forwards it untouched; nobody
//     matches on it.
//   - an outcome, int > 0, is an enum beside the prototype that returns it (STORE_E_LOCKED). The
//     caller handles it and never forwards it; TRY() turns an unhandled one into a fault.
//   - a reply is what a user reads: an API error or a stop reason. Those are data, not return
//     values.
//
// Zero is success. TRY() is the only macro in this tree that returns.

#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <errno.h>

#define MUST_CHECK __attribute__((warn_unused_result))

#define TRY(expr)                                                                                  \
    do {                                                                                           \
        int try_result_ = (expr);                                                                  \
        if (__builtin_expect(try_result_ != 0, 0))                                                 \
            return error_trace(try_result_, __FILE__, __LINE__);                                   \
    } while (0)

// Notes the hop in the trace ring; returns the fault, or -ENOTRECOVERABLE for a stray outcome.
int error_trace(int result, const char *file, int line);

#endif
