// Hash maps: uthash over the house's hash. Intrusive, so one entity can stand in several maps, and
// no allocation but the buckets. The key must live as long as the entry stands in the map.
//
//     struct cluster { struct str key; UT_hash_handle by_name; ... };
//     MAP_ADD_STR(by_name, clusters, key, cluster);      MAP_FIND_STR(by_name, clusters, name,
//     found); MAP_ADD_U64(hh, tasks, id, task);                  MAP_DEL(hh, tasks, task);

#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/assert.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/str.h"

#define HASH_FUNCTION(keyptr, keylen, hashv)                                                       \
    do {                                                                                           \
        (hashv) = (unsigned)hash_bytes((keyptr), (keylen));                                        \
    } while (0)
#define uthash_malloc(size)    mem_alloc(size)
#define uthash_free(ptr, size) mem_free(ptr)
#define uthash_fatal(msg)      assert_fail(msg, __FILE__, __LINE__, __func__)
#include <uthash.h>

// NULL-safe: an empty slice has no bytes to point at.
#define MAP_KEY_PTR(s) ((s).ptr ? (s).ptr : "")

#define MAP_ADD_STR(hh, head, strfield, add)                                                       \
    HASH_ADD_KEYPTR(hh, head, MAP_KEY_PTR((add)->strfield), (unsigned)(add)->strfield.len, add)
#define MAP_FIND_STR(hh, head, key, out)                                                           \
    HASH_FIND(hh, head, MAP_KEY_PTR(key), (unsigned)(key).len, out)
#define MAP_ADD_U64(hh, head, field, add)   HASH_ADD(hh, head, field, sizeof(uint64_t), add)
#define MAP_FIND_U64(hh, head, keyptr, out) HASH_FIND(hh, head, keyptr, sizeof(uint64_t), out)
#define MAP_DEL(hh, head, item)             HASH_DELETE(hh, head, item)
#define MAP_COUNT(hh, head)                 HASH_CNT(hh, head)

#endif
