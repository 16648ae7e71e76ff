// See meta_keys.h. Memory that held a secret is wiped before it is given back.

#include "agent/meta_keys.h"

#include "base/map.h"
#include "base/mem.h"
#include "shape/walk.h"

struct entry {
    struct acs_iam_role_credentials_message *message; // frozen; holds everything
    struct str id;                                    // in it
    UT_hash_handle hh;
};

struct meta_keys {
    struct entry *entries;
};

struct meta_keys *meta_keys_new(void)
{
    return mem_zalloc(sizeof(struct meta_keys));
}

static void wipe(struct str text)
{
    if (text.len > 0)
        explicit_bzero((char *)(uintptr_t)text.ptr, text.len);
}

static void drop(struct meta_keys *keys, struct entry *entry)
{
    MAP_DEL(hh, keys->entries, entry);
    wipe(entry->message->role_credentials->secret_access_key);
    wipe(entry->message->role_credentials->session_token);
    mem_free(entry->message);
    mem_free(entry);
}

void meta_keys_free(struct meta_keys *keys)
{
    struct entry *entry;
    struct entry *next;

    if (keys == NULL)
        return;
    HASH_ITER (hh, keys->entries, entry, next) {
        drop(keys, entry);
    }
    mem_free(keys);
}

static struct entry *find(const struct meta_keys *keys, struct str id)
{
    struct entry *entry;

    MAP_FIND_STR(hh, keys->entries, id, entry);
    return entry;
}

void meta_keys_put(struct meta_keys *keys, struct str task_arn, enum acs_role_type type,
                   const struct acs_iam_role_credentials *value)
{
    struct acs_iam_role_credentials_message message = {0};
    struct entry *entry = mem_zalloc(sizeof *entry);

    SET(&message, task_arn, task_arn);
    SET(&message, role_type, type);
    SET(&message, role_credentials, (struct acs_iam_role_credentials *)(uintptr_t)value);
    meta_keys_drop(keys, value->credentials_id);
    entry->message = shape_freeze(&acs_iam_role_credentials_message_shape, &message);
    entry->id = entry->message->role_credentials->credentials_id;
    MAP_ADD_STR(hh, keys->entries, id, entry);
}

void meta_keys_drop(struct meta_keys *keys, struct str id)
{
    struct entry *entry = find(keys, id);

    if (entry != NULL)
        drop(keys, entry);
}

bool meta_keys_get(const struct meta_keys *keys, struct str id, struct meta_key *out)
{
    const struct entry *entry = find(keys, id);

    if (entry == NULL || entry->message->role_credentials->access_key_id.len == 0)
        return false;
    *out = (struct meta_key){
        .task_arn = entry->message->task_arn,
        .type = entry->message->role_type,
        .value = entry->message->role_credentials,
    };
    return true;
}
