// Look-ups in the descriptors. Fields are sorted by wire name, so a name is found by bisection.

#include "shape/shape.h"

#include "base/assert.h"

// As str_cmp, for names that are not empty: most differ in their first letter already.
static inline int name_cmp(struct str a, struct str b)
{
    int order = (unsigned char)a.ptr[0] - (unsigned char)b.ptr[0];

    return order ? order : str_cmp(a, b);
}

const struct shape_field *shape_find(const struct shape *shape, struct str name)
{
    size_t low = 0;
    size_t high = name.len > 0 ? shape->fields_n : 0;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = name_cmp(name, shape->fields[mid].name);
        if (order == 0)
            return &shape->fields[mid];
        if (order < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return NULL;
}

const struct shape_field *shape_find_nocase(const struct shape *shape, struct str name)
{
    for (size_t i = 0; i < shape->fields_n; i++) {
        if (str_eq_nocase(shape->fields[i].name, name))
            return &shape->fields[i];
    }
    return NULL;
}

static size_t size_of_type(enum shape_type type)
{
    switch (type) {
    case SHAPE_STRING:
    case SHAPE_DOC: return sizeof(struct str);
    case SHAPE_ENUM: return sizeof(int);
    case SHAPE_BOOL: return sizeof(bool);
    case SHAPE_INT: return sizeof(int32_t);
    case SHAPE_LONG:
    case SHAPE_TIME:
    case SHAPE_DATE: return sizeof(int64_t);
    case SHAPE_DOUBLE: return sizeof(double);
    case SHAPE_STRUCT:
    case SHAPE_TEXT: return sizeof(void *);
    case SHAPE_LIST:
    case SHAPE_MAP: return sizeof(struct shape_list);
    }
    UNREACHABLE();
}

size_t shape_slot_size(const struct shape_field *field)
{
    return size_of_type((enum shape_type)field->type);
}

size_t shape_element_size(const struct shape_field *field)
{
    enum shape_type element = (enum shape_type)field->element;
    size_t value = element == SHAPE_STRUCT ? field->shape->size : size_of_type(element);

    ASSERT(field->type == SHAPE_LIST || field->type == SHAPE_MAP);
    return field->type == SHAPE_MAP ? sizeof(struct str) + value : value;
}

struct str shape_enum_name(const struct shape_enum *enums, int value)
{
    ASSERT(value >= 0 && (size_t)value < enums->n);
    return enums->values[value];
}

int shape_enum_value(const struct shape_enum *enums, struct str name)
{
    for (size_t i = 1; i < enums->n; i++) {
        if (str_eq(enums->values[i], name))
            return (int)i;
    }
    return 0;
}
