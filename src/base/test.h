// What every unit test includes: cmocka, in the order its header wants, and a few words of our own.

#ifndef BASE_TEST_H
#define BASE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/str.h"

// Compares slices as text and prints both when they differ.
static inline void expect_str_at(struct str got, const char *want, const char *file, int line)
{
    struct arena scratch = ARENA_INIT;

    _assert_string_equal(str_cstr(&scratch, got), want, file, line);
    arena_deinit(&scratch);
}
#define EXPECT_STR(got, want) expect_str_at((got), (want), __FILE__, __LINE__)

#endif
