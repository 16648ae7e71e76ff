// Input: any text. The reader and jansson agree on what is JSON, and what the writer makes of it
// means the same and reads and writes the same again.
//
// Known differences: the reader refuses U+0000, which jansson takes in strings and for the end, and
// more than JSON_DEPTH_MAX levels; jansson refuses numbers that no double holds, which the reader
// leaves to its caller.

#include <jansson.h>

#include "base/assert.h"
#include "base/buf.h"
#include "fuzz.h"
#include "wire/json_echo_testing.h"

static json_t *oracle(struct str text, bool *out_differs)
{
    json_error_t error;
    json_t *tree = json_loadb(text.len > 0 ? text.ptr : "", text.len,
                              JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, &error);

    *out_differs = tree == NULL && json_error_code(&error) == json_error_numeric_overflow;
    return tree;
}

static bool has_nul(struct str text)
{
    return str_has_char(text, '\0') ||
           (text.len > 0 && memmem(text.ptr, text.len, "\\u0000", 6) != NULL);
}

static void check_meaning(json_t *want, struct str text)
{
    bool differs;
    json_t *got = oracle(text, &differs);

    ASSERT(got != NULL);
    ASSERT(json_equal(want, got));
    json_decref(got);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct buf first;
    static struct buf second;
    struct str text = fuzz_text(data, size);
    bool differs;
    json_t *tree = oracle(text, &differs);
    int result;

    buf_clear(&first);
    buf_clear(&second);
    result = json_echo(text, &first);
    if (result == 0) {
        ASSERT(tree != NULL || differs);
        ASSERT(json_echo(buf_str(&first), &second) == 0);
        ASSERT(str_eq(buf_str(&first), buf_str(&second)));
        if (tree != NULL)
            check_meaning(tree, buf_str(&first));
    } else if (result != JSON_E_DEPTH) {
        ASSERT(tree == NULL || has_nul(text));
    }
    json_decref(tree);
    return 0;
}
