// The part of fuzz_settings.c that reads a credentials file as the server does.

#include "base/assert.h"
#include "fuzz_settings.h"
#include "server/credentials.h"

void fuzz_settings_server(struct arena *arena)
{
    struct credentials *keys = NULL;
    struct str detail = STR_NONE;
    int outcome = credentials_load("keys", STR("aws"), STR("123456789012"), arena, &detail, &keys);

    if (outcome != 0) {
        ASSERT(outcome > 0 && detail.len > 0);
        return;
    }
    ASSERT(keys->n > 0);
    for (const struct credential *c = keys->first; c != NULL; c = c->next) {
        ASSERT(c->key_id.len > 0 && c->secret.len > 0);
        ASSERT(credentials_of_key(keys, c->key_id) == c);
    }
    credentials_free(keys);
}
