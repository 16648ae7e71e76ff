// See setup.h. The socket is opened last, so a server that answers is one that knows its state's
// place; it is listened on only when everything has been loaded.

#include "server/setup.h"

#include "base/arena.h"
#include "io/entropy.h"
#include "io/file.h"
#include "io/socket.h"
#include "server/auth.h"
#include "server/recover.h"
#include "server/role_keys.h"
#include "server/roles.h"
#include "store/memory.h"
#include "store/sqlite.h"
#include "wire/tls.h"

enum { LISTEN_BACKLOG = 1024 };

static const char *path_in(struct arena *arena, const char *folder, const char *name)
{
    return arena_printf(arena, "%s/%s", folder, name);
}

// ---- options

static bool is_account(struct str account)
{
    for (size_t i = 0; i < account.len; i++) {
        if (account.ptr[i] < '0' || account.ptr[i] > '9')
            return false;
    }
    return account.len == 12;
}

static bool parse_listen(struct str listen, struct socket_address *out)
{
    struct str host;
    uint16_t port;

    return socket_split(listen, &host, &port) && socket_address_ip(host, port, out);
}

static int check_options(const struct server_options *options, struct arena *arena,
                         struct socket_address *out_listen, struct str *out_detail)
{
    bool needs_folder = options->store == SERVER_STORE_SQLITE || options->auth == SERVER_AUTH_SIGV4;

    *out_detail = STR_NONE;
    if (!parse_listen(options->listen, out_listen))
        *out_detail = str_fmt(arena,
                              "cannot listen on \"%.*s\": give a numeric address and a port, "
                              "such as 127.0.0.1:7420",
                              STR_ARGS(options->listen));
    else if (options->auth == SERVER_AUTH_NONE && !socket_address_is_loopback(out_listen))
        *out_detail = str_fmt(arena,
                              "without authentication only a loopback address can be "
                              "listened on, and %.*s is none; use sigv4 or 127.0.0.1",
                              STR_ARGS(options->listen));
    else if (!is_account(options->account))
        *out_detail = str_fmt(arena, "the account \"%.*s\" has not twelve digits",
                              STR_ARGS(options->account));
    else if ((options->tls_cert == NULL) != (options->tls_key == NULL))
        *out_detail = STR("a TLS certificate and its key must be given together");
    else if (needs_folder && options->data_dir == NULL)
        *out_detail = STR("no data folder is given");
    else if (options->region.len == 0 || options->partition.len == 0)
        *out_detail = STR("the region and the partition must not be empty");
    return out_detail->len > 0 ? SERVER_E_OPTIONS : 0;
}

// ---- parts

static int store_fault(const struct server_options *options, int outcome, struct str detail,
                       struct arena *arena, struct str *out_detail)
{
    const char *folder = options->data_dir != NULL ? options->data_dir : "(memory)";

    if (outcome == STORE_E_LOCKED)
        *out_detail = str_fmt(arena,
                              "another gantry server is using the data folder %s; stop it, "
                              "or give this one a folder of its own",
                              folder);
    else if (outcome == STORE_E_VERSION)
        *out_detail =
            str_fmt(arena, "the store in %s is of a newer gantry: %.*s", folder, STR_ARGS(detail));
    else if (outcome == STORE_E_CORRUPT)
        *out_detail = str_fmt(arena,
                              "the store in %s is damaged: %.*s; restore a backup, or move "
                              "server.db away to start anew",
                              folder, STR_ARGS(detail));
    else
        *out_detail =
            str_fmt(arena, "cannot open the store in %s: %s%s%.*s", folder,
                    store_outcome_text(outcome), detail.len > 0 ? ": " : "", STR_ARGS(detail));
    return SERVER_E_START;
}

static int open_store(struct setup *setup, const struct server_options *options,
                      struct arena *arena, struct str *out_detail)
{
    struct str detail = STR_NONE;
    int outcome;

    if (options->store == SERVER_STORE_MEMORY)
        outcome = store_open_memory(options->memory_disk, &recover_schema, &setup->store);
    else
        outcome = store_open_sqlite(path_in(arena, options->data_dir, "server.db"), &recover_schema,
                                    arena, &detail, &setup->store);
    return outcome != 0 ? store_fault(options, outcome, detail, arena, out_detail) : 0;
}

// Without a folder the keys that this server issues end with it.
static int open_role_keys(const struct server_options *options, struct arena *arena,
                          struct role_keys **out, struct str *out_detail)
{
    char secret[32];
    const char *path;
    int fault;

    if (options->data_dir == NULL) {
        entropy_fill(secret, sizeof secret);
        *out = role_keys_new(str_span(secret, sizeof secret));
        explicit_bzero(secret, sizeof secret);
        return 0;
    }
    path = path_in(arena, options->data_dir, "role-key");
    fault = role_keys_open(path, out);
    if (fault == 0)
        return 0;
    *out_detail = fault == -EBADMSG
                      ? str_fmt(arena,
                                "%s is no key of ours; restore it, or remove it: then tasks get "
                                "new keys, and those that they have end",
                                path)
                      : str_fmt(arena, "cannot use %s: %s", path, strerrordesc_np(-fault));
    return SERVER_E_START;
}

static int open_roles(struct setup *setup, const struct server_options *options,
                      struct arena *arena, struct str *out_detail)
{
    struct role_keys *keys;
    int outcome = open_role_keys(options, arena, &keys, out_detail);

    if (outcome != 0)
        return outcome;
    setup->roles = roles_new(keys, options->roles_path);
    return roles_load(setup->roles, arena, out_detail) ? 0 : SERVER_E_OPTIONS;
}

static int open_auth(struct setup *setup, const struct server_options *options, struct arena *arena,
                     struct str *out_detail)
{
    struct auth_config config = {
        .mode = options->auth,
        .partition = options->partition,
        .account = options->account,
        .region = options->region,
        .roles = setup->roles,
    };
    struct str why = STR_NONE;

    if (options->data_dir != NULL)
        config.credentials_path = path_in(arena, options->data_dir, "credentials");
    if (auth_new(&config, arena, &why, &setup->auth) == 0)
        return 0;
    *out_detail = str_fmt(arena, "cannot use the credentials file %s: %.*s",
                          config.credentials_path, STR_ARGS(why));
    return SERVER_E_START;
}

static int open_tls(struct setup *setup, const struct server_options *options, struct arena *arena,
                    struct str *out_detail)
{
    struct str why = STR_NONE;
    int outcome;

    if (options->tls_cert == NULL)
        return 0;
    outcome = tls_context_server(options->tls_cert, options->tls_key, arena, &why, &setup->tls);
    if (outcome == 0)
        return 0;
    *out_detail = str_fmt(
        arena, "cannot use the TLS %s %s: %.*s", outcome == TLS_E_KEY ? "key" : "certificate",
        outcome == TLS_E_KEY ? options->tls_key : options->tls_cert, STR_ARGS(why));
    return SERVER_E_START;
}

static int open_socket(struct setup *setup, const struct server_options *options,
                       const struct socket_address *address, struct arena *arena,
                       struct str *out_detail)
{
    int fault = socket_listen(address, LISTEN_BACKLOG, &setup->listen_fd);

    if (fault == 0)
        return 0;
    *out_detail =
        fault == -EADDRINUSE
            ? str_fmt(arena, "%.*s is in use by another program; stop it, or listen elsewhere",
                      STR_ARGS(options->listen))
            : str_fmt(arena, "cannot listen on %.*s: %s", STR_ARGS(options->listen),
                      strerrordesc_np(-fault));
    return SERVER_E_START;
}

static int make_folder(const struct server_options *options, struct arena *arena,
                       struct str *out_detail)
{
    int fault = options->data_dir != NULL ? file_make_folders(options->data_dir) : 0;

    if (fault == 0)
        return 0;
    *out_detail = str_fmt(arena, "cannot make the data folder %s: %s", options->data_dir,
                          strerrordesc_np(-fault));
    return SERVER_E_START;
}

int server_options_check(const struct server_options *options, struct arena *arena,
                         struct str *out_detail)
{
    struct socket_address address;

    return check_options(options, arena, &address, out_detail);
}

int setup_init(struct setup *setup, const struct server_options *options, struct arena *arena,
               struct str *out_detail)
{
    struct socket_address address;
    int outcome;

    *setup = (struct setup){.listen_fd = -1};
    outcome = check_options(options, arena, &address, out_detail);
    if (outcome == 0)
        outcome = make_folder(options, arena, out_detail);
    if (outcome == 0)
        outcome = open_store(setup, options, arena, out_detail);
    if (outcome == 0)
        outcome = open_roles(setup, options, arena, out_detail);
    if (outcome == 0)
        outcome = open_auth(setup, options, arena, out_detail);
    if (outcome == 0)
        outcome = open_tls(setup, options, arena, out_detail);
    if (outcome == 0)
        outcome = open_socket(setup, options, &address, arena, out_detail);
    return outcome;
}

void setup_deinit(struct setup *setup)
{
    fd_close(&setup->listen_fd);
    tls_context_free(setup->tls);
    auth_free(setup->auth);
    roles_free(setup->roles);
    store_close(setup->store);
}

int setup_recover(struct setup *setup, struct state *state, const struct server_options *options,
                  struct arena *arena, struct str *out_detail)
{
    const char *folder = options->data_dir != NULL ? options->data_dir : "(memory)";
    struct str why = STR_NONE;

    switch (recover_state(setup->store, state, arena, &why)) {
    case 0: return 0;
    case RECOVER_E_ACCOUNT:
        *out_detail = str_fmt(arena,
                              "the data folder %s belongs to account %.*s, not %.*s; start "
                              "with that account, or use another folder",
                              folder, STR_ARGS(why), STR_ARGS(options->account));
        return SERVER_E_OPTIONS;
    case RECOVER_E_RECORD:
        *out_detail = str_fmt(arena, "the store in %s has a record that cannot be read: %.*s",
                              folder, STR_ARGS(why));
        return SERVER_E_START;
    default:
        *out_detail = str_fmt(arena, "cannot read the store in %s: %.*s", folder, STR_ARGS(why));
        return SERVER_E_START;
    }
}
