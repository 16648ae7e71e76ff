// Input: any text. What the reader accepts comes out of the writer in a form that reads and writes
// the same again.

#include "base/assert.h"
#include "base/buf.h"
#include "fuzz.h"
#include "wire/json_echo_testing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    BUF_AUTO struct buf first = BUF_INIT;
    BUF_AUTO struct buf second = BUF_INIT;

    if (json_echo(str_span((const char *)data, size), &first) == 0) {
        ASSERT(json_echo(buf_str(&first), &second) == 0);
        ASSERT(str_eq(buf_str(&first), buf_str(&second)));
    }
    return 0;
}
