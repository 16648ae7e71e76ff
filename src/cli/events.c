// gantry events: the event log, one event a line.
//
// Pages are asked for by the cursor that the last one ended with, so nothing is left out, also when
// the server is away for a while. What the log has dropped is said on standard error.

#include "api/client.h"
#include "base/arena.h"
#include "base/buf.h"
#include "cli/connect.h"
#include "io/clock.h"
#include "io/file.h"
#include "wire/codec.h"
#include "wire/uri.h"

static const struct cli_option options[] = {
    {.name = "follow", .letter = 'f', .help = "go on with what happens from then on"},
    {.name = "after", .value = "CURSOR", .help = "begin behind this cursor; now: with what comes"},
    {.name = "cursor-file",
     .value = "FILE",
     .help = "begin behind the cursor in FILE, and keep it up to date"},
    CLI_OPTIONS_CLIENT,
    {0},
};

enum { PAGE = 1000, WAIT_S = 30, AGAIN_MS = 1000, CURSOR_MAX = 256, GONE = 410, OK = 200 };

struct reading {
    const struct cli_values *values;
    struct client *client;
    struct arena arena; // of one page
    struct buf cursor;  // empty: from the oldest event
    bool is_away;       // the server did not answer, and that was said
};

static void set_cursor(struct reading *r, struct str cursor)
{
    buf_clear(&r->cursor);
    buf_add_str(&r->cursor, cursor);
}

static int keep_cursor(struct reading *r)
{
    const char *path = cli_value(r->values, "cursor-file");
    int fault;

    if (fflush(stdout) != 0)
        return cli_fail(r->values, EXIT_FAILED, "cannot write the events");
    if (path == NULL)
        return EXIT_DONE;
    fault = file_write_atomic(path, buf_str(&r->cursor), 0600);
    return fault == 0 ? EXIT_DONE
                      : cli_fail(r->values, EXIT_FAILED, "cannot write %s: %s", path,
                                 strerrordesc_np(-fault));
}

static int find_cursor(struct reading *r)
{
    const char *path = cli_value(r->values, "cursor-file");
    BUF_AUTO struct buf text = BUF_INIT;
    int fault;

    set_cursor(r, cli_text(r->values, "after"));
    if (path == NULL)
        return EXIT_DONE;
    fault = file_read(path, CURSOR_MAX, &text);
    if (fault == 0)
        set_cursor(r, str_trim(buf_str(&text)));
    else if (fault != -ENOENT)
        return cli_fail(r->values, EXIT_FAILED, "cannot read %s: %s", path,
                        strerrordesc_np(-fault));
    return EXIT_DONE;
}

// The events stand a line each between the first line and the last. False: there are none.
static bool print_events(struct str body)
{
    struct str line;
    bool any = false;

    str_cut(body, '\n', &line, &body);
    while (str_cut(body, '\n', &line, &body) && !str_eq(line, STR("]}"))) {
        if (str_ends(line, STR(",")))
            line.len--;
        printf("%.*s\n", STR_ARGS(line));
        any = true;
    }
    return any;
}

// What the server said about the page, and what becomes of us: a status, or < 0 to go on.
static int take_answer(struct reading *r, const struct client_answer *answer, bool *out_any)
{
    struct codec_report report = {0};
    struct client_event_page page = {0};

    *out_any = true;
    if (codec_decode(&r->arena, &client_event_page_shape, answer->body, &codec_peer, &page,
                     &report) != 0)
        return cli_fail(r->values, EXIT_FAILED, "unreadable reply (status %d)", answer->status);
    if (answer->status != OK && (answer->status != GONE || page.cursor.len == 0))
        return cli_fail(r->values, EXIT_FAILED, "%.*s: %.*s", STR_ARGS(page.__type),
                        STR_ARGS(page.message));
    if (answer->status == GONE)
        fprintf(stderr, "gantry events: %.*s\n", STR_ARGS(page.message));
    else
        *out_any = print_events(answer->body);
    set_cursor(r, page.cursor);
    return keep_cursor(r) == EXIT_DONE ? -1 : EXIT_FAILED;
}

static int wait_for_server(struct reading *r, const struct client_error *error)
{
    if (!cli_switch(r->values, "follow"))
        return cli_call_failed(r->values, error);
    if (!r->is_away)
        fprintf(stderr, "gantry events: %.*s; trying again\n", STR_ARGS(error->message));
    r->is_away = true;
    clock_sleep_ms(AGAIN_MS);
    return -1;
}

// One page; < 0: there may be more.
static int read_page(struct reading *r)
{
    bool follows = cli_switch(r->values, "follow");
    struct str cursor = buf_str(&r->cursor);
    struct client_answer answer;
    struct client_error error;
    struct str target;
    bool any;
    int status;

    arena_reset(&r->arena);
    target = str_fmt(&r->arena, "/events?after=%.*s&limit=%d&wait=%d",
                     STR_ARGS(uri_encoded(&r->arena, cursor, false)), PAGE, follows ? WAIT_S : 0);
    if (client_get(r->client, &r->arena, target, &answer, &error) != 0)
        return wait_for_server(r, &error);
    if (answer.status >= 500 && follows) {
        error = (struct client_error){.message = STR("the server cannot answer now")};
        return wait_for_server(r, &error);
    }
    r->is_away = false;
    status = take_answer(r, &answer, &any);
    return status < 0 && !any && !follows ? EXIT_DONE : status;
}

static int run(const struct cli_values *values)
{
    struct reading reading = {.values = values, .arena = ARENA_INIT, .cursor = BUF_INIT};
    struct cli_connection connection;
    int status;

    if (values->arguments_n > 0)
        return cli_fail(values, EXIT_USAGE, "there are no arguments");
    if (find_cursor(&reading) != EXIT_DONE)
        return EXIT_FAILED;
    cli_find_server(values, &connection);
    reading.client = cli_connect(&connection);
    do {
        status = read_page(&reading);
    } while (status < 0);
    client_free(reading.client);
    buf_deinit(&reading.cursor);
    arena_deinit(&reading.arena);
    return status;
}

const struct cli_command cli_events = {
    .name = "events",
    .summary = "print what has happened, one event a line",
    .details = "Prints the server's event log from its oldest event, each as the JSON that "
               "EventBridge delivers.\n"
               "With --cursor-file it goes on where it was when it ended.",
    .options = options,
    .run = run,
};
