// The state of one decoding, shared by the files codec_decode.c and codec_fault.c.

#ifndef WIRE_CODEC_DECODER_H
#define WIRE_CODEC_DECODER_H

#include "shape/slot.h"
#include "wire/codec.h"
#include "wire/json_read.h"
#include "wire/key_set.h"

enum frame_kind { FRAME_ROOT, FRAME_STRUCT, FRAME_LIST, FRAME_MAP, FRAME_SKIP };

struct frame {
    enum frame_kind kind;
    uint64_t object; // its number in the key set

    // A structure (root: the one to come).
    const struct shape *shape;
    void *value;
    uint64_t seen; // members that were named, null ones included
    uint32_t hint; // index of the member that follows the last one

    // A structure: the member at hand, NULL when it is skipped. List and map: what the entries are.
    const struct shape_field *field;
    enum slot_level level;
    struct shape_list *list;
    size_t cap;
    size_t stride;
    const struct shape_unknown *notes; // the newest when the list was opened

    // A skipped value whose text is kept.
    struct str *doc;
    size_t doc_start;
};

struct decoder {
    struct arena *arena;
    const struct codec_options *options;
    struct codec_report *report;
    struct json_reader reader;
    struct str text;
    struct key_set keys;
    uint64_t objects;
    size_t key_end; // offset behind the key of the newest free-form member
    size_t entries_max;
    size_t depth;
    struct frame frames[JSON_DEPTH_MAX + 1];
};

// Where a token goes. No field and not the root: nowhere.
struct slot {
    const struct shape_field *field;
    const struct shape *shape; // of a structure
    enum slot_level level;
    enum shape_type type;
    void *at;
};

static inline struct frame *decoder_top(struct decoder *d)
{
    return &d->frames[d->depth];
}

// Each fills the report and returns false, the answer by which a handler stops the reader.
bool codec_fault_kind(struct decoder *d, const char *token, enum shape_type wanted);
bool codec_fault_structure(struct decoder *d);
bool codec_fault_list(struct decoder *d);
bool codec_fault_range(struct decoder *d, struct str number, enum shape_type wanted);
bool codec_fault_date(struct decoder *d);
bool codec_fault_null(struct decoder *d);
bool codec_fault_unknown(struct decoder *d, struct str name);
bool codec_fault_twice(struct decoder *d, struct str name);
bool codec_fault_entries(struct decoder *d);
bool codec_fault_inner(struct decoder *d, struct str message);

// The same for text the reader itself refused, with a json_outcome.
void codec_fault_text(struct decoder *d, int why);

#endif
