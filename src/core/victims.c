// Victims of a scale-in. Source: ecs-behaviour-scheduler 1.8, 1.10.
//
// The idea. Tasks fall into classes: not RUNNING yet, unhealthy, the rest; in each by the age of
// the deployment. A class is used up before the next is touched. Inside a class each rule of the
// chain keeps the tasks that are worst by its measure, so the victim is the task with the greatest
// tuple of measures:
//   spread     tasks with the same value, of all classes and protected ones too
//   binpack    what would be free on the instance without the task
//   random     a number drawn for the task
// and at the end of the tuple, so that no two are equal, the time of creation (of tasks that are
// not RUNNING) and the drawn number.
//
// A choice lowers the count of whole zones, so the greatest tuple is not looked for afresh but kept
// in a tree: one level for each spread rule at the head of the chain, with a node for each value
// below its parent's, and at the bottom a leaf for each instance. The children of a node are a heap
// by the rest of the tuple, from their own level on: what they share with their siblings is not in
// it, so a zone that loses a task changes its own node and none below. Counts only fall, hence what
// a node remembers is never too low, and it is enough to look again at nodes that come out on top.
//
// Attributes belong to instances, so the tasks of an instance differ only in what they give back
// and in the end of the tuple: they stand in one leaf, best first.

#include "core/victims.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/proof.h"
#include "base/rng.h"

enum {
    AT_CREATED = VICTIM_RULES_MAX, // after the measures of the rules
    AT_DRAWN,
    TUPLE_N,
    ROW_KEYS_MAX = VICTIM_RULES_MAX + 3,
};

// A task to be sorted: into classes, then into leaves.
struct row {
    int64_t key[ROW_KEYS_MAX];
    size_t task;
};

struct node {
    struct node *parent;    // NULL: the root
    struct node **children; // a heap, the greatest first; NULL: a leaf
    size_t children_n;
    size_t level;           // how many rules lie above: the tuple begins there
    uint32_t value;         // of the rule above, or the instance
    const struct row *next; // of a leaf: its tasks that are left
    const struct row *end;
    int64_t tuple[TUPLE_N];
};

// The values of one rule, numbered from 0.
struct spread {
    uint32_t *of_task;
    int64_t *tasks_n; // by value: how many are left
};

struct choice {
    const struct victim_task *tasks;
    size_t tasks_n;
    enum victim_rule rules[VICTIM_RULES_MAX];
    size_t rules_n;
    size_t head_n; // rules at the head of the chain that spread
    struct spread spread[VICTIM_RULES_MAX];
    struct spread instances;
    int64_t *cpu_freed; // by instance, by the victims so far
    int64_t *memory_freed;
    int64_t *drawn; // by task
    size_t *victims;
    size_t victims_n;
    struct victims_wanted wanted; // what is still to be chosen
    struct arena *arena;
};

// --- preparing

static int by_keys(const void *a, const void *b)
{
    const struct row *x = a;
    const struct row *y = b;

    for (size_t i = 0; i < ROW_KEYS_MAX; i++) {
        if (x->key[i] != y->key[i])
            return x->key[i] < y->key[i] ? -1 : 1;
    }
    return 0;
}

static void sort_rows(struct row *rows, size_t n)
{
    if (n > 1)
        qsort(rows, n, sizeof *rows, by_keys);
}

static bool is_spread(enum victim_rule rule)
{
    return rule == VICTIM_SPREAD || rule == VICTIM_SPREAD_INSTANCE;
}

enum spread_key { KEY_INSTANCE, KEY_ZONE, KEY_GIVEN };

static int64_t key_of(const struct victim_task *task, enum spread_key key, size_t rule)
{
    switch (key) {
    case KEY_INSTANCE: return (int64_t)task->instance_id;
    case KEY_ZONE: return (int64_t)task->zone;
    case KEY_GIVEN: return (int64_t)task->keys[rule];
    }
    UNREACHABLE();
}

static struct spread number_values(const struct choice *c, enum spread_key key, size_t rule)
{
    struct row *rows = arena_array(c->arena, struct row, c->tasks_n);
    struct spread spread = {
        .of_task = arena_array(c->arena, uint32_t, c->tasks_n),
        .tasks_n = arena_array(c->arena, int64_t, c->tasks_n),
    };
    uint32_t value = 0;

    for (size_t i = 0; i < c->tasks_n; i++)
        rows[i] = (struct row){.key = {key_of(&c->tasks[i], key, rule)}, .task = i};
    sort_rows(rows, c->tasks_n);
    for (size_t i = 0; i < c->tasks_n; i++) {
        value += i > 0 && rows[i].key[0] != rows[i - 1].key[0];
        spread.of_task[rows[i].task] = value;
        spread.tasks_n[value]++;
    }
    return spread;
}

// What comes after a random rule decides nothing.
static void take_rules(struct choice *c, const enum victim_rule *rules, size_t n)
{
    ASSERT(n <= VICTIM_RULES_MAX);
    for (size_t i = 0; i < n; i++) {
        c->rules[c->rules_n++] = rules[i];
        MARK_IF(rules[i] == VICTIM_SPREAD, "a victim is chosen by an attribute");
        MARK_IF(rules[i] == VICTIM_SPREAD_INSTANCE, "a victim is chosen by its instance");
        MARK_IF(rules[i] == VICTIM_BINPACK_CPU, "a victim is chosen by the CPU that is left");
        MARK_IF(rules[i] == VICTIM_BINPACK_MEMORY, "a victim is chosen by the memory that is left");
        MARK_IF(rules[i] == VICTIM_RANDOM, "a victim is chosen by chance");
        if (rules[i] == VICTIM_RANDOM)
            break;
        if (rules[i] == VICTIM_SPREAD)
            c->spread[i] = number_values(c, KEY_GIVEN, i);
        else if (rules[i] == VICTIM_SPREAD_INSTANCE)
            c->spread[i] = number_values(c, KEY_INSTANCE, i);
    }
}

static void take_default_rules(struct choice *c)
{
    c->rules_n = 2;
    c->rules[0] = VICTIM_SPREAD;
    c->rules[1] = VICTIM_SPREAD_INSTANCE;
    c->spread[0] = number_values(c, KEY_ZONE, 0);
    c->spread[1] = number_values(c, KEY_INSTANCE, 1);
}

static void open_choice(struct choice *c, const enum victim_rule *rules, size_t rules_n,
                        struct rng *rng)
{
    c->instances = number_values(c, KEY_INSTANCE, 0);
    if (rules_n > 0)
        take_rules(c, rules, rules_n);
    else
        take_default_rules(c);
    while (c->head_n < c->rules_n && is_spread(c->rules[c->head_n]))
        c->head_n++;
    c->cpu_freed = arena_array(c->arena, int64_t, c->tasks_n);
    c->memory_freed = arena_array(c->arena, int64_t, c->tasks_n);
    c->drawn = arena_array(c->arena, int64_t, c->tasks_n);
    for (size_t i = 0; i < c->tasks_n; i++)
        c->drawn[i] = (int64_t)(rng_next(rng) >> 1);
    c->victims = arena_array(c->arena, size_t, c->tasks_n);
}

// --- the order of leaves and nodes

static int64_t created(const struct choice *c, size_t task)
{
    const struct victim_task *t = &c->tasks[task];

    return t->state == VICTIM_NOT_RUNNING ? t->created_at : 0;
}

static int64_t measure(const struct choice *c, size_t rule, size_t task)
{
    const struct victim_task *t = &c->tasks[task];
    uint32_t instance = c->instances.of_task[task];

    switch (c->rules[rule]) {
    case VICTIM_SPREAD:
    case VICTIM_SPREAD_INSTANCE: return c->spread[rule].tasks_n[c->spread[rule].of_task[task]];
    case VICTIM_BINPACK_CPU: return t->cpu_left + c->cpu_freed[instance] + t->cpu;
    case VICTIM_BINPACK_MEMORY: return t->memory_left + c->memory_freed[instance] + t->memory;
    case VICTIM_RANDOM: return c->drawn[task];
    }
    UNREACHABLE();
}

// Which of two tasks of one instance goes first, by what differs between them.
static int64_t measure_inside(const struct choice *c, size_t rule, size_t task)
{
    return is_spread(c->rules[rule]) ? 0 : measure(c, rule, task);
}

static bool is_leaf(const struct node *node)
{
    return node->children == NULL;
}

// What the node remembers becomes what is true, given that its best child's memory is. True when it
// was not.
static bool refresh(const struct choice *c, struct node *node)
{
    int64_t tuple[TUPLE_N] = {0};
    bool is_same = true;

    if (is_leaf(node)) {
        size_t task = node->next->task;
        for (size_t i = c->head_n; i < c->rules_n; i++)
            tuple[i] = measure(c, i, task);
        tuple[AT_CREATED] = created(c, task);
        tuple[AT_DRAWN] = c->drawn[task];
    } else {
        memcpy(tuple, node->children[0]->tuple, sizeof tuple);
        if (node->level > 0)
            tuple[node->level - 1] = c->spread[node->level - 1].tasks_n[node->value];
    }
    for (size_t i = 0; i < TUPLE_N; i++) {
        is_same = is_same && node->tuple[i] == tuple[i];
        node->tuple[i] = tuple[i];
    }
    return !is_same;
}

static bool goes_before(const struct node *a, const struct node *b)
{
    for (size_t i = 0; i < TUPLE_N; i++) {
        if (a->tuple[i] != b->tuple[i])
            return a->tuple[i] > b->tuple[i];
    }
    return false;
}

static void sift_down(struct node *parent, size_t at)
{
    struct node **heap = parent->children;
    struct node *moved = heap[at];

    for (;;) {
        size_t best = 2 * at + 1;
        if (best >= parent->children_n)
            break;
        if (best + 1 < parent->children_n && goes_before(heap[best + 1], heap[best]))
            best++;
        if (!goes_before(heap[best], moved))
            break;
        heap[at] = heap[best];
        at = best;
    }
    heap[at] = moved;
}

static void drop_first(struct node *parent)
{
    ASSERT(parent->children_n > 0);
    parent->children[0] = parent->children[--parent->children_n];
    if (parent->children_n > 1)
        sift_down(parent, 0);
}

// --- the tree of one class

// The leaves' order: by the values of the head rules, the instance, then what goes first in it.
static struct row row_of(const struct choice *c, size_t task)
{
    struct row row = {.task = task};
    size_t n = 0;

    for (size_t i = 0; i < c->head_n; i++)
        row.key[n++] = c->spread[i].of_task[task];
    row.key[n++] = c->instances.of_task[task];
    for (size_t i = c->head_n; i < c->rules_n; i++)
        row.key[n++] = -measure_inside(c, i, task);
    row.key[n++] = -created(c, task);
    row.key[n++] = -c->drawn[task];
    ASSERT(n <= ROW_KEYS_MAX);
    return row;
}

struct tree {
    struct node *nodes; // parents before their children; the root first
    size_t n;
};

static struct node *add_node(struct tree *tree, struct node *parent, const struct row *row)
{
    struct node *node = &tree->nodes[tree->n++];

    node->parent = parent;
    node->level = parent->level + 1;
    node->value = (uint32_t)row->key[parent->level];
    parent->children_n++;
    return node;
}

// The rows are sorted, so tasks of one node stand together: a node is new where its value or one
// above it is.
static void grow(const struct choice *c, struct tree *tree, const struct row *rows, size_t n)
{
    struct node *path[VICTIM_RULES_MAX + 2] = {&tree->nodes[0]};

    tree->n = 1;
    for (size_t i = 0; i < n; i++) {
        size_t level = 0;
        while (i > 0 && level <= c->head_n && rows[i].key[level] == rows[i - 1].key[level])
            level++;
        for (; level <= c->head_n; level++) {
            path[level + 1] = add_node(tree, path[level], &rows[i]);
            path[level + 1]->next = &rows[i];
        }
        path[c->head_n + 1]->end = &rows[i + 1];
    }
}

// Last node first: the children of a node are all in place when it is reached.
static void make_heaps(const struct choice *c, struct tree *tree)
{
    for (size_t i = tree->n; i-- > 0;) {
        struct node *node = &tree->nodes[i];
        struct node *parent = node->parent;

        for (size_t k = node->children_n / 2; k-- > 0;)
            sift_down(node, k);
        refresh(c, node);
        if (parent == NULL)
            break;
        if (parent->children == NULL) {
            parent->children = arena_array(c->arena, struct node *, parent->children_n);
            parent->children_n = 0;
        }
        parent->children[parent->children_n++] = node;
    }
}

static struct node *plant(const struct choice *c, struct row *rows, size_t n)
{
    struct tree tree = {.nodes = arena_array(c->arena, struct node, 1 + n * (c->head_n + 1))};

    sort_rows(rows, n);
    grow(c, &tree, rows, n);
    make_heaps(c, &tree);
    return &tree.nodes[0];
}

// --- choosing

// The leaf that holds the greatest tuple: down along what is remembered, then up again while it is
// true; from where it was not, down once more.
static struct node *find_greatest(const struct choice *c, struct node *root)
{
    struct node *at = root;

    for (;;) {
        struct node *leaf;

        while (!is_leaf(at))
            at = at->children[0];
        leaf = at;
        while (at != root && !refresh(c, at))
            at = at->parent;
        if (at == root)
            return leaf;
        at = at->parent;
        sift_down(at, 0);
    }
}

static void count_victim(struct choice *c, size_t task)
{
    const struct victim_task *t = &c->tasks[task];
    uint32_t instance = c->instances.of_task[task];

    ASSERT(!t->is_protected);
    c->victims[c->victims_n++] = task;
    c->cpu_freed[instance] += t->cpu;
    c->memory_freed[instance] += t->memory;
    for (size_t i = 0; i < c->rules_n; i++) {
        if (is_spread(c->rules[i]))
            c->spread[i].tasks_n[c->spread[i].of_task[task]]--;
    }
    c->wanted.n--;
    if (t->state == VICTIM_HEALTHY)
        c->wanted.healthy_max--;
}

// Each node on the way up stands first among its siblings, since the leaf was the greatest.
static void leave(const struct choice *c, struct node *leaf)
{
    bool is_empty = leaf->next == leaf->end;

    for (struct node *at = leaf; at->parent != NULL; at = at->parent) {
        ASSERT(at->parent->children[0] == at);
        if (is_empty) {
            drop_first(at->parent);
            is_empty = at->parent->children_n == 0;
        } else {
            refresh(c, at);
            sift_down(at->parent, 0);
        }
    }
}

static bool may_go(const struct choice *c, const struct row *row)
{
    return c->tasks[row->task].state != VICTIM_HEALTHY || c->wanted.healthy_max > 0;
}

// Drops the rows that have gone or may not go any more, and sets the others up for the tree.
static size_t keep_candidates(const struct choice *c, struct row *rows, size_t n, const bool *gone)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        if (!gone[rows[i].task] && may_go(c, &rows[i]))
            rows[kept++] = row_of(c, rows[i].task);
    }
    return kept;
}

// Until enough are chosen, no one is left, or the last healthy task that may go has gone: then the
// others of the class are looked at without the healthy ones.
static void use_class(struct choice *c, struct row *rows, size_t n, bool *gone)
{
    while (c->wanted.n > 0 && (n = keep_candidates(c, rows, n, gone)) > 0) {
        struct node *root = plant(c, rows, n);
        bool is_open = true;

        while (c->wanted.n > 0 && root->children_n > 0 && is_open) {
            struct node *leaf = find_greatest(c, root);
            const struct row *row = leaf->next++;

            gone[row->task] = true;
            count_victim(c, row->task);
            leave(c, leaf);
            is_open = may_go(c, row);
        }
    }
}

static struct row class_of(const struct choice *c, size_t task)
{
    const struct victim_task *t = &c->tasks[task];
    int64_t state = t->state < VICTIM_RUNNING ? t->state : VICTIM_RUNNING;

    return (struct row){.key = {state, t->deployment_age}, .task = task};
}

static size_t sort_into_classes(const struct choice *c, struct row *rows)
{
    size_t n = 0;

    for (size_t i = 0; i < c->tasks_n; i++) {
        if (!c->tasks[i].is_protected)
            rows[n++] = class_of(c, i);
    }
    sort_rows(rows, n);
    return n;
}

static void use_classes(struct choice *c)
{
    struct row *rows = arena_array(c->arena, struct row, c->tasks_n);
    bool *gone = arena_array(c->arena, bool, c->tasks_n);
    size_t n = sort_into_classes(c, rows);
    size_t end;

    for (size_t start = 0; start < n && c->wanted.n > 0; start = end) {
        end = start + 1;
        while (end < n && by_keys(&rows[start], &rows[end]) == 0)
            end++;
        use_class(c, rows + start, end - start, gone);
    }
}

static size_t lesser(size_t a, size_t b)
{
    return a < b ? a : b;
}

// With wanted as it is left: how many protected tasks could have filled it.
static size_t count_spared(const struct choice *c)
{
    size_t healthy_n = 0;
    size_t others_n = 0;

    for (size_t i = 0; i < c->tasks_n; i++) {
        if (!c->tasks[i].is_protected)
            continue;
        healthy_n += c->tasks[i].state == VICTIM_HEALTHY;
        others_n += c->tasks[i].state != VICTIM_HEALTHY;
    }
    return lesser(c->wanted.n, others_n + lesser(healthy_n, c->wanted.healthy_max));
}

struct victims victims_choose(const struct victim_task *tasks, size_t n,
                              const enum victim_rule *rules, size_t rules_n,
                              struct victims_wanted wanted, struct rng *rng, struct arena *arena)
{
    struct choice c = {.tasks = tasks, .tasks_n = n, .wanted = wanted, .arena = arena};

    if (n == 0 || wanted.n == 0)
        return (struct victims){0};
    open_choice(&c, rules, rules_n, rng);
    use_classes(&c);
    return (struct victims){.at = c.victims, .n = c.victims_n, .spared_n = count_spared(&c)};
}
