// Assertions that are always on, in service too.
//
// They are for programmer errors only: bytes from outside are rejected with an error, never
// asserted. A failed assertion prints the expression, an optional sentence on the entity at hand,
// and the trace ring (base/trace.h), then aborts. State what must hold and what must not, one
// condition each.

#ifndef BASE_ASSERT_H
#define BASE_ASSERT_H

#include <stdbool.h>

#define ASSERT(cond)                                                                               \
    do {                                                                                           \
        if (__builtin_expect(!(cond), 0))                                                          \
            assert_fail(#cond, __FILE__, __LINE__, __func__);                                      \
    } while (0)

// For a switch that has answered every value of its enum.
#define UNREACHABLE() assert_fail("unreachable", __FILE__, __LINE__, __func__)

// An ASSERT that also says which entity broke the rule; the text is formatted only on failure.
#define ASSERT_SAY(cond, ...)                                                                      \
    do {                                                                                           \
        if (__builtin_expect(!(cond), 0))                                                          \
            assert_fail_say(#cond, __FILE__, __LINE__, __func__, __VA_ARGS__);                     \
    } while (0)

_Noreturn void assert_fail(const char *expr, const char *file, int line, const char *func);
_Noreturn void assert_fail_say(const char *expr, const char *file, int line, const char *func,
                               const char *fmt, ...) __attribute__((format(printf, 5, 6)));

#endif
