// gantry-sim: runs seeds, and shows one.
//
// Seeds are run by child processes, a share each, so that an assertion that fails ends one child
// and is told with its seed; the child's share goes on behind it in another one. What a child says
// on its standard error is kept aside and only the head of it is shown.

#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/proof.h"
#include "commit.h"
#include "tests/sim/plan.h"
#include "tests/sim/shrink.h"
#include "tests/sim/sim.h"

enum {
    JOBS_MAX = 64,
    MARKS_MAX = 2000,
    HEAD_BYTES = 600,
    FAILURES_MAX = 20,
    PATIENCE_S = 120,
    LIST_MAX = 1000,
};

struct options {
    uint64_t list[LIST_MAX]; // these come first
    uint64_t list_n;
    uint64_t from; // and then these
    uint64_t seeds_n;
    unsigned jobs_n;
    const char *keep;
    int64_t length_ms; // 0: the plan's own
    uint64_t events_min;
    uint64_t patience; // so many seeds more, as long as there is a rule that none has reached
    bool trace;
    bool shrink;
    bool marks;   // list the rules that were not reached, and fail if there are any
    bool all;     // go on after failures
    bool digests; // a line a seed
    bool cover;   // a line for each seed that reaches a rule first
    enum plant bug;
};

// What children report to their parent, in memory that they share.
struct board {
    uint64_t number[JOBS_MAX]; // of the seed that each is at
    uint64_t events;
    uint64_t commits;
    uint64_t calls;
    uint64_t tasks;
    uint64_t starts;
    int64_t virtual_ms;
    uint64_t seeds;
    uint64_t hits[MARKS_MAX];
};

static struct board *board;

#define ADD(member, value) __atomic_fetch_add(&board->member, (value), __ATOMIC_RELAXED)

// ---- one seed

static uint64_t seed_of(const struct options *options, uint64_t number)
{
    return number < options->list_n ? options->list[number]
                                    : options->from + number - options->list_n;
}

static void make_plan(const struct options *options, uint64_t seed, struct plan *plan)
{
    plan_init(plan, seed);
    if (options->length_ms > 0)
        plan->length_ms = options->length_ms;
    if (options->keep != NULL && !plan_keep(plan, str_of(options->keep))) {
        fprintf(stderr, "gantry-sim: --keep takes numbers of actions, such as 0,3-7\n");
        exit(2);
    }
}

static void note(const struct sim_report *report)
{
    ADD(events, report->events);
    ADD(commits, report->commits);
    ADD(calls, report->calls);
    ADD(tasks, report->tasks);
    ADD(starts, report->starts);
    ADD(virtual_ms, report->virtual_ms);
    ADD(seeds, 1);
}

static void run_seed(const struct options *options, uint64_t seed, FILE *trace)
{
    struct plan plan;
    struct sim_report report;

    make_plan(options, seed, &plan);
    sim_run(&plan, trace, &report);
    note(&report);
    if (options->digests)
        printf("seed %llu: %llu events, digest %016llx\n", (unsigned long long)seed,
               (unsigned long long)report.events, (unsigned long long)report.digest);
    plan_deinit(&plan);
}

// ---- children

static void prepare_child(const struct options *options, int err_fd)
{
    // Calls are unsigned here; nobody's keys are to be found.
    setenv("HOME", "/nonexistent", 1);
    unsetenv("AWS_ACCESS_KEY_ID");
    unsetenv("AWS_SECRET_ACCESS_KEY");
    unsetenv("AWS_PROFILE");
    setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent", 1);
    proof_plant(options->bug);
    alarm(0);
    if (err_fd >= 0)
        dup2(err_fd, STDERR_FILENO);
}

// True: a rule was reached that no seed had reached before.
static bool add_marks(void)
{
    size_t n = proof_marks_n();
    bool is_first = false;

    for (size_t i = 0; i < n && i < MARKS_MAX; i++) {
        uint64_t hits = proof_mark(i)->hits;

        is_first |= ADD(hits[i], hits) == 0 && hits > 0;
        proof_mark(i)->hits = 0;
    }
    return is_first;
}

static bool all_are_reached(void)
{
    size_t n = proof_marks_n();

    for (size_t i = 0; i < n && i < MARKS_MAX; i++) {
        if (__atomic_load_n(&board->hits[i], __ATOMIC_RELAXED) == 0)
            return false;
    }
    return true;
}

static bool is_wanted(const struct options *options, uint64_t number)
{
    uint64_t sure_n = options->list_n + options->seeds_n;

    return number < sure_n || (number < sure_n + options->patience && !all_are_reached());
}

_Noreturn static void be_child(const struct options *options, unsigned job, uint64_t first,
                               int err_fd)
{
    prepare_child(options, err_fd);
    for (uint64_t number = first; is_wanted(options, number); number += options->jobs_n) {
        board->number[job] = number;
        alarm(PATIENCE_S);
        run_seed(options, seed_of(options, number), NULL);
        if (add_marks() && options->cover) {
            printf("%llu\n", (unsigned long long)seed_of(options, number));
            fflush(stdout);
        }
    }
    fflush(stdout);
    exit(0);
}

struct child {
    pid_t pid;
    int err_fd;
};

static int aside(void)
{
    return memfd_create("gantry-sim", MFD_CLOEXEC);
}

static struct child start_child(const struct options *options, unsigned job, uint64_t first)
{
    struct child child = {.err_fd = aside()};

    fflush(stdout);
    child.pid = fork();
    if (child.pid == 0)
        be_child(options, job, first, child.err_fd);
    return child;
}

// The first lines of what it said, without the ring of traces.
static void read_head(int err_fd, char *head, size_t size)
{
    ssize_t n = pread(err_fd, head, size - 1, 0);
    char *end;

    head[n > 0 ? n : 0] = '\0';
    end = strstr(head, "\n  last ");
    if (end != NULL)
        *end = '\0';
}

// What is the same in two runs that fail the same way: the first line, without numbers.
static void read_kind(int err_fd, char *kind, size_t size)
{
    char head[HEAD_BYTES];
    size_t n = 0;

    read_head(err_fd, head, sizeof head);
    for (const char *at = head; *at != '\0' && *at != '\n' && n + 1 < size; at++) {
        if (*at < '0' || *at > '9')
            kind[n++] = *at;
    }
    kind[n] = '\0';
}

// ---- one plan in a child of its own

struct trial {
    const struct options *options;
    char kind[HEAD_BYTES]; // how it has to fail
    unsigned runs;
};

// Its exit status as wait gives it, and how it failed.
static int try_plan(const struct options *options, const struct plan *plan, char *kind, size_t size)
{
    int err_fd = aside();
    int status = 0;
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        struct sim_report report;
        prepare_child(options, err_fd);
        alarm(PATIENCE_S);
        sim_run(plan, NULL, &report);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    read_kind(err_fd, kind, size);
    close(err_fd);
    return status;
}

static bool fails_the_same(void *user, const struct plan *plan)
{
    struct trial *trial = user;
    char kind[HEAD_BYTES];

    trial->runs++;
    return try_plan(trial->options, plan, kind, sizeof kind) != 0 && strcmp(kind, trial->kind) == 0;
}

static void print_command(const struct options *options, const struct plan *plan, bool is_shrunk)
{
    printf("  replay: gantry-sim --seed %llu --trace", (unsigned long long)plan->seed);
    if (options->bug != PLANT_NONE)
        printf(" --bug %.*s", STR_ARGS(proof_plant_name(options->bug)));
    if (is_shrunk) {
        char *kept = plan_kept(plan);
        printf(" --length %lld --keep %s", (long long)plan->length_ms, kept);
        mem_free(kept);
    }
    printf("\n");
}

static int shrink_seed(const struct options *options)
{
    struct trial trial = {.options = options};
    struct plan plan;

    make_plan(options, options->from, &plan);
    if (try_plan(options, &plan, trial.kind, sizeof trial.kind) == 0) {
        printf("seed %llu does not fail\n", (unsigned long long)options->from);
        return 1;
    }
    shrink(&plan, fails_the_same, &trial);
    printf("shrunk in %u runs: %s\n", trial.runs, trial.kind);
    for (size_t i = 0; i < plan.n; i++) {
        if (!plan.actions[i].left_out)
            printf("  %zu: %10.3f s %.*s\n", i, (double)plan.actions[i].at_ms / TIME_SECOND_MS,
                   STR_ARGS(action_name(plan.actions[i].kind)));
    }
    print_command(options, &plan, true);
    plan_deinit(&plan);
    return 1;
}

// ---- all of them

static void tell_failure(const struct options *options, uint64_t seed, int status, int err_fd)
{
    struct plan plan = {.seed = seed};
    char head[HEAD_BYTES];

    read_head(err_fd, head, sizeof head);
    printf("seed %llu fails, %s", (unsigned long long)seed, SIM_COMMIT);
    if (WIFSIGNALED(status))
        printf(", by signal %d%s", WTERMSIG(status),
               WTERMSIG(status) == SIGALRM ? " (it does not end)" : "");
    printf("\n  %s\n", head);
    print_command(options, &plan, false);
    fflush(stdout);
}

static bool reap(const struct options *options, struct child *children, unsigned *running,
                 unsigned *failures)
{
    int status;
    pid_t pid = wait(&status);
    unsigned job = 0;
    uint64_t next;

    while (children[job].pid != pid)
        job++;
    next = board->number[job] + options->jobs_n;
    children[job].pid = 0;
    if (status == 0) {
        (*running)--;
        close(children[job].err_fd);
        return true;
    }
    ++*failures;
    tell_failure(options, seed_of(options, board->number[job]), status, children[job].err_fd);
    close(children[job].err_fd);
    if (!options->all || *failures >= FAILURES_MAX)
        return false;
    children[job] = start_child(options, job, next);
    return true;
}

static unsigned list_unreached(void)
{
    size_t n = proof_marks_n();
    unsigned unreached = 0;

    for (size_t i = 0; i < n && i < MARKS_MAX; i++) {
        if (board->hits[i] > 0)
            continue;
        printf("not reached: %s (%s:%d)\n", proof_mark(i)->rule, proof_mark(i)->file,
               proof_mark(i)->line);
        unreached++;
    }
    printf("%zu rules are marked, %u were not reached\n", n, unreached);
    return unreached;
}

static void print_totals(double seconds)
{
    printf(
        "%llu seeds, %llu events (%.0f a minute), %llu commits, %llu calls answered, %llu tasks, "
        "%llu container starts, %.1f h of virtual time, %.1f s\n",
        (unsigned long long)board->seeds, (unsigned long long)board->events,
        seconds > 0 ? (double)board->events * 60 / seconds : 0, (unsigned long long)board->commits,
        (unsigned long long)board->calls, (unsigned long long)board->tasks,
        (unsigned long long)board->starts, (double)board->virtual_ms / TIME_HOUR_MS, seconds);
}

static double seconds_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int run_seeds(const struct options *options)
{
    struct child children[JOBS_MAX] = {0};
    unsigned running = 0;
    unsigned failures = 0;
    double started = seconds_now();
    bool is_bad;

    for (unsigned job = 0; job < options->jobs_n; job++) {
        children[job] = start_child(options, job, job);
        running++;
    }
    while (running > 0 && reap(options, children, &running, &failures))
        continue;
    for (unsigned job = 0; job < options->jobs_n; job++) {
        if (children[job].pid > 0)
            kill(children[job].pid, SIGKILL);
    }
    print_totals(seconds_now() - started);
    is_bad = failures > 0;
    if (options->marks && list_unreached() > 0)
        is_bad = true;
    if (board->events < options->events_min) {
        printf("fewer events than %llu\n", (unsigned long long)options->events_min);
        is_bad = true;
    }
    return is_bad ? 1 : 0;
}

// ---- the command line

static const char usage[] =
    "gantry-sim [--list FILE] [--seeds N] [--from S] [--jobs N] [--all] [--digests]\n"
    "           [--events-min N] [--cover] [--marks [--patience N]]\n"
    "gantry-sim --seed S [--trace | --shrink] [--keep LIST] [--length MS]\n"
    "    --bug NAME   with this bug planted (both forms); see src/base/proof.h\n";

_Noreturn static void misused(void)
{
    fputs(usage, stderr);
    exit(2);
}

static uint64_t number(const char *text)
{
    int64_t value;

    if (!str_to_i64(str_of(text), &value) || value < 0)
        misused();
    return (uint64_t)value;
}

// A seed a line.
static void read_list(struct options *options, const char *path)
{
    FILE *file = fopen(path, "re");
    char line[32];

    if (file == NULL) {
        fprintf(stderr, "gantry-sim: %s: %m\n", path);
        exit(2);
    }
    while (options->list_n < LIST_MAX && fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        options->list[options->list_n++] = number(line);
    }
    fclose(file);
}

static enum plant bug_named(const char *text)
{
    enum plant bug = proof_plant_find(str_of(text));

    if (bug == PLANT_NONE) {
        fprintf(stderr, "gantry-sim: no planted bug is called %s\n", text);
        exit(2);
    }
    return bug;
}

static void take_option(struct options *options, int option)
{
    switch (option) {
    case 'n': options->seeds_n = number(optarg); return;
    case 'f': options->from = number(optarg); return;
    case 's':
        options->from = number(optarg);
        options->seeds_n = 1;
        return;
    case 'j': options->jobs_n = (unsigned)number(optarg); return;
    case 'k': options->keep = optarg; return;
    case 'l': options->length_ms = (int64_t)number(optarg); return;
    case 'p': options->patience = number(optarg); return;
    case 'e': options->events_min = number(optarg); return;
    case 'b': options->bug = bug_named(optarg); return;
    case 't': options->trace = true; return;
    case 'r': options->shrink = true; return;
    case 'm': options->marks = true; return;
    case 'a': options->all = true; return;
    case 'd': options->digests = true; return;
    case 'c': options->cover = true; return;
    case 'L': read_list(options, optarg); return;
    default: misused();
    }
}

static void read_options(int argc, char **argv, struct options *options)
{
    static const struct option names[] = {
        {"seeds", required_argument, NULL, 'n'},
        {"from", required_argument, NULL, 'f'},
        {"seed", required_argument, NULL, 's'},
        {"jobs", required_argument, NULL, 'j'},
        {"keep", required_argument, NULL, 'k'},
        {"length", required_argument, NULL, 'l'},
        {"bug", required_argument, NULL, 'b'},
        {"events-min", required_argument, NULL, 'e'},
        {"patience", required_argument, NULL, 'p'},
        {"trace", no_argument, NULL, 't'},
        {"shrink", no_argument, NULL, 'r'},
        {"marks", no_argument, NULL, 'm'},
        {"all", no_argument, NULL, 'a'},
        {"digests", no_argument, NULL, 'd'},
        {"cover", no_argument, NULL, 'c'},
        {"list", required_argument, NULL, 'L'},
        {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1)
        take_option(options, option);
    if (optind < argc || options->jobs_n == 0 || options->jobs_n > JOBS_MAX)
        misused();
    if (options->jobs_n > options->list_n + options->seeds_n)
        options->jobs_n = 1;
}

int main(int argc, char **argv)
{
    struct options options = {.from = 1, .seeds_n = 100, .jobs_n = 1};

    read_options(argc, argv, &options);
    board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (board == MAP_FAILED)
        return 1;
    if (options.trace) {
        prepare_child(&options, -1);
        setvbuf(stdout, NULL, _IOLBF, 0);
        run_seed(&options, options.from, stdout);
        return 0;
    }
    return options.shrink ? shrink_seed(&options) : run_seeds(&options);
}
