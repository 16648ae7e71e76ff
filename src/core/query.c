// The cluster query language.
//
// The idea. A query is compiled to instructions in postfix order: a test pushes a truth value, and
// `not`, `and`, `or` work on the values on top. The parser is an operator-precedence one with a
// stack of its own, so neither parsing nor matching recurses, and one number bounds both: at most
// OPEN_MAX operators and parentheses wait at any moment, so at most OPEN_MAX + 1 values do, which
// is why matching needs no more than the bits of one word.
//
// Choices where the documentation is silent: keywords are lower case; `not` binds before `and`,
// `and` before `or`; a regular expression matches the whole value; an attribute without a value
// compares as the empty text; every comparison with something that is not there is false, the
// negative ones too; a bare literal ends before `&&` and `||`.
//
// What it refuses: subjects and operators that are not documented together, and literals that can
// never compare (a time that is none), so that a typing error is told and not read as "no
// instance".

#include "core/query.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/regex.h"
#include "base/timefmt.h"
#include "core/query_compare.h"
#include "model/instance.h"

enum { OPEN_MAX = 63 };

enum subject {
    SUBJECT_AGENT_CONNECTED,
    SUBJECT_AGENT_VERSION,
    SUBJECT_ATTRIBUTE,
    SUBJECT_EC2_INSTANCE_ID,
    SUBJECT_REGISTERED_AT,
    SUBJECT_RUNNING_TASKS_COUNT,
    SUBJECT_TASK_GROUP,
};

enum comparison {
    COMPARE_EQ = 1 << 0,
    COMPARE_NE = 1 << 1,
    COMPARE_GT = 1 << 2,
    COMPARE_GE = 1 << 3,
    COMPARE_LT = 1 << 4,
    COMPARE_LE = 1 << 5,
    COMPARE_IN = 1 << 6,
    COMPARE_NOT_IN = 1 << 7,
    COMPARE_MATCHES = 1 << 8,
    COMPARE_NOT_MATCHES = 1 << 9,
    COMPARE_EXISTS = 1 << 10,
    COMPARE_NOT_EXISTS = 1 << 11,
};

enum {
    COMPARES_ORDER = COMPARE_EQ | COMPARE_NE | COMPARE_GT | COMPARE_GE | COMPARE_LT | COMPARE_LE,
    COMPARES_TEXT = COMPARE_EQ | COMPARE_NE | COMPARE_IN | COMPARE_NOT_IN | COMPARE_MATCHES |
                    COMPARE_NOT_MATCHES,
    COMPARES_LIST = COMPARE_IN | COMPARE_NOT_IN,
    COMPARES_REGEX = COMPARE_MATCHES | COMPARE_NOT_MATCHES,
    COMPARES_NOTHING = COMPARE_EXISTS | COMPARE_NOT_EXISTS,
};

struct test {
    enum subject subject;
    enum comparison comparison;
    struct str attribute; // its name
    struct str *literals; // one, or those of a list
    size_t literals_n;
    int64_t number;      // the literal as milliseconds or as a count
    struct regex *regex; // owned
};

enum action { ACTION_OR, ACTION_AND, ACTION_NOT, ACTION_OPEN, ACTION_TEST };

struct instruction {
    enum action action;
    struct test test;
};

struct query {
    struct arena *arena;
    struct str text;
    bool asks_more; // than attributes
    struct instruction *at;
    size_t n;
    size_t cap;
};

struct parser {
    struct str text;
    size_t at;
    struct query *query;
    enum action waiting[OPEN_MAX];
    size_t waiting_n;
};

// --- words

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           str_has_char(STR("_-./\\"), c);
}

static void skip_space(struct parser *p)
{
    while (p->at < p->text.len && is_space(p->text.ptr[p->at]))
        p->at++;
}

static bool looking_at(const struct parser *p, struct str word)
{
    return str_starts(str_from(p->text, p->at), word);
}

// Takes a symbol, or a keyword that does not just begin a longer name.
static bool take(struct parser *p, struct str word)
{
    char last = word.ptr[word.len - 1];
    size_t end = p->at + word.len;

    if (!looking_at(p, word))
        return false;
    if (last >= 'a' && last <= 'z' && end < p->text.len && is_name_char(p->text.ptr[end]))
        return false;
    p->at = end;
    return true;
}

static struct str take_name(struct parser *p)
{
    size_t start = p->at;

    while (p->at < p->text.len && is_name_char(p->text.ptr[p->at]))
        p->at++;
    return str_span(p->text.ptr + start, p->at - start);
}

static bool ends_bare_literal(const struct parser *p)
{
    char c = p->text.ptr[p->at];

    return is_space(c) || str_has_char(STR(",[]()'\""), c) || looking_at(p, STR("&&")) ||
           looking_at(p, STR("||"));
}

static bool take_quoted(struct parser *p, struct str *out)
{
    char quote = p->text.ptr[p->at];
    size_t start = p->at + 1;
    size_t end = start;

    while (end < p->text.len && p->text.ptr[end] != quote)
        end++;
    if (end == p->text.len)
        return false;
    *out = str_span(p->text.ptr + start, end - start);
    p->at = end + 1;
    return true;
}

static bool take_literal(struct parser *p, struct str *out)
{
    size_t start;

    skip_space(p);
    start = p->at;
    if (looking_at(p, STR("'")) || looking_at(p, STR("\"")))
        return take_quoted(p, out);
    while (p->at < p->text.len && !ends_bare_literal(p))
        p->at++;
    *out = str_span(p->text.ptr + start, p->at - start);
    return out->len > 0;
}

// --- one test

static const struct {
    struct str name;
    enum subject subject;
    unsigned comparisons;
} subjects[] = {
    {STR_INIT("agentConnected"), SUBJECT_AGENT_CONNECTED, COMPARES_TEXT},
    {STR_INIT("agentVersion"), SUBJECT_AGENT_VERSION, COMPARES_ORDER},
    {STR_INIT("attribute:"), SUBJECT_ATTRIBUTE, COMPARES_ORDER | COMPARES_TEXT | COMPARES_NOTHING},
    {STR_INIT("ec2InstanceId"), SUBJECT_EC2_INSTANCE_ID, COMPARES_TEXT},
    {STR_INIT("registeredAt"), SUBJECT_REGISTERED_AT, COMPARES_ORDER},
    {STR_INIT("runningTasksCount"), SUBJECT_RUNNING_TASKS_COUNT, COMPARES_ORDER},
    {STR_INIT("task:group"), SUBJECT_TASK_GROUP, COMPARE_EQ | COMPARE_IN},
};

// A symbol that begins another one comes after it.
static const struct {
    struct str text;
    enum comparison comparison;
} operators[] = {
    {STR_INIT("=="), COMPARE_EQ},
    {STR_INIT("equals"), COMPARE_EQ},
    {STR_INIT("!="), COMPARE_NE},
    {STR_INIT("not_equals"), COMPARE_NE},
    {STR_INIT(">="), COMPARE_GE},
    {STR_INIT("greater_than_equal"), COMPARE_GE},
    {STR_INIT(">"), COMPARE_GT},
    {STR_INIT("greater_than"), COMPARE_GT},
    {STR_INIT("<="), COMPARE_LE},
    {STR_INIT("less_than_equal"), COMPARE_LE},
    {STR_INIT("<"), COMPARE_LT},
    {STR_INIT("less_than"), COMPARE_LT},
    {STR_INIT("in"), COMPARE_IN},
    {STR_INIT("!in"), COMPARE_NOT_IN},
    {STR_INIT("not_in"), COMPARE_NOT_IN},
    {STR_INIT("=~"), COMPARE_MATCHES},
    {STR_INIT("matches"), COMPARE_MATCHES},
    {STR_INIT("!~"), COMPARE_NOT_MATCHES},
    {STR_INIT("not_matches"), COMPARE_NOT_MATCHES},
    {STR_INIT("exists"), COMPARE_EXISTS},
    {STR_INIT("!exists"), COMPARE_NOT_EXISTS},
    {STR_INIT("not_exists"), COMPARE_NOT_EXISTS},
};

// On success *out_comparisons is what may follow the subject.
static bool take_subject(struct parser *p, struct test *test, unsigned *out_comparisons)
{
    for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++) {
        if (!take(p, subjects[i].name))
            continue;
        test->subject = subjects[i].subject;
        p->query->asks_more |= test->subject != SUBJECT_ATTRIBUTE;
        *out_comparisons = subjects[i].comparisons;
        if (test->subject == SUBJECT_ATTRIBUTE)
            test->attribute = take_name(p);
        return test->subject != SUBJECT_ATTRIBUTE || test->attribute.len > 0;
    }
    return false;
}

static bool take_operator(struct parser *p, struct test *test, unsigned allowed)
{
    skip_space(p);
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        size_t start = p->at;

        if (!take(p, operators[i].text))
            continue;
        test->comparison = operators[i].comparison;
        if (!(allowed & test->comparison))
            p->at = start;
        return allowed & test->comparison;
    }
    return false;
}

static void add_literal(struct parser *p, struct test *test, struct str literal)
{
    size_t n = test->literals_n;

    // Room doubles whenever the count is a power of two.
    if ((n & (n - 1)) == 0) {
        struct str *more = arena_array(p->query->arena, struct str, n == 0 ? 1 : 2 * n);
        if (n > 0)
            memcpy(more, test->literals, n * sizeof *more);
        test->literals = more;
    }
    test->literals[test->literals_n++] = literal;
}

static bool take_list(struct parser *p, struct test *test)
{
    struct str literal;

    skip_space(p);
    if (!take(p, STR("[")))
        return false;
    do {
        if (!take_literal(p, &literal))
            return false;
        add_literal(p, test, literal);
        skip_space(p);
    } while (take(p, STR(",")));
    return take(p, STR("]"));
}

// Literals are understood once, here, and not for every instance.
static bool read_literal(struct test *test, struct str literal)
{
    switch (test->subject) {
    case SUBJECT_AGENT_VERSION: return query_is_version(literal);
    case SUBJECT_REGISTERED_AT: return time_parse_rfc3339(literal, &test->number);
    case SUBJECT_RUNNING_TASKS_COUNT: return str_to_i64(literal, &test->number);
    case SUBJECT_AGENT_CONNECTED:
    case SUBJECT_ATTRIBUTE:
    case SUBJECT_EC2_INSTANCE_ID:
    case SUBJECT_TASK_GROUP: return true;
    }
    UNREACHABLE();
}

static bool take_argument(struct parser *p, struct test *test)
{
    struct str literal;
    size_t start;

    if (test->comparison & COMPARES_NOTHING)
        return true;
    if (test->comparison & COMPARES_LIST)
        return take_list(p, test);
    skip_space(p);
    start = p->at;
    if (!take_literal(p, &literal))
        return false;
    add_literal(p, test, literal);
    if (test->comparison & COMPARES_REGEX)
        test->regex = regex_new(literal);
    if (((test->comparison & COMPARES_REGEX) && test->regex == NULL) ||
        !read_literal(test, literal)) {
        p->at = start;
        return false;
    }
    return true;
}

// --- the whole

static struct test *emit(struct query *query, enum action action)
{
    if (query->n == query->cap) {
        size_t cap = query->cap > 0 ? 2 * query->cap : 4;
        struct instruction *more = arena_array(query->arena, struct instruction, cap);
        if (query->n > 0)
            memcpy(more, query->at, query->n * sizeof *more);
        query->at = more;
        query->cap = cap;
    }
    query->at[query->n].action = action;
    return &query->at[query->n++].test;
}

static bool defer(struct parser *p, enum action action)
{
    if (p->waiting_n == OPEN_MAX)
        return false;
    p->waiting[p->waiting_n++] = action;
    return true;
}

// Emits the waiting operators that bind at least as tightly; never past an open parenthesis.
static void emit_waiting(struct parser *p, enum action least)
{
    while (p->waiting_n > 0 && p->waiting[p->waiting_n - 1] != ACTION_OPEN &&
           p->waiting[p->waiting_n - 1] >= least)
        emit(p->query, p->waiting[--p->waiting_n]);
}

static bool take_test(struct parser *p)
{
    struct test *test = emit(p->query, ACTION_TEST);
    unsigned allowed;

    return take_subject(p, test, &allowed) && take_operator(p, test, allowed) &&
           take_argument(p, test);
}

// What may stand before an operand, and the operand itself.
static bool take_operand(struct parser *p)
{
    for (;;) {
        skip_space(p);
        if (take(p, STR("("))) {
            if (!defer(p, ACTION_OPEN))
                return false;
        } else if (take(p, STR("!")) || take(p, STR("not"))) {
            if (!defer(p, ACTION_NOT))
                return false;
        } else {
            return take_test(p);
        }
    }
}

static bool close_parenthesis(struct parser *p)
{
    emit_waiting(p, ACTION_OR);
    if (p->waiting_n == 0)
        return false;
    p->waiting_n--;
    return true;
}

// The parentheses that close after an operand, then the operator. False at the end of the text and
// at a fault; the caller looks which.
static bool take_connective(struct parser *p)
{
    enum action action;

    skip_space(p);
    while (looking_at(p, STR(")"))) {
        if (!close_parenthesis(p))
            return false;
        p->at++;
        skip_space(p);
    }
    if (take(p, STR("and")) || take(p, STR("&&")))
        action = ACTION_AND;
    else if (take(p, STR("or")) || take(p, STR("||")))
        action = ACTION_OR;
    else
        return false;
    emit_waiting(p, action);
    return defer(p, action);
}

static bool parse(struct parser *p)
{
    do {
        if (!take_operand(p))
            return false;
    } while (take_connective(p));
    if (p->at < p->text.len)
        return false;
    emit_waiting(p, ACTION_OR);
    return p->waiting_n == 0;
}

struct query *query_parse(struct arena *arena, struct str text, size_t *out_at)
{
    struct parser p = {.text = text, .query = arena_new(arena, struct query)};

    p.query->arena = arena;
    p.query->text = text;
    if (parse(&p))
        return p.query;
    query_free(p.query);
    *out_at = p.at;
    return NULL;
}

void query_free(struct query *query)
{
    if (query == NULL)
        return;
    for (size_t i = 0; i < query->n; i++) {
        regex_free(query->at[i].test.regex);
        query->at[i].test.regex = NULL;
    }
}

struct str query_text(const struct query *query)
{
    return query->text;
}

bool query_asks_attributes_only(const struct query *query)
{
    return !query->asks_more;
}

// --- matching

static bool order_holds(enum comparison comparison, int order)
{
    if (order < 0)
        return comparison & (COMPARE_NE | COMPARE_LT | COMPARE_LE);
    if (order > 0)
        return comparison & (COMPARE_NE | COMPARE_GT | COMPARE_GE);
    return comparison & (COMPARE_EQ | COMPARE_GE | COMPARE_LE);
}

static bool number_holds(const struct test *test, int64_t value)
{
    return order_holds(test->comparison, (value > test->number) - (value < test->number));
}

static bool is_among(const struct test *test, struct str value)
{
    for (size_t i = 0; i < test->literals_n; i++) {
        if (str_eq(test->literals[i], value))
            return true;
    }
    return false;
}

static bool text_holds(const struct test *test, struct str value)
{
    switch (test->comparison) {
    case COMPARE_EQ:
    case COMPARE_IN: return is_among(test, value);
    case COMPARE_NE:
    case COMPARE_NOT_IN: return !is_among(test, value);
    case COMPARE_MATCHES: return regex_matches(test->regex, value);
    case COMPARE_NOT_MATCHES: return !regex_matches(test->regex, value);
    case COMPARE_GT:
    case COMPARE_GE:
    case COMPARE_LT:
    case COMPARE_LE:
        return order_holds(test->comparison, query_value_order(value, test->literals[0]));
    case COMPARE_EXISTS:
    case COMPARE_NOT_EXISTS: break;
    }
    UNREACHABLE();
}

static bool attribute_holds(const struct test *test, const struct instance *instance)
{
    const struct ecs_attribute *attribute = instance_attribute(instance, test->attribute);

    if (test->comparison & COMPARES_NOTHING)
        return (attribute != NULL) == (test->comparison == COMPARE_EXISTS);
    return attribute != NULL && text_holds(test, attribute->value);
}

static bool version_holds(const struct test *test, const struct instance *instance)
{
    const struct ecs_version_info *info = instance->rec->version_info;

    if (!instance->rec->has.version_info || !query_is_version(info->agent_version))
        return false;
    return order_holds(test->comparison,
                       query_version_order(info->agent_version, test->literals[0]));
}

// A task that is being stopped counts no more, though it may still run.
static bool group_holds(const struct test *test, const struct instance *instance)
{
    for (size_t i = 0; i < test->literals_n; i++) {
        if (group_counts_of(&instance->groups, test->literals[i]) > 0)
            return true;
    }
    return false;
}

static bool test_holds(const struct test *test, const struct instance *instance)
{
    switch (test->subject) {
    case SUBJECT_AGENT_CONNECTED:
        return text_holds(test, instance_is_connected(instance) ? STR("true") : STR("false"));
    case SUBJECT_AGENT_VERSION: return version_holds(test, instance);
    case SUBJECT_ATTRIBUTE: return attribute_holds(test, instance);
    case SUBJECT_EC2_INSTANCE_ID:
        return instance->rec->has.ec2_instance_id &&
               text_holds(test, instance->rec->ec2_instance_id);
    case SUBJECT_REGISTERED_AT: return number_holds(test, instance->rec->registered_at);
    case SUBJECT_RUNNING_TASKS_COUNT: return number_holds(test, instance->wanted_n);
    case SUBJECT_TASK_GROUP: return group_holds(test, instance);
    }
    UNREACHABLE();
}

// The stack of truth values is a word: the newest in bit 0.
static uint64_t combine(enum action action, uint64_t stack)
{
    if (action == ACTION_NOT)
        return stack ^ 1;
    if (action == ACTION_AND)
        return (stack >> 1) & (stack | ~UINT64_C(1));
    ASSERT(action == ACTION_OR);
    return (stack >> 1) | (stack & 1);
}

bool query_matches(const struct query *query, const struct instance *instance)
{
    uint64_t stack = 0;

    for (size_t i = 0; i < query->n; i++) {
        const struct instruction *next = &query->at[i];

        if (next->action == ACTION_TEST)
            stack = stack << 1 | test_holds(&next->test, instance);
        else
            stack = combine(next->action, stack);
    }
    ASSERT(stack <= 1);
    return stack;
}
