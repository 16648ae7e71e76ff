// What the codec says of text it refuses. Where AWS's JSON services are known to have a sentence it
// is used, else one of ours in their style. This table is the only place with such texts.

#include "base/arena.h"
#include "base/buf.h"
#include "wire/codec_decoder.h"

enum fault {
    FAULT_STRUCTURE,
    FAULT_LIST,
    FAULT_KIND,
    FAULT_RANGE,
    FAULT_DATE,
    FAULT_NULL,
    FAULT_TWICE,
    FAULT_UNKNOWN,
    FAULT_ENTRIES,
    FAULT_INNER,
    FAULT_SYNTAX,
    FAULT_TEXT,
    FAULT_DEPTH,
};

// With the arguments each of them takes: the functions below, in this order.
static const char *const sentences[] = {
    [FAULT_STRUCTURE] = "Start of structure or map found where not expected.",
    [FAULT_LIST] = "Start of list found where not expected.",
    [FAULT_KIND] = "%s can not be converted to %s",
    [FAULT_RANGE] = "Value %.*s at '%.*s' can not be converted to %s",
    [FAULT_DATE] = "Value at '%.*s' is not a date",
    [FAULT_NULL] = "Value null at '%.*s' can not be an entry of a list",
    [FAULT_TWICE] = "Member '%.*s' is there twice",
    [FAULT_UNKNOWN] = "Member '%.*s' is not known",
    [FAULT_ENTRIES] = "More than %zu entries at '%.*s'",
    [FAULT_INNER] = "Value at '%.*s' does not hold JSON: %.*s",
    [FAULT_SYNTAX] = "The request body is not valid JSON",
    [FAULT_TEXT] = "The request body is not valid UTF-8 text",
    [FAULT_DEPTH] = "The request body is nested too deeply",
};

static const char *const type_names[] = {
    [SHAPE_STRING] = "a String",  [SHAPE_ENUM] = "a String",  [SHAPE_BOOL] = "a Boolean",
    [SHAPE_INT] = "an Integer",   [SHAPE_LONG] = "a Long",    [SHAPE_DOUBLE] = "a Double",
    [SHAPE_TIME] = "a Timestamp", [SHAPE_DATE] = "a Date",    [SHAPE_STRUCT] = "a Structure",
    [SHAPE_TEXT] = "a String",    [SHAPE_DOC] = "a Document", [SHAPE_LIST] = "a List",
    [SHAPE_MAP] = "a Map",
};

enum { NUMBER_SHOWN_MAX = 64 };

static void add_step(struct buf *path, const struct frame *frame)
{
    size_t n = frame->list ? frame->list->n : 0;

    if (frame->kind == FRAME_STRUCT && frame->field != NULL) {
        if (buf_len(path) > 0)
            buf_add_char(path, '.');
        buf_add_str(path, frame->field->name);
    } else if (frame->kind == FRAME_LIST) {
        buf_printf(path, ".%zu.member", n);
    } else if (frame->kind == FRAME_MAP && n > 0) {
        const struct str *key = slot_entry(frame->list, frame->stride, n - 1);
        buf_printf(path, ".%.*s.member", STR_ARGS(*key));
    }
}

static struct str path_to(struct decoder *d, size_t depth)
{
    BUF_AUTO struct buf path = BUF_INIT;

    for (size_t i = 1; i <= depth; i++)
        add_step(&path, &d->frames[i]);
    return str_copy(d->arena, buf_str(&path));
}

// The member the reader stands at, "containerDefinitions.2.member.cpu".
static struct str path_of(struct decoder *d)
{
    return path_to(d, d->depth);
}

static bool refuse(struct decoder *d, struct str path, struct str message)
{
    d->report->message = message;
    d->report->path = path;
    d->report->offset = json_read_offset(&d->reader);
    return false;
}

bool codec_fault_structure(struct decoder *d)
{
    return refuse(d, path_of(d), str_of(sentences[FAULT_STRUCTURE]));
}

bool codec_fault_list(struct decoder *d)
{
    return refuse(d, path_of(d), str_of(sentences[FAULT_LIST]));
}

bool codec_fault_kind(struct decoder *d, const char *token, enum shape_type wanted)
{
    return refuse(d, path_of(d),
                  str_fmt(d->arena, sentences[FAULT_KIND], token, type_names[wanted]));
}

bool codec_fault_range(struct decoder *d, struct str number, enum shape_type wanted)
{
    struct str path = path_of(d);

    number = str_take(number, NUMBER_SHOWN_MAX);
    return refuse(d, path,
                  str_fmt(d->arena, sentences[FAULT_RANGE], STR_ARGS(number), STR_ARGS(path),
                          type_names[wanted]));
}

static bool refuse_here(struct decoder *d, enum fault fault)
{
    struct str path = path_of(d);

    return refuse(d, path, str_fmt(d->arena, sentences[fault], STR_ARGS(path)));
}

bool codec_fault_date(struct decoder *d)
{
    return refuse_here(d, FAULT_DATE);
}

bool codec_fault_null(struct decoder *d)
{
    return refuse_here(d, FAULT_NULL);
}

bool codec_fault_twice(struct decoder *d, struct str name)
{
    return refuse(d, path_of(d), str_fmt(d->arena, sentences[FAULT_TWICE], STR_ARGS(name)));
}

bool codec_fault_unknown(struct decoder *d, struct str name)
{
    return refuse(d, path_of(d), str_fmt(d->arena, sentences[FAULT_UNKNOWN], STR_ARGS(name)));
}

bool codec_fault_entries(struct decoder *d)
{
    struct str path = path_to(d, d->depth - 1); // the list, not its last entry

    return refuse(d, path,
                  str_fmt(d->arena, sentences[FAULT_ENTRIES], d->entries_max, STR_ARGS(path)));
}

bool codec_fault_inner(struct decoder *d, struct str message)
{
    struct str path = path_of(d);

    return refuse(d, path,
                  str_fmt(d->arena, sentences[FAULT_INNER], STR_ARGS(path), STR_ARGS(message)));
}

void codec_fault_text(struct decoder *d, int why)
{
    enum fault fault = why == JSON_E_DEPTH  ? FAULT_DEPTH
                       : why == JSON_E_TEXT ? FAULT_TEXT
                                            : FAULT_SYNTAX;

    refuse(d, STR_NONE, str_of(sentences[fault]));
}
