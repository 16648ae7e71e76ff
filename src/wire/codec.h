// The codec: generated values to JSON and back, driven by their descriptors (shape/shape.h).
//
// One pair of functions serves requests and replies of the API, agent messages, Docker's objects
// and the records of the store.
//
// Reading follows the API (source: ecs-behaviour-api 1.3, 1.4): unknown members are skipped, null
// is absence, null inside a list is refused, a value of the wrong kind or out of range is refused,
// and so is the same name twice in one object. Names an enum does not have become 0 and a note.

#ifndef WIRE_CODEC_H
#define WIRE_CODEC_H

#include "base/error.h"
#include "base/str.h"
#include "shape/shape.h"
#include "shape/walk.h"

struct arena;
struct buf;

enum codec_outcome {
    CODEC_E_MALFORMED = 1, // not a JSON object of ours at all
    CODEC_E_VALUE,         // JSON, but a member holds what it cannot
};

// A zeroed struct (or NULL in its place) is what the API wants.
struct codec_options {
    bool nocase;        // member names match without regard to case, as Docker's do
    bool lenient_enums; // unknown enum names are 0 without a note: what came from a peer, not a
                        // caller
    bool no_unknowns;   // a member that the structure does not have is refused
    size_t depth_max;   // objects and lists inside each other; 0: JSON_DEPTH_MAX
    size_t entries_max; // of one list or map; 0: CODEC_ENTRIES_MAX
};
enum { CODEC_ENTRIES_MAX = 10000 };
extern const struct codec_options codec_docker; // nocase, lenient_enums
extern const struct codec_options codec_peer;   // lenient_enums
extern const struct codec_options codec_strict; // no_unknowns

// What decoding has to say; texts live in its arena. The first three are set with an outcome only.
struct codec_report {
    struct str
        message;     // for the caller of the API: "NUMBER_VALUE can not be converted to a String"
    struct str path; // the member at fault, "tags.1.member.key"; empty for malformed text
    size_t offset;   // of the fault in the text
    struct shape_unknown *unknowns; // for shape_validate; also set on success
};

// Reads the object in `json` into `out`, a structure of this shape, which is overwritten whole and
// is all zero after an outcome. Everything it points at lives in the arena; `json` is not needed
// afterwards.
int codec_decode(struct arena *arena, const struct shape *shape, struct str json,
                 const struct codec_options *options, void *out,
                 struct codec_report *report) MUST_CHECK;

// The same onto a value that already holds something: members in the text replace, nested
// structures and maps merge, the rest stays (shape_merge). Nothing is changed on an outcome. What
// `value` points at may be shared; it is not written to.
int codec_decode_over(struct arena *arena, const struct shape *shape, struct str json,
                      const struct codec_options *options, void *value,
                      struct codec_report *report) MUST_CHECK;

// Appends the value as one object: keys in bytewise order, absent members left out.
void codec_encode(struct buf *out, const struct shape *shape, const void *value);

// {"__type":"<name>","message":"<message>"} and, when `members` (of kind->shape) is not NULL, its
// other members.
void codec_encode_error(struct buf *out, const struct error_kind *kind, struct str message,
                        const void *members);

// Agent messages: {"type":"<name>","message":{...}}.
struct codec_frame {
    size_t kind;     // index into kinds; 0 when the name is none of them, then `message` is NULL
    struct str name; // as received
    void *message;   // of kinds[kind].shape, in the arena
};

// `kinds` is a generated table of kinds_n rows whose row 0 is empty (acs_messages, ACS_MESSAGE_N).
int codec_decode_frame(struct arena *arena, const struct message_kind *kinds, size_t kinds_n,
                       struct str json, const struct codec_options *options,
                       struct codec_frame *out, struct codec_report *report) MUST_CHECK;

void codec_encode_frame(struct buf *out, const struct message_kind *kind, const void *message);

#endif
