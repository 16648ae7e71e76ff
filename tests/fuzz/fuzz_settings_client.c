// The part of fuzz_settings.c that reads a credentials file as clients do. A file of its own,
// because the server's reader has the same names.

#include "base/assert.h"
#include "client/credentials.h"
#include "fuzz_settings.h"

void fuzz_settings_client(struct str text)
{
    struct credentials found;

    if (credentials_parse(text, STR("default"), &found)) {
        ASSERT(found.key_id.len > 0);
        ASSERT(found.secret.len > 0);
    }
}
