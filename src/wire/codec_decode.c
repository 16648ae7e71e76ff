// The reading half of the codec: JSON tokens onto descriptors.
//
// There is no tree. A stack of frames says where in the value the reader stands: one frame an open
// object or list, each a structure, a list, a map, or something to skip. A token asks the top frame
// which slot it is for (a member, the next entry, the value of a key) and is stored there at once.
//
// Lists grow in the arena by doubling. A note on an unknown enum name holds the address of its
// slot, so when a list moves, the notes made since it was opened move with it.
//
// The same name twice is found by a bit a member in structures, and by a key_set everywhere else.

#include "base/arena.h"
#include "base/assert.h"
#include "base/timefmt.h"
#include "wire/codec_decoder.h"
#include "wire/json_number.h"

const struct codec_options codec_docker = {.nocase = true, .lenient_enums = true};
const struct codec_options codec_peer = {.lenient_enums = true};
const struct codec_options codec_strict = {.no_unknowns = true};

// --- slots ---

static void move_notes(struct decoder *d, const struct frame *frame, const void *old, void *moved)
{
    uintptr_t low = (uintptr_t)old;
    uintptr_t high = low + frame->list->n * frame->stride;
    struct shape_unknown *note = d->report->unknowns;

    for (; note != frame->notes; note = note->next) {
        uintptr_t at = (uintptr_t)note->field;
        if (at >= low && at < high)
            note->field = (char *)moved + (at - low);
    }
}

static void grow_list(struct decoder *d, struct frame *frame)
{
    struct shape_list *list = frame->list;
    size_t cap = frame->cap * 2;
    char *moved;

    if (cap == 0)
        cap = frame->stride > 256 ? 1 : 4;
    moved = arena_alloc(d->arena, cap * frame->stride);
    if (list->n > 0) {
        memcpy(moved, list->at, list->n * frame->stride);
        move_notes(d, frame, list->at, moved);
    }
    list->at = moved;
    frame->cap = cap;
}

// A new zeroed entry at the end, or NULL when there are too many.
static void *add_entry(struct decoder *d, struct frame *frame)
{
    struct shape_list *list = frame->list;

    if (list->n >= d->entries_max) {
        codec_fault_entries(d);
        return NULL;
    }
    if (list->n == frame->cap)
        grow_list(d, frame);
    return (char *)list->at + list->n++ * frame->stride;
}

static bool is_skipped(struct decoder *d)
{
    const struct frame *frame = decoder_top(d);
    return frame->kind == FRAME_SKIP || (frame->kind == FRAME_STRUCT && frame->field == NULL);
}

// The slot the next value belongs in. Not to be called when it is skipped.
static bool open_slot(struct decoder *d, struct slot *out)
{
    struct frame *frame = decoder_top(d);
    const struct shape_field *field = frame->field;

    if (frame->kind == FRAME_ROOT) {
        *out = (struct slot){
            .shape = frame->shape, .level = SLOT_ENTRY, .type = SHAPE_STRUCT, .at = frame->value};
        return true;
    }
    *out = (struct slot){.field = field, .shape = field->shape};
    if (frame->kind == FRAME_STRUCT) {
        *shape_mask(frame->value) |= UINT64_C(1) << field->bit;
        out->at = shape_at(frame->value, field);
        out->type = (enum shape_type)field->type;
        return true;
    }
    out->level = frame->level;
    out->type = slot_type(field, frame->level);
    if (frame->kind == FRAME_LIST)
        out->at = add_entry(d, frame);
    else
        out->at =
            (char *)slot_map_value(slot_entry(frame->list, frame->stride, frame->list->n - 1));
    return out->at != NULL;
}

static struct frame *push(struct decoder *d, enum frame_kind kind)
{
    struct frame *frame;

    ASSERT(d->depth < JSON_DEPTH_MAX); // the reader stops before
    frame = &d->frames[++d->depth];
    *frame = (struct frame){.kind = kind, .object = ++d->objects};
    return frame;
}

static bool push_list(struct decoder *d, const struct slot *slot, enum frame_kind kind)
{
    struct frame *frame = push(d, kind);

    frame->field = slot->field;
    frame->level = slot->level + 1;
    frame->list = slot->at;
    frame->stride = slot_stride(slot->field, slot->level);
    frame->notes = d->report->unknowns;
    return true;
}

static bool push_struct(struct decoder *d, const struct slot *slot)
{
    struct frame *frame;
    void *value = slot->at;

    if (slot->level == SLOT_MEMBER) {
        value = arena_alloc(d->arena, slot->shape->size);
        *(void **)slot->at = value;
    }
    frame = push(d, FRAME_STRUCT);
    frame->shape = slot->shape;
    frame->value = value;
    return true;
}

// --- free-form values: kept as they were written ---

// A free-form value is always a member, so it starts behind the colon that follows its key.
static size_t doc_start(const struct decoder *d)
{
    size_t at = d->key_end;

    while (at < d->text.len && strchr(" \t\r\n:", d->text.ptr[at]) != NULL)
        at++;
    return at;
}

static struct str doc_text(struct decoder *d, size_t start)
{
    size_t end = json_read_offset(&d->reader);
    return str_copy(d->arena, str_span(d->text.ptr + start, end - start));
}

static bool keep_scalar(struct decoder *d, const struct slot *slot)
{
    *(struct str *)slot->at = doc_text(d, doc_start(d));
    return true;
}

static bool push_doc(struct decoder *d, const struct slot *slot)
{
    size_t start = doc_start(d);
    struct frame *frame = push(d, FRAME_SKIP);

    frame->doc = slot->at;
    frame->doc_start = start;
    return true;
}

static bool pop(struct decoder *d)
{
    struct frame *frame = decoder_top(d);

    if (frame->doc != NULL)
        *frame->doc = doc_text(d, frame->doc_start);
    d->depth--;
    return true;
}

// --- tokens ---

static bool on_null(void *user)
{
    struct decoder *d = user;
    struct frame *frame = decoder_top(d);

    switch (frame->kind) {
    case FRAME_ROOT: return codec_fault_kind(d, "NULL_VALUE", SHAPE_STRUCT);
    case FRAME_LIST:
        frame->list->n++; // the path counts this entry; the value is given up anyway
        return codec_fault_null(d);
    case FRAME_MAP: frame->list->n--; return true; // its key was there already
    case FRAME_STRUCT:
    case FRAME_SKIP: return true;
    }
    UNREACHABLE();
}

static bool on_bool(void *user, bool value)
{
    struct decoder *d = user;
    struct slot slot;

    if (is_skipped(d))
        return true;
    if (!open_slot(d, &slot))
        return false;
    if (slot.type == SHAPE_DOC)
        return keep_scalar(d, &slot);
    if (slot.type != SHAPE_BOOL)
        return codec_fault_kind(d, value ? "TRUE_VALUE" : "FALSE_VALUE", slot.type);
    *(bool *)slot.at = value;
    return true;
}

static bool store_int(struct str text, void *at)
{
    int64_t value;

    if (!json_number_i64(text, INT32_MIN, INT32_MAX, &value))
        return false;
    *(int32_t *)at = (int32_t)value;
    return true;
}

static bool on_number(void *user, struct str text)
{
    struct decoder *d = user;
    struct slot slot;
    bool fits;

    if (is_skipped(d))
        return true;
    if (!open_slot(d, &slot))
        return false;
    switch (slot.type) {
    case SHAPE_INT: fits = store_int(text, slot.at); break;
    case SHAPE_LONG: fits = json_number_i64(text, INT64_MIN, INT64_MAX, slot.at); break;
    case SHAPE_DOUBLE: fits = json_number_double(text, slot.at); break;
    case SHAPE_TIME: fits = json_number_ms(text, slot.at); break;
    case SHAPE_DOC: return keep_scalar(d, &slot);
    case SHAPE_STRING:
    case SHAPE_ENUM:
    case SHAPE_BOOL:
    case SHAPE_DATE:
    case SHAPE_STRUCT:
    case SHAPE_TEXT:
    case SHAPE_LIST:
    case SHAPE_MAP:
    default: return codec_fault_kind(d, "NUMBER_VALUE", slot.type);
    }
    return fits || codec_fault_range(d, text, slot.type);
}

static bool store_enum(struct decoder *d, const struct slot *slot, struct str text)
{
    int value = shape_enum_value(slot->field->enums, text);
    struct shape_unknown *note;

    *(int *)slot->at = value;
    if (value != 0 || d->options->lenient_enums)
        return true;
    note = arena_new(d->arena, struct shape_unknown);
    *note = (struct shape_unknown){
        .field = slot->at, .text = str_copy(d->arena, text), .next = d->report->unknowns};
    d->report->unknowns = note;
    return true;
}

static bool store_inner(struct decoder *d, const struct slot *slot, struct str text)
{
    void *value = arena_alloc(d->arena, slot->shape->size);
    struct codec_report inner = {0};

    if (codec_decode(d->arena, slot->shape, text, d->options, value, &inner) != 0)
        return codec_fault_inner(d, inner.message);
    if (inner.unknowns != NULL) {
        struct shape_unknown *last = inner.unknowns;
        while (last->next != NULL)
            last = last->next;
        last->next = d->report->unknowns;
        d->report->unknowns = inner.unknowns;
    }
    *(void **)slot->at = value;
    return true;
}

// A zone can push a date out of the years that can be written.
static bool store_date(struct str text, int64_t *out)
{
    const int64_t first = INT64_C(-62167219200000); // 0000-01-01
    const int64_t last = INT64_C(253402300799999);  // 9999-12-31
    int64_t ms;

    if (!time_parse_rfc3339(text, &ms) || ms < first || ms > last)
        return false;
    *out = ms;
    return true;
}

static bool on_string(void *user, struct str text)
{
    struct decoder *d = user;
    struct slot slot;

    if (is_skipped(d))
        return true;
    if (!open_slot(d, &slot))
        return false;
    switch (slot.type) {
    case SHAPE_STRING: *(struct str *)slot.at = str_copy(d->arena, text); return true;
    case SHAPE_ENUM: return store_enum(d, &slot, text);
    case SHAPE_TEXT: return store_inner(d, &slot, text);
    case SHAPE_DOC: return keep_scalar(d, &slot);
    case SHAPE_DATE: return store_date(text, slot.at) || codec_fault_date(d);
    case SHAPE_BOOL:
    case SHAPE_INT:
    case SHAPE_LONG:
    case SHAPE_DOUBLE:
    case SHAPE_TIME:
    case SHAPE_STRUCT:
    case SHAPE_LIST:
    case SHAPE_MAP: return codec_fault_kind(d, "STRING_VALUE", slot.type);
    }
    UNREACHABLE();
}

static bool on_object(void *user)
{
    struct decoder *d = user;
    struct slot slot;

    if (is_skipped(d))
        return push(d, FRAME_SKIP) != NULL;
    if (!open_slot(d, &slot))
        return false;
    if (slot.type == SHAPE_STRUCT)
        return push_struct(d, &slot);
    if (slot.type == SHAPE_MAP)
        return push_list(d, &slot, FRAME_MAP);
    if (slot.type == SHAPE_DOC)
        return push_doc(d, &slot);
    return codec_fault_structure(d);
}

static bool on_list(void *user)
{
    struct decoder *d = user;
    struct slot slot;

    if (is_skipped(d))
        return push(d, FRAME_SKIP) != NULL;
    if (!open_slot(d, &slot))
        return false;
    if (slot.type == SHAPE_LIST)
        return push_list(d, &slot, FRAME_LIST);
    if (slot.type == SHAPE_DOC)
        return push_doc(d, &slot);
    return codec_fault_list(d);
}

// Texts of ours come in the order of the descriptor, so the member after the last is tried first.
static const struct shape_field *find_member(const struct decoder *d, const struct frame *frame,
                                             struct str name)
{
    const struct shape *shape = frame->shape;

    if (frame->hint < shape->fields_n && str_eq(shape->fields[frame->hint].name, name))
        return &shape->fields[frame->hint];
    return d->options->nocase ? shape_find_nocase(shape, name) : shape_find(shape, name);
}

static bool member_key(struct decoder *d, struct frame *frame, struct str name)
{
    const struct shape_field *field = find_member(d, frame, name);
    uint64_t bit;

    frame->field = field;
    if (field == NULL && d->options->no_unknowns)
        return codec_fault_unknown(d, name);
    if (field == NULL)
        return key_set_add(&d->keys, frame->object, name) || codec_fault_twice(d, name);
    bit = UINT64_C(1) << field->bit;
    if (frame->seen & bit)
        return codec_fault_twice(d, name);
    frame->seen |= bit;
    frame->hint = (uint32_t)(field - frame->shape->fields) + 1;
    if (field->type == SHAPE_DOC)
        d->key_end = json_read_offset(&d->reader);
    return true;
}

static bool map_key(struct decoder *d, struct frame *frame, struct str name)
{
    struct str *key;

    if (!key_set_add(&d->keys, frame->object, name))
        return codec_fault_twice(d, name);
    key = add_entry(d, frame);
    if (key == NULL)
        return false;
    *key = str_copy(d->arena, name);
    return true;
}

static bool on_key(void *user, struct str name)
{
    struct decoder *d = user;
    struct frame *frame = decoder_top(d);

    if (frame->kind == FRAME_STRUCT)
        return member_key(d, frame, name);
    if (frame->kind == FRAME_MAP)
        return map_key(d, frame, name);
    return key_set_add(&d->keys, frame->object, name) || codec_fault_twice(d, name);
}

static bool on_end(void *user)
{
    return pop(user);
}

static const struct json_events events = {
    .on_null = on_null,
    .on_bool = on_bool,
    .on_number = on_number,
    .on_string = on_string,
    .on_object = on_object,
    .on_key = on_key,
    .on_object_end = on_end,
    .on_list = on_list,
    .on_list_end = on_end,
};

// --- the whole ---

static int conclude(struct decoder *d, int why)
{
    if (why == 0)
        return 0;
    if (why == JSON_E_STOPPED)
        return CODEC_E_VALUE;
    codec_fault_text(d, why);
    return CODEC_E_MALFORMED;
}

int codec_decode(struct arena *arena, const struct shape *shape, struct str json,
                 const struct codec_options *options, void *out, struct codec_report *report)
{
    static const struct codec_options plain;
    struct decoder d; // frames are set up as they are pushed
    int result;

    d.arena = arena;
    d.options = options ? options : &plain;
    d.report = report;
    d.reader =
        (struct json_reader){.events = &events, .user = &d, .depth_max = d.options->depth_max};
    if (d.reader.depth_max == 0 || d.reader.depth_max > JSON_DEPTH_MAX)
        d.reader.depth_max = JSON_DEPTH_MAX;
    d.text = json;
    d.keys = (struct key_set){0};
    d.objects = 0;
    d.key_end = 0;
    d.entries_max = d.options->entries_max ? d.options->entries_max : CODEC_ENTRIES_MAX;
    d.depth = 0;
    d.frames[0] = (struct frame){.kind = FRAME_ROOT, .shape = shape, .value = out};

    *report = (struct codec_report){0};
    memset(out, 0, shape->size);
    result = conclude(&d, json_read(&d.reader, json));
    key_set_deinit(&d.keys);
    if (result != 0) {
        memset(out, 0, shape->size);
        report->unknowns = NULL;
    }
    return result;
}

int codec_decode_over(struct arena *arena, const struct shape *shape, struct str json,
                      const struct codec_options *options, void *value, struct codec_report *report)
{
    void *fresh = arena_alloc(arena, shape->size);
    int result = codec_decode(arena, shape, json, options, fresh, report);

    report->unknowns = NULL; // they point into `fresh`
    if (result == 0)
        shape_merge(arena, shape, value, fresh);
    return result;
}
