// Shapes: what every wire structure, agent message and stored record is made of, as data.
//
// api/*.idl is the only list of fields. api/gen.py turns each structure into a C struct (build
// directory, "api/ecs.h" and so on) and a constant `struct shape` that describes it. One walker
// over these descriptors copies, compares, validates and redacts (shape/walk.h); another encodes
// and decodes (wire/codec.h). No code is generated per type.
//
// The layout every generated struct follows:
//   - it starts with a union of `uint64_t mask` and `has`, one bit a member in declaration order; a
//     member whose bit is clear is absent and its field is zero;
//   - text and documents are `struct str`; enums are the generated enum (0 = a name we do not
//     know); times are int64_t milliseconds; nested structures are pointers; lists and maps are
//     {size_t n; T *at;} with structures inline.
// Values never own memory: everything a value points at lives as long as the arena it was made in.

#ifndef SHAPE_SHAPE_H
#define SHAPE_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum shape_type {
    SHAPE_STRING,
    SHAPE_ENUM,
    SHAPE_BOOL,
    SHAPE_INT,    // int32_t
    SHAPE_LONG,   // int64_t
    SHAPE_DOUBLE, // double
    SHAPE_TIME,   // int64_t ms; on the wire a JSON number of seconds
    SHAPE_DATE,   // int64_t ms; on the wire an RFC 3339 text (Docker, events)
    SHAPE_STRUCT, // pointer to the struct; on the wire an object
    SHAPE_TEXT,   // pointer to the struct; on the wire a string that holds the object's JSON
    SHAPE_DOC,    // struct str with any JSON value, verbatim
    SHAPE_LIST,   // struct shape_list; element type in `element`
    SHAPE_MAP,    // struct str_map or, for element SHAPE_STRUCT and SHAPE_LIST, a generated map
};

// Every generated list has this layout, whatever its element.
struct shape_list {
    size_t n;
    void *at;
};

struct str_list {
    size_t n;
    struct str *at;
};

struct int_list {
    size_t n;
    int32_t *at;
};

struct long_list {
    size_t n;
    int64_t *at;
};

struct double_list {
    size_t n;
    double *at;
};

struct str_pair {
    struct str key;
    struct str value;
};

struct str_map {
    size_t n;
    struct str_pair *at;
};

struct shape_enum {
    const char *name;
    const struct str *values; // [0] is empty: a name we do not know; wire names from 1
    size_t n;                 // entries in values, [0] included
};

enum shape_flag {
    SHAPE_REQUIRED = 1 << 0,
    SHAPE_SECRET = 1 << 1,  // never in a log, an event or an error
    SHAPE_TOKEN = 1 << 2,   // idempotency token: clients fill it in
    SHAPE_HAS_MIN = 1 << 3, // `min` holds; likewise below
    SHAPE_HAS_MAX = 1 << 4,
    SHAPE_HAS_LEN = 1 << 5,  // len_min..len_max: characters of a string
    SHAPE_HAS_SIZE = 1 << 6, // size_min..size_max: entries of a list or map
};

struct shape;

// Limits that few members have, kept out of the row. Element limits apply to each entry of a list.
struct shape_limits {
    double min, max;
    uint32_t len_min, len_max;
    uint32_t size_min, size_max;
    const char *pattern; // NULL, or a literal for regex_literal_matches
    struct str fallback; // text of the default; empty when there is none
};

struct shape_field {
    struct str name; // wire name
    uint16_t offset;
    uint8_t bit;                       // position in the presence mask
    uint8_t type;                      // enum shape_type
    uint8_t element;                   // enum shape_type of list entries and map values
    uint8_t flags;                     // enum shape_flag
    const struct shape *shape;         // of SHAPE_STRUCT, SHAPE_TEXT, or entries of that type
    const struct shape_enum *enums;    // of SHAPE_ENUM or entries of that type
    const struct shape_limits *limits; // NULL when there are none
};

struct shape {
    struct str name;
    uint32_t size;                    // sizeof the generated struct
    uint32_t fields_n;                // at most 64
    const struct shape_field *fields; // sorted by wire name, bytewise: the order on the wire
};

// Assigns a member and marks it present: SET(out, cluster_arn, arn). The two always go together. An
// expression, so that a compound literal in it lives as long as the block around it; the price is
// that `value` is evaluated twice and must have no side effect.
#define SET(value, member, ...) ((value)->has.member = true, (value)->member = __VA_ARGS__)

// Presence by descriptor; code that knows the type writes value->has.member.
static inline uint64_t *shape_mask(void *value)
{
    return (uint64_t *)value;
}

static inline bool shape_has(const void *value, const struct shape_field *field)
{
    return (*(const uint64_t *)value >> field->bit) & 1;
}

static inline void *shape_at(const void *value, const struct shape_field *field)
{
    return (char *)value + field->offset;
}

const struct shape_field *shape_find(const struct shape *shape, struct str name);
const struct shape_field *shape_find_nocase(const struct shape *shape, struct str name);

// Bytes of the member itself, as it stands in the structure.
size_t shape_slot_size(const struct shape_field *field);

// Bytes from one entry to the next in the list or map this field holds.
size_t shape_element_size(const struct shape_field *field);

// Enum texts. shape_enum_value gives 0 for a name that is not in the table.
struct str shape_enum_name(const struct shape_enum *enums, int value);
int shape_enum_value(const struct shape_enum *enums, struct str name);

// One operation of the API, as the generator lists them.
enum operation_flag {
    OPERATION_LATER = 1 << 0,  // declared, not yet available; the server says so
    OPERATION_WRITES = 1 << 1, // changes state; refused while the store cannot commit
};

struct operation {
    struct str name;
    const struct shape *request;
    const struct shape *reply;
    uint32_t flags;
    const uint8_t *errors;  // error kinds it declares, terminated by 0, which never is one
    struct str page_result; // reply member that a paginator collects; empty when not paginated
};

struct error_kind {
    struct str name; // "ClientException"
    int status;      // HTTP
    const struct shape *shape;
};

// A message type of the agent protocol ("PayloadMessage"): the frame's type name and its structure.
struct message_kind {
    struct str name;
    const struct shape *shape;
};

#endif
